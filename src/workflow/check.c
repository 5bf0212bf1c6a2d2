/* SPDX-License-Identifier: MIT */
/* Names of the outside, and what is allowed but cannot be meant. */
#include "base/nearest.h"
#include "workflow/reader.h"

#include <stdio.h>
#include <string.h>

/* ---- names ------------------------------------------------------------------------------ */

/* What a step may name of the outside: the word for it, and what to do when it is not there. */
static const struct {
    const char *word;
    const char *advice;
} outside_kinds[] = {
    [OUTSIDE_AGENT] = {"agent", "configure it under `agents:` in config.yaml"},
    [OUTSIDE_EXPERT] = {"expert", "put it as NAME.md into .fermata/experts"},
    [OUTSIDE_FUNCTION] = {"function", NULL},
    [OUTSIDE_WORKFLOW] = {"workflow", "`fermata workflows` lists them"},
};

static void check_name(const struct reader *reader, const struct yaml_node *node,
                       enum outside_kind kind)
{
    const char *nearest;
    char hint[200];

    if (!node || !reader->names->has ||
        reader->names->has(kind, node->text, reader->names->context)) {
        return;
    }
    nearest = names_nearest(reader, kind, node->text, NULL);
    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    }
    problems_add(reader->problems, node->at, nearest ? hint : outside_kinds[kind].advice,
                 "there is no %s \"%s\"", outside_kinds[kind].word, node->text);
}

static void check_agents(const struct reader *reader, const struct yaml_node *node)
{
    const struct yaml_node *fallback = yaml_find(node, "fallback");
    const struct yaml_node *settler = yaml_find(node, "on_conflict");

    check_name(reader, yaml_find(node, "agent"), OUTSIDE_AGENT);
    if (settler && settler->text && strcmp(settler->text, "pause") != 0) {
        check_name(reader, settler, OUTSIDE_AGENT);
    }
    if (fallback && fallback->kind == YAML_SCALAR) {
        check_name(reader, fallback, OUTSIDE_AGENT);
    }
    for (size_t i = 0; fallback && fallback->kind == YAML_LIST && i < fallback->count; i++) {
        check_name(reader, fallback->items[i], OUTSIDE_AGENT);
    }
}

static void check_step_names(const struct reader *reader, const struct yaml_node *node)
{
    check_agents(reader, node);
    check_name(reader, yaml_find(node, "expert"), OUTSIDE_EXPERT);
    check_name(reader, yaml_find(node, "use"), OUTSIDE_FUNCTION);
    check_name(reader, yaml_find(yaml_find(node, "static"), "use"), OUTSIDE_FUNCTION);
    check_name(reader, yaml_find(node, "workflow"), OUTSIDE_WORKFLOW);
    check_call(reader, node);
    check_arguments(reader, node);
    check_arguments(reader, yaml_find(node, "static"));
}

void check_gate_names(const struct reader *reader, const struct yaml_node *root)
{
    const struct yaml_node *gates = yaml_find(root, "gates");

    for (size_t i = 0; gates && i < gates->count; i++) {
        const struct yaml_node *list = gates->entries[i].is_bad
                                           ? NULL
                                           : yaml_find(gates->entries[i].value, "commands");

        for (size_t j = 0; list && j < list->count; j++) {
            check_name(reader, yaml_find(list->items[j], "use"), OUTSIDE_FUNCTION);
            check_arguments(reader, list->items[j]);
        }
    }
}

static void check_report(const struct reader *reader)
{
    const struct yaml_node *node = yaml_find(reader->root, "report");
    const char **known;
    const char *nearest;
    char hint[200] = "";

    if (!node || map_find(reader->step_ids, node->text)) {
        return;
    }
    known = arena_zero(reader->scratch, reader->steps.count + 1, sizeof(*known));
    for (size_t i = 0; i < reader->steps.count; i++) {
        known[i] = reader->steps.items[i]->step->id;
    }
    nearest = nearest_name(node->text, known, reader->steps.count);
    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    }
    problems_add(reader->problems, node->at, hint, "there is no step \"%s\" for the report",
                 node->text);
}

