/* SPDX-License-Identifier: MIT */
/* Finding a row, checking and converting its arguments, running it. */
#include "base/alloc.h"
#include "base/nearest.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "ops/internal.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 128
#define ARGUMENT_NAME_MAX 64

const struct operation *ops_table(size_t *ret_count)
{
    *ret_count = ops_row_count;
    return ops_rows;
}

const struct operation *ops_find(const char *name)
{
    for (size_t i = 0; i < ops_row_count; i++) {
        if (strcmp(ops_rows[i].name, name) == 0) {
            return &ops_rows[i];
        }
    }
    return NULL;
}

const char *ops_nearest(const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < ops_row_count && count < NAMES_MAX; i++) {
        if (!ops_rows[i].is_hidden) {
            names[count++] = ops_rows[i].name;
        }
    }
    return nearest_name(name, names, count);
}

/* As a person gives it: "--older-than", or "RUN". */
struct shown_name {
    char text[ARGUMENT_NAME_MAX];
};

static struct shown_name shown_name(const struct argument *argument)
{
    struct shown_name shown;

    if (argument->is_positional && argument->value_name) {
        (void)snprintf(shown.text, sizeof(shown.text), "%s", argument->value_name);
        return shown;
    }
    (void)snprintf(shown.text, sizeof(shown.text), "--%s", argument->name);
    for (char *at = shown.text; *at; at++) {
        *at = *at == '_' ? '-' : *at;
    }
    return shown;
}

/* ---- one value ---------------------------------------------------------------------------------
 */

static int wrong_type(const struct argument *argument, const char *expected, struct error *err)
{
    return error_set(err, ERROR_INVALID, "%s: expected %s", shown_name(argument).text, expected);
}

static int convert_integer(const struct argument *argument, const json_t *value, json_t **ret_value,
                           struct error *err)
{
    const char *text = json_string_value(value);
    long long number;
    char *end;

    if (json_is_integer(value)) {
        *ret_value = json_copy((json_t *)(uintptr_t)value);
        return 0;
    }
    if (!text || !*text) {
        return wrong_type(argument, "a whole number", err);
    }
    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno || *end) {
        return error_set(err, ERROR_INVALID, "%s: %s is not a whole number",
                         shown_name(argument).text, text);
    }
    *ret_value = json_integer(number);
    return 0;
}

static int convert_boolean(const struct argument *argument, const json_t *value, json_t **ret_value,
                           struct error *err)
{
    const char *text = json_string_value(value);

    if (json_is_boolean(value)) {
        *ret_value = json_boolean(json_is_true(value));
        return 0;
    }
    if (text && (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0)) {
        *ret_value = json_true();
        return 0;
    }
    if (text && (strcmp(text, "false") == 0 || strcmp(text, "no") == 0)) {
        *ret_value = json_false();
        return 0;
    }
    return wrong_type(argument, "true or false", err);
}

/* Whoever leaves the unit out may mean days, and `gc` would take seconds at his word. */
static bool lacks_unit(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && text[length - 1] >= '0' && text[length - 1] <= '9' &&
           strspn(text, "0") != length;
}

static int convert_duration(const struct argument *argument, const json_t *value,
                            json_t **ret_value, struct error *err)
{
    int64_t duration_ms;
    int r;

    if (json_is_integer(value)) {
        duration_ms = json_integer_value(value);
        if (duration_ms < 0 || duration_ms > DURATION_MS_MAX) {
            return error_set(err, ERROR_INVALID, "%s: out of range", shown_name(argument).text);
        }
    } else if (json_is_string(value) && lacks_unit(json_string_value(value))) {
        return error_set(err, ERROR_INVALID, "%s: \"%s\" has no unit; write 30s, 10m or 2d",
                         shown_name(argument).text, UTF8_CUT(json_string_value(value), 40));
    } else if (json_is_string(value)) {
        r = duration_parse(json_string_value(value), &duration_ms, err);
        if (r < 0) {
            error_context(err, "%s", shown_name(argument).text);
            return r;
        }
    } else {
        return wrong_type(argument, "a duration such as 30s, 10m or 2d", err);
    }
    *ret_value = json_integer(duration_ms);
    return 0;
}

bool argument_takes(const struct argument *argument, const char *word)
{
    size_t length = strlen(word);
    const char *at = argument->choices;

    while (at) {
        size_t size = strcspn(at, "|");

        if (size == length && strncmp(at, word, size) == 0) {
            return true;
        }
        at = at[size] ? at + size + 1 : NULL;
    }
    return false;
}

static int choice_error(const struct argument *argument, const char *text, struct error *err)
{
    char copy[256];
    const char *names[32];
    size_t count = 0;
    char *rest = NULL;
    const char *nearest;
    int r = error_set(err, ERROR_INVALID, "%s%s%s is none of %s",
                      argument->is_positional ? "" : shown_name(argument).text,
                      argument->is_positional ? "" : ": ", text, argument->choices);

    (void)snprintf(copy, sizeof(copy), "%s", argument->choices);
    for (char *name = strtok_r(copy, "|", &rest); name && count < ARRAY_LEN(names);
         name = strtok_r(NULL, "|", &rest)) {
        names[count++] = name;
    }
    nearest = nearest_name(text, names, count);
    if (nearest) {
        error_hint(err, "did you mean %s?", nearest);
    }
    return r;
}

