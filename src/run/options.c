/* SPDX-License-Identifier: MIT */
/* What a person can do about a run that waits. */
#include "run/decide.h"

#include <stdio.h>
#include <string.h>

#define OPTION_COMMAND_MAX 512
#define FAILURES_TOLD 3 /* each by itself; a person reads them */

static json_t *make_option(const char *action, const char *command, const char *help)
{
    json_t *option = json_object();

    json_put_text(option, "do", action);
    json_put_text(option, "command", command);
    json_put_text(option, "help", help);
    return option;
}

static void add_option(json_t *options, const char *action, const char *command, const char *help)
{
    (void)json_array_append_new(options, make_option(action, command, help));
}

/* As a shell takes it: "a", "'each[1]'". */
static void quote_key(const char *key, char *ret_word, size_t size)
{
    bool is_plain = !strpbrk(key, "[]*? ");

    (void)snprintf(ret_word, size, "%s%s%s", is_plain ? "" : "'", key, is_plain ? "" : "'");
}

/* ---- after a failure ---- */

/* A list with one failed instance is told by that, with several as a whole. */
static bool is_told(const struct run_state *run, const struct step_state *step)
{
    if (!step->definition || !step_is_in_the_way(run, step)) {
        return false;
    }
    if (step->role == ROLE_INSTANCE) {
        return run->steps[step->parent].instances_failed == 1;
    }
    return !step->items || step->instances_failed != 1;
}

static void add_step_options(const struct run_state *run, const struct step_state *step,
                             bool is_only, json_t *options)
{
    char command[OPTION_COMMAND_MAX];
    char key[OPTION_COMMAND_MAX / 2];

    quote_key(step->key, key, sizeof(key));
    if (!is_only) {
        (void)snprintf(command, sizeof(command), "fermata retry %s %s --resume", run->id, key);
        add_option(options, "retry", command, "try this step again");
    }
    if (step->definition->allow_skip && !step_holds_phase(run, step)) {
        (void)snprintf(command, sizeof(command), "fermata skip %s %s --reason \"...\" --resume",
                       run->id, key);
        add_option(options, "skip", command, "leave the step out and go on (not recommended)");
    }
}

/* A phase that failed by its gate, or by itself: by its condition, or by time. */
static bool is_told_as_phase(const struct run_state *run, const struct phase_state *phase)
{
    int index = (int)(phase - run->phases);

    if (phase->status != STEP_IS_FAILED || phase->is_excused) {
        return false;
    }
    for (size_t i = 0; phase->stage != STAGE_GATE && i < run->step_count; i++) {
        if (run->steps[i].phase == index && step_is_in_the_way(run, &run->steps[i])) {
            return false;
        }
    }
    return true;
}

static void add_phase_options(const struct run_state *run, const struct phase_state *phase,
                              json_t *options)
{
    const struct phase *definition = phase->definition;
    char command[OPTION_COMMAND_MAX];

    if (phase->stage == STAGE_GATE && definition->gate->allow_skip) {
        (void)snprintf(command, sizeof(command),
                       "fermata skip %s --gate %s --reason \"...\" --resume", run->id,
                       definition->id);
        add_option(options, "skip", command, "pass the gate without proof (not recommended)");
    } else if (phase->stage != STAGE_GATE && definition->allow_skip && phase->under_way == 0) {
        (void)snprintf(command, sizeof(command),
                       "fermata skip %s --phase %s --reason \"...\" --resume", run->id,
                       definition->id);
        add_option(options, "skip", command, "leave the phase out and go on (not recommended)");
    }
}

/* What each failure leaves to be done, for the first few; the number of all. */
static int add_failures(const struct run_state *run, bool is_only, json_t *options)
{
    int count = 0;

    for (size_t i = 0; i < run->step_count; i++) {
        if (is_told(run, &run->steps[i]) && count++ < FAILURES_TOLD) {
            add_step_options(run, &run->steps[i], is_only, options);
        }
    }
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        if (is_told_as_phase(run, &run->phases[i]) && count++ < FAILURES_TOLD) {
            add_phase_options(run, &run->phases[i], options);
        }
    }
    return count;
}

static void add_failure_options(const struct run_state *run, json_t *options)
{
    json_t *none = json_array();
    int count = add_failures(run, true, none);
    char command[OPTION_COMMAND_MAX];
    char help[64];

    json_decref(none);
    (void)snprintf(command, sizeof(command), "fermata resume %s --retry-failed", run->id);
    add_option(options, "retry", command,
               count > 1 ? "after fixing the causes, try all that failed again"
                         : "after fixing the cause, try the failed part again");
    (void)add_failures(run, count <= 1, options);
    if (count > FAILURES_TOLD) {
        (void)snprintf(command, sizeof(command), "fermata show %s", run->id);
        (void)snprintf(help, sizeof(help), "and %d more that failed", count - FAILURES_TOLD);
        add_option(options, "show", command, help);
    }
}

/* ---- answers ---- */

static void add_answer_option(const struct run_state *run, const struct step_state *step,
                              const char *answer, const char *help, json_t *options)
{
    char command[OPTION_COMMAND_MAX];
    char key[OPTION_COMMAND_MAX / 2];
    json_t *option;

    quote_key(step->key, key, sizeof(key));
    (void)snprintf(command, sizeof(command), "fermata %s %s %s", answer, run->id, key);
    option = make_option(answer, command, help);
    if (step->until) {
        json_put_integer(option, "until", step->until);
    }
    (void)json_array_append_new(options, option);
}

static void add_approval_options(const struct run_state *run, json_t *options)
{
    for (size_t i = 0; i < run->step_count; i++) {
        const struct step_state *step = &run->steps[i];

        if (step->waiting == WAITING_APPROVAL) {
            add_answer_option(run, step, "approve", step->reason ? step->reason : "", options);
            add_answer_option(run, step, "reject", "refuse it; the step fails", options);
        }
    }
}

