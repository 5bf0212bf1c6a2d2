/* SPDX-License-Identifier: MIT */
#include "run/pulse.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "run/profile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The fewer and the longer their limits, the less often; a look takes well below a millisecond. */
#define PACE_MS 3000
#define PACE_MS_MIN 100
#define PACE_MS_EACH 50
#define LOOKS_PER_LIMIT 4
#define TOLD_MAX 100 /* events of one attempt: who comes and goes for ever is told of so often */
#define TEXT_SIZE 320
#define FILE_BYTES_MAX 4096

struct pulse {
    struct engine *engine;
    struct live_attempt *live; /* NULL: it ended; the pulse goes with its look */
    struct quiet_policy policy;
    pid_t keeper;
    char *folder;
    int64_t wall_offset_ms; /* from the steady clock to the wall clock */
    bool is_on_pool;
    enum liveness told; /* the last word that an event told of */
    int told_count;
    bool is_stop_asked;
    enum liveness shown; /* of the last look */
    int64_t shown_since_at;
    /* of the pool while is_on_pool */
    struct liveness_state state;
    struct liveness_facts facts;
    char tool[FOLLOW_TOOL_SIZE];
    char text[TEXT_SIZE];
    bool has_changed;
};

struct pulses {
    struct engine *engine;
    VEC(struct pulse *) all;
    VEC(struct pulse *) looking; /* on the pool */
    loop_id timer;
};

static int64_t now_ms(const struct engine *engine)
{
    const struct host *host = engine->options.host;

    return host->monotonic_ms(host->context);
}

static void pulse_free(struct pulse *pulse)
{
    free(pulse->folder);
    free(pulse);
}

/* ---- on the pool ---- */

static void describe_quiet(struct pulse *pulse)
{
    const struct liveness_look *look = &pulse->facts.look;
    int64_t silent_ms = pulse->facts.now_ms - pulse->state.heard_ms;
    char silent[DURATION_SIZE];
    char processes[96] = "its processes cannot be read";

    duration_format_limit(silent_ms - silent_ms % 1000, silent);
    if (look->is_readable) {
        (void)snprintf(processes, sizeof(processes),
                       "its %d process%s (%s) use%s no processor time", look->processes,
                       look->processes == 1 ? "" : "es", look->name,
                       look->processes == 1 ? "s" : "");
    }
    (void)snprintf(pulse->text, sizeof(pulse->text), "it printed nothing for %s, and %s%s%s%s",
                   silent, processes, *pulse->tool ? "; its tool " : "", pulse->tool,
                   *pulse->tool ? " has given no result yet" : "");
}

static void describe(struct pulse *pulse)
{
    const struct liveness_look *look = &pulse->facts.look;

    pulse->text[0] = '\0';
    if (pulse->state.word == LIVENESS_QUIET) {
        describe_quiet(pulse);
    } else if (pulse->state.word == LIVENESS_WANTS_INPUT) {
        (void)snprintf(pulse->text, sizeof(pulse->text),
                       "its process %s (%ld) reads from a terminal, where nobody types", look->name,
                       (long)look->asker);
    } else if (pulse->state.word == LIVENESS_DEAD) {
        (void)snprintf(pulse->text, sizeof(pulse->text),
                       "none of its processes lives any more, but it has not ended");
    }
}

static void write_word(const struct pulse *pulse)
{
    const struct liveness_state *state = &pulse->state;
    json_t *value = json_object();
    char *path = path_join(pulse->folder, PULSE_FILE);
    char *text;

    json_put_text(value, "state", liveness_name(state->word));
    json_put_integer(value, "since", state->since_ms + pulse->wall_offset_ms);
    json_put_integer(value, "printed_at", state->heard_ms + pulse->wall_offset_ms);
    json_put_integer(value, "busy_at", state->busy_ms + pulse->wall_offset_ms);
    if (state->last.is_readable) {
        json_put_integer(value, "processes", state->last.processes);
        json_put_integer(value, "cpu_percent", state->share);
        json_put_text(value, "program", *state->last.name ? state->last.name : NULL);
    }
    json_put_text(value, "tool", *pulse->tool ? pulse->tool : NULL);
    json_put_text(value, "message", *pulse->text ? pulse->text : NULL);
    text = json_dump_compact(value);
    (void)file_write(path, text, strlen(text), FILE_NO_SYNC, NULL);
    free(text);
    free(path);
    json_decref(value);
}

