/* SPDX-License-Identifier: MIT */
/* Questions about runs: lists from the derived tables, everything else from the journal itself. */
#include "run/query.h"
#include "base/alloc.h"
#include "base/file.h"
#include "run/engine.h"
#include "run/files.h"
#include "run/own.h"
#include "run/pulse.h"
#include "run/states.h"
#include "run/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_COLUMNS                                                                                \
    "id, workflow, title, task, status, wish, reason, detail, strategy, label, parent,"            \
    " created_at, started_at, ended_at, steps_total, steps_completed, steps_failed,"               \
    " steps_skipped, steps_running, waits_until, task_id,"                                         \
    " (SELECT json_extract(body, '$.forked_from') FROM journal WHERE run = id AND seq = 1)"

static const struct query q_run_list = {
    "SELECT " RUN_COLUMNS " FROM run WHERE (?1 IS NULL OR status = ?1"
    " OR (?1 = 'paused' AND status = 'running')) AND"
    " (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR (created_at, id) <"
    " (SELECT created_at, id FROM run WHERE id = ?3)) ORDER BY created_at DESC, id DESC"};
static const struct query q_run_match = {
    "SELECT id FROM run WHERE substr(id, 1, length(?1)) = ?1 ORDER BY created_at DESC LIMIT 2"};
static const struct query q_run_last = {
    "SELECT id FROM run WHERE parent IS NULL ORDER BY created_at DESC, id DESC LIMIT 1"};

struct list_job {
    const char *folder;
    const struct run_filter *filter;
    json_t *runs;
    const char *next;
};

static enum run_owner find_owner(const char *folder, const char *run_id)
{
    return run_find_owner(folder, run_id);
}

static bool has_status(const json_t *run, const char *status)
{
    return strcmp(json_get_text(run, "status", ""), status) == 0;
}

/* No record can say that there is no space for records. */
static void show_wait_for_space(json_t *run, enum run_owner owner)
{
    if (owner == OWNER_WAITS_FOR_SPACE && has_status(run, run_status_name(RUN_RUNNING))) {
        json_put_text(run, "status", run_status_name(RUN_PAUSED));
        json_put_text(run, "reason", "storage");
        json_put_text(run, "detail", "storage full: it goes on by itself when there is space");
    }
}

static void put_task_id(json_t *row, const char *stored)
{
    char own[TASK_ID_SIZE];

    task_id_of_run(json_get_text(row, "id", ""), own);
    json_put_text(row, "task_id", stored ? stored : json_object_get(row, "parent") ? NULL : own);
}

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
    if (column_integer(statement, 19)) {
        json_put_integer(row, "waits_until", column_integer(statement, 19));
    }
    put_task_id(row, column_text(statement, 20));
    json_put_text(row, "forked_from", column_text(statement, 21));
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        json_put_integer(steps, counts[i], column_integer(statement, 14 + (int)i));
    }
    json_put(row, "steps", steps);
    return row;
}

static void add_run(const struct list_job *job, json_t *run)
{
    if (has_status(run, run_status_name(RUN_RUNNING))) {
        show_wait_for_space(run, find_owner(job->folder, json_get_text(run, "id", "")));
    }
    if (!job->filter->status || has_status(run, job->filter->status)) {
        (void)json_array_append(job->runs, run);
    }
    json_decref(run);
}

static int list_runs(struct tx *tx, void *arg, struct error *err)
{
    struct list_job *job = arg;
    struct statement *statement = tx_query(tx, &q_run_list);
    int r = 0;

    bind_text(statement, 1, job->filter->status);
    bind_text(statement, 2, job->filter->workflow);
    bind_text(statement, 3, job->filter->before);
    while (json_array_size(job->runs) <= (size_t)job->filter->limit &&
           (r = statement_step(statement, err)) > 0) {
        add_run(job, list_row(statement));
    }
    return r < 0 ? r : 0;
}

