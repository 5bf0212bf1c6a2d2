/* SPDX-License-Identifier: MIT */
/* Experts: those of the project, then the user's, then the built-in ones; `experts`. */
#include "ops/experts.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/nearest.h"
#include "workflow/embedded.h"
#include "workflow/expert.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EXPERT_SUFFIX ".md"
#define EXPERT_NAMES_MAX 10000
#define FOLDERS_DEPTH_MAX 4
#define IMPORT "import"

static const char *const origins[] = {"project", "user", "built in"};

/* ---- finding --------------------------------------------------------------------------------- */

/* Of an origin of files; NULL: there is none. */
static const char *origin_folder(struct ops *ops, size_t origin)
{
    return origin == 0 ? (ops_has_project(ops) ? ops->folder : NULL) : ops->settings->config_folder;
}

static char *file_of(struct ops *ops, size_t origin, const char *name)
{
    const char *folder = origin_folder(ops, origin);
    char *file = folder && !path_unsafe_reason(name)
                     ? mem_printf("%s/experts/%s" EXPERT_SUFFIX, folder, name)
                     : NULL;

    if (file && !file_exists(file)) {
        free(file);
        file = NULL;
    }
    return file;
}

static const struct embedded_file *find_embedded(const char *name)
{
    size_t count;
    const struct embedded_file *files = embedded_experts(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].name, name) == 0) {
            return &files[i];
        }
    }
    return NULL;
}

/* The text of one origin, and where it is; ERROR_NOT_FOUND: it is not of this one. */
static int read_of(struct ops *ops, size_t origin, const char *name, char **ret_text,
                   char **ret_file, struct error *err)
{
    const struct embedded_file *embedded = origin == 2 ? find_embedded(name) : NULL;
    char *file = origin < 2 ? file_of(ops, origin, name) : NULL;
    size_t length = 0;
    int r = ERROR_NOT_FOUND;

    if (embedded) {
        *ret_text = mem_strndup(embedded->data, embedded->length);
        *ret_file = mem_printf("builtin:%s", name);
        return 0;
    }
    if (file) {
        r = file_read(file, EXPERT_BYTES_MAX, ret_text, &length, err);
    }
    if (r == 0 && strlen(*ret_text) < length) {
        free(*ret_text);
        r = error_set(err, ERROR_VALIDATION, "%s holds NUL bytes", file);
    }
    if (r == 0) {
        *ret_file = file;
        file = NULL;
    }
    free(file);
    return r;
}

int ops_read_expert(struct ops *ops, const char *name, char **ret_text, char **ret_file,
                    struct error *err)
{
    for (size_t origin = 0; origin < ARRAY_LEN(origins); origin++) {
        int r = read_of(ops, origin, name, ret_text, ret_file, err);

        if (r != ERROR_NOT_FOUND) {
            return r;
        }
    }
    return error_set(err, ERROR_NOT_FOUND, "there is no expert %s", name);
}

