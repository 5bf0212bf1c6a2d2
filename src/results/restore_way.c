/* SPDX-License-Identifier: MIT */
/* Whether a tree lets itself be made what it is to be: looked at before any of it is changed. */
#include "results/snapshot_internal.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 256

struct way {
    struct map *removed; /* paths of which nothing is to stay */
    struct error *err;
};

static int refuse(const struct way *way, const char *path, mode_t mode, const char *wanted)
{
    int r = error_set(way->err, ERROR_CONFLICT, "nothing was done, for %s is %s, where %s is to be",
                      path, file_kind_text(mode), wanted);

    error_hint(way->err, "move it away, then try again");
    return r;
}

/* A folder where a file is to be has to become empty. */
static int check_emptied(const struct way *way, int parent, const char *name, const char *path,
                         int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int r = folder && depth < DEPTH_MAX ? 0 : refuse(way, path, S_IFDIR, "a file");

    while (r == 0 && (entry = readdir(folder)) != NULL) {
        char *below = path_join(path, entry->d_name);
        struct stat status;

        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            if (S_ISDIR(status.st_mode)) {
                r = check_emptied(way, fd, entry->d_name, below, depth + 1);
            } else if (!map_find(way->removed, below)) {
                r = refuse(way, below, status.st_mode, "nothing");
            }
        }
        free(below);
    }
    if (folder) {
        (void)closedir(folder);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    return r;
}

/* One part of a path. 1: the way goes on in the folder *fd; 0: nothing is there, or it goes. */
static int check_part(const struct way *way, int *fd, const char *path, const char *name,
                      bool is_last)
{
    struct stat status;
    int next;

    if (fstatat(*fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        (is_last && !S_ISDIR(status.st_mode)) || map_find(way->removed, path)) {
        return faccessat(*fd, ".", W_OK | X_OK, AT_EACCESS) < 0
                   ? error_set_errno(way->err, "nothing was done, for %s cannot be written", path)
                   : 0;
    }
    if (!S_ISDIR(status.st_mode)) {
        return refuse(way, path, status.st_mode, "a folder");
    }
    if (is_last) {
        return check_emptied(way, *fd, name, path, 0);
    }
    next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) {
        return error_set_errno(way->err, "nothing was done, for the folder %s cannot be opened",
                               path);
    }
    (void)close(*fd);
    *fd = next;
    return 1;
}

static int check_path(const struct way *way, int tree, const char *wanted)
{
    char *path = mem_strdup(wanted);
    char *name = path;
    int fd = fcntl(tree, F_DUPFD_CLOEXEC, 0);
    int r = fd < 0 ? error_set_errno(way->err, "cannot look at %s", wanted) : 1;

    while (r == 1) {
        char *slash = strchr(name, '/');

        if (slash) {
            *slash = '\0';
        }
        r = check_part(way, &fd, path, name, !slash);
        if (slash) {
            *slash = '/';
            name = slash + 1;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(path);
    return r;
}

int changes_check_way(const char *tree, const struct changes *changes, struct error *err)
{
    struct way way = {.removed = map_new(), .err = err};
    int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? error_set_errno(err, "cannot open the folder %s", tree) : 0;

    for (size_t i = 0; i < changes->count; i++) {
        if (!changes->items[i].to && change_is_ours(&changes->items[i])) {
            (void)map_put(way.removed, changes->items[i].path, &way);
        }
    }
    for (size_t i = 0; r == 0 && i < changes->count; i++) {
        if (changes->items[i].to && change_is_ours(&changes->items[i])) {
            r = check_path(&way, fd, changes->items[i].path);
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    map_free(way.removed);
    return r;
}
