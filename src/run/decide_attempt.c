/* SPDX-License-Identifier: MIT */
/* The attempts of a step: by an agent or its static alternative, reused or done, ended, tried
 * again, given up. */
#include "base/alloc.h"
#include "functions/functions.h"
#include "run/states.h"
#include "run/turn.h"

#define STILL_LIMITED "the limit that its agent told is not over yet"
#define LOSSES_MAX 3

enum strategy step_strategy(const struct run_state *run, const struct step *step)
{
    return run->strategy == STRATEGY_UNSET && step->strategy != STRATEGY_UNSET ? step->strategy
                                                                               : run_strategy(run);
}

bool step_lacks_agent(const struct run_state *run, const struct step *step)
{
    return step->kind == STEP_AGENT && !step->static_step &&
           step_strategy(run, step) == STRATEGY_STATIC;
}

static const char *using_word(enum step_kind kind)
{
    switch (kind) {
    case STEP_COMMAND:
        return "command";
    case STEP_FUNCTION:
        return "function";
    case STEP_AGENT:
        return "agent";
    case STEP_APPROVAL:
    case STEP_WORKFLOW:
        break;
    }
    return "check";
}

static bool is_inline(const char *function)
{
    const struct function *found = function ? function_find(function) : NULL;

    return found && found->is_inline;
}

bool step_is_inline(const struct turn *turn, int index)
{
    const struct step_state *step = &turn->run->steps[index];

    return turn->limits && turn->limits->run_inline && !step->check &&
           step->definition->kind == STEP_FUNCTION && is_inline(step->definition->function) &&
           (!step->definition->foreach_list || step->role == ROLE_INSTANCE);
}

/* True: it was begun and done, in one record. */
static bool do_inline(struct turn *turn, int index)
{
    const struct step_state *step = step_at(turn, index);
    json_t *output = NULL;

    if (!step_is_inline(turn, index)) {
        return false;
    }
    --*turn->limits->inline_budget;
    if (!turn->limits->run_inline(turn->limits->inline_context, turn->run, index, &output)) {
        return false;
    }
    turn_emit(turn, (struct record){.kind = RECORD_STEP_DONE,
                                    .phase = phase_id(turn, index),
                                    .step = step->key,
                                    .number = step->attempts + 1,
                                    .reason = "function",
                                    .name = step->definition->function,
                                    .output = turn_hold(turn, output)});
    step_after_end(turn, index);
    return true;
}

/* Begins the next attempt. is_static chooses the static alternative from here on. */
static void attempt_start(struct turn *turn, int index, bool is_static,
                          const struct event *prepared)
{
    struct step_state *step = step_at(turn, index);
    const struct step *definition = is_static ? step->definition->static_step : step->definition;
    struct record record = {.kind = RECORD_ATTEMPT_STARTED,
                            .phase = phase_id(turn, index),
                            .step = step->key,
                            .number = step->attempts + 1};

    if (step->check) {
        record.reason = "check";
        record.name = step->check->name;
    } else {
        record.reason = using_word(definition->kind);
        record.name = definition->kind == STEP_FUNCTION ? definition->function
                      : definition->kind == STEP_AGENT  ? step_agent(step)
                                                        : NULL;
        record.strategy = is_static ? "static" : step->definition->kind == STEP_AGENT ? "ai" : NULL;
        record.session = definition->kind == STEP_AGENT && step->is_resumable ? step->session
                                                                              : NULL;
        record.output = turn_hold(turn, reserve_encode(step_reserve(turn, index)));
    }
    if (prepared) {
        record.digest = prepared->digest;
        record.data = prepared->parts;
        record.other = prepared->tree;
        record.space_wait_ms = prepared->outcome.space_wait_ms;
    }
    if (step->check || !is_inline(definition->function)) {
        record.folder = turn_text(turn, "attempts/%s.%d", step->key, step->attempts + 1);
    }
    turn_emit(turn, record);
    turn_effect(turn, EFFECT_START, index, 0, NULL);
}

static enum reuse reuse_of(const struct step *definition)
{
    const struct function *function;

