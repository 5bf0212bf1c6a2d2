/* SPDX-License-Identifier: MIT */
/* An attempt that is a process, from its start to its outcome: a place for it, its keeper, what it
 * left; and what is done when there is no space for it, when it is stopped, when it is let go. */
#include "run/live.h"
#include "run/bridge.h"
#include "run/pulse.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define URGE_FIRST_MS 100 /* after the deadline, which is its keeper's to see to */
#define URGE_MS 250
#define WATCH_AGAIN_MS 500

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

const struct agent_config *live_agent_of(const struct active *active, const struct step_state *step)
{
    const struct config *config = active->engine->options.config;
    const char *name = step_agent(step) ? step_agent(step) : config->default_agent;

    return !step->check && step_effective(step)->kind == STEP_AGENT && name
               ? config_find_agent(config, name)
               : NULL;
}

struct live_attempt *live_new(struct active *active, int step)
{
    const struct step_state *state = &active->state->steps[step];
    struct live_attempt *live = mem_zero(1, sizeof(*live));
    char *key = live_key(active->state->id, state->key);

    live->engine = active->engine;
    memcpy(live->run, active->state->id, RUN_ID_SIZE);
    live->key = mem_strdup(state->key);
    live->attempt = state->attempts;
    live->folder = path_join(active->folder, state->folder);
    live->agent = live_agent_of(active, state);
    live->is_reader = !state->check && step_effective(state)->kind == STEP_AGENT &&
                      step_effective(state)->read_only;
    live->started_at = active->state->steps[step].started_at;
    live->stall_mark_ms = active->stall_mark_ms;
    (void)map_put(active->engine->live, key, live);
    free(key);
    return live;
}

struct step_state *live_step(const struct live_attempt *live, struct active **ret_active)
{
    struct active *active = engine_find(live->engine, live->run);
    struct step_state *step;

    assert(active && !live->is_let_go);
    step = run_find_step(active->state, live->key);
    assert(step && step->waiting == WAITING_ATTEMPT);
    *ret_active = active;
    return step;
}

