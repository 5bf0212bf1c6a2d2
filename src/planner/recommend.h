/* SPDX-License-Identifier: MIT */
/* Which workflow fits a task, and why. Pure.
 *
 * A score is a sum of points: the kind of task that the workflow is for, its words in the task,
 * what it wants to be touched, and the words of its description. Each part is told. */
#ifndef FERMATA_PLANNER_RECOMMEND_H
#define FERMATA_PLANNER_RECOMMEND_H

#include "planner/analyze.h"
#include "workflow/workflow.h"

/* From here on a workflow is chosen rather than a plan composed: its kind and a word of it. */
#define RECOMMEND_FITS 32

struct recommendation {
    const struct workflow *workflow; /* borrowed */
    bool is_own; /* of the project or the user, not built in: they made it for their tasks */
    int score;
    struct analysis_list why;
};

/* Fills in score and why of each, and sorts them, the best first; equal ones by name. */
void recommend_workflows(const struct analysis *analysis, struct recommendation *recommendations,
                         size_t count);

#endif
