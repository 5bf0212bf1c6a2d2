/* SPDX-License-Identifier: MIT */
/* Takes keys out of agent events (base/redact.h), also those that come in pieces of text. Whoever
 * has the keys does so: our own drivers. */
#ifndef FERMATA_AGENTS_CONCEAL_H
#define FERMATA_AGENTS_CONCEAL_H

#include "agents/event.h"
#include "base/redact.h"

typedef void (*conceal_callback)(void *context, const struct agent_event *event);

struct concealer;

/* Of the keys, the names have to stay. */
struct concealer *concealer_new(const struct redact_key *keys, size_t count,
                                conceal_callback on_event, void *context);
void concealer_free(struct concealer *concealer); /* accepts NULL */

/* Hands it on, or a part of it now and the rest with the next: a partial text is never the last
 * event. */
void concealer_add(struct concealer *concealer, const struct agent_event *event);
/* Of a whole text; free() it. */
char *concealer_text(struct concealer *concealer, const char *text);

#endif
