/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct histogram histogram;

static int empty_it(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    return 0;
}

static void an_empty_one_has_no_percentile(void **state)
{
    (void)state;
    assert_int_equal(histogram_percentile(&histogram, 50), -1);
}

static void small_numbers_are_exact(void **state)
{
    (void)state;
    for (int64_t value = 1; value <= 100; value++) {
        histogram_add(&histogram, value);
    }
    assert_int_equal(histogram_percentile(&histogram, 1), 1);
    assert_int_equal(histogram_percentile(&histogram, 50), 50);
    assert_int_equal(histogram_percentile(&histogram, 99), 99);
    assert_int_equal(histogram_percentile(&histogram, 100), 100);
}

static void one_number_is_every_percentile(void **state)
{
    (void)state;
    histogram_add(&histogram, 0);
    assert_int_equal(histogram_percentile(&histogram, 1), 0);
    assert_int_equal(histogram_percentile(&histogram, 99), 0);
}

static void large_numbers_are_right_to_one_in_a_hundred(void **state)
{
    (void)state;
    for (int64_t value = 100; value < INT64_MAX / 3; value += value / 7) {
        int64_t found;

        (void)empty_it(NULL);
        histogram_add(&histogram, value);
        found = histogram_percentile(&histogram, 50);
        assert_true(found - value <= value / 100 && value - found <= value / 100);
    }
}

static void the_largest_number_has_a_slot(void **state)
{
    (void)state;
    histogram_add(&histogram, INT64_MAX);
    histogram_add(&histogram, 5);
    assert_int_equal(histogram_percentile(&histogram, 50), 5);
    assert_true(histogram_percentile(&histogram, 51) > INT64_MAX / 100 * 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_has_no_percentile, empty_it),
        cmocka_unit_test_setup(small_numbers_are_exact, empty_it),
        cmocka_unit_test_setup(one_number_is_every_percentile, empty_it),
        cmocka_unit_test_setup(large_numbers_are_right_to_one_in_a_hundred, empty_it),
        cmocka_unit_test_setup(the_largest_number_has_a_slot, empty_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
