/* SPDX-License-Identifier: MIT */
#include "results/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

int inside_open(int folder, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));

    /* Before Linux 5.6, or where a container's filter does not know the call. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        fd = openat(folder, path, flags | O_NOFOLLOW | O_CLOEXEC);
    }
    return fd;
}
