/* SPDX-License-Identifier: MIT */
#include "workflow/config.h"

#include "base/utf8.h"

#include "workflow/chain.h"
#include "workflow/config_agent.h"
#include "workflow/config_builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_BYTES_MAX (INT64_C(8) << 20)
#define STEPS_MAX 100000
#define NESTING_MAX 8

struct config_holder {
    struct config config; /* first: config_free() gets its address */
    struct arena *arena;
    json_t *values;
};

/* One file while it is read. */
struct file {
    const char *name;
    struct arena *scratch;
    const struct yaml_node *root; /* NULL: absent or empty */
};

VEC_TYPE(gate_vec, struct gate);
VEC_TYPE(chain_vec, struct chain);

struct config_reader {
    struct reader reader; /* for the readers of values and gates */
    struct config *config;
    struct file files[2]; /* the user's, then the project's */
    struct agent_vec agents;
    struct role_vec roles;
    struct stand_in_vec stand_ins;
    struct price_vec prices;
    struct gate_vec gates;
    struct chain_vec chains;
};

/* ---- gates and list workflows ----------------------------------------------------------- */

static void read_gates(struct config_reader *config_reader, const struct file *file)
{
    const struct yaml_node *map = yaml_find(file->root, "gates");

    for (size_t i = 0; map && i < map->count; i++) {
        struct gate gate = {0};
        struct gate *slot = NULL;

        if (map->entries[i].is_bad) {
            continue;
        }
        read_gate(&config_reader->reader, &map->entries[i], &gate);
        for (size_t j = 0; j < config_reader->gates.count; j++) {
            if (strcmp(config_reader->gates.items[j].name, gate.name) == 0) {
                slot = &config_reader->gates.items[j];
            }
        }
        slot = slot ? slot : VEC_PUSH(&config_reader->gates);
        *slot = gate;
    }
}

static void read_chain(struct config_reader *config_reader, const struct file *file,
                       const struct yaml_entry *entry)
{
    struct reader *reader = &config_reader->reader;
    const struct yaml_node *steps = entry->value->kind == YAML_LIST
                                        ? entry->value
                                        : yaml_find(entry->value, "steps");
    struct chain chain = {.name = arena_strdup(reader->arena, entry->key->text),
                          .description = read_text(reader, entry->value, "description"),
                          .steps = steps,
                          .is_offline = read_boolean(entry->value, "offline", false),
                          .at = entry->key->at,
                          .file = file->name};
    struct chain *slot = NULL;

    if (!steps) {
        return; /* reported */
    }
    if (steps->count == 0 || steps->count > CHAIN_STEPS_MAX) {
        problems_add(reader->problems, chain.at, NULL,
                     "the workflow \"%s\" needs 1 to %d steps, it has %zu", chain.name,
                     CHAIN_STEPS_MAX, steps->count);
        return;
    }
    for (size_t i = 0; i < config_reader->chains.count; i++) {
        if (strcmp(config_reader->chains.items[i].name, chain.name) == 0) {
            slot = &config_reader->chains.items[i];
        }
    }
    slot = slot ? slot : VEC_PUSH(&config_reader->chains);
    *slot = chain;
}

static void read_chains(struct config_reader *config_reader, const struct file *file)
{
    const struct yaml_node *map = yaml_find(file->root, "workflows");

    for (size_t i = 0; map && i < map->count; i++) {
        if (!map->entries[i].is_bad) {
            read_chain(config_reader, file, &map->entries[i]);
        }
    }
}

/* ---- settings --------------------------------------------------------------------------- */

/* The value of `settings.KEY`: the project's, else the user's. */
static const struct yaml_node *find_settings(const struct config_reader *config_reader,
                                             const char *key)
{
    for (size_t i = ARRAY_LEN(config_reader->files); i-- > 0;) {
        const struct yaml_node *settings = yaml_find(config_reader->files[i].root, "settings");

        if (yaml_find(settings, key)) {
            return settings;
        }
    }
    return NULL;
}

