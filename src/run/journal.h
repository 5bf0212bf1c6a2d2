/* SPDX-License-Identifier: MIT */
/* Private to run/: the journal and what is derived from it, as SQL. All functions run inside a
 * transaction of the store. */
#ifndef FERMATA_RUN_JOURNAL_H
#define FERMATA_RUN_JOURNAL_H

#include "base/arena.h"
#include "base/vec.h"
#include "run/admission.h"
#include "run/audit_chain.h"
#include "run/record.h"
#include "run/state.h"
#include "store/store.h"

/* Rows as plain values, so that the store thread never looks at the live state. */
struct journal_row {
    int64_t seq, at;
    const char *kind;
    const char *body;
};

struct run_row {
    const char *id, *workflow, *title, *digest, *task, *status, *wish, *reason, *detail;
    const char *strategy, *label, *parent, *task_id;
    const char *ledger; /* what it used of its budget: see budgets.h */
    int64_t depth, created_at, started_at, ended_at;
    int64_t waits_until;
    int64_t steps_total, steps_completed, steps_failed, steps_skipped, steps_running;
    int64_t seq;
};

struct step_row {
    const char *key, *phase, *status, *class_, *error, *digest, *parts, *output, *artifacts;
    int64_t attempts, started_at, ended_at;
    bool is_reused;
};

struct lease {
    int64_t pid, at;
};

/* Everything that one batch of one run writes; all texts live in `arena`. */
struct commit {
    struct arena *arena;
    int64_t generation;
    struct lease lease; /* taken with this commit, as `generation`; pid 0: it is held already */
    int64_t seq_before;
    struct run_row run;
    VEC(struct journal_row) journal;
    VEC(struct step_row) steps;
    const struct config *config; /* of agents; NULL: their ends are not counted */
    VEC(struct admission_end) calls;
    VEC(struct audit_entry) audit;
    const char *user; /* whose process this is; borrowed, NULL: not known */
    int64_t inbox_id; /* answered in the same transaction; 0: none */
    const char *inbox_answer;
    const char *lost; /* set by commits_write: why the run is no longer ours */
};

struct commit *commit_new(const struct run_state *run, int64_t generation);
/* Adds a record, or all of a batch, and the rows that they changed. */
void commit_add(struct commit *commit, const struct run_state *run, const struct record *record);
void commit_add_batch(struct commit *commit, const struct run_state *run,
                      const struct record_vec *records);
void commit_free(struct commit *commit); /* accepts NULL */
/* The listing rows alone, for a rebuild. */
int commit_write_derived(struct tx *tx, const struct commit *commit, struct error *err);
/* ERROR_CONFLICT, and nothing of it is written, when the run is another process's by now. */
int commit_write(struct tx *tx, const struct commit *commit, struct error *err);
/* Those of many runs: what is not written of one because of a conflict says so in `lost`, and keeps
 * none of the others back. */
int commits_write(struct tx *tx, struct commit *const *commits, size_t count, struct error *err);

/* Takes the lease from the generation before this one; every later write carries the generation.
 * ERROR_CONFLICT when somebody did so first. */
int lease_take(struct tx *tx, const char *run_id, int64_t generation, struct lease lease,
               struct error *err);
/* The generation of its last owner; 0: nobody has had it. */
int lease_find(struct tx *tx, const char *run_id, int64_t *ret_generation, struct error *err);

/* One row of "SELECT " JOURNAL_COLUMNS " FROM journal": ERROR_IO when it is not what was written.
 */
#define JOURNAL_COLUMNS "run, seq, at, kind, body, sum"
int journal_get_row(struct statement *statement, struct journal_row *ret_row, struct error *err);
int journal_parse_row(struct statement *statement, json_t **ret_body, struct error *err);

/* Calls back for each record from seq on; without a limit ERROR_IO when the last ones are missing.
 * Stops on a non-zero return, which it gives back. */
int journal_read(struct tx *tx, const char *run_id, int64_t from_seq, int limit,
                 int (*visit)(void *context, const struct record *record, struct error *err),
                 void *context, struct error *err);
/* The digest of the workflow text that the run is pinned to. */
int journal_find_digest(struct tx *tx, const char *run_id, char ret_digest[65], struct error *err);

/* totals.c: adds what agents used in a run that is about to be removed to the sums that stay. */
int totals_keep(struct tx *tx, const char *run_id, struct error *err);

#endif
