/* SPDX-License-Identifier: MIT */
/* Removing the contents that no snapshot in use has. */
#include "results/snapshot_internal.h"

#include "base/file.h"
#include "base/map.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct collection {
    struct snapshots *snapshots;
    struct map *used;
    bool dry_run;
    int64_t removed, bytes;
};

/* Any 64 hex digits in a listing or a list of changes name a content; one too many keeps it. */
static void mark(struct collection *job, const char *text, size_t length)
{
    size_t run = 0;

    for (size_t i = 0; i <= length; i++) {
        unsigned char c = i < length ? (unsigned char)text[i] : 0;

        if (isdigit(c) || (c >= 'a' && c <= 'f')) {
            run++;
            continue;
        }
        if (run == DIGEST_HEX_LENGTH) {
            char *digest = mem_strndup(text + i - run, run);

            (void)map_put(job->used, digest, job);
            free(digest);
        }
        run = 0;
    }
}

static int mark_used(struct collection *job, const char *digest, struct error *err)
{
    char *text = NULL;
    size_t length;
    int r = snapshot_get(job->snapshots, digest, &text, &length, err);

    (void)map_put(job->used, digest, job);
    if (r == ERROR_NOT_FOUND || r == ERROR_INVALID) {
        return 0; /* it is said when somebody wants it */
    }
    if (r == 0) {
        mark(job, text, length);
        free(text);
    }
    return r;
}

static void collect_shard(struct collection *job, const char *shard, int fd)
{
    DIR *folder = fdopendir(fd);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder)) != NULL) {
        char *digest = mem_printf("%s%s", shard, entry->d_name);
        struct stat status;

        if (strlen(digest) == DIGEST_HEX_LENGTH && !map_find(job->used, digest) &&
            fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            (job->dry_run || unlinkat(dirfd(folder), entry->d_name, 0) == 0)) {
            job->removed++;
            job->bytes += status.st_size;
        }
        free(digest);
    }
    if (folder) {
        (void)closedir(folder);
    } else {
        (void)close(fd);
    }
}

/* Nobody is at work here: what has another name was left by one that was killed. */
static void collect_entry(struct collection *job, const char *name)
{
    if (strlen(name) == 2 && isxdigit((unsigned char)name[0]) && isxdigit((unsigned char)name[1])) {
        int fd = openat(job->snapshots->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd >= 0) {
            collect_shard(job, name, fd);
        }
    } else if (!job->dry_run && (strncmp(name, "tmp-", 4) == 0 || strncmp(name, "diff-", 5) == 0 ||
                                 strncmp(name, "merge-", 6) == 0)) {
        char *path = path_join(job->snapshots->root, name);

        (void)file_remove_tree(path, NULL);
        free(path);
    }
}

static int collect_all(struct collection *job, struct error *err)
{
    DIR *folder = opendir(job->snapshots->root);
    const struct dirent *entry;

    if (!folder) {
        return error_set_errno(err, "cannot list %s", job->snapshots->root);
    }
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            collect_entry(job, entry->d_name);
        }
    }
    (void)closedir(folder);
    return 0;
}

static int mark_all(struct collection *job, const struct snapshot_use *use, struct error *err)
{
    json_t *digests = json_object();
    char restored[DIGEST_HEX_SIZE];
    const char *digest;
    json_t *value;
    int r = use->find(use->context, digests, err);

    if (restore_find(job->snapshots, restored)) {
        json_put(digests, restored, json_true());
    }
    json_object_foreach(digests, digest, value)
    {
        r = r < 0 ? r : mark_used(job, digest, err);
    }
    json_decref(digests);
    return r;
}

int snapshots_collect(const char *project, const struct snapshot_use *use, bool dry_run,
                      int64_t *ret_removed, int64_t *ret_bytes, struct error *err)
{
    struct collection job = {.dry_run = dry_run};
    char *root = path_join(project, SNAPSHOTS_FOLDER);
    bool is_there = file_is_folder(root);
    int r = 0;

    free(root);
    *ret_removed = 0;
    *ret_bytes = 0;
    if (!is_there) {
        return 0;
    }
    r = snapshots_open(project, &job.snapshots, err);
    if (r < 0) {
        return r;
    }
    if (flock(job.snapshots->fd, LOCK_EX | LOCK_NB) < 0) {
        r = error_set(err, ERROR_BUSY, "snapshots are in use");
    }
    job.used = map_new();
    r = r < 0 ? r : mark_all(&job, use, err);
    r = r < 0 ? r : collect_all(&job, err);
    if (r == 0) {
        *ret_removed = job.removed;
        *ret_bytes = job.bytes;
    }
    map_free(job.used);
    snapshots_close(job.snapshots);
    return r;
}
