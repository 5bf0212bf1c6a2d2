/* SPDX-License-Identifier: MIT */
/* Private to run/: what fold.c needs of state.c. */
#ifndef FERMATA_RUN_FOLD_H
#define FERMATA_RUN_FOLD_H

#include "run/state.h"

/* Room for so many more, made at once. */
void run_steps_reserve(struct run_state *run, size_t more);
int run_step_add(struct run_state *run, const struct step_state *step);
void step_before_free(struct step_before *before); /* NULL is fine */
void step_output_release(struct step_output *result);

void step_held_free(struct step_held *held); /* NULL is fine */

/* fold.c: a step as it is from now on, with all that is counted of it; what it was is not freed. */
void fold_put_step(struct run_state *run, int index, const struct step_state *step);
void fold_recount_phase(struct run_state *run, struct phase_state *phase);
void fold_drop_checkpoints(struct run_state *run, const char *phase);

/* fold_edit.c: of a run that has only begun to be, the workflow that was offered takes the place of
 * its own. */
void fold_rebase(struct run_state *run);
void fold_edit(struct run_state *run, const struct record *record);
/* Of a step with this key, before the plan lost it. */
int fold_attempts_before(const struct run_state *run, const char *key);

/* fold_agent.c. Whoever begins anew asks its first agent. */
void fold_forget_agents(struct step_state *step);
/* Another agent takes over from the one that the record says was given up. */
void fold_choose_agent(struct step_state *step, const struct record *record);
/* True: a limit that told its end, which costs no try. */
bool fold_note_limit(struct step_state *step, const struct record *record);
/* What an attempt did not finish may be in the project all the same: the next agent is told. */
void fold_note_changes(struct step_state *step, const struct record *record);

/* What its calls used, to be added to. */
struct step_calls *fold_calls(struct step_state *step);

/* fold_budget.c */
void fold_budget_created(struct run_state *run, const struct record *record);
void fold_budget_started(struct run_state *run, struct step_state *step,
                         const struct record *record);
void fold_budget_ended(struct run_state *run, struct step_state *step, const struct record *record);
/* It began, by an attempt or without one. */
void fold_budget_count(struct run_state *run, struct step_state *step);
void fold_budget_set(struct run_state *run, const struct record *record);
void fold_budget_clock(struct run_state *run, const struct record *record);

#endif
