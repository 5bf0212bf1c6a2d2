/* SPDX-License-Identifier: MIT */
#include "run/fork.h"

#include "run/own.h"

#include <string.h>

static json_t *describe_origin(const struct run_state *run)
{
    json_t *origin = json_object();

    json_put(origin, "inputs", json_incref(run->inputs));
    json_put_text(origin, "task", run->task);
    json_put_text(origin, "label", run->label);
    json_put_text(origin, "kind", run->kind);
    json_put_text(origin, "strategy", run->strategy ? strategy_name(run->strategy) : NULL);
    json_put(origin, "calls", json_incref(run->calls));
    json_put(origin, "offline", json_boolean(run->is_offline));
    json_put(origin, "bridge", json_boolean(run->is_bridged));
    json_put(origin, "budget", budget_encode(&run->budget));
    json_put(origin, "spent", run_describe_spent(run));
    return origin;
}

/* That of the run at the top, by the name of that run where it has no other. */
static int put_task_id(struct store *store, const char *folder, const struct run_state *run,
                       json_t *origin, struct error *err)
{
    struct workflow *workflow = NULL;
    struct run_state *parent = NULL;
    char own[TASK_ID_SIZE];
    int r;

    if (!run->parent) {
        task_id_of_run(run->id, own);
        json_put_text(origin, "task_id", run->task_id ? run->task_id : own);
        return 0;
    }
    r = run_load_state(store, folder, run->parent, &workflow, &parent, err);
    if (r == 0) {
        r = put_task_id(store, folder, parent, origin, err);
    }
    run_state_free(parent);
    workflow_free(workflow);
    return r;
}

int run_find_origin(struct store *store, const char *folder, const char *run_id,
                    struct workflow **ret_workflow, json_t **ret_origin, struct error *err)
{
    struct workflow *workflow = NULL;
    struct run_state *run = NULL;
    json_t *origin;
    int r = run_load_state(store, folder, run_id, &workflow, &run, err);

    if (r < 0) {
        return r;
    }
    origin = describe_origin(run);
    r = put_task_id(store, folder, run, origin, err);
    run_state_free(run);
    if (r < 0) {
        json_decref(origin);
        workflow_free(workflow);
        return r;
    }
    *ret_workflow = workflow;
    *ret_origin = origin;
    return 0;
}
