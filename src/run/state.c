/* SPDX-License-Identifier: MIT */
#include "run/state.h"

#include "base/alloc.h"
#include "run/fold.h"
#include "run/states.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void run_steps_reserve(struct run_state *run, size_t more)
{
    if (run->step_count + more > run->step_capacity) {
        run->step_capacity = run->step_count + more;
        run->steps = mem_resize(run->steps, run->step_capacity, sizeof(*run->steps));
    }
}

int run_step_add(struct run_state *run, const struct step_state *step)
{
    int index = (int)run->step_count;

    if (run->step_count == run->step_capacity) {
        run_steps_reserve(run, run->step_count < 16 ? 16 : run->step_count);
    }
    run->steps[run->step_count++] = *step;
    run->steps_total++;
    if (step->role == ROLE_STEP || step->role == ROLE_INSTANCE) {
        run->counts[STEP_IS_PENDING]++;
    }
    (void)map_put(run->by_key, step->key, (void *)(intptr_t)(index + 1));
    return index;
}

static void add_steps(struct run_state *run, int phase, const struct step *steps, size_t count,
                      enum step_role role)
{
    for (size_t i = 0; i < count; i++) {
        struct step_state step = {.definition = &steps[i],
                                  .role = role,
                                  .key = steps[i].id,
                                  .phase = phase,
                                  .parent = -1,
                                  .instance = -1};

        (void)run_step_add(run, &step);
    }
}

static void add_checks(struct run_state *run, int phase, const struct phase *definition)
{
    size_t count = definition->gate ? definition->gate->check_count : 0;

    for (size_t i = 0; i < count; i++) {
        struct step_state step = {.check = &definition->gate->checks[i],
                                  .role = ROLE_CHECK,
                                  .phase = phase,
                                  .parent = -1,
                                  .instance = -1};

        step.key = arena_printf(run->arena, "gate:%s:%zu", definition->id, i);
        (void)run_step_add(run, &step);
    }
}

/* What the workflow says; a foreach's instances come later. */
static size_t steps_defined(const struct workflow *workflow)
{
    size_t count = 0;

    for (size_t i = 0; i < workflow->phase_count; i++) {
        const struct phase *phase = &workflow->phases[i];

        count += phase->step_count + phase->fix_count +
                 (phase->gate ? phase->gate->check_count : 0);
    }
    return count;
}

struct run_state *run_state_new(const char *id, const struct workflow *workflow)
{
    struct run_state *run = mem_zero(1, sizeof(*run));

    assert(run_id_is_valid(id));
    memcpy(run->id, id, RUN_ID_SIZE);
    run->workflow = workflow;
    run->plan = plan_new(workflow);
    run->arena = arena_new();
    run->by_key = map_new();
    run->nothing = json_array();
    run->signals = json_object();
    run->signals_used = json_object();
    run->left = json_object();
    run->iteration = 1;
    run->phases = mem_zero(workflow->phase_count, sizeof(*run->phases));
    run->phases_open = (int)workflow->phase_count;
    run_steps_reserve(run, steps_defined(workflow));
    for (size_t i = 0; i < workflow->phase_count; i++) {
        const struct phase *definition = &workflow->phases[i];
        struct phase_state *phase = &run->phases[i];

        phase->definition = definition;
        phase->iteration = 1;
        phase->unfinished = (int)definition->step_count;
        phase->first_step = (int)run->step_count;
        add_steps(run, (int)i, definition->steps, definition->step_count, ROLE_STEP);
        phase->first_fix = (int)run->step_count;
        add_steps(run, (int)i, definition->fix_steps, definition->fix_count, ROLE_FIX);
        phase->first_check = (int)run->step_count;
        add_checks(run, (int)i, definition);
    }
    return run;
}

void step_output_release(struct step_output *result)
{
    json_decref(result->output);
    json_decref(result->errors);
    json_decref(result->artifacts);
    json_decref(result->proof);
    json_decref(result->files);
    *result = (struct step_output){0};
}

