/* SPDX-License-Identifier: MIT */
/* Counts again, from the records alone, whatever may happen only so often or not before its time,
 * and what a person's answer must precede. */
#include "sim.h"

#include "run/states.h"

#include <string.h>

#define LOSSES_MAX 3

static bool is_word(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

static struct phase_audit *phase_audit_of(struct sim_run *run, const char *id)
{
    return &run->phases.items[run_find_phase(run->shadow, id)->definition->index];
}

/* ---- attempts ---- */

static void begin_anew(struct step_audit *audit)
{
    audit->tries = audit->losses = audit->asked = 0;
    audit->is_static = audit->is_settling = audit->is_merged = false;
    audit->agent = NULL;
    audit->given_up = 0;
    audit->not_before = 0;
}

/* Of the names a1, a2, ...; a step that names none has the one of the configuration. */
static unsigned agent_bit(const char *name)
{
    bool is_named = name && name[0] == 'a' && name[1] >= '0' && name[1] <= '9';

    return is_named ? 1U << (unsigned)(name[1] - '0') : 0;
}

/* Another agent has tries of its own, and each is asked once. */
static void choose_agent(struct sim *sim, const struct sim_run *run, const struct record *record,
                         struct step_audit *audit)
{
    if (!record->agent) {
        return;
    }
    audit->given_up |= agent_bit(record->other);
    /* Settling a conflict is another task than the one before it. */
    if ((audit->given_up & agent_bit(record->agent)) && !is_word(record->reason, "conflict")) {
        sim_fail(sim, "run %d: %s asks %s once more", run->index, record->step, record->agent);
    }
    if (is_word(record->class_, "refused") || is_word(record->class_, "cancelled")) {
        sim_fail(sim, "run %d: %s asks another agent when one was %s", run->index, record->step,
                 record->class_);
    }
    audit->tries = audit->losses = audit->asked = 0;
    audit->not_before = 0;
    audit->agent = record->agent;
}

/* The one whose turn it is, and never with what another one began. */
static void check_agent(struct sim *sim, const struct sim_run *run, const struct record *record,
                        const struct step_audit *audit)
{
    if (audit->agent && !audit->is_static && !is_word(record->name, audit->agent)) {
        sim_fail(sim, "run %d: %s asks %s, and %s took over", run->index, record->step,
                 record->name ? record->name : "nobody", audit->agent);
    }
    if (record->session && strcmp(record->session, record->name ? record->name : "someone") != 0) {
        sim_fail(sim, "run %d: %s goes on with the session of %s", run->index, record->step,
                 record->session);
    }
}

static void choose_static(struct step_audit *audit, const struct record *record)
{
    if (is_word(record->strategy, "static") && !audit->is_static) {
        begin_anew(audit);
        audit->is_static = true;
    }
}

static int attempts_max(const struct step_state *step, bool is_static)
{
    const struct step *definition = is_static ? step->definition->static_step : step->definition;

    return step->check || definition->retry.attempts < 1 ? 1 : definition->retry.attempts;
}

/* Whatever begins, begins in its time. */
static void check_start(struct sim *sim, const struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);
    int64_t deadline = run->shadow->phases[step->phase].deadline;

    if (step->waiting == WAITING_RETRY && record->at < step->until) {
        sim_fail(sim, "run %d: %s is tried again before its time", run->index, step->key);
    }
    if (step->status == STEP_IS_PENDING && deadline && record->at >= deadline) {
        sim_fail(sim, "run %d: %s starts after the time of its phase", run->index, step->key);
    }
    if (step->status == STEP_IS_PENDING && run->shadow->wish != WISH_NONE) {
        sim_fail(sim, "run %d: %s starts and the run is to rest", run->index, step->key);
    }
}

