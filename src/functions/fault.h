/* SPDX-License-Identifier: MIT */
/* Faults that a check of a project has to notice: what is put where, one row each. They go into a
 * copy that may be broken (project_copy.h), one at a time. */
#ifndef FERMATA_FUNCTIONS_FAULT_H
#define FERMATA_FUNCTIONS_FAULT_H

#include "functions/check_plan.h"
#include "functions/tree.h"

#define FAULTS_MAX 8          /* tried at most for one check */
#define FAULT_ANY CHECK_KINDS /* for a command of which nothing is known */

struct fault {
    const char *what; /* "a failing test" */
    const char *text; /* what is put there; "{package}": that of the Go file beside it */
    char *path;       /* relative; owned */
    bool is_first;    /* before what the file holds, else behind it; a file may be new */
};

struct fault_list {
    struct fault items[FAULTS_MAX];
    size_t count;
};

/* What a check of this kind (an enum check_kind or FAULT_ANY) should turn red for, the surest
 * first. May be empty. */
void fault_find(const struct tree *tree, int kind, struct fault_list *ret_list);
void fault_list_release(struct fault_list *list);

/* *ret_before: what the file held; NULL: there was none. */
int fault_plant(const char *folder, const struct fault *fault, char **ret_before,
                struct error *err);
/* As it was before; free()s `before`. */
int fault_remove(const char *folder, const struct fault *fault, char *before, struct error *err);

#endif
