/* SPDX-License-Identifier: MIT */
/* Reads the records as they are committed, knowing nothing of how they were decided, and holds them
 * against what the keepers know. `shadow` is the state just before the record. */
#include "sim.h"

#include "run/states.h"

#include <string.h>

struct step_audit *audit_of(struct sim_run *run, const char *key)
{
    const struct step_state *step = run_find_step(run->shadow, key);
    int index = step ? run_step_index(run->shadow, step) : -1;

    while (index >= (int)run->steps.count) {
        const char *added = run->shadow->steps[run->steps.count].key;

        *VEC_PUSH(&run->steps) = (struct step_audit){
            .attempts = (int)json_get_integer(run->gone, added, 0)};
    }
    return index < 0 ? NULL : &run->steps.items[index];
}

static bool is_word(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

static void audit_started(struct sim *sim, struct sim_run *run, const struct record *record)
{
    struct step_audit *audit = audit_of(run, record->step);

    if (audit->is_open) {
        sim_fail(sim, "run %d: attempt %lld of %s starts, and the one before has no outcome",
                 run->index, (long long)record->number, record->step);
    } else if (audit->is_done) {
        sim_fail(sim, "run %d: %s is done and starts again", run->index, record->step);
    } else if (record->number != audit->attempts + 1) {
        sim_fail(sim, "run %d: attempt %lld of %s follows attempt %d", run->index,
                 (long long)record->number, record->step, audit->attempts);
    }
    audit->attempts = (int)record->number;
    audit->started_at = record->seq;
    audit->host_asked = audit->request = 0;
    audit->is_open = true;
    audit->is_reused = false;
}

/* Begun and done in one record. */
static void audit_done(struct sim *sim, struct sim_run *run, const struct record *record)
{
    struct step_audit *audit = audit_of(run, record->step);

    audit_started(sim, run, record);
    audit->is_open = false;
    audit->is_done = true;
}

static bool is_in_clone(const struct step_state *step)
{
    const struct step *definition = step->check ? NULL : step_effective(step);

    return definition && definition->workspace && strcmp(definition->workspace, "clone") == 0 &&
           definition->kind == STEP_AGENT;
}

static void audit_merge(struct sim *sim, struct sim_run *run, const struct record *record)
{
    struct step_audit *audit = audit_of(run, record->step);

    if (!json_object_get(record->files, "merged")) {
        return;
    }
    if (audit->is_merged) {
        sim_fail(sim, "run %d: what %s did is merged twice", run->index, record->step);
    }
    audit->is_merged = true;
}

/* By whom the step names for it, once, and only where there is a conflict. */
static void audit_settler(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);
    struct step_audit *audit = audit_of(run, record->step);
    const struct keeper *keeper = host_find_keeper(sim, run->index, record->step, audit->attempts);

    if (!keeper || !json_object_get(keeper->outcome.files, "conflicts")) {
        sim_fail(sim, "run %d: a conflict of %s is to be settled, and there is none", run->index,
                 record->step);
    }
    if (audit->is_settling || !is_word(record->agent, step->definition->on_conflict)) {
        sim_fail(sim, "run %d: %s is to settle a conflict of %s, for which the step has %s",
                 run->index, record->agent, record->step,
                 audit->is_settling ? "asked already" : step->definition->on_conflict);
    }
    audit->is_settling = true;
}

static void audit_ended(struct sim *sim, struct sim_run *run, const struct record *record)
{
    struct step_audit *audit = audit_of(run, record->step);
    const struct keeper *keeper = host_find_keeper(sim, run->index, record->step,
                                                   (int)record->number);

    if (!audit->is_open || record->number != audit->attempts) {
        sim_fail(sim, "run %d: attempt %lld of %s has an outcome twice", run->index,
                 (long long)record->number, record->step);
    } else if (keeper && keeper->is_hosts) {
        caller_audit_end(sim, run, record, (struct keeper *)keeper);
    } else if (!keeper || !is_word(record->class_, failure_class_name(keeper->outcome.class_)) ||
               !record->question != !keeper->outcome.question ||
               !record->files != !keeper->outcome.files) {
        sim_fail(sim, "run %d: attempt %lld of %s ended otherwise than recorded", run->index,
                 (long long)record->number, record->step);
    }
    audit_merge(sim, run, record);
    audit->is_open = false;
}

