/* SPDX-License-Identifier: MIT */
#include "plan/plan.h"

#include "base/alloc.h"
#include "base/vec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

VEC_TYPE(int_vec, int);

struct phase_node {
    struct int_vec dependents;
    struct int_vec *step_needs;
    struct int_vec *step_dependents;
    size_t step_count;
    int level;
};

struct plan {
    const struct workflow *workflow;
    struct phase_node *phases;
};

static void edge_add(struct phase_node *node, int from, int to)
{
    *VEC_PUSH(&node->step_needs[to]) = from;
    *VEC_PUSH(&node->step_dependents[from]) = to;
}

static void build_steps(struct phase_node *node, const struct phase *phase)
{
    node->step_count = phase->step_count;
    node->step_needs = mem_zero(phase->step_count, sizeof(*node->step_needs));
    node->step_dependents = mem_zero(phase->step_count, sizeof(*node->step_dependents));
    for (size_t i = 0; i < phase->step_count; i++) {
        const struct step *step = &phase->steps[i];

        if (phase->mode != MODE_PARALLEL && step->needs_count == 0 && i > 0) {
            edge_add(node, (int)i - 1, (int)i);
        }
        for (size_t k = 0; k < step->needs_count; k++) {
            edge_add(node, step->needs[k], (int)i);
        }
    }
}

/* Phases are checked to be free of cycles: each is taken once all that it needs were taken. */
static void build_levels(struct plan *plan)
{
    size_t count = plan->workflow->phase_count;
    int *missing = mem_zero(count, sizeof(*missing));
    struct int_vec open = {0};

    for (size_t i = 0; i < count; i++) {
        missing[i] = (int)plan->workflow->phases[i].needs_count;
        if (missing[i] == 0) {
            *VEC_PUSH(&open) = (int)i;
        }
    }
    while (open.count > 0) {
        int current = open.items[--open.count];
        const struct int_vec *dependents = &plan->phases[current].dependents;

        for (size_t i = 0; i < dependents->count; i++) {
            struct phase_node *next = &plan->phases[dependents->items[i]];
            int level = plan->phases[current].level + 1;

            next->level = level > next->level ? level : next->level;
            if (--missing[dependents->items[i]] == 0) {
                *VEC_PUSH(&open) = dependents->items[i];
            }
        }
    }
    VEC_RELEASE(&open);
    free(missing);
}

struct plan *plan_new(const struct workflow *workflow)
{
    struct plan *plan = mem_zero(1, sizeof(*plan));

    plan->workflow = workflow;
    plan->phases = mem_zero(workflow->phase_count, sizeof(*plan->phases));
    for (size_t i = 0; i < workflow->phase_count; i++) {
        const struct phase *phase = &workflow->phases[i];

        for (size_t k = 0; k < phase->needs_count; k++) {
            *VEC_PUSH(&plan->phases[phase->needs[k]].dependents) = (int)i;
        }
        build_steps(&plan->phases[i], phase);
    }
    build_levels(plan);
    return plan;
}

void plan_free(struct plan *plan)
{
    if (!plan) {
        return;
    }
    for (size_t i = 0; i < plan->workflow->phase_count; i++) {
        struct phase_node *node = &plan->phases[i];

        for (size_t k = 0; k < node->step_count; k++) {
            VEC_RELEASE(&node->step_needs[k]);
            VEC_RELEASE(&node->step_dependents[k]);
        }
        free(node->step_needs);
        free(node->step_dependents);
        VEC_RELEASE(&node->dependents);
    }
    free(plan->phases);
    free(plan);
}

static struct plan_edges edges(const struct int_vec *vec)
{
    return (struct plan_edges){.items = vec->items, .count = vec->count};
}

static const struct phase_node *node_at(const struct plan *plan, int phase)
{
    assert(phase >= 0 && (size_t)phase < plan->workflow->phase_count);
    return &plan->phases[phase];
}

struct plan_edges plan_phase_dependents(const struct plan *plan, int phase)
{
    return edges(&node_at(plan, phase)->dependents);
}

struct plan_edges plan_step_needs(const struct plan *plan, int phase, int step)
{
    assert(step >= 0 && (size_t)step < node_at(plan, phase)->step_count);
    return edges(&node_at(plan, phase)->step_needs[step]);
}

struct plan_edges plan_step_dependents(const struct plan *plan, int phase, int step)
{
    assert(step >= 0 && (size_t)step < node_at(plan, phase)->step_count);
    return edges(&node_at(plan, phase)->step_dependents[step]);
}

void plan_mark_downstream(const struct plan *plan, int phase, bool *marks)
{
    struct int_vec open = {0};

    *VEC_PUSH(&open) = phase;
    while (open.count > 0) {
        int current = open.items[--open.count];
        struct plan_edges next = plan_phase_dependents(plan, current);

        if (marks[current]) {
            continue;
        }
        marks[current] = true;
        for (size_t i = 0; i < next.count; i++) {
            *VEC_PUSH(&open) = next.items[i];
        }
    }
    VEC_RELEASE(&open);
}

