/* SPDX-License-Identifier: MIT */
/* Commands from outside: each is checked against the state, refused with what is possible, or
 * turned into records. */
#include "base/alloc.h"
#include "run/states.h"
#include "run/turn.h"

#include <string.h>

struct command {
    const char *name;
    int (*handle)(struct turn *turn, const struct event *event, struct error *err);
};

int command_refuse(struct turn *turn, struct error *err, const char *what)
{
    (void)error_set(err, ERROR_CONFLICT, "run %s is %s%s%s; %s", turn->run->id,
                    run_status_name(turn->run->status), turn->run->detail ? ": " : "",
                    turn->run->detail ? turn->run->detail : "", what);
    error_hint(err, "see what is possible with: fermata status %s", turn->run->id);
    return ERROR_CONFLICT;
}

static bool is_active(const struct run_state *run)
{
    return run->status == RUN_RUNNING || run->status == RUN_PENDING;
}

static void tell_children(struct turn *turn, const char *word)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        if (turn->run->steps[i].waiting == WAITING_WORKFLOW) {
            turn_effect(turn, EFFECT_CHILD_COMMAND, (int)i, 0, word);
        }
    }
}

/* Steps that only wait for a timer go back, so that the run can rest at once. */
static void end_retry_waits(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        if (turn->run->steps[i].waiting == WAITING_RETRY) {
            step_make_pending(turn, (int)i, "the run is being paused");
        }
    }
}

static void stop_attempts(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        if (turn->run->steps[i].waiting == WAITING_ATTEMPT) {
            turn_effect(turn, EFFECT_STOP, (int)i, 0, NULL);
        }
    }
}

static int handle_pause(struct turn *turn, const struct event *event, struct error *err)
{
    bool is_stop = json_get_boolean(event->command, "stop", false);

    if (!is_active(turn->run)) {
        return command_refuse(turn, err, "only a running run can be paused");
    }
    run_wish(turn, is_stop ? WISH_STOP : WISH_PAUSE,
             (struct record){.reason = is_stop ? "interrupted" : "asked",
                             .text = json_get_text(event->command, "reason",
                                                   is_stop ? "interrupted" : "paused on request")});
    end_retry_waits(turn);
    if (is_stop) {
        stop_attempts(turn);
    }
    tell_children(turn, is_stop ? "stop" : "pause");
    return 0;
}

static int handle_cancel(struct turn *turn, const struct event *event, struct error *err)
{
    struct run_state *run = turn->run;

    if (run_status_is_final(run->status)) {
        return command_refuse(turn, err, "it is over already");
    }
    if (run->status == RUN_PAUSED || run->status == RUN_PENDING) {
        /* Nothing is under way; settling needs a running run. */
        run_move(turn, RUN_RUNNING, NULL, NULL);
    }
    run_wish(turn, WISH_CANCEL,
             (struct record){.reason = "asked",
                             .text = json_get_text(event->command, "reason", "cancelled")});
    end_retry_waits(turn);
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].waiting == WAITING_APPROVAL) {
            step_cancel(turn, (int)i, "the run was cancelled");
        }
    }
    stop_attempts(turn);
    tell_children(turn, "cancel");
    return 0;
}

/* Nested runs that rest are expected to go on as well; one that does not will say so again. */
static void wake_children(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        const struct step_state *step = &turn->run->steps[i];

        if (step->waiting == WAITING_WORKFLOW && step->status == STEP_IS_PAUSED) {
            turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                            .phase = turn->run->phases[step->phase].definition->id,
                                            .step = step->key,
                                            .reason = "workflow",
                                            .other = step->child});
        }
    }
    tell_children(turn, "resume");
}

/* A run that rests goes on: phases that stood still move again. */
void run_go_on(struct turn *turn)
{
    struct run_state *run = turn->run;

    if (run->status != RUN_RUNNING) {
        run_move(turn, RUN_RUNNING, NULL, NULL);
    }
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        if (run->phases[i].status == STEP_IS_PAUSED) {
            turn_emit(turn, (struct record){.kind = RECORD_PHASE_MOVED,
                                            .phase = run->phases[i].definition->id,
                                            .status = "running",
                                            .number = run->phases[i].round});
        }
    }
    run_find_ready(run);
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        phase_try_start(turn, (int)i);
    }
    wake_children(turn);
}

