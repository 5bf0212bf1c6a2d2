/* SPDX-License-Identifier: MIT */
/* Private to run/: the digest of a step, and an earlier step that has the same one. */
#ifndef FERMATA_RUN_PREPARE_H
#define FERMATA_RUN_PREPARE_H

#include "run/engine.h"

void prepare_step(struct active *active, int step, bool is_static);
/* All that goes into a step of any kind but the files, as it begins; the caller owns it. */
int prepare_parts(struct active *active, int step, json_t **ret_parts, struct error *err);
/* What would be taken over if it were begun anew now, with the files of `tree`: {run, step, output,
 * artifacts}; NULL: nothing. */
int prepare_find(struct active *active, int step, const char *tree, json_t **ret_found,
                 struct error *err);
void prepare_digest(const json_t *parts, char ret_digest[65]);
/* Whether a function may change them. */
bool prepare_may_change(const struct step *definition);
/* Whether the files go into it as well. */
bool prepare_reads_tree(const struct run_state *run, const struct step_state *step);

#endif
