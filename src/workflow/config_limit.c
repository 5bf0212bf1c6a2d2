/* SPDX-License-Identifier: MIT */
/* All agents: those of the files, the built-in ones, and what the settings forbid. */
#include "workflow/config_agent.h"
#include "workflow/config_builtin.h"

#include <string.h>

#define RATE_LIMIT 60 /* of whoever wants one and does not say which */

void config_add_builtin_agents(struct agent_vec *agents)
{
    size_t own_count = agents->count;
    size_t count;
    const struct agent_config *builtin = config_builtin_agents(&count);

    for (size_t i = 0; i < count; i++) {
        bool is_there = false;

        for (size_t j = 0; j < own_count && !is_there; j++) {
            is_there = strcmp(agents->items[j].name, builtin[i].name) == 0;
        }
        if (!is_there) {
            *VEC_PUSH(agents) = builtin[i];
        }
    }
}

static void disable(struct agent_config *agent, const char *why)
{
    agent->enabled = false;
    agent->disabled_why = agent->disabled_why ? agent->disabled_why : why;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* An adapter's own program is called as its type is; a server is none. */
static bool is_allowed(const struct agent_config *agent, const struct yaml_node *commands)
{
    const char *program = agent->command_count ? base_name(agent->command[0])
                                               : config_find_program(agent->type);

    for (size_t i = 0; program && i < commands->count; i++) {
        if (strcmp(commands->items[i]->text, program) == 0) {
            return true;
        }
    }
    return !program;
}

/* Of all agents that have no limit of their own, or a wider one. */
static void limit_rate(const struct yaml_node *settings, struct agent_config *agent)
{
    bool is_wanted = read_boolean(settings, "enable_rate_limiting", false);
    int rate = (int)read_integer(settings, "rate_limit_per_minute", is_wanted ? RATE_LIMIT : 0);

    if (read_boolean(settings, "enable_rate_limiting", true) && rate > 0 &&
        (agent->rate_limit == 0 || rate < agent->rate_limit)) {
        agent->rate_limit = rate;
    }
}

/* The least of what the agents of an account say is the rate of all of them. */
void config_share_accounts(struct agent_vec *agents)
{
    for (size_t i = 0; i < agents->count; i++) {
        struct agent_config *agent = &agents->items[i];

        for (size_t k = 0; agent->account && k < agents->count; k++) {
            const struct agent_config *other = &agents->items[k];

            if (other->account && strcmp(other->account, agent->account) == 0 &&
                other->rate_limit > 0 &&
                (agent->rate_limit == 0 || other->rate_limit < agent->rate_limit)) {
                agent->rate_limit = other->rate_limit;
            }
        }
    }
}

static const char *const offline_mode_names[] = {
    [OFFLINE_AUTO] = "auto", [OFFLINE_NEVER] = "false", [OFFLINE_ONLY] = "true"};

const char *offline_mode_name(enum offline_mode mode)
{
    return offline_mode_names[mode];
}

bool offline_mode_parse(const char *word, enum offline_mode *ret_mode)
{
    for (size_t i = 0; i < ARRAY_LEN(offline_mode_names); i++) {
        if (strcmp(word, offline_mode_names[i]) == 0) {
            *ret_mode = (enum offline_mode)i;
            return true;
        }
    }
    return false;
}

static void disable_remote(struct agent_config *agent, const char *why)
{
    if (!agent->offline) {
        disable(agent, why);
    }
}

void config_go_offline(struct config *config)
{
    struct agent_config *agents = (struct agent_config *)(uintptr_t)config->agents;

    config->offline = OFFLINE_ONLY;
    for (size_t i = 0; i < config->agent_count; i++) {
        disable_remote(&agents[i], CONFIG_OFFLINE_WHY);
    }
}

void config_read_offline(const struct yaml_node *root, struct config *config)
{
    const struct yaml_node *word = yaml_find(root, "offline");
    const struct yaml_node *map = yaml_find(yaml_find(root, "settings"), "offline");

    if (config->offline == OFFLINE_ONLY) {
        return;
    }
    if (yaml_find(map, "auto_detect")) {
        config->offline = read_boolean(map, "auto_detect", true) ? OFFLINE_AUTO : OFFLINE_NEVER;
    }
    if (word) {
        config->offline = strcmp(word->text, "auto") == 0        ? OFFLINE_AUTO
                          : read_boolean(root, "offline", false) ? OFFLINE_ONLY
                                                                 : OFFLINE_NEVER;
    }
    if (read_boolean(map, "enabled", false)) {
        config->offline = OFFLINE_ONLY;
    }
}

void config_limit_agents(const struct yaml_node *settings, struct agent_vec *agents)
{
    const struct yaml_node *commands = yaml_find(settings, "allowed_commands");

    for (size_t i = 0; i < agents->count; i++) {
        struct agent_config *agent = &agents->items[i];

        limit_rate(settings, agent);
        if (commands && !is_allowed(agent, commands)) {
            disable(agent, "`allowed_commands` of the settings has not got it");
        }
    }
}
