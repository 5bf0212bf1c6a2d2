/* SPDX-License-Identifier: MIT */
/* Another plan for a run that is not over, while nobody carries it on. What stays is worked out
 * from the text of both plans; src/run/edit.c, which the real command has it from, looks at what
 * goes into each step instead. The engine has to keep its promises for either. */
#include "sim.h"

#include "base/alloc.h"
#include "run/states.h"

#include <string.h>

enum decision { DECIDED_KEPT, DECIDED_GOES_ON, DECIDED_HELD, DECIDED_AGAIN, DECIDED_OPEN };

struct comparison {
    struct sim *sim;
    const struct run_state *was;
    struct run_state *would; /* as the new plan lays it out, with nothing done */
    int number;
    bool *is_decided; /* by step of the new plan */
    bool *is_other;   /* it, or something before it, is not as it was */
    bool *has_other;  /* by phase: something in it or before it */
    bool *is_kept;    /* by step */
    bool *goes_on;    /* by step: what is not done of it is still under way */
    bool *stays;      /* by phase */
    json_t *kept, *held, *phases;
};

/* ---- what stays ---- */

static const char *find_line(const struct workflow *workflow, const char *id, size_t *ret_length)
{
    char *begin = mem_printf("{ id: %s,", id);
    const char *line = strstr(workflow->text, begin);

    free(begin);
    *ret_length = line ? strcspn(line, "\n") : 0;
    return line;
}

static bool has_same_text(const struct comparison *comparison, const char *id)
{
    size_t length;
    size_t other_length;
    const char *line = find_line(comparison->was->workflow, id, &length);
    const char *other = find_line(comparison->would->workflow, id, &other_length);

    return line && other && length == other_length && memcmp(line, other, length) == 0;
}

const char *edit_inputs(struct sim *sim, const struct run_state *run, const struct step_state *step)
{
    const char *id = step->role == ROLE_INSTANCE ? run->steps[step->parent].key : step->key;
    size_t length;
    const char *line = find_line(run->workflow, id, &length);

    return line ? arena_strndup(sim->arena, line, length) : "";
}

static bool is_waiting(const struct step_state *was)
{
    return (was->status == STEP_IS_PENDING && was->attempts > 0) ||
           was->waiting == WAITING_APPROVAL || was->waiting == WAITING_ANSWER ||
           was->waiting == WAITING_WORKFLOW;
}

static bool can_be_held(const struct step_state *step)
{
    return step->definition->kind != STEP_APPROVAL && step->definition->kind != STEP_WORKFLOW;
}

static bool is_still_open(const struct comparison *comparison, int index)
{
    const struct phase *definition = comparison->would->phases[index].definition;
    const struct phase_state *was = run_find_phase(comparison->was, definition->id);
    bool is_open = was && was->stage == STAGE_STEPS &&
                   (was->status == STEP_IS_RUNNING || was->status == STEP_IS_PAUSED);

    for (size_t i = 0; i < definition->needs_count; i++) {
        is_open = is_open && comparison->stays[definition->needs[i]];
    }
    return is_open;
}

/* A list with what is done of it; what is under way of it with the list. */
static bool is_under_way_still(const struct comparison *comparison, const struct step_state *was,
                               const struct step_state *step)
{
    if (was->items) {
        return was->waiting == WAITING_INSTANCES && is_still_open(comparison, step->phase);
    }
    return is_waiting(was) && (was->role != ROLE_INSTANCE ||
                               comparison->goes_on[run_step_index(comparison->would, step)]);
}

/* step: of the new plan, or the list that it is of; before: something before it is not as it was.
 */
