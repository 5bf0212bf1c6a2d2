/* SPDX-License-Identifier: MIT */
/* `stats`: what agents' work was worth, by kind of task, and what looking at it cost. */
#include "base/alloc.h"
#include "base/vec.h"
#include "ops/internal.h"
#include "planner/routing.h"
#include "run/statistics.h"

#include <stdlib.h>
#include <string.h>

VEC_TYPE(sample_vec, struct agent_sample);

/* The row of this agent and kind (NULL: all kinds together), made at need. */
static struct agent_sample *get_row(struct sample_vec *rows, const char *agent, const char *kind)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct agent_sample *row = &rows->items[i];

        if (strcmp(row->agent, agent) == 0 && (!kind || strcmp(row->kind, kind) == 0)) {
            return row;
        }
    }
    *VEC_PUSH(rows) = (struct agent_sample){.agent = agent, .kind = kind};
    return &rows->items[rows->count - 1];
}

static int compare_rows(const void *a, const void *b)
{
    const struct agent_sample *first = a;
    const struct agent_sample *second = b;
    int by_kind = first->kind ? strcmp(first->kind, second->kind) : 0;

    return by_kind ? by_kind : strcmp(first->agent, second->agent);
}

static void sort_rows(struct sample_vec *rows)
{
    if (rows->count > 0) {
        qsort(rows->items, rows->count, sizeof(*rows->items), compare_rows);
    }
}

/* ---- what follows from the sums ---- */

static void put_mean(json_t *row, const char *name, double sum, int64_t count)
{
    if (count > 0) {
        json_put(row, name, json_real(sum / (double)count));
    }
}

/* Of what passed, how much was found wrong afterwards. */
static void put_false_green(json_t *row, const struct agent_sample *sum)
{
    put_mean(row, "false_green", (double)sum->sent_back, sum->succeeded + sum->sent_back);
}

static void put_cost_per_change(json_t *row, const struct agent_sample *sum)
{
    if (sum->all.priced > 0) {
        put_mean(row, "cost_per_change_usd", sum->all.cost_usd, sum->changes);
    }
}

static json_t *describe_sums(const struct agent_sample *sum)
{
    static const char *const counts[] = {"attempts", "succeeded", "failed", "sent_back", "changes"};
    json_t *row = json_object();
    json_t *sums = sample_encode(sum);

    json_put_text(row, "agent", sum->agent);
    json_put_text(row, "kind", sum->kind);
    json_put_integer(row, "samples", sum->succeeded + sum->failed);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        json_put_integer(row, counts[i], 0);
    }
    (void)json_object_update(row, sums);
    put_mean(row, "duration_ms", (double)sum->well.duration_ms, sum->well.timed);
    put_mean(row, "tokens", (double)sum->well.tokens, sum->well.counted);
    put_mean(row, "cost_usd", sum->well.cost_usd, sum->well.priced);
    put_false_green(row, sum);
    put_cost_per_change(row, sum);
    json_decref(sums);
    return row;
}

/* ---- as routing sees it ---- */

static json_t *find_row(json_t *rows, const char *agent, const char *kind)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (strcmp(json_get_text(row, "agent", ""), agent) == 0 &&
            strcmp(json_get_text(row, "kind", ""), kind) == 0) {
            return row;
        }
    }
    return NULL;
}

/* All agents of one kind together, since the newer samples of each age those of the others. */
static void add_lately(const struct run_statistics *statistics, const struct sample_vec *agents,
                       const char *kind, json_t *rows)
{
    struct routing_candidate *candidates = mem_zero(agents->count + 1, sizeof(*candidates));
    struct routing_record *records = mem_zero(agents->count + 1, sizeof(*records));
    const struct routing_request request = {.kind = kind,
                                            .candidates = candidates,
                                            .candidate_count = agents->count,
                                            .samples = statistics->samples,
                                            .sample_count = statistics->sample_count,
                                            .now = ops_now_ms()};

    for (size_t i = 0; i < agents->count; i++) {
        candidates[i] = (struct routing_candidate){.agent = agents->items[i].agent, .cost_usd = -1};
    }
    (void)routing_pick(&request, records);
    for (size_t i = 0; i < agents->count; i++) {
        json_t *row = find_row(rows, candidates[i].agent, kind);

        if (row && records[i].samples >= ROUTING_SAMPLES_MIN) {
            json_put(row, "success", json_real(records[i].success));
        }
        if (row && records[i].draw < 0) {
            json_put(row, "dropped_out", json_true());
        }
    }
    free(candidates);
    free(records);
}

