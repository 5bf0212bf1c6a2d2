/* SPDX-License-Identifier: MIT */
/* A PRD: {"userStories": [{"id", "title", "description", "acceptanceCriteria", "priority",
 * "passes"}]}; also "stories", or the list alone, and "status" instead of "passes". jansson says
 * what it means, and what lies where is found in the text beside it. */
#include "ops/story.h"

#include "base/alloc.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ID_BYTES_MAX 200
#define RANK_NONE 1e9 /* behind all that say one */

/* A value in the text that jansson has taken already, so that nothing of it can be wrong. */
struct span {
    size_t start, end;
};

static const char *const list_keys[] = {"userStories", "user_stories", "stories"};
static const char *const criteria_keys[] = {"acceptanceCriteria", "acceptance_criteria"};
static const char *const done_words[] = {"completed", "complete", "done", "passed"};
static const char *const left_words[] = {"skipped", "deferred", "blocked", "cancelled"};
static const char *const ranks[] = {"critical", "high", "medium", "low"};

static int find_word(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; word && i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- where things lie ---- */

static size_t skip_space(const char *text, size_t at)
{
    return at + strspn(text + at, " \t\r\n");
}

static size_t skip_string(const char *text, size_t at)
{
    for (at++; text[at] != '"'; at++) {
        at += text[at] == '\\';
    }
    return at + 1;
}

static size_t skip_value(const char *text, size_t at)
{
    size_t depth = 0;

    if (!strchr("{[\"", text[at])) {
        return at + strcspn(text + at, ",]} \t\r\n");
    }
    do {
        if (text[at] == '"') {
            at = skip_string(text, at);
            continue;
        }
        depth += text[at] == '{' || text[at] == '[';
        depth -= text[at] == '}' || text[at] == ']';
        at++;
    } while (depth > 0);
    return at;
}

/* The first or (`at` behind a value) next element or member; false: there is none. */
static bool find_next(const char *text, size_t *at)
{
    *at = skip_space(text, *at);
    if (text[*at] == ',') {
        *at = skip_space(text, *at + 1);
    }
    return text[*at] != ']' && text[*at] != '}';
}

/* The value of that member of the object that begins at `at`. */
static bool find_member(const char *text, size_t at, const char *key, struct span *ret_value)
{
    for (at++; find_next(text, &at);) {
        size_t end = skip_string(text, at);
        bool is_it = end - at - 2 == strlen(key) && strncmp(text + at + 1, key, strlen(key)) == 0;

        at = skip_space(text, end);
        at = skip_space(text, at + 1); /* the colon */
        end = skip_value(text, at);
        if (is_it) {
            *ret_value = (struct span){at, end};
            return true;
        }
        at = end;
    }
    return false;
}

/* ---- one story ---- */

struct reader {
    struct story_file *file;
    size_t at; /* of the story */
    const json_t *value;
    const char *done_word; /* that this file uses */
    struct error *err;
};

/* The place of a member, else of the story. */
static size_t place(const struct reader *reader, const char *key)
{
    struct span span;

    return find_member(reader->file->text, reader->at, key, &span) ? span.start : reader->at;
}

static int wrong(const struct reader *reader, const char *key, const char *expected)
{
    return story_error(reader->file, place(reader, key), reader->err, "%s: expected %s", key,
                       expected);
}

static int read_id(const struct reader *reader, struct story *story)
{
    const json_t *id = json_object_get(reader->value, "id");
    struct arena *arena = reader->file->arena;

    if (json_is_integer(id)) {
        story->id = arena_printf(arena, "%lld", (long long)json_integer_value(id));
    } else if (json_is_string(id) && json_string_length(id) > 0 &&
               json_string_length(id) <= ID_BYTES_MAX) {
        story->id = arena_strdup(arena, json_string_value(id));
    } else {
        return wrong(reader, "id", "a text of 1 to 200 bytes, or a number");
    }
    for (size_t i = 0; i < reader->file->stories.count; i++) {
        if (strcmp(reader->file->stories.items[i].id, story->id) == 0) {
            return story_error(reader->file, place(reader, "id"), reader->err,
                               "another story has the id %s already", story->id);
        }
    }
    return 0;
}

static int add_criteria(const struct reader *reader, struct strbuf *text)
{
    for (size_t k = 0; k < ARRAY_LEN(criteria_keys); k++) {
        const json_t *list = json_object_get(reader->value, criteria_keys[k]);
        const json_t *item;
        size_t i;

        if (list && !json_is_array(list)) {
            return wrong(reader, criteria_keys[k], "a list of texts");
        }
        json_array_foreach(list, i, item)
        {
            if (!json_is_string(item)) {
                return wrong(reader, criteria_keys[k], "a list of texts");
            }
            strbuf_addf(text, "\n%s- %s", i == 0 ? "\nAcceptance criteria:\n" : "",
                        json_string_value(item));
        }
    }
    return 0;
}

static int read_text(const struct reader *reader, struct story *story)
{
    static const char *const more[] = {"description", "notes"};
    const char *title = json_get_text(reader->value, "title", "");
    struct strbuf text;
    int r = 0;

    if (!*title) {
        return wrong(reader, "title", "a text");
    }
    strbuf_init(&text, STORY_FILE_BYTES_MAX);
    strbuf_addf(&text, "%s: %s", story->id, title);
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        const json_t *value = json_object_get(reader->value, more[i]);

        if (value && !json_is_string(value) && !json_is_null(value)) {
            r = r < 0 ? r : wrong(reader, more[i], "a text");
        } else if (json_string_length(value) > 0) {
            strbuf_addf(&text, "\n\n%s", json_string_value(value));
        }
    }
    r = r < 0 ? r : add_criteria(reader, &text);
    story->title = arena_strdup(reader->file->arena, title);
    story->text = arena_strdup(reader->file->arena, text.data);
    strbuf_release(&text);
    return r;
}

