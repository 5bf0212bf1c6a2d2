/* SPDX-License-Identifier: MIT */
#include "run/task.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the runs of a task only those that no other run began. With one max() the columns beside it
 * are those of its row: of the newest run. */
#define TASKS                                                                                      \
    "WITH part AS (SELECT coalesce(task_id, '" TASK_ID_PREFIX "' || substr(id, 4)) AS task,"       \
    " count(*) AS runs, sum(status IN ('running', 'paused')) AS open,"                             \
    " sum(status = 'pending') AS waiting, sum(iif(ended_at > 0 AND started_at > 0,"                \
    " ended_at - started_at, 0)) AS took, status AS newest, id AS run, ended_at AS ended,"         \
    " max(created_at) FROM run WHERE parent IS NULL GROUP BY 1),"                                  \
    " known AS (SELECT id, description, metadata, origin, created_at, cancelled_at, settled_at"    \
    " FROM task UNION ALL SELECT '" TASK_ID_PREFIX "' || substr(id, 4),"                           \
    " coalesce(task, title, workflow), '{}', NULL, created_at, 0, 0 FROM run"                      \
    " WHERE parent IS NULL AND task_id IS NULL),"                                                  \
    " list AS (SELECT known.id AS id, description, metadata, origin, created_at, settled_at,"      \
    " CASE WHEN runs IS NULL THEN iif(cancelled_at > 0, 'cancelled', 'pending')"                   \
    " WHEN open > 0 THEN 'in_progress' WHEN waiting > 0 THEN 'pending' ELSE newest END AS status," \
    " CASE WHEN runs IS NULL THEN cancelled_at WHEN open > 0 OR waiting > 0 THEN 0 ELSE ended END" \
    " AS ended_at, took, run, ifnull(runs, 0) AS runs"                                             \
    " FROM known LEFT JOIN part ON part.task = known.id) "
#define COLUMNS                                                                                    \
    "id, description, status, metadata, origin, created_at, ended_at, took, run, runs, settled_at"

static const struct query q_list = {
    TASKS
    "SELECT " COLUMNS " FROM list WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR NOT EXISTS"
    " (SELECT 1 FROM json_each(?2) AS wanted WHERE NOT EXISTS (SELECT 1 FROM json_each(metadata)"
    " AS own WHERE own.key = wanted.key AND own.value = wanted.value)))"
    " AND (?3 IS NULL OR (created_at, id) < (SELECT created_at, id FROM list WHERE id = ?3))"
    " ORDER BY created_at DESC, id DESC LIMIT ?4"};
static const struct query q_one = {TASKS "SELECT " COLUMNS " FROM list WHERE id = ?1"};
static const struct query q_origin = {
    "SELECT id FROM task WHERE origin = ?1 AND settled_at = 0 ORDER BY created_at DESC, id DESC"
    " LIMIT 1"};
static const struct query q_match = {
    TASKS "SELECT id FROM list WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2"};
static const struct query q_last = {
    TASKS "SELECT id FROM list ORDER BY created_at DESC, id DESC LIMIT 1"};
static const struct query q_of_run = {
    "SELECT coalesce(task_id, '" TASK_ID_PREFIX "' || substr(id, 4)) FROM run"
    " WHERE parent IS NULL AND substr(id, 1, length(?1)) = ?1 LIMIT 2"};
static const struct query q_runs = {
    "SELECT id, workflow, status, created_at, started_at, ended_at FROM run WHERE parent IS NULL"
    " AND (task_id = ?1 OR (task_id IS NULL AND id = 'wf_' || substr(?1, 6)))"
    " ORDER BY created_at DESC, id DESC"};
static const struct query q_statistics = {
    TASKS "SELECT status, count(*), sum(took) FROM list GROUP BY status"};
static const struct query q_ended = {TASKS
                                     "SELECT id, ended_at, run FROM list ORDER BY created_at, id"};
static const struct query q_add = {
    "INSERT INTO task (id, description, metadata, origin, created_at, cancelled_at, settled_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)"};
