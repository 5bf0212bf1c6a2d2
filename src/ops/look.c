/* SPDX-License-Identifier: MIT */
/* Questions about runs. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "ops/internal.h"
#include "results/results.h"

#include <string.h>

#define LIST_DEFAULT 20
#define ARTIFACTS_DEFAULT 100
#define LIMIT_MAX 1000

int ops_read_limit(const json_t *arguments, int fallback, int *ret_limit, struct error *err)
{
    json_int_t limit = json_get_integer(arguments, "limit", fallback);

    if (limit < 1 || limit > LIMIT_MAX) {
        return error_set(err, ERROR_INVALID, "--limit: must be between 1 and %d", LIMIT_MAX);
    }
    *ret_limit = (int)limit;
    return 0;
}

/* What no table can know: the time, and who is alive. */
static void complete_list(const struct ops *ops, const json_t *runs)
{
    json_t *run;
    size_t i;

    json_array_foreach(runs, i, run)
    {
        ops_mark_overdue(run, ops_now_ms());
        json_put(run, "owned",
                 json_boolean(!json_object_get(run, "ended_at") &&
                              run_is_owned(ops->folder, json_get_text(run, "id", ""))));
    }
}

static int find_runs(struct ops *ops, const struct run_filter *wanted, json_t **ret_list,
                     struct error *err)
{
    struct run_filter filter = *wanted;
    char before[RUN_ID_SIZE];
    int r = ops_make_store(ops, err);

    if (r == 0 && filter.before) {
        r = run_resolve(ops->store, filter.before, before, err);
        filter.before = before;
    }
    return r < 0 ? r : run_list(ops->store, ops->folder, &filter, ret_list, err);
}

/* A mistyped name looks like one without runs; known is what there is or was a workflow of. */
static int check_workflow_name(struct ops *ops, const char *name, struct error *err)
{
    struct run_filter any = {.workflow = name, .limit = 1};
    json_t *list = NULL;
    bool has_runs;
    int r;

    if (ops->store) {
        r = run_list(ops->store, ops->folder, &any, &list, err);
        if (r < 0) {
            return r;
        }
        has_runs = json_array_size(json_object_get(list, "runs")) > 0;
        json_decref(list);
        if (has_runs) {
            return 0;
        }
    }
    return ops_check_workflow_name(ops, name, err);
}

int op_list(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    struct run_filter filter = {
        .status = json_get_text(arguments, "status", NULL),
        .workflow = json_get_text(arguments, "workflow", NULL),
        .before = json_get_text(arguments, "before", NULL),
    };
    json_t *list = NULL;
    int r = ops_read_limit(arguments, LIST_DEFAULT, &filter.limit, err);

    (void)view;
    if (r < 0) {
        return r;
    }
    r = ops_need_project(ops, err);
    if (r < 0) {
        return r;
    }
    if (ops_has_store(ops)) {
        r = find_runs(ops, &filter, &list, err);
    } else {
        list = json_pack("{s:[], s:n}", "runs", "next");
    }
    if (r == 0 && filter.workflow && json_array_size(json_object_get(list, "runs")) == 0) {
        r = check_workflow_name(ops, filter.workflow, err);
    }
    if (r < 0) {
        json_decref(list);
        return r;
    }
    complete_list(ops, json_object_get(list, "runs"));
    *ret_result = list;
    return 0;
}

int op_status(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    char run_id[RUN_ID_SIZE];
    int r = ops_resolve_run(ops, arguments, run_id, err);

    (void)view;
    return r < 0 ? r : ops_describe_run(ops, run_id, false, ret_result, err);
}

int op_show(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    char run_id[RUN_ID_SIZE];
    json_t *metrics = NULL;
    int r = ops_resolve_run(ops, arguments, run_id, err);

    (void)view;
    if (r == 0 && json_get_boolean(arguments, "metrics", false)) {
        r = run_metrics(ops->store, run_id, &metrics, err);
    }
    if (r == 0) {
        r = ops_describe_run(ops, run_id, false, ret_result, err);
    }
    if (r == 0) {
        json_put(*ret_result, "metrics", json_incref(metrics));
    }
    json_decref(metrics);
    return r;
}

int op_checkpoints(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                   json_t **ret_result, struct error *err)
{
    char run_id[RUN_ID_SIZE];
    json_t *run;
    json_t *list;
    int r = ops_resolve_run(ops, arguments, run_id, err);

    (void)view;
    if (r == 0) {
        r = ops_show_run(ops, run_id, &run, err);
    }
    if (r < 0) {
        return r;
    }
    list = json_object_get(run, "checkpoints");
    *ret_result = json_object();
    json_put_text(*ret_result, "id", run_id);
    json_put(*ret_result, "checkpoints", list ? json_incref(list) : json_array());
    json_decref(run);
    return 0;
}

int op_artifacts(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                 json_t **ret_result, struct error *err)
{
    char run_id[RUN_ID_SIZE];
    struct run_artifacts_request request = {.run_id = run_id};
    json_t *run = NULL;
    int r = ops_read_limit(arguments, ARTIFACTS_DEFAULT, &request.limit, err);

    (void)view;
    request.before = json_get_integer(arguments, "before", 0);
    if (r == 0 && json_object_get(arguments, "before") && request.before < 1) {
        r = error_set(err, ERROR_INVALID, "--before: must be a number that a page ended with");
        error_hint(err, "leave it out for the newest");
    }
    if (r == 0) {
        r = ops_resolve_run(ops, arguments, run_id, err);
    }
    if (r == 0) {
        r = ops_show_run(ops, run_id, &run, err);
    }
    if (r == 0) {
        r = run_artifacts(ops->store, &request, ret_result, err);
    }
    if (r == 0) {
        json_put_text(*ret_result, "id", run_id);
    }
    json_decref(run);
    return r;
}

