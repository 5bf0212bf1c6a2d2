/* SPDX-License-Identifier: MIT */
/* Private to run/: pieces of launching that preparing shares. */
#ifndef FERMATA_RUN_LAUNCH_H
#define FERMATA_RUN_LAUNCH_H

#include "agents/adapter.h"
#include "run/engine.h"
#include "run/lookup.h"

struct lookup_context launch_context(struct active *active, int step);
struct template_list {
    const struct named_template *items;
    size_t count;
};
/* For a context that names an output which could not be read. */
int launch_refuse_unread(const struct lookup_context *context, struct error *err);
/* The values of `with`; the caller owns them. */
int launch_arguments(struct active *active, int step, struct template_list with,
                     json_t **ret_arguments, struct error *err);
/* Longest time of an attempt; 0: no limit. */
int64_t launch_timeout_ms(struct active *active, int step);

/* launch_agent.c: what an agent step runs. */
struct agent_launch {
    struct agent_command command;
    struct strbuf prompt;
    bool can_edit;
};
void agent_launch_init(struct agent_launch *launch);
void agent_launch_release(struct agent_launch *launch);
/* The files of the command are complete: `prompt` and agent.json are among them. */
int launch_agent(struct active *active, int step, const char *folder, struct agent_launch *launch,
                 struct error *err);
/* The whole prompt of an agent step. */
int launch_prompt(struct active *active, int step, struct strbuf *target, struct error *err);

/* dialogue.c: how the prompt's agent can ask, and what was answered already. */
void dialogue_add_way(const struct step *definition, struct strbuf *prompt);
void dialogue_add_answers(const struct step_state *step, struct strbuf *prompt);

/* handoff.c: why this agent's last answer was not taken, and what the agents before it did and why
 * they were given up, if there were any. */
void handoff_add(const struct step_state *step, const char *run_folder, struct strbuf *prompt);
/* As data: the fence is longer than any within. */
void prompt_add_fenced(struct strbuf *prompt, const char *text);

#endif
