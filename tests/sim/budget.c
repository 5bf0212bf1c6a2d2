/* SPDX-License-Identifier: MIT */
/* The ledgers of a tree beside the machine, as src/run/budgets.c keeps them; and everything that is
 * spent counted once more, from the records in the order in which they are decided. */
#include "sim.h"

#include "base/alloc.h"
#include "run/states.h"
#include "run/usage.h"

#include <string.h>

/* ---- the tree ---- */

/* Of a run that nobody carries on: what its row says. */
static void read_row(struct sim_run *run)
{
    struct budget_node node = {0};
    json_t *row = NULL;

    (void)json_parse_text(run->row.ledger, strlen(run->row.ledger), "ledger", &row, NULL);
    budget_decode(json_object_get(row, "budget"), &node.limits);
    ledger_decode(json_object_get(row, "used"), &node.own);
    node.ran_ms = json_get_integer(row, "ran_ms", 0);
    node.since = json_get_integer(row, "since", 0);
    json_decref(row);
    budget_node_update(&run->node, &node);
}

static void enter(const struct sim *sim, struct sim_run *run)
{
    if (run->has_node) {
        return;
    }
    run->has_node = true;
    memcpy(run->node.run, run->id, RUN_ID_SIZE);
    if (sim_is_stored(run)) {
        read_row(run);
    }
    if (run->parent >= 0) {
        budget_node_attach(&run->node, &sim->runs.items[run->parent]->node);
    }
}

/* Runs stand behind the one that began them. */
static void enter_tree(const struct sim *sim)
{
    for (size_t i = 0; i < sim->runs.count; i++) {
        if (sim_is_stored(sim->runs.items[i])) {
            enter(sim, sim->runs.items[i]);
        }
    }
}

static void tell_those_above(const struct sim *sim, const struct sim_run *run)
{
    while (run->parent >= 0) {
        run = sim->runs.items[run->parent];
        if (run->live) {
            run->live->below = run->node.below;
        }
    }
}

static void update(const struct sim *sim, struct sim_run *run)
{
    struct budget_node now = run_node(run->live);

    budget_node_update(&run->node, &now);
    run->live->below = run->node.below;
    tell_those_above(sim, run);
}

void budget_enter(struct sim *sim, struct sim_run *run)
{
    enter_tree(sim);
    enter(sim, run);
    update(sim, run);
}

static void wake_held(struct sim *sim, const struct sim_run *but)
{
    for (size_t i = 0; i < sim->runs.count; i++) {
        struct sim_run *run = sim->runs.items[i];

        if (run->live && run != but && run->live->is_held) {
            run->live->is_held = false;
            sim_post(sim, run->index, &(struct event){.kind = EVENT_TIMER});
        }
    }
}

static void learn(struct sim *sim, struct sim_run *run)
{
    struct budget_node before = run->node;

    update(sim, run);
    if (budget_node_wakes(&before, &run->node)) {
        wake_held(sim, run);
    }
}

/* ---- what is spent, by the records ---- */

