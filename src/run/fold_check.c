/* SPDX-License-Identifier: MIT */
/* Whether a stored record can follow on a state: a damaged or foreign journal is refused with a
 * sentence, never met by an assertion of the fold. */
#include "run/fold.h"
#include "run/states.h"

#include "base/alloc.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum need {
    NEED_PHASE = 1 << 0,  /* names a phase of the workflow */
    NEED_STEP = 1 << 1,   /* names a step of the workflow, or an instance that there is */
    MAY_PHASE = 1 << 2,   /* the same, or names none */
    NEED_STATUS = 1 << 3, /* has the field */
    NEED_REASON = 1 << 4,
    NEED_CLASS = 1 << 5,
    NEED_NAME = 1 << 6,
    NEED_CHILD = 1 << 7,
};

static const char *check_run_move(const struct run_state *run, const struct record *record)
{
    int status = run_status_parse(record->status);

    return status >= 0 && run_can_move(run->status, (enum run_status)status)
               ? NULL
               : "its status cannot follow";
}

static const char *check_wish(const struct run_state *run, const struct record *record)
{
    (void)run;
    return wish_parse(record->status) >= 0 ? NULL : "unknown wish";
}

static const char *check_status(enum step_status from, const char *word)
{
    int status = step_status_parse(word);

    if (status < 0) {
        return "its status is unknown";
    }
    return status == (int)from || step_can_move(from, (enum step_status)status)
               ? NULL
               : "its status cannot follow";
}

static const char *check_phase_move(const struct run_state *run, const struct record *record)
{
    return check_status(run_find_phase(run, record->phase)->status, record->status);
}

static const char *check_step_move(const struct run_state *run, const struct record *record)
{
    if (record->class_ && failure_class_parse(record->class_) < 0) {
        return "unknown class";
    }
    return check_status(run_find_step(run, record->step)->status, record->status);
}

static const char *check_reset(const struct run_state *run, const struct record *record)
{
    return run_find_phase(run, record->phase)->running > 0 ? "a step of the phase is running"
                                                           : NULL;
}

static const char *check_expanded(const struct run_state *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run, record->step);

    if (step->role != ROLE_STEP && step->role != ROLE_FIX) {
        return "its step cannot have instances";
    }
    return step->definition->foreach_list && json_is_array(record->data) &&
                   (int64_t)json_array_size(record->data) == record->number
               ? NULL
               : "its items do not fit its count";
}

static const char *check_waiting(const struct run_state *run, const struct record *record)
{
    (void)run;
    return waiting_parse(record->reason) >= 0 ? NULL : "unknown wait";
}

static const char *check_attempt(const struct run_state *run, const struct record *record)
{
    return record->number == run_find_step(run, record->step)->attempts + 1
               ? NULL
               : "its attempt does not follow";
}

static const char *check_done(const struct run_state *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run, record->step);

    return step->status == STEP_IS_PENDING || step->status == STEP_IS_RUNNING
               ? check_attempt(run, record)
               : "its step is not to be done";
}

static const char *check_attempt_end(const struct run_state *run, const struct record *record)
{
    (void)run;
    return failure_class_parse(record->class_) >= 0 ? NULL : "unknown class";
}

static const char *check_verdict(const struct run_state *run, const struct record *record)
{
    (void)run;
    return verdict_parse(record->status) >= 0 ? NULL : "unknown verdict";
}

static const char *check_checkpoint(const struct run_state *run, const struct record *record)
{
    size_t index;
    json_t *value;

    (void)run;
    json_array_foreach((json_t *)record->data, index, value)
    {
        if (!json_is_string(value)) {
            return "its phases are no list of names";
        }
    }
    return json_is_array(record->data) ? NULL : "its phases are no list of names";
}

static const char *check_left(const struct run_state *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run, record->step);

    return step->child && strcmp(record->other, step->child) == 0
               ? NULL
               : "its step has no such nested run";
}

static const char *check_nested_end(const struct run_state *run, const struct record *record)
{
    return json_object_get(run->left, record->other) ? NULL : "no step left this nested run";
}

static const char *check_answered(const struct run_state *run, const struct record *record)
{
    size_t index;
    json_t *pair;

    if (!run_find_step(run, record->step)->dialogue.question) {
        return "its step asked nothing";
    }
    json_array_foreach((json_t *)record->data, index, pair)
    {
        if (!json_get_text(pair, "question", NULL) || !json_get_text(pair, "answer", NULL)) {
            return "its answers are no pairs of texts";
        }
    }
    return json_is_array(record->data) ? NULL : "its answers are no list";
}

