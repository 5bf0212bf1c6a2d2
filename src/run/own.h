/* SPDX-License-Identifier: MIT */
/* Private to run/: reading runs back. */
#ifndef FERMATA_RUN_OWN_H
#define FERMATA_RUN_OWN_H

#include "run/engine.h"

/* The owner of a run holds a lock on its place in this file of the project; whoever touches the
 * file wakes all owners. `folder`: PROJECT/.fermata. The caller frees it. */
char *run_lock_path(const char *folder);
/* ERROR_BUSY while another process owns the run; the descriptor holds the lock. */
int run_lock(const char *folder, const char *run_id, int *ret_fd, struct error *err);
enum run_owner { OWNER_NONE, OWNER_AT_WORK, OWNER_WAITS_FOR_SPACE };
/* Looks without touching: an owner that comes meanwhile is not turned away. */
enum run_owner run_find_owner(const char *folder, const char *run_id);
bool run_is_locked(const char *folder, const char *run_id);
/* Of the owner: whether it waits for space on the disk. A lock, since nothing can be written then,
 * and since it must end with its process. */
void run_lock_note_wait(int fd, const char *run_id, bool is_waiting);
/* engine_adopt at once: ERROR_BUSY also while a command only looks at the run. */
int run_adopt(struct engine *engine, const char *run_id, struct error *err);
/* Folds the whole journal into a fresh state. */
int run_fold(struct tx *tx, struct run_state *state, struct error *err);
/* The workflow that the run is pinned to; the caller frees it. */
int run_load_workflow(struct store *store, const char *folder, const char *run_id,
                      struct workflow **ret_workflow, struct error *err);
/* The same by the digest of its text. */
int run_load_definition(const char *folder, const char *run_id, const char *digest,
                        struct workflow **ret_workflow, struct error *err);
/* ERROR_CONFLICT when the run is nested in one that is over; see orphans.c. */
int run_refuse_orphan(struct store *store, const char *run_id, struct error *err);

#endif
