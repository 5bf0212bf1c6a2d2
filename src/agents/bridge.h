/* SPDX-License-Identifier: MIT */
/* The bridge: the program that called us (the host) does the work of an agent. What it gets and
 * what it gives back, as files; docs/bridge.md is the contract. Pure. */
#ifndef FERMATA_AGENTS_BRIDGE_H
#define FERMATA_AGENTS_BRIDGE_H

#include "agents/event.h"
#include "base/strbuf.h"

#define BRIDGE_VERSION "1.0"
#define BRIDGE_EXIT_STATUS 42
#define BRIDGE_ID_SIZE 37 /* uuid4 with its NUL */
#define BRIDGE_NAMES_MAX 8

struct bridge_request {
    char id[BRIDGE_ID_SIZE];
    const char *phase;      /* id */
    const char *phase_name; /* shown */
    int phase_number;       /* from 1 */
    const char *step;       /* key */
    const char *agent;      /* expert or agent that is meant; NULL: none is named */
    const char *model;      /* NULL: the host's choice */
    const char *prompt;
    int64_t timeout_ms;    /* 0: none */
    int64_t created_at_ms; /* wall clock */
    const json_t *context; /* what else helps; borrowed */
};

/* Random bits to a uuid of version 4 (RFC 9562). */
void bridge_format_id(uint64_t high, uint64_t low, char ret_id[BRIDGE_ID_SIZE]);
/* The request as JSON; the caller owns it. */
json_t *bridge_request_encode(const struct bridge_request *request);

/* The name of the request, and the names that a response may have: the right one first, then those
 * that hosts write instead. free() each. */
char *bridge_request_name(const struct bridge_request *request);
size_t bridge_response_names(const struct bridge_request *request,
                             char *ret_names[BRIDGE_NAMES_MAX]);
/* A name that says nothing of the step: such a response is another's when its id is another. */
bool bridge_is_vague(const struct bridge_request *request, const char *name);

/* What the host said, as lines of agent events: what a driver of ours would have printed. `file`
 * names the text in messages, which begin with file:line:column. ERROR_VALIDATION: it is no
 * response; ERROR_NOT_FOUND: it is one to another request. */
int bridge_response_read(const char *file, const char *text, size_t length, const char *request_id,
                         struct strbuf *events, struct error *err);

#endif
