/* SPDX-License-Identifier: MIT */
#include "run/profile.h"
#include "base/alloc.h"

#include <string.h>

void profile_fill(const struct agent_config *agent, const struct adapter *adapter,
                  struct agent_profile *ret_profile)
{
    *ret_profile = (struct agent_profile){
        .name = agent->name,
        .adapter = adapter,
        .command = agent->command,
        .command_count = agent->command_count,
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

int profile_check_step(const struct agent_profile *profile, const struct step *step,
                       struct error *err)
{
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
        {step->model != NULL, CAN_MODEL, "model", "takes no model"},
    };

    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        /* A backend that never changes anything needs no mode for it. */
        bool has_no_need = needs[i].ability == CAN_READ_ONLY &&
                           !(profile->adapter->abilities & CAN_EDIT);

        if (needs[i].is_needed && !has_no_need &&
            !(profile->adapter->abilities & (unsigned)needs[i].ability)) {
            (void)error_set(err, ERROR_INVALID, "step %s asks for `%s`, but agent %s (%s) %s",
                            step->id, needs[i].key, profile->name, profile->adapter->title,
                            needs[i].what);
            error_hint(err, "remove `%s` from the step, or give it another agent", needs[i].key);
            return ERROR_INVALID;
        }
    }
    return 0;
}
