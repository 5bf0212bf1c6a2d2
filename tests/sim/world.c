/* SPDX-License-Identifier: MIT */
/* Runs and their journals; what is not in a journal does not survive a crash. */
#include "sim.h"

#include "base/alloc.h"
#include "support/record_body.h"

#include <string.h>

const struct decide_limits sim_limits = {.steps_max = 120, .nesting_max = 2};

int64_t sim_wall(const struct sim *sim)
{
    return WALL_START + sim->now + sim->wall_offset;
}

struct sim_run *sim_find_run(const struct sim *sim, const char *id)
{
    for (size_t i = 0; i < sim->runs.count; i++) {
        if (strcmp(sim->runs.items[i]->id, id) == 0) {
            return sim->runs.items[i];
        }
    }
    return NULL;
}

bool sim_is_stored(const struct sim_run *run)
{
    return run->journal.count > 0;
}

void sim_run_free(struct sim_run *run)
{
    run_state_free(run->live);
    run_state_free(run->shadow);
    batch_release(&run->batch);
    VEC_RELEASE(&run->journal);
    VEC_RELEASE(&run->steps);
    VEC_RELEASE(&run->phases);
    free(run);
}

/* ---- the journal ---- */

static int fold_stored(const struct stored *stored, int64_t seq, struct run_state *state,
                       struct arena *arena)
{
    struct record record;
    struct error err = ERROR_INIT;
    json_t *object = NULL;
    const char *refusal = NULL;
    int r = json_parse_text(stored->text, strlen(stored->text), "record", &object, &err);

    if (r == 0) {
        r = record_decode(stored->kind, object, arena, &record, &err);
    }
    if (r == 0) {
        record.seq = seq;
        record.at = stored->at;
        refusal = run_refusal(state, &record);
        if (!refusal) {
            run_apply(state, &record);
        }
    }
    json_decref(object);
    return refusal ? -1 : r;
}

static void commit_record(struct sim *sim, struct sim_run *run, const struct record *record)
{
    json_t *object = record_body(record);
    char *text = json_dump_compact(object);
    struct stored stored = {.kind = record_kind_name(record->kind),
                            .text = arena_strdup(sim->arena, text),
                            .at = record->at};

    free(text);
    json_decref(object);
    sim_log(sim, "  %s %lld %s %s\n", run->id, (long long)record->seq, stored.kind, stored.text);
    if (record->seq != (int64_t)run->journal.count + 1) {
        sim_fail(sim, "run %d: record %lld follows %zu", run->index, (long long)record->seq,
                 run->journal.count);
        return;
    }
    *VEC_PUSH(&run->journal) = stored;
    sim->kinds_seen |= 1U << (unsigned)record->kind;
    sim_hash(sim, stored.kind);
    sim_hash(sim, stored.text);
    audit_record(sim, run, record);
    if (fold_stored(&stored, record->seq, run->shadow, sim->arena) < 0) {
        sim_fail(sim, "run %d: the stored record %lld (%s) is refused", run->index,
                 (long long)record->seq, stored.kind);
    }
}

static void commit_run(struct sim *sim, struct sim_run *run)
{
    char text[256];
    const char *difference;

    for (size_t i = 0; i < run->batch.records.count && !sim->has_failed; i++) {
        commit_record(sim, run, &run->batch.records.items[i]);
    }
    difference = compare_states(run->live, run->shadow, text, sizeof(text));
    if (difference) {
        sim_fail(sim, "run %d: the state differs from the fold of its records: %s", run->index,
                 difference);
    }
}

/* A new state from the journal alone. */
static struct run_state *refold(struct sim *sim, const struct sim_run *run)
{
    struct run_state *state = run_state_new(run->id, run->workflow);
    char text[256];
    const char *difference;

    for (size_t i = 0; i < run->journal.count; i++) {
        if (fold_stored(&run->journal.items[i], (int64_t)i + 1, state, sim->arena) < 0) {
            sim_fail(sim, "run %d: record %zu is refused when folded anew", run->index, i + 1);
        }
    }
    difference = compare_states(state, run->shadow, text, sizeof(text));
    if (difference) {
        sim_fail(sim, "run %d: the journal folded anew gives another state: %s", run->index,
                 difference);
    }
    return state;
}

