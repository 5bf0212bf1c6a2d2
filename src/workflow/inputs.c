/* SPDX-License-Identifier: MIT */
#include "workflow/inputs.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/pattern.h"
#include "base/utf8.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES_MAX 60

const char *input_type_name(enum input_type type)
{
    switch (type) {
    case INPUT_STRING:
        return "string";
    case INPUT_INTEGER:
        return "integer";
    case INPUT_NUMBER:
        return "number";
    case INPUT_BOOLEAN:
        return "boolean";
    case INPUT_ENUM:
        return "enum";
    case INPUT_PATH:
        return "path";
    }
    assert(!"every type has a name");
    return "";
}

/* What was given, short enough for a message. */
static int fail_expected(const char *expected, const json_t *given, struct error *err)
{
    struct strbuf shown;
    size_t length;
    char *text;
    int r;

    if (json_is_array(given) || json_is_object(given)) {
        return error_set(err, ERROR_INVALID, "expected %s, got %s", expected,
                         json_is_array(given) ? "a list" : "an object");
    }
    text = json_dump_compact(given);
    length = strlen(text);
    strbuf_init(&shown, SHOWN_BYTES_MAX + 8);
    if (length > SHOWN_BYTES_MAX) {
        length = SHOWN_BYTES_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
        strbuf_add_bytes(&shown, text, length);
        strbuf_add(&shown, "...\"");
    } else {
        strbuf_add(&shown, text);
    }
    r = error_set(err, ERROR_INVALID, "expected %s, got %s", expected, shown.data);
    strbuf_release(&shown);
    free(text);
    return r;
}

/* A JSON number that fills the whole text, or NULL. */
static json_t *read_number(const json_t *given)
{
    const char *text = json_string_value(given);
    size_t length = json_string_length(given);
    json_t *value;

    if (length == 0 || (text[0] != '-' && !isdigit((unsigned char)text[0])) ||
        isspace((unsigned char)text[length - 1])) {
        return NULL;
    }
    value = json_loadb(text, length, JSON_DECODE_ANY, NULL);
    if (value && !json_is_number(value)) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

/* Takes number over; NULL when it has a fraction or is too large. */
static json_t *whole_number(json_t *number)
{
    double real;
    json_int_t integer;

    if (!json_is_real(number)) {
        return number;
    }
    real = json_real_value(number);
    json_decref(number);
    if (real < -9007199254740992.0 || real > 9007199254740992.0) {
        return NULL;
    }
    integer = (json_int_t)real;
    return (double)integer < real || (double)integer > real ? NULL : json_integer(integer);
}

static int convert_number(const struct workflow_input *input, const json_t *given,
                          json_t **ret_value, struct error *err)
{
    bool is_integer = input->type == INPUT_INTEGER;
    json_t *number = NULL;

    if (json_is_number(given)) {
        number = json_copy((json_t *)(uintptr_t)given);
    } else if (json_is_string(given)) {
        number = read_number(given);
    }
    if (number && is_integer) {
        number = whole_number(number);
    }
    if (!number) {
        return fail_expected(is_integer ? "an integer" : "a number", given, err);
    }
    *ret_value = number;
    return 0;
}

static int convert_boolean(const json_t *given, json_t **ret_value, struct error *err)
{
    const char *text = json_string_value(given);

    if (json_is_boolean(given)) {
        *ret_value = json_boolean(json_is_true(given));
        return 0;
    }
    if (text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        *ret_value = json_boolean(text[0] == 't');
        return 0;
    }
    return fail_expected("true or false", given, err);
}

static int convert_choice(const struct workflow_input *input, const json_t *given,
                          json_t **ret_value, struct error *err)
{
    const char *text = json_string_value(given);
    const char *nearest;
    struct strbuf expected;
    int r;

    for (size_t i = 0; text && i < input->choice_count; i++) {
        if (strcmp(input->choices[i], text) == 0) {
            *ret_value = json_string(text);
            return 0;
        }
    }
    strbuf_init(&expected, 400);
    strbuf_add(&expected, "one of ");
    for (size_t i = 0; i < input->choice_count; i++) {
        strbuf_addf(&expected, "%s%s", i > 0 ? ", " : "", input->choices[i]);
    }
    r = fail_expected(expected.data, given, err);
    strbuf_release(&expected);
    nearest = text ? nearest_name(text, input->choices, input->choice_count) : NULL;
    if (nearest) {
        error_hint(err, "did you mean %s?", nearest);
    }
    return r;
}

static const char *path_reason(const char *text, size_t length)
{
    if (length >= PATH_MAX) {
        return "the path is too long";
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return "the path has control characters";
        }
    }
    return NULL;
}

