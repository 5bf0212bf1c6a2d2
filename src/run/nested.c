/* SPDX-License-Identifier: MIT */
/* A step that is a run of its own: created by its step, adopted again after a crash, and its status
 * told to the step. Both runs have their own journal; each learns about the other by events. */
#include "run/own.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "run/lookup.h"
#include "run/states.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The step that speaks for a whole run: the one that the workflow names, else its last one. */
static const struct step_state *find_spokesman(const struct run_state *state)
{
    const struct workflow *workflow = state->workflow;
    const struct phase *last = &workflow->phases[workflow->phase_count - 1];

    if (workflow->report) {
        return run_find_step(state, workflow->report);
    }
    return last->step_count > 0 ? run_find_step(state, last->steps[last->step_count - 1].id) : NULL;
}

void nested_tell_parent(struct active *child)
{
    const struct run_state *state = child->state;
    struct active *parent = state->parent ? engine_find(child->engine, state->parent) : NULL;
    const struct step_state *spokesman = find_spokesman(state);
    struct queued_event *event;

    if (!parent) {
        return;
    }
    event = event_new(parent, EVENT_CHILD, state->parent_step);
    event->event.child = event_keep(event, state->id);
    event->event.child_status = state->status;
    event->event.outcome.error = event_keep(event, state->detail);
    event->event.child_short_run = event_keep(event, state->reason_run);
    event->event.child_short_name = event_keep(event, state->reason_budget);
    if (spokesman && state->status == RUN_COMPLETED) {
        event->event.outcome.output = event_hold(event, json_incref(spokesman->result.output));
        event->event.outcome.artifacts = event_hold(event,
                                                    json_incref(spokesman->result.artifacts));
    }
    engine_post(parent->engine, event);
}

static int child_inputs(struct active *active, const struct step_state *step,
                        const struct workflow *workflow, json_t **ret_inputs, struct error *err)
{
    const struct step *definition = step_effective(step);
    struct lookup_context context = {.run = active->state,
                                     .step = step,
                                     .project = active->engine->options.project,
                                     .load = engine_load_blob,
                                     .load_context = active->engine};
    json_t *given = json_object();
    json_t *inputs = NULL;
    int r = 0;

    for (size_t i = 0; r == 0 && i < definition->input_count; i++) {
        json_t *value = NULL;

        r = template_evaluate(definition->inputs[i].value, run_lookup, &context, &value, err);
        if (r == 0 && context.unread) {
            json_decref(value);
            r = error_set(err, ERROR_IO, "the output of step %s cannot be read", context.unread);
        } else if (r == 0) {
            json_put(given, definition->inputs[i].name, value);
        }
    }
    if (r == 0) {
        r = workflow_check_inputs(workflow, given, &inputs, err);
    }
    json_decref(given);
    if (r == 0) {
        r = run_check_paths(workflow, inputs, active->engine->options.project, err);
    }
    if (r < 0) {
        json_decref(inputs);
        return r;
    }
    *ret_inputs = inputs;
    return 0;
}

/* A nested run that comes late hears what was asked of its parent meanwhile. One of a run that
 * fails may go on to its end, as any step. */
static const char *word_of(enum wish wish)
{
    switch (wish) {
    case WISH_NONE:
    case WISH_FAIL:
        break;
    case WISH_PAUSE:
        return "pause";
    case WISH_STOP:
        return "stop";
    case WISH_CANCEL:
        return "cancel";
    }
    return NULL;
}

static void try_later(struct active *active, const char *key,
                      void (*on_due)(struct active *active, const char *key))
{
    const struct host *host = active->engine->options.host;

    timer_start(active, key, host->now_ms(host->context) + STORAGE_RETRY_MS, on_due);
}

static void post_end(struct active *active, const char *key, const char *child,
                     const struct error *err)
{
    struct queued_event *event = event_new(active, EVENT_CHILD, key);

    event->event.child = event_keep(event, child);
    event->event.child_status = err ? RUN_FAILED : RUN_CANCELLED;
    event->event.outcome.error = event_keep(event, err ? err->text : NULL);
    engine_post(active->engine, event);
}

static void on_due(struct active *active, const char *key)
{
    nested_start(active, run_step_index(active->state, run_find_step(active->state, key)));
}