/* Takes a phase that failed up again, at its steps or at its gate. */
void phase_reopen(struct turn *turn, int index)
{
    struct phase_state *phase = &turn->run->phases[index];
    const char *stage = phase->stage == STAGE_GATE ? "gate" : "steps";

    if (phase->status == STEP_IS_RUNNING || phase->status == STEP_IS_PENDING) {
        return;
    }
    turn_emit(turn, (struct record){.kind = RECORD_PHASE_MOVED,
                                    .phase = phase->definition->id,
                                    .status = "running",
                                    .number = phase->round,
                                    .reason = stage});
}

static bool can_be_tried_again(const struct step_state *step)
{
    return step->status == STEP_IS_FAILED || step->status == STEP_IS_CANCELLED;
}

/* In a gate all checks are asked again: what one proved holds only for the tree it saw. */
static void retry_gate(struct turn *turn, struct phase_state *phase)
{
    for (size_t i = 0; i < phase->definition->gate->check_count; i++) {
        int index = phase->first_check + (int)i;

        if (step_is_finished(&turn->run->steps[index])) {
            step_make_pending(turn, index, "retry");
        }
    }
}

static int retry_steps(struct turn *turn, const char *key)
{
    struct run_state *run = turn->run;
    int count = 0;

    for (size_t i = 0; i < run->step_count; i++) {
        struct step_state *step = &run->steps[i];

        if (!can_be_tried_again(step) || (key && strcmp(step->key, key) != 0)) {
            continue;
        }
        count++;
        if (step->role == ROLE_CHECK) {
            struct phase_state *phase = &run->phases[step->phase];

            retry_gate(turn, phase);
            phase_reopen(turn, run->steps[i].phase);
            continue;
        }
        if (step->role == ROLE_INSTANCE && run->steps[step->parent].status == STEP_IS_FAILED) {
            int parent = step->parent;

            turn_emit(turn, (struct record){.kind = RECORD_STEP_MOVED,
                                            .phase = run->phases[step->phase].definition->id,
                                            .step = run->steps[parent].key,
                                            .status = "running",
                                            .reason = "retry"});
        }
        /* A foreach step is open again through its instances. */
        if (run->steps[i].items && run->steps[i].status == STEP_IS_FAILED &&
            run->steps[i].instances_failed > 0) {
            continue;
        }
        if (run->steps[i].status != STEP_IS_RUNNING) {
            step_make_pending(turn, (int)i, "retry");
        }
        phase_reopen(turn, run->steps[i].phase);
    }
    return count;
}

static int handle_retry(struct turn *turn, const struct event *event, struct error *err)
{
    struct run_state *run = turn->run;
    const char *key = json_get_text(event->command, "step", NULL);

    if (run->status == RUN_COMPLETED || run->status == RUN_CANCELLED ||
        run->status == RUN_PENDING) {
        return command_refuse(turn, err, "only a paused or failed run has something to retry");
    }
    if (key && !run_find_step(run, key)) {
        return error_set(err, ERROR_NOT_FOUND, "run %s has no step \"%s\"", run->id, key);
    }
    if (key && !can_be_tried_again(run_find_step(run, key))) {
        (void)error_set(err, ERROR_CONFLICT, "step %s is %s; only a failed step can be retried",
                        key, step_status_name(run_find_step(run, key)->status));
        error_hint(err, "to do finished work again, restore a checkpoint: fermata checkpoints %s",
                   run->id);
        return ERROR_CONFLICT;
    }
    if (retry_steps(turn, key) == 0) {
        return command_refuse(turn, err, "no step has failed");
    }
    run_go_on(turn);
    return 0;
}