static int convert_text(const struct workflow_input *input, const json_t *given, json_t **ret_value,
                        struct error *err)
{
    const char *text = json_string_value(given);
    size_t length = json_string_length(given);
    const char *reason;

    if (!text) {
        return fail_expected(input->type == INPUT_PATH ? "a path" : "text", given, err);
    }
    if (length > INPUT_BYTES_MAX) {
        return error_set(err, ERROR_INVALID, "the text has %zu bytes; at most %u", length,
                         INPUT_BYTES_MAX);
    }
    if (strlen(text) != length) {
        return error_set(err, ERROR_INVALID, "the text has NUL characters");
    }
    reason = input->type == INPUT_PATH ? path_reason(text, length) : NULL;
    if (reason) {
        return error_set(err, ERROR_INVALID, "%s", reason);
    }
    if (input->type == INPUT_PATH && path_unsafe_reason(text)) {
        return fail_expected("a relative path inside the project", given, err);
    }
    *ret_value = json_stringn(text, length);
    return 0;
}

static int convert_type(const struct workflow_input *input, const json_t *given, json_t **ret_value,
                        struct error *err)
{
    switch (input->type) {
    case INPUT_INTEGER:
    case INPUT_NUMBER:
        return convert_number(input, given, ret_value, err);
    case INPUT_BOOLEAN:
        return convert_boolean(given, ret_value, err);
    case INPUT_ENUM:
        return convert_choice(input, given, ret_value, err);
    case INPUT_STRING:
    case INPUT_PATH:
        return convert_text(input, given, ret_value, err);
    }
    assert(!"every type can be converted");
    return ERROR_INTERNAL;
}

static int check_pattern(const struct workflow_input *input, const json_t *value, struct error *err)
{
    struct pattern *pattern = NULL;
    char *text = NULL;
    bool matches = false;
    int r = pattern_new(input->pattern, &pattern, err);

    if (r < 0) {
        return r;
    }
    text = json_is_string(value) ? mem_strdup(json_string_value(value)) : json_dump_compact(value);
    r = pattern_match(pattern, text, strlen(text), &matches, err);
    if (r == 0 && !matches) {
        struct strbuf expected;

        strbuf_init(&expected, 400);
        strbuf_addf(&expected, "something that matches %s", UTF8_CUT(input->pattern, 300));
        r = fail_expected(expected.data, value, err);
        strbuf_release(&expected);
    }
    free(text);
    pattern_free(pattern);
    return r;
}

int input_convert(const struct workflow_input *input, const json_t *given, json_t **ret_value,
                  struct error *err)
{
    json_t *value = NULL;
    int r = convert_type(input, given, &value, err);

    if (r == 0 && input->pattern) {
        r = check_pattern(input, value, err);
    }
    if (r < 0) {
        json_decref(value);
        return r;
    }
    *ret_value = value;
    return 0;
}

/* All that is wrong, as one text; what does not fit is counted. */
struct complaints {
    struct strbuf text;
    size_t count;
    size_t left_out;
};

static void complain(struct complaints *complaints, const char *name, const struct error *wrong)
{
    char *text = mem_printf("%sinput \"%s\": %s%s%s%s", complaints->count ? "; " : "",
                            UTF8_CUT(name, 100), wrong->text, wrong->hint[0] ? " (" : "",
                            wrong->hint, wrong->hint[0] ? ")" : "");

    complaints->count++;
    strbuf_add(&complaints->text, text);
    if (complaints->text.overflow) {
        complaints->left_out++;
        complaints->text.overflow = false;
    }
    free(text);
}

