/* SPDX-License-Identifier: MIT */
/* What all functions that plan work from a review share: its text, the list of subtasks, names of
 * files and folders. */
#include "functions/review.h"

#include "base/alloc.h"
#include "base/file.h"
#include "functions/result.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SLUG_LENGTH_MAX 48

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);

    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

int review_read(const struct function_call *call, struct review *ret_review, struct error *err)
{
    const char *given = json_get_text(call->arguments, "report", "");
    char *path;
    int r;

    *ret_review = (struct review){0};
    if (!*given) {
        r = error_set(err, ERROR_INVALID, "`report` names no file");
        error_hint(
            err,
            "give the Markdown or JSON file of a review, such as the report.md of `code-review`");
        return r;
    }
    path = path_join(call->project, given);
    r = file_read(path, REVIEW_BYTES_MAX, &ret_review->text, &ret_review->length, err);
    free(path);
    if (r < 0) {
        return r;
    }
    ret_review->path = mem_strdup(given);
    if (ends_with(given, ".json")) {
        r = json_parse_text(ret_review->text, ret_review->length, given, &ret_review->json, err);
    }
    if (r < 0) {
        review_release(ret_review);
    }
    return r;
}

void review_release(struct review *review)
{
    json_decref(review->json);
    free(review->text);
    free(review->path);
    *review = (struct review){0};
}

static bool is_subtask(const json_t *value)
{
    const json_t *files = json_object_get(value, "files");
    size_t index;
    json_t *file;

    if (!json_get_text(value, "id", NULL) || !json_get_text(value, "title", NULL) ||
        !json_is_array(files)) {
        return false;
    }
    json_array_foreach(files, index, file)
    {
        if (!json_is_string(file)) {
            return false;
        }
    }
    return true;
}

json_t *subtasks_argument(const struct function_call *call, struct error *err)
{
    json_t *given = argument_object(json_object_get(call->arguments, "subtasks"));
    json_t *plan = given ? json_deep_copy(given) : NULL;
    const json_t *list = json_object_get(plan, "subtasks");
    bool is_sound = json_is_array(list) && json_array_size(list) <= SUBTASKS_MAX;
    size_t index;
    json_t *subtask;

    json_decref(given);
    json_array_foreach(list, index, subtask)
    {
        is_sound = is_sound && is_subtask(subtask);
    }
    if (!is_sound) {
        (void)error_set(err, ERROR_INVALID,
                        "`subtasks` is no output of `subtasks`, `modes` or `waves`");
        error_hint(err, "pass it on: subtasks: \"${{ steps.ID.output }}\"");
        json_decref(plan);
        return NULL;
    }
    return plan;
}

char *slug_of(const char *title)
{
    char slug[SLUG_LENGTH_MAX + 1];
    size_t length = 0;
    bool is_gap = false;

    for (; *title && length < SLUG_LENGTH_MAX; title++) {
        if (!isascii((unsigned char)*title) || !isalnum((unsigned char)*title)) {
            is_gap = length > 0;
            continue;
        }
        if (is_gap && length + 1 < SLUG_LENGTH_MAX) {
            slug[length++] = '-';
        }
        is_gap = false;
        slug[length++] = (char)tolower((unsigned char)*title);
    }
    slug[length] = '\0';
    return mem_strdup(length > 0 ? slug : "work");
}
