/* SPDX-License-Identifier: MIT */
/* The one file layer: whole files with ceilings, atomic writes, folders. */
#ifndef FERMATA_BASE_FILE_H
#define FERMATA_BASE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum file_sync {
    FILE_NO_SYNC,      /* derivable content: a crash may lose it, never tear it */
    FILE_SYNC_CONTENT, /* all but the last of the next one: the name becomes durable later */
    FILE_SYNC,         /* temporary name + fsync + rename + fsync of the folder */
};

/* Reads a regular file (no pipe, no device); ERROR_LIMIT beyond size_max. The text is
 * NUL-terminated; free() it. */
int file_read(const char *path, size_t size_max, char **ret_data, size_t *ret_length,
              struct error *err);
/* The last bytes of a regular file, at most `size`; how many, 0 when there are none to be had. */
size_t file_read_end(const char *path, char *ret_data, size_t size);
/* Replaces the file by one rename, so that a reader sees the old or the new content. */
int file_write(const char *path, const void *data, size_t length, enum file_sync sync,
               struct error *err);
/* For a file of somebody else's: replaces it durably, with its permissions, as long as it holds
 * what was `expected`. ERROR_CONFLICT: it does not any more, and stays as it is. What processes
 * left beside it that were killed in here is removed. */
struct file_content {
    const char *data;
    size_t length;
};
int file_replace(const char *path, struct file_content expected, struct file_content wanted,
                 struct error *err);
/* Removes from the folder what processes left there that were killed in a file_write(). */
void file_sweep(const char *folder);
/* Appends with one write(2). */
int file_append(const char *path, const void *data, size_t length, struct error *err);

int file_make_folders(const char *path,
                      struct error *err); /* like mkdir -p, mode 0700 for new ones */
bool file_exists(const char *path);
bool file_is_folder(const char *path);
int file_remove_tree(const char *path, struct error *err); /* never follows links; absent is fine */
int file_sync_folder(const char *path, struct error *err);

/* "a/b" from "a" and "b"; the second absolute: only it. free() the result. */
char *path_join(const char *folder, const char *name);
/* "a" from "a/b", "." from "b", "/" from "/b". free() the result. */
char *path_folder(const char *path);
/* NULL or why this relative path may not be used inside a folder (absolute, "..", empty, control
 * bytes). */
const char *path_unsafe_reason(const char *relative);
/* Whether what the path names (or would name once it is made; relative: from the folder) lies in
 * that folder, wherever links lead. One with ".." is not taken to: behind a link it means something
 * else. */
bool path_is_inside(const char *folder, const char *path);

#endif
