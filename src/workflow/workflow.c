/* SPDX-License-Identifier: MIT */
#include "workflow/workflow.h"

#include "base/digest.h"
#include "workflow/reader.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What workflow_free() gets is the first member. */
struct workflow_holder {
    struct workflow workflow;
    _Atomic size_t others; /* that use it besides the first one */
    struct arena *arena;
    json_t *values;
};

/* ---- words --------------------------------------------------------------------------------------
 */

static const char *const strategies[] = {
    [STRATEGY_UNSET] = "",
    [STRATEGY_AI] = "ai",
    [STRATEGY_STATIC] = "static",
    [STRATEGY_HYBRID] = "hybrid",
};

static const char *const failure_classes[] = {
    [CLASS_NONE] = "none",           [CLASS_TRANSIENT] = "transient", [CLASS_LIMIT] = "limit",
    [CLASS_PERMANENT] = "permanent", [CLASS_REFUSED] = "refused",     [CLASS_TIMEOUT] = "timeout",
    [CLASS_CANCELLED] = "cancelled", [CLASS_LOST] = "lost",
};
static_assert(ARRAY_LEN(failure_classes) == FAILURE_CLASSES, "one word for each class");

static const char *const step_kinds[] = {
    [STEP_AGENT] = "agent",       [STEP_COMMAND] = "command",   [STEP_FUNCTION] = "function",
    [STEP_APPROVAL] = "approval", [STEP_WORKFLOW] = "workflow",
};

const char *strategy_name(enum strategy strategy)
{
    assert((size_t)strategy < ARRAY_LEN(strategies));
    return strategies[strategy];
}

enum strategy strategy_parse(const char *name)
{
    for (size_t i = STRATEGY_AI; i < ARRAY_LEN(strategies); i++) {
        if (strcmp(strategies[i], name) == 0) {
            return (enum strategy)i;
        }
    }
    return STRATEGY_UNSET;
}

const char *failure_class_name(enum failure_class class_)
{
    assert((size_t)class_ < ARRAY_LEN(failure_classes));
    return failure_classes[class_];
}

