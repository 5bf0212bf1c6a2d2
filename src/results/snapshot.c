/* SPDX-License-Identifier: MIT */
/* Contents lie in SNAPSHOTS/ab/cdef... One that is known to be durable has mode 0400; one of 0600
 * was left by a writer that was killed, and is written again. New ones are made durable all at once
 * by syncfs(2), for a first snapshot has thousands.
 *
 * flock on the folder, shared to use it, exclusive to remove from it. */
#include "results/snapshot.h"

#include "base/file.h"
#include "results/inside.h"
#include "results/results.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results/snapshot_internal.h"

#define FILES_MAX 500000
#define LISTING_BYTES_MAX (256U * 1024 * 1024)
#define NEW_BYTES_MAX (INT64_C(4) * 1024 * 1024 * 1024) /* that one snapshot may add */
#define BLOCK_BYTES 65536

int snapshots_open(const char *project, struct snapshots **ret_snapshots, struct error *err)
{
    struct snapshots *snapshots = mem_zero(1, sizeof(*snapshots));
    int r;

    snapshots->root = path_join(project, SNAPSHOTS_FOLDER);
    snapshots->fd = -1;
    r = file_make_folders(snapshots->root, err);
    if (r == 0) {
        snapshots->fd = open(snapshots->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (snapshots->fd < 0) {
            r = error_set_errno(err, "cannot open %s", snapshots->root);
        }
    }
    while (r == 0 && flock(snapshots->fd, LOCK_SH) < 0) {
        if (errno != EINTR) {
            r = error_set_errno(err, "cannot lock %s", snapshots->root);
        }
    }
    if (r < 0) {
        snapshots_close(snapshots);
        return r;
    }
    *ret_snapshots = snapshots;
    return 0;
}

static void forget_fresh(struct snapshots *snapshots)
{
    for (size_t i = 0; i < snapshots->fresh.count; i++) {
        free(snapshots->fresh.items[i]);
    }
    VEC_RELEASE(&snapshots->fresh);
}

void snapshots_close(struct snapshots *snapshots)
{
    if (!snapshots) {
        return;
    }
    forget_fresh(snapshots);
    if (snapshots->fd >= 0) {
        (void)close(snapshots->fd);
    }
    free(snapshots->root);
    free(snapshots);
}

/* --- contents */

static void name_of(const char *digest, char name[NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "%.2s/%s", digest, digest + 2);
}

static bool is_kept(const struct snapshots *snapshots, const char *digest)
{
    char name[NAME_SIZE];
    struct stat status;

    name_of(digest, name);
    return fstatat(snapshots->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode) && !(status.st_mode & S_IWUSR);
}

static int fail_write(const struct snapshots *snapshots, struct error *err)
{
    return error_set_errno(err, "cannot write to %s", snapshots->root);
}

struct temporary {
    char name[48];
    int fd;
};

static int temporary_open(const struct snapshots *snapshots, struct temporary *temporary,
                          struct error *err)
{
    static _Atomic unsigned sequence;

    do {
        (void)snprintf(temporary->name, sizeof(temporary->name), "tmp-%ld-%u", (long)getpid(),
                       sequence++);
        temporary->fd = openat(snapshots->fd, temporary->name,
                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    } while (temporary->fd < 0 && errno == EEXIST); /* of a killed process with our number */
    return temporary->fd < 0 ? fail_write(snapshots, err) : 0;
}

/* Durable by itself, so that it may take the place of one that is or is about to be. */
static int replace(const struct snapshots *snapshots, const struct temporary *temporary,
                   const char *name)
{
    int fd = openat(snapshots->fd, temporary->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 || fchmod(fd, 0400) < 0
                ? -1
                : renameat(snapshots->fd, temporary->name, snapshots->fd, name);

    if (fd >= 0) {
        (void)close(fd);
    }
    return r;
}

/* Somebody else may keep the same content at the same time: what one of them has made durable must
 * not become less than that again. */
static int publish(struct snapshots *snapshots, const struct temporary *temporary,
                   const char *digest, struct error *err)
{
    char name[NAME_SIZE];
    char shard[3];
    int r;

    name_of(digest, name);
    (void)snprintf(shard, sizeof(shard), "%.2s", digest);
    if (mkdirat(snapshots->fd, shard, 0700) < 0 && errno != EEXIST) {
        return fail_write(snapshots, err);
    }
    r = renameat2(snapshots->fd, temporary->name, snapshots->fd, name, RENAME_NOREPLACE);
    if (r < 0 && errno == EEXIST && is_kept(snapshots, digest)) {
        (void)unlinkat(snapshots->fd, temporary->name, 0);
        return 0;
    }
    if (r < 0 && (errno == EEXIST || errno == EINVAL)) { /* EINVAL: of some network file systems */
        r = replace(snapshots, temporary, name);
    }
    if (r < 0) {
        return fail_write(snapshots, err);
    }
    *VEC_PUSH(&snapshots->fresh) = mem_strdup(name);
    return 0;
}

/* It becomes the content of that digest, or (NULL) is given up. */
static int temporary_close(struct snapshots *snapshots, struct temporary *temporary,
                           const char *digest, struct error *err)
{
    int r = 0;

    if (close(temporary->fd) < 0 && digest) {
        r = fail_write(snapshots, err);
    }
    if (r == 0 && digest) {
        r = publish(snapshots, temporary, digest, err);
    }
    if (r < 0 || !digest) {
        (void)unlinkat(snapshots->fd, temporary->name, 0);
    }
    return r;
}

int fd_write(int fd, const char *data, size_t length)
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

/* Everything new is durable from here on. */
static int make_durable(struct snapshots *snapshots, struct error *err)
{
    if (snapshots->fresh.count > 0 && syncfs(snapshots->fd) < 0) {
        return fail_write(snapshots, err);
    }
    for (size_t i = 0; i < snapshots->fresh.count; i++) {
        if (fchmodat(snapshots->fd, snapshots->fresh.items[i], 0400, 0) < 0) {
            return error_set_errno(err, "cannot protect %s/%s", snapshots->root,
                                   snapshots->fresh.items[i]);
        }
    }
    forget_fresh(snapshots);
    return 0;
}

static int put_bytes(struct snapshots *snapshots, const char *data, size_t length,
                     char ret_digest[DIGEST_HEX_SIZE], struct error *err)
{
    struct temporary temporary = {0};
    bool is_written;
    int r;

    digest_bytes(data, length, ret_digest);
    if (is_kept(snapshots, ret_digest)) {
        return 0;
    }
    r = temporary_open(snapshots, &temporary, err);
    if (r < 0) {
        return r;
    }
    is_written = fd_write(temporary.fd, data, length) == 0;
    if (!is_written) {
        r = fail_write(snapshots, err);
    }
    snapshots->new_bytes += (int64_t)length;
    return is_written ? temporary_close(snapshots, &temporary, ret_digest, err)
                      : (temporary_close(snapshots, &temporary, NULL, NULL), r);
}

int snapshot_put(struct snapshots *snapshots, const char *data, size_t length,
                 char ret_digest[DIGEST_HEX_SIZE], struct error *err)
{
    int r = put_bytes(snapshots, data, length, ret_digest, err);

    return r < 0 ? r : make_durable(snapshots, err);
}

bool snapshot_has(struct snapshots *snapshots, const char *content)
{
    char digest[DIGEST_HEX_SIZE];
    enum change_kind kind = change_kind(content);

    if (kind != CHANGE_FILE && kind != CHANGE_LINK) {
        return false;
    }
    change_digest(content, digest);
    return is_kept(snapshots, digest);
}

int snapshot_get(struct snapshots *snapshots, const char *digest, char **ret_data,
                 size_t *ret_length, struct error *err)
{
    char name[NAME_SIZE];
    char seen[DIGEST_HEX_SIZE];
    char *path;
    char *data = NULL;
    size_t length;
    int r;

    if (strlen(digest) != DIGEST_HEX_LENGTH ||
        strspn(digest, "0123456789abcdef") != DIGEST_HEX_LENGTH) {
        return error_set(err, ERROR_INVALID, "%.80s is no digest", digest);
    }
    name_of(digest, name);
    path = path_join(snapshots->root, name);
    r = file_read(path, LISTING_BYTES_MAX, &data, &length, err);
    free(path);
    if (r < 0) {
        return r;
    }
    digest_bytes(data, length, seen);
    if (strcmp(seen, digest) != 0) {
        free(data);
        return error_set(err, ERROR_IO, "%s/%s is damaged", snapshots->root, name);
    }
    *ret_data = data;
    *ret_length = length;
    return 0;
}

/* --- taking one */

/* The content of an open file. It may have changed since it was listed: what is kept counts.
 * 1: it grew beyond the ceiling while it was read, and nothing is kept. */
static int put_file(struct snapshots *snapshots, int fd, char ret_digest[DIGEST_HEX_SIZE],
                    struct error *err)
{
    struct digest *digest = digest_new();
    char *block = mem_alloc(BLOCK_BYTES);
    struct temporary temporary = {0};
    char seen[DIGEST_HEX_SIZE];
    int64_t bytes = 0;
    ssize_t length = 0;
    int r = temporary_open(snapshots, &temporary, err);

    if (r < 0) {
        digest_finish(digest, seen);
        free(block);
        return r;
    }
    do {
        length = read(fd, block, BLOCK_BYTES);
        bytes += length > 0 ? length : 0;
        if (bytes > SNAPSHOT_FILE_BYTES_MAX) {
            r = 1;
        } else if (length > 0) {
            digest_add(digest, block, (size_t)length);
            snapshots->new_bytes += length;
            r = fd_write(temporary.fd, block, (size_t)length) < 0 ? fail_write(snapshots, err) : 0;
        }
    } while (r == 0 && (length > 0 || (length < 0 && errno == EINTR)));
    digest_finish(digest, seen);
    if (r == 0 && length < 0) {
        r = error_set_errno(err, "cannot read a file of the project");
    }
    free(block);
    if (r != 0) {
        (void)temporary_close(snapshots, &temporary, NULL, NULL);
        return r;
    }
    r = temporary_close(snapshots, &temporary, seen, err);
    if (r == 0) {
        memcpy(ret_digest, seen, sizeof(seen));
    }
    return r;
}

static void leave_out(struct strbuf *left_out, const char *path)
{
    strbuf_add_bytes(left_out, path, strlen(path) + 1);
}

#define TOO_LARGE 2

/* 0: kept, and what is kept is in ret_digest; 1: it is gone; TOO_LARGE. */
static int keep_file(struct snapshots *snapshots, int tree, const char *path,
                     struct strbuf *left_out, char ret_digest[DIGEST_HEX_SIZE], struct error *err)
{
    struct stat status;
    int fd = inside_open(tree, path, O_RDONLY | O_NONBLOCK);
    int r = 0;

    if (fd < 0) {
        return 1;
    }
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        r = 1;
    } else {
        r = status.st_size > SNAPSHOT_FILE_BYTES_MAX ? 1 : put_file(snapshots, fd, ret_digest, err);
        if (r > 0) {
            leave_out(left_out, path);
            r = TOO_LARGE;
        }
    }
    (void)close(fd);
    return r;
}

static int keep_link(struct snapshots *snapshots, int tree, const char *path,
                     char ret_digest[DIGEST_HEX_SIZE], struct error *err)
{
    char target[4096];
    int fd = inside_open(tree, path, O_PATH);
    ssize_t length = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof(target));

    if (fd >= 0) {
        (void)close(fd);
    }
    return length < 0 ? 1 : put_bytes(snapshots, target, (size_t)length, ret_digest, err);
}

struct taking {
    struct snapshots *snapshots;
    int tree;
    struct strbuf kept;  /* the listing of what is kept */
    struct strbuf large; /* of what is not, but was read */
    struct strbuf *left_out;
};

static int keep_entry(struct taking *taking, const struct tree_entry *entry, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    const char *mode = entry->content;
    int r = 0;

    (void)snprintf(digest, sizeof(digest), "%.*s", (int)strcspn(mode + ENTRY_MODE_LENGTH, " "),
                   mode + ENTRY_MODE_LENGTH);
    if (change_kind(mode) != CHANGE_REPOSITORY && !is_kept(taking->snapshots, digest)) {
        r = change_kind(mode) == CHANGE_LINK
                ? keep_link(taking->snapshots, taking->tree, entry->path, digest, err)
                : keep_file(taking->snapshots, taking->tree, entry->path, taking->left_out, digest,
                            err);
    }
    if (r == TOO_LARGE) {
        leave_out(&taking->large, entry->path);
        strbuf_addf(&taking->large, ENTRY_LARGE "%.*s%s", ENTRY_MODE_LENGTH, mode, digest);
        strbuf_add_char(&taking->large, '\0');
    }
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    leave_out(&taking->kept, entry->path);
    strbuf_addf(&taking->kept, "%.*s%s%s", ENTRY_MODE_LENGTH, mode, digest,
                mode + ENTRY_MODE_LENGTH + strcspn(mode + ENTRY_MODE_LENGTH, " "));
    strbuf_add_char(&taking->kept, '\0');
    return taking->snapshots->new_bytes > NEW_BYTES_MAX
               ? error_set(err, ERROR_LIMIT,
                           "the files that are new or changed hold more than %lld bytes",
                           (long long)NEW_BYTES_MAX)
               : 0;
}

/* The listing ends with what it lacks: large files with their digests, then the paths of all. */
static void add_left_out(struct taking *taking)
{
    const char *at = taking->left_out->data;
    const char *end = at + taking->left_out->length;

    strbuf_add_bytes(&taking->kept, taking->large.data, taking->large.length);
    for (; at < end; at += strlen(at) + 1) {
        leave_out(&taking->kept, at);
        strbuf_add(&taking->kept, ENTRY_LEFT_OUT);
        strbuf_add_char(&taking->kept, '\0');
    }
}

static int keep_all(struct taking *taking, const char *tree, struct error *err)
{
    struct strbuf listing;
    struct tree_entry entry;
    const char *at;
    int r;

    strbuf_init(&listing, LISTING_BYTES_MAX);
    r = tree_list_all(tree, FILES_MAX, &listing, taking->left_out, err);
    at = listing.data;
    taking->snapshots->new_bytes = 0;
    while (r == 0 && tree_next(&at, listing.data + listing.length, &entry)) {
        r = keep_entry(taking, &entry, err);
    }
    strbuf_release(&listing);
    return r;
}

int snapshot_take(struct snapshots *snapshots, const char *tree, char ret_digest[DIGEST_HEX_SIZE],
                  struct strbuf *left_out, struct error *err)
{
    struct taking taking = {.snapshots = snapshots};
    struct strbuf own;
    int r = 0;

    restore_sweep(snapshots, tree);
    strbuf_init(&own, LISTING_BYTES_MAX);
    strbuf_init(&taking.kept, LISTING_BYTES_MAX);
    strbuf_init(&taking.large, LISTING_BYTES_MAX);
    taking.left_out = left_out ? left_out : &own;
    taking.tree = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (taking.tree < 0) {
        r = error_set_errno(err, "cannot open the folder %s", tree);
    }
    if (r == 0) {
        r = keep_all(&taking, tree, err);
    }
    if (r == 0) {
        add_left_out(&taking);
        r = taking.kept.overflow || taking.large.overflow || taking.left_out->overflow
                ? error_set(err, ERROR_LIMIT, "%s has too many files", tree)
                : snapshot_put(snapshots, taking.kept.data, taking.kept.length, ret_digest, err);
    }
    if (taking.tree >= 0) {
        (void)close(taking.tree);
    }
    strbuf_release(&taking.kept);
    strbuf_release(&taking.large);
    strbuf_release(&own);
    return r;
}

bool snapshot_next_large(const char **cursor, const char *end, struct tree_entry *ret_entry)
{
    struct tree_entry entry;

    while (tree_next(cursor, end, &entry)) {
        if (strncmp(entry.content, ENTRY_LARGE, strlen(ENTRY_LARGE)) == 0) {
            *ret_entry = (struct tree_entry){entry.path, entry.content + strlen(ENTRY_LARGE)};
            return true;
        }
    }
    return false;
}