void check_names(struct reader *reader)
{
    check_report(reader);
    if (!reader->names) {
        return;
    }
    if (reader->defaults) {
        check_agents(reader, reader->defaults);
    }
    for (size_t i = 0; i < reader->steps.count; i++) {
        check_step_names(reader, reader->steps.items[i]->node);
    }
    check_gate_names(reader, reader->root);
}

/* ---- suspicious things ------------------------------------------------------------------ */

static const char *note_path(void *context, const char *const *parts, size_t part_count,
                             char *ret_hint, size_t hint_size)
{
    (void)parts;
    (void)part_count;
    (void)ret_hint;
    (void)hint_size;
    *(bool *)context = true;
    return NULL;
}

/* The value that the expression has whatever happens, to be released; NULL: it has none. */
static json_t *get_constant(const struct expression *expression)
{
    json_t *value = NULL;
    bool has_path = false;

    (void)expression_check_paths(expression, note_path, &has_path, NULL);
    /* Without a path nothing is looked up, so no lookup is needed. */
    if (has_path || expression_evaluate(expression, NULL, NULL, &value, NULL) < 0) {
        return NULL;
    }
    return value;
}

/* True when there is one; *ret_value says which truth. */
static bool is_constant(const struct expression *expression, bool *ret_value)
{
    json_t *value = get_constant(expression);

    *ret_value = value && json_is_truthy(value);
    json_decref(value);
    return value != NULL;
}

static void check_list(const struct reader *reader, const struct step_source *source)
{
    const struct yaml_node *node = yaml_find(source->node, "foreach");
    json_t *value = source->step->foreach_list ? get_constant(source->step->foreach_list) : NULL;

    if (value && !json_is_array(value)) {
        problems_add(reader->problems, node->at,
                     "write a list, or an expression such as steps.ID.output.NAME",
                     "the step \"%s\" is to run for each of what is no list", source->step->id);
    }
    json_decref(value);
}

static void check_phase_when(const struct reader *reader, const struct phase *phase)
{
    const struct yaml_node *node = yaml_find(reader->phase_nodes[phase->index], "when");
    bool value;

    if (!phase->when || !is_constant(phase->when, &value)) {
        return;
    }
    if (value) {
        problems_warn(reader->problems, node->at, "remove it", "this condition is always true");
    } else {
        problems_add(reader->problems, node->at, "remove the phase, or give it a real condition",
                     "the phase \"%s\" can never run: its condition is always false", phase->id);
    }
}

static void check_until(const struct reader *reader, const struct yaml_node *map,
                        const struct iterate *iterate)
{
    const struct yaml_node *node = yaml_find(yaml_find(map, "iterate"), "until");
    bool value;

    if (iterate->until && is_constant(iterate->until, &value)) {
        problems_warn(reader->problems, node->at, NULL,
                      value ? "this condition is always true, so there is only one round"
                            : "this condition is always false, so there are always `max` rounds");
    }
}

static void check_mode(const struct reader *reader, const struct phase *phase)
{
    const struct yaml_node *node = reader->phase_nodes[phase->index];
    const struct yaml_node *width = yaml_find(node, "width");
    const struct yaml_node *rounds = yaml_find(node, "rounds");
    const struct yaml_node *fix = yaml_find(node, "fix");

    if (width && phase->mode != MODE_PARALLEL) {
        problems_warn(reader->problems, width->at, "write `mode: parallel`",
                      "the width has no effect: only parallel phases have one");
    }
    if (phase->mode != MODE_ADAPTIVE && rounds) {
        problems_warn(reader->problems, rounds->at, "write `mode: adaptive`",
                      "the rounds have no effect: only adaptive phases have them");
    }
    if (phase->mode != MODE_ADAPTIVE && fix) {
        problems_add(reader->problems, fix->at, "write `mode: adaptive`",
                     "only adaptive phases have fix steps");
    }
    if (phase->mode == MODE_ADAPTIVE && !fix) {
        problems_warn(reader->problems, node->at, "add `fix:` with the steps that repair",
                      "the adaptive phase \"%s\" has no fix steps: it only tries again", phase->id);
    }
}