static bool is_executable(const struct step_state *step)
{
    return step->check ||
           (step->definition->kind != STEP_APPROVAL && step->definition->kind != STEP_WORKFLOW &&
            (!step->definition->foreach_list || step->role == ROLE_INSTANCE));
}

static void audit_completed(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);
    struct step_audit *audit = audit_of(run, record->step);
    const struct keeper *keeper = host_find_keeper(sim, run->index, record->step, audit->attempts);

    if (is_executable(step) &&
        (!keeper || keeper->outcome.class_ != CLASS_NONE || keeper->outcome.question ||
         (keeper->is_hosts && !keeper->is_answered))) {
        sim_fail(sim, "run %d: %s is called completed without a success", run->index, record->step);
    }
    if (is_executable(step) && is_in_clone(step) && keeper && !keeper->is_hosts &&
        !audit->is_merged) {
        sim_fail(sim, "run %d: %s is called completed, and nothing of it was merged", run->index,
                 record->step);
    }
    if (step->check && keeper && keeper->outcome.verdict != VERDICT_PASS) {
        sim_fail(sim, "run %d: the check %s is called completed, its verdict was %s", run->index,
                 record->step, verdict_name(keeper->outcome.verdict));
    }
    audit->is_done = true;
}

static void audit_step_moved(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);
    struct step_audit *audit = audit_of(run, record->step);

    if (audit->is_open) {
        sim_fail(sim, "run %d: %s moves to %s while its attempt is under way", run->index,
                 record->step, record->status);
    }
    if (is_word(record->reason, "conflict")) {
        audit_settler(sim, run, record);
    }
    if (is_word(record->status, "completed")) {
        audit_completed(sim, run, record);
    } else if (audit->is_done && !(step->check && is_word(record->reason, "retry"))) {
        sim_fail(sim, "run %d: %s is done and moves to %s", run->index, record->step,
                 record->status);
    } else {
        audit->is_done = false;
    }
    /* A list that is open is skipped with its phase. */
    if (is_word(record->status, "skipped") && (step->waiting != WAITING_INSTANCES || record->by) &&
        !step->definition->allow_skip && strncmp(record->reason, "when: ", 6) != 0) {
        sim_fail(sim, "run %d: %s may not be skipped and was", run->index, record->step);
    }
}

static void audit_reset(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct phase_state *phase = run_find_phase(run->shadow, record->phase);

    for (size_t i = 0; i < run->shadow->step_count && i < run->steps.count; i++) {
        if (run->shadow->steps[i].phase != phase->definition->index) {
            continue;
        }
        if (run->steps.items[i].is_open) {
            sim_fail(sim, "run %d: phase %s is reset while %s is under way", run->index,
                     record->phase, run->shadow->steps[i].key);
        }
        run->steps.items[i].is_done = false;
    }
    run->phases.items[phase->definition->index].gate_passed = false;
    run->phases.items[phase->definition->index].goes_round = is_word(record->reason, "fix");
}

