/* SPDX-License-Identifier: MIT */
#include "ops/log_lines.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

struct log_lines {
    json_t *started;  /* phase -> when, ms */
    json_t *phase_of; /* step key -> phase */
};

struct log_lines *log_lines_new(void)
{
    struct log_lines *lines = mem_zero(1, sizeof(*lines));

    lines->started = json_object();
    lines->phase_of = json_object();
    return lines;
}

void log_lines_free(struct log_lines *lines)
{
    if (!lines) {
        return;
    }
    json_decref(lines->started);
    json_decref(lines->phase_of);
    free(lines);
}

const char *log_lines_phase(const struct log_lines *lines, const json_t *record)
{
    const char *step = json_get_text(record, "step", NULL);
    const char *phase = json_get_text(record, "phase", NULL);

    return phase || !step ? phase : json_get_text(lines->phase_of, step, NULL);
}

/* ---- pieces
 * ------------------------------------------------------------------------------------------- */

static const char *get(const json_t *record, const char *key)
{
    return json_get_text(record, key, "");
}

static bool is(const json_t *record, const char *key, const char *word)
{
    return strcmp(get(record, key), word) == 0;
}

static void add_capital(struct strbuf *target, const char *word)
{
    char first = *word >= 'a' && *word <= 'z' ? (char)(*word - 'a' + 'A') : *word;

    if (first) {
        strbuf_add_char(target, first);
        strbuf_add(target, word + 1);
    }
}

/* ": text" on one line, when there is one. */
static void add_detail(struct strbuf *target, const char *text)
{
    if (*text) {
        strbuf_add(target, ": ");
        utf8_add_cut(target, text, 400);
    }
}

static const char *level_of_status(const json_t *record)
{
    if (is(record, "status", "failed")) {
        return "ERROR";
    }
    return is(record, "status", "paused") || is(record, "status", "cancelled") ? "WARN" : "INFO";
}

/* ---- one function a kind
 * --------------------------------------------------------------------------------- */

typedef const char *(*format_function)(struct log_lines *lines, const json_t *record,
                                       struct strbuf *target);

static const char *format_run_created(struct log_lines *lines, const json_t *record,
                                      struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Workflow %s created from %s", get(record, "run"), get(record, "workflow"));
    add_detail(target, get(record, "task"));
    return "INFO";
}

static const char *format_run_moved(struct log_lines *lines, const json_t *record,
                                    struct strbuf *target)
{
    const char *status = get(record, "status");

    (void)lines;
    strbuf_addf(target, "Workflow %s %s", get(record, "run"),
                strcmp(status, "running") == 0 ? "started" : status);
    add_detail(target, *get(record, "detail") ? get(record, "detail") : get(record, "reason"));
    return level_of_status(record);
}

static const char *format_run_wished(struct log_lines *lines, const json_t *record,
                                     struct strbuf *target)
{
    (void)lines;
    if (is(record, "wish", "none")) {
        return NULL;
    }
    strbuf_addf(target, "Workflow %s was asked to %s", get(record, "run"), get(record, "wish"));
    return "INFO";
}

static const char *format_phase_moved(struct log_lines *lines, const json_t *record,
                                      struct strbuf *target)
{
    const char *phase = get(record, "phase");
    json_int_t at = json_get_integer(record, "at", 0);

    if (is(record, "status", "running")) {
        json_put_integer(lines->started, phase, at);
        strbuf_addf(target, "Phase: %s - Starting", phase);
        return "INFO";
    }
    strbuf_addf(target, "Phase: %s - ", phase);
    add_capital(target, get(record, "status"));
    if (json_object_get(lines->started, phase) && !is(record, "status", "skipped")) {
        strbuf_addf(target, " (%llds)",
                    (long long)(at - json_get_integer(lines->started, phase, at) + 500) / 1000);
    }
    add_detail(target, get(record, "error"));
    return level_of_status(record);
}

static const char *format_phase_reset(struct log_lines *lines, const json_t *record,
                                      struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Phase: %s - Reset (%s)", get(record, "phase"), get(record, "reason"));
    return "INFO";
}

static const char *format_step_expanded(struct log_lines *lines, const json_t *record,
                                        struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Step: %s - %lld instances", get(record, "step"),
                (long long)json_get_integer(record, "count", 0));
    return "INFO";
}

static const char *format_step_moved(struct log_lines *lines, const json_t *record,
                                     struct strbuf *target)
{
    (void)lines;
    /* Starts are told by attempt_started; going back to pending by phase_reset. */
    if (is(record, "status", "running") || is(record, "status", "pending")) {
        return NULL;
    }
    strbuf_addf(target, "Step: %s - ", get(record, "step"));
    add_capital(target, get(record, "status"));
    if (*get(record, "class") && !is(record, "class", "none")) {
        strbuf_addf(target, " (%s)", get(record, "class"));
    }
    add_detail(target, *get(record, "error") ? get(record, "error") : get(record, "reason"));
    return level_of_status(record);
}

static const char *format_step_waiting(struct log_lines *lines, const json_t *record,
                                       struct strbuf *target)
{
    (void)lines;
    if (is(record, "waiting", "prepare")) {
        return NULL;
    }
    strbuf_addf(target, "Step: %s - Waiting for %s", get(record, "step"), get(record, "waiting"));
    if (*get(record, "child")) {
        strbuf_addf(target, " %s", get(record, "child"));
    }
    if (json_get_integer(record, "until", 0) > 0) {
        char until[TIMESTAMP_SIZE];

        timestamp_format(json_get_integer(record, "until", 0), until);
        strbuf_addf(target, " until %s", until);
    }
    add_detail(target, get(record, "message"));
    return "INFO";
}

