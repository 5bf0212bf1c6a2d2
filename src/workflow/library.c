/* SPDX-License-Identifier: MIT */
#include "workflow/library.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/id.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "workflow/embedded.h"
#include "workflow/workflow.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUILTIN_PREFIX "builtin:"
#define SUFFIX ".yaml"
#define ENTRIES_MAX 10000
#define FOLDER_DEPTH_MAX 8

VEC_TYPE(entries, struct library_entry);

/* One folder of workflows being read. */
struct scan {
    struct entries *entries;
    enum workflow_origin origin;
    struct error *err;
};

const char *workflow_origin_name(enum workflow_origin origin)
{
    switch (origin) {
    case ORIGIN_PROJECT:
        return "project";
    case ORIGIN_USER:
        return "user";
    case ORIGIN_BUILTIN:
        return "built in";
    }
    assert(!"every origin has a name");
    return "";
}

/* Takes name and file over. */
static int add_entry(struct scan *scan, char *name, char *file)
{
    if (scan->entries->count >= ENTRIES_MAX) {
        free(name);
        free(file);
        return error_set(scan->err, ERROR_LIMIT, "more than %d workflow files", ENTRIES_MAX);
    }
    *VEC_PUSH(scan->entries) = (struct library_entry){
        .name = name, .file = file, .origin = scan->origin};
    return 0;
}

static int scan_folder(struct scan *scan, const char *folder, const char *prefix, int depth);

/* prefix is the entry's place below the workflows folder: "" or "launch/". */
static int scan_entry(struct scan *scan, const char *folder, const char *prefix, const char *entry,
                      int depth)
{
    size_t length = strlen(entry);
    size_t suffix = strlen(SUFFIX);
    char *path = path_join(folder, entry);
    struct stat status;
    int r = 0;

    /* A link to a file is followed, a link to a folder is not: it could lead in a circle. The
     * folders of runs stand here too; what their steps wrote is no workflow. */
    if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        char *below = mem_printf("%s%s/", prefix, entry);

        r = depth == 0 && run_id_is_valid(entry) ? 0 : scan_folder(scan, path, below, depth + 1);
        free(below);
    } else if (length > suffix && strcmp(entry + length - suffix, SUFFIX) == 0 &&
               stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        r = add_entry(scan, mem_printf("%s%.*s", prefix, (int)(length - suffix), entry), path);
        path = NULL;
    }
    free(path);
    return r;
}

static int scan_folder(struct scan *scan, const char *folder, const char *prefix, int depth)
{
    struct dirent *entry;
    DIR *stream;
    int r = 0;

    if (depth > FOLDER_DEPTH_MAX) {
        return error_set(scan->err, ERROR_LIMIT, "%s is nested deeper than %d folders", folder,
                         FOLDER_DEPTH_MAX);
    }
    stream = opendir(folder);
    if (!stream) {
        return errno == ENOENT ? 0
                               : error_set_errno(scan->err, "cannot list the folder %s", folder);
    }
    for (;;) {
        errno = 0;
        entry = readdir(stream);
        if (!entry) {
            r = errno ? error_set_errno(scan->err, "cannot list the folder %s", folder) : 0;
            break;
        }
        if (entry->d_name[0] == '.') {
            continue;
        }
        r = scan_entry(scan, folder, prefix, entry->d_name, depth);
        if (r < 0) {
            break;
        }
    }
    (void)closedir(stream);
    return r;
}

static int add_builtin(struct scan *scan)
{
    size_t count = 0;
    const struct embedded_file *files = embedded_workflows(&count);
    int r = 0;

    for (size_t i = 0; i < count && r == 0; i++) {
        r = add_entry(scan, mem_strdup(files[i].name),
                      mem_printf(BUILTIN_PREFIX "%s", files[i].name));
    }
    return r;
}

static int compare_entries(const void *left, const void *right)
{
    const struct library_entry *a = left;
    const struct library_entry *b = right;
    int order = strcmp(a->name, b->name);

    return order ? order : (int)a->origin - (int)b->origin;
}

int library_load(const char *project_folder, const char *user_folder, struct library *ret_library,
                 struct error *err)
{
    struct entries entries = {0};
    struct scan scan = {.entries = &entries, .err = err};
    struct library library;
    int r = 0;

    scan.origin = ORIGIN_PROJECT;
    if (project_folder) {
        r = scan_folder(&scan, project_folder, "", 0);
    }
    scan.origin = ORIGIN_USER;
    if (r == 0 && user_folder) {
        r = scan_folder(&scan, user_folder, "", 0);
    }
    scan.origin = ORIGIN_BUILTIN;
    if (r == 0) {
        r = add_builtin(&scan);
    }
    library = (struct library){.entries = entries.items, .count = entries.count};
    if (r < 0) {
        library_release(&library);
        return r;
    }
    if (library.count > 0) {
        qsort(library.entries, library.count, sizeof(*library.entries), compare_entries);
    }
    for (size_t i = 1; i < library.count; i++) {
        library.entries[i].is_hidden = strcmp(library.entries[i - 1].name,
                                              library.entries[i].name) == 0;
    }
    *ret_library = library;
    return 0;
}

void library_release(struct library *library)
{
    for (size_t i = 0; i < library->count; i++) {
        free(library->entries[i].name);
        free(library->entries[i].file);
    }
    free(library->entries);
    *library = (struct library){0};
}

const struct library_entry *library_find(const struct library *library, const char *name)
{
    for (size_t i = 0; i < library->count; i++) {
        if (strcmp(library->entries[i].name, name) == 0) {
            return &library->entries[i];
        }
    }
    return NULL;
}

static const struct embedded_file *find_builtin(const char *name)
{
    size_t count = 0;
    const struct embedded_file *files = embedded_workflows(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].name, name) == 0) {
            return &files[i];
        }
    }
    return NULL;
}

int library_read(const char *file, char **ret_text, size_t *ret_length, struct error *err)
{
    const struct embedded_file *builtin;

    if (strncmp(file, BUILTIN_PREFIX, strlen(BUILTIN_PREFIX)) != 0) {
        return file_read(file, WORKFLOW_BYTES_MAX, ret_text, ret_length, err);
    }
    builtin = find_builtin(file + strlen(BUILTIN_PREFIX));
    if (!builtin) {
        return error_set(err, ERROR_NOT_FOUND, "there is no built-in workflow \"%s\"",
                         UTF8_CUT(file + strlen(BUILTIN_PREFIX), 100));
    }
    *ret_text = mem_strndup(builtin->data, builtin->length);
    if (ret_length) {
        *ret_length = builtin->length;
    }
    return 0;
}