static void add_question_options(const struct run_state *run, json_t *options)
{
    char command[OPTION_COMMAND_MAX];
    char key[OPTION_COMMAND_MAX / 2];

    for (size_t i = 0; i < run->step_count; i++) {
        const struct step_state *step = &run->steps[i];

        if (step->waiting == WAITING_ANSWER) {
            quote_key(step->key, key, sizeof(key));
            (void)snprintf(command, sizeof(command), "fermata answer %s %s \"...\" --resume",
                           run->id, key);
            add_option(options, "answer", command, step->reason ? step->reason : "");
        }
    }
}

static void add_host_option(const struct run_state *run, json_t *options)
{
    char command[OPTION_COMMAND_MAX];

    if (run->hosts > 0) {
        (void)snprintf(command, sizeof(command), "fermata resume %s", run->id);
        add_option(options, "resume", command, "once the host has written its response");
    }
}

static void add_nested_options(const struct run_state *run, json_t *options)
{
    char command[OPTION_COMMAND_MAX];

    for (size_t i = 0; i < run->step_count; i++) {
        const struct step_state *step = &run->steps[i];

        if (step->waiting == WAITING_WORKFLOW && step->status == STEP_IS_PAUSED) {
            (void)snprintf(command, sizeof(command), "fermata status %s", step->child);
            add_option(options, "status", command, "see what the nested run waits for");
        }
    }
}

/* As an example: half of the limit more, where that is known. */
static void suggest_raise(const struct run_state *run, char ret_amount[BUDGET_TEXT_SIZE])
{
    static const char *const examples[] = {"100k", "5", "30m", "20"};
    const char *dot = strrchr(run->reason_budget, '.');
    const char *word = dot ? dot + 1 : run->reason_budget;
    int kind = budget_kind_parse(word, strlen(word));
    int64_t limit = kind >= 0 && !dot && strcmp(run->reason_run, run->id) == 0
                        ? run->budget.limits[kind]
                        : 0;

    (void)snprintf(ret_amount, BUDGET_TEXT_SIZE, "%s", kind >= 0 ? examples[kind] : "1");
    if ((kind == BUDGET_TOKENS || kind == BUDGET_STEPS) && limit > 1) {
        (void)snprintf(ret_amount, BUDGET_TEXT_SIZE, "%lld", (long long)(limit / 2));
    }
}

static void add_budget_options(const struct run_state *run, json_t *options)
{
    char command[OPTION_COMMAND_MAX];
    char amount[BUDGET_TEXT_SIZE];

    if (!run->reason_run || !run->reason_budget) {
        return;
    }
    suggest_raise(run, amount);
    (void)snprintf(command, sizeof(command), "fermata resume %s --budget %s=+%s", run->reason_run,
                   run->reason_budget, amount);
    add_option(options, "raise", command, "allow so much more, and go on");
    if (strcmp(run->reason_run, run->id) != 0) {
        add_nested_options(run, options);
    }
}

static bool is_failure(const char *reason)
{
    return reason && (strcmp(reason, "failure") == 0 || strcmp(reason, "gate") == 0 ||
                      strcmp(reason, "limit") == 0);
}

json_t *run_options(const struct run_state *run)
{
    json_t *options = json_array();
    const char *reason = run->reason ? run->reason : "";
    char command[OPTION_COMMAND_MAX];

    if (run->status == RUN_FAILED && run->parent) {
        (void)snprintf(command, sizeof(command), "fermata status %s", run->parent);
        add_option(options, "status", command, "its parent goes on from here, or tries again");
    } else if (run->status == RUN_PAUSED &&
               (strcmp(reason, "approval") == 0 || strcmp(reason, "question") == 0 ||
                strcmp(reason, "host") == 0)) {
        add_approval_options(run, options);
        add_question_options(run, options);
        add_host_option(run, options);
    } else if (run->status == RUN_FAILED ||
               (run->status == RUN_PAUSED && is_failure(run->reason))) {
        add_failure_options(run, options);
    } else if (run->status == RUN_PAUSED && strcmp(reason, REASON_BUDGET) == 0) {
        add_budget_options(run, options);
    } else if (run->status == RUN_PAUSED) {
        add_nested_options(run, options);
        (void)snprintf(command, sizeof(command), "fermata resume %s", run->id);
        add_option(options, "resume", command, "go on from here");
    }
    if (!run_status_is_final(run->status)) {
        (void)snprintf(command, sizeof(command), "fermata cancel %s", run->id);
        add_option(options, "cancel", command, "stop for good; what was done is kept");
    }
    return options;
}

void run_add_live_options(const struct run_state *run, bool is_owned, json_t *options)
{
    char command[OPTION_COMMAND_MAX];

    if (run->status != RUN_RUNNING && run->status != RUN_PENDING) {
        return;
    }
    if (!is_owned) {
        /* A nested run goes on with the one around it. */
        (void)snprintf(command, sizeof(command), "fermata resume %s",
                       run->parent ? run->parent : run->id);
        (void)json_array_insert_new(
            options, 0, make_option("resume", command, "take it over and go on from here"));
    } else if (run->wish == WISH_PAUSE && is_failure(run->reason)) {
        /* The decision need not wait for those that are still at work. */
        json_t *others = json_deep_copy(options);

        (void)json_array_clear(options);
        add_failure_options(run, options);
        (void)json_array_extend(options, others);
        json_decref(others);
    } else if (run->wish == WISH_NONE) {
        (void)snprintf(command, sizeof(command), "fermata pause %s", run->id);
        (void)json_array_insert_new(
            options, 0, make_option("pause", command, "let running steps end, begin no new ones"));
    }
}
