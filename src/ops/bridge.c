/* SPDX-License-Identifier: MIT */
/* The bridge as operations see it: what the host is to do, whether it did. */
#include "ops/internal.h"

#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 32

/* The run that a step waits for while it rests too; NULL: none. The caller owns it. */
static json_t *load_child(struct ops *ops, const json_t *step)
{
    const char *child = json_get_text(step, "child", NULL);
    json_t *run = NULL;

    if (child && strcmp(json_get_text(step, "status", ""), "paused") == 0) {
        (void)run_show(ops->store, ops->folder, child, &run, NULL);
    }
    return run;
}

typedef int (*run_visitor)(struct ops *ops, const json_t *run, void *context, struct error *err);

/* The run, and all that its steps wait for. */
static int visit_family(struct ops *ops, const json_t *run, int depth, run_visitor visit,
                        void *context, struct error *err);

static int visit_children(struct ops *ops, const json_t *steps, int depth, run_visitor visit,
                          void *context, struct error *err)
{
    const json_t *step;
    size_t i;
    int r = 0;

    json_array_foreach((json_t *)steps, i, step)
    {
        json_t *child = load_child(ops, step);

        if (r == 0 && child) {
            r = visit_family(ops, child, depth + 1, visit, context, err);
        }
        if (r == 0) {
            r = visit_children(ops, json_object_get(step, "instances"), depth, visit, context, err);
        }
        json_decref(child);
    }
    return r;
}

static int visit_family(struct ops *ops, const json_t *run, int depth, run_visitor visit,
                        void *context, struct error *err)
{
    const json_t *phase;
    size_t i;
    int r = visit(ops, run, context, err);

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        if (r == 0 && depth < NESTING_MAX) {
            r = visit_children(ops, json_object_get(phase, "steps"), depth, visit, context, err);
        }
    }
    return r;
}

static int add_requests(struct ops *ops, const json_t *run, void *context, struct error *err)
{
    json_t *requests = run_host_requests(ops->folder, run);

    (void)err;
    (void)json_array_extend(context, requests);
    json_decref(requests);
    return 0;
}

void ops_add_host_requests(struct ops *ops, json_t *run)
{
    json_t *requests = json_array();

    if (strcmp(json_get_text(run, "status", ""), "paused") == 0) {
        (void)visit_family(ops, run, 0, add_requests, requests, NULL);
    }
    if (json_array_size(requests) > 0) {
        json_put(run, "host", json_incref(requests));
    }
    json_decref(requests);
}

static int check_run(struct ops *ops, const json_t *run, void *context, struct error *err)
{
    int r = run_check_host(ops->folder, run, err);

    (void)context;
    if (r < 0) {
        error_hint(err, "write the response again; the run waits as before");
    }
    return r;
}

int ops_check_host(struct ops *ops, const json_t *run, struct error *err)
{
    return visit_family(ops, run, 0, check_run, NULL, err);
}
