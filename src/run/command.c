/* SPDX-License-Identifier: MIT */
/* Commands from outside: each is checked against the state, refused with what is possible, or
 * turned into records. */
#include "base/alloc.h"
#include "base/utf8.h"
#include "run/states.h"
#include "run/turn.h"

#include <string.h>

#define CHECKPOINT_NAME_MAX 100
#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

struct command {
    const char *name;
    int (*handle)(struct turn *turn, const struct event *event, struct error *err);
};

int command_refuse(struct turn *turn, struct error *err, const char *what)
{
    const char *status = run_status_name(turn->run->status);
    /* Why it is so, where that says more than the status. */
    const char *detail = turn->run->detail && strcmp(turn->run->detail, status) != 0
                             ? turn->run->detail
                             : NULL;

    (void)error_set(err, ERROR_CONFLICT, "run %s is %s%s%s%s; %s", turn->run->id, status,
                    detail ? " (" : "", detail ? detail : "", detail ? ")" : "", what);
    error_hint(err, "see what is possible with: fermata status %s", turn->run->id);
    return ERROR_CONFLICT;
}

static bool is_active(const struct run_state *run)
{
    return run->status == RUN_RUNNING || run->status == RUN_PENDING;
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
                                                   is_stop ? "interrupted" : "paused on request"),
                             .by = json_get_text(event->command, "by", event->by)});
    if (is_stop) {
        run_stop_steps(turn);
    }
    run_tell_children(turn, is_stop ? "stop" : "pause");
    return 0;
}

/* What only somebody outside could have ended. */
static void cancel_wait(struct turn *turn, int index, const char *reason)
{
    enum waiting waiting = step_at(turn, index)->waiting;

    if (waiting == WAITING_HOST) {
        step_end_host(turn, index, CLASS_CANCELLED, reason);
    }
    if (waiting == WAITING_APPROVAL || waiting == WAITING_ANSWER || waiting == WAITING_HOST) {
        step_cancel(turn, index, reason);
    }
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
                             .text = json_get_text(event->command, "reason", "cancelled"),
                             .by = json_get_text(event->command, "by", event->by)});
    for (size_t i = 0; i < run->step_count; i++) {
        cancel_wait(turn, (int)i, "the run was cancelled");
    }
    run_stop_steps(turn);
    run_tell_children(turn, "cancel");
    return 0;
}

/* Nested runs that rest are expected to go on as well; one that does not will say so again. */
static void wake_children(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        const struct step_state *step = &turn->run->steps[i];

        if (step->waiting == WAITING_WORKFLOW && step->status == STEP_IS_PAUSED) {
            turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                            .phase = phase_id(turn, (int)i),
                                            .step = step->key,
                                            .reason = "workflow",
                                            .other = step->child});
        }
    }
    run_tell_children(turn, "resume");
}

bool run_needs_decision(const struct run_state *run)
{
    return (run->status == RUN_PAUSED || run->wish == WISH_PAUSE) && run->reason &&
           (strcmp(run->reason, "failure") == 0 || strcmp(run->reason, "gate") == 0 ||
            strcmp(run->reason, "limit") == 0);
}

static void look_at_hosts(struct turn *turn)
{
    for (size_t i = 0; i < turn->run->step_count; i++) {
        if (step_at(turn, (int)i)->waiting == WAITING_HOST) {
            step_look_at_host(turn, (int)i);
        }
    }
}

/* A run that rests goes on: phases that stood still move again, and those that a failure had
 * blocked are looked at anew. */
void run_go_on(struct turn *turn)
{
    struct run_state *run = turn->run;

    if (run->status != RUN_RUNNING) {
        run_move(turn, RUN_RUNNING, NULL, NULL);
    } else if (run->wish == WISH_PAUSE && run_needs_decision(run)) {
        run_wish(turn, WISH_NONE, (struct record){0});
    }
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        const struct phase_state *phase = &run->phases[i];

        if (phase->status == STEP_IS_PAUSED) {
            turn_emit(turn, (struct record){.kind = RECORD_PHASE_MOVED,
                                            .phase = phase->definition->id,
                                            .status = "running",
                                            .number = phase->round});
        } else if (phase->status == STEP_IS_SKIPPED && phase->failed_step) {
            phase_reset(turn, (int)i, "retry");
        }
    }
    run_find_ready(run);
    look_at_hosts(turn);
    run_start_phases(turn);
    wake_children(turn);
}

