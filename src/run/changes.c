/* SPDX-License-Identifier: MIT */
#include "run/changes.h"
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTING_FILE "tree"
#define WHY_FILE "tree.unknown" /* why there is no listing */
#define LISTING_BYTES_MAX (256U * 1024 * 1024)
#define FILES_MAX 500000 /* about a second for each look, when nothing has to be read */

static void write_why(const char *folder, const struct error *err)
{
    char *path = path_join(folder, WHY_FILE);

    (void)file_write(path, err->text, strlen(err->text), FILE_NO_SYNC, NULL);
    free(path);
}

void changes_begin(const char *folder, const char *project)
{
    char *path = path_join(folder, LISTING_FILE);
    struct error err = ERROR_INIT;
    struct strbuf listing;
    int r;

    strbuf_init(&listing, LISTING_BYTES_MAX);
    r = tree_list(project, FILES_MAX, &listing, &err);
    if (r == 0) {
        r = file_write(path, listing.data, listing.length, FILE_NO_SYNC, &err);
    }
    if (r < 0) {
        write_why(folder, &err);
    }
    strbuf_release(&listing);
    free(path);
}

static int read_before(const char *path, struct strbuf *before)
{
    char *data = NULL;
    size_t length;
    int r = file_read(path, LISTING_BYTES_MAX, &data, &length, NULL);

    if (r == 0) {
        strbuf_add_bytes(before, data, length);
    }
    free(data);
    return r;
}

/* {unknown: WHY}; NULL: nobody wrote why. */
static json_t *read_why(const char *folder)
{
    char *path = path_join(folder, WHY_FILE);
    char *why = NULL;
    size_t length;
    json_t *changes = NULL;

    if (file_read(path, ERROR_TEXT_MAX, &why, &length, NULL) == 0) {
        changes = json_object();
        json_put(changes, "unknown", json_text_lossy(why, length));
    }
    free(why);
    free(path);
    return changes;
}

static json_t *first_of(const json_t *paths)
{
    json_t *first = json_array();
    const json_t *path;
    size_t i;

    json_array_foreach((json_t *)paths, i, path)
    {
        if (i == CHANGES_PATHS_MAX) {
            break;
        }
        (void)json_array_append(first, (json_t *)path);
    }
    return first;
}

static json_t *compare(const struct strbuf *before, const struct strbuf *after,
                       const struct claims *claims)
{
    struct tree_difference difference = {.paths_max = SIZE_MAX, .paths = json_array()};
    json_t *changes = json_object();

    tree_compare(before, after, &difference);
    json_put_integer(changes, "count", difference.count);
    json_put(changes, "changed", first_of(difference.paths));
    if (claims->paths) {
        claims_compare(claims, difference.paths, after, changes);
    }
    json_decref(difference.paths);
    return changes;
}

json_t *changes_end(const char *folder, const struct claims *claims)
{
    char *path = path_join(folder, LISTING_FILE);
    struct error err = ERROR_INIT;
    struct strbuf before, after;
    json_t *changes = NULL;

    strbuf_init(&before, LISTING_BYTES_MAX);
    strbuf_init(&after, LISTING_BYTES_MAX);
    if (read_before(path, &before) < 0) {
        changes = read_why(folder);
    } else if (tree_list(claims->project, FILES_MAX, &after, &err) < 0) {
        changes = json_object();
        json_put_text(changes, "unknown", err.text);
    } else {
        changes = compare(&before, &after, claims);
    }
    (void)unlink(path); /* large, and of no more use */
    strbuf_release(&before);
    strbuf_release(&after);
    free(path);
    return changes;
}