static void audit_gate(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct phase_state *phase = run_find_phase(run->shadow, record->phase);
    const struct gate *gate = phase->definition->gate;

    if (record->kind == RECORD_GATE_SKIPPED) {
        if (!gate->allow_skip) {
            sim_fail(sim, "run %d: the gate of %s may not be skipped and was", run->index,
                     record->phase);
        }
    } else if (!is_word(record->status, "pass")) {
        return;
    }
    for (size_t i = 0; record->kind == RECORD_GATE_DECIDED && i < gate->check_count; i++) {
        const char *key = run->shadow->steps[phase->first_check + (int)i].key;
        struct step_audit *audit = audit_of(run, key);
        const struct keeper *keeper = host_find_keeper(sim, run->index, key, audit->attempts);

        if (audit->started_at < run->phases.items[phase->definition->index].worked_at) {
            sim_fail(sim, "run %d: the gate of %s passes by a proof of %s from before its work",
                     run->index, record->phase, key);
        }
        if (!audit->is_done || !keeper || keeper->outcome.verdict != VERDICT_PASS) {
            sim_fail(sim, "run %d: the gate of %s passes without proof of %s", run->index,
                     record->phase, key);
        }
    }
    run->phases.items[phase->definition->index].gate_passed = true;
}

static bool needs_hold(const struct run_state *run, const struct phase *phase)
{
    size_t well = 0;
    size_t over = 0;

    for (size_t i = 0; i < phase->needs_count; i++) {
        well += phase_is_settled_well(&run->phases[phase->needs[i]]);
        over += step_status_is_final(run->phases[phase->needs[i]].status);
    }
    return phase->trigger == TRIGGER_ALL_SUCCESS
               ? well == phase->needs_count
               : over == phase->needs_count &&
                     (phase->trigger == TRIGGER_ALL_DONE || phase->needs_count == 0 || well > 0);
}

static void audit_phase_completed(struct sim *sim, struct sim_run *run,
                                  const struct phase_state *phase)
{
    const struct phase *definition = phase->definition;

    if (definition->gate && !run->phases.items[definition->index].gate_passed) {
        sim_fail(sim, "run %d: phase %s completes and its gate has not passed", run->index,
                 definition->id);
    }
    for (size_t i = 0; i < definition->step_count; i++) {
        if (!step_is_settled_well(&run->shadow->steps[phase->first_step + (int)i])) {
            sim_fail(sim, "run %d: phase %s completes without %s", run->index, definition->id,
                     definition->steps[i].id);
        }
    }
}

static void audit_phase_moved(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct phase_state *phase = run_find_phase(run->shadow, record->phase);
    const struct phase *definition = phase->definition;

    if (is_word(record->status, "running")) {
        if (phase->status == STEP_IS_PENDING && !run->phases.items[definition->index].goes_round &&
            !needs_hold(run->shadow, definition)) {
            sim_fail(sim, "run %d: phase %s starts before what it needs", run->index,
                     definition->id);
        }
        if (is_word(record->reason, "gate")) {
            run->phases.items[definition->index].gate_passed = false;
        }
    } else if (is_word(record->status, "completed")) {
        audit_phase_completed(sim, run, phase);
    } else if (is_word(record->status, "skipped") && !record->step && !definition->allow_skip &&
               strncmp(record->reason, "when: ", 6) != 0) {
        sim_fail(sim, "run %d: phase %s may not be skipped and was", run->index, definition->id);
    }
}

static void audit_run_moved(struct sim *sim, struct sim_run *run, const struct record *record)
{
    bool rests = !is_word(record->status, "running");

    if (run->parent >= 0 && run_status_is_final(run->shadow->status)) {
        sim_fail(sim, "run %d is nested and was %s, and is %s now", run->index,
                 run_status_name(run->shadow->status), record->status);
    }
    for (size_t i = 0; rests && i < run->steps.count; i++) {
        bool is_hosts = is_word(record->status, "paused") &&
                        run->shadow->steps[i].waiting == WAITING_HOST;

        if (run->steps.items[i].is_open && !is_hosts) {
            sim_fail(sim, "run %d is %s while %s is under way", run->index, record->status,
                     run->shadow->steps[i].key);
        }
    }
    if (rests && !is_word(record->status, "completed") && !record->reason) {
        sim_fail(sim, "run %d is %s and does not say why", run->index, record->status);
    }
    for (size_t i = 0; is_word(record->status, "completed") && i < run->phases.count; i++) {
        const struct phase_state *phase = &run->shadow->phases[i];

        if (!step_status_is_final(phase->status) ||
            (phase->status == STEP_IS_FAILED && !phase->is_excused)) {
            sim_fail(sim, "run %d completes, and phase %s is %s", run->index, phase->definition->id,
                     step_status_name(phase->status));
        }
    }
}

