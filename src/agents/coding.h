/* SPDX-License-Identifier: MIT */
/* Private to agents/: what the adapters of coding programs share. Each of these programs is started
 * once for a prompt, which it reads from standard input, and prints one JSON object a line. */
#ifndef FERMATA_AGENTS_CODING_H
#define FERMATA_AGENTS_CODING_H

#include "agents/reader.h"

/* ---- the call ---- */

/* The program (configured, or the adapter's) and its input. ERROR_INVALID: a model, session or tool
 * that it would take for an option. */
int coding_begin(const struct agent_call *call, struct agent_command *command, struct error *err);
const char *coding_model(const struct agent_call *call); /* NULL: its own choice */

/* In how far it may act without asking. Some programs have further words for an edit step; then
 * `mode` of the agent's options takes its place. The tool `*` allows everything. */
struct coding_modes {
    const char *read_only, *edit, *everything;
};
const char *coding_mode(const struct agent_call *call, const struct coding_modes *modes);
bool coding_allows_everything(const struct agent_call *call);

/* Nothing when the value is NULL. */
void coding_add_option(struct agent_command *command, const char *option, const char *value);
/* The option before each allowed tool. */
void coding_add_tools(const struct agent_call *call, const char *option,
                      struct agent_command *command);
/* The schema as one argument; ERROR_LIMIT when it is too large for that. */
int coding_add_schema(const struct agent_call *call, const char *option,
                      struct agent_command *command, struct error *err);

/* ---- its lines ---- */

/* The type of the line, "" when it has none. */
const char *coding_type(const json_t *value);
int64_t coding_number(const json_t *object, const char *key); /* below zero: not there */
/* Adds what is known: unknown + 1 = 1. */
void coding_add_number(int64_t *sum, int64_t number);
/* A tool's arguments in a line: the command, the file, else all of them. What it edits is noted. */
void coding_tool_call(struct agent_reader *reader, const char *id, const char *name,
                      const json_t *arguments);
/* The files that a tool of this name changes with these arguments; nothing when it changes none. */
void coding_edits(struct agent_reader *reader, const char *id, const char *name,
                  const json_t *arguments);
/* The beginning of the result; a result that is no text as JSON, of blocks their text. */
void coding_tool_result(struct agent_reader *reader, const char *id, const json_t *content,
                        bool is_error);
/* Does an error say that the tool was refused, rather than that it failed? */
bool coding_says_denied(const char *text);
/* "after 20s", "in 3 minutes": -1 when the text names no time. */
int64_t coding_retry_ms(const char *text);
/* What this attempt used, where the program tells the usage of the whole session. */
void coding_subtract(struct agent_usage *usage, const struct agent_usage *earlier);
/* Money of zero for tokens that were used means that no price is known. */
double coding_cost(double cost_usd, int64_t tokens);

#endif
