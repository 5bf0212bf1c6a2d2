/* SPDX-License-Identifier: MIT */
/* One file a content, named by its digest: ROOT/ab/cdef... Written under a temporary name in ROOT,
 * synced, renamed into its shard, then the folders are synced, from the inside to the outside.
 *
 * A blob that is known to be durable has mode 0400. One that was renamed but whose folder was not
 * yet synced (its writer is at it, or was killed) still has 0600: whoever puts the same content
 * then syncs the folders himself instead of trusting it.
 *
 * flock on ROOT, shared to put, exclusive to remove, keeps blob_collect from removing a blob
 * between "it is there already" and the new time stamp that protects it. */
#include "results/results.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARD_LENGTH 2
#define READ_BYTES 65536
#define TEMPORARY_PREFIX "tmp-"

struct blob_file {
    char *folder; /* the shard */
    char *path;
    bool is_first; /* ROOT itself was made for it */
};

static bool is_digest(const char *text)
{
    return strlen(text) == DIGEST_HEX_LENGTH &&
           strspn(text, "0123456789abcdef") == DIGEST_HEX_LENGTH;
}

static struct blob_file blob_file_of(const char *root, const char *digest)
{
    struct blob_file file = {0};

    assert(is_digest(digest));
    file.folder = mem_printf("%s/%.*s", root, SHARD_LENGTH, digest);
    file.path = mem_printf("%s/%s", file.folder, digest + SHARD_LENGTH);
    return file;
}

static void blob_file_release(struct blob_file *file)
{
    free(file->folder);
    free(file->path);
}

char *blob_path(const char *root, const char *digest)
{
    return mem_printf("%s/%.*s/%s", root, SHARD_LENGTH, digest,
                      strlen(digest) > SHARD_LENGTH ? digest + SHARD_LENGTH : "");
}

/* --- putting */

/* The folder is made with the first blob; not at all when ret_is_new is NULL. */
static int root_open(const char *root, int *ret_fd, bool *ret_is_new, struct error *err)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && ret_is_new) {
        int r = file_make_folders(root, err);

        *ret_is_new = true;
        if (r < 0) {
            return r;
        }
        fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0) {
        return error_set_errno(err, "cannot open the blobs folder %s", root);
    }
    *ret_fd = fd;
    return 0;
}

static int root_lock(const char *root, int *ret_fd, bool *ret_is_new, struct error *err)
{
    int fd = -1;
    int r = root_open(root, &fd, ret_is_new, err);

    if (r < 0) {
        return r;
    }
    do {
        r = flock(fd, LOCK_SH);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        r = error_set_errno(err, "cannot lock the blobs folder %s", root);
        (void)close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/* All folders: the shard may have been made by a writer that was killed before its own syncs. */
static int make_durable(const char *root, const struct blob_file *file, struct error *err)
{
    int r = file_sync_folder(file->folder, err);

    if (r == 0) {
        r = file_sync_folder(root, err);
    }
    if (r == 0 && file->is_first) {
        char *parent = path_join(root, "..");

        r = file_sync_folder(parent, err);
        free(parent);
    }
    if (r == 0 && chmod(file->path, 0400) < 0) {
        r = error_set_errno(err, "cannot protect %s", file->path);
    }
    return r;
}

/* True when the content is there and durable; its time stamp is now. */
static int find_present(const char *root, const struct blob_file *file, bool *ret_present,
                        struct error *err)
{
    struct stat status;

    *ret_present = false;
    if (lstat(file->path, &status) < 0) {
        return errno == ENOENT ? 0 : error_set_errno(err, "cannot look at %s", file->path);
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(err, ERROR_IO, "%s is not a regular file", file->path);
    }
    if (utimensat(AT_FDCWD, file->path, NULL, 0) < 0) {
        return error_set_errno(err, "cannot touch %s", file->path);
    }
    *ret_present = true;
    return (status.st_mode & S_IWUSR) ? make_durable(root, file, err) : 0;
}

static int temporary_create(const char *root, char **ret_path, struct error *err)
{
    static _Atomic unsigned sequence;
    int fd;

    do {
        char *path = mem_printf("%s/" TEMPORARY_PREFIX "%ld-%u", root, (long)getpid(),
                                atomic_fetch_add(&sequence, 1U));

        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) {
            *ret_path = path;
            return fd;
        }
        if (errno != EEXIST) {
            fd = error_set_errno(err, "cannot create %s", path);
            free(path);
            return fd;
        }
        free(path); /* left by a killed process that had our number */
    } while (true);
}

static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);

        if (written < 0 && errno != EINTR) {
            return -1;
        }
        data += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int put_error(struct error *err, const char *path)
{
    return error_set_errno(err, "cannot write %s", path);
}

