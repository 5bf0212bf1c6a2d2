/* SPDX-License-Identifier: MIT */
/* What becomes of a phase: started, its steps, its fix rounds, its gate, its end, and what
 * follows from that: dependents, another iteration, a way back, a pause. */
#include "base/alloc.h"
#include "run/states.h"
#include "run/turn.h"
#include "run/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Takes the reason (or the stage), the error and the step from `why`. */
static void phase_move(struct turn *turn, int index, enum step_status status, struct record why)
{
    struct phase_state *phase = phase_at(turn, index);
    bool is_new_round = status == STEP_IS_RUNNING && phase->status == STEP_IS_PENDING;
    /* Fix rounds and iterations share one time limit; who takes a failed phase up gets a new one.
     */
    bool starts_clock = status == STEP_IS_RUNNING &&
                        (step_status_is_final(phase->status) || !phase->deadline);

    if (starts_clock && phase->definition->timeout_ms > 0) {
        why.until = turn->now + phase->definition->timeout_ms;
        turn_effect(turn, EFFECT_TIMER, -1, why.until, NULL);
    }
    why.kind = RECORD_PHASE_MOVED;
    why.phase = phase->definition->id;
    why.status = step_status_name(status);
    why.number = phase->round + (is_new_round ? 1 : 0);
    turn_emit(turn, why);
}

static bool phase_is_over(const struct phase_state *phase)
{
    return step_status_is_final(phase->status);
}

static bool trigger_holds(const struct run_state *run, const struct phase *phase)
{
    size_t well = 0;
    size_t over = 0;

    for (size_t i = 0; i < phase->needs_count; i++) {
        const struct phase_state *need = &run->phases[phase->needs[i]];

        well += phase_is_settled_well(need) ? 1 : 0;
        over += phase_is_over(need) ? 1 : 0;
    }
    switch (phase->trigger) {
    case TRIGGER_ALL_SUCCESS:
        return well == phase->needs_count;
    case TRIGGER_ONE_SUCCESS:
        return well > 0 && over == phase->needs_count;
    case TRIGGER_ALL_DONE:
        return over == phase->needs_count;
    }
    return false;
}

bool phase_is_late(const struct turn *turn, int index)
{
    int64_t deadline = turn->run->phases[index].deadline;

    return deadline && deadline <= turn->now;
}

bool phase_is_blocked(const struct run_state *run, int index)
{
    const struct phase *phase = run->phases[index].definition;
    size_t over = 0;

    for (size_t i = 0; i < phase->needs_count; i++) {
        over += phase_is_over(&run->phases[phase->needs[i]]) ? 1 : 0;
    }
    return over == phase->needs_count && !trigger_holds(run, phase);
}

void phase_start_dependents(struct turn *turn, int index)
{
    struct plan_edges dependents = plan_phase_dependents(turn->run->plan, index);

    for (size_t i = 0; i < dependents.count; i++) {
        phase_try_start(turn, dependents.items[i]);
    }
}

/* ---- stages ---- */

/* Of a list that is open, all that has not begun: also of fixes that turned out not to be needed,
 * since a gate is to prove what stands when they are over. */
static void push_step(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);

    if (step_is_ready(turn->run, index)) {
        step_push_ready(turn, index);
    }
    if (step->waiting == WAITING_INSTANCES) {
        step->instance_next = 0;
        step_feed_instances(turn, index);
    }
}

static void push_stage(struct turn *turn, int index)
{
    struct phase_state *phase = phase_at(turn, index);
    int end = phase->first_check +
              (int)(phase->definition->gate ? phase->definition->gate->check_count : 0);

    phase->ready.count = phase->ready_head = 0;
    for (int i = phase->first_step; i < end; i++) {
        push_step(turn, i);
    }
}

static void start_stage(struct turn *turn, int index, const char *stage)
{
    phase_move(turn, index, STEP_IS_RUNNING, (struct record){.reason = stage});
    push_stage(turn, index);
}

/* False: `when` is false (the phase was skipped) or an error (it failed). */
static bool when_holds(struct turn *turn, int index)
{
    struct phase_state *phase = phase_at(turn, index);
    struct error err = ERROR_INIT;
    json_t *value = NULL;
    bool holds;

    if (!phase->definition->when) {
        return true;
    }
    if (turn_evaluate(turn, phase->definition->when, NULL, &value, &err) < 0) {
        const char *text = turn_text(turn, "when: %s", err.text);

        phase_move(turn, index, STEP_IS_FAILED, (struct record){.error = text});
        run_wish(
            turn, WISH_FAIL,
            (struct record){.reason = "failure", .text = text, .phase = phase->definition->id});
        return false;
    }
    holds = json_is_truthy(value);
    json_decref(value);
    if (!holds) {
        phase_move(turn, index, STEP_IS_SKIPPED,
                   (struct record){.reason = turn_text(turn, "when: %s is false",
                                                       expression_text(phase->definition->when))});
        phase_start_dependents(turn, index);
    }
    return holds;
}

