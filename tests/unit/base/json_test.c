/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, json_t **ret_value, struct error *err)
{
    return json_parse_text(text, strlen(text), "output of step build", ret_value, err);
}

static void one_value_of_any_kind_is_read(void **state)
{
    static const char *const texts[] = {"1", "\"a\"", "null", " {\"a\": [1, {}]}\n",
                                        "9223372036854775807"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct error err = ERROR_INIT;
        json_t *value = NULL;

        assert_int_equal(parse(texts[i], &value, &err), 0);
        assert_non_null(value);
        json_decref(value);
    }
}

static void broken_json_is_named_with_its_place(void **state)
{
    struct error err = ERROR_INIT;
    json_t *value = NULL;

    (void)state;
    assert_int_equal(parse("{\n  \"a\": ,\n}", &value, &err), ERROR_INVALID);
    assert_null(value);
    assert_non_null(strstr(err.text, "output of step build:2:"));
    assert_int_equal(parse("{\"a\":1,\"a\":2}", &value, &err), ERROR_INVALID);
    assert_int_equal(parse("1 2", &value, &err), ERROR_INVALID);
    assert_int_equal(parse("", &value, &err), ERROR_INVALID);
    assert_int_equal(parse("\"\xFF\"", &value, &err), ERROR_INVALID);
    assert_int_equal(parse("9223372036854775808", &value, &err), ERROR_INVALID);
}

static void depth_has_a_ceiling(void **state)
{
    struct error err = ERROR_INIT;
    json_t *value = NULL;
    char text[3 * JSON_DEPTH_MAX + 10] = "";

    (void)state;
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    assert_int_equal(parse(text, &value, &err), 0);
    json_decref(value);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_int_equal(parse(text, &value, &err), ERROR_LIMIT);
    assert_int_equal(
        parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"]",
              &value, &err),
        0);
    json_decref(value);
}

static void size_has_a_ceiling(void **state)
{
    struct error err = ERROR_INIT;
    json_t *value = NULL;

    (void)state;
    assert_int_equal(json_parse_text("1", (size_t)JSON_BYTES_MAX + 1, "x", &value, &err),
                     ERROR_LIMIT);
}

static void getters_fall_back(void **state)
{
    json_t *object = json_pack("{s:s, s:i, s:b}", "text", "a", "number", 3, "flag", 1);

    (void)state;
    assert_string_equal(json_get_text(object, "text", "x"), "a");
    assert_string_equal(json_get_text(object, "number", "x"), "x");
    assert_null(json_get_text(object, "absent", NULL));
    assert_null(json_get_text(NULL, "text", NULL));
    assert_int_equal(json_get_integer(object, "number", 9), 3);
    assert_int_equal(json_get_integer(object, "text", 9), 9);
    assert_true(json_get_boolean(object, "flag", false));
    assert_true(json_get_boolean(object, "absent", true));
    json_decref(object);
}

static void setters_take_values_over(void **state)
{
    json_t *object = json_object();
    char *text;

    (void)state;
    json_put(object, "a", json_integer(1));
    json_put(object, "a", json_integer(2));
    json_put(object, "none", NULL);
    json_put_text(object, "b", "x\xFFy");
    json_put_text(object, "none", NULL);
    json_put_integer(object, "c", -3);
    text = json_dump_compact(object);
    assert_string_equal(text, "{\"a\":2,\"b\":\"x\xEF\xBF\xBDy\",\"c\":-3}");
    free(text);
    json_decref(object);
}

static void any_bytes_become_text(void **state)
{
    json_t *value = json_text_lossy("a\0\xC3", 3);

    (void)state;
    assert_string_equal(json_string_value(value), "a\xEF\xBF\xBD\xEF\xBF\xBD");
    json_decref(value);
    value = json_text_lossy("", 0);
    assert_string_equal(json_string_value(value), "");
    json_decref(value);
}

static void dumps_differ_in_order_and_space(void **state)
{
    json_t *value = json_pack("{s:i, s:[i]}", "b", 1, "a", 2);
    char *compact = json_dump_compact(value);
    char *sorted = json_dump_sorted(value);
    char *pretty = json_dump_pretty(value);

    (void)state;
    assert_string_equal(compact, "{\"b\":1,\"a\":[2]}");
    assert_string_equal(sorted, "{\"a\":[2],\"b\":1}");
    assert_string_equal(pretty, "{\n  \"b\": 1,\n  \"a\": [\n    2\n  ]\n}\n");
    free(pretty);
    free(sorted);
    free(compact);
    json_decref(value);
}

