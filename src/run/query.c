/* SPDX-License-Identifier: MIT */
/* Questions about runs: lists from the derived tables, everything else from the journal itself. */
#include "base/alloc.h"
#include "base/file.h"
#include "run/engine.h"
#include "run/files.h"
#include "run/own.h"
#include "run/states.h"
#include "run/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_COLUMNS                                                                                \
    "id, workflow, title, task, status, wish, reason, detail, strategy, label, parent,"            \
    " created_at, started_at, ended_at, steps_total, steps_completed, steps_failed,"               \
    " steps_skipped, steps_running"

static const struct query q_run_list = {
    "SELECT " RUN_COLUMNS " FROM run WHERE (?1 IS NULL OR status = ?1) AND"
    " (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR (created_at, id) <"
    " (SELECT created_at, id FROM run WHERE id = ?3)) ORDER BY created_at DESC, id DESC LIMIT ?4"};
static const struct query q_run_match = {
    "SELECT id FROM run WHERE substr(id, 1, length(?1)) = ?1 ORDER BY created_at DESC LIMIT 2"};
static const struct query q_run_last = {
    "SELECT id FROM run WHERE parent IS NULL ORDER BY created_at DESC, id DESC LIMIT 1"};

struct list_job {
    const struct run_filter *filter;
    json_t *runs;
    const char *next;
};

static json_t *list_row(struct statement *statement)
{
    static const char *const texts[] = {"id",     "workflow", "title",    "task",  "status", "wish",
                                        "reason", "detail",   "strategy", "label", "parent"};
    static const char *const counts[] = {"total", "completed", "failed", "skipped", "running"};
    json_t *row = json_object();
    json_t *steps = json_object();
    int64_t started_at = column_integer(statement, 12);
    int64_t ended_at = column_integer(statement, 13);

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_put_text(row, texts[i], column_text(statement, (int)i));
    }
    json_put_integer(row, "created_at", column_integer(statement, 11));
    if (started_at) {
        json_put_integer(row, "started_at", started_at);
    }
    if (ended_at) {
        json_put_integer(row, "ended_at", ended_at);
        json_put_integer(row, "duration_ms", ended_at - started_at);
    }
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        json_put_integer(steps, counts[i], column_integer(statement, 14 + (int)i));
    }
    json_put(row, "steps", steps);
    return row;
}

static int list_runs(struct tx *tx, void *arg, struct error *err)
{
    struct list_job *job = arg;
    struct statement *statement = tx_query(tx, &q_run_list);
    int r;

    bind_text(statement, 1, job->filter->status);
    bind_text(statement, 2, job->filter->workflow);
    bind_text(statement, 3, job->filter->before);
    bind_integer(statement, 4, job->filter->limit + 1);
    while ((r = statement_step(statement, err)) > 0) {
        (void)json_array_append_new(job->runs, list_row(statement));
    }
    return r;
}

int run_list(struct store *store, const struct run_filter *filter, json_t **ret_list,
             struct error *err)
{
    struct list_job job = {.filter = filter, .runs = json_array()};
    json_t *list;
    int r = store_read(store, list_runs, &job, err);

    if (r < 0) {
        json_decref(job.runs);
        return r;
    }
    list = json_object();
    json_put(list, "next", json_null());
    if (json_array_size(job.runs) > (size_t)filter->limit) {
        (void)json_array_remove(job.runs, (size_t)filter->limit);
        json_put_text(
            list, "next",
            json_get_text(json_array_get(job.runs, (size_t)filter->limit - 1), "id", NULL));
    }
    json_put(list, "runs", job.runs);
    *ret_list = list;
    return 0;
}

struct resolve_job {
    const char *text;
    char id[RUN_ID_SIZE];
    int found;
};

static int resolve(struct tx *tx, void *arg, struct error *err)
{
    struct resolve_job *job = arg;
    bool is_last = strcmp(job->text, "last") == 0;
    struct statement *statement = tx_query(tx, is_last ? &q_run_last : &q_run_match);
    int r;

    if (!is_last) {
        bind_text(statement, 1, job->text);
    }
    while ((r = statement_step(statement, err)) > 0) {
        job->found++;
        (void)snprintf(job->id, sizeof(job->id), "%s", column_text(statement, 0));
    }
    return r;
}

int run_resolve(struct store *store, const char *text, char ret_id[RUN_ID_SIZE], struct error *err)
{
    char *prefixed = strncmp(text, "wf_", 3) == 0 || strcmp(text, "last") == 0
                         ? mem_strdup(text)
                         : mem_printf("wf_%s", text);
    struct resolve_job job = {.text = prefixed};
    int r = store_read(store, resolve, &job, err);

    if (r == 0 && job.found != 1) {
        r = job.found == 0
                ? error_set(err, ERROR_NOT_FOUND, "there is no run \"%s\" in this project", text)
                : error_set(err, ERROR_INVALID, "\"%s\" is the beginning of several runs", text);
        error_hint(err, "list the runs: fermata list");
    }
    if (r == 0) {
        memcpy(ret_id, job.id, RUN_ID_SIZE);
    }
    free(prefixed);
    return r;
}

/* ---- one run ---- */

static int fold_job(struct tx *tx, void *arg, struct error *err)
{
    return run_fold(tx, arg, err);
}

static int load_state(struct store *store, const char *folder, const char *run_id,
                      struct workflow **ret_workflow, struct run_state **ret_state,
                      struct error *err)
{
    struct workflow *workflow = NULL;
    struct run_state *state;
    int r = run_load_workflow(store, folder, run_id, &workflow, err);