static int handle_resume(struct turn *turn, const struct event *event, struct error *err)
{
    struct run_state *run = turn->run;
    bool is_retry = json_get_boolean(event->command, "retry_failed", false);
    bool needs_decision = run->reason &&
                          (strcmp(run->reason, "failure") == 0 ||
                           strcmp(run->reason, "gate") == 0 || strcmp(run->reason, "limit") == 0);

    if (run->status == RUN_RUNNING || run->status == RUN_PENDING) {
        if (run->wish == WISH_PAUSE) {
            run_wish(turn, WISH_NONE, (struct record){0});
            tell_children(turn, "resume");
        }
        return 0;
    }
    if (is_retry && (run->status == RUN_PAUSED || run->status == RUN_FAILED)) {
        if (retry_steps(turn, NULL) == 0 && run->status == RUN_FAILED) {
            return command_refuse(turn, err, "no step has failed");
        }
        run_go_on(turn);
        return 0;
    }
    if (run->status != RUN_PAUSED) {
        return command_refuse(turn, err, "only a paused run can be resumed");
    }
    if (needs_decision) {
        (void)command_refuse(turn, err, "it needs a decision first: retry, skip or cancel");
        error_hint(err, "try the failed part again: fermata resume %s --retry-failed", run->id);
        return ERROR_CONFLICT;
    }
    if (run->reason && strcmp(run->reason, "approval") == 0 && run->approvals > 0) {
        (void)command_refuse(turn, err, "it waits for an approval");
        error_hint(err, "fermata approve %s STEP, or fermata reject %s STEP", run->id, run->id);
        return ERROR_CONFLICT;
    }
    run_go_on(turn);
    return 0;
}

static bool has_name(const json_t *names, const char *name)
{
    size_t index;
    const json_t *value;

    json_array_foreach((json_t *)names, index, value)
    {
        if (strcmp(json_string_value(value), name) == 0) {
            return true;
        }
    }
    return false;
}

static int handle_restore(struct turn *turn, const struct event *event, struct error *err)
{
    struct run_state *run = turn->run;
    const char *name = json_get_text(event->command, "checkpoint", "");
    const struct checkpoint_state *found = NULL;
    const json_t *phases;

    for (size_t i = 0; i < run->checkpoints.count; i++) {
        if (strcmp(run->checkpoints.items[i].name, name) == 0) {
            found = &run->checkpoints.items[i];
        }
    }
    if (!found) {
        (void)error_set(err, ERROR_NOT_FOUND, "run %s has no checkpoint \"%s\"", run->id, name);
        error_hint(err, "list them: fermata checkpoints %s", run->id);
        return ERROR_NOT_FOUND;
    }
    if (run->status == RUN_RUNNING || run->status == RUN_PENDING) {
        (void)command_refuse(turn, err, "pause it before restoring a checkpoint");
        error_hint(err, "fermata pause %s", run->id);
        return ERROR_CONFLICT;
    }
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].waiting == WAITING_APPROVAL) {
            step_cancel(turn, (int)i, "a checkpoint was restored");
        }
    }
    /* Held: a reset takes later checkpoints out of the list. */
    phases = turn_hold(turn, json_incref(found->phases));
    turn_emit(turn, (struct record){.kind = RECORD_RESTORED, .name = name, .by = event->by});
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        if (!has_name(phases, run->phases[i].definition->id)) {
            phase_reset(turn, (int)i, "restore");
        }
    }
    /* Paused, for another reason now: it goes on only when asked to. */
    if (run->status == RUN_PAUSED) {
        run_move(turn, RUN_RUNNING, NULL, NULL);
    }
    run_move(turn, RUN_PAUSED, "asked", turn_text(turn, "restored to checkpoint %s", name));
    return 0;
}

static const struct command commands[] = {
    {"pause", handle_pause},    {"resume", handle_resume},  {"cancel", handle_cancel},
    {"retry", handle_retry},    {"skip", command_skip},     {"approve", command_approve},
    {"reject", command_reject}, {"signal", command_signal}, {"restore", handle_restore},
};

int command_handle(struct turn *turn, const struct event *event, struct error *err)
{
    const char *name = json_get_text(event->command, "do", "");

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].handle(turn, event, err);
        }
    }
    return error_set(err, ERROR_INVALID, "unknown command \"%.40s\"", name);
}
