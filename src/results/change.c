/* SPDX-License-Identifier: MIT */
/* Lists of changes. Kept: path, from and to, each ended by NUL, "" for nothing. */
#include "results/snapshot_internal.h"

#include "base/map.h"
#include "results/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_BYTES_MAX (256U * 1024 * 1024)

enum change_kind change_kind(const char *content)
{
    static const struct {
        const char *mode;
        enum change_kind kind;
    } kinds[] = {{"100644 ", CHANGE_FILE},          {"100755 ", CHANGE_FILE},
                 {"120000 ", CHANGE_LINK},          {"160000 ", CHANGE_REPOSITORY},
                 {ENTRY_LEFT_OUT, CHANGE_LEFT_OUT}, {ENTRY_OTHER, CHANGE_OTHER}};

    for (size_t i = 0; content && i < ARRAY_LEN(kinds); i++) {
        if (strncmp(content, kinds[i].mode, strlen(kinds[i].mode)) == 0) {
            return kinds[i].kind;
        }
    }
    return CHANGE_NOTHING;
}

void change_digest(const char *content, char ret_digest[DIGEST_HEX_SIZE])
{
    const char *digest = content + ENTRY_MODE_LENGTH;

    (void)snprintf(ret_digest, DIGEST_HEX_SIZE, "%.*s", (int)strcspn(digest, " "), digest);
}

static size_t length_of(const char *content)
{
    size_t length = strlen(content);
    size_t mark = strlen(TREE_IGNORED);

    return length > mark && strcmp(content + length - mark, TREE_IGNORED) == 0 ? length - mark
                                                                               : length;
}

bool change_is_same(const char *left, const char *right)
{
    if (!left || !right) {
        return left == right;
    }
    return length_of(left) == length_of(right) && strncmp(left, right, length_of(left)) == 0;
}

void changes_add(struct changes *changes, const char *path, const char *from, const char *to)
{
    *VEC_PUSH(changes) = (struct change){mem_strdup(path), mem_strdup(from), mem_strdup(to)};
}

void changes_release(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        free(changes->items[i].path);
        free(changes->items[i].from);
        free(changes->items[i].to);
    }
    VEC_RELEASE(changes);
}

/* --- all of them at once */

/* The file or link above this path that is wanted as well; NULL: none. */
static const char *find_above(const struct map *wanted, const char *path)
{
    char *above = mem_strdup(path);
    const char *found = NULL;
    char *slash;

    while (!found && (slash = strrchr(above, '/')) != NULL) {
        *slash = '\0';
        found = map_find(wanted, above);
    }
    free(above);
    return found;
}

int changes_check_possible(const struct changes *wanted, struct error *err)
{
    struct map *by_path = map_new();
    int r = 0;

    for (size_t i = 0; i < wanted->count; i++) {
        if (wanted->items[i].to) {
            (void)map_put(by_path, wanted->items[i].path, wanted->items[i].path);
        }
    }
    for (size_t i = 0; r == 0 && i < wanted->count; i++) {
        const char *path = wanted->items[i].path;
        const char *above = wanted->items[i].to ? find_above(by_path, path) : NULL;

        if (above) {
            r = error_set(err, ERROR_CONFLICT,
                          "nothing was done, for %s was a file between two steps and a folder "
                          "with %s before",
                          above, path);
            error_hint(err, "take the steps back one by one, the last one first");
        }
    }
    map_free(by_path);
    return r;
}

/* --- two snapshots */

struct side {
    char *text;
    const char *at, *end;
    struct tree_entry entry;
    bool has_entry;
    VEC(const char *) left_out;
};

static void side_next(struct side *side)
{
    side->has_entry = tree_next(&side->at, side->end, &side->entry);
    while (side->has_entry && change_kind(side->entry.content) == CHANGE_LEFT_OUT) {
        side->has_entry = tree_next(&side->at, side->end, &side->entry);
    }
}

static int side_open(struct snapshots *snapshots, const char *digest, struct side *side,
                     struct error *err)
{
    struct tree_entry entry;
    size_t length;
    const char *at;
    int r = snapshot_get(snapshots, digest, &side->text, &length, err);

    if (r < 0) {
        return r;
    }
    side->at = side->text;
    side->end = side->text + length;
    for (at = side->text; tree_next(&at, side->end, &entry);) {
        if (change_kind(entry.content) == CHANGE_LEFT_OUT) {
            *VEC_PUSH(&side->left_out) = entry.path;
        }
    }
    side_next(side);
    return 0;
}

static void side_close(struct side *side)
{
    free(side->text);
    VEC_RELEASE(&side->left_out);
}

static bool is_left_out(const struct side *side, const char *path)
{
    for (size_t i = 0; i < side->left_out.count; i++) {
        size_t length = strlen(side->left_out.items[i]);

        if (strncmp(side->left_out.items[i], path, length) == 0 &&
            (path[length] == '/' || !path[length])) {
            return true;
        }
    }
    return false;
}

