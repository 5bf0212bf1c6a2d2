/* SPDX-License-Identifier: MIT */
/* Proof that the derived tables agree with the journal: every journal is folded again and its rows
 * are compared, and written anew when asked to. */
#include "base/alloc.h"
#include "run/own.h"
#include "run/states.h"

#include <stdlib.h>
#include <string.h>

struct rebuild {
    struct store *store;
    const char *folder;
    bool repair;
    json_t *ids;
    json_t *differences;
    int64_t records;
    struct run_state *state; /* of the run being looked at */
    struct commit *expected;
};

static const struct query q_run_ids = {"SELECT DISTINCT run FROM journal ORDER BY run"};
static const struct query q_run_now = {
    "SELECT status, wish, reason, detail, started_at, ended_at, steps_total, steps_completed,"
    " steps_failed, steps_skipped, steps_running, seq FROM run WHERE id = ?1"};
static const struct query q_step_now = {
    "SELECT status, class, error, digest, attempts, started_at, ended_at, reused FROM step"
    " WHERE run = ?1 AND key = ?2"};
static const struct query q_step_count = {"SELECT count(*) FROM step WHERE run = ?1"};
static const struct query q_steps_remove = {"DELETE FROM step WHERE run = ?1"};
static const struct query q_attempts_remove = {"DELETE FROM attempt WHERE run = ?1"};

static int read_ids(struct tx *tx, void *arg, struct error *err)
{
    struct rebuild *job = arg;
    struct statement *statement = tx_query(tx, &q_run_ids);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        (void)json_array_append_new(job->ids, json_string(column_text(statement, 0)));
    }
    return r;
}

static int fold_record(void *context, const struct record *record, struct error *err)
{
    struct rebuild *job = context;
    const char *refusal = run_refusal(job->state, record);

    if (refusal) {
        return error_set(err, ERROR_IO, "record %lld (%s) does not fit: %s", (long long)record->seq,
                         record_kind_name(record->kind), refusal);
    }
    run_apply(job->state, record);
    commit_add(job->expected, job->state, record, 1);
    job->records++;
    return 0;
}

static void report(struct rebuild *job, const char *what, const char *name)
{
    char *text = mem_printf("run %s: %s%s%s", job->state->id, what, name ? " " : "",
                            name ? name : "");

    (void)json_array_append_new(job->differences, json_string(text));
    free(text);
}

static bool same_text(struct statement *statement, int index, const char *expected)
{
    const char *found = column_text(statement, index);

    return found && expected ? strcmp(found, expected) == 0 : !found && !expected;
}

static int compare_run(struct tx *tx, struct rebuild *job, struct error *err)
{
    const struct run_row *row = &job->expected->run;
    const char *const texts[] = {row->status, row->wish, row->reason, row->detail};
    const int64_t integers[] = {row->started_at,      row->ended_at,     row->steps_total,
                                row->steps_completed, row->steps_failed, row->steps_skipped,
                                row->steps_running,   row->seq};
    struct statement *statement = tx_query(tx, &q_run_now);
    bool is_same;
    int r;

    bind_text(statement, 1, row->id);
    r = statement_step(statement, err);
    if (r < 0) {
        return r;
    }
    is_same = r > 0;
    for (size_t i = 0; is_same && i < ARRAY_LEN(texts); i++) {
        is_same = same_text(statement, (int)i, texts[i]);
    }
    for (size_t i = 0; is_same && i < ARRAY_LEN(integers); i++) {
        is_same = column_integer(statement, (int)(ARRAY_LEN(texts) + i)) == integers[i];
    }
    if (!is_same) {
        report(job, "its row in the list differs from its journal", NULL);
    }
    return 0;
}

/* The last of a key's rows is what the table must hold: rows are written in order. */
static const struct step_row *last_row(const struct rebuild *job, const char *key)
{
    const struct step_row *found = NULL;

    for (size_t i = job->expected->steps.count; i > 0 && !found; i--) {
        if (strcmp(job->expected->steps.items[i - 1].key, key) == 0) {
            found = &job->expected->steps.items[i - 1];
        }
    }
    return found;
}

