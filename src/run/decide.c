/* SPDX-License-Identifier: MIT */
#include "run/decide.h"

#include "base/alloc.h"
#include "run/states.h"
#include "run/turn.h"

#include <assert.h>
#include <string.h>

/* Steps that only wait for a timer go back, so that the run can rest at once, or end with it. */
static void end_retry_waits(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        if (turn->run->steps[i].waiting != WAITING_RETRY) {
            continue;
        }
        if (turn->run->wish == WISH_CANCEL) {
            step_cancel(turn, (int)i, "the run was cancelled");
        } else {
            step_make_pending(turn, (int)i, "the run is to rest");
        }
    }
}

/* Nobody goes on with the nested runs of a run that is over. */
static void end_resting_children(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        const struct step_state *step = &turn->run->steps[i];

        if (step->waiting == WAITING_WORKFLOW && step->status == STEP_IS_PAUSED) {
            turn_effect(turn, EFFECT_CHILD_COMMAND, (int)i, 0, "cancel");
        }
    }
}

void run_wish(struct turn *turn, enum wish wish, struct record why)
{
    /* A stronger wish stays: nothing takes a cancel back. */
    if (wish != WISH_NONE && turn->run->wish >= wish) {
        return;
    }
    why.kind = RECORD_RUN_WISHED;
    why.status = wish_name(wish);
    turn_emit(turn, why);
    if (wish != WISH_NONE) {
        end_retry_waits(turn);
    }
    if (wish == WISH_FAIL) {
        end_resting_children(turn);
    }
}

static void set_deadline_timers(struct turn *turn)
{
    const struct run_state *run = turn->run;

    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        if (run->phases[i].deadline && !step_status_is_final(run->phases[i].status)) {
            turn_effect(turn, EFFECT_TIMER, -1, run->phases[i].deadline, NULL);
        }
    }
    if (run->deadline) {
        turn_effect(turn, EFFECT_TIMER, -1, run->deadline, NULL);
    }
}

void run_move(struct turn *turn, enum run_status status, const char *reason, const char *detail)
{
    turn_emit(turn, (struct record){.kind = RECORD_RUN_MOVED,
                                    .status = run_status_name(status),
                                    .reason = reason,
                                    .text = detail,
                                    .phase = reason ? turn->run->reason_phase : NULL,
                                    .step = reason ? turn->run->reason_step : NULL,
                                    .other = reason ? turn->run->reason_run : NULL,
                                    .name = reason ? turn->run->reason_budget : NULL});
    if (status == RUN_RUNNING) {
        set_deadline_timers(turn);
        run_set_clock(turn);
    } else {
        turn_effect(turn, EFFECT_REST, -1, 0, NULL);
    }
}

/* Phases that stand still while the run rests say so. */
static void rest_phases(struct turn *turn, enum step_status status)
{
    for (size_t i = 0; i < turn->run->workflow->phase_count; i++) {
        struct phase_state *phase = &turn->run->phases[i];

        if (phase->status == STEP_IS_RUNNING ||
            (phase->status == STEP_IS_PAUSED && status == STEP_IS_CANCELLED)) {
            turn_emit(turn, (struct record){.kind = RECORD_PHASE_MOVED,
                                            .phase = phase->definition->id,
                                            .status = step_status_name(status),
                                            .number = phase->round});
        }
    }
}

/* A step that was begun and waited to be taken up again, too. */
static void cancel_waiting_steps(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        const struct step_state *step = &turn->run->steps[i];
        bool is_begun = step->tries > 0 || step->parks > 0 || step->losses > 0;
        bool is_put_off = step->status == STEP_IS_PENDING && is_begun;

        if (step->status == STEP_IS_RUNNING || step->status == STEP_IS_PAUSED || is_put_off) {
            step_cancel(turn, (int)i, "the run was cancelled");
        }
    }
}

/* Ends what a wish asked for, once nothing is under way that could still change things. */
static void settle_wish(struct turn *turn)
{
    struct run_state *run = turn->run;

    switch (run->wish) {
    case WISH_NONE:
        break;
    case WISH_PAUSE:
    case WISH_STOP:
        rest_phases(turn, STEP_IS_PAUSED);
        run_move(turn, RUN_PAUSED, run->reason, run->detail);
        break;
    case WISH_CANCEL:
        cancel_waiting_steps(turn);
        rest_phases(turn, STEP_IS_CANCELLED);
        run_move(turn, RUN_CANCELLED, run->reason, run->detail);
        break;
    case WISH_FAIL:
        rest_phases(turn, STEP_IS_PAUSED);
        run_move(turn, RUN_FAILED, run->reason, run->detail);
        break;
    }
}

