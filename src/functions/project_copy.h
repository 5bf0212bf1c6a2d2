/* SPDX-License-Identifier: MIT */
/* A copy of a project that may be broken: all its files, also those that git ignores (installed
 * packages, build folders), but neither its .git nor its .fermata. Where the project is a git
 * repository the copy is one too, of its own: with the project's last commit and nothing else of
 * it, neither configuration nor hooks. Build folders that know where they are (CMake, Meson) are
 * configured anew. */
#ifndef FERMATA_FUNCTIONS_PROJECT_COPY_H
#define FERMATA_FUNCTIONS_PROJECT_COPY_H

#include "base/error.h"

struct project_copy {
    char *folder; /* under TMPDIR; NULL: there is none */
    int lock;     /* held while it is used: copies that a killed process left have none */
};

/* Removes what killed processes left before. *ret_copy is releasable in any case. */
int project_copy_make(const char *project, struct project_copy *ret_copy, struct error *err);
void project_copy_remove(struct project_copy *copy);

#endif
