/* SPDX-License-Identifier: MIT */
/* What became of agents' attempts, as it is kept for statistics: one attempt, or, of runs that were
 * removed, those of an agent and kind of task of one day together. Derived from the journal
 * (run/statistics.h); what is not known is not counted. */
#ifndef FERMATA_RUN_SAMPLE_H
#define FERMATA_RUN_SAMPLE_H

#include "workflow/workflow.h"

#include <stdint.h>

/* What a task is about; the words that `fermata run --kind` takes. */
#define TASK_KINDS                                                                                 \
    "feature|fix|refactor|test|documentation|review|security|performance|migration|"               \
    "infrastructure|research|design|other"
#define TASK_KIND_OTHER "other" /* when nobody said */

/* An attempt is exactly one of: succeeded, failed, and neither (a limit, an outage, a person's
 * stop, a crash, a question: that says nothing of the agent's work). */
struct agent_sample {
    const char *agent;
    const char *kind;
    const char *expert; /* NULL: none, or not known any more */
    int64_t at;         /* its end, ms since 1970 */
    int64_t attempts;
    int64_t succeeded; /* and nothing found its work wrong afterwards */
    int64_t failed;    /* with those that were sent back */
    int64_t sent_back; /* passed, and a gate, a check or a judge found its work wrong */
    int64_t by_class[FAILURE_CLASSES];
    /* Sums over the attempts that succeeded and told; `timed`, ...: how many did. */
    int64_t duration_ms, timed;
    int64_t tokens, counted;
    double cost_usd;
    int64_t priced;
};

#endif
