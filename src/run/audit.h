/* SPDX-License-Identifier: MIT */
/* Who did what: a chain of entries in the store, each with the SHA-256 of itself and of the entry
 * before it. What is changed, put in or taken out later shows; so does what was cut off at the end
 * while the journals of the runs are there, or the hash of the last entry was noted elsewhere.
 *
 * An entry of a run is made of its record and written in the same transaction: who created it,
 * approved, skipped, asked; which agent was called for which step and how that ended; how the run
 * ended. Free text (tasks, comments, answers, errors) is not in it. */
#ifndef FERMATA_RUN_AUDIT_H
#define FERMATA_RUN_AUDIT_H

#include "base/json.h"
#include "store/store.h"

struct audit_entry {
    int64_t at;           /* ms since 1970 */
    const char *event;    /* "run_created", "agent_started" ... */
    const char *user;     /* who; of what the engine does by itself, whose process it was */
    const char *run;      /* NULL: of no run */
    int64_t seq;          /* the record that it was made of; 0: none */
    const char *resource; /* the step, workflow, gate ... that it is about */
    const char *status;   /* how it ended, or what was said; NULL: neither */
    const char *details;  /* a JSON object; NULL: none */
};

/* What is no record of a run, such as an undo. */
int audit_note(struct store *store, const struct audit_entry *entry, struct error *err);

struct audit_filter {
    const char *run; /* NULL: all entries */
    int64_t before;  /* ids below this one; 0: from the newest */
    int limit;       /* 1..1000 */
};
/* {"entries":[{id,at,event,user,run,seq,resource,status,details,hash}],"next":ID|null}, newest
 * first; what an entry does not have is absent. */
int audit_list(struct store *store, const struct audit_filter *filter, json_t **ret_list,
               struct error *err);
/* Follows the chain, and compares it with the journals of the runs that are there. `head`: a hash
 * that was noted before has to be in it; NULL: none was.
 * {"entries":N,"head":HASH,"sound":BOOL,"problems":[TEXT...]}, the first problems only */
int audit_verify(struct store *store, const char *head, json_t **ret_report, struct error *err);

#endif