    if (r < 0) {
        return r;
    }
    state = run_state_new(run_id, workflow);
    r = store_read(store, fold_job, state, err);
    if (r < 0) {
        run_state_free(state);
        workflow_free(workflow);
        return r;
    }
    *ret_workflow = workflow;
    *ret_state = state;
    return 0;
}

/* Whether a process carries the run on right now. */
static bool has_owner(const char *folder, const char *run_id)
{
    char *path = run_folder(folder, run_id);
    bool is_owned = run_is_locked(path);

    free(path);
    return is_owned;
}

int run_show(struct store *store, const char *folder, const char *run_id, json_t **ret_run,
             struct error *err)
{
    struct workflow *workflow = NULL;
    struct run_state *state = NULL;
    int r = load_state(store, folder, run_id, &workflow, &state, err);

    if (r < 0) {
        return r;
    }
    *ret_run = view_run(state);
    json_put(*ret_run, "owned", json_boolean(has_owner(folder, run_id)));
    run_state_free(state);
    workflow_free(workflow);
    return 0;
}

struct records_job {
    const char *run_id;
    int64_t from_seq;
    int limit;
    json_t *records;
    const struct run_state *none;
};

static int add_record(void *context, const struct record *record, struct error *err)
{
    struct records_job *job = context;

    (void)err;
    (void)json_array_append_new(job->records, record_describe(record, job->run_id));
    return 0;
}

static int read_records(struct tx *tx, void *arg, struct error *err)
{
    struct records_job *job = arg;

    return journal_read(tx, job->run_id, job->from_seq, job->limit, add_record, job, err);
}

int run_records(struct store *store, const char *run_id, int64_t from_seq, int limit,
                json_t **ret_records, struct error *err)
{
    struct records_job job = {
        .run_id = run_id, .from_seq = from_seq, .limit = limit, .records = json_array()};
    int r = store_read(store, read_records, &job, err);
    size_t count = json_array_size(job.records);
    json_t *result;

    if (r < 0) {
        json_decref(job.records);
        return r;
    }
    result = json_object();
    json_put(
        result, "next",
        count > 0 && limit > 0 && count == (size_t)limit
            ? json_integer(json_get_integer(json_array_get(job.records, count - 1), "seq", 0) + 1)
            : json_null());
    json_put(result, "records", job.records);
    *ret_records = result;
    return 0;
}

/* ---- logs: the same lines as in the files, derived again ---- */

struct log_job {
    struct run_state *state;
    const char *phase;
    int64_t from_seq;
    bool is_json;
    struct strbuf *target;
    int64_t last_seq;
};

static int add_log_line(void *context, const struct record *record, struct error *err)
{
    struct log_job *job = context;
    const struct step_state *step;
    const char *phase = record->phase;

    (void)err;
    run_apply(job->state, record);
    if (!phase && record->step && (step = run_find_step(job->state, record->step)) != NULL) {
        phase = job->state->phases[step->phase].definition->id;
    }
    if (record->seq >= job->from_seq &&
        (!job->phase || (phase && strcmp(phase, job->phase) == 0))) {
        log_format(job->state, record, job->is_json, job->target);
    }
    job->last_seq = record->seq;
    return 0;
}

static int read_log(struct tx *tx, void *arg, struct error *err)
{
    struct log_job *job = arg;

    return journal_read(tx, job->state->id, 1, 0, add_log_line, job, err);
}

int run_log(struct store *store, const char *folder, const struct run_log_request *request,
            struct strbuf *target, int64_t *ret_next, struct error *err)
{
    struct workflow *workflow = NULL;
    struct log_job job = {.phase = request->phase,
                          .from_seq = request->from_seq,
                          .is_json = request->is_json,
                          .target = target};
    int r = run_load_workflow(store, folder, request->run_id, &workflow, err);

    if (r < 0) {
        return r;
    }
    if (request->phase && !workflow_find_phase(workflow, request->phase)) {
        r = error_set(err, ERROR_NOT_FOUND, "run %s has no phase \"%s\"", request->run_id,
                      request->phase);
    } else {
        job.state = run_state_new(request->run_id, workflow);
        r = store_read(store, read_log, &job, err);
        run_state_free(job.state);
    }
    workflow_free(workflow);
    if (r == 0) {
        *ret_next = job.last_seq + 1;
    }
    return r;
}

int run_artifacts(struct store *store, const char *run_id, json_t **ret_artifacts,
                  struct error *err)
{
    json_t *records = NULL;
    json_t *list;
    json_t *result;
    int r = run_records(store, run_id, 1, 0, &records, err);

    if (r < 0) {
        return r;
    }
    list = json_array();
    for (size_t i = json_array_size(json_object_get(records, "records")); i > 0; i--) {
        const json_t *record = json_array_get(json_object_get(records, "records"), i - 1);
        size_t index;
        const json_t *artifact;

        json_array_foreach(json_object_get(record, "artifacts"), index, artifact)
        {
            json_t *row = json_copy((json_t *)artifact);

            json_put_text(row, "step", json_get_text(record, "step", NULL));
            json_put_integer(row, "attempt", json_get_integer(record, "attempt", 0));
            json_put_integer(row, "at", json_get_integer(record, "at", 0));
            (void)json_array_append_new(list, row);
        }
    }
    json_decref(records);
    result = json_object();
    json_put(result, "artifacts", list);
    *ret_artifacts = result;
    return 0;
}
