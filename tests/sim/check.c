/* SPDX-License-Identifier: MIT */
/* What must hold after every turn: counters equal a recount, limits are kept, and everything that
 * is waited for can still come. */
#include "sim.h"

#include "run/states.h"
#include "run/view.h"

#include <string.h>

struct recount {
    int under_way, running, approvals, questions, hosts, nested;
    int64_t counts[STEP_IS_SKIPPED + 1];
};

static bool is_under_way(const struct step_state *step)
{
    return (step->status == STEP_IS_RUNNING || step->status == STEP_IS_PAUSED) &&
           step->waiting != WAITING_INSTANCES;
}

static bool takes_a_place(const struct step_state *step)
{
    return is_under_way(step) &&
           (step->waiting == WAITING_PREPARE || step->waiting == WAITING_ATTEMPT ||
            step->waiting == WAITING_HOST || step->waiting == WAITING_WORKFLOW);
}

static void count_step(const struct step_state *step, struct recount *recount)
{
    recount->under_way += is_under_way(step);
    recount->running += takes_a_place(step);
    recount->approvals += is_under_way(step) && step->waiting == WAITING_APPROVAL;
    recount->questions += is_under_way(step) && step->waiting == WAITING_ANSWER;
    recount->hosts += is_under_way(step) && step->waiting == WAITING_HOST;
    recount->nested += step->waiting == WAITING_WORKFLOW && step->status == STEP_IS_PAUSED;
    if (step->role == ROLE_STEP || step->role == ROLE_INSTANCE) {
        recount->counts[step->status]++;
    }
}

static void check_counters(struct sim *sim, const struct sim_run *run)
{
    const struct run_state *state = run->live;
    struct recount recount = {0};
    int open = 0;

    for (size_t i = 0; i < state->step_count; i++) {
        count_step(&state->steps[i], &recount);
    }
    for (size_t i = 0; i < state->workflow->phase_count; i++) {
        open += !step_status_is_final(state->phases[i].status);
    }
    if (recount.under_way != state->under_way || recount.running != state->running ||
        recount.approvals != state->approvals || recount.questions != state->questions ||
        recount.hosts != state->hosts || recount.nested != state->nested ||
        open != state->phases_open || state->steps_total != (int64_t)state->step_count ||
        memcmp(recount.counts, state->counts, sizeof(recount.counts)) != 0) {
        sim_fail(sim, "run %d: its counters differ from a recount", run->index);
    }
}

static bool is_in_stage(const struct phase_state *phase, const struct step_state *step)
{
    return (step->role == ROLE_STEP && phase->stage == STAGE_STEPS) ||
           (step->role == ROLE_FIX && phase->stage == STAGE_FIX) ||
           (step->role == ROLE_CHECK && phase->stage == STAGE_GATE);
}

static void check_phase(struct sim *sim, const struct sim_run *run, int index)
{
    const struct run_state *state = run->live;
    const struct phase_state *phase = &state->phases[index];
    struct recount recount = {0};
    int unfinished = 0;

    for (size_t i = 0; i < state->step_count; i++) {
        if (state->steps[i].phase == index) {
            count_step(&state->steps[i], &recount);
            unfinished += is_in_stage(phase, &state->steps[i]) &&
                          !step_status_is_final(state->steps[i].status);
        }
    }
    if (recount.under_way != phase->under_way || recount.running != phase->running ||
        unfinished != phase->unfinished) {
        sim_fail(sim, "run %d: the counters of phase %s differ from a recount", run->index,
                 phase->definition->id);
    }
    if (phase->stage == STAGE_STEPS && phase->definition->mode == MODE_PARALLEL &&
        phase->definition->width > 0 && recount.running > phase->definition->width) {
        sim_fail(sim, "run %d: %d steps run at once in phase %s of width %d", run->index,
                 recount.running, phase->definition->id, phase->definition->width);
    }
    if (phase->stage == STAGE_GATE && recount.running > 1) {
        sim_fail(sim, "run %d: %d checks run at once in phase %s", run->index, recount.running,
                 phase->definition->id);
    }
    if (step_status_is_final(phase->status) && recount.under_way > 0) {
        sim_fail(sim, "run %d: phase %s is %s while its steps are under way", run->index,
                 phase->definition->id, step_status_name(phase->status));
    }
}

