/* SPDX-License-Identifier: MIT */
/* Commands from outside: each is checked against the state, refused with what is possible, or
 * turned into records. */
#include "base/alloc.h"
#include "run/states.h"
#include "run/turn.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*handle)(struct turn *turn, const struct event *event, struct error *err);
};

static int refuse(struct turn *turn, struct error *err, const char *what)
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
        return refuse(turn, err, "only a running run can be paused");
    }
    run_wish(turn, is_stop ? WISH_STOP : WISH_PAUSE, is_stop ? "interrupted" : "asked",
             json_get_text(event->command, "reason", is_stop ? "interrupted" : "paused on request"),
             NULL, NULL);
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
        return refuse(turn, err, "it is over already");
    }
    if (run->status == RUN_PAUSED || run->status == RUN_PENDING) {
        /* Nothing is under way; settling needs a running run. */
        run_move(turn, RUN_RUNNING, NULL, NULL);
    }
    run_wish(turn, WISH_CANCEL, "asked", json_get_text(event->command, "reason", "cancelled"), NULL,
             NULL);
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

/* A run that rests goes on: phases that stood still move again. */
static void go_on(struct turn *turn)
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
    tell_children(turn, "resume");
}

/* Takes a phase that failed up again, at its steps or at its gate. */
static void reopen_phase(struct turn *turn, int index)
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
            reopen_phase(turn, run->steps[i].phase);
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
        reopen_phase(turn, run->steps[i].phase);
    }
    return count;
}

static int handle_retry(struct turn *turn, const struct event *event, struct error *err)
{
    struct run_state *run = turn->run;
    const char *key = json_get_text(event->command, "step", NULL);

    if (run->status == RUN_COMPLETED || run->status == RUN_CANCELLED ||
        run->status == RUN_PENDING) {
        return refuse(turn, err, "only a paused or failed run has something to retry");
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
        return refuse(turn, err, "no step has failed");
    }
    go_on(turn);
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
            run_wish(turn, WISH_NONE, NULL, NULL, NULL, NULL);
            tell_children(turn, "resume");
        }
        return 0;
    }
    if (is_retry && (run->status == RUN_PAUSED || run->status == RUN_FAILED)) {
        if (retry_steps(turn, NULL) == 0 && run->status == RUN_FAILED) {
            return refuse(turn, err, "no step has failed");
        }
        go_on(turn);
        return 0;
    }
    if (run->status != RUN_PAUSED) {
        return refuse(turn, err, "only a paused run can be resumed");
    }
    if (needs_decision) {
        (void)refuse(turn, err, "it needs a decision first: retry, skip or cancel");
        error_hint(err, "try the failed part again: fermata resume %s --retry-failed", run->id);
        return ERROR_CONFLICT;
    }
    if (run->reason && strcmp(run->reason, "approval") == 0 && run->approvals > 0) {
        (void)refuse(turn, err, "it waits for an approval");
        error_hint(err, "fermata approve %s STEP, or fermata reject %s STEP", run->id, run->id);
        return ERROR_CONFLICT;
    }
    go_on(turn);
    return 0;
}

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

static int skip_step(struct turn *turn, const char *key, const char *reason, const char *by,
                     struct error *err)
{
    struct step_state *step = run_find_step(turn->run, key);
    int index;

    if (!step || !step->definition) {
        return error_set(err, ERROR_NOT_FOUND, "run %s has no step \"%s\"", turn->run->id, key);
    }
    if (!step->definition->allow_skip) {
        return error_set(err, ERROR_CONFLICT, "step %s may not be skipped (allow_skip: false)",
                         key);
    }
    if (step->status != STEP_IS_PENDING && step->status != STEP_IS_FAILED &&
        step->status != STEP_IS_PAUSED && step->status != STEP_IS_CANCELLED) {
        return error_set(err, ERROR_CONFLICT, "step %s is %s and cannot be skipped now", key,
                         step_status_name(step->status));
    }
    index = run_step_index(turn->run, step);
    reopen_phase(turn, step->phase);
    step_skip(turn, index, reason, by);
    return 0;
}