/* It may fail, and would for sure: then it is left out as a whole. What has a `when` is not known
 * yet. */
static const char *find_step_without_agent(const struct run_state *run, const struct phase *phase)
{
    for (size_t i = 0; phase->optional && i < phase->step_count; i++) {
        const struct step *step = &phase->steps[i];

        if (!step->optional && !step->when && step_lacks_agent(run, step)) {
            return step->id;
        }
    }
    return NULL;
}

static bool has_agents(struct turn *turn, int index)
{
    const char *step = find_step_without_agent(turn->run, phase_at(turn, index)->definition);

    if (step) {
        phase_move(turn, index, STEP_IS_SKIPPED,
                   (struct record){.reason = turn_text(turn, "%s " STEP_LACKS_AGENT, step)});
        phase_start_dependents(turn, index);
    }
    return !step;
}

void phase_try_start(struct turn *turn, int index)
{
    struct phase_state *phase = phase_at(turn, index);

    if (phase->status == STEP_IS_PENDING && turn->run->wish == WISH_NONE &&
        trigger_holds(turn->run, phase->definition) && when_holds(turn, index) &&
        has_agents(turn, index)) {
        start_stage(turn, index, "steps");
    }
}

bool phase_has_place(const struct run_state *run, int index)
{
    const struct phase_state *phase = &run->phases[index];
    int width = phase->stage != STAGE_STEPS || phase->definition->mode != MODE_PARALLEL
                    ? 0
                    : phase->definition->width;

    return (width <= 0 || phase->running < width) &&
           (run->workflow->concurrency <= 0 || run->running < run->workflow->concurrency);
}

/* Checks run one after the other: a failing lint should not race the tests for the machine. */
static bool is_taken_by_check(const struct phase_state *phase)
{
    return phase->stage == STAGE_GATE && phase->under_way > 0;
}

/* So that neither a turn nor its commit grows without end. */
static void cut_turn(struct turn *turn)
{
    if (!turn->is_cut) {
        turn->is_cut = true;
        turn_effect(turn, EFFECT_TIMER, -1, turn->now, NULL);
    }
}

void phase_start_ready_steps(struct turn *turn, int index)
{
    while (phase_at(turn, index)->ready_head < phase_at(turn, index)->ready.count) {
        struct phase_state *phase = phase_at(turn, index);
        int step;

        if (phase->status != STEP_IS_RUNNING || turn->run->wish != WISH_NONE ||
            phase_is_late(turn, index) || !phase_has_place(turn->run, index) ||
            is_taken_by_check(phase)) {
            return;
        }
        step = phase->ready.items[phase->ready_head];
        if (step_is_inline(turn, step) && *turn->limits->inline_budget <= 0) {
            cut_turn(turn);
            return;
        }
        if (step_waits_for_room(turn, step)) {
            return;
        }
        phase = phase_at(turn, index);
        phase->ready_head++;
        if (!step_is_held_back(turn, step)) {
            step_start(turn, step);
        }
    }
    phase_at(turn, index)->ready.count = phase_at(turn, index)->ready_head = 0;
}

void phase_reset(struct turn *turn, int index, const char *reason)
{
    struct phase_state *phase = phase_at(turn, index);

    if (phase->status == STEP_IS_PENDING) {
        return;
    }
    turn_emit(turn, (struct record){.kind = RECORD_PHASE_RESET,
                                    .phase = phase->definition->id,
                                    .number = phase->round,
                                    .reason = reason});
}

/* ---- ends ---- */

void checkpoint_save(struct turn *turn, const char *name, const char *by)
{
    json_t *phases = json_array();

    for (size_t i = 0; i < turn->run->workflow->phase_count; i++) {
        if (phase_is_settled_well(phase_at(turn, (int)i))) {
            (void)json_array_append_new(phases,
                                        json_string(phase_at(turn, (int)i)->definition->id));
        }
    }
    turn_emit(turn, (struct record){.kind = RECORD_CHECKPOINT_SAVED,
                                    .name = name,
                                    .data = turn_hold(turn, phases),
                                    .by = by});
    turn_effect(turn, EFFECT_CHECKPOINT, -1, 0, name);
    batch_open_checkpoint(turn->batch);
}

