/* SPDX-License-Identifier: MIT */
/* A disk that forgets: what SQLite did to the files of one folder is recorded, call by call; from
 * that come the disks that a power cut at any moment may leave behind.
 *
 * What was synced is there. Of the writes and truncations since, each may be there, be missing, or
 * (a write) be there in some of its sectors of 512 bytes only. Names come and go with their folder:
 * - DISK_NAMES_AT_ONCE: creating and removing is durable at once, as on ext4;
 * - DISK_NAMES_WHEN_SYNCED: only after a sync of the folder, which is all that POSIX promises. */
#ifndef FERMATA_TESTS_DISK_H
#define FERMATA_TESTS_DISK_H

#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_FILES_MAX 64 /* each creation of a name is a file of its own */
#define DISK_NAMES_MAX 4

enum disk_names { DISK_NAMES_AT_ONCE, DISK_NAMES_WHEN_SYNCED };

/* What becomes of the writes that were not synced. */
enum disk_loss {
    DISK_LOSES_ALL,
    DISK_LOSES_NONE,
    DISK_LOSES_SOME,
    DISK_LOSES_ALL_FROM_ONE_ON,
    DISK_TEARS_THE_LAST, /* the same, with the last one there in part */
    DISK_TEARS_SOME,
    DISK_LOSES_ALL_UP_TO_ONE, /* the later ones came first */
    DISK_LOSES_ONE,
    DISK_LOSSES,
};

struct disk; /* a recording */

/* Records from now on what happens through the VFS of fault_vfs.h. One at a time in a program. */
struct disk *disk_record(void);
void disk_stop(struct disk *disk); /* ends the recording; what was recorded stays */
void disk_free(struct disk *disk);
/* A moment of the recording: so much was acknowledged. */
void disk_mark(struct disk *disk, int64_t acknowledged);
size_t disk_length(const struct disk *disk);
/* How many names were removed, and how many of them durably before anything else was written. */
void disk_count_removals(const struct disk *disk, int *ret_all, int *ret_durable);

/* Goes through a recording; several may do so. */
struct disk_view;
struct disk_view *disk_view_new(const struct disk *disk, bool forgets_syncs,
                                bool forgets_folder_syncs);
void disk_view_free(struct disk_view *view);
/* Forward only: to the moment after this many recorded calls. */
void disk_view_advance(struct disk_view *view, size_t calls);
int64_t disk_view_acknowledged(const struct disk_view *view);
/* Writes what a cut leaves into an empty folder. `seed` decides where there is a choice. */
void disk_view_cut(const struct disk_view *view, enum disk_names names, enum disk_loss loss,
                   uint64_t seed, const char *folder);

#endif
