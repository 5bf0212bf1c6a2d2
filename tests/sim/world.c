/* SPDX-License-Identifier: MIT */
/* Runs and their journals; what is not in a journal does not survive a crash. */
#include "sim.h"

#include "base/alloc.h"

#include <string.h>

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
    VEC_RELEASE(&run->rows);
    VEC_RELEASE(&run->steps);
    VEC_RELEASE(&run->phases);
    VEC_RELEASE(&run->checkpoints);
    VEC_RELEASE(&run->signals);
    VEC_RELEASE(&run->step_bills);
    VEC_RELEASE(&run->base.steps);
    json_decref(run->gone);
    free(run);
}

/* ---- the journal ---- */

/* Bodies that were parsed lately: most are written again and again, and parsing them is what takes
 * most of the time. Nothing changes a parsed body. */
#define PARSED_MAX 8192
static struct {
    char *text;
    json_t *object;
} parsed[PARSED_MAX];

void sim_forget_parsed(void)
{
    for (size_t i = 0; i < PARSED_MAX; i++) {
        free(parsed[i].text);
        json_decref(parsed[i].object);
        parsed[i].text = NULL;
        parsed[i].object = NULL;
    }
}

static int parse_body(const char *body, json_t **ret_object)
{
    size_t place = hash_text(body) % PARSED_MAX;
    struct error err = ERROR_INIT;
    json_t *object = NULL;

    if (!parsed[place].text || strcmp(parsed[place].text, body) != 0) {
        if (json_parse_text(body, strlen(body), "record", &object, &err) < 0) {
            return -1;
        }
        free(parsed[place].text);
        json_decref(parsed[place].object);
        parsed[place].text = mem_strdup(body);
        parsed[place].object = object;
    }
    *ret_object = json_incref(parsed[place].object);
    return 0;
}

/* As a process that reads the journal sees the record. */
static int decode_row(struct sim *sim, const struct journal_row *row, struct stored *ret_stored)
{
    struct error err = ERROR_INIT;
    json_t *object = NULL;
    int r = parse_body(row->body, &object);

    if (r == 0) {
        r = record_decode(row->kind, sim_hold(sim, object), sim->arena, &ret_stored->record, &err);
    }
    ret_stored->record.seq = row->seq;
    ret_stored->record.at = row->at;
    return r;
}

/* As whoever reads the journal has to. */
static void offer_plan(struct run_state *state, const struct record *record)
{
    if (record->kind == RECORD_RUN_EDITED) {
        run_offer(state, workflow_share(sim_find_workflow(record->digest)));
    }
}

static void commit_row(struct sim *sim, struct sim_run *run, const struct journal_row *row)
{
    struct stored stored = {0};
    const char *refusal;

    sim_log(sim, "  %s %lld %s %s\n", run->id, (long long)row->seq, row->kind, row->body);
    if (row->seq != (int64_t)run->journal.count + 1) {
        sim_fail(sim, "run %d: record %lld follows %zu", run->index, (long long)row->seq,
                 run->journal.count);
        return;
    }
    if (decode_row(sim, row, &stored) < 0) {
        sim_fail(sim, "run %d: the stored record %lld (%s) cannot be read", run->index,
                 (long long)row->seq, row->kind);
        return;
    }
    *VEC_PUSH(&run->journal) = stored;
    sim->kinds_seen |= 1U << (unsigned)stored.record.kind;
    sim_hash(sim, row->kind);
    sim_hash(sim, row->body);
    offer_plan(run->shadow, &stored.record);
    refusal = run_refusal(run->shadow, &stored.record);
    if (refusal) {
        sim_fail(sim, "run %d: the stored record %lld (%s) is refused: %s", run->index,
                 (long long)row->seq, row->kind, refusal);
        return;
    }
    audit_record(sim, run, &stored.record);
    if (stored.record.kind == RECORD_RUN_EDITED) {
        edit_apply(sim, run, &stored.record);
    } else {
        run_apply(run->shadow, &stored.record);
    }
}

/* A wish that was told about is reached, or gives way to a stronger one, or is taken back by a
 * person; it is not forgotten. */
static void check_wish(struct sim *sim, const struct sim_run *run, enum wish before)
{
    static const enum run_status goals[] = {[WISH_PAUSE] = RUN_PAUSED,
                                            [WISH_STOP] = RUN_PAUSED,
                                            [WISH_FAIL] = RUN_FAILED,
                                            [WISH_CANCEL] = RUN_CANCELLED};
    const struct run_state *state = run->shadow;
    bool is_kept = before == WISH_NONE || run->is_told || state->wish >= before;

    for (size_t i = before; i < ARRAY_LEN(goals); i++) {
        is_kept = is_kept || state->status == goals[i];
    }
    if (!is_kept) {
        sim_fail(sim, "run %d: it was to be %s and is %s", run->index,
                 run_status_name(goals[before]), run_status_name(state->status));
    }
}

