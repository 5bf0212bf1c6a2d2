/* SPDX-License-Identifier: MIT */
#include "run/reserve.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RESERVE_NAME "reserve"
#define RESERVE_BYTES (256 * 1024) /* some dozen commits */
#define OPENING_BYTES (48 * 1024)  /* a SQLite -shm file, and some */
#define RESERVE_BYTES_MIN (64 * 1024)
#define PLENTY 4 /* times as much must be free, or it would only be in the way */

/* 0: so little is free that none is put by. */
static off_t choose_size(const char *folder)
{
    struct statvfs disk;
    unsigned long long bytes;

    if (statvfs(folder, &disk) < 0) {
        return 0;
    }
    bytes = (unsigned long long)disk.f_bavail * disk.f_frsize / PLENTY;
    if (bytes < RESERVE_BYTES_MIN) {
        return 0;
    }
    return bytes < RESERVE_BYTES ? (off_t)bytes : RESERVE_BYTES;
}

void reserve_make(const char *folder)
{
    char *path = path_join(folder, RESERVE_NAME);
    off_t size = file_exists(path) ? 0 : choose_size(folder);
    int fd = -1;

    if (size > 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    if (fd >= 0) {
        if (fallocate(fd, 0, 0, size) < 0) {
            (void)unlink(path);
        }
        (void)close(fd);
    }
    free(path);
}

bool run_make_room(const char *folder)
{
    char *path = path_join(folder, RESERVE_NAME);
    struct stat status;
    bool was_there = stat(path, &status) == 0 && status.st_size > OPENING_BYTES &&
                     truncate(path, status.st_size - OPENING_BYTES) == 0;

    free(path);
    return was_there || reserve_release(folder);
}

bool reserve_release(const char *folder)
{
    char *path = path_join(folder, RESERVE_NAME);
    bool was_there = unlink(path) == 0;

    free(path);
    return was_there;
}
