/* SPDX-License-Identifier: MIT */
/* Leaving out a step, a phase or a gate: where its definition allows it, and with a reason that the
 * journal keeps. */
#include "run/states.h"
#include "run/turn.h"

static const char *skip_reason(const struct event *event, struct error *err)
{
    const char *reason = json_get_text(event->command, "reason", NULL);

    if (!reason || !*reason) {
        (void)error_set(err, ERROR_INVALID, "skipping needs a reason");
        error_hint(err, "add --reason \"why this may be left out\"");
        return NULL;
    }
    return reason;
}

/* A foreach step is under way only through its instances. */
static bool is_open_list(const struct step_state *step)
{
    return step->waiting == WAITING_INSTANCES && step->instances_under_way == 0;
}

static int skip_step(struct turn *turn, const char *key, const char *reason, const char *by,
                     struct error *err)
{
    const struct step_state *step = run_find_step(turn->run, key);
    const struct phase_state *phase;
    enum step_role role;
    int index;

    if (!step || !step->definition || !step_is_current(turn->run, step)) {
        return error_set(err, ERROR_NOT_FOUND, "run %s has no step \"%s\"", turn->run->id, key);
    }
    if (!step->definition->allow_skip) {
        return error_set(err, ERROR_CONFLICT, "step %s may not be skipped (allow_skip: false)",
                         key);
    }
    phase = &turn->run->phases[step->phase];
    if (step_holds_phase(turn->run, step)) {
        return error_set(err, ERROR_CONFLICT,
                         "step %s may not be skipped: nothing of phase %s would be left, and that "
                         "may not be (allow_skip: false)",
                         key, phase->definition->id);
    }
    if (phase->status == STEP_IS_COMPLETED || phase->status == STEP_IS_SKIPPED) {
        return error_set(err, ERROR_CONFLICT, "phase %s is %s; its steps are not to be run",
                         phase->definition->id, step_status_name(phase->status));
    }
    if (!is_open_list(step) && step->status != STEP_IS_PENDING && step->status != STEP_IS_FAILED &&
        step->status != STEP_IS_PAUSED && step->status != STEP_IS_CANCELLED) {
        return error_set(err, ERROR_CONFLICT, "step %s is %s and cannot be skipped now", key,
                         step_status_name(step->status));
    }
    if (step_list_is_over(turn->run, step)) {
        return error_set(err, ERROR_CONFLICT, "the run has gone on without step %s", key);
    }
    index = run_step_index(turn->run, step);
    role = step->role;
    if (step->waiting == WAITING_WORKFLOW) {
        step_leave_child(turn, index);
    }
    if (step->waiting == WAITING_HOST) {
        step_end_host(turn, index, CLASS_CANCELLED, "the step is left out");
    }
    /* The list as a whole is open again through this instance. */
    if (role == ROLE_INSTANCE && step_is_finished(step_at(turn, step->parent))) {
        step_move(turn, step->parent, STEP_IS_RUNNING, (struct record){.reason = "skip"});
    }
    phase_reopen(turn, step_at(turn, index)->phase, role);
    step_skip(turn, index, reason, by);
    return 0;
}

/* A list whose instances were not all run says why, instead of waiting for ever. */
static void skip_open_steps(struct turn *turn, const struct phase_state *phase, const char *reason)
{
    for (size_t i = 0; i < phase->definition->step_count; i++) {
        int index = phase->first_step + (int)i;

        if (step_at(turn, index)->waiting == WAITING_INSTANCES) {
            step_move(turn, index, STEP_IS_SKIPPED, (struct record){.reason = reason});
        }
    }
}

static int skip_phase(struct turn *turn, const char *id, const char *reason, const char *by,
                      struct error *err)
{
    struct phase_state *phase = run_find_phase(turn->run, id);

    if (!phase) {
        return error_set(err, ERROR_NOT_FOUND, "run %s has no phase \"%s\"", turn->run->id, id);
    }
    if (!phase->definition->allow_skip) {
        return error_set(err, ERROR_CONFLICT, "phase %s may not be skipped (allow_skip: false)",
                         id);
    }
    if (phase->under_way > 0 ||
        (step_status_is_final(phase->status) && phase->status != STEP_IS_FAILED &&
         phase->status != STEP_IS_CANCELLED)) {
        return error_set(err, ERROR_CONFLICT, "phase %s is %s and cannot be skipped now", id,
                         step_status_name(phase->status));
    }
    skip_open_steps(turn, phase, reason);
    turn_emit(turn, (struct record){.kind = RECORD_PHASE_MOVED,
                                    .phase = id,
                                    .status = "skipped",
                                    .number = phase->round,
                                    .reason = reason,
                                    .by = by});
    return 0;
}

static int skip_gate(struct turn *turn, const char *id, const char *reason, const char *by,
                     struct error *err)
{
    struct phase_state *phase = run_find_phase(turn->run, id);

    if (!phase || !phase->definition->gate) {
        return error_set(err, ERROR_NOT_FOUND, "run %s has no phase \"%s\" with a gate",
                         turn->run->id, id);
    }
    if (!phase->definition->gate->allow_skip) {
        return error_set(err, ERROR_CONFLICT, "gate %s may not be skipped (allow_skip: false)",
                         phase->definition->gate->name);
    }
    if (phase->stage != STAGE_GATE || phase->status != STEP_IS_FAILED) {
        return error_set(err, ERROR_CONFLICT, "the gate of phase %s has not failed", id);
    }
    turn_emit(turn, (struct record){.kind = RECORD_GATE_SKIPPED,
                                    .phase = id,
                                    .name = phase->definition->gate->name,
                                    .reason = reason,
                                    .by = by});
    phase_reopen(turn, phase->definition->index, ROLE_FIX);
    phase_complete(turn, phase->definition->index);
    return 0;
}

/* The run was to pause for what has been left out now: it need not. */
static bool is_decided(const struct run_state *run)
{
    const struct phase_state *phase = run->reason_phase ? run_find_phase(run, run->reason_phase)
                                                        : NULL;

    return run_needs_decision(run) && phase && phase->status != STEP_IS_FAILED;
}

int command_skip(struct turn *turn, const struct event *event, struct error *err)
{
    const char *step = json_get_text(event->command, "step", NULL);
    const char *phase = json_get_text(event->command, "phase", NULL);
    const char *gate = json_get_text(event->command, "gate", NULL);
    const char *reason = skip_reason(event, err);
    const char *by = json_get_text(event->command, "by", event->by);
    enum run_status before = turn->run->status;
    int r;

    if (!reason) {
        return ERROR_INVALID;
    }
    if (before == RUN_COMPLETED || before == RUN_CANCELLED) {
        return command_refuse(turn, err, "it is over already");
    }
    if (turn->run->wish == WISH_FAIL) {
        return command_refuse(turn, err, "it is failing; decide once its last steps have ended");
    }
    if (step) {
        r = skip_step(turn, step, reason, by, err);
    } else if (phase) {
        r = skip_phase(turn, phase, reason, by, err);
    } else if (gate) {
        r = skip_gate(turn, gate, reason, by, err);
    } else {
        r = error_set(err, ERROR_INVALID, "say what to skip: a step, a phase or a gate");
    }
    if (r == 0 && (before == RUN_FAILED || before == RUN_PAUSED || is_decided(turn->run))) {
        run_go_on(turn);
    } else if (r == 0 && phase) {
        phase_start_dependents(turn, run_find_phase(turn->run, phase)->definition->index);
    }
    return r;
}
