/* SPDX-License-Identifier: MIT */
#include "run/changes.h"
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "results/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTING_FILE "tree" /* where there is no snapshot */
#define LISTING_BYTES_MAX (256U * 1024 * 1024)
#define FILES_MAX 500000 /* about a second for each look, when nothing has to be read */
#define LACKS_MAX 100
#define DIFFERENCE_TEXT_MAX (64U * 1024 * 1024)
/* Of each file in what is handed on. */
#define FILE_BYTES_MAX (8U * 1024)
#define FILE_MARK "\ndiff --git "

static bool has_text(const json_t *texts, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(texts, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0) {
            return true;
        }
    }
    return false;
}

static void put_lacks(json_t *note, const struct strbuf *left_out)
{
    json_t *known = json_object_get(note, "lacks");
    json_t *lacks = known ? json_incref(known) : json_array();

    for (size_t at = 0; at < left_out->length && json_array_size(lacks) < LACKS_MAX;) {
        const char *path = left_out->data + at;
        json_t *text = json_text_lossy(path, strlen(path));

        if (!has_text(lacks, json_string_value(text))) {
            (void)json_array_append(lacks, text);
        }
        json_decref(text);
        at += strlen(path) + 1;
    }
    if (json_array_size(lacks) > 0) {
        json_put(note, "lacks", json_incref(lacks));
    }
    json_decref(lacks);
}

static void add_entry(struct strbuf *listing, const char *path, const char *content, size_t length)
{
    strbuf_add_bytes(listing, path, strlen(path) + 1);
    strbuf_add_bytes(listing, content, length);
    strbuf_add_char(listing, '\0');
}

/* As tree_list() has it, out of a snapshot: with the files that are too large to be kept in it. */
static void add_listing(const char *text, size_t length, struct strbuf *listing)
{
    const char *at = text;
    const char *large_at = text;
    struct tree_entry entry, large;
    bool has_large = snapshot_next_large(&large_at, text + length, &large);

    while (tree_next(&at, text + length, &entry)) {
        const char *digest = strchr(entry.content, ' ');
        const char *permissions = digest ? strchr(digest + 1, ' ') : NULL;

        bool is_end = change_kind(entry.content) == CHANGE_LEFT_OUT;

        while (has_large && (is_end || strcmp(large.path, entry.path) < 0)) {
            add_entry(listing, large.path, large.content, strlen(large.content));
            has_large = snapshot_next_large(&large_at, text + length, &large);
        }
        if (is_end) {
            break;
        }
        if (permissions && !strstr(permissions, TREE_IGNORED)) {
            add_entry(listing, entry.path, entry.content, (size_t)(permissions - entry.content));
        }
    }
}

static int read_listing(struct snapshots *snapshots, const char *digest, struct strbuf *listing,
                        struct error *err)
{
    char *text = NULL;
    size_t length;
    int r = snapshot_get(snapshots, digest, &text, &length, err);

    if (r == 0) {
        add_listing(text, length, listing);
    }
    free(text);
    return r;
}

/* The snapshots stay open until the note names the new one. */
static int take(const struct changes_place *place, const char *tree, const char *name,
                struct strbuf *listing, struct error *err)
{
    json_t *note = NULL;
    struct snapshots *snapshots = NULL;
    char digest[DIGEST_HEX_SIZE];
    struct strbuf left_out;
    int r = strcmp(name, "before") == 0
                ? 0
                : snapshot_note_find(place->store, place->folder, &note, err);

    note = note ? note : json_object();
    r = r < 0 ? r : snapshots_open(place->project, &snapshots, err);
    strbuf_init(&left_out, LISTING_BYTES_MAX);
    if (r == 0) {
        r = snapshot_take(snapshots, tree, digest, &left_out, err);
    }
    if (r == 0) {
        json_put_text(note, name, digest);
        if (strcmp(tree, place->project) != 0) {
            json_put_text(note, "tree", tree);
        }
        put_lacks(note, &left_out);
        (void)snapshot_note_write(place->store, place->folder, note, NULL);
        r = listing ? read_listing(snapshots, digest, listing, err) : 0;
    }
    strbuf_release(&left_out);
    snapshots_close(snapshots);
    json_decref(note);
    return r;
}