static const char *check_edit(const struct run_state *run, const struct record *record)
{
    if (!run->next) {
        return "its workflow is not there";
    }
    /* A nested run goes on by itself: the step that waits for it may stay. */
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].waiting == WAITING_PREPARE || run->steps[i].waiting == WAITING_ATTEMPT ||
            run->steps[i].waiting == WAITING_HOST) {
            return "a step is running";
        }
    }
    return json_is_array(record->data) ? NULL : "what it keeps is no list";
}

static const struct {
    unsigned needs;
    const char *(*check)(const struct run_state *run, const struct record *record);
} rules[] = {
    [RECORD_RUN_CREATED] = {0, NULL},
    [RECORD_RUN_MOVED] = {NEED_STATUS, check_run_move},
    [RECORD_RUN_WISHED] = {NEED_STATUS, check_wish},
    [RECORD_PHASE_MOVED] = {NEED_PHASE | NEED_STATUS, check_phase_move},
    [RECORD_PHASE_RESET] = {NEED_PHASE | NEED_REASON, check_reset},
    [RECORD_STEP_EXPANDED] = {NEED_STEP | MAY_PHASE, check_expanded},
    [RECORD_STEP_MOVED] = {NEED_STEP | MAY_PHASE | NEED_STATUS, check_step_move},
    [RECORD_STEP_WAITING] = {NEED_STEP | MAY_PHASE | NEED_REASON, check_waiting},
    [RECORD_ATTEMPT_STARTED] = {NEED_STEP | MAY_PHASE, check_attempt},
    [RECORD_ATTEMPT_ENDED] = {NEED_STEP | MAY_PHASE | NEED_CLASS, check_attempt_end},
    [RECORD_STEP_DONE] = {NEED_STEP | MAY_PHASE, check_done},
    [RECORD_STEP_REUSED] = {NEED_STEP | MAY_PHASE, NULL},
    [RECORD_APPROVAL_GIVEN] = {NEED_STEP, NULL},
    [RECORD_SIGNAL_RECEIVED] = {NEED_NAME, NULL},
    [RECORD_GATE_CHECKED] = {NEED_PHASE, NULL},
    [RECORD_GATE_DECIDED] = {NEED_PHASE | NEED_STATUS, check_verdict},
    [RECORD_GATE_SKIPPED] = {NEED_PHASE, NULL},
    [RECORD_CHECKPOINT_SAVED] = {NEED_NAME, check_checkpoint},
    [RECORD_RESTORED] = {0, NULL},
    [RECORD_WENT_TO] = {NEED_PHASE, NULL},
    [RECORD_ITERATED] = {MAY_PHASE, NULL},
    [RECORD_NESTED_LEFT] = {NEED_STEP | NEED_CHILD, check_left},
    [RECORD_NESTED_ENDED] = {NEED_CHILD, check_nested_end},
    [RECORD_QUESTION_ANSWERED] = {NEED_STEP, check_answered},
    [RECORD_ATTEMPT_LIVENESS] = {NEED_STEP | MAY_PHASE | NEED_STATUS, NULL},
    [RECORD_RUN_EDITED] = {0, check_edit},
    [RECORD_BUDGET_SET] = {0, NULL},
    [RECORD_RUN_CLOCKED] = {0, NULL},
};
static_assert(ARRAY_LEN(rules) == RECORD_KINDS, "one rule for each kind");

const char *run_refusal(const struct run_state *run, const struct record *record)
{
    unsigned needs = rules[record->kind].needs;

    if (record->seq != run->seq + 1) {
        return "its number does not follow";
    }
    if (((needs & NEED_STATUS) && !record->status) || ((needs & NEED_REASON) && !record->reason) ||
        ((needs & NEED_CLASS) && !record->class_) || ((needs & NEED_NAME) && !record->name) ||
        ((needs & NEED_CHILD) && !record->other) || ((needs & NEED_PHASE) && !record->phase) ||
        ((needs & NEED_STEP) && !record->step)) {
        return "it lacks a field";
    }
    if ((needs & NEED_STEP) && !run_find_step(run, record->step)) {
        return "it names a step that the workflow does not have";
    }
    if ((needs & (NEED_PHASE | MAY_PHASE)) && record->phase &&
        !run_find_phase(run, record->phase)) {
        return "it names a phase that the workflow does not have";
    }
    return rules[record->kind].check ? rules[record->kind].check(run, record) : NULL;
}
