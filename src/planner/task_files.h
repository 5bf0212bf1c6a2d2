/* SPDX-License-Identifier: MIT */
/* Which files of a project a task speaks of. Pure.
 *
 * Best first: those that it writes out, with their path or their name; those whose name is made of
 * its words alone, as "acl.c" and "cluster_failover.c" are in "a failover of the cluster ignores
 * the ACL"; those that share a word with it, unless so many do that it tells nothing. Tests and
 * documents are not what a task is to change, and are left out. */
#ifndef FERMATA_PLANNER_TASK_FILES_H
#define FERMATA_PLANNER_TASK_FILES_H

#include "planner/repository.h"
#include "planner/words.h"

/* `words` are those of `task`. The files of the repository, most of them `max`, in `ret_files`;
 * returns how many. */
size_t task_files_find(const char *task, const struct words *words,
                       const struct repository *repository,
                       const struct repository_file **ret_files, size_t max);

#endif
