/* SPDX-License-Identifier: MIT */
/* Which address tells whether an agent is online: its own one, never anybody else's. */
#ifndef FERMATA_RUN_ONLINE_H
#define FERMATA_RUN_ONLINE_H

#include "agents/reach.h"
#include "workflow/config.h"

/* `environment`: "NAME=value" list of what the agent gets beside its own. NULL: it needs no
 * network, or nobody knows where it calls. The caller frees it. */
char *online_address(const struct agent_config *agent, const char *const *environment);
/* The step may ask an agent that needs no network when `agent` cannot be reached. */
bool online_has_local(const struct config *config, const struct step *step,
                      const struct agent_config *agent);

#endif
