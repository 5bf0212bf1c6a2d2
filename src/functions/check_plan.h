/* SPDX-License-Identifier: MIT */
/* Which commands check a project: what it declares itself, else what fits its files. */
#ifndef FERMATA_FUNCTIONS_CHECK_PLAN_H
#define FERMATA_FUNCTIONS_CHECK_PLAN_H

#include "base/vec.h"
#include "functions/check_project.h"

#include <stdbool.h>
#include <stddef.h>

#define CHECK_COMMAND_FILES_MAX 5000 /* given to one command */

enum check_kind {
    CHECK_LINT,
    CHECK_FORMAT,
    CHECK_TYPES,
    CHECK_TESTS,
    CHECK_COVERAGE,
    CHECK_SECURITY,
    CHECK_BUILD,
};
#define CHECK_KINDS 7

const char *check_name(enum check_kind kind); /* "check-lint" */
int check_kind_of(const char *name);          /* CHECK_KINDS: of none */

struct check_command {
    const char *tool;  /* the program that has to be installed */
    const char **argv; /* NULL-terminated; its strings are owned */
    char *problem;     /* why it cannot run; NULL: it can */
    const char *hint;  /* what to do about it */
    bool is_silent;    /* success only when it prints nothing */
    /* It makes what the next one tests: where it fails, that one proves nothing. */
    bool is_preparation;
};

struct check_plan {
    VEC(struct check_command) commands;
};

/* One command of the project's own (a Makefile target, a recipe, a script) is enough; without one,
 * each kind of source found brings its tool, also when that is missing. May end up empty. */
void check_plan_make(struct check_project *project, enum check_kind kind,
                     struct check_plan *ret_plan);
void check_plan_release(struct check_plan *plan);

#endif