static void compare_sides(struct side *left, struct side *right, struct changes *changes)
{
    while (left->has_entry || right->has_entry) {
        int order = !left->has_entry    ? 1
                    : !right->has_entry ? -1
                                        : strcmp(left->entry.path, right->entry.path);
        const char *path = order > 0 ? right->entry.path : left->entry.path;
        const char *from = order <= 0 ? left->entry.content : NULL;
        const char *to = order >= 0 ? right->entry.content : NULL;

        if (!change_is_same(from, to) && (from || !is_left_out(left, path)) &&
            (to || !is_left_out(right, path))) {
            changes_add(changes, path, from, to);
        }
        if (order <= 0) {
            side_next(left);
        }
        if (order >= 0) {
            side_next(right);
        }
    }
}

int snapshot_compare(struct snapshots *snapshots, const char *from, const char *to,
                     struct changes *changes, struct error *err)
{
    struct side left = {0};
    struct side right = {0};
    int r = 0;

    if (strcmp(from, to) == 0) {
        return 0;
    }
    r = side_open(snapshots, from, &left, err);
    if (r == 0) {
        r = side_open(snapshots, to, &right, err);
    }
    if (r == 0) {
        compare_sides(&left, &right, changes);
    }
    side_close(&left);
    side_close(&right);
    return r;
}

static void add_field(struct strbuf *text, const char *field)
{
    strbuf_add(text, field ? field : "");
    strbuf_add_char(text, '\0');
}

static void add_entry(struct strbuf *listing, const char *path, const char *content)
{
    if (content) {
        add_field(listing, path);
        add_field(listing, content);
    }
}

static void add_changed(struct strbuf *listing, const char *text, const char *end,
                        const struct changes *changes)
{
    struct tree_entry entry;
    size_t next = 0;

    for (const char *at = text; tree_next(&at, end, &entry);) {
        bool is_left_out = change_kind(entry.content) == CHANGE_LEFT_OUT; /* these end it */
        int order = -1;

        while (next < changes->count &&
               (is_left_out || (order = strcmp(changes->items[next].path, entry.path)) <= 0)) {
            add_entry(listing, changes->items[next].path, changes->items[next].to);
            next++;
            if (order == 0) {
                break;
            }
        }
        if (order != 0) {
            add_entry(listing, entry.path, entry.content);
        }
    }
    for (; next < changes->count; next++) {
        add_entry(listing, changes->items[next].path, changes->items[next].to);
    }
}

int snapshot_change(struct snapshots *snapshots, const char *from, const struct changes *changes,
                    char ret_digest[DIGEST_HEX_SIZE], struct error *err)
{
    struct strbuf listing;
    char *text;
    size_t length;
    int r = snapshot_get(snapshots, from, &text, &length, err);

    if (r < 0) {
        return r;
    }
    strbuf_init(&listing, CHANGES_BYTES_MAX);
    add_changed(&listing, text, text + length, changes);
    r = listing.overflow ? error_set(err, ERROR_LIMIT, "too many files were changed")
                         : snapshot_put(snapshots, listing.data, listing.length, ret_digest, err);
    strbuf_release(&listing);
    free(text);
    return r;
}

/* --- kept */

int changes_put(struct snapshots *snapshots, const struct changes *changes,
                char ret_digest[DIGEST_HEX_SIZE], struct error *err)
{
    struct strbuf text;
    int r;

    strbuf_init(&text, CHANGES_BYTES_MAX);
    for (size_t i = 0; i < changes->count; i++) {
        add_field(&text, changes->items[i].path);
        add_field(&text, changes->items[i].from);
        add_field(&text, changes->items[i].to);
    }
    r = text.overflow ? error_set(err, ERROR_LIMIT, "too many files were changed")
                      : snapshot_put(snapshots, text.data, text.length, ret_digest, err);
    strbuf_release(&text);
    return r;
}

/* The field at the cursor, which goes on; NULL: it has no end. */
static const char *take_field(const char **cursor, const char *end)
{
    const char *field = *cursor;
    size_t length = strnlen(field, (size_t)(end - field));

    if (field + length >= end) {
        return NULL;
    }
    *cursor = field + length + 1;
    return field;
}

int changes_get(struct snapshots *snapshots, const char *digest, struct changes *changes,
                struct error *err)
{
    char *text;
    size_t length;
    const char *at;
    int r = snapshot_get(snapshots, digest, &text, &length, err);

    if (r < 0) {
        return r;
    }
    for (at = text; r == 0 && at < text + length;) {
        const char *path = take_field(&at, text + length);
        const char *from = path ? take_field(&at, text + length) : NULL;
        const char *to = from ? take_field(&at, text + length) : NULL;

        if (to) {
            changes_add(changes, path, *from ? from : NULL, *to ? to : NULL);
        } else {
            r = error_set(err, ERROR_IO, "%s is no list of changes", digest);
        }
    }
    free(text);
    return r;
}
