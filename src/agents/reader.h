/* SPDX-License-Identifier: MIT */
/* Private to agents/: what adapters do with a reader (agents/adapter.h). */
#ifndef FERMATA_AGENTS_READER_H
#define FERMATA_AGENTS_READER_H

#include "agents/adapter.h"

/* The rows of adapter.c's table. */
extern const struct adapter adapter_claude;
extern const struct adapter adapter_codex;
extern const struct adapter adapter_copilot;
extern const struct adapter adapter_gemini;
extern const struct adapter adapter_opencode;
extern const struct adapter adapter_qwen;
extern const struct adapter adapter_command;
extern const struct adapter adapter_ollama, adapter_llamacpp, adapter_localai, adapter_textgen,
    adapter_openai, adapter_groq, adapter_anthropic, adapter_gemini_api;
extern const struct adapter adapter_host, adapter_acp;

const struct agent_profile *reader_agent(const struct agent_reader *reader);
/* What an adapter keeps between lines: zeroed at the first call, always of the same size, and
 * released (NULL: nothing to do) with the reader. */
void *reader_state(struct agent_reader *reader, size_t size, void (*release)(void *state));

/* See agent_reader_set_earlier(); all unknown when there was nothing. */
const struct agent_usage *reader_earlier(const struct agent_reader *reader);

/* Hands an event on, and takes from it what the result needs: text adds to the answer (after a
 * whole message, or a tool, a new one begins), usage and session replace, the last error stays
 * until DONE. */
void reader_emit(struct agent_reader *reader, const struct agent_event *event);
void reader_text(struct agent_reader *reader, const char *text, bool is_partial);
void reader_thinking(struct agent_reader *reader, const char *text, bool is_partial);
void reader_tool_call(struct agent_reader *reader, const char *id, const char *name,
                      const char *text);
void reader_tool_result(struct agent_reader *reader, const char *id, const char *text,
                        bool is_error);
/* A file that the tool `id` is to change: told as an edit if the tool's result is no error. */
void reader_edit(struct agent_reader *reader, const char *id, const char *path);
void reader_usage(struct agent_reader *reader, const struct agent_usage *usage);
void reader_session(struct agent_reader *reader, const char *id, const char *model);
void reader_question(struct agent_reader *reader, const char *text);
void reader_done(struct agent_reader *reader, const char *why);
void reader_denied(struct agent_reader *reader);
/* `status` 0: none; the class is found by agent_classify() when `failure` is AGENT_FINE. */
void reader_error(struct agent_reader *reader, enum agent_failure failure, int status,
                  int64_t retry_after_ms, const char *text);
/* An error after which the backend goes on trying, in vain: it stands when we stop it for that. */
void reader_error_fatal(struct agent_reader *reader, enum agent_failure failure, int status,
                        const char *text);
/* A limit that has been reached is over at that time of the wall clock, whichever error tells of
 * it. */
void reader_limit_until(struct agent_reader *reader, int64_t until_ms);
/* The final answer where the backend names it apart from its messages. */
void reader_answer(struct agent_reader *reader, const char *text);
void reader_json(struct agent_reader *reader, const json_t *value);
bool reader_is_done(const struct agent_reader *reader);
/* What adapters may change in the end. */
struct agent_result *reader_result(struct agent_reader *reader);

/* The usual verdict: stopped by us, timed out, signal, exit status, an error without success,
 * no DONE event, an empty answer. Adapters with a `conclude` of their own call it first or last. */
void agent_reader_conclude(struct agent_reader *reader, const struct agent_end *end);

/* read_line of adapters whose driver prints agent events. */
void reader_read_event(struct agent_reader *reader, const json_t *value, const char *text);

#endif
