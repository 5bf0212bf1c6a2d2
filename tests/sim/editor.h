/* SPDX-License-Identifier: MIT */
/* Another plan for the root, see editor.c. */
#ifndef FERMATA_SIM_EDITOR_H
#define FERMATA_SIM_EDITOR_H

#include "run/record.h"
#include "run/state.h"

#include <stdbool.h>

struct sim;
struct sim_run;

/* simulate.c: one of its plans, the first being its own; and the one of a record. */
#define SIM_PLANS 4
const struct workflow *sim_edited(struct sim *sim, int plan);
const struct workflow *sim_find_workflow(const char *digest);

/* Somebody edits the plan of the run, which nobody carries on; it may refuse. */
void edit_run(struct sim *sim, struct sim_run *run, int number);
/* The record of an edit is applied to the shadow, and what the audit knows moves with the steps. */
void edit_apply(struct sim *sim, struct sim_run *run, const struct record *record);
/* All that goes into a step, which is its text. */
const char *edit_inputs(struct sim *sim, const struct run_state *run,
                        const struct step_state *step);
bool edit_keeps(const struct record *record, const struct run_state *was,
                const struct step_state *step);

#endif