struct sim_run *sim_run_new(struct sim *sim, const char *id, const struct workflow *workflow,
                            int parent)
{
    struct sim_run *run = mem_zero(1, sizeof(*run));

    memcpy(run->id, id, RUN_ID_SIZE);
    run->index = (int)sim->runs.count;
    run->parent = parent;
    run->workflow = workflow;
    run->shadow = run_state_new(id, workflow);
    batch_init(&run->batch);
    *VEC_PUSH(&sim->runs) = run;
    for (size_t i = 0; i < workflow->phase_count; i++) {
        *VEC_PUSH(&run->phases) = (struct phase_audit){0};
    }
    return run;
}

void sim_run_create(struct sim *sim, struct sim_run *run, const struct step_state *parent_step)
{
    const struct sim_run *parent = run->parent >= 0 ? sim->runs.items[run->parent] : NULL;
    json_t *given = json_object();
    json_t *inputs = NULL;
    struct record record = {.kind = RECORD_RUN_CREATED,
                            .at = sim_wall(sim),
                            .name = run->workflow->name,
                            .digest = run->workflow->digest,
                            .text = "a task",
                            .other = parent ? parent->id : NULL,
                            .other_step = parent_step ? parent_step->key : NULL,
                            .number = parent ? parent->live->depth + 1 : 0};

    (void)workflow_check_inputs(run->workflow, given, &inputs, NULL);
    record.data = sim_hold(sim, inputs);
    json_decref(given);
    run->live = run_state_new(run->id, run->workflow);
    batch_emit(&run->batch, run->live, record);
    run->is_dirty = true;
    sim_post(sim, run->index, &(struct event){.kind = EVENT_BEGIN});
}

/* ---- turns ---- */

void sim_post(struct sim *sim, int run, const struct event *event)
{
    *VEC_PUSH(&sim->queue) = (struct queued){.run = run, .event = *event};
}

void sim_adopt(struct sim *sim, struct sim_run *run)
{
    if (run->live) {
        return;
    }
    run->live = refold(sim, run);
    run_find_ready(run->live);
    sim_post(
        sim, run->index,
        &(struct event){.kind = run->live->status == RUN_PENDING ? EVENT_BEGIN : EVENT_RECOVERED});
}

static const char *const event_names[] = {
    [EVENT_BEGIN] = "begin",       [EVENT_RECOVERED] = "recovered",
    [EVENT_PREPARED] = "prepared", [EVENT_ATTEMPT_ENDED] = "attempt ended",
    [EVENT_TIMER] = "timer",       [EVENT_CHILD] = "child",
    [EVENT_COMMAND] = "command",
};

static void log_event(struct sim *sim, const struct sim_run *run, const struct event *event)
{
    char *command = event->command ? json_dump_compact(event->command) : NULL;

    sim_log(sim, "[%lld] %s <- %s %s %s%s\n", (long long)sim->now, run->id,
            event_names[event->kind], event->step ? event->step : "", command ? command : "",
            event->is_held ? " (held)" : "");
    free(command);
}

static int decide_one(struct sim *sim, struct sim_run *run, struct event *event, struct error *err)
{
    int r;

    event->now = sim_wall(sim);
    event->random = sim_random_next(&sim->random);
    log_event(sim, run, event);
    r = decide(run->live, event, &sim_limits, &run->batch, err);
    if (r < 0) {
        sim_log(sim, "  refused: %s\n", err->text);
    }
    sim->events++;
    run->is_dirty = run->is_dirty || run->batch.records.count > 0 || run->batch.effects.count > 0;
    return r;
}

/* What the run passes on to its nested runs is decided at once as well. */
static void pass_on_held(struct sim *sim, const struct sim_run *run)
{
    for (size_t i = 0; i < run->batch.effects.count; i++) {
        const struct effect *effect = &run->batch.effects.items[i];
        struct sim_run *child = effect->kind == EFFECT_CHILD_COMMAND && effect->child
                                    ? sim_find_run(sim, effect->child)
                                    : NULL;
        struct event event = {.kind = EVENT_COMMAND};
        struct error err = ERROR_INIT;

        if (child && sim_is_stored(child) && !child->live) {
            event.command = sim_hold(sim, host_child_command(effect->word));
            (void)sim_decide_held(sim, child, &event, &err);
        }
    }
}

int sim_decide_held(struct sim *sim, struct sim_run *run, const struct event *event,
                    struct error *err)
{
    struct event held = *event;
    int r;

