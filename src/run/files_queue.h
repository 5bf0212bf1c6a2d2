/* SPDX-License-Identifier: MIT */
/* Private to run/: the readable folder of a run that this process owns, while it goes on. */
#ifndef FERMATA_RUN_FILES_QUEUE_H
#define FERMATA_RUN_FILES_QUEUE_H

#include "run/engine.h"

/* files.c: the readable view of a run; failures to write it never fail the run */
void files_open(struct active *active);
/* Makes the texts of a batch whose commit is under way, when the loop has nothing else to do. */
void files_prepare(struct active *active);
void files_records(struct active *active);
void files_checkpoint(struct active *active, const char *name, struct strbuf *view); /* takes it */
void files_rest(struct active *active);
void files_write_now(struct active *active); /* what a run that is over would write later */

/* files_queue.c: the same off the loop, in this order. All take over what they are given. */
void files_later_text(struct active *active, const char *name, struct strbuf *text);
void files_later_append(struct active *active, const char *name, struct strbuf *text);
void files_later_prune(struct active *active, json_t *kept);
void files_later_report(struct active *active);
void files_later_plan(struct active *active);
/* Checkpoint, report and state of a run that is over are made from its state when they are
 * written: by files_write_now, while the run is there, else by the pool, which the state is left
 * to by files_leave_state. */
void files_later_end(struct active *active);
void files_take_back_end(struct active *active); /* nothing is written of that */
bool files_leave_state(struct active *active);   /* and its workflow; false: it is still its own */
/* What lies there is made to agree with the journal as far as the state has it now. */
void files_later_restore(struct active *active);
void files_forget(struct active *active); /* what is still waiting, of this run */
void files_go_on(struct engine *engine);  /* nothing better is to be done */
void files_drain(struct engine *engine);  /* writes what is still waiting, here and now */

#endif