bool ops_has_expert(struct ops *ops, const char *name)
{
    for (size_t origin = 0; origin < 2; origin++) {
        char *file = file_of(ops, origin, name);

        free(file);
        if (file) {
            return true;
        }
    }
    return find_embedded(name) != NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void list_files(const char *folder, const char *prefix, int depth, struct name_list *names)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;

    while (stream && names->count < EXPERT_NAMES_MAX && (entry = readdir(stream))) {
        size_t length = strlen(entry->d_name);
        size_t suffix = strlen(EXPERT_SUFFIX);
        char *path = path_join(folder, entry->d_name);
        struct stat status;
        bool is_there = entry->d_name[0] != '.' && stat(path, &status) == 0;

        if (is_there && S_ISDIR(status.st_mode) && depth < FOLDERS_DEPTH_MAX) {
            char *below = mem_printf("%s%s/", prefix, entry->d_name);

            list_files(path, below, depth + 1, names);
            free(below);
        } else if (is_there && S_ISREG(status.st_mode) && length > suffix &&
                   strcmp(entry->d_name + length - suffix, EXPERT_SUFFIX) == 0) {
            *VEC_PUSH(names) = mem_printf("%s%.*s", prefix, (int)(length - suffix), entry->d_name);
        }
        free(path);
    }
    if (stream) {
        (void)closedir(stream);
    }
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void list_of(struct ops *ops, size_t origin, struct name_list *names)
{
    const char *folder = origin < 2 ? origin_folder(ops, origin) : NULL;
    const struct embedded_file *files;
    size_t before = names->count;
    size_t count;

    if (folder) {
        char *path = path_join(folder, "experts");

        list_files(path, "", 0, names);
        free(path);
    }
    files = embedded_experts(&count);
    for (size_t i = 0; origin == 2 && i < count; i++) {
        *VEC_PUSH(names) = mem_strdup(files[i].name);
    }
    if (names->count > before) {
        qsort(names->items + before, names->count - before, sizeof(*names->items), compare_names);
    }
}

void ops_list_experts(struct ops *ops, struct name_list *names)
{
    for (size_t origin = 0; origin < ARRAY_LEN(origins); origin++) {
        list_of(ops, origin, names);
    }
}

static void release_names(struct name_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    VEC_RELEASE(names);
}

/* ---- showing --------------------------------------------------------------------------------- */

static json_t *describe_hints(const struct expert_hint *hints, size_t count, bool is_list)
{
    json_t *result = json_object();

    for (size_t i = 0; i < count; i++) {
        json_t *values = json_array();

        for (size_t k = 0; k < hints[i].count; k++) {
            (void)json_array_append_new(values, json_string(hints[i].values[k]));
        }
        json_put(result, hints[i].agent ? hints[i].agent : "*",
                 is_list ? json_incref(values) : json_incref(json_array_get(values, 0)));
        json_decref(values);
    }
    return result;
}

static void describe_expert(const struct expert *expert, json_t *result)
{
    json_put_text(result, "description", expert->description);
    json_put_text(result, "kind", expert->kind);
    json_put_text(result, "permission", expert->read_only ? "read-only" : "edit");
    if (expert->model_count > 0) {
        json_put(result, "model", describe_hints(expert->models, expert->model_count, false));
    }
    if (expert->tool_count > 0) {
        json_put(result, "tools", describe_hints(expert->tools, expert->tool_count, true));
    }
    if (expert->temperature >= 0) {
        json_put(result, "temperature", json_real(expert->temperature));
    }
}

static json_t *describe_problems(const struct problems *problems)
{
    json_t *lines = json_array();
    struct strbuf text;
    char *rest;
    char *line;

    strbuf_init(&text, TEXT_BYTES_MAX);
    problems_format(problems, &text);
    rest = text.data;
    while (rest && (line = strsep(&rest, "\n")) != NULL) {
        if (*line) {
            (void)json_array_append_new(lines, json_string(line));
        }
    }
    strbuf_release(&text);
    return lines;
}

/* The expert of one origin; `with_text`: all of it. */
static json_t *describe(struct ops *ops, size_t origin, const char *name, bool with_text)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct arena *arena = arena_new();
    json_t *result = json_object();
    const struct expert *expert = NULL;
    struct error err = ERROR_INIT;
    char *text = NULL;
    char *file = NULL;
    int r = read_of(ops, origin, name, &text, &file, &err);

    json_put_text(result, "name", name);
    json_put_text(result, "origin", origins[origin]);
    json_put_text(result, "file", file);
    if (r == 0) {
        r = expert_parse(arena, name, text, file, &expert, problems, &err);
    }
    if (r == 0) {
        describe_expert(expert, result);
    } else {
        json_put(result, "invalid", json_true());
        json_put_text(result, "error", problems->count == 0 ? err.text : NULL);
    }
    if (problems->count > 0) {
        json_put(result, "problems", describe_problems(problems));
    }
    if (with_text) {
        json_put_text(result, "text", expert ? expert->body : text);
    }
    free(text);
    free(file);
    free(problems);
    arena_free(arena);
    return result;
}

/* The origin whose expert of this name is the one that steps get. */
static size_t winner(struct ops *ops, const char *name)
{
    for (size_t origin = 0; origin < 2; origin++) {
        char *file = file_of(ops, origin, name);

        free(file);
        if (file) {
            return origin;
        }
    }
    return 2;
}

static void list(struct ops *ops, json_t **ret_result)
{
    json_t *rows = json_array();

    for (size_t origin = 0; origin < ARRAY_LEN(origins); origin++) {
        struct name_list names = {0};

        list_of(ops, origin, &names);
        for (size_t i = 0; i < names.count; i++) {
            size_t first = winner(ops, names.items[i]);
            json_t *row = describe(ops, origin, names.items[i], false);

            json_put(row, "hidden", json_boolean(first != origin));
            json_put_text(row, "hidden_by", first != origin ? origins[first] : NULL);
            if (first == origin && origin < 2 && find_embedded(names.items[i])) {
                json_put(row, "overrides", json_true());
            }
            (void)json_array_append_new(rows, row);
        }
        release_names(&names);
    }
    *ret_result = json_object();
    json_put(*ret_result, "experts", rows);
}

