/* SPDX-License-Identifier: MIT */
/* A step that is a run of its own: created by its step, adopted again after a crash, and its status
 * told to the step. Both runs have their own journal; each learns about the other by events. */
#include "run/own.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "results/results.h"
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

    if (!parent) {
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

static int find_child(struct tx *tx, void *arg, struct error *err)
{
    char digest[65];

    return journal_find_digest(tx, arg, digest, err);
}

/* 0 when the run is with this engine now, ERROR_NOT_FOUND when it was never begun. */
static int take(struct engine *engine, const char *child, struct error *err)
{
    int r = engine_find(engine, child)
                ? 0
                : store_read(engine->options.store, find_child, (char *)child, err);

    return r < 0 ? r : run_adopt(engine, child, err);
}

/* Another process is at work on it, or there is no space: neither is a failure. */
static bool is_to_wait(int result, const struct error *err)
{
    return result == ERROR_BUSY || (result < 0 && err->is_storage_full);
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
    } else if (is_to_wait(result, err)) {
        if (err->is_storage_full) {
            engine_stall(active->engine, err);
        }
        try_later(active, step->key, on_due);
    } else if (result < 0) {
        post_end(active, step->key, step->child, err);
    }
}

/* A nested run on its way: its workflow's text is kept on the pool first. */
struct creation {
    struct engine *engine;
    char run[RUN_ID_SIZE], child[RUN_ID_SIZE];
    char *key;
    struct workflow *workflow;
    json_t *inputs;
    int result;
    struct error err;
};

static void creation_free(struct creation *creation)
{
    json_decref(creation->inputs);
    workflow_free(creation->workflow);
    free(creation->key);
    free(creation);
}

/* The step that waits for it; NULL: it was taken back, or somebody was faster. */
static const struct step_state *find_waiting(const struct creation *creation)
{
    const struct active *active = engine_find(creation->engine, creation->run);
    const struct step_state *step = active ? run_find_step(active->state, creation->key) : NULL;
    bool is_wanted = step && step->waiting == WAITING_WORKFLOW && step->child &&
                     strcmp(step->child, creation->child) == 0;

    return is_wanted && !engine_find(creation->engine, creation->child) ? step : NULL;
}

static int begin_child(struct active *active, const struct step_state *step,
                       const struct creation *creation, struct error *err)
{
    const struct run_request request = {.workflow = creation->workflow,
                                        .inputs = creation->inputs,
                                        .task = active->state->task,
                                        .strategy = active->state->strategy,
                                        .is_fresh = active->state->is_fresh,
                                        .is_bridged = active->state->is_bridged};

    return active_create_later(active->engine, step->child, &request, active, step->key, err);
}

static void finish(struct creation *creation)
{
    struct active *active = engine_find(creation->engine, creation->run);
    const struct step_state *step = find_waiting(creation);
    int r = creation->result;

    if (step && active->state->wish >= WISH_FAIL) {
        post_end(active, creation->key, creation->child, NULL);
    } else if (step) {
        if (r == 0) {
            r = begin_child(active, step, creation, &creation->err);
        }
        settle_start(active, step, r, &creation->err);
    }
    creation_free(creation);
}

static void keep_on_pool(void *arg)
{
    struct creation *creation = arg;
    char digest[DIGEST_HEX_SIZE];

    creation->result = blob_put(creation->engine->blobs, creation->workflow->text,
                                creation->workflow->text_length, digest, &creation->err);
}

static void on_kept(void *arg)
{
    struct creation *creation = arg;
    struct engine *engine = creation->engine;

    if (engine->is_closing) {
        creation_free(creation);
    } else {
        finish(creation);
    }
    engine_work_done(engine);
}

/* Negative: it cannot be begun. Otherwise it will be, and hears what was asked of its parent. */
static int create(struct active *active, const struct step_state *step, struct error *err)
{
    struct engine *engine = active->engine;
    struct creation *creation = mem_zero(1, sizeof(*creation));
    int r = engine->options.load_workflow(engine->options.loader_context,
                                          step->definition->workflow, &creation->workflow, err);

    if (r == 0) {
        r = child_inputs(active, step, creation->workflow, &creation->inputs, err);
    }
    if (r < 0) {
        creation_free(creation);
        return r;
    }
    creation->engine = engine;
    creation->key = mem_strdup(step->key);
    memcpy(creation->run, active->state->id, RUN_ID_SIZE);
    memcpy(creation->child, step->child, RUN_ID_SIZE);
    if (engine_has_definition(engine, creation->workflow->digest)) {
        finish(creation);
    } else {
        engine->pool_jobs++;
        loop_submit(engine->options.loop, keep_on_pool, on_kept, creation);
    }
    return 0;
}

void nested_start(struct active *active, int index)
{
    const struct step_state *step = &active->state->steps[index];
    struct error err = ERROR_INIT;
    int r;

    if (step->waiting != WAITING_WORKFLOW) {
        return; /* taken back meanwhile */
    }
    r = take(active->engine, step->child, &err);
    if (r == ERROR_NOT_FOUND && active->state->wish >= WISH_FAIL) {
        post_end(active, step->key, step->child, NULL);
    } else if (r == ERROR_NOT_FOUND) {
        r = create(active, step, &err);
        if (r < 0) {
            settle_start(active, step, r, &err);
        }
    } else {
        if (r == 0) {
            nested_tell_parent(engine_find(active->engine, step->child));
        }
        settle_start(active, step, r, &err);
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

void nested_end(struct active *active, const char *key, const char *child)
{
    struct error err = ERROR_INIT;
    int r = take(active->engine, child, &err);

    if (r == 0) {
        nested_command(active, child, "cancel"); /* one that is over refuses, and tells so */
    } else if (is_to_wait(r, &err)) {
        try_later(active, key, on_end_due);
    } else {
        post_end(active, key, child, r == ERROR_NOT_FOUND ? NULL : &err);
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
