/* SPDX-License-Identifier: MIT */
#include "functions/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_object_is_taken_from_a_fence_in_prose(void **state)
{
    json_t *text = json_string("Here it is:\n```json\n{\"a\": 1}\n```\nDone {x}.");
    json_t *value = argument_object(text);

    (void)state;
    assert_int_equal(json_get_integer(value, "a", 0), 1);
    json_decref(value);
    json_decref(text);
}

static void prose_without_an_object_gives_none(void **state)
{
    json_t *text = json_string("No findings } at all {");

    (void)state;
    assert_null(argument_object(text));
    assert_null(argument_object(NULL));
    json_decref(text);
}

static void an_integer_argument_may_be_a_text_but_not_out_of_range(void **state)
{
    json_t *arguments = json_pack("{s:s,s:i,s:s}", "a", "12", "b", 99, "c", "12x");
    struct function_call call = {.arguments = arguments};
    const json_int_t range[2] = {1, 50};
    struct error err = ERROR_INIT;
    json_int_t value = 0;

    (void)state;
    assert_int_equal(argument_integer(&call, "a", 7, range, &value, &err), 0);
    assert_int_equal(value, 12);
    assert_int_equal(argument_integer(&call, "absent", 7, range, &value, &err), 0);
    assert_int_equal(value, 7);
    assert_int_equal(argument_integer(&call, "b", 7, range, &value, &err), ERROR_INVALID);
    assert_int_equal(argument_integer(&call, "c", 7, range, &value, &err), ERROR_INVALID);
    assert_int_equal(value, 7);
    json_decref(arguments);
}

static void an_unknown_result_says_why(void **state)
{
    json_t *result = result_new("x");

    (void)state;
    result_unknown(result, "no tool", "install it");
    assert_string_equal(json_get_text(result, "status", ""), "unknown");
    assert_string_equal(json_get_text(result, "why", ""), "no tool");
    assert_true(json_is_array(json_object_get(result, "findings")));
    json_decref(result);
}

static void numbers_are_grouped_by_thousands(void **state)
{
    char buffer[NUMBER_SIZE];

    (void)state;
    assert_string_equal(number_format(0, buffer), "0");
    assert_string_equal(number_format(999, buffer), "999");
    assert_string_equal(number_format(1149286, buffer), "1,149,286");
    assert_string_equal(number_format(SIZE_MAX, buffer), "18,446,744,073,709,551,615");
}

static void a_band_is_one_of_three_and_small_when_absent(void **state)
{
    json_t *arguments = json_object();
    struct function_call call = {.arguments = arguments};
    enum band band = BAND_LARGE;

    (void)state;
    assert_int_equal(argument_band(&call, &band, NULL), 0);
    assert_int_equal(band, BAND_SMALL);
    json_put_text(arguments, "band", "large");
    assert_int_equal(argument_band(&call, &band, NULL), 0);
    assert_int_equal(band, BAND_LARGE);
    json_put_text(arguments, "band", "huge");
    assert_int_equal(argument_band(&call, &band, NULL), ERROR_INVALID);
    json_decref(arguments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_taken_from_a_fence_in_prose),
        cmocka_unit_test(prose_without_an_object_gives_none),
        cmocka_unit_test(an_integer_argument_may_be_a_text_but_not_out_of_range),
        cmocka_unit_test(an_unknown_result_says_why),
        cmocka_unit_test(numbers_are_grouped_by_thousands),
        cmocka_unit_test(a_band_is_one_of_three_and_small_when_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