static int compare_step(struct tx *tx, struct rebuild *job, const char *key, struct error *err)
{
    const struct step_row *row = last_row(job, key);
    struct statement *statement = tx_query(tx, &q_step_now);
    int r;

    bind_text(statement, 1, job->state->id);
    bind_text(statement, 2, key);
    r = statement_step(statement, err);
    if (r < 0) {
        return r;
    }
    if (r == 0 || !same_text(statement, 0, row->status) || !same_text(statement, 1, row->class_) ||
        !same_text(statement, 2, row->error) || !same_text(statement, 3, row->digest) ||
        column_integer(statement, 4) != row->attempts ||
        column_integer(statement, 5) != row->started_at ||
        column_integer(statement, 6) != row->ended_at ||
        (column_integer(statement, 7) != 0) != row->is_reused) {
        report(job, "the row differs from its journal: step", key);
    }
    return 0;
}

static int compare(struct tx *tx, void *arg, struct error *err)
{
    struct rebuild *job = arg;
    struct map *keys = map_new();
    struct statement *statement;
    size_t cursor = 0;
    const char *key;
    void *value;
    int r = journal_read(tx, job->state->id, 1, 0, fold_record, job, err);

    if (r == 0) {
        r = compare_run(tx, job, err);
    }
    for (size_t i = 0; i < job->expected->steps.count; i++) {
        (void)map_put(keys, job->expected->steps.items[i].key, job);
    }
    while (r == 0 && map_next(keys, &cursor, &key, &value)) {
        r = compare_step(tx, job, key, err);
    }
    if (r == 0) {
        statement = tx_query(tx, &q_step_count);
        bind_text(statement, 1, job->state->id);
        r = statement_step(statement, err);
        if (r > 0 && column_integer(statement, 0) != (int64_t)map_count(keys)) {
            report(job, "the table has another number of steps than its journal", NULL);
        }
        r = r < 0 ? r : 0;
    }
    map_free(keys);
    return r;
}

static int write_anew(struct tx *tx, void *arg, struct error *err)
{
    struct rebuild *job = arg;
    const struct query *const removals[] = {&q_steps_remove, &q_attempts_remove};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(removals); i++) {
        struct statement *statement = tx_query(tx, removals[i]);

        bind_text(statement, 1, job->state->id);
        r = tx_run(tx, statement, NULL, err);
    }
    return r < 0 ? r : commit_write_derived(tx, job->expected, err);
}

static int rebuild_run(struct rebuild *job, const char *run_id, struct error *err)
{
    struct workflow *workflow = NULL;
    size_t before = json_array_size(job->differences);
    int r = run_load_workflow(job->store, job->folder, run_id, &workflow, err);

    if (r < 0) {
        return r;
    }
    job->state = run_state_new(run_id, workflow);
    job->expected = commit_new(job->state, 0);
    r = store_read(job->store, compare, job, err);
    if (r == 0 && job->repair && json_array_size(job->differences) > before) {
        r = store_write(job->store, write_anew, job, err);
    }
    commit_free(job->expected);
    run_state_free(job->state);
    workflow_free(workflow);
    return r;
}

int run_rebuild(struct store *store, const char *folder, bool repair, json_t **ret_report,
                struct error *err)
{
    struct rebuild job = {.store = store,
                          .folder = folder,
                          .repair = repair,
                          .ids = json_array(),
                          .differences = json_array()};
    size_t index;
    const json_t *id;
    int r = store_read(store, read_ids, &job, err);

    json_array_foreach(job.ids, index, id)
    {
        struct error problem = ERROR_INIT;

        if (r == 0 && rebuild_run(&job, json_string_value(id), &problem) < 0) {
            char *text = mem_printf("run %s: %s", json_string_value(id), problem.text);

            (void)json_array_append_new(job.differences, json_string(text));
            free(text);
        }
    }
    if (r == 0) {
        *ret_report = json_object();
        json_put_integer(*ret_report, "runs", (json_int_t)json_array_size(job.ids));
        json_put_integer(*ret_report, "records", job.records);
        json_put(*ret_report, "differences", json_incref(job.differences));
    }
    json_decref(job.ids);
    json_decref(job.differences);
    return r;
}
