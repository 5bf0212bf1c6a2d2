/* SPDX-License-Identifier: MIT */
/* A run as JSON, for the views and its readable files. Pure. */
#ifndef FERMATA_RUN_VIEW_H
#define FERMATA_RUN_VIEW_H

#include "run/state.h"

#define VIEW_BYTES_MAX (1024U * 1024 * 1024) /* of the texts: a hundred thousand large steps */

json_t *view_run(const struct run_state *run); /* query.h, run_show, says the shape */
/* The same as text: a tree of ten thousand steps would cost more than all that is decided of them.
 */
void view_run_text(const struct run_state *run, bool is_pretty, struct strbuf *target);
/* What is written for a checkpoint that the run still has, as long as nothing changed what it shows
 * (see batch_emit): the phase that was completed (all of them when it was asked for), the names of
 * all that are, and how many steps were. Phases before it have their own, so that a run of many
 * phases does not write the square of them. */
void view_checkpoint(const struct run_state *run, const char *name, struct strbuf *target);

#endif
