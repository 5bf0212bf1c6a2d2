/* SPDX-License-Identifier: MIT */
#include "support/full_disk.h"

#include "base/file.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

static bool has_own_mounts;

void full_disk_init(void)
{
    has_own_mounts = unshare(CLONE_NEWNS) == 0 &&
                     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

char *full_disk_mount(const char *parent, const char *name)
{
    char *path = path_join(parent, name);
    char *filler = path_join(path, "filler");
    char page[4096] = {0};
    int fd;

    if (!has_own_mounts || file_make_folders(path, NULL) < 0 ||
        mount("tmpfs", path, "tmpfs", 0, "size=64k") < 0) {
        free(filler);
        free(path);
        return NULL;
    }
    fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, page, sizeof(page)) > 0) {
    }
    (void)close(fd);
    free(path);
    return filler;
}

void full_disk_unmount(const char *parent, const char *name)
{
    char *path = path_join(parent, name);

    (void)umount2(path, MNT_DETACH);
    free(path);
}
