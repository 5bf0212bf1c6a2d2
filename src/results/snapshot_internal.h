/* SPDX-License-Identifier: MIT */
/* Private to results/: what the files about snapshots share. */
#ifndef FERMATA_RESULTS_SNAPSHOT_INTERNAL_H
#define FERMATA_RESULTS_SNAPSHOT_INTERNAL_H

#include "results/snapshot.h"

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

bool change_has_safe_path(const struct change *change);

int fd_write(int fd, const char *data, size_t length);

#endif