static bool can_be_tried_again(const struct step_state *step)
{
    return step->status == STEP_IS_FAILED || step->status == STEP_IS_CANCELLED;
}

/* Whether the phase can take the step up again. */
static bool is_open_to_retry(const struct run_state *run, const struct step_state *step)
{
    enum step_status status = run->phases[step->phase].status;

    return can_be_tried_again(step) && !step_list_is_over(run, step) &&
           status != STEP_IS_COMPLETED && status != STEP_IS_SKIPPED && status != STEP_IS_PENDING;
}

bool step_is_in_the_way(const struct run_state *run, const struct step_state *step)
{
    const struct phase_state *phase = &run->phases[step->phase];

    if (!is_open_to_retry(run, step) || phase->is_excused || step_is_settled_well(step)) {
        return false;
    }
    switch (step->role) {
    case ROLE_STEP:
        return phase->stage == STAGE_STEPS;
    case ROLE_INSTANCE:
        return phase->stage == STAGE_STEPS && step_is_current(run, step) &&
               !step_is_settled_well(&run->steps[step->parent]);
    case ROLE_FIX:
        return phase->stage == STAGE_FIX;
    case ROLE_CHECK:
        return phase->stage == STAGE_GATE;
    }
    return false;
}

static void retry_step(struct turn *turn, int index)
{
    const struct step_state *step = step_at(turn, index);
    bool is_open_list = step->items && step->instances_failed > 0;

    if (step->role == ROLE_INSTANCE && step_is_finished(step_at(turn, step->parent))) {
        step_move(turn, step->parent, STEP_IS_RUNNING, (struct record){.reason = "retry"});
    }
    phase_reopen(turn, step_at(turn, index)->phase, step_at(turn, index)->role);
    /* A foreach step is open again through its instances, a check through its gate. */
    if (!is_open_list && step_is_finished(step_at(turn, index))) {
        step_make_pending(turn, index, "retry");
    }
}

/* A phase can fail without a failed step: by its own condition, or by time. */
static bool retry_phase(struct turn *turn, int index)
{
    struct phase_state *phase = phase_at(turn, index);

    if (phase->status != STEP_IS_FAILED || phase->is_excused) {
        return false;
    }
    if (!phase->started_at) {
        phase_reset(turn, index, "retry");
    } else {
        phase_reopen(turn, index, phase->stage == STAGE_GATE ? ROLE_CHECK : ROLE_FIX);
    }
    return true;
}

static int retry_failed(struct turn *turn)
{
    struct run_state *run = turn->run;
    int count = 0;

    for (size_t i = 0; i < run->step_count; i++) {
        if (step_is_in_the_way(run, &run->steps[i])) {
            retry_step(turn, (int)i);
            count++;
        }
    }
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        count += retry_phase(turn, (int)i) ? 1 : 0;
    }
    return count;
}

/* One step; of a list all instances that failed. */
static void retry_one(struct turn *turn, int index)
{
    const struct index_vec *instances = &step_at(turn, index)->instances;
    int count = step_at(turn, index)->instance_count;

    retry_step(turn, index);
    for (int i = 0; i < count; i++) {
        if (can_be_tried_again(step_at(turn, instances->items[i]))) {
            retry_step(turn, instances->items[i]);
        }
    }
}