    if (definition->reuse != REUSE_UNSET) {
        return definition->reuse;
    }
    switch (definition->kind) {
    case STEP_AGENT:
        return REUSE_TREE;
    case STEP_FUNCTION:
        function = function_find(definition->function);
        if (!function || function->is_inline || function->reads >= READS_OUTSIDE) {
            return REUSE_NEVER;
        }
        return function->reads == READS_TREE ? REUSE_TREE : REUSE_INPUTS;
    case STEP_COMMAND:
    case STEP_APPROVAL:
    case STEP_WORKFLOW:
        return REUSE_NEVER;
    }
    return REUSE_NEVER;
}

enum reuse step_reuse(const struct run_state *run, const struct step_state *step)
{
    const struct step *definition = step->definition;

    if (step->check || step->is_settling) {
        return REUSE_NEVER;
    }
    /* Before its first attempt a step has not chosen its alternative yet; the strategy tells. */
    if (step->is_static || (definition->kind == STEP_AGENT && definition->static_step &&
                            step_strategy(run, definition) == STRATEGY_STATIC)) {
        definition = definition->static_step;
    }
    return reuse_of(definition);
}

/* Its digest is worked out first; the proof of a check names the tree. */
static void prepare(struct turn *turn, int index, bool is_static)
{
    turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = phase_id(turn, index),
                                    .step = step_at(turn, index)->key,
                                    .reason = "prepare",
                                    .strategy = is_static ? "static" : NULL});
    turn_effect(turn, EFFECT_PREPARE, index, 0, is_static ? "static" : NULL);
}

/* Every attempt is prepared anew: the one before it may have changed the tree, and its agent may
 * have to be spared. */
static void start(struct turn *turn, int index, bool is_static)
{
    const struct step_state *step = step_at(turn, index);

    if (step->check || step->held || (!is_static && step->definition->kind == STEP_AGENT) ||
        reuse_of(is_static ? step->definition->static_step : step->definition) != REUSE_NEVER) {
        prepare(turn, index, is_static);
    } else if (!step_is_affordable(turn, index)) {
        step_put_back(turn, index);
    } else if (!do_inline(turn, index)) {
        attempt_start(turn, index, is_static, NULL);
    }
}

/* An agent step: by an agent, or by its static alternative. */
void step_start_attempt(struct turn *turn, int index)
{
    const struct step_state *step = step_at(turn, index);
    bool is_static = step->is_static;

    if (!step->check && step->definition->kind == STEP_AGENT &&
        step_strategy(turn->run, step->definition) == STRATEGY_STATIC) {
        if (!step->definition->static_step) {
            step_fail(turn, index, CLASS_PERMANENT, STEP_LACKS_AGENT);
            return;
        }
        is_static = true;
    }
    if (!is_static && step->not_before > turn->now) {
        step_wait(turn, index, (struct record){.until = step->not_before, .text = STILL_LIMITED});
        return;
    }
    start(turn, index, is_static);
}

void step_recover_prepare(struct turn *turn, int index)
{
    turn_effect(turn, EFFECT_PREPARE, index, 0, step_at(turn, index)->is_static ? "static" : NULL);
}

void step_handle_prepared(struct turn *turn, int index, const struct event *event)
{
    struct step_state *step = step_at(turn, index);

    if (step->waiting != WAITING_PREPARE) {
        return;
    }
    if (phase_is_late(turn, step->phase)) {
        step_fail(turn, index, CLASS_TIMEOUT, PHASE_LATE);
        return;
    }
    if (event->outcome.class_ != CLASS_NONE) {
        step_fail(turn, index, event->outcome.class_, event->outcome.error);
        return;
    }
    if (event->reused_run) {
        turn_emit(turn, (struct record){.kind = RECORD_STEP_REUSED,
                                        .phase = phase_id(turn, index),
                                        .step = step->key,
                                        .digest = event->digest,
                                        .data = event->parts,
                                        .other = event->reused_run,
                                        .other_step = event->reused_step,
                                        .agent = event->outcome.agent,
                                        .model = event->outcome.model,
                                        .output = event->outcome.output,
                                        .artifacts = event->outcome.artifacts,
                                        .duration_ms = event->outcome.duration_ms,
                                        .space_wait_ms = event->outcome.space_wait_ms});
        step_after_end(turn, index);
        return;
    }
    if (turn->run->wish != WISH_NONE) {
        step_make_pending(turn, index, "the run is being paused");
        return;
    }
    if (event->passed_over != CLASS_NONE && step_pass_over(turn, index, event)) {
        return;
    }
    if (event->held_until > turn->now) {
        step_hold_back(turn, index, event);
        return;
    }
    if (!step_is_affordable(turn, index)) {
        step_put_back(turn, index);
        return;
    }
    attempt_start(turn, index, step->is_static, event);
}

