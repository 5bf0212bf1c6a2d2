/* SPDX-License-Identifier: MIT */
/* Private to results/: what the files about snapshots share. */
#ifndef FERMATA_RESULTS_SNAPSHOT_INTERNAL_H
#define FERMATA_RESULTS_SNAPSHOT_INTERNAL_H

#include "results/snapshot.h"

#include <sys/types.h>

#define SNAPSHOTS_FOLDER ".fermata/snapshots"
#define NAME_SIZE (DIGEST_HEX_LENGTH + 2) /* "ab/cdef..." */

struct snapshots {
    char *root;
    int fd;
    int64_t new_bytes;
    VEC(char *) fresh; /* names of what is not durable yet */
};

/* An entry is "100644 DIGEST ...". */
#define ENTRY_MODE_LENGTH 7
#define ENTRY_LEFT_OUT "left out"
#define ENTRY_LARGE ENTRY_LEFT_OUT ": " /* and its mode and digest */
#define ENTRY_OTHER "other "

bool change_has_safe_path(const struct change *change);

/* A repository inside the tree is its own affair. */
bool change_is_ours(const struct change *change);
const char *file_kind_text(mode_t mode); /* "a named pipe", for a person */

/* What is being made of the project is written down, so that the next one finds what a killed one
 * left beside the files. ret_fd: for restore_end(); -1: the tree is no project. */
int restore_begin(struct snapshots *snapshots, const char *tree, const struct changes *changes,
                  int *ret_fd, struct error *err);
void restore_end(int fd, bool is_whole);
/* Takes away what a killed one left. */
void restore_sweep(struct snapshots *snapshots, const char *tree);
/* false: nothing is being made, and nothing was left. */
bool restore_find(const struct snapshots *snapshots, char ret_digest[DIGEST_HEX_SIZE]);
/* What stands beside one file. */
void restore_sweep_change(struct snapshots *snapshots, int tree, const struct change *change);

int fd_write(int fd, const char *data, size_t length);

#endif