static void look_on_pool(void *arg)
{
    struct pulses *pulses = arg;

    for (size_t i = 0; i < pulses->looking.count; i++) {
        struct pulse *pulse = pulses->looking.items[i];

        liveness_look(pulse->folder, pulse->keeper, &pulse->facts.look);
        pulse->has_changed = liveness_judge(&pulse->state, &pulse->facts);
        describe(pulse);
        if (pulse->has_changed) {
            write_word(pulse);
        }
    }
}

/* ---- on the loop ---- */

/* What a person should know of, and that it is over, becomes a record; a stop comes after it. */
static void tell(struct pulse *pulse)
{
    struct live_attempt *live = pulse->live;
    enum liveness word = pulse->state.word;
    bool is_news = word != pulse->told &&
                   (liveness_is_trouble(word) || liveness_is_trouble(pulse->told));
    bool is_stop = pulse->state.may_stop && pulse->policy.then == QUIET_STOP &&
                   !pulse->is_stop_asked;
    struct queued_event *event;

    if (!is_stop && (!is_news || pulse->told_count >= TOLD_MAX)) {
        return;
    }
    pulse->told = word;
    pulse->told_count++;
    pulse->is_stop_asked = pulse->is_stop_asked || is_stop;
    event = event_new(engine_find(live->engine, live->run), EVENT_LIVENESS, live->key);
    event->event.attempt = live->attempt;
    event->event.liveness = liveness_name(word);
    event->event.why = *pulse->text ? event_keep(event, pulse->text) : NULL;
    event->event.is_to_stop = is_stop;
    engine_post(live->engine, event);
}

static void take_look(struct pulse *pulse)
{
    pulse->is_on_pool = false;
    if (!pulse->live) {
        pulse_free(pulse);
        return;
    }
    pulse->shown = pulse->state.word;
    pulse->shown_since_at = pulse->state.since_ms + pulse->wall_offset_ms;
    tell(pulse);
    if (pulse->state.word == LIVENESS_DEAD) {
        /* Only a keeper that is itself stopped keeps an attempt that has no process. */
        (void)attempt_urge(pulse->live->watch);
    }
}

static void look_at_all(void *arg);

static int64_t pace_of(const struct pulses *pulses)
{
    int64_t pace_ms = PACE_MS;
    int64_t least_ms = (int64_t)pulses->all.count * PACE_MS_EACH;

    for (size_t i = 0; i < pulses->all.count; i++) {
        int64_t after_ms = pulses->all.items[i]->policy.after_ms / LOOKS_PER_LIMIT;

        pace_ms = after_ms > 0 && after_ms < pace_ms ? after_ms : pace_ms;
    }
    pace_ms = pace_ms < PACE_MS_MIN ? PACE_MS_MIN : pace_ms;
    return pace_ms < least_ms ? least_ms : pace_ms;
}

static void await_look(struct pulses *pulses)
{
    if (!pulses->timer.value && pulses->looking.count == 0 && pulses->all.count > 0) {
        pulses->timer = loop_timer_start(pulses->engine->options.loop, pace_of(pulses), look_at_all,
                                         pulses);
    }
}

static void on_looked(void *arg)
{
    struct pulses *pulses = arg;
    struct engine *engine = pulses->engine;

    for (size_t i = 0; i < pulses->looking.count; i++) {
        take_look(pulses->looking.items[i]);
    }
    pulses->looking.count = 0;
    await_look(pulses);
    engine_work_done(engine);
}