static int refuse_retry(struct turn *turn, const struct step_state *step, struct error *err)
{
    const struct phase_state *phase = &turn->run->phases[step->phase];

    if (can_be_tried_again(step) && step_list_is_over(turn->run, step)) {
        (void)error_set(err, ERROR_CONFLICT, "step %s is %s; its instances are not tried again",
                        turn->run->steps[step->parent].key,
                        step_status_name(turn->run->steps[step->parent].status));
    } else if (can_be_tried_again(step)) {
        (void)error_set(err, ERROR_CONFLICT, "phase %s is %s; step %s is not tried again alone",
                        phase->definition->id, step_status_name(phase->status), step->key);
    } else {
        (void)error_set(err, ERROR_CONFLICT, "step %s is %s; only a failed step can be retried",
                        step->key, step_status_name(step->status));
    }
    error_hint(err, "to do finished work again, restore a checkpoint: fermata checkpoints %s",
               turn->run->id);
    return ERROR_CONFLICT;
}

static int handle_retry(struct turn *turn, const struct event *event, struct error *err)
{
    struct run_state *run = turn->run;
    const char *key = json_get_text(event->command, "step", NULL);
    const struct step_state *step = key ? run_find_step(run, key) : NULL;

    if (run->status == RUN_COMPLETED || run->status == RUN_CANCELLED ||
        run->status == RUN_PENDING) {
        return command_refuse(turn, err, "only a paused or failed run has something to retry");
    }
    if (key && (!step || !step_is_current(run, step))) {
        return error_set(err, ERROR_NOT_FOUND, "run %s has no step \"%s\"", run->id, key);
    }
    if (step && !is_open_to_retry(run, step)) {
        return refuse_retry(turn, step, err);
    }
    if (step) {
        retry_one(turn, run_step_index(run, step));
    } else if (retry_failed(turn) == 0) {
        return command_refuse(turn, err, "no step has failed");
    }
    run_go_on(turn);
    return 0;
}

static int resume_running(struct turn *turn, struct error *err)
{
    switch (turn->run->wish) {
    case WISH_NONE:
        break;
    case WISH_PAUSE:
        run_wish(turn, WISH_NONE, (struct record){0});
        run_start_phases(turn);
        run_tell_children(turn, "resume");
        break;
    case WISH_STOP:
    case WISH_FAIL:
        return command_refuse(turn, err, "it is being stopped; resume it once it rests");
    case WISH_CANCEL:
        return command_refuse(turn, err, "it is being cancelled");
    }
    return 0;
}

/* Of a run that is paused. */
static bool is_resting_for(const struct run_state *run, const char *reason)
{
    return run->reason && strcmp(run->reason, reason) == 0;
}

