/* SPDX-License-Identifier: MIT */
/* What expressions refer to: does it exist, and can it have a value by then? */
#include "base/nearest.h"
#include "base/utf8.h"
#include "workflow/reader.h"

#include <stdio.h>
#include <string.h>

struct path_check {
    struct reader *reader;
    const struct expression_use *use;
    const struct place *place;
    char *hint;
    size_t hint_size;
    char text[256];
};

static const char *const roots[] = {"inputs", "steps", "phases", "run", "signals", "item", "index"};
static const char *const run_keys[] = {"id", "task", "iteration", "project", "strategy"};
static const char *const phase_keys[] = {"status", "steps", "error", "before"};
static const char *const step_keys[] = {"status", "output",   "exit_status", "attempts",
                                        "error",  "duration", "suggestions", "artifacts",
                                        "before", "skipped"};
static const char *const before_keys[] = {"status", "output", "error"};

static void suggest(const struct path_check *check, const char *wanted, const char *const *known,
                    size_t count)
{
    const char *nearest = nearest_name(wanted, known, count);

    if (nearest) {
        (void)snprintf(check->hint, check->hint_size, "did you mean \"%s\"?", nearest);
    }
}

static bool is_one_of(const char *wanted, const char *const *known, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(known[i], wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* "inputs" alone and so on: a root that needs a name after it. */
static const char *report_no_name(const struct path_check *check, const char *root)
{
    (void)snprintf(check->hint, check->hint_size, "write %s.NAME", root);
    return "a name is missing after it";
}

/* ---- inputs, run, signals --------------------------------------------------------------- */

static const char *check_input(struct path_check *check, const char *const *parts, size_t count)
{
    const struct yaml_node *inputs = yaml_find(check->reader->root, "inputs");
    const char **known;

    if (count < 2) {
        return report_no_name(check, "inputs");
    }
    /* An input that is there but wrong has its own report. */
    for (size_t i = 0; inputs && i < inputs->count; i++) {
        if (strcmp(inputs->entries[i].key->text, parts[1]) == 0) {
            return count > 2 ? "an input has no parts" : NULL;
        }
    }
    known = arena_zero(check->reader->scratch, inputs ? inputs->count : 1, sizeof(*known));
    for (size_t i = 0; inputs && i < inputs->count; i++) {
        known[i] = inputs->entries[i].key->text;
    }
    suggest(check, parts[1], known, inputs ? inputs->count : 0);
    (void)snprintf(check->text, sizeof(check->text), "there is no input \"%s\"",
                   UTF8_CUT(parts[1], 80));
    return check->text;
}

static const char *check_run(struct path_check *check, const char *const *parts, size_t count)
{
    if (count < 2) {
        return report_no_name(check, "run");
    }
    if (!is_one_of(parts[1], run_keys, ARRAY_LEN(run_keys))) {
        suggest(check, parts[1], run_keys, ARRAY_LEN(run_keys));
        (void)snprintf(check->text, sizeof(check->text),
                       "a run has no \"%s\"; it has id, task, iteration, project, strategy",
                       UTF8_CUT(parts[1], 80));
        return check->text;
    }
    return count > 2 ? "it has no parts" : NULL;
}

static const char *check_item(const struct path_check *check)
{
    if (check->place->has_item) {
        return NULL;
    }
    (void)snprintf(check->hint, check->hint_size, "give the step a `foreach`");
    return "it is only known inside a step with foreach";
}

/* ---- steps ------------------------------------------------------------------------------ */

static const char *check_step_property(struct path_check *check, const struct step *step,
                                       const char *name)
{
    const char *known[ARRAY_LEN(step_keys) + 64];
    size_t count = 0;
    const json_t *properties = json_object_get(step->schema, "properties");
    const char *key;
    json_t *value;

    if (step->format == OUTPUT_JSON && !json_is_object(properties)) {
        return NULL;
    }
    while (count < ARRAY_LEN(step_keys)) {
        known[count] = step_keys[count];
        count++;
    }
    if (json_object_get(properties, name)) {
        return NULL;
    }
    json_object_foreach((json_t *)(uintptr_t)properties, key, value)
    {
        if (count < ARRAY_LEN(known)) {
            known[count++] = key;
        }
    }
    suggest(check, name, known, count);
    if (!*check->hint && step->format == OUTPUT_TEXT) {
        (void)snprintf(check->hint, check->hint_size,
                       "give the step `format: json` to reach into its output");
    }
    (void)snprintf(check->text, sizeof(check->text), "the step \"%s\" gives no \"%s\"", step->id,
                   UTF8_CUT(name, 80));
    return check->text;
}

/* steps.S.before.output...: of the round before. */
static const char *check_before(struct path_check *check, const char *const *parts, size_t count)
{
    if (count > 3 && is_one_of(parts[3], before_keys, ARRAY_LEN(before_keys))) {
        return NULL;
    }
    (void)snprintf(check->hint, check->hint_size, "write steps.%.64s.before.output", parts[1]);
    return "of the round before there are status, output and error";
}

static const char *check_step_parts(struct path_check *check, const struct step *step,
                                    const char *const *parts, size_t count)
{
    if (count < 3) {
        return NULL;
    }
    if (!is_one_of(parts[2], step_keys, ARRAY_LEN(step_keys))) {
        return check_step_property(check, step, parts[2]);
    }
    if (strcmp(parts[2], "before") == 0) {
        return check_before(check, parts, count);
    }
    if (count > 3 && strcmp(parts[2], "output") != 0 && strcmp(parts[2], "artifacts") != 0 &&
        strcmp(parts[2], "error") != 0) {
        return "it has no parts";
    }
    /* Of an agent's or a function's text the run may make more than a text. */
    if (count > 3 && strcmp(parts[2], "output") == 0 && step->kind == STEP_COMMAND &&
        step->format == OUTPUT_TEXT && !step->foreach_list) {
        (void)snprintf(check->hint, check->hint_size,
                       "give the step `format: json` to reach into its output");
        (void)snprintf(check->text, sizeof(check->text), "the output of the step \"%s\" is a text",
                       step->id);
        return check->text;
    }
    return NULL;
}

static bool can_have_run_in_phase(const struct path_check *check, const struct step_source *target)
{
    const struct place *place = check->place;
    const struct phase *phase = &check->reader->phases[place->phase];

    if (place->kind == PLACE_PHASE_WHEN) {
        return false;
    }
    if (place->kind == PLACE_PHASE_UNTIL || phase->mode == MODE_ADAPTIVE) {
        return true;
    }
    if (place->step == target || target->is_fix || place->step->is_fix) {
        return false;
    }
    return graph_is_step_before(phase, target->step->index, place->step->step->index);
}

static bool can_have_run(const struct path_check *check, const struct step_source *target)
{
    const struct place *place = check->place;

    if (place->kind == PLACE_WORKFLOW_UNTIL || place->kind == PLACE_GATE ||
        check->reader->has_loops) {
        return true;
    }
    if (place->phase == target->phase) {
        return can_have_run_in_phase(check, target);
    }
    return graph_is_upstream(check->reader, target->phase, place->phase);
}

static const char *report_unknown_step(struct path_check *check, const char *name)
{
    const struct reader *reader = check->reader;
    const char **known = arena_zero(reader->scratch, reader->steps.count + 1, sizeof(*known));

    for (size_t i = 0; i < reader->steps.count; i++) {
        known[i] = reader->steps.items[i]->step->id;
    }
    suggest(check, name, known, reader->steps.count);
    (void)snprintf(check->text, sizeof(check->text), "there is no step \"%s\"", UTF8_CUT(name, 80));
    return check->text;
}

static const char *check_step(struct path_check *check, const char *const *parts, size_t count)
{
    const struct step_source *target;

    if (count < 2) {
        return report_no_name(check, "steps");
    }
    target = map_find(check->reader->step_ids, parts[1]);
    if (!target) {
        return report_unknown_step(check, parts[1]);
    }
    if (!can_have_run(check, target)) {
        const struct phase *phase = &check->reader->phases[target->phase];

        (void)snprintf(check->text, sizeof(check->text),
                       "the step \"%s\" has not run by then: it is in the phase \"%s\"", parts[1],
                       phase->id);
        (void)snprintf(check->hint, check->hint_size, "add it to `needs`, or move one of them");
        return check->text;
    }
    return check_step_parts(check, target->step, parts, count);
}

/* ---- phases ----------------------------------------------------------------------------- */

static const char *report_unknown_phase(struct path_check *check, const char *name)
{
    const struct workflow *workflow = check->reader->workflow;
    const char **known = arena_zero(check->reader->scratch, workflow->phase_count + 1,
                                    sizeof(*known));

    for (size_t i = 0; i < workflow->phase_count; i++) {
        known[i] = workflow->phases[i].id;
    }
    suggest(check, name, known, workflow->phase_count);
    (void)snprintf(check->text, sizeof(check->text), "there is no phase \"%s\"",
                   UTF8_CUT(name, 80));
    return check->text;
}

static const char *check_phase(struct path_check *check, const char *const *parts, size_t count)
{
    const struct place *place = check->place;
    const struct phase *target;
    bool is_anywhere = place->kind == PLACE_WORKFLOW_UNTIL || place->kind == PLACE_GATE ||
                       check->reader->has_loops;

    if (count < 2) {
        return report_no_name(check, "phases");
    }
    target = map_find(check->reader->phase_ids, parts[1]);
    if (!target) {
        return report_unknown_phase(check, parts[1]);
    }
    if (!is_anywhere && target->index != place->phase &&
        !graph_is_upstream(check->reader, target->index, place->phase)) {
        (void)snprintf(check->text, sizeof(check->text), "the phase \"%s\" has not run by then",
                       target->id);
        (void)snprintf(check->hint, check->hint_size, "add it to the `needs` of the phase");
        return check->text;
    }
    if (count > 2 && !is_one_of(parts[2], phase_keys, ARRAY_LEN(phase_keys))) {
        suggest(check, parts[2], phase_keys, ARRAY_LEN(phase_keys));
        return "a phase has no such part; it has status, steps, error, before";
    }
    if (count > 2 && strcmp(parts[2], "before") == 0 &&
        (count != 4 || strcmp(parts[3], "error") != 0)) {
        (void)snprintf(check->hint, check->hint_size, "write phases.%.64s.before.error", parts[1]);
        return "of the round before there is the error";
    }
    return NULL;
}

/* ---- all -------------------------------------------------------------------------------- */

static const char *check_path(void *context, const char *const *parts, size_t part_count,
                              char *ret_hint, size_t hint_size)
{
    struct path_check *check = context;

    check->hint = ret_hint;
    check->hint_size = hint_size;
    if (strcmp(parts[0], "inputs") == 0) {
        return check_input(check, parts, part_count);
    }
    if (strcmp(parts[0], "steps") == 0) {
        return check_step(check, parts, part_count);
    }
    if (strcmp(parts[0], "phases") == 0) {
        return check_phase(check, parts, part_count);
    }
    if (strcmp(parts[0], "run") == 0) {
        return check_run(check, parts, part_count);
    }
    if (strcmp(parts[0], "signals") == 0) {
        return part_count < 2 ? report_no_name(check, "signals") : NULL;
    }
    if (strcmp(parts[0], "item") == 0 || strcmp(parts[0], "index") == 0) {
        return check_item(check);
    }
    suggest(check, parts[0], roots, ARRAY_LEN(roots));
    (void)snprintf(check->text, sizeof(check->text),
                   "\"%s\" is not known; known are inputs, steps, phases, run, signals, item, "
                   "index",
                   UTF8_CUT(parts[0], 80));
    return check->text;
}

static void report_path(void *context, const struct expression_problem *problem)
{
    const struct path_check *check = context;
    const struct expression_use *use = check->use;

    problems_add(check->reader->problems,
                 yaml_position_in(use->node, check->reader->source, use->offset + problem->offset),
                 problem->hint, "%s", problem->text);
}

void check_paths(struct reader *reader)
{
    /* Looking for near names takes time; a hostile file must not buy more of it than it sees. */
    for (size_t i = 0; i < reader->uses.count && !reader->problems->truncated; i++) {
        const struct expression_use *use = &reader->uses.items[i];
        struct path_check check = {.reader = reader, .use = use, .place = &use->place};
        struct expression_reporter reporter = {.add = report_path, .context = &check};

        if (use->expression) {
            (void)expression_check_paths(use->expression, check_path, &check, &reporter);
        } else {
            (void)template_check_paths(use->template_, check_path, &check, &reporter);
        }
    }
}
