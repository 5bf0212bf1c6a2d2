/* SPDX-License-Identifier: MIT */
#include "base/json_text.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_value_is_written_as_its_tree_is_dumped(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"a\":[],\"b\":{},\"c\":[1,[2],{\"d\":null}]}",
        "[true,false,null,1.5,-7,0]",
        "{\"\":\"\",\"quo\\\"te\\\\\":\"line\\nend\\u0001 \xC3\xA4\"}",
        "\"alone\"",
        "-9223372036854775808"};

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(texts); i++) {
        bool is_pretty = i % 2 != 0;
        json_t *value = json_loads(texts[i / 2], JSON_DECODE_ANY, NULL);
        char *expected = is_pretty ? json_dump_pretty(value) : json_dump_compact(value);
        struct strbuf text;
        struct json_text json;

        strbuf_init(&text, 1000);
        json = json_text_new(&text, is_pretty);
        json_text_add_value(&json, NULL, value);
        if (is_pretty && !json_is_object(value) && !json_is_array(value)) {
            strbuf_add_char(&text, '\n'); /* a line ends with its outermost bracket */
        }
        if (strchr(texts[i / 2], '\\')) {
            json_t *again = json_loads(text.data, JSON_DECODE_ANY, NULL);

            assert_true(json_equal(again, value)); /* control characters may be written otherwise */
            json_decref(again);
        } else {
            assert_string_equal(text.data, expected);
        }
        strbuf_release(&text);
        free(expected);
        json_decref(value);
    }
}

static void what_is_absent_adds_nothing(void **state)
{
    struct strbuf text;
    struct json_text json;

    (void)state;
    strbuf_init(&text, 100);
    json = json_text_new(&text, false);
    json_text_begin_object(&json, NULL);
    json_text_add(&json, "a", NULL);
    json_text_add_value(&json, "b", NULL);
    json_text_add_true(&json, "c");
    json_text_add_integer(&json, "d", INT64_MIN);
    json_text_end_object(&json);
    assert_string_equal(text.data, "{\"c\":true,\"d\":-9223372036854775808}");
    strbuf_release(&text);
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 100);
    json_text_quote(&text, "a\xFFz");
    assert_string_equal(text.data, "\"a\xEF\xBF\xBDz\"");
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_written_as_its_tree_is_dumped),
        cmocka_unit_test(what_is_absent_adds_nothing),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
