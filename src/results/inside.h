/* SPDX-License-Identifier: MIT */
/* Paths below an open folder, however an agent may have bent them. Private to results/. */
#ifndef FERMATA_RESULTS_INSIDE_H
#define FERMATA_RESULTS_INSIDE_H

/* Opens a path below the folder without following any link, also not one that leads to it: a
 * tracked file behind a link that an agent put in its way counts as deleted, as it does for git.
 * The descriptor, or -1 with errno. */
int inside_open(int folder, const char *path, int flags);

#endif
