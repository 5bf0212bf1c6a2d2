/* SPDX-License-Identifier: MIT */
/* The fold of an edit: the state is laid out anew by another workflow. What the record keeps comes
 * over as it is, of what it holds the result waits to be taken, everything else begins anew. Steps
 * that the plan has no more leave only the number of their attempts, whose folders are there. */
#include "run/fold.h"

#include "base/alloc.h"
#include "run/states.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void run_offer(struct run_state *run, struct workflow *workflow)
{
    workflow_free(run->next);
    run->next = workflow;
}

int fold_attempts_before(const struct run_state *run, const char *key)
{
    return (int)json_get_integer(run->gone, key, 0);
}

/* What a workflow lays out. */
static void take_layout(struct run_state *run, const struct run_state *from)
{
    run->workflow = from->workflow;
    run->edited = from->edited;
    run->plan = from->plan;
    run->arena = from->arena;
    run->by_key = from->by_key;
    run->phases = from->phases;
    run->phases_open = from->phases_open;
    run->steps = from->steps;
    run->step_count = from->step_count;
    run->step_capacity = from->step_capacity;
    run->under_way = from->under_way;
    run->running = from->running;
    run->approvals = from->approvals;
    run->questions = from->questions;
    run->hosts = from->hosts;
    run->nested = from->nested;
    memcpy(run->counts, from->counts, sizeof(run->counts));
    run->steps_total = from->steps_total;
}

/* The state as that workflow lays it out, with nothing done; gives back the layout before. */
static struct run_state *lay_out(struct run_state *run, struct workflow *workflow)
{
    struct run_state *other = run_state_new(run->id, workflow);
    struct run_state before = *run;

    other->edited = workflow;
    take_layout(run, other);
    take_layout(other, &before);
    return other;
}

void fold_rebase(struct run_state *run)
{
    struct workflow *workflow = run->next;

    assert(run->created_at == 0);
    run->next = NULL;
    run_state_free(lay_out(run, workflow));
}

/* ---- phases ---- */

static bool is_word(const json_t *words, const char *key, const char *word)
{
    return strcmp(json_get_text(words, key, ""), word) == 0;
}

static void move_text(char **target, char **source)
{
    free(*target);
    *target = *source;
    *source = NULL;
}

static void keep_phase(struct run_state *run, struct phase_state *phase, struct phase_state *old)
{
    run->phases_open -= step_status_is_final(old->status) ? 1 : 0;
    phase->status = old->status;
    phase->stage = old->stage;
    phase->fix_rounds = old->fix_rounds;
    phase->ended_at = old->ended_at;
    phase->is_excused = old->is_excused;
    phase->gate_asked = old->gate_asked;
    phase->gate_skipped = old->gate_skipped;
    phase->verdict = old->verdict;
    move_text(&phase->error, &old->error);
    move_text(&phase->error_before, &old->error_before);
    move_text(&phase->failed_step, &old->failed_step);
    move_text(&phase->verdict_reason, &old->verdict_reason);
}

static void take_phase(struct run_state *run, struct phase_state *old, const json_t *words)
{
    const char *id = old->definition->id;
    struct phase_state *phase = run_find_phase(run, id);

    if (!phase || !is_word(words, id, "kept")) {
        fold_drop_checkpoints(run, id);
    }
    if (!phase) {
        return;
    }
    phase->round = old->round;
    phase->usage = old->usage;
    if (is_word(words, id, "kept") || is_word(words, id, "open")) {
        phase->iteration = old->iteration;
        phase->gotos = old->gotos;
        phase->started_at = old->started_at;
        phase->deadline = old->deadline;
        phase->clock_at = old->clock_at;
    }
    if (is_word(words, id, "kept")) {
        keep_phase(run, phase, old);
    } else if (is_word(words, id, "open")) {
        phase->status = STEP_IS_RUNNING;
    }
}

/* ---- steps ---- */

struct edit {
    struct run_state *run, *old;
    const json_t *kept; /* keys as an object */
    const json_t *held; /* key -> digest */
    const json_t *phases;
    const char *tree;
};

static bool is_kept(const struct edit *edit, const struct step_state *old)
{
    const char *phase = edit->old->phases[old->phase].definition->id;

    if (old->role == ROLE_FIX || old->role == ROLE_CHECK) {
        return is_word(edit->phases, phase, "kept");
    }
    return json_object_get(edit->kept, old->key) != NULL;
}

static struct step_held *hold(const struct edit *edit, struct step_state *old)
{
    const char *inputs = json_get_text(edit->held, old->key, NULL);
    struct step_held *held = old->held;

    if (!inputs || old->items) {
        return NULL;
    }
    if (old->status == STEP_IS_PENDING && held) {
        old->held = NULL; /* it was held by an edit before this one */
        return held;
    }
    if (old->status != STEP_IS_COMPLETED) {
        return NULL;
    }
    held = mem_zero(1, sizeof(*held));
    held->inputs = mem_strdup(inputs);
    held->tree = mem_strdup(edit->tree);
    held->duration_ms = step_duration_ms(old);
    held->result = old->result;
    old->result = (struct step_output){0};
    move_text(&held->answerer, &old->answerer);
    move_text(&held->model, &old->model);
    return held;
}

/* The place of a step in the new layout stays; what it was comes into it. */
static struct step_state move_step(const struct edit *edit, const struct step_state *place,
                                   struct step_state *old)
{
    struct step_state step = {0};

