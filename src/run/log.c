/* SPDX-License-Identifier: MIT */
/* Records as log lines: `[2024-02-19T10:00:00Z] [INFO] Phase: planning - Completed (180s)`.
 * One table of what each kind says; a record that says nothing gives no line. */
#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "run/files.h"

#include <stdlib.h>
#include <string.h>

#define PATHS_MAX 10
#define MODEL_COLUMNS_MAX 200

enum level { LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };
static const char *const level_names[] = {
    [LEVEL_INFO] = "INFO", [LEVEL_WARN] = "WARN", [LEVEL_ERROR] = "ERROR"};

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void add_because(struct strbuf *text, const char *why)
{
    if (why && *why) {
        strbuf_addf(text, ": %s", why);
    }
}

void log_add_answerer(struct strbuf *target, const char *agent, const char *model)
{
    if (agent) {
        strbuf_addf(target, ", by %s", agent);
    }
    if (agent && model) {
        strbuf_add(target, " (");
        utf8_add_cut(target, model, MODEL_COLUMNS_MAX); /* a backend's own words */
        strbuf_add(target, ")");
    }
}

static enum level say_run(const struct run_state *run, const struct record *record,
                          struct strbuf *text)
{
    const char *status = record->status;

    if (strcmp(status, "running") == 0) {
        strbuf_addf(text, "Workflow %s %s", run->id,
                    run->started_at == record->at ? "started" : "resumed");
        return LEVEL_INFO;
    }
    strbuf_addf(text, "Workflow %s %s", run->id, status);
    if (run->started_at && strcmp(status, "completed") == 0) {
        strbuf_addf(text, " (%llds)", (long long)((record->at - run->started_at) / 1000));
    }
    add_because(text, record->text);
    return strcmp(status, "failed") == 0 ? LEVEL_ERROR : LEVEL_INFO;
}

static const char *phase_word(const struct record *record)
{
    static const struct {
        const char *status;
        const char *word;
    } words[] = {{"completed", "Completed"}, {"failed", "Failed"},       {"paused", "Paused"},
                 {"skipped", "Skipped"},     {"cancelled", "Cancelled"}, {"pending", "Pending"}};

    if (strcmp(record->status, "running") == 0) {
        return record->reason && strcmp(record->reason, "gate") == 0  ? "Checking gate"
               : record->reason && strcmp(record->reason, "fix") == 0 ? "Fixing"
               : record->reason                                       ? "Starting"
                                                                      : "Resumed";
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i].status, record->status) == 0) {
            return words[i].word;
        }
    }
    return record->status;
}

static enum level say_phase(const struct run_state *run, const struct record *record,
                            struct strbuf *text)
{
    const struct phase_state *phase = run_find_phase(run, record->phase);

    strbuf_addf(text, "Phase: %s - %s", record->phase, phase_word(record));
    if (phase && phase->started_at && strcmp(record->status, "completed") == 0) {
        strbuf_addf(text, " (%llds)", (long long)((record->at - phase->started_at) / 1000));
    }
    add_because(text, record->error);
    return strcmp(record->status, "failed") == 0 ? LEVEL_ERROR : LEVEL_INFO;
}

static bool is_passed_over(const struct record *record)
{
    return record->reason && strcmp(record->reason, RECORD_REASON_PASSED_OVER) == 0;
}

static enum level say_step(const struct record *record, struct strbuf *text)
{
    if (strcmp(record->status, "running") == 0) {
        if (record->agent) {
            strbuf_addf(text, "Step: %s - Agent %s takes over from %s%s", record->step,
                        record->agent, or_empty(record->other),
                        is_passed_over(record) ? ", which is passed over" : "");
            add_because(text, record->error);
        } else if (record->strategy) {
            strbuf_addf(text, "Step: %s - Its static alternative stands in for its agent",
                        record->step);
            add_because(text, record->error);
        }
        return LEVEL_WARN;
    }
    strbuf_addf(text, "Step: %s - %s", record->step, record->status);
    add_because(text, record->error ? record->error : record->reason);
    return strcmp(record->status, "failed") == 0 ? LEVEL_ERROR : LEVEL_INFO;
}

