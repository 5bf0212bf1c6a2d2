/* SPDX-License-Identifier: MIT */
#include "workflow/json_schema.h"
#include "workflow/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS (INT64_C(30) * 60 * 1000)
#define CLASSES_RETRIED                                                                            \
    (CLASS_BIT(CLASS_TRANSIENT) | CLASS_BIT(CLASS_LIMIT) | CLASS_BIT(CLASS_TIMEOUT))
#define SUCCESS_STATUSES_MAX 256
#define QUESTIONS_MAX 5

void read_on_failure(enum key_level level, const struct yaml_node *map, struct on_failure *target)
{
    const struct yaml_node *value = yaml_find(map, "on_failure");

    *target = (struct on_failure){.action = FAILURE_UNSET};
    if (!value) {
        return;
    }
    if (value->kind == YAML_MAP) {
        /* check_graph() finds the phase once all are known. */
        target->action = FAILURE_GOTO;
        target->max = (int)read_integer(value, "max", 3);
        return;
    }
    target->action = (enum failure_action)(read_word(level, map, "on_failure", -1) + FAILURE_PAUSE);
}

/* ---- what kind of step ------------------------------------------------------------------------
 */

static const struct {
    const char *key;
    enum step_kind kind;
} kinds[] = {
    {"prompt", STEP_AGENT},     {"run", STEP_COMMAND},       {"use", STEP_FUNCTION},
    {"approve", STEP_APPROVAL}, {"workflow", STEP_WORKFLOW},
};

static bool has_key(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->entries[i].key->text, key) == 0) {
            return true;
        }
    }
    return false;
}

/* False after a report. A bad value still tells the kind, so its report stays the only one. */
static bool find_kind(const struct reader *reader, const struct yaml_node *node,
                      enum step_kind *ret_kind)
{
    const char *first = NULL;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!has_key(node, kinds[i].key)) {
            continue;
        }
        if (first) {
            problems_add(reader->problems, node->at, "make it two steps",
                         "a step does one thing, but this one has \"%s\" and \"%s\"", first,
                         kinds[i].key);
            return false;
        }
        first = kinds[i].key;
        *ret_kind = kinds[i].kind;
    }
    if (!first && !has_key(node, "agent") && !has_key(node, "expert")) {
        problems_add(reader->problems, node->at, "add one of: prompt, run, use, approve, workflow",
                     "the step does nothing");
        return false;
    }
    if (!first) {
        *ret_kind = STEP_AGENT;
    }
    return true;
}

static void check_kind_keys(const struct reader *reader, enum key_level level,
                            const struct yaml_node *node, enum step_kind kind)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->entries[i].key;
        const struct key *row = key_find(level, key->text);

        if (row && row->kinds && !(row->kinds & (1U << (unsigned)kind))) {
            problems_add(reader->problems, key->at, "remove it, or make this another step",
                         "\"%s\" has no meaning in %s %s step", key->text,
                         kind == STEP_AGENT || kind == STEP_APPROVAL ? "an" : "a",
                         step_kind_name(kind));
        }
    }
}

/* ---- policies -----------------------------------------------------------------------------------
 */

static unsigned read_classes(const struct yaml_node *map, unsigned fallback)
{
    const struct yaml_node *list = yaml_find(map, "on");
    unsigned classes = 0;

    if (!list) {
        return fallback;
    }
    for (size_t i = 0; i < list->count; i++) {
        int class_ = failure_class_parse(list->items[i]->text);

        classes |= class_ > 0 ? CLASS_BIT(class_) : 0;
    }
    return classes;
}

static void read_retry_keys(const struct yaml_node *map, struct retry_policy *retry)
{
    retry->attempts = (int)read_integer(map, "attempts", retry->attempts);
    retry->backoff = (enum backoff)read_word(LEVEL_RETRY, map, "backoff", (int)retry->backoff);
    retry->delay_ms = read_duration(map, "delay", retry->delay_ms);
    retry->max_delay_ms = read_duration(map, "max_delay", retry->max_delay_ms);
    retry->jitter = read_boolean(map, "jitter", retry->jitter);
    retry->classes = read_classes(map, retry->classes);
}