static const struct query q_cancel = {"UPDATE task SET cancelled_at = ?2 WHERE id = ?1"};
static const struct query q_settle = {
    "UPDATE task SET settled_at = ?2 WHERE origin = ?1 AND settled_at = 0"};
static const struct query q_mean = {
    TASKS "SELECT ifnull(avg(took), 0) FROM list WHERE status = 'completed' AND took > 0"
          " AND substr(origin, 1, length(?1)) = ?1"};
static const struct query q_remove = {
    "DELETE FROM task WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM run WHERE task_id = ?1)"};

/* In the order of a task's life. */
static const char *const statuses[] = {"pending", "in_progress", "completed", "failed",
                                       "cancelled"};

/* ---- one row ---- */

static json_t *describe(struct statement *statement)
{
    json_t *task = json_object();
    json_t *metadata = NULL;
    const char *stored = column_text(statement, 3);

    json_put_text(task, "id", column_text(statement, 0));
    json_put_text(task, "description", column_text(statement, 1));
    json_put_text(task, "status", column_text(statement, 2));
    if (json_parse_text(stored, strlen(stored), "metadata", &metadata, NULL) == 0) {
        json_put(task, "metadata", metadata);
    }
    json_put_text(task, "origin", column_text(statement, 4));
    json_put_integer(task, "created_at", column_integer(statement, 5));
    if (column_integer(statement, 6)) {
        json_put_integer(task, "ended_at", column_integer(statement, 6));
    }
    if (column_integer(statement, 7)) {
        json_put_integer(task, "duration_ms", column_integer(statement, 7));
    }
    json_put_text(task, "run", column_text(statement, 8));
    json_put_integer(task, "runs", column_integer(statement, 9));
    return task;
}

struct one_job {
    const struct query *query;
    const char *key;
    json_t *task; /* NULL: there is none */
};

static int read_one(struct tx *tx, void *arg, struct error *err)
{
    struct one_job *job = arg;
    struct statement *statement = tx_query(tx, job->query);
    int r;

    bind_text(statement, 1, job->key);
    r = statement_step(statement, err);
    if (r > 0) {
        job->task = describe(statement);
        r = 0;
    }
    return r;
}

/* ---- lists ---- */

struct list_job {
    const struct task_filter *filter;
    char *metadata;
    json_t *tasks;
};

static int read_list(struct tx *tx, void *arg, struct error *err)
{
    struct list_job *job = arg;
    struct statement *statement = tx_query(tx, &q_list);
    int r;

    bind_text(statement, 1, job->filter->status);
    bind_text(statement, 2, job->metadata);
    bind_text(statement, 3, job->filter->before);
    bind_integer(statement, 4, job->filter->limit + 1);
    while ((r = statement_step(statement, err)) > 0) {
        (void)json_array_append_new(job->tasks, describe(statement));
    }
    return r;
}

int task_list(struct store *store, const struct task_filter *filter, json_t **ret_list,
              struct error *err)
{
    struct list_job job = {
        .filter = filter,
        .metadata = filter->metadata ? json_dump_compact(filter->metadata) : NULL,
        .tasks = json_array(),
    };
    size_t limit = (size_t)filter->limit;
    int r = store_read(store, read_list, &job, err);

    free(job.metadata);
    if (r < 0) {
        json_decref(job.tasks);
        return r;
    }
    *ret_list = json_object();
    json_put(*ret_list, "next", json_null());
    if (json_array_size(job.tasks) > limit) {
        (void)json_array_remove(job.tasks, limit);
        json_put_text(*ret_list, "next",
                      json_get_text(json_array_get(job.tasks, limit - 1), "id", NULL));
    }
    json_put(*ret_list, "tasks", job.tasks);
    return 0;
}