/* The short form first: `map` outweighs it. */
static void read_stand_ins(struct config_reader *config_reader)
{
    const struct yaml_node *fallback = yaml_find(find_settings(config_reader, "fallback"),
                                                 "fallback");

    if (read_boolean(fallback, "enabled", true)) {
        config_read_stand_ins(&config_reader->reader, fallback, &config_reader->stand_ins);
        config_read_stand_ins(&config_reader->reader, yaml_find(fallback, "map"),
                              &config_reader->stand_ins);
    }
}

static int64_t read_delay(const struct yaml_node *settings)
{
    const struct yaml_node *value = yaml_find(settings, "retry_delay");

    if (!value) {
        return -1;
    }
    if (yaml_scalar_type(value) == YAML_NUMBER) {
        return (int64_t)(strtod(value->text, NULL) * 1000);
    }
    return read_duration(settings, "retry_delay", -1);
}

static void read_settings(const struct config_reader *config_reader,
                          struct chain_settings *settings)
{
    settings->max_iterations = read_integer(find_settings(config_reader, "max_iterations"),
                                            "max_iterations", 3);
    settings->suggestions_max = read_integer(
        find_settings(config_reader, "min_suggestions_threshold"), "min_suggestions_threshold", 3);
    settings->attempts = read_integer(find_settings(config_reader, "max_retries"), "max_retries",
                                      0);
    settings->retry_delay_ms = read_delay(find_settings(config_reader, "retry_delay"));
    settings->timeout_ms = read_duration(find_settings(config_reader, "request_timeout"),
                                         "request_timeout", 0);
}

/* ---- writing the list workflows out ----------------------------------------------------- */

/* A name that no agent has: found when it is used at the latest, so only told. */
static void check_agent_name(const struct config_reader *config_reader,
                             const struct yaml_node *node)
{
    const char *nearest;
    char hint[200] = "configure it under `agents:`";

    if (!node || node->kind != YAML_SCALAR ||
        config_knows_agent(&config_reader->agents, &config_reader->roles, node->text, &nearest)) {
        return;
    }
    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    }
    problems_warn(config_reader->reader.problems, node->at, hint, "there is no agent \"%s\"",
                  UTF8_CUT(node->text, 80));
}

static void check_agent_map(const struct config_reader *config_reader,
                            const struct yaml_node *pairs)
{
    for (size_t i = 0; pairs && pairs->kind == YAML_MAP && i < pairs->count; i++) {
        if (!pairs->entries[i].is_bad) {
            check_agent_name(config_reader, pairs->entries[i].value);
        }
    }
}

static void check_chain_agents(const struct config_reader *config_reader, const struct chain *chain)
{
    for (size_t i = 0; i < chain->steps->count; i++) {
        const struct yaml_node *step = chain->steps->items[i];
        const struct yaml_node *node = yaml_find(step, "agent");
        const struct yaml_node *others = yaml_find(step, "fallback");

        check_agent_name(config_reader, node);
        check_agent_name(config_reader, others);
        for (size_t j = 0; others && others->kind == YAML_LIST && j < others->count; j++) {
            check_agent_name(config_reader, others->items[j]);
        }
        for (size_t j = 0; node && chain->is_offline && j < config_reader->agents.count; j++) {
            const struct agent_config *agent = &config_reader->agents.items[j];

            if (strcmp(agent->name, node->text) == 0 && !agent->offline) {
                problems_warn(config_reader->reader.problems, node->at,
                              "set `offline: true` for it",
                              "the workflow \"%s\" is offline, and \"%s\" needs a network",
                              chain->name, agent->name);
            }
        }
    }
}

static void check_agent_names(const struct config_reader *config_reader)
{
    for (size_t i = 0; i < ARRAY_LEN(config_reader->files); i++) {
        const struct yaml_node *root = config_reader->files[i].root;

        config_reader->reader.problems->file = config_reader->files[i].name;
        check_agent_name(config_reader, yaml_find(root, "default_agent"));
        check_agent_map(config_reader, yaml_find(root, "roles"));
        check_agent_map(config_reader,
                        yaml_find(yaml_find(yaml_find(root, "settings"), "fallback"), "map"));
    }
}

