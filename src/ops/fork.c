/* SPDX-License-Identifier: MIT */
/* `fork`: a new run from one that is there. */
#include "run/fork.h"
#include "run/edit.h"

#include "base/alloc.h"
#include "base/file.h"
#include "ops/internal.h"
#include "plan/plan.h"
#include "results/results.h"

#include <stdlib.h>
#include <string.h>

/* What a fork is made of; `request` refers to the rest. */
struct fork {
    struct run_request request;
    char from[RUN_ID_SIZE];
    struct workflow *workflow;
    json_t *origin; /* see run_find_origin */
    json_t *inputs, *again;
};

static void fork_release(struct fork *fork)
{
    workflow_free(fork->workflow);
    json_decref(fork->origin);
    json_decref(fork->inputs);
    json_decref(fork->again);
}

static bool has_input(const struct workflow *workflow, const char *name)
{
    for (size_t i = 0; i < workflow->input_count; i++) {
        if (strcmp(workflow->inputs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int ops_inherit_inputs(struct ops *ops, const struct workflow *workflow, const json_t *origin,
                       const json_t *arguments, json_t **ret_inputs, struct error *err)
{
    json_t *given = json_object();
    json_t *inputs = NULL;
    const char *name;
    json_t *value;
    int r;

    json_object_foreach(json_object_get(origin, "inputs"), name, value)
    {
        if (has_input(workflow, name)) {
            json_put(given, name, json_incref(value));
        }
    }
    if (json_object_get(arguments, "input")) {
        (void)json_object_update(given, json_object_get(arguments, "input"));
    }
    r = ops_check_missing_inputs(workflow, given, err);
    r = r < 0 ? r : workflow_check_inputs(workflow, given, &inputs, err);
    r = r < 0 ? r : ops_check_input_paths(ops, workflow, inputs, err);
    json_decref(given);
    if (r == 0) {
        *ret_inputs = inputs;
        inputs = NULL;
    }
    json_decref(inputs);
    return r;
}

/* The workflow that is named, or that of the run with those that it calls. */
static int take_workflow(struct ops *ops, struct fork *fork, const json_t *arguments,
                         struct error *err)
{
    const char *name = json_get_text(arguments, "workflow", NULL);

    if (!name) {
        fork->request.calls = json_object_get(fork->origin, "calls");
        return 0;
    }
    workflow_free(fork->workflow);
    fork->workflow = NULL;
    return ops_load_workflow(ops, name, &fork->workflow, err);
}

static int take_again(struct fork *fork, const json_t *arguments, struct error *err)
{
    const char *from = json_get_text(arguments, "from", NULL);
    const struct phase *phase = NULL;
    const struct step *step = from ? workflow_find_step(fork->workflow, from, &phase) : NULL;
    struct plan *plan;

    if (!from) {
        return 0;
    }
    /* A fix step begins when the others have failed: they come first. */
    if (!step || step < phase->steps || step >= phase->steps + phase->step_count) {
        (void)error_set(err, ERROR_NOT_FOUND, "workflow %s has no step \"%s\"",
                        fork->workflow->name, from);
        error_hint(err, "see its steps: fermata show %s", fork->from);
        return ERROR_NOT_FOUND;
    }
    plan = plan_new(fork->workflow);
    fork->again = plan_list_downstream(plan, phase->index, (int)(step - phase->steps));
    plan_free(plan);
    return 0;
}

/* The texts that its nested runs will want: `fermata gc` may be removing the run they are of. */
static int keep_calls(const struct ops *ops, const json_t *calls, struct error *err)
{
    char *blobs = path_join(ops->folder, "blobs");
    const char *name;
    json_t *digest;
    int r = 0;

    json_object_foreach((json_t *)(uintptr_t)calls, name, digest)
    {
        if (r == 0 && !blob_keep(blobs, json_string_value(digest))) {
            r = error_set(err, ERROR_NOT_FOUND, "the text of workflow %s is no longer there", name);
        }
    }
    free(blobs);
    return r;
}

static int make_request(struct ops *ops, struct fork *fork, const json_t *arguments,
                        struct error *err)
{
    const json_t *origin;
    const char *strategy;
    int r = run_find_origin(ops->store, ops->folder, fork->from, &fork->workflow, &fork->origin,
                            err);

    if (r == 0 && json_get_boolean(fork->origin, "offline", false)) {
        config_go_offline(ops->config);
    }
    r = r < 0 ? r : take_workflow(ops, fork, arguments, err);
    r = r < 0
            ? r
            : ops_inherit_inputs(ops, fork->workflow, fork->origin, arguments, &fork->inputs, err);
    r = r < 0 ? r : take_again(fork, arguments, err);
    r = r < 0 ? r : keep_calls(ops, fork->request.calls, err);
    if (r < 0) {
        return r;
    }
    origin = fork->origin;
    strategy = json_get_text(origin, "strategy", NULL);
    fork->request = (struct run_request){
        .workflow = fork->workflow,
        .task = json_get_text(origin, "task", NULL),
        .inputs = fork->inputs,
        .strategy = strategy ? strategy_parse(strategy) : STRATEGY_UNSET,
        .is_bridged = json_get_boolean(origin, "bridge", false),
        .is_offline = ops->config->offline == OFFLINE_ONLY,
        .label = json_get_text(arguments, "label", json_get_text(origin, "label", NULL)),
        .task_id = json_get_text(origin, "task_id", NULL),
        .kind = json_get_text(origin, "kind", NULL),
        .calls = fork->request.calls,
        .forked_from = fork->from,
        .again = fork->again,
        .budget = json_object_get(origin, "budget"),
        .spent = json_object_get(origin, "spent"),
    };
    return 0;
}

/* What the new run would take over, and do. */
static int look_ahead(struct ops *ops, const struct fork *fork, json_t **ret_result,
                      struct error *err)
{
    struct engine_options options;
    json_t *none = json_object();
    struct run_edit edit = {.workflow = fork->workflow,
                            .inputs = fork->inputs,
                            .calls = fork->request.calls ? fork->request.calls : none,
                            .is_fork = true,
                            .again = fork->again};
    int r = ops_engine_options(ops, &options, err);

    r = r < 0 ? r : run_edit_preview(&options, fork->from, &edit, ret_result, err);
    json_decref(none);
    if (r == 0) {
        json_put(*ret_result, "dry_run", json_true());
    }
    return r;
}

int op_fork(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    struct fork fork = {0};
    int r = ops_need_config(ops, err);

    r = r < 0 ? r : ops_resolve_run(ops, arguments, fork.from, err);
    r = r < 0 ? r : make_request(ops, &fork, arguments, err);
    if (r == 0 && json_get_boolean(arguments, "dry_run", false)) {
        r = look_ahead(ops, &fork, ret_result, err);
    } else if (r == 0) {
        r = ops_start(ops, arguments, &fork.request, view, ret_result, err);
    }
    fork_release(&fork);
    return r;
}
