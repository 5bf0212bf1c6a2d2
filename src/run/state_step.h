/* SPDX-License-Identifier: MIT */
/* What the state of a step is made of, see state.h. */
#ifndef FERMATA_RUN_STATE_STEP_H
#define FERMATA_RUN_STATE_STEP_H

#include "base/json.h"
#include "run/budget.h"
#include "run/run.h"
#include "run/usage.h"

/* What a step that is neither pending nor finished waits for. */
enum waiting {
    WAITING_NOTHING,
    WAITING_PREPARE,  /* its digest is being worked out */
    WAITING_ATTEMPT,  /* an attempt is under way */
    WAITING_RETRY,    /* a timer */
    WAITING_APPROVAL, /* a person or a signal */
    WAITING_ANSWER,   /* a person, who is to answer what its agent asked */
    WAITING_HOST,     /* the program that called us, whose attempt it is */
    WAITING_WORKFLOW, /* a nested run */
    WAITING_INSTANCES /* its foreach instances */
};

enum step_role { ROLE_STEP, ROLE_FIX, ROLE_CHECK, ROLE_INSTANCE };

/* What an attempt left behind. All JSON is held by reference. */
struct step_output {
    json_t *output; /* {bytes,digest,inline,json,cut}; NULL: none yet */
    json_t *errors;
    json_t *artifacts; /* [{name,digest,bytes}] or NULL */
    json_t *proof;     /* of a check: what it proved, with `verdict` and `reason`; else NULL */
    json_t *files;     /* of an agent: what it changed, see docs/events.md; else NULL */
};

/* How a step ended in the round before this one (`iterate`, `goto`, a fix). */
struct step_before {
    enum step_status status;
    int instance_count; /* -1: no foreach */
    char *error;
    struct step_output result;
};

/* What a step gave before the plan was edited: taken again when what goes into it is the same. */
struct step_held {
    char *inputs; /* digest of all that goes into it but the files */
    char *tree;   /* of the files as they were when the plan was edited */
    char *answerer, *model;
    int64_t duration_ms;
    struct step_output result;
};

/* What a step with a budget of its own used, never reset; instances add to that of their list. */
struct step_spent {
    struct ledger ledger;
    int64_t time_ms; /* of its attempts */
};

/* What calls of the agent of a step used, and what one may use. */
struct step_calls {
    struct usage_sum usage;         /* of all its attempts ever */
    struct usage_sum session_usage; /* what its session used so far */
    struct reserve reserved;        /* for its call under way */
};

/* What the agent of a step asked, and what it was told. JSON is held by reference. */
struct step_dialogue {
    json_t *question; /* {questions:[...],context,partial_work}; NULL: none is open */
    json_t *answers;  /* [{question,answer}], all so far; NULL: none */
    json_t *partial;  /* what it had done when it asked last; NULL: it did not say */
    int asked;        /* how often, since the last reset */
};

#endif
