/* SPDX-License-Identifier: MIT */
#include "agents/clarification.h"

#include <stdlib.h>
#include <string.h>

#define FENCE "```"
#define KEY "\"clarification_needed\""
#define BRACES_MAX 100 /* that may be around the key or before it */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span {
    const char *text;
    size_t length;
};

static struct span trim(struct span span)
{
    while (span.length > 0 && is_blank(span.text[0])) {
        span.text++;
        span.length--;
    }
    while (span.length > 0 && is_blank(span.text[span.length - 1])) {
        span.length--;
    }
    return span;
}

static bool ends_with_fence(struct span span)
{
    return span.length > strlen(FENCE) &&
           memcmp(span.text + span.length - strlen(FENCE), FENCE, strlen(FENCE)) == 0;
}

/* The fenced block that ends the answer; one in the middle is part of what it tells. */
static struct span find_block(struct span block)
{
    size_t start;

    block.length -= strlen(FENCE);
    for (start = block.length; start > 0; start--) {
        if (start >= strlen(FENCE) &&
            memcmp(block.text + start - strlen(FENCE), FENCE, strlen(FENCE)) == 0) {
            break;
        }
    }
    if (start == 0) {
        return (struct span){"", 0};
    }
    block.text += start;
    block.length -= start;
    /* The rest of the fence's line names the language. */
    while (block.length > 0 && *block.text != '\n' && *block.text != '{') {
        block.text++;
        block.length--;
    }
    return trim(block);
}

static json_t *parse_object(struct span span)
{
    json_t *object = NULL;

    if (span.length >= 2 && *span.text == '{') {
        (void)json_parse_text(span.text, span.length, "answer", &object, NULL);
    }
    return object;
}

static struct span find_last(struct span span, const char *text)
{
    size_t length = strlen(text);

    for (size_t i = span.length; i >= length; i--) {
        if (memcmp(span.text + i - length, text, length) == 0) {
            return (struct span){span.text, i - length};
        }
    }
    return (struct span){span.text, 0};
}

/* Models like to say a word before the object that they were told to end with. */
static json_t *parse_end(struct span answer)
{
    struct span before = find_last(answer, KEY);
    json_t *object = NULL;

    if (answer.length == 0 || answer.text[answer.length - 1] != '}') {
        return NULL;
    }
    for (int braces = 0; !object && before.length > 0 && braces < BRACES_MAX; braces++) {
        before = find_last(before, "{");
        object = parse_object(
            (struct span){answer.text + before.length, answer.length - before.length});
    }
    return object;
}

static json_t *find_object(struct span answer)
{
    struct span whole = trim(answer);
    json_t *object;

    if (ends_with_fence(whole)) {
        return parse_object(find_block(whole));
    }
    object = parse_object(whole);
    return object ? object : parse_end(whole);
}

static size_t cut_length(const char *text, size_t length, size_t length_max)
{
    if (length <= length_max) {
        return length;
    }
    length = length_max;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
        length--;
    }
    return length;
}

static json_t *cut_text(const json_t *value, size_t length_max)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);

    return length > 0 ? json_stringn(text, cut_length(text, length, length_max)) : NULL;
}

/* Also as {"question": "..."}, as some models write it. */
static void add_question(json_t *questions, const json_t *value)
{
    json_t *text = cut_text(json_is_object(value) ? json_object_get(value, "question") : value,
                            CLARIFICATION_QUESTION_BYTES_MAX);

    /* Who repeats the prompt ends with its example. */
    if (text && strcmp(json_string_value(text), "...") != 0 &&
        json_array_size(questions) < CLARIFICATION_QUESTIONS_MAX) {
        (void)json_array_append_new(questions, text);
    } else {
        json_decref(text);
    }
}

/* Texts as they are; anything else as JSON. */
static json_t *describe_work(const json_t *value)
{
    char *text;
    json_t *work;

    if (!value || json_is_null(value) || json_is_string(value)) {
        return cut_text(value, CLARIFICATION_WORK_BYTES_MAX);
    }
    text = json_dump_pretty(value);
    work = json_stringn(text, cut_length(text, strlen(text), CLARIFICATION_WORK_BYTES_MAX));
    free(text);
    return work;
}

json_t *clarification_find(const char *answer, size_t length)
{
    json_t *object = find_object((struct span){answer, length});
    json_t *questions;
    json_t *found = NULL;
    const json_t *asked;
    size_t index;
    const json_t *value;

    if (!object) {
        return NULL;
    }
    questions = json_array();
    asked = json_object_get(object, "questions");
    if (json_is_string(asked)) {
        add_question(questions, asked);
    }
    json_array_foreach((json_t *)asked, index, value)
    {
        add_question(questions, value);
    }
    if (json_is_true(json_object_get(object, "clarification_needed")) &&
        json_array_size(questions) > 0) {
        found = json_object();
        json_put(found, "questions", json_incref(questions));
        json_put(found, "context",
                 cut_text(json_object_get(object, "context"), CLARIFICATION_CONTEXT_BYTES_MAX));
        json_put(found, "partial_work", describe_work(json_object_get(object, "partial_work")));
    }
    json_decref(questions);
    json_decref(object);
    return found;
}

json_t *clarification_new(const char *question)
{
    json_t *text = json_text_lossy(
        question, cut_length(question, strlen(question), CLARIFICATION_QUESTION_BYTES_MAX));
    json_t *found = json_object();
    json_t *questions = json_array();

    (void)json_array_append_new(questions, text);
    json_put(found, "questions", questions);
    return found;
}
