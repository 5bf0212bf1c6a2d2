/* SPDX-License-Identifier: MIT */
/* A simulated world around the pure engine: a clock, a durable journal, keepers with attempts under
 * them, people. Everything that happens in it follows from one seed.
 *
 *   simulate.c   one seed from its first event to the end of its runs
 *   generate.c   its workflows
 *   choices.c    all its chance, which can be written down and given back
 *   world.c      runs, turns, commits, crashes, restarts
 *   host.c       effects: attempts, preparations, timers, nested runs
 *   caller.c     attempts that the program which called us makes
 *   people.c     commands from outside
 *   editor.c     one of them: another plan for a run that is not over
 *   audit.c      what no sequence of records may say
 *   limits.c     the same, of everything that has a limit
 *   budget.c     what is spent, and that no budget is exceeded
 *   check.c      what must hold after every turn
 *   tables.c     the derived tables, and that they equal the fold
 *   compare.c    two states of a run, field by field
 *   trial.c      one simulation in a process of its own
 *   shrink.c     the smallest choices that still fail
 *   cases.c      choices as a file: what once failed */
#ifndef FERMATA_SIM_SIM_H
#define FERMATA_SIM_SIM_H

#include "base/arena.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "caller.h"
#include "checks.h"
#include "choices.h"
#include "editor.h"
#include "generate.h"
#include "people.h"
#include "run/decide.h"
#include "run/journal.h"
#include "simulate.h"

#include <stdio.h>

/* A record as the journal gives it back: decoded from its stored text. */
struct stored {
    struct record record;
    const char *text;
};

struct sim_run {
    char id[RUN_ID_SIZE];
    int index;
    int parent; /* index; -1: none */
    const struct workflow *workflow;
    VEC(struct stored) journal;
    struct run_state *live;   /* NULL: nobody owns the run now */
    struct run_state *shadow; /* the fold of what was committed */
    struct batch batch;
    bool is_dirty;
    uint32_t name;                  /* the same whatever else happens, for choices */
    uint32_t parent_step;           /* hash of its key */
    uint64_t decisions;             /* how many events it was asked about */
    int64_t acknowledged;           /* up to here somebody outside was told */
    bool is_told;                   /* a person's command is in the batch */
    const struct workflow *offered; /* its plan is being edited; NULL: it is not */
    VEC(struct step_row) rows;      /* the derived tables */
    struct run_row row;
    VEC(struct step_audit) steps;
    VEC(struct phase_audit) phases;
    VEC(struct checkpoint_audit) checkpoints;
    VEC(const char *) signals; /* that came and answered nothing yet */
    json_t *gone;              /* {key: attempts} of steps that an edit took away; NULL: none */
    int iterations;
    const json_t *restored; /* what the checkpoint had that is being restored; NULL: none is */
    int64_t seq_viewed, seq_checked;
    bool has_node; /* in the tree of budgets */
    struct budget_node node;
    struct bill bill;
    struct budget limits;
    int64_t since; /* it runs; 0: it does not */
    struct step_bill_vec step_bills;
    struct bill unlimited; /* of steps without a budget, which nobody adds up */
    struct bills_base base;
    int attention; /* how often somebody had to look after it in the calm */
};

/* An attempt under its keeper: outlives the engine. */
struct keeper {
    int run;
    const char *key;
    int attempt;
    int64_t ends_at; /* monotonic */
    bool is_gone;    /* without a trace, and its outcome with it */
    int watched_by;  /* generation of the engine that waits for its end; 0: none */
    struct outcome outcome;
    /* There is no process: the program that called us makes it. */
    bool is_hosts;
    int request;        /* its id; 0: not made yet */
    bool is_answer_due; /* the program is about to answer */
    bool is_unheard;    /* it never will */
    bool is_answered;   /* the response was taken, its outcome lies in the attempt's folder */
    bool is_recorded;
};

enum happening_kind {
    HAPPENS_ATTEMPT_END, /* a keeper ended: the engine is told, if it watches */
    HAPPENS_EVENT,       /* something comes back to the engine */
    HAPPENS_TIMER,
    HAPPENS_LOOK,   /* the engine has looked what the host did */
    HAPPENS_ANSWER, /* the host writes its response */
    HAPPENS_RESTART,
    HAPPENS_CRASH,
    HAPPENS_COMMAND,
    HAPPENS_JUMP,
};
struct happening {
    enum happening_kind kind;
    int64_t at; /* monotonic */
    int64_t order;
    int generation; /* of the engine that waits for it; an older one's is void */
    int run;
    int keeper;
    int number;  /* of the command, of the jump */
    int command; /* its kind */
    struct event event;
};

struct queued {
    int run;
    struct event event;
    bool is_offered; /* the run itself named this command: it may not refuse it */
};

