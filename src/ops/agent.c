/* SPDX-License-Identifier: MIT */
/* Whether an agent can be used, as far as files tell. */
#include "ops/agent.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define OFFLINE_HINT                                                                               \
    "only local agents may be used (`--offline`, or `offline: true`): name one with `offline: "    \
    "true` as its agent or `fallback`, or do without"

static void set(struct agent_facts *facts, enum agent_state state, const char *detail,
                const char *hint)
{
    facts->state = state;
    facts->detail = mem_strdup(detail);
    facts->hint = mem_strdup(hint);
}

static bool lacks_key(const struct ops *ops, struct agent_facts *facts)
{
    struct error err = ERROR_INIT;

    if (agent_check_key(ops, facts->config, facts->adapter, &err) == 0) {
        return false;
    }
    free(facts->account); /* of an empty file */
    facts->account = NULL;
    set(facts, AGENT_LACKING, err.text, err.hint);
    return true;
}

static void look_at_program(const struct ops *ops, struct agent_facts *facts)
{
    const struct agent_config *config = facts->config;
    const char *name = config->command_count ? config->command[0] : facts->adapter->program;

    facts->path = name ? ops_find_program(ops, name) : NULL;
    if (!facts->path) {
        char *detail = mem_printf("%s is not in PATH", name ? name : "its program");

        set(facts, AGENT_LACKING, config->is_builtin ? "not installed" : detail,
            config->command_count ? "correct `command` of it, or install that program"
                                  : facts->adapter->install);
        free(detail);
    } else if (!lacks_key(ops, facts)) {
        bool is_ready = facts->account || !agent_knows_accounts(config->type);

        set(facts, is_ready ? AGENT_READY : AGENT_UNSURE, is_ready ? "ready" : "no sign-in found",
            is_ready ? NULL : facts->adapter->sign_in);
    }
}

static void look_at_server(const struct ops *ops, struct agent_facts *facts)
{
    const struct agent_config *config = facts->config;

    if (lacks_key(ops, facts)) {
        return;
    }
    if (!facts->account && facts->adapter->sign_in && !config->endpoint) {
        set(facts, AGENT_LACKING, "no key", facts->adapter->sign_in);
    } else {
        set(facts, AGENT_UNSURE, "not asked", NULL);
    }
}

void agent_facts_init(struct ops *ops, const struct agent_config *config, struct agent_facts *facts)
{
    *facts = (struct agent_facts){.config = config, .adapter = adapter_find(config->type)};
    if (!config->enabled) {
        bool is_remote = strcmp(config->disabled_why, CONFIG_OFFLINE_WHY) == 0;

        set(facts, AGENT_DISABLED, is_remote ? "needs a network" : "disabled",
            is_remote ? OFFLINE_HINT : config->disabled_why);
        return;
    }
    if (!facts->adapter) {
        set(facts, AGENT_LACKING, "not driven", "nothing here drives agents of its type");
        return;
    }
    facts->account = agent_find_account(ops, config, facts->adapter);
    switch (facts->adapter->kind) {
    case ADAPTER_PROGRAM:
    case ADAPTER_PROTOCOL:
    case ADAPTER_COMMAND:
        look_at_program(ops, facts);
        break;
    case ADAPTER_SERVER:
        look_at_server(ops, facts);
        break;
    case ADAPTER_HOST:
        set(facts, AGENT_UNSURE, config->is_builtin ? "with --bridge" : "needs a caller",
            config->is_builtin
                ? "`fermata run --bridge` hands its work to the program that called"
                : "exit status 42 hands its work to the program that called: docs/bridge.md");
        break;
    }
}

void agent_facts_release(struct agent_facts *facts)
{
    free(facts->path);
    free(facts->version);
    free(facts->account);
    free(facts->detail);
    free(facts->hint);
    json_decref(facts->models);
}

bool ops_is_agent_usable(struct ops *ops, const struct agent_config *config)
{
    struct agent_facts facts;
    bool is_usable;

    agent_facts_init(ops, config, &facts);
    is_usable = facts.state == AGENT_READY || facts.state == AGENT_UNSURE;
    agent_facts_release(&facts);
    return is_usable;
}

bool ops_has_agent(void *context, const char *name)
{
    struct ops *ops = context;
    const struct agent_config *agent = config_find_agent(ops->config, name);

    return agent && ops_is_agent_usable(ops, agent);
}

/* The first that is surely ready, else the first whose sign-in could not be told. */
static const struct agent_config *choose(struct ops *ops, bool configured)
{
    const struct agent_config *unsure = NULL;

    for (size_t i = 0; i < ops->config->agent_count; i++) {
        const struct agent_config *config = &ops->config->agents[i];
        struct agent_facts facts;
        bool is_candidate;

        if (config->is_builtin == configured) {
            continue;
        }
        agent_facts_init(ops, config, &facts);
        /* Of those that nobody set up, only programs: a server may not be there. */
        is_candidate = facts.adapter && (configured ? facts.adapter->kind != ADAPTER_HOST
                                                    : facts.adapter->kind == ADAPTER_PROGRAM);
        if (is_candidate && facts.state == AGENT_READY) {
            agent_facts_release(&facts);
            return config;
        }
        unsure = !unsure && is_candidate && facts.state == AGENT_UNSURE ? config : unsure;
        agent_facts_release(&facts);
    }
    return unsure;
}

const char *ops_default_agent(struct ops *ops)
{
    const struct agent_config *agent;

    if (!ops->config->default_agent && !ops->has_chosen_agent) {
        ops->has_chosen_agent = true;
        agent = choose(ops, true);
        agent = agent ? agent : choose(ops, false);
        ops->config->default_agent = agent ? agent->name : NULL;
    }
    return ops->config->default_agent;
}