static void read_retry(const struct reader *reader, const struct yaml_node *node, struct step *step)
{
    const struct yaml_node *shared = yaml_find(reader->defaults, "retry");
    const struct yaml_node *own = yaml_find(node, "retry");
    struct retry_policy retry = {.attempts = 3,
                                 .backoff = BACKOFF_EXPONENTIAL,
                                 .delay_ms = 2000,
                                 .max_delay_ms = 60000,
                                 .jitter = true,
                                 .classes = CLASSES_RETRIED};
    bool is_code = step->kind == STEP_COMMAND || step->kind == STEP_FUNCTION;

    if (step->kind != STEP_AGENT && !own && !(is_code && shared)) {
        retry.attempts = 1;
    }
    /* Who asks for more tries of a command means its failing, which is of the class permanent. */
    if (is_code && own) {
        retry.classes |= CLASS_BIT(CLASS_PERMANENT);
    }
    if (step->kind == STEP_AGENT || is_code) {
        read_retry_keys(shared, &retry);
    }
    read_retry_keys(own, &retry);
    if (retry.max_delay_ms < retry.delay_ms) {
        const struct yaml_node *max = yaml_find(own ? own : shared, "max_delay");

        if (max) {
            problems_warn(reader->problems, max->at, "make max_delay the longer one",
                          "max_delay is shorter than delay, so every wait is max_delay");
        }
        retry.max_delay_ms = max ? retry.max_delay_ms : retry.delay_ms;
    }
    step->retry = retry;
}

static int64_t read_timeout(const struct reader *reader, const struct yaml_node *node,
                            enum step_kind kind)
{
    int64_t fallback_ms = 0;

    if (kind != STEP_APPROVAL && kind != STEP_WORKFLOW) {
        fallback_ms = read_duration(reader->defaults, "timeout", TIMEOUT_MS);
    }
    return read_duration(node, "timeout", fallback_ms);
}

/* ---- values -------------------------------------------------------------------------------------
 */