void phase_complete(struct turn *turn, int index)
{
    struct phase_state *phase = phase_at(turn, index);
    const char *id = phase->definition->id;
    struct error err = ERROR_INIT;

    if (iterate_goes_on(turn, &phase->definition->iterate, phase->iteration, &err)) {
        int iteration = phase->iteration + 1;

        phase_reset(turn, index, "iterate");
        turn_emit(turn, (struct record){.kind = RECORD_ITERATED, .phase = id, .number = iteration});
        start_stage(turn, index, "steps");
        return;
    }
    if (err.code < 0) {
        const char *text = turn_text(turn, "iterate: until: %s", err.text);

        phase_move(turn, index, STEP_IS_FAILED, (struct record){.error = text});
        run_wish(turn, WISH_FAIL, (struct record){.reason = "failure", .text = text, .phase = id});
        return;
    }
    phase_move(turn, index, STEP_IS_COMPLETED, (struct record){0});
    if (turn->run->workflow->checkpoint_auto) {
        checkpoint_save(turn, id, NULL);
    }
    phase_start_dependents(turn, index);
}

static const struct on_failure *policy_of(struct turn *turn, int index, const char *step)
{
    struct phase_state *phase = phase_at(turn, index);
    const struct step_state *failed = step ? run_find_step(turn->run, step) : NULL;

    if (failed && failed->definition && failed->definition->on_failure.action != FAILURE_UNSET) {
        return &failed->definition->on_failure;
    }
    if (phase->definition->on_failure.action != FAILURE_UNSET) {
        return &phase->definition->on_failure;
    }
    return &turn->run->workflow->on_failure;
}

/* Everything from the target on starts again; false while some of it is still under way. */
static bool go_to(struct turn *turn, int index, int target, const char *error)
{
    size_t count = turn->run->workflow->phase_count;
    bool *marks = mem_zero(count, sizeof(*marks));
    int gotos = phase_at(turn, index)->gotos + 1;
    bool is_quiet = true;

    plan_mark_downstream(turn->run->plan, target, marks);
    marks[index] = true;
    for (size_t i = 0; i < count; i++) {
        is_quiet = is_quiet && (!marks[i] || phase_at(turn, (int)i)->under_way == 0);
    }
    if (is_quiet) {
        turn_emit(turn, (struct record){.kind = RECORD_WENT_TO,
                                        .phase = phase_at(turn, index)->definition->id,
                                        .other = phase_at(turn, target)->definition->id,
                                        .number = gotos,
                                        .reason = error});
        for (size_t i = 0; i < count; i++) {
            if (marks[i]) {
                phase_reset(turn, (int)i, "goto");
            }
        }
        phase_try_start(turn, target);
    }
    free(marks);
    return is_quiet;
}

/* Why a phase did not succeed. */
struct failure {
    const char *error;
    const char *step;   /* NULL: it was the gate */
    const char *reason; /* of the run's pause: failure, gate, limit */
};

/* Starts what can follow a phase that failed for good; true when some of what follows it runs
 * whatever happened before, now or once all else that it needs is over. */
static bool leads_to_patient(struct turn *turn, int index)
{
    size_t count = turn->run->workflow->phase_count;
    bool *marks = mem_zero(count, sizeof(*marks));
    bool is_found = false;

    phase_start_dependents(turn, index);
    plan_mark_downstream(turn->run->plan, index, marks);
    for (size_t i = 0; i < count && !is_found; i++) {
        const struct phase_state *phase = phase_at(turn, (int)i);
        bool may_follow = phase->status == STEP_IS_RUNNING ||
                          (phase->status == STEP_IS_PENDING &&
                           !phase_is_blocked(turn->run, (int)i));

        is_found = marks[i] && phase->definition->trigger != TRIGGER_ALL_SUCCESS && may_follow;
    }
    free(marks);
    return is_found;
}

static void act_on_failure(struct turn *turn, int index, const struct on_failure *policy,
                           struct failure failure)
{
    const struct phase *phase = phase_at(turn, index)->definition;
    bool is_excused = phase->optional || policy->action == FAILURE_CONTINUE;
    bool is_fatal = policy->action == FAILURE_FAIL;

