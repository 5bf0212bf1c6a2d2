/* SPDX-License-Identifier: MIT */
/* The two sides of some changes are laid into two folders of nobody's repository, which git
 * compares: its own diff and its own way to print it, with nothing configured. */
#include "results/snapshot_internal.h"

#include "base/file.h"
#include "results/git.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAID_BYTES_MAX (INT64_C(256) * 1024 * 1024)

/* A file of one side; its mode is git's, whatever the umask. */
static int lay(struct snapshots *snapshots, const char *side, const char *path, const char *content,
               int64_t *bytes, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    char *target = path_join(side, path);
    char *folder = path_folder(target);
    char *data = NULL;
    size_t length = 0;
    int r;

    change_digest(content, digest);
    r = snapshot_get(snapshots, digest, &data, &length, err);
    if (r == 0) {
        r = file_make_folders(folder, err);
    }
    *bytes += (int64_t)length;
    if (r == 0 && *bytes > LAID_BYTES_MAX) {
        r = error_set(err, ERROR_LIMIT, "the changed files hold more than %lld bytes",
                      (long long)LAID_BYTES_MAX);
    }
    if (r == 0 && change_kind(content) == CHANGE_LINK) {
        r = symlink(data, target) < 0 ? error_set_errno(err, "cannot make %s", target) : 0;
    } else if (r == 0) {
        r = file_write(target, data, length, FILE_NO_SYNC, err);
        if (r == 0 && chmod(target, strncmp(content, "100755", 6) == 0 ? 0700 : 0600) < 0) {
            r = error_set_errno(err, "cannot make %s", target);
        }
    }
    free(data);
    free(folder);
    free(target);
    return r;
}

static bool is_laid(const char *content)
{
    return change_kind(content) == CHANGE_FILE || change_kind(content) == CHANGE_LINK;
}

static int lay_all(struct snapshots *snapshots, const struct changes *changes, const char *folder,
                   struct error *err)
{
    char *before = path_join(folder, "a");
    char *after = path_join(folder, "b");
    int64_t bytes = 0;
    int r = file_make_folders(before, err);

    r = r < 0 ? r : file_make_folders(after, err);
    for (size_t i = 0; r == 0 && i < changes->count; i++) {
        const struct change *change = &changes->items[i];

        if (!change_has_safe_path(change)) {
            continue;
        }
        if (is_laid(change->from)) {
            r = lay(snapshots, before, change->path, change->from, &bytes, err);
        }
        if (r == 0 && is_laid(change->to)) {
            r = lay(snapshots, after, change->path, change->to, &bytes, err);
        }
    }
    free(before);
    free(after);
    return r;
}

static int run_diff(const char *folder, enum diff_form form, size_t size_max,
                    struct strbuf *ret_output, struct error *err)
{
    const char *const text[] = {"diff",
                                "--no-index",
                                "--no-color",
                                "--no-ext-diff",
                                "--no-textconv",
                                "--no-prefix",
                                "--no-renames",
                                "--",
                                "a",
                                "b",
                                NULL};
    const char *const numbers[] = {"diff",
                                   "--no-index",
                                   "--numstat",
                                   "--no-ext-diff",
                                   "--no-textconv",
                                   "-z",
                                   "--no-renames",
                                   "--",
                                   "a",
                                   "b",
                                   NULL};

    return git_run_outside(folder, form == DIFF_TEXT ? text : numbers, size_max, ret_output, err);
}

/* "1\t0\t", then the names of both sides, each part ended by NUL. */
static void add_stat(const struct strbuf *numbers, struct strbuf *target)
{
    const char *at = numbers->data;
    const char *end = at + numbers->length;
    long long added = 0, removed = 0;
    size_t files = 0;

    while (at < end) {
        const char *old = at + strlen(at) + 1;
        const char *new = old < end ? old + strlen(old) + 1 : end;
        const char *path = new < end &&strncmp(new, "b/", 2) == 0 ? new : old;
        char *rest;
        long long more, less;

        if (new >= end) {
            return;
        }
        more = strtoll(at, &rest, 10); /* of a binary file "-" stands there */
        less = *rest == '\t' ? strtoll(rest + 1, NULL, 10) : 0;
        if (*at == '-') {
            strbuf_addf(target, "%s | binary\n", path + 2);
        } else {
            strbuf_addf(target, "%s | +%lld -%lld\n", path + 2, more, less);
        }
        added += more > 0 ? more : 0;
        removed += less > 0 ? less : 0;
        files++;
        at = new + strlen(new) + 1;
    }
    strbuf_addf(target, "%zu file%s changed, %lld line%s added, %lld removed\n", files,
                files == 1 ? "" : "s", added, added == 1 ? "" : "s", removed);
}

int changes_format(struct snapshots *snapshots, const struct changes *changes, enum diff_form form,
                   struct strbuf *target, struct error *err)
{
    char *folder = mem_printf("%s/diff-%ld", snapshots->root, (long)getpid());
    struct strbuf output;
    int r = file_remove_tree(folder, err);

    r = r < 0 ? r : lay_all(snapshots, changes, folder, err);
    r = r < 0 ? r : run_diff(folder, form, target->length_max, &output, err);
    if (r >= 0 && form == DIFF_TEXT) {
        strbuf_add_bytes(target, output.data, output.length);
    } else if (r >= 0) {
        add_stat(&output, target);
    }
    if (r >= 0) {
        strbuf_release(&output);
        r = 0;
    }
    (void)file_remove_tree(folder, NULL);
    free(folder);
    return r;
}
