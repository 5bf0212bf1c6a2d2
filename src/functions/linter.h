/* SPDX-License-Identifier: MIT */
/* The tools that are known, and which files of a tree each of them looks at, in which order. */
#ifndef FERMATA_FUNCTIONS_LINTER_H
#define FERMATA_FUNCTIONS_LINTER_H

#include "base/vec.h"
#include "functions/tree.h"

#include <stdbool.h>
#include <stddef.h>

struct linter {
    const char *name;      /* shown and looked for on PATH */
    const char *languages; /* "|C|C++|"; "|actions|": GitHub workflows */
    const char *const *command;
    const char *const *version;
    int statuses_max;    /* exit statuses up to this are a completed run */
    const char *purpose; /* what stays unknown without it */
};

struct linter_file {
    const struct tree_file *file;
    bool is_aside; /* a test or an example */
    bool is_giant;
};
VEC_TYPE(linter_files, struct linter_file);

const struct linter *linter_table(size_t *ret_count);
/* Ordinary code before tests, large before small, giants behind those: the same choice for the same
 * tree. VEC_RELEASE() it. */
void linter_choose_files(const struct linter *linter, const struct tree *tree,
                         struct linter_files *ret_files);

#endif