static int show(struct ops *ops, const char *name, json_t **ret_result, struct error *err)
{
    struct name_list names = {0};
    const char *nearest;
    int r = 0;

    if (ops_has_expert(ops, name)) {
        size_t origin = winner(ops, name);

        *ret_result = describe(ops, origin, name, true);
        if (origin < 2 && find_embedded(name)) {
            json_put(*ret_result, "overrides", json_true());
        }
        return 0;
    }
    ops_list_experts(ops, &names);
    nearest = nearest_name(name, (const char *const *)names.items, names.count);
    r = error_set(err, ERROR_NOT_FOUND, "there is no expert %s", name);
    if (nearest) {
        error_hint(err, "did you mean %s? `fermata experts` lists all", nearest);
    } else {
        error_hint(err, "`fermata experts` lists all; your own are .fermata/experts/NAME.md");
    }
    release_names(&names);
    return r;
}

int op_experts(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err)
{
    const char *name = json_get_text(arguments, "name", NULL);
    int r;

    if (name && strcmp(name, IMPORT) == 0) {
        return ops_import_experts(ops, arguments, view, ret_result, err);
    }
    if (json_get_text(arguments, "from", NULL) || json_get_boolean(arguments, "dry_run", false)) {
        r = error_set(err, ERROR_INVALID, "--from and --dry-run are of `experts import`");
        error_hint(err, "fermata experts import --dry-run");
        return r;
    }
    if (!name) {
        list(ops, ret_result);
        return 0;
    }
    return show(ops, name, ret_result, err);
}

/* The project's and the user's own, each as {file, problems}, for `validate`. */
void ops_check_experts(struct ops *ops,
                       void (*tell)(void *context, const char *file, int result,
                                    const struct problems *problems, const struct error *failure),
                       void *context)
{
    for (size_t origin = 0; origin < 2; origin++) {
        struct name_list names = {0};

        list_of(ops, origin, &names);
        for (size_t i = 0; i < names.count; i++) {
            struct problems *problems = mem_zero(1, sizeof(*problems));
            struct arena *arena = arena_new();
            const struct expert *expert;
            struct error failure = ERROR_INIT;
            char *file = file_of(ops, origin, names.items[i]);
            char *read_file = NULL;
            char *text = NULL;
            int r = read_of(ops, origin, names.items[i], &text, &read_file, &failure);

            if (r == 0) {
                r = expert_parse(arena, names.items[i], text, read_file, &expert, problems,
                                 &failure);
            }
            tell(context, file ? file : names.items[i], r, problems, &failure);
            free(text);
            free(file);
            free(read_file);
            arena_free(arena);
            free(problems);
        }
        release_names(&names);
    }
}

char *ops_expert_table(struct ops *ops)
{
    static const char *const kinds[] = {"lifecycle", "conductor"};
    static const char *const titles[] = {"Those who build", "Those who only look"};
    struct name_list names = {0};
    struct strbuf text;
    char *page;

    strbuf_init(&text, TEXT_BYTES_MAX);
    strbuf_add(&text, "# The built-in experts\n\nGenerated by `fermata schema experts`; "
                      "[experts.md](experts.md) says what they are.\n");
    list_of(ops, 2, &names);
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        strbuf_addf(&text,
                    "\n## %s (`%s`)\n\n| expert | may | hint for claude | temperature | for |\n"
                    "|---|---|---|---|---|\n",
                    titles[kind], kinds[kind]);
        for (size_t i = 0; i < names.count; i++) {
            json_t *expert = describe(ops, 2, names.items[i], false);

            if (strcmp(json_get_text(expert, "kind", ""), kinds[kind]) == 0) {
                strbuf_addf(&text, "| `%s` | %s | %s | %g | %s |\n", names.items[i],
                            json_get_text(expert, "permission", ""),
                            json_get_text(json_object_get(expert, "model"), "claude", ""),
                            json_number_value(json_object_get(expert, "temperature")),
                            json_get_text(expert, "description", ""));
            }
            json_decref(expert);
        }
    }
    release_names(&names);
    page = strbuf_take(&text);
    strbuf_release(&text);
    return page;
}
