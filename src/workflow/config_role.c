/* SPDX-License-Identifier: MIT */
/* Agents by name and by role. */
#include "base/nearest.h"
#include "workflow/config_agent.h"

#include <stdlib.h>
#include <string.h>

static struct role_config *find_role(const struct role_vec *roles, const char *name)
{
    for (size_t i = 0; i < roles->count; i++) {
        if (strcmp(roles->items[i].role, name) == 0) {
            return &roles->items[i];
        }
    }
    return NULL;
}

void config_read_roles(const struct reader *reader, const struct yaml_node *root,
                       struct role_vec *roles)
{
    const struct yaml_node *map = yaml_find(root, "roles");

    for (size_t i = 0; map && i < map->count; i++) {
        const struct yaml_entry *entry = &map->entries[i];
        struct role_config *role;

        if (entry->is_bad) {
            continue;
        }
        role = find_role(roles, entry->key->text);
        role = role ? role : VEC_PUSH(roles);
        role->role = arena_strdup(reader->arena, entry->key->text);
        role->agent = arena_strdup(reader->arena, entry->value->text);
    }
}

void config_add_agent_roles(const struct agent_vec *agents, struct role_vec *roles)
{
    for (size_t i = 0; i < agents->count; i++) {
        const struct agent_config *agent = &agents->items[i];

        if (agent->enabled && agent->role && !agent->is_builtin && !find_role(roles, agent->role)) {
            *VEC_PUSH(roles) = (struct role_config){.role = agent->role, .agent = agent->name};
        }
    }
}

bool config_knows_agent(const struct agent_vec *agents, const struct role_vec *roles,
                        const char *name, const char **ret_nearest)
{
    const char **names = mem_zero(agents->count + roles->count + 1, sizeof(*names));
    bool is_known = false;

    for (size_t i = 0; i < agents->count; i++) {
        names[i] = agents->items[i].name;
        is_known = is_known || strcmp(names[i], name) == 0;
    }
    for (size_t i = 0; i < roles->count; i++) {
        names[agents->count + i] = roles->items[i].role;
        is_known = is_known || strcmp(roles->items[i].role, name) == 0;
    }
    *ret_nearest = nearest_name(name, names, agents->count + roles->count);
    free(names);
    return is_known;
}

static const struct agent_config *find_named(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->agent_count; i++) {
        if (strcmp(config->agents[i].name, name) == 0) {
            return &config->agents[i];
        }
    }
    return NULL;
}

const struct agent_config *config_find_agent(const struct config *config, const char *name)
{
    const struct agent_config *agent = find_named(config, name);

    for (size_t i = 0; !agent && i < config->role_count; i++) {
        if (strcmp(config->roles[i].role, name) == 0) {
            agent = find_named(config, config->roles[i].agent);
        }
    }
    return agent;
}