    if (is_kept(edit, old)) {
        step = *old;
        *old = (struct step_state){.key = old->key, .phase = old->phase, .role = old->role};
        step.instances = (struct index_vec){0};
        step.instances_open = step.instances_under_way = step.instances_failed = 0;
        step.instance_next = 0;
    } else {
        step.held = hold(edit, old);
        step.attempts = old->attempts;
        step.calls = old->calls;
        if (step.calls) {
            *step.calls = (struct step_calls){.usage = step.calls->usage};
        }
        step.is_digested = old->is_digested;
        step.dialogue.answers = old->dialogue.answers;
        step.before = old->before;
        step.spent = old->spent;
        old->dialogue.answers = NULL;
        old->before = NULL;
        old->calls = NULL;
        old->spent = NULL;
    }
    step.definition = place->definition;
    step.check = place->check;
    step.role = place->role;
    step.key = place->key;
    step.phase = place->phase;
    step.parent = place->parent;
    step.instance = place->instance;
    return step;
}

static void take_instance(const struct edit *edit, int parent, struct step_state *old)
{
    struct run_state *run = edit->run;
    struct step_state place = {.definition = run->steps[parent].definition,
                               .role = ROLE_INSTANCE,
                               .key = arena_printf(run->arena, "%s", old->key),
                               .phase = run->steps[parent].phase,
                               .parent = parent,
                               .instance = old->instance};
    int index = run_step_add(run, &place);
    struct step_state step = move_step(edit, &place, old);

    *VEC_PUSH(&run->steps[parent].instances) = index;
    /* It is counted as open until it is put. */
    run->steps[parent].instances_open += old->instance < run->steps[parent].instance_count ? 1 : 0;
    fold_put_step(run, index, &step);
}

static void forget_step(struct run_state *run, const struct step_state *old)
{
    if (old->attempts > 0) {
        run->gone = run->gone ? run->gone : json_object();
        json_put_integer(run->gone, old->key, old->attempts);
    }
}

static void take_step(const struct edit *edit, struct step_state *old)
{
    struct run_state *run = edit->run;
    struct step_state *place = run_find_step(run, old->key);
    bool is_same_role = place && (place->role == old->role);
    struct index_vec instances = old->instances;
    struct step_state step;
    int index;

    if (!is_same_role) {
        forget_step(run, old);
        if (place) {
            place->attempts = old->attempts; /* of one that mended and is a step of the plan now */
        }
        for (size_t i = 0; i < instances.count; i++) {
            forget_step(run, &edit->old->steps[instances.items[i]]);
        }
        return;
    }
    index = run_step_index(run, place);
    step = move_step(edit, place, old);
    fold_put_step(run, index, &step);
    for (size_t i = 0; i < instances.count; i++) {
        take_instance(edit, index, &edit->old->steps[instances.items[i]]);
    }
    if (!old->instances.items) {
        VEC_RELEASE(&instances); /* it was kept: the vector is nobody's any more */
    }
}

static void take_steps(const struct edit *edit)
{
    struct run_state *run = edit->run;

    for (size_t i = 0; i < run->step_count; i++) {
        run->steps[i].attempts = fold_attempts_before(run, run->steps[i].key);
    }
    for (size_t i = 0; i < edit->old->step_count; i++) {
        struct step_state *old = &edit->old->steps[i];

        if (old->role != ROLE_INSTANCE) {
            take_step(edit, old);
        }
    }
}

static json_t *as_object(const json_t *names)
{
    json_t *object = json_object();
    size_t index;
    const json_t *name;

    json_array_foreach((json_t *)names, index, name)
    {
        if (json_is_string(name)) {
            json_put(object, json_string_value(name), json_true());
        }
    }
    return object;
}

static void take_identity(struct run_state *run, const struct record *record)
{
    json_decref(run->inputs);
    run->inputs = json_incref((json_t *)record->output);
    json_decref(run->calls);
    run->calls = json_incref((json_t *)record->artifacts);
}

/* A step that the plan has no more comes back, if it does, with the limits that it then has. */
static void forget_budgets(struct run_state *run)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(run->step_budgets, next, key, value)
    {
        if (!run_find_step(run, key)) {
            (void)json_object_del(run->step_budgets, key);
        }
    }
}

/* A limit that the edit changes is the newest word; all others stay as somebody set them. */
static void take_budgets(struct run_state *run, const struct run_state *old)
{
    const struct budget *is = &run->workflow->budget;
    const struct budget *was = &old->workflow->budget;

    for (int i = 0; i < BUDGET_KINDS; i++) {
        if (is->limits[i] && is->limits[i] != was->limits[i]) {
            run->budget.limits[i] = is->limits[i];
        }
    }
    for (size_t i = 0; run->step_budgets && i < run->step_count; i++) {
        const struct step *definition = run->steps[i].definition;
        const struct step_state *before = run_find_step(old, run->steps[i].key);

        if (definition && before && before->definition &&
            memcmp(&definition->budget, &before->definition->budget, sizeof(struct budget)) != 0) {
            (void)json_object_del(run->step_budgets, run->steps[i].key);
        }
    }
    forget_budgets(run);
}

void fold_edit(struct run_state *run, const struct record *record)
{
    struct workflow *workflow = run->next;
    json_t *kept = as_object(record->data);
    struct edit edit = {.run = run,
                        .kept = kept,
                        .held = record->files,
                        .phases = record->errors,
                        .tree = record->other};

    run->next = NULL;
    edit.old = lay_out(run, workflow);
    take_identity(run, record);
    take_budgets(run, edit.old);
    for (size_t i = 0; i < edit.old->workflow->phase_count; i++) {
        take_phase(run, &edit.old->phases[i], record->errors);
    }
    take_steps(&edit);
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        fold_recount_phase(run, &run->phases[i]);
    }
    run_state_free(edit.old);
    json_decref(kept);
}
