/* SPDX-License-Identifier: MIT */
#include "base/state.h"

#include <string.h>

bool state_can_move(const struct state_rule *rules, int from, int to)
{
    return (rules[from].next & STATE_BIT(to)) != 0;
}

int state_parse(const struct state_rule *rules, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rules[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
