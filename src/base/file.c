/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include "base/alloc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_DEPTH_MAX 256
#define PATH_BYTES_MAX 4096
#define TEMPORARY_NAMES_MAX 1000

int file_read(const char *path, size_t size_max, char **ret_data, size_t *ret_length,
              struct error *err)
{
    struct stat status;
    char *data = NULL;
    size_t capacity;
    size_t length = 0;
    int fd;
    int r = 0;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_set_errno(err, "cannot open %s", path);
    }
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        r = error_set(err, ERROR_INVALID, "%s is %s, a regular file was expected", path,
                      S_ISDIR(status.st_mode) ? "a folder" : "not a file");
        goto out;
    }
    if (status.st_size > 0 && (size_t)status.st_size > size_max) {
        r = error_set(err, ERROR_LIMIT, "%s has %lld bytes; at most %zu are read", path,
                      (long long)status.st_size, size_max);
        goto out;
    }
    capacity = (size_t)(status.st_size > 0 ? status.st_size : 4096) + 1;
    data = mem_alloc(capacity + 1);
    for (;;) {
        ssize_t got = read(fd, data + length, capacity - length);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            r = error_set_errno(err, "cannot read %s", path);
            goto out;
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
        if (length > size_max) {
            r = error_set(err, ERROR_LIMIT, "%s is larger than %zu bytes", path, size_max);
            goto out;
        }
        if (length == capacity) {
            capacity *= 2;
            data = mem_resize(data, capacity + 1, 1);
        }
    }
    data[length] = '\0';
    *ret_data = data;
    if (ret_length) {
        *ret_length = length;
    }
    data = NULL;
out:
    free(data);
    (void)close(fd);
    return r;
}

size_t file_read_end(const char *path, char *ret_data, size_t size)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = 0;

    if (fd < 0) {
        return 0;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        off_t from = status.st_size > (off_t)size ? status.st_size - (off_t)size : 0;

        got = pread(fd, ret_data, size, from);
    }
    (void)close(fd);
    return got > 0 ? (size_t)got : 0;
}

static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return -1;
        }
        data += written;
        length -= (size_t)written;
    }
    return 0;
}

char *path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return mem_strdup(".");
    }
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

int file_sync_folder(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = 0;

    if (fd < 0) {
        return error_set_errno(err, "cannot open folder %s", path);
    }
    if (fsync(fd) < 0) {
        r = error_set_errno(err, "cannot sync folder %s", path);
    }
    (void)close(fd);
    return r;
}

static _Atomic unsigned temporaries; /* so many names were given */

/* A crash may leave a temporary file behind, and in a container the next process can have the same
 * number; so a name that is taken is passed over. */