static void check_needs(struct sim *sim, const struct sim_run *run, const struct record *record)
{
    const struct run_state *state = run->shadow;
    const struct step_state *step = run_find_step(state, record->step);
    struct plan_edges needs;

    if (step->role != ROLE_STEP || step->status != STEP_IS_PENDING ||
        step->definition->trigger != TRIGGER_ALL_SUCCESS) {
        return;
    }
    needs = plan_step_needs(state->plan, step->phase, step->definition->index);
    for (size_t i = 0; i < needs.count; i++) {
        int need = state->phases[step->phase].first_step + needs.items[i];

        if (!step_is_settled_well(&state->steps[need])) {
            sim_fail(sim, "run %d: %s starts before %s, which it needs", run->index, step->key,
                     state->steps[need].key);
        }
    }
}

/* A step goes on with its question answered, or not at all. */
static void check_asking(struct sim *sim, const struct sim_run *run, const struct record *record,
                         const struct step_audit *audit)
{
    if (audit->is_asking) {
        sim_fail(sim, "run %d: %s goes on and nobody has answered its question", run->index,
                 record->step);
    }
}

static void limit_attempt(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);
    struct step_audit *audit = audit_of(run, record->step);

    choose_static(audit, record);
    check_start(sim, run, record);
    check_needs(sim, run, record);
    check_asking(sim, run, record, audit);
    check_agent(sim, run, record, audit);
    if (audit->tries >= attempts_max(step, audit->is_static)) {
        sim_fail(sim, "run %d: %s is tried again after %d tries of %d", run->index, step->key,
                 audit->tries, attempts_max(step, audit->is_static));
    }
    if (audit->losses >= LOSSES_MAX) {
        sim_fail(sim, "run %d: %s is tried again after %d losses", run->index, step->key,
                 audit->losses);
    }
}

/* A call begins with its preparation; the clock may be put back behind it. */
static void limit_parked(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct step_audit *audit = audit_of(run, record->step);

    if (is_word(record->reason, "prepare") && record->at < audit->not_before && !audit->is_static) {
        sim_fail(sim, "run %d: %s asks its agent before its limit is over", run->index,
                 record->step);
    }
}

static void limit_question(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);
    struct step_audit *audit = audit_of(run, record->step);

    if (!is_word(record->reason, "answer")) {
        return;
    }
    audit->is_asking = true;
    if (audit->asked > step->definition->questions_max) {
        sim_fail(sim, "run %d: %s asks %d times and may %d times", run->index, step->key,
                 audit->asked, step->definition->questions_max);
    }
}

static void count_end(struct sim_run *run, const struct record *record)
{
    struct step_audit *audit = audit_of(run, record->step);

    audit->not_before = record->until;
    if (is_word(record->class_, "limit") && record->until) {
        return; /* it costs no try */
    }
    if (is_word(record->class_, "lost")) {
        audit->losses += record->flag ? 0 : 1;
    } else if (record->question) {
        audit->asked++;
    } else if (!is_word(record->class_, "cancelled")) {
        audit->tries++;
    }
}

static void count_move(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);
    struct step_audit *audit = audit_of(run, record->step);

    if (is_word(record->status, "pending") && step_status_is_final(step->status)) {
        begin_anew(audit);
    }
    choose_static(audit, record);
    choose_agent(sim, run, record, audit);
    if (is_word(record->status, "completed") && step->definition &&
        step->definition->kind == STEP_APPROVAL && !audit->is_approved) {
        sim_fail(sim, "run %d: nobody has approved %s, and it completes", run->index, step->key);
    }
    audit->is_approved = false;
    if (is_word(record->status, "pending") || is_word(record->status, "completed")) {
        check_asking(sim, run, record, audit);
    }
    audit->is_asking = false;
}

static void limit_list(struct sim *sim, const struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);
    int64_t added = record->number - (int64_t)step->instances.count;

    check_start(sim, run, record);
    check_needs(sim, run, record);
    if (added > 0 && added + (int64_t)run->shadow->step_count > sim->limits.steps_max) {
        sim_fail(sim, "run %d: %s makes more than %lld steps", run->index, step->key,
                 (long long)sim->limits.steps_max);
    }
}

