/* SPDX-License-Identifier: MIT */
/* The repository is laid by hand rather than by `git clone`, which would read the configuration of
 * the one that it comes from. */
#include "results/clone.h"

#include "base/file.h"
#include "results/git.h"
#include "results/results.h"
#include "results/snapshot_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES_MAX 4096
#define PATHS_BYTES_MAX 16384
#define FILE_BYTES_MAX (1024U * 1024)
#define COMMIT_SIZE 256

static int write_text(const char *git, const char *name, const char *text, struct error *err)
{
    char *path = path_join(git, name);
    char *folder = path_folder(path);
    int r = file_make_folders(folder, err);

    r = r < 0 ? r : file_write(path, text, strlen(text), FILE_NO_SYNC, err);
    free(folder);
    free(path);
    return r;
}

/* One line of git's about the project; free() it. NULL: it has none. */
static char *ask(const char *project, const char *const *arguments)
{
    struct strbuf output;
    char *line;

    if (repository_run(project, arguments, WORD_BYTES_MAX, &output, NULL) < 0) {
        return NULL;
    }
    output.data[strcspn(output.data, "\n")] = '\0';
    line = output.data[0] ? mem_strdup(output.data) : NULL;
    strbuf_release(&output);
    return line;
}

/* Of the project's repository, asked for at once: each question is a process. The paths are
 * absolute or relative to the project. */
struct origin {
    const char *format, *objects, *exclude, *shallow;
    struct strbuf text; /* which they are in */
};

static const char *take_line(char **rest)
{
    char *line = *rest;
    char *end = strchr(line, '\n');

    if (!end) {
        return NULL;
    }
    *end = '\0';
    *rest = end + 1;
    return line;
}

static int ask_origin(const char *project, struct origin *origin, struct error *err)
{
    static const char *const arguments[] = {
        "rev-parse",    "--show-object-format", "--git-path", "objects", "--git-path",
        "info/exclude", "--git-path",           "shallow",    NULL};
    char *rest;
    int r = repository_run(project, arguments, PATHS_BYTES_MAX, &origin->text, err);

    if (r < 0) {
        return r;
    }
    rest = origin->text.data;
    origin->format = take_line(&rest);
    origin->objects = take_line(&rest);
    origin->exclude = take_line(&rest);
    origin->shallow = take_line(&rest);
    if (!origin->shallow || *rest) { /* an end of line in a path: which is which is not known */
        return error_set(err, ERROR_IO, "the objects of the repository cannot be found");
    }
    return 0;
}

/* A file of the project's repository that says how its history or its files are to be read. Without
 * one that is there the clone would be another. */
static int copy_file(const char *project, const char *path, const char *git, const char *name,
                     struct error *err)
{
    char *whole = path_join(project, path);
    char *text = NULL;
    int r = file_read(whole, FILE_BYTES_MAX, &text, NULL, err);

    if (r == 0) {
        r = write_text(git, name, text, err);
    }
    free(text);
    free(whole);
    return r == ERROR_NOT_FOUND ? 0 : r;
}

static int write_head(const char *project, const char *git, const char *commit, struct error *err)
{
    char *branch = ask(project, (const char *const[]){"symbolic-ref", "--quiet", "HEAD", NULL});
    bool has_branch = branch && strncmp(branch, "refs/heads/", 11) == 0 &&
                      !path_unsafe_reason(branch);
    char *line = mem_printf("%s\n", commit);
    char *head = has_branch ? mem_printf("ref: %s\n", branch) : mem_strdup(line);
    int r = 0;

    if (has_branch) {
        r = write_text(git, branch, line, err);
    }
    r = r < 0 ? r : write_text(git, "HEAD", head, err);
    free(head);
    free(line);
    free(branch);
    return r;
}

static int write_objects(const char *project, const char *path, const char *git, struct error *err)
{
    char *whole = path_join(project, path);
    char *real = realpath(whole, NULL);
    char *text = real ? mem_printf("%s\n", real) : NULL;
    int r = text && !strchr(real, '\n')
                ? write_text(git, "objects/info/alternates", text, err)
                : error_set(err, ERROR_IO, "the objects of the repository cannot be found");

    free(text);
    free(real);
    free(whole);
    return r;
}

