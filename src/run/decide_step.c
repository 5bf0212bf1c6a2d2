/* SPDX-License-Identifier: MIT */
/* What becomes of one step: ready, started, ended, tried again, given up. */
#include "base/alloc.h"
#include "base/id.h"
#include "functions/functions.h"
#include "run/states.h"
#include "run/turn.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define LOSSES_MAX 3

static struct step_state *step_at(struct turn *turn, int index)
{
    return &turn->run->steps[index];
}

static struct phase_state *phase_of(struct turn *turn, int index)
{
    return &turn->run->phases[step_at(turn, index)->phase];
}

static const char *phase_id(struct turn *turn, int index)
{
    return phase_of(turn, index)->definition->id;
}

void step_push_ready(struct turn *turn, int step)
{
    *VEC_PUSH(&phase_of(turn, step)->ready) = step;
}

static void emit_moved(struct turn *turn, int index, enum step_status status,
                       enum failure_class class_, const char *error, const char *reason,
                       const char *by)
{
    turn_emit(turn, (struct record){.kind = RECORD_STEP_MOVED,
                                    .phase = phase_id(turn, index),
                                    .step = step_at(turn, index)->key,
                                    .status = step_status_name(status),
                                    .class_ = failure_class_name(class_),
                                    .error = error,
                                    .reason = reason,
                                    .by = by});
}

/* ---- what follows from an end ---- */

static bool trigger_holds(const struct run_state *run, const struct phase_state *phase,
                          const struct step *step)
{
    struct plan_edges needs = plan_step_needs(run->plan, phase->definition->index, step->index);
    size_t well = 0;
    size_t finished = 0;

    for (size_t i = 0; i < needs.count; i++) {
        const struct step_state *need = &run->steps[phase->first_step + needs.items[i]];

        well += step_is_settled_well(need) ? 1 : 0;
        finished += step_is_finished(need) ? 1 : 0;
    }
    switch (step->trigger) {
    case TRIGGER_ALL_SUCCESS:
        return well == needs.count;
    case TRIGGER_ONE_SUCCESS:
        return needs.count == 0 || (well > 0 && finished == needs.count);
    case TRIGGER_ALL_DONE:
        return finished == needs.count;
    }
    return false;
}

void step_feed_instances(struct turn *turn, int parent)
{
    struct step_state *step = step_at(turn, parent);
    int width = step->definition->foreach_width;

    /* Instances that were made ready are counted as used until they finish. */
    while (step->instance_next < step->instance_count) {
        int used = step->instance_next - (step->instance_count - step->instances_open);

        if (width > 0 && used >= width) {
            return;
        }
        step_push_ready(turn, step->instances.items[step->instance_next]);
        step->instance_next++;
    }
}

static void finish_foreach(struct turn *turn, int parent)
{
    struct step_state *step = step_at(turn, parent);

    if (step->instances_open > 0) {
        step_feed_instances(turn, parent);
        return;
    }
    if (step->instances_failed > 0) {
        step_fail(turn, parent, CLASS_PERMANENT,
                  turn_text(turn, "%d of %d instances failed", step->instances_failed,
                            step->instance_count));
    } else {
        step_complete(turn, parent);
    }
}

static void after_end(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);
    struct phase_state *phase = phase_of(turn, index);
    struct plan_edges dependents;

    if (step->role == ROLE_INSTANCE) {
        if (step_at(turn, step->parent)->waiting == WAITING_INSTANCES) {
            finish_foreach(turn, step->parent);
        }
        return;
    }
    if (step->role == ROLE_FIX) {
        int next = index + 1;

        if (step_is_settled_well(step) &&
            next < phase->first_fix + (int)phase->definition->fix_count) {
            step_push_ready(turn, next);
        }
        return;
    }
    if (step->role == ROLE_CHECK || phase->stage != STAGE_STEPS) {
        return;
    }
    dependents = plan_step_dependents(turn->run->plan, step->phase, step->definition->index);
    for (size_t i = 0; i < dependents.count; i++) {
        int other = phase->first_step + dependents.items[i];

        if (step_at(turn, other)->status == STEP_IS_PENDING &&
            trigger_holds(turn->run, phase, step_at(turn, other)->definition)) {
            step_push_ready(turn, other);
        }
    }
}

