/* SPDX-License-Identifier: MIT */
/* Which agents a step asks, one after the other. */
#include "workflow/config_agent.h"

#include <string.h>

void config_read_stand_ins(const struct reader *reader, const struct yaml_node *pairs,
                           struct stand_in_vec *stand_ins)
{
    for (size_t i = 0; pairs && i < pairs->count; i++) {
        const struct yaml_entry *entry = &pairs->entries[i];
        struct stand_in *known = NULL;

        if (entry->is_bad || key_find(LEVEL_FALLBACK, entry->key->text)) {
            continue;
        }
        for (size_t k = 0; k < stand_ins->count && !known; k++) {
            known = strcmp(stand_ins->items[k].agent, entry->key->text) == 0 ? &stand_ins->items[k]
                                                                             : NULL;
        }
        known = known ? known : VEC_PUSH(stand_ins);
        known->agent = arena_strdup(reader->arena, entry->key->text);
        known->other = arena_strdup(reader->arena, entry->value->text);
    }
}

static const char *find_stand_in(const struct config *config, const char *agent)
{
    for (size_t i = 0; i < config->stand_in_count; i++) {
        if (strcmp(config->stand_ins[i].agent, agent) == 0) {
            return config->stand_ins[i].other;
        }
    }
    return NULL;
}

/* A role and the agent that has it are the same one. */
static const char *real_name(const struct config *config, const char *name)
{
    const struct agent_config *agent = config && name ? config_find_agent(config, name) : NULL;

    return agent ? agent->name : name;
}

static void add_name(const struct config *config, const char *name, struct step_agents *agents)
{
    for (size_t i = 0; i < agents->count; i++) {
        if (agents->names[i] &&
            strcmp(real_name(config, agents->names[i]), real_name(config, name)) == 0) {
            return;
        }
    }
    if (agents->count < ARRAY_LEN(agents->names)) {
        agents->names[agents->count++] = name;
    }
}

void config_list_agents(const struct config *config, const struct step *step,
                        struct step_agents *ret_agents)
{
    struct step_agents agents = {.count = 1};
    const char *name;

    agents.names[0] = step->agent ? step->agent : config ? config->default_agent : NULL;
    for (size_t i = 0; i < step->fallback_count; i++) {
        add_name(config, step->fallback[i], &agents);
    }
    if (step->fallback_count == 0 && config && agents.names[0]) {
        size_t before = 0;

        /* A stand-in may have one of its own; a circle ends where it began. */
        while (before < agents.count) {
            name = find_stand_in(config, agents.names[before++]);
            if (name) {
                add_name(config, name, &agents);
            }
        }
    }
    *ret_agents = agents;
}
