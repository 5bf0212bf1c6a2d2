/* SPDX-License-Identifier: MIT */
/* A folder with files and its snapshots, for tests of what becomes of them. */
#ifndef FERMATA_TESTS_SNAPSHOT_PROJECT_H
#define FERMATA_TESTS_SNAPSHOT_PROJECT_H

#include "results/snapshot.h"

struct snapshot_project {
    char *folder;
    struct snapshots *snapshots;
};

/* For cmocka: *state is the project; a.txt, dir/b.sh (755) and the link c lie in it. */
int snapshot_project_set_up(void **state);
int snapshot_project_tear_down(void **state);
void snapshot_project_write(const struct snapshot_project *project, const char *path,
                            const char *text);
void snapshot_project_remove(const struct snapshot_project *project, const char *path);
/* free() it; NULL: there is no such file. */
char *snapshot_project_read(const struct snapshot_project *project, const char *path);
void snapshot_project_take(const struct snapshot_project *project, char digest[DIGEST_HEX_SIZE]);
/* From the one to the other. */
struct changes snapshot_project_compare(const struct snapshot_project *project, const char *from,
                                        const char *to);
/* "+path ~path -path", for all of them. free() it. */
char *snapshot_project_describe(const struct changes *changes);

#endif