/* What we write must be a workflow; if it is too large for one, that is said here. */
static void check_text(const struct config_reader *config_reader, const struct chain *chain,
                       const char *text)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow *workflow = NULL;

    if (workflow_parse(text, strlen(text), NULL, NULL, &workflow, problems, NULL) < 0) {
        problems_add(config_reader->reader.problems, chain->at, problems->items[0].hint,
                     "the workflow \"%s\" cannot be run: %s", chain->name,
                     problems->count ? problems->items[0].text : "it is too large");
    }
    workflow_free(workflow);
    free(problems);
}

static void write_chains(struct config_reader *config_reader)
{
    struct arena *arena = config_reader->reader.arena;
    size_t count = config_reader->chains.count;
    const char **names = arena_zero(arena, count + 1, sizeof(*names));
    const char **texts = arena_zero(arena, count + 1, sizeof(*texts));
    const char **files = arena_zero(arena, count + 1, sizeof(*files));
    struct position *places = arena_zero(arena, count + 1, sizeof(*places));
    struct map *stand_ins = map_new();
    struct chain_settings settings = {.stand_ins = stand_ins};

    for (size_t i = 0; i < config_reader->stand_ins.count; i++) {
        const struct stand_in *pair = &config_reader->stand_ins.items[i];

        (void)map_put(stand_ins, pair->agent, (void *)(uintptr_t)pair->other);
    }
    read_settings(config_reader, &settings);
    for (size_t i = 0; i < count; i++) {
        const struct chain *chain = &config_reader->chains.items[i];

        config_reader->reader.problems->file = chain->file;
        names[i] = chain->name;
        texts[i] = chain_format(arena, chain, &settings);
        files[i] = arena_strdup(arena, chain->file);
        places[i] = chain->at;
        check_chain_agents(config_reader, chain);
        check_text(config_reader, chain, texts[i]);
    }
    map_free(stand_ins);
    config_reader->config->workflow_names = names;
    config_reader->config->workflow_texts = texts;
    config_reader->config->workflow_files = files;
    config_reader->config->workflow_places = places;
    config_reader->config->workflow_count = count;
}

/* ---- the configuration ------------------------------------------------------------------ */

static int64_t narrow(int64_t user, int64_t project)
{
    return project > 0 && (user == 0 || project < user) ? project : user;
}

static int64_t read_bytes(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *value = yaml_find(map, key);
    int64_t bytes = 0;

    return value && bytes_parse(value->text, &bytes) == 0 ? bytes : 0;
}

static struct budget narrow_budget(struct budget user, struct budget project)
{
    for (int i = 0; i < BUDGET_KINDS; i++) {
        user.limits[i] = narrow(user.limits[i], project.limits[i]);
    }
    return user;
}

static void read_default_workflow(struct config_reader *config_reader, const struct file *file)
{
    struct config *config = config_reader->config;
    const struct yaml_node *settings = yaml_find(file->root, "settings");
    const struct yaml_node *holder = yaml_find(file->root, "default_workflow") ? file->root
                                                                               : settings;
    const char *name = read_text(&config_reader->reader, holder, "default_workflow");

    if (name) {
        config->default_workflow = name;
        config->default_workflow_file = arena_strdup(config_reader->reader.arena, file->name);
        config->default_workflow_at = yaml_find(holder, "default_workflow")->at;
    }
}

/* The user's and the project's, which had to be trusted. */
static void add_pass_env(struct reader *reader, const struct yaml_node *root, struct config *config)
{
    size_t count;
    const char *const *added = read_patterns(reader, root, &count);
    const char **all = arena_zero(reader->arena, config->pass_env_count + count + 1, sizeof(*all));

    for (size_t i = 0; i < config->pass_env_count; i++) {
        all[i] = config->pass_env[i];
    }
    for (size_t i = 0; i < count; i++) {
        all[config->pass_env_count + i] = added[i];
    }
    config->pass_env = all;
    config->pass_env_count += count;
}

