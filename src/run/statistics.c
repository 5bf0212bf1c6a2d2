/* SPDX-License-Identifier: MIT */
#include "run/statistics.h"

#include "base/alloc.h"
#include "base/map.h"
#include "run/journal.h"
#include "run/own.h"
#include "run/statistics_fold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* Newest first; all of a list, in any order. */
static const struct query q_runs = {
    "SELECT id, digest, parent, status FROM run WHERE CASE WHEN ?2 IS NULL"
    " THEN ended_at = 0 OR ended_at >= ?1 ELSE id IN (SELECT value FROM json_each(?2)) END"
    " ORDER BY created_at DESC LIMIT ?3"};
static const struct query q_kept = {
    "SELECT agent, kind, expert, day, sums FROM agent_work WHERE day >= ?1"};
static const struct query q_kept_one = {"SELECT sums FROM agent_work WHERE agent = ?1 AND kind = ?2"
                                        " AND expert = ?3 AND day = ?4"};
static const struct query q_keep = {
    "INSERT INTO agent_work (agent, kind, expert, day, sums) VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (agent, kind, expert, day) DO UPDATE SET sums = ?5"};
static const struct query q_first_cost = {
    "SELECT sum(ifnull(json_extract(body, '$.usage.input_tokens'), 0)"
    " + ifnull(json_extract(body, '$.usage.output_tokens'), 0)),"
    " sum(json_extract(body, '$.usage.cost_usd')),"
    " count(json_extract(body, '$.usage.output_tokens')), count(*)"
    " FROM journal WHERE run = ?1 AND kind = 'attempt_ended' AND json_extract(body, '$.step') = "
    "?2"};

struct listed_run {
    const char *id, *digest, *parent, *status;
};

struct reading {
    struct statistics all;
    const char *folder;
    char *ids; /* a list of the runs that are meant; NULL: all */
    VEC(struct listed_run) runs;
    struct map *by_id;     /* id -> struct listed_run */
    struct map *workflows; /* digest -> struct workflow */
    VEC(struct agent_sample) samples;
    struct sample_sums saved;
    int64_t saved_steps, saved_agents;
};

static int list_runs(struct tx *tx, void *arg, struct error *err)
{
    struct reading *reading = arg;
    struct arena *arena = reading->all.arena;
    struct statement *statement = tx_query(tx, &q_runs);
    int r;

    bind_integer(statement, 1, reading->all.since);
    bind_text(statement, 2, reading->ids);
    bind_integer(statement, 3, reading->ids ? -1 : STATISTICS_RUNS_MAX);
    while ((r = statement_step(statement, err)) > 0) {
        *VEC_PUSH(&reading->runs) = (struct listed_run){
            .id = arena_strdup(arena, column_text(statement, 0)),
            .digest = arena_strdup(arena, column_text(statement, 1)),
            .parent = arena_strdup(arena, column_text(statement, 2)),
            .status = arena_strdup(arena, column_text(statement, 3))};
    }
    return r;
}

/* One that is not there any more leaves its runs without judges. */
static void load_workflows(struct reading *reading)
{
    for (size_t i = 0; i < reading->runs.count; i++) {
        struct listed_run *run = &reading->runs.items[i];
        struct workflow *workflow = NULL;
        struct error ignored = ERROR_INIT;

        (void)map_put(reading->by_id, run->id, run);
        if (!map_find(reading->workflows, run->digest) &&
            run_load_definition(reading->folder, run->id, run->digest, &workflow, &ignored) == 0) {
            (void)map_put(reading->workflows, run->digest, workflow);
        }
    }
}

static int add_record(void *context, const struct record *record, struct error *err)
{
    (void)err;
    statistics_run_add(context, record);
    return 0;
}

static int fold_run(struct tx *tx, struct reading *reading, const struct listed_run *listed,
                    struct error *err)
{
    struct statistics_run run;
    int r;

    statistics_run_init(&run, &reading->all, listed->id,
                        map_find(reading->workflows, listed->digest));
    r = journal_read(tx, listed->id, 1, 0, add_record, &run, err);
    statistics_run_release(&run);
    return r;
}

/* What was reused would have cost what it cost when it was done, all its attempts. */
static int add_saving(struct tx *tx, struct reading *reading, const struct reused_work *reuse,
                      struct error *err)
{
    struct statement *statement = tx_query(tx, &q_first_cost);
    int r;