/* Both given as JSON text. */
static bool same(const char *left, const char *right)
{
    json_t *a = json_loads(left, JSON_DECODE_ANY, NULL);
    json_t *b = json_loads(right, JSON_DECODE_ANY, NULL);
    bool forth = json_same(a, b);

    assert_int_equal(forth, json_same(b, a));
    json_decref(a);
    json_decref(b);
    return forth;
}

static void what_a_terminal_may_obey_is_escaped(void **state)
{
    json_t *value = json_pack("[s]", "\x1b\x7f\xc2\x80\xc2\x9b\xc2\xa0\xe2\x80\xa9"
                                     "\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf\xe2\x81\xa5"
                                     "\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa\xc3\xa9!");
    char *text = json_dump_compact(value);
    json_t *read = json_loads(text, 0, NULL);

    (void)state;
    assert_string_equal(text, "[\"\\u001B\\u007f\\u0080\\u009b\xc2\xa0\xe2\x80\xa9"
                              "\\u202a\\u202e\xe2\x80\xaf\xe2\x81\xa5"
                              "\\u2066\\u2069\xe2\x81\xaa\xc3\xa9!\"]");
    assert_true(json_equal(read, value));
    json_decref(read);
    json_decref(value);
    free(text);
}

static void values_are_the_same_whatever_their_spelling(void **state)
{
    (void)state;
    assert_true(same("1", "1.0"));
    assert_true(same("[1,{\"a\":2}]", "[1.0,{\"a\":2.0}]"));
    assert_true(same("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}"));
    assert_false(same("1", "\"1\""));
    assert_false(same("1", "true"));
    assert_false(same("[1,2]", "[2,1]"));
    assert_false(same("[1]", "[1,2]"));
    assert_false(same("{\"a\":1}", "{\"b\":1}"));
    assert_false(same("{\"a\":1}", "{\"a\":1,\"b\":1}"));
    assert_true(same("null", "null"));
}

static int compare(const char *left, const char *right)
{
    json_t *a = json_loads(left, JSON_DECODE_ANY, NULL);
    json_t *b = json_loads(right, JSON_DECODE_ANY, NULL);
    int order = json_compare_numbers(a, b);

    assert_int_equal(order, -json_compare_numbers(b, a));
    json_decref(a);
    json_decref(b);
    return order;
}

static void numbers_are_compared_without_rounding(void **state)
{
    (void)state;
    assert_int_equal(compare("1", "2"), -1);
    assert_int_equal(compare("2.5", "2"), 1);
    assert_int_equal(compare("-2.5", "-2"), -1);
    assert_int_equal(compare("-0.5", "0"), -1);
    assert_int_equal(compare("0.0", "0"), 0);
    assert_int_equal(compare("0.5", "0.25"), 1);
    assert_int_equal(compare("9007199254740993", "9007199254740992.0"), 1);
    assert_int_equal(compare("9223372036854775807", "9223372036854775808.0"), -1);
    assert_int_equal(compare("-9223372036854775808", "-9223372036854775808.0"), 0);
    assert_int_equal(compare("-9223372036854775808", "-1e300"), 1);
    assert_int_equal(compare("9223372036854775807", "1e300"), -1);
}

static void text_is_quoted_as_in_a_value(void **state)
{
    static const char *const texts[] = {
        "",          "a",       "\"\\/", "\b\f\n\r\t", "a\001b\037\177", "\xC3\xA4\xE2\x82\xAC",
        "\xFFx\xC3", "x\ny\n\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        json_t *value = json_text_lossy(texts[i], strlen(texts[i]));
        char *expected = json_dumps(value, JSON_ENCODE_ANY);
        struct strbuf text;

        strbuf_init(&text, 100);
        json_add_text(&text, texts[i]);
        assert_string_equal(text.data, expected);
        strbuf_release(&text);
        free(expected);
        json_decref(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_of_any_kind_is_read),
        cmocka_unit_test(text_is_quoted_as_in_a_value),
        cmocka_unit_test(broken_json_is_named_with_its_place),
        cmocka_unit_test(depth_has_a_ceiling),
        cmocka_unit_test(size_has_a_ceiling),
        cmocka_unit_test(getters_fall_back),
        cmocka_unit_test(setters_take_values_over),
        cmocka_unit_test(any_bytes_become_text),
        cmocka_unit_test(dumps_differ_in_order_and_space),
        cmocka_unit_test(what_a_terminal_may_obey_is_escaped),
        cmocka_unit_test(values_are_the_same_whatever_their_spelling),
        cmocka_unit_test(numbers_are_compared_without_rounding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
