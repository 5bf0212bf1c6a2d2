/* SPDX-License-Identifier: MIT */
/* The digest of a tree: git says which files belong to it, we read them. git's own hashing is not
 * used because it runs the filters that the repository names.
 *
 * Format, one record a file in byte order of the paths, each part as digest_add_field does it:
 *   path, mode (100644, 100755, 120000 link, 160000 repository), digest of the content | commit */
#include "results/results.h"

#include "base/file.h"
#include "base/vec.h"
#include "results/git.h"
#include "results/inside.h"
#include "results/tree_index.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 2000000U
#define LIST_BYTES_MAX (256U * 1024 * 1024)
#define COMMIT_BYTES_MAX 256
#define DEPTH_MAX 128
/* A file with holes takes no room, and one that is being written has no end. */
#define FILE_BYTES_MAX (INT64_C(16) * 1024 * 1024 * 1024)
#define READ_BYTES_ALL_MAX (INT64_C(64) * 1024 * 1024 * 1024) /* of what is not as it was */
#define READ_BYTES 65536

static const char own_folder[] = ".fermata";

struct tree {
    const char *project;
    int fd;
    struct strbuf names; /* paths, each ended by NUL */
    VEC(uint32_t) starts;
    struct digest *digest;
    int64_t files;
    int64_t bytes; /* that were read */
    char *block;
    struct strbuf *listing;  /* NULL: none is wanted */
    struct strbuf *left_out; /* NULL: what git ignores is not wanted */
    size_t files_max;
    size_t ignored_from;  /* where in `names` what git ignores begins */
    unsigned permissions; /* of the file that is being added */
    bool is_ignored;
    struct tree_index *index;
    struct strbuf parent; /* the folder that was entered last */
    int parent_fd;        /* -1: it cannot be */
    int parent_errno;
};

/* --- which files */

static int refuse_size(struct error *err, const char *project, size_t files_max)
{
    (void)error_set(err, ERROR_LIMIT, "%s has more than %zu files", project, files_max);
    error_hint(err, "let git ignore what is not part of the work (.gitignore)");
    return ERROR_LIMIT;
}

static bool is_own(const char *path)
{
    size_t length = sizeof(own_folder) - 1;

    return strncmp(path, own_folder, length) == 0 && (path[length] == '/' || !path[length]);
}

static int add_name(struct tree *tree, size_t start, struct error *err)
{
    if (tree->starts.count >= tree->files_max) {
        return refuse_size(err, tree->project, tree->files_max);
    }
    *VEC_PUSH(&tree->starts) = (uint32_t)start;
    return 0;
}

static int list_by_git(struct tree *tree, struct error *err)
{
    static const char *const arguments[] = {"ls-files",           "-z", "--cached", "--others",
                                            "--exclude-standard", NULL};
    struct strbuf names;
    int r = repository_run(tree->project, arguments, LIST_BYTES_MAX, &names, err);

    if (r < 0) {
        return r;
    }
    strbuf_release(&tree->names);
    tree->names = names;
    for (size_t start = 0; r == 0 && start < names.length;) {
        char *name = names.data + start;
        size_t length = strlen(name);

        /* An untracked repository inside this one is listed as "folder/". */
        if (length > 1 && name[length - 1] == '/') {
            name[length - 1] = '\0';
        }
        if (!is_own(name)) {
            r = add_name(tree, start, err);
        }
        start += length + 1;
    }
    return r;
}

static int list_folder(struct tree *tree, int fd, struct strbuf *path, int depth,
                       struct error *err);

static int list_entry(struct tree *tree, int parent, struct strbuf *path, const char *name,
                      struct error *err)
{
    struct stat status;
    size_t start = tree->names.length;
    int depth = 0;
    int fd;

    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : error_set_errno(err, "cannot look at %s", path->data);
    }
    if (S_ISDIR(status.st_mode)) {
        for (const char *byte = path->data; *byte; byte++) {
            depth += *byte == '/';
        }
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            return error_set_errno(err, "cannot open %s", path->data);
        }
        return list_folder(tree, fd, path, depth + 1, err);
    }
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
        return 0;
    }
    strbuf_add_bytes(&tree->names, path->data, path->length + 1);
    if (tree->names.overflow) {
        return refuse_size(err, tree->project, tree->files_max);
    }
    return add_name(tree, start, err);
}