    phase_move(turn, index, STEP_IS_FAILED,
               (struct record){.reason = is_excused ? "continue" : NULL,
                               .error = failure.error,
                               .step = failure.step ? failure.step : ""});
    if (is_excused) {
        phase_start_dependents(turn, index);
        return;
    }
    /* The run fails only after them. */
    if (is_fatal && leads_to_patient(turn, index)) {
        return;
    }
    run_wish(turn, is_fatal ? WISH_FAIL : WISH_PAUSE,
             (struct record){.reason = failure.reason,
                             .text = failure.error,
                             .phase = phase->id,
                             .step = failure.step});
}

bool phase_failure_is_fatal(struct turn *turn, int index)
{
    const struct on_failure *policy = policy_of(turn, index, phase_at(turn, index)->failed_step);

    if (policy->action == FAILURE_GOTO) {
        policy = &turn->run->workflow->on_failure;
    }
    return policy->action == FAILURE_FAIL;
}

/* False while it has to wait for other phases before it can go back. */
static bool phase_fail(struct turn *turn, int index, struct failure failure)
{
    struct phase_state *phase = phase_at(turn, index);
    const struct phase *definition = phase->definition;
    const struct on_failure *policy = policy_of(turn, index, failure.step);

    if (definition->mode == MODE_ADAPTIVE && definition->fix_count > 0 &&
        phase->stage != STAGE_FIX && phase->fix_rounds < definition->rounds_max &&
        !phase_is_late(turn, index)) {
        start_stage(turn, index, "fix");
        return true;
    }
    if (policy->action == FAILURE_GOTO) {
        if (phase->gotos < policy->max) {
            return go_to(turn, index, policy->goto_phase, failure.error);
        }
        failure.error = turn_text(turn, "%s (went back to %s %s, the limit)", failure.error,
                                  phase_at(turn, policy->goto_phase)->definition->id,
                                  phase->gotos == 1 ? "once"
                                                    : turn_text(turn, "%d times", phase->gotos));
        failure.reason = "limit";
        policy = &turn->run->workflow->on_failure;
    }
    act_on_failure(turn, index, policy, failure);
    return true;
}

static bool settle_gate(struct turn *turn, int index)
{
    struct phase_state *phase = phase_at(turn, index);
    const struct gate *gate = phase->definition->gate;
    enum verdict verdict = VERDICT_PASS;
    const struct step_state *culprit = NULL;
    const char *error;

    /* Without a check nothing would be proved; no workflow or configuration with such a gate is
     * read. */
    assert(gate->check_count > 0);
    for (size_t i = 0; i < gate->check_count; i++) {
        const struct step_state *check = &turn->run->steps[phase->first_check + (int)i];
        /* Only a check that ran and failed is known; a stopped or lost one is not. */
        bool is_unknown = !check->reason || strcmp(check->reason, "fail") != 0;

        if (check->status == STEP_IS_COMPLETED) {
            continue;
        }
        if (!culprit || (verdict == VERDICT_UNKNOWN && !is_unknown)) {
            culprit = check;
        }
        if (!is_unknown) {
            verdict = VERDICT_FAIL;
        } else if (verdict == VERDICT_PASS) {
            verdict = VERDICT_UNKNOWN;
        }
    }
    error = turn_text(turn, "gate %s: %s%s%s", gate->name, verdict_name(verdict),
                      culprit ? ": " : "", culprit && culprit->error ? culprit->error : "");
    turn_emit(turn, (struct record){.kind = RECORD_GATE_DECIDED,
                                    .phase = phase->definition->id,
                                    .name = gate->name,
                                    .status = verdict_name(verdict),
                                    .reason = culprit ? culprit->error : NULL});
    if (verdict == VERDICT_PASS) {
        phase_complete(turn, index);
        return true;
    }
    return phase_fail(turn, index, (struct failure){.error = error, .reason = "gate"});
}

/* The step that keeps a quiet phase from success; NULL: none. */
static const struct step_state *find_obstacle(struct turn *turn, int first, size_t count)
{
    const struct step_state *blocked = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct step_state *step = &turn->run->steps[first + (int)i];

        if (step->status == STEP_IS_FAILED && !step_is_settled_well(step)) {
            return step;
        }
        if (!step_is_settled_well(step) && !blocked) {
            blocked = step;
        }
    }
    return blocked;
}

static const char *obstacle_error(struct turn *turn, const struct step_state *obstacle)
{
    if (obstacle->status == STEP_IS_FAILED) {
        return turn_text(turn, "step %s failed: %s", obstacle->key,
                         obstacle->error ? obstacle->error : "it failed");
    }
    if (phase_is_late(turn, obstacle->phase)) {
        return turn_text(turn, PHASE_LATE " before step %s", obstacle->key);
    }
    return turn_text(turn, "step %s could not start: what it needs did not succeed", obstacle->key);
}

