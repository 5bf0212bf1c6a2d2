/* SPDX-License-Identifier: MIT */
/* Which agent a step would get. */
#include "base/alloc.h"
#include "ops/agent.h"
#include "run/profile.h"

#include <stdlib.h>
#include <string.h>

const struct agent_config *agent_find_for_step(struct ops *ops, const struct step *step)
{
    struct step_agents agents;

    (void)ops_default_agent(ops); /* it may have to be found first */
    config_list_agents(ops->config, step, &agents);
    for (size_t i = 0; i < agents.count; i++) {
        const char *name = agents.names[i];
        const struct agent_config *agent = name ? config_find_agent(ops->config, name) : NULL;

        if (agent && ops_is_agent_usable(ops, agent)) {
            return agent;
        }
    }
    return NULL;
}

int agent_refuse_step(struct ops *ops, const struct step *step, bool has_static, struct error *err)
{
    const char *name = step->agent ? step->agent : ops_default_agent(ops);
    const struct agent_config *agent = name ? config_find_agent(ops->config, name) : NULL;
    const char *otherwise = has_static ? "; or use --strategy static or hybrid" : "";
    struct agent_facts facts;

    if (!name) {
        (void)error_set(err, ERROR_UNAVAILABLE, "step %s needs an agent, and none is ready",
                        step->id);
        error_hint(err, "`fermata doctor` says what to do for each%s", otherwise);
    } else if (!agent) {
        (void)error_set(err, ERROR_UNAVAILABLE,
                        "step %s needs an agent, and there is none called %s", step->id, name);
        error_hint(err, "set it up under `agents` in config.yaml%s", otherwise);
    } else {
        agent_facts_init(ops, agent, &facts);
        (void)error_set(err, ERROR_UNAVAILABLE, "step %s needs an agent, and %s cannot be used: %s",
                        step->id, agent->name, facts.detail);
        error_hint(err, "%s%s", facts.hint ? facts.hint : "`fermata agents` lists all", otherwise);
        agent_facts_release(&facts);
    }
    return ERROR_UNAVAILABLE;
}

int agent_check_step(const struct ops *ops, const struct agent_config *agent,
                     const struct step *step, struct error *err)
{
    const struct adapter *adapter = adapter_find(agent->type);
    bool is_own = !step->agent || config_find_agent(ops->config, step->agent) == agent;
    struct profile_use use = {step, is_own ? step->agent : agent->name};
    struct agent_profile profile;

    if (!adapter) {
        return 0;
    }
    profile_fill(agent, adapter, &profile);
    if (profile_check_step(&profile, use, err) < 0) {
        err->code = ERROR_VALIDATION;
        return ERROR_VALIDATION;
    }
    return 0;
}

/* ---- of a dry run ---- */

static void add_facts(struct ops *ops, const char *name, struct agent_facts *facts, size_t *count)
{
    const struct agent_config *agent = name ? config_find_agent(ops->config, name) : NULL;

    for (size_t i = 0; agent && i < *count; i++) {
        agent = facts[i].config == agent ? NULL : agent;
    }
    if (agent) {
        agent_facts_init(ops, agent, &facts[(*count)++]);
    }
}

static json_t *describe(const struct agent_facts *facts)
{
    json_t *agent = json_object();

    json_put_text(agent, "name", facts->config->name);
    json_put_text(agent, "type", facts->config->type);
    json_put_text(agent, "version", facts->version);
    json_put_text(agent, "state", agent_state_name(facts->state));
    json_put_text(agent, "detail", facts->detail);
    return agent;
}

json_t *agent_describe_used(struct ops *ops, const json_t *waves)
{
    struct agent_facts *facts = mem_zero(ops->config->agent_count + 1, sizeof(*facts));
    json_t *list = json_array();
    const json_t *wave;
    const json_t *step;
    size_t count = 0;
    size_t i;
    size_t k;

    json_array_foreach(waves, i, wave)
    {
        json_array_foreach(json_object_get(wave, "steps"), k, step)
        {
            if (strcmp(json_get_text(step, "using", ""), "agent") == 0) {
                add_facts(ops, json_get_text(step, "what", NULL), facts, &count);
            }
        }
    }
    agent_facts_ask(ops, facts, count, (struct agent_questions){.versions = true});
    for (i = 0; i < count; i++) {
        (void)json_array_append_new(list, describe(&facts[i]));
        agent_facts_release(&facts[i]);
    }
    free(facts);
    return list;
}
