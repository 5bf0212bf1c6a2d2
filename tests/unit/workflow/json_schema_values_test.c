/* SPDX-License-Identifier: MIT */
#include "workflow/json_schema_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Checks a value against a schema, both JSON text. part: NULL when the value fits, else what the
 * error says. */
static void expect(const char *schema_text, const char *value_text, const char *part)
{
    json_t *schema = json_loads(schema_text, JSON_DECODE_ANY, NULL);
    json_t *value = json_loads(value_text, JSON_DECODE_ANY, NULL);
    struct error err = ERROR_INIT;
    int r;

    assert_non_null(schema);
    assert_non_null(value);
    r = json_schema_check(schema, value, &err);
    if (r != (part ? ERROR_VALIDATION : 0) || (part && !strstr(err.text, part))) {
        fail_msg("%s with %s: expected \"%s\", got %d \"%s\"", schema_text, value_text,
                 part ? part : "it fits", r, err.text);
    }
    json_decref(value);
    json_decref(schema);
}

static void bounds_compare_exactly(void **state)
{
    (void)state;
    expect("{\"minimum\":1.5}", "2", NULL);
    expect("{\"minimum\":1.5}", "1.5", NULL);
    expect("{\"minimum\":1.5}", "1", "expected a number that is at least 1.5, got 1");
    expect("{\"exclusiveMinimum\":1}", "1.0", "more than 1, got 1");
    expect("{\"maximum\":9007199254740992}", "9007199254740993", "at most");
    expect("{\"exclusiveMaximum\":3}", "2.999", NULL);
    expect("{\"exclusiveMaximum\":3}", "3", "less than 3");
    expect("{\"minimum\":5}", "\"text\"", NULL);
}

static void multiples_allow_for_rounding(void **state)
{
    (void)state;
    expect("{\"multipleOf\":3}", "9", NULL);
    expect("{\"multipleOf\":3}", "-9", NULL);
    expect("{\"multipleOf\":3}", "10", "expected a multiple of 3, got 10");
    expect("{\"multipleOf\":0.0001}", "0.0075", NULL);
    expect("{\"multipleOf\":0.0001}", "0.00751", "multiple of 0.0001");
    expect("{\"multipleOf\":0.01}", "4.35", NULL);
    expect("{\"multipleOf\":1e-8}", "12391239123", NULL);
    expect("{\"multipleOf\":0.123456789}", "1e308", "multiple");
    expect("{\"multipleOf\":2}", "0", NULL);
}

static void lengths_count_characters(void **state)
{
    (void)state;
    expect("{\"minLength\":2}", "\"\xF0\x9F\x98\x80\"", "at least 2 characters, got 1");
    expect("{\"maxLength\":2.0}", "\"\xC3\xA9\xC3\xA9\"", NULL);
    expect("{\"maxLength\":2}", "\"abc\"", "at most 2 characters, got 3");
    expect("{\"maxLength\":2}", "100000", NULL);
}

static void patterns_may_match_anywhere(void **state)
{
    (void)state;
    expect("{\"pattern\":\"b+\"}", "\"abbc\"", NULL);
    expect("{\"pattern\":\"^b\"}", "\"abbc\"", "expected text that matches ^b");
    expect("{\"pattern\":\"^b\"}", "12", NULL);
}

static void slow_patterns_reach_a_limit(void **state)
{
    json_t *schema = json_pack("{s:{s:s}}", "not", "pattern", "^(a|aa)+b$");
    json_t *value = json_string(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab!");
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(json_schema_check(schema, value, &err), ERROR_LIMIT);
    json_decref(value);
    json_decref(schema);
}

static void whole_numbers_may_be_written_as_reals(void **state)
{
    json_t *numbers = json_pack("[f, f, i, f]", 2.0, 2.5, 7, 1e300);
    json_t *schema = json_pack("{s:f, s:f}", "a", 3.0, "b", 1e300);

    (void)state;
    assert_true(schema_is_whole(json_array_get(numbers, 0)));
    assert_false(schema_is_whole(json_array_get(numbers, 1)));
    assert_true(schema_is_whole(json_array_get(numbers, 2)));
    assert_true(schema_is_whole(json_array_get(numbers, 3)));
    assert_int_equal(schema_count(schema, "a", 9), 3);
    assert_true(schema_count(schema, "b", 9) == SIZE_MAX);
    assert_int_equal(schema_count(schema, "c", 9), 9);
    json_decref(schema);
    json_decref(numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_compare_exactly),
        cmocka_unit_test(multiples_allow_for_rounding),
        cmocka_unit_test(lengths_count_characters),
        cmocka_unit_test(patterns_may_match_anywhere),
        cmocka_unit_test(slow_patterns_reach_a_limit),
        cmocka_unit_test(whole_numbers_may_be_written_as_reals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