void step_complete(struct turn *turn, int step)
{
    emit_moved(turn, step, STEP_IS_COMPLETED, CLASS_NONE, NULL, NULL, NULL);
    after_end(turn, step);
}

void step_fail(struct turn *turn, int step, enum failure_class class_, const char *error)
{
    emit_moved(turn, step, STEP_IS_FAILED, class_, error, NULL, NULL);
    after_end(turn, step);
}

void step_skip(struct turn *turn, int step, const char *reason, const char *by)
{
    emit_moved(turn, step, STEP_IS_SKIPPED, CLASS_NONE, NULL, reason, by);
    after_end(turn, step);
}

void step_cancel(struct turn *turn, int step, const char *reason)
{
    emit_moved(turn, step, STEP_IS_CANCELLED, CLASS_CANCELLED, NULL, reason, NULL);
}

/* Back to pending, and ready as soon as the run goes on. */
void step_make_pending(struct turn *turn, int step, const char *reason)
{
    emit_moved(turn, step, STEP_IS_PENDING, CLASS_NONE, NULL, reason, NULL);
    step_push_ready(turn, step);
}

/* ---- starting ---- */

static enum strategy strategy_of(const struct run_state *run, const struct step *step)
{
    if (run->strategy != STRATEGY_UNSET) {
        return run->strategy;
    }
    if (step->strategy != STRATEGY_UNSET) {
        return step->strategy;
    }
    if (run->workflow->strategy != STRATEGY_UNSET) {
        return run->workflow->strategy;
    }
    return run->strategy_default != STRATEGY_UNSET ? run->strategy_default : STRATEGY_HYBRID;
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
                      : definition->kind == STEP_AGENT  ? definition->agent
                                                        : NULL;
        record.strategy = is_static ? "static" : step->definition->kind == STEP_AGENT ? "ai" : NULL;
    }
    if (prepared) {
        record.digest = prepared->digest;
        record.data = prepared->parts;
        record.other = prepared->tree;
    }
    if (step->check || !is_inline(definition->function)) {
        record.folder = turn_text(turn, "attempts/%s.%d", step->key, step->attempts + 1);
    }
    turn_emit(turn, record);
    turn_effect(turn, EFFECT_START, index, 0, NULL);
}

static enum reuse reuse_of(const struct run_state *run, const struct step *definition)
{
    const struct function *function;

    if (run->is_fresh) {
        return REUSE_NEVER;
    }
    if (definition->reuse != REUSE_UNSET) {
        return definition->reuse;
    }
    switch (definition->kind) {
    case STEP_AGENT:
        return REUSE_TREE;
    case STEP_FUNCTION:
        function = function_find(definition->function);
        return !function || function->is_inline ? REUSE_NEVER
               : function->reads_tree           ? REUSE_TREE
                                                : REUSE_INPUTS;
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

    if (step->check) {
        return REUSE_NEVER;
    }
    /* Before its first attempt a step has not chosen its alternative yet; the strategy tells. */
    if (step->is_static || (definition->kind == STEP_AGENT && definition->static_step &&
                            strategy_of(run, definition) == STRATEGY_STATIC)) {
        definition = definition->static_step;
    }
    return reuse_of(run, definition);
}

/* An agent step: by an agent, or by its static alternative. */
static void start_executable(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);
    bool is_static = step->is_static;

    if (!step->check && step->definition->kind == STEP_AGENT &&
        strategy_of(turn->run, step->definition) == STRATEGY_STATIC) {
        if (!step->definition->static_step) {
            step_fail(turn, index, CLASS_PERMANENT,
                      "the strategy is static and this step has no `static:` alternative");
            return;
        }
        is_static = true;
    }
    if (step->check || reuse_of(turn->run, is_static ? step->definition->static_step
                                                     : step->definition) == REUSE_NEVER) {
        /* Checks are prepared all the same: their proof names the tree. */
        if (!step->check) {
            attempt_start(turn, index, is_static, NULL);
            return;
        }
    }
    turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = phase_id(turn, index),
                                    .step = step->key,
                                    .reason = "prepare"});
    turn_effect(turn, EFFECT_PREPARE, index, 0, is_static ? "static" : NULL);
}

