/* SPDX-License-Identifier: MIT */
/* A small file system over a folder, full to the last byte, in a view of the mounts that only this
 * program has. */
#ifndef FERMATA_TESTS_FULL_DISK_H
#define FERMATA_TESTS_FULL_DISK_H

/* First of all, before there are threads: each has its own view of what is mounted. */
void full_disk_init(void);
/* The file that takes all the space: remove it to make some, then free() the name. NULL where
 * mounting is not allowed. */
char *full_disk_mount(const char *parent, const char *name);
void full_disk_unmount(const char *parent, const char *name); /* also when nothing is there */

#endif
