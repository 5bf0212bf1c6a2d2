/* SPDX-License-Identifier: MIT */
/* Where the project is, and `init`. */
#include "base/alloc.h"
#include "base/file.h"
#include "ops/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Git keeps what people write, and nothing else of the folder. */
static const char ignore_text[] =
    "# Git keeps what people write: configuration, workflows, experts.\n"
    "*\n"
    "!.gitignore\n"
    "!config.yaml\n"
    "!workflows/\n"
    "!workflows/**\n"
    "workflows/wf_*/\n"
    "!experts/\n"
    "!experts/**\n";

static const char example_text[] =
    "# A first workflow: `fermata run -w hello -i who=Ada`.\n"
    "# `fermata schema reference` explains every key, `fermata validate hello` checks this file.\n"
    "name: hello\n"
    "description: Greets somebody, then counts the files of the project\n"
    "inputs:\n"
    "  who: { type: string, default: world, description: Whom to greet }\n"
    "phases:\n"
    "  - id: greet\n"
    "    steps:\n"
    "      - id: greeting\n"
    "        # Values reach a command as environment variables, never as part of its text.\n"
    "        env: { WHO: \"${{ inputs.who }}\" }\n"
    "        run: echo \"Hello, $WHO\"\n"
    "  - id: count\n"
    "    steps:\n"
    "      - id: files\n"
    "        run: find . -type f -not -path './.*' | wc -l\n";

char *ops_path(const struct ops *ops, const char *path)
{
    return path_join(ops->settings->cwd, path);
}

char *ops_find_program(const struct ops *ops, const char *name)
{
    const char *path = "/usr/local/bin:/usr/bin:/bin";

    if (strchr(name, '/')) {
        return access(name, X_OK) == 0 ? mem_strdup(name) : NULL;
    }
    for (const char *const *item = ops->settings->environment; *item; item++) {
        if (strncmp(*item, "PATH=", 5) == 0) {
            path = *item + 5;
        }
    }
    while (*path) {
        size_t length = strcspn(path, ":");
        char *file = mem_printf("%.*s/%s", (int)length, path, name);

        if (access(file, X_OK) == 0 && !file_is_folder(file)) {
            return file;
        }
        free(file);
        path += length + (path[length] == ':');
    }
    return NULL;
}

static bool has_entry(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool is_there = file_exists(path) || file_is_folder(path);

    free(path);
    return is_there;
}

/* The folder above, in place; false at the top. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || strcmp(path, "/") == 0) {
        return false;
    }
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

static bool is_project(const char *path)
{
    return has_entry(path, PROJECT_FOLDER_NAME);
}

/* In a worktree and a submodule it is a file. An empty folder of that name is nobody's. */
static bool is_git_top(const char *path)
{
    char *git = path_join(path, ".git");
    bool is = file_is_folder(git) ? has_entry(git, "HEAD") : file_exists(git);

    free(git);
    return is;
}

/* Looks upward for such a folder: not beyond the home folder and not into another file system,
 * where it would belong to somebody else. NULL when there is none; free() it. */
static char *find_upward(const struct ops *ops, bool (*is_it)(const char *path))
{
    char *path = mem_strdup(ops->settings->cwd);
    struct stat start;
    struct stat here;

    if (stat(path, &start) < 0) {
        free(path);
        return NULL;
    }
    do {
        if (stat(path, &here) < 0 || here.st_dev != start.st_dev) {
            break;
        }
        if (is_it(path)) {
            return path;
        }
        if (ops->settings->home && strcmp(path, ops->settings->home) == 0) {
            break;
        }
    } while (go_up(path));
    free(path);
    return NULL;
}

static void set_project(struct ops *ops, char *project)
{
    ops->project = project;
    ops->folder = path_join(project, PROJECT_FOLDER_NAME);
}

/* What cannot be looked at is not empty. */
static int check_folder(const struct ops *ops, struct error *err)
{
    if (ops->folder && access(ops->folder, R_OK | X_OK) < 0 && errno == EACCES) {
        return error_set_errno(err, "cannot look into %s", ops->folder);
    }
    return 0;
}

static int find_project(struct ops *ops, struct error *err)
{
    char *path;
    char *real;

    if (ops->folder) {
        return check_folder(ops, err);
    }
    if (!ops->settings->project) {
        path = find_upward(ops, is_project);
        if (path) {
            set_project(ops, path);
        }
        return check_folder(ops, err);
    }
    path = ops_path(ops, ops->settings->project);
    real = realpath(path, NULL);
    if (!real || !file_is_folder(real)) {
        int r = error_set(err, ERROR_NOT_FOUND, "there is no folder %s", path);

        error_hint(err, "--project, else FERMATA_PROJECT, names the folder that holds (or shall "
                        "hold) .fermata");
        free(path);
        free(real);
        return r;
    }
    free(path);
    if (has_entry(real, PROJECT_FOLDER_NAME)) {
        set_project(ops, real);
    } else {
        free(real);
    }
    return check_folder(ops, err);
}