/* ---- ends of attempts ---- */

static void emit_attempt_ended(struct turn *turn, int index, const struct event *event)
{
    const struct outcome *outcome = &event->outcome;
    bool is_limit = outcome->class_ == CLASS_LIMIT && outcome->retry_after_ms > 0;

    turn_emit(turn, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                    .until = is_limit ? turn->now + outcome->retry_after_ms : 0,
                                    .phase = phase_id(turn, index),
                                    .step = step_at(turn, index)->key,
                                    .number = event->attempt,
                                    .class_ = failure_class_name(outcome->class_),
                                    .exit_status = outcome->exit_status,
                                    .signal = outcome->signal,
                                    .error = outcome->error,
                                    .duration_ms = outcome->duration_ms,
                                    .space_wait_ms = outcome->space_wait_ms,
                                    .flag = outcome->is_unbegun,
                                    .is_answered = outcome->is_answered,
                                    .output = outcome->output,
                                    .errors = outcome->errors,
                                    .artifacts = outcome->artifacts,
                                    .agent = outcome->agent,
                                    .model = outcome->model,
                                    .session = outcome->session,
                                    .question = outcome->question,
                                    .files = outcome->files,
                                    .data = outcome->usage});
}

void step_end_host(struct turn *turn, int index, enum failure_class class_, const char *error)
{
    struct event event = {.attempt = step_at(turn, index)->attempts,
                          .outcome = {.class_ = class_, .error = error}};

    emit_attempt_ended(turn, index, &event);
}

static void end_check(struct turn *turn, int index, const struct outcome *outcome)
{
    struct step_state *step = step_at(turn, index);
    const struct gate *gate = phase_of(turn, index)->definition->gate;

    turn_emit(turn, (struct record){.kind = RECORD_GATE_CHECKED,
                                    .phase = phase_id(turn, index),
                                    .name = gate->name,
                                    .step = step->check->name,
                                    .status = verdict_name(outcome->verdict),
                                    .reason = outcome->verdict_reason,
                                    .data = outcome->proof});
    if (outcome->verdict == VERDICT_PASS) {
        step_complete(turn, index);
        return;
    }
    /* The word in `reason` tells fail from unknown when the gate is decided. */
    step_move(turn, index, STEP_IS_FAILED,
              (struct record){.class_ = failure_class_name(CLASS_PERMANENT),
                              .error = outcome->verdict_reason,
                              .reason = verdict_name(outcome->verdict)});
}

static void end_cancelled(struct turn *turn, int index)
{
    if (phase_is_late(turn, step_at(turn, index)->phase)) {
        step_fail(turn, index, CLASS_TIMEOUT, PHASE_LATE);
        return;
    }
    switch (turn->run->wish) {
    case WISH_CANCEL:
        step_cancel(turn, index, "the run was cancelled");
        return;
    case WISH_PAUSE:
    case WISH_STOP:
    case WISH_FAIL:
        step_make_pending(turn, index, "it was stopped");
        return;
    case WISH_NONE:
        step_fail(turn, index, CLASS_CANCELLED, "it was stopped");
        return;
    }
}

void step_try_again(struct turn *turn, int index, bool is_static)
{
    if (turn->run->wish != WISH_NONE) {
        step_make_pending(turn, index, "the run is being paused");
    } else if (phase_is_late(turn, step_at(turn, index)->phase)) {
        step_fail(turn, index, CLASS_TIMEOUT, PHASE_LATE);
    } else {
        start(turn, index, is_static);
    }
}

/* What said when it is ready again is not asked before. */
static void wait_for_retry(struct turn *turn, int index, const struct outcome *outcome,
                           const char *error)
{
    const struct step_state *step = step_at(turn, index);
    int64_t delay = retry_delay_ms(&step_effective(step)->retry, step->tries, turn_random(turn));
    int64_t until = turn->now + (outcome->retry_after_ms > delay ? outcome->retry_after_ms : delay);

    if (turn->run->wish != WISH_NONE) {
        step_make_pending(turn, index, "the run is being paused");
        return;
    }
    step_wait(turn, index, (struct record){.until = until, .text = error});
}