static enum decision decide_for(struct comparison *comparison, const struct step_state *was,
                                const struct step_state *step, bool before)
{
    struct subject subject = {.who = (uint32_t)comparison->number, .what = hash_text(was->key)};
    bool is_by_phase = comparison->was->phases[was->phase].status == STEP_IS_SKIPPED;

    switch (was->status) {
    case STEP_IS_COMPLETED:
        if (sim_whether(comparison->sim, PLACE_EDIT_AGAIN, subject, 10)) {
            return DECIDED_AGAIN;
        }
        return !before ? DECIDED_KEPT : can_be_held(was) ? DECIDED_HELD : DECIDED_AGAIN;
    case STEP_IS_SKIPPED:
        return !before && !is_by_phase ? DECIDED_KEPT : DECIDED_OPEN;
    case STEP_IS_FAILED:
    case STEP_IS_CANCELLED:
        return !before && step_is_settled_well(was) ? DECIDED_KEPT : DECIDED_AGAIN;
    case STEP_IS_PENDING:
    case STEP_IS_RUNNING:
    case STEP_IS_PAUSED:
        return !before && is_under_way_still(comparison, was, step) ? DECIDED_GOES_ON
                                                                    : DECIDED_OPEN;
    }
    return DECIDED_AGAIN;
}

static void tell(struct comparison *comparison, const struct step_state *was,
                 enum decision decision)
{
    if (decision == DECIDED_KEPT || decision == DECIDED_GOES_ON) {
        (void)json_array_append_new(comparison->kept, json_string(was->key));
    } else {
        json_put_text(comparison->held, was->key,
                      edit_inputs(comparison->sim, comparison->was, was));
    }
}

/* A list that is done stays whole or not at all, of what it made some is held; one that is half
 * done goes on with what is done of it. */
static enum decision decide_list(struct comparison *comparison, const struct step_state *was,
                                 const struct step_state *step, enum decision decision)
{
    bool is_whole = decision == DECIDED_KEPT;
    bool before = decision != DECIDED_KEPT && decision != DECIDED_GOES_ON;
    enum decision *decisions = mem_zero((size_t)was->instance_count + 1, sizeof(*decisions));

    for (int i = 0; i < was->instance_count; i++) {
        decisions[i] = decide_for(comparison, &comparison->was->steps[was->instances.items[i]],
                                  step, before);
        is_whole = is_whole && decisions[i] == DECIDED_KEPT;
    }
    for (int i = 0; i < was->instance_count; i++) {
        const struct step_state *instance = &comparison->was->steps[was->instances.items[i]];
        bool can_stay = is_whole || decision == DECIDED_GOES_ON || decisions[i] != DECIDED_KEPT;

        tell(comparison, instance, can_stay ? decisions[i] : DECIDED_HELD);
    }
    free(decisions);
    return decision == DECIDED_KEPT && !is_whole ? DECIDED_HELD : decision;
}

static void decide_step(struct comparison *comparison, int index)
{
    const struct run_state *would = comparison->would;
    const struct step_state *step = &would->steps[index];
    const struct phase_state *phase = &would->phases[step->phase];
    const struct step_state *was = run_find_step(comparison->was, step->key);
    struct plan_edges needs = plan_step_needs(would->plan, step->phase, index - phase->first_step);
    bool before = comparison->has_other[step->phase];
    enum decision decision = DECIDED_AGAIN;

    if (comparison->is_decided[index]) {
        return;
    }
    comparison->is_decided[index] = true;
    for (size_t i = 0; i < needs.count; i++) {
        decide_step(comparison, phase->first_step + needs.items[i]);
        before = before || comparison->is_other[phase->first_step + needs.items[i]];
    }
    if (was && was->role == step->role) {
        bool is_same = has_same_text(comparison, step->key);

        decision = is_same ? decide_for(comparison, was, step, before) : DECIDED_AGAIN;
        comparison->goes_on[index] = decision == DECIDED_GOES_ON;
        decision = decide_list(comparison, was, step, decision);
        tell(comparison, was, decision);
    }
    comparison->is_kept[index] = decision == DECIDED_KEPT;
    comparison->is_other[index] = before || decision != DECIDED_KEPT;
}

static bool is_same_expression(const struct expression *one, const struct expression *other)
{
    return one && other ? strcmp(expression_text(one), expression_text(other)) == 0 : one == other;
}

static bool has_same_rules(const struct phase *one, const struct phase *other)
{
    json_t *a = one->gate ? gate_describe(one->gate) : NULL;
    json_t *b = other->gate ? gate_describe(other->gate) : NULL;
    bool is_same = (a && b ? json_equal(a, b) : a == b) &&
                   is_same_expression(one->when, other->when) &&
                   is_same_expression(one->iterate.until, other->iterate.until);

    json_decref(a);
    json_decref(b);
    return is_same;
}