/* With the engine by now, or not. */
static void settle_start(struct active *active, const struct step_state *step, int result,
                         const struct error *err)
{
    const char *word = word_of(active->state->wish);

    if (result == 0 && word) {
        nested_command(active, step->child, word);
    } else if (result == ERROR_BUSY) {
        try_later(active, step->key, on_due); /* another process is at work on it */
    } else if (result < 0) {
        post_end(active, step->key, step->child, err);
    }
}

static void on_end_due(struct active *active, const char *key)
{
    const char *child;
    json_t *step;

    json_object_foreach(active->state->left, child, step)
    {
        if (strcmp(json_string_value(step), key) == 0) {
            nested_end(active, key, child);
        }
    }
}

/* A nested run on its way: locked and read from the store, on the pool; or a new one. */
struct taking {
    struct engine *engine;
    char run[RUN_ID_SIZE], child[RUN_ID_SIZE];
    char *key; /* of its step */
    /* Digest of its workflow, for one that was never begun; "": it has to be there. */
    char pinned[DIGEST_HEX_SIZE];
    struct active *active; /* NULL: was taken over */
    bool is_new;
    char *word; /* the last one that its parent passed on meanwhile; NULL: none */
    int result;
    struct error err;
};

static void taking_free(struct taking *taking)
{
    active_free(taking->active);
    free(taking->word);
    free(taking->key);
    free(taking);
}

static void read_on_pool(void *arg)
{
    struct taking *taking = arg;

    taking->result = active_read(taking->active, taking->child,
                                 *taking->pinned ? taking->pinned : NULL, &taking->is_new,
                                 &taking->err);
}

static int begin_child(struct active *parent, const struct step_state *step, struct taking *taking)
{
    struct run_request request = {.workflow = taking->active->workflow,
                                  .task = parent->state->task,
                                  .strategy = parent->state->strategy != STRATEGY_UNSET
                                                  ? parent->state->strategy
                                                  : step->definition->strategy,
                                  .is_fresh = step_is_again(parent->state, step),
                                  .is_offline = parent->state->is_offline,
                                  .is_bridged = parent->state->is_bridged,
                                  .kind = parent->state->kind,
                                  .calls = parent->state->calls};
    struct budget limits = budget_over(step->definition->budget, request.workflow->budget);
    json_t *budget = budget_is_empty(&limits) ? json_object() : budget_encode(&limits);
    json_t *inputs = NULL;
    int r = child_inputs(parent, step, request.workflow, &inputs, &taking->err);

    if (r == 0) {
        request.inputs = inputs;
        request.budget = budget;
        active_create_nested(taking->active, &request, parent, step->key);
        taking->active = NULL;
    }
    json_decref(budget);
    json_decref(inputs);
    return r;
}

static void go_on_with_child(struct taking *taking)
{
    active_take_over(taking->active);
    active_go_on(taking->active);
    taking->active = NULL;
}

static const char *pinned_digest(const struct active *active, const struct step_state *step)
{
    return json_get_text(active->state->calls, step->definition->workflow, "");
}

static int begin_or_go_on(struct active *parent, const struct step_state *step,
                          struct taking *taking)
{
    if (taking->result == ERROR_NOT_FOUND) {
        (void)error_set(&taking->err, ERROR_NOT_FOUND,
                        "the run was begun by a version that did not keep the text of workflow %s",
                        step->definition->workflow);
        error_hint(&taking->err, "start it anew");
    }
    if (taking->result < 0) {
        return taking->result;
    }
    if (taking->is_new) {
        return begin_child(parent, step, taking);
    }
    go_on_with_child(taking);
    nested_tell_parent(engine_find(parent->engine, taking->child));
    return 0;
}

/* For the step that waits for it. */
static void finish_start(struct taking *taking, struct active *parent,
                         const struct step_state *step)
{
    bool is_missing = taking->result == ERROR_NOT_FOUND || taking->is_new;
    int r;

    if (parent->state->wish >= WISH_FAIL && is_missing) {
        post_end(parent, step->key, taking->child, NULL);
    } else if (taking->result == ERROR_NOT_FOUND && *pinned_digest(parent, step)) {
        nested_start(parent, run_step_index(parent->state, step)); /* it is wanted again */
    } else {
        r = begin_or_go_on(parent, step, taking);
        if (r == 0 && taking->word && !word_of(parent->state->wish)) {
            nested_command(parent, taking->child, taking->word);
        }
        settle_start(parent, step, r, &taking->err);
    }
}

