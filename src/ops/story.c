/* SPDX-License-Identifier: MIT */
#include "ops/story.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY_DIGITS 16 /* of the digest; more only make names longer */

int story_error(const struct story_file *file, size_t offset, struct error *err, const char *format,
                ...)
{
    struct strbuf text;
    size_t line = 1;
    size_t start = 0;
    va_list args;

    for (size_t i = 0; i < offset && i < file->length; i++) {
        if (file->text[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    strbuf_init(&text, ERROR_TEXT_MAX);
    va_start(args, format);
    strbuf_vaddf(&text, format, args);
    va_end(args);
    (void)error_set(err, ERROR_VALIDATION, "%s:%zu:%zu: %s", file->name, line,
                    utf8_count(file->text + start, offset - start) + 1, text.data);
    strbuf_release(&text);
    return ERROR_VALIDATION;
}

int story_add(struct story_file *file, const struct story *story, struct error *err)
{
    if (file->stories.count >= STORIES_MAX) {
        return story_error(file, story->offset, err, "more than %d stories", STORIES_MAX);
    }
    *VEC_PUSH(&file->stories) = *story;
    return 0;
}

static bool has_ending(const char *name, const char *ending)
{
    size_t length = strlen(name);

    return length >= strlen(ending) && strcasecmp(name + length - strlen(ending), ending) == 0;
}

static bool is_json(const struct story_file *file)
{
    size_t start = strspn(file->text, " \t\r\n");

    if (has_ending(file->name, ".json") || has_ending(file->name, ".md") ||
        has_ending(file->name, ".markdown")) {
        return has_ending(file->name, ".json");
    }
    return file->text[start] == '{' || file->text[start] == '[';
}

/* Of the one that begins there; 0: it is none. */
static size_t character_size(const char *text, size_t length)
{
    for (size_t size = 1; size <= 4 && size <= length; size++) {
        if (text[0] != '\0' && utf8_is_valid(text, size)) {
            return size;
        }
    }
    return 0;
}

static int check_text(const struct story_file *file, struct error *err)
{
    size_t good = 0;

    if (file->length > STORY_FILE_BYTES_MAX) {
        return error_set(err, ERROR_LIMIT, "%s has more than %u KB", file->name,
                         STORY_FILE_BYTES_MAX >> 10);
    }
    if (!memchr(file->text, '\0', file->length) && utf8_is_valid(file->text, file->length)) {
        return 0;
    }
    for (size_t size = 1; size > 0; good += size) {
        size = character_size(file->text + good, file->length - good);
    }
    return story_error(file, good, err, "this is no text in UTF-8");
}

/* Of the same story in two places each is one of its own. */
static void set_keys(struct story_file *file)
{
    for (size_t i = 0; i < file->stories.count; i++) {
        struct story *story = &file->stories.items[i];
        char digest[DIGEST_HEX_SIZE];
        size_t same = 0;

        digest_bytes(story->text, strlen(story->text), digest);
        for (size_t k = 0; k < i; k++) {
            same += strcmp(file->stories.items[k].text, story->text) == 0;
        }
        story->key = same == 0 ? arena_printf(file->arena, "%.*s", KEY_DIGITS, digest)
                               : arena_printf(file->arena, "%.*s/%zu", KEY_DIGITS, digest, same);
    }
}

int story_file_parse(const char *name, const char *text, size_t length,
                     struct story_file **ret_file, struct error *err)
{
    struct story_file *file = mem_zero(1, sizeof(*file));
    int r;

    file->arena = arena_new();
    file->name = arena_strdup(file->arena, name);
    file->text = text;
    file->length = length;
    r = check_text(file, err);
    if (r == 0) {
        r = is_json(file) ? story_read_json(file, err) : story_read_markdown(file, err);
    }
    if (r < 0) {
        story_file_free(file);
        return r;
    }
    set_keys(file);
    *ret_file = file;
    return 0;
}

void story_file_free(struct story_file *file)
{
    if (file) {
        VEC_RELEASE(&file->stories);
        arena_free(file->arena);
        free(file);
    }
}

int story_find(const struct story_file *file, const char *key)
{
    for (size_t i = 0; i < file->stories.count; i++) {
        if (strcmp(file->stories.items[i].key, key) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool story_counts(const struct story *story)
{
    return !story->is_heading && !story->is_left;
}

/* ---- marking ---- */

/* With `index` done, is everything below this heading? What is left by a person's word is not. */
static bool is_complete(const struct story_file *file, int heading, const bool *done)
{
    for (size_t i = 0; i < file->stories.count; i++) {
        const struct story *story = &file->stories.items[i];

        if (story->parent == heading && !story->is_done && !done[i]) {
            return false;
        }
    }
    return true;
}

static int compare_edits(const void *left, const void *right)
{
    const struct story_edit *a = left;
    const struct story_edit *b = right;

    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

void story_mark(const struct story_file *file, int index, struct strbuf *target)
{
    bool *done = mem_zero(file->stories.count, sizeof(*done));
    VEC(struct story_edit) edits = {0};
    size_t at = 0;

    for (int i = index; i >= 0; i = file->stories.items[i].parent) {
        const struct story *story = &file->stories.items[i];

        if (i != index && (story->is_done || !is_complete(file, i, done))) {
            break;
        }
        done[i] = true;
        for (size_t k = 0; k < story->edit_count; k++) {
            *VEC_PUSH(&edits) = story->edits[k];
        }
    }
    if (edits.count > 0) {
        qsort(edits.items, edits.count, sizeof(*edits.items), compare_edits);
    }
    for (size_t i = 0; i < edits.count; i++) {
        strbuf_add_bytes(target, file->text + at, edits.items[i].offset - at);
        strbuf_add(target, edits.items[i].text);
        at = edits.items[i].offset + edits.items[i].length;
    }
    strbuf_add_bytes(target, file->text + at, file->length - at);
    VEC_RELEASE(&edits);
    free(done);
}
