/* SPDX-License-Identifier: MIT */
/* Private to run/: what fold.c needs of state.c. */
#ifndef FERMATA_RUN_FOLD_H
#define FERMATA_RUN_FOLD_H

#include "run/state.h"

int run_step_add(struct run_state *run, const struct step_state *step);
void step_output_release(struct step_output *result);

#endif