void step_before_free(struct step_before *before)
{
    if (before) {
        free(before->error);
        step_output_release(&before->result);
        free(before);
    }
}

void step_held_free(struct step_held *held)
{
    if (held) {
        free(held->inputs);
        free(held->tree);
        free(held->answerer);
        free(held->model);
        step_output_release(&held->result);
        free(held);
    }
}

static void step_release(struct step_state *step)
{
    step_before_free(step->before);
    step_held_free(step->held);
    free(step->reused_from);
    free(step->short_run);
    free(step->short_name);
    free(step->calls);
    free(step->spent);
    free(step->error);
    free(step->agent_error);
    free(step->agent);
    free(step->answerer);
    free(step->model);
    json_decref(step->given_up);
    json_decref(step->changed);
    free(step->reason);
    free(step->child);
    free(step->digest);
    free(step->tree);
    free(step->folder);
    free(step->session);
    json_decref(step->dialogue.question);
    json_decref(step->dialogue.answers);
    json_decref(step->dialogue.partial);
    step_output_release(&step->result);
    json_decref(step->items);
    VEC_RELEASE(&step->instances);
}

void run_state_free(struct run_state *run)
{
    if (!run) {
        return;
    }
    for (size_t i = 0; i < run->step_count; i++) {
        step_release(&run->steps[i]);
    }
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        free(run->phases[i].error);
        free(run->phases[i].error_before);
        free(run->phases[i].failed_step);
        free(run->phases[i].verdict_reason);
        VEC_RELEASE(&run->phases[i].ready);
    }
    for (size_t i = 0; i < run->checkpoints.count; i++) {
        free(run->checkpoints.items[i].name);
        json_decref(run->checkpoints.items[i].phases);
    }
    VEC_RELEASE(&run->checkpoints);
    free(run->steps);
    free(run->phases);
    free(run->reason);
    free(run->detail);
    free(run->reason_phase);
    free(run->reason_step);
    free(run->reason_run);
    free(run->reason_budget);
    json_decref(run->step_budgets);
    free(run->task);
    free(run->label);
    free(run->task_id);
    free(run->kind);
    free(run->parent);
    free(run->parent_step);
    free(run->forked_from);
    json_decref(run->again);
    json_decref(run->inputs);
    json_decref(run->calls);
    json_decref(run->nothing);
    json_decref(run->signals);
    json_decref(run->signals_used);
    json_decref(run->left);
    json_decref(run->gone);
    map_free(run->by_key);
    plan_free(run->plan);
    arena_free(run->arena);
    workflow_free(run->edited);
    workflow_free(run->next);
    free(run);
}

int run_count_outside(const struct run_state *run)
{
    return run->approvals + run->questions + run->hosts;
}

bool run_has_work(const struct run_state *run)
{
    return run->nested > 0 || json_object_size(run->left) > 0 ||
           (run->status == RUN_RUNNING && run->under_way > run_count_outside(run));
}

struct step_state *run_find_step(const struct run_state *run, const char *key)
{
    intptr_t index = (intptr_t)map_find(run->by_key, key);

    return index ? &run->steps[index - 1] : NULL;
}

int run_step_index(const struct run_state *run, const struct step_state *step)
{
    return (int)(step - run->steps);
}

int64_t run_waits_until(const struct run_state *run)
{
    int64_t first = 0;

    if (run->status != RUN_PAUSED || run->approvals + run->nested == 0) {
        return 0;
    }
    for (size_t i = 0; i < run->step_count; i++) {
        const struct step_state *step = &run->steps[i];

        if ((step->waiting == WAITING_APPROVAL || step->waiting == WAITING_WORKFLOW) &&
            step->until && (!first || step->until < first)) {
            first = step->until;
        }
    }
    return first;
}

struct phase_state *run_find_phase(const struct run_state *run, const char *id)
{
    const struct phase *phase = workflow_find_phase(run->workflow, id);

    return phase ? &run->phases[phase->index] : NULL;
}

