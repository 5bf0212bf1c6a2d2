/* SPDX-License-Identifier: MIT */
/* The graph of a run, built from a workflow, rebuilt at will, never stored. Pure.
 *
 * Nodes are phases and, inside a phase, steps; edges are `needs` (in sequential and adaptive mode a
 * step needs the one before it). What depends on what is answered in constant time per edge, so
 * that one finished step never costs a look at all the others. */
#ifndef FERMATA_PLAN_PLAN_H
#define FERMATA_PLAN_PLAN_H

#include "base/strbuf.h"
#include "workflow/workflow.h"

#include <stdbool.h>
#include <stddef.h>

struct plan;

struct plan_edges {
    const int *items; /* indexes, ascending */
    size_t count;
};

struct plan *plan_new(const struct workflow *workflow); /* borrows the workflow */
void plan_free(struct plan *plan);                      /* accepts NULL */

struct plan_edges plan_phase_dependents(const struct plan *plan, int phase);
struct plan_edges plan_step_needs(const struct plan *plan, int phase, int step);
struct plan_edges plan_step_dependents(const struct plan *plan, int phase, int step);

/* Marks the phase and everything that needs it, directly or not; `marks` has one bool a phase. */
void plan_mark_downstream(const struct plan *plan, int phase, bool *marks);
/* The keys of the step and of everything that needs it, directly or not, fix steps too: an array.
 * The caller owns it. */
json_t *plan_list_downstream(const struct plan *plan, int phase, int step);
/* The level of a phase: 0 without needs, else one more than the highest of its needs. */
int plan_phase_level(const struct plan *plan, int phase);

/* The waves of a run as far as they are known before it starts, for --dry-run:
 * {"waves":[{"phase":ID,"wave":N,"steps":[ID,...]}]}. The caller owns it. */
json_t *plan_waves(const struct plan *plan);

#endif