static int read_runs(struct tx *tx, void *arg, struct error *err)
{
    static const char *const names[] = {"id",         "workflow",   "status",
                                        "created_at", "started_at", "ended_at"};
    struct one_job *job = arg;
    struct statement *statement = tx_query(tx, &q_runs);
    json_t *runs = json_array();
    int r;

    bind_text(statement, 1, job->key);
    while ((r = statement_step(statement, err)) > 0) {
        json_t *run = json_object();

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (i < 3) {
                json_put_text(run, names[i], column_text(statement, (int)i));
            } else if (column_integer(statement, (int)i)) {
                json_put_integer(run, names[i], column_integer(statement, (int)i));
            }
        }
        (void)json_array_append_new(runs, run);
    }
    json_put(job->task, "runs", runs);
    return r;
}

static int read_task(struct tx *tx, void *arg, struct error *err)
{
    struct one_job *job = arg;
    int r = read_one(tx, job, err);

    return r == 0 && job->task ? read_runs(tx, job, err) : r;
}

static int no_such_task(const char *text, struct error *err)
{
    (void)error_set(err, ERROR_NOT_FOUND, "there is no task \"%s\" in this project", text);
    error_hint(err, "list the tasks: fermata tasks");
    return ERROR_NOT_FOUND;
}

int task_show(struct store *store, const char *id, json_t **ret_task, struct error *err)
{
    struct one_job job = {.query = &q_one, .key = id};
    int r = store_read(store, read_task, &job, err);

    if (r == 0 && !job.task) {
        r = no_such_task(id, err);
    }
    if (r < 0) {
        json_decref(job.task);
        return r;
    }
    *ret_task = job.task;
    return 0;
}

static int read_origin(struct tx *tx, void *arg, struct error *err)
{
    struct one_job *job = arg;
    struct statement *statement = tx_query(tx, &q_origin);
    struct one_job found = {.query = &q_one};
    char id[TASK_ID_SIZE];
    int r;

    bind_text(statement, 1, job->key);
    r = statement_step(statement, err);
    if (r > 0) {
        (void)snprintf(id, sizeof(id), "%s", column_text(statement, 0));
        found.key = id;
        r = read_task(tx, &found, err);
        job->task = found.task;
    }
    return r;
}

int task_find_origin(struct store *store, const char *origin, json_t **ret_task, struct error *err)
{
    struct one_job job = {.key = origin};
    int r = store_read(store, read_origin, &job, err);

    if (r < 0) {
        json_decref(job.task);
        return r;
    }
    *ret_task = job.task;
    return 0;
}

/* ---- by name ---- */

struct resolve_job {
    const struct query *query;
    const char *text;
    char id[TASK_ID_SIZE];
    int found;
};

static int resolve(struct tx *tx, void *arg, struct error *err)
{
    struct resolve_job *job = arg;
    struct statement *statement = tx_query(tx, job->query);
    int r;

    if (job->query != &q_last) {
        bind_text(statement, 1, job->text);
    }
    while ((r = statement_step(statement, err)) > 0) {
        job->found++;
        (void)snprintf(job->id, sizeof(job->id), "%s", column_text(statement, 0));
    }
    return r;
}

int task_resolve(struct store *store, const char *text, char ret_id[TASK_ID_SIZE],
                 struct error *err)
{
    bool is_run = strncmp(text, "wf_", 3) == 0;
    bool is_last = strcmp(text, "last") == 0;
    bool is_whole = is_run || is_last || strncmp(text, TASK_ID_PREFIX, 5) == 0;
    char *prefixed = mem_printf("%s%s", is_whole ? "" : TASK_ID_PREFIX, text);
    struct resolve_job job = {
        .query = is_run    ? &q_of_run
                 : is_last ? &q_last
                           : &q_match,
        .text = prefixed,
    };
    int r = store_read(store, resolve, &job, err);

    free(prefixed);
    if (r == 0 && job.found == 0) {
        r = no_such_task(text, err);
    } else if (r == 0 && job.found > 1) {
        r = error_set(err, ERROR_INVALID, "\"%s\" is the beginning of several %s", text,
                      is_run ? "runs" : "tasks");
        error_hint(err, "list the tasks: fermata tasks");
    }
    if (r == 0) {
        memcpy(ret_id, job.id, TASK_ID_SIZE);
    }
    return r;
}