/* The temporary file becomes the blob. */
static int publish(const char *root, const char *temporary, const struct blob_file *file,
                   struct error *err)
{
    if (rename(temporary, file->path) == 0) {
        return make_durable(root, file, err);
    }
    if (errno != ENOENT) {
        return put_error(err, file->path);
    }
    if (mkdir(file->folder, 0700) < 0 && errno != EEXIST) {
        return put_error(err, file->folder);
    }
    if (rename(temporary, file->path) < 0) {
        return put_error(err, file->path);
    }
    return make_durable(root, file, err);
}

static int write_blob(const char *root, const void *data, size_t length,
                      const struct blob_file *file, struct error *err)
{
    char *temporary = NULL;
    int fd = temporary_create(root, &temporary, err);
    int r = 0;

    if (fd < 0) {
        return fd;
    }
    if (write_all(fd, data, length) < 0 || fsync(fd) < 0) {
        r = put_error(err, temporary);
    }
    (void)close(fd);
    if (r == 0) {
        r = publish(root, temporary, file, err);
    }
    if (r < 0) {
        (void)unlink(temporary);
    }
    free(temporary);
    return r;
}

int blob_put(const char *root, const void *data, size_t length, char ret_digest[DIGEST_HEX_SIZE],
             struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    struct blob_file file;
    bool is_present = false;
    bool is_first = false;
    int lock = -1;
    int r = root_lock(root, &lock, &is_first, err);

    if (r < 0) {
        return r;
    }
    digest_bytes(data, length, digest);
    file = blob_file_of(root, digest);
    file.is_first = is_first;
    r = find_present(root, &file, &is_present, err);
    if (r == 0 && !is_present) {
        r = write_blob(root, data, length, &file, err);
    }
    if (r == 0) {
        memcpy(ret_digest, digest, sizeof(digest));
    }
    blob_file_release(&file);
    (void)close(lock);
    return r;
}

bool blob_keep(const char *root, const char *digest)
{
    struct blob_file file;
    bool is_present = false;
    int lock = -1;

    if (!is_digest(digest) || root_lock(root, &lock, NULL, NULL) < 0) {
        return false;
    }
    file = blob_file_of(root, digest);
    if (find_present(root, &file, &is_present, NULL) < 0) {
        is_present = false;
    }
    blob_file_release(&file);
    (void)close(lock);
    return is_present;
}

static int refuse_large(struct error *err, const char *path, int64_t size_max)
{
    return error_set(err, ERROR_LIMIT, "%s is larger than %lld bytes", path, (long long)size_max);
}

static int open_source(const char *path, int64_t size_max, int *ret_fd, struct error *err)
{
    struct stat status;
    int r = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 && errno == ELOOP) {
        return error_set(err, ERROR_INVALID, "%s is a link, a regular file was expected", path);
    }
    if (fd < 0) {
        return error_set_errno(err, "cannot open %s", path);
    }
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        r = error_set(err, ERROR_INVALID, "%s is not a regular file", path);
    } else if (status.st_size > size_max) {
        r = refuse_large(err, path, size_max);
    }
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