/* Who settles it may find that the project changed once more. */
static void end_conflict(struct turn *turn, int index, const struct outcome *outcome,
                         const char *error)
{
    const struct step_state *step = step_at(turn, index);

    if (!step->is_settling) {
        step_settle_conflict(turn, index, error);
    } else if (step->tries < step_effective(step)->retry.attempts &&
               !phase_is_late(turn, step->phase)) {
        wait_for_retry(turn, index, outcome, error);
    } else {
        step_fail(turn, index, outcome->class_, error);
    }
}

static void end_failed(struct turn *turn, int index, const struct outcome *outcome)
{
    const struct step_state *step = step_at(turn, index);
    const struct retry_policy *policy = &step_effective(step)->retry;
    const char *error = outcome->error ? outcome->error : "it failed";
    /* Losses have their own count; a machine that loses every attempt ends here. */
    bool is_retried = outcome->class_ != CLASS_LOST &&
                      (policy->classes & CLASS_BIT(outcome->class_)) &&
                      step->tries < policy->attempts;

    if (outcome->is_doubtful) {
        step_fail(turn, index, outcome->class_, error);
    } else if (json_object_get(outcome->files, "conflicts")) {
        end_conflict(turn, index, outcome, error);
    } else if (step_park(turn, index, error)) {
        return;
    } else if (is_retried && !phase_is_late(turn, step->phase)) {
        wait_for_retry(turn, index, outcome, error);
    } else {
        step_give_up_agent(turn, index, outcome->class_, error);
    }
}

void step_handle_attempt_end(struct turn *turn, int index, const struct event *event)
{
    struct step_state *step = step_at(turn, index);
    const struct outcome *outcome = &event->outcome;

    /* Late or doubled: the attempt has had its outcome already. */
    if (step->waiting != WAITING_ATTEMPT || step->attempts != event->attempt) {
        return;
    }
    emit_attempt_ended(turn, index, event);
    step = step_at(turn, index);
    if (outcome->class_ == CLASS_LOST && step->losses < LOSSES_MAX) {
        step_try_again(turn, index, step->is_static);
        return;
    }
    if (outcome->class_ == CLASS_CANCELLED) {
        end_cancelled(turn, index);
        return;
    }
    if (step->check) {
        end_check(turn, index, outcome);
        return;
    }
    if (outcome->question) {
        step_ask(turn, index, outcome->question);
        return;
    }
    if (outcome->class_ == CLASS_NONE) {
        step_complete(turn, index);
        return;
    }
    end_failed(turn, index, outcome);
}

/* First it is told, then, where the step says so, it ends. */
void step_handle_liveness(struct turn *turn, int index, const struct event *event)
{
    const struct step_state *step = step_at(turn, index);

    if (step->waiting != WAITING_ATTEMPT || step->attempts != event->attempt) {
        return;
    }
    turn_emit(turn, (struct record){.kind = RECORD_ATTEMPT_LIVENESS,
                                    .phase = phase_id(turn, index),
                                    .step = step->key,
                                    .number = event->attempt,
                                    .status = event->liveness,
                                    .text = event->why,
                                    .flag = event->is_to_stop});
    if (event->is_to_stop) {
        turn_effect(turn, EFFECT_END_QUIET, index, 0, NULL);
    }
}

void step_handle_timer(struct turn *turn, int index, const struct event *event)
{
    struct step_state *step = step_at(turn, index);
    bool is_retry = step->waiting == WAITING_RETRY;
    bool is_due = step->until <= turn->now || (is_retry && step->is_spared && event->is_closed);

    if (!is_retry && step->waiting != WAITING_APPROVAL && step->waiting != WAITING_WORKFLOW) {
        return;
    }
    if (!is_due) {
        turn_effect(turn, EFFECT_TIMER, index, step->until, NULL);
    } else if (!is_retry) {
        if (step->waiting == WAITING_APPROVAL) {
            run_wake(turn); /* it rested for this */
        }
        step_give_up_wait(turn, index);
    } else if (turn->run->wish == WISH_NONE && !phase_has_place(turn->run, step->phase)) {
        step_make_pending(turn, index, "it waits for a free place");
    } else {
        step_try_again(turn, index, step->is_static);
    }
}