static void commit_run(struct sim *sim, struct sim_run *run)
{
    struct commit *commit = commit_new(run->live, sim->generation);
    enum wish wish = run->shadow->wish;
    char text[256];
    const char *difference;

    commit_add_batch(commit, run->live, &run->batch.records);
    for (size_t i = 0; i < commit->journal.count && !sim->has_failed; i++) {
        commit_row(sim, run, &commit->journal.items[i]);
    }
    if (!sim->has_failed) {
        tables_write(sim, run, commit);
        check_wish(sim, run, wish);
    }
    commit_free(commit);
    run->is_told = false;
    difference = compare_states(run->live, run->shadow, text, sizeof(text));
    if (difference) {
        sim_fail(sim, "run %d: the state differs from the fold of its records: %s", run->index,
                 difference);
    }
    tables_check(sim, run);
    run->acknowledged = (int64_t)run->journal.count;
}

struct run_state *sim_fold(const struct sim_run *run, size_t count)
{
    struct run_state *state = run_state_new(run->id, run->workflow);

    for (size_t i = 0; i < count; i++) {
        offer_plan(state, &run->journal.items[i].record);
        run_apply(state, &run->journal.items[i].record);
    }
    return state;
}

/* A new state from the journal alone. */
static struct run_state *refold(struct sim *sim, const struct sim_run *run)
{
    struct run_state *state = sim_fold(run, run->journal.count);
    char text[256];
    const char *difference;

    if ((int64_t)run->journal.count < run->acknowledged) {
        sim_fail(sim, "run %d: %lld records were acknowledged and %zu are there", run->index,
                 (long long)run->acknowledged, run->journal.count);
    }
    difference = compare_states(state, run->shadow, text, sizeof(text));
    if (difference) {
        sim_fail(sim, "run %d: the journal folded anew gives another state: %s", run->index,
                 difference);
    }
    tables_check_values(sim, run);
    return state;
}

/* The root is 0; a nested run is named after its step and how often that began one. */
static void name_run(const struct sim *sim, struct sim_run *run, const struct parent *parent)
{
    uint64_t count = 0;

    run->parent = -1;
    if (!parent) {
        return;
    }
    run->parent = parent->run;
    run->parent_step = hash_text(parent->step);
    for (size_t i = 0; i < sim->runs.count; i++) {
        count += sim->runs.items[i]->parent == run->parent &&
                 sim->runs.items[i]->parent_step == run->parent_step;
    }
    run->name = (uint32_t)mix_bits(sim->runs.items[run->parent]->name + run->parent_step +
                                   (count << 40));
}

struct sim_run *sim_run_new(struct sim *sim, const char *id, const struct workflow *workflow,
                            const struct parent *parent)
{
    struct sim_run *run = mem_zero(1, sizeof(*run));

    memcpy(run->id, id, RUN_ID_SIZE);
    run->index = (int)sim->runs.count;
    name_run(sim, run, parent);
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
    struct budget limits = parent_step
                               ? budget_over(parent_step->definition->budget, run->workflow->budget)
                               : run->workflow->budget;
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
    record.output = budget_is_empty(&limits) ? NULL : sim_hold(sim, budget_encode(&limits));
    run->live = run_state_new(run->id, run->workflow);
    batch_emit(&run->batch, run->live, record);
    budget_enter(sim, run);
    budget_decided(sim, run, 0);
    run->is_dirty = true;
    sim_post(sim, run->index, &(struct event){.kind = EVENT_BEGIN});
}

/* ---- turns ---- */

/* A recovery is where a crash finds most that is half done. */
static int crash_percent(const struct sim *sim)
{
    return sim->crashes > 0 && sim->turns_up < 3 ? sim->temper.crashes * 4 : sim->temper.crashes;
}

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
    budget_enter(sim, run);
    run_find_ready(run->live);
    sim_post(
        sim, run->index,
        &(struct event){.kind = run->live->status == RUN_PENDING ? EVENT_BEGIN : EVENT_RECOVERED});
}

static const char *const event_names[] = {
    [EVENT_BEGIN] = "begin",       [EVENT_RECOVERED] = "recovered",
    [EVENT_PREPARED] = "prepared", [EVENT_ATTEMPT_ENDED] = "attempt ended",
    [EVENT_TIMER] = "timer",       [EVENT_CHILD] = "child",
    [EVENT_COMMAND] = "command",   [EVENT_HOST] = "host",
    [EVENT_LIVENESS] = "liveness",
};

static void log_event(struct sim *sim, const struct sim_run *run, const struct event *event)
{
    char *command = NULL;

    if (!sim->log) {
        return;
    }
    command = event->command ? json_dump_compact(event->command) : NULL;
    sim_log(sim, "[%lld] %s <- %s %s %s%s\n", (long long)sim->now, run->id,
            event_names[event->kind], event->step ? event->step : "", command ? command : "",
            event->is_held ? " (held)" : "");
    free(command);
}