static enum level say_waiting(const struct record *record, struct strbuf *text)
{
    char when[TIMESTAMP_SIZE];

    if (strcmp(record->reason, "approval") == 0) {
        strbuf_addf(text, "Step: %s - Waiting for approval", record->step);
        add_because(text, record->text);
    } else if (strcmp(record->reason, "answer") == 0) {
        strbuf_addf(text, "Step: %s - Its agent asks", record->step);
        add_because(text, record->text);
    } else if (strcmp(record->reason, "retry") == 0) {
        timestamp_format(record->until, when);
        if (record->agent) {
            strbuf_addf(text, "Step: %s - Waiting for %s's %s until %s", record->step,
                        record->agent, record->number > 0 ? "rate limit" : "circuit breaker", when);
        } else {
            strbuf_addf(text, "Step: %s - Retry at %s", record->step, when);
        }
        add_because(text, record->text);
        return LEVEL_WARN;
    } else if (strcmp(record->reason, "workflow") == 0 && record->other && !record->text) {
        strbuf_addf(text, "Step: %s - Nested run %s", record->step, record->other);
    }
    return LEVEL_INFO;
}

static bool is_call_of_agent(const struct record *record)
{
    return record->kind == RECORD_ATTEMPT_STARTED && record->reason &&
           strcmp(record->reason, "agent") == 0;
}

/* An agent that was given a role is told by its role. */
static void say_agent(const struct run_state *run, const struct record *record, struct strbuf *text)
{
    const struct step_state *step = run_find_step(run, record->step);
    const char *expert = step && step->definition ? step->definition->expert : NULL;

    strbuf_addf(text, "Agent: %s - Invoked",
                expert         ? expert
                : record->name ? record->name
                               : "default");
    if (record->session) {
        strbuf_add(text, " again, in the session of the attempt before");
    } else if (step && step->tries + step->losses + step->parks > 0) {
        strbuf_add(text, " again, anew on the work that is there");
    }
}

static void say_start(const struct record *record, struct strbuf *text)
{
    strbuf_addf(text, "Step: %s - Attempt %lld (%s%s%s)", record->step, (long long)record->number,
                or_empty(record->reason), record->name ? " " : "", or_empty(record->name));
}

static bool add_paths(struct strbuf *text, const char *what, const json_t *paths)
{
    const json_t *path;
    size_t i;

    json_array_foreach((json_t *)paths, i, path)
    {
        if (i == PATHS_MAX) {
            strbuf_addf(text, " and %zu more", json_array_size(paths) - PATHS_MAX);
            break;
        }
        strbuf_addf(text, "%s%s", i == 0 ? what : ", ", json_string_value(path));
    }
    return json_array_size(paths) > 0;
}

/* What an agent says it did, where that is not what happened. */
static enum level say_claims(const json_t *files, struct strbuf *text)
{
    bool is_odd = add_paths(
        text, "; claimed as changed, but as before: ", json_object_get(files, "only_claimed"));

    is_odd |= add_paths(text,
                        "; changed, but not claimed: ", json_object_get(files, "not_claimed"));
    if (add_paths(text, "; not merged: ", json_object_get(files, "left"))) {
        strbuf_addf(text, " (kept in %s)", json_get_text(files, "left_in", ""));
        is_odd = true;
    }
    if (json_object_get(files, "no_commit")) {
        strbuf_addf(text, "; no commit was made of it: %s", json_get_text(files, "no_commit", ""));
        is_odd = true;
    }
    return is_odd ? LEVEL_WARN : LEVEL_INFO;
}

static enum level say_attempt(const struct run_state *run, const struct record *record,
                              struct strbuf *text)
{
    if (record->kind == RECORD_ATTEMPT_STARTED) {
        if (is_call_of_agent(record)) {
            say_agent(run, record, text);
        } else {
            say_start(record, text);
        }
        return LEVEL_INFO;
    }
    if (strcmp(record->class_, "none") == 0) {
        strbuf_addf(text, "Step: %s - Attempt %lld ended (%.1fs)", record->step,
                    (long long)record->number, (double)record->duration_ms / 1000.0);
        add_because(text, json_get_text(json_object_get(record->output, "json"), "announce", NULL));
        return say_claims(record->files, text);
    }
    strbuf_addf(text, "Step: %s - Attempt %lld: %s", record->step, (long long)record->number,
                record->class_);
    add_because(text, record->error);
    (void)say_claims(record->files, text);
    return LEVEL_WARN;
}

