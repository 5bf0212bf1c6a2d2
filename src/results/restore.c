/* SPDX-License-Identifier: MIT */
/* Making a tree what it was, or what a clone became. Only below the tree and through no link; what
 * is there is replaced by one rename, and looked at once more before it is let go. */
#include "results/snapshot_internal.h"

#include "base/file.h"
#include "results/inside.h"
#include "results/results.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINK_BYTES_MAX 4096
#define NAMED_MAX 8
#define ASIDE_SIZE 48

static bool is_gone(int number)
{
    return number == ENOENT || number == ELOOP || number == ENOTDIR || number == EXDEV;
}

/* The folder of a path, open; -1 with errno. */
static int open_parent(int tree, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    int fd;

    *ret_name = slash ? slash + 1 : path;
    folder = slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
    fd = inside_open(tree, folder, O_RDONLY | O_DIRECTORY);
    free(folder);
    return fd;
}

/* --- what is there */

static int look_at_file(int parent, const char *name, const struct stat *status, char **ret_content,
                        struct error *err)
{
    char *path = mem_printf("/proc/self/fd/%d/%s", parent, name);
    char digest[DIGEST_HEX_SIZE];
    int r = digest_file(path, digest, err);

    free(path);
    if (r == 0) {
        *ret_content = mem_printf("%s %s %o", status->st_mode & S_IXUSR ? "100755" : "100644",
                                  digest, status->st_mode & 07777U);
    }
    return r;
}

static int look_at_link(int parent, const char *name, char **ret_content, struct error *err)
{
    char target[LINK_BYTES_MAX];
    char digest[DIGEST_HEX_SIZE];
    ssize_t length = readlinkat(parent, name, target, sizeof(target));

    if (length < 0) {
        return error_set_errno(err, "cannot read the link %s", name);
    }
    digest_bytes(target, (size_t)length, digest);
    *ret_content = mem_printf("120000 %s 0", digest);
    return 0;
}

const char *file_kind_text(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISREG(mode)  ? "a file"
           : S_ISLNK(mode)  ? "a link"
           : S_ISFIFO(mode) ? "a named pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

/* A folder is nothing: it is there for what is in it. What is neither file nor link is never ours
 * to replace. */
static int look_in(int parent, const char *name, char **ret_content, struct error *err)
{
    struct stat status;
    int r = 0;

    *ret_content = NULL;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        r = is_gone(errno) ? 0 : error_set_errno(err, "cannot look at %s", name);
    } else if (S_ISREG(status.st_mode)) {
        r = look_at_file(parent, name, &status, ret_content, err);
    } else if (S_ISLNK(status.st_mode)) {
        r = look_at_link(parent, name, ret_content, err);
    } else if (!S_ISDIR(status.st_mode)) {
        *ret_content = mem_printf(ENTRY_OTHER "%s", file_kind_text(status.st_mode));
    }
    return r;
}

static int look(int tree, const char *path, char **ret_content, struct error *err)
{
    const char *name;
    int parent = open_parent(tree, path, &name);
    int r;

    *ret_content = NULL;
    if (parent < 0) {
        return is_gone(errno) ? 0 : error_set_errno(err, "cannot look at %s", path);
    }
    r = look_in(parent, name, ret_content, err);
    (void)close(parent);
    return r;
}

static int tree_open(const char *tree, struct error *err)
{
    int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? error_set_errno(err, "cannot open the folder %s", tree) : fd;
}

int tree_look(const char *tree, const char *path, char **ret_content, struct error *err)
{
    int fd = tree_open(tree, err);
    int r;

    if (fd < 0) {
        return fd;
    }
    r = look(fd, path, ret_content, err);
    (void)close(fd);
    return r;
}

/* Any byte may be in a name, but it leads nowhere else. */
bool change_has_safe_path(const struct change *change)
{
    const char *part = change->path;

    if (!*part || *part == '/') {
        return false;
    }
    while (*part) {
        size_t length = strcspn(part, "/");

        if ((length == 2 && strncmp(part, "..", 2) == 0) ||
            (length == 4 && strncmp(part, ".git", 4) == 0)) {
            return false;
        }
        part += length + (part[length] == '/');
    }
    return true;
}

bool change_is_ours(const struct change *change)
{
    return change_kind(change->from) != CHANGE_REPOSITORY &&
           change_kind(change->to) != CHANGE_REPOSITORY && change_has_safe_path(change);
}

int changes_find_conflicts(const char *tree, const struct changes *changes,
                           struct changes *conflicts, struct error *err)
{
    int fd = tree_open(tree, err);
    int r = fd < 0 ? fd : 0;