struct copy {
    int source, target;
    bool is_first;                /* ROOT was made for it */
    const char *path, *temporary; /* of the two, for messages */
    int64_t size_max;
};

/* Copies and names the content in one pass; the source may be changing meanwhile. */
static int copy_content(const struct copy *copy, char ret_digest[DIGEST_HEX_SIZE],
                        int64_t *ret_size, struct error *err)
{
    char *block = mem_alloc(READ_BYTES);
    struct digest *digest = digest_new();
    int64_t size = 0;
    int r = 0;

    while (r == 0) {
        ssize_t length = read(copy->source, block, READ_BYTES);

        if (length == 0) {
            break;
        }
        if (length < 0) {
            r = errno == EINTR ? 0 : error_set_errno(err, "cannot read %s", copy->path);
            continue;
        }
        size += length;
        if (size > copy->size_max) {
            r = refuse_large(err, copy->path, copy->size_max);
        } else if (write_all(copy->target, block, (size_t)length) < 0) {
            r = put_error(err, copy->temporary);
        }
        digest_add(digest, block, (size_t)length);
    }
    if (r == 0 && fsync(copy->target) < 0) {
        r = put_error(err, copy->temporary);
    }
    digest_finish(digest, ret_digest);
    *ret_size = size;
    free(block);
    return r;
}

/* The shared lock is held and the source open. */
static int put_copy(const char *root, struct copy *copy, char ret_digest[DIGEST_HEX_SIZE],
                    int64_t *ret_size, struct error *err)
{
    char *temporary = NULL;
    struct blob_file file;
    bool is_present = false;
    int r;

    copy->target = temporary_create(root, &temporary, err);
    if (copy->target < 0) {
        return copy->target;
    }
    copy->temporary = temporary;
    r = copy_content(copy, ret_digest, ret_size, err);
    (void)close(copy->target);
    if (r == 0) {
        file = blob_file_of(root, ret_digest);
        file.is_first = copy->is_first;
        r = find_present(root, &file, &is_present, err);
        if (r == 0 && !is_present) {
            r = publish(root, temporary, &file, err);
        }
        blob_file_release(&file);
    }
    if (r < 0 || is_present) {
        (void)unlink(temporary);
    }
    free(temporary);
    return r;
}

int blob_put_file(const char *root, const char *path, int64_t size_max,
                  char ret_digest[DIGEST_HEX_SIZE], int64_t *ret_size, struct error *err)
{
    struct copy copy = {.path = path, .size_max = size_max};
    char digest[DIGEST_HEX_SIZE];
    int64_t size = 0;
    int lock = -1;
    int r = open_source(path, size_max, &copy.source, err);

    if (r < 0) {
        return r;
    }
    r = root_lock(root, &lock, &copy.is_first, err);
    if (r == 0) {
        r = put_copy(root, &copy, digest, &size, err);
        (void)close(lock);
    }
    (void)close(copy.source);
    if (r < 0) {
        return r;
    }
    memcpy(ret_digest, digest, sizeof(digest));
    if (ret_size) {
        *ret_size = size;
    }
    return 0;
}

/* --- getting */

int blob_get(const char *root, const char *digest, size_t size_max, char **ret_data,
             size_t *ret_length, struct error *err)
{
    char present[DIGEST_HEX_SIZE];
    char *data = NULL;
    size_t length = 0;
    char *path;
    int r;

    if (!is_digest(digest)) {
        return error_set(err, ERROR_INVALID, "\"%.80s\" is not a digest (64 hex digits)", digest);
    }
    path = blob_path(root, digest);
    r = file_read(path, size_max, &data, &length, err);
    if (r == ERROR_NOT_FOUND) {
        r = error_set(err, ERROR_NOT_FOUND, "the content %s is not in %s", digest, root);
    }
    if (r < 0) {
        goto out;
    }
    digest_bytes(data, length, present);
    if (strcmp(present, digest) != 0) {
        r = error_set(err, ERROR_IO, "%s was changed: its content has the digest %s", path,
                      present);
        goto out;
    }
    *ret_data = data;
    data = NULL;
    if (ret_length) {
        *ret_length = length;
    }
out:
    free(data);
    free(path);
    return r;
}