static void look_at_all(void *arg)
{
    struct pulses *pulses = arg;
    int64_t now = now_ms(pulses->engine);
    int64_t pace_ms = pace_of(pulses);

    pulses->timer = (loop_id){0};
    for (size_t i = 0; i < pulses->all.count; i++) {
        struct pulse *pulse = pulses->all.items[i];

        pulse->facts.now_ms = now;
        pulse->facts.pace_ms = pace_ms;
        pulse->facts.tools = follow_tools(pulse->live->follow, pulse->tool);
        pulse->is_on_pool = true;
        *VEC_PUSH(&pulses->looking) = pulse;
    }
    assert(pulses->looking.count > 0); /* without any there is no timer */
    pulses->engine->pool_jobs++;
    loop_submit(pulses->engine->options.loop, look_on_pool, on_looked, pulses);
}

static struct quiet_policy policy_of(const struct live_attempt *live)
{
    const struct active *active = engine_find(live->engine, live->run);
    const struct step_state *step = run_find_step(active->state, live->key);

    return profile_quiet(step->check ? NULL : step_effective(step), live->agent);
}

struct pulse *pulse_start(struct live_attempt *live, pid_t keeper)
{
    struct engine *engine = live->engine;
    const struct host *host = engine->options.host;
    struct pulse *pulse = mem_zero(1, sizeof(*pulse));

    if (!engine->pulses) {
        engine->pulses = mem_zero(1, sizeof(*engine->pulses));
        engine->pulses->engine = engine;
    }
    pulse->engine = engine;
    pulse->live = live;
    pulse->policy = policy_of(live);
    pulse->keeper = keeper;
    pulse->folder = mem_strdup(live->folder);
    pulse->state.began_ms = now_ms(engine);
    pulse->wall_offset_ms = host->now_ms(host->context) - pulse->state.began_ms;
    pulse->facts.quiet_ms = pulse->policy.after_ms;
    pulse->facts.has_model = live->follow != NULL;
    *VEC_PUSH(&engine->pulses->all) = pulse;
    await_look(engine->pulses);
    return pulse;
}

static void forget(struct pulse *pulse)
{
    struct pulses *pulses = pulse->engine->pulses;
    size_t i = 0;

    while (pulses->all.items[i] != pulse) {
        i++;
        assert(i < pulses->all.count);
    }
    pulses->all.items[i] = pulses->all.items[--pulses->all.count];
    if (pulses->all.count == 0) {
        loop_cancel(pulses->engine->options.loop, pulses->timer);
        pulses->timer = (loop_id){0};
    }
}

void pulse_stop(struct pulse *pulse)
{
    if (!pulse) {
        return;
    }
    forget(pulse);
    if (pulse->is_on_pool) {
        pulse->live = NULL;
    } else {
        pulse_free(pulse);
    }
}

void pulses_free(struct pulses *pulses)
{
    if (!pulses) {
        return;
    }
    assert(pulses->all.count == 0 && pulses->looking.count == 0);
    VEC_RELEASE(&pulses->all);
    VEC_RELEASE(&pulses->looking);
    free(pulses);
}

enum liveness pulse_word(const struct pulse *pulse, int64_t *ret_since_at)
{
    *ret_since_at = pulse ? pulse->shown_since_at : 0;
    return pulse ? pulse->shown : LIVENESS_UNKNOWN;
}

void pulse_end_quiet(struct live_attempt *live)
{
    char *path = path_join(live->folder, PULSE_SILENT_FILE);
    char *text = mem_printf("%lld\n", (long long)live->pulse->policy.after_ms);

    (void)file_write(path, text, strlen(text), FILE_NO_SYNC, NULL);
    free(text);
    free(path);
    live_stop_watched(live);
}

json_t *pulse_read(const char *folder)
{
    char *path = path_join(folder, PULSE_FILE);
    char *text = NULL;
    json_t *value = NULL;
    size_t length;

    if (file_read(path, FILE_BYTES_MAX, &text, &length, NULL) == 0) {
        (void)json_parse_text(text, length, path, &value, NULL);
    }
    free(text);
    free(path);
    if (value && json_typeof(value) != JSON_OBJECT) {
        json_decref(value);
        value = NULL;
    }
    return value;
}
