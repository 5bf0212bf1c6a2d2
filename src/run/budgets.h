/* SPDX-License-Identifier: MIT */
/* Private to run/: the trees of the runs that this process carries on, with what each of their runs
 * used, also of those that are over or that nobody carries on. */
#ifndef FERMATA_RUN_BUDGETS_H
#define FERMATA_RUN_BUDGETS_H

#include "run/engine.h"

/* The other runs of the tree: [{id, parent, ledger}]. */
int budgets_read(struct tx *tx, const char *run_id, json_t **ret_runs, struct error *err);
/* What all runs below this one used. */
int budgets_read_below(struct tx *tx, const char *run_id, struct ledger *ret_below,
                       struct error *err);
/* As the listing row keeps it; NULL: nothing. The caller frees it. */
char *budgets_format(const struct run_state *run);

/* From here on the run is part of its tree; `active->relatives` are those that were read. */
void budgets_enter(struct active *active);
void budgets_leave(struct active *active); /* accepts one that never entered */
/* After each decision: those around it learn of it, and who waits for room looks again. */
void budgets_update(struct active *active);
const struct budget_node *budgets_node(const struct active *active); /* for decide */
void budgets_free(struct engine *engine);                            /* when no run is left in it */

#endif