static void expand(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);
    struct lookup_context context = {.run = turn->run, .step = step};
    struct error err = ERROR_INIT;
    json_t *items = NULL;
    size_t count;

    if (expression_evaluate(step->definition->foreach_list, run_lookup, &context, &items, &err) <
        0) {
        step_fail(turn, index, CLASS_PERMANENT, turn_text(turn, "foreach: %s", err.text));
        return;
    }
    (void)turn_hold(turn, items);
    if (!json_is_array(items)) {
        step_fail(turn, index, CLASS_PERMANENT, "foreach: the expression did not give a list");
        return;
    }
    count = json_array_size(items);
    if ((int64_t)count + turn->run->steps_total > turn->limits->steps_max) {
        step_fail(turn, index, CLASS_PERMANENT,
                  turn_text(turn,
                            "foreach: %zu instances would exceed the limit of %lld steps in "
                            "a run (steps_max)",
                            count, (long long)turn->limits->steps_max));
        return;
    }
    turn_emit(turn, (struct record){.kind = RECORD_STEP_EXPANDED,
                                    .phase = phase_id(turn, index),
                                    .step = step->key,
                                    .number = (int64_t)count,
                                    .data = items});
    finish_foreach(turn, index);
}

static void answer_approval(struct turn *turn, int index, bool is_approved, const char *by,
                            const char *comment)
{
    turn_emit(turn, (struct record){.kind = RECORD_APPROVAL_GIVEN,
                                    .step = step_at(turn, index)->key,
                                    .status = is_approved ? "approved" : "rejected",
                                    .by = by,
                                    .text = comment});
    if (is_approved) {
        step_complete(turn, index);
    } else {
        step_fail(turn, index, CLASS_REFUSED,
                  turn_text(turn, "rejected by %s%s%s", by ? by : "a signal", comment ? ": " : "",
                            comment ? comment : ""));
    }
}

/* A signal named like the step (or with -approved, -rejected) answers it, also before it asks. */
static bool signal_answers(struct turn *turn, int index)
{
    const char *key = step_at(turn, index)->key;
    const json_t *signals = turn->run->signals;

    if (json_object_get(signals, key) ||
        json_object_get(signals, turn_text(turn, "%s-approved", key))) {
        answer_approval(turn, index, true, NULL, NULL);
        return true;
    }
    if (json_object_get(signals, turn_text(turn, "%s-rejected", key))) {
        answer_approval(turn, index, false, NULL, NULL);
        return true;
    }
    return false;
}

static void start_approval(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);
    struct lookup_context context = {.run = turn->run, .step = step};
    struct strbuf message;

    if (signal_answers(turn, index)) {
        return;
    }
    strbuf_init(&message, 4096);
    if (step->definition->message) {
        (void)template_format(step->definition->message, run_lookup, &context, &message, NULL);
    }
    turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = phase_id(turn, index),
                                    .step = step->key,
                                    .reason = "approval",
                                    .text = turn_text(turn, "%s", message.data)});
    strbuf_release(&message);
}

static void start_child(struct turn *turn, int index)
{
    char child[RUN_ID_SIZE];

    if (turn->run->depth + 1 > turn->limits->nesting_max) {
        step_fail(turn, index, CLASS_PERMANENT,
                  turn_text(turn, "workflows are nested deeper than %d (nesting_max)",
                            turn->limits->nesting_max));
        return;
    }
    run_id_format(turn_random(turn), child);
    turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = phase_id(turn, index),
                                    .step = step_at(turn, index)->key,
                                    .reason = "workflow",
                                    .other = child});
    turn_effect(turn, EFFECT_CHILD_START, index, 0, NULL);
}