struct checkpoint_state *run_find_checkpoint(const struct run_state *run, const char *name)
{
    struct checkpoint_state *found = NULL;

    for (size_t i = 0; i < run->checkpoints.count && !found; i++) {
        if (strcmp(run->checkpoints.items[i].name, name) == 0) {
            found = &run->checkpoints.items[i];
        }
    }
    return found;
}

const struct step_calls *step_calls(const struct step_state *step)
{
    static const struct step_calls none;

    return step->calls ? step->calls : &none;
}

bool step_is_finished(const struct step_state *step)
{
    return step_status_is_final(step->status);
}

bool step_is_current(const struct run_state *run, const struct step_state *step)
{
    return step->role != ROLE_INSTANCE || step->instance < run->steps[step->parent].instance_count;
}

static bool may_fail(const struct step_state *step)
{
    return step->definition &&
           (step->definition->optional || step->definition->on_failure.action == FAILURE_CONTINUE);
}

bool step_is_settled_well(const struct step_state *step)
{
    return step->status == STEP_IS_COMPLETED || step->status == STEP_IS_SKIPPED ||
           (step->status == STEP_IS_FAILED && may_fail(step));
}

bool step_list_is_over(const struct run_state *run, const struct step_state *instance)
{
    return instance->role == ROLE_INSTANCE && step_is_settled_well(&run->steps[instance->parent]);
}

bool phase_is_settled_well(const struct phase_state *phase)
{
    return phase->status == STEP_IS_COMPLETED ||
           (phase->status == STEP_IS_SKIPPED && !phase->failed_step) ||
           (phase->status == STEP_IS_FAILED && phase->is_excused);
}

int64_t step_duration_ms(const struct step_state *step)
{
    int64_t duration = step->ended_at - step->started_at - step->space_wait_ms;

    if (!step->started_at || !step->ended_at) {
        return -1;
    }
    return duration > 0 ? duration : 0;
}

const struct step *step_effective(const struct step_state *step)
{
    if (step->is_static && step->definition && step->definition->static_step) {
        return step->definition->static_step;
    }
    return step->definition;
}

const char *step_agent(const struct step_state *step)
{
    const struct step *definition = step_effective(step);

    if (!definition || definition->kind != STEP_AGENT) {
        return NULL;
    }
    return step->agent ? step->agent : definition->agent;
}

bool step_is_again(const struct run_state *run, const struct step_state *step)
{
    const struct step_state *own = step->role == ROLE_INSTANCE ? &run->steps[step->parent] : step;

    return run->is_fresh || json_object_get(run->again, own->key);
}

static bool is_only_instance_left(const struct run_state *run, const struct step_state *list,
                                  const struct step_state *step)
{
    for (int i = 0; i < list->instance_count; i++) {
        const struct step_state *other = &run->steps[list->instances.items[i]];

        if (other != step && other->status != STEP_IS_SKIPPED) {
            return false;
        }
    }
    return true;
}

bool step_holds_phase(const struct run_state *run, const struct step_state *step)
{
    const struct phase_state *phase = &run->phases[step->phase];
    const struct step_state *own = step->role == ROLE_INSTANCE ? &run->steps[step->parent] : step;

    if (phase->definition->allow_skip || own->role != ROLE_STEP ||
        (own != step && !is_only_instance_left(run, own, step))) {
        return false;
    }
    for (size_t i = 0; i < phase->definition->step_count; i++) {
        const struct step_state *other = &run->steps[phase->first_step + (int)i];

        if (other != own && other->status != STEP_IS_SKIPPED) {
            return false;
        }
    }
    return true;
}

enum strategy run_strategy(const struct run_state *run)
{
    if (run->strategy != STRATEGY_UNSET) {
        return run->strategy;
    }
    if (run->workflow->strategy != STRATEGY_UNSET) {
        return run->workflow->strategy;
    }
    return run->strategy_default != STRATEGY_UNSET ? run->strategy_default : STRATEGY_HYBRID;
}
