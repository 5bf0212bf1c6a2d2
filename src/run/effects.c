/* SPDX-License-Identifier: MIT */
/* What a commit made due: attempts started, taken over and stopped, timers, nested runs, files. */
#include "base/alloc.h"
#include "base/file.h"
#include "functions/functions.h"
#include "run/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define URGE_FIRST_MS 100 /* after the deadline, which is its keeper's to see to */
#define URGE_MS 250

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
    loop_cancel(live->engine->options.loop, live->pause);
    loop_cancel(live->engine->options.loop, live->urge);
    launch_free(live->launch);
    collect_free(live->collect);
    attempt_watch_free(live->watch);
    free(live->key);
    free(live->folder);
    free(live);
}

static void start_waiting(struct engine *engine);

static void live_remove(struct live_attempt *live)
{
    char *key = live_key(live->run, live->key);

    (void)map_remove(live->engine->live, key);
    free(key);
}

static void live_end(struct live_attempt *live)
{
    struct engine *engine = live->engine;

    if (!live->is_let_go) {
        live_remove(live);
    }
    if (live->has_place) {
        engine->processes--;
    }
    live_release(live);
    start_waiting(engine);
}

/* The storage is full: what was to be done for this attempt is done again until there is space. */
static void park(struct live_attempt *live, const struct error *err, loop_callback again)
{
    struct engine *engine = live->engine;

    engine->parked++;
    engine_stall(engine, err);
    live->pause = loop_timer_start(engine->options.loop, STORAGE_RETRY_MS, again, live);
}

static void unpark(struct live_attempt *live)
{
    loop_cancel(live->engine->options.loop, live->pause);
    live->pause = (loop_id){0};
    live->engine->parked--;
}

/* ---- the end of an attempt ---- */

static void collect_outcome(struct live_attempt *live);

static void on_collect_again(void *arg)
{
    unpark(arg);
    collect_outcome(arg);
}

static void read_outcome(void *arg)
{
    collect_read(((struct live_attempt *)arg)->collect);
}

