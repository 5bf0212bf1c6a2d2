/* SPDX-License-Identifier: MIT */
#include "workflow/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void ids_and_names_have_their_letters(void **state)
{
    (void)state;
    assert_true(id_is_valid("a-b_C9"));
    assert_false(id_is_valid(""));
    assert_false(id_is_valid("a.b"));
    assert_true(name_is_valid("launch/wait-list.v2"));
    assert_false(name_is_valid("../x"));
    assert_false(name_is_valid("a b"));
    assert_false(
        name_is_valid("0123456789012345678901234567890123456789012345678901234567890123456789"
                      "0123456789012345678901234567890"));
}

static void variables_are_those_of_a_shell(void **state)
{
    (void)state;
    assert_true(variable_is_valid("_A9"));
    assert_false(variable_is_valid("9A"));
    assert_false(variable_is_valid("A-B"));
    assert_false(variable_is_valid(""));
}

static void sizes_have_units(void **state)
{
    (void)state;
    int64_t bytes = 0;

    assert_int_equal(bytes_parse("8MiB", &bytes), 0);
    assert_int_equal(bytes, 8 << 20);
    assert_int_equal(bytes_parse("1000000", &bytes), 0);
    assert_int_equal(bytes, 1000000);
    assert_int_equal(bytes_parse("2k", &bytes), 0);
    assert_int_equal(bytes, 2048);
    assert_true(bytes_parse("", &bytes) < 0);
    assert_true(bytes_parse("k", &bytes) < 0);
    assert_true(bytes_parse("1TB", &bytes) < 0);
    assert_true(bytes_parse("9999999999999", &bytes) < 0);
}

static void pointers_are_keys_and_indexes_with_dots(void **state)
{
    (void)state;
    assert_true(pointer_is_valid("choices.0.text"));
    assert_true(pointer_is_valid("0"));
    assert_true(pointer_is_valid("$ref.a b"));
    assert_false(pointer_is_valid(""));
    assert_false(pointer_is_valid("a..b"));
    assert_false(pointer_is_valid(".a"));
    assert_false(pointer_is_valid("a."));
    assert_false(pointer_is_valid("$.a"));
    assert_false(pointer_is_valid("choices[0]"));
    assert_false(
        pointer_is_valid("0123456789012345678901234567890123456789012345678901234567890123"
                         "0123456789012345678901234567890123456789012345678901234567890123"
                         "0123456789012345678901234567890123456789012345678901234567890123"
                         "0123456789012345678901234567890123456789012345678901234567890123"));
}

static void words_are_found_whole(void **state)
{
    (void)state;
    assert_int_equal(words_find("pause fail continue", "fail"), 1);
    assert_int_equal(words_find("pause fail continue", "cont"), -1);
    assert_int_equal(words_find("pause fail continue", ""), -1);
    assert_int_equal(words_find("", "x"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_names_have_their_letters),
        cmocka_unit_test(variables_are_those_of_a_shell),
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(pointers_are_keys_and_indexes_with_dots),
        cmocka_unit_test(words_are_found_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