static int skip_phase(struct turn *turn, const char *id, const char *reason, struct error *err)
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
    turn_emit(turn, (struct record){.kind = RECORD_PHASE_MOVED,
                                    .phase = id,
                                    .status = "skipped",
                                    .number = phase->round,
                                    .reason = reason});
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
    reopen_phase(turn, phase->definition->index);
    phase_complete(turn, phase->definition->index);
    return 0;
}

static int handle_skip(struct turn *turn, const struct event *event, struct error *err)
{
    const char *step = json_get_text(event->command, "step", NULL);
    const char *phase = json_get_text(event->command, "phase", NULL);
    const char *gate = json_get_text(event->command, "gate", NULL);
    const char *reason = skip_reason(event, err);
    enum run_status before = turn->run->status;
    int r;

    if (!reason) {
        return ERROR_INVALID;
    }
    if (before == RUN_COMPLETED || before == RUN_CANCELLED) {
        return refuse(turn, err, "it is over already");
    }
    if (step) {
        r = skip_step(turn, step, reason, event->by, err);
    } else if (phase) {
        r = skip_phase(turn, phase, reason, err);
    } else if (gate) {
        r = skip_gate(turn, gate, reason, event->by, err);
    } else {
        r = error_set(err, ERROR_INVALID, "say what to skip: a step, a phase or a gate");
    }
    if (r == 0 && (before == RUN_FAILED || before == RUN_PAUSED)) {
        go_on(turn);
    } else if (r == 0 && phase) {
        phase_start_dependents(turn, run_find_phase(turn->run, phase)->definition->index);
    }
    return r;
}

static int answer(struct turn *turn, const struct event *event, bool is_approved, struct error *err)
{
    const char *key = json_get_text(event->command, "step", NULL);
    struct step_state *step = NULL;

    if (key) {
        step = run_find_step(turn->run, key);
    } else if (turn->run->approvals == 1) {
        for (size_t i = 0; i < turn->run->step_count; i++) {
            if (turn->run->steps[i].waiting == WAITING_APPROVAL) {
                step = &turn->run->steps[i];
            }
        }
    }
    if (!step || step->waiting != WAITING_APPROVAL) {
        (void)error_set(err, step || !key ? ERROR_CONFLICT : ERROR_NOT_FOUND,
                        key ? "step %s does not wait for an approval"
                            : "say which step: %s approvals are waited for",
                        key ? key : (turn->run->approvals ? "several" : "no"));
        error_hint(err, "see what waits: fermata status %s", turn->run->id);
        return step || !key ? ERROR_CONFLICT : ERROR_NOT_FOUND;
    }
    if (turn->run->status == RUN_PAUSED && turn->run->reason &&
        strcmp(turn->run->reason, "approval") == 0) {
        run_move(turn, RUN_RUNNING, NULL, NULL);
    }
    step_answer_approval(turn, run_step_index(turn->run, step), is_approved,
                         json_get_text(event->command, "by", event->by),
                         json_get_text(event->command, "comment", NULL));
    return 0;
}

static int handle_approve(struct turn *turn, const struct event *event, struct error *err)
{
    return answer(turn, event, true, err);
}

static int handle_reject(struct turn *turn, const struct event *event, struct error *err)
{
    return answer(turn, event, false, err);
}