static int convert_text(const struct argument *argument, const json_t *value, json_t **ret_value,
                        struct error *err)
{
    const char *text = json_string_value(value);

    if (!text) {
        return wrong_type(argument, "a text", err);
    }
    if (strlen(text) != json_string_length(value)) {
        return wrong_type(argument, "a text without NUL characters", err);
    }
    if (argument->type == ARGUMENT_CHOICE && !argument_takes(argument, text)) {
        return choice_error(argument, text, err);
    }
    if (!*text && argument->type != ARGUMENT_TEXT) {
        return error_set(err, ERROR_INVALID, "%s: must not be empty", shown_name(argument).text);
    }
    *ret_value = json_string(text);
    return 0;
}

static int convert_value(const struct argument *argument, const json_t *value, json_t **ret_value,
                         struct error *err)
{
    switch (argument->type) {
    case ARGUMENT_INTEGER:
        return convert_integer(argument, value, ret_value, err);
    case ARGUMENT_BOOLEAN:
        return convert_boolean(argument, value, ret_value, err);
    case ARGUMENT_DURATION:
        return convert_duration(argument, value, ret_value, err);
    case ARGUMENT_PAIRS:
        if (!json_is_object(value)) {
            return wrong_type(argument, "an object", err);
        }
        *ret_value = json_copy((json_t *)(uintptr_t)value);
        return 0;
    case ARGUMENT_TEXT:
    case ARGUMENT_CHOICE:
    case ARGUMENT_PATH:
    case ARGUMENT_RUN:
    case ARGUMENT_STEP:
    case ARGUMENT_PHASE:
    case ARGUMENT_CHECKPOINT:
    case ARGUMENT_CONTENT:
    case ARGUMENT_WORKFLOW:
    case ARGUMENT_AGENT:
    case ARGUMENT_EXPERT:
    case ARGUMENT_GATE:
    case ARGUMENT_TASK:
        break;
    }
    return convert_text(argument, value, ret_value, err);
}

/* ---- all arguments -----------------------------------------------------------------------------
 */

static int convert_list(const struct argument *argument, const json_t *value, json_t **ret_value,
                        struct error *err)
{
    json_t *list;
    const json_t *item;
    size_t i;

    if (!json_is_array(value)) {
        return wrong_type(argument, "a list", err);
    }
    list = json_array();
    json_array_foreach(value, i, item)
    {
        json_t *converted;
        int r = convert_value(argument, item, &converted, err);

        if (r < 0) {
            json_decref(list);
            return r;
        }
        json_array_append_new(list, converted);
    }
    *ret_value = list;
    return 0;
}

static const struct argument *find_argument(const struct operation *operation, const char *name)
{
    for (size_t i = 0; i < operation->argument_count; i++) {
        if (strcmp(operation->arguments[i].name, name) == 0) {
            return &operation->arguments[i];
        }
    }
    return NULL;
}

static int unknown_argument(const struct operation *operation, const char *name, struct error *err)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    const char *nearest;
    int r;

    for (size_t i = 0; i < operation->argument_count && count < NAMES_MAX; i++) {
        names[count++] = operation->arguments[i].name;
    }
    r = error_set(err, ERROR_INVALID, "%s has no argument %s", operation->name, name);
    nearest = nearest_name(name, names, count);
    if (nearest) {
        error_hint(err, "did you mean %s?", nearest);
    }
    return r;
}

static int check_required(const struct operation *operation, const json_t *arguments,
                          struct error *err)
{
    for (size_t i = 0; i < operation->argument_count; i++) {
        const struct argument *argument = &operation->arguments[i];

        if (argument->is_required && !json_object_get(arguments, argument->name)) {
            int r = error_set(err, ERROR_INVALID, "%s: %s is missing", operation->name,
                              shown_name(argument).text);

            error_hint(err, "for example: %.*s; see `fermata help %s`",
                       (int)strcspn(operation->example, "\n"), operation->example, operation->name);
            return r;
        }
    }
    return 0;
}

static int convert_all(const struct operation *operation, const json_t *arguments,
                       json_t **ret_arguments, struct error *err)
{
    json_t *converted = json_object();
    const char *key;
    json_t *value;
    int r = 0;

    json_object_foreach((json_t *)(uintptr_t)arguments, key, value)
    {
        const struct argument *argument = find_argument(operation, key);
        json_t *item = NULL;

        if (!argument) {
            r = unknown_argument(operation, key, err);
        } else if (argument->is_repeated) {
            r = convert_list(argument, value, &item, err);
        } else {
            r = convert_value(argument, value, &item, err);
        }
        if (r < 0) {
            goto out;
        }
        json_put(converted, key, item);
    }
    r = check_required(operation, converted, err);
    if (r == 0) {
        *ret_arguments = json_incref(converted);
    }
out:
    json_decref(converted);
    return r;
}

int ops_call(struct ops *ops, const struct operation *operation, const json_t *arguments,
             const struct ops_view *view, json_t **ret_result, struct error *err)
{
    static const struct ops_view no_view;
    struct error own = ERROR_INIT;
    json_t *converted = NULL;
    int r;

    err = err ? err : &own;
    r = convert_all(operation, arguments, &converted, err);
    if (r < 0) {
        return r;
    }
    r = operation->run(ops, converted, view ? view : &no_view, ret_result, err);
    json_decref(converted);
    return r;
}