static const char *format_attempt_started(struct log_lines *lines, const json_t *record,
                                          struct strbuf *target)
{
    long long attempt = (long long)json_get_integer(record, "attempt", 1);

    (void)lines;
    if (is(record, "using", "agent")) {
        strbuf_addf(target, "Agent: %s - Invoked for %s", get(record, "name"), get(record, "step"));
    } else {
        strbuf_addf(target, "Step: %s - Starting %s", get(record, "step"), get(record, "using"));
        if (*get(record, "name")) {
            strbuf_add_char(target, ' ');
            utf8_add_cut(target, get(record, "name"), 200);
        }
    }
    if (attempt > 1) {
        strbuf_addf(target, " (attempt %lld)", attempt);
    }
    return "INFO";
}

static const char *format_attempt_ended(struct log_lines *lines, const json_t *record,
                                        struct strbuf *target)
{
    char duration[DURATION_SIZE];

    (void)lines;
    duration_format(json_get_integer(record, "duration_ms", 0), duration);
    strbuf_addf(target, "Step: %s - Attempt %lld ended after %s", get(record, "step"),
                (long long)json_get_integer(record, "attempt", 1), duration);
    if (is(record, "class", "none") || !*get(record, "class")) {
        return "INFO";
    }
    strbuf_addf(target, " (%s)", get(record, "class"));
    add_detail(target, get(record, "error"));
    return "WARN";
}

static const char *format_step_reused(struct log_lines *lines, const json_t *record,
                                      struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Step: %s - Reused from %s", get(record, "step"), get(record, "from_run"));
    return "INFO";
}

static const char *format_approval_given(struct log_lines *lines, const json_t *record,
                                         struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Step: %s - ", get(record, "step"));
    add_capital(target, get(record, "answer"));
    if (*get(record, "by")) {
        strbuf_addf(target, " by %s", get(record, "by"));
    }
    add_detail(target, get(record, "comment"));
    return "INFO";
}

static const char *format_signal_received(struct log_lines *lines, const json_t *record,
                                          struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Signal received: %s", get(record, "name"));
    return "INFO";
}

static const char *format_gate_checked(struct log_lines *lines, const json_t *record,
                                       struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Gate: %s - Check %s: %s", get(record, "gate"), get(record, "check"),
                get(record, "verdict"));
    add_detail(target, get(record, "reason"));
    return is(record, "verdict", "pass") ? "INFO" : "WARN";
}

static const char *format_gate_decided(struct log_lines *lines, const json_t *record,
                                       struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Gate: %s - ", get(record, "gate"));
    add_capital(target, get(record, "verdict"));
    add_detail(target, get(record, "reason"));
    return is(record, "verdict", "pass") ? "INFO" : "ERROR";
}

static const char *format_gate_skipped(struct log_lines *lines, const json_t *record,
                                       struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Gate: %s - Skipped", get(record, "gate"));
    if (*get(record, "by")) {
        strbuf_addf(target, " by %s", get(record, "by"));
    }
    add_detail(target, get(record, "reason"));
    return "WARN";
}

static const char *format_checkpoint_saved(struct log_lines *lines, const json_t *record,
                                           struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Checkpoint saved: %s", get(record, "checkpoint"));
    return "INFO";
}

static const char *format_restored(struct log_lines *lines, const json_t *record,
                                   struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Restored to checkpoint %s", get(record, "checkpoint"));
    return "INFO";
}

static const char *format_went_to(struct log_lines *lines, const json_t *record,
                                  struct strbuf *target)
{
    (void)lines;
    strbuf_addf(target, "Phase: %s - Back to %s (%lld)", get(record, "from"), get(record, "to"),
                (long long)json_get_integer(record, "count", 0));
    return "WARN";
}

static const char *format_iterated(struct log_lines *lines, const json_t *record,
                                   struct strbuf *target)
{
    (void)lines;
    if (*get(record, "phase")) {
        strbuf_addf(target, "Phase: %s - Iteration %lld", get(record, "phase"),
                    (long long)json_get_integer(record, "iteration", 0));
    } else {
        strbuf_addf(target, "Iteration %lld", (long long)json_get_integer(record, "iteration", 0));
    }
    return "INFO";
}

static const struct {
    const char *kind;
    format_function format;
} formats[] = {
    {"run_created", format_run_created},
    {"run_moved", format_run_moved},
    {"run_wished", format_run_wished},
    {"phase_moved", format_phase_moved},
    {"phase_reset", format_phase_reset},
    {"step_expanded", format_step_expanded},
    {"step_moved", format_step_moved},
    {"step_waiting", format_step_waiting},
    {"attempt_started", format_attempt_started},
    {"attempt_ended", format_attempt_ended},
    {"step_reused", format_step_reused},
    {"approval_given", format_approval_given},
    {"signal_received", format_signal_received},
    {"gate_checked", format_gate_checked},
    {"gate_decided", format_gate_decided},
    {"gate_skipped", format_gate_skipped},
    {"checkpoint_saved", format_checkpoint_saved},
    {"restored", format_restored},
    {"went_to", format_went_to},
    {"iterated", format_iterated},
};

const char *log_lines_format(struct log_lines *lines, const json_t *record, struct strbuf *target)
{
    const char *kind = get(record, "kind");
    const char *step = json_get_text(record, "step", NULL);
    const char *phase = json_get_text(record, "phase", NULL);

    if (step && phase) {
        json_put_text(lines->phase_of, step, phase);
    }
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i].kind, kind) == 0) {
            return formats[i].format(lines, record, target);
        }
    }
    return NULL;
}
