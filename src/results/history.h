/* SPDX-License-Identifier: MIT */
/* What a run made of the project as commits in the project's own git repository, which no branch
 * holds: refs/fermata/RUN is the last of them. HEAD, the index and the files of the work tree stay
 * as they are. The first has HEAD as its parent, each further one the one before it; in a commit is
 * what its parent has, with these changes. git-fast-import(1), git 2.39. Blocking. */
#ifndef FERMATA_RESULTS_HISTORY_H
#define FERMATA_RESULTS_HISTORY_H

#include "results/snapshot.h"

#include <stdint.h>

#define HISTORY_REFERENCES "refs/fermata/"
#define COMMIT_NAME_SIZE 65 /* SHA-1 or SHA-256 as text */

struct history_entry {
    const char *project; /* or a folder of the repository's work tree */
    const char *run;
    const char *attempt; /* a name; of those of the run it makes one commit, however often asked */
    const char *subject; /* the first line of its message */
    const char *scratch; /* a file that is there meanwhile */
    int64_t at_ms;
};
/* ERROR_NOT_FOUND: the project is in no repository; ERROR_IO: git refused it, and says why. */
int history_add(struct snapshots *snapshots, const struct changes *changes,
                const struct history_entry *entry, char ret_commit[COMMIT_NAME_SIZE],
                struct error *err);
/* {RUN: true} of those that have commits: none where there is no repository, or no git. The caller
 * owns it. */
int history_list(const char *project, json_t **ret_runs, struct error *err);
int history_forget(const char *project, const char *run, struct error *err);

#endif
