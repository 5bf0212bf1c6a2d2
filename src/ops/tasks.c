/* SPDX-License-Identifier: MIT */
/* `tasks`: what was to be done, and what became of it. */
#include "base/alloc.h"
#include "ops/internal.h"
#include "run/task.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 20
#define METADATA_COUNT_MAX 50
#define METADATA_KEY_MAX 100
#define METADATA_VALUE_MAX 10000
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)
#define OLD_MS (30 * DAY_MS)

/* Each is an option of its own; without one tasks are looked at. */
struct action {
    const char *option;
    const char *takes; /* names of the arguments that go with it, between spaces */
    int (*run)(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err);
};

/* ---- for `run` and `loop` ---- */

int ops_check_metadata(const json_t *metadata, struct error *err)
{
    const char *key;
    const json_t *value;

    if (json_object_size(metadata) > METADATA_COUNT_MAX) {
        return error_set(err, ERROR_INVALID, "--meta: at most %d of them", METADATA_COUNT_MAX);
    }
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        if (!json_is_string(value)) {
            return error_set(err, ERROR_INVALID, "--meta: the value of %s is no text", key);
        }
        if (strlen(key) > METADATA_KEY_MAX) {
            return error_set(err, ERROR_INVALID, "--meta: a key has at most %d bytes",
                             METADATA_KEY_MAX);
        }
        if (json_string_length(value) > METADATA_VALUE_MAX) {
            return error_set(err, ERROR_INVALID, "--meta: the value of %s has at most %d bytes",
                             key, METADATA_VALUE_MAX);
        }
    }
    return 0;
}

int ops_add_task(struct ops *ops, const char *description, const json_t *metadata,
                 const char *origin, char ret_id[TASK_ID_SIZE], struct error *err)
{
    const struct host *host = host_linux();
    struct task_request request = {
        .random_bits = host->random(host->context),
        .now_ms = ops_now_ms(),
        .description = description,
        .metadata = metadata,
        .origin = origin,
    };

    return task_add(ops->store, &request, ret_id, err);
}

int ops_find_task(struct ops *ops, const char *name, json_t **ret_task, struct error *err)
{
    char id[TASK_ID_SIZE];
    int r = ops_need_store(ops, err);

    if (r == 0) {
        r = task_resolve(ops->store, name, id, err);
    }
    return r < 0 ? r : task_show(ops->store, id, ret_task, err);
}

int ops_need_free_task(const json_t *task, struct error *err)
{
    const json_t *runs = json_object_get(task, "runs");
    const json_t *run;
    size_t i;

    json_array_foreach(runs, i, run)
    {
        const char *id = json_get_text(run, "id", "");

        if (!json_object_get(run, "ended_at")) {
            (void)error_set(err, ERROR_CONFLICT, "run %s of task %s is not over", id,
                            json_get_text(task, "id", ""));
            error_hint(err, "go on with it: fermata resume %s", id);
            return ERROR_CONFLICT;
        }
    }
    return 0;
}

/* ---- looking ---- */

static int list(struct ops *ops, const json_t *arguments, json_t **ret_result, struct error *err)
{
    struct task_filter filter = {
        .status = json_get_text(arguments, "status", NULL),
        .metadata = json_object_get(arguments, "meta"),
        .before = json_get_text(arguments, "before", NULL),
    };
    char before[TASK_ID_SIZE];
    int r = ops_read_limit(arguments, LIMIT_DEFAULT, &filter.limit, err);

    if (r == 0 && !ops_has_store(ops)) {
        *ret_result = json_pack("{s:[], s:n}", "tasks", "next");
        return 0;
    }
    if (r == 0) {
        r = ops_make_store(ops, err);
    }
    if (r == 0 && filter.before) {
        r = task_resolve(ops->store, filter.before, before, err);
        filter.before = before;
    }
    return r < 0 ? r : task_list(ops->store, &filter, ret_result, err);
}

static int look(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                json_t **ret_result, struct error *err)
{
    const char *name = json_get_text(arguments, "task", NULL);
    int r = ops_need_project(ops, err);

    (void)view;
    if (r < 0) {
        return r;
    }
    return name ? ops_find_task(ops, name, ret_result, err) : list(ops, arguments, ret_result, err);
}

static int statistics(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                      json_t **ret_result, struct error *err)
{
    int r = ops_need_store(ops, err);

    (void)arguments;
    (void)view;
    return r < 0 ? r : task_statistics(ops->store, ret_result, err);
}

/* ---- changing ---- */

static int add(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err)
{
    const char *description = json_get_text(arguments, "add", "");
    const json_t *metadata = json_object_get(arguments, "meta");
    char id[TASK_ID_SIZE];
    int r = ops_need_config(ops, err);

    if (r == 0) {
        r = ops_check_task(ops, description, err);
    }
    if (r == 0) {
        r = ops_check_metadata(metadata, err);
    }
    if (r == 0) {
        r = ops_make_project(ops, view, err);
    }
    if (r == 0) {
        r = ops_make_store(ops, err);
    }
    if (r == 0) {
        r = ops_add_task(ops, description, metadata, NULL, id, err);
    }
    return r < 0 ? r : task_show(ops->store, id, ret_result, err);
}

