/* SPDX-License-Identifier: MIT */
#include "workflow/config_agent.h"

#include "base/nearest.h"
#include "base/utf8.h"
#include "workflow/config_builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMPERATURE_MAX 2.0

/* What kinds of agents have use for a key. */
enum agent_use { USE_PROGRAM = 1, USE_COMMAND = 2, USE_SERVER = 4, USE_HOST = 8, USE_ACP = 16 };

static const struct {
    const char *key;
    unsigned uses;
} key_uses[] = {
    {"command", USE_PROGRAM | USE_ACP | USE_COMMAND},
    {"read_only_command", USE_COMMAND},
    {"endpoint", USE_SERVER}, /* programs take it from their own variables: `env` */
    {"model", USE_PROGRAM | USE_ACP | USE_COMMAND | USE_SERVER},
    {"key", USE_PROGRAM | USE_ACP | USE_COMMAND | USE_SERVER},
    {"env", USE_PROGRAM | USE_ACP | USE_COMMAND | USE_SERVER},
    {"pass_env", USE_PROGRAM | USE_ACP | USE_COMMAND | USE_SERVER},
    {"silence", USE_PROGRAM | USE_ACP | USE_COMMAND | USE_SERVER},
    {"quiet", USE_PROGRAM | USE_ACP | USE_COMMAND | USE_SERVER},
    {"prompt_by", USE_COMMAND},
    {"output", USE_COMMAND},
    {"map", USE_COMMAND},
    {"options", USE_PROGRAM | USE_SERVER},
    {"temperature", USE_SERVER},
    {"max_tokens", USE_SERVER},
    {"keep_alive", USE_SERVER},
};

static unsigned use_of(const char *type)
{
    static const char *const servers[] = {
        "ollama",    "llamacpp", "localai",    "text-generation-webui", "openai-compatible",
        "anthropic", "groq",     "gemini-api",
    };

    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        if (strcmp(servers[i], type) == 0) {
            return USE_SERVER;
        }
    }
    return strcmp(type, "command") == 0 ? USE_COMMAND
           : strcmp(type, "acp") == 0   ? USE_ACP
           : strcmp(type, "host") == 0  ? USE_HOST
                                        : USE_PROGRAM;
}

/* ---- the adapter ---- */

static void report_type(const struct reader *reader, const struct yaml_node *value)
{
    size_t count;
    const char *const *types = config_agent_types(&count);
    const char *nearest = nearest_name(value->text, types, count);
    char hint[200] = "";

    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    }
    problems_add(reader->problems, value->at, hint, "there is no type of agent \"%s\"",
                 value->text);
}

/* An agent that says nothing of its program is the one that it already was, or is known by its
 * name. */
static const char *guess_type(const struct reader *reader, const struct yaml_node *node,
                              const struct agent_config *agent, const struct agent_config *base)
{
    const char *named[] = {read_text(reader, node, "provider"), read_text(reader, node, "adapter")};
    const char *command = agent->command_count ? agent->command[0] : NULL;
    bool is_silent = !yaml_find(node, "type") && !yaml_find(node, "command");

    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (config_find_program(named[i])) {
            return config_find_program(named[i]);
        }
    }
    if (base && is_silent) {
        return base->type;
    }
    if (config_find_program(agent->name)) {
        return config_find_program(agent->name);
    }
    return config_find_program(command) ? config_find_program(command) : "command";
}

static const char *read_type(const struct reader *reader, const struct yaml_node *node,
                             struct agent_config *agent, const struct agent_config *base)
{
    const struct yaml_node *value = yaml_find(node, "type");
    const struct agent_config *service;
    size_t count;
    const char *const *types = config_agent_types(&count);

    if (!value || strcmp(value->text, "cli") == 0) {
        return guess_type(reader, node, agent, base);
    }
    service = config_find_builtin(value->text);
    if (service && service->endpoint) {
        agent->endpoint = service->endpoint;
        agent->key = service->key;
        return service->type;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(types[i], value->text) == 0) {
            return types[i];
        }
    }
    report_type(reader, value);
    return arena_strdup(reader->arena, value->text);
}

