/* SPDX-License-Identifier: MIT */
/* What becomes of one step: ready, started, ended, and what follows from its end. */
#include "base/alloc.h"
#include "run/states.h"
#include "run/turn.h"

#include <stdlib.h>

void step_push_ready(struct turn *turn, int step)
{
    *VEC_PUSH(&phase_of(turn, step)->ready) = step;
}

void step_move(struct turn *turn, int step, enum step_status status, struct record why)
{
    why.kind = RECORD_STEP_MOVED;
    why.phase = phase_id(turn, step);
    why.step = step_at(turn, step)->key;
    why.status = step_status_name(status);
    turn_emit(turn, why);
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

static bool is_patient(const struct run_state *run, const struct phase_state *phase, size_t i)
{
    return phase->definition->steps[i].trigger != TRIGGER_ALL_SUCCESS &&
           run->steps[phase->first_step + (int)i].status == STEP_IS_PENDING;
}

static bool has_patient_step(const struct run_state *run, const struct phase_state *phase)
{
    for (size_t i = 0; i < phase->definition->step_count; i++) {
        if (is_patient(run, phase, i)) {
            return true;
        }
    }
    return false;
}

/* Every need has ended, or can never start. */
static bool needs_are_over(const struct run_state *run, const struct phase_state *phase, size_t i,
                           const bool *over)
{
    struct plan_edges needs = plan_step_needs(run->plan, phase->definition->index, (int)i);

    for (size_t k = 0; k < needs.count; k++) {
        if (!over[needs.items[k]]) {
            return false;
        }
    }
    return true;
}

static bool has_good_need(const struct run_state *run, const struct phase_state *phase, size_t i)
{
    struct plan_edges needs = plan_step_needs(run->plan, phase->definition->index, (int)i);

    for (size_t k = 0; k < needs.count; k++) {
        if (step_is_settled_well(&run->steps[phase->first_step + needs.items[k]])) {
            return true;
        }
    }
    return phase->definition->steps[i].trigger == TRIGGER_ALL_DONE;
}

/* Marks what is over in a quiet phase, and leaves out the steps that may start now. */
static void mark_over(const struct run_state *run, const struct phase_state *phase, bool *over)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < phase->definition->step_count; i++) {
            bool may_start = is_patient(run, phase, i) && has_good_need(run, phase, i);

            if (!over[i] && !may_start && needs_are_over(run, phase, i, over)) {
                over[i] = changed = true;
            }
        }
    }
}

bool step_release_patient(struct turn *turn, int index)
{
    const struct run_state *run = turn->run;
    const struct phase_state *phase = phase_at(turn, index);
    size_t count = phase->definition->step_count;
    bool has_released = false;
    bool *over;

    if (!has_patient_step(run, phase)) {
        return false;
    }
    over = mem_zero(count, sizeof(*over));
    for (size_t i = 0; i < count; i++) {
        over[i] = step_is_finished(&run->steps[phase->first_step + (int)i]);
    }
    mark_over(run, phase, over);
    for (size_t i = 0; i < count; i++) {
        if (!over[i] && needs_are_over(run, phase, i, over)) {
            step_push_ready(turn, phase->first_step + (int)i);
            has_released = true;
        }
    }
    free(over);
    return has_released;
}

void step_feed_instances(struct turn *turn, int parent)
{
    struct step_state *step = step_at(turn, parent);
    int width = step->definition->foreach_width;
    int wanted = width > 0 ? width - step->instances_under_way : step->instance_count;

    while (wanted > 0 && step->instance_next < step->instance_count) {
        int instance = step->instances.items[step->instance_next++];

        if (step_at(turn, instance)->status == STEP_IS_PENDING) {
            step_push_ready(turn, instance);
            wanted--;
        }
    }
}

