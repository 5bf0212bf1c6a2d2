/* SPDX-License-Identifier: MIT */
/* What became of agents' attempts, as it is kept for statistics: one attempt, or, of runs that were
 * removed, those of an agent, kind of task and expert of one day together. Derived from the journal
 * (run/statistics.h); what is not known is not counted. */
#ifndef FERMATA_RUN_SAMPLE_H
#define FERMATA_RUN_SAMPLE_H

#include "base/json.h"
#include "workflow/workflow.h"

#include <stdint.h>

/* What a task is about; the words that `fermata run --kind` takes. */
#define TASK_KINDS                                                                                 \
    "feature|fix|refactor|test|documentation|review|security|performance|migration|"               \
    "infrastructure|research|design|other"
#define TASK_KIND_OTHER "other" /* when nobody said */

/* Each over the attempts that told it: `timed`, `counted`, `priced` of them did. */
struct sample_sums {
    int64_t duration_ms, timed;
    int64_t tokens, counted; /* in and out */
    double cost_usd;
    int64_t priced;
};

/* An attempt is one of: succeeded, failed, or neither (a limit, an outage, a person's stop, a
 * crash, a question: these say nothing of the agent's work). */
struct agent_sample {
    const char *agent;
    const char *kind;
    const char *expert; /* NULL: none, or not known any more */
    int64_t at;         /* its end, ms since 1970 */
    int64_t attempts;
    int64_t succeeded; /* and nothing found its work wrong afterwards */
    int64_t failed;    /* with those that were sent back */
    int64_t sent_back; /* passed, and a gate, a check or a judge found its work wrong */
    int64_t changes;   /* succeeded, changed files, and the whole run was completed */
    int64_t by_class[FAILURE_CLASSES]; /* the first, CLASS_NONE, stays 0 */
    struct sample_sums well;           /* of those that passed */
    struct sample_sums all;
};

void sample_add_sums(struct sample_sums *sums, const struct sample_sums *other);
/* Adds all but what it is of, and when. */
void sample_add(struct agent_sample *sample, const struct agent_sample *other);
/* {attempts, succeeded, failed, sent_back, changes, classes: {WORD: N}, well: {...}, all: {...}}:
 * what is 0 is absent. The caller owns it. */
json_t *sample_encode(const struct agent_sample *sample);
void sample_decode(const json_t *value, struct agent_sample *sample);
/* {duration_ms, timed, tokens, counted, cost_usd, priced} into the object. */
void sample_put_sums(json_t *object, const struct sample_sums *sums);

#endif
