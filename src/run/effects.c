/* SPDX-License-Identifier: MIT */
/* What a commit made due: attempts started, taken over and stopped, timers, nested runs, files. */
#include "base/alloc.h"
#include "base/file.h"
#include "functions/functions.h"
#include "run/engine.h"
#include "run/states.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static char *live_key(const char *run_id, const char *step)
{
    return mem_printf("%s/%s", run_id, step);
}

static struct live_attempt *live_find(struct engine *engine, const char *run_id, const char *step)
{
    char *key = live_key(run_id, step);
    struct live_attempt *live = map_find(engine->live, key);

    free(key);
    return live;
}

static struct live_attempt *live_new(struct active *active, int step)
{
    const struct step_state *state = &active->state->steps[step];
    struct live_attempt *live = mem_zero(1, sizeof(*live));
    char *key = live_key(active->state->id, state->key);

    live->engine = active->engine;
    memcpy(live->run, active->state->id, RUN_ID_SIZE);
    live->key = mem_strdup(state->key);
    live->attempt = state->attempts;
    live->folder = path_join(active->folder, state->folder);
    live->started_at = active->state->steps[step].started_at;
    (void)map_put(active->engine->live, key, live);
    free(key);
    return live;
}

static void live_release(struct live_attempt *live)
{
    launch_free(live->launch);
    collect_free(live->collect);
    attempt_watch_free(live->watch);
    free(live->key);
    free(live->folder);
    free(live);
}

static void start_waiting(struct engine *engine);

static void live_end(struct live_attempt *live)
{
    struct engine *engine = live->engine;
    char *key = live_key(live->run, live->key);

    (void)map_remove(engine->live, key);
    free(key);
    if (live->has_place) {
        engine->processes--;
    }
    live_release(live);
    start_waiting(engine);
}

/* ---- the end of an attempt ---- */

static void read_outcome(void *arg)
{
    collect_read(((struct live_attempt *)arg)->collect);
}

static void on_outcome(void *arg)
{
    struct live_attempt *live = arg;
    struct engine *engine = live->engine;
    struct active *active = engine_find(engine, live->run);

    if (active && !engine->is_closing) {
        struct queued_event *event = event_new(active, EVENT_ATTEMPT_ENDED, live->key);

        event->event.attempt = live->attempt;
        collect_fill(live->collect, event);
        engine_post(engine, event);
    }
    live_end(live);
    engine_work_done(engine);
}

static void collect_outcome(struct live_attempt *live)
{
    struct active *active = engine_find(live->engine, live->run);
    struct step_state *step = active ? run_find_step(active->state, live->key) : NULL;

    assert(step);
    live->collect = collect_new(active, run_step_index(active->state, step), live->folder);
    live->engine->pool_jobs++;
    loop_submit(live->engine->options.loop, read_outcome, on_outcome, live);
}

static void on_keeper_end(void *arg)
{
    collect_outcome(arg);
}

static void post_failure(struct live_attempt *live, enum failure_class class_,
                         const struct error *err)
{
    struct active *active = engine_find(live->engine, live->run);
    struct queued_event *event = event_new(active, EVENT_ATTEMPT_ENDED, live->key);

    event->event.attempt = live->attempt;
    event->event.outcome.class_ = class_;
    event->event.outcome.exit_status = -1;
    event->event.outcome.error = event_keep(event, err->text);
    event->event.outcome.verdict = VERDICT_UNKNOWN;
    event->event.outcome.verdict_reason = event_keep(event, err->text);
    engine_post(live->engine, event);
    live_end(live);
}

static bool is_to_stop(const struct live_attempt *live)
{
    const struct active *active = engine_find(live->engine, live->run);

    return live->stop_wanted ||
           (active && (active->state->wish == WISH_STOP || active->state->wish == WISH_CANCEL));
}

static void watch(struct live_attempt *live, pid_t keeper)
{
    struct error err = ERROR_INIT;

    if (attempt_watch_start(live->engine->options.loop, live->folder, keeper, on_keeper_end, live,
                            &live->watch, &err) < 0) {
        post_failure(live, CLASS_TRANSIENT, &err);
        return;
    }
    if (is_to_stop(live)) {
        attempt_stop(live->watch, false);
    }
}

/* ---- the start ---- */

struct start {
    struct live_attempt *live;
    pid_t keeper;
    int result;
    struct error err;
};

static void start_on_pool(void *arg)
{
    struct start *start = arg;

    start->result = launch_start(start->live->launch, &start->keeper, &start->err);
}

static void on_started(void *arg)
{
    struct start *start = arg;
    struct live_attempt *live = start->live;
    struct engine *engine = live->engine;

    launch_free(live->launch);
    live->launch = NULL;
    if (engine->is_closing) {
        live_end(live);
    } else if (start->result < 0) {
        post_failure(live, CLASS_TRANSIENT, &start->err);
    } else {
        watch(live, start->keeper);
    }
    free(start);
    engine_work_done(engine);
}

