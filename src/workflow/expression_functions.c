/* SPDX-License-Identifier: MIT */
/* What expressions can call: one row a function. All are total and keep to their ceilings. */
#include "workflow/expression_internal.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *expression_type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "list";
    case JSON_STRING:
        return "text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}

/* The shortest text that reads back as the same number: 0.1, not 0.10000000000000001. */
static void format_real(double real, struct strbuf *target)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, real);
        double back = strtod(text, NULL);

        if (back <= real && back >= real) {
            break;
        }
    }
    strbuf_add(target, text);
}

void expression_format_value(const json_t *value, struct strbuf *target)
{
    char *text;

    if (json_is_null(value)) {
        return;
    }
    if (json_is_string(value)) {
        strbuf_add_bytes(target, json_string_value(value), json_string_length(value));
        return;
    }
    if (json_is_real(value)) {
        format_real(json_real_value(value), target);
        return;
    }
    text = json_dump_compact(value);
    strbuf_add(target, text);
    free(text);
}

int expression_contains(const json_t *whole, const json_t *part, struct error *err)
{
    size_t index;
    json_t *item;

    if (json_is_null(whole)) {
        return 0;
    }
    if (json_is_array(whole)) {
        json_array_foreach(whole, index, item)
        {
            if (json_same(item, part)) {
                return 1;
            }
        }
        return 0;
    }
    if (!json_is_string(whole) && !json_is_object(whole)) {
        return error_set(err, ERROR_INVALID,
                         "a %s contains nothing; expected a list, a text or an object",
                         expression_type_name(whole));
    }
    if (!json_is_string(part)) {
        return error_set(err, ERROR_INVALID, "%s %s can only contain text, not a %s",
                         json_is_object(whole) ? "an" : "a", expression_type_name(whole),
                         expression_type_name(part));
    }
    if (json_is_object(whole)) {
        return json_object_get(whole, json_string_value(part)) != NULL;
    }
    return memmem(json_string_value(whole), json_string_length(whole), json_string_value(part),
                  json_string_length(part)) != NULL;
}

static json_t *call_length(json_t *const arguments[], struct error *err)
{
    const json_t *value = arguments[0];

    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_integer(
            (json_int_t)utf8_count(json_string_value(value), json_string_length(value)));
    case JSON_ARRAY:
        return json_integer((json_int_t)json_array_size(value));
    case JSON_OBJECT:
        return json_integer((json_int_t)json_object_size(value));
    case JSON_NULL:
        return json_integer(0);
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE:
        break;
    }
    (void)error_set(err, ERROR_INVALID, "a %s has no length; expected text, a list or an object",
                    expression_type_name(value));
    return NULL;
}

static json_t *call_contains(json_t *const arguments[], struct error *err)
{
    int r = expression_contains(arguments[0], arguments[1], err);

    return r < 0 ? NULL : json_boolean(r);
}

static json_t *call_default(json_t *const arguments[], struct error *err)
{
    (void)err;
    return json_incref(json_is_null(arguments[0]) ? arguments[1] : arguments[0]);
}

static json_t *take_text(struct strbuf *buffer, struct error *err)
{
    json_t *text = NULL;

    if (buffer->overflow) {
        (void)error_set(err, ERROR_LIMIT, "the text is longer than %u bytes",
                        EXPRESSION_VALUE_BYTES_MAX);
    } else {
        text = json_text_lossy(buffer->data, buffer->length);
    }
    strbuf_release(buffer);
    return text;
}

static json_t *call_join(json_t *const arguments[], struct error *err)
{
    const json_t *list = arguments[0];
    const json_t *separator = arguments[1];
    struct strbuf joined;
    size_t index;
    json_t *item;

    if (!json_is_array(list) && !json_is_null(list)) {
        (void)error_set(err, ERROR_INVALID, "only a list can be joined, not a %s",
                        expression_type_name(list));
        return NULL;
    }
    if (separator && !json_is_string(separator)) {
        (void)error_set(err, ERROR_INVALID, "the separator must be text, not a %s",
                        expression_type_name(separator));
        return NULL;
    }
    strbuf_init(&joined, EXPRESSION_VALUE_BYTES_MAX);
    json_array_foreach(list, index, item)
    {
        if (index > 0) {
            strbuf_add(&joined, separator ? json_string_value(separator) : ", ");
        }
        expression_format_value(item, &joined);
    }
    return take_text(&joined, err);
}

