/* SPDX-License-Identifier: MIT */
/* `experts import`: the personas that a project has for other programs. */
#include "base/alloc.h"
#include "base/file.h"
#include "ops/experts.h"
#include "workflow/expert.h"
#include "workflow/expert_import.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 1000

struct import {
    char *target; /* .fermata/experts */
    bool is_dry;
    json_t *rows;
};

static const struct {
    const char *folder;
    enum expert_form form;
} places[] = {
    {".claude/agents", FORM_CLAUDE},
    {".opencode/agent", FORM_OPENCODE},
    {".opencode/agents", FORM_OPENCODE},
};

/* ---- one file ------------------------------------------------------------------------------- */

static bool has_text(const char *path, const char *text)
{
    char *there = NULL;
    size_t length;
    bool is_same = file_read(path, 2 * (size_t)EXPERT_BYTES_MAX, &there, &length, NULL) == 0 &&
                   length == strlen(text) && memcmp(there, text, length) == 0;

    free(there);
    return is_same;
}

/* What becomes of it: nothing that is there already is replaced. */
static const char *place(const struct import *import, const struct imported_expert *expert,
                         struct error *err)
{
    char *path = mem_printf("%s/%s.md", import->target, expert->name);
    char *folder = path_folder(path);
    const char *status = "imported";

    if (has_text(path, expert->text)) {
        status = "unchanged";
    } else if (file_exists(path)) {
        status = "exists";
    } else if (!import->is_dry &&
               (file_make_folders(folder, err) < 0 ||
                file_write(path, expert->text, strlen(expert->text), FILE_SYNC, err) < 0)) {
        status = "failed";
    }
    free(folder);
    free(path);
    return status;
}

/* Ours has to be right in any case. */
static int check(const struct imported_expert *expert, struct error *err)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct arena *arena = arena_new();
    const struct expert *parsed;
    int r = expert_parse(arena, expert->name, expert->text, expert->name, &parsed, problems, err);

    if (r < 0 && problems->count > 0) {
        r = error_set(err, ERROR_VALIDATION, "%.400s", problems->items[0].text);
    }
    arena_free(arena);
    free(problems);
    return r;
}

static void import_file(struct import *import, const char *folder, const char *file,
                        enum expert_form form)
{
    char *path = path_join(folder, file);
    char *name = mem_strndup(file, strlen(file) - strlen(".md"));
    struct imported_expert expert = {0};
    struct error err = ERROR_INIT;
    json_t *row = json_object();
    char *text = NULL;
    const char *status = "refused";
    int r = file_read(path, EXPERT_BYTES_MAX, &text, NULL, &err);

    if (r == 0) {
        r = expert_import(text, name, form, &expert, &err);
    }
    if (r == 0) {
        r = check(&expert, &err);
    }
    if (r == 0) {
        status = place(import, &expert, &err);
    }
    json_put_text(row, "name", expert.name ? expert.name : name);
    json_put_text(row, "from", path);
    json_put_text(row, "status", status);
    json_put_text(row, "error", *err.text ? err.text : NULL);
    if (json_array_size(expert.notes) > 0) {
        json_put(row, "not_taken", json_incref(expert.notes));
    }
    (void)json_array_append_new(import->rows, row);
    imported_expert_release(&expert);
    free(text);
    free(name);
    free(path);
}

/* ---- folders -------------------------------------------------------------------------------- */

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void refuse_rest(struct import *import, const char *folder)
{
    json_t *row = json_object();
    char *text = mem_printf("it has more than %d files; the others were not looked at", FILES_MAX);

    json_put_text(row, "name", folder);
    json_put_text(row, "from", folder);
    json_put_text(row, "status", "refused");
    json_put_text(row, "error", text);
    (void)json_array_append_new(import->rows, row);
    free(text);
}

static bool import_folder(struct import *import, const char *folder, enum expert_form form)
{
    struct name_list names = {0};
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    bool is_there = stream != NULL;
    bool is_cut;

    while (stream && names.count <= FILES_MAX && (entry = readdir(stream))) {
        size_t length = strlen(entry->d_name);

        if (length > 3 && strcmp(entry->d_name + length - 3, ".md") == 0) {
            *VEC_PUSH(&names) = mem_strdup(entry->d_name);
        }
    }
    if (stream) {
        (void)closedir(stream);
    }
    is_cut = names.count > FILES_MAX;
    if (is_cut) {
        free(names.items[--names.count]);
        refuse_rest(import, folder);
    }
    if (names.count > 0) {
        qsort(names.items, names.count, sizeof(*names.items), compare_names);
    }
    for (size_t i = 0; i < names.count; i++) {
        import_file(import, folder, names.items[i], form);
        free(names.items[i]);
    }
    VEC_RELEASE(&names);
    return is_there;
}

/* A folder that has such personas as a project does, or is one of them itself. */
static int import_all(struct import *import, const char *from, struct error *err)
{
    bool is_there = false;
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        char *folder = path_join(from, places[i].folder);

        is_there = import_folder(import, folder, places[i].form) || is_there;
        free(folder);
    }
    if (!is_there && !import_folder(import, from, FORM_UNKNOWN)) {
        r = error_set(err, ERROR_NOT_FOUND, "there is no folder %s", from);
    }
    return r;
}

int ops_import_experts(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                       json_t **ret_result, struct error *err)
{
    struct import import = {.is_dry = json_get_boolean(arguments, "dry_run", false)};
    const char *given = json_get_text(arguments, "from", NULL);
    char *project = NULL;
    char *from = NULL;
    int r = import.is_dry ? 0 : ops_make_project(ops, view, err);

    if (r == 0) {
        r = ops_project_path(ops, &project, err);
    }
    if (r < 0) {
        return r;
    }
    import.rows = json_array();
    import.target = mem_printf("%s/" PROJECT_FOLDER_NAME "/experts", project);
    from = given ? ops_path(ops, given) : mem_strdup(project);
    r = given ? import_all(&import, from, err) : 0;
    for (size_t i = 0; !given && i < ARRAY_LEN(places); i++) {
        char *folder = path_join(from, places[i].folder);

        (void)import_folder(&import, folder, places[i].form);
        free(folder);
    }
    if (r == 0) {
        char *context = path_join(project, "AGENTS.md");

        *ret_result = json_object();
        json_put(*ret_result, "imported", json_incref(import.rows));
        json_put(*ret_result, "dry_run", json_boolean(import.is_dry));
        json_put(*ret_result, "has_context", json_boolean(file_exists(context)));
        free(context);
    }
    json_decref(import.rows);
    free(import.target);
    free(project);
    free(from);
    return r;
}
