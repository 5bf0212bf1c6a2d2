/* SPDX-License-Identifier: MIT */
/* events in -> decide -> one commit for all runs -> effects. */
#include "run/budgets.h"
#include "run/files_queue.h"
#include "run/live.h"
#include "run/query.h"
#include "run/reserve.h"
#include "run/running.h"

#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "run/definition.h"
#include "run/online.h"
#include "run/own.h"
#include "run/pulse.h"
#include "run/spared.h"
#include "run/states.h"
#include "run/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_LOAD_BYTES_MAX (64U * 1024 * 1024)
#define ADOPT_WAIT_MS 500
#define ADOPT_PAUSE_MS 10
#define TIMER_STRIDE_MS (INT64_C(60) * 1000)

static void defer(struct engine *engine, loop_callback callback)
{
    engine->deferred++;
    loop_defer(engine->options.loop, callback, engine);
}

/* False when the engine only waits for its calls to come back. */
static bool deferred_begin(struct engine *engine)
{
    engine->deferred--;
    if (engine->is_closing) {
        loop_stop(engine->options.loop);
    }
    return !engine->is_closing;
}

static void on_pump(void *arg)
{
    struct engine *engine = arg;

    engine->is_pump_deferred = false;
    if (deferred_begin(engine)) {
        pump(engine);
    }
}

static void pump_later(struct engine *engine)
{
    if (!engine->is_pump_deferred && !engine->is_closing) {
        engine->is_pump_deferred = true;
        defer(engine, on_pump);
    }
}

void engine_go_on(struct engine *engine)
{
    if (engine->queue_head) {
        pump_later(engine);
    }
}

struct active *engine_find(const struct engine *engine, const char *run_id)
{
    return map_find(engine->runs, run_id);
}

struct active *engine_find_nested(const struct engine *engine, const char *run_id)
{
    size_t cursor = 0;
    const char *id;
    void *value;

    while (map_next(engine->runs, &cursor, &id, &value)) {
        struct active *active = value;

        if (active->state->parent && strcmp(active->state->parent, run_id) == 0) {
            return active;
        }
    }
    return NULL;
}

struct queued_event *event_new(struct active *active, enum event_kind kind, const char *step)
{
    struct queued_event *event = mem_zero(1, sizeof(*event));

    memcpy(event->run, active->state->id, RUN_ID_SIZE);
    event->arena = arena_new();
    event->event.kind = kind;
    event->event.step = event_keep(event, step);
    return event;
}

const char *event_keep(struct queued_event *event, const char *text)
{
    return arena_strdup(event->arena, text);
}

const json_t *event_hold(struct queued_event *event, json_t *value)
{
    size_t slot = 0;

    if (!value) {
        return NULL;
    }
    while (event->held[slot]) {
        slot++;
        assert(slot < ARRAY_LEN(event->held));
    }
    event->held[slot] = value;
    return value;
}

void event_free(struct queued_event *event)
{
    for (size_t i = 0; i < ARRAY_LEN(event->held); i++) {
        json_decref(event->held[i]);
    }
    arena_free(event->arena);
    free(event);
}

int64_t engine_clock_us(const struct engine *engine)
{
    const struct host *host = engine->options.host;

    return engine->options.on_step_begin ? host->monotonic_us(host->context) : 0;
}

void engine_post(struct engine *engine, struct queued_event *event)
{
    assert(loop_is_owner(engine->options.loop));
    if (event->event.kind == EVENT_ATTEMPT_ENDED && event->learned_at_us == 0) {
        event->learned_at_us = engine_clock_us(engine);
    }
    event->next = NULL;
    *engine->queue_tail = event;
    engine->queue_tail = &event->next;
    pump_later(engine);
}

struct queued_event *engine_take_event(struct engine *engine)
{
    struct queued_event *event = engine->queue_head;

    if (event) {
        engine->queue_head = event->next;
        if (!engine->queue_head) {
            engine->queue_tail = &engine->queue_head;
        }
    }
    return event;
}

int engine_load_blob(void *engine, const char *digest, char **ret_text, size_t *ret_length)
{
    return blob_get(((struct engine *)engine)->blobs, digest, OUTPUT_LOAD_BYTES_MAX, ret_text,
                    ret_length, NULL);
}

void engine_fail(struct engine *engine, const struct error *err)
{
    if (!engine->has_failed) {
        engine->has_failed = true;
        engine->failure = *err;
    }
    engine_check_rest(engine);
}

void engine_work_done(struct engine *engine)
{
    engine->pool_jobs--;
    if (engine->is_closing) {
        loop_stop(engine->options.loop);
    } else {
        engine_check_rest(engine);
    }
}

static bool is_settled(const struct active *active)
{
    enum run_status status = active->state->status;

    return status != RUN_RUNNING && status != RUN_PENDING && !active->is_dirty;
}

static bool is_at_rest(const struct engine *engine)
{
    size_t cursor = 0;
    const char *id;
    void *value;

    if (engine->has_failed) {
        return true;
    }
    if (engine->queue_head || engine->jobs || engine->pool_jobs > 0 ||
        map_count(engine->live) > 0) {
        return false;
    }
    while (map_next(engine->runs, &cursor, &id, &value)) {
        const struct active *active = value;

        if (active->state->status == RUN_RUNNING || active->state->status == RUN_PENDING) {
            return false;
        }
    }
    return true;
}

