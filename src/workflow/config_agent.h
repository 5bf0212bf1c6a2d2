/* SPDX-License-Identifier: MIT */
/* The agents of config.yaml. Internal to workflow/. */
#ifndef FERMATA_WORKFLOW_CONFIG_AGENT_H
#define FERMATA_WORKFLOW_CONFIG_AGENT_H

#include "workflow/config.h"
#include "workflow/reader.h"

VEC_TYPE(agent_vec, struct agent_config);

/* Reads `agents:` of one file. The user's file comes first; what is there already can only be
 * narrowed by the next one. */
void config_read_agents(struct reader *reader, const struct yaml_node *root,
                        struct agent_vec *agents);

#endif