/* The list itself lies where an agent may reach it. No bare digest, for it names no snapshot. */
static void put_listing(json_t *note, const char *data, size_t length)
{
    char digest[DIGEST_HEX_SIZE];
    char *text;

    digest_bytes(data, length, digest);
    text = mem_printf("sha256:%s", digest);
    json_put_text(note, "listing", text);
    free(text);
}

static int check_listing(const json_t *note, const char *data, size_t length, struct error *err)
{
    const char *noted = json_get_text(note, "listing", NULL); /* NULL: from before */
    json_t *now = json_object();
    bool is_same;

    put_listing(now, data, length);
    is_same = !noted || strcmp(noted, json_get_text(now, "listing", "")) == 0;
    json_decref(now);
    return is_same ? 0
                   : error_set(err, ERROR_IO,
                               "the list of what they were before is not the one that was written");
}

/* Without contents. */
static void write_listing(const char *folder, const char *tree, json_t *note)
{
    char *path = path_join(folder, LISTING_FILE);
    struct error err = ERROR_INIT;
    struct strbuf listing;
    int r;

    strbuf_init(&listing, LISTING_BYTES_MAX);
    r = tree_list(tree, FILES_MAX, &listing, &err);
    if (r == 0) {
        put_listing(note, listing.data, listing.length);
        r = file_write(path, listing.data, listing.length, FILE_NO_SYNC, &err);
    }
    if (r < 0) {
        json_put_text(note, "unlisted", err.text);
    }
    strbuf_release(&listing);
    free(path);
}