static int handle_resume(struct turn *turn, const struct event *event, struct error *err)
{
    struct run_state *run = turn->run;
    bool is_retry = json_get_boolean(event->command, "retry_failed", false);
    /* While others are still at work the decision can be taken already. */
    bool can_retry = run->status == RUN_PAUSED || run->status == RUN_FAILED ||
                     (run->status == RUN_RUNNING && run_needs_decision(run));

    if (is_retry && can_retry) {
        /* A run that reached its time limit has nothing that failed, only what was not done. */
        (void)retry_failed(turn);
        run_go_on(turn);
        return 0;
    }
    /* One failed step is being tried again already: so are the others. */
    if (is_retry && run->status == RUN_RUNNING && run->wish == WISH_NONE &&
        retry_failed(turn) > 0) {
        run_go_on(turn);
        return 0;
    }
    if (run->status == RUN_RUNNING || run->status == RUN_PENDING) {
        return resume_running(turn, err);
    }
    if (run->status != RUN_PAUSED) {
        return command_refuse(turn, err, "only a paused run can be resumed");
    }
    if (run_needs_decision(run)) {
        (void)command_refuse(turn, err, "it needs a decision first: retry, skip or cancel");
        error_hint(err, "try the failed part again: fermata resume %s --retry-failed", run->id);
        return ERROR_CONFLICT;
    }
    /* A nested run that rests as well goes on meanwhile. */
    if (is_resting_for(run, "approval") && run->approvals > 0 && run->nested == 0 &&
        !approvals_give_up(turn)) {
        (void)command_refuse(turn, err, "it waits for an approval");
        error_hint(err, "fermata approve %s STEP, or fermata reject %s STEP", run->id, run->id);
        return ERROR_CONFLICT;
    }
    if (is_resting_for(run, "question") && run->questions > 0 && run->nested == 0) {
        (void)command_refuse(turn, err, "it waits for an answer");
        error_hint(err, "fermata answer %s TEXT", run->id);
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

/* It becomes the name of a file. */
static bool is_checkpoint_name(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= CHECKPOINT_NAME_MAX && strchr(LETTERS_AND_DIGITS, name[0]) &&
           strspn(name, LETTERS_AND_DIGITS "-_.") == length;
}

/* Never another's name: a phase writes its own anew, and what somebody else keeps stays. */
static int handle_checkpoint(struct turn *turn, const struct event *event, struct error *err)
{
    const char *name = json_get_text(event->command, "name", "");

    if (!is_checkpoint_name(name)) {
        (void)error_set(err, ERROR_INVALID, "a checkpoint cannot be called \"%s\"",
                        UTF8_CUT(name, 100));
        error_hint(err,
                   "letters, digits, - _ and . make a name; it begins with one of the first two");
        return ERROR_INVALID;
    }
    if (run_find_phase(turn->run, name) || run_find_checkpoint(turn->run, name)) {
        (void)error_set(err, ERROR_CONFLICT, "run %s has a %s %s already", turn->run->id,
                        run_find_checkpoint(turn->run, name) ? "checkpoint" : "phase", name);
        error_hint(err, "choose another name");
        return ERROR_CONFLICT;
    }
    checkpoint_save(turn, name, json_get_text(event->command, "by", event->by ? event->by : "?"));
    return 0;
}

static int handle_restore(struct turn *turn, const struct event *event, struct error *err)
{
    struct run_state *run = turn->run;
    const char *name = json_get_text(event->command, "checkpoint", "");
    const struct checkpoint_state *found = run_find_checkpoint(run, name);
    const json_t *phases;

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
        if (run->steps[i].waiting == WAITING_WORKFLOW) {
            step_leave_child(turn, (int)i);
        }
        if (run->steps[i].waiting == WAITING_WORKFLOW) {
            step_cancel(turn, (int)i, "a checkpoint was restored");
        }
        cancel_wait(turn, (int)i, "a checkpoint was restored");
    }
    /* Held: a reset takes later checkpoints out of the list. */
    phases = turn_hold(turn, json_incref(found->phases));
    turn_emit(turn, (struct record){.kind = RECORD_RESTORED,
                                    .name = name,
                                    .by = json_get_text(event->command, "by", event->by)});
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        /* What was done again since, and did not end well, is not what the checkpoint had. */
        if (!has_name(phases, run->phases[i].definition->id) ||
            !phase_is_settled_well(&run->phases[i])) {
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

/* Its parent went on with what it gave: nobody would hear of another end. */
static bool is_taken(const struct run_state *run)
{
    return run->parent && run_status_is_final(run->status);
}

static int refuse_taken(const struct run_state *run, struct error *err)
{
    (void)error_set(
        err, ERROR_CONFLICT,
        "run %s is %s, and its parent %s takes it as it ended; nothing more is done to it", run->id,
        run_status_name(run->status), run->parent);
    error_hint(err, "see what is possible with: fermata status %s", run->parent);
    return ERROR_CONFLICT;
}

static const struct command commands[] = {
    {"pause", handle_pause},           {"resume", handle_resume},  {"cancel", handle_cancel},
    {"retry", handle_retry},           {"skip", command_skip},     {"approve", command_approve},
    {"reject", command_reject},        {"signal", command_signal}, {"restore", handle_restore},
    {"checkpoint", handle_checkpoint}, {"answer", command_answer}, {"edit", command_edit},
    {"budget", command_budget},
};

int command_handle(struct turn *turn, const struct event *event, struct error *err)
{
    const char *name = json_get_text(event->command, "do", "");

    if (is_taken(turn->run)) {
        return refuse_taken(turn->run, err);
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].handle(turn, event, err);
        }
    }
    return error_set(err, ERROR_INVALID, "unknown command \"%s\"", UTF8_CUT(name, 40));
}