/* Limits: the smaller of what the files say. Choices: the project's over the user's. */
static void read_scalars(struct config_reader *config_reader, const struct file *file)
{
    struct config *config = config_reader->config;
    const struct yaml_node *root = file->root;
    const struct yaml_node *settings = yaml_find(root, "settings");
    const char *agent = read_text(&config_reader->reader, root, "default_agent");
    int64_t at_once = read_integer(settings, "max_concurrent_agents", 0);
    int strategy = read_word(LEVEL_CONFIG, root, "strategy", -1);

    config_read_offline(root, config);
    config->default_agent = agent ? agent : config->default_agent;
    read_default_workflow(config_reader, file);
    if (strategy >= 0) {
        config->strategy = (enum strategy)(strategy + STRATEGY_AI);
    }
    config->concurrency = (int)narrow(config->concurrency,
                                      read_integer(root, "concurrency", at_once));
    config->output_bytes_max = narrow(config->output_bytes_max,
                                      read_bytes(root, "output_bytes_max"));
    config->steps_max = narrow(config->steps_max, read_integer(root, "steps_max", 0));
    config->nesting_max = (int)narrow(config->nesting_max, read_integer(root, "nesting_max", 0));
    config->budget = narrow_budget(config->budget, read_budget(root));
    config->task_length_max = narrow(config->task_length_max,
                                     read_integer(settings, "max_task_length", 0));
    config->log_json = read_boolean(settings, "json_logs", config->log_json);
    config->project_context = (enum project_context)read_word(LEVEL_CONFIG, root, "project_context",
                                                              (int)config->project_context);
    config->log_json = read_word(LEVEL_CONFIG, root, "log_format", config->log_json) == 1;
    config_read_entitlement(&config_reader->reader, root, file == &config_reader->files[1],
                            &config->entitlement);
    if (yaml_find(root, "pass_env")) {
        add_pass_env(&config_reader->reader, root, config);
    }
    if (yaml_find(root, "workspace_files")) {
        config->workspace_files = read_names(&config_reader->reader, root, "workspace_files",
                                             &config->workspace_file_count);
    }
}

/* Only white space and comments: as good as absent. */
static bool is_blank(const char *text)
{
    while (*(text += strspn(text, " \t\r\n")) == '#') {
        text += strcspn(text, "\n");
    }
    return !*text;
}

static int read_file(struct config_reader *config_reader, struct file *file, const char *text,
                     struct error *err)
{
    struct reader *reader = &config_reader->reader;
    struct yaml_node *root = NULL;
    int r;

    if (!text || is_blank(text)) {
        return 0;
    }
    reader->problems->file = file->name;
    reader->source = text;
    reader->scratch = file->scratch;
    r = yaml_parse(file->scratch, text, strlen(text), reader->problems, &root, err);
    if (r < 0) {
        error_context(err, "%s", file->name ? file->name : "configuration");
        return r;
    }
    keys_check(LEVEL_CONFIG, root, reader->problems);
    file->root = root;
    read_scalars(config_reader, file);
    config_read_agents(reader, root, &config_reader->agents);
    config_read_roles(reader, root, &config_reader->roles);
    config_read_prices(reader, root, &config_reader->prices);
    read_gates(config_reader, file);
    if (reader->names) {
        check_gate_names(reader, root);
    }
    read_chains(config_reader, file);
    return 0;
}

/* Both files were read. */
static void complete_agents(struct config_reader *config_reader)
{
    config_add_builtin_agents(&config_reader->agents);
    for (size_t i = 0; i < ARRAY_LEN(config_reader->files); i++) {
        config_limit_agents(yaml_find(config_reader->files[i].root, "settings"),
                            &config_reader->agents);
    }
    config_share_accounts(&config_reader->agents);
    config_add_agent_roles(&config_reader->agents, &config_reader->roles);
}

