/* SPDX-License-Identifier: MIT */
/* The graphs of phases and of the steps in each phase: names in `needs` and `goto`, cycles, order.
 */
#include "base/nearest.h"
#include "workflow/reader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64

/* One graph, of phases or of steps, as check_cycles() sees it. */
struct graph {
    size_t count;
    const char *(*get_id)(const struct graph *graph, size_t index);
    const int *(*get_needs)(const struct graph *graph, size_t index, size_t *ret_count);
    const struct phase *phases;
    const struct step *steps;
};

static const char *phase_id(const struct graph *graph, size_t index)
{
    return graph->phases[index].id;
}

static const int *phase_needs(const struct graph *graph, size_t index, size_t *ret_count)
{
    *ret_count = graph->phases[index].needs_count;
    return graph->phases[index].needs;
}

static const char *step_id(const struct graph *graph, size_t index)
{
    return graph->steps[index].id;
}

static const int *step_needs(const struct graph *graph, size_t index, size_t *ret_count)
{
    *ret_count = graph->steps[index].needs_count;
    return graph->steps[index].needs;
}

/* ---- cycles ----------------------------------------------------------------------------- */

struct visit {
    size_t node;
    size_t next; /* of its needs */
};

enum colour { WHITE, GREY, BLACK };

/* The path from where the node stands on the stack to the top, and back to it. */
static char *format_cycle(const struct graph *graph, const struct visit *stack, size_t depth,
                          size_t node)
{
    struct strbuf text;
    char *cycle;
    size_t from = 0;

    strbuf_init(&text, 400);
    while (stack[from].node != node) {
        from++;
    }
    for (size_t i = from; i < depth; i++) {
        strbuf_addf(&text, "%s -> ", graph->get_id(graph, stack[i].node));
    }
    strbuf_add(&text, text.overflow ? "..." : graph->get_id(graph, node));
    cycle = mem_strdup(text.data);
    strbuf_release(&text);
    return cycle;
}

/* Depth first with a stack of our own. Returns the text of the first cycle found, or NULL. */
static char *visit_from(const struct graph *graph, size_t start, unsigned char *colours,
                        struct visit *stack)
{
    size_t depth = 1;

    stack[0] = (struct visit){start, 0};
    colours[start] = GREY;
    while (depth > 0) {
        struct visit *top = &stack[depth - 1];
        size_t count;
        const int *needs = graph->get_needs(graph, top->node, &count);
        size_t next;

        if (top->next == count) {
            colours[top->node] = BLACK;
            depth--;
            continue;
        }
        next = (size_t)needs[top->next++];
        if (colours[next] == GREY) {
            return format_cycle(graph, stack, depth, next);
        }
        if (colours[next] == WHITE) {
            colours[next] = GREY;
            stack[depth++] = (struct visit){next, 0};
        }
    }
    return NULL;
}

/* The text of a cycle, or NULL; *ret_start is where it was found. */
static char *find_cycle(const struct graph *graph, size_t *ret_start)
{
    unsigned char *colours = mem_zero(graph->count + 1, 1);
    struct visit *stack = mem_zero(graph->count + 1, sizeof(*stack));
    char *cycle = NULL;

    for (size_t i = 0; i < graph->count && !cycle; i++) {
        if (colours[i] == WHITE) {
            cycle = visit_from(graph, i, colours, stack);
            *ret_start = i;
        }
    }
    free(colours);
    free(stack);
    return cycle;
}

/* ---- needs ------------------------------------------------------------------------------ */

static void report_unknown(const struct reader *reader, const struct yaml_node *node,
                           const char *what, const char *const *known, size_t count)
{
    const char *nearest = nearest_name(node->text, known, count);
    char hint[200] = "";

    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    }
    problems_add(reader->problems, node->at, hint, "there is no %s \"%s\"", what, node->text);
}

static void report_unknown_phase(const struct reader *reader, const struct yaml_node *node)
{
    size_t count = reader->workflow->phase_count;
    const char **known;

    if (reader->problems->truncated) {
        return;
    }
    known = arena_zero(reader->scratch, count + 1, sizeof(*known));
    for (size_t i = 0; i < count; i++) {
        known[i] = reader->phases[i].id;
    }
    report_unknown(reader, node, "phase", known, count);
}

static bool has_index(const int *list, size_t count, int index)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == index) {
            return true;
        }
    }
    return false;
}

static const struct yaml_node *list_item(const struct yaml_node *node, size_t index)
{
    return node->kind == YAML_LIST ? node->items[index] : node;
}