bool step_is_held_back(struct turn *turn, int index)
{
    const struct step_state *step = step_at(turn, index);
    struct step_state *parent;

    if (step->role != ROLE_INSTANCE || step->definition->foreach_width <= 0) {
        return false;
    }
    parent = step_at(turn, step->parent);
    if (parent->instances_under_way < step->definition->foreach_width) {
        return false;
    }
    parent->instance_next = step->instance < parent->instance_next ? step->instance
                                                                   : parent->instance_next;
    return true;
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

void step_after_end(struct turn *turn, int index)
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
    step_move(turn, step, STEP_IS_COMPLETED, (struct record){0});
    step_after_end(turn, step);
}

void step_fail(struct turn *turn, int step, enum failure_class class_, const char *error)
{
    step_move(turn, step, STEP_IS_FAILED,
              (struct record){.class_ = failure_class_name(class_), .error = error});
    step_after_end(turn, step);
}

void step_skip(struct turn *turn, int step, const char *reason, const char *by)
{
    step_move(turn, step, STEP_IS_SKIPPED, (struct record){.reason = reason, .by = by});
    step_after_end(turn, step);
}

void step_cancel(struct turn *turn, int step, const char *reason)
{
    step_move(turn, step, STEP_IS_CANCELLED,
              (struct record){.class_ = failure_class_name(CLASS_CANCELLED), .reason = reason});
}

/* Back to pending, and ready as soon as the run goes on; when a step that it needs was taken up
 * again meanwhile, as soon as that has ended. */
void step_make_pending(struct turn *turn, int step, const char *reason)
{
    step_move(turn, step, STEP_IS_PENDING, (struct record){.reason = reason});
    if (step_at(turn, step)->role != ROLE_STEP || step_is_ready(turn->run, step)) {
        step_push_ready(turn, step);
    }
}

/* ---- starting ---- */

static void expand(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);
    struct error err = ERROR_INIT;
    json_t *items = NULL;
    size_t count;
    int64_t added;

    if (turn_evaluate(turn, step->definition->foreach_list, step, &items, &err) < 0) {
        step_fail(turn, index, CLASS_PERMANENT, turn_text(turn, "foreach: %s", err.text));
        return;
    }
    (void)turn_hold(turn, items);
    if (!json_is_array(items)) {
        step_fail(turn, index, CLASS_PERMANENT, "foreach: the expression did not give a list");
        return;
    }
    count = json_array_size(items);
    /* Instances of an earlier round are used again. */
    added = (int64_t)count - (int64_t)step->instances.count;
    if (added > 0 && added + turn->run->steps_total > turn->limits->steps_max) {
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

/* False: `when` says no (the step was skipped) or could not be worked out (it failed). */
static bool when_holds(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);
    struct error err = ERROR_INIT;
    json_t *value = NULL;
    bool holds;

    if (!step->definition->when) {
        return true;
    }
    if (turn_evaluate(turn, step->definition->when, step, &value, &err) < 0) {
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
        step_start_attempt(turn, index);
        return;
    }
    if (!(step->definition->foreach_list && step->role == ROLE_INSTANCE) &&
        !when_holds(turn, index)) {
        return;
    }
    step = step_at(turn, index);
    /* Nothing went wrong, and nothing was looked at: neither failed nor passed. */
    if (step->definition->optional && step_lacks_agent(turn->run, step->definition)) {
        step_skip(turn, index, STEP_LACKS_AGENT, NULL);
        return;
    }
    if (step->definition->foreach_list && step->role != ROLE_INSTANCE) {
        expand(turn, index);
        return;
    }
    switch (step->definition->kind) {
    case STEP_APPROVAL:
        step_start_approval(turn, index);
        break;
    case STEP_WORKFLOW:
        step_start_child(turn, index);
        break;
    case STEP_AGENT:
    case STEP_COMMAND:
    case STEP_FUNCTION:
        step_start_attempt(turn, index);
        break;
    }
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
    case ROLE_INSTANCE: /* its foreach step hands it out */
        return false;
    }
    return false;
}