static const struct workflow_input *find_input(const struct workflow *workflow, const char *name)
{
    for (size_t i = 0; i < workflow->input_count; i++) {
        if (strcmp(workflow->inputs[i].name, name) == 0) {
            return &workflow->inputs[i];
        }
    }
    return NULL;
}

static void complain_unknown(const struct workflow *workflow, const char *name,
                             struct complaints *complaints)
{
    const char **names = mem_zero(workflow->input_count, sizeof(*names));
    struct error wrong = ERROR_INIT;
    const char *nearest;

    for (size_t i = 0; i < workflow->input_count; i++) {
        names[i] = workflow->inputs[i].name;
    }
    nearest = nearest_name(name, names, workflow->input_count);
    (void)error_set(&wrong, ERROR_INVALID, "the workflow has no such input");
    if (nearest) {
        error_hint(&wrong, "did you mean %s?", nearest);
    } else if (workflow->input_count == 0) {
        error_hint(&wrong, "it has none");
    } else {
        struct strbuf list;

        strbuf_init(&list, ERROR_HINT_MAX / 2);
        for (size_t i = 0; i < workflow->input_count; i++) {
            strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
        }
        error_hint(&wrong, "it has %s", list.data);
        strbuf_release(&list);
    }
    complain(complaints, name, &wrong);
    free((void *)names);
}

/* A value of null counts as not given. Optional inputs without a value are null. */
static void take_input(const struct workflow_input *input, const json_t *given, json_t *inputs,
                       struct complaints *complaints)
{
    const json_t *value = json_is_null(given) ? NULL : given;
    struct error wrong = ERROR_INIT;
    json_t *converted = NULL;

    if (!value) {
        value = json_is_null(input->default_value) ? NULL : input->default_value;
    }
    if (value) {
        if (input_convert(input, value, &converted, &wrong) < 0) {
            complain(complaints, input->name, &wrong);
        }
    } else if (input->required) {
        (void)error_set(&wrong, ERROR_INVALID, "it is required%s%s", input->description ? ": " : "",
                        input->description ? UTF8_CUT(input->description, 200) : "");
        complain(complaints, input->name, &wrong);
    } else {
        converted = json_null();
    }
    json_put(inputs, input->name, converted);
}

int workflow_check_input(const struct workflow_input *input, const json_t *given, struct error *err)
{
    json_t *value = NULL;
    int r = input_convert(input, given, &value, err);

    json_decref(value);
    return r;
}

int workflow_check_inputs(const struct workflow *workflow, const json_t *given, json_t **ret_inputs,
                          struct error *err)
{
    struct complaints complaints = {0};
    json_t *inputs;
    const char *name;
    json_t *value;
    int r = 0;

    if (given && !json_is_object(given) && !json_is_null(given)) {
        return error_set(err, ERROR_INVALID, "the inputs must be an object of names and values");
    }
    strbuf_init(&complaints.text, ERROR_TEXT_MAX - 40);
    inputs = json_object();
    for (size_t i = 0; i < workflow->input_count; i++) {
        const struct workflow_input *input = &workflow->inputs[i];

        take_input(input, json_object_get(given, input->name), inputs, &complaints);
    }
    json_object_foreach((json_t *)(uintptr_t)given, name, value)
    {
        if (!find_input(workflow, name)) {
            complain_unknown(workflow, name, &complaints);
        }
    }
    if (complaints.count > 0) {
        r = complaints.left_out > 0 ? error_set(err, ERROR_INVALID, "%s; and %zu more",
                                                complaints.text.data, complaints.left_out)
                                    : error_set(err, ERROR_INVALID, "%s", complaints.text.data);
        json_decref(inputs);
    } else {
        *ret_inputs = inputs;
    }
    strbuf_release(&complaints.text);
    return r;
}