/* A text is split at white space; whoever needs quotes writes a list. */
static const char *const *split_command(struct reader *reader, const struct yaml_node *node,
                                        size_t *ret_count)
{
    const char **arguments;
    const char *cursor = node->text;
    size_t count = 0;

    if (strpbrk(cursor, "'\"\\$`|&;<>")) {
        problems_add(reader->problems, node->at, "write it as a list: [program, argument]",
                     "a command is no shell text; quotes and the like mean nothing in it");
        return NULL;
    }
    arguments = arena_zero(reader->arena, node->length / 2 + 2, sizeof(*arguments));
    while (*(cursor += strspn(cursor, " \t\r\n"))) {
        size_t length = strcspn(cursor, " \t\r\n");

        arguments[count++] = arena_strndup(reader->arena, cursor, length);
        cursor += length;
    }
    *ret_count = count;
    return arguments;
}

const char *const *read_argv(struct reader *reader, const struct yaml_node *node, size_t *ret_count)
{
    const struct yaml_node *command = yaml_find(node, "command");

    *ret_count = 0;
    if (!command) {
        return NULL;
    }
    return command->kind == YAML_LIST ? read_names(reader, node, "command", ret_count)
                                      : split_command(reader, command, ret_count);
}

static void read_command(struct reader *reader, const struct yaml_node *node,
                         struct agent_config *agent)
{
    const struct yaml_node *command = yaml_find(node, "command");

    agent->command = read_argv(reader, node, &agent->command_count);
    if (command && (agent->command_count == 0 || !*agent->command[0])) {
        problems_add(reader->problems, command->at, "write it as a list: [program, argument]",
                     "the command of the agent \"%s\" names no program", agent->name);
    }
}

/* ---- the other keys ---- */

static void read_env(const struct reader *reader, const struct yaml_node *node,
                     struct agent_config *agent)
{
    const struct yaml_node *map = yaml_find(node, "env");
    struct agent_variable *env;

    if (!map) {
        return;
    }
    env = arena_zero(reader->arena, map->count + 1, sizeof(*env));
    agent->env = env;
    agent->env_count = 0;
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_entry *entry = &map->entries[i];

        if (!entry->is_bad) {
            env[agent->env_count].name = arena_strdup(reader->arena, entry->key->text);
            env[agent->env_count++].value = arena_strdup(reader->arena, entry->value->text);
        }
    }
}

const char *const *read_patterns(struct reader *reader, const struct yaml_node *node,
                                 size_t *ret_count)
{
    const struct yaml_node *list = yaml_find(node, "pass_env");

    for (size_t i = 0; i < list->count && list->kind == YAML_LIST; i++) {
        if (!variable_pattern_is_valid(list->items[i]->text)) {
            problems_add(reader->problems, list->items[i]->at,
                         "it takes names such as AWS_PROFILE, and patterns such as AWS_*",
                         "\"%s\" is no name of a variable", UTF8_CUT(list->items[i]->text, 40));
        }
    }
    return read_names(reader, node, "pass_env", ret_count);
}

static void put_temperature(const struct reader *reader, const struct yaml_node *node,
                            json_t *options)
{
    const struct yaml_node *value = yaml_find(node, "temperature");
    double temperature = read_number(node, "temperature", 0);

    if (!value) {
        return;
    }
    if (temperature < 0 || temperature > TEMPERATURE_MAX) {
        temperature = temperature < 0 ? 0 : TEMPERATURE_MAX;
        problems_warn(reader->problems, value->at, NULL,
                      "a temperature is from 0 to 2, so %s is taken for %g",
                      UTF8_CUT(value->text, 40), temperature);
    }
    json_put(options, "temperature", json_real(temperature));
}

static void put_option(const struct yaml_node *node, const char *key, json_t *options)
{
    const struct yaml_node *value = yaml_find(node, key);

    if (value) {
        json_put(options, key, yaml_to_json(value));
    }
}

/* Those of `options` count before their short forms. */
static void read_options(struct reader *reader, const struct yaml_node *node,
                         struct agent_config *agent)
{
    const struct yaml_node *given = yaml_find(node, "options");
    json_t *options = agent->options ? json_deep_copy(agent->options) : json_object();