/* Percentages, drawn once for each seed. */
struct temper {
    int failures;
    int crashes;
    int commands;
    int duplicates;
    int clock_jumps;
    int losses; /* of keepers, in a crash */
    int hosts;  /* of the agents */
    int class_; /* of all failures; 0: any */
};

/* Lists of 0 to 5 items, a number, a text. */
#define OUTPUT_KINDS 8
#define USAGE_KINDS 8

struct sim {
    uint64_t seed;
    const struct sim_input *input;
    struct choices *choices;
    struct decide_limits limits;
    int inline_budget;
    struct arena *arena;
    VEC(json_t *) held;
    const json_t *outputs[OUTPUT_KINDS]; /* made when first wanted */
    const json_t *usages[USAGE_KINDS];
    const json_t *proof;
    const json_t *question;
    struct temper temper;
    int trouble; /* after so many steps there is no new one: everything must come to its end */
    int64_t now; /* monotonic, ms */
    int64_t wall_offset;
    bool has_jumped;
    int generation;
    bool is_up;
    int turns_up; /* since the engine was started */
    int commands; /* at rest, so far */
    int64_t order;
    const struct workflow *const *workflows;
    VEC(struct sim_run *) runs;
    VEC(struct keeper) keepers;
    VEC(struct desk) desks;
    int requests;                 /* to the host, so far */
    int answers;                  /* taken and recorded */
    int raised;                   /* budgets that a run had offered to raise */
    int edits;                    /* of plans */
    int unheard;                  /* attempts that ended because the host only called again */
    VEC(struct happening) agenda; /* a heap */
    VEC(struct queued) queue;
    int events;
    int turns;
    int crashes;
    int crash_at_write; /* this turn, and no other; 0: as chosen */
    int crash_way;
    bool forgets_timers; /* once it has crashed */
    unsigned kinds_seen; /* bit set of record kinds */
    uint64_t hash;
    FILE *log; /* NULL: quiet */
    bool has_failed;
    char failure[1024];
};

/* simulate.c: notes that something does not hold; the first one counts. */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_log(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
const json_t *sim_hold(struct sim *sim, json_t *value);
void sim_hash(struct sim *sim, const char *text);

/* Choices about a run, or about a step or another part of it. */
struct subject {
    uint32_t who, what;
};
struct subject about(const struct sim *sim, int run, const char *step);
int sim_choose(struct sim *sim, enum place place, struct subject subject, int count);
bool sim_whether(struct sim *sim, enum place place, struct subject subject, int percent);
int sim_choose_rarely(struct sim *sim, enum place place, struct subject subject,
                      struct rarity rarity);

/* world.c */
#define WALL_START INT64_C(1800000000000)
int64_t sim_wall(const struct sim *sim);
struct parent {
    int run;
    const char *step;
};
struct sim_run *sim_run_new(struct sim *sim, const char *id, const struct workflow *workflow,
                            const struct parent *parent); /* NULL: none */
/* Its first record, with the next commit, and its first event. */
void sim_run_create(struct sim *sim, struct sim_run *run, const struct step_state *parent_step);
void sim_forget_parsed(void);
/* What the first records say; the caller frees it. */
struct run_state *sim_fold(const struct sim_run *run, size_t count);
bool sim_is_stored(const struct sim_run *run);
void sim_run_free(struct sim_run *run);
struct sim_run *sim_find_run(const struct sim *sim, const char *id);
void sim_post(struct sim *sim, int run, const struct event *event);
void sim_adopt(struct sim *sim, struct sim_run *run);
void sim_turn(struct sim *sim);
void sim_crash(struct sim *sim, const char *when);
void sim_restart(struct sim *sim);
/* Decides without an owner, as a command of a process that then ends. */
int sim_decide_held(struct sim *sim, struct sim_run *run, const struct event *event,
                    struct error *err);

/* host.c */
void host_schedule(struct sim *sim, struct happening happening);
bool host_next(struct sim *sim, struct happening *ret_happening);
bool host_is_pending(const struct sim *sim, int run, enum event_kind kind, const char *step);
void host_happen(struct sim *sim, const struct happening *happening);
/* What a step that touches nothing outside gives within the turn. */
bool host_run_inline(void *sim, const struct run_state *run, int step, json_t **ret_output);
void host_carry_out(struct sim *sim, struct sim_run *run, const struct effect *effect);
void host_tell_parent(struct sim *sim, const struct sim_run *run);
json_t *host_child_command(const char *word);
void host_crash(struct sim *sim);
const struct keeper *host_find_keeper(const struct sim *sim, int run, const char *key, int attempt);
/* What the program that called us gives as the end of an attempt; and what a look found. */
struct outcome host_make_answer(struct sim *sim, const struct keeper *keeper);
void host_post_look(struct sim *sim, const struct keeper *keeper);

#endif
