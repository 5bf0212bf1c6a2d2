/* SPDX-License-Identifier: MIT */
/* An SQLite VFS over the default one that fails on demand and tells what is done to the files.
 * Registered once a program. */
#ifndef FERMATA_TESTS_FAULT_VFS_H
#define FERMATA_TESTS_FAULT_VFS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_VFS_NAME "fault"

/* Told after each call that went well, on the thread that made it; `name` is the whole path. */
struct fault_observer {
    void (*opened)(void *context, const char *name);
    void (*wrote)(void *context, const char *name, const void *bytes, size_t length,
                  int64_t offset);
    void (*truncated)(void *context, const char *name, int64_t size);
    void (*synced)(void *context, const char *name);
    void (*removed)(void *context, const char *name);
    void *context;
};

/* SQLite result codes that the next calls give; 0: none. They stay until they are set again. */
struct fault_plan {
    _Atomic int write_code;
    _Atomic int sync_code;
    _Atomic int syncs; /* counts the calls */
    /* These two are set while no file is in use. */
    const struct fault_observer *observer; /* NULL: none */
    bool skips_syncs;                      /* the disk of a test needs none */
};

struct fault_plan *fault_vfs_register(void);
void fault_vfs_make_default(void); /* for stores that name no VFS */

#endif
