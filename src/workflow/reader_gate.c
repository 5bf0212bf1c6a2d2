/* SPDX-License-Identifier: MIT */
#include "workflow/reader.h"

#include <stdio.h>
#include <string.h>

#define CHECKS_MAX 200
#define CHECK_TIMEOUT_MS (INT64_C(10) * 60 * 1000)

static const struct {
    const char *name;
    const char *description;
    const char *functions[3];
} builtin_gates[] = {
    {"pre-commit",
     "Lint, format and types are clean.",
     {"check-lint", "check-format", "check-types"}},
    {"pre-push", "The tests pass and cover enough.", {"check-tests", "check-coverage", NULL}},
    {"pre-deploy",
     "No known security problem, and it builds.",
     {"check-security", "check-build", NULL}},
};

const char *workflow_builtin_gate(size_t index)
{
    return index < ARRAY_LEN(builtin_gates) ? builtin_gates[index].name : NULL;
}

static void read_check(struct reader *reader, const struct yaml_node *node,
                       struct gate_check *check)
{
    const struct yaml_node *command = yaml_find(node, "run");

    check->at = node->at;
    check->command = read_text(reader, node, "run");
    check->function = read_text(reader, node, "use");
    check->name = read_text(reader, node, "name");
    if (!check->name) {
        check->name = check->command ? check->command : check->function;
    }
    check->with = read_variables(reader, yaml_find(node, "with"), false,
                                 (struct place){.kind = PLACE_GATE}, &check->with_count);
    check->exit_status = (int)read_integer(node, "exit_status", 0);
    check->tests_min = read_integer(node, "tests_min", -1);
    check->coverage_min = read_number(node, "coverage_min", -1);
    check->timeout_ms = read_duration(node, "timeout", CHECK_TIMEOUT_MS);
    check->junit = read_text(reader, node, "junit");
    if (!check->command == !check->function) {
        problems_add(reader->problems, node->at, NULL, "a check needs one of \"run\" and \"use\"");
    }
    if (check->command && strstr(check->command, "${{")) {
        problems_add(reader->problems, command->at, "a check sees the run's values by environment",
                     "a command may not hold ${{ }}: a value could become part of the command");
    }
    if (check->with_count > 0 && !check->function) {
        problems_add(reader->problems, node->at, NULL, "\"with\" of a check belongs to \"use\"");
    }
}

void read_gate(struct reader *reader, const struct yaml_entry *entry, struct gate *target)
{
    const struct yaml_node *commands = yaml_find(entry->value, "commands");
    struct gate_check *checks;

    target->name = arena_strdup(reader->arena, entry->key->text);
    target->at = entry->key->at;
    target->description = read_text(reader, entry->value, "description");
    target->allow_skip = read_boolean(entry->value, "allow_skip", true);
    if (!commands) {
        return;
    }
    if (commands->count == 0 || commands->count > CHECKS_MAX) {
        problems_add(reader->problems, commands->at, "a gate without a check could never say fail",
                     "the gate \"%s\" needs 1 to %d commands", target->name, CHECKS_MAX);
        return;
    }
    checks = arena_zero(reader->arena, commands->count, sizeof(*checks));
    for (size_t i = 0; i < commands->count; i++) {
        read_check(reader, commands->items[i], &checks[i]);
    }
    target->checks = checks;
    target->check_count = commands->count;
}

/* ---- copies -------------------------------------------------------------------------------------
 */

static const struct named_template *
copy_variables(const struct reader *reader, const struct named_template *variables, size_t count)
{
    struct named_template *copy = arena_zero(reader->arena, count ? count : 1, sizeof(*copy));

    for (size_t i = 0; i < count; i++) {
        const char *text = template_text(variables[i].value);

        copy[i].name = arena_strdup(reader->arena, variables[i].name);
        /* It has been parsed once, so it can be parsed again. */
        (void)template_parse(reader->arena, text, strlen(text), NULL, &copy[i].value);
    }
    return copy;
}

void gate_copy(struct reader *reader, const struct gate *gate, struct gate *target)
{
    struct gate_check *checks = arena_zero(reader->arena, gate->check_count ? gate->check_count : 1,
                                           sizeof(*checks));

    *target = *gate;
    target->name = arena_strdup(reader->arena, gate->name);
    target->description = arena_strdup(reader->arena, gate->description);
    for (size_t i = 0; i < gate->check_count; i++) {
        checks[i] = gate->checks[i];
        checks[i].name = arena_strdup(reader->arena, checks[i].name);
        checks[i].command = arena_strdup(reader->arena, checks[i].command);
        checks[i].function = arena_strdup(reader->arena, checks[i].function);
        checks[i].junit = arena_strdup(reader->arena, checks[i].junit);
        checks[i].with = copy_variables(reader, checks[i].with, checks[i].with_count);
    }
    target->checks = checks;
}

