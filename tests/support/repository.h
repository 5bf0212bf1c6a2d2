/* SPDX-License-Identifier: MIT */
/* Real git repositories for tests. */
#ifndef FERMATA_TESTS_REPOSITORY_H
#define FERMATA_TESTS_REPOSITORY_H

/* Runs `git -C FOLDER ...` (NULL-terminated) with no configuration of the user; aborts when it
 * fails. */
void repository_git(const char *folder, const char *const *arguments);
#define GIT(folder, ...) repository_git(folder, (const char *const[]){__VA_ARGS__, NULL})

#endif