/* A signal answers once. */
static void check_answer(struct sim *sim, struct sim_run *run, const struct record *record)
{
    bool is_open = false;

    for (size_t i = 0; record->name && i < run->signals.count && !is_open; i++) {
        is_open = strcmp(run->signals.items[i], record->name) == 0;
        if (is_open) {
            run->signals.items[i] = run->signals.items[--run->signals.count];
        }
    }
    if (record->name && !is_open) {
        sim_fail(sim, "run %d: %s is answered by a signal that is used up", run->index,
                 record->step);
    }
    audit_of(run, record->step)->is_approved = is_word(record->status, "approved");
}

/* One that comes again is the same one. */
static void keep_signal(struct sim_run *run, const struct record *record)
{
    for (size_t i = 0; i < run->signals.count; i++) {
        if (strcmp(run->signals.items[i], record->name) == 0) {
            return;
        }
    }
    *VEC_PUSH(&run->signals) = record->name;
}

/* ---- rounds ---- */

static void limit_fixes(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct phase *phase = run_find_phase(run->shadow, record->phase)->definition;

    if (is_word(record->reason, "fix") &&
        ++phase_audit_of(run, record->phase)->fixes > phase->rounds_max) {
        sim_fail(sim, "run %d: more than %d rounds of fixes in %s", run->index, phase->rounds_max,
                 phase->id);
    }
}

static int goto_max_of(const struct on_failure *policy, int max)
{
    return policy->action == FAILURE_GOTO && policy->max > max ? policy->max : max;
}

static int goto_max(const struct phase *phase)
{
    int max = goto_max_of(&phase->on_failure, 0);

    for (size_t i = 0; i < phase->step_count; i++) {
        max = goto_max_of(&phase->steps[i].on_failure, max);
    }
    for (size_t i = 0; i < phase->fix_count; i++) {
        max = goto_max_of(&phase->fix_steps[i].on_failure, max);
    }
    return max;
}

static void limit_gotos(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct phase *phase = run_find_phase(run->shadow, record->phase)->definition;

    if (++phase_audit_of(run, record->phase)->gotos > goto_max(phase)) {
        sim_fail(sim, "run %d: %s goes back more than %d times", run->index, phase->id,
                 goto_max(phase));
    }
}

static void limit_iterations(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct workflow *workflow = run->shadow->workflow;
    const struct iterate *iterate = &workflow->iterate;
    int *count = &run->iterations;

    if (record->phase) {
        iterate = &run_find_phase(run->shadow, record->phase)->definition->iterate;
        count = &phase_audit_of(run, record->phase)->iterations;
    }
    if (++*count >= iterate->max) {
        sim_fail(sim, "run %d: %s iterates more than %d times", run->index,
                 record->phase ? record->phase : "it", iterate->max);
    }
    for (size_t i = 0; !record->phase && i < run->phases.count; i++) {
        run->phases.items[i].gotos = run->phases.items[i].iterations = 0;
    }
}

static void reset_counts(struct sim_run *run, const struct record *record)
{
    int phase = run_find_phase(run->shadow, record->phase)->definition->index;
    struct phase_audit *audit = &run->phases.items[phase];

    for (size_t i = 0; i < run->shadow->step_count && i < run->steps.count; i++) {
        if (run->shadow->steps[i].phase == phase) {
            begin_anew(&run->steps.items[i]);
        }
    }
    if (!is_word(record->reason, "fix")) {
        audit->fixes = 0;
        audit->iterations = is_word(record->reason, "iterate") ? audit->iterations : 0;
    }
    if (is_word(record->reason, "restore")) {
        audit->gotos = 0;
    }
}

/* ---- failures that are no failure of the run, and checkpoints ---- */

static bool is_own_error(const char *error)
{
    return error && (strncmp(error, "when: ", 6) == 0 || strncmp(error, "iterate: ", 9) == 0);
}

static void check_excuse(struct sim *sim, const struct sim_run *run, const struct record *record)
{
    if (is_word(record->status, "failed") && !record->reason && !is_own_error(record->error) &&
        run_find_phase(run->shadow, record->phase)->definition->optional) {
        sim_fail(sim, "run %d: phase %s may fail, and stops the run", run->index, record->phase);
    }
}