bool iterate_goes_on(struct turn *turn, const struct iterate *iterate, int iteration,
                     struct error *err)
{
    json_t *value = NULL;
    bool is_done;

    if (iterate->max <= 0 || iteration >= iterate->max) {
        return false;
    }
    if (!iterate->until) {
        return true;
    }
    if (turn_evaluate(turn, iterate->until, NULL, &value, err) < 0) {
        return false;
    }
    is_done = json_is_truthy(value);
    json_decref(value);
    return !is_done;
}

static void finish_run(struct turn *turn)
{
    struct run_state *run = turn->run;
    struct error err = ERROR_INIT;

    if (iterate_goes_on(turn, &run->workflow->iterate, run->iteration, &err)) {
        int iteration = run->iteration + 1;

        turn_emit(turn, (struct record){.kind = RECORD_ITERATED, .number = iteration});
        for (size_t i = 0; i < run->workflow->phase_count; i++) {
            phase_reset(turn, (int)i, "iterate");
        }
        run_start_phases(turn);
        return;
    }
    if (err.code < 0) {
        run_move(turn, RUN_FAILED, "failure", turn_text(turn, "iterate: until: %s", err.text));
        return;
    }
    run_move(turn, RUN_COMPLETED, NULL, NULL);
}

/* Phases that can never start any more end as skipped, so that the run can end. */
static bool skip_blocked_phases(struct turn *turn)
{
    bool changed = false;

    for (size_t i = 0; i < turn->run->workflow->phase_count; i++) {
        const struct phase_state *phase = &turn->run->phases[i];

        if (phase->status == STEP_IS_PENDING && phase_is_blocked(turn->run, (int)i)) {
            turn_emit(turn, (struct record){.kind = RECORD_PHASE_MOVED,
                                            .phase = phase->definition->id,
                                            .status = "skipped",
                                            .number = phase->round,
                                            .error = "what it needs did not succeed",
                                            .step = phase->definition->id});
            phase_start_dependents(turn, (int)i);
            changed = true;
        }
    }
    return changed;
}

/* Phases that run whatever happened before them may stand behind blocked ones. */
static bool has_patient_phase(const struct run_state *run)
{
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        if (run->phases[i].status == STEP_IS_PENDING &&
            run->phases[i].definition->trigger != TRIGGER_ALL_SUCCESS) {
            return true;
        }
    }
    return false;
}

/* A failure that nobody dealt with yet: the run was paused for another reason meanwhile, or phases
 * that follow in any case had to be run first. */
static bool recall_failure(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->workflow->phase_count; i++) {
        const struct phase_state *phase = &turn->run->phases[i];
        bool is_fatal;

        if (phase->status != STEP_IS_FAILED || phase->is_excused) {
            continue;
        }
        is_fatal = phase_failure_is_fatal(turn, (int)i);
        if (is_fatal && has_patient_phase(turn->run) && skip_blocked_phases(turn)) {
            return true;
        }
        run_wish(turn, is_fatal ? WISH_FAIL : WISH_PAUSE,
                 (struct record){.reason = phase->stage == STAGE_GATE ? "gate" : "failure",
                                 .text = phase->error,
                                 .phase = phase->definition->id,
                                 .step = phase->failed_step && *phase->failed_step
                                             ? phase->failed_step
                                             : NULL});
        return true;
    }
    return false;
}

/* No run is over before its nested runs are: those that its steps wait for, and those left. */
static bool may_end(const struct run_state *run)
{
    return run->nested == 0 && json_object_size(run->left) == 0;
}

/* Whoever is waited for: what is named first is what the views call the reason. */
static void rest_for_others(struct turn *turn)
{
    const struct run_state *run = turn->run;

    /* The host first: it can go on at once, and people are slow. */
    if (run->hosts > 0) {
        run_move(turn, RUN_PAUSED, "host", "waits for the host program");
    } else if (run->approvals > 0) {
        run_move(turn, RUN_PAUSED, "approval", "waits for an approval");
    } else if (run->questions > 0) {
        run_move(turn, RUN_PAUSED, "question", "an agent asks something");
    } else if (!run_rest_for_budget(turn)) {
        run_move(turn, RUN_PAUSED, "nested", "a nested run is paused");
    }
}