/* Nobody waits for it any more: it is cancelled. One that is over refuses, and tells so. */
static void finish_end(struct taking *taking, struct active *parent)
{
    if (taking->result == 0 && !taking->is_new) {
        go_on_with_child(taking);
        nested_command(parent, taking->child, "cancel");
    } else if (taking->result == ERROR_BUSY) {
        try_later(parent, taking->key, on_end_due);
    } else {
        post_end(parent, taking->key, taking->child,
                 taking->is_new || taking->result == ERROR_NOT_FOUND ? NULL : &taking->err);
    }
}

static void finish(struct taking *taking)
{
    struct active *parent = engine_find(taking->engine, taking->run);
    const struct step_state *step = parent ? run_find_step(parent->state, taking->key) : NULL;

    assert(!engine_find(taking->engine, taking->child));
    if (!step) {
        return;
    }
    if (step->waiting == WAITING_WORKFLOW && step->child &&
        strcmp(step->child, taking->child) == 0) {
        finish_start(taking, parent, step);
    } else if (json_object_get(parent->state->left, taking->child)) {
        finish_end(taking, parent);
    }
}

static void on_read(void *arg)
{
    struct taking *taking = arg;
    struct engine *engine = taking->engine;

    (void)map_remove(engine->takings, taking->child);
    if (!engine->is_closing) {
        finish(taking);
    }
    taking_free(taking);
    engine_work_done(engine);
}

static void take(struct active *parent, const char *key, const char *child, const char *pinned)
{
    struct engine *engine = parent->engine;
    struct taking *taking;

    if (map_find(engine->takings, child)) {
        return; /* what becomes of it is decided when it is there */
    }
    taking = mem_zero(1, sizeof(*taking));
    taking->engine = engine;
    taking->key = mem_strdup(key);
    taking->active = active_new(engine, child);
    memcpy(taking->run, parent->state->id, RUN_ID_SIZE);
    memcpy(taking->child, child, RUN_ID_SIZE);
    (void)snprintf(taking->pinned, sizeof(taking->pinned), "%s", pinned);
    (void)map_put(engine->takings, taking->child, taking);
    engine->pool_jobs++;
    loop_submit(engine->options.loop, read_on_pool, on_read, taking);
}

void nested_start(struct active *active, int index)
{
    const struct step_state *step = &active->state->steps[index];
    struct active *child;

    if (step->waiting != WAITING_WORKFLOW) {
        return; /* taken back meanwhile */
    }
    child = engine_find(active->engine, step->child);
    if (child) {
        nested_tell_parent(child);
        settle_start(active, step, 0, NULL);
    } else {
        take(active, step->key, step->child,
             active->state->wish >= WISH_FAIL ? "" : pinned_digest(active, step));
    }
}

void nested_end(struct active *active, const char *key, const char *child)
{
    if (engine_find(active->engine, child)) {
        nested_command(active, child, "cancel"); /* one that is over refuses, and tells so */
    } else {
        take(active, key, child, "");
    }
}

void nested_await(struct active *child)
{
    const struct run_state *state = child->state;
    struct active *parent = state->parent ? engine_find(child->engine, state->parent) : NULL;

    if (parent) {
        bool is_left = json_object_get(parent->state->left, state->id) != NULL;

        try_later(parent, state->parent_step, is_left ? on_end_due : on_due);
    }
}

void nested_command(struct active *active, const char *child_id, const char *word)
{
    struct active *child = child_id ? engine_find(active->engine, child_id) : NULL;
    struct taking *taking = child_id && !child ? map_find(active->engine->takings, child_id) : NULL;

    if (child) {
        struct queued_event *event = event_new(child, EVENT_COMMAND, NULL);

        event->event.command = event_hold(event, nested_command_text(word));
        engine_post(active->engine, event);
    } else if (taking) {
        free(taking->word);
        taking->word = mem_strdup(word);
    }
}

json_t *nested_command_text(const char *word)
{
    bool is_stop = strcmp(word, "stop") == 0;

    return json_pack("{s:s, s:b, s:b}", "do", is_stop ? "pause" : word, "stop", is_stop,
                     "retry_failed", 1);
}
