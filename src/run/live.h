/* SPDX-License-Identifier: MIT */
/* Private to run/: attempts that are processes. Each is in the engine's map until it has ended or
 * its run went to another process; then it only waits for what the pool still does with it. */
#ifndef FERMATA_RUN_LIVE_H
#define FERMATA_RUN_LIVE_H

#include "agents/attempt.h"
#include "run/engine.h"
#include "run/follow.h"

#define TURN_MS 100 /* how long until it is asked again whether an agent may change the files */

/* A process attempt that this engine follows; lives from its start (or recovery) to its outcome. */
struct live_attempt {
    struct engine *engine;
    char run[RUN_ID_SIZE];
    char *key;
    int attempt;
    char *folder;                     /* absolute */
    const struct agent_config *agent; /* NULL: it is none's */
    struct attempt_watch *watch;
    struct follow *follow; /* of an agent's attempt */
    char *said;            /* its last line, once it is followed no more */
    struct pulse *pulse;   /* while its keeper is watched */
    bool stop_wanted;
    bool has_place;        /* counts against the engine's processes */
    bool is_on_pool;       /* work on it comes back */
    bool is_let_go;        /* then it ends */
    bool is_kept;          /* its keeper ended by itself */
    bool has_company;      /* others were at work meanwhile, or may have been */
    int64_t launch_number; /* 0: another process started it */
    bool is_reader;        /* an agent that is to change nothing */
    bool has_changer;      /* one that may change the project was at work meanwhile */
    int64_t changes_before;
    struct own_gate *gate; /* while its checks are asked, before a merge */
    bool is_merge_due;     /* what it did in its clone waits to come into the project */
    bool is_overdue;       /* its keeper was killed because it did not end it */
    pid_t keeper;
    loop_id urge; /* to look whether its keeper does, or can be watched by now */
    int64_t started_at;
    /* How long it waited for space, and engine_stalled_ms when that was counted. */
    int64_t space_wait_ms, stall_mark_ms;
    int64_t ended_at_us;        /* when its keeper was gone; only when measuring */
    struct launch *launch;      /* while it is being started */
    struct collect *collect;    /* while its outcome is being read */
    struct bridge_call *bridge; /* while it is looked what the host did */
    loop_id pause;              /* it waits for space on the disk */
    loop_id turn;               /* it waits until no other agent changes the files */
    struct live_attempt *next_waiting;
};

/* live.c */
void live_start(struct active *active, int step);
void live_stop(struct active *active, int step);
/* All of a run: they go on under their keepers, only nobody here waits for them any more. */
void live_let_go(struct active *active);
void live_release_all(struct engine *engine);
/* The parts of these that a recovery has too. */
struct live_attempt *live_new(struct active *active, int step);
/* Whose call the step's attempt is; NULL: no agent's. */
const struct agent_config *live_agent_of(const struct active *active,
                                         const struct step_state *step);
void live_watch(struct live_attempt *live, pid_t keeper);
void live_collect(struct live_attempt *live);
void live_post_failure(struct live_attempt *live, enum failure_class class_,
                       const struct error *err);
/* Its keeper never had the claim and cannot get it any more: nothing was done. */
void live_post_unbegun(struct live_attempt *live);
/* Nobody knows whether it is at work still. */
void live_post_doubt(struct live_attempt *live, const struct error *err);
void live_end(struct live_attempt *live);
/* The storage is full: what was to be done for this attempt is done again until there is space. */
void live_park(struct live_attempt *live, const struct error *err, loop_callback again);
void live_unpark(struct live_attempt *live);

void live_post_outcome(struct live_attempt *live); /* what was collected */
void live_take_place(struct live_attempt *live);
void live_give_place(struct live_attempt *live);   /* others can have it */
void live_stop_watched(struct live_attempt *live); /* not what a person wanted */
/* A person or the run wants it to end. */
bool live_is_to_stop(const struct live_attempt *live);
/* Its keeper should have ended it by then. */
void live_urge_after(struct live_attempt *live, int64_t delay_ms);
void live_end_quiet(struct active *active, int step);
/* A run stays, and its step waits, while one of its attempts was not let go. */
struct step_state *live_step(const struct live_attempt *live, struct active **ret_active);

/* live_gate.c: the checks of the gate of a step that works in a clone, there, before the merge */
void live_gate(struct live_attempt *live);
void live_gate_free(struct own_gate *gate); /* accepts NULL */

/* launch.c: one of these checks, to be started with launch_start() */
struct check_wish {
    int step;
    const struct gate_check *check;
    const char *folder; /* of its attempt */
};
int launch_new_check(struct active *active, const struct check_wish *wish,
                     struct launch **ret_launch, struct error *err);
/* outcome.c */
/* The gate that comes before the merge; NULL: none does. Each of its checks is read like an attempt
 * of its own, and taken over; what is not a pass ends it: then nothing is merged. */
const struct gate *collect_own_gate(const struct collect *collect);
struct collect *collect_new_check(struct active *active, const struct live_attempt *live,
                                  const struct check_wish *wish);
bool collect_is_lost(const struct collect *check);
bool collect_take_check(struct collect *collect, const struct collect *check);
/* It could not be asked. */
void collect_refuse_gate(struct collect *collect, const struct error *err);
void collect_stop_gate(struct collect *collect); /* nobody asks any more */

/* live_merge.c: its outcome is posted when its work has come into the project, which that of the
 * steps before it in their phase does first. */
void live_merge(struct live_attempt *live);
void live_merge_go_on(struct engine *engine); /* somebody may have waited for one that has ended */

/* live_host.c: an attempt that is the host's is asked for, or its response taken. */
void live_ask_host(struct live_attempt *live);

/* live_recover.c */
void live_recover(struct active *active, int step);

#endif