/* Nobody may ever call again: an attempt of the host's ends with the run, as a process does. */
static void end_hosts(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        if (turn->run->steps[i].waiting == WAITING_HOST) {
            step_end_host(turn, (int)i, CLASS_CANCELLED, "it was stopped");
            step_make_pending(turn, (int)i, "it was stopped");
        }
    }
}

/* True when it changed something and the phases should be looked at again. */
static bool settle_run(struct turn *turn)
{
    struct run_state *run = turn->run;
    int waiting_for_others = run_count_outside(run) + run->nested;

    if (run->status != RUN_RUNNING || run->under_way > waiting_for_others) {
        return false;
    }
    if (run->wish != WISH_NONE) {
        bool is_to_end = run->wish == WISH_FAIL || run->wish == WISH_CANCEL;

        if (is_to_end) {
            end_hosts(turn);
        }
        if (!is_to_end || may_end(run)) {
            settle_wish(turn);
        }
        return false;
    }
    if (waiting_for_others > 0) {
        /* Whose time ran out while the run rested is waited for no longer. */
        if (approvals_give_up(turn)) {
            return true;
        }
        rest_for_others(turn);
        return false;
    }
    if (recall_failure(turn)) {
        return true;
    }
    if (run->phases_open > 0) {
        return skip_blocked_phases(turn);
    }
    if (!may_end(run)) {
        return false;
    }
    finish_run(turn);
    return run->status == RUN_RUNNING;
}

static bool advance_once(struct turn *turn)
{
    struct run_state *run = turn->run;
    bool changed = false;

    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        if (run->phases[i].status != STEP_IS_RUNNING) {
            continue;
        }
        if (run->wish == WISH_NONE) {
            phase_start_ready_steps(turn, (int)i);
        }
        changed = phase_settle(turn, (int)i) || changed;
    }
    return changed;
}

static void advance(struct turn *turn)
{
    struct run_state *run = turn->run;

    do {
        while (run->status == RUN_RUNNING && advance_once(turn)) {
        }
    } while (!turn->is_cut && settle_run(turn));
}

static void handle_begin(struct turn *turn)
{
    struct run_state *run = turn->run;
    enum wish wish = run->wish;
    const char *reason = turn_text(turn, "%s", run->reason ? run->reason : "asked");
    const char *detail = turn_text(turn, "%s", run->detail ? run->detail : "");

    if (run->status != RUN_PENDING) {
        return;
    }
    run_move(turn, RUN_RUNNING, NULL, NULL);
    if (wish != WISH_NONE) {
        run_wish(turn, wish, (struct record){.reason = reason, .text = detail});
    }
    run_start_phases(turn);
}

void run_start_phases(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->workflow->phase_count; i++) {
        phase_try_start(turn, (int)i);
    }
}

static void set_wait_timer(struct turn *turn, int step)
{
    if (step_at(turn, step)->until) {
        turn_effect(turn, EFFECT_TIMER, step, step_at(turn, step)->until, NULL);
    }
}

/* Everything that an effect had begun and that a crash may have cut off is asked for again. */
static void handle_recovered(struct turn *turn)
{
    struct run_state *run = turn->run;

    for (size_t i = 0; i < run->step_count; i++) {
        struct step_state *step = &run->steps[i];

        switch (step->waiting) {
        case WAITING_PREPARE:
            step_recover_prepare(turn, (int)i);
            break;
        case WAITING_ATTEMPT:
            turn_effect(turn, step->folder ? EFFECT_RECOVER : EFFECT_START, (int)i, 0, NULL);
            break;
        case WAITING_RETRY:
            turn_effect(turn, EFFECT_TIMER, (int)i, step->until, NULL);
            break;
        case WAITING_WORKFLOW:
            turn_effect(turn, EFFECT_CHILD_START, (int)i, 0, NULL);
            set_wait_timer(turn, (int)i);
            break;
        case WAITING_NOTHING:
            if (step->status == STEP_IS_RUNNING) {
                step_make_pending(turn, (int)i, "its end was cut off by a crash");
            }
            break;
        case WAITING_APPROVAL:
            set_wait_timer(turn, (int)i);
            break;
        case WAITING_HOST:
            if (run->status == RUN_RUNNING) {
                step_look_at_host(turn, (int)i);
            }
            break;
        case WAITING_ANSWER:
        case WAITING_INSTANCES:
            break;
        }
    }
    run_end_left(turn);
    set_deadline_timers(turn);
    run_forget_time_away(turn);
}