static void check_foreach(struct sim *sim, const struct sim_run *run, const struct step_state *step)
{
    int open = 0;
    int failed = 0;
    int under_way = 0;

    for (int i = 0; i < step->instance_count; i++) {
        const struct step_state *instance = &run->live->steps[step->instances.items[i]];

        open += !step_status_is_final(instance->status);
        failed += instance->status == STEP_IS_FAILED || instance->status == STEP_IS_CANCELLED;
        under_way += is_under_way(instance);
    }
    if (under_way != step->instances_under_way || open != step->instances_open ||
        failed != step->instances_failed) {
        sim_fail(sim, "run %d: the counters of %s differ from a recount", run->index, step->key);
    }
    if (step->definition->foreach_width > 0 && under_way > step->definition->foreach_width) {
        sim_fail(sim, "run %d: %d instances of %s run at once, its width is %d", run->index,
                 under_way, step->key, step->definition->foreach_width);
    }
}

void check_sim_run(struct sim *sim, const struct sim_run *run)
{
    const struct run_state *state = run->live;

    check_counters(sim, run);
    for (size_t i = 0; i < state->workflow->phase_count; i++) {
        check_phase(sim, run, (int)i);
    }
    for (size_t i = 0; i < state->step_count; i++) {
        if (state->steps[i].role != ROLE_INSTANCE && state->steps[i].items) {
            check_foreach(sim, run, &state->steps[i]);
        }
    }
    if (state->workflow->concurrency > 0 && state->running > state->workflow->concurrency) {
        sim_fail(sim, "run %d: %d steps run at once, its concurrency is %d", run->index,
                 state->running, state->workflow->concurrency);
    }
}

/* ---- what is waited for ---- */

static bool child_can_answer(const struct sim *sim, const struct sim_run *run,
                             const struct step_state *step)
{
    const struct sim_run *child = step->child ? sim_find_run(sim, step->child) : NULL;

    return host_is_pending(sim, run->index, EVENT_CHILD, step->key) ||
           (child && child->live && !run_status_is_final(child->live->status));
}

static bool attempt_can_end(const struct sim *sim, const struct sim_run *run,
                            const struct step_state *step)
{
    const struct keeper *keeper = host_find_keeper(sim, run->index, step->key, step->attempts);

    if (keeper && keeper->watched_by == sim->generation) {
        return true;
    }
    for (size_t i = 0; i < sim->queue.count; i++) {
        const struct event *event = &sim->queue.items[i].event;

        if (sim->queue.items[i].run == run->index &&
            (event->kind == EVENT_ATTEMPT_ENDED || event->kind == EVENT_HOST) &&
            event->attempt == step->attempts && strcmp(event->step, step->key) == 0) {
            return true;
        }
    }
    return false;
}

static bool can_come(const struct sim *sim, const struct sim_run *run,
                     const struct step_state *step)
{
    switch (step->waiting) {
    case WAITING_NOTHING:
        return step->status != STEP_IS_RUNNING && step->status != STEP_IS_PAUSED;
    case WAITING_APPROVAL:
    case WAITING_ANSWER:
    case WAITING_HOST:
    case WAITING_INSTANCES:
        return true;
    case WAITING_PREPARE:
        return host_is_pending(sim, run->index, EVENT_PREPARED, step->key);
    case WAITING_ATTEMPT:
        return attempt_can_end(sim, run, step);
    case WAITING_RETRY:
        return host_is_pending(sim, run->index, EVENT_TIMER, step->key);
    case WAITING_WORKFLOW:
        return child_can_answer(sim, run, step);
    }
    return false;
}