static void check_phase(const struct reader *reader, const struct phase *phase)
{
    const struct yaml_node *node = reader->phase_nodes[phase->index];
    const struct yaml_node *steps = yaml_find(node, "steps");

    if (node->kind != YAML_MAP) {
        return;
    }
    /* A list that is there but wrong has its own report. */
    if (phase->step_count == 0 && !yaml_find(node, "gate") && (!steps || steps->count == 0)) {
        bool is_there = false;

        for (size_t i = 0; i < node->count; i++) {
            is_there = is_there || node->entries[i].is_bad;
        }
        if (!is_there) {
            problems_add(reader->problems, node->at, "add `steps:` or `gate:`",
                         "the phase \"%s\" does nothing", phase->id);
        }
    }
    if (phase->trigger == TRIGGER_ONE_SUCCESS && phase->needs_count == 0) {
        problems_add(reader->problems, node->at, "give it `needs`, or another trigger",
                     "the phase \"%s\" can never run: it waits for one success of nothing",
                     phase->id);
    }
    check_mode(reader, phase);
    check_phase_when(reader, phase);
    check_until(reader, node, &phase->iterate);
}

/* Of what comes into no project by a merge, there is nothing that a gate could keep from it, or
 * that would become a commit. */
static void check_merged(const struct reader *reader, const struct step_source *source)
{
    const struct step *step = source->step;
    const struct yaml_node *commit = yaml_find(source->node, "commit");
    bool is_merged = step->workspace && strcmp(step->workspace, "clone") == 0 && !step->read_only;

    if (step->gate && !is_merged) {
        problems_add(reader->problems, yaml_find(source->node, "gate")->at,
                     step->read_only ? "give the gate to the phase"
                                     : "write `workspace: clone`, or give the gate to the phase",
                     "the step \"%s\" has a gate, but no work that would be merged", step->id);
    }
    if (commit && step->commit && !is_merged) {
        problems_add(reader->problems, commit->at,
                     step->read_only ? "remove it" : "write `workspace: clone`",
                     "the step \"%s\" has no work that would be merged, so none to commit",
                     step->id);
    }
}

static void check_step(const struct reader *reader, const struct step_source *source)
{
    const struct step *step = source->step;
    const struct yaml_node *when = yaml_find(source->node, "when");
    bool value;

    if (step->when && is_constant(step->when, &value)) {
        problems_warn(reader->problems, when->at, "remove it, or the step",
                      "this condition is always %s", value ? "true" : "false");
    }
    if (step->trigger == TRIGGER_ONE_SUCCESS && step->needs_count == 0 &&
        yaml_find(source->node, "trigger") && !yaml_find(source->node, "needs")) {
        problems_add(reader->problems, source->node->at, "give it `needs`, or another trigger",
                     "the step \"%s\" can never run: it waits for one success of nothing",
                     step->id);
    }
    check_list(reader, source);
    check_merged(reader, source);
    for (size_t i = 0; i < step->fallback_count; i++) {
        if (step->agent && strcmp(step->fallback[i], step->agent) == 0) {
            problems_warn(reader->problems, yaml_find(source->node, "fallback")->at, "remove it",
                          "the agent \"%s\" is its own fallback", step->agent);
        }
    }
}

/* Two steps that write one artifact hide each other's. */
static void check_outputs(const struct reader *reader)
{
    struct map *owners = map_new();

    for (size_t i = 0; i < reader->steps.count; i++) {
        struct step_source *source = reader->steps.items[i];
        const struct step_source *other = source->step->output
                                              ? map_put(owners, source->step->output, source)
                                              : NULL;

        if (other && other->phase == source->phase) {
            problems_warn(reader->problems, yaml_find(source->node, "output")->at,
                          "give them different names",
                          "the output \"%s\" is also that of the step \"%s\"", source->step->output,
                          other->step->id);
        }
    }
    map_free(owners);
}

void check_suspicious(struct reader *reader)
{
    for (size_t i = 0; i < reader->workflow->phase_count; i++) {
        check_phase(reader, &reader->phases[i]);
    }
    for (size_t i = 0; i < reader->steps.count; i++) {
        check_step(reader, reader->steps.items[i]);
    }
    check_until(reader, reader->root, &reader->workflow->iterate);
    check_outputs(reader);
}