/* What is under way ends; what only waits ends at once. */
static void end_late_steps(struct turn *turn, int phase)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        const struct step_state *step = &turn->run->steps[i];

        if (step->phase != phase) {
            continue;
        }
        switch (step->waiting) {
        case WAITING_ATTEMPT:
            turn_effect(turn, EFFECT_STOP, (int)i, 0, NULL);
            break;
        case WAITING_WORKFLOW:
            turn_effect(turn, EFFECT_CHILD_COMMAND, (int)i, 0, "cancel");
            break;
        case WAITING_RETRY:
        case WAITING_APPROVAL:
        case WAITING_ANSWER:
            step_fail(turn, (int)i, CLASS_TIMEOUT, PHASE_LATE);
            break;
        case WAITING_HOST:
            step_end_host(turn, (int)i, CLASS_TIMEOUT, PHASE_LATE);
            step_fail(turn, (int)i, CLASS_TIMEOUT, PHASE_LATE);
            break;
        case WAITING_NOTHING:
        case WAITING_PREPARE: /* it ends when it is prepared */
        case WAITING_INSTANCES:
            break;
        }
    }
}

void run_stop_steps(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        if (turn->run->steps[i].waiting == WAITING_ATTEMPT) {
            turn_effect(turn, EFFECT_STOP, (int)i, 0, NULL);
        }
    }
}

void run_tell_children(struct turn *turn, const char *word)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        if (turn->run->steps[i].waiting == WAITING_WORKFLOW) {
            turn_effect(turn, EFFECT_CHILD_COMMAND, (int)i, 0, word);
        }
    }
}

/* A timer without a step: the deadline of a phase or of the run. */
static void handle_deadlines(struct turn *turn)
{
    struct run_state *run = turn->run;

    if (run->status != RUN_RUNNING) {
        return;
    }
    run_tell_clock(turn);
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        if (run->phases[i].status == STEP_IS_RUNNING && phase_is_late(turn, (int)i)) {
            end_late_steps(turn, (int)i);
        }
    }
    if (run->deadline && run->deadline <= turn->now) {
        run_wish(turn, WISH_FAIL,
                 (struct record){.reason = "timeout", .text = "the run reached its time limit"});
        run_stop_steps(turn);
        run_tell_children(turn, "cancel");
    }
}

static void handle_step_event(struct turn *turn, const struct event *event)
{
    const struct step_state *step = run_find_step(turn->run, event->step);
    int index;

    if (!step) {
        return;
    }
    index = run_step_index(turn->run, step);
    if (event->kind == EVENT_PREPARED) {
        step_handle_prepared(turn, index, event);
    } else if (event->kind == EVENT_ATTEMPT_ENDED) {
        step_handle_attempt_end(turn, index, event);
    } else if (event->kind == EVENT_HOST) {
        step_handle_host(turn, index, event);
    } else if (event->kind == EVENT_CHILD) {
        step_handle_child(turn, index, event);
    } else if (event->kind == EVENT_LIVENESS) {
        step_handle_liveness(turn, index, event);
    } else {
        step_handle_timer(turn, index, event);
    }
}

int decide(struct run_state *run, const struct event *event, const struct decide_limits *limits,
           struct batch *batch, struct error *err)
{
    struct turn turn = {
        .run = run, .batch = batch, .limits = limits, .now = event->now, .random = event->random};
    int r = 0;

    run->is_held = false;
    switch (event->kind) {
    case EVENT_BEGIN:
        handle_begin(&turn);
        break;
    case EVENT_RECOVERED:
        handle_recovered(&turn);
        break;
    case EVENT_PREPARED:
    case EVENT_ATTEMPT_ENDED:
    case EVENT_HOST:
    case EVENT_CHILD:
    case EVENT_LIVENESS:
        handle_step_event(&turn, event);
        break;
    case EVENT_TIMER:
        if (event->step) {
            handle_step_event(&turn, event);
        } else {
            handle_deadlines(&turn);
        }
        break;
    case EVENT_COMMAND:
        r = command_handle(&turn, event, err);
        break;
    }
    if (r == 0 && !event->is_held) {
        advance(&turn);
    } else if (r == 0 && run->wish != WISH_NONE) {
        (void)settle_run(&turn);
    }
    if (!run_status_is_final(run->status)) {
        batch_close_checkpoints(batch, run);
    }
    return r;
}
