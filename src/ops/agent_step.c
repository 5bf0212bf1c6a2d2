/* SPDX-License-Identifier: MIT */
/* Which agent a step would get. */
#include "base/alloc.h"
#include "base/strbuf.h"
#include "base/vec.h"
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

/* ---- nobody can ---- */

/* An agent that cannot be used, and the steps that would have it. */
struct refusal {
    const char *name;
    struct strbuf steps;
};

struct refusals {
    VEC(struct refusal) items;
};

static void refuse(struct refusals *refusals, const char *name, const char *step)
{
    struct refusal *refusal = NULL;

    for (size_t i = 0; i < refusals->items.count && !refusal; i++) {
        if (strcmp(refusals->items.items[i].name, name) == 0) {
            refusal = &refusals->items.items[i];
        }
    }
    if (!refusal) {
        refusal = VEC_PUSH(&refusals->items);
        refusal->name = name;
        strbuf_init(&refusal->steps, ERROR_TEXT_MAX);
    }
    strbuf_addf(&refusal->steps, "%s%s", refusal->steps.length > 0 ? ", " : "", step);
}

static void refuse_all_of(struct ops *ops, const struct step *step, struct refusals *refusals)
{
    struct step_agents agents;

    config_list_agents(ops->config, step, &agents);
    for (size_t i = 0; i < agents.count; i++) {
        if (agents.names[i]) {
            refuse(refusals, agents.names[i], step->id);
        }
    }
}

/* Adds why it cannot be used, and what to do about it. */
static void describe_refusal(struct ops *ops, const char *name, struct strbuf *why,
                             struct strbuf *what)
{
    const struct agent_config *agent = config_find_agent(ops->config, name);
    struct agent_facts facts;

    if (!agent) {
        strbuf_addf(why, "there is none called %s", name);
        strbuf_add(what, "set it up under `agents` in config.yaml");
        return;
    }
    agent_facts_init(ops, agent, &facts);
    strbuf_add(why, facts.detail);
    strbuf_add(what, facts.hint ? facts.hint : "`fermata agents` lists all");
    agent_facts_release(&facts);
}

static void describe_one(struct ops *ops, const struct refusal *refusal, struct strbuf *why,
                         struct strbuf *what)
{
    const struct agent_config *agent = config_find_agent(ops->config, refusal->name);

    strbuf_addf(why, "step%s %s need%s an agent, and ", strchr(refusal->steps.data, ',') ? "s" : "",
                refusal->steps.data, strchr(refusal->steps.data, ',') ? "" : "s");
    if (agent) {
        strbuf_addf(why, "%s cannot be used: ", agent->name);
    }
    describe_refusal(ops, refusal->name, why, what);
}

/* All of them, so that nobody installs one only to be told of the next. */
static void describe_several(struct ops *ops, const struct refusals *refusals, struct strbuf *why,
                             struct strbuf *what)
{
    strbuf_addf(why, "%zu agents are needed that cannot be used:", refusals->items.count);
    for (size_t i = 0; i < refusals->items.count; i++) {
        const struct refusal *refusal = &refusals->items.items[i];
        const char *end = i + 1 < refusals->items.count ? ";" : "";

        strbuf_addf(why, " %s (of %s): ", refusal->name, refusal->steps.data);
        strbuf_addf(what, "%s%s: ", i > 0 ? " " : "", refusal->name);
        describe_refusal(ops, refusal->name, why, what);
        strbuf_add(why, end);
        strbuf_add(what, end);
    }
}

int agent_refuse_steps(struct ops *ops, const struct step *const *steps, size_t count,
                       bool has_static, struct error *err)
{
    const char *otherwise = has_static ? "; or use --strategy static or hybrid" : "";
    struct refusals refusals = {0};
    struct strbuf why;
    struct strbuf what;

    (void)ops_default_agent(ops); /* it may have to be found first */
    strbuf_init(&why, ERROR_TEXT_MAX);
    strbuf_init(&what, ERROR_HINT_MAX);
    for (size_t i = 0; i < count; i++) {
        refuse_all_of(ops, steps[i], &refusals);
    }
    if (refusals.items.count == 0) {
        strbuf_addf(&why, "step %s needs an agent, and none is ready", steps[0]->id);
        strbuf_add(&what, "`fermata doctor` says what to do for each");
    } else if (refusals.items.count == 1) {
        describe_one(ops, &refusals.items.items[0], &why, &what);
    } else {
        describe_several(ops, &refusals, &why, &what);
    }
    (void)error_set(err, ERROR_UNAVAILABLE, "%s", why.data);
    error_hint(err, "%s%s", what.data, otherwise);
    for (size_t i = 0; i < refusals.items.count; i++) {
        strbuf_release(&refusals.items.items[i].steps);
    }
    VEC_RELEASE(&refusals.items);
    strbuf_release(&why);
    strbuf_release(&what);
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