static void on_rest(void *arg)
{
    struct engine *engine = arg;

    engine->is_rest_deferred = false;
    if (deferred_begin(engine) && is_at_rest(engine) && engine->options.on_rest) {
        engine->options.on_rest(engine->options.context,
                                engine->has_failed ? &engine->failure : NULL);
    }
}

void engine_check_rest(struct engine *engine)
{
    if (!engine->is_rest_deferred && !engine->is_closing && is_at_rest(engine)) {
        engine->is_rest_deferred = true;
        defer(engine, on_rest);
    }
}

static int64_t now_of(const struct engine *engine)
{
    return engine->options.host->now_ms(engine->options.host->context);
}

int64_t engine_stalled_ms(const struct engine *engine)
{
    int64_t since = engine->lacks_space ? now_of(engine) - engine->stalled_since_ms : 0;

    return engine->stalled_ms + (since > 0 ? since : 0);
}

static void note_lack_of_space(struct engine *engine, bool lacks_space)
{
    size_t cursor = 0;
    const char *id;
    void *value;

    engine->stalled_ms = engine_stalled_ms(engine);
    engine->stalled_since_ms = now_of(engine);
    engine->lacks_space = lacks_space;
    while (map_next(engine->runs, &cursor, &id, &value)) {
        run_lock_note_wait(engine->locks_fd, id, lacks_space);
    }
}

void engine_stall(struct engine *engine, const struct error *err)
{
    bool lacks_space = err && err->is_storage_full;

    if (engine->is_stalled != (err != NULL) || engine->lacks_space != lacks_space) {
        engine->is_stalled = err != NULL;
        note_lack_of_space(engine, lacks_space);
        if (engine->options.on_stall && !engine->is_closing) {
            engine->options.on_stall(engine->options.context, err);
        }
    }
}

/* ---- the public face ---- */

int engine_new(const struct engine_options *options, struct engine **ret_engine, struct error *err)
{
    struct engine *engine;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int locks_fd;
    int r = run_locks_open(options->folder, &locks_fd, err);

    if (r < 0) {
        return r;
    }
    engine = mem_zero(1, sizeof(*engine));
    engine->options = *options;
    engine->locks_fd = locks_fd;
    engine->limits = (struct decide_limits){.config = options->config,
                                            .steps_max = options->config->steps_max,
                                            .nesting_max = options->config->nesting_max,
                                            .project = options->project,
                                            .load = engine_load_blob,
                                            .load_context = engine,
                                            .run_inline = inline_run,
                                            .inline_context = engine,
                                            .inline_budget = &engine->inline_budget};
    engine->timer_stride_ms = TIMER_STRIDE_MS;
    engine->blobs = path_join(options->folder, "blobs");
    engine->runs = map_new();
    engine->takings = map_new();
    engine->budgets = map_new();
    engine->definitions = definitions_new();
    engine->live = map_new();
    engine->queue_tail = &engine->queue_head;
    engine->waiting_tail = &engine->waiting_head;
    engine->file_tasks_tail = &engine->file_tasks;
    engine->processes_max = options->config->concurrency > 0 ? options->config->concurrency
                                                             : (int)(cores > 0 ? cores * 2 : 4);
    reserve_make(options->folder);
    *ret_engine = engine;
    return 0;
}

void engine_free(struct engine *engine)
{
    struct queued_event *event;
    size_t cursor = 0;
    const char *id;
    void *value;

    if (!engine) {
        return;
    }
    engine->is_closing = true;
    pump_stop_waiting(engine);
    if (engine->file_start.value) {
        loop_cancel(engine->options.loop, engine->file_start);
        engine->pool_jobs--;
    }
    /* What was handed out refers to the engine: it ends first. */
    while (engine->jobs || engine->pool_jobs > 0 || engine->deferred > 0) {
        loop_run(engine->options.loop);
    }
    live_release_all(engine);
    followers_free(engine->followers);
    pulses_free(engine->pulses);
    reach_free(engine->reach);
    spared_free(engine->spared);
    timers_release(engine);
    loop_cancel(engine->options.loop, engine->wake);
    loop_cancel(engine->options.loop, engine->pace);
    loop_cancel(engine->options.loop, engine->logs_timer);
    while ((event = engine_take_event(engine)) != NULL) {
        event_free(event);
    }
    while (map_next(engine->runs, &cursor, &id, &value)) {
        active_free(value);
    }
    files_drain(engine);
    map_free(engine->runs);
    map_free(engine->takings);
    budgets_free(engine);
    definitions_free(engine->definitions);
    inline_last_release(&engine->last);
    VEC_RELEASE(&engine->dirty);
    map_free(engine->live);
    free(engine->blobs);
    (void)close(engine->locks_fd);
    free(engine);
}

