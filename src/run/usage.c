/* SPDX-License-Identifier: MIT */
#include "run/usage.h"
#include "base/alloc.h"

#include <string.h>

static const char *const fields[] = {"input_tokens", "output_tokens", "cached_tokens", "cost_usd",
                                     "turns"};

static bool is_known(const json_t *usage, const char *field)
{
    const json_t *value = json_object_get(usage, field);

    return json_is_number(value) && json_number_value(value) >= 0;
}

static void add_integer(int64_t *sum, int64_t part)
{
    if (part >= 0) {
        *sum = (*sum > 0 ? *sum : 0) + part;
    }
}

static void add_usage(struct agent_usage *sum, const struct agent_usage *part)
{
    add_integer(&sum->input_tokens, part->input_tokens);
    add_integer(&sum->output_tokens, part->output_tokens);
    add_integer(&sum->cached_tokens, part->cached_tokens);
    add_integer(&sum->turns, part->turns);
    if (part->cost_usd >= 0) {
        sum->cost_usd = (sum->cost_usd > 0 ? sum->cost_usd : 0) + part->cost_usd;
    }
}

/* A sum that lies zeroed in a struct has not begun yet. */
static void begin(struct usage_sum *sum)
{
    if (sum->attempts == 0) {
        *sum = (struct usage_sum)USAGE_SUM_INIT;
    }
}

void usage_add(struct usage_sum *sum, const json_t *said)
{
    struct agent_usage usage;

    if (json_get_boolean(said, USAGE_NOT_STARTED, false)) {
        return;
    }
    begin(sum);
    agent_usage_decode(said, &usage);
    add_usage(&sum->sum, &usage);
    sum->attempts++;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        sum->missing |= is_known(said, fields[i]) ? 0 : 1U << i;
    }
}

void usage_merge(struct usage_sum *sum, const struct usage_sum *other)
{
    if (other->attempts > 0) {
        begin(sum);
        add_usage(&sum->sum, &other->sum);
        sum->attempts += other->attempts;
        sum->missing |= other->missing;
    }
}

/* That some used nothing says nothing of the others: "at least 0" would be read as 0. */
static void forget_nothings(const struct usage_sum *sum, json_t *usage)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const json_t *value = json_object_get(usage, fields[i]);

        if ((sum->missing & (1U << i)) && !(json_number_value(value) > 0)) {
            (void)json_object_del(usage, fields[i]);
        }
    }
}

json_t *usage_describe(const struct usage_sum *sum)
{
    json_t *usage;
    json_t *at_least;
    json_t *unknown;

    if (sum->attempts == 0) {
        return NULL;
    }
    usage = agent_usage_encode(&sum->sum);
    forget_nothings(sum, usage);
    at_least = json_array();
    unknown = json_array();
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (sum->missing & (1U << i)) {
            (void)json_array_append_new(is_known(usage, fields[i]) ? at_least : unknown,
                                        json_string(fields[i]));
        }
    }
    json_put_integer(usage, "attempts", sum->attempts);
    if (json_array_size(at_least) > 0) {
        json_put(usage, "at_least", json_incref(at_least));
    }
    if (json_array_size(unknown) > 0) {
        json_put(usage, "unknown", json_incref(unknown));
    }
    json_decref(at_least);
    json_decref(unknown);
    return usage;
}
