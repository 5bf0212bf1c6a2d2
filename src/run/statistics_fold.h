/* SPDX-License-Identifier: MIT */
/* What the work of agents in one run was worth, read off its records. Pure, private to run/.
 *
 * Work that passed is sent back when, in the same run or one that called it, afterwards
 *   - the gate of its phase says fail (unknown proves nothing);
 *   - a step that is no agent fails and its policy goes back to the phase, or has it fixed;
 *   - an `until` is not met: found by what that names, a check that failed, else the judge.
 * Where some of the work in question changed files, only that is; where a phase has none of its
 * own, the last work that changed files before it is meant. */
#ifndef FERMATA_RUN_STATISTICS_FOLD_H
#define FERMATA_RUN_STATISTICS_FOLD_H

#include "base/arena.h"
#include "base/vec.h"
#include "run/record.h"
#include "run/sample.h"

#include <stdbool.h>

/* An attempt of an agent, or (`child`) a run that a step called, for all that was done in it. */
struct work {
    struct agent_sample sample; /* of one attempt; its agent is NULL for a child */
    const char *run, *phase, *step, *child;
    int64_t seq;
    int64_t reset_seq; /* when its phase began anew; 0: it stands */
    bool has_passed, has_changed, is_fix, is_judge;
    bool is_sent_back;
};

/* Who looks at the work of others: a gate, a check (a step that is no agent) or a judge (one that
 * is). */
struct finder {
    const char *kind, *name;
    int64_t asked, passed, found, unknown, skipped;
    struct sample_sums cost;
};

struct reused_work {
    const char *agent, *run, *step; /* where it was done */
    int64_t duration_ms;
};

/* An attempt of a step that is no agent. */
struct code_work {
    const char *phase, *step;
    int64_t seq, reset_seq;
    bool has_failed;
};

/* Of all runs that are looked at. Texts live in the arena. */
struct statistics {
    struct arena *arena;
    int64_t since; /* what was before is folded, but not counted */
    VEC(struct work) works;
    VEC(struct finder) finders;
    VEC(struct reused_work) reuses;
};

/* Of one run while it is folded. */
struct statistics_run {
    struct statistics *all;
    const char *id;
    const struct workflow *workflow; /* NULL: it is not there any more; then nobody is a judge */
    const char *kind;
    size_t first;        /* of its works */
    json_t *failed_gate; /* phase -> gate, since the phase began */
    VEC(struct code_work) codes;
};

void statistics_run_init(struct statistics_run *run, struct statistics *all, const char *id,
                         const struct workflow *workflow);
void statistics_run_add(struct statistics_run *run, const struct record *record);
void statistics_run_release(struct statistics_run *run);
/* When all are folded: what was found of a child holds for what was done in it; children go. */
void statistics_spread(struct statistics *all);

#endif
