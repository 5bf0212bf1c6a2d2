/* SPDX-License-Identifier: MIT */
/* The engine: runs in execution. Questions about runs: run/query.h.
 *
 *   events in -> decide (pure) -> records -> one commit for the whole turn -> effects
 *
 * State is the fold of the journal's records (run/record.h). One process owns an unfinished run at
 * a time: it holds a lock on the run's folder and a lease row whose generation stands in every
 * write. Others ask the owner through the inbox table (run_ask). The engine lives on the loop's
 * thread. */
#ifndef FERMATA_RUN_RUN_H
#define FERMATA_RUN_RUN_H

#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "loop/host.h"
#include "loop/loop.h"
#include "store/store.h"
#include "workflow/config.h"
#include "workflow/workflow.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;

/* One change of a run, see docs/events.md. Views get it as stored plus "run", "seq", "at", "kind";
 * the caller owns that. */
struct record;
json_t *record_describe(const struct record *record, const char *run_id);

/* Run and step status; stored and shown as the words in run/states.c. */
enum run_status {
    RUN_PENDING,
    RUN_RUNNING,
    RUN_PAUSED,
    RUN_COMPLETED,
    RUN_FAILED,
    RUN_CANCELLED,
};
enum step_status {
    STEP_IS_PENDING,
    STEP_IS_RUNNING,
    STEP_IS_PAUSED, /* waits for a person or a signal */
    STEP_IS_COMPLETED,
    STEP_IS_FAILED,
    STEP_IS_CANCELLED,
    STEP_IS_SKIPPED,
};
const char *run_status_name(enum run_status status);
int run_status_parse(const char *name); /* -1: unknown */
bool run_status_is_final(enum run_status status);
const char *step_status_name(enum step_status status);
int step_status_parse(const char *name);

struct engine_options {
    struct loop *loop;
    struct store *store;
    const struct host *host;
    const struct config *config;
    const char *project; /* absolute path of the project */
    const char *folder;  /* PROJECT/.fermata */
    const char *keeper_path;
    const char *self_path;          /* this program, for functions that run as processes */
    const char *user;               /* who runs it, for the audit log; NULL: not known */
    const char *const *environment; /* "NAME=value" list that every step gets */
    /* Workflows that are called (by run_pin_calls only), by name. The caller owns what it gets. */
    int (*load_workflow)(void *context, const char *name, struct workflow **ret_workflow,
                         struct error *err);
    /* Could the agent of that name be used now, or does the host stand in? May be NULL. */
    bool (*has_agent)(void *context, const char *name);
    void *loader_context;
    /* Every committed record of every run in this process. Borrowed for the call. May be NULL. */
    void (*on_record)(void *context, const char *run_id, const struct record *record);
    /* Nothing is saved for now, and everything waits: the storage is full or taken. NULL: it goes
     * on. May be NULL. */
    void (*on_stall)(void *context, const struct error *err);
    /* The run is another process's by now, and this engine has let go of it. May be NULL. */
    void (*on_lost)(void *context, const char *run_id, const struct error *err);
    /* Nothing goes on any more: each run is final, paused, or could not be kept (err set). */
    void (*on_rest)(void *context, const struct error *err);
    /* One run (not a nested one) is final or paused: all of it is durable and its files are
     * written. Another may be started, and this one let go of, in a later turn. May be NULL. */
    void (*on_run_rest)(void *context, const char *run_id, enum run_status status);
    /* For measuring: a step begins (not a gate's check, and not a further try). gap_us: since the
     * engine learned of the end of a step of the same run, the latest one that it has decided on;
     * -1: none has ended yet. May be NULL. */
    void (*on_step_begin)(void *context, int64_t gap_us);
    void *context;
};

int engine_new(const struct engine_options *options, struct engine **ret_engine, struct error *err);
/* Lets go of its runs; steps under way go on under their keepers. Accepts NULL. */
void engine_free(struct engine *engine);