static bool stays(const struct comparison *comparison, int index, bool before)
{
    const struct phase_state *phase = &comparison->would->phases[index];
    const struct phase *definition = phase->definition;
    const struct phase_state *was = run_find_phase(comparison->was, definition->id);

    if (!was || !phase_is_settled_well(was) || was->status == STEP_IS_SKIPPED ||
        !has_same_rules(was->definition, definition)) {
        return false;
    }
    for (size_t i = 0; i < definition->step_count; i++) {
        if (!comparison->is_kept[phase->first_step + (int)i]) {
            return false;
        }
    }
    return !before || (!definition->when && !definition->gate);
}

static void decide_phase(struct comparison *comparison, int index)
{
    const struct phase_state *phase = &comparison->would->phases[index];
    const struct phase *definition = phase->definition;
    bool before = false;

    for (size_t i = 0; i < definition->needs_count; i++) {
        before = before || comparison->has_other[definition->needs[i]];
    }
    comparison->has_other[index] = before;
    for (size_t i = 0; i < definition->step_count; i++) {
        decide_step(comparison, phase->first_step + (int)i);
    }
    for (size_t i = 0; i < definition->step_count; i++) {
        comparison->has_other[index] = comparison->has_other[index] ||
                                       comparison->is_other[phase->first_step + (int)i];
    }
    if (stays(comparison, index, before)) {
        comparison->stays[index] = true;
        json_put_text(comparison->phases, definition->id, "kept");
    } else if (is_still_open(comparison, index)) {
        json_put_text(comparison->phases, definition->id, "open");
    }
}

static json_t *compare(struct sim *sim, const struct sim_run *run, const struct workflow *workflow,
                       int number)
{
    struct comparison comparison = {.sim = sim,
                                    .was = run->shadow,
                                    .would = run_state_new(run->id, workflow),
                                    .number = number,
                                    .kept = json_array(),
                                    .held = json_object(),
                                    .phases = json_object()};
    const struct run_state *would = comparison.would;
    int left = (int)workflow->phase_count;
    bool *flags = mem_zero(4 * would->step_count + 2 * workflow->phase_count, sizeof(bool));
    json_t *given = json_object();
    json_t *inputs = NULL;

    comparison.is_decided = flags;
    comparison.is_other = flags + would->step_count;
    comparison.is_kept = flags + 2 * would->step_count;
    comparison.goes_on = flags + 3 * would->step_count;
    comparison.has_other = flags + 4 * would->step_count;
    comparison.stays = comparison.has_other + workflow->phase_count;
    for (int level = 0; left > 0; level++) {
        for (int i = 0; i < (int)workflow->phase_count; i++) {
            if (plan_phase_level(would->plan, i) == level) {
                decide_phase(&comparison, i);
                left--;
            }
        }
    }
    (void)workflow_check_inputs(workflow, given, &inputs, NULL);
    json_decref(given);
    run_state_free(comparison.would);
    free(flags);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:{}}", "do", "edit", "by", "somebody",
                     "tree", "0123", "inputs", inputs, "kept", comparison.kept, "held",
                     comparison.held, "phases", comparison.phases, "again");
}

/* Whoever edits takes the lock that the engine has while it carries the run on. */
void edit_run(struct sim *sim, struct sim_run *run, int number)
{
    struct subject subject = {.what = (uint32_t)number};
    struct event event = {.kind = EVENT_COMMAND, .by = "somebody"};
    struct error err = ERROR_INIT;
    int plan;

    if (sim->is_up || run->parent >= 0 || !sim_is_stored(run)) {
        return;
    }
    plan = sim_choose(sim, PLACE_EDIT_PLAN, subject, SIM_PLANS);
    run->offered = sim_edited(sim, plan);
    event.command = sim_hold(sim, compare(sim, run, run->offered, number));
    if (sim_decide_held(sim, run, &event, &err) == 0) {
        budget_settle(run);
        sim->edits++;
    }
    run->offered = NULL;
}

/* ---- what the audit knows ---- */