static int decide_one(struct sim *sim, struct sim_run *run, struct event *event, struct error *err)
{
    size_t before = run->batch.records.count;
    int r;

    event->now = sim_wall(sim);
    event->random = mix_bits(sim->seed + mix_bits(run->name + (++run->decisions << 32)));
    log_event(sim, run, event);
    sim->inline_budget = 3 - sim_choose(sim, PLACE_INLINE_BUDGET, about(sim, run->index, NULL), 4);
    sim->limits.node = run->has_node ? &run->node : NULL;
    r = decide(run->live, event, &sim->limits, &run->batch, err);
    budget_decided(sim, run, before);
    run->is_told = run->is_told || (r == 0 && event->kind == EVENT_COMMAND);
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
        bool is_end = effect->kind == EFFECT_CHILD_END;
        struct sim_run *child = is_end || effect->kind == EFFECT_CHILD_COMMAND
                                    ? sim_find_run(sim, effect->child)
                                    : NULL;
        struct event event = {.kind = EVENT_COMMAND};
        struct error err = ERROR_INIT;

        if (child && sim_is_stored(child) && !child->live) {
            event.command = sim_hold(sim, host_child_command(is_end ? "cancel" : effect->word));
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
    if (run->offered) {
        run_offer(run->live, workflow_share(run->offered));
    }
    held.is_held = true;
    r = decide_one(sim, run, &held, err);
    if (r == 0) {
        commit_run(sim, run);
        check_sim_run(sim, run);
        pass_on_held(sim, run);
        check_families(sim);
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
        /* A parent that passed its command on learns that its nested run stays as it is. */
        host_tell_parent(sim, run);
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
        const struct effect *effect = &run->batch.effects.items[i];

        if (sim_whether(sim, PLACE_CRASH_IN_EFFECTS, about(sim, run->index, "an effect"),
                        crash_percent(sim) / 4)) {
            sim_crash(sim, "between two effects");
            return false;
        }
        if (run->shadow->seq != run->live->seq) {
            sim_fail(sim, "run %d: an effect comes before the commit of its record", run->index);
        }
        host_carry_out(sim, run, effect);
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

/* What the turn is about: its first event. */
static struct subject about_turn(const struct sim *sim)
{
    const struct queued *first = &sim->queue.items[0];
    struct subject subject = about(sim, first->run, first->event.step);

    subject.what += (uint32_t)first->event.kind << 8;
    return subject;
}

static void commit_all(struct sim *sim)
{
    for (size_t i = 0; i < sim->runs.count && !sim->has_failed; i++) {
        if (sim->runs.items[i]->is_dirty) {
            commit_run(sim, sim->runs.items[i]);
        }
    }
    if (!sim->has_failed) {
        check_families(sim);
    }
}

/* Where every write is tried one by one, the crash is wanted at one of them and at no other. */
static int wanted_crash(const struct sim *sim)
{
    bool is_again = sim->crash_way > CRASH_AFTER_COMMIT;

    if (sim->turns == sim->crash_at_write || (is_again && sim->crashes == 1 && !sim->turns_up)) {
        return is_again ? sim->crash_way - CRASH_AFTER_COMMIT : sim->crash_way;
    }
    return 0;
}

/* 0: not in this turn. */
static int choose_crash(struct sim *sim)
{
    if (sim->crash_at_write > 0) {
        choices_force(sim->choices, wanted_crash(sim));
    }
    return sim_choose_rarely(sim, PLACE_CRASH, about_turn(sim),
                             (struct rarity){crash_percent(sim), CRASH_AFTER_COMMIT});
}

static void check_all(struct sim *sim)
{
    for (size_t i = 0; i < sim->runs.count && !sim->has_failed; i++) {
        struct sim_run *run = sim->runs.items[i];

        if (run->live && run->seq_checked != run->live->seq) {
            check_sim_run(sim, run);
            run->seq_checked = run->live->seq;
        }
        if (run->live) {
            check_sources(sim, run);
            check_budgets(sim, run);
        }
    }
}

void sim_turn(struct sim *sim)
{
    int crash;

    sim->turns++;
    crash = choose_crash(sim);
    sim->turns_up++;
    decide_all(sim);
    if (sim->has_failed) {
        return;
    }
    if (crash == CRASH_BEFORE_COMMIT) {
        sim_crash(sim, "before the commit");
        return;
    }
    commit_all(sim);
    if (!sim->has_failed && crash == CRASH_AFTER_COMMIT) {
        sim_crash(sim, "after the commit");
        return;
    }
    if (sim->has_failed || !carry_out_all(sim)) {
        return;
    }
    check_all(sim);
}

void sim_crash(struct sim *sim, const char *when)
{
    if (!sim->is_up) {
        return;
    }
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
        run->is_told = false;
        batch_reset(&run->batch);
    }
    budget_forget(sim);
    host_crash(sim);
    host_schedule(sim, (struct happening){.kind = HAPPENS_RESTART,
                                          .at = sim->now + sim_choose(sim, PLACE_RESTART_MS,
                                                                      (struct subject){0}, 60000)});
}

void sim_restart(struct sim *sim)
{
    if (sim->is_up) {
        return;
    }
    sim_log(sim, "[%lld] --- restart\n", (long long)sim->now);
    sim->is_up = true;
    sim->turns_up = 0;
    if (sim_is_stored(sim->runs.items[0])) {
        sim_adopt(sim, sim->runs.items[0]);
    } else {
        /* Whoever started it was never told that it exists. */
        sim_run_create(sim, sim->runs.items[0], NULL);
    }
}