struct run_request {
    const struct workflow *workflow; /* shared, see workflow_share */
    const char *task;                /* NULL: none */
    const json_t *inputs;            /* checked already */
    enum strategy strategy;          /* UNSET: the workflow's, the project's, hybrid */
    bool is_bridged;                 /* agent steps without a usable agent are the host's */
    bool is_fresh;                   /* never reuse a step of an earlier run */
    bool is_offline;                 /* only agents that need no network */
    const char *label;               /* NULL: none */
    const char *task_id;             /* that it is started for, see run/task.h; NULL: its own */
    const char *kind;                /* of the task, one of TASK_KINDS; NULL: nobody said */
    const json_t *calls;             /* of run_pin_calls */
    const char *forked_from;         /* NULL: it is no fork */
    const json_t *again;             /* keys of steps that take no earlier result; NULL: none */
    const json_t *budget;            /* of budget_encode; NULL: the workflow's, the project's */
    const json_t *spent;             /* what it goes on from: see run/fork.h; NULL: nothing */
};
/* A run is pinned to the texts of all workflows that it may call, and those that they call: keeps
 * them, and says which: {name: digest}, NULL when there are none. The caller owns it. */
int run_pin_calls(const struct engine_options *options, const struct workflow *workflow,
                  json_t **ret_calls, struct error *err);
/* Checked inputs of type path: ERROR_INVALID when a link leads one of them out of the project. */
int run_check_paths(const struct workflow *workflow, const json_t *inputs, const char *project,
                    struct error *err);
/* Creates the run (durably, before it returns) and begins it; needs the loop to go on. */
int engine_start(struct engine *engine, const struct run_request *request, char ret_id[RUN_ID_SIZE],
                 struct error *err);
/* The same with no commit of its own: the run is there as soon as its first record is told. */
int engine_start_later(struct engine *engine, const struct run_request *request,
                       char ret_id[RUN_ID_SIZE], struct error *err);
/* Creates only: for `run --detach`, whose own process then adopts it. */
int engine_create(struct engine *engine, const struct run_request *request,
                  char ret_id[RUN_ID_SIZE], struct error *err);
/* Takes over an existing run: reads its journal, looks at the keepers, goes on.
 * ERROR_BUSY when another process owns it. */
int engine_adopt(struct engine *engine, const char *run_id, struct error *err);
/* Lets go of a run, and of its nested runs: they have no owner any more. False when the run is not
 * at rest: it went on meanwhile. */
bool engine_let_go(struct engine *engine, const char *run_id);
/* A run of this engine as run_show gives it, without reading it back; the caller owns it. Only
 * while nothing was decided that waits for its commit: right after its start or adoption, and at
 * rest. */
json_t *engine_show(const struct engine *engine, const char *run_id);
/* Pauses (no new steps; waits for running ones), or with stop also stops the running steps, which
 * become pending again. For Ctrl-C. */
void engine_interrupt(struct engine *engine, bool stop);

/* A command to a run, whoever owns it:
 *   {"do":"pause"} {"do":"resume","retry_failed":bool} {"do":"cancel","reason":?}
 *   {"do":"budget","budget":{"tokens":"+100k"}} see struct budget_change
 *   {"do":"retry","step":KEY?} (none: all failed ones)
 * {"do":"skip","step":KEY|"phase":ID|"gate":PHASE,"reason":TEXT}
 *   {"do":"approve","step":KEY,"by":?,"comment":?} {"do":"reject",...}
 * {"do":"signal","name":N,"value":?}
 *   {"do":"restore","checkpoint":NAME} {"do":"checkpoint","name":NAME}
 * Each may say who asks: "by".
 * When no process owns the run it is taken, changed durably and let go (it then waits for
 * `resume`). *ret_answer: {"status":RUN STATUS,"owner":bool,...}, without an owner also
 * "options", as in run_show; caller owns it. ERROR_CONFLICT
 * with what is possible when the command does not fit the state. Waits at most 10 s for an owner.
 */
int run_ask(const struct engine_options *options, const char *run_id, const json_t *command,
            json_t **ret_answer, struct error *err);

/* Gives some of the space back that engines put by in this folder: what a full disk kept from being
 * opened may be tried again. False: there is none. */
bool run_make_room(const char *folder);

/* The tables of this folder, for store_open. */
const struct migration *run_migrations(size_t *ret_count);
/* What they make of an empty store; made when Fermata is built. */
struct store_image run_store_image(void);

#endif