    put_temperature(reader, node, options);
    put_option(node, "max_tokens", options);
    put_option(node, "keep_alive", options);
    if (given) {
        json_t *values = yaml_to_json(given);

        (void)json_object_update(options, values);
        json_decref(values);
    }
    if (json_object_size(options) > 0) {
        agent->options = options;
        (void)json_array_append(reader->values, options);
    }
    json_decref(options);
}

static const char *read_over(const struct reader *reader, const struct yaml_node *node,
                             const char *key, const char *before)
{
    const char *text = read_text(reader, node, key);

    return text ? text : before;
}

static void read_words(const struct yaml_node *node, struct agent_config *agent)
{
    static const char *const ways[] = {"stdin", "argument", "file"};
    static const char *const formats[] = {"text", "json", "jsonl"};
    int way = read_word(LEVEL_AGENT, node, "prompt_by", -1);
    int format = read_word(LEVEL_AGENT, node, "output", -1);

    agent->prompt_by = way >= 0 ? ways[way] : agent->prompt_by ? agent->prompt_by : ways[0];
    agent->output_format = format >= 0            ? formats[format]
                           : agent->output_format ? agent->output_format
                                                  : formats[0];
}

static void read_limits(const struct reader *reader, const struct yaml_node *node,
                        struct agent_config *agent)
{
    agent->breaker_threshold = (int)read_integer(node, "breaker_threshold",
                                                 agent->breaker_threshold);
    agent->breaker_recovery_ms = read_duration(node, "breaker_recovery",
                                               agent->breaker_recovery_ms);
    agent->rate_limit = (int)read_integer(node, "rate_limit", agent->rate_limit);
    agent->concurrency = (int)read_integer(node, "concurrency", agent->concurrency);
    agent->account = read_over(reader, node, "account", agent->account);
}

static bool is_on_this_machine(const struct agent_config *agent)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = agent->endpoint ? strstr(agent->endpoint, "://") : NULL;
    size_t length;

    if (!host || use_of(agent->type) != USE_SERVER || strchr(host, '@')) {
        return false;
    }
    host += strlen("://");
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        length = strlen(hosts[i]);
        if (strncmp(host, hosts[i], length) == 0 && strchr(":/", host[length])) {
            return true; /* strchr finds the end of the text, too */
        }
    }
    return false;
}

/* The older key: a limit, and a stop when it is reached. The driver of a server sees to it. */
static struct quiet_policy silence_policy(const struct yaml_node *node,
                                          const struct agent_config *agent)
{
    return yaml_find(node, "silence") && agent->silence_ms > 0 && use_of(agent->type) != USE_SERVER
               ? (struct quiet_policy){.after_ms = agent->silence_ms, .then = QUIET_STOP}
               : agent->quiet;
}