static int cancel(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                  json_t **ret_result, struct error *err)
{
    const char *name = json_get_text(arguments, "task", NULL);
    char id[TASK_ID_SIZE];
    int r;

    (void)view;
    if (!name) {
        (void)error_set(err, ERROR_INVALID, "--cancel: which task?");
        error_hint(err, "name it: fermata tasks TASK --cancel");
        return ERROR_INVALID;
    }
    r = ops_need_store(ops, err);
    if (r == 0) {
        r = task_resolve(ops->store, name, id, err);
    }
    if (r == 0) {
        r = task_cancel(ops->store, id, ops_now_ms(), err);
    }
    return r < 0 ? r : task_show(ops->store, id, ret_result, err);
}

/* With the runs of each, as `gc` removes runs. */
static int remove_found(struct ops *ops, const json_t *found, bool dry_run, json_t **ret_result,
                        struct error *err)
{
    struct engine_options options;
    json_t *report = NULL;
    int r = ops_engine_options(ops, &options, err);

    if (r == 0) {
        r = run_collect_runs(&options, json_object_get(found, "runs"), dry_run, &report, err);
    }
    if (r == 0 && !dry_run) {
        r = task_remove(ops->store, json_object_get(found, "tasks"), err);
    }
    if (r < 0) {
        json_decref(report);
        return r;
    }
    json_put_integer(report, "tasks", (json_int_t)json_array_size(json_object_get(found, "tasks")));
    json_put_integer(report, "kept", json_get_integer(found, "kept", 0));
    json_put(report, "dry_run", json_boolean(dry_run));
    *ret_result = report;
    return 0;
}

static int clean_up(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                    json_t **ret_result, struct error *err)
{
    json_int_t older_than = json_get_integer(arguments, "older_than", OLD_MS);
    json_t *found = NULL;
    int r = ops_need_store(ops, err);

    (void)view;
    if (r == 0) {
        r = task_find_ended(ops->store, ops_now_ms() - older_than, &found, err);
    }
    if (r == 0) {
        r = remove_found(ops, found, json_get_boolean(arguments, "dry_run", false), ret_result,
                         err);
    }
    json_decref(found);
    return r;
}

static int confirm(const json_t *found, const struct ops_view *view, struct error *err)
{
    size_t count = json_array_size(json_object_get(found, "tasks"));
    char *question;
    char *answer = NULL;
    bool is_yes;

    if (!view->ask) {
        (void)error_set(err, ERROR_INVALID, "--clear removes %zu task%s, and nobody can be asked",
                        count, count == 1 ? "" : "s");
        error_hint(err, "say --yes where that is meant");
        return ERROR_INVALID;
    }
    question = mem_printf("Remove %zu task%s for good, with their runs and what those left in "
                          ".fermata? [y]es or [n]o? ",
                          count, count == 1 ? "" : "s");
    is_yes = view->ask(view->context, question, &answer) && answer &&
             (*answer == 'y' || *answer == 'Y');
    free(question);
    free(answer);
    return is_yes ? 0 : error_set(err, ERROR_CONFLICT, "nothing was removed");
}

static int clear(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                 json_t **ret_result, struct error *err)
{
    bool dry_run = json_get_boolean(arguments, "dry_run", false);
    json_t *found = NULL;
    int r = ops_need_store(ops, err);

    if (r == 0) {
        r = task_find_ended(ops->store, 0, &found, err);
    }
    if (r == 0 && !dry_run && !json_get_boolean(arguments, "yes", false)) {
        r = confirm(found, view, err);
    }
    if (r == 0) {
        r = remove_found(ops, found, dry_run, ret_result, err);
    }
    json_decref(found);
    return r;
}

/* ---- which of them ---- */

static const struct action actions[] = {
    {"add", " add meta ", add},
    {"cancel", " cancel task ", cancel},
    {"statistics", " statistics ", statistics},
    {"clean_up", " clean_up older_than dry_run ", clean_up},
    {"clear", " clear yes dry_run ", clear},
    {NULL, " task status meta limit before ", look},
};

static bool is_asked_for(const json_t *arguments, const char *option)
{
    const json_t *value = json_object_get(arguments, option);

    return value && !json_is_false(value);
}

/* What says nothing here would be taken for what was obeyed. */
static int check_arguments(const json_t *arguments, const struct action *action, struct error *err)
{
    bool is_one = !action->option && json_get_text(arguments, "task", NULL);
    const char *key;
    const json_t *value;

    json_object_foreach((json_t *)(uintptr_t)arguments, key, value)
    {
        char *word = mem_printf(" %s ", key);
        bool is_taken = is_one ? strcmp(key, "task") == 0 : strstr(action->takes, word) != NULL;

        free(word);
        if (!is_taken && !json_is_false(value)) {
            char *option = mem_strdup(key);

            for (char *at = option; *at; at++) {
                *at = *at == '_' ? '-' : *at;
            }
            (void)error_set(err, ERROR_INVALID, "%s%s does not go with %s",
                            strcmp(key, "task") == 0 ? "" : "--",
                            strcmp(key, "task") == 0 ? "a task" : option,
                            is_one           ? "one task"
                            : action->option ? "the other options"
                                             : "a list of tasks");
            error_hint(err, "see: fermata tasks --help");
            free(option);
            return ERROR_INVALID;
        }
    }
    return 0;
}

int op_tasks(struct ops *ops, const json_t *arguments, const struct ops_view *view,
             json_t **ret_result, struct error *err)
{
    const struct action *action = actions;
    int r;

    while (action->option && !is_asked_for(arguments, action->option)) {
        action++;
    }
    r = check_arguments(arguments, action, err);
    if (r == 0) {
        r = action->run(ops, arguments, view, ret_result, err);
    }
    if (r == 0) {
        json_put_text(*ret_result, "action", action->option);
    }
    return r;
}
