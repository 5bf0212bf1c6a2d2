/* SPDX-License-Identifier: MIT */
#include "workflow/expression_internal.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Calls the function with values given as JSON (NULL: not given); the result as JSON, or the
 * error's text. The caller frees it. */
static char *call(const char *name, const char *first, const char *second)
{
    const struct expression_function *function = expression_find_function(name);
    json_t *arguments[EXPRESSION_ARGUMENTS_MAX] = {
        json_loads(first, JSON_DECODE_ANY, NULL),
        second ? json_loads(second, JSON_DECODE_ANY, NULL) : NULL,
    };
    struct error err = ERROR_INIT;
    json_t *value;
    char *text;

    assert_non_null(function);
    assert_non_null(arguments[0]);
    value = function->call(arguments, &err);
    text = value ? json_dump_compact(value) : mem_strdup(err.text);
    assert_int_equal(value ? 0 : ERROR_INVALID, err.code);
    json_decref(value);
    json_decref(arguments[0]);
    json_decref(arguments[1]);
    return text;
}

static void expect(const char *name, const char *first, const char *second, const char *wanted)
{
    char *text = call(name, first, second);

    if (!strstr(text, wanted)) {
        fail_msg("%s(%s, %s): expected %s, got %s", name, first, second ? second : "-", wanted,
                 text);
    }
    free(text);
}

static void length_counts_characters_and_elements(void **state)
{
    (void)state;
    expect("length", "\"h\xC3\xA9llo\"", NULL, "5");
    expect("length", "[1,2]", NULL, "2");
    expect("length", "{\"a\":1}", NULL, "1");
    expect("length", "null", NULL, "0");
    expect("length", "12", NULL, "a number has no length");
    expect("length", "true", NULL, "a boolean has no length");
}

static void contains_takes_the_whole_first(void **state)
{
    (void)state;
    expect("contains", "[1,2]", "2.0", "true");
    expect("contains", "\"abc\"", "\"bc\"", "true");
    expect("contains", "\"abc\"", "\"cb\"", "false");
    expect("contains", "\"abc\"", "\"\"", "true");
    expect("contains", "{\"a\":1}", "\"b\"", "false");
    expect("contains", "null", "1", "false");
    expect("contains", "{\"a\":1}", "1", "an object can only contain text, not a number");
    expect("contains", "true", "1", "a boolean contains nothing");
}

static void default_replaces_null_only(void **state)
{
    (void)state;
    expect("default", "null", "3", "3");
    expect("default", "false", "3", "false");
    expect("default", "\"\"", "3", "\"\"");
}

static void join_makes_one_text(void **state)
{
    (void)state;
    expect("join", "[\"a\",1,null,0.1,[true]]", NULL, "\"a, 1, , 0.1, [true]\"");
    expect("join", "[\"a\",\"b\"]", "\"\\n\"", "\"a\\nb\"");
    expect("join", "[]", NULL, "\"\"");
    expect("join", "null", NULL, "\"\"");
    expect("join", "\"abc\"", NULL, "only a list can be joined, not a text");
    expect("join", "[1]", "1", "the separator must be text, not a number");
}

static void join_keeps_to_its_ceiling(void **state)
{
    size_t length = EXPRESSION_VALUE_BYTES_MAX / 2;
    char *half = mem_zero(length + 1, 1);
    json_t *arguments[EXPRESSION_ARGUMENTS_MAX] = {json_array(), NULL};
    struct error err = ERROR_INIT;

    (void)state;
    memset(half, 'x', length);
    json_array_append_new(arguments[0], json_string(half));
    json_array_append(arguments[0], json_array_get(arguments[0], 0));
    assert_null(expression_find_function("join")->call(arguments, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    json_decref(arguments[0]);
    free(half);
}

static void json_writes_the_value(void **state)
{
    (void)state;
    expect("json", "{\"a\":[1,null]}", NULL, "\"{\\\"a\\\":[1,null]}\"");
    expect("json", "\"x\"", NULL, "\"\\\"x\\\"\"");
}

static void ends_of_texts_are_compared(void **state)
{
    (void)state;
    expect("startswith", "\"release/1\"", "\"release/\"", "true");
    expect("startswith", "\"rel\"", "\"release\"", "false");
    expect("endswith", "\"a.yaml\"", "\".yaml\"", "true");
    expect("endswith", "\"a.yaml\"", "\".yml\"", "false");
    expect("endswith", "\"\"", "\"\"", "true");
    expect("startswith", "null", "\"a\"", "false");
    expect("startswith", "1", "\"a\"", "expected two texts, not a number and a text");
    expect("endswith", "\"a\"", "null", "expected two texts");
}

static void values_are_shown_shortest(void **state)
{
    struct strbuf text;
    json_t *value = json_pack("[s, n, f, f, i, b]", "a", 0.1, 1e300, 3, 1);
    size_t index;
    json_t *item;

    (void)state;
    strbuf_init(&text, 1000);
    json_array_foreach(value, index, item)
    {
        expression_format_value(item, &text);
        strbuf_add(&text, "|");
    }
    assert_string_equal(text.data, "a||0.1|1e+300|3|true|");
    strbuf_release(&text);
    json_decref(value);
}

static void unknown_functions_have_a_nearest_one(void **state)
{
    (void)state;
    assert_null(expression_find_function("lenght"));
    assert_string_equal(expression_nearest_function("lenght"), "length");
    assert_null(expression_nearest_function("frobnicate"));
}

static void the_grammar_names_every_function(void **state)
{
    static const char *const names[] = {"length(", "contains(",   "default(", "join(",
                                        "json(",   "startswith(", "endswith("};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_non_null(strstr(expression_grammar(), names[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(length_counts_characters_and_elements),
        cmocka_unit_test(contains_takes_the_whole_first),
        cmocka_unit_test(default_replaces_null_only),
        cmocka_unit_test(join_makes_one_text),
        cmocka_unit_test(join_keeps_to_its_ceiling),
        cmocka_unit_test(json_writes_the_value),
        cmocka_unit_test(ends_of_texts_are_compared),
        cmocka_unit_test(values_are_shown_shortest),
        cmocka_unit_test(unknown_functions_have_a_nearest_one),
        cmocka_unit_test(the_grammar_names_every_function),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
