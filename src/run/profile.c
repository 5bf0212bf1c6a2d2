/* SPDX-License-Identifier: MIT */
#include "run/profile.h"
#include "base/alloc.h"

#include <stdint.h>
#include <string.h>

#define QUIET_AFTER_MS (INT64_C(5) * 60 * 1000)

void profile_fill(const struct agent_config *agent, const struct adapter *adapter,
                  struct agent_profile *ret_profile)
{
    *ret_profile = (struct agent_profile){
        .name = agent->name,
        .adapter = adapter,
        .command = agent->command,
        .command_count = agent->command_count,
        .read_only_command = agent->read_only_command,
        .read_only_count = agent->read_only_count,
        .endpoint = agent->endpoint ? agent->endpoint : adapter->endpoint,
        .model = agent->model,
        .key = agent->key,
        .prompt_by = agent->prompt_by,
        .output_format = agent->output_format,
        .output_map = agent->output_map,
        .options = agent->options,
        .silence_ms = agent->silence_ms ? agent->silence_ms : adapter->silence_ms,
        .is_offline = agent->offline,
    };
}

unsigned profile_abilities(const struct agent_profile *profile)
{
    return profile->adapter->abilities | (profile->read_only_count > 0 ? CAN_READ_ONLY : 0U);
}

int profile_find(const struct config *config, const char *name, struct agent_profile *ret_profile,
                 struct error *err)
{
    const char *wanted = name ? name : config->default_agent;
    const struct agent_config *agent = wanted ? config_find_agent(config, wanted) : NULL;
    const struct adapter *adapter = agent ? adapter_find(agent->type) : NULL;

    if (agent && agent->enabled && adapter) {
        profile_fill(agent, adapter, ret_profile);
        return 0;
    }
    if (!wanted) {
        (void)error_set(err, ERROR_UNAVAILABLE, "no agent is named, and there is no default one");
    } else if (!agent) {
        (void)error_set(err, ERROR_UNAVAILABLE,
                        "agent %s cannot be used here: it is not configured", wanted);
    } else if (!agent->enabled) {
        (void)error_set(err, ERROR_UNAVAILABLE, "agent %s cannot be used here: it is disabled (%s)",
                        wanted, agent->disabled_why ? agent->disabled_why : "configuration");
    } else {
        (void)error_set(err, ERROR_UNAVAILABLE,
                        "agent %s cannot be used here: no adapter drives its type \"%s\"", wanted,
                        agent->type);
    }
    error_hint(err, "configure it under `agents:` in .fermata/config.yaml, or use --strategy "
                    "static");
    return ERROR_UNAVAILABLE;
}

static const struct agent_config *find_of_step(const struct config *config, struct profile_use use)
{
    const char *name = use.agent ? use.agent : config->default_agent;

    return use.step->kind == STEP_AGENT && name ? config_find_agent(config, name) : NULL;
}

/* Not one that stands in. */
static bool is_own_agent(struct profile_use use)
{
    return !use.agent || (use.step->agent && strcmp(use.agent, use.step->agent) == 0);
}

const char *profile_wanted_model(struct profile_use use)
{
    return is_own_agent(use) ? use.step->model : NULL;
}

/* ---- what an expert asks for: hints, so that an agent that cannot goes without ----------------
 */

static bool has_ability(const struct agent_config *agent, enum adapter_ability ability)
{
    const struct adapter *adapter = agent ? adapter_find(agent->type) : NULL;

    return adapter && (adapter->abilities & (unsigned)ability);
}

static const char *expert_model(const struct config *config, struct profile_use use)
{
    const struct expert *expert = use.step->role;
    const struct agent_config *agent = find_of_step(config, use);
    const struct expert_hint *hint;

    if (!expert || !agent || agent->model || !has_ability(agent, CAN_MODEL)) {
        return NULL;
    }
    hint = expert_find_hint(expert->models, expert->model_count, agent->name, agent->type,
                            is_own_agent(use));
    return hint ? hint->values[0] : NULL;
}

const char *profile_call_model(const struct config *config, struct profile_use use)
{
    const char *wanted = profile_wanted_model(use);

    return wanted ? wanted : expert_model(config, use);
}

const struct expert_hint *profile_expert_tools(const struct config *config, struct profile_use use)
{
    const struct expert *expert = use.step->role;
    const struct agent_config *agent = find_of_step(config, use);

    return expert && use.step->tool_count == 0 && has_ability(agent, CAN_TOOLS)
               ? expert_find_hint(expert->tools, expert->tool_count, agent->name, agent->type,
                                  is_own_agent(use))
               : NULL;
}