static void on_outcome(void *arg)
{
    struct live_attempt *live = arg;
    struct engine *engine = live->engine;
    struct active *active = engine_find(engine, live->run);
    const struct error *missing = collect_lacks_storage(live->collect);

    live->is_on_pool = false;
    if (missing && !engine->is_closing && !live->is_let_go) {
        park(live, missing, on_collect_again);
        engine_work_done(engine);
        return;
    }
    if (active && !engine->is_closing && !live->is_let_go) {
        struct queued_event *event = event_new(active, EVENT_ATTEMPT_ENDED, live->key);

        event->event.attempt = live->attempt;
        collect_fill(live->collect, event);
        event->learned_at_us = live->ended_at_us;
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
    collect_free(live->collect);
    live->collect = collect_new(active, run_step_index(active->state, step), live);
    live->engine->pool_jobs++;
    live->is_on_pool = true;
    loop_submit(live->engine->options.loop, read_outcome, on_outcome, live);
}

static void on_keeper_end(void *arg)
{
    struct live_attempt *live = arg;

    live->ended_at_us = engine_clock_us(live->engine);
    live->is_kept = attempt_is_kept(live->watch);
    loop_cancel(live->engine->options.loop, live->urge);
    collect_outcome(live);
}

static struct queued_event *failure_new(const struct live_attempt *live, enum failure_class class_,
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
    return event;
}

static void post_failure(struct live_attempt *live, enum failure_class class_,
                         const struct error *err)
{
    engine_post(live->engine, failure_new(live, class_, err));
    live_end(live);
}

/* Its keeper never had the claim and cannot get it any more: nothing was done. */
static void post_unbegun(struct live_attempt *live)
{
    struct error err = ERROR_INIT;
    struct queued_event *event;

    (void)error_set(&err, ERROR_IO, "its process had not begun before a crash");
    event = failure_new(live, CLASS_LOST, &err);
    event->event.outcome.is_unbegun = true;
    engine_post(live->engine, event);
    live_end(live);
}

static bool is_to_stop(const struct live_attempt *live)
{
    const struct active *active = engine_find(live->engine, live->run);

    return live->stop_wanted ||
           (active && (active->state->wish == WISH_STOP || active->state->wish == WISH_CANCEL));
}

/* A keeper that something keeps stopped ends nothing. */
static void on_urge(void *arg)
{
    struct live_attempt *live = arg;

    live->is_overdue = attempt_urge(live->watch) || live->is_overdue;
    live->urge = loop_timer_start(live->engine->options.loop, URGE_MS, on_urge, live);
}

static void urge_after(struct live_attempt *live, int64_t delay_ms)
{
    loop_cancel(live->engine->options.loop, live->urge);
    live->urge = loop_timer_start(live->engine->options.loop, delay_ms, on_urge, live);
}

static void stop_watched(struct live_attempt *live)
{
    attempt_stop(live->watch, false);
    urge_after(live, URGE_FIRST_MS);
}

static int64_t timeout_of(const struct live_attempt *live)
{
    const struct active *active = engine_find(live->engine, live->run);
    const struct step_state *step = active ? run_find_step(active->state, live->key) : NULL;

    return !step ? 0 : step->check ? step->check->timeout_ms : step_effective(step)->timeout_ms;
}

static void watch(struct live_attempt *live, pid_t keeper)
{
    int64_t timeout_ms = timeout_of(live);
    struct error err = ERROR_INIT;

    if (attempt_watch_start(live->engine->options.loop, live->folder, keeper, on_keeper_end, live,
                            &live->watch, &err) < 0) {
        post_failure(live, CLASS_TRANSIENT, &err);
        return;
    }
    if (is_to_stop(live)) {
        stop_watched(live);
    } else if (timeout_ms > 0) {
        urge_after(live, timeout_ms + URGE_FIRST_MS);
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

static void submit_start(struct live_attempt *live);

static void on_start_again(void *arg)
{
    unpark(arg);
    submit_start(arg);
}

static void on_started(void *arg)
{
    struct start *start = arg;
    struct live_attempt *live = start->live;
    struct engine *engine = live->engine;
    bool must_wait = start->result < 0 && start->err.is_storage_full && !live->stop_wanted;

    live->is_on_pool = false;
    if (!must_wait) {
        launch_free(live->launch);
        live->launch = NULL;
    }
    if (engine->is_closing || live->is_let_go) {
        live_end(live);
    } else if (must_wait) {
        park(live, &start->err, on_start_again);
    } else if (start->result < 0) {
        post_failure(live, live->stop_wanted ? CLASS_CANCELLED : CLASS_TRANSIENT, &start->err);
    } else {
        watch(live, start->keeper);
    }
    free(start);
    engine_work_done(engine);
}

static void submit_start(struct live_attempt *live)
{
    struct start *start = mem_zero(1, sizeof(*start));

    start->live = live;
    live->is_on_pool = true;
    live->engine->pool_jobs++;
    loop_submit(live->engine->options.loop, start_on_pool, on_started, start);
}

static void launch_live(struct live_attempt *live)
{
    live->has_place = true;
    live->engine->processes++;
    submit_start(live);
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

static void tell_begin(const struct active *active, const struct step_state *step)
{
    const struct engine_options *options = &active->engine->options;

    if (options->on_step_begin && step->definition && step->tries == 0 && step->losses == 0) {
        options->on_step_begin(
            options->context,
            active->ended_at_us > 0 ? engine_clock_us(active->engine) - active->ended_at_us : -1);
    }
}

static void post_inline(struct active *active, int step, int attempt, const struct strbuf *output,
                        const struct error *err)
{
    const char *key = active->state->steps[step].key;
    struct queued_event *event = event_new(active, EVENT_ATTEMPT_ENDED, key);

    event->event.attempt = attempt;
    outcome_of_inline(active, step, output, err, event);
    engine_post(active->engine, event);
}

/* An inline step whose output is written on the pool before its end is told. */
struct inline_end {
    struct engine *engine;
    char run[RUN_ID_SIZE];
    char *key;
    int attempt;
    struct inline_keep *keep;
};

static void keep_on_pool(void *arg)
{
    inline_keep_write(((struct inline_end *)arg)->keep);
}

static void on_kept(void *arg)
{
    struct inline_end *end = arg;
    struct engine *engine = end->engine;
    struct active *active = engine_find(engine, end->run);
    const struct step_state *step = active ? run_find_step(active->state, end->key) : NULL;

    if (step && !engine->is_closing && step->waiting == WAITING_ATTEMPT &&
        step->attempts == end->attempt) {
        post_inline(active, run_step_index(active->state, step), end->attempt, &end->keep->output,
                    end->keep->result < 0 ? &end->keep->err : NULL);
    }
    inline_keep_free(end->keep);
    free(end->key);
    free(end);
    engine_work_done(engine);
}

static void keep_first(struct active *active, int step, const struct strbuf *output)
{
    const struct step_state *state = &active->state->steps[step];
    struct inline_end *end = mem_zero(1, sizeof(*end));

    end->engine = active->engine;
    memcpy(end->run, active->state->id, RUN_ID_SIZE);
    end->key = mem_strdup(state->key);
    end->attempt = state->attempts;
    end->keep = inline_keep_new(active, step, output);
    active->engine->pool_jobs++;
    loop_submit(active->engine->options.loop, keep_on_pool, on_kept, end);
}

bool effects_run_inline(void *context, const struct run_state *run, int step, json_t **ret_output)
{
    struct active *active = engine_find(context, run->id);
    struct error err = ERROR_INIT; /* told by its start, which follows */
    struct strbuf output;

    *ret_output = NULL;
    if (!active || active->state != run) {
        return false;
    }
    strbuf_init(&output, FUNCTION_OUTPUT_BYTES_MAX);
    if (launch_inline(active, step, &output, &err) == 0) {
        *ret_output = inline_output(step_effective(&run->steps[step]), &output);
    }
    strbuf_release(&output);
    if (*ret_output) {
        tell_begin(active, &run->steps[step]);
        active->ended_at_us = engine_clock_us(active->engine);
    }
    return *ret_output != NULL;
}

/* One whose end is told later: it failed, or its output is kept on the pool first. */
static void start_inline(struct active *active, int step)
{
    const struct step_state *state = &active->state->steps[step];
    struct error err = ERROR_INIT;
    struct strbuf output;
    int r;

    tell_begin(active, state);
    strbuf_init(&output, FUNCTION_OUTPUT_BYTES_MAX);
    r = launch_inline(active, step, &output, &err);
    if (r == 0 && inline_needs_blob(step_effective(state), &output)) {
        keep_first(active, step, &output);
    } else {
        post_inline(active, step, state->attempts, &output, r < 0 ? &err : NULL);
    }
    strbuf_release(&output);
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
    tell_begin(active, &active->state->steps[step]);
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

struct probe {
    struct live_attempt *live;
    enum attempt_presence presence;
    pid_t keeper;
    int result;
    struct error err;
};

/* A keeper that was started but is late loses the claim to us, or had won it just now. */
static void claim_absent(struct probe *probe)
{
    const char *folder = probe->live->folder;

    if (attempt_give_up(folder)) {
        /* The program may have removed the claim. */
        probe->presence = attempt_sweep(folder) > 0 ? ATTEMPT_GONE : ATTEMPT_ABSENT;
    } else if (file_exists(folder)) {
        probe->result = attempt_probe(folder, &probe->presence, &probe->keeper, &probe->err);
        if (probe->result == 0 && probe->presence == ATTEMPT_ABSENT) {
            probe->result = error_set(&probe->err, ERROR_IO, "cannot claim %s", folder);
        }
    }
}

static void probe_on_pool(void *arg)
{
    struct probe *probe = arg;

    probe->result = attempt_probe(probe->live->folder, &probe->presence, &probe->keeper,
                                  &probe->err);
    if (probe->result == 0 && probe->presence == ATTEMPT_ABSENT) {
        claim_absent(probe);
    }
}

static void on_probed(void *arg)
{
    struct probe *probe = arg;
    struct live_attempt *live = probe->live;
    struct engine *engine = live->engine;

    live->is_on_pool = false;
    if (engine->is_closing || live->is_let_go) {
        live_end(live);
    } else if (probe->result < 0) {
        /* Not known to be gone: starting it again could make two of it. */
        (void)error_context(&probe->err, "the process that was begun cannot be looked at");
        post_failure(live, CLASS_PERMANENT, &probe->err);
    } else if (probe->presence == ATTEMPT_ALIVE) {
        watch(live, probe->keeper);
    } else if (probe->presence == ATTEMPT_ENDED || probe->presence == ATTEMPT_GONE) {
        live->is_kept = probe->presence == ATTEMPT_ENDED;
        collect_outcome(live); /* also of one that is gone: it may have left processes behind */
    } else {
        post_unbegun(live);
    }
    free(probe);
    engine_work_done(engine);
}

static void recover_attempt(struct active *active, int step)
{
    struct probe *probe = mem_zero(1, sizeof(*probe));

    probe->live = live_new(active, step);
    probe->live->has_place = probe->live->is_on_pool = true;
    active->engine->processes++;
    active->engine->pool_jobs++;
    loop_submit(active->engine->options.loop, probe_on_pool, on_probed, probe);
}

static void stop_attempt(struct active *active, int step)
{
    const char *key = active->state->steps[step].key;
    struct live_attempt *live = live_find(active->engine, active->state->id, key);
    bool is_parked_start = live && live->pause.value && live->launch;
    struct error err = ERROR_INIT;

    if (!live) {
        return;
    }
    live->stop_wanted = true;
    if (is_parked_start) {
        unpark(live);
    }
    if (is_parked_start || waiting_remove(active->engine, live)) {
        (void)error_set(&err, ERROR_CANCELLED, "stopped before it started");
        post_failure(live, CLASS_CANCELLED, &err);
    } else if (live->watch) {
        stop_watched(live);
    }
}

/* ---- timers ---- */

static void post_timer(struct active *active, const char *key)
{
    engine_post(active->engine, event_new(active, EVENT_TIMER, key));
}

static void set_timer(struct active *active, const struct effect *effect)
{
    timer_start(active, effect->step >= 0 ? active->state->steps[effect->step].key : NULL,
                effect->at, post_timer);
}

/* ---- all of it ---- */

static void come_to_rest(struct active *active)
{
    const struct engine_options *options = &active->engine->options;

    files_rest(active);
    if (options->on_run_rest && !active->state->parent) {
        options->on_run_rest(options->context, active->state->id, active->state->status);
    }
}

static void carry_out(struct active *active, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_NONE:
        break;
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
        nested_start(active, effect->step);
        break;
    case EFFECT_CHILD_COMMAND:
        nested_command(active, effect->child, effect->word);
        break;
    case EFFECT_CHILD_END:
        nested_end(active, active->state->steps[effect->step].key, effect->child);
        break;
    case EFFECT_CHECKPOINT:
        files_checkpoint(active, effect->word, effect->text);
        break;
    case EFFECT_REST:
        come_to_rest(active);
        break;
    }
}

void effects_carry_out(struct active *active)
{
    const struct batch *batch = &active->batch;
    bool has_moved = false;

    for (size_t i = 0; i < batch->effects.count; i++) {
        carry_out(active, &batch->effects.items[i]);
    }
    for (size_t i = 0; i < batch->records.count; i++) {
        has_moved = has_moved || batch->records.items[i].kind == RECORD_RUN_MOVED;
    }
    if (has_moved) {
        nested_tell_parent(active);
    }
}

/* What it has under way goes on under its keepers; only nobody here waits for it any more. */
static void let_go(struct live_attempt *live)
{
    live_remove(live);
    live->is_let_go = true;
    if (live->pause.value) {
        unpark(live);
    }
    (void)waiting_remove(live->engine, live);
    if (!live->is_on_pool) {
        live_end(live);
    }
}

void effects_let_go(struct active *active)
{
    const struct run_state *run = active->state;

    for (size_t i = 0; i < run->step_count; i++) {
        struct live_attempt *live = live_find(active->engine, run->id, run->steps[i].key);

        if (live) {
            let_go(live);
        }
    }
}

void effects_release(struct engine *engine)
{
    size_t cursor = 0;
    const char *key;
    void *value;

    while (map_next(engine->live, &cursor, &key, &value)) {
        live_release(value);
    }
    engine->waiting_head = NULL;
}