static void make_builtin(const struct reader *reader, size_t row, struct gate *target)
{
    struct gate_check *checks = arena_zero(reader->arena, ARRAY_LEN(builtin_gates[row].functions),
                                           sizeof(*checks));

    *target = (struct gate){.name = builtin_gates[row].name,
                            .description = builtin_gates[row].description,
                            .allow_skip = true,
                            .checks = checks};
    for (size_t i = 0; i < ARRAY_LEN(builtin_gates[row].functions); i++) {
        const char *function = builtin_gates[row].functions[i];

        if (function) {
            checks[target->check_count++] = (struct gate_check){
                .name = function,
                .function = function,
                .tests_min = -1,
                .coverage_min = -1,
                .timeout_ms = CHECK_TIMEOUT_MS,
            };
        }
    }
}

/* ---- which gates a workflow has --------------------------------------------------------- */

static bool find_outside(struct reader *reader, const char *name, struct gate *target)
{
    const struct workflow_names *names = reader->names;
    const struct yaml_entry *pinned = pin_find(reader, name);
    const struct gate *gate;

    if (pinned) {
        read_gate(reader, pinned, target);
        return true;
    }
    gate = names && names->find_gate ? names->find_gate(name, names->context) : NULL;
    if (gate) {
        gate_copy(reader, gate, target);
        target->is_configured = true;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(builtin_gates); i++) {
        if (strcmp(builtin_gates[i].name, name) == 0) {
            make_builtin(reader, i, target);
            return true;
        }
    }
    return false;
}

static void report_unknown_gate(const struct reader *reader, const struct yaml_node *node)
{
    struct name_list known = {0};
    char hint[200] = "define it under `gates:`";
    const char *nearest;

    for (size_t i = 0; i < reader->workflow->gate_count; i++) {
        *VEC_PUSH(&known) = (char *)(uintptr_t)reader->workflow->gates[i].name;
    }
    for (size_t i = 0; i < ARRAY_LEN(builtin_gates); i++) {
        *VEC_PUSH(&known) = (char *)(uintptr_t)builtin_gates[i].name;
    }
    nearest = names_nearest(reader, OUTSIDE_GATE, node->text, &known);
    VEC_RELEASE(&known);
    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    }
    problems_add(reader->problems, node->at, hint, "there is no gate \"%s\"", node->text);
}

struct gate_reading {
    struct reader *reader;
    struct gate *gates;
    struct map *by_name;
};

/* NULL: it names none, or none that there is, which is reported. */
static const struct gate *resolve_gate(struct gate_reading *reading, const struct yaml_node *owner)
{
    const struct yaml_node *node = yaml_find(owner, "gate");
    struct workflow *workflow = reading->reader->workflow;
    struct gate *gate = node ? map_find(reading->by_name, node->text) : NULL;

    if (node && !gate &&
        find_outside(reading->reader, node->text, &reading->gates[workflow->gate_count])) {
        gate = &reading->gates[workflow->gate_count++];
        (void)map_put(reading->by_name, gate->name, gate);
    }
    if (node && !gate) {
        report_unknown_gate(reading->reader, node);
    }
    return gate;
}

void resolve_gates(struct reader *reader)
{
    const struct yaml_node *map = yaml_find(reader->root, "gates");
    size_t own_count = map ? map->count : 0;
    struct workflow *workflow = reader->workflow;
    /* No larger is ever needed, so that the pointers of phases and steps stay right. */
    struct gate *gates = arena_zero(
        reader->arena, own_count + workflow->phase_count + reader->steps.count + 1, sizeof(*gates));
    struct map *by_name = map_new();
    struct gate_reading reading = {reader, gates, by_name};

    workflow->gates = gates;
    for (size_t i = 0; i < own_count; i++) {
        if (!map->entries[i].is_bad) {
            struct gate *gate = &gates[workflow->gate_count++];

            read_gate(reader, &map->entries[i], gate);
            (void)map_put(by_name, gate->name, gate);
        }
    }
    for (size_t i = 0; i < workflow->phase_count; i++) {
        reader->phases[i].gate = resolve_gate(&reading, reader->phase_nodes[i]);
    }
    for (size_t i = 0; i < reader->steps.count; i++) {
        struct step_source *source = reader->steps.items[i];

        source->step->gate = resolve_gate(&reading, source->node);
    }
    map_free(by_name);
}