void changes_begin(const struct changes_place *place, const char *tree)
{
    struct error err = ERROR_INIT;

    if (take(place, tree, "before", NULL, &err) < 0) {
        json_t *note = json_object();

        json_put_text(note, "unknown", err.text);
        write_listing(place->folder, tree, note);
        (void)snapshot_note_write(place->store, place->folder, note, NULL);
        json_decref(note);
    }
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

/* ERROR_NOT_FOUND: there is no listing, or nobody looked. */
static int read_before(const struct changes_place *place, const json_t *note, struct strbuf *before,
                       struct error *err)
{
    const char *digest = json_get_text(note, "before", NULL);
    struct snapshots *snapshots = NULL;
    char *path;
    char *data = NULL;
    size_t length;
    int r;

    if (digest) {
        r = snapshots_open(place->project, &snapshots, err);
        r = r < 0 ? r : read_listing(snapshots, digest, before, err);
        snapshots_close(snapshots);
        return r;
    }
    path = path_join(place->folder, LISTING_FILE);
    r = file_read(path, LISTING_BYTES_MAX, &data, &length, err);
    r = r < 0 ? r : check_listing(note, data, length, err);
    if (r == 0) {
        strbuf_add_bytes(before, data, length);
    }
    (void)unlink(path); /* large, and of no more use */
    free(data);
    free(path);
    return r;
}

static int read_after(const struct changes_place *place, const struct claims *claims,
                      const json_t *note, struct strbuf *after, struct error *err)
{
    const char *digest = json_get_text(note, "after", NULL);
    struct snapshots *snapshots = NULL;
    int r;

    if (digest) { /* somebody kept it */
        r = snapshots_open(place->project, &snapshots, err);
        r = r < 0 ? r : read_listing(snapshots, digest, after, err);
        snapshots_close(snapshots);
        return r;
    }
    if (json_get_text(note, "before", NULL) &&
        take(place, claims->project, "after", after, NULL) == 0) {
        return 0;
    }
    strbuf_reset(after);
    return tree_list(claims->project, FILES_MAX, after, err);
}

void changes_keep_after(const struct changes_place *place, const char *tree)
{
    json_t *note = snapshot_note_read(place->store, place->folder);

    if (json_get_text(note, "before", NULL) && !json_get_text(note, "after", NULL)) {
        (void)take(place, tree, "after", NULL, NULL);
    }
    json_decref(note);
}

json_t *changes_end(const struct changes_place *place, const struct claims *claims)
{
    json_t *note = snapshot_note_read(place->store, place->folder);
    const char *unlisted = json_get_text(note, "unlisted", NULL);
    struct error err = ERROR_INIT;
    struct strbuf before, after;
    json_t *changes = NULL;

    if (!note) {
        return NULL;
    }
    strbuf_init(&before, LISTING_BYTES_MAX);
    strbuf_init(&after, LISTING_BYTES_MAX);
    if (unlisted) {
        (void)error_set(&err, ERROR_IO, "%s", unlisted);
    } else if (read_before(place, note, &before, &err) == 0 &&
               read_after(place, claims, note, &after, &err) == 0) {
        changes = compare(&before, &after, claims);
    }
    if (!changes) {
        changes = json_object();
        json_put_text(changes, "unknown", err.text);
        if (json_get_text(note, "before", json_get_text(note, "listing", NULL))) {
            json_put(changes, "unproven", json_true());
        }
    }
    strbuf_release(&before);
    strbuf_release(&after);
    json_decref(note);
    return changes;
}

/* Without what git ignores: built files are made again. */
static bool is_ignored(const struct change *change)
{
    const char *content = change->to ? change->to : change->from;

    return strstr(content, TREE_IGNORED) != NULL;
}

static int format_difference(const char *project, const json_t *note, struct strbuf *text)
{
    struct snapshots *snapshots = NULL;
    struct changes all = {0};
    struct changes shown = {0};
    int r = snapshots_open(project, &snapshots, NULL);

    if (r == 0) {
        r = snapshot_compare(snapshots, json_get_text(note, "before", ""),
                             json_get_text(note, "after", ""), &all, NULL);
    }
    for (size_t i = 0; r == 0 && i < all.count && shown.count < CHANGES_PATHS_MAX; i++) {
        const struct change *change = &all.items[i];

        if (!is_ignored(change)) {
            changes_add(&shown, change->path, change->from, change->to);
        }
    }
    if (r == 0 && shown.count > 0) {
        r = changes_format(snapshots, &shown, DIFF_TEXT, text, NULL);
    }
    changes_release(&all);
    changes_release(&shown);
    snapshots_close(snapshots);
    return r;
}

/* Whole lines, and that there are more. */
static void add_cut(const char *text, size_t length, size_t length_max, struct strbuf *target)
{
    bool is_cut = length > length_max;

    length = is_cut ? length_max : length;
    while (is_cut && length > 0 && text[length - 1] != '\n') {
        length--;
    }
    strbuf_add_bytes(target, text, length);
    strbuf_add(target, is_cut ? "... and more\n" : "");
}

/* Of each file at most its part, so that a large one hides no other. */
static void add_files_cut(const struct strbuf *text, struct strbuf *target)
{
    for (const char *at = text->data; *at;) {
        const char *next = strstr(at, FILE_MARK);
        size_t length = next ? (size_t)(next + 1 - at) : strlen(at);

        add_cut(at, length, FILE_BYTES_MAX, target);
        at += length;
    }
}

static void cut_difference(struct strbuf *text)
{
    struct strbuf files;

    if (text->length > DIFFERENCE_BYTES_MAX) {
        strbuf_init(&files, DIFFERENCE_TEXT_MAX);
        add_files_cut(text, &files);
        strbuf_reset(text);
        add_cut(files.data, files.length, DIFFERENCE_BYTES_MAX, text);
        strbuf_release(&files);
    }
    for (size_t i = 0; i < text->length; i++) {
        unsigned char byte = (unsigned char)text->data[i];

        if ((byte < ' ' && byte != '\n' && byte != '\t') || byte == 0x7f) {
            text->data[i] = '?';
        }
    }
}

void changes_write_difference(const struct changes_place *place)
{
    json_t *note = snapshot_note_read(place->store, place->folder);
    char *path = path_join(place->folder, DIFFERENCE_FILE);
    struct strbuf text;

    strbuf_init(&text, DIFFERENCE_TEXT_MAX);
    if (json_get_text(note, "before", NULL) && json_get_text(note, "after", NULL) &&
        format_difference(place->project, note, &text) == 0 && text.length > 0) {
        cut_difference(&text);
        (void)file_write(path, text.data, text.length, FILE_NO_SYNC, NULL);
    }
    strbuf_release(&text);
    json_decref(note);
    free(path);
}
