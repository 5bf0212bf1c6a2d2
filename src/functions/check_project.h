/* SPDX-License-Identifier: MIT */
/* What a project offers to check it with, as far as its files say. Nothing of it is run. */
#ifndef FERMATA_FUNCTIONS_CHECK_PROJECT_H
#define FERMATA_FUNCTIONS_CHECK_PROJECT_H

#include "functions/tree.h"

#include <stdbool.h>
#include <stddef.h>

#define CHECK_PROJECT_FILE_BYTES_MAX (1024 * 1024) /* of a Makefile, package.json, ... */

struct check_project;

struct check_project *check_project_open(const char *folder);
void check_project_free(struct check_project *project); /* accepts NULL */

bool check_project_has(const struct check_project *project, const char *file);
/* The file exists, is of readable size and holds the text. */
bool check_project_mentions(const struct check_project *project, const char *file,
                            const char *text);
/* A target of the Makefile, a recipe of the justfile, a script of package.json. */
bool check_project_has_target(const struct check_project *project, const char *name);
bool check_project_has_recipe(const struct check_project *project, const char *name);
bool check_project_has_script(const struct check_project *project, const char *name);
const char *
check_project_script_runner(const struct check_project *project); /* "npm", "yarn", ... */
/* A configured build folder that holds this file ("CMakeCache.txt"); NULL when there is none. */
const char *check_project_build_folder(const struct check_project *project, const char *file);
/* The tracked files, listed at the first call; NULL when they cannot be listed. */
const struct tree *check_project_tree(struct check_project *project);

#endif