    run->live = refold(sim, run);
    held.is_held = true;
    r = decide_one(sim, run, &held, err);
    if (r == 0) {
        commit_run(sim, run);
        check_run(sim, run);
        pass_on_held(sim, run);
    } else if (run->batch.records.count > 0) {
        sim_fail(sim, "run %d: a refused command left records", run->index);
    }
    batch_reset(&run->batch);
    run->is_dirty = false;
    run_state_free(run->live);
    run->live = NULL;
    return r;
}

static void decide_all(struct sim *sim)
{
    for (size_t i = 0; i < sim->queue.count && !sim->has_failed; i++) {
        struct sim_run *run = sim->runs.items[sim->queue.items[i].run];
        size_t before = run->batch.records.count;
        struct error err = ERROR_INIT;

        if (!run->live || decide_one(sim, run, &sim->queue.items[i].event, &err) == 0) {
            continue;
        }
        if (run->batch.records.count > before) {
            sim_fail(sim, "run %d: a refused command left records", run->index);
        } else if (sim->queue.items[i].is_offered) {
            sim_fail(sim, "run %d: it refuses what it offered: %s", run->index, err.text);
        }
    }
    sim->queue.count = 0;
}

/* False: the engine died on the way. */
static bool carry_out_run(struct sim *sim, struct sim_run *run)
{
    for (size_t i = 0; i < run->batch.effects.count; i++) {
        if (sim_chance(sim, sim->temper.crashes / 4)) {
            sim_crash(sim, "between two effects");
            return false;
        }
        host_carry_out(sim, run, &run->batch.effects.items[i]);
    }
    if (run->parent >= 0 && run->live->status == RUN_RUNNING) {
        host_tell_parent(sim, run);
    }
    batch_reset(&run->batch);
    return true;
}

/* Effects may create runs, whose first records wait for the next commit. */
static bool carry_out_all(struct sim *sim)
{
    VEC(struct sim_run *) dirty = {0};
    bool is_alive = true;

    for (size_t i = 0; i < sim->runs.count; i++) {
        if (sim->runs.items[i]->is_dirty) {
            sim->runs.items[i]->is_dirty = false;
            *VEC_PUSH(&dirty) = sim->runs.items[i];
        }
    }
    for (size_t i = 0; i < dirty.count && is_alive; i++) {
        is_alive = carry_out_run(sim, dirty.items[i]);
    }
    VEC_RELEASE(&dirty);
    return is_alive;
}

void sim_turn(struct sim *sim)
{
    sim->turns++;
    decide_all(sim);
    if (sim->has_failed) {
        return;
    }
    if (sim_chance(sim, sim->temper.crashes)) {
        sim_crash(sim, "before the commit");
        return;
    }
    for (size_t i = 0; i < sim->runs.count && !sim->has_failed; i++) {
        if (sim->runs.items[i]->is_dirty) {
            commit_run(sim, sim->runs.items[i]);
        }
    }
    if (!sim->has_failed && sim_chance(sim, sim->temper.crashes)) {
        sim_crash(sim, "after the commit");
        return;
    }
    if (sim->has_failed || !carry_out_all(sim)) {
        return;
    }
    for (size_t i = 0; i < sim->runs.count && !sim->has_failed; i++) {
        if (sim->runs.items[i]->live) {
            check_run(sim, sim->runs.items[i]);
            check_sources(sim, sim->runs.items[i]);
        }
    }
}

void sim_crash(struct sim *sim, const char *when)
{
    sim_log(sim, "[%lld] --- crash %s\n", (long long)sim->now, when);
    sim->crashes++;
    sim->generation++;
    sim->is_up = false;
    sim->queue.count = 0;
    for (size_t i = 0; i < sim->runs.count; i++) {
        struct sim_run *run = sim->runs.items[i];

        run_state_free(run->live);
        run->live = NULL;
        run->is_dirty = false;
        batch_reset(&run->batch);
    }
    host_crash(sim);
    host_schedule(sim, (struct happening){.kind = HAPPENS_RESTART,
                                          .at = sim->now + sim_random_below(&sim->random, 60000)});
}

void sim_restart(struct sim *sim)
{
    if (sim->is_up) {
        return;
    }
    sim_log(sim, "[%lld] --- restart\n", (long long)sim->now);
    sim->is_up = true;
    if (sim_is_stored(sim->runs.items[0])) {
        sim_adopt(sim, sim->runs.items[0]);
    } else {
        /* Whoever started it was never told that it exists. */
        sim_run_create(sim, sim->runs.items[0], NULL);
    }
}
