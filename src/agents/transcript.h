/* SPDX-License-Identifier: MIT */
/* The stream of an agent's attempt, read from its folder: while it grows, and in the end.
 *
 * agent.json in the folder says how to read it (which adapter, which map, what earlier attempts of
 * the session used), so that any process can at any time, whatever the configuration says by then.
 */
#ifndef FERMATA_AGENTS_TRANSCRIPT_H
#define FERMATA_AGENTS_TRANSCRIPT_H

#include "agents/adapter.h"
#include "agents/attempt.h"

#define TRANSCRIPT_FILE "agent.json"

/* The content of agent.json; free() it. earlier: see agent_reader_set_earlier(); NULL: none. */
char *transcript_describe(const struct agent_call *call, const struct agent_usage *earlier);

struct transcript;
/* ERROR_NOT_FOUND: this is no agent's attempt. The callback may be NULL. */
int transcript_open(const char *folder, agent_event_callback on_event, void *context,
                    struct transcript **ret_transcript, struct error *err);
void transcript_free(struct transcript *transcript); /* accepts NULL */
/* Hands on the events of all that was printed since the last call. Blocking file work. */
int transcript_read(struct transcript *transcript, struct error *err);
/* The same while it grows, cheaply: what came last may be left for the next call. */
int transcript_peek(struct transcript *transcript, struct error *err);
int64_t transcript_bytes(const struct transcript *transcript); /* read so far */
/* Was there output that nobody kept? */
bool transcript_has_gap(const struct transcript *transcript);
/* Once, after the last transcript_read(). The result lives as long as the transcript. */
const struct agent_result *transcript_end(struct transcript *transcript,
                                          const struct agent_end *end);
const struct agent_profile *transcript_agent(const struct transcript *transcript);
/* The session that it went on with; NULL: it began a new one. */
const char *transcript_resumed(const struct transcript *transcript);

#endif