/* False: `when` says no (the step was skipped) or could not be worked out (it failed). */
static bool when_holds(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);
    struct lookup_context context = {.run = turn->run, .step = step};
    struct error err = ERROR_INIT;
    json_t *value = NULL;
    bool holds;

    if (!step->definition->when) {
        return true;
    }
    if (expression_evaluate(step->definition->when, run_lookup, &context, &value, &err) < 0) {
        step_fail(turn, index, CLASS_PERMANENT, turn_text(turn, "when: %s", err.text));
        return false;
    }
    holds = json_is_truthy(value);
    json_decref(value);
    if (!holds) {
        step_skip(turn, index,
                  turn_text(turn, "when: %s is false", expression_text(step->definition->when)),
                  NULL);
    }
    return holds;
}

void step_start(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);

    if (step->status != STEP_IS_PENDING) {
        return;
    }
    if (step->check) {
        start_executable(turn, index);
        return;
    }
    if (!(step->definition->foreach_list && step->role == ROLE_INSTANCE) &&
        !when_holds(turn, index)) {
        return;
    }
    step = step_at(turn, index);
    if (step->definition->foreach_list && step->role != ROLE_INSTANCE) {
        expand(turn, index);
        return;
    }
    switch (step->definition->kind) {
    case STEP_APPROVAL:
        start_approval(turn, index);
        break;
    case STEP_WORKFLOW:
        start_child(turn, index);
        break;
    case STEP_AGENT:
    case STEP_COMMAND:
    case STEP_FUNCTION:
        start_executable(turn, index);
        break;
    }
}

void step_handle_prepared(struct turn *turn, int index, const struct event *event)
{
    struct step_state *step = step_at(turn, index);
    bool is_static;

    if (step->waiting != WAITING_PREPARE) {
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
                                        .output = event->outcome.output,
                                        .artifacts = event->outcome.artifacts,
                                        .duration_ms = event->outcome.duration_ms});
        after_end(turn, index);
        return;
    }
    if (turn->run->wish != WISH_NONE) {
        step_make_pending(turn, index, "the run is being paused");
        return;
    }
    is_static = !step->check && step->definition->kind == STEP_AGENT &&
                (step->is_static || strategy_of(turn->run, step->definition) == STRATEGY_STATIC);
    attempt_start(turn, index, is_static, event);
}

/* ---- ends of attempts ---- */

static void emit_attempt_ended(struct turn *turn, int index, const struct event *event)
{
    const struct outcome *outcome = &event->outcome;

    turn_emit(turn, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                    .phase = phase_id(turn, index),
                                    .step = step_at(turn, index)->key,
                                    .number = event->attempt,
                                    .class_ = failure_class_name(outcome->class_),
                                    .exit_status = outcome->exit_status,
                                    .signal = outcome->signal,
                                    .error = outcome->error,
                                    .duration_ms = outcome->duration_ms,
                                    .output = outcome->output,
                                    .errors = outcome->errors,
                                    .artifacts = outcome->artifacts,
                                    .data = outcome->usage});
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
    emit_moved(turn, index, STEP_IS_FAILED, CLASS_PERMANENT, outcome->verdict_reason,
               verdict_name(outcome->verdict), NULL);
}

static void end_cancelled(struct turn *turn, int index)
{
    struct phase_state *phase = phase_of(turn, index);

    if (phase->deadline && phase->deadline <= turn->now) {
        step_fail(turn, index, CLASS_TIMEOUT, "the phase ran out of time");
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

void step_attempt_again(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);

    if (turn->run->wish != WISH_NONE) {
        step_make_pending(turn, index, "the run is being paused");
        return;
    }
    if (step->check) {
        turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                        .phase = phase_id(turn, index),
                                        .step = step->key,
                                        .reason = "prepare"});
        turn_effect(turn, EFFECT_PREPARE, index, 0, NULL);
        return;
    }
    attempt_start(turn, index, step->is_static, NULL);
}

static bool may_fall_back_to_static(struct turn *turn, const struct step_state *step)
{
    return step->definition->kind == STEP_AGENT && !step->is_static &&
           step->definition->static_step &&
           strategy_of(turn->run, step->definition) == STRATEGY_HYBRID;
}

