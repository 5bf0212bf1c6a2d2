/* SPDX-License-Identifier: MIT */
/* What the agents of a run did to the files, from the snapshots before and after each attempt:
 * shown, or taken back. Blocking file work. */
#ifndef FERMATA_RUN_UNDO_H
#define FERMATA_RUN_UNDO_H

#include "base/json.h"
#include "store/store.h"

#include <stdbool.h>

struct undo_request {
    struct store *store;
    const char *project;
    const char *folder; /* PROJECT/.fermata */
    const char *run_id;
    const char *step; /* NULL: all of the run and its nested runs */
    const char *user;
    int64_t now_ms;
    bool is_forced;  /* also what changed since; it is kept first */
    bool is_back;    /* the last undo of this run instead */
    bool wants_stat; /* of a difference: how much, not what */
};

/* {id, step, files: [{path, status: added|deleted|modified}], text, lacks: [PATH...]} */
int run_diff(const struct undo_request *request, json_t **ret_diff, struct error *err);
/* {id, step, files: as above, as they became, number}. ERROR_CONFLICT names files that are no
 * longer as the run left them, and nothing was done. */
int run_undo(const struct undo_request *request, json_t **ret_report, struct error *err);

#define UNDO_FOLDER "undo" /* of a run: the notes of its undos, by number */

/* undo_used.c: puts the digests of all snapshots and lists of changes that the runs refer to. */
int undo_find_digests(struct store *store, const char *folder, json_t *digests, struct error *err);

#endif