int run_list(struct store *store, const char *folder, const struct run_filter *filter,
             json_t **ret_list, struct error *err)
{
    struct list_job job = {.folder = folder, .filter = filter, .runs = json_array()};
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

bool run_is_owned(const char *folder, const char *run_id)
{
    return find_owner(folder, run_id) != OWNER_NONE;
}

/* What its owner found of each attempt last; one that it has not looked at yet works. */
static json_t *list_under_way(const struct run_state *state, const char *folder)
{
    json_t *list = json_array();

    for (size_t i = 0; i < state->step_count; i++) {
        const struct step_state *step = &state->steps[i];
        json_t *attempt;
        char *path;

        if (step->waiting != WAITING_ATTEMPT || !step->folder) {
            continue;
        }
        path = mem_printf("%s/workflows/%s/%s", folder, state->id, step->folder);
        attempt = pulse_read(path);
        if (!attempt) {
            attempt = json_object();
            json_put_text(attempt, "state", liveness_name(LIVENESS_WORKING));
            json_put_integer(attempt, "since", step->started_at);
        }
        json_put_text(attempt, "step", step->key);
        json_put_integer(attempt, "attempt", step->attempts);
        (void)json_array_append_new(list, attempt);
        free(path);
    }
    return list;
}

int run_show(struct store *store, const char *folder, const char *run_id, json_t **ret_run,
             struct error *err)
{
    struct workflow *workflow = NULL;
    struct run_state *state = NULL;
    enum run_owner owner;
    int r = run_load_state(store, folder, run_id, &workflow, &state, err);

    if (r < 0) {
        return r;
    }
    owner = find_owner(folder, run_id);
    *ret_run = view_run(state);
    show_wait_for_space(*ret_run, owner);
    json_put(*ret_run, "owned", json_boolean(owner != OWNER_NONE));
    if (owner == OWNER_AT_WORK) {
        json_put(*ret_run, "under_way", list_under_way(state, folder));
    }
    run_add_live_options(state, owner != OWNER_NONE, json_object_get(*ret_run, "options"));
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

#define LOG_PIECE_BYTES ((size_t)1 << 20)

struct run_log {
    struct store *store;
    char *store_folder; /* PROJECT/.fermata */
    struct workflow *workflow;
    struct run_state *state;
    char *phase;
    struct run_log_request request; /* its texts are not kept */
    struct strbuf *target;          /* while it is read */
    size_t length_before;
    bool has_more;
    /* the attempt that the piece ended for; `told` is the record of the end that was told */
    struct run_log_attempt attempt;
    char *step, *folder;
    int64_t told;
};

static bool is_shown(const struct run_log *log, const struct record *record)
{
    const char *phase = log->phase ? log_phase(log->state, record) : NULL;

    return !log->phase || (phase && strcmp(phase, log->phase) == 0);
}

static bool is_of_agent(const struct run_log *log, const struct record *record)
{
    const struct step_state *step = run_find_step(log->state, record->step);

    return step && !step->check && step_effective(step)->kind == STEP_AGENT;
}

/* Ends the piece, so that the attempt is told outside of the transaction. */
static bool note_attempt(struct run_log *log, const struct record *record)
{
    bool is_start = record->kind == RECORD_ATTEMPT_STARTED;

    if (!log->request.on_attempt || !is_shown(log, record) ||
        (is_start ? !record->folder : record->kind != RECORD_ATTEMPT_ENDED) ||
        (!is_start && record->seq == log->told) || !is_of_agent(log, record)) {
        return false;
    }
    log->told = is_start ? log->told : record->seq;
    log->step = mem_strdup(record->step);
    log->folder = is_start ? mem_strdup(record->folder) : NULL;
    log->attempt = (struct run_log_attempt){log->step, record->number, log->folder};
    return true;
}

static void tell_attempt(struct run_log *log)
{
    if (log->step) {
        log->request.on_attempt(log->request.context, &log->attempt, log->target);
    }
    free(log->step);
    free(log->folder);
    log->step = NULL;
    log->folder = NULL;
}

static int add_log_line(void *context, const struct record *record, struct error *err)
{
    struct run_log *log = context;
    int r;

    /* A damaged one names no step, or one that is not there: then it is refused below. */
    if (record->kind == RECORD_ATTEMPT_ENDED && record->step && note_attempt(log, record)) {
        return 1; /* read again, once what the agent said last is there */
    }
    r = run_fold_record(log->store_folder, log->state, record, err);
    if (r < 0) {
        return r;
    }
    if (is_shown(log, record)) {
        log_format(log->state, record, log->request.is_json, log->target);
    }
    return note_attempt(log, record) ||
           log->target->length - log->length_before >= log->request.piece_bytes;
}

static int read_log(struct tx *tx, void *arg, struct error *err)
{
    struct run_log *log = arg;
    int r = journal_read(tx, log->state->id, log->state->seq + 1, 0, add_log_line, log, err);

    log->has_more = r > 0;
    return r < 0 ? r : 0;
}

int run_log_open(struct store *store, const struct run_log_request *request,
                 struct run_log **ret_log, struct error *err)
{
    struct workflow *workflow = NULL;
    struct run_log *log;
    int r = run_load_workflow(store, request->folder, request->run_id, &workflow, err);

    if (r < 0) {
        return r;
    }
    if (request->phase && !workflow_find_phase(workflow, request->phase)) {
        r = error_set(err, ERROR_NOT_FOUND, "run %s has no phase \"%s\"", request->run_id,
                      request->phase);
        error_hint(err, "see its phases: fermata status %s", request->run_id);
        workflow_free(workflow);
        return r;
    }
    log = mem_zero(1, sizeof(*log));
    log->store = store;
    log->workflow = workflow;
    log->state = run_state_new(request->run_id, workflow);
    log->store_folder = mem_strdup(request->folder);
    log->phase = mem_strdup(request->phase);
    log->request = *request;
    log->request.piece_bytes = request->piece_bytes ? request->piece_bytes : LOG_PIECE_BYTES;
    *ret_log = log;
    return 0;
}

int run_log_read(struct run_log *log, struct strbuf *target, struct error *err)
{
    int r;

    log->target = target;
    log->length_before = target->length;
    r = store_read(log->store, read_log, log, err);
    tell_attempt(log);
    return r < 0 ? r : log->has_more;
}

bool run_log_is_at_rest(const struct run_log *log)
{
    return log->state->status != RUN_RUNNING && log->state->status != RUN_PENDING;
}

void run_log_close(struct run_log *log)
{
    if (!log) {
        return;
    }
    run_state_free(log->state);
    workflow_free(log->workflow);
    free(log->store_folder);
    free(log->phase);
    free(log);
}

/* ---- artifacts ---- */

static const struct query q_artifacts = {
    "SELECT " JOURNAL_COLUMNS " FROM journal WHERE run = ?1 AND kind IN ('attempt_ended',"
    " 'step_reused') AND (?2 = 0 OR seq < ?2) ORDER BY seq DESC"};

struct artifacts_job {
    const struct run_artifacts_request *request;
    json_t *list;
    int64_t next; /* 0: that was all */
};

static void add_artifacts(struct artifacts_job *job, const json_t *body, int64_t seq, int64_t at)
{
    size_t index;
    const json_t *artifact;

    json_array_foreach(json_object_get(body, "artifacts"), index, artifact)
    {
        json_t *row = json_copy((json_t *)(uintptr_t)artifact);

        json_put_text(row, "step", json_get_text(body, "step", NULL));
        json_put_integer(row, "attempt", json_get_integer(body, "attempt", 0));
        json_put_integer(row, "at", at);
        json_put_integer(row, "seq", seq);
        (void)json_array_append_new(job->list, row);
    }
}

/* A page ends with a whole record: those of one step are never torn apart. */
static int list_artifacts(struct tx *tx, void *arg, struct error *err)
{
    struct artifacts_job *job = arg;
    struct statement *statement = tx_query(tx, &q_artifacts);
    size_t limit = (size_t)job->request->limit;
    int64_t last = 0;
    int r;

    bind_text(statement, 1, job->request->run_id);
    bind_integer(statement, 2, job->request->before);
    while ((r = statement_step(statement, err)) > 0) {
        json_t *body = NULL;

        r = journal_parse_row(statement, &body, err);
        if (r < 0) {
            return r;
        }
        if (limit > 0 && json_array_size(job->list) >= limit &&
            json_array_size(json_object_get(body, "artifacts")) > 0) {
            job->next = last;
            json_decref(body);
            return 0;
        }
        last = column_integer(statement, 1);
        add_artifacts(job, body, last, column_integer(statement, 2));
        json_decref(body);
    }
    return r;
}

int run_artifacts(struct store *store, const struct run_artifacts_request *request,
                  json_t **ret_artifacts, struct error *err)
{
    struct artifacts_job job = {.request = request, .list = json_array()};
    int r = store_read(store, list_artifacts, &job, err);

    if (r < 0) {
        json_decref(job.list);
        return r;
    }
    *ret_artifacts = json_object();
    json_put(*ret_artifacts, "next", job.next ? json_integer(job.next) : json_null());
    json_put(*ret_artifacts, "artifacts", job.list);
    return 0;
}