/* Takes fd over. path is the folder relative to the project, "" for the project itself. */
static int list_folder(struct tree *tree, int fd, struct strbuf *path, int depth, struct error *err)
{
    size_t length = path->length;
    DIR *folder = fdopendir(fd);
    struct dirent *entry;
    int r = 0;

    if (!folder) {
        (void)close(fd);
        return error_set_errno(err, "cannot list %s", path->data);
    }
    if (depth > DEPTH_MAX) {
        r = error_set(err, ERROR_LIMIT, "%s/%s is more than %d folders deep", tree->project,
                      path->data, DEPTH_MAX);
    }
    while (r == 0 && (entry = readdir(folder)) != NULL) {
        const char *name = entry->d_name;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".git") == 0 ||
            (depth == 0 && is_own(name))) {
            continue;
        }
        strbuf_addf(path, "%s%s", length > 0 ? "/" : "", name);
        r = list_entry(tree, fd, path, name, err);
        path->length = length;
        path->data[length] = '\0';
    }
    (void)closedir(folder);
    return r;
}

static int list_by_walk(struct tree *tree, struct error *err)
{
    struct strbuf path;
    int fd = openat(tree->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (fd < 0) {
        return error_set_errno(err, "cannot open %s", tree->project);
    }
    /* Deep enough for DEPTH_MAX names, and as deep as the names' own ceilings let it be. */
    strbuf_init(&path, (size_t)(DEPTH_MAX + 2) * (NAME_MAX + 1));
    r = list_folder(tree, fd, &path, 0, err);
    strbuf_release(&path);
    return r;
}

/* --- what git ignores */

#define IGNORED_FILES_MAX 1000 /* in what is ignored as a whole; more is a cache or a build */
#define IGNORED_BYTES_MAX (16 * 1024 * 1024)
#define IGNORED_BYTES_ALL_MAX (64 * 1024 * 1024)

/* How much the names from `first` on hold; beyond the ceiling it does not matter how far. */
static int64_t size_of(const struct tree *tree, size_t first, int64_t bytes_max)
{
    int64_t bytes = 0;

    for (size_t i = first; i < tree->starts.count && bytes <= bytes_max; i++) {
        struct stat status;

        if (fstatat(tree->fd, tree->names.data + tree->starts.items[i], &status,
                    AT_SYMLINK_NOFOLLOW) == 0) {
            bytes += S_ISREG(status.st_mode) ? status.st_size : 0;
        }
    }
    return bytes;
}

/* A file, or ("folder/") all below a folder; whole or not at all, so that what is brought back is
 * what was there. */
static int add_ignored(struct tree *tree, const char *name, int64_t *bytes, struct error *err)
{
    size_t files_max = tree->files_max;
    size_t first = tree->starts.count;
    size_t end = tree->names.length;
    struct strbuf path;
    int64_t size;
    int r;

    strbuf_init(&path, (size_t)(DEPTH_MAX + 2) * (NAME_MAX + 1));
    strbuf_add(&path, name);
    if (path.length > 1 && path.data[path.length - 1] == '/') {
        path.data[--path.length] = '\0';
    }
    tree->files_max = first + IGNORED_FILES_MAX < files_max ? first + IGNORED_FILES_MAX : files_max;
    r = list_entry(tree, tree->fd, &path, path.data, err);
    size = size_of(tree, first, IGNORED_BYTES_MAX);
    if (r == ERROR_LIMIT || size > IGNORED_BYTES_MAX || *bytes + size > IGNORED_BYTES_ALL_MAX) {
        strbuf_add_bytes(tree->left_out, path.data, path.length + 1);
        tree->starts.count = first;
        tree->names.length = end;
        r = tree->left_out->overflow ? refuse_size(err, tree->project, files_max) : 0;
    } else {
        *bytes += size;
    }
    tree->files_max = files_max;
    strbuf_release(&path);
    return r;
}

static int list_ignored(struct tree *tree, struct error *err)
{
    static const char *const arguments[] = {
        "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", NULL};
    struct strbuf names;
    int64_t bytes = 0;
    int r = repository_run(tree->project, arguments, LIST_BYTES_MAX, &names, err);

    if (r < 0) {
        return r;
    }
    tree->ignored_from = tree->names.length;
    for (size_t start = 0; r == 0 && start < names.length;) {
        const char *name = names.data + start;

        if (!is_own(name)) {
            r = add_ignored(tree, name, &bytes, err);
        }
        start += strlen(name) + 1;
    }
    strbuf_release(&names);
    return r;
}

/* --- what is in them */

static void close_parent(struct tree *tree)
{
    if (tree->parent_fd >= 0) {
        (void)close(tree->parent_fd);
        tree->parent_fd = -1;
    }
}

static void add_record(struct tree *tree, const char *path, const char *mode, const char *content)
{
    digest_add_field(tree->digest, path);
    digest_add_field(tree->digest, mode);
    digest_add_field(tree->digest, content);
    tree->files++;
    if (tree->listing) {
        strbuf_add(tree->listing, path);
        strbuf_add_char(tree->listing, '\0');
        strbuf_addf(tree->listing, "%s %s", mode, content);
        if (tree->left_out) {
            strbuf_addf(tree->listing, " %o%s", tree->permissions,
                        tree->is_ignored ? TREE_IGNORED : "");
        }
        strbuf_add_char(tree->listing, '\0');
    }
}

/* The folder of the path, open; *ret_name: the rest of the path. Paths come in their order, so the
 * last one mostly serves again. -1 with errno when it cannot be entered. */
static int open_parent(struct tree *tree, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;

    *ret_name = slash ? slash + 1 : path;
    if (!slash) {
        return tree->fd;
    }
    if (tree->parent.length != length || memcmp(tree->parent.data, path, length) != 0) {
        close_parent(tree);
        strbuf_reset(&tree->parent);
        strbuf_add_bytes(&tree->parent, path, length);
        tree->parent_fd = inside_open(tree->fd, tree->parent.data, O_PATH | O_DIRECTORY);
        tree->parent_errno = tree->parent_fd < 0 ? errno : 0;
    }
    errno = tree->parent_errno;
    return tree->parent_fd;
}

static int refuse_content(const struct tree *tree, const char *path, struct error *err)
{
    if (tree->bytes > READ_BYTES_ALL_MAX) {
        (void)error_set(err, ERROR_LIMIT, "the files of %s hold more than %lld bytes",
                        tree->project, (long long)READ_BYTES_ALL_MAX);
    } else {
        (void)error_set(err, ERROR_LIMIT, "%s has more than %lld bytes", path,
                        (long long)FILE_BYTES_MAX);
    }
    error_hint(err, "let git ignore what is not part of the work (.gitignore)");
    return ERROR_LIMIT;
}

/* ERROR_LIMIT: more than is ever read; nothing is said of it here. */
static int read_content(struct tree *tree, int fd, int64_t size, char ret_content[DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_new();
    int64_t bytes = size > FILE_BYTES_MAX ? size : 0;
    ssize_t length = 1;

    while (length > 0 && bytes <= FILE_BYTES_MAX && tree->bytes <= READ_BYTES_ALL_MAX) {
        do {
            length = read(fd, tree->block, READ_BYTES);
        } while (length < 0 && errno == EINTR);
        if (length > 0) {
            digest_add(digest, tree->block, (size_t)length);
            bytes += length;
            tree->bytes += length;
        }
    }
    digest_finish(digest, ret_content);
    return length > 0 ? ERROR_LIMIT : length < 0 ? ERROR_IO : 0;
}

static void add_file(struct tree *tree, const char *path, const struct stat *seen,
                     const char *content, bool is_read)
{
    tree_index_add(tree->index, path, seen, content, is_read);
    tree->permissions = seen->st_mode & 07777U;
    add_record(tree, path, (seen->st_mode & S_IXUSR) ? "100755" : "100644", content);
}

static int add_regular(struct tree *tree, const char *path, int parent, const char *name,
                       struct error *err)
{
    char content[DIGEST_HEX_SIZE];
    struct stat seen;
    int fd = openat(parent, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    int r = 0;

    if (fd < 0) {
        return errno == ENOENT ? 0 : error_set_errno(err, "cannot read %s", path);
    }
    r = fstat(fd, &seen) < 0     ? ERROR_IO
        : !S_ISREG(seen.st_mode) ? 0
                                 : read_content(tree, fd, seen.st_size, content);
    if (r == ERROR_LIMIT) {
        r = refuse_content(tree, path, err);
    } else if (r < 0) {
        r = error_set_errno(err, "cannot read %s", path);
    } else if (S_ISREG(seen.st_mode)) {
        add_file(tree, path, &seen, content, true);
    }
    (void)close(fd);
    return r;
}

static int add_link(struct tree *tree, const char *path, int parent, const char *name,
                    struct error *err)
{
    char content[DIGEST_HEX_SIZE];
    ssize_t length = readlinkat(parent, name, tree->block, READ_BYTES);

    if (length < 0) {
        return error_set_errno(err, "cannot read the link %s", path);
    }
    digest_bytes(tree->block, (size_t)length, content);
    tree->permissions = 0;
    add_record(tree, path, "120000", content);
    return 0;
}

/* A folder in git's list is a repository of its own, or stands where a tracked file was. */
static int add_repository(struct tree *tree, const char *path, struct error *err)
{
    char commit[DIGEST_HEX_SIZE];
    char *folder = path_join(tree->project, path);
    char *marker = path_join(folder, ".git");
    int r = 0;

    if (file_exists(marker)) {
        r = tree_commit(folder, commit, sizeof(commit), err);
        if (r == 0) {
            tree->permissions = 0;
            add_record(tree, path, "160000", commit);
        }
    }
    free(marker);
    free(folder);
    return r;
}

/* Deleted, or behind a link or a file that took a folder's place. */
static bool is_gone(int number)
{
    return number == ENOENT || number == ELOOP || number == ENOTDIR || number == EXDEV;
}

static int add_path(struct tree *tree, const char *path, struct error *err)
{
    struct stat status;
    const char *name;
    const char *content;
    int parent = open_parent(tree, path, &name);

    if (parent < 0 || fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        return is_gone(errno) ? 0 : error_set_errno(err, "cannot look at %s", path);
    }
    if (S_ISLNK(status.st_mode)) {
        return add_link(tree, path, parent, name, err);
    }
    if (S_ISDIR(status.st_mode)) {
        return add_repository(tree, path, err);
    }
    if (!S_ISREG(status.st_mode)) {
        return 0;
    }
    content = tree_index_find(tree->index, path, &status);
    if (!content) {
        return add_regular(tree, path, parent, name, err);
    }
    add_file(tree, path, &status, content, false);
    return 0;
}

static int compare_names(const void *left, const void *right, void *context)
{
    const char *names = context;

    return strcmp(names + *(const uint32_t *)left, names + *(const uint32_t *)right);
}

static int add_all(struct tree *tree, struct error *err)
{
    const char *previous = NULL;
    int r = 0;

    if (tree->starts.count > 0) {
        qsort_r(tree->starts.items, tree->starts.count, sizeof(uint32_t), compare_names,
                tree->names.data);
    }
    for (size_t i = 0; r == 0 && i < tree->starts.count; i++) {
        const char *path = tree->names.data + tree->starts.items[i];

        tree->is_ignored = tree->starts.items[i] >= tree->ignored_from;
        /* A file in conflict is listed once for each side. */
        if (!previous || strcmp(previous, path) != 0) {
            r = add_path(tree, path, err);
        }
        previous = path;
    }
    return r;
}

static int list_all(struct tree *tree, struct error *err)
{
    int r;

    strbuf_init(&tree->names, LIST_BYTES_MAX);
    tree->ignored_from = SIZE_MAX;
    r = list_by_git(tree, err);
    if (r == ERROR_NOT_FOUND || r == ERROR_UNAVAILABLE) {
        return list_by_walk(tree, err);
    }
    return r == 0 && tree->left_out ? list_ignored(tree, err) : r;
}

struct tree_wish {
    size_t files_max;
    struct strbuf *listing, *left_out; /* as in struct tree */
};

static int digest_project(const char *project, const struct tree_wish *wish,
                          char ret_digest[DIGEST_HEX_SIZE], int64_t *ret_files, struct error *err)
{
    struct tree tree = {.project = project,
                        .listing = wish->listing,
                        .left_out = wish->left_out,
                        .files_max = wish->files_max,
                        .parent_fd = -1};
    char hex[DIGEST_HEX_SIZE];
    struct timespec now;
    int r;

    tree.fd = open(project, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tree.fd < 0) {
        return error_set_errno(err, "cannot open the folder %s", project);
    }
    strbuf_init(&tree.parent, LIST_BYTES_MAX);
    tree.block = mem_alloc(READ_BYTES);
    tree.digest = digest_new();
    (void)clock_gettime(CLOCK_REALTIME, &now);
    tree.index = tree_index_open(project, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    r = list_all(&tree, err);
    if (r == 0) {
        r = add_all(&tree, err);
    }
    tree_index_close(tree.index, r == 0);
    digest_finish(tree.digest, hex);
    if (r == 0) {
        memcpy(ret_digest, hex, sizeof(hex));
        if (ret_files) {
            *ret_files = tree.files;
        }
    }
    close_parent(&tree);
    free(tree.block);
    VEC_RELEASE(&tree.starts);
    strbuf_release(&tree.parent);
    strbuf_release(&tree.names);
    (void)close(tree.fd);
    return r;
}

int tree_digest(const char *project, char ret_digest[DIGEST_HEX_SIZE], int64_t *ret_files,
                struct error *err)
{
    const struct tree_wish wish = {.files_max = FILES_MAX};

    return digest_project(project, &wish, ret_digest, ret_files, err);
}

static int list_project(const char *project, const struct tree_wish *wish, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    int r = digest_project(project, wish, digest, NULL, err);

    return r == 0 && wish->listing->overflow
               ? error_set(err, ERROR_LIMIT, "the list of the files of %s is larger than %zu bytes",
                           project, wish->listing->length_max)
               : r;
}

int tree_list(const char *project, size_t files_max, struct strbuf *listing, struct error *err)
{
    const struct tree_wish wish = {.files_max = files_max, .listing = listing};

    return list_project(project, &wish, err);
}

int tree_list_all(const char *project, size_t files_max, struct strbuf *listing,
                  struct strbuf *left_out, struct error *err)
{
    const struct tree_wish wish = {
        .files_max = files_max, .listing = listing, .left_out = left_out};

    return list_project(project, &wish, err);
}

bool tree_next(const char **cursor, const char *end, struct tree_entry *ret_entry)
{
    const char *path = *cursor;
    const char *content;

    if (path >= end) {
        return false;
    }
    content = path + strlen(path) + 1;
    if (content >= end) {
        return false;
    }
    *ret_entry = (struct tree_entry){path, content};
    *cursor = content + strlen(content) + 1;
    return true;
}

static void note_path(struct tree_difference *difference, const char *path)
{
    difference->count++;
    if (json_array_size(difference->paths) < difference->paths_max) {
        (void)json_array_append_new(difference->paths, json_text_lossy(path, strlen(path)));
    }
}

void tree_compare(const struct strbuf *before, const struct strbuf *after,
                  struct tree_difference *difference)
{
    const char *left = before->data, *right = after->data;
    const char *left_end = before->data + before->length;
    const char *right_end = after->data + after->length;
    struct tree_entry old = {"", ""}, new = {"", ""};
    bool has_old = tree_next(&left, left_end, &old);
    bool has_new = tree_next(&right, right_end, &new);

    while (has_old || has_new) {
        int order = !has_old ? 1 : !has_new ? -1 : strcmp(old.path, new.path);

        if (order != 0 || strcmp(old.content, new.content) != 0) {
            note_path(difference, order > 0 ? new.path : old.path);
        }
        has_old = order <= 0 ? tree_next(&left, left_end, &old) : has_old;
        has_new = order >= 0 ? tree_next(&right, right_end, &new) : has_new;
    }
}

int tree_commit(const char *project, char *ret_commit, size_t size, struct error *err)
{
    static const char *const arguments[] = {"rev-parse", "--quiet", "--verify", "HEAD^{commit}",
                                            NULL};
    struct strbuf output;
    size_t length;
    int r = repository_run(project, arguments, COMMIT_BYTES_MAX, &output, err);

    if (r == ERROR_NOT_FOUND) {
        assert(size > 0);
        ret_commit[0] = '\0';
        return 0;
    }
    if (r < 0) {
        return r;
    }
    length = strcspn(output.data, "\n");
    if (length >= size) {
        r = error_set(err, ERROR_LIMIT, "a commit name has %zu characters", length);
    } else {
        memcpy(ret_commit, output.data, length);
        ret_commit[length] = '\0';
    }
    strbuf_release(&output);
    return r;
}
