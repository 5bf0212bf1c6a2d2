/* SPDX-License-Identifier: MIT */
/* The engine's mind: state + event -> records + effects. Pure: no clock, no random, no I/O.
 *
 * Each record is applied to the state as it is made, so the state is always the fold of what was
 * decided. The caller commits the records, then carries out the effects. Events that no longer fit
 * (late, doubled, of an attempt that was given up) change nothing. */
#ifndef FERMATA_RUN_DECIDE_H
#define FERMATA_RUN_DECIDE_H

#include "base/strbuf.h"
#include "base/vec.h"
#include "run/record.h"
#include "run/state.h"
#include "workflow/config.h"

enum event_kind {
    EVENT_BEGIN,     /* a new run */
    EVENT_RECOVERED, /* the state was folded from the journal */
    EVENT_PREPARED,  /* the digest of a step is known */
    EVENT_ATTEMPT_ENDED,
    EVENT_HOST,     /* the host has not answered the attempt of a step */
    EVENT_TIMER,    /* something's time may have come */
    EVENT_CHILD,    /* a nested run ended or came to rest */
    EVENT_LIVENESS, /* what is known of a running attempt has changed */
    EVENT_COMMAND,
};

/* How an attempt ended: a value, journaled like success. */
struct outcome {
    enum failure_class class_;
    bool is_unbegun;  /* lost before its process began: nothing was done */
    bool is_doubtful; /* it may be at work still, or have done it: no other try by ourselves */
    int exit_status;
    int signal;
    const char *error;
    int64_t duration_ms;
    int64_t space_wait_ms; /* not of the duration: the disk was full, before or behind the work */
    const json_t *output;  /* {bytes,digest,inline,json,cut,is_json} */
    const json_t *errors;
    const json_t *artifacts;
    const json_t *usage;
    /* of agents */
    bool is_answered;       /* by the backend; what failed came after it */
    int64_t retry_after_ms; /* not before; 0: not said */
    const char *agent;
    const char *model;      /* that answered; NULL: not said */
    const char *session;    /* to go on with; NULL: none */
    const json_t *question; /* {questions:[...],context,partial_work}: a person must answer */
    const json_t *files;    /* {count, changed: [path], shared}; NULL: not looked at */
    /* of gate checks */
    enum verdict verdict;
    const char *verdict_reason;
    const json_t *proof;
};

struct event {
    enum event_kind kind;
    int64_t now;     /* ms since 1970 */
    uint64_t random; /* fresh bits */
    const char *step;
    int attempt;
    struct outcome outcome;
    /* EVENT_PREPARED */
    const char *digest;
    const char *tree;
    const json_t *parts;
    const char *reused_run; /* NULL: nothing to reuse; outcome says what, and whose work */
    const char *reused_step;
    int64_t held_until; /* its agent may not be called before; 0: it may */
    const char *held_why;
    const char *held_agent;
    enum failure_class passed_over; /* it cannot be called: another one is, if there is one */
    bool is_closed;                 /* EVENT_TIMER: its circuit breaker is, before that time */
    bool has_slot;                  /* then it may, without being asked again */
    /* EVENT_HOST: what it is to do, or what was wrong with its answer */
    const char *host;
    /* EVENT_LIVENESS */
    const char *liveness; /* the word */
    const char *why;      /* what it rests on; NULL: it is no trouble */
    bool is_to_stop;      /* it is to end for that */
    /* EVENT_CHILD */
    const char *child;
    const char *child_short_run, *child_short_name; /* whose budget it waits for; NULL: for none */
    enum run_status child_status;
    /* EVENT_COMMAND */
    const json_t *command;
    const char *by;
    bool is_held; /* nobody carries the run on now: change it, but start nothing */
};

enum effect_kind {
    EFFECT_NONE,          /* carried out already */
    EFFECT_PREPARE,       /* step */
    EFFECT_START,         /* step: its attempt */
    EFFECT_RECOVER,       /* step: its attempt may be alive */
    EFFECT_STOP,          /* step: its attempt */
    EFFECT_END_QUIET,     /* step: its attempt, for it was quiet for too long */
    EFFECT_TIMER,         /* wake with EVENT_TIMER at `at` */
    EFFECT_CHILD_START,   /* step: create and begin its nested run, or adopt it */
    EFFECT_CHILD_COMMAND, /* step: `word` to its nested run */
    EFFECT_CHILD_END,     /* `child`, that the step left: cancel it, and tell when it is over */
    EFFECT_CHECKPOINT,    /* write `word`'s readable file: `view` */
    EFFECT_REST,          /* the run is paused or final */
};

struct effect {
    enum effect_kind kind;
    int step; /* index, or -1 */
    int64_t at;
    const char *word;
    const char *text; /* in the batch's arena */
    /* Of EFFECT_CHECKPOINT: who carries it out may take it. Without data: the run is over by now,
     * and its last state shows the same. */
    struct strbuf view;
    const char *child; /* of EFFECT_CHILD_COMMAND and _END: the nested run */
};

VEC_TYPE(effect_vec, struct effect);

struct batch {
    struct arena *arena; /* owns the records and their texts */
    struct record_vec records;
    uint32_t kinds;     /* bit i: one of kind i is among them */
    struct record last; /* of them; what the next has in common with it is kept once */
    struct effect_vec effects;
    VEC(size_t) open;   /* effects: checkpoints whose view is not made yet */
    VEC(json_t *) held; /* JSON values that records refer to */
};

/* What decisions look at beside the run: ceilings of the configuration, the project's path, and
 * outputs that are too large for the journal. These are read by their digest, so the same question
 * always has the same answer. */
struct decide_limits {
    int64_t steps_max;
    int nesting_max;
    const char *project;
    const struct config *config; /* who stands in for whom; NULL: nobody */
    load_output load;            /* NULL: there are none */
    void *load_context;
    /* Evaluates the step's built-in function, which touches nothing outside: true when it succeeded
     * and what it gave is small. Otherwise it is started like every other step. NULL: none is. */
    bool (*run_inline)(void *context, const struct run_state *run, int step, json_t **ret_output);
    void *inline_context;
    /* How many a turn may still take; then the next turn goes on. */
    int *inline_budget;
    const struct budget_node *node; /* of the run in its tree; NULL: it is alone */
};

void batch_init(struct batch *batch);
void batch_reset(struct batch *batch);
void batch_release(struct batch *batch);
bool batch_has(const struct batch *batch, enum record_kind kind);
/* Numbers the record, copies what it points to, applies it to the run. */
void batch_emit(struct batch *batch, struct run_state *run, struct record record);

/* The view of a checkpoint is made when something changes what it shows: of one that its run ends
 * with never, since that can be made of the state that is left. */
void batch_open_checkpoint(struct batch *batch); /* the last effect */
void batch_close_checkpoints(struct batch *batch, const struct run_state *run);

/* 0, or why a command was refused (then nothing was recorded). Other events cannot fail. */
int decide(struct run_state *run, const struct event *event, const struct decide_limits *limits,
           struct batch *batch, struct error *err);

/* Fills the phases' ready queues from the state: once after a fold. */
void run_find_ready(struct run_state *run);

/* Whether it is this step that keeps its phase from success, as it stands now. */
bool step_is_in_the_way(const struct run_state *run, const struct step_state *step);
#define REASON_BUDGET "budget" /* of a run that waits for one */

/* What a person can do about a run that waits: [{do, command, help}]; the caller owns it. */
json_t *run_options(const struct run_state *run);
/* What comes before these while it does not wait, by whether a process carries it on. */
void run_add_live_options(const struct run_state *run, bool is_owned, json_t *options);

#endif
