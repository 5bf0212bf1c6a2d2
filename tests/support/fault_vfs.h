/* SPDX-License-Identifier: MIT */
/* An SQLite VFS over the default one that fails on demand. Registered once a program. */
#ifndef FERMATA_TESTS_FAULT_VFS_H
#define FERMATA_TESTS_FAULT_VFS_H

#include <stdatomic.h>

#define FAULT_VFS_NAME "fault"

/* SQLite result codes that the next calls give; 0: none. They stay until they are set again. */
struct fault_plan {
    _Atomic int write_code;
    _Atomic int sync_code;
    _Atomic int syncs; /* counts the calls */
};

struct fault_plan *fault_vfs_register(void);

#endif
