/* SPDX-License-Identifier: MIT */
/* Questions about runs, whoever owns them, and the upkeep of what they leave: folders, blobs,
 * derived tables. All of it blocks; none of it needs an engine. */
#ifndef FERMATA_RUN_QUERY_H
#define FERMATA_RUN_QUERY_H

#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "run/run.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Results are JSON for the views, owned by the caller. Lists page: pass the last id/seq. */
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
struct run_log_attempt {
    const char *step;
    int64_t number;
    const char *folder; /* relative to the run's; NULL: it has ended */
};
struct run_log_request {
    const char *folder; /* PROJECT/.fermata */
    const char *run_id;
    const char *phase; /* NULL: all */
    bool is_json;
    size_t piece_bytes; /* 0: a megabyte */
    /* Called for each agent's attempt: after the line of its start, and before that of its end. It
     * may append lines of its own. NULL: not wanted. */
    void (*on_attempt)(void *context, const struct run_log_attempt *attempt, struct strbuf *target);
    void *context;
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
/* Durations, attempts, retries, gate verdict rates, utilisation. */
int run_metrics(struct store *store, const char *run_id, json_t **ret_metrics, struct error *err);
/* Over all runs, removed ones too: {NAME: {attempts, failed, input_tokens, output_tokens,
 * cached_tokens, cost_usd, counted, priced, last_at}}. Sums are over the attempts that said
 * (`counted` of them their tokens, `priced` their cost); absent when none did. */
int run_agent_totals(struct store *store, json_t **ret_totals, struct error *err);
/* The circuit breakers that are not as new: {NAME: {state,failures,since,error}}. Closing one by
 * hand forgets its failures, and the audit log says so; *ret_had: whether there were any. */
int run_agent_breakers(struct store *store, json_t **ret_breakers, struct error *err);
struct breaker_closing {
    const char *agent, *user;
    int64_t now_ms;
};
int run_agent_close_breaker(struct store *store, const struct breaker_closing *closing,
                            bool *ret_had, struct error *err);
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
/* Removes the clones of a run whose work is in the project. */
void run_sweep_workspaces(struct store *store, const char *folder, const char *run_id);
/* Removes blobs that nothing refers to, folders without a run, and (older_than_ms > 0) whole
 * finished runs older than that. {"runs":N,"blobs":N,"bytes":N,"folders":N,"kept":RUNS} */
int run_collect(const struct engine_options *options, int64_t older_than_ms, bool dry_run,
                json_t **ret_report, struct error *err);
/* The same, but removes of these runs those that are over, with what they began. */
int run_collect_runs(const struct engine_options *options, const json_t *roots, bool dry_run,
                     json_t **ret_report, struct error *err);

#endif