static int write_config(const char *format, const char *git, struct error *err)
{
    bool is_plain = strcmp(format, "sha1") == 0;
    char *text = mem_printf("[core]\n\trepositoryformatversion = %d\n\tfilemode = true\n"
                            "\tbare = false\n%s%s%s",
                            is_plain ? 0 : 1, is_plain ? "" : "[extensions]\n\tobjectformat = ",
                            is_plain ? "" : format, is_plain ? "" : "\n");
    int r = write_text(git, "config", text, err);

    free(text);
    return r;
}

/* With the history of the project, or without any where the project is only a part of it. */
static int make_repository(const char *project, const char *tree, bool is_top, struct error *err)
{
    char commit[COMMIT_SIZE] = "";
    char *git = path_join(tree, ".git");
    char *refs = path_join(git, "refs/heads");
    struct origin origin = {0};
    struct strbuf output;
    int r = file_make_folders(refs, err);

    r = r < 0 ? r : ask_origin(project, &origin, err);
    r = r < 0 ? r : write_config(origin.format, git, err);
    r = r < 0 ? r : write_objects(project, origin.objects, git, err);
    r = r < 0 || !is_top ? r : tree_commit(project, commit, sizeof(commit), err);
    r = r < 0 ? r : copy_file(project, origin.exclude, git, "info/exclude", err);
    if (r == 0 && commit[0]) {
        r = copy_file(project, origin.shallow, git, "shallow", err);
        r = r < 0 ? r : write_head(project, git, commit, err);
        r = r < 0 ? r
                  : repository_run(tree, (const char *const[]){"read-tree", "HEAD", NULL},
                                   WORD_BYTES_MAX, &output, err);
        if (r == 0) {
            strbuf_release(&output);
        }
    } else if (r == 0) {
        r = write_text(git, "HEAD", "ref: refs/heads/main\n", err);
    }
    strbuf_release(&origin.text);
    free(refs);
    free(git);
    return r;
}

static int make_git(const char *project, const char *tree, struct error *err)
{
    char *git = NULL;
    char *work_tree = NULL;
    char *real = realpath(project, NULL);
    int r = repository_find(project, &git, &work_tree, err);

    if (r == ERROR_NOT_FOUND) {
        r = 0; /* a project without git; its copy is one too */
    } else if (r == 0) {
        r = make_repository(project, tree, real && strcmp(real, work_tree) == 0, err);
    }
    free(real);
    free(work_tree);
    free(git);
    return r;
}

static bool is_named(const struct clone_wish *wish, const char *path)
{
    for (size_t i = 0; i < wish->file_count; i++) {
        size_t length = strlen(wish->files[i]);

        while (length > 1 && wish->files[i][length - 1] == '/') {
            length--;
        }
        if (strncmp(path, wish->files[i], length) == 0 && (path[length] == '/' || !path[length])) {
            return true;
        }
    }
    return false;
}

static int lay_files(struct snapshots *snapshots, const struct clone_wish *wish, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    struct changes changes = {0};
    struct tree_entry entry;
    char *text = NULL;
    const char *at;
    size_t length = 0;
    int r = snapshot_take(snapshots, wish->project, digest, NULL, err);

    r = r < 0 ? r : snapshot_get(snapshots, digest, &text, &length, err);
    for (at = text; r == 0 && tree_next(&at, text + length, &entry);) {
        enum change_kind kind = change_kind(entry.content);

        if ((kind == CHANGE_FILE || kind == CHANGE_LINK) &&
            (!strstr(entry.content, TREE_IGNORED) || is_named(wish, entry.path))) {
            changes_add(&changes, entry.path, NULL, entry.content);
        }
    }
    r = r < 0 ? r : changes_apply(snapshots, wish->tree, &changes, err);
    changes_release(&changes);
    free(text);
    return r;
}

int clone_make(struct snapshots *snapshots, const struct clone_wish *wish,
               char ret_base[DIGEST_HEX_SIZE], struct error *err)
{
    int r = file_make_folders(wish->tree, err);

    r = r < 0 ? r : make_git(wish->project, wish->tree, err);
    r = r < 0 ? r : lay_files(snapshots, wish, err);
    return r < 0 ? r : snapshot_take(snapshots, wish->tree, ret_base, NULL, err);
}