    for (size_t i = 0; r == 0 && i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        char *now = NULL;

        if (!change_is_ours(change)) {
            continue;
        }
        r = look(fd, change->path, &now, err);
        if (r == 0 && !change_is_same(now, change->from) && !change_is_same(now, change->to)) {
            changes_add(conflicts, change->path, now, change->to);
        }
        free(now);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return r;
}

/* --- making it so */

struct restoring {
    struct snapshots *snapshots;
    int tree;
    struct changes conflicts;
};

/* It stays for a reason: something is in it, it is somebody's, or it is none. */
static bool may_stay(int number)
{
    return number == ENOTEMPTY || number == EEXIST || number == EBUSY || number == EACCES ||
           number == EPERM || number == EROFS || is_gone(number);
}

/* Folders that became empty go with their last file. */
static int remove_empty(int tree, const char *path, struct error *err)
{
    char *folder = mem_strdup(path);
    char *slash;
    bool goes_on = true;
    int r = 0;

    while (goes_on && (slash = strrchr(folder, '/')) != NULL) {
        const char *name;
        int parent;

        *slash = '\0';
        parent = open_parent(tree, folder, &name);
        goes_on = (parent >= 0 && unlinkat(parent, name, AT_REMOVEDIR) == 0) || errno == ENOENT;
        if (!goes_on && !may_stay(errno)) {
            r = error_set_errno(err, "cannot remove the folder %s", folder);
        }
        if (parent >= 0) {
            (void)close(parent);
        }
    }
    free(folder);
    return r;
}

/* One for each path, so that what a killed one left is found again. */
static void aside_name(const char *path, char ret_name[ASIDE_SIZE])
{
    char digest[DIGEST_HEX_SIZE];

    digest_bytes(path, strlen(path), digest);
    (void)snprintf(ret_name, ASIDE_SIZE, ".fermata-restored-%.16s", digest);
}

static int refuse_changed(const struct change *change, struct error *err)
{
    return error_set(err, ERROR_CONFLICT, "%s changed just now", change->path);
}

/* What was put aside is let go, if it is what it was to be and so was kept. */
static int drop_aside(int parent, const char *aside, const struct change *change, struct error *err)
{
    char *content = NULL;
    int r = look_in(parent, aside, &content, err);

    if (r == 0 && !change_is_same(content, change->from)) {
        r = refuse_changed(change, err);
    } else if (r == 0 && content && unlinkat(parent, aside, 0) < 0) {
        r = error_set_errno(err, "cannot remove %s", change->path);
    }
    free(content);
    return r;
}

/* Not every file system has these kinds of a rename. */
static bool is_unknown_rename(int number)
{
    return number == EINVAL || number == ENOSYS || number == ENOTSUP;
}

static int remove_name(int parent, const char *name, const struct change *change, struct error *err)
{
    char aside[ASIDE_SIZE];
    int r;

    aside_name(change->path, aside);
    if (renameat2(parent, name, parent, aside, RENAME_NOREPLACE) < 0) {
        if (errno == ENOENT ||
            (is_unknown_rename(errno) && (unlinkat(parent, name, 0) == 0 || errno == ENOENT))) {
            return 0;
        }
        return error_set_errno(err, "cannot remove %s", change->path);
    }
    r = drop_aside(parent, aside, change, err);
    if (r < 0) {
        (void)renameat2(parent, aside, parent, name, RENAME_NOREPLACE);
    }
    return r;
}

static int remove_path(const struct restoring *restoring, const struct change *change,
                       struct error *err)
{
    const char *name;
    int parent = open_parent(restoring->tree, change->path, &name);
    int r;