static json_t *call_json(json_t *const arguments[], struct error *err)
{
    struct strbuf buffer;
    char *text = json_dump_compact(arguments[0]);

    strbuf_init(&buffer, EXPRESSION_VALUE_BYTES_MAX);
    strbuf_add(&buffer, text);
    free(text);
    return take_text(&buffer, err);
}

/* Null has no text, so it neither starts nor ends with anything. */
static json_t *compare_end(json_t *const arguments[], bool at_end, struct error *err)
{
    size_t whole_length = json_string_length(arguments[0]);
    size_t part_length = json_string_length(arguments[1]);
    const char *whole = json_string_value(arguments[0]);

    if (json_is_null(arguments[0])) {
        return json_false();
    }
    if (!whole || !json_is_string(arguments[1])) {
        (void)error_set(err, ERROR_INVALID, "expected two texts, not a %s and a %s",
                        expression_type_name(arguments[0]), expression_type_name(arguments[1]));
        return NULL;
    }
    return json_boolean(part_length <= whole_length &&
                        memcmp(whole + (at_end ? whole_length - part_length : 0),
                               json_string_value(arguments[1]), part_length) == 0);
}

static json_t *call_startswith(json_t *const arguments[], struct error *err)
{
    return compare_end(arguments, false, err);
}

static json_t *call_endswith(json_t *const arguments[], struct error *err)
{
    return compare_end(arguments, true, err);
}

static const struct expression_function functions[] = {
    {"length", 1, 1, call_length},     {"contains", 2, 2, call_contains},
    {"default", 2, 2, call_default},   {"join", 1, 2, call_join},
    {"json", 1, 1, call_json},         {"startswith", 2, 2, call_startswith},
    {"endswith", 2, 2, call_endswith},
};

const struct expression_function *expression_find_function(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (strcmp(functions[i].name, name) == 0) {
            return &functions[i];
        }
    }
    return NULL;
}

const char *expression_nearest_function(const char *name)
{
    const char *names[ARRAY_LEN(functions)];

    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        names[i] = functions[i].name;
    }
    return nearest_name(name, names, ARRAY_LEN(names));
}

const char *expression_grammar(void)
{
    return "expression = and { \"or\" and }\n"
           "and        = not { \"and\" not }\n"
           "not        = \"not\" not | comparison\n"
           "comparison = operand [ ( \"==\" | \"!=\" | \"<\" | \"<=\" | \">\" | \">=\" | \"in\" ) "
           "operand ]\n"
           "operand    = \"null\" | \"true\" | \"false\" | number | text | list | call | path\n"
           "           | \"(\" expression \")\"\n"
           "list       = \"[\" [ expression { \",\" expression } ] \"]\"\n"
           "call       = name \"(\" [ expression { \",\" expression } ] \")\"\n"
           "path       = name { \".\" name | \"[\" digits \"]\" | \"[\" text \"]\" }\n"
           "name       = letters, digits, \"_\" and \"-\"; the first one begins with a letter or "
           "\"_\"\n"
           "number     = as in JSON: 3, -1, 0.8, 1e6\n"
           "text       = 'single' or \"double\" quoted; escapes: \\\\ \\' \\\" \\n \\t \\r "
           "\\uXXXX\n"
           "\n"
           "== and != compare values; values of different types are never equal, 1 and 1.0 are.\n"
           "< <= > >= compare two numbers or two texts; anything else is an error.\n"
           "a in b: an element of a list, a part of a text, a key of an object; never in null.\n"
           "null, false, 0, \"\", [] and {} count as false; all else counts as true.\n"
           "`and`, `or` and `not` give true or false and look no further than they must.\n"
           "A path that is known but has no value (yet) is null.\n"
           "\n"
           "length(value)              characters of a text, elements of a list or object; 0 for "
           "null\n"
           "contains(whole, part)      the same as: part in whole\n"
           "default(value, fallback)   the fallback when the value is null\n"
           "join(list, separator)      one text; the separator is \", \" when not given\n"
           "json(value)                the value as compact JSON text\n"
           "startswith(text, part)     does the text begin with the part?\n"
           "endswith(text, part)       does the text end with the part?\n";
}