int failure_class_parse(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(failure_classes); i++) {
        if (strcmp(failure_classes[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *step_kind_name(enum step_kind kind)
{
    assert((size_t)kind < ARRAY_LEN(step_kinds));
    return step_kinds[kind];
}

/* ---- phases -------------------------------------------------------------------------------------
 */

static void read_iterate(struct reader *reader, const struct yaml_node *node, struct place place,
                         struct iterate *target)
{
    const struct yaml_node *map = yaml_find(node, "iterate");

    if (map) {
        target->max = (int)read_integer(map, "max", 1);
        target->until = read_expression(reader, map, "until", place);
        reader->has_loops = true;
    }
}

static const struct step *read_steps(struct reader *reader, const struct yaml_node *list, int phase,
                                     bool is_fix, size_t *ret_count)
{
    struct step *steps;

    *ret_count = 0;
    if (!list || list->count == 0) {
        return NULL;
    }
    if (reader->steps.count + list->count > WORKFLOW_STEPS_MAX) {
        problems_add(reader->problems, list->at, "use `foreach`, or nested workflows",
                     "more than %d steps", WORKFLOW_STEPS_MAX);
        return NULL;
    }
    steps = arena_zero(reader->arena, list->count, sizeof(*steps));
    for (size_t i = 0; i < list->count; i++) {
        struct step_source *source = arena_zero(reader->scratch, 1, sizeof(*source));

        *source = (struct step_source){&steps[i], list->items[i], phase, is_fix};
        steps[i].index = (int)i;
        *VEC_PUSH(&reader->steps) = source;
        read_step(reader, source);
    }
    *ret_count = list->count;
    return steps;
}

static void read_phase(struct reader *reader, int index)
{
    struct phase *phase = &reader->phases[index];
    const struct yaml_node *node = reader->phase_nodes[index];
    struct place place = {.kind = PLACE_PHASE_WHEN, .phase = index};

    phase->id = read_text(reader, node, "id");
    phase->id = phase->id ? phase->id : "";
    phase->name = read_text(reader, node, "name");
    phase->name = phase->name ? phase->name : phase->id;
    phase->index = index;
    phase->at = node->at;
    phase->mode = (enum phase_mode)read_word(LEVEL_PHASE, node, "mode", MODE_SEQUENTIAL);
    phase->width = (int)read_integer(node, "width", 0);
    phase->trigger = (enum trigger_rule)read_word(LEVEL_PHASE, node, "trigger",
                                                  TRIGGER_ALL_SUCCESS);
    phase->when = read_expression(reader, node, "when", place);
    phase->optional = read_boolean(node, "optional", false);
    phase->allow_skip = read_boolean(node, "allow_skip", true);
    phase->timeout_ms = read_duration(node, "timeout", 0);
    phase->rounds_max = (int)read_integer(node, "rounds", 3);
    read_on_failure(LEVEL_PHASE, node, &phase->on_failure);
    place.kind = PLACE_PHASE_UNTIL;
    read_iterate(reader, node, place, &phase->iterate);
    phase->steps = read_steps(reader, yaml_find(node, "steps"), index, false, &phase->step_count);
    phase->fix_steps = read_steps(reader, yaml_find(node, "fix"), index, true, &phase->fix_count);
}

static void read_phases(struct reader *reader)
{
    const struct yaml_node *list = yaml_find(reader->root, "phases");
    size_t count = list ? list->count : 0;

    if (list && (count == 0 || count > WORKFLOW_PHASES_MAX)) {
        problems_add(reader->problems, list->at, NULL, "a workflow needs 1 to %d phases",
                     WORKFLOW_PHASES_MAX);
        count = 0;
    }
    reader->phases = arena_zero(reader->arena, count + 1, sizeof(*reader->phases));
    reader->phase_nodes = arena_zero(reader->scratch, count + 1, sizeof(*reader->phase_nodes));
    for (size_t i = 0; i < count; i++) {
        reader->phase_nodes[i] = list->items[i];
        read_phase(reader, (int)i);
    }
    reader->workflow->phases = reader->phases;
    reader->workflow->phase_count = count;
}

static void read_suits(struct reader *reader)
{
    const struct yaml_node *map = yaml_find(reader->root, "suits");
    struct suits *suits = &reader->workflow->suits;

    suits->kinds = read_names(reader, map, "kinds", &suits->kind_count);
    suits->words = read_names(reader, map, "words", &suits->word_count);
    suits->unless = read_names(reader, map, "unless", &suits->unless_count);
    suits->surfaces = read_names(reader, map, "surfaces", &suits->surface_count);
}

/* ---- the workflow -------------------------------------------------------------------------------
 */

static void read_workflow(struct reader *reader)
{
    const struct yaml_node *root = reader->root;
    const struct yaml_node *checkpoint = yaml_find(root, "checkpoint");
    struct workflow *workflow = reader->workflow;
    int strategy = read_word(LEVEL_DEFAULTS, reader->defaults, "strategy", -1);
    static const char *const tiers[] = {"free", "pro", "team", "enterprise"};

    workflow->name = read_text(reader, root, "name");
    workflow->title = read_text(reader, root, "title");
    workflow->title = workflow->title ? workflow->title : workflow->name;
    workflow->description = read_text(reader, root, "description");
    workflow->tier = tiers[read_word(LEVEL_WORKFLOW, root, "tier", 0)];
    workflow->strategy = (enum strategy)(read_word(LEVEL_WORKFLOW, root, "strategy", strategy) +
                                         STRATEGY_AI);
    workflow->concurrency = (int)read_integer(root, "concurrency", 0);
    workflow->on_failure.action = (enum failure_action)(
        read_word(LEVEL_WORKFLOW, root, "on_failure", 0) + FAILURE_PAUSE);
    workflow->checkpoint_auto = read_boolean(checkpoint, "auto", true);
    workflow->checkpoint_retention = (int)read_integer(checkpoint, "retention", 0);
    workflow->timeout_ms = read_duration(root, "timeout", 0);
    workflow->budget = read_budget(root);
    workflow->report = read_text(reader, root, "report");
    read_iterate(reader, root, (struct place){.kind = PLACE_WORKFLOW_UNTIL}, &workflow->iterate);
    read_suits(reader);
    read_inputs(reader);
    reader->shared_env = read_variables(reader, yaml_find(reader->defaults, "env"), true,
                                        (struct place){.kind = PLACE_GATE},
                                        &reader->shared_env_count);
    workflow->read_only = read_boolean(root, "read_only", false);
    expert_pin_read(reader);
    contracts_read(reader);
    read_phases(reader);
    pin_read(reader);
    resolve_gates(reader);
    pin_write(reader);
    expert_pin_write(reader);
    contracts_write(reader);
}

static void note_ids(struct reader *reader)
{
    for (size_t i = 0; i < reader->workflow->phase_count; i++) {
        struct phase *phase = &reader->phases[i];
        const struct phase *other = *phase->id ? map_put(reader->phase_ids, phase->id, phase)
                                               : NULL;

        if (other) {
            problems_add(reader->problems, phase->at, "rename one of them",
                         "the phase id \"%s\" is taken by the phase in line %d", phase->id,
                         other->at.line);
        }
        reader->has_loops = reader->has_loops || phase->on_failure.action == FAILURE_GOTO;
    }
    for (size_t i = 0; i < reader->steps.count; i++) {
        struct step_source *source = reader->steps.items[i];
        const struct step_source *other = *source->step->id
                                              ? map_put(reader->step_ids, source->step->id, source)
                                              : NULL;

        if (other) {
            problems_add(reader->problems, source->step->at, "rename one of them",
                         "the step id \"%s\" is taken by the step in line %d", source->step->id,
                         other->step->at.line);
        }
        reader->has_loops = reader->has_loops || source->step->on_failure.action == FAILURE_GOTO;
    }
}

static void read_and_check(struct reader *reader, struct yaml_node *root)
{
    keys_check(LEVEL_WORKFLOW, root, reader->problems);
    reader->root = root;
    reader->defaults = yaml_find(root, "defaults");
    read_workflow(reader);
    note_ids(reader);
    check_graph(reader);
    check_names(reader);
    check_read_only(reader);
    check_suspicious(reader);
    check_paths(reader);
}

/* The tree has an arena of its own: the workflow stays as small as what it says. */
int workflow_parse(const char *text, size_t length, const char *file,
                   const struct workflow_names *names, struct workflow **ret_workflow,
                   struct problems *problems, struct error *err)
{
    struct workflow_holder *holder = mem_zero(1, sizeof(*holder));
    struct workflow *workflow = &holder->workflow;
    struct reader reader = {.problems = problems, .names = names, .workflow = workflow};
    struct yaml_node *root = NULL;
    int r;

    *problems = (struct problems){.file = file};
    holder->arena = arena_new();
    holder->values = json_array();
    reader.arena = holder->arena;
    reader.values = holder->values;
    reader.scratch = arena_new();
    r = yaml_parse(reader.scratch, text, length, problems, &root, err);
    if (r < 0) {
        goto out;
    }
    workflow->file = arena_strdup(holder->arena, file);
    workflow->text = arena_strndup(holder->arena, text, length);
    workflow->text_length = length;
    workflow->source_length = length;
    reader.source = workflow->text;
    reader.phase_ids = map_new();
    reader.step_ids = map_new();
    read_and_check(&reader, root);
    digest_bytes(workflow->text, workflow->text_length, workflow->digest);
    VEC_RELEASE(&reader.steps);
    VEC_RELEASE(&reader.uses);
    map_free(reader.phase_ids);
    map_free(reader.step_ids);
    problems_sort(problems);
    if (problems_have_error(problems)) {
        r = error_set(err, ERROR_VALIDATION, "%s is not a valid workflow",
                      file ? file : "the text");
        goto out;
    }
    *ret_workflow = workflow;
    workflow = NULL;
out:
    arena_free(reader.scratch);
    workflow_free(workflow);
    return r;
}

struct workflow *workflow_share(const struct workflow *workflow)
{
    /* Every one was made by workflow_parse, and only the count is changed. */
    struct workflow_holder *holder = (struct workflow_holder *)(uintptr_t)workflow;

    (void)atomic_fetch_add(&holder->others, 1);
    return &holder->workflow;
}

void workflow_free(struct workflow *workflow)
{
    struct workflow_holder *holder = (struct workflow_holder *)(void *)workflow;

    if (holder && atomic_fetch_sub(&holder->others, 1) == 0) {
        arena_free(holder->arena);
        json_decref(holder->values);
        free(holder);
    }
}

const struct phase *workflow_find_phase(const struct workflow *workflow, const char *id)
{
    for (size_t i = 0; i < workflow->phase_count; i++) {
        if (strcmp(workflow->phases[i].id, id) == 0) {
            return &workflow->phases[i];
        }
    }
    return NULL;
}

static const struct step *find_step(const struct step *steps, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(steps[i].id, id) == 0) {
            return &steps[i];
        }
    }
    return NULL;
}

const struct step *workflow_find_step(const struct workflow *workflow, const char *id,
                                      const struct phase **ret_phase)
{
    for (size_t i = 0; i < workflow->phase_count; i++) {
        const struct phase *phase = &workflow->phases[i];
        const struct step *step = find_step(phase->steps, phase->step_count, id);

        step = step ? step : find_step(phase->fix_steps, phase->fix_count, id);
        if (step) {
            if (ret_phase) {
                *ret_phase = phase;
            }
            return step;
        }
    }
    return NULL;
}