static int create_temporary(const char *path, char **ret_name)
{
    char *name = NULL;
    int fd = -1;

    for (int tries = 0; tries < TEMPORARY_NAMES_MAX; tries++) {
        free(name);
        name = mem_printf("%s.%ld.%u.tmp", path, (long)getpid(),
                          atomic_fetch_add(&temporaries, 1U));
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    *ret_name = name;
    return fd;
}

int file_write(const char *path, const void *data, size_t length, enum file_sync sync,
               struct error *err)
{
    char *folder = path_folder(path);
    char *temporary = NULL;
    int fd;
    int r = 0;

    fd = create_temporary(path, &temporary);
    if (fd < 0) {
        r = error_set_errno(err, "cannot create %s", temporary);
        goto out;
    }
    if (write_all(fd, data, length) < 0 || (sync != FILE_NO_SYNC && fsync(fd) < 0)) {
        r = error_set_errno(err, "cannot write %s", temporary);
        (void)close(fd);
        (void)unlink(temporary);
        goto out;
    }
    if (close(fd) < 0 || rename(temporary, path) < 0) {
        r = error_set_errno(err, "cannot replace %s", path);
        (void)unlink(temporary);
        goto out;
    }
    if (sync == FILE_SYNC) {
        r = file_sync_folder(folder, err);
    }
out:
    free(temporary);
    free(folder);
    return r;
}

/* The digits before `end`, and the dot before them. */
static bool read_number(const char *name, size_t *end, long *ret_number)
{
    size_t first = *end;

    while (first > 0 && isdigit((unsigned char)name[first - 1])) {
        first--;
    }
    if (first == *end || first < 2 || name[first - 1] != '.') {
        return false;
    }
    *ret_number = strtol(name + first, NULL, 10);
    *end = first - 1;
    return true;
}

/* Whether nobody writes it any more. A name with our own number is of a process before us when we
 * have not come so far. */
static bool is_left_over(const char *name)
{
    size_t end = strlen(name);
    long pid;
    long number;

    if (end < strlen(".tmp") || strcmp(name + end - strlen(".tmp"), ".tmp") != 0) {
        return false;
    }
    end -= strlen(".tmp");
    if (!read_number(name, &end, &number) || !read_number(name, &end, &pid)) {
        return false;
    }
    return pid == (long)getpid() ? number >= (long)atomic_load(&temporaries)
                                 : kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* Of names that begin so. */
static void sweep(const char *folder, const char *beginning)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (strncmp(entry->d_name, beginning, strlen(beginning)) == 0 &&
            is_left_over(entry->d_name)) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

void file_sweep(const char *folder)
{
    sweep(folder, "");
}

static int check_expected(const char *path, struct file_content expected, struct error *err)
{
    char *now = NULL;
    size_t length = 0;
    int r = file_read(path, expected.length, &now, &length, err);

    if (r == ERROR_LIMIT ||
        (r == 0 && (length != expected.length || memcmp(now, expected.data, length) != 0))) {
        r = error_set(err, ERROR_CONFLICT, "%s was changed meanwhile", path);
    }
    free(now);
    return r;
}

static void sweep_beside(const char *path, const char *folder)
{
    const char *slash = strrchr(path, '/');
    char *beginning = mem_printf("%s.", slash ? slash + 1 : path);

    sweep(folder, beginning);
    free(beginning);
}

/* The last look is as late as can be: between it and the rename nothing is waited for. */
int file_replace(const char *path, struct file_content expected, struct file_content wanted,
                 struct error *err)
{
    char *folder = path_folder(path);
    char *temporary = NULL;
    struct stat status;
    int fd = -1;
    int r = 0;

    sweep_beside(path, folder); /* one that was killed right here left its file */
    if (stat(path, &status) < 0 || (fd = create_temporary(path, &temporary)) < 0) {
        r = error_set_errno(err, "cannot replace %s", path);
    } else if (write_all(fd, wanted.data, wanted.length) < 0 ||
               fchmod(fd, status.st_mode & 07777) < 0 || fsync(fd) < 0) {
        r = error_set_errno(err, "cannot write %s", temporary);
    }
    if (r == 0) {
        r = check_expected(path, expected, err);
    }
    if (r == 0 && rename(temporary, path) < 0) {
        r = error_set_errno(err, "cannot replace %s", path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (r == 0) {
        r = file_sync_folder(folder, err);
    } else if (fd >= 0) {
        (void)unlink(temporary);
    }
    free(temporary);
    free(folder);
    return r;
}

int file_append(const char *path, const void *data, size_t length, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int r = 0;

    if (fd < 0) {
        return error_set_errno(err, "cannot open %s", path);
    }
    if (write_all(fd, data, length) < 0) {
        r = error_set_errno(err, "cannot append to %s", path);
    }
    (void)close(fd);
    return r;
}

int file_make_folders(const char *path, struct error *err)
{
    char *partial;
    int r = 0;

    if (!*path) {
        return error_set(err, ERROR_INVALID, "a folder's name is empty");
    }
    /* Mostly it is there, or only the last part lacks. */
    if (file_is_folder(path) || mkdir(path, 0700) == 0) {
        return 0;
    }
    partial = mem_strdup(path);
    for (char *slash = partial + 1; *slash; slash++) {
        if (*slash != '/') {
            continue;
        }
        *slash = '\0';
        if (mkdir(partial, 0700) < 0 && errno != EEXIST) {
            r = error_set_errno(err, "cannot create folder %s", partial);
            goto out;
        }
        *slash = '/';
    }
    if (mkdir(partial, 0700) < 0 && (errno != EEXIST || !file_is_folder(path))) {
        r = error_set_errno(err, "cannot create folder %s", path);
    }
out:
    free(partial);
    return r;
}

bool file_exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int remove_entries(int folder_fd, int depth, struct error *err);

static int remove_entry(int folder_fd, const char *name, int depth, struct error *err)
{
    int child;
    int r;

    if (unlinkat(folder_fd, name, 0) == 0) {
        return 0;
    }
    if (errno != EISDIR) {
        return error_set_errno(err, "cannot remove %s", name);
    }
    if (depth >= TREE_DEPTH_MAX) {
        return error_set(err, ERROR_LIMIT, "cannot remove %s: nested deeper than %d folders", name,
                         TREE_DEPTH_MAX);
    }
    child = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (child < 0) {
        return error_set_errno(err, "cannot open folder %s", name);
    }
    r = remove_entries(child, depth + 1, err);
    if (r == 0 && unlinkat(folder_fd, name, AT_REMOVEDIR) < 0) {
        r = error_set_errno(err, "cannot remove %s", name);
    }
    return r;
}

/* Takes folder_fd over. */
static int remove_entries(int folder_fd, int depth, struct error *err)
{
    DIR *folder = fdopendir(folder_fd);
    struct dirent *entry;
    int r = 0;

    if (!folder) {
        r = error_set_errno(err, "cannot list a folder");
        (void)close(folder_fd);
        return r;
    }
    /* Caches of some tools are read-only folders; nothing can be removed from these. */
    (void)fchmod(folder_fd, 0700);
    while (r == 0 && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            r = remove_entry(folder_fd, entry->d_name, depth, err);
        }
    }
    (void)closedir(folder);
    return r;
}

int file_remove_tree(const char *path, struct error *err)
{
    int fd;
    int r;

    if (unlink(path) == 0 || errno == ENOENT) {
        return 0;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, "cannot remove %s", path);
    }
    r = remove_entries(fd, 0, err);
    if (r == 0 && rmdir(path) < 0) {
        r = error_set_errno(err, "cannot remove %s", path);
    }
    return r;
}

char *path_join(const char *folder, const char *name)
{
    size_t length = strlen(folder);

    if (name[0] == '/' || length == 0) {
        return mem_strdup(name);
    }
    return mem_printf("%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name);
}

const char *path_unsafe_reason(const char *relative)
{
    const char *part = relative;

    if (!*relative) {
        return "it is empty";
    }
    if (*relative == '/') {
        return "it is absolute";
    }
    if (strnlen(relative, PATH_BYTES_MAX + 1) > PATH_BYTES_MAX) {
        return "it is longer than 4096 bytes";
    }
    while (part) {
        const char *slash = strchr(part, '/');
        size_t length = slash ? (size_t)(slash - part) : strlen(part);

        if (length == 2 && part[0] == '.' && part[1] == '.') {
            return "it leaves its folder (..)";
        }
        for (size_t i = 0; i < length; i++) {
            if ((unsigned char)part[i] < 0x20 || part[i] == 0x7f) {
                return "it has control characters";
            }
        }
        part = slash ? slash + 1 : NULL;
    }
    return NULL;
}

/* What is there of the path as it really is, and the rest as it stands. NULL: it cannot be known,
 * as with a link to nowhere, through which a file can still be made. */
static char *resolve(const char *path)
{
    char *start = mem_strdup(path);
    char *found = realpath(start, NULL);
    char *whole = NULL;
    struct stat status;

    while (!found && strlen(start) > 1 && lstat(start, &status) < 0) {
        char *folder = path_folder(start);

        free(start);
        start = folder;
        found = realpath(start, NULL);
    }
    if (found) {
        whole = mem_printf("%s%s", strcmp(found, "/") == 0 ? "" : found,
                           path + (strcmp(start, "/") == 0 ? 0 : strlen(start)));
    }
    free(found);
    free(start);
    return whole;
}

static bool goes_up(const char *path)
{
    size_t length = strlen(path);

    return strstr(path, "/../") || (length > 2 && strcmp(path + length - 3, "/..") == 0);
}

bool path_is_inside(const char *folder, const char *path)
{
    char *joined = path_join(folder, path);
    char *root = realpath(folder, NULL);
    char *real = goes_up(joined) ? NULL : resolve(joined);
    size_t length = root ? strlen(root) : 0;
    bool is_in = root && real && strncmp(real, root, length) == 0 &&
                 (real[length] == '/' || real[length] == '\0');

    free(real);
    free(root);
    free(joined);
    return is_in;
}
