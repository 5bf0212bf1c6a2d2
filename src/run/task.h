/* SPDX-License-Identifier: MIT */
/* Tasks: what was to be done, whichever runs did it. Every run belongs to one. A run that was
 * started for none that was there is the only one of its own task, of which nothing is stored: its
 * id is `task_` and the rest of the run's, its description what the run was asked. Only tasks that
 * were noted before their runs have a row. The status is that of the runs, never stored. All of
 * it blocks. */
#ifndef FERMATA_RUN_TASK_H
#define FERMATA_RUN_TASK_H

#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "store/store.h"

#include <stdint.h>

struct task_request {
    uint64_t random_bits; /* of the new id */
    int64_t now_ms;
    const char *description;
    const json_t *metadata; /* texts by name; NULL: none */
    const char *origin;     /* what it was noted for, such as a story of a file; NULL: nothing */
};

struct task_filter {
    const char *status;     /* a word, NULL: all */
    const json_t *metadata; /* only those with all of these; NULL: all */
    const char *before;     /* an id: only older ones; NULL: from the newest */
    int limit;
};

/* A full id from a full id, a unique beginning of one, a run's, or "last". */
int task_resolve(struct store *store, const char *text, char ret_id[TASK_ID_SIZE],
                 struct error *err);
int task_add(struct store *store, const struct task_request *request, char ret_id[TASK_ID_SIZE],
             struct error *err);
/* {"tasks":[{id,description,status,metadata,origin,created_at,ended_at,duration_ms,run (the newest
 * one),runs (how many)}],"next":ID|null}; duration_ms is that of all its runs that are over. */
int task_list(struct store *store, const struct task_filter *filter, json_t **ret_list,
              struct error *err);
/* One of them, its runs as [{id,workflow,status,created_at,started_at,ended_at}], newest first. */
int task_show(struct store *store, const char *id, json_t **ret_task, struct error *err);
/* {"total":N,"status":{pending:N,...},"mean_duration_ms":of the completed ones, absent: none} */
int task_statistics(struct store *store, json_t **ret_statistics, struct error *err);
/* One that was noted and not begun. ERROR_CONFLICT when it was. */
int task_cancel(struct store *store, const char *id, int64_t now_ms, struct error *err);
/* Those that ended before that time, else (0) all: {"tasks":[ID...],"runs":[ID of their runs
 * ...],"kept":N that stay because they are in progress} */
int task_find_ended(struct store *store, int64_t before_ms, json_t **ret_found, struct error *err);
/* Removes what is stored of those of them that have no run. */
int task_remove(struct store *store, const json_t *ids, struct error *err);

/* The newest task that was noted for this and is not settled, as task_show gives it; *ret_task is
 * NULL when there is none. */
int task_find_origin(struct store *store, const char *origin, json_t **ret_task, struct error *err);
/* What these were noted for is known to be done: the next one for the same is another task. */
int task_settle(struct store *store, const json_t *origins, int64_t now_ms, struct error *err);
/* Of the completed ones that were noted for what begins so; 0: there is none. */
int task_mean_duration(struct store *store, const char *origin_prefix, int64_t *ret_ms,
                       struct error *err);

#endif
