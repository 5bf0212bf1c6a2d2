/* SPDX-License-Identifier: MIT */
/* The project as the planner sees it: its files by what they belong to, its languages and
 * frameworks. Read once a plan. */
#ifndef FERMATA_PLANNER_REPOSITORY_H
#define FERMATA_PLANNER_REPOSITORY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What a task can touch, and who knows it. */
enum surface {
    SURFACE_BACKEND,
    SURFACE_FRONTEND,
    SURFACE_DATABASE,
    SURFACE_API,
    SURFACE_SECURITY,
    SURFACE_TESTS,
    SURFACE_INFRASTRUCTURE,
    SURFACE_MONITORING,
    SURFACE_DOCUMENTATION,
    SURFACE_PERFORMANCE,
};
#define SURFACES 10
const char *surface_name(enum surface surface);
int surface_parse(const char *name); /* negative: none */

struct repository_file {
    char *path;
    unsigned surfaces; /* bits */
};

#define REPOSITORY_NAMES_MAX 12

struct repository {
    struct repository_file *files;
    size_t count, capacity;
    bool is_git;
    size_t code_files; /* without tests, examples and what came from outside */
    size_t surface_files[SURFACES];
    const char *surface_example[SURFACES];       /* NULL: none */
    const char *languages[REPOSITORY_NAMES_MAX]; /* of code, most files first */
    size_t language_count;
    const char *frameworks[REPOSITORY_NAMES_MAX]; /* found in manifests */
    size_t framework_count;
};

/* An empty or missing folder is an empty project. */
int repository_read(const char *project, struct repository *ret_repository, struct error *err);
/* For tests and for what is no folder. `language` may be NULL. */
void repository_add(struct repository *repository, const char *path);
void repository_release(struct repository *repository);
/* Bits of the surfaces that a path belongs to. Pure. */
unsigned repository_path_surfaces(const char *path);

#endif