static bool has_variable(const struct named_template *variables, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(variables[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The outer variables that `own` does not set, then its own. */
static void merge_env(const struct reader *reader, struct step *step,
                      const struct named_template *outer, size_t outer_count)
{
    size_t total = outer_count + step->env_count;
    struct named_template *merged;
    size_t count = 0;

    if (outer_count == 0) {
        return;
    }
    merged = arena_zero(reader->arena, total, sizeof(*merged));
    for (size_t i = 0; i < outer_count; i++) {
        if (!has_variable(step->env, step->env_count, outer[i].name)) {
            merged[count++] = outer[i];
        }
    }
    for (size_t i = 0; i < step->env_count; i++) {
        merged[count++] = step->env[i];
    }
    step->env = merged;
    step->env_count = count;
}

static void read_artifacts(const struct reader *reader, const struct yaml_node *node,
                           struct step *step)
{
    const struct yaml_node *map = yaml_find(node, "artifacts");
    struct artifact_rule *rules;
    size_t count = 0;

    if (!map) {
        return;
    }
    rules = arena_zero(reader->arena, map->count ? map->count : 1, sizeof(*rules));
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_entry *entry = &map->entries[i];

        if (entry->is_bad) {
            continue;
        }
        if (step->output && strcmp(step->output, entry->key->text) == 0) {
            problems_add(reader->problems, entry->key->at, "rename one of them",
                         "\"%s\" is already the name of the step's output", entry->key->text);
        }
        rules[count].name = arena_strdup(reader->arena, entry->key->text);
        rules[count++].path = arena_strdup(reader->arena, entry->value->text);
    }
    step->artifacts = rules;
    step->artifact_count = count;
}

static void read_output(struct reader *reader, enum key_level level, const struct yaml_node *node,
                        struct step *step)
{
    const struct yaml_node *schema = yaml_find(node, "schema");
    const struct yaml_node *format = yaml_find(node, "format");
    struct error err = ERROR_INIT;

    step->output = read_text(reader, node, "output");
    step->schema = read_json(reader, schema);
    step->format = (enum output_format)read_word(level, node, "format",
                                                 schema ? OUTPUT_JSON : OUTPUT_TEXT);
    if (schema && format && step->format == OUTPUT_TEXT) {
        problems_add(reader->problems, format->at, "write `format: json`",
                     "a schema is given, but the format is text");
    }
    if (schema && json_schema_check_schema(step->schema, &err) < 0) {
        problems_add(reader->problems, schema->at, err.hint, "the schema is wrong: %s", err.text);
    }
    read_artifacts(reader, node, step);
}

static void read_success(const struct reader *reader, const struct yaml_node *node,
                         struct step *step)
{
    const struct yaml_node *list = yaml_find(node, "success");
    size_t count = list ? list->count : 1;
    int *statuses;

    if (count == 0 || count > SUCCESS_STATUSES_MAX) {
        problems_add(reader->problems, list->at, "write for example `success: [0, 1]`",
                     "\"success\" needs 1 to %d exit statuses", SUCCESS_STATUSES_MAX);
        return;
    }
    statuses = arena_zero(reader->arena, count, sizeof(*statuses));
    for (size_t i = 0; list && i < count; i++) {
        int64_t status = 0;

        (void)yaml_integer(list->items[i], &status);
        statuses[i] = (int)status;
    }
    step->success_statuses = statuses;
    step->success_status_count = count;
}

static void check_command(const struct reader *reader, const struct yaml_node *node)
{
    const struct yaml_node *command = yaml_find(node, "run");
    const char *found;

    if (!command) {
        return;
    }
    found = strstr(command->text, "${{");
    if (found) {
        problems_add(reader->problems,
                     yaml_position_in(command, reader->source, (size_t)(found - command->text)),
                     "hand values over by `env:`; inputs are there as $FERMATA_INPUT_NAME",
                     "a command may not hold ${{ }}: a value could become part of the command");
    }
    if (strspn(command->text, " \t\r\n") == command->length) {
        problems_add(reader->problems, command->at, NULL, "the command is empty");
    }
}

/* ---- the step --------------------------------------------------------------------------- */

static void read_code(struct reader *reader, enum key_level level, const struct yaml_node *node,
                      struct place place, struct step *step)
{
    check_command(reader, node);
    step->command = read_text(reader, node, "run");
    step->function = read_text(reader, node, "use");
    step->with = read_variables(reader, yaml_find(node, "with"), false, place, &step->with_count);
    step->env = read_variables(reader, yaml_find(node, "env"), true, place, &step->env_count);
    step->cwd = read_text(reader, node, "cwd");
    read_output(reader, level, node, step);
    read_success(reader, node, step);
    read_retry(reader, node, step);
    step->timeout_ms = read_timeout(reader, node, step->kind);
}

/* The alternative under `static:` takes over what it does not say itself. */
static void read_static(struct reader *reader, const struct yaml_node *node, struct place place,
                        struct step *parent)
{
    struct step *step;
    bool has_run;

    if (!node) {
        return;
    }
    has_run = has_key(node, "run");
    if (has_run == has_key(node, "use")) {
        problems_add(reader->problems, node->at, NULL,
                     "a static alternative needs one of \"run\" and \"use\"");
        return;
    }
    step = arena_zero(reader->arena, 1, sizeof(*step));
    step->id = parent->id;
    step->name = read_text(reader, node, "name");
    step->name = step->name ? step->name : parent->name;
    step->kind = has_run ? STEP_COMMAND : STEP_FUNCTION;
    step->index = parent->index;
    step->at = node->at;
    step->workspace = parent->workspace;
    step->allow_skip = parent->allow_skip;
    check_kind_keys(reader, LEVEL_STATIC, node, step->kind);
    read_code(reader, LEVEL_STATIC, node, place, step);
    merge_env(reader, step, parent->env, parent->env_count);
    step->cwd = step->cwd ? step->cwd : parent->cwd;
    step->timeout_ms = yaml_find(node, "timeout") ? step->timeout_ms : parent->timeout_ms;
    step->quiet = quiet_over(read_quiet(node), parent->quiet);
    step->output = step->output ? step->output : parent->output;
    if (!has_key(node, "schema") && !has_key(node, "format")) {
        step->schema = parent->schema;
        step->format = parent->format;
    }
    if (!has_key(node, "artifacts")) {
        step->artifacts = parent->artifacts;
        step->artifact_count = parent->artifact_count;
    }
    step->reuse = parent->reuse;
    parent->static_step = step;
}

static void read_agent(struct reader *reader, const struct yaml_node *node, struct place place,
                       struct step *step)
{
    static const char task[] = "${{ run.task }}";
    static const char *const workspaces[] = {"shared", "clone"};
    const struct yaml_node *prompt = yaml_find(node, "prompt");
    int workspace = read_word(LEVEL_DEFAULTS, reader->defaults, "workspace", 0);

    step->expert = read_text(reader, node, "expert");
    step->agent = read_text(reader, node, "agent");
    if (!step->agent) {
        step->agent = read_text(reader, reader->defaults, "agent");
    }
    step->fallback = read_names(reader, node, "fallback", &step->fallback_count);
    step->on_limit = (enum limit_action)read_word(
        LEVEL_STEP, node, "on_limit", read_word(LEVEL_DEFAULTS, reader->defaults, "on_limit", 0));
    step->model = read_text(reader, node, "model");
    step->read_only = read_boolean(node, "read_only",
                                   reader->workflow && reader->workflow->read_only);
    step->questions_max = (int)read_integer(
        node, "questions", read_integer(reader->defaults, "questions", QUESTIONS_MAX));
    step->tools = read_names(reader, node, "tools", &step->tool_count);
    step->turns_max = (int)read_integer(node, "turns_max", 0);
    step->budget_usd = read_number(node, "budget_usd", 0);
    expert_pin_take(reader, node, step);
    step->workspace = workspaces[read_word(LEVEL_STEP, node, "workspace", workspace)];
    step->commit = read_boolean(node, "commit", read_boolean(reader->defaults, "commit", false));
    step->on_conflict = read_text(reader, node, "on_conflict");
    if (!step->on_conflict) {
        step->on_conflict = read_text(reader, reader->defaults, "on_conflict");
    }
    if (step->on_conflict && strcmp(step->on_conflict, "pause") == 0) {
        step->on_conflict = NULL;
    }
    if (prompt) {
        step->prompt = read_template(reader, prompt, place);
    } else {
        (void)template_parse(reader->arena, task, sizeof(task) - 1, NULL, &step->prompt);
    }
    if (prompt && strspn(prompt->text, " \t\r\n") == prompt->length) {
        problems_add(reader->problems, prompt->at, NULL, "the prompt is empty");
    }
}

static void read_common(struct reader *reader, const struct yaml_node *node, struct place place,
                        struct step *step)
{
    struct place outside = place;

    outside.has_item = false;
    step->foreach_list = read_expression(reader, node, "foreach", outside);
    step->foreach_width = (int)read_integer(node, "width", 0);
    step->when = read_expression(reader, node, "when", outside);
    step->trigger = (enum trigger_rule)read_word(LEVEL_STEP, node, "trigger", TRIGGER_ALL_SUCCESS);
    step->strategy = (enum strategy)(read_word(LEVEL_STEP, node, "strategy", -1) + STRATEGY_AI);
    step->budget = read_budget(node);
    step->optional = read_boolean(node, "optional", false);
    step->allow_skip = read_boolean(node, "allow_skip", true);
    step->reuse = (enum reuse)(read_word(LEVEL_STEP, node, "reuse", -1) + REUSE_NEVER);
    read_on_failure(LEVEL_STEP, node, &step->on_failure);
    if (has_key(node, "width") && !has_key(node, "foreach")) {
        problems_warn(reader->problems, node->at, NULL,
                      "the step \"%s\" has a width but no foreach", step->id);
    }
}

/* Under this strategy no agent is asked; what is optional may fail. */
static void check_strategy(struct reader *reader, const struct step_source *source)
{
    const struct step *step = source->step;
    const struct yaml_node *own = yaml_find(source->node, "strategy");
    bool is_optional = step->optional || reader->phases[source->phase].optional;
    enum strategy strategy = own ? step->strategy : reader->workflow->strategy;

    if (step->kind == STEP_AGENT && strategy == STRATEGY_STATIC &&
        !has_key(source->node, "static") && (own || !is_optional)) {
        problems_add(reader->problems, own ? own->at : step->at,
                     "add `static: { run: COMMAND }` or `static: { use: FUNCTION }`",
                     "the %s strategy is static, and the step \"%s\" has no static alternative",
                     own ? "step's" : "workflow's", step->id);
    }
}

void read_step(struct reader *reader, struct step_source *source)
{
    const struct yaml_node *node = source->node;
    struct step *step = source->step;
    struct place place = {.kind = PLACE_STEP, .phase = source->phase, .step = source};

    step->id = read_text(reader, node, "id");
    step->id = step->id ? step->id : "";
    step->name = read_text(reader, node, "name");
    step->name = step->name ? step->name : step->id;
    step->at = node->at;
    step->quiet = (struct quiet_policy)QUIET_UNSAID;
    if (node->kind != YAML_MAP || !find_kind(reader, node, &step->kind)) {
        return;
    }
    check_kind_keys(reader, LEVEL_STEP, node, step->kind);
    place.has_item = has_key(node, "foreach");
    read_common(reader, node, place, step);
    if (step->kind == STEP_AGENT) {
        read_agent(reader, node, place, step);
    }
    if (yaml_find(node, "approve")) {
        step->message = read_template(reader, yaml_find(node, "approve"), place);
    }
    step->workflow = read_text(reader, node, "workflow");
    step->inputs = read_variables(reader, yaml_find(node, "inputs"), false, place,
                                  &step->input_count);
    read_code(reader, LEVEL_STEP, node, place, step);
    if (step->kind == STEP_AGENT || step->kind == STEP_COMMAND || step->kind == STEP_FUNCTION) {
        merge_env(reader, step, reader->shared_env, reader->shared_env_count);
        step->quiet = quiet_over(read_quiet(node), read_quiet(reader->defaults));
    }
    read_static(reader, yaml_find(node, "static"), place, step);
    check_strategy(reader, source);
}
