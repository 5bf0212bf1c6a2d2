/* SPDX-License-Identifier: MIT */
/* Proof that the derived tables agree with the journal: every journal is folded again, the rows are
 * written anew by the code that always writes them, and what stood there before is compared. All of
 * one run happens in one transaction, so a run that is under way cannot change meanwhile; where
 * nothing differs, or nothing may be repaired, the transaction is rolled back. */
#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"
#include "run/files.h"
#include "run/own.h"
#include "run/query.h"
#include "run/states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rebuild {
    struct store *store;
    const char *folder;
    bool repair;
    json_t *ids;
    json_t *differences;
    json_t *failures;
    int64_t records;
};

/* One run being looked at. */
struct rebuild_run {
    struct rebuild *all;
    const char *id;
    struct run_state *state; /* NULL: it has no journal */
    struct commit *expected;
    int64_t records;
    json_t *before, *after; /* name of a row -> its columns */
};

static const struct query q_run_ids = {
    "SELECT run FROM journal UNION SELECT id FROM run UNION SELECT run FROM step"
    " ORDER BY 1"};
static const struct query q_created = {"SELECT " JOURNAL_COLUMNS
                                       " FROM journal WHERE run = ?1 AND seq = 1"};
static const struct query q_has_journal = {"SELECT 1 FROM journal WHERE run = ?1 LIMIT 1"};
static const struct query q_rows = {
    "SELECT 'the row of the run', json_array(workflow, title, digest, task, status, wish, reason,"
    " detail, strategy, label, parent, depth, created_at, started_at, ended_at, steps_total,"
    " steps_completed, steps_failed, steps_skipped, steps_running, seq, waits_until, task_id,"
    " ledger)"
    " FROM run WHERE id = ?1"
    " UNION ALL SELECT 'the row of step ' || key, json_array(phase, status, class, error, digest,"
    " parts, output, artifacts, attempts, started_at, ended_at, reused) FROM step WHERE run = ?1"};
static const struct query q_removals[] = {{"DELETE FROM run WHERE id = ?1"},
                                          {"DELETE FROM step WHERE run = ?1"}};

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

/* ---- the workflow, by the journal alone: the row of the run may be what is damaged ---- */

struct creation {
    const char *id;
    bool has_journal;
    char digest[DIGEST_HEX_SIZE];
};

static int read_creation(struct tx *tx, void *arg, struct error *err)
{
    struct creation *creation = arg;
    struct statement *statement = tx_query(tx, &q_has_journal);
    json_t *record = NULL;
    int r;

    bind_text(statement, 1, creation->id);
    r = statement_step(statement, err);
    if (r <= 0) {
        return r;
    }
    creation->has_journal = true;
    statement = tx_query(tx, &q_created);
    bind_text(statement, 1, creation->id);
    r = statement_step(statement, err);
    if (r <= 0) {
        return r < 0 ? r : error_set(err, ERROR_IO, "its journal has no beginning");
    }
    r = journal_parse_row(statement, &record, err);
    if (r == 0) {
        (void)snprintf(creation->digest, sizeof(creation->digest), "%s",
                       json_get_text(record, "digest", ""));
    }
    json_decref(record);
    return r;
}

/* ---- one run ---- */

static int fold_record(void *context, const struct record *record, struct error *err)
{
    struct rebuild_run *run = context;
    int r = run_fold_record(run->all->folder, run->state, record, err);

    if (r < 0) {
        return r;
    }
    commit_add(run->expected, run->state, record);
    run->records++;
    return 0;
}

static int read_rows(struct tx *tx, const char *id, json_t *rows, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_rows);
    int r;

    bind_text(statement, 1, id);
    while ((r = statement_step(statement, err)) > 0) {
        json_put_text(rows, column_text(statement, 0), column_text(statement, 1));
    }
    return r;
}

static int write_anew(struct tx *tx, const struct rebuild_run *run, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(q_removals); i++) {
        struct statement *statement = tx_query(tx, &q_removals[i]);

        bind_text(statement, 1, run->id);
        r = tx_run(tx, statement, NULL, err);
    }
    return r == 0 && run->state ? commit_write_derived(tx, run->expected, err) : r;
}

static void report(const struct rebuild_run *run, const char *row, const char *what)
{
    char *text = mem_printf("run %s: %s %s", run->id, row, what);

    (void)json_array_append_new(run->all->differences, json_string(text));
    free(text);
}

/* How many rows differ. */
static int compare(const struct rebuild_run *run)
{
    const char *row;
    json_t *columns;
    int count = 0;

    json_object_foreach(run->after, row, columns)
    {
        const json_t *before = json_object_get(run->before, row);

        if (!before || !json_equal(before, columns)) {
            report(run, row, before ? "differs from the journal" : "is missing");
            count++;
        }
    }
    json_object_foreach(run->before, row, columns)
    {
        if (!json_object_get(run->after, row)) {
            report(run, row, "has nothing in the journal");
            count++;
        }
    }
    return count;
}

static int rebuild_rows(struct tx *tx, void *arg, struct error *err)
{
    struct rebuild_run *run = arg;
    int r = run->state ? journal_read(tx, run->id, 1, 0, fold_record, run, err) : 0;

    if (r == 0) {
        r = read_rows(tx, run->id, run->before, err);
    }
    if (r == 0) {
        r = write_anew(tx, run, err);
    }
    if (r == 0) {
        r = read_rows(tx, run->id, run->after, err);
    }
    if (r == 0 && (compare(run) == 0 || !run->all->repair)) {
        return ERROR_CANCELLED; /* nothing is to be kept */
    }
    return r;
}