static int read_rank(const struct reader *reader, struct story *story)
{
    const json_t *priority = json_object_get(reader->value, "priority");
    int rank = find_word(json_string_value(priority), ranks, ARRAY_LEN(ranks));

    story->rank = json_is_number(priority) ? json_number_value(priority)
                  : rank >= 0              ? rank
                                           : RANK_NONE;
    if (priority && !json_is_null(priority) && story->rank == RANK_NONE) {
        return wrong(reader, "priority", "a number, or critical, high, medium or low");
    }
    return 0;
}

static void add_edit(const struct reader *reader, struct story *story, const char *key,
                     const char *text)
{
    struct span span = {0};

    (void)find_member(reader->file->text, reader->at, key, &span);
    story->edits[story->edit_count++] = (struct story_edit){span.start, span.end - span.start,
                                                            text};
}

/* Before the brace that ends it, behind its last member. */
static void add_insertion(const struct reader *reader, struct story *story)
{
    size_t end = skip_value(reader->file->text, reader->at) - 1;

    while (strchr(" \t\r\n", reader->file->text[end - 1])) {
        end--;
    }
    story->edits[story->edit_count++] = (struct story_edit){end, 0, ", \"passes\": true"};
}

static int read_state(const struct reader *reader, struct story *story)
{
    const json_t *passes = json_object_get(reader->value, "passes");
    const json_t *status = json_object_get(reader->value, "status");
    const char *word = json_string_value(status);
    struct span span;

    if (passes && !json_is_boolean(passes)) {
        return wrong(reader, "passes", "true or false");
    }
    if (status && !word) {
        return wrong(reader, "status", "a word");
    }
    if ((passes && !find_member(reader->file->text, reader->at, "passes", &span)) ||
        (status && !find_member(reader->file->text, reader->at, "status", &span))) {
        return story_error(reader->file, reader->at, reader->err,
                           "its passes or status is written with escapes");
    }
    story->is_done = json_is_true(passes) ||
                     (!passes && find_word(word, done_words, ARRAY_LEN(done_words)) >= 0);
    story->is_left = find_word(word, left_words, ARRAY_LEN(left_words)) >= 0;
    if (passes) {
        add_edit(reader, story, "passes", "true");
    }
    if (status) {
        add_edit(reader, story, "status",
                 arena_printf(reader->file->arena, "\"%s\"", reader->done_word));
    }
    if (!passes && !status) {
        add_insertion(reader, story);
    }
    return 0;
}

static int read_story(const struct reader *reader)
{
    struct story story = {.offset = reader->at, .parent = -1};
    int r;

    if (!json_is_object(reader->value)) {
        return story_error(reader->file, reader->at, reader->err, "a story is an object");
    }
    r = read_id(reader, &story);
    r = r < 0 ? r : read_text(reader, &story);
    r = r < 0 ? r : read_rank(reader, &story);
    r = r < 0 ? r : read_state(reader, &story);
    return r < 0 ? r : story_add(reader->file, &story, reader->err);
}

/* ---- all of them ---- */

/* The word that somebody used before for what is done. */
static const char *find_done_word(const json_t *list)
{
    const json_t *story;
    size_t i;

    json_array_foreach(list, i, story)
    {
        int word = find_word(json_get_text(story, "status", NULL), done_words,
                             ARRAY_LEN(done_words));

        if (word >= 0) {
            return done_words[word];
        }
    }
    return done_words[0];
}

static int read_list(struct story_file *file, const json_t *list, size_t at, struct error *err)
{
    struct reader reader = {.file = file, .done_word = find_done_word(list), .err = err};
    size_t i;
    int r = 0;

    at++;
    json_array_foreach(list, i, reader.value)
    {
        if (r == 0 && find_next(file->text, &at)) {
            reader.at = at;
            r = read_story(&reader);
            at = skip_value(file->text, at);
        }
    }
    return r;
}

static int find_list(struct story_file *file, const json_t *value, const json_t **ret_list,
                     size_t *ret_at, struct error *err)
{
    size_t at = skip_space(file->text, 0);

    if (json_is_array(value)) {
        *ret_list = value;
        *ret_at = at;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(list_keys); i++) {
        const json_t *list = json_object_get(value, list_keys[i]);
        struct span span;

        if (list && find_member(file->text, at, list_keys[i], &span)) {
            *ret_list = list;
            *ret_at = span.start;
            return json_is_array(list)
                       ? 0
                       : story_error(file, span.start, err, "%s: expected a list", list_keys[i]);
        }
    }
    return story_error(file, at, err, "there are no stories in it: \"userStories\": [...]");
}

int story_read_json(struct story_file *file, struct error *err)
{
    const json_t *list = NULL;
    json_t *value = NULL;
    size_t at = 0;
    int r = json_parse_text(file->text, file->length, file->name, &value, err);

    if (r < 0) {
        if (err) {
            err->code = ERROR_VALIDATION;
        }
        return ERROR_VALIDATION;
    }
    r = find_list(file, value, &list, &at, err);
    if (r == 0 && json_array_size(list) == 0) {
        r = story_error(file, at, err, "the list of stories is empty");
    }
    r = r < 0 ? r : read_list(file, list, at, err);
    json_decref(value);
    return r;
}
