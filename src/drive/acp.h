/* SPDX-License-Identifier: MIT */
/* The Agent Client Protocol, version 1 (https://agentclientprotocol.com, schema of 2026-09), as the
 * client: JSON-RPC 2.0 over the agent's standard streams, one JSON object a line. One call: a
 * session is made or loaded, a mode chosen, one prompt sent, and everything up to its answer
 * becomes agent events.
 *
 * No I/O here: lines come in by acp_handle(), messages go out by `send`. What agents are known to
 * do otherwise than the protocol says is met where it is read. */
#ifndef FERMATA_DRIVE_ACP_H
#define FERMATA_DRIVE_ACP_H

#include "agents/event.h"

#include <stdbool.h>
#include <stddef.h>

#define ACP_LINE_BYTES_MAX (64U * 1024 * 1024)
#define ACP_TOOLS_MAX 20000
#define ACP_GARBAGE_MAX 1000 /* lines that are no JSON object */

/* Borrowed for the life of what is made of it. */
struct acp_call {
    const char *prompt;
    const char *cwd;     /* absolute */
    const char *session; /* to go on with; NULL: a new one */
    const char *model;   /* NULL: the agent's choice */
    bool is_read_only;
    const json_t *tools; /* kinds that are allowed besides; NULL: none */
    double earlier_usd;  /* what the session cost before; 0: nothing that is known */
};

/* Those that are known to do something otherwise, by the names that they give themselves. */
enum acp_agent {
    ACP_OTHER,
    ACP_COPILOT,  /* tells as its answer what goes wrong and that it tries again */
    ACP_OPENCODE, /* tells the tokens of its last request only */
    ACP_GEMINI,   /* takes a turn that is cancelled out of its session */
};

struct acp_output {
    void (*send)(void *context, const json_t *message);
    void (*on_event)(void *context, const struct agent_event *event);
    void *context;
};

struct acp;
struct acp *acp_new(const struct acp_call *call, const struct acp_output *output);
void acp_free(struct acp *acp); /* accepts NULL */
void acp_start(struct acp *acp);
void acp_handle(struct acp *acp, const char *line, size_t length);
/* The prompt is given up: the agent is asked to end it, where its session outlives that, and gets
 * no more permissions. */
void acp_cancel(struct acp *acp);
/* Something outside the protocol ended it. Once it is over nothing changes that. */
void acp_fail(struct acp *acp, enum agent_failure failure, const char *text);
bool acp_is_over(const struct acp *acp);
bool acp_is_fine(const struct acp *acp); /* over, with an answer */

/* acp_mode.c: the mode that fits, of those that a new session offers; NULL: the one it is in.
 * free() it. One that may change nothing and offers no such mode: *ret_is_missing. */
char *acp_choose_mode(const struct acp_call *call, const json_t *session, bool *ret_is_missing);
/* Of those that a session offers; NULL: none of that category. */
const json_t *acp_find_option(const json_t *session, const char *category);

/* acp_permission.c: the option to choose, by its kind; NULL: none fits, the request is cancelled.
 * `kind`: of the tool, where an earlier message told it; NULL: not known. */
const char *acp_choose_option(const struct acp_call *call, const json_t *params, const char *kind,
                              bool *ret_is_allowed);

/* acp_update.c: what the agent says of its work. */
struct acp_tools;
struct acp_tools *acp_tools_new(void);
void acp_tools_free(struct acp_tools *tools); /* accepts NULL */
void acp_tools_set_agent(struct acp_tools *tools, enum acp_agent agent);
/* Of a session that was loaded: agents tell what it cost in all. */
void acp_tools_set_earlier(struct acp_tools *tools, double usd);
const char *acp_tools_kind(const struct acp_tools *tools, const char *id); /* NULL: not known */
/* A tool is told once, whoever mentions it first. */
void acp_tools_note(struct acp_tools *tools, const json_t *tool, const struct acp_output *output);
void acp_tools_deny(struct acp_tools *tools, const json_t *tool, const struct acp_output *output);
void acp_read_update(struct acp_tools *tools, const json_t *update,
                     const struct acp_output *output);
/* {input_tokens, ...} of the answer to a prompt, in any of the forms in use; what is not of the
 * whole turn is not known. */
void acp_read_usage(const struct acp_tools *tools, const json_t *result,
                    struct agent_usage *ret_usage);

#endif