static int load(struct rebuild_run *run, struct workflow **ret_workflow, struct error *err)
{
    struct creation creation = {.id = run->id};
    int r = store_read(run->all->store, read_creation, &creation, err);

    if (r == 0 && creation.has_journal) {
        r = run_load_definition(run->all->folder, run->id, creation.digest, ret_workflow, err);
    }
    if (r == 0 && creation.has_journal) {
        run->state = run_state_new(run->id, *ret_workflow);
        run->expected = commit_new(run->state, 0);
    }
    return r;
}

static int rebuild_run(struct rebuild *job, const char *run_id, struct error *err)
{
    struct rebuild_run run = {
        .all = job, .id = run_id, .before = json_object(), .after = json_object()};
    struct workflow *workflow = NULL;
    int r = load(&run, &workflow, err);

    if (r == 0) {
        r = store_write(job->store, rebuild_rows, &run, err);
        r = r == ERROR_CANCELLED ? 0 : r;
        job->records += run.records;
    }
    commit_free(run.expected);
    run_state_free(run.state);
    workflow_free(workflow);
    json_decref(run.before);
    json_decref(run.after);
    return r;
}

static void add_failure(struct rebuild *job, const char *run_id, const struct error *err)
{
    char *text = mem_printf("run %s: %s", run_id, err->text);

    (void)json_array_append_new(job->failures, json_text_lossy(text, strlen(text)));
    free(text);
}

int run_rebuild(struct store *store, const char *folder, bool repair, json_t **ret_report,
                struct error *err)
{
    struct rebuild job = {.store = store,
                          .folder = folder,
                          .repair = repair,
                          .ids = json_array(),
                          .differences = json_array(),
                          .failures = json_array()};
    size_t index;
    const json_t *id;
    int r = store_read(store, read_ids, &job, err);

    json_array_foreach(job.ids, index, id)
    {
        struct error problem = ERROR_INIT;

        if (r == 0 && rebuild_run(&job, json_string_value(id), &problem) < 0) {
            add_failure(&job, json_string_value(id), &problem);
        }
    }
    if (r == 0) {
        *ret_report = json_object();
        json_put_integer(*ret_report, "runs", (json_int_t)json_array_size(job.ids));
        json_put_integer(*ret_report, "records", job.records);
        json_put(*ret_report, "differences", json_incref(job.differences));
        json_put(*ret_report, "failures", json_incref(job.failures));
    }
    json_decref(job.ids);
    json_decref(job.differences);
    json_decref(job.failures);
    return r;
}

/* ---- the readable files ---- */

#define LINE_WINDOW 8192

static int rebuild_folder(struct rebuild *job, const struct run_files *given, bool everything,
                          int64_t *ret_count, struct error *err)
{
    struct run_files files = *given;
    struct workflow *workflow = NULL;
    int fd = -1;
    int r = run_lock(job->folder, files.id, &fd, err);

    if (r == 0) {
        r = run_load_workflow(job->store, job->folder, files.id, &workflow, err);
    }
    if (r == 0) {
        files.workflow = workflow;
        r = files_restore(job->store, &files, everything, ret_count, err);
    }
    workflow_free(workflow);
    if (fd >= 0) {
        (void)close(fd);
    }
    return r;
}

int run_rebuild_files(struct store *store, const char *folder, bool log_json, json_t **ret_report,
                      struct error *err)
{
    struct rebuild job = {
        .store = store, .folder = folder, .ids = json_array(), .failures = json_array()};
    char *blobs = path_join(folder, "blobs");
    int64_t count = 0;
    int64_t owned = 0;
    size_t index;
    const json_t *id;
    int r = store_read(store, read_ids, &job, err);

    json_array_foreach(job.ids, index, id)
    {
        struct error problem = ERROR_INIT;
        char *path = run_folder(folder, json_string_value(id));
        struct run_files files = {
            .id = json_string_value(id), .folder = path, .blobs = blobs, .log_json = log_json};
        int result = r == 0 ? rebuild_folder(&job, &files, true, &count, &problem) : 0;

        if (result == ERROR_BUSY) {
            owned++;
        } else if (result < 0) {
            add_failure(&job, files.id, &problem);
        }
        free(path);
    }
    if (r == 0) {
        *ret_report = json_object();
        json_put_integer(*ret_report, "files", count);
        json_put_integer(*ret_report, "owned", owned);
        json_put(*ret_report, "failures", json_incref(job.failures));
    }
    json_decref(job.ids);
    json_decref(job.failures);
    free(blobs);
    return r;
}

/* As its log is written so far, whatever is configured now: by the last line. */
static bool is_json_log(const char *folder, bool fallback)
{
    char *path = path_join(folder, "logs/orchestrator.log");
    char end[LINE_WINDOW];
    size_t length = file_read_end(path, end, sizeof(end));
    size_t at = length > 0 ? length - 1 : 0;

    while (at > 0 && end[at - 1] != '\n') {
        at--;
    }
    free(path);
    return length > 0 ? end[at] == '{' : fallback;
}

int run_refresh_files(struct store *store, const char *folder, const json_t *run, bool log_json,
                      struct error *err)
{
    struct rebuild job = {.store = store, .folder = folder};
    const char *id = json_get_text(run, "id", "");
    const char *status = json_get_text(run, "status", "");
    bool is_at_rest = strcmp(status, "running") != 0 && strcmp(status, "pending") != 0;
    char *path = run_folder(folder, id);
    char *blobs = path_join(folder, "blobs");
    int64_t count = 0;
    int r = 0;

    if (!json_get_boolean(run, "owned", false) &&
        !files_are_current(path, json_get_integer(run, "seq", 0), is_at_rest)) {
        struct run_files files = {
            .id = id, .folder = path, .blobs = blobs, .log_json = is_json_log(path, log_json)};

        r = rebuild_folder(&job, &files, false, &count, err);
    }
    free(blobs);
    free(path);
    return r;
}
