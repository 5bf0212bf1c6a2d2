/* SPDX-License-Identifier: MIT */
/* Which snapshots and lists of changes are in use: the ones that the notes of attempts, undos and
 * clones name. What is not found here is removed by `fermata gc`. */
#include "run/undo.h"

#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "run/changes.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

static void put_digests(const json_t *note, json_t *digests)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)note, key, value)
    {
        if (json_string_length(value) == DIGEST_HEX_LENGTH) {
            json_put(digests, json_string_value(value), json_true());
        }
    }
}

/* What is not found here is not in use, so whatever cannot be looked at is an error. */
static DIR *list_folder(const char *path, int *ret_result, struct error *err)
{
    DIR *stream = opendir(path);

    *ret_result = stream || errno == ENOENT || errno == ENOTDIR
                      ? 0
                      : error_set_errno(err, "cannot list %s", path);
    return stream;
}

/* NULL at the end, too when something went wrong. */
static const char *next_name(DIR *stream, const char *path, int *result, struct error *err)
{
    const struct dirent *entry = NULL;

    while (stream && *result == 0) {
        errno = 0;
        entry = readdir(stream);
        if (entry && entry->d_name[0] != '.') {
            return entry->d_name;
        }
        if (!entry) {
            *result = errno ? error_set_errno(err, "cannot list %s", path) : 0;
            break;
        }
    }
    return NULL;
}

/* The notes of all folders in this one. */
static int find_in(struct store *store, const char *folder, json_t *digests, struct error *err)
{
    int r;
    DIR *stream = list_folder(folder, &r, err);
    const char *name;

    while ((name = next_name(stream, folder, &r, err)) != NULL) {
        char *path = path_join(folder, name);
        json_t *note;

        r = snapshot_note_find(store, path, &note, err);
        put_digests(note, digests);
        json_decref(note);
        free(path);
    }
    if (stream) {
        (void)closedir(stream);
    }
    return r;
}

int undo_find_digests(struct store *store, const char *folder, json_t *digests, struct error *err)
{
    static const char *const places[] = {"attempts", UNDO_FOLDER, "workspaces"};
    char *runs = path_join(folder, "workflows");
    int r;
    DIR *stream = list_folder(runs, &r, err);
    const char *name;

    while ((name = next_name(stream, runs, &r, err)) != NULL) {
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(places); i++) {
            char *place = mem_printf("%s/%s/%s", runs, name, places[i]);

            r = find_in(store, place, digests, err);
            free(place);
        }
    }
    if (stream) {
        (void)closedir(stream);
    }
    free(runs);
    /* Also those whose folders somebody removed. */
    return r < 0 ? r : snapshot_note_each(store, put_digests, digests, err);
}