static void end_failed(struct turn *turn, int index, const struct outcome *outcome)
{
    struct step_state *step = step_at(turn, index);
    const struct retry_policy *policy = &step_effective(step)->retry;
    const char *error = outcome->error ? outcome->error : "it failed";

    if ((policy->classes & CLASS_BIT(outcome->class_)) && step->tries < policy->attempts) {
        int64_t until;

        if (turn->run->wish != WISH_NONE) {
            step_make_pending(turn, index, "the run is being paused");
            return;
        }
        until = turn->now + retry_delay_ms(policy, step->tries, turn_random(turn));
        turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                        .phase = phase_id(turn, index),
                                        .step = step->key,
                                        .reason = "retry",
                                        .until = until,
                                        .text = error});
        turn_effect(turn, EFFECT_TIMER, index, until, NULL);
        return;
    }
    if (may_fall_back_to_static(turn, step)) {
        if (turn->run->wish != WISH_NONE) {
            step_make_pending(turn, index, "the run is being paused");
        } else {
            attempt_start(turn, index, true, NULL);
        }
        return;
    }
    step_fail(turn, index, outcome->class_, error);
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
        step_attempt_again(turn, index);
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
    if (outcome->class_ == CLASS_NONE) {
        step_complete(turn, index);
        return;
    }
    end_failed(turn, index, outcome);
}

void step_handle_timer(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);

    if (step->waiting != WAITING_RETRY) {
        return;
    }
    if (step->until > turn->now) {
        turn_effect(turn, EFFECT_TIMER, index, step->until, NULL);
        return;
    }
    step_attempt_again(turn, index);
}

void step_handle_child(struct turn *turn, int index, const struct event *event)
{
    struct step_state *step = step_at(turn, index);

    if (step->waiting != WAITING_WORKFLOW || !step->child ||
        strcmp(step->child, event->child) != 0) {
        return;
    }
    switch (event->child_status) {
    case RUN_COMPLETED:
        step_complete(turn, index);
        break;
    case RUN_FAILED:
        step_fail(turn, index, CLASS_PERMANENT,
                  turn_text(turn, "the nested run %s failed", event->child));
        break;
    case RUN_CANCELLED:
        if (turn->run->wish == WISH_CANCEL) {
            step_cancel(turn, index, "the run was cancelled");
        } else {
            step_fail(turn, index, CLASS_CANCELLED,
                      turn_text(turn, "the nested run %s was cancelled", event->child));
        }
        break;
    case RUN_PAUSED:
        if (step->status != STEP_IS_PAUSED) {
            turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                            .phase = phase_id(turn, index),
                                            .step = step->key,
                                            .reason = "workflow",
                                            .other = event->child,
                                            .text = "the nested run is paused"});
        }
        break;
    case RUN_PENDING:
    case RUN_RUNNING:
        if (step->status == STEP_IS_PAUSED) {
            turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                            .phase = phase_id(turn, index),
                                            .step = step->key,
                                            .reason = "workflow",
                                            .other = event->child});
        }
        break;
    }
}

void step_answer_approval(struct turn *turn, int index, bool is_approved, const char *by,
                          const char *comment)
{
    answer_approval(turn, index, is_approved, by, comment);
}

bool step_is_ready(const struct run_state *run, int index)
{
    const struct step_state *step = &run->steps[index];
    const struct phase_state *phase = &run->phases[step->phase];

    if (step->status != STEP_IS_PENDING) {
        return false;
    }
    switch (step->role) {
    case ROLE_STEP:
        return phase->stage == STAGE_STEPS && trigger_holds(run, phase, step->definition);
    case ROLE_FIX:
        return phase->stage == STAGE_FIX &&
               (index == phase->first_fix || step_is_settled_well(&run->steps[index - 1]));
    case ROLE_CHECK:
        return phase->stage == STAGE_GATE;
    case ROLE_INSTANCE:
        return run->steps[step->parent].waiting == WAITING_INSTANCES &&
               step->instance < run->steps[step->parent].instance_next;
    }
    return false;
}