static void launch_live(struct live_attempt *live)
{
    struct start *start = mem_zero(1, sizeof(*start));

    start->live = live;
    live->has_place = true;
    live->engine->processes++;
    live->engine->pool_jobs++;
    loop_submit(live->engine->options.loop, start_on_pool, on_started, start);
}

static void start_waiting(struct engine *engine)
{
    while (engine->waiting_head && engine->processes < engine->processes_max &&
           !engine->is_closing) {
        struct live_attempt *live = engine->waiting_head;

        engine->waiting_head = live->next_waiting;
        if (!engine->waiting_head) {
            engine->waiting_tail = &engine->waiting_head;
        }
        live->next_waiting = NULL;
        launch_live(live);
    }
}

static bool waiting_remove(struct engine *engine, struct live_attempt *live)
{
    for (struct live_attempt **link = &engine->waiting_head; *link; link = &(*link)->next_waiting) {
        if (*link == live) {
            *link = live->next_waiting;
            if (engine->waiting_tail == &live->next_waiting) {
                engine->waiting_tail = link;
            }
            return true;
        }
    }
    return false;
}

static void start_inline(struct active *active, int step)
{
    const struct step_state *state = &active->state->steps[step];
    struct queued_event *event = event_new(active, EVENT_ATTEMPT_ENDED, state->key);
    struct error err = ERROR_INIT;
    struct strbuf output;
    int r;

    strbuf_init(&output, FUNCTION_OUTPUT_BYTES_MAX);
    r = launch_inline(active, step, &output, &err);
    event->event.attempt = state->attempts;
    outcome_of_inline(active, step, &output, r, &err, event);
    strbuf_release(&output);
    engine_post(active->engine, event);
}

static void start_attempt(struct active *active, int step)
{
    struct engine *engine = active->engine;
    struct live_attempt *live;
    struct error err = ERROR_INIT;
    int r;

    if (!active->state->steps[step].folder) {
        start_inline(active, step);
        return;
    }
    live = live_new(active, step);
    r = launch_new(active, step, live->folder, &live->launch, &err);
    if (r < 0) {
        post_failure(live, CLASS_PERMANENT, &err);
        return;
    }
    *engine->waiting_tail = live;
    engine->waiting_tail = &live->next_waiting;
    start_waiting(engine);
}

/* ---- recovery ---- */

static void report_lost(struct live_attempt *live)
{
    struct error err = ERROR_INIT;

    (void)error_set(&err, ERROR_IO, "the process was lost with a crash");
    post_failure(live, CLASS_LOST, &err);
}

static void recover_attempt(struct active *active, int step)
{
    struct live_attempt *live = live_new(active, step);
    enum attempt_presence presence = ATTEMPT_GONE;
    struct error err = ERROR_INIT;
    pid_t keeper = 0;

    live->has_place = true;
    live->engine->processes++;
    if (attempt_probe(live->folder, &presence, &keeper, &err) < 0) {
        presence = ATTEMPT_GONE;
    }
    /* A keeper that was started but is late loses the claim to us, or had won it just now. */
    if (presence == ATTEMPT_ABSENT && !attempt_give_up(live->folder) && file_exists(live->folder) &&
        attempt_probe(live->folder, &presence, &keeper, &err) < 0) {
        presence = ATTEMPT_GONE;
    }
    switch (presence) {
    case ATTEMPT_ALIVE:
        watch(live, keeper);
        break;
    case ATTEMPT_ENDED:
        collect_outcome(live);
        break;
    case ATTEMPT_ABSENT:
    case ATTEMPT_GONE:
        report_lost(live);
        break;
    }
}

static void stop_attempt(struct active *active, int step)
{
    const char *key = active->state->steps[step].key;
    struct live_attempt *live = live_find(active->engine, active->state->id, key);
    struct error err = ERROR_INIT;

    if (!live) {
        return;
    }
    live->stop_wanted = true;
    if (waiting_remove(active->engine, live)) {
        (void)error_set(&err, ERROR_CANCELLED, "stopped before it started");
        post_failure(live, CLASS_CANCELLED, &err);
    } else if (live->watch) {
        attempt_stop(live->watch, false);
    }
}

/* ---- timers ---- */

static void timer_unlink(struct timer *timer)
{
    for (struct timer **link = &timer->engine->timers; *link; link = &(*link)->next) {
        if (*link == timer) {
            *link = timer->next;
            return;
        }
    }
}

static void on_timer(void *arg)
{
    struct timer *timer = arg;
    struct active *active = engine_find(timer->engine, timer->run);

    timer_unlink(timer);
    if (active && !timer->engine->is_closing) {
        engine_post(timer->engine, event_new(active, EVENT_TIMER, timer->key));
    }
    free(timer->key);
    free(timer);
}

static void set_timer(struct active *active, const struct effect *effect)
{
    struct engine *engine = active->engine;
    int64_t delay = effect->at - engine->options.host->now_ms(engine->options.host->context);
    struct timer *timer = mem_zero(1, sizeof(*timer));

    timer->engine = engine;
    memcpy(timer->run, active->state->id, RUN_ID_SIZE);
    timer->key = effect->step >= 0 ? mem_strdup(active->state->steps[effect->step].key) : NULL;
    timer->next = engine->timers;
    engine->timers = timer;
    timer->id = loop_timer_start(engine->options.loop, delay > 0 ? delay : 0, on_timer, timer);
}