/* ---- changes ---- */

struct change_job {
    const struct task_request *request;
    const char *id;
    char *metadata;
    int64_t now_ms;
    const json_t *ids;
};

static int add(struct tx *tx, void *arg, struct error *err)
{
    const struct change_job *job = arg;
    struct statement *statement = tx_query(tx, &q_add);

    bind_text(statement, 1, job->id);
    bind_text(statement, 2, job->request->description);
    bind_text(statement, 3, job->metadata);
    bind_text(statement, 4, job->request->origin);
    bind_integer(statement, 5, job->request->now_ms);
    return tx_run(tx, statement, NULL, err);
}

int task_add(struct store *store, const struct task_request *request, char ret_id[TASK_ID_SIZE],
             struct error *err)
{
    char run_id[RUN_ID_SIZE];
    char id[TASK_ID_SIZE];
    struct change_job job = {
        .request = request,
        .id = id,
        .metadata = request->metadata ? json_dump_compact(request->metadata) : mem_strdup("{}"),
    };
    int r;

    run_id_format(request->random_bits, run_id);
    task_id_of_run(run_id, id);
    r = store_write(store, add, &job, err);
    free(job.metadata);
    if (r == 0) {
        memcpy(ret_id, id, TASK_ID_SIZE);
    }
    return r;
}

/* What a run of it says counts, so one that has runs is cancelled with them. */
static int cancel(struct tx *tx, void *arg, struct error *err)
{
    const struct change_job *job = arg;
    struct one_job one = {.query = &q_one, .key = job->id};
    struct statement *statement;
    int r = read_one(tx, &one, err);
    const char *run = json_get_text(one.task, "run", NULL);
    const char *status = json_get_text(one.task, "status", "");

    if (r == 0 && !one.task) {
        r = no_such_task(job->id, err);
    } else if (r == 0 && run && json_object_get(one.task, "ended_at")) {
        r = error_set(err, ERROR_CONFLICT, "task %s is %s already", job->id, status);
    } else if (r == 0 && run) {
        r = error_set(err, ERROR_CONFLICT, "task %s has been begun, by run %s", job->id, run);
        error_hint(err, "cancel that: fermata cancel %s", run);
    } else if (r == 0) {
        statement = tx_query(tx, &q_cancel);
        bind_text(statement, 1, job->id);
        bind_integer(statement, 2, job->now_ms);
        r = tx_run(tx, statement, NULL, err);
    }
    json_decref(one.task);
    return r;
}

int task_cancel(struct store *store, const char *id, int64_t now_ms, struct error *err)
{
    struct change_job job = {.id = id, .now_ms = now_ms};

    return store_write(store, cancel, &job, err);
}

static int settle(struct tx *tx, void *arg, struct error *err)
{
    const struct change_job *job = arg;
    const json_t *origin;
    size_t i;
    int r = 0;

    json_array_foreach(job->ids, i, origin)
    {
        struct statement *statement = tx_query(tx, &q_settle);

        bind_text(statement, 1, json_string_value(origin));
        bind_integer(statement, 2, job->now_ms);
        r = r < 0 ? r : tx_run(tx, statement, NULL, err);
    }
    return r;
}

int task_settle(struct store *store, const json_t *origins, int64_t now_ms, struct error *err)
{
    struct change_job job = {.ids = origins, .now_ms = now_ms};

    return store_write(store, settle, &job, err);
}

static int remove_rows(struct tx *tx, void *arg, struct error *err)
{
    const struct change_job *job = arg;
    const json_t *id;
    size_t i;
    int r = 0;

    json_array_foreach(job->ids, i, id)
    {
        struct statement *statement = tx_query(tx, &q_remove);

        bind_text(statement, 1, json_string_value(id));
        r = r < 0 ? r : tx_run(tx, statement, NULL, err);
    }
    return r;
}