    reading->saved_steps++;
    reading->saved.duration_ms += reuse->duration_ms;
    if (!reuse->agent) {
        return 0;
    }
    reading->saved_agents++;
    bind_text(statement, 1, reuse->run);
    bind_text(statement, 2, reuse->step);
    r = statement_step(statement, err);
    if (r > 0 && column_integer(statement, 2) > 0) {
        reading->saved.tokens += column_integer(statement, 0);
        reading->saved.counted++;
    }
    if (r > 0 && column_text(statement, 1)) {
        reading->saved.cost_usd += column_real(statement, 1);
        reading->saved.priced++;
    }
    return r < 0 ? r : 0;
}

static int read_kept(struct tx *tx, struct reading *reading, struct error *err)
{
    struct arena *arena = reading->all.arena;
    struct statement *statement = tx_query(tx, &q_kept);
    int r;

    bind_integer(statement, 1, reading->all.since / DAY_MS);
    while ((r = statement_step(statement, err)) > 0) {
        struct agent_sample sample = {.agent = arena_strdup(arena, column_text(statement, 0)),
                                      .kind = arena_strdup(arena, column_text(statement, 1)),
                                      .expert = arena_strdup(arena, column_text(statement, 2)),
                                      .at = column_integer(statement, 3) * DAY_MS + DAY_MS / 2};
        json_t *sums = json_loads(column_text(statement, 4), 0, NULL);

        sample.expert = *sample.expert ? sample.expert : NULL;
        sample_decode(sums, &sample);
        *VEC_PUSH(&reading->samples) = sample;
        json_decref(sums);
    }
    return r;
}

static int read_all(struct tx *tx, void *arg, struct error *err)
{
    struct reading *reading = arg;
    int r = 0;

    for (size_t i = 0; r == 0 && i < reading->runs.count; i++) {
        r = fold_run(tx, reading, &reading->runs.items[i], err);
    }
    for (size_t i = 0; r == 0 && i < reading->all.reuses.count; i++) {
        r = add_saving(tx, reading, &reading->all.reuses.items[i], err);
    }
    return r == 0 && !reading->ids ? read_kept(tx, reading, err) : r;
}

/* The run that was started, of which the given one is a part, is completed. */
static bool is_accepted(const struct reading *reading, const char *id)
{
    const struct listed_run *run = map_find(reading->by_id, id);

    assert(run); /* only what is listed is folded */
    while (run->parent) {
        const struct listed_run *parent = map_find(reading->by_id, run->parent);

        if (!parent) {
            break;
        }
        run = parent;
    }
    return strcmp(run->status, "completed") == 0;
}

static int compare_samples(const void *a, const void *b)
{
    int64_t first = ((const struct agent_sample *)a)->at;
    int64_t second = ((const struct agent_sample *)b)->at;

    return first < second ? -1 : first > second;
}

static void take_samples(struct reading *reading)
{
    statistics_spread(&reading->all);
    for (size_t i = 0; i < reading->all.works.count; i++) {
        struct work *work = &reading->all.works.items[i];

        work->sample.changes = work->sample.succeeded && work->has_changed &&
                               work->reset_seq == 0 && is_accepted(reading, work->run);
        if (work->sample.at >= reading->all.since) {
            *VEC_PUSH(&reading->samples) = work->sample;
        }
    }
    if (reading->samples.count > 0) {
        qsort(reading->samples.items, reading->samples.count, sizeof(*reading->samples.items),
              compare_samples);
    }
}

static json_t *describe_finder(const struct finder *finder)
{
    json_t *object = json_object();

    json_put_text(object, "kind", finder->kind);
    json_put_text(object, "name", finder->name);
    json_put_integer(object, "asked", finder->asked);
    json_put_integer(object, "passed", finder->passed);
    json_put_integer(object, "found", finder->found);
    if (finder->unknown > 0) {
        json_put_integer(object, "unknown", finder->unknown);
    }
    if (finder->skipped > 0) {
        json_put_integer(object, "skipped", finder->skipped);
    }
    sample_put_sums(object, &finder->cost);
    return object;
}