static bool is_word(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

static struct step_bill *bill_at(struct sim_run *run, const struct run_state *state, int index)
{
    while (index >= (int)run->step_bills.count) {
        const struct step_state *step = &state->steps[run->step_bills.count];

        *VEC_PUSH(&run->step_bills) = (struct step_bill){
            .limits = step->definition ? step->definition->budget : (struct budget){{0}}};
    }
    return &run->step_bills.items[index];
}

static int owner_of(const struct run_state *state, int index)
{
    const struct step_state *step = &state->steps[index];

    return step->role == ROLE_INSTANCE ? step->parent : index;
}

static bool has_budget(const struct step_state *step)
{
    return step->definition && !budget_is_empty(&step->definition->budget);
}

/* What a step uses is added up from when it has a budget on, and also when an edit takes that away.
 */
static struct bill *bill_of_owner(struct sim_run *run, const struct run_state *state, int index)
{
    int owner = owner_of(state, index);
    struct step_bill *bill = bill_at(run, state, owner);

    bill->is_added_up = bill->is_added_up || has_budget(&state->steps[owner]);
    return bill->is_added_up ? &bill->bill : &run->unlimited;
}

static int step_of(struct sim_run *run, const struct run_state *state, const struct record *record)
{
    int index = run_step_index(state, run_find_step(state, record->step));

    (void)bill_at(run, state, (int)state->step_count - 1); /* so that none of them moves */
    return index;
}

static void count_start(struct bill *bill, struct reserve reserve)
{
    bill->amounts[BUDGET_TOKENS].reserved += reserve.tokens;
    bill->amounts[BUDGET_USD].reserved += reserve.usd;
    bill->in_flight++;
}

/* Who does not say all of it has used what was reserved, or more. */
static void settle(struct amount *amount, int64_t said, bool is_all, int64_t reserved)
{
    amount->reserved -= reserved;
    amount->used += is_all || said > reserved ? said : reserved;
}

static void count_end(struct bill *bill, struct reserve reserve, const json_t *usage)
{
    int64_t in = json_get_integer(usage, "input_tokens", -1);
    int64_t out = json_get_integer(usage, "output_tokens", -1);
    const json_t *cost = json_object_get(usage, "cost_usd");

    settle(&bill->amounts[BUDGET_TOKENS], (in > 0 ? in : 0) + (out > 0 ? out : 0),
           in >= 0 && out >= 0, reserve.tokens);
    settle(&bill->amounts[BUDGET_USD], budget_usd(json_number_value(cost)), cost != NULL,
           reserve.usd);
    bill->in_flight--;
    bill->calls++;
}

static void take_back(struct bill *bill, struct reserve reserve)
{
    bill->amounts[BUDGET_TOKENS].reserved -= reserve.tokens;
    bill->amounts[BUDGET_USD].reserved -= reserve.usd;
    bill->in_flight--;
}

static void begin_step(struct sim_run *run, const struct run_state *state,
                       const struct record *record)
{
    int index = step_of(run, state, record);
    struct step_bill *step = bill_at(run, state, index);
    struct bill *owner = bill_of_owner(run, state, index);

    if (is_word(record->reason, "check")) {
        return;
    }
    run->bill.amounts[BUDGET_STEPS].used += !step->is_counted;
    owner->amounts[BUDGET_STEPS].used += !step->is_counted;
    step->is_counted = true;
    if (record->kind == RECORD_ATTEMPT_STARTED && is_word(record->reason, "agent")) {
        step->is_call = true;
        step->reserved = reserve_decode(record->output);
        count_start(&run->bill, step->reserved);
        count_start(owner, step->reserved);
    }
}

static void end_step(struct sim_run *run, const struct run_state *state,
                     const struct record *record)
{
    int index = step_of(run, state, record);
    struct step_bill *step = bill_at(run, state, index);
    struct bill *owner = bill_of_owner(run, state, index);

    owner->amounts[BUDGET_TIME].used += state->steps[index].check ? 0 : record->duration_ms;
    if (!step->is_call) {
        return;
    }
    step->is_call = false;
    if (record->flag || json_object_get(record->data, USAGE_NOT_STARTED)) {
        take_back(&run->bill, step->reserved);
        take_back(owner, step->reserved);
    } else {
        count_end(&run->bill, step->reserved, record->data);
        count_end(owner, step->reserved, record->data);
    }
}

/* A round counts its steps anew. */
static void begin_round(struct sim_run *run, const struct run_state *state,
                        const struct record *record)
{
    int phase = run_find_phase(state, record->phase)->definition->index;

    for (size_t i = 0; i < run->step_bills.count; i++) {
        if (state->steps[i].phase == phase) {
            run->step_bills.items[i].is_counted = false;
        }
    }
}

static void count_time(struct sim_run *run, const struct record *record)
{
    if (run->since && record->at > run->since) {
        run->bill.amounts[BUDGET_TIME].used += record->at - run->since;
    }
    run->since = is_word(record->status, "running") ? record->at : 0;
}

static void set_limits(struct sim_run *run, const struct run_state *state,
                       const struct record *record)
{
    struct budget limits = {{0}};

    budget_decode(record->data, &limits);
    if (record->step) {
        bill_at(run, state, step_of(run, state, record))->limits = limits;
    } else {
        run->limits = limits;
    }
}

/* A limit that the edit changes is the newest word; what was used stays used. */
static void move_bill(const struct step_state *was, const struct step_state *is, bool is_kept,
                      struct step_bill *bill)
{
    bill->is_counted = bill->is_counted && is_kept;
    if (was->definition && is->definition &&
        memcmp(&was->definition->budget, &is->definition->budget, sizeof(struct budget)) != 0) {
        bill->limits = is->definition->budget;
    }
}

static void move_bills(struct sim_run *run, const struct run_state *was, const struct run_state *is,
                       const struct record *record)
{
    struct step_bill_vec old = run->step_bills;

    run->step_bills = (struct step_bill_vec){0};
    (void)bill_at(run, is, (int)is->step_count - 1);
    for (size_t i = 0; i < old.count; i++) {
        const struct step_state *step = run_find_step(is, was->steps[i].key);

        if (step && step->role == was->steps[i].role) {
            struct step_bill *bill = &run->step_bills.items[run_step_index(is, step)];

            *bill = old.items[i];
            move_bill(&was->steps[i], step, edit_keeps(record, was, &was->steps[i]), bill);
        }
    }
    VEC_RELEASE(&old);
    for (int i = 0; i < BUDGET_KINDS; i++) {
        int64_t limit = is->workflow->budget.limits[i];

        if (limit && limit != was->workflow->budget.limits[i]) {
            run->limits.limits[i] = limit;
        }
    }
}

void budget_settle(struct sim_run *run)
{
    struct bills_base *base = &run->base;

    base->records = run->journal.count;
    base->bill = run->bill;
    base->since = run->since;
    base->limits = run->limits;
    base->steps.count = 0;
    for (size_t i = 0; i < run->step_bills.count; i++) {
        *VEC_PUSH(&base->steps) = run->step_bills.items[i];
    }
}

static void count_record(struct sim_run *run, const struct run_state *state,
                         const struct record *record)
{
    if (record->kind == RECORD_RUN_CREATED) {
        budget_decode(record->output, &run->limits);
    } else if (record->kind == RECORD_ATTEMPT_STARTED || record->kind == RECORD_STEP_DONE) {
        begin_step(run, state, record);
    } else if (record->kind == RECORD_ATTEMPT_ENDED) {
        end_step(run, state, record);
    } else if (record->kind == RECORD_PHASE_RESET) {
        begin_round(run, state, record);
    } else if (record->kind == RECORD_RUN_MOVED) {
        count_time(run, record);
    } else if (record->kind == RECORD_RUN_CLOCKED) {
        run->bill.amounts[BUDGET_TIME].used -= record->number;
    } else if (record->kind == RECORD_BUDGET_SET) {
        set_limits(run, state, record);
    } else if (record->kind == RECORD_RUN_EDITED) {
        move_bills(run, run->shadow, state, record); /* which has it only when it is stored */
    }
}

void budget_forget(struct sim *sim)
{
    for (size_t i = 0; i < sim->runs.count; i++) {
        struct sim_run *run = sim->runs.items[i];

        run->has_node = false;
        run->node = (struct budget_node){0};
        run->bill = run->base.bill;
        run->since = run->base.since;
        run->limits = run->base.records > 0 ? run->base.limits : run->limits;
        run->step_bills.count = 0;
        for (size_t k = 0; k < run->base.steps.count; k++) {
            *VEC_PUSH(&run->step_bills) = run->base.steps.items[k];
        }
        for (size_t k = run->base.records; k < run->journal.count; k++) {
            count_record(run, run->shadow, &run->journal.items[k].record);
        }
    }
}

/* ---- what must hold ---- */

static bool is_below(const struct sim *sim, const struct sim_run *run, int above)
{
    while (run->index != above && run->parent >= 0) {
        run = sim->runs.items[run->parent];
    }
    return run->index == above;
}

static void add_bill(struct bill *bill, const struct bill *part)
{
    for (int i = 0; i < BUDGET_KINDS; i++) {
        bill->amounts[i].used += part->amounts[i].used;
        bill->amounts[i].reserved += part->amounts[i].reserved;
    }
    bill->in_flight += part->in_flight;
    bill->calls += part->calls;
}

/* Of the run and all below it; time is that of the run itself. */
static struct bill total_of(const struct sim *sim, const struct sim_run *run, int64_t now)
{
    struct bill total = {0};

    for (size_t i = (size_t)run->index; i < sim->runs.count; i++) {
        if (is_below(sim, sim->runs.items[i], run->index)) {
            add_bill(&total, &sim->runs.items[i]->bill);
        }
    }
    total.amounts[BUDGET_TIME].used = run->bill.amounts[BUDGET_TIME].used +
                                      (run->since && now > run->since ? now - run->since : 0);
    return total;
}

static bool has_room(const struct bill *bill, const struct budget *limits, enum budget_kind kind,
                     int64_t reserve)
{
    const struct amount *amount = &bill->amounts[kind];
    int64_t limit = limits->limits[kind];

    return limit == 0 || (amount->used + amount->reserved < limit &&
                          amount->used + amount->reserved + reserve <= limit);
}

/* Of the first call nothing is known: it goes alone. */
static bool goes_alone(const struct bill *bill, const struct budget *limits, enum budget_kind kind,
                       int64_t reserve)
{
    return limits->limits[kind] == 0 || reserve > 0 || bill->calls > 0 || bill->in_flight == 0;
}

static void check_room(struct sim *sim, const struct bill *bill, const struct budget *limits,
                       const struct record *record)
{
    struct reserve reserve = reserve_decode(record->output);
    bool is_call = is_word(record->reason, "agent");

    if (is_call && (!has_room(bill, limits, BUDGET_TOKENS, reserve.tokens) ||
                    !has_room(bill, limits, BUDGET_USD, reserve.usd))) {
        sim_fail(sim, "%s asks its agent, and a budget has no room for it", record->step);
    }
    if (is_call && (!goes_alone(bill, limits, BUDGET_TOKENS, reserve.tokens) ||
                    !goes_alone(bill, limits, BUDGET_USD, reserve.usd))) {
        sim_fail(sim, "%s asks its agent beside the first call, of which nothing is known",
                 record->step);
    }
    if (!has_room(bill, limits, BUDGET_TIME, 0)) {
        sim_fail(sim, "%s begins, and the time of a budget is over", record->step);
    }
}

/* Before it is counted. */
static void check_start(struct sim *sim, struct sim_run *run, const struct record *record)
{
    int index = step_of(run, run->live, record);
    bool is_further = bill_at(run, run->live, index)->is_counted;
    const struct step_bill *owner = bill_at(run, run->live, owner_of(run->live, index));

    if (is_word(record->reason, "check")) {
        return;
    }
    check_room(sim, &owner->bill, &owner->limits, record);
    if (!is_further && !has_room(&owner->bill, &owner->limits, BUDGET_STEPS, 1)) {
        sim_fail(sim, "run %d: %s has no step left", run->index, record->step);
    }
    for (const struct sim_run *above = run; above;
         above = above->parent >= 0 ? sim->runs.items[above->parent] : NULL) {
        struct bill total = total_of(sim, above, record->at);

        check_room(sim, &total, &above->limits, record);
        if (!is_further && !has_room(&total, &above->limits, BUDGET_STEPS, 1)) {
            sim_fail(sim, "run %d: %s begins, and no step is left", run->index, record->step);
        }
    }
}

/* Calls that the host makes for others than the run and those below it may never end. */
static int64_t hosts_elsewhere(const struct sim *sim, const struct sim_run *run,
                               const struct sim_run *whose)
{
    int64_t count = 0;

    for (size_t i = 0; i < sim->runs.count; i++) {
        const struct sim_run *other = sim->runs.items[i];

        if (is_below(sim, other, whose->index) && !is_below(sim, other, run->index)) {
            count += other->live ? other->live->hosts : other->shadow->hosts;
        }
    }
    return count;
}

/* A run pauses for what no call under way can help, and says for what. */
static void check_pause(struct sim *sim, struct sim_run *run, const struct record *record)
{
    const struct sim_run *whose = record->other ? sim_find_run(sim, record->other) : NULL;
    const char *dot = record->name ? strrchr(record->name, '.') : NULL;
    const char *word = dot ? dot + 1 : record->name;
    int kind = word ? budget_kind_parse(word, strlen(word)) : -1;
    struct bill bill;
    int64_t limit;

    if (!whose || kind < 0) {
        sim_fail(sim, "run %d waits for a budget and does not say for which", run->index);
        return;
    }
    bill = dot ? bill_at(run, run->live, step_of(run, run->live, record))->bill
               : total_of(sim, whose, record->at);
    limit = dot ? bill_at(run, run->live, owner_of(run->live, step_of(run, run->live, record)))
                      ->limits.limits[kind]
                : whose->limits.limits[kind];
    if (limit == 0 ||
        ((kind == BUDGET_TOKENS || kind == BUDGET_USD) &&
         bill.in_flight > hosts_elsewhere(sim, run, whose) && bill.amounts[kind].used < limit)) {
        sim_fail(sim, "run %d waits for a budget (%s) that may have room yet", run->index,
                 record->name);
    }
}

void budget_decided(struct sim *sim, struct sim_run *run, size_t first)
{
    for (size_t i = first; i < run->batch.records.count && !sim->has_failed; i++) {
        const struct record decided = record_vec_get(&run->batch.records, i);
        const struct record *record = &decided;

        if (record->kind == RECORD_ATTEMPT_STARTED || record->kind == RECORD_STEP_DONE) {
            check_start(sim, run, record);
        } else if (record->kind == RECORD_RUN_WISHED && is_word(record->status, "pause") &&
                   is_word(record->reason, REASON_BUDGET) && !record->by) {
            check_pause(sim, run, record);
        }
        count_record(run, run->live, record);
    }
    if (run->has_node) {
        learn(sim, run);
    }
}

static bool is_billed(const struct budget_scope *scope, const struct bill *bill)
{
    bool is_same = scope->used.sums[LEDGER_IN_FLIGHT] == bill->in_flight &&
                   scope->used.sums[LEDGER_CALLS] == bill->calls;

    for (int i = 0; i < BUDGET_KINDS; i++) {
        enum budget_kind kind = (enum budget_kind)i;

        is_same = is_same && budget_used(scope, kind) == bill->amounts[i].used &&
                  budget_reserved(scope, kind) == bill->amounts[i].reserved;
    }
    return is_same;
}

static void check_steps(struct sim *sim, struct sim_run *run)
{
    for (size_t i = 0; i < run->step_bills.count; i++) {
        struct budget_scope scope = step_scope(run->live, &run->live->steps[i]);
        const struct step_bill *step = &run->step_bills.items[i];

        if (run->live->steps[i].role != ROLE_INSTANCE && run->live->steps[i].definition &&
            !budget_is_empty(&run->live->steps[i].definition->budget) &&
            (!is_billed(&scope, &step->bill) ||
             memcmp(&scope.limits, &step->limits, sizeof(scope.limits)) != 0)) {
            sim_fail(sim, "run %d: what %s used is not what its records say", run->index,
                     run->live->steps[i].key);
        }
    }
}

void check_budgets(struct sim *sim, struct sim_run *run)
{
    int64_t now = sim_wall(sim);
    struct budget_scope scope = run_scope(run->live, now);
    struct bill total = total_of(sim, run, now);

    if (!is_billed(&scope, &total)) {
        sim_fail(sim, "run %d: what it used is not what the records of its tree say", run->index);
    }
    if (memcmp(&scope.limits, &run->limits, sizeof(scope.limits)) != 0) {
        sim_fail(sim, "run %d: its limits are not those of its records", run->index);
    }
    check_steps(sim, run);
}
