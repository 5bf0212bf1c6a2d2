/* SPDX-License-Identifier: MIT */
/* State machines as checked tables: one row a state, its word and where it may go.
 * A machine is `static const struct state_rule rules[] = { [X] = {"x", TO(Y) | TO(Z)}, ... }`. */
#ifndef FERMATA_BASE_STATE_H
#define FERMATA_BASE_STATE_H

#include <stdbool.h>
#include <stddef.h>

struct state_rule {
    const char *name; /* stored and shown as this word */
    unsigned next;    /* bit set of the states it may go to */
    bool is_final;    /* nothing more happens unless somebody asks */
};

#define STATE_BIT(state) (1U << (unsigned)(state))

bool state_can_move(const struct state_rule *rules, int from, int to);
int state_parse(const struct state_rule *rules, size_t count, const char *name); /* -1: unknown */

#endif