static json_t *describe_worth(const struct reading *reading)
{
    json_t *worth = json_object();
    json_t *finders = json_array();
    json_t *reuse = json_object();

    for (size_t i = 0; i < reading->all.finders.count; i++) {
        const struct finder *finder = &reading->all.finders.items[i];

        if (finder->asked + finder->found + finder->skipped > 0) {
            (void)json_array_append_new(finders, describe_finder(finder));
        }
    }
    json_put_integer(reuse, "steps", reading->saved_steps);
    json_put_integer(reuse, "of_agents", reading->saved_agents);
    sample_put_sums(reuse, &reading->saved);
    json_put_integer(worth, "runs", (json_int_t)reading->runs.count);
    json_put(worth, "finders", finders);
    json_put(worth, "reuse", reuse);
    return worth;
}

static void release_workflows(struct map *workflows)
{
    const char *digest;
    void *workflow;
    size_t cursor = 0;

    while (map_next(workflows, &cursor, &digest, &workflow)) {
        workflow_free(workflow);
    }
    map_free(workflows);
}

static int read_statistics(struct store *store, struct reading *reading,
                           struct run_statistics *ret_statistics, struct error *err)
{
    int r;

    reading->all.arena = arena_new();
    reading->by_id = map_new();
    reading->workflows = map_new();
    r = store_read(store, list_runs, reading, err);
    if (r == 0) {
        load_workflows(reading);
        r = store_read(store, read_all, reading, err);
    }
    if (r == 0) {
        take_samples(reading);
        *ret_statistics = (struct run_statistics){.samples = reading->samples.items,
                                                  .sample_count = reading->samples.count,
                                                  .worth = describe_worth(reading),
                                                  .arena = reading->all.arena};
    } else {
        VEC_RELEASE(&reading->samples);
        arena_free(reading->all.arena);
    }
    release_workflows(reading->workflows);
    map_free(reading->by_id);
    VEC_RELEASE(&reading->runs);
    VEC_RELEASE(&reading->all.works);
    VEC_RELEASE(&reading->all.finders);
    VEC_RELEASE(&reading->all.reuses);
    free(reading->ids);
    return r;
}

int run_statistics_read(struct store *store, const char *folder, int64_t since,
                        struct run_statistics *ret_statistics, struct error *err)
{
    struct reading reading = {.all = {.since = since}, .folder = folder};

    return read_statistics(store, &reading, ret_statistics, err);
}

int statistics_read_runs(struct store *store, const char *folder, const json_t *ids,
                         struct run_statistics *ret_statistics, struct error *err)
{
    struct reading reading = {.folder = folder, .ids = json_dump_compact(ids)};

    return read_statistics(store, &reading, ret_statistics, err);
}

void run_statistics_release(struct run_statistics *statistics)
{
    free(statistics->samples);
    json_decref(statistics->worth);
    arena_free(statistics->arena);
    *statistics = (struct run_statistics){0};
}

/* ---- what stays of removed runs ---- */

static void bind_key(struct statement *statement, const struct agent_sample *sample)
{
    bind_text(statement, 1, sample->agent);
    bind_text(statement, 2, sample->kind);
    bind_text(statement, 3, sample->expert ? sample->expert : "");
    bind_integer(statement, 4, sample->at / DAY_MS);
}

static int keep_sample(struct tx *tx, const struct agent_sample *sample, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_kept_one);
    struct agent_sample sum = {.agent = sample->agent};
    json_t *value = NULL;
    char *text;
    int r;

    bind_key(statement, sample);
    r = statement_step(statement, err);
    if (r < 0) {
        return r;
    }
    if (r > 0) {
        value = json_loads(column_text(statement, 0), 0, NULL);
        sample_decode(value, &sum);
        json_decref(value);
    }
    sample_add(&sum, sample);
    value = sample_encode(&sum);
    text = json_dump_compact(value);
    statement = tx_query(tx, &q_keep);
    bind_key(statement, sample);
    bind_text(statement, 5, text);
    r = tx_run(tx, statement, NULL, err);
    free(text);
    json_decref(value);
    return r;
}

int statistics_keep(struct tx *tx, const struct run_statistics *statistics, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < statistics->sample_count; i++) {
        r = keep_sample(tx, &statistics->samples[i], err);
    }
    return r;
}