static int handle_signal(struct turn *turn, const struct event *event, struct error *err)
{
    const char *name = json_get_text(event->command, "name", NULL);
    const char *const forms[] = {"%s", "%s-approved", "%s-rejected"};

    if (!name || !*name || strlen(name) > 100) {
        return error_set(err, ERROR_INVALID, "a signal needs a name of 1 to 100 characters");
    }
    if (run_status_is_final(turn->run->status)) {
        return refuse(turn, err, "a run that is over takes no signals");
    }
    turn_emit(turn, (struct record){.kind = RECORD_SIGNAL_RECEIVED,
                                    .name = name,
                                    .data = json_object_get(event->command, "value"),
                                    .by = json_get_text(event->command, "by", event->by)});
    for (size_t i = 0; i < turn->run->step_count; i++) {
        struct step_state *step = &turn->run->steps[i];

        if (step->waiting != WAITING_APPROVAL) {
            continue;
        }
        for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
            char expected[160];

            (void)snprintf(expected, sizeof(expected), "%s%s", step->key,
                           k == 0   ? ""
                           : k == 1 ? "-approved"
                                    : "-rejected");
            if (strcmp(expected, name) == 0) {
                if (turn->run->status == RUN_PAUSED && turn->run->reason &&
                    strcmp(turn->run->reason, "approval") == 0) {
                    run_move(turn, RUN_RUNNING, NULL, NULL);
                }
                step_answer_approval(turn, (int)i, k != 2, event->by, NULL);
                break;
            }
        }
    }
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
        (void)refuse(turn, err, "pause it before restoring a checkpoint");
        error_hint(err, "fermata pause %s", run->id);
        return ERROR_CONFLICT;
    }
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].waiting == WAITING_APPROVAL) {
            step_cancel(turn, (int)i, "a checkpoint was restored");
        }
    }
    turn_emit(turn, (struct record){.kind = RECORD_RESTORED, .name = name, .by = event->by});
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        if (!has_name(found->phases, run->phases[i].definition->id)) {
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
    {"pause", handle_pause},   {"resume", handle_resume}, {"cancel", handle_cancel},
    {"retry", handle_retry},   {"skip", handle_skip},     {"approve", handle_approve},
    {"reject", handle_reject}, {"signal", handle_signal}, {"restore", handle_restore},
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

static void add_option(json_t *options, const char *action, const char *command, const char *help)
{
    json_t *option = json_object();

    json_put_text(option, "do", action);
    json_put_text(option, "command", command);
    json_put_text(option, "help", help);
    (void)json_array_append_new(options, option);
}

static void add_failure_options(const struct run_state *run, json_t *options)
{
    const struct step_state *step = run->reason_step ? run_find_step(run, run->reason_step) : NULL;
    const struct phase_state *phase = run->reason_phase ? run_find_phase(run, run->reason_phase)
                                                        : NULL;
    char command[256];

    (void)snprintf(command, sizeof(command), "fermata resume %s --retry-failed", run->id);
    add_option(options, "retry", command, "after fixing the cause, try the failed part again");
    if (step && step->definition && step->definition->allow_skip) {
        (void)snprintf(command, sizeof(command), "fermata skip %s %s --reason \"...\"", run->id,
                       step->key);
        add_option(options, "skip", command, "leave the step out and go on (not recommended)");
    } else if (phase && phase->stage == STAGE_GATE && phase->definition->gate->allow_skip) {
        (void)snprintf(command, sizeof(command), "fermata skip %s --gate %s --reason \"...\"",
                       run->id, phase->definition->id);
        add_option(options, "skip", command, "pass the gate without proof (not recommended)");
    }
}

json_t *run_options(const struct run_state *run)
{
    json_t *options = json_array();
    const char *reason = run->reason ? run->reason : "";
    char command[256];

    if (run->status == RUN_PAUSED && strcmp(reason, "approval") == 0) {
        for (size_t i = 0; i < run->step_count; i++) {
            if (run->steps[i].waiting == WAITING_APPROVAL) {
                (void)snprintf(command, sizeof(command), "fermata approve %s %s", run->id,
                               run->steps[i].key);
                add_option(options, "approve", command,
                           run->steps[i].reason ? run->steps[i].reason : "");
                (void)snprintf(command, sizeof(command), "fermata reject %s %s", run->id,
                               run->steps[i].key);
                add_option(options, "reject", command, "refuse it; the step fails");
            }
        }
    } else if (run->status == RUN_FAILED ||
               (run->status == RUN_PAUSED &&
                (strcmp(reason, "failure") == 0 || strcmp(reason, "gate") == 0 ||
                 strcmp(reason, "limit") == 0))) {
        add_failure_options(run, options);
    } else if (run->status == RUN_PAUSED) {
        (void)snprintf(command, sizeof(command), "fermata resume %s", run->id);
        add_option(options, "resume", command, "go on from here");
    }
    if (!run_status_is_final(run->status)) {
        (void)snprintf(command, sizeof(command), "fermata cancel %s", run->id);
        add_option(options, "cancel", command, "stop for good; what was done is kept");
    }
    return options;
}
