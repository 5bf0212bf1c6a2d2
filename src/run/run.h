/* SPDX-License-Identifier: MIT */
/* The engine: runs in execution, and questions about runs.
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
    const char *const *environment; /* "NAME=value" list that every step gets */
    /* Workflows that are called (by run_pin_calls only) and experts, by name. The caller owns what
     * it gets. */
    int (*load_workflow)(void *context, const char *name, struct workflow **ret_workflow,
                         struct error *err);
    int (*load_expert)(void *context, const char *name, char **ret_text, struct error *err);
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
    const struct workflow *workflow; /* copied by its text */
    const char *task;                /* NULL: none */
    const json_t *inputs;            /* checked already */
    enum strategy strategy;          /* UNSET: the workflow's, the project's, hybrid */
    bool is_bridged;                 /* agent steps without a usable agent are the host's */
    bool is_fresh;                   /* never reuse a step of an earlier run */
    const char *label;               /* NULL: none */
    const json_t *calls;             /* of run_pin_calls */
};
/* A run is pinned to the texts of all workflows that it may call, and those that they call: keeps
 * them, and says which: {name: digest}, NULL when there are none. The caller owns it. */
int run_pin_calls(const struct engine_options *options, const struct workflow *workflow,
                  json_t **ret_calls, struct error *err);
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
 * while nothing of it waits for its commit: right after its start or adoption, and at rest. */
json_t *engine_show(const struct engine *engine, const char *run_id);
/* Pauses (no new steps; waits for running ones), or with stop also stops the running steps, which
 * become pending again. For Ctrl-C. */
void engine_interrupt(struct engine *engine, bool stop);

/* A command to a run, whoever owns it:
 *   {"do":"pause"} {"do":"resume","retry_failed":bool} {"do":"cancel","reason":?}
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

/* Questions; results are JSON for the views, owned by the caller. Lists page: pass the last id/seq.
 */
struct run_filter {
    const char *status;   /* a word, NULL: all */
    const char *workflow; /* NULL: all */
    const char *before;   /* runs older than this one; NULL: from the newest */
    int limit;            /* 1..1000 */
};
/* {"runs":[{id,workflow,task,status,wish,reason,created_at,started_at,ended_at,waits_until,
 * duration_ms,strategy,parent,steps:{total,completed,failed,...}}],"next":ID|null}
 * A run whose owner waits for space on the disk is shown as paused, its reason `storage`; here and
 * by run_show. */
int run_list(struct store *store, const char *folder, const struct run_filter *filter,
             json_t **ret_list, struct error *err);
/* Whether a process carries the run on right now. */
bool run_is_owned(const char *folder, const char *run_id);
/* The run as above plus inputs,
 * phases:[{id,name,status,round,started_at,ended_at,gate:{name,verdict,reason,
 * checks:[...]},steps:[{key,name,kind,status,reason,error,class,attempts,started_at,ended_at,duration_ms,output:{...},
 * artifacts:[...]}]}], options:[{do,command,help,until}], checkpoints, signals, workflow_digest. */
int run_show(struct store *store, const char *folder, const char *run_id, json_t **ret_run,
             struct error *err);
/* The log lines of a run, derived from its journal; a reader goes on where it was, so that
 * following a long run does not read it again and again. */
struct run_log_request {
    const char *folder; /* PROJECT/.fermata */
    const char *run_id;
    const char *phase; /* NULL: all */
    bool is_json;
    size_t piece_bytes; /* 0: a megabyte */
};
struct run_log;
int run_log_open(struct store *store, const struct run_log_request *request,
                 struct run_log **ret_log, struct error *err);
/* Appends what came since, about a piece at most: 1 when there is more, 0 when that was all. */
int run_log_read(struct run_log *log, struct strbuf *target, struct error *err);
bool run_log_is_at_rest(const struct run_log *log); /* the run, as far as it was read */
void run_log_close(struct run_log *log);            /* accepts NULL */
/* {"records":[...],"next":SEQ|null} from seq on. */
int run_records(struct store *store, const char *run_id, int64_t from_seq, int limit,
                json_t **ret_records, struct error *err);
int run_metrics(struct store *store, const char *run_id, json_t **ret_metrics, struct error *err);
/* Over all runs: {NAME: {attempts, failed, input_tokens, output_tokens, cached_tokens, cost_usd,
 * counted, priced, last_at}}. Sums are over the attempts that said (`counted` of them their tokens,
 * `priced` their cost); absent when none did. */
int run_agent_totals(struct store *store, json_t **ret_totals, struct error *err);
/* Why each step was reused or executed: {"steps":[{key,decision,why,digest,from,differs:[...]}]} */
int run_explain(struct store *store, const char *run_id, const char *step, json_t **ret_answer,
                struct error *err);
struct run_artifacts_request {
    const char *run_id;
    int64_t before; /* the `next` of the page before; 0: from the newest */
    int limit;      /* about so many; 0: all */
};
/* {"artifacts":[{name,step,attempt,bytes,digest,at,seq}],"next":SEQ|null}, newest first. */
int run_artifacts(struct store *store, const struct run_artifacts_request *request,
                  json_t **ret_artifacts, struct error *err);
/* ERROR_VALIDATION, and where: a response of the host is wrong. The requests that are open:
 * [{run,step,request,response,problem}], the caller's. Both of a run as run_show gives it. */
int run_check_host(const char *folder, const json_t *run, struct error *err);
json_t *run_host_requests(const char *folder, const json_t *run);
/* A full id from a full id, a unique beginning of one, or "last". */
int run_resolve(struct store *store, const char *text, char ret_id[RUN_ID_SIZE], struct error *err);
/* The exact workflow text that the run is pinned to (a blob). free() it. */
int run_workflow_text(struct store *store, const char *folder, const char *run_id, char **ret_text,
                      struct error *err);

/* Folds every journal again and compares it with the derived tables; with repair rewrites them.
 * {"runs":N,"records":N,"differences":[...],"failures":[journals that cannot be folded]} */
int run_rebuild(struct store *store, const char *folder, bool repair, json_t **ret_report,
                struct error *err);
/* Writes every file of the run folders again that is missing or differs, from journal and blobs;
 * runs that a process is at work on see to theirs. {"files":N,"owned":N,"failures":[...]} */
int run_rebuild_files(struct store *store, const char *folder, bool log_json, json_t **ret_report,
                      struct error *err);
/* The same for one run as run_show gives it, where nobody is at work on it and its files are behind
 * the store or gone: it was killed between a commit and them. Costs next to nothing when not. */
int run_refresh_files(struct store *store, const char *folder, const json_t *run, bool log_json,
                      struct error *err);
/* ERROR_CONFLICT for an unfinished nested run of a run that is over: nobody could go on with it. */
int run_refuse_orphan(struct store *store, const char *run_id, struct error *err);
/* All of these: [ID...]. */
int run_find_orphans(struct store *store, json_t **ret_ids, struct error *err);
/* Cancels them: {"cancelled":[ID...],"failures":[TEXT...]} */
int run_cancel_orphans(const struct engine_options *options, json_t **ret_report,
                       struct error *err);
/* Removes blobs that nothing refers to, folders without a run, and (older_than_ms > 0) whole
 * finished runs older than that. {"runs":N,"blobs":N,"bytes":N,"folders":N,"kept":RUNS} */
int run_collect(const struct engine_options *options, int64_t older_than_ms, bool dry_run,
                json_t **ret_report, struct error *err);

#endif
