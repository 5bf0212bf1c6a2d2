/* SPDX-License-Identifier: MIT */
/* PROJECT/.fermata/restoring holds the digest of the list of changes that somebody makes the
 * project by, and is locked by it meanwhile; empty: nobody does. Not locked and not empty: one was
 * killed, and what it put beside a file, under a name of its own, may still be there. A clone needs
 * none: what is laid into it is laid again. */
#include "results/snapshot_internal.h"

#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define MARK_NAME "../restoring" /* from the snapshots */

static bool is_project(const struct snapshots *snapshots, const char *tree)
{
    char *root = path_join(tree, SNAPSHOTS_FOLDER);
    bool is_same = strcmp(root, snapshots->root) == 0;

    free(root);
    return is_same;
}

static int open_mark(const struct snapshots *snapshots, int flags, int how)
{
    int fd = openat(snapshots->fd, MARK_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
    int r = fd < 0 ? -1 : 0;

    while (r == 0 && flock(fd, how) < 0) {
        if (errno != EINTR) {
            (void)close(fd);
            return -1;
        }
    }
    return fd;
}

/* What a torn write left names nothing, and nothing was begun then. */
static bool read_mark(int fd, char ret_digest[DIGEST_HEX_SIZE])
{
    ssize_t length = pread(fd, ret_digest, DIGEST_HEX_LENGTH, 0);

    ret_digest[length > 0 ? length : 0] = '\0';
    return length == DIGEST_HEX_LENGTH;
}

static void sweep_left(struct snapshots *snapshots, const char *tree, const char *digest)
{
    struct changes changes = {0};
    int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && changes_get(snapshots, digest, &changes, NULL) == 0) {
        for (size_t i = 0; i < changes.count; i++) {
            restore_sweep_change(snapshots, fd, &changes.items[i]);
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    changes_release(&changes);
}

void restore_sweep(struct snapshots *snapshots, const char *tree)
{
    char digest[DIGEST_HEX_SIZE];
    int fd = is_project(snapshots, tree) ? open_mark(snapshots, 0, LOCK_EX | LOCK_NB) : -1;

    if (fd < 0) { /* nobody ever did, or somebody is at it */
        return;
    }
    if (read_mark(fd, digest)) {
        sweep_left(snapshots, tree, digest);
        (void)!ftruncate(fd, 0);
    }
    (void)close(fd);
}

int restore_begin(struct snapshots *snapshots, const char *tree, const struct changes *changes,
                  int *ret_fd, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    int fd;
    int r;

    if (!is_project(snapshots, tree)) {
        *ret_fd = -1;
        return 0;
    }
    r = changes_put(snapshots, changes, digest, err);
    if (r < 0) {
        return r;
    }
    fd = open_mark(snapshots, O_CREAT, LOCK_EX);
    if (fd < 0 || ftruncate(fd, 0) < 0 ||
        pwrite(fd, digest, DIGEST_HEX_LENGTH, 0) != DIGEST_HEX_LENGTH || fdatasync(fd) < 0) {
        r = error_set_errno(err, "cannot note that the files of %s change", tree);
        restore_end(fd, true);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

void restore_end(int fd, bool is_whole)
{
    if (fd >= 0) {
        if (is_whole) {
            (void)!ftruncate(fd, 0);
        }
        (void)close(fd);
    }
}

bool restore_find(const struct snapshots *snapshots, char ret_digest[DIGEST_HEX_SIZE])
{
    int fd = openat(snapshots->fd, MARK_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool is_there = fd >= 0 && read_mark(fd, ret_digest);

    if (fd >= 0) {
        (void)close(fd);
    }
    return is_there;
}
