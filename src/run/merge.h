/* SPDX-License-Identifier: MIT */
/* What an agent did in its clone comes into the project, exactly once: what is to be changed is
 * written down (the intent, in the attempt's folder) before it is done, and that it was done (the
 * receipt) after it; a merge that was interrupted is ended by the one that follows, and one with a
 * receipt is never made again. Blocking file work. */
#ifndef FERMATA_RUN_MERGE_H
#define FERMATA_RUN_MERGE_H

#include "base/error.h"

#include <stdint.h>

struct merge {
    const char *project;
    const char *project_folder; /* PROJECT/.fermata */
    const char *run_id;
    const char *step;
    const char *attempt; /* its folder */
    const char *tree;    /* the clone */
};
/* ERROR_BUSY: another agent changes the project now. ERROR_CONFLICT: some files were changed on
 * both sides so that git cannot put them together; it names them, and nothing was done. */
int merge_clone(const struct merge *merge, int64_t *ret_files, struct error *err);

#endif