static void resolve_phase_needs(struct reader *reader, int index)
{
    const struct yaml_node *node = yaml_find(reader->phase_nodes[index], "needs");
    struct phase *phase = &reader->phases[index];
    size_t count = !node ? index > 0 : node->kind == YAML_LIST ? node->count : 1;
    int *needs = arena_zero(reader->arena, count + 1, sizeof(*needs));

    phase->needs = needs;
    if (!node && index > 0) {
        needs[phase->needs_count++] = index - 1;
    }
    for (size_t i = 0; node && i < count; i++) {
        const struct yaml_node *item = list_item(node, i);
        const struct phase *other = map_find(reader->phase_ids, item->text);

        if (!other) {
            report_unknown_phase(reader, item);
        } else if (other == phase) {
            problems_add(reader->problems, item->at, "remove it",
                         "the phase \"%s\" needs itself, so it could never start", phase->id);
        } else if (has_index(needs, phase->needs_count, other->index)) {
            problems_warn(reader->problems, item->at, NULL, "\"%s\" is named twice", item->text);
        } else {
            needs[phase->needs_count++] = other->index;
        }
    }
}

static void report_unknown_step(const struct reader *reader, const struct yaml_node *node,
                                const struct phase *phase)
{
    const struct step_source *other = map_find(reader->step_ids, node->text);
    const char **known;

    if (reader->problems->truncated) {
        return;
    }
    if (other) {
        problems_add(reader->problems, node->at,
                     "steps need steps of their own phase; order phases by the `needs` of phases",
                     "the step \"%s\" is not among the steps of the phase \"%s\"", node->text,
                     phase->id);
        return;
    }
    known = arena_zero(reader->scratch, phase->step_count + 1, sizeof(*known));
    for (size_t i = 0; i < phase->step_count; i++) {
        known[i] = phase->steps[i].id;
    }
    report_unknown(reader, node, "step", known, phase->step_count);
}

static void add_step_need(struct reader *reader, const struct step_source *source,
                          const struct yaml_node *item, int *needs)
{
    const struct phase *phase = &reader->phases[source->phase];
    const struct step_source *other = map_find(reader->step_ids, item->text);
    struct step *step = source->step;

    if (!other || other->phase != source->phase || other->is_fix) {
        report_unknown_step(reader, item, phase);
    } else if (other == source) {
        problems_add(reader->problems, item->at, "remove it",
                     "the step \"%s\" needs itself, so it could never start", step->id);
    } else if (phase->mode == MODE_SEQUENTIAL && other->step->index > step->index) {
        problems_add(reader->problems, item->at, "reorder them, or use `mode: parallel`",
                     "the steps of a sequential phase run in file order, but \"%s\" needs the "
                     "later \"%s\"",
                     step->id, item->text);
    } else if (has_index(needs, step->needs_count, other->step->index)) {
        problems_warn(reader->problems, item->at, NULL, "\"%s\" is named twice", item->text);
    } else {
        needs[step->needs_count++] = other->step->index;
    }
}

static void resolve_step_needs(struct reader *reader, const struct step_source *source)
{
    const struct yaml_node *node = yaml_find(source->node, "needs");
    size_t count = !node ? 0 : node->kind == YAML_LIST ? node->count : 1;
    int *needs;

    if (count == 0) {
        return;
    }
    if (source->is_fix) {
        problems_add(reader->problems, node->at, "remove it",
                     "fix steps run one after the other; they have no needs");
        return;
    }
    needs = arena_zero(reader->arena, count, sizeof(*needs));
    source->step->needs = needs;
    for (size_t i = 0; i < count; i++) {
        add_step_need(reader, source, list_item(node, i), needs);
    }
}

/* ---- what comes before what ------------------------------------------------------------- */

static size_t row_words(const struct reader *reader)
{
    return reader->workflow->phase_count / WORD_BITS + 1;
}

static void add_upstream(const struct reader *reader, const struct phase *phase)
{
    size_t words = row_words(reader);
    uint64_t *row = reader->upstream + (size_t)phase->index * words;

    for (size_t i = 0; i < phase->needs_count; i++) {
        size_t need = (size_t)phase->needs[i];
        const uint64_t *other = reader->upstream + need * words;

        row[need / WORD_BITS] |= UINT64_C(1) << (need % WORD_BITS);
        for (size_t word = 0; word < words; word++) {
            row[word] |= other[word];
        }
    }
}