bool edit_keeps(const struct record *record, const struct run_state *was,
                const struct step_state *step)
{
    const char *phase = was->phases[step->phase].definition->id;

    if (step->role == ROLE_FIX || step->role == ROLE_CHECK) {
        return strcmp(json_get_text(record->errors, phase, ""), "kept") == 0;
    }
    for (size_t i = 0; i < json_array_size(record->data); i++) {
        if (strcmp(json_string_value(json_array_get(record->data, i)), step->key) == 0) {
            return true;
        }
    }
    return false;
}

static void move_steps(struct sim *sim, struct sim_run *run, const struct run_state *was,
                       const struct record *record)
{
    VEC(struct step_audit) old = {.items = run->steps.items, .count = run->steps.count};

    run->steps.items = NULL;
    run->steps.count = run->steps.capacity = 0;
    run->gone = run->gone ? run->gone : json_object();
    for (size_t i = 0; i < old.count; i++) {
        const struct step_state *step = run_find_step(run->shadow, was->steps[i].key);

        if (!step || step->role != was->steps[i].role) {
            json_put_integer(run->gone, was->steps[i].key, old.items[i].attempts);
        }
    }
    for (size_t i = 0; i < old.count; i++) {
        const struct step_state *step = run_find_step(run->shadow, was->steps[i].key);
        struct step_audit *audit = step && step->role == was->steps[i].role
                                       ? audit_of(run, step->key)
                                       : NULL;

        if (audit && edit_keeps(record, was, &was->steps[i])) {
            *audit = old.items[i];
        } else if (audit) {
            *audit = (struct step_audit){.attempts = old.items[i].attempts,
                                         .started_at = old.items[i].started_at,
                                         .held = old.items[i].held};
            if (was->steps[i].status == STEP_IS_COMPLETED) {
                audit->held = sim_hold(sim, json_incref(was->steps[i].result.output));
            }
        }
    }
    VEC_RELEASE(&old);
}

static void move_phases(struct sim_run *run, const struct run_state *was,
                        const struct record *record)
{
    VEC(struct phase_audit) old = {.items = run->phases.items, .count = run->phases.count};

    run->phases.items = NULL;
    run->phases.count = run->phases.capacity = 0;
    for (size_t i = 0; i < run->shadow->workflow->phase_count; i++) {
        const char *id = run->shadow->workflow->phases[i].id;
        const struct phase_state *before = run_find_phase(was, id);
        const char *word = json_get_text(record->errors, id, "");
        struct phase_audit audit = before ? old.items[before->definition->index]
                                          : (struct phase_audit){0};

        if (strcmp(word, "kept") != 0) {
            audit = (struct phase_audit){.worked_at = audit.worked_at,
                                         .gotos = audit.gotos,
                                         .iterations = audit.iterations,
                                         .goes_round = audit.goes_round};
        }
        if (!*word) {
            audit.gotos = audit.iterations = 0;
            audit.goes_round = false;
        }
        *VEC_PUSH(&run->phases) = audit;
    }
    VEC_RELEASE(&old);
}

/* What was done anew since is not what a checkpoint from before had. */
static void move_checkpoints(struct sim *sim, struct sim_run *run, const struct record *record)
{
    for (size_t i = 0; i < run->checkpoints.count; i++) {
        const json_t *had = run->checkpoints.items[i].phases;
        json_t *has = json_array();

        for (size_t k = 0; k < json_array_size(had); k++) {
            json_t *id = json_array_get(had, k);

            if (strcmp(json_get_text(record->errors, json_string_value(id), ""), "kept") == 0) {
                (void)json_array_append(has, id);
            }
        }
        run->checkpoints.items[i].phases = sim_hold(sim, has);
    }
}

/* ---- what an edit may not do ---- */

static bool is_same_json(const json_t *left, const json_t *right)
{
    return left && right ? json_equal(left, right) : left == right;
}