    if (parent < 0) {
        return is_gone(errno) ? 0 : error_set_errno(err, "cannot remove %s", change->path);
    }
    r = remove_name(parent, name, change, err);
    (void)close(parent);
    return r < 0 ? r : remove_empty(restoring->tree, change->path, err);
}

static int make_parents(int tree, const char *path, struct error *err)
{
    char *folder = mem_strdup(path);
    int r = 0;

    for (char *slash = strchr(folder, '/'); r == 0 && slash; slash = strchr(slash + 1, '/')) {
        const char *name;
        int parent;

        *slash = '\0';
        parent = open_parent(tree, folder, &name);
        if (parent < 0 || (mkdirat(parent, name, 0777) < 0 && errno != EEXIST)) {
            r = error_set_errno(err, "cannot make the folder %s", folder);
        }
        if (parent >= 0) {
            (void)close(parent);
        }
        *slash = '/';
    }
    free(folder);
    return r;
}

static unsigned permissions_of(const char *content)
{
    const char *digest_end = strchr(content + ENTRY_MODE_LENGTH, ' ');
    unsigned long value = digest_end ? strtoul(digest_end + 1, NULL, 8) : 0644;

    return (unsigned)(value & 07777);
}

static int write_temporary(int parent, const char *name, const struct change *change,
                           const char *data, size_t length)
{
    int fd;
    int r;

    (void)unlinkat(parent, name, 0); /* of one that was killed */
    if (change_kind(change->to) == CHANGE_LINK) {
        char *target = mem_strndup(data, length);

        r = symlinkat(target, parent, name);
        free(target);
        return r;
    }
    fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }
    r = fd_write(fd, data, length);
    r = r == 0 ? fchmod(fd, permissions_of(change->to)) : r;
    return close(fd) < 0 ? -1 : r;
}