/* Rows in an order in which each phase follows what it needs (Kahn); there is no cycle. */
static void compute_upstream(struct reader *reader)
{
    size_t count = reader->workflow->phase_count;
    bool *is_done = arena_zero(reader->scratch, count + 1, sizeof(*is_done));
    size_t *stack = arena_zero(reader->scratch, count + 1, sizeof(*stack));

    for (size_t start = 0; start < count; start++) {
        size_t depth = 0;

        stack[depth++] = start;
        while (depth > 0 && !is_done[start]) {
            const struct phase *phase = &reader->phases[stack[depth - 1]];
            size_t open = 0;

            while (open < phase->needs_count && is_done[phase->needs[open]]) {
                open++;
            }
            if (open < phase->needs_count) {
                stack[depth++] = (size_t)phase->needs[open];
            } else {
                add_upstream(reader, phase);
                is_done[phase->index] = true;
                depth--;
            }
        }
    }
}

bool graph_is_upstream(const struct reader *reader, int before, int after)
{
    const uint64_t *row = reader->upstream + (size_t)after * row_words(reader);

    return row[(size_t)before / WORD_BITS] >> ((size_t)before % WORD_BITS) & 1;
}

bool graph_is_step_before(const struct phase *phase, int before, int after)
{
    bool *is_seen;
    int *stack;
    size_t depth = 0;
    bool is_found = false;

    if (phase->mode == MODE_SEQUENTIAL) {
        return before < after;
    }
    is_seen = mem_zero(phase->step_count + 1, sizeof(*is_seen));
    stack = mem_zero(phase->step_count + 1, sizeof(*stack));
    stack[depth++] = after;
    while (depth > 0 && !is_found) {
        const struct step *step = &phase->steps[stack[--depth]];

        for (size_t i = 0; i < step->needs_count; i++) {
            is_found = is_found || step->needs[i] == before;
            if (!is_seen[step->needs[i]]) {
                is_seen[step->needs[i]] = true;
                stack[depth++] = step->needs[i];
            }
        }
    }
    free(is_seen);
    free(stack);
    return is_found;
}

/* ---- goto ------------------------------------------------------------------------------- */

static void resolve_goto(const struct reader *reader, const struct yaml_node *map, int phase,
                         struct on_failure *target)
{
    const struct yaml_node *node = yaml_find(yaml_find(map, "on_failure"), "goto");
    const struct phase *other;

    if (target->action != FAILURE_GOTO || !node) {
        return;
    }
    other = map_find(reader->phase_ids, node->text);
    if (!other) {
        report_unknown_phase(reader, node);
        return;
    }
    target->goto_phase = other->index;
    if (other->index == phase) {
        problems_add(reader->problems, node->at, "use `retry` of steps, or `mode: adaptive`",
                     "goto must name an earlier phase, not its own");
    } else if (reader->upstream && !graph_is_upstream(reader, other->index, phase)) {
        problems_add(reader->problems, node->at, "name a phase that this one needs",
                     "goto must name an earlier phase; \"%s\" does not come before \"%s\"",
                     other->id, reader->phases[phase].id);
    }
}

static void check_cycles(struct reader *reader)
{
    struct graph graph = {.count = reader->workflow->phase_count,
                          .get_id = phase_id,
                          .get_needs = phase_needs,
                          .phases = reader->phases};
    size_t start = 0;
    char *cycle = find_cycle(&graph, &start);

    if (cycle) {
        problems_add(reader->problems, reader->phases[start].at,
                     "remove one of these needs; to go back after a failure use `on_failure: goto`",
                     "the phases need each other in a circle: %s", cycle);
        free(cycle);
        /* Before and after mean nothing now; no further reports about it. */
        reader->has_loops = true;
    } else {
        reader->upstream = arena_zero(reader->scratch, (graph.count + 1) * row_words(reader),
                                      sizeof(uint64_t));
        compute_upstream(reader);
    }
    for (size_t i = 0; i < reader->workflow->phase_count; i++) {
        const struct phase *phase = &reader->phases[i];

        graph = (struct graph){.count = phase->step_count,
                               .get_id = step_id,
                               .get_needs = step_needs,
                               .steps = phase->steps};
        cycle = find_cycle(&graph, &start);
        if (cycle) {
            problems_add(reader->problems, phase->steps[start].at, "remove one of these needs",
                         "the steps need each other in a circle: %s", cycle);
            free(cycle);
        }
    }
}

void check_graph(struct reader *reader)
{
    for (size_t i = 0; i < reader->workflow->phase_count; i++) {
        resolve_phase_needs(reader, (int)i);
    }
    for (size_t i = 0; i < reader->steps.count; i++) {
        resolve_step_needs(reader, reader->steps.items[i]);
    }
    check_cycles(reader);
    for (size_t i = 0; i < reader->workflow->phase_count; i++) {
        resolve_goto(reader, reader->phase_nodes[i], (int)i, &reader->phases[i].on_failure);
    }
    for (size_t i = 0; i < reader->steps.count; i++) {
        struct step_source *source = reader->steps.items[i];

        resolve_goto(reader, source->node, source->phase, &source->step->on_failure);
    }
}