/* An attempt that would go on beyond the deadline of its phase or run, and nothing to stop it. */
static bool is_unbounded(const struct sim *sim, const struct sim_run *run,
                         const struct step_state *step)
{
    const struct keeper *keeper;
    bool has_deadline = run->live->phases[step->phase].deadline > 0 ||
                        run->live->workflow->timeout_ms > 0;

    /* A clock that was set back gives time that was over already. */
    if (sim->has_jumped || !has_deadline || step->waiting != WAITING_ATTEMPT ||
        run->live->wish != WISH_NONE) {
        return false;
    }
    keeper = host_find_keeper(sim, run->index, step->key, step->attempts);
    return keeper && keeper->ends_at > sim->now + 2000 &&
           !host_is_pending(sim, run->index, EVENT_TIMER, NULL);
}

/* What is to be stopped has been told. */
static bool goes_on(const struct sim *sim, const struct sim_run *run, const struct step_state *step)
{
    const struct keeper *keeper;

    if ((run->live->wish != WISH_STOP && run->live->wish != WISH_CANCEL) ||
        step->waiting != WAITING_ATTEMPT) {
        return false;
    }
    keeper = host_find_keeper(sim, run->index, step->key, step->attempts);
    return keeper && !keeper->is_gone && keeper->ends_at > sim->now + 2000;
}

void check_sources(struct sim *sim, const struct sim_run *run)
{
    if (host_is_pending(sim, run->index, EVENT_RECOVERED, NULL)) {
        return;
    }
    for (size_t i = 0; i < run->live->step_count; i++) {
        const struct step_state *step = &run->live->steps[i];

        if (!can_come(sim, run, step)) {
            sim_fail(sim, "run %d: %s is %s and waits for %s, which cannot come", run->index,
                     step->key, step_status_name(step->status), waiting_name(step->waiting));
        } else if (goes_on(sim, run, step)) {
            sim_fail(sim, "run %d: %s goes on and should be stopped", run->index, step->key);
        } else if (is_unbounded(sim, run, step)) {
            sim_fail(sim, "run %d: nothing will stop %s at the deadline", run->index, step->key);
        }
    }
}

void check_families(struct sim *sim)
{
    for (size_t i = 0; i < sim->runs.count; i++) {
        const struct sim_run *run = sim->runs.items[i];
        const struct sim_run *parent = run->parent >= 0 ? sim->runs.items[run->parent] : NULL;

        if (parent && sim_is_stored(run) && run_status_is_final(parent->shadow->status) &&
            !run_status_is_final(run->shadow->status)) {
            sim_fail(sim, "run %d is %s under run %d, which is %s", run->index,
                     run_status_name(run->shadow->status), parent->index,
                     run_status_name(parent->shadow->status));
        }
    }
}

static void check_view(struct sim *sim, struct sim_run *run)
{
    json_t *view = view_run(run->live);

    if (json_get_integer(view, "seq", 0) != run->live->seq) {
        sim_fail(sim, "run %d cannot be viewed", run->index);
    }
    json_decref(view);
    run->seq_viewed = run->live->seq;
}

/* Of a view it matters that it can be made, of many a state: not of each. */
#define VIEW_EVERY 64
#define VIEW_SEEDS 8

void check_rest(struct sim *sim, struct sim_run *run)
{
    const struct run_state *state = run->live;

    if (sim->seed % VIEW_SEEDS == 0 && state->seq >= run->seq_viewed + VIEW_EVERY) {
        check_view(sim, run);
    }
    if (state->status == RUN_RUNNING || state->status == RUN_PENDING) {
        sim_fail(sim, "run %d is %s, and nothing will ever happen to it", run->index,
                 run_status_name(state->status));
    } else if (state->status == RUN_PAUSED && !state->reason) {
        sim_fail(sim, "run %d is paused and does not say why", run->index);
    }
}
