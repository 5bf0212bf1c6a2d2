/* SPDX-License-Identifier: MIT */
#include "run/claims.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "base/vec.h"
#include "run/changes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct claim {
    char *path; /* relative to the project */
    bool is_changed, is_listed;
};

struct comparison {
    VEC(struct claim *) claims;
    struct map *by_path;
};

/* Takes `.`, `..` and doubled strokes out of an absolute path, in place. */
static void normalize(char *path)
{
    char *end = path;
    const char *part = path;

    while (*part) {
        size_t length;

        part += strspn(part, "/");
        length = strcspn(part, "/");
        if (length == 2 && strncmp(part, "..", 2) == 0) {
            while (end > path && *--end != '/') {
            }
        } else if (length > 0 && !(length == 1 && *part == '.')) {
            *end++ = '/';
            memmove(end, part, length);
            end += length;
        }
        part += length;
    }
    *end = '\0';
}

/* NULL: it is not below that folder. */
static const char *below(const char *path, const char *folder)
{
    size_t length = folder ? strlen(folder) : 0;

    return length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/' &&
                   path[length + 1]
               ? path + length + 1
               : NULL;
}

/* As the list of the files has it; free() it. NULL: outside. Some say where a link leads. */
static char *relative(const struct claims *claims, const char *real, const char *said)
{
    char *path = *said == '/' ? mem_strdup(said) : path_join(claims->cwd, said);
    const char *found;
    char *copy;

    normalize(path);
    found = below(path, claims->project);
    found = found ? found : below(path, real);
    copy = mem_strdup(found);
    free(path);
    return copy;
}

static void add_claims(struct comparison *comparison, const struct claims *claims)
{
    char *real = realpath(claims->project, NULL);
    const char *said;
    json_t *value;

    json_object_foreach((json_t *)claims->paths, said, value)
    {
        char *path = relative(claims, real, said);

        if (path && !map_find(comparison->by_path, path)) {
            struct claim *claim = mem_zero(1, sizeof(*claim));

            claim->path = path;
            (void)map_put(comparison->by_path, path, claim);
            *VEC_PUSH(&comparison->claims) = claim;
        } else {
            free(path);
        }
    }
    free(real);
}

static void add_path(json_t *paths, const char *path)
{
    if (json_array_size(paths) < CHANGES_PATHS_MAX) {
        (void)json_array_append_new(paths, json_string(path));
    }
}

static void mark_changed(struct comparison *comparison, const json_t *changed, json_t *not_claimed)
{
    const json_t *path;
    size_t i;

    json_array_foreach((json_t *)changed, i, path)
    {
        struct claim *claim = map_find(comparison->by_path, json_string_value(path));

        if (claim) {
            claim->is_changed = true;
        } else {
            add_path(not_claimed, json_string_value(path));
        }
    }
}

/* A listing is path and content in turn, each ended by NUL. */
static void mark_listed(struct comparison *comparison, const struct strbuf *listing)
{
    const char *at = listing->data;
    const char *end = listing->data + listing->length;

    while (at < end) {
        struct claim *claim = map_find(comparison->by_path, at);

        if (claim) {
            claim->is_listed = true;
        }
        at += strlen(at) + 1;
        at += at < end ? strlen(at) + 1 : 0;
    }
}

static bool is_there(const char *project, const char *path)
{
    char *whole = path_join(project, path);
    bool is = faccessat(AT_FDCWD, whole, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

    free(whole);
    return is;
}

static void put_paths(json_t *changes, const char *name, json_t *paths)
{
    if (json_array_size(paths) > 0) {
        json_put(changes, name, json_incref(paths));
    }
    json_decref(paths);
}

void claims_compare(const struct claims *claims, const json_t *changed, const struct strbuf *after,
                    json_t *changes)
{
    struct comparison comparison = {.by_path = map_new()};
    json_t *not_claimed = json_array();
    json_t *only_claimed = json_array();

    add_claims(&comparison, claims);
    mark_changed(&comparison, changed, not_claimed);
    mark_listed(&comparison, after);
    for (size_t i = 0; i < comparison.claims.count; i++) {
        struct claim *claim = comparison.claims.items[i];

        if (!claim->is_changed && (claim->is_listed || !is_there(claims->project, claim->path))) {
            add_path(only_claimed, claim->path);
        }
        free(claim->path);
        free(claim);
    }
    put_paths(changes, "only_claimed", only_claimed);
    put_paths(changes, "not_claimed", not_claimed);
    VEC_RELEASE(&comparison.claims);
    map_free(comparison.by_path);
}