int engine_create(struct engine *engine, const struct run_request *request,
                  char ret_id[RUN_ID_SIZE], struct error *err)
{
    const struct host *host = engine->options.host;
    struct active *active = NULL;
    char id[RUN_ID_SIZE];
    int r;

    run_id_format(host->random(host->context), id);
    r = active_create(engine, id, request, &active, err);
    if (r == 0) {
        memcpy(ret_id, id, RUN_ID_SIZE);
    }
    return r;
}

int engine_start(struct engine *engine, const struct run_request *request, char ret_id[RUN_ID_SIZE],
                 struct error *err)
{
    int r = engine_create(engine, request, ret_id, err);

    if (r == 0) {
        engine_post(engine, event_new(engine_find(engine, ret_id), EVENT_BEGIN, NULL));
    }
    return r;
}

int engine_start_later(struct engine *engine, const struct run_request *request,
                       char ret_id[RUN_ID_SIZE], struct error *err)
{
    const struct host *host = engine->options.host;

    run_id_format(host->random(host->context), ret_id);
    return active_create_later(engine, ret_id, request, err);
}

static int adopt(struct engine *engine, const char *run_id, struct error *err)
{
    struct active *active = engine_find(engine, run_id);
    bool is_new;
    int r;

    if (active) {
        return 0;
    }
    if (map_find(engine->takings, run_id)) {
        return error_set(err, ERROR_BUSY, "run %s is being taken over by the run that began it",
                         run_id);
    }
    active = active_new(engine, run_id);
    r = active_read(active, run_id, NULL, &is_new, err);
    if (r == 0 && active->state->parent) {
        r = run_refuse_orphan(engine->options.store, run_id, err);
    }
    if (r < 0) {
        active_free(active);
        return r;
    }
    active_take_over(active);
    active_go_on(active);
    return 0;
}

bool engine_let_go(struct engine *engine, const char *run_id)
{
    struct active *active = engine_find(engine, run_id);
    struct active *nested;

    assert(active);
    if (!is_settled(active)) {
        return false;
    }
    while ((nested = engine_find_nested(engine, run_id))) {
        if (!engine_let_go(engine, nested->state->id)) {
            return false;
        }
    }
    (void)map_remove(engine->runs, run_id);
    active_free(active);
    return true;
}

json_t *engine_show(const struct engine *engine, const char *run_id)
{
    const struct active *active = engine_find(engine, run_id);
    json_t *run;

    assert(active && !active->is_dirty);
    run = view_run(active->state);
    json_put(run, "owned", json_true());
    return run;
}

/* A command changes a run without an owner in some milliseconds; that is waited for. */
int engine_adopt(struct engine *engine, const char *run_id, struct error *err)
{
    const struct timespec pause = {.tv_nsec = ADOPT_PAUSE_MS * 1000000L};
    int r = adopt(engine, run_id, err);

    for (int i = 0; r == ERROR_BUSY && i < ADOPT_WAIT_MS / ADOPT_PAUSE_MS; i++) {
        (void)nanosleep(&pause, NULL);
        r = adopt(engine, run_id, err);
    }
    return r;
}

static void post_command(struct engine *engine, struct active *active, json_t *command)
{
    struct queued_event *event = event_new(active, EVENT_COMMAND, NULL);

    event->event.command = event_hold(event, command);
    engine_post(engine, event);
}

void engine_interrupt(struct engine *engine, bool stop)
{
    size_t cursor = 0;
    const char *id;
    void *value;

    if (engine->lacks_space) {
        /* What was put by is for this. */
        (void)reserve_release(engine->options.folder);
    }
    while (map_next(engine->runs, &cursor, &id, &value)) {
        struct active *active = value;

        if (!active->state->parent || !engine_find(engine, active->state->parent)) {
            post_command(
                engine, active,
                json_pack("{s:s, s:b, s:s}", "do", "pause", "stop", stop, "reason", "interrupted"));
        }
    }
}

/* What an agent prints is no line for people, as that of a command is: until an event of it was
 * seen nothing is shown. */
static const char *line_of(const struct live_attempt *live, const struct step_state *step)
{
    bool is_agents = !step->check && step_effective(step)->kind == STEP_AGENT;
    const char *line = live->follow ? follow_line(live->follow) : live->said;

    return line || !is_agents ? line : "";
}

void engine_visit_running(const struct engine *engine,
                          void (*visit)(void *context, const struct engine_running *running),
                          void *context)
{
    size_t cursor = 0;
    const char *id;
    void *value;

    while (map_next(engine->live, &cursor, &id, &value)) {
        const struct live_attempt *live = value;
        const struct active *active = engine_find(engine, live->run);
        const struct step_state *step = active ? run_find_step(active->state, live->key) : NULL;
        int64_t since_at = 0;

        if (step) {
            visit(context, &(struct engine_running){
                               .run_id = live->run,
                               .step = live->key,
                               .phase = active->workflow->phases[step->phase].id,
                               .started_at_ms = live->started_at + live->space_wait_ms,
                               .folder = live->folder,
                               .line = line_of(live, step),
                               .liveness = liveness_name(pulse_word(live->pulse, &since_at)),
                               .liveness_since_ms = since_at});
        }
    }
}