static void add_names(const struct step *steps, size_t count, const bool *marks, json_t *names)
{
    for (size_t i = 0; i < count; i++) {
        if (!marks || marks[i]) {
            (void)json_array_append_new(names, json_string(steps[i].id));
        }
    }
}

/* Of its phase alone. */
static void add_dependents(const struct plan *plan, int phase, int step, json_t *names)
{
    const struct phase *definition = &plan->workflow->phases[phase];
    bool *marks = mem_zero(definition->step_count, sizeof(*marks));
    struct int_vec open = {0};

    *VEC_PUSH(&open) = step;
    while (open.count > 0) {
        int current = open.items[--open.count];
        struct plan_edges next = plan_step_dependents(plan, phase, current);

        for (size_t i = 0; i < next.count && !marks[current]; i++) {
            *VEC_PUSH(&open) = next.items[i];
        }
        marks[current] = true;
    }
    add_names(definition->steps, definition->step_count, marks, names);
    add_names(definition->fix_steps, definition->fix_count, NULL, names);
    VEC_RELEASE(&open);
    free(marks);
}

json_t *plan_list_downstream(const struct plan *plan, int phase, int step)
{
    const struct workflow *workflow = plan->workflow;
    bool *marks = mem_zero(workflow->phase_count, sizeof(*marks));
    json_t *names = json_array();

    add_dependents(plan, phase, step, names);
    plan_mark_downstream(plan, phase, marks);
    for (size_t i = 0; i < workflow->phase_count; i++) {
        if (marks[i] && (int)i != phase) {
            add_names(workflow->phases[i].steps, workflow->phases[i].step_count, NULL, names);
            add_names(workflow->phases[i].fix_steps, workflow->phases[i].fix_count, NULL, names);
        }
    }
    free(marks);
    return names;
}

int plan_phase_level(const struct plan *plan, int phase)
{
    return node_at(plan, phase)->level;
}

/* The steps of a phase by level, each level in the order of the file. */
struct step_levels {
    int *levels;
    struct int_vec order; /* by level, then by index */
};

static int compare_ints(const void *one, const void *other)
{
    int left = *(const int *)one;
    int right = *(const int *)other;

    return (left > right) - (left < right);
}

/* Level by level: the next one is what has all its needs in the levels before. */
static void settle_levels(const struct phase_node *node, struct step_levels *settled)
{
    size_t *missing = mem_zero(node->step_count, sizeof(*missing));
    size_t first = 0;

    for (size_t i = 0; i < node->step_count; i++) {
        missing[i] = node->step_needs[i].count;
        if (missing[i] == 0) {
            *VEC_PUSH(&settled->order) = (int)i;
        }
    }
    for (int level = 0; first < settled->order.count; level++) {
        size_t end = settled->order.count;

        for (; first < end; first++) {
            int step = settled->order.items[first];
            const struct int_vec *dependents = &node->step_dependents[step];

            settled->levels[step] = level;
            for (size_t i = 0; i < dependents->count; i++) {
                if (--missing[dependents->items[i]] == 0) {
                    *VEC_PUSH(&settled->order) = dependents->items[i];
                }
            }
        }
        if (settled->order.count > end) {
            qsort(settled->order.items + end, settled->order.count - end,
                  sizeof(*settled->order.items), compare_ints);
        }
    }
    free(missing);
}

static json_t *add_wave(const struct phase *phase, int wave, json_t *waves)
{
    json_t *row = json_object();
    json_t *steps = json_array();

    json_put_text(row, "phase", phase->id);
    json_put_integer(row, "wave", wave);
    json_put(row, "steps", steps);
    (void)json_array_append_new(waves, row);
    return steps;
}

static void add_phase_waves(const struct plan *plan, int phase, int *wave, json_t *waves)
{
    const struct phase *definition = &plan->workflow->phases[phase];
    struct step_levels settled = {
        .levels = mem_zero(definition->step_count, sizeof(*settled.levels))};
    json_t *steps = add_wave(definition, ++*wave, waves);
    int level = 0;

    settle_levels(&plan->phases[phase], &settled);
    for (size_t i = 0; i < settled.order.count; i++) {
        int step = settled.order.items[i];

        if (settled.levels[step] != level) {
            level = settled.levels[step];
            steps = add_wave(definition, ++*wave, waves);
        }
        (void)json_array_append_new(steps, json_string(definition->steps[step].id));
    }
    VEC_RELEASE(&settled.order);
    free(settled.levels);
}

json_t *plan_waves(const struct plan *plan)
{
    json_t *result = json_object();
    json_t *waves = json_array();
    int wave = 0;
    int highest = 0;

    for (size_t i = 0; i < plan->workflow->phase_count; i++) {
        highest = plan->phases[i].level > highest ? plan->phases[i].level : highest;
    }
    for (int level = 0; level <= highest; level++) {
        for (size_t i = 0; i < plan->workflow->phase_count; i++) {
            if (plan->phases[i].level == level) {
                add_phase_waves(plan, (int)i, &wave, waves);
            }
        }
    }
    json_put(result, "waves", waves);
    return result;
}