int task_remove(struct store *store, const json_t *ids, struct error *err)
{
    struct change_job job = {.ids = ids};

    return store_write(store, remove_rows, &job, err);
}

/* ---- all of them ---- */

struct statistics_job {
    json_t *counts;
    int64_t total, completed, took;
};

static int read_statistics(struct tx *tx, void *arg, struct error *err)
{
    struct statistics_job *job = arg;
    struct statement *statement = tx_query(tx, &q_statistics);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        const char *status = column_text(statement, 0);
        int64_t count = column_integer(statement, 1);

        json_put_integer(job->counts, status, count);
        job->total += count;
        if (strcmp(status, "completed") == 0) {
            job->completed = count;
            job->took = column_integer(statement, 2);
        }
    }
    return r;
}

int task_statistics(struct store *store, json_t **ret_statistics, struct error *err)
{
    struct statistics_job job = {.counts = json_object()};
    json_t *statistics;
    int r;

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        json_put_integer(job.counts, statuses[i], 0);
    }
    r = store_read(store, read_statistics, &job, err);
    if (r < 0) {
        json_decref(job.counts);
        return r;
    }
    statistics = json_object();
    json_put_integer(statistics, "total", job.total);
    json_put(statistics, "status", job.counts);
    if (job.completed > 0) {
        json_put_integer(statistics, "mean_duration_ms", job.took / job.completed);
    }
    *ret_statistics = statistics;
    return 0;
}

struct mean_job {
    const char *prefix;
    int64_t mean_ms;
};

static int read_mean(struct tx *tx, void *arg, struct error *err)
{
    struct mean_job *job = arg;
    struct statement *statement = tx_query(tx, &q_mean);
    int r;

    bind_text(statement, 1, job->prefix);
    r = statement_step(statement, err);
    if (r > 0) {
        job->mean_ms = column_integer(statement, 0);
    }
    return r < 0 ? r : 0;
}

int task_mean_duration(struct store *store, const char *origin_prefix, int64_t *ret_ms,
                       struct error *err)
{
    struct mean_job job = {.prefix = origin_prefix};
    int r = store_read(store, read_mean, &job, err);

    if (r == 0) {
        *ret_ms = job.mean_ms;
    }
    return r;
}

struct ended_job {
    int64_t before_ms;
    json_t *tasks;
    json_t *runs;
    int64_t kept;
};

static int add_runs(struct tx *tx, const char *id, json_t *runs, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_runs);
    int r;

    bind_text(statement, 1, id);
    while ((r = statement_step(statement, err)) > 0) {
        (void)json_array_append_new(runs, json_string(column_text(statement, 0)));
    }
    return r;
}

static int find_ended(struct tx *tx, void *arg, struct error *err)
{
    struct ended_job *job = arg;
    struct statement *statement = tx_query(tx, &q_ended);
    const json_t *id;
    size_t i;
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        int64_t ended_at = column_integer(statement, 1);

        if (job->before_ms == 0 ? ended_at > 0 || !column_text(statement, 2)
                                : ended_at > 0 && ended_at < job->before_ms) {
            (void)json_array_append_new(job->tasks, json_string(column_text(statement, 0)));
        } else {
            job->kept++;
        }
    }
    json_array_foreach(job->tasks, i, id)
    {
        r = r < 0 ? r : add_runs(tx, json_string_value(id), job->runs, err);
    }
    return r;
}

int task_find_ended(struct store *store, int64_t before_ms, json_t **ret_found, struct error *err)
{
    struct ended_job job = {.before_ms = before_ms, .tasks = json_array(), .runs = json_array()};
    int r = store_read(store, find_ended, &job, err);

    if (r < 0) {
        json_decref(job.tasks);
        json_decref(job.runs);
        return r;
    }
    *ret_found = json_object();
    json_put_integer(*ret_found, "kept", job.kept);
    json_put(*ret_found, "tasks", job.tasks);
    json_put(*ret_found, "runs", job.runs);
    return 0;
}