static void keep_checkpoint(struct sim_run *run, const struct record *record)
{
    for (size_t i = 0; i < run->checkpoints.count; i++) {
        if (strcmp(run->checkpoints.items[i].name, record->name) == 0) {
            run->checkpoints.items[i].phases = record->data;
            return;
        }
    }
    *VEC_PUSH(&run->checkpoints) = (struct checkpoint_audit){record->name, record->data};
}

static void begin_restore(struct sim *sim, struct sim_run *run, const struct record *record)
{
    for (size_t i = 0; i < run->checkpoints.count; i++) {
        if (strcmp(run->checkpoints.items[i].name, record->name) == 0) {
            run->restored = run->checkpoints.items[i].phases;
            return;
        }
    }
    sim_fail(sim, "run %d: %s is restored and was never saved", run->index, record->name);
}

static bool has_name(const json_t *names, const char *name)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (strcmp(json_string_value(json_array_get(names, i)), name) == 0) {
            return true;
        }
    }
    return false;
}

/* All that the checkpoint did not have is still to be done. */
static void end_restore(struct sim *sim, struct sim_run *run, const struct record *record)
{
    if (!run->restored || !is_word(record->status, "paused")) {
        return;
    }
    for (size_t i = 0; i < run->phases.count; i++) {
        const struct phase_state *phase = &run->shadow->phases[i];

        if (phase->status != STEP_IS_PENDING &&
            !(has_name(run->restored, phase->definition->id) && phase_is_settled_well(phase))) {
            sim_fail(sim, "run %d: phase %s is %s after a restore to before it", run->index,
                     phase->definition->id, step_status_name(phase->status));
        }
    }
    run->restored = NULL;
}

void limits_record(struct sim *sim, struct sim_run *run, const struct record *record)
{
    switch (record->kind) {
    case RECORD_RUN_CREATED:
        if (record->number > sim->limits.nesting_max) {
            sim_fail(sim, "run %d is nested too deep", run->index);
        }
        break;
    case RECORD_ATTEMPT_STARTED:
        limit_attempt(sim, run, record);
        break;
    case RECORD_ATTEMPT_ENDED:
        count_end(run, record);
        break;
    case RECORD_STEP_DONE:
        limit_attempt(sim, run, record);
        audit_of(run, record->step)->tries++;
        break;
    case RECORD_STEP_MOVED:
        count_move(sim, run, record);
        break;
    case RECORD_STEP_WAITING:
        check_start(sim, run, record);
        check_needs(sim, run, record);
        choose_static(audit_of(run, record->step), record);
        limit_parked(sim, run, record);
        limit_question(sim, run, record);
        break;
    case RECORD_STEP_EXPANDED:
        limit_list(sim, run, record);
        break;
    case RECORD_APPROVAL_GIVEN:
        check_answer(sim, run, record);
        break;
    case RECORD_QUESTION_ANSWERED:
        audit_of(run, record->step)->is_asking = false;
        break;
    case RECORD_SIGNAL_RECEIVED:
        keep_signal(run, record);
        break;
    case RECORD_PHASE_MOVED:
        limit_fixes(sim, run, record);
        check_excuse(sim, run, record);
        break;
    case RECORD_PHASE_RESET:
        reset_counts(run, record);
        break;
    case RECORD_WENT_TO:
        limit_gotos(sim, run, record);
        break;
    case RECORD_ITERATED:
        limit_iterations(sim, run, record);
        break;
    case RECORD_CHECKPOINT_SAVED:
        keep_checkpoint(run, record);
        break;
    case RECORD_RESTORED:
        begin_restore(sim, run, record);
        break;
    case RECORD_RUN_MOVED:
        end_restore(sim, run, record);
        break;
    case RECORD_NESTED_LEFT:
    case RECORD_NESTED_ENDED:
        break;
    case RECORD_RUN_WISHED:
    case RECORD_STEP_REUSED:
    case RECORD_GATE_CHECKED:
    case RECORD_GATE_DECIDED:
    case RECORD_GATE_SKIPPED:
    case RECORD_ATTEMPT_LIVENESS:
    case RECORD_RUN_EDITED:
    case RECORD_BUDGET_SET:
    case RECORD_RUN_CLOCKED:
        break;
    }
}
