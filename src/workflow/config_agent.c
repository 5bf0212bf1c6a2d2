/* SPDX-License-Identifier: MIT */
#include "workflow/config_agent.h"

#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

static const char *const known_types[] = {
    "command",           "claude", "codex",      "gemini",   "qwen",    "opencode",
    "copilot",           "acp",    "ollama",     "llamacpp", "localai", "text-generation-webui",
    "openai-compatible", "groq",   "gemini-api",
};

/* Programs that an agent of type `cli` can be, by all their names. */
static const struct {
    const char *name;
    const char *type;
} programs[] = {
    {"claude", "claude"},
    {"claude-code", "claude"},
    {"codex", "codex"},
    {"codex-cli", "codex"},
    {"gemini", "gemini"},
    {"gemini-cli", "gemini"},
    {"qwen", "qwen"},
    {"qwen-code", "qwen"},
    {"opencode", "opencode"},
    {"copilot", "copilot"},
    {"github-copilot-cli", "copilot"},
    {"gh-copilot", "copilot"},
};

static const char *find_program(const char *name)
{
    const char *base = name ? strrchr(name, '/') : NULL;

    base = base ? base + 1 : name;
    for (size_t i = 0; base && i < ARRAY_LEN(programs); i++) {
        if (strcasecmp(programs[i].name, base) == 0) {
            return programs[i].type;
        }
    }
    return NULL;
}

static const char *resolve_type(struct reader *reader, const struct yaml_node *node,
                                const struct agent_config *agent)
{
    const char *type = read_text(reader, node, "type");
    const char *candidates[] = {read_text(reader, node, "provider"),
                                read_text(reader, node, "adapter"), agent->name,
                                agent->command_count ? agent->command[0] : NULL};
    const char *nearest;
    char hint[200] = "";

    if (!type || strcmp(type, "cli") == 0) {
        for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
            if (find_program(candidates[i])) {
                return find_program(candidates[i]);
            }
        }
        return "command";
    }
    for (size_t i = 0; i < ARRAY_LEN(known_types); i++) {
        if (strcmp(known_types[i], type) == 0) {
            return type;
        }
    }
    nearest = nearest_name(type, known_types, ARRAY_LEN(known_types));
    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    }
    problems_add(reader->problems, yaml_find(node, "type")->at, hint,
                 "there is no type of agent \"%s\"", type);
    return type;
}

/* A text is split at white space; whoever needs quotes writes a list. */
static void split_command(struct reader *reader, const struct yaml_node *node,
                          struct agent_config *agent)
{
    const char **arguments;
    const char *cursor = node->text;
    size_t count = 0;

    if (strpbrk(cursor, "'\"\\$`|&;<>")) {
        problems_add(reader->problems, node->at, "write it as a list: [program, argument]",
                     "a command is no shell text; quotes and the like mean nothing in it");
        return;
    }
    arguments = arena_zero(reader->arena, node->length / 2 + 2, sizeof(*arguments));
    while (*(cursor += strspn(cursor, " \t\r\n"))) {
        size_t length = strcspn(cursor, " \t\r\n");

        arguments[count++] = arena_strndup(reader->arena, cursor, length);
        cursor += length;
    }
    agent->command = arguments;
    agent->command_count = count;
}

static void read_command(struct reader *reader, const struct yaml_node *node,
                         struct agent_config *agent)
{
    const struct yaml_node *command = yaml_find(node, "command");

    if (!command) {
        return;
    }
    if (command->kind == YAML_LIST) {
        agent->command = read_names(reader, node, "command", &agent->command_count);
    } else {
        split_command(reader, command, agent);
    }
    if (agent->command_count == 0 || !*agent->command[0]) {
        problems_add(reader->problems, command->at, "write it as a list: [program, argument]",
                     "the command of the agent \"%s\" names no program", agent->name);
    }
}

static void read_agent(struct reader *reader, const struct yaml_entry *entry,
                       struct agent_config *agent)
{
    static const char *const ways[] = {"stdin", "argument", "file"};
    const struct yaml_node *node = entry->value;

    *agent = (struct agent_config){.name = arena_strdup(reader->arena, entry->key->text),
                                   .at = entry->key->at};
    agent->enabled = read_boolean(node, "enabled", true);
    read_command(reader, node, agent);
    agent->type = resolve_type(reader, node, agent);
    agent->endpoint = read_text(reader, node, "endpoint");
    agent->model = read_text(reader, node, "model");
    agent->role = read_text(reader, node, "role");
    agent->description = read_text(reader, node, "description");
    agent->capabilities = read_names(reader, node, "capabilities", &agent->capability_count);
    agent->offline = read_boolean(node, "offline", false);
    agent->timeout_ms = read_duration(node, "timeout", 0);
    agent->prompt_by = ways[read_word(LEVEL_AGENT, node, "prompt_by", 0)];
}

static void check_agent(const struct reader *reader, const struct yaml_node *node,
                        const struct agent_config *agent)
{
    if (strcmp(agent->type, "command") == 0 && !yaml_find(node, "command")) {
        problems_add(reader->problems, agent->at, "add `command: [program, argument]`",
                     "the agent \"%s\" needs a command", agent->name);
    }
}

static bool is_same_text(const char *left, const char *right)
{
    return left == right || (left && right && strcmp(left, right) == 0);
}

static bool is_same_program(const struct agent_config *left, const struct agent_config *right)
{
    if (left->command_count != right->command_count || !is_same_text(left->type, right->type) ||
        !is_same_text(left->endpoint, right->endpoint)) {
        return false;
    }
    for (size_t i = 0; i < left->command_count; i++) {
        if (strcmp(left->command[i], right->command[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* A project may narrow an agent of the user, never make it another program or address. */
static void narrow_agent(struct reader *reader, const struct yaml_node *node,
                         struct agent_config *mine, const struct agent_config *theirs)
{
    bool names_program = yaml_find(node, "command") || yaml_find(node, "endpoint") ||
                         yaml_find(node, "type");

    if (names_program && !is_same_program(mine, theirs)) {
        problems_warn(reader->problems, theirs->at, "give the project's agent a name of its own",
                      "the agent \"%s\" is the user's: the project cannot change its type, command "
                      "or endpoint",
                      mine->name);
    }
    mine->enabled = mine->enabled && theirs->enabled;
    mine->model = theirs->model ? theirs->model : mine->model;
    mine->role = theirs->role ? theirs->role : mine->role;
    mine->description = theirs->description ? theirs->description : mine->description;
    if (theirs->capability_count > 0) {
        mine->capabilities = theirs->capabilities;
        mine->capability_count = theirs->capability_count;
    }
    if (theirs->timeout_ms > 0 &&
        (mine->timeout_ms == 0 || theirs->timeout_ms < mine->timeout_ms)) {
        mine->timeout_ms = theirs->timeout_ms;
    }
}

void config_read_agents(struct reader *reader, const struct yaml_node *root,
                        struct agent_vec *agents)
{
    const struct yaml_node *map = yaml_find(root, "agents");

    for (size_t i = 0; map && i < map->count; i++) {
        const struct yaml_entry *entry = &map->entries[i];
        struct agent_config agent;
        struct agent_config *known = NULL;

        if (entry->is_bad) {
            continue;
        }
        for (size_t j = 0; j < agents->count; j++) {
            if (strcmp(agents->items[j].name, entry->key->text) == 0) {
                known = &agents->items[j];
            }
        }
        read_agent(reader, entry, &agent);
        if (known) {
            narrow_agent(reader, entry->value, known, &agent);
        } else {
            check_agent(reader, entry->value, &agent);
            *VEC_PUSH(agents) = agent;
        }
    }
}