static const void *keep(struct arena *arena, const void *items, size_t count, size_t size)
{
    void *copy = arena_zero(arena, count + 1, size);

    if (count > 0) {
        memcpy(copy, items, count * size);
    }
    return copy;
}

#define PUBLISH(list, count_, vector)                                                              \
    config->list = keep(arena, (vector).items, (vector).count, sizeof(*(vector).items));           \
    config->count_ = (vector).count

/* The vectors become arrays on the arena. */
static void publish(struct config_reader *config_reader)
{
    struct config *config = config_reader->config;
    struct arena *arena = config_reader->reader.arena;

    PUBLISH(agents, agent_count, config_reader->agents);
    PUBLISH(roles, role_count, config_reader->roles);
    PUBLISH(stand_ins, stand_in_count, config_reader->stand_ins);
    PUBLISH(prices, price_count, config_reader->prices);
    PUBLISH(gates, gate_count, config_reader->gates);
    config->output_bytes_max = config->output_bytes_max ? config->output_bytes_max
                                                        : OUTPUT_BYTES_MAX;
    config->steps_max = config->steps_max ? config->steps_max : STEPS_MAX;
    config->nesting_max = config->nesting_max ? config->nesting_max : NESTING_MAX;
    if (config->offline == OFFLINE_ONLY) {
        config_go_offline(config);
    }
}
#undef PUBLISH

int config_parse(const struct config_texts *texts, struct config **ret_config,
                 struct problems *problems, struct error *err)
{
    struct config_holder *holder = mem_zero(1, sizeof(*holder));
    struct config_reader config_reader = {.config = &holder->config};
    struct config *config = &holder->config;
    int r;

    *problems = (struct problems){0};
    config->entitlement.tier = TIER_ENTERPRISE;
    holder->arena = arena_new();
    holder->values = json_array();
    config_reader.reader = (struct reader){
        .arena = holder->arena, .values = holder->values, .problems = problems};
    config_reader.reader.names = texts->names;
    config_reader.files[0] = (struct file){.name = texts->user_file, .scratch = arena_new()};
    config_reader.files[1] = (struct file){.name = texts->project_file, .scratch = arena_new()};
    r = read_file(&config_reader, &config_reader.files[0], texts->user, err);
    if (r == 0) {
        r = read_file(&config_reader, &config_reader.files[1], texts->project, err);
    }
    if (r == 0) {
        complete_agents(&config_reader);
        check_agent_names(&config_reader);
        read_stand_ins(&config_reader);
        write_chains(&config_reader);
        publish(&config_reader);
    }
    problems_sort(problems);
    if (r == 0 && problems_have_error(problems)) {
        r = error_set(err, ERROR_VALIDATION, "the configuration is not valid");
    }
    if (r == 0) {
        *ret_config = config;
        config = NULL;
    }
    problems->file = texts->project_file;
    VEC_RELEASE(&config_reader.agents);
    VEC_RELEASE(&config_reader.roles);
    VEC_RELEASE(&config_reader.stand_ins);
    VEC_RELEASE(&config_reader.prices);
    VEC_RELEASE(&config_reader.gates);
    VEC_RELEASE(&config_reader.chains);
    VEC_RELEASE(&config_reader.reader.uses);
    arena_free(config_reader.files[0].scratch);
    arena_free(config_reader.files[1].scratch);
    config_free(config);
    return r;
}

void config_free(struct config *config)
{
    struct config_holder *holder = (struct config_holder *)(void *)config;

    if (holder) {
        arena_free(holder->arena);
        json_decref(holder->values);
        free(holder);
    }
}

const struct gate *config_find_gate(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->gate_count; i++) {
        if (strcmp(config->gates[i].name, name) == 0) {
            return &config->gates[i];
        }
    }
    return NULL;
}