static void live_release(struct live_attempt *live)
{
    loop_cancel(live->engine->options.loop, live->pause);
    loop_cancel(live->engine->options.loop, live->urge);
    loop_cancel(live->engine->options.loop, live->turn);
    launch_free(live->launch);
    collect_free(live->collect);
    bridge_call_free(live->bridge);
    live_gate_free(live->gate);
    pulse_stop(live->pulse);
    follow_stop(live->follow);
    attempt_watch_free(live->watch);
    free(live->said);
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

void live_take_place(struct live_attempt *live)
{
    struct engine *engine = live->engine;

    live->has_place = true;
    engine->processes++;
    engine->launches++;
    if (!live->is_reader) {
        engine->changers++;
        engine->changes++;
    }
}

static void leave_place(struct live_attempt *live)
{
    if (live->has_place) {
        live->has_place = false;
        live->engine->processes--;
        live->engine->changers -= live->is_reader ? 0 : 1;
    }
}

void live_end(struct live_attempt *live)
{
    struct engine *engine = live->engine;

    if (!live->is_let_go) {
        live_remove(live);
    }
    leave_place(live);
    live_release(live);
    start_waiting(engine);
    live_merge_go_on(engine);
}

void live_give_place(struct live_attempt *live)
{
    leave_place(live);
    start_waiting(live->engine);
}

void live_park(struct live_attempt *live, const struct error *err, loop_callback again)
{
    struct engine *engine = live->engine;

    engine->parked++;
    engine_stall(engine, err);
    live->pause = loop_timer_start(engine->options.loop, STORAGE_RETRY_MS, again, live);
}

void live_unpark(struct live_attempt *live)
{
    loop_cancel(live->engine->options.loop, live->pause);
    live->pause = (loop_id){0};
    live->engine->parked--;
}

/* ---- the end of an attempt ---- */

static void on_collect_again(void *arg)
{
    live_unpark(arg);
    live_collect(arg);
}

static void read_outcome(void *arg)
{
    collect_read(((struct live_attempt *)arg)->collect);
}

static void put_wait(const struct live_attempt *live, struct queued_event *event)
{
    event->has_space_wait = true;
    event->space_wait_ms = live->space_wait_ms;
    event->stall_mark_ms = live->stall_mark_ms;
}

void live_post_outcome(struct live_attempt *live)
{
    const struct host *host = live->engine->options.host;
    struct active *active;
    struct queued_event *event;

    (void)live_step(live, &active);
    event = event_new(active, EVENT_ATTEMPT_ENDED, live->key);
    event->event.attempt = live->attempt;
    collect_fill(live->collect, host->now_ms(host->context), event);
    put_wait(live, event);
    event->learned_at_us = live->ended_at_us;
    engine_post(live->engine, event);
    live_end(live);
}

/* Nobody will use what it left: a full disk does not keep the run from its end. */
static bool is_cancelled(const struct live_attempt *live)
{
    struct active *active;

    (void)live_step(live, &active);
    return active->state->wish == WISH_CANCEL;
}

static void on_outcome(void *arg)
{
    struct live_attempt *live = arg;
    struct engine *engine = live->engine;
    const struct error *missing = collect_lacks_storage(live->collect);

    live->is_on_pool = false;
    if (engine->is_closing || live->is_let_go) {
        live_end(live);
    } else if (missing && !is_cancelled(live)) {
        live_park(live, missing, on_collect_again);
    } else if (collect_own_gate(live->collect) && !is_cancelled(live)) {
        live_gate(live);
    } else if (collect_wants_merge(live->collect) && !is_cancelled(live)) {
        live_merge(live);
    } else {
        live_post_outcome(live);
    }
    engine_work_done(engine);
}

void live_collect(struct live_attempt *live)
{
    struct active *active;
    const struct step_state *step = live_step(live, &active);

    collect_free(live->collect);
    live->has_company = live->has_company || live->launch_number != live->engine->launches;
    live->has_changer = live->has_changer || live->changes_before != live->engine->changes;
    live->collect = collect_new(active, run_step_index(active->state, step), live);
    live->engine->pool_jobs++;
    live->is_on_pool = true;
    loop_submit(live->engine->options.loop, read_outcome, on_outcome, live);
}

static void on_keeper_end(void *arg)
{
    struct live_attempt *live = arg;

    live->ended_at_us = engine_clock_us(live->engine);
    live->stall_mark_ms = engine_stalled_ms(live->engine);
    live->is_kept = attempt_is_kept(live->watch);
    loop_cancel(live->engine->options.loop, live->urge);
    pulse_stop(live->pulse);
    live->pulse = NULL;
    if (live->follow) {
        live->said = mem_strdup(follow_line(live->follow));
        follow_stop(live->follow);
        live->follow = NULL;
    }
    live_collect(live);
}

static struct queued_event *failure_new(const struct live_attempt *live, enum failure_class class_,
                                        const struct error *err)
{
    struct active *active;
    struct queued_event *event;

    (void)live_step(live, &active);
    event = event_new(active, EVENT_ATTEMPT_ENDED, live->key);
    event->event.attempt = live->attempt;
    put_wait(live, event);
    event->event.outcome.class_ = class_;
    event->event.outcome.exit_status = -1;
    event->event.outcome.error = event_keep(event, err->text);
    event->event.outcome.verdict = VERDICT_UNKNOWN;
    event->event.outcome.verdict_reason = event_keep(event, err->text);
    return event;
}

void live_post_failure(struct live_attempt *live, enum failure_class class_,
                       const struct error *err)
{
    engine_post(live->engine, failure_new(live, class_, err));
    live_end(live);
}

void live_post_unbegun(struct live_attempt *live)
{
    struct error err = ERROR_INIT;
    struct queued_event *event;

    (void)error_set(&err, ERROR_IO, "its process had not begun before a crash");
    event = failure_new(live, CLASS_LOST, &err);
    event->event.outcome.is_unbegun = true;
    engine_post(live->engine, event);
    live_end(live);
}

void live_post_doubt(struct live_attempt *live, const struct error *err)
{
    struct queued_event *event = failure_new(live, CLASS_PERMANENT, err);

    event->event.outcome.is_doubtful = true;
    engine_post(live->engine, event);
    live_end(live);
}

bool live_is_to_stop(const struct live_attempt *live)
{
    struct active *active;

    (void)live_step(live, &active);
    return live->stop_wanted || active->state->wish == WISH_STOP ||
           active->state->wish == WISH_CANCEL;
}

/* A keeper that something keeps stopped ends nothing. */
static void on_urge(void *arg)
{
    struct live_attempt *live = arg;

    if (attempt_urge(live->watch)) {
        live->is_overdue = true;
    }
    live->urge = loop_timer_start(live->engine->options.loop, URGE_MS, on_urge, live);
}

void live_urge_after(struct live_attempt *live, int64_t delay_ms)
{
    loop_cancel(live->engine->options.loop, live->urge);
    live->urge = loop_timer_start(live->engine->options.loop, delay_ms, on_urge, live);
}

void live_stop_watched(struct live_attempt *live)
{
    attempt_stop(live->watch, false);
    live_urge_after(live, URGE_FIRST_MS);
}

/* It goes on in vain: not what a person wanted, so stop_wanted stays. */
static void on_follow_stop(void *arg)
{
    live_stop_watched(arg);
}

static void follow_agent(struct live_attempt *live)
{
    struct active *active;
    const struct step_state *step = live_step(live, &active);

    assert(!live->follow); /* it is watched once */
    if (!step->check && step_effective(step)->kind == STEP_AGENT) {
        live->follow = follow_start(live->engine, live->folder, on_follow_stop, live);
    }
}

static int64_t timeout_of(const struct live_attempt *live)
{
    struct active *active;
    const struct step_state *step = live_step(live, &active);

    return step->check ? step->check->timeout_ms : step_effective(step)->timeout_ms;
}

static void on_watch_again(void *arg)
{
    struct live_attempt *live = arg;

    live_watch(live, live->keeper);
}

void live_watch(struct live_attempt *live, pid_t keeper)
{
    struct loop *loop = live->engine->options.loop;
    int64_t timeout_ms = timeout_of(live);

    if (attempt_watch_start(loop, live->folder, keeper, on_keeper_end, live, &live->watch, NULL) <
        0) {
        /* It may be at work all the same: a failure would have it begun a second time. */
        live->keeper = keeper;
        live->urge = loop_timer_start(loop, WATCH_AGAIN_MS, on_watch_again, live);
        return;
    }
    follow_agent(live);
    live->pulse = pulse_start(live, keeper);
    if (live_is_to_stop(live)) {
        live_stop_watched(live);
    } else if (timeout_ms > 0) {
        live_urge_after(live, timeout_ms + URGE_FIRST_MS);
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
    live_unpark(arg);
    submit_start(arg);
}

static void put_in_line(struct live_attempt *live)
{
    struct engine *engine = live->engine;

    *engine->waiting_tail = live;
    engine->waiting_tail = &live->next_waiting;
    start_waiting(engine);
}

static void on_turn(void *arg)
{
    struct live_attempt *live = arg;

    live->turn = (loop_id){0};
    put_in_line(live);
}

/* Others can have its place meanwhile. */
static void wait_for_turn(struct live_attempt *live)
{
    live->turn = loop_timer_start(live->engine->options.loop, TURN_MS, on_turn, live);
    live_give_place(live);
}

static void on_started(void *arg)
{
    struct start *start = arg;
    struct live_attempt *live = start->live;
    struct engine *engine = live->engine;
    bool must_wait = start->result < 0 && start->err.is_storage_full && !live->stop_wanted;
    bool has_turn = !launch_waits_for_turn(live->launch) || live->stop_wanted;

    live->is_on_pool = false;
    if (!must_wait && has_turn) {
        launch_free(live->launch);
        live->launch = NULL;
    }
    if (engine->is_closing || live->is_let_go) {
        live_end(live);
    } else if (must_wait) {
        live_park(live, &start->err, on_start_again);
    } else if (!has_turn) {
        wait_for_turn(live);
    } else if (start->result < 0) {
        live_post_failure(live, live->stop_wanted ? CLASS_CANCELLED : CLASS_TRANSIENT, &start->err);
    } else {
        live->space_wait_ms += engine_stalled_ms(engine) - live->stall_mark_ms;
        live_watch(live, start->keeper);
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
    live_take_place(live);
    live->has_company = live->engine->processes > 1;
    live->has_changer = live->engine->changers > 0 || live->engine->is_merging;
    live->launch_number = live->engine->launches;
    live->changes_before = live->engine->changes;
    submit_start(live);
}

/* Its agent has a limit of its own beside that of all. What other processes start of it is seen
 * only at the start (slot.h). */
static bool agent_has_place(const struct engine *engine, const struct agent_config *agent)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    int count = 0;

    if (!agent || agent->concurrency == 0) {
        return true;
    }
    while (map_next(engine->live, &cursor, &key, &value)) {
        const struct live_attempt *live = value;

        count += live->has_place && live->agent == agent ? 1 : 0;
    }
    return count < agent->concurrency;
}

/* The first whose turn it is. */
static struct live_attempt **next_waiting(struct engine *engine)
{
    struct live_attempt **link = &engine->waiting_head;

    while (*link && !agent_has_place(engine, (*link)->agent)) {
        link = &(*link)->next_waiting;
    }
    return link;
}

static void waiting_take(struct engine *engine, struct live_attempt **link)
{
    struct live_attempt *live = *link;

    *link = live->next_waiting;
    if (engine->waiting_tail == &live->next_waiting) {
        engine->waiting_tail = link;
    }
    live->next_waiting = NULL;
}

static void start_waiting(struct engine *engine)
{
    while (engine->processes < engine->processes_max && !engine->is_closing) {
        struct live_attempt **link = next_waiting(engine);
        struct live_attempt *live = *link;

        if (!live) {
            return;
        }
        waiting_take(engine, link);
        launch_live(live);
    }
}

static bool waiting_remove(struct engine *engine, struct live_attempt *live)
{
    for (struct live_attempt **link = &engine->waiting_head; *link; link = &(*link)->next_waiting) {
        if (*link == live) {
            waiting_take(engine, link);
            return true;
        }
    }
    return false;
}
void live_start(struct active *active, int step)
{
    struct live_attempt *live = live_new(active, step);
    struct error err = ERROR_INIT;
    int r;

    if (bridge_is_hosts(active, &active->state->steps[step])) {
        live_ask_host(live);
        return;
    }
    r = launch_new(active, step, live->folder, &live->launch, &err);
    if (r < 0) {
        live_post_failure(live, CLASS_PERMANENT, &err);
        return;
    }
    put_in_line(live);
}

void live_stop(struct active *active, int step)
{
    const char *key = active->state->steps[step].key;
    struct live_attempt *live = live_find(active->engine, active->state->id, key);
    struct error err = ERROR_INIT;
    bool is_parked_start;

    if (!live) {
        return; /* an inline step ends by itself */
    }
    live->stop_wanted = true;
    is_parked_start = live->pause.value && live->launch;
    if (is_parked_start) {
        live_unpark(live);
    }
    if (live->is_merge_due) {
        return; /* its work is done */
    }
    if (live->turn.value) {
        loop_cancel(active->engine->options.loop, live->turn);
        live->turn = (loop_id){0};
        is_parked_start = true;
    }
    if (is_parked_start || waiting_remove(active->engine, live)) {
        (void)error_set(&err, ERROR_CANCELLED, "stopped before it started");
        live_post_failure(live, CLASS_CANCELLED, &err);
    } else if (live->watch) {
        live_stop_watched(live);
    }
}

/* It may have ended meanwhile, or be stopped already. */
void live_end_quiet(struct active *active, int step)
{
    struct live_attempt *live = live_find(active->engine, active->state->id,
                                          active->state->steps[step].key);

    if (live && live->pulse && !live->stop_wanted) {
        pulse_end_quiet(live);
    }
}

static void let_go(struct live_attempt *live)
{
    live_remove(live);
    live->is_let_go = true;
    if (live->pause.value) {
        live_unpark(live);
    }
    (void)waiting_remove(live->engine, live);
    if (!live->is_on_pool) {
        live_end(live);
    }
}

void live_let_go(struct active *active)
{
    const struct run_state *run = active->state;

    for (size_t i = 0; i < run->step_count; i++) {
        struct live_attempt *live = live_find(active->engine, run->id, run->steps[i].key);

        if (live) {
            let_go(live);
        }
    }
}

void live_release_all(struct engine *engine)
{
    size_t cursor = 0;
    const char *key;
    void *value;

    while (map_next(engine->live, &cursor, &key, &value)) {
        live_release(value);
    }
    engine->waiting_head = NULL;
}
