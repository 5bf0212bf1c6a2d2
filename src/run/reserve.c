/* SPDX-License-Identifier: MIT */
#include "run/reserve.h"

#include "base/alloc.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RESERVE_NAME "reserve"
#define RESERVE_BYTES (256 * 1024) /* some dozen commits */
#define PLENTY 4                   /* times as much must be free, or it would only be in the way */

static bool has_plenty(const char *folder)
{
    struct statvfs disk;

    return statvfs(folder, &disk) == 0 &&
           (unsigned long long)disk.f_bavail * disk.f_frsize >= PLENTY * RESERVE_BYTES;
}

void reserve_make(const char *folder)
{
    char *path = path_join(folder, RESERVE_NAME);
    int fd = -1;

    if (!file_exists(path) && has_plenty(folder)) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    if (fd >= 0) {
        if (fallocate(fd, 0, 0, RESERVE_BYTES) < 0) {
            (void)unlink(path);
        }
        (void)close(fd);
    }
    free(path);
}

bool reserve_release(const char *folder)
{
    char *path = path_join(folder, RESERVE_NAME);
    bool was_there = unlink(path) == 0;

    free(path);
    return was_there;
}
