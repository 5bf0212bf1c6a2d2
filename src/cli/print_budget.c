/* SPDX-License-Identifier: MIT */
/* What may be used and what is used of it: a line for each limit. */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/timestamp.h"

#include <string.h>

static void add_amount(const char *kind, const json_t *value, bool has_unit, struct strbuf *target)
{
    char duration[DURATION_SIZE];
    double number = json_number_value(value);

    if (strcmp(kind, "usd") == 0) {
        strbuf_addf(target, number > 0 && number < 0.1 ? "$%.4f" : "$%.2f", number);
    } else if (strcmp(kind, "time_ms") == 0) {
        duration_format((int64_t)number, duration);
        strbuf_add(target, duration);
    } else {
        strbuf_addf(target, "%lld%s%s", (long long)number, has_unit ? " " : "",
                    has_unit ? kind : "");
    }
}

static void add_limit(const char *kind, const json_t *budget, struct strbuf *target)
{
    json_int_t unknown = json_get_integer(budget, "unknown_calls", 0);

    add_amount(kind, json_object_get(budget, "used"), false, target);
    strbuf_add(target, " of ");
    add_amount(kind, json_object_get(budget, "limit"), true, target);
    if (json_object_get(budget, "reserved")) {
        strbuf_add(target, ", ");
        add_amount(kind, json_object_get(budget, "reserved"), false, target);
        strbuf_add(target, " more reserved");
    }
    if (unknown > 0) {
        strbuf_addf(target, "; %lld call%s of unknown cost", (long long)unknown,
                    unknown == 1 ? "" : "s");
    }
    if (json_object_get(budget, "assumed")) {
        strbuf_add(target, ", taken as ");
        add_amount(kind, json_object_get(budget, "assumed"), true, target);
    }
    strbuf_add_char(target, '\n');
}

void print_budget(const json_t *run, const char *label, struct strbuf *target)
{
    const char *kind;
    json_t *budget;

    json_object_foreach(json_object_get(run, "budget"), kind, budget)
    {
        strbuf_add(target, label);
        add_limit(kind, budget, target);
    }
}

void print_limits(const json_t *limits, struct strbuf *target)
{
    const char *kind;
    json_t *limit;
    const char *before = "Budget: ";

    json_object_foreach((json_t *)(uintptr_t)limits, kind, limit)
    {
        strbuf_add(target, before);
        add_amount(kind, limit, true, target);
        before = ", ";
    }
    strbuf_add(target, json_object_size(limits) > 0 ? "; a run that has used it up pauses\n" : "");
}
