/* SPDX-License-Identifier: MIT */
/* A private project for tests of operations, and calls that must succeed or fail. */
#ifndef FERMATA_TESTS_OPS_PROJECT_H
#define FERMATA_TESTS_OPS_PROJECT_H

#include "ops/ops.h"

struct ops_project {
    char *folder; /* the working folder */
    char *home;
    char *config;
    struct ops_settings settings;
    struct ops *ops;
    struct ops_view view; /* NULL functions at first */
};

/* For cmocka: *state is the project, with an empty .fermata. */
int ops_project_set_up(void **state);
int ops_project_tear_down(void **state);
/* Closes everything and opens it anew, as another process would. */
void ops_project_reopen(struct ops_project *project);
void ops_project_write(const struct ops_project *project, const char *name, const char *text);
bool ops_project_has(const struct ops_project *project, const char *name);
/* A workflow with one step per command, each in its own phase "p1", "p2"; steps "s1", "s2". */
void ops_project_steps(const struct ops_project *project, const char *name,
                       const char *const *commands);

/* The result; fails the test when the call fails. Takes the arguments; the caller owns the result.
 */
json_t *ops_project_call(struct ops_project *project, const char *name, json_t *arguments);
/* The code of a call that must fail. Takes the arguments. */
int ops_project_fail(struct ops_project *project, const char *name, json_t *arguments,
                     struct error *err);

#endif