json_t *profile_options(const struct config *config, struct profile_use use)
{
    const struct expert *expert = use.step->role;
    const struct agent_config *agent = find_of_step(config, use);
    const struct adapter *adapter = agent ? adapter_find(agent->type) : NULL;
    json_t *options = agent && agent->options ? json_copy((json_t *)(uintptr_t)agent->options)
                                              : NULL;

    if (expert && expert->temperature >= 0 && adapter && adapter->kind == ADAPTER_SERVER &&
        !json_object_get(options, "temperature")) {
        options = options ? options : json_object();
        json_put(options, "temperature", json_real(expert->temperature));
    }
    return options;
}

const char *profile_model(const struct config *config, struct profile_use use, const char *said)
{
    const struct agent_config *agent = find_of_step(config, use);
    const char *wanted = profile_call_model(config, use);

    return said ? said : wanted ? wanted : agent ? agent->model : NULL;
}

/* Tokens at a price for a million; unknown when either is. */
static double cost_of(int64_t tokens, double price)
{
    return tokens == 0 ? 0 : tokens < 0 || price < 0 ? -1 : (double)tokens * price / 1e6;
}

void profile_add_cost(const struct config *config, const char *model, struct agent_usage *usage)
{
    const struct price *price = model ? config_find_price(config, model) : NULL;
    int64_t cached = usage->cached_tokens > 0 ? usage->cached_tokens : 0;
    double parts[3];

    if (!price || usage->cost_usd >= 0 || usage->input_tokens < cached) {
        return;
    }
    parts[0] = cost_of(usage->input_tokens - cached, price->input);
    parts[1] = cost_of(cached, price->cached_input >= 0 ? price->cached_input : price->input);
    parts[2] = cost_of(usage->output_tokens, price->output);
    if (parts[0] >= 0 && parts[1] >= 0 && parts[2] >= 0) {
        usage->cost_usd = parts[0] + parts[1] + parts[2];
    }
}

int64_t profile_timeout_ms(const struct config *config, struct profile_use use)
{
    const struct agent_config *agent = find_of_step(config, use);
    const struct step *step = use.step;
    int64_t own_ms = agent ? agent->timeout_ms : 0;

    return own_ms > 0 && (step->timeout_ms == 0 || own_ms < step->timeout_ms) ? own_ms
                                                                              : step->timeout_ms;
}

struct quiet_policy profile_quiet(const struct step *step, const struct agent_config *agent)
{
    struct quiet_policy policy = {QUIET_AFTER_MS, QUIET_REPORT};

    policy = agent ? quiet_over(agent->quiet, policy) : policy;
    return step ? quiet_over(step->quiet, policy) : policy;
}

int profile_check_step(const struct agent_profile *profile, struct profile_use use,
                       struct error *err)
{
    const struct step *step = use.step;
    const struct {
        bool is_needed;
        enum adapter_ability ability;
        const char *key;
        const char *what;
    } needs[] = {
        {step->read_only, CAN_READ_ONLY, "read_only", "has no mode in which it changes nothing"},
        {step->tool_count > 0, CAN_TOOLS, "tools", "takes no list of allowed tools"},
        {step->turns_max > 0, CAN_TURNS, "turns_max", "takes no limit of turns"},
        {step->budget_usd > 0, CAN_BUDGET, "budget_usd", "takes no limit in money"},
        {profile_wanted_model(use) != NULL, CAN_MODEL, "model", "takes no model"},
    };

    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        unsigned abilities = profile_abilities(profile);
        /* A backend that never changes anything needs no mode for it. */
        bool has_no_need = needs[i].ability == CAN_READ_ONLY && !(abilities & CAN_EDIT);

        if (needs[i].is_needed && !has_no_need && !(abilities & (unsigned)needs[i].ability)) {
            (void)error_set(err, ERROR_INVALID, "step %s asks for `%s`, but agent %s (%s) %s",
                            step->id, needs[i].key, profile->name, profile->adapter->title,
                            needs[i].what);
            error_hint(err, "remove `%s` from the step, or give it another agent%s", needs[i].key,
                       needs[i].ability == CAN_READ_ONLY &&
                               profile->adapter->kind == ADAPTER_COMMAND
                           ? "; or say with `read_only_command` how it changes nothing"
                           : "");
            return ERROR_INVALID;
        }
    }
    return 0;
}