/* What the entry says, over `base` (NULL: none). */
static void read_agent(struct reader *reader, const struct yaml_entry *entry,
                       const struct agent_config *base, struct agent_config *agent)
{
    const struct yaml_node *node = entry->value;
    struct agent_config own = {.name = entry->key->text};

    read_command(reader, node, &own);
    own.type = read_type(reader, node, &own, base);
    if (yaml_find(node, "endpoint")) {
        own.key = NULL; /* the key of a service goes to no other address */
    }
    *agent = (struct agent_config){.quiet = QUIET_UNSAID,
                                   .breaker_threshold = BREAKER_THRESHOLD,
                                   .breaker_recovery_ms = BREAKER_RECOVERY_MS};
    if (base && (!base->is_builtin || strcmp(base->type, own.type) == 0)) {
        *agent = *base;
        agent->key = base->is_builtin && yaml_find(node, "endpoint") ? NULL : base->key;
    }
    agent->endpoint = own.endpoint ? own.endpoint : agent->endpoint;
    agent->key = own.key ? own.key : agent->key;
    if (yaml_find(node, "command")) {
        /* The adapter's own program, or an old name of it: the adapter knows it. */
        bool is_adapter = own.command_count == 1 && config_find_program(own.type) &&
                          (strcmp(own.command[0], own.type) == 0 ||
                           config_is_old_name(own.command[0]));

        agent->command = own.command;
        agent->command_count = is_adapter ? 0 : own.command_count;
        agent->read_only_command = NULL; /* which was another program's */
        agent->read_only_count = 0;
    }
    if (yaml_find(node, "read_only_command")) {
        agent->read_only_command = read_names(reader, node, "read_only_command",
                                              &agent->read_only_count);
    }
    agent->type = own.type;
    agent->name = arena_strdup(reader->arena, entry->key->text);
    agent->is_builtin = false;
    agent->at = entry->key->at;
    agent->enabled = read_boolean(node, "enabled", true);
    agent->disabled_why = agent->enabled ? NULL : "`enabled: false`";
    agent->endpoint = read_over(reader, node, "endpoint", agent->endpoint);
    agent->model = read_over(reader, node, "model", agent->model);
    agent->key = read_over(reader, node, "key", agent->key);
    agent->names_key = agent->key && (agent->names_key || yaml_find(node, "key"));
    read_env(reader, node, agent);
    if (yaml_find(node, "pass_env")) {
        agent->pass_env = read_patterns(reader, node, &agent->pass_env_count);
    }
    agent->role = read_over(reader, node, "role", agent->role);
    agent->description = read_over(reader, node, "description", agent->description);
    if (yaml_find(node, "capabilities")) {
        agent->capabilities = read_names(reader, node, "capabilities", &agent->capability_count);
    }
    /* Another address may lie elsewhere; one of this machine does not. */
    agent->offline = read_boolean(
        node, "offline", yaml_find(node, "endpoint") ? is_on_this_machine(agent) : agent->offline);
    agent->online_at = read_over(reader, node, "online_at", agent->online_at);
    agent->timeout_ms = read_duration(node, "timeout", agent->timeout_ms);
    agent->silence_ms = read_duration(node, "silence", agent->silence_ms);
    agent->quiet = quiet_over(read_quiet(node), silence_policy(node, agent));
    read_limits(reader, node, agent);
    read_words(node, agent);
    if (yaml_find(node, "map")) {
        agent->output_map = read_json(reader, yaml_find(node, "map"));
    }
    read_options(reader, node, agent);
}

/* Of such a program nobody knows where it looks for its key: it gets the variable as it is. */
static bool is_lost_key(const struct agent_config *agent, unsigned use)
{
    return (use & (USE_ACP | USE_COMMAND)) && agent->key &&
           strncmp(agent->key, "file:", strlen("file:")) == 0;
}

static void check_agent(const struct reader *reader, const struct yaml_node *node,
                        const struct agent_config *agent)
{
    unsigned use = use_of(agent->type);

    if (use == USE_COMMAND && agent->command_count == 0 && !yaml_find(node, "command")) {
        problems_add(reader->problems, agent->at,
                     yaml_find(node, "endpoint") ? "add `type:`, such as openai-compatible"
                                                 : "add `command: [program, argument]`",
                     "the agent \"%s\" needs a command", agent->name);
    }
    if (strcmp(agent->type, "acp") == 0 && agent->command_count == 0) {
        problems_add(reader->problems, agent->at, "add `command:`, such as [gemini, --acp]",
                     "the agent \"%s\" needs the command of a program that speaks ACP",
                     agent->name);
    }
    if (strcmp(agent->type, "openai-compatible") == 0 && !agent->endpoint) {
        problems_add(reader->problems, agent->at, "add `endpoint: http://...`",
                     "the agent \"%s\" needs an endpoint", agent->name);
    }
    if (use == USE_COMMAND) {
        config_check_map(reader, node, agent->output_format);
    }
    for (size_t i = 0; i < ARRAY_LEN(key_uses); i++) {
        const struct yaml_node *value = yaml_find(node, key_uses[i].key);

        bool is_lost = strcmp(key_uses[i].key, "key") == 0 && is_lost_key(agent, use);

        if (value && (is_lost || !(key_uses[i].uses & use))) {
            problems_warn(reader->problems, value->at, NULL,
                          "\"%s\" has no effect for an agent of type %s", key_uses[i].key,
                          agent->type);
        }
    }
}

/* ---- user and project ---- */

static bool is_same_text(const char *left, const char *right)
{
    return left == right || (left && right && strcmp(left, right) == 0);
}

static bool is_same_list(const char *const *left, size_t left_count, const char *const *right,
                         size_t right_count)
{
    for (size_t i = 0; i < left_count && i < right_count; i++) {
        if (strcmp(left[i], right[i]) != 0) {
            return false;
        }
    }
    return left_count == right_count;
}