/* --- collecting */

struct collection {
    int root_fd;
    bool (*is_used)(const char *digest, void *context);
    void *context;
    int64_t older_than_ms; /* point in time */
    bool dry_run;
    int64_t removed, bytes;
};

static int64_t modified_ms(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000;
}

/* Removes the file if it is old still. The time is looked at under the lock: since the caller asked
 * whether anybody uses it, somebody may have put the same content again. */
static int collect_file(struct collection *collection, int folder, const char *name,
                        struct error *err)
{
    struct stat status;
    int r = 0;

    if (flock(collection->root_fd, LOCK_EX) < 0) {
        return error_set_errno(err, "cannot lock the blobs folder");
    }
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
        modified_ms(&status) < collection->older_than_ms) {
        if (collection->dry_run || unlinkat(folder, name, 0) == 0) {
            collection->removed++;
            collection->bytes += status.st_size;
        } else {
            r = error_set_errno(err, "cannot remove %s", name);
        }
    }
    (void)flock(collection->root_fd, LOCK_UN);
    return r;
}

static int collect_shard(struct collection *collection, const char *shard, struct error *err)
{
    int fd = openat(collection->root_fd, shard, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    int r = 0;

    if (!folder) {
        r = error_set_errno(err, "cannot list the blobs in %s", shard);
        if (fd >= 0) {
            (void)close(fd);
        }
        return r;
    }
    while (r == 0 && (entry = readdir(folder)) != NULL) {
        char digest[SHARD_LENGTH + DIGEST_HEX_SIZE]; /* too long a name is cut and stays too long */

        (void)snprintf(digest, sizeof(digest), "%.*s%.*s", SHARD_LENGTH, shard, DIGEST_HEX_LENGTH,
                       entry->d_name);
        if (is_digest(digest) && !collection->is_used(digest, collection->context)) {
            r = collect_file(collection, fd, entry->d_name, err);
        }
    }
    (void)closedir(folder);
    return r;
}

static bool is_shard(const char *name)
{
    return strlen(name) == SHARD_LENGTH && strspn(name, "0123456789abcdef") == SHARD_LENGTH;
}

static int collect_root(struct collection *collection, DIR *root, struct error *err)
{
    struct dirent *entry;
    int r = 0;

    while (r == 0 && (entry = readdir(root)) != NULL) {
        if (is_shard(entry->d_name)) {
            r = collect_shard(collection, entry->d_name, err);
        } else if (strncmp(entry->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0) {
            r = collect_file(collection, dirfd(root), entry->d_name, err);
        }
    }
    return r;
}

int blob_collect(const char *root, bool (*is_used)(const char *digest, void *context),
                 void *context, int64_t now_ms, int64_t age_ms, bool dry_run, int64_t *ret_removed,
                 int64_t *ret_bytes, struct error *err)
{
    struct collection collection = {.is_used = is_used,
                                    .context = context,
                                    .older_than_ms = now_ms - age_ms,
                                    .dry_run = dry_run};
    DIR *folder = opendir(root);
    int r;

    if (!folder && errno == ENOENT) {
        *ret_removed = 0;
        *ret_bytes = 0;
        return 0;
    }
    if (!folder) {
        return error_set_errno(err, "cannot list the blobs in %s", root);
    }
    collection.root_fd = dirfd(folder);
    r = collect_root(&collection, folder, err);
    (void)closedir(folder);
    if (r == 0) {
        *ret_removed = collection.removed;
        *ret_bytes = collection.bytes;
    }
    return r;
}