/* `Quiet: it printed nothing for 5m, ...`, and when it goes on, `Working again`. */
static enum level say_liveness(const struct record *record, struct strbuf *text)
{
    const char *word = or_empty(record->status);

    strbuf_addf(text, "Step: %s - ", record->step);
    if (*word >= 'a' && *word <= 'z') {
        strbuf_add_char(text, (char)(*word - 'a' + 'A'));
        word++;
    }
    strbuf_addf(text, "%s%s", word, record->text ? "" : " again");
    add_because(text, record->text);
    strbuf_add(text, record->flag ? "; it is stopped, as its limit says" : "");
    return record->text ? LEVEL_WARN : LEVEL_INFO;
}

static enum level say_gate(const struct record *record, struct strbuf *text)
{
    if (record->kind == RECORD_GATE_CHECKED) {
        strbuf_addf(text, "Gate: %s - Check %s: %s", record->name, or_empty(record->step),
                    record->status);
    } else if (record->kind == RECORD_GATE_SKIPPED) {
        strbuf_addf(text, "Gate: %s - Skipped by %s", record->name,
                    record->by ? record->by : "somebody");
    } else {
        strbuf_addf(text, "Gate: %s - %s", record->name, record->status);
    }
    add_because(text, record->reason);
    return record->status && strcmp(record->status, "pass") == 0 ? LEVEL_INFO : LEVEL_WARN;
}

static void say_budget(const struct record *record, struct strbuf *text)
{
    struct budget budget;
    char amount[BUDGET_TEXT_SIZE];
    const char *before = ": ";

    budget_decode(record->data, &budget);
    strbuf_addf(text, "%s%s%sBudget set by %s", record->step ? "Step: " : "",
                or_empty(record->step), record->step ? " - " : "",
                record->by ? record->by : "somebody");
    for (int i = 0; i < BUDGET_KINDS; i++) {
        if (budget.limits[i]) {
            budget_format((enum budget_kind)i, budget.limits[i], amount);
            strbuf_addf(text, "%s%s", before, amount);
            before = ", ";
        }
    }
    strbuf_add(text, budget_is_empty(&budget) ? ": no limit" : "");
}

