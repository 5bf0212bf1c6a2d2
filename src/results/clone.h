/* SPDX-License-Identifier: MIT */
/* A private copy of a project for one agent: its files as they are, uncommitted ones too, and where
 * it is the top of a git repository one of its own that borrows the project's objects. It shares no
 * configuration, no hooks and no references with the project, and knows no way back to it.
 * Blocking file work. */
#ifndef FERMATA_RESULTS_CLONE_H
#define FERMATA_RESULTS_CLONE_H

#include "results/snapshot.h"

struct clone_wish {
    const char *project;
    const char *tree; /* what is made; it is not there yet */
    /* Of what git ignores, these files and what lies in these folders. */
    const char *const *files;
    size_t file_count;
};
/* ret_base: the snapshot of what was made. */
int clone_make(struct snapshots *snapshots, const struct clone_wish *wish,
               char ret_base[DIGEST_HEX_SIZE], struct error *err);

#endif
