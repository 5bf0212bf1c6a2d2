/* SPDX-License-Identifier: MIT */
/* What a run's agents used, in a line: what is not known is called so, what lacks a part too. */
#include "cli/print.h"

#include <string.h>

static bool has(const json_t *usage, const char *list, const char *field)
{
    const json_t *name;
    size_t i;

    json_array_foreach(json_object_get(usage, list), i, name)
    {
        if (strcmp(json_string_value(name), field) == 0) {
            return true;
        }
    }
    return false;
}

void print_usage_amount(const json_t *usage, const char *field, struct strbuf *target)
{
    const json_t *value = json_object_get(usage, field);

    if (!value) {
        strbuf_add(target, "unknown");
        return;
    }
    if (has(usage, "at_least", field)) {
        strbuf_add(target, "at least ");
    }
    if (json_is_integer(value)) {
        strbuf_addf(target, "%lld", (long long)json_integer_value(value));
    } else {
        strbuf_addf(target, "%.4f", json_number_value(value));
    }
}

void print_usage(const json_t *run, struct strbuf *target)
{
    const json_t *usage = json_object_get(run, "usage");

    if (!usage) {
        return;
    }
    strbuf_add(target, "  usage     ");
    print_usage_amount(usage, "input_tokens", target);
    strbuf_add(target, " tokens in, ");
    print_usage_amount(usage, "output_tokens", target);
    strbuf_add(target, " out, ");
    print_usage_amount(usage, "cost_usd", target);
    strbuf_add(target, " USD\n");
}