/* Folders in which nothing is count as nothing. */
static void clear_folder(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            clear_folder(fd, entry->d_name);
        }
    }
    if (folder) {
        (void)closedir(folder);
        (void)unlinkat(parent, name, AT_REMOVEDIR);
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

/* The new content, written beside it, takes the place. What somebody put there since it was looked
 * at goes back to it. */
static int put_in_place(int parent, const char *name, const struct change *change,
                        struct error *err)
{
    unsigned how = change->from ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    char aside[ASIDE_SIZE];
    int r = 0;

    aside_name(change->path, aside);
    if (renameat2(parent, aside, parent, name, how) == 0) {
        r = change->from ? drop_aside(parent, aside, change, err) : 0;
        if (r < 0 && renameat2(parent, aside, parent, name, RENAME_EXCHANGE) == 0) {
            (void)unlinkat(parent, aside, 0);
        }
        return r;
    }
    if (errno == EEXIST || errno == ENOENT) {
        r = refuse_changed(change, err);
    } else if (!is_unknown_rename(errno) || renameat(parent, aside, parent, name) < 0) {
        r = error_set_errno(err, "cannot write %s", change->path);
    }
    if (r < 0) {
        (void)unlinkat(parent, aside, 0);
    }
    return r;
}

static int write_path(const struct restoring *restoring, const struct change *change,
                      struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    char aside[ASIDE_SIZE];
    char *data = NULL;
    size_t length;
    const char *name;
    int parent = -1;
    int r;

    change_digest(change->to, digest);
    r = snapshot_get(restoring->snapshots, digest, &data, &length, err);
    if (r == 0) {
        r = make_parents(restoring->tree, change->path, err);
    }
    if (r == 0) {
        parent = open_parent(restoring->tree, change->path, &name);
        aside_name(change->path, aside);
        if (parent < 0 || write_temporary(parent, aside, change, data, length) < 0) {
            r = error_set_errno(err, "cannot write %s", change->path);
            if (parent >= 0) {
                (void)unlinkat(parent, aside, 0);
            }
        } else {
            clear_folder(parent, name);
            r = put_in_place(parent, name, change, err);
        }
    }
    if (parent >= 0) {
        (void)close(parent);
    }
    free(data);
    return r;
}

/* What one that was killed between the two put aside, or wrote and put nowhere. */
static void sweep_aside(const struct restoring *restoring, const struct change *change)
{
    char aside[ASIDE_SIZE];
    const char *name;
    int parent = open_parent(restoring->tree, change->path, &name);

    if (parent >= 0) {
        aside_name(change->path, aside);
        (void)drop_aside(parent, aside, change, NULL);
        (void)close(parent);
    }
}

/* Is that a file of which only the beginning, or all, of this content was written? */
static bool is_begun(int parent, const char *name, const char *data, size_t length)
{
    char *path = mem_printf("/proc/self/fd/%d/%s", parent, name);
    struct stat status;
    char *text = NULL;
    size_t written;
    bool is_ours = fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISREG(status.st_mode) && file_read(path, length, &text, &written, NULL) == 0 &&
                   memcmp(text, data, written) == 0;

    free(text);
    free(path);
    return is_ours;
}

/* What is there was kept, as what it was or as what it was to become; else it stays. */
static void sweep_beside(struct snapshots *snapshots, int tree, const struct change *change)
{
    char aside[ASIDE_SIZE];
    char digest[DIGEST_HEX_SIZE];
    char *content = NULL;
    char *data = NULL;
    size_t length;
    const char *name;
    int parent = open_parent(tree, change->path, &name);
    bool is_kept = false;

    if (parent < 0) {
        return;
    }
    aside_name(change->path, aside);
    if (look_in(parent, aside, &content, NULL) == 0 && content) {
        is_kept = change_is_same(content, change->from) || change_is_same(content, change->to);
        if (!is_kept && change_kind(change->to) == CHANGE_FILE) {
            change_digest(change->to, digest);
            is_kept = snapshot_get(snapshots, digest, &data, &length, NULL) == 0 &&
                      is_begun(parent, aside, data, length);
        }
    }
    if (is_kept) {
        (void)unlinkat(parent, aside, 0);
    }
    (void)close(parent);
    free(content);
    free(data);
}

/* Folders too that were made for what did not come, or lost what they were there for. */
void restore_sweep_change(struct snapshots *snapshots, int tree, const struct change *change)
{
    char *now = NULL;

    if (change_is_ours(change)) {
        sweep_beside(snapshots, tree, change);
        if (look(tree, change->path, &now, NULL) == 0 && !now) {
            (void)remove_empty(tree, change->path, NULL);
        }
        free(now);
    }
}

static int apply_one(struct restoring *restoring, const struct change *change, struct error *err)
{
    char *now = NULL;
    int r = look(restoring->tree, change->path, &now, err);

    if (r < 0) {
        return r;
    }
    if (change_is_same(now, change->to)) {
        sweep_aside(restoring, change);
    } else if (!change_is_same(now, change->from)) {
        r = refuse_changed(change, err);
    } else if (change->to) {
        r = write_path(restoring, change, err);
    } else {
        r = remove_path(restoring, change, err);
    }
    free(now);
    return r;
}

/* What goes makes room first (a file where a folder is to be), the deepest first. */
static int apply_all(struct restoring *restoring, const struct changes *changes, struct error *err)
{
    int r = 0;

    for (size_t i = changes->count; r == 0 && i > 0; i--) {
        if (!changes->items[i - 1].to && change_is_ours(&changes->items[i - 1])) {
            r = apply_one(restoring, &changes->items[i - 1], err);
        }
    }
    for (size_t i = 0; r == 0 && i < changes->count; i++) {
        if (changes->items[i].to && change_is_ours(&changes->items[i])) {
            r = apply_one(restoring, &changes->items[i], err);
        }
    }
    if (r == 0 && changes->count > 0 && syncfs(restoring->tree) < 0) {
        r = error_set_errno(err, "cannot make the files durable");
    }
    return r;
}

static int refuse_conflicts(const struct changes *conflicts, struct error *err)
{
    struct strbuf names;
    int r;

    strbuf_init(&names, ERROR_TEXT_MAX / 2);
    for (size_t i = 0; i < conflicts->count && i < NAMED_MAX; i++) {
        strbuf_addf(&names, "%s%s", i ? ", " : "", conflicts->items[i].path);
    }
    r = error_set(err, ERROR_CONFLICT, "%zu file%s changed since: %s%s", conflicts->count,
                  conflicts->count == 1 ? "" : "s", names.data,
                  conflicts->count > NAMED_MAX ? ", ..." : "");
    strbuf_release(&names);
    return r;
}

/* Before anything is touched. */
static int check_kept(struct snapshots *snapshots, const struct changes *changes, struct error *err)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];

        if (change->to && change_is_ours(change) && !snapshot_has(snapshots, change->to)) {
            return error_set(err, ERROR_IO, "nothing was done, for what %s was is kept no more",
                             change->path);
        }
    }
    return 0;
}

int changes_apply(struct snapshots *snapshots, const char *tree, const struct changes *changes,
                  struct error *err)
{
    struct restoring restoring = {.snapshots = snapshots};
    int mark;
    int r;

    restore_sweep(snapshots, tree);
    r = changes_find_conflicts(tree, changes, &restoring.conflicts, err);

    if (r == 0 && restoring.conflicts.count > 0) {
        r = refuse_conflicts(&restoring.conflicts, err);
    }
    changes_release(&restoring.conflicts);
    r = r < 0 ? r : check_kept(snapshots, changes, err);
    r = r < 0 ? r : changes_check_way(tree, changes, err);
    r = r < 0 ? r : restore_begin(snapshots, tree, changes, &mark, err);
    if (r < 0) {
        return r;
    }
    restoring.tree = tree_open(tree, err);
    r = restoring.tree < 0 ? restoring.tree : apply_all(&restoring, changes, err);
    restore_end(mark, r == 0);
    if (restoring.tree >= 0) {
        (void)close(restoring.tree);
    }
    return r;
}
