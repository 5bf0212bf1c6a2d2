/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "cli/print.h"
#include "cli/progress_state.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_COLUMNS_MAX 60

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

static bool is_finished(const char *status)
{
    return strcmp(status, "completed") == 0 || strcmp(status, "failed") == 0 ||
           strcmp(status, "skipped") == 0 || strcmp(status, "cancelled") == 0;
}

static int find_phase(const struct progress *progress, const char *id)
{
    for (size_t i = 0; i < progress->phases.count; i++) {
        if (strcmp(progress->phases.items[i].id, id) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool is_fix(const json_t *step)
{
    return json_is_true(json_object_get(step, "is_fix"));
}

static void set_status(char target[STATUS_SIZE], const char *status)
{
    (void)snprintf(target, STATUS_SIZE, "%s", status);
}

/* ---- from the first picture ---- */

/* As its list is called, with its place in it: "Review [3]". */
static void name_instance(const struct progress *progress, const char *key, json_t *instance)
{
    size_t length = strcspn(key, "[");
    char *list = mem_strndup(key, length);
    const char *name = get(json_object_get(progress->steps, list), "name");

    if (*name && strcmp(name, list) != 0) {
        char *text = mem_printf("%s %s", name, key + length);

        json_put_text(instance, "name", text);
        free(text);
    }
    free(list);
}

static void add_step(struct progress *progress, int phase, const json_t *given, bool fixes)
{
    const char *key = get(given, "key");
    const char *status = get(given, "status");
    json_t *step = json_object();

    json_put_integer(step, "phase", phase);
    json_put_text(step, "status", status);
    json_put_text(step, "name", get(given, "name"));
    json_put_integer(step, "at",
                     json_get_integer(given, "started_at", 0) +
                         json_get_integer(given, "space_wait_ms", 0));
    json_put(progress->steps, key, step);
    if (strchr(key, '[')) {
        name_instance(progress, key, step);
    }
    json_put(step, "is_fix", json_boolean(fixes));
    if (fixes) {
        return;
    }
    progress->total++;
    progress->done += is_finished(status) ? 1 : 0;
    progress->phases.items[phase].total++;
    progress->phases.items[phase].done += is_finished(status) ? 1 : 0;
}

static void add_phase(struct progress *progress, const json_t *given)
{
    struct progress_phase *phase = VEC_PUSH(&progress->phases);
    int index = (int)progress->phases.count - 1;
    const json_t *step;
    const json_t *instance;
    size_t i;
    size_t k;

    *phase = (struct progress_phase){
        .id = mem_strdup(get(given, "id")),
        .name = mem_strdup(json_get_text(given, "name", get(given, "id"))),
        .started_at = json_get_integer(given, "started_at", 0),
        .ended_at = json_get_integer(given, "ended_at", 0),
    };
    set_status(phase->status, get(given, "status"));
    json_array_foreach(json_object_get(given, "steps"), i, step)
    {
        add_step(progress, index, step, false);
        json_array_foreach(json_object_get(step, "instances"), k, instance)
        {
            add_step(progress, index, instance, false);
        }
    }
    json_array_foreach(json_object_get(given, "fix"), i, step)
    {
        add_step(progress, index, step, true);
    }
}

static void say_phase(struct progress *progress, int index)
{
    char *line = mem_printf("Phase %d/%zu %s", index + 1, progress->phases.count,
                            progress->phases.items[index].name);

    progress_say(progress, line);
    free(line);
}

void progress_say_begin(struct progress *progress)
{
    char *line;

    if (progress->form != PROGRESS_PLAIN) {
        return;
    }
    line = mem_printf("Run %s: %s, %d step%s", progress->run, progress->workflow, progress->total,
                      progress->total == 1 ? "" : "s");
    progress_say(progress, line);
    free(line);
    for (size_t i = 0; i < progress->phases.count; i++) {
        if (strcmp(progress->phases.items[i].status, "running") == 0) {
            say_phase(progress, (int)i);
        }
    }
}

struct progress *progress_new(const struct terminal *terminal, enum progress_form form,
                              struct ops *ops, const json_t *run,
                              void (*write)(void *context, const char *text, size_t length),
                              void *context)
{
    struct progress *progress = mem_zero(1, sizeof(*progress));
    const json_t *phase;
    size_t i;

    progress->terminal = terminal;
    progress->form = form;
    progress->ops = ops;
    progress->write = write;
    progress->context = context;
    progress->steps = json_object();
    progress->workflow = mem_strdup(get(run, "workflow"));
    progress->started_at = json_get_integer(run, "started_at", 0);
    (void)snprintf(progress->run, sizeof(progress->run), "%s", get(run, "id"));
    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        add_phase(progress, phase);
    }
    return progress;
}

void progress_free(struct progress *progress)
{
    struct strbuf text;

    if (!progress) {
        return;
    }
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    progress_erase(progress, &text);
    if (text.length) {
        progress->write(progress->context, text.data, text.length);
    }
    strbuf_release(&text);
    for (size_t i = 0; i < progress->phases.count; i++) {
        free(progress->phases.items[i].id);
        free(progress->phases.items[i].name);
    }
    VEC_RELEASE(&progress->phases);
    VEC_RELEASE(&progress->drawn);
    json_decref(progress->steps);
    free(progress->workflow);
    free(progress);
}

void progress_say(struct progress *progress, const char *text)
{
    struct strbuf line;

    strbuf_init(&line, OUTPUT_BYTES_MAX);
    progress_erase(progress, &line);
    utf8_add_printable(&line, text, strlen(text));
    strbuf_add_char(&line, '\n');
    progress->write(progress->context, line.data, line.length);
    strbuf_release(&line);
}

/* ---- records ---- */

/* "phase/key", or "Name (phase/key)": the key is what commands want to hear. */
static void add_title(struct strbuf *target, const struct progress *progress, const json_t *record)
{
    const char *key = get(record, "step");
    const char *name = get(json_object_get(progress->steps, key), "name");
    bool has_name = *name && strcmp(name, key) != 0;

    if (has_name) {
        utf8_add_cut(target, name, NAME_COLUMNS_MAX);
    }
    strbuf_addf(target, "%s%s/%s%s", has_name ? " (" : "", get(record, "phase"), key,
                has_name ? ")" : "");
}

static void say_step(struct progress *progress, const json_t *record, json_int_t started)
{
    const char *status = get(record, "status");
    json_int_t took = json_get_integer(record, "at", 0) - started;
    struct strbuf line;
    char duration[DURATION_SIZE];

    /* In a live view a step that went well just moves on; what went wrong stays to be read. */
    if (progress->form == PROGRESS_LIVE && strcmp(status, "failed") != 0) {
        return;
    }
    strbuf_init(&line, OUTPUT_BYTES_MAX);
    /* How often something has to be fixed is not known before: such steps are not counted. */
    if (is_fix(json_object_get(progress->steps, get(record, "step")))) {
        strbuf_add(&line, "Fix ");
    } else {
        strbuf_addf(&line, "Step %d/%d ", progress->done, progress->total);
    }
    add_title(&line, progress, record);
    strbuf_addf(&line, " %s", status);
    if (started > 0 && took >= 0) {
        duration_format(took, duration);
        strbuf_addf(&line, " (%s)", duration);
    }
    if (*get(record, "error") || *get(record, "reason")) {
        strbuf_add(&line, ": ");
        utf8_add_cut(&line, *get(record, "error") ? get(record, "error") : get(record, "reason"),
                     300);
    }
    progress_say(progress, line.data);
    strbuf_release(&line);
}

static void add_end_of_agent(struct strbuf *line, const json_t *record)
{
    if (strcmp(get(record, "reason"), "passed over") == 0) {
        strbuf_add(line, "was passed over: ");
    } else {
        strbuf_addf(line, "failed (%s): ", get(record, "class"));
    }
}

/* Also in a live view: what is done now is not what was wanted first. */
static void say_alternative(struct progress *progress, const json_t *record)
{
    struct strbuf line;

    strbuf_init(&line, OUTPUT_BYTES_MAX);
    strbuf_add(&line, "Step ");
    add_title(&line, progress, record);
    if (*get(record, "agent")) {
        strbuf_addf(&line, ": agent %s ", get(record, "fallback_from"));
        add_end_of_agent(&line, record);
        utf8_add_cut(&line, get(record, "error"), 300);
        strbuf_addf(&line, "; %s takes over", get(record, "agent"));
    } else {
        strbuf_add(&line, ": its agent ");
        add_end_of_agent(&line, record);
        utf8_add_cut(&line, get(record, "error"), 300);
        strbuf_add(&line, "; its static alternative is done instead");
    }
    progress_say(progress, line.data);
    strbuf_release(&line);
}

/* NULL: it is none that is counted. An instance was counted when its list was known. */
static json_t *find_step(const struct progress *progress, const json_t *record)
{
    const char *key = get(record, "step");
    json_t *step = json_object_get(progress->steps, key);
    int phase = find_phase(progress, get(record, "phase"));

    if (!step && phase >= 0 && strchr(key, '[')) {
        step = json_object();
        json_put_integer(step, "phase", phase);
        json_put_text(step, "status", "pending");
        json_put(progress->steps, key, step);
        name_instance(progress, key, step);
    }
    return step;
}

static void move_step(struct progress *progress, const json_t *record)
{
    const char *status = get(record, "status");
    json_t *step = find_step(progress, record);
    bool was_finished;
    json_int_t started;
    int phase;

    if (!step) {
        return;
    }
    phase = (int)json_get_integer(step, "phase", 0);
    was_finished = is_finished(get(step, "status"));
    started = json_get_integer(step, "at", 0);
    json_put_text(step, "status", status);
    if (strcmp(status, "running") == 0 && (*get(record, "strategy") || *get(record, "agent"))) {
        say_alternative(progress, record);
    }
    if (was_finished != is_finished(status) && !is_fix(step)) {
        progress->done += was_finished ? -1 : 1;
        progress->phases.items[phase].done += was_finished ? -1 : 1;
    }
    if (!was_finished && is_finished(status)) {
        say_step(progress, record, started);
    }
}

/* A step that was done within the turn that began it. */
static void finish_step(struct progress *progress, const json_t *record)
{
    json_t *moved = json_copy((json_t *)(uintptr_t)record);

    json_put_text(moved, "status", "completed");
    json_put_text(moved, "name", NULL);
    move_step(progress, moved);
    json_decref(moved);
}

/* What a function wants said at once, such as the band that it chose; also in a live view. */
static void say_announcement(struct progress *progress, const json_t *record)
{
    const char *text = get(json_object_get(json_object_get(record, "output"), "json"), "announce");
    struct strbuf line;

    if (*text == '\0') {
        return;
    }
    strbuf_init(&line, OUTPUT_BYTES_MAX);
    strbuf_addf(&line, "Step %s: ", get(record, "step"));
    utf8_add_cut(&line, text, 300);
    progress_say(progress, line.data);
    strbuf_release(&line);
}

static void reuse_step(struct progress *progress, const json_t *record)
{
    json_t *moved = json_copy((json_t *)(uintptr_t)record);
    struct strbuf why;

    strbuf_init(&why, OUTPUT_BYTES_MAX);
    strbuf_addf(&why, "reused from %s", get(record, "from_run"));
    print_answerer(record, ", by ", &why);
    json_put_text(moved, "status", "completed");
    json_put_text(moved, "reason", why.data);
    (void)json_object_del(moved, "agent"); /* none takes over */
    move_step(progress, moved);
    say_announcement(progress, record);
    json_decref(moved);
    strbuf_release(&why);
}

/* What it waited for space on the disk does not count: as if it had begun so much later. */
static void count_space_wait(struct progress *progress, const json_t *record)
{
    json_int_t wait = json_get_integer(record, "space_wait_ms", 0);
    json_t *step = wait > 0 ? find_step(progress, record) : NULL;

    if (step && json_get_integer(step, "at", 0) > 0) {
        json_put_integer(step, "at", json_get_integer(step, "at", 0) + wait);
    }
}

static void end_attempt(struct progress *progress, const json_t *record)
{
    count_space_wait(progress, record);
    say_announcement(progress, record);
}

/* A step's time counts from its first attempt, waits between attempts included. */
static void start_attempt(struct progress *progress, const json_t *record)
{
    json_t *step = find_step(progress, record);

    if (step &&
        (json_get_integer(step, "at", 0) == 0 || json_get_integer(record, "attempt", 1) == 1)) {
        json_put_integer(step, "at", json_get_integer(record, "at", 0));
    } else {
        count_space_wait(progress, record);
    }
}

static void move_phase(struct progress *progress, const json_t *record)
{
    int index = find_phase(progress, get(record, "phase"));
    const char *status = get(record, "status");
    struct progress_phase *phase;
    bool begins; /* it runs again for its gate, and after a pause */

    if (index < 0) {
        return;
    }
    phase = &progress->phases.items[index];
    begins = strcmp(status, "running") == 0 && strcmp(phase->status, "running") != 0 &&
             phase->done == 0;
    set_status(phase->status, status);
    if (strcmp(status, "running") == 0) {
        phase->started_at = json_get_integer(record, "at", 0);
        phase->ended_at = 0;
    } else if (is_finished(status)) {
        phase->ended_at = json_get_integer(record, "at", 0);
    }
    if (progress->form == PROGRESS_PLAIN && begins) {
        say_phase(progress, index);
    }
}

static void reset_phase(struct progress *progress, const json_t *record)
{
    int index = find_phase(progress, get(record, "phase"));
    const char *key;
    json_t *step;

    if (index < 0) {
        return;
    }
    json_object_foreach(progress->steps, key, step)
    {
        if (json_get_integer(step, "phase", -1) != index || !is_finished(get(step, "status"))) {
            continue;
        }
        json_put_text(step, "status", "pending");
        json_put_integer(step, "at", 0);
        if (!is_fix(step)) {
            progress->done--;
            progress->phases.items[index].done--;
        }
    }
    set_status(progress->phases.items[index].status, "pending");
    if (strcmp(get(record, "reason"), "fix") != 0) {
        char *line = mem_printf("Phase %s starts again: %s", get(record, "phase"),
                                get(record, "reason"));

        progress_say(progress, line);
        free(line);
    }
}

static void say_gate(struct progress *progress, const json_t *record)
{
    char *line = mem_printf("Gate %s of phase %s: %s%s%s", get(record, "gate"),
                            get(record, "phase"), get(record, "verdict"),
                            *get(record, "reason") ? ": " : "", get(record, "reason"));

    if (progress->form != PROGRESS_LIVE || strcmp(get(record, "verdict"), "pass") != 0) {
        progress_say(progress, line);
    }
    free(line);
}

/* The caller frees it. */
static char *describe_retry(const json_t *record)
{
    const char *agent = get(record, "agent");
    const char *message = get(record, "message");
    char until[TIMESTAMP_SIZE];

    timestamp_format(json_get_integer(record, "until", 0), until);
    if (!*agent) {
        return mem_printf("Step %s will be tried again at %s%s%s", get(record, "step"), until,
                          *message ? ": " : "", message);
    }
    return mem_printf("Step %s waits for %s's %s until %s%s%s", get(record, "step"), agent,
                      json_get_integer(record, "count", 0) > 0 ? "rate limit" : "circuit breaker",
                      until, *message ? ": " : "", message);
}

static void say_waiting(struct progress *progress, const json_t *record)
{
    const char *waiting = get(record, "waiting");
    char *line = NULL;

    if (strcmp(waiting, "retry") == 0) {
        line = describe_retry(record);
    } else if (strcmp(waiting, "approval") == 0) {
        line = mem_printf("Step %s waits for approval%s%s", get(record, "step"),
                          *get(record, "message") ? ": " : "", get(record, "message"));
    } else if (strcmp(waiting, "answer") == 0) {
        line = mem_printf("The agent of step %s asks: %s", get(record, "step"),
                          get(record, "message"));
    } else if (strcmp(waiting, "workflow") == 0 && progress->form == PROGRESS_PLAIN) {
        line = mem_printf("Step %s%s %s%s", get(record, "step"),
                          *get(record, "message") ? ": the nested run" : " runs as",
                          get(record, "child"), *get(record, "message") ? " is paused" : "");
    }
    if (line) {
        progress_say(progress, line);
    }
    free(line);
}

static void say_liveness(struct progress *progress, const json_t *record)
{
    const char *message = json_get_text(record, "message", "");
    char *line = mem_printf("Step %s is %s%s%s%s", get(record, "step"),
                            strcmp(get(record, "state"), "wants input") == 0 ? "waiting for input"
                                                                             : get(record, "state"),
                            *message ? ": " : " again", message,
                            json_get_boolean(record, "stopped", false) ? "; it is stopped" : "");

    progress_say(progress, line);
    free(line);
}

static void expand_step(struct progress *progress, const json_t *record)
{
    int index = find_phase(progress, get(record, "phase"));
    int count = (int)json_get_integer(record, "count", 0);

    if (index >= 0) {
        progress->total += count;
        progress->phases.items[index].total += count;
    }
}

static void move_run(struct progress *progress, const json_t *record)
{
    if (progress->started_at == 0 && strcmp(get(record, "status"), "running") == 0) {
        progress->started_at = json_get_integer(record, "at", 0);
    }
}

static const struct {
    const char *kind;
    void (*handle)(struct progress *progress, const json_t *record);
} handlers[] = {
    {"run_moved", move_run},        {"phase_moved", move_phase},
    {"phase_reset", reset_phase},   {"step_moved", move_step},
    {"step_expanded", expand_step}, {"gate_decided", say_gate},
    {"step_waiting", say_waiting},  {"attempt_started", start_attempt},
    {"step_reused", reuse_step},    {"step_done", finish_step},
    {"attempt_ended", end_attempt}, {"attempt_liveness", say_liveness},
};

void progress_add_record(struct progress *progress, const json_t *record)
{
    if (progress->form == PROGRESS_JSON) {
        char *text = json_dump_compact(record);
        char *line = mem_printf("%s\n", text);

        progress->write(progress->context, line, strlen(line));
        free(line);
        free(text);
        return;
    }
    /* Nested runs have their own numbers; the step that started one stands for it here. */
    if (strcmp(get(record, "run"), progress->run) != 0) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
        if (strcmp(handlers[i].kind, get(record, "kind")) == 0) {
            handlers[i].handle(progress, record);
        }
    }
}
