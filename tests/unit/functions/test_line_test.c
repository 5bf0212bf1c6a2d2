/* SPDX-License-Identifier: MIT */
#include "functions/test_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void patterns_capture_numbers(void **state)
{
    int64_t numbers[TEST_CAPTURES_MAX];

    (void)state;
    assert_string_equal(test_line_match("Ran 12 tests in 3s", "Ran @ test* in ", numbers), "3s");
    assert_int_equal(numbers[0], 12);
    assert_non_null(test_line_match("Files=2, Tests=9, 1", "Files=@, Tests=@,", numbers));
    assert_int_equal(numbers[1], 9);
}

static void blanks_match_any_number_of_blanks(void **state)
{
    int64_t numbers[TEST_CAPTURES_MAX];

    (void)state;
    assert_non_null(test_line_match("# pass \t 5  ", "# pass @$", numbers));
    assert_non_null(test_line_match("   5 passing", "~@ passing$", numbers));
    assert_non_null(test_line_match("5 passing", "~@ passing$", numbers));
    assert_null(test_line_match("5passing", "~@ passing$", numbers));
    assert_null(test_line_match("5 passing now", "~@ passing$", numbers));
}

static void a_star_takes_the_shortest_text_that_fits(void **state)
{
    int64_t numbers[TEST_CAPTURES_MAX];

    (void)state;
    assert_string_equal(test_line_match("a 1 x 2 x 3 y", "a * x @", numbers), " x 3 y");
    assert_int_equal(numbers[0], 2);
    assert_string_equal(test_line_match("a 1 x 2 x 3 y", "a * x @ y", numbers), "");
    assert_int_equal(numbers[0], 3);
    assert_string_equal(test_line_match("a b c 7 d 8", "a *@ ", numbers), "d 8");
    assert_int_equal(numbers[0], 7);
    assert_null(test_line_match("a b c", "a *@", numbers));
}

static void numbers_beyond_nine_digits_match_nothing(void **state)
{
    int64_t numbers[TEST_CAPTURES_MAX];

    (void)state;
    assert_non_null(test_line_match("999999999", "@$", numbers));
    assert_null(test_line_match("1000000000", "@$", numbers));
}

static void lists_are_counts_before_words(void **state)
{
    struct test_list list;
    const char *rest;

    (void)state;
    rest = test_line_read_list("1 failed, 5 passed (2 slow) | 3 skipped in 2s", &list);
    assert_string_equal(rest, "in 2s");
    assert_int_equal(list.failed, 1);
    assert_int_equal(list.passed, 5);
    assert_int_equal(list.skipped, 3);
    assert_int_equal(list.total, -1);
    assert_non_null(test_line_read_list("5 tests, 7 assertions, 2 failed as expected", &list));
    assert_int_equal(list.total, 5);
    assert_int_equal(list.skipped, 2);
    assert_int_equal(list.failed, -1);
    assert_true(list.has_assertions);
    assert_non_null(test_line_read_list("12 tests passed", &list));
    assert_int_equal(list.passed, 12);
}

static void words_that_are_no_results_make_no_list(void **state)
{
    struct test_list list = {.passed = 77};

    (void)state;
    assert_null(test_line_read_list("5 apples", &list));
    assert_null(test_line_read_list("passed 5", &list));
    assert_null(test_line_read_list("5passed", &list));
    assert_null(test_line_read_list("3 warnings", &list));
    assert_null(test_line_read_list("", &list));
    assert_int_equal(list.passed, 77);
}

static void pairs_are_words_before_counts(void **state)
{
    struct test_list list;

    (void)state;
    assert_non_null(test_line_read_pairs("Tests run: 9, Failures: 1, Errors: 2, Skipped: 3,"
                                         " Time elapsed: 1 s",
                                         &list));
    assert_int_equal(list.total, 9);
    assert_int_equal(list.failed, 3);
    assert_int_equal(list.skipped, 3);
    assert_non_null(test_line_read_pairs("failures=1, expected failures=2", &list));
    assert_int_equal(list.failed, 1);
    assert_int_equal(list.skipped, 2);
    assert_null(test_line_read_pairs("Duration: 12", &list));
    assert_null(test_line_read_pairs("Failures", &list));
}

static void decimals_keep_their_fraction(void **state)
{
    double number = -1;

    (void)state;
    assert_string_equal(test_line_read_decimal("85.75%", &number), "%");
    assert_true(number > 85.7499 && number < 85.7501);
    assert_string_equal(test_line_read_decimal("7. x", &number), ". x");
    assert_null(test_line_read_decimal("x", &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_capture_numbers),
        cmocka_unit_test(blanks_match_any_number_of_blanks),
        cmocka_unit_test(a_star_takes_the_shortest_text_that_fits),
        cmocka_unit_test(numbers_beyond_nine_digits_match_nothing),
        cmocka_unit_test(lists_are_counts_before_words),
        cmocka_unit_test(words_that_are_no_results_make_no_list),
        cmocka_unit_test(pairs_are_words_before_counts),
        cmocka_unit_test(decimals_keep_their_fraction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
