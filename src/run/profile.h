/* SPDX-License-Identifier: MIT */
/* A configured agent as its adapter wants it, and whether a step asks for more than it can do. */
#ifndef FERMATA_RUN_PROFILE_H
#define FERMATA_RUN_PROFILE_H

#include "agents/adapter.h"
#include "workflow/config.h"
#include "workflow/expert.h"
#include "workflow/workflow.h"

/* name NULL: the default agent. ERROR_UNAVAILABLE: there is none, it is disabled, or nothing drives
 * its type. The profile borrows from the configuration. */
int profile_find(const struct config *config, const char *name, struct agent_profile *ret_profile,
                 struct error *err);
void profile_fill(const struct agent_config *agent, const struct adapter *adapter,
                  struct agent_profile *ret_profile);
/* What its adapter can do and what its configuration adds: enum adapter_ability. */
unsigned profile_abilities(const struct agent_profile *profile);
/* What a call cost by the configured price of its model, where the backend did not say; stays
 * unknown without a price for all that was used. model NULL: not known. */
void profile_add_cost(const struct config *config, const char *model, struct agent_usage *usage);
/* Of an agent step that asks `agent`: NULL: the default one. The step's `model` is for its own
 * agent alone: that of another knows no such model. */
struct profile_use {
    const struct step *step;
    const char *agent;
};
/* The model that the step wants instead of the agent's; NULL: none. */
const char *profile_wanted_model(struct profile_use use);
/* The same, else what its expert asks for where the agent has no model of its own. */
const char *profile_call_model(const struct config *config, struct profile_use use);
/* What the expert of the step asks for its agent: tools, none where the step names some. */
const struct expert_hint *profile_expert_tools(const struct config *config, struct profile_use use);
/* The options of a model server, with the temperature of the expert where they say none; NULL:
 * none. The caller owns them. */
json_t *profile_options(const struct config *config, struct profile_use use);
/* The model that answered, or else was asked for; NULL: the backend's own choice. */
const char *profile_model(const struct config *config, struct profile_use use, const char *said);
/* The shorter of the agent's limit and the step's; 0: none. */
int64_t profile_timeout_ms(const struct config *config, struct profile_use use);
/* How long an attempt may be quiet: what the step says, then what its agent does. Both may be NULL.
 */
struct quiet_policy profile_quiet(const struct step *step, const struct agent_config *agent);
/* ERROR_INVALID, before anything is spent: a key of the step needs what the agent cannot do. */
int profile_check_step(const struct agent_profile *profile, struct profile_use use,
                       struct error *err);

#endif