/* Without an attempt. */
static void audit_begun(struct sim *sim, struct sim_run *run, const struct record *record)
{
    struct step_audit *audit = audit_of(run, record->step);

    if (audit->is_done || audit->is_open) {
        sim_fail(sim, "run %d: %s is done or under way and begins again", run->index, record->step);
    }
    if (audit->is_settling && record->kind == RECORD_STEP_REUSED) {
        sim_fail(sim, "run %d: %s is reused, and its clone holds a conflict", run->index,
                 record->step);
    }
    audit->is_done = record->kind == RECORD_STEP_REUSED;
    if (audit->is_done && is_word(record->other, run->id) &&
        (!audit->held || !json_equal(audit->held, record->output))) {
        sim_fail(sim, "run %d: %s takes again what it did not give before the edit", run->index,
                 record->step);
    }
    audit->held = audit->is_done ? NULL : audit->held;
}

/* A check proves what the steps of its phase have left behind, not what they change later. */
static void note_work(struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);

    if (!step->check) {
        run->phases.items[step->phase].worked_at = record->seq;
    }
}

void audit_record(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct phase_state *phase;

    limits_record(sim, run, record);
    switch (record->kind) {
    case RECORD_ATTEMPT_STARTED:
        note_work(run, record);
        audit_started(sim, run, record);
        break;
    case RECORD_ATTEMPT_ENDED:
        note_work(run, record);
        audit_ended(sim, run, record);
        break;
    case RECORD_STEP_DONE:
        note_work(run, record);
        audit_done(sim, run, record);
        break;
    case RECORD_STEP_MOVED:
        audit_step_moved(sim, run, record);
        break;
    case RECORD_STEP_WAITING:
        if (is_word(record->reason, "host")) {
            caller_audit_wait(sim, run, record);
            break;
        }
        /* It is looked again what the host did: the attempt goes on. */
        if (is_word(record->reason, "attempt") &&
            run_find_step(run->shadow, record->step)->waiting == WAITING_HOST) {
            break;
        }
        audit_begun(sim, run, record);
        break;
    case RECORD_STEP_REUSED:
    case RECORD_STEP_EXPANDED:
        audit_begun(sim, run, record);
        break;
    case RECORD_PHASE_RESET:
        audit_reset(sim, run, record);
        break;
    case RECORD_PHASE_MOVED:
        audit_phase_moved(sim, run, record);
        break;
    case RECORD_GATE_DECIDED:
    case RECORD_GATE_SKIPPED:
        audit_gate(sim, run, record);
        break;
    case RECORD_RUN_MOVED:
        audit_run_moved(sim, run, record);
        break;
    case RECORD_RUN_CREATED:
    case RECORD_RUN_WISHED:
    case RECORD_APPROVAL_GIVEN:
    case RECORD_QUESTION_ANSWERED:
    case RECORD_SIGNAL_RECEIVED:
    case RECORD_GATE_CHECKED:
    case RECORD_CHECKPOINT_SAVED:
    case RECORD_RESTORED:
    case RECORD_NESTED_LEFT:
    case RECORD_NESTED_ENDED:
    case RECORD_WENT_TO:
    case RECORD_ATTEMPT_LIVENESS:
    case RECORD_RUN_EDITED:
    case RECORD_BUDGET_SET:
    case RECORD_RUN_CLOCKED:
        break;
    case RECORD_ITERATED:
        if (record->phase) {
            phase = run_find_phase(run->shadow, record->phase);
            run->phases.items[phase->definition->index].goes_round = true;
        }
        break;
    }
}
