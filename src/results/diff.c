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

/* By its own name from the start, which may be as long as a name can be. */
static int write_file(const char *path, const char *data, size_t length, const char *content,
                      struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -1 : fd_write(fd, data, length);

    if (r == 0 && strncmp(content, "100755", 6) == 0) {
        r = fchmod(fd, 0700);
    }
    if (fd >= 0 && close(fd) < 0) {
        r = -1;
    }
    return r < 0 ? error_set_errno(err, "cannot make %s", path) : 0;
}

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
        r = symlink(data, target) < 0 && errno != EEXIST
                ? error_set_errno(err, "cannot make %s", target)
                : 0;
    } else if (r == 0) {
        r = write_file(target, data, length, content, err);
    }
    free(data);
    free(folder);
    free(target);
    return r;
}

static int lay_all(struct snapshots *snapshots, const struct changes *changes, const char *folder,
                   struct error *err)
{
    char *before = path_join(folder, "a");
    char *after = path_join(folder, "b");
    int64_t bytes = 0;
    int r = file_make_folders(before, err);

    r = r < 0 ? r : file_make_folders(after, err);
    /* Links last, so that nothing is laid through one: of several steps a link may stand where in
     * an earlier one was a folder. */
    for (size_t i = 0; r == 0 && i < 2 * changes->count; i++) {
        const struct change *change = &changes->items[i % changes->count];
        enum change_kind kind = i < changes->count ? CHANGE_FILE : CHANGE_LINK;

        if (!change_has_safe_path(change)) {
            continue;
        }
        if (change_kind(change->from) == kind) {
            r = lay(snapshots, before, change->path, change->from, &bytes, err);
        }
        if (r == 0 && change_kind(change->to) == kind) {
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

/* Between two folders git names the side that is there twice: a/FILE a/FILE of one that is gone.
 * Every tool reads the second name as that of the other side. */
static void name_both_sides(struct strbuf *text)
{
    static const char mark[] = "diff --git ";
    char *end = text->data + text->length;

    for (char *line = text->data; line && line < end;) {
        char *next = memchr(line, '\n', (size_t)(end - line));
        char *names = line + strlen(mark);
        size_t length = next && next > names ? (size_t)(next - names) / 2 : 0;

        if (length > 2 && strncmp(line, mark, strlen(mark)) == 0 && names[length] == ' ' &&
            strncmp(names, names + length + 1, length) == 0) {
            size_t side = *names == '"' ? 1 : 0;

            names[side] = 'a';
            names[length + 1 + side] = 'b';
        }
        line = next ? next + 1 : NULL;
    }
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
    char *folder = mem_printf("%s/diff-%ld-%p", snapshots->root, (long)getpid(), (void *)snapshots);
    struct strbuf output;
    int r = file_remove_tree(folder, err);

    r = r < 0 ? r : lay_all(snapshots, changes, folder, err);
    r = r < 0 ? r : run_diff(folder, form, target->length_max, &output, err);
    if (r >= 0 && form == DIFF_TEXT) {
        name_both_sides(&output);
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
