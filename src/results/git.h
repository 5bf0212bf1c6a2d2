/* SPDX-License-Identifier: MIT */
/* git in a repository that an agent may have written: never by discovery, with no configuration
 * but the repository's own, and of that none of the keys that start programs. */
#ifndef FERMATA_RESULTS_GIT_H
#define FERMATA_RESULTS_GIT_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stddef.h>

#define REPOSITORY_ARGUMENTS_MAX 16

/* Finds the repository of a folder by looking for `.git` (a folder, or a file "gitdir: PATH") in it
 * and above it; ERROR_NOT_FOUND when there is none. free() both; they are absolute. */
int repository_find(const char *project, char **ret_git_folder, char **ret_work_tree,
                    struct error *err);

/* Runs `git ARGUMENTS` (NULL-terminated, from the subcommand on) in the project folder without a
 * shell and keeps its standard output in ret_output, which the caller releases after success.
 * ERROR_NOT_FOUND: no repository, or git's silent status 1; ERROR_UNAVAILABLE: no git; ERROR_LIMIT:
 * more than size_max bytes; ERROR_IO: git failed, with its own first words; ERROR_INTERNAL:
 * something kills it time after time. */
int repository_run(const char *project, const char *const *arguments, size_t size_max,
                   struct strbuf *ret_output, struct error *err);
/* The same for a command that reads this file as its standard input, and is not asked once more
 * where something killed it. */
int repository_feed(const char *project, const char *const *arguments, const char *input,
                    size_t size_max, struct strbuf *ret_output, struct error *err);
/* The same as repository_run() for a command that needs no repository, in a folder of whatever
 * repository, of which it learns nothing. Returns git's status when that tells what it found (see
 * `git merge-file`). */
int git_run_outside(const char *folder, const char *const *arguments, size_t size_max,
                    struct strbuf *ret_output, struct error *err);

#endif