/* ---- the answer ---- */

struct asked {
    const char *agent, *kind; /* NULL: all */
};

static bool is_asked(const struct asked *asked, const char *agent, const char *kind)
{
    return (!asked->agent || strcmp(asked->agent, agent) == 0) &&
           (!asked->kind || strcmp(asked->kind, kind) == 0);
}

static json_t *describe_rows(struct sample_vec *rows, const struct asked *asked)
{
    json_t *list = json_array();

    sort_rows(rows);
    for (size_t i = 0; i < rows->count; i++) {
        if (is_asked(asked, rows->items[i].agent, rows->items[i].kind ? rows->items[i].kind : "")) {
            (void)json_array_append_new(list, describe_sums(&rows->items[i]));
        }
    }
    return list;
}

static json_t *describe(const struct run_statistics *statistics, const struct asked *asked)
{
    const struct asked any_kind = {.agent = asked->agent};
    struct sample_vec kinds = {0};  /* by agent and kind */
    struct sample_vec agents = {0}; /* by agent, of the kind that is asked for */
    struct agent_sample total = {.agent = NULL};
    json_t *result = json_object();
    json_t *rows;

    for (size_t i = 0; i < statistics->sample_count; i++) {
        const struct agent_sample *sample = &statistics->samples[i];

        sample_add(get_row(&kinds, sample->agent, sample->kind), sample);
        if (is_asked(asked, sample->agent, sample->kind)) {
            sample_add(get_row(&agents, sample->agent, NULL), sample);
            sample_add(&total, sample);
        }
    }
    rows = describe_rows(&kinds, asked);
    for (size_t i = 0; i < kinds.count; i++) {
        if (i == 0 || strcmp(kinds.items[i - 1].kind, kinds.items[i].kind) != 0) {
            struct sample_vec all = {0};

            for (size_t k = 0; k < kinds.count; k++) {
                (void)get_row(&all, kinds.items[k].agent, NULL);
            }
            add_lately(statistics, &all, kinds.items[i].kind, rows);
            VEC_RELEASE(&all);
        }
    }
    json_put(result, "kinds", rows);
    json_put(result, "agents", describe_rows(&agents, &any_kind));
    json_put(result, "total", describe_sums(&total));
    VEC_RELEASE(&kinds);
    VEC_RELEASE(&agents);
    return result;
}

int op_stats(struct ops *ops, const json_t *arguments, const struct ops_view *view,
             json_t **ret_result, struct error *err)
{
    const struct asked asked = {.agent = json_get_text(arguments, "agent", NULL),
                                .kind = json_get_text(arguments, "kind", NULL)};
    int64_t within = json_get_integer(arguments, "since", 0);
    struct run_statistics statistics = {0};
    json_t *result;
    int r = ops_need_store(ops, err);

    (void)view;
    if (r == 0) {
        r = run_statistics_read(ops->store, ops->folder, within > 0 ? ops_now_ms() - within : 0,
                                &statistics, err);
    }
    if (r < 0) {
        return r;
    }
    result = describe(&statistics, &asked);
    /* What looks at work, and what was not done again, is of all agents and kinds. */
    if (!asked.agent && !asked.kind) {
        (void)json_object_update(result, statistics.worth);
    }
    run_statistics_release(&statistics);
    *ret_result = result;
    return 0;
}