static enum level say(const struct run_state *run, const struct record *record, struct strbuf *text)
{
    switch (record->kind) {
    case RECORD_RUN_CREATED:
        strbuf_addf(text, "Workflow %s created from %s", run->id, record->name);
        break;
    case RECORD_RUN_MOVED:
        return say_run(run, record, text);
    case RECORD_RUN_EDITED:
        strbuf_addf(text, "Plan edited: %zu steps stay as they are", json_array_size(record->data));
        break;
    case RECORD_RUN_WISHED:
        strbuf_addf(text, "Asked to %s",
                    strcmp(record->status, "none") == 0 ? "go on" : record->status);
        add_because(text, record->text);
        break;
    case RECORD_PHASE_MOVED:
        return say_phase(run, record, text);
    case RECORD_PHASE_RESET:
        strbuf_addf(text, "Phase: %s - Reset (%s)", record->phase, or_empty(record->reason));
        break;
    case RECORD_STEP_EXPANDED:
        strbuf_addf(text, "Step: %s - %lld instances", record->step, (long long)record->number);
        break;
    case RECORD_STEP_MOVED:
        return say_step(record, text);
    case RECORD_STEP_WAITING:
        return say_waiting(record, text);
    case RECORD_ATTEMPT_STARTED:
    case RECORD_ATTEMPT_ENDED:
        return say_attempt(run, record, text);
    case RECORD_ATTEMPT_LIVENESS:
        return say_liveness(record, text);
    case RECORD_STEP_DONE:
        strbuf_addf(text, "Step: %s - completed (function %s)", record->step,
                    or_empty(record->name));
        break;
    case RECORD_STEP_REUSED:
        strbuf_addf(text, "Step: %s - Reused from %s (step %s)", record->step, record->other,
                    or_empty(record->other_step));
        log_add_answerer(text, record->agent, record->model);
        break;
    case RECORD_APPROVAL_GIVEN:
        strbuf_addf(text, "Step: %s - %s by %s", record->step, record->status,
                    record->by ? record->by : "a signal");
        add_because(text, record->text);
        break;
    case RECORD_QUESTION_ANSWERED:
        strbuf_addf(text, "Step: %s - Answered by %s", record->step,
                    record->by ? record->by : "somebody");
        break;
    case RECORD_SIGNAL_RECEIVED:
        strbuf_addf(text, "Signal: %s", record->name);
        break;
    case RECORD_GATE_CHECKED:
    case RECORD_GATE_DECIDED:
    case RECORD_GATE_SKIPPED:
        return say_gate(record, text);
    case RECORD_CHECKPOINT_SAVED:
        strbuf_addf(text, "Checkpoint saved: %s%s%s", record->name,
                    record->by ? " - asked by " : "", or_empty(record->by));
        break;
    case RECORD_RESTORED:
        strbuf_addf(text, "Checkpoint restored: %s", record->name);
        break;
    case RECORD_NESTED_LEFT:
        strbuf_addf(text, "Step: %s - Nested run %s is cancelled", record->step, record->other);
        break;
    case RECORD_NESTED_ENDED:
        break; /* told in its own log */
    case RECORD_WENT_TO:
        strbuf_addf(text, "Phase: %s - Back to %s (%lld)", record->phase, record->other,
                    (long long)record->number);
        add_because(text, record->reason);
        return LEVEL_WARN;
    case RECORD_BUDGET_SET:
        say_budget(record, text);
        break;
    case RECORD_RUN_CLOCKED:
        break; /* of no interest to people */
    case RECORD_ITERATED:
        strbuf_addf(text, "%s%s - Iteration %lld", record->phase ? "Phase: " : "Workflow ",
                    record->phase ? record->phase : run->id, (long long)record->number);
        break;
    }
    return LEVEL_INFO;
}

static void add_text_line(struct strbuf *target, const char *at, enum level level, const char *text)
{
    strbuf_addf(target, "[%s] [%s] %s\n", at, level_names[level], text);
}

/* One record, one line, whatever an agent wrote into its error; but the call of an agent is told as
 * the attempt that it is before it is told as the call. */
void log_format(const struct run_state *run, const struct record *record, bool is_json,
                struct strbuf *target)
{
    struct strbuf text;
    struct strbuf clean;
    char at[TIMESTAMP_SIZE];
    enum level level;

    strbuf_init(&text, 8192);
    strbuf_init(&clean, 8192);
    timestamp_format(record->at, at);
    if (is_call_of_agent(record) && !is_json) {
        say_start(record, &text);
        add_text_line(target, at, LEVEL_INFO, text.data);
        strbuf_reset(&text);
    }
    level = say(run, record, &text);
    utf8_add_cut(&clean, text.data, 2000);
    if (clean.length > 0 && is_json) {
        json_t *line = record_describe(record, run->id);
        char *dumped;

        json_put_text(line, "time", at);
        json_put_text(line, "level", level_names[level]);
        json_put_text(line, "message", clean.data);
        dumped = json_dump_compact(line);
        strbuf_addf(target, "%s\n", dumped);
        free(dumped);
        json_decref(line);
    } else if (clean.length > 0) {
        add_text_line(target, at, level, clean.data);
    }
    strbuf_release(&text);
    strbuf_release(&clean);
}

const char *log_phase(const struct run_state *run, const struct record *record)
{
    const struct step_state *step;

    if (record->kind == RECORD_RUN_MOVED || record->kind == RECORD_RUN_WISHED) {
        return NULL; /* these name the phase that was the reason */
    }
    if (record->phase) {
        return record->phase;
    }
    step = record->step ? run_find_step(run, record->step) : NULL;
    return step ? run->phases[step->phase].definition->id : NULL;
}
