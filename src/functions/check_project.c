/* SPDX-License-Identifier: MIT */
#include "functions/check_project.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 128
#define SCRIPT_BYTES_MAX (256 * 1024)
#define SCRIPTS_READ_MAX 2000

struct check_project {
    char *folder;
    struct map *targets;
    struct map *recipes;
    json_t *package; /* NULL: no readable package.json */
    struct tree *tree;
    bool is_tree_tried;
};

static char *read_text(const char *folder, const char *file)
{
    char *path = path_join(folder, file);
    char *text = NULL;
    size_t length;

    if (file_read(path, CHECK_PROJECT_FILE_BYTES_MAX, &text, &length, NULL) < 0) {
        text = NULL;
    }
    free(path);
    return text;
}

/* Adds the names before a colon. `first_only`: what follows a just recipe's name are parameters. */
static void add_names(struct map *names, const char *line, size_t length, bool first_only)
{
    char name[NAME_BYTES_MAX];

    while (length > 0) {
        size_t word = 0;

        while (length > 0 && (*line == ' ' || *line == '\t')) {
            line++;
            length--;
        }
        while (word < length && line[word] != ' ' && line[word] != '\t') {
            word++;
        }
        if (word > 0 && word < sizeof(name) && memchr(line, '$', word) == NULL &&
            memchr(line, '%', word) == NULL) {
            memcpy(name, line, word);
            name[word] = '\0';
            (void)map_put(names, name, names);
        }
        line += word;
        length -= word;
        if (first_only) {
            return;
        }
    }
}

/* Rules look the same in a Makefile and a justfile: names, a colon, no '=' behind it. */
static struct map *read_rules(const char *text, bool is_just)
{
    struct map *names = map_new();

    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, "\n");
        const char *colon = memchr(text, ':', length);
        const char *equals = memchr(text, '=', length);

        if (*text == '@' && is_just) {
            text++; /* a quiet recipe */
            continue;
        }
        if (colon != NULL && *text != '\t' && *text != ' ' && *text != '#' && colon[1] != '=' &&
            !(colon[1] == ':' && colon[2] == '=') &&
            (is_just || equals == NULL || equals > colon)) {
            add_names(names, text, (size_t)(colon - text), is_just);
        }
        text += length;
        text += *text == '\n';
    }
    return names;
}

/* GNU make takes the first of these. */
static char *read_makefile(const char *folder)
{
    static const char *const files[] = {"GNUmakefile", "makefile", "Makefile"};

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char *text = read_text(folder, files[i]);

        if (text != NULL) {
            return text;
        }
    }
    return NULL;
}

static json_t *read_package(const char *folder)
{
    char *text = read_text(folder, "package.json");
    json_t *package = NULL;

    if (text != NULL && json_parse_text(text, strlen(text), "package.json", &package, NULL) < 0) {
        package = NULL;
    }
    free(text);
    return package;
}

struct check_project *check_project_open(const char *folder)
{
    struct check_project *project = mem_zero(1, sizeof(*project));
    char *makefile = read_makefile(folder);
    char *justfile = read_text(folder, "justfile");

    project->folder = mem_strdup(folder);
    project->targets = read_rules(makefile, false);
    project->recipes = read_rules(justfile, true);
    project->package = read_package(folder);
    free(makefile);
    free(justfile);
    return project;
}

void check_project_free(struct check_project *project)
{
    if (project == NULL) {
        return;
    }
    map_free(project->targets);
    map_free(project->recipes);
    json_decref(project->package);
    tree_free(project->tree);
    free(project->folder);
    free(project);
}

bool check_project_has(const struct check_project *project, const char *file)
{
    char *path = path_join(project->folder, file);
    bool exists = file_exists(path);

    free(path);
    return exists;
}

bool check_project_mentions(const struct check_project *project, const char *file, const char *text)
{
    char *content = read_text(project->folder, file);
    bool found = content != NULL && strstr(content, text) != NULL;

    free(content);
    return found;
}

bool check_project_has_target(const struct check_project *project, const char *name)
{
    return map_find(project->targets, name) != NULL;
}

bool check_project_has_recipe(const struct check_project *project, const char *name)
{
    return map_find(project->recipes, name) != NULL;
}

bool check_project_has_script(const struct check_project *project, const char *name)
{
    const json_t *scripts = json_object_get(project->package, "scripts");
    const char *script = json_string_value(json_object_get(scripts, name));

    /* What `npm init` writes proves that there are no tests. */
    return script != NULL && strstr(script, "no test specified") == NULL;
}

const char *check_project_script_runner(const struct check_project *project)
{
    static const struct {
        const char *lock_file;
        const char *runner;
    } runners[] = {
        {"pnpm-lock.yaml", "pnpm"},
        {"yarn.lock", "yarn"},
        {"bun.lockb", "bun"},
        {"bun.lock", "bun"},
    };

    for (size_t i = 0; i < ARRAY_LEN(runners); i++) {
        if (check_project_has(project, runners[i].lock_file)) {
            return runners[i].runner;
        }
    }
    return "npm";
}

const char *check_project_build_folder(const struct check_project *project, const char *file)
{
    static const char *const folders[] = {
        "build",
        "builddir",
        "_build",
        "out",
        "build/debug",
        "build/release",
        "cmake-build-debug",
        "cmake-build-release",
    };

    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char *path = path_join(folders[i], file);
        bool exists = check_project_has(project, path);

        free(path);
        if (exists) {
            return folders[i];
        }
    }
    return NULL;
}

/* Scripts without a suffix are known by their first line only. */
static void name_scripts(struct tree *tree)
{
    size_t read = 0;

    for (size_t i = 0; i < tree->count && read < SCRIPTS_READ_MAX; i++) {
        struct tree_file *file = &tree->files[i];
        const char *slash = strrchr(file->path, '/');
        char *text = NULL;
        size_t length;

        if (file->language != NULL || file->size > SCRIPT_BYTES_MAX ||
            strchr(slash != NULL ? slash : file->path, '.') != NULL) {
            continue;
        }
        read++;
        if (tree_read(tree, file, &text, &length)) {
            free(text);
        }
    }
}

const struct tree *check_project_tree(struct check_project *project)
{
    if (!project->is_tree_tried) {
        project->is_tree_tried = true;
        if (tree_open(project->folder, &project->tree, NULL) < 0) {
            project->tree = NULL;
        } else {
            name_scripts(project->tree);
        }
    }
    return project->tree;
}
