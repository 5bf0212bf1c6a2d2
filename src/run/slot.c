/* SPDX-License-Identifier: MIT */
#include "run/slot.h"

#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* 0: taken; ERROR_BUSY: it is another's. */
static int slot_try(const char *path, int *ret_fd, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        return error_set_errno(err, "cannot open %s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = fd;
        return 0;
    }
    if (errno == EWOULDBLOCK || errno == EINTR) {
        (void)close(fd);
        return ERROR_BUSY;
    }
    (void)error_set_errno(err, "cannot lock %s", path);
    (void)close(fd);
    return ERROR_IO;
}

int slot_take(const char *folder, const char *agent, int count, int *ret_fd, struct error *err)
{
    char *slots = path_join(folder, "slots");
    int r = file_make_folders(slots, err);
    bool is_over = r < 0;

    for (int i = 0; !is_over && i < count; i++) {
        char *path = mem_printf("%s/%s.%d", slots, agent, i);

        r = slot_try(path, ret_fd, err);
        is_over = r != ERROR_BUSY;
        free(path);
    }
    free(slots);
    if (!is_over) {
        return error_set(err, ERROR_BUSY, "agent %s answers %d calls already (concurrency)", agent,
                         count);
    }
    return r;
}
