/* SPDX-License-Identifier: MIT */
/* Private to agents/: the lines that claude and qwen share, whose form is that of the Anthropic
 * Messages API. */
#ifndef FERMATA_AGENTS_MESSAGES_H
#define FERMATA_AGENTS_MESSAGES_H

#include "agents/reader.h"

/* Which blocks of the message under way were already said piece by piece. */
struct messages {
    bool text_streamed, thinking_streamed;
};

/* "system" with subtype "init", "stream_event", "assistant" and "user"; false: another one. */
bool messages_read(struct messages *messages, struct agent_reader *reader, const json_t *value);
/* How many tools `permission_denials` of the result names, if more than were met on the way. */
void messages_count_denials(struct agent_reader *reader, const json_t *result);

#endif