int op_explain(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err)
{
    const char *step = json_get_text(arguments, "step", NULL);
    char run_id[RUN_ID_SIZE];
    json_t *run = NULL;
    int r = ops_resolve_run(ops, arguments, run_id, err);

    (void)view;
    if (r == 0) {
        r = ops_show_run(ops, run_id, &run, err);
    }
    if (r == 0 && step && !ops_find_step(run, step)) {
        r = ops_no_such_step(run, step, err);
    }
    json_decref(run);
    if (r == 0) {
        r = run_explain(ops->store, run_id, step, ret_result, err);
    }
    if (r == 0) {
        json_put_text(*ret_result, "id", run_id);
    }
    return r;
}

/* ---- cat ---- */

/* The newest artifact of that name ("NAME" or "STEP/NAME"); NULL when there is none. */
static const json_t *find_artifact(const json_t *artifacts, const char *name)
{
    const json_t *artifact;
    size_t i;

    json_array_foreach(json_object_get(artifacts, "artifacts"), i, artifact)
    {
        const char *own = json_get_text(artifact, "name", "");
        char *full;
        bool is_it;

        if (strcmp(own, name) == 0) {
            return artifact;
        }
        full = mem_printf("%s/%s", json_get_text(artifact, "step", ""), own);
        is_it = strcmp(full, name) == 0;
        free(full);
        if (is_it) {
            return artifact;
        }
    }
    return NULL;
}

static int no_such_content(const char *run_id, const char *name, const json_t *artifacts,
                           struct error *err)
{
    struct strbuf names;
    const json_t *artifact;
    size_t i;
    int r = error_set(err, ERROR_NOT_FOUND, "run %s has no artifact and no step %s", run_id, name);

    strbuf_init(&names, ERROR_HINT_MAX / 2);
    json_array_foreach(json_object_get(artifacts, "artifacts"), i, artifact)
    {
        strbuf_addf(&names, "%s%s", i ? ", " : "", json_get_text(artifact, "name", ""));
    }
    if (names.length) {
        error_hint(err, "its artifacts are %s%s", names.data, names.overflow ? ", ..." : "");
    } else {
        error_hint(err, "it has no artifacts; `fermata show %s` lists its steps", run_id);
    }
    strbuf_release(&names);
    return r;
}

/* Text as it is; anything else as the path of its blob. */
static json_t *describe_content(const struct ops *ops, const char *name, const json_t *content,
                                const char *data, size_t length)
{
    const char *digest = json_get_text(content, "digest", NULL);
    json_t *result = json_object();

    json_put_text(result, "name", name);
    json_put_integer(result, "bytes", (json_int_t)length);
    json_put_text(result, "digest", digest);
    if (digest) {
        char *blobs = path_join(ops->folder, "blobs");
        char *path = blob_path(blobs, digest);

        json_put_text(result, "path", path);
        free(path);
        free(blobs);
    }
    if (!memchr(data, '\0', length) && utf8_is_valid(data, length)) {
        json_put(result, "text", json_stringn(data, length));
    }
    return result;
}

static int no_such_output(const json_t *step, struct error *err)
{
    const char *key = json_get_text(step, "key", "");
    size_t instances = json_array_size(json_object_get(step, "instances"));

    if (instances > 0) {
        (void)error_set(err, ERROR_NOT_FOUND, "step %s has %zu instances, each with its own output",
                        key, instances);
        error_hint(err, "name one of them: '%s[0]' to '%s[%zu]'", key, key, instances - 1);
        return ERROR_NOT_FOUND;
    }
    return error_set(err, ERROR_NOT_FOUND, "step %s is %s and has no output", key,
                     json_get_text(step, "status", ""));
}

int op_cat(struct ops *ops, const json_t *arguments, const struct ops_view *view,
           json_t **ret_result, struct error *err)
{
    const char *name = json_get_text(arguments, "name", "");
    const json_t *content;
    char run_id[RUN_ID_SIZE];
    struct run_artifacts_request every = {.run_id = run_id};
    json_t *artifacts = NULL;
    json_t *run = NULL;
    char *data = NULL;
    size_t length;
    int r = ops_resolve_run(ops, arguments, run_id, err);

    (void)view;
    if (r == 0) {
        r = run_artifacts(ops->store, &every, &artifacts, err);
    }
    if (r == 0) {
        r = ops_show_run(ops, run_id, &run, err);
    }
    if (r < 0) {
        goto out;
    }
    content = find_artifact(artifacts, name);
    if (!content) {
        content = json_object_get(ops_find_step(run, name), "output");
    }
    if (!content) {
        const json_t *step = ops_find_step(run, name);

        r = step ? no_such_output(step, err) : no_such_content(run_id, name, artifacts, err);
        goto out;
    }
    r = ops_read_output(ops, content, &data, &length, err);
    if (r == 0) {
        *ret_result = describe_content(ops, name, content, data, length);
    }
out:
    free(data);
    json_decref(artifacts);
    json_decref(run);
    return r;
}
