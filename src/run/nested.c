/* SPDX-License-Identifier: MIT */
/* A step that is a run of its own: created by its step, adopted again after a crash, and its status
 * told to the step. Both runs have their own journal; each learns about the other by events. */
#include "run/own.h"

#include "base/alloc.h"
#include "run/states.h"

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

    if (!parent || !state->parent_step) {
        return;
    }
    event = event_new(parent, EVENT_CHILD, state->parent_step);
    event->event.child = event_keep(event, state->id);
    event->event.child_status = state->status;
    event->event.outcome.error = event_keep(event, state->detail);
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
        r = workflow_check_inputs(workflow, given, ret_inputs, err);
    }
    json_decref(given);
    return r;
}

static int create(struct active *active, const struct step_state *step, struct error *err)
{
    struct engine *engine = active->engine;
    struct run_request request = {.task = active->state->task,
                                  .strategy = active->state->strategy,
                                  .is_fresh = active->state->is_fresh};
    struct workflow *workflow = NULL;
    json_t *inputs = NULL;
    int r = engine->options.load_workflow(engine->options.loader_context,
                                          step->definition->workflow, &workflow, err);

    if (r == 0) {
        r = child_inputs(active, step, workflow, &inputs, err);
    }
    if (r == 0) {
        request.workflow = workflow;
        request.inputs = inputs;
        r = active_create_nested(active, step, &request, err);
    }
    if (r == 0) {
        engine_post(engine, event_new(engine_find(engine, step->child), EVENT_BEGIN, NULL));
    }
    json_decref(inputs);
    workflow_free(workflow);
    return r;
}

static const char *word_of(enum wish wish)
{
    switch (wish) {
    case WISH_NONE:
        break;
    case WISH_PAUSE:
        return "pause";
    case WISH_STOP:
    case WISH_FAIL:
        return "stop";
    case WISH_CANCEL:
        return "cancel";
    }
    return NULL;
}

/* The run exists: it goes on where it stood, and hears what was asked of its parent meanwhile. */
static int adopt(struct active *active, int step, struct error *err)
{
    const char *child = active->state->steps[step].child;
    const char *word = word_of(active->state->wish);
    int r = run_adopt(active->engine, child, err);

    if (r < 0) {
        return r;
    }
    if (word) {
        nested_command(active, child, word);
    }
    nested_tell_parent(engine_find(active->engine, child));
    return 0;
}

static int find_child(struct tx *tx, void *arg, struct error *err)
{
    char digest[65];

    return journal_find_digest(tx, arg, digest, err);
}

static void on_due(struct active *active, const char *key)
{
    const struct step_state *step = run_find_step(active->state, key);

    if (step->waiting == WAITING_WORKFLOW) {
        nested_start(active, run_step_index(active->state, step));
    }
}

void nested_start(struct active *active, int index)
{
    struct engine *engine = active->engine;
    const struct host *host = engine->options.host;
    struct step_state *step = &active->state->steps[index];
    struct queued_event *event;
    struct error err = ERROR_INIT;
    int r = store_read(engine->options.store, find_child, step->child, &err);

    if (r == 0) {
        r = adopt(active, index, &err);
    } else if (r == ERROR_NOT_FOUND) {
        r = create(active, step, &err);
    }
    if (r == ERROR_BUSY || (r < 0 && err.is_storage_full)) {
        /* Another process is at work on it, or there is no space: neither is a failure. */
        if (err.is_storage_full) {
            engine_stall(engine, &err);
        }
        timer_start(active, step->key, host->now_ms(host->context) + STORAGE_RETRY_MS, on_due);
        return;
    }
    if (r < 0) {
        event = event_new(active, EVENT_CHILD, step->key);
        event->event.child = event_keep(event, step->child);
        event->event.child_status = RUN_FAILED;
        event->event.outcome.error = event_keep(event, err.text);
        engine_post(engine, event);
    }
}

void nested_await(struct active *child)
{
    const struct run_state *state = child->state;
    const struct host *host = child->engine->options.host;
    struct active *parent = state->parent ? engine_find(child->engine, state->parent) : NULL;

    if (parent && state->parent_step) {
        timer_start(parent, state->parent_step, host->now_ms(host->context) + STORAGE_RETRY_MS,
                    on_due);
    }
}

void nested_command(struct active *active, const char *child_id, const char *word)
{
    struct active *child = child_id ? engine_find(active->engine, child_id) : NULL;

    if (child) {
        struct queued_event *event = event_new(child, EVENT_COMMAND, NULL);

        event->event.command = event_hold(event, nested_command_text(word));
        engine_post(active->engine, event);
    }
}

json_t *nested_command_text(const char *word)
{
    bool is_stop = strcmp(word, "stop") == 0;

    return json_pack("{s:s, s:b, s:b}", "do", is_stop ? "pause" : word, "stop", is_stop,
                     "retry_failed", 1);
}
