/* SPDX-License-Identifier: MIT */
/* What an agent says while it works, in one form for all backends (design section 8).
 *
 * A program's own stream is translated by its adapter; our own drivers (fermata-call, fermata-acp)
 * print these events themselves, one JSON object a line: {"event":"text","text":"..."}. Everything
 * in them comes from outside: it is data, may hold escape sequences, and is cleaned where it is
 * shown. Strings are UTF-8, borrowed for the time of the callback. */
#ifndef FERMATA_AGENTS_EVENT_H
#define FERMATA_AGENTS_EVENT_H

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

enum agent_event_kind {
    AGENT_TEXT,        /* text: what it answers; partial pieces add up */
    AGENT_THINKING,    /* text */
    AGENT_TOOL_CALL,   /* id, name; text: what it does, in a line */
    AGENT_TOOL_RESULT, /* id; text: the result's beginning; is_error: it failed or was denied */
    AGENT_EDIT,     /* text: the path of a file that it says it changed; before the tool's result */
    AGENT_USAGE,    /* usage so far: of the whole attempt, not of one turn */
    AGENT_SESSION,  /* id: resumes it; name: the model that answers, when known */
    AGENT_QUESTION, /* text: a person must answer before it can go on */
    AGENT_ERROR,    /* text, failure, status, retry_after_ms; not the end: it may go on */
    AGENT_DONE,     /* the backend's own word that it finished its turn; text: why, as it says */
};
#define AGENT_EVENT_KINDS 10

/* Why an attempt failed; AGENT_FINE: it did not. The words are those of the engine's classes. */
enum agent_failure {
    AGENT_FINE,
    AGENT_TRANSIENT, /* the same call may succeed later */
    AGENT_LIMIT,     /* rate or usage limit; with the time of its reset when known */
    AGENT_PERMANENT, /* the same call fails again */
    AGENT_REFUSED,   /* the model refused */
    AGENT_TIMEOUT,   /* too long, or silent for too long */
    AGENT_CANCELLED, /* we stopped it */
};

/* Below zero: not known, which is never shown as 0. */
struct agent_usage {
    int64_t input_tokens; /* all of the input, the cached part included */
    int64_t output_tokens;
    int64_t cached_tokens; /* the part of the input that was read from a cache */
    double cost_usd;
    int64_t turns;
};
#define AGENT_USAGE_INIT                                                                           \
    {                                                                                              \
        -1, -1, -1, -1.0, -1                                                                       \
    }

struct agent_event {
    enum agent_event_kind kind;
    const char *text; /* "" when there is none */
    const char *id;   /* NULL: none */
    const char *name; /* NULL: none */
    bool is_partial;  /* of AGENT_TEXT and AGENT_THINKING: a piece, continued by the next one */
    bool is_error;
    bool is_fatal; /* of AGENT_ERROR: it goes on trying, in vain; the attempt may be stopped now */
    enum agent_failure failure;
    int status;             /* HTTP status; 0: none */
    int64_t retry_after_ms; /* below zero: not said */
    struct agent_usage usage;
};

void agent_event_init(struct agent_event *event, enum agent_event_kind kind);
const char *agent_event_name(enum agent_event_kind kind);   /* "text", "tool_call", ... */
const char *agent_failure_name(enum agent_failure failure); /* "transient", ...; "none" */
/* The line's object; the caller owns it. */
json_t *agent_event_encode(const struct agent_event *event);
/* Appends its line, one JSON object, with its end. */
void agent_event_add_line(const struct agent_event *event, struct strbuf *target);
/* Borrows from `line`. ERROR_INVALID: it is no event. */
int agent_event_decode(const json_t *line, struct agent_event *ret_event, struct error *err);
/* Appends it as a person reads it, clean for a terminal: text as it comes, anything else as a line
 * that begins with a mark (`>` a tool is called, `<` what it gave, `?` `!`). What is for machines
 * only, and an end, appends nothing. */
void agent_event_show(const struct agent_event *event, struct strbuf *target);
json_t *agent_usage_encode(const struct agent_usage *usage); /* what is not known is absent */
void agent_usage_decode(const json_t *value, struct agent_usage *ret_usage);

/* From what is known of a failure, in this order: HTTP status, then words of the message.
 * (408, 409, 429 without quota, 5xx, 529, connections: transient or limit; else permanent.)
 * `status` 0: the one that the text names, if any. */
enum agent_failure agent_classify(int status, const char *text);
/* Is it the account's money or allowance that the text speaks of? */
bool agent_is_quota(const char *text);

#endif