/* What a check proved holds only for the tree it saw. */
static void ask_gate_again(struct turn *turn, int index)
{
    const struct phase_state *phase = phase_at(turn, index);
    size_t count = phase->definition->gate ? phase->definition->gate->check_count : 0;

    for (size_t i = 0; i < count; i++) {
        int check = phase->first_check + (int)i;

        if (step_is_finished(step_at(turn, check))) {
            step_make_pending(turn, check, "retry");
        }
    }
}

static bool settle_steps(struct turn *turn, int index)
{
    struct phase_state *phase = phase_at(turn, index);
    const struct phase *definition = phase->definition;
    bool is_fix = phase->stage == STAGE_FIX;
    const struct step_state *obstacle = find_obstacle(
        turn, is_fix ? phase->first_fix : phase->first_step,
        is_fix ? definition->fix_count : definition->step_count);

    if (obstacle) {
        return phase_fail(turn, index,
                          (struct failure){.error = obstacle_error(turn, obstacle),
                                           .step = obstacle->key,
                                           .reason = "failure"});
    }
    if (is_fix) {
        phase_reset(turn, index, "fix");
        start_stage(turn, index, "steps");
        return true;
    }
    if (definition->gate && !phase->gate_skipped) {
        /* One that was under way when a step was taken up again has an answer of before. */
        ask_gate_again(turn, index);
        start_stage(turn, index, "gate");
        return true;
    }
    phase_complete(turn, index);
    return true;
}

/* While the run is to rest, steps that went back to pending are no failure; one that failed for
 * good is. Of a run that is cancelled only what is whole counts. */
static bool may_settle(struct turn *turn, int index)
{
    const struct phase_state *phase = phase_at(turn, index);
    const struct step_state *obstacle;

    if (turn->run->wish == WISH_NONE) {
        return true;
    }
    obstacle = find_obstacle(turn, phase->first_step, phase->definition->step_count);
    if (turn->run->wish == WISH_CANCEL) {
        return phase->stage == STAGE_STEPS && !obstacle;
    }
    return phase->unfinished == 0 ||
           (phase->stage == STAGE_STEPS && obstacle && obstacle->status == STEP_IS_FAILED);
}

bool phase_settle(struct turn *turn, int index)
{
    struct phase_state *phase = phase_at(turn, index);
    bool has_ready = phase->ready_head < phase->ready.count;

    if (phase->status != STEP_IS_RUNNING || phase->under_way > 0 ||
        (has_ready && !phase_is_late(turn, index)) || !may_settle(turn, index)) {
        return false;
    }
    if (phase->stage == STAGE_STEPS && turn->run->wish == WISH_NONE &&
        !phase_is_late(turn, index) && step_release_patient(turn, index)) {
        return true;
    }
    return phase->stage == STAGE_GATE ? settle_gate(turn, index) : settle_steps(turn, index);
}

/* ---- taken up again ---- */

/* Its gate may be asked. */
static bool steps_are_settled(struct turn *turn, int index)
{
    const struct phase_state *phase = phase_at(turn, index);

    return !find_obstacle(turn, phase->first_step, phase->definition->step_count);
}

void phase_reopen(struct turn *turn, int index, enum step_role role)
{
    struct phase_state *phase = phase_at(turn, index);
    bool is_gate = role == ROLE_CHECK && steps_are_settled(turn, index);
    bool is_back = !is_gate && role != ROLE_FIX && phase->stage != STAGE_STEPS;
    const char *stage = is_back ? "steps" : is_gate ? "gate" : NULL;

    assert(phase->status != STEP_IS_SKIPPED && phase->status != STEP_IS_COMPLETED);
    if (phase->status == STEP_IS_PENDING) {
        return;
    }
    if (is_back || role == ROLE_CHECK) {
        ask_gate_again(turn, index);
    }
    if (phase->status != STEP_IS_RUNNING || is_back) {
        phase_move(turn, index, STEP_IS_RUNNING, (struct record){.reason = stage});
    }
    push_stage(turn, index);
}

void run_find_ready(struct run_state *run)
{
    struct batch batch;
    struct turn turn = {.run = run, .batch = &batch};

    batch_init(&batch);
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        run->phases[i].ready.count = run->phases[i].ready_head = 0;
    }
    for (size_t i = 0; i < run->step_count; i++) {
        enum step_status status = run->phases[run->steps[i].phase].status;

        if (status == STEP_IS_RUNNING || status == STEP_IS_PAUSED) {
            push_step(&turn, (int)i);
        }
    }
    batch_release(&batch);
}
