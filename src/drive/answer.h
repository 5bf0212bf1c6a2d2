/* SPDX-License-Identifier: MIT */
/* What a model server has said so far, whichever its dialect, and what came of it. Pure: events go
 * to a callback.
 *
 * An answer is whole only when the server said that it ended by itself. One that was cut for its
 * length, or broke off, is none. */
#ifndef FERMATA_DRIVE_ANSWER_H
#define FERMATA_DRIVE_ANSWER_H

#include "agents/event.h"

#include <stdbool.h>

typedef void (*answer_callback)(void *context, const struct agent_event *event);

enum answer_end {
    ANSWER_OPEN,
    ANSWER_COMPLETE,
    ANSWER_CUT, /* by a limit of tokens */
    ANSWER_REFUSED,
    ANSWER_FAILED, /* the failure says why */
};

/* Why there is no answer. */
struct failure {
    enum agent_failure class; /* AGENT_FINE: found from status and text */
    int status;               /* HTTP; 0: none */
    int64_t retry_after_ms;   /* below zero: not said */
    bool is_unreachable;      /* nobody is there */
    char *text;               /* owned; NULL: there is none */
};

struct answer {
    answer_callback on_event;
    void *context;
    bool has_text;     /* more than white space */
    bool is_collected; /* text is kept until answer_unwrap(), see there */
    struct strbuf collected;
    struct agent_usage usage;
    char *model;
    char *why;     /* it ended, in the server's words */
    char *refusal; /* the model's words of refusal, where they come apart from the answer */
    enum answer_end end;
    struct failure failure;
};

#define ANSWER_BYTES_MAX (16U * 1024 * 1024)

void answer_init(struct answer *answer, answer_callback on_event, void *context);
void answer_release(struct answer *answer);

/* Pieces, as jansson's strings; NULL and others are ignored. */
void answer_text(struct answer *answer, const json_t *text);
void answer_thinking(struct answer *answer, const json_t *text);
void answer_refusal(struct answer *answer, const json_t *text);
void answer_model(struct answer *answer, const json_t *name); /* the first one counts */
/* What the server calls its end; the last word of failure stays. */
void answer_finish(struct answer *answer, enum answer_end end, const char *why);
/* Takes the failure's text over. The first one counts. */
void answer_fail(struct answer *answer, struct failure failure);
/* The collected text is an object with the one key "value", whose value is the answer. */
void answer_unwrap(struct answer *answer);
/* After the last byte: usage, then DONE or an error; true when the answer is whole. `tokens_max`
 * names the limit in a message (0: not known). */
bool answer_conclude(struct answer *answer, json_int_t tokens_max);

/* An integer that is there, below zero when not. */
int64_t answer_count(const json_t *object, const char *key);

#endif
