/* SPDX-License-Identifier: MIT */
/* Private to run/: owning runs and reading them back. */
#ifndef FERMATA_RUN_OWN_H
#define FERMATA_RUN_OWN_H

#include "run/engine.h"

/* The owner of a run holds a lock on its place in this file of the project; whoever touches the
 * file wakes all owners. `folder`: PROJECT/.fermata. The caller frees it. */
char *run_lock_path(const char *folder);
/* That file, in which an engine holds the locks of all its runs. */
int run_locks_open(const char *folder, int *ret_fd, struct error *err);
/* A single one. ERROR_BUSY while another process owns the run; the descriptor holds the lock. */
int run_lock(const char *folder, const char *run_id, int *ret_fd, struct error *err);
enum run_owner { OWNER_NONE, OWNER_AT_WORK, OWNER_WAITS_FOR_SPACE };
/* Looks without touching: an owner that comes meanwhile is not turned away. */
enum run_owner run_find_owner(const char *folder, const char *run_id);
bool run_is_locked(const char *folder, const char *run_id);
/* Of the owner: whether it waits for space on the disk. A lock, since nothing can be written then,
 * and since it must end with its process. */
void run_lock_note_wait(int locks_fd, const char *run_id, bool is_waiting);
/* Applies a record of the journal: ERROR_IO when it does not fit. What it brings of workflows is
 * read from the blobs of `folder`, PROJECT/.fermata. */
int run_fold_record(const char *folder, struct run_state *state, const struct record *record,
                    struct error *err);
/* Folds the whole journal into a fresh state. */
int run_fold(struct tx *tx, const char *folder, struct run_state *state, struct error *err);
/* The workflow that the run is pinned to; the caller frees it. */
int run_load_workflow(struct store *store, const char *folder, const char *run_id,
                      struct workflow **ret_workflow, struct error *err);
/* The same, and the fold of its journal; the caller frees both. */
int run_load_state(struct store *store, const char *folder, const char *run_id,
                   struct workflow **ret_workflow, struct run_state **ret_state, struct error *err);
/* Its text by its digest; free() it. */
int run_read_definition(const char *folder, const char *run_id, const char *digest, char **ret_text,
                        struct error *err);
/* The same, parsed. */
int run_load_definition(const char *folder, const char *run_id, const char *digest,
                        struct workflow **ret_workflow, struct error *err);

/* Taking, creating and letting go of runs. A lease is taken with the first commit: by many
 * runs at once with one. */
struct active *active_new(struct engine *engine, const char *run_id);
void active_free(struct active *active); /* accepts NULL */
/* Its lock, its definition and its state, for active_take_over. Blocks, so while the loop runs it
 * belongs on the pool. Where the store has no such run it is a new one of the workflow with the
 * digest `pinned`; NULL: ERROR_NOT_FOUND then. */
int active_read(struct active *active, const char *run_id, const char *pinned, bool *ret_is_new,
                struct error *err);
void active_take_over(struct active *active); /* from here on it is this engine's */
/* What was under way is looked at, what is due begins. */
void active_go_on(struct active *active);
/* Reads it and takes it over. Only while the loop does not run. */
int active_open(struct engine *engine, const char *run_id, struct active **ret_active,
                struct error *err);
/* What its batch writes; of a run that was taken just now the lease too. */
struct commit *active_commit(struct active *active);
/* Another process has it: nothing more is done to it here, and its steps go on for that one. */
void active_lose(struct active *active, const char *why);
int active_create(struct engine *engine, const char *run_id, const struct run_request *request,
                  struct active **ret_active, struct error *err);
/* It becomes durable with the next commit, together with its begin. */
int active_create_later(struct engine *engine, const char *run_id,
                        const struct run_request *request, struct error *err);
/* The same of a new one that was read. */
void active_create_nested(struct active *active, const struct run_request *request,
                          const struct active *parent, const char *parent_step);
char *run_folder(const char *folder, const char *run_id);

#endif
