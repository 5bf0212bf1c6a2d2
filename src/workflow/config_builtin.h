/* SPDX-License-Identifier: MIT */
/* The agents that need no configuration, and what can stand as `type`. Internal to workflow/. */
#ifndef FERMATA_WORKFLOW_CONFIG_BUILTIN_H
#define FERMATA_WORKFLOW_CONFIG_BUILTIN_H

#include "workflow/config.h"

/* In the order in which one is taken when nothing names an agent. */
const struct agent_config *config_builtin_agents(size_t *ret_count);
const struct agent_config *config_find_builtin(const char *name); /* NULL: none */

/* The type of adapter behind a name of a program ("gemini-cli", "/usr/bin/codex"); NULL: none. */
const char *config_find_program(const char *name);
/* The program itself has another name than other tools' files call it by ("gh-copilot"). */
bool config_is_old_name(const char *name);

/* The adapters' types, and the services that one of these speaks to by an address of their own:
 * built-in agents with an endpoint. */
const char *const *config_agent_types(size_t *ret_count);

#endif
