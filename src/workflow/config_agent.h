/* SPDX-License-Identifier: MIT */
/* The agents of config.yaml. Internal to workflow/. */
#ifndef FERMATA_WORKFLOW_CONFIG_AGENT_H
#define FERMATA_WORKFLOW_CONFIG_AGENT_H

#include "workflow/config.h"
#include "workflow/reader.h"

VEC_TYPE(agent_vec, struct agent_config);

#define BREAKER_THRESHOLD 5
#define BREAKER_RECOVERY_MS 60000

/* Reads `agents:` of one file. The user's file comes first; what is there already can only be
 * narrowed by the next one. */
void config_read_agents(struct reader *reader, const struct yaml_node *root,
                        struct agent_vec *agents);

/* `pass_env`, which is there. */
const char *const *read_patterns(struct reader *reader, const struct yaml_node *node,
                                 size_t *ret_count);

/* `command`: a list, or a text split at white space; whoever needs quotes writes a list. */
const char *const *read_argv(struct reader *reader, const struct yaml_node *node,
                             size_t *ret_count);

/* config_entitlement.c: one file's, the user's first; what is narrower holds. */
void config_read_entitlement(struct reader *reader, const struct yaml_node *root, bool is_project,
                             struct entitlement *entitlement);

/* config_map.c: whether what the agent's `map` names goes together, and with its output. */
void config_check_map(const struct reader *reader, const struct yaml_node *agent,
                      const char *output_format);

/* config_limit.c: one file's `offline`, in both of its forms. */
void config_read_offline(const struct yaml_node *root, struct config *config);
/* One file's `settings` on all agents: allowed_commands. The built-in ones have to be among them.
 */
void config_limit_agents(const struct yaml_node *settings, struct agent_vec *agents);
void config_share_accounts(struct agent_vec *agents);
void config_add_builtin_agents(struct agent_vec *agents);

/* config_price.c */
VEC_TYPE(price_vec, struct price);
void config_read_prices(const struct reader *reader, const struct yaml_node *root,
                        struct price_vec *prices);

/* config_role.c */
VEC_TYPE(role_vec, struct role_config);
/* config_fallback.c: `pairs` of agent and the one that stands in; a later pair replaces an earlier.
 */
VEC_TYPE(stand_in_vec, struct stand_in);
void config_read_stand_ins(const struct reader *reader, const struct yaml_node *pairs,
                           struct stand_in_vec *stand_ins);

/* A later file's word on a role replaces that of an earlier one. */
void config_read_roles(const struct reader *reader, const struct yaml_node *root,
                       struct role_vec *roles);
/* The roles that agents of the files give themselves, where nothing else has them. */
void config_add_agent_roles(const struct agent_vec *agents, struct role_vec *roles);
/* Whether an agent or a role has the name; *ret_nearest: one that has nearly it, or NULL. */
bool config_knows_agent(const struct agent_vec *agents, const struct role_vec *roles,
                        const char *name, const char **ret_nearest);

#endif