static bool is_same_command(const struct agent_config *left, const struct agent_config *right)
{
    return is_same_list(left->command, left->command_count, right->command, right->command_count) &&
           is_same_list(left->read_only_command, left->read_only_count, right->read_only_command,
                        right->read_only_count);
}

static bool is_same_env(const struct agent_config *left, const struct agent_config *right)
{
    if (left->env_count != right->env_count) {
        return false;
    }
    for (size_t i = 0; i < left->env_count; i++) {
        if (strcmp(left->env[i].name, right->env[i].name) != 0 ||
            strcmp(left->env[i].value, right->env[i].value) != 0) {
            return false;
        }
    }
    return true;
}

static bool is_same_program(const struct agent_config *left, const struct agent_config *right)
{
    return is_same_text(left->type, right->type) && is_same_text(left->endpoint, right->endpoint) &&
           is_same_text(left->key, right->key) && is_same_text(left->prompt_by, right->prompt_by) &&
           is_same_text(left->output_format, right->output_format) &&
           left->output_map == right->output_map && is_same_command(left, right) &&
           is_same_env(left, right) && left->pass_env == right->pass_env;
}

static int64_t shorter(int64_t mine_ms, int64_t theirs_ms)
{
    return theirs_ms > 0 && (mine_ms == 0 || theirs_ms < mine_ms) ? theirs_ms : mine_ms;
}

static void narrow_quiet(struct quiet_policy *mine, struct quiet_policy theirs)
{
    if (theirs.after_ms > 0 && (mine->after_ms <= 0 || theirs.after_ms < mine->after_ms)) {
        mine->after_ms = theirs.after_ms;
    }
    mine->then = theirs.then > mine->then ? theirs.then : mine->then;
}

/* A project may narrow an agent of the user, never make it another program or address. `theirs` was
 * read over `mine`. */
static void narrow_agent(const struct reader *reader, struct agent_config *mine,
                         const struct agent_config *theirs)
{
    if (!is_same_program(mine, theirs)) {
        problems_warn(reader->problems, theirs->at, "give the project's agent a name of its own",
                      "the agent \"%s\" is the user's: the project cannot change its type, "
                      "command, endpoint, key, env, pass_env or how it is spoken to",
                      mine->name);
    }
    mine->disabled_why = mine->disabled_why ? mine->disabled_why : theirs->disabled_why;
    mine->enabled = !mine->disabled_why;
    mine->model = theirs->model;
    mine->role = theirs->role;
    mine->description = theirs->description;
    mine->capabilities = theirs->capabilities;
    mine->capability_count = theirs->capability_count;
    mine->timeout_ms = shorter(mine->timeout_ms, theirs->timeout_ms);
    mine->silence_ms = shorter(mine->silence_ms, theirs->silence_ms);
    narrow_quiet(&mine->quiet, theirs->quiet);
    mine->breaker_threshold = theirs->breaker_threshold;
    mine->breaker_recovery_ms = theirs->breaker_recovery_ms;
    mine->rate_limit = (int)shorter(mine->rate_limit, theirs->rate_limit);
    mine->concurrency = (int)shorter(mine->concurrency, theirs->concurrency);
    mine->options = theirs->options;
}

void config_read_agents(struct reader *reader, const struct yaml_node *root,
                        struct agent_vec *agents)
{
    const struct yaml_node *map = yaml_find(root, "agents");
    size_t known_count = agents->count;

    for (size_t i = 0; map && i < map->count; i++) {
        const struct yaml_entry *entry = &map->entries[i];
        struct agent_config agent;
        struct agent_config *known = NULL;

        if (entry->is_bad) {
            continue;
        }
        for (size_t j = 0; j < known_count; j++) {
            if (strcmp(agents->items[j].name, entry->key->text) == 0) {
                known = &agents->items[j];
            }
        }
        read_agent(reader, entry, known ? known : config_find_builtin(entry->key->text), &agent);
        check_agent(reader, entry->value, &agent);
        if (known) {
            narrow_agent(reader, known, &agent);
        } else {
            *VEC_PUSH(agents) = agent;
        }
    }
}
