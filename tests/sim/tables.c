/* SPDX-License-Identifier: MIT */
/* The rows that listings read, as the engine writes them with each commit: they are never read back
 * by it, so only a comparison finds one that was forgotten. */
#include "sim.h"

#include "base/alloc.h"
#include "run/states.h"

#include <string.h>

static struct step_row *find_row(struct sim_run *run, const char *key)
{
    for (size_t i = 0; i < run->rows.count; i++) {
        if (strcmp(run->rows.items[i].key, key) == 0) {
            return &run->rows.items[i];
        }
    }
    return NULL;
}

static void write_row(struct sim *sim, struct sim_run *run, const struct step_row *row)
{
    struct step_row *kept = find_row(run, row->key);
    struct step_row copy = *row;

    copy.key = kept ? kept->key : arena_strdup(sim->arena, row->key);
    copy.phase = arena_strdup(sim->arena, row->phase);
    copy.error = arena_strdup(sim->arena, row->error);
    copy.digest = arena_strdup(sim->arena, row->digest);
    copy.output = arena_strdup(sim->arena, row->output);
    copy.artifacts = arena_strdup(sim->arena, row->artifacts);
    kept = kept ? kept : VEC_PUSH(&run->rows);
    *kept = copy;
}

void tables_write(struct sim *sim, struct sim_run *run, const struct commit *commit)
{
    const char *ledger = run->row.ledger;
    bool is_kept = ledger && strcmp(ledger, commit->run.ledger) == 0;

    run->row = commit->run;
    run->row.ledger = is_kept ? ledger : arena_strdup(sim->arena, commit->run.ledger);
    run->row.reason = arena_strdup(sim->arena, commit->run.reason);
    run->row.detail = arena_strdup(sim->arena, commit->run.detail);
    for (size_t i = 0; i < commit->steps.count; i++) {
        write_row(sim, run, &commit->steps.items[i]);
    }
}

void tables_edit(struct sim_run *run, const struct run_state *was, const struct record *record)
{
    size_t count = 0;

    for (size_t i = 0; i < run->rows.count; i++) {
        struct step_row *row = &run->rows.items[i];
        const struct step_state *step = run_find_step(run->shadow, row->key);

        if (!step || !step->is_digested) {
            continue; /* the plan has it no more, or as something else */
        }
        run->rows.items[count] = *row;
        if (!edit_keeps(record, was, run_find_step(was, row->key))) {
            run->rows.items[count].phase = NULL;
        }
        count++;
    }
    run->rows.count = count;
}

static bool same(const char *left, const char *right)
{
    return left && right ? strcmp(left, right) == 0 : !left && !right;
}

static void check_run_row(struct sim *sim, const struct sim_run *run)
{
    const struct run_state *state = run->shadow;
    const struct run_row *row = &run->row;
    int64_t counts[STEP_IS_SKIPPED + 1] = {0};

    for (size_t i = 0; i < state->step_count; i++) {
        if (state->steps[i].role == ROLE_STEP || state->steps[i].role == ROLE_INSTANCE) {
            counts[state->steps[i].status]++;
        }
    }
    if (!same(row->status, run_status_name(state->status)) ||
        !same(row->wish, wish_name(state->wish)) || !same(row->reason, state->reason) ||
        !same(row->detail, state->detail) || row->started_at != state->started_at ||
        row->ended_at != state->ended_at || row->waits_until != run_waits_until(state) ||
        row->seq != (int64_t)run->journal.count ||
        row->steps_completed != counts[STEP_IS_COMPLETED] ||
        row->steps_failed != counts[STEP_IS_FAILED] ||
        row->steps_skipped != counts[STEP_IS_SKIPPED] ||
        row->steps_running != counts[STEP_IS_RUNNING] + counts[STEP_IS_PAUSED]) {
        sim_fail(sim, "run %d: its row differs from the fold", run->index);
    }
}

static bool row_fits(const struct step_row *row, const struct run_state *state,
                     const struct step_state *step)
{
    return same(row->status, step_status_name(step->status)) &&
           same(row->phase, state->phases[step->phase].definition->id) &&
           same(row->class_, failure_class_name(step->class_)) && same(row->error, step->error) &&
           same(row->digest, step->digest) && row->attempts == step->attempts &&
           row->started_at == step->started_at && row->ended_at == step->ended_at &&
           row->is_reused == step->is_reused;
}

void tables_check(struct sim *sim, const struct sim_run *run)
{
    const struct run_state *state = run->shadow;
    size_t digested = 0;

    check_run_row(sim, run);
    for (size_t i = 0; i < state->step_count; i++) {
        digested += state->steps[i].is_digested ? 1 : 0;
    }
    for (size_t i = 0; i < run->rows.count; i++) {
        const struct step_state *step = run_find_step(state, run->rows.items[i].key);

        if (!step || (run->rows.items[i].phase && !row_fits(&run->rows.items[i], state, step))) {
            sim_fail(sim, "run %d: the row of step %s differs from the fold", run->index,
                     run->rows.items[i].key);
        }
    }
    if (digested != run->rows.count) {
        sim_fail(sim, "run %d: %zu steps have rows, %zu should", run->index, run->rows.count,
                 digested);
    }
}

static void check_value(struct sim *sim, const struct sim_run *run, const struct step_row *row,
                        const json_t *value)
{
    char *text = value && row->digest ? json_dump_compact(value) : NULL;

    if (!same(row->output, text)) {
        sim_fail(sim, "run %d: the output in the row of step %s differs from the fold", run->index,
                 row->key);
    }
    free(text);
}

void tables_check_values(struct sim *sim, const struct sim_run *run)
{
    for (size_t i = 0; i < run->rows.count; i++) {
        const struct step_row *row = &run->rows.items[i];
        const struct step_state *step = run_find_step(run->shadow, row->key);

        if (row->phase) {
            check_value(sim, run, row, step->result.output);
        }
    }
}
