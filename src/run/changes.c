/* SPDX-License-Identifier: MIT */
#include "run/changes.h"
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"

#include <stdlib.h>
#include <unistd.h>

#define LISTING_FILE "tree"
#define LISTING_BYTES_MAX (256U * 1024 * 1024)

int changes_begin(const char *folder, const char *project, struct error *err)
{
    char *path = path_join(folder, LISTING_FILE);
    struct strbuf listing;
    int r;

    strbuf_init(&listing, LISTING_BYTES_MAX);
    r = tree_list(project, &listing, err);
    if (r == 0) {
        r = file_write(path, listing.data, listing.length, FILE_NO_SYNC, err);
    }
    strbuf_release(&listing);
    free(path);
    return r;
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

json_t *changes_end(const char *folder, const char *project)
{
    char *path = path_join(folder, LISTING_FILE);
    struct tree_difference difference = {.paths_max = CHANGES_PATHS_MAX};
    struct strbuf before, after;
    json_t *changes = NULL;

    strbuf_init(&before, LISTING_BYTES_MAX);
    strbuf_init(&after, LISTING_BYTES_MAX);
    if (read_before(path, &before) == 0 && tree_list(project, &after, NULL) == 0) {
        difference.paths = json_array();
        tree_compare(&before, &after, &difference);
        changes = json_object();
        json_put_integer(changes, "count", difference.count);
        json_put(changes, "changed", difference.paths);
        (void)unlink(path); /* large, and of no more use */
    }
    strbuf_release(&before);
    strbuf_release(&after);
    free(path);
    return changes;
}
