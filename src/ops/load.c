/* SPDX-License-Identifier: MIT */
/* Workflows by name or file. */
#include "base/alloc.h"
#include "base/file.h"
#include "ops/internal.h"

#include <stdlib.h>
#include <string.h>

static bool ends_in(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);

    return length > suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

/* A name may hold a slash as well ("launch/waitlist"): only what is not in the library is a file.
 */
bool ops_is_file_name(const char *name)
{
    return strchr(name, '/') || ends_in(name, ".yaml") || ends_in(name, ".yml");
}

const char *ops_default_workflow(const struct ops *ops)
{
    return ops->settings->workflow ? ops->settings->workflow : ops->config->default_workflow;
}

/* ---- workflows --------------------------------------------------------------------------------
 */

int ops_find_configured(const struct ops *ops, const char *name)
{
    const struct config *config = ops->config;

    for (size_t i = 0; i < config->workflow_count; i++) {
        if (strcmp(config->workflow_names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const struct library_entry *ops_find_entry(const struct ops *ops, const char *name)
{
    const struct library_entry *entry = library_find(ops->library, name);

    return entry && entry->origin == ORIGIN_BUILTIN && ops_find_configured(ops, name) >= 0 ? NULL
                                                                                           : entry;
}

static bool is_inside(const char *name, const char *pack)
{
    size_t length = strlen(pack);

    return strncmp(name, pack, length) == 0 && name[length] == '/';
}

bool ops_is_pack(const struct ops *ops, const char *name)
{
    bool is_pack = false;

    for (size_t i = 0; i < ops->library->count && !is_pack; i++) {
        is_pack = is_inside(ops->library->entries[i].name, name);
    }
    for (size_t i = 0; i < ops->config->workflow_count && !is_pack; i++) {
        is_pack = is_inside(ops->config->workflow_names[i], name);
    }
    return is_pack && !ops_find_entry(ops, name) && ops_find_configured(ops, name) < 0;
}

/* "launch/waitlst": not a file, for there are workflows in `launch`. */
static bool names_pack(const struct ops *ops, const char *name)
{
    const char *slash = strchr(name, '/');
    char *pack = slash ? mem_strndup(name, (size_t)(slash - name)) : NULL;
    bool is_pack = pack && !ends_in(name, ".yaml") && !ends_in(name, ".yml") &&
                   ops_is_pack(ops, pack);

    free(pack);
    return is_pack;
}

static int no_such_workflow(struct ops *ops, const char *name, struct error *err)
{
    char *nearest = ops_nearest_workflow(ops, name);
    int r = error_set(err, ERROR_NOT_FOUND, "there is no workflow %s", name);

    if (ops_is_pack(ops, name)) {
        error_hint(err, "%s is a pack: `fermata workflows %s` lists what is in it", name, name);
    } else if (nearest) {
        error_hint(err, "did you mean %s? `fermata workflows` lists all", nearest);
    } else {
        error_hint(err, "`fermata workflows` lists what there is; a file is named by its path");
    }
    free(nearest);
    return r;
}

int ops_check_workflow_name(struct ops *ops, const char *name, struct error *err)
{
    int r = ops_need_library(ops, err);

    if (r == 0) {
        r = ops_need_config(ops, err);
    }
    if (r < 0 || ops_find_entry(ops, name) || ops_find_configured(ops, name) >= 0) {
        return r;
    }
    return no_such_workflow(ops, name, err);
}

int ops_read_workflow(struct ops *ops, const char *name, char **ret_text, size_t *ret_length,
                      char **ret_file, struct error *err)
{
    const struct library_entry *entry;
    int configured;
    char *path;
    int r = ops_need_library(ops, err);

    if (r == 0) {
        r = ops_need_config(ops, err);
    }
    if (r < 0) {
        return r;
    }
    entry = ops_find_entry(ops, name);
    if (entry) {
        r = library_read(entry->file, ret_text, ret_length, err);
        if (r == 0) {
            *ret_file = mem_strdup(entry->file);
        }
        return r;
    }
    configured = ops_find_configured(ops, name);
    if (configured >= 0) {
        *ret_text = mem_strdup(ops->config->workflow_texts[configured]);
        *ret_length = strlen(*ret_text);
        *ret_file = mem_strdup(ops->config->workflow_files[configured]);
        return 0;
    }
    if (!ops_is_file_name(name)) {
        return no_such_workflow(ops, name, err);
    }
    path = ops_path(ops, name);
    if (!file_exists(path) && names_pack(ops, name)) {
        r = no_such_workflow(ops, name, err);
    } else if (!file_exists(path)) {
        r = error_set(err, ERROR_NOT_FOUND, "there is no workflow file %s", name);
        error_hint(err, "`fermata workflows` lists the workflows that have a name");
    } else {
        r = library_read(path, ret_text, ret_length, err);
    }
    free(path);
    if (r == 0) {
        *ret_file = mem_strdup(name);
    }
    return r;
}

/* Whole lines, as many as an error has room for beside `used` bytes; the number of those that are
 * left out. */
static size_t cut_lines(struct strbuf *lines, size_t used)
{
    size_t room = ERROR_TEXT_MAX - used;
    size_t left_out = 0;

    while (lines->length > 0 && lines->data[lines->length - 1] == '\n') {
        lines->data[--lines->length] = '\0';
    }
    while (lines->length > room) {
        const char *last = strrchr(lines->data, '\n');

        lines->length = last ? (size_t)(last - lines->data) : 0;
        lines->data[lines->length] = '\0';
        left_out++;
    }
    return left_out;
}

int ops_problems_error(const char *what, const struct problems *problems, struct error *err)
{
    struct strbuf lines;
    struct strbuf text;
    size_t errors = 0;
    size_t left_out;

    for (size_t i = 0; i < problems->count; i++) {
        errors += problems->items[i].is_warning ? 0 : 1;
    }
    strbuf_init(&lines, TEXT_BYTES_MAX);
    problems_format(problems, &lines);
    strbuf_init(&text, ERROR_TEXT_MAX);
    strbuf_addf(&text, "%s has %zu error%s\n", what, errors, errors == 1 ? "" : "s");
    left_out = cut_lines(&lines, text.length + sizeof("\n... and 100 more"));
    strbuf_add(&text, lines.data);
    if (left_out > 0) {
        strbuf_addf(&text, "%s... and %zu more", lines.length ? "\n" : "", left_out);
    }
    (void)error_set(err, ERROR_VALIDATION, "%s", text.data);
    strbuf_release(&text);
    strbuf_release(&lines);
    return ERROR_VALIDATION;
}

int ops_load_workflow(struct ops *ops, const char *name, struct workflow **ret_workflow,
                      struct error *err)
{
    struct workflow_names names;
    struct problems *problems;
    size_t length;
    char *text;
    char *file;
    int r = ops_read_workflow(ops, name, &text, &length, &file, err);

    if (r < 0) {
        return r;
    }
    problems = mem_zero(1, sizeof(*problems));
    ops_workflow_names(ops, &names);
    r = workflow_parse(text, length, file, &names, ret_workflow, problems, err);
    if (r == ERROR_VALIDATION && problems->count > 0) {
        char *what = mem_printf("workflow %s", name);

        r = ops_problems_error(what, problems, err);
        error_hint(err, "nothing was started; `fermata validate %s` lists everything", name);
        free(what);
    }
    free(problems);
    free(text);
    free(file);
    return r;
}