static void check_step(struct sim *sim, const struct sim_run *run, const struct run_state *was,
                       const struct record *record, const struct step_state *old)
{
    const struct step_state *step = run_find_step(run->shadow, old->key);
    bool is_kept = edit_keeps(record, was, old);

    if (!step || step->role != old->role) {
        if (json_get_integer(run->shadow->gone, old->key, 0) != old->attempts) {
            sim_fail(sim, "run %d: an edit forgets the attempts of %s", run->index, old->key);
        }
        return;
    }
    if (step->attempts != old->attempts ||
        memcmp(&step_calls(step)->usage, &step_calls(old)->usage, sizeof(struct usage_sum)) != 0) {
        sim_fail(sim, "run %d: an edit forgets what %s used", run->index, old->key);
    }
    if (is_kept && (step->status != old->status || step->waiting != old->waiting ||
                    !is_same_json(step->result.output, old->result.output))) {
        sim_fail(sim, "run %d: an edit keeps %s, and it is another", run->index, old->key);
    } else if (!is_kept && (step->status != STEP_IS_PENDING || step->result.output)) {
        sim_fail(sim, "run %d: %s begins anew by an edit, and is %s", run->index, old->key,
                 step_status_name(step->status));
    } else if (!is_kept && old->status == STEP_IS_COMPLETED && !old->items && !old->check &&
               json_object_get(record->files, old->key) &&
               (!step->held || !is_same_json(step->held->result.output, old->result.output))) {
        sim_fail(sim, "run %d: an edit loses what %s gave", run->index, old->key);
    }
}

static void check_phase(struct sim *sim, const struct sim_run *run, const struct record *record,
                        const struct phase_state *old)
{
    const char *id = old->definition->id;
    const struct phase_state *phase = run_find_phase(run->shadow, id);
    const char *word = json_get_text(record->errors, id, "");
    bool goes_on = phase && phase->iteration == old->iteration && phase->gotos == old->gotos &&
                   phase->deadline == old->deadline;

    if (*word && !goes_on) {
        sim_fail(sim, "run %d: an edit has %s forget how often it went round", run->index, id);
    }
    if (strcmp(word, "kept") == 0 &&
        (phase->status != old->status || phase->stage != old->stage ||
         phase->verdict != old->verdict || phase->is_excused != old->is_excused)) {
        sim_fail(sim, "run %d: an edit keeps phase %s, and it is %s", run->index, id,
                 step_status_name(phase->status));
    }
}

/* One would bring back what is done anew now. */
static void check_checkpoint(struct sim *sim, const struct sim_run *run,
                             const struct record *record, const struct checkpoint_state *checkpoint)
{
    for (size_t i = 0; i < json_array_size(checkpoint->phases); i++) {
        const char *id = json_string_value(json_array_get(checkpoint->phases, i));

        if (strcmp(json_get_text(record->errors, id, ""), "kept") != 0) {
            sim_fail(sim, "run %d: checkpoint %s has phase %s, which an edit does not keep",
                     run->index, checkpoint->name, id);
        }
    }
}

static void check_edit(struct sim *sim, const struct sim_run *run, const struct run_state *was,
                       const struct record *record)
{
    if (was->status == RUN_COMPLETED || was->status == RUN_CANCELLED) {
        sim_fail(sim, "run %d is %s and was edited", run->index, run_status_name(was->status));
    }
    for (size_t i = 0; i < was->step_count; i++) {
        check_step(sim, run, was, record, &was->steps[i]);
    }
    for (size_t i = 0; i < was->workflow->phase_count; i++) {
        check_phase(sim, run, record, &was->phases[i]);
    }
    for (size_t i = 0; i < run->shadow->checkpoints.count; i++) {
        check_checkpoint(sim, run, record, &run->shadow->checkpoints.items[i]);
    }
    if (memcmp(&run->shadow->ledger, &was->ledger, sizeof(was->ledger)) != 0 ||
        run->shadow->ran_ms != was->ran_ms) {
        sim_fail(sim, "run %d: an edit changes what the run used", run->index);
    }
}

void edit_apply(struct sim *sim, struct sim_run *run, const struct record *record)
{
    struct run_state *was = sim_fold(run, run->journal.count - 1);

    run_apply(run->shadow, record);
    check_edit(sim, run, was, record);
    move_steps(sim, run, was, record);
    move_phases(run, was, record);
    move_checkpoints(sim, run, record);
    tables_edit(run, was, record);
    run_state_free(was);
}