/* ---- nested runs ---- */

static void post_child(struct active *parent, const char *step, const char *child,
                       enum run_status status)
{
    struct queued_event *event = event_new(parent, EVENT_CHILD, step);

    event->event.child = event_keep(event, child);
    event->event.child_status = status;
    engine_post(parent->engine, event);
}

static void tell_parent(struct active *child)
{
    const struct run_state *state = child->state;
    struct active *parent = state->parent ? engine_find(child->engine, state->parent) : NULL;

    if (parent && state->parent_step) {
        post_child(parent, state->parent_step, state->id, state->status);
    }
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
        if (r == 0) {
            json_put(given, definition->inputs[i].name, value);
        }
    }
    if (r == 0) {
        r = workflow_check_inputs(workflow, given, ret_inputs, err);
    }
    json_decref(given);
    return r;
}

static int create_child(struct active *active, const struct step_state *step, struct error *err)
{
    struct engine *engine = active->engine;
    struct run_request request = {.task = active->state->task,
                                  .strategy = active->state->strategy,
                                  .is_fresh = active->state->is_fresh};
    struct workflow *workflow = NULL;
    struct active *child = NULL;
    json_t *inputs = NULL;
    int r = engine->options.load_workflow(engine->options.loader_context,
                                          step->definition->workflow, &workflow, err);

    if (r == 0) {
        r = child_inputs(active, step, workflow, &inputs, err);
    }
    if (r == 0) {
        request.workflow = workflow;
        request.inputs = inputs;
        r = active_create(engine, step->child, &request, active->state, step->key, &child, err);
    }
    if (r == 0) {
        engine_post(engine, event_new(child, EVENT_BEGIN, NULL));
    }
    json_decref(inputs);
    workflow_free(workflow);
    return r;
}

static int has_child(struct tx *tx, void *arg, struct error *err)
{
    (void)err;
    return journal_has_run(tx, arg) ? 0 : ERROR_NOT_FOUND;
}

static void start_child(struct active *active, int step)
{
    struct engine *engine = active->engine;
    struct step_state *state = &active->state->steps[step];
    struct error err = ERROR_INIT;
    int r;

    if (store_read(engine->options.store, has_child, state->child, NULL) == 0) {
        r = engine_adopt(engine, state->child, &err);
        if (r == 0) {
            tell_parent(engine_find(engine, state->child));
            return;
        }
    } else {
        r = create_child(active, state, &err);
    }
    if (r < 0) {
        struct queued_event *event = event_new(active, EVENT_CHILD, state->key);

        event->event.child = event_keep(event, state->child);
        event->event.child_status = RUN_FAILED;
        event->event.outcome.error = event_keep(event, err.text);
        engine_post(engine, event);
    }
}

static void command_child(struct active *active, const struct effect *effect)
{
    const char *child_id = active->state->steps[effect->step].child;
    struct active *child = child_id ? engine_find(active->engine, child_id) : NULL;
    struct queued_event *event;
    bool is_stop = strcmp(effect->word, "stop") == 0;

    if (!child) {
        return;
    }
    event = event_new(child, EVENT_COMMAND, NULL);
    event->event.command = event_hold(event, json_pack("{s:s, s:b, s:b}", "do",
                                                       is_stop ? "pause" : effect->word, "stop",
                                                       is_stop, "retry_failed", true));
    engine_post(active->engine, event);
}

static void come_to_rest(struct active *active)
{
    files_rest(active);
    tell_parent(active);
}

static void carry_out(struct active *active, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_PREPARE:
        prepare_step(active, effect->step, effect->word != NULL);
        break;
    case EFFECT_START:
        start_attempt(active, effect->step);
        break;
    case EFFECT_RECOVER:
        recover_attempt(active, effect->step);
        break;
    case EFFECT_STOP:
        stop_attempt(active, effect->step);
        break;
    case EFFECT_TIMER:
        set_timer(active, effect);
        break;
    case EFFECT_CHILD_START:
        start_child(active, effect->step);
        break;
    case EFFECT_CHILD_COMMAND:
        command_child(active, effect);
        break;
    case EFFECT_CHECKPOINT:
        files_checkpoint(active, effect->word, effect->data);
        break;
    case EFFECT_REST:
        come_to_rest(active);
        break;
    }
}

void effects_carry_out(struct active *active)
{
    for (size_t i = 0; i < active->batch.effects.count; i++) {
        carry_out(active, &active->batch.effects.items[i]);
    }
    if (active->state->parent && active->state->status == RUN_RUNNING) {
        tell_parent(active);
    }
}

void effects_stop_all(struct engine *engine)
{
    size_t cursor = 0;
    const char *key;
    void *value;

    while (map_next(engine->live, &cursor, &key, &value)) {
        live_release(value);
    }
    engine->waiting_head = NULL;
}
