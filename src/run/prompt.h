/* SPDX-License-Identifier: MIT */
/* Private to run/: the parts of an agent's prompt that stand before its task. */
#ifndef FERMATA_RUN_PROMPT_H
#define FERMATA_RUN_PROMPT_H

#include "run/run.h"

#define PROJECT_CONTEXT_FILE "AGENTS.md"
#define PROJECT_CONTEXT_BYTES_MAX 32768U

/* The step's expert. ERROR_NOT_FOUND: the run does not know it. */
int prompt_add_role(const struct step *step, struct strbuf *target, struct error *err);
/* What the workflow holds its agents to, behind the task. */
void prompt_add_contracts(const struct workflow *workflow, struct strbuf *target);
/* AGENTS.md of the project, unless the configuration or the agent (NULL: the default one) makes it
 * needless. One that cannot be read is none. */
void prompt_add_project(const struct engine_options *options, const char *agent,
                        struct strbuf *target);

#endif