bool ops_has_project(struct ops *ops)
{
    return find_project(ops, NULL) == 0 && ops->folder != NULL;
}

int ops_need_project(struct ops *ops, struct error *err)
{
    int r = find_project(ops, err);

    if (r < 0) {
        return r;
    }
    if (!ops->folder) {
        r = error_set(err, ERROR_NOT_FOUND,
                      "there is no Fermata project here: no %s in %s or above", PROJECT_FOLDER_NAME,
                      ops->settings->project ? ops->settings->project : ops->settings->cwd);
        error_hint(err, "make one with `fermata init`, or name one with --project DIR");
        return r;
    }
    return 0;
}

/* Where a new project goes: the folder that was named, the top of the git tree, or here. */
static int new_project_path(const struct ops *ops, bool use_git, char **ret_path, struct error *err)
{
    char *path;

    if (ops->settings->project) {
        char *given = ops_path(ops, ops->settings->project);

        path = realpath(given, NULL);
        if (!path) {
            int r = error_set_errno(err, "folder %s", given);

            free(given);
            return r;
        }
        free(given);
    } else {
        path = use_git ? find_upward(ops, is_git_top) : NULL;
        if (!path) {
            path = mem_strdup(ops->settings->cwd);
        }
    }
    *ret_path = path;
    return 0;
}

/* Without a sync: what the program writes here is written again when it is missing. */
static int write_file(const char *folder, const char *name, const char *text, struct error *err)
{
    char *path = path_join(folder, name);
    int r = 0;

    if (!file_exists(path)) {
        r = file_write(path, text, strlen(text), FILE_NO_SYNC, err);
    }
    free(path);
    return r;
}

static int make_bare(const char *folder, struct error *err)
{
    int r = file_make_folders(folder, err);

    if (r < 0) {
        return r;
    }
    file_sweep(folder); /* somebody may have been killed right here */
    return write_file(folder, ".gitignore", ignore_text, err);
}

int ops_project_path(struct ops *ops, char **ret_path, struct error *err)
{
    int r = find_project(ops, err);

    if (r < 0 || !ops->project) {
        return r < 0 ? r : new_project_path(ops, true, ret_path, err);
    }
    *ret_path = mem_strdup(ops->project);
    return 0;
}

int ops_make_project(struct ops *ops, const struct ops_view *view, struct error *err)
{
    char *path;
    int r = find_project(ops, err);

    if (r == 0 && ops->folder) {
        /* One that people made, by hand, is about to hold runs as well. */
        return has_entry(ops->folder, "fermata.db") ? 0 : make_bare(ops->folder, err);
    }
    if (r == 0) {
        r = ops_project_path(ops, &path, err);
    }
    if (r < 0) {
        return r;
    }
    set_project(ops, path);
    r = make_bare(ops->folder, err);
    if (r < 0) {
        return r;
    }
    (void)ops_record_trust(ops, path, NULL);
    ops_notice(view, "Made %s (it holds the runs; git ignores them)", ops->folder);
    return 0;
}

static int write_examples(struct ops *ops, const char *folder, json_t **ret_agents,
                          struct error *err)
{
    char *workflows = path_join(folder, "workflows");
    char *config = NULL;
    int r = file_make_folders(workflows, err);

    if (r == 0) {
        r = write_file(workflows, "hello.yaml", example_text, err);
    }
    if (r == 0) {
        r = ops_config_example(ops, &config, ret_agents, err);
    }
    if (r == 0) {
        r = write_file(folder, "config.yaml", config, err);
    }
    free(config);
    free(workflows);
    return r;
}

int op_init(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    const char *given = json_get_text(arguments, "folder", NULL);
    char *path = NULL;
    char *folder = NULL;
    json_t *agents = NULL;
    bool is_ours;
    int r;

    (void)view;
    if (given) {
        char *named = ops_path(ops, given);

        r = file_make_folders(named, err);
        path = r == 0 ? realpath(named, NULL) : NULL;
        if (r == 0 && !path) {
            r = error_set_errno(err, "folder %s", named);
        }
        free(named);
    } else {
        r = new_project_path(ops, false, &path, err);
    }
    if (r < 0) {
        return r;
    }
    folder = path_join(path, PROJECT_FOLDER_NAME);
    is_ours = !ops_has_foreign_files(folder);
    if (has_entry(folder, "config.yaml")) {
        r = error_set(err, ERROR_CONFLICT, "%s is there already, nothing was changed", folder);
        error_hint(err, "edit %s/config.yaml; `fermata workflows` lists what you can run", folder);
    } else {
        r = make_bare(folder, err);
    }
    if (r == 0) {
        r = write_examples(ops, folder, &agents, err);
    }
    if (r == 0 && is_ours) {
        (void)ops_record_trust(ops, path, NULL);
    }
    if (r == 0) {
        *ret_result = json_pack("{s:s, s:s, s:[s,s,s], s:o}", "project", path, "folder", folder,
                                "files", ".gitignore", "config.yaml", "workflows/hello.yaml",
                                "agents", agents);
    }
    free(folder);
    free(path);
    return r;
}
