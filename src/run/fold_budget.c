/* SPDX-License-Identifier: MIT */
/* The fold of what a run used of its budget: reserved when an attempt begins, settled when it ends,
 * never reset. */
#include "run/fold.h"

#include "base/alloc.h"
#include "run/states.h"

#include <string.h>

/* Those of a list are one: its instances share the budget. */
static const struct step_state *owner_of(const struct run_state *run, const struct step_state *step)
{
    return step->role == ROLE_INSTANCE ? &run->steps[step->parent] : step;
}

static struct step_spent *spent_of(struct run_state *run, const struct step_state *step)
{
    struct step_state *owner = &run->steps[run_step_index(run, owner_of(run, step))];

    if (!owner->spent && owner->definition && !budget_is_empty(&owner->definition->budget)) {
        owner->spent = mem_zero(1, sizeof(*owner->spent));
    }
    return owner->spent;
}

struct budget step_budget(const struct run_state *run, const struct step_state *step)
{
    const struct step_state *owner = owner_of(run, step);
    struct budget budget = {{0}};
    const json_t *set;

    if (!owner->definition) {
        return budget;
    }
    budget = owner->definition->budget;
    set = json_object_get(run->step_budgets, owner->key);
    if (set) {
        budget_decode(set, &budget);
    }
    return budget;
}

struct budget_scope step_scope(const struct run_state *run, const struct step_state *step)
{
    const struct step_state *owner = owner_of(run, step);
    struct budget_scope scope = {
        .run = run->id, .step = owner->key, .limits = step_budget(run, step)};

    if (owner->spent) {
        scope.used = owner->spent->ledger;
        scope.time_ms = owner->spent->time_ms;
    }
    return scope;
}

struct budget_scope run_scope(const struct run_state *run, int64_t now)
{
    static const struct ledger nothing;
    struct budget_node node = run_node(run);
    struct budget_scope scope;

    node.below = run->below;
    scope = budget_node_scope(&node, &nothing, &nothing, now);
    scope.run = run->id;
    return scope;
}

struct budget_node run_node(const struct run_state *run)
{
    struct budget_node node = {
        .limits = run->budget, .own = run->ledger, .ran_ms = run->ran_ms, .since = run->since};

    memcpy(node.run, run->id, RUN_ID_SIZE);
    return node;
}

json_t *run_describe_spent(const struct run_state *run)
{
    struct ledger used = run->ledger;
    json_t *spent;

    ledger_add(&used, &run->below);
    used.sums[LEDGER_RESERVED_TOKENS] = used.sums[LEDGER_RESERVED_USD] = 0;
    used.sums[LEDGER_IN_FLIGHT] = used.sums[LEDGER_AT_HOST] =
        0; /* that one pays for what is under way */
    spent = ledger_encode(&used);
    json_put_integer(spent, "time_ms", run_scope(run, run->last_at).time_ms);
    return spent;
}

/* A fork goes on from what the run before it had used. */
void fold_budget_created(struct run_state *run, const struct record *record)
{
    budget_decode(record->output, &run->budget);
    ledger_decode(record->errors, &run->ledger);
    run->ran_ms = json_get_integer(record->errors, "time_ms", 0);
}

void fold_budget_count(struct run_state *run, struct step_state *step)
{
    struct step_spent *spent;

    if (step->is_counted || step->check) {
        return;
    }
    step->is_counted = true;
    run->ledger.sums[LEDGER_STEPS]++;
    spent = spent_of(run, step);
    if (spent) {
        spent->ledger.sums[LEDGER_STEPS]++;
    }
}

void fold_budget_started(struct run_state *run, struct step_state *step,
                         const struct record *record)
{
    struct step_spent *spent;
    struct step_calls *calls;

    fold_budget_count(run, step);
    step->is_call = record->reason && strcmp(record->reason, "agent") == 0;
    if (!step->is_call) {
        return;
    }
    calls = fold_calls(step);
    calls->reserved = reserve_decode(record->output);
    ledger_reserve(&run->ledger, calls->reserved);
    spent = spent_of(run, step);
    if (spent) {
        ledger_reserve(&spent->ledger, calls->reserved);
    }
}

static void settle(struct ledger *ledger, struct reserve reserved, const struct record *record)
{
    if (record->flag || json_get_boolean(record->data, USAGE_NOT_STARTED, false)) {
        ledger_release(ledger, reserved);
    } else {
        ledger_settle(ledger, reserved, record->data);
    }
}

void fold_budget_ended(struct run_state *run, struct step_state *step, const struct record *record)
{
    struct step_spent *spent = step->check ? NULL : spent_of(run, step);

    if (step->is_call) {
        settle(&run->ledger, step->calls->reserved, record);
    }
    if (step->is_call && spent) {
        settle(&spent->ledger, step->calls->reserved, record);
    }
    if (spent) {
        spent->time_ms += record->duration_ms;
    }
    if (step->is_call) {
        step->calls->reserved = (struct reserve){0};
    }
    step->is_call = false;
}

void fold_budget_set(struct run_state *run, const struct record *record)
{
    if (!record->step) {
        budget_decode(record->data, &run->budget);
        return;
    }
    if (!run->step_budgets) {
        run->step_budgets = json_object();
    }
    json_put(run->step_budgets, record->step,
             record->data ? json_incref((json_t *)(uintptr_t)record->data) : json_object());
}

/* The time that it runs; what it was away of that, a crash in between, does not count. */
void fold_budget_clock(struct run_state *run, const struct record *record)
{
    bool is_moved = record->kind == RECORD_RUN_MOVED;
    bool runs = is_moved && run_status_parse(record->status) == RUN_RUNNING;

    if (!is_moved) {
        run->ran_ms -= record->number;
        return;
    }
    if (run->since) {
        run->ran_ms += record->at > run->since ? record->at - run->since : 0;
    }
    run->since = runs ? record->at : 0;
}
