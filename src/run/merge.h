/* SPDX-License-Identifier: MIT */
/* What an agent did in its clone comes into the project, exactly once: what is to be changed is
 * written down (the intent, in the attempt's folder) before it is done, and that it was done (the
 * receipt) after it; a merge that was interrupted is ended by the one that follows, and one with a
 * receipt is never made again. Blocking file work. */
#ifndef FERMATA_RUN_MERGE_H
#define FERMATA_RUN_MERGE_H

#include "base/error.h"
#include "base/json.h"
#include "results/history.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

/* What came of it. */
struct merged {
    int64_t files;     /* of the project, that changed */
    json_t *left;      /* paths that are in the clone only, which is kept for them; or NULL */
    json_t *conflicts; /* paths: the clone holds both sides now, see merge_conflict.h; or NULL */
    char commit[COMMIT_NAME_SIZE]; /* "": none was wanted, or there was nothing to commit */
    char *no_commit;               /* why there is none, though it was wanted; or NULL */
};

struct merge {
    struct store *store;
    const char *project;
    const char *project_folder; /* PROJECT/.fermata */
    const char *run_id;
    const char *step;
    const char *attempt; /* its folder */
    const char *tree;    /* the clone */
    bool is_settled;     /* somebody will settle a conflict there */
    const char *subject; /* of the commit that is made of it; NULL: none is */
    int64_t at_ms;       /* now */
};
/* ERROR_BUSY: another agent changes the project now. ERROR_CONFLICT: some files were changed on
 * both sides so that git cannot put them together; it names them, and nothing was done in the
 * project. The caller owns what is in ret_merged. That
 * no commit could be made is no error, for the files are in the project by then, but for a full
 * disk: then it is to be asked again. */
int merge_clone(const struct merge *merge, struct merged *ret_merged, struct error *err);

#endif
