/* SPDX-License-Identifier: MIT */
#include "functions/test_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *line, double total, double part)
{
    struct coverage_reader coverage = {.total = -1, .part = -1};

    (void)coverage_read_line(&coverage, line);
    if (coverage.total < total - 1e-6 || coverage.total > total + 1e-6 ||
        coverage.part < part - 1e-6 || coverage.part > part + 1e-6) {
        fail_msg("%s: total %g part %g", line, coverage.total, coverage.part);
    }
}

static void total_rows_hold_one_percentage_or_three(void **state)
{
    (void)state;
    expect("TOTAL    65     11    83%", 83, -1);
    expect("TOTAL    65     11     14      3    82.5%", 82.5, -1);
    expect("TOTAL 12 3 75.00% 4 1 60.00% 50 5 90.00% 0 0 -", 90, -1);
    expect("TOTAL 12 3", -1, -1);
    expect("TOTALLY 12%", -1, -1);
}

static void labels_stand_before_the_percentage(void **state)
{
    (void)state;
    expect("  lines......: 85.7% (120 of 140 lines)", 85.7, -1);
    expect("lines: 85.3% (120 out of 140)", 85.3, -1);
    expect("Lines        : 91.02% ( 71/78 )", 91.02, -1);
    expect("  functions..: 90.0% (18 of 20 functions)", -1, -1);
    expect("Total coverage: 100%", 100, -1);
    expect("total:\t\t(statements)\t83.3%", 83.3, -1);
    expect("coverage: 64.0% of statements", -1, 64);
    expect("coverage: [no statements]", -1, -1);
    expect("lines: 12", -1, -1);
}

static void tables_have_their_column_of_lines(void **state)
{
    (void)state;
    expect("All files  |   85.71 |    66.66 |     100 |   87.50 |", 87.5, -1);
    expect("All files |   85.71 |", 85.71, -1);
    expect("# all files | 88.00 | 75.00 | 100.00 |", 88, -1);
    expect("| Total   | 71.5% | 60% | 80% |", 71.5, -1);
    expect("All files are here", -1, -1);
    expect("All files | none |", -1, -1);
}

static void more_than_everything_is_nothing(void **state)
{
    (void)state;
    expect("TOTAL 1 400%", -1, -1);
    expect("coverage: 101% of statements", -1, -1);
}

static void the_lowest_total_stays(void **state)
{
    struct coverage_reader coverage = {.total = -1, .part = -1};

    (void)state;
    (void)coverage_read_line(&coverage, "TOTAL 10 90%");
    (void)coverage_read_line(&coverage, "85.00% coverage, 12/14 lines covered");
    (void)coverage_read_line(&coverage, "TOTAL 10 95%");
    assert_true(coverage.total > 84.9 && coverage.total < 85.1);
}

static void a_package_line_is_left_to_the_readers_of_tests(void **state)
{
    struct coverage_reader coverage = {.total = -1, .part = -1};

    (void)state;
    assert_false(coverage_read_line(&coverage, "ok  \tx/y\t0.1s\tcoverage: 50.0% of statements"));
    assert_true(coverage.part > 49.9 && coverage.part < 50.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(total_rows_hold_one_percentage_or_three),
        cmocka_unit_test(labels_stand_before_the_percentage),
        cmocka_unit_test(tables_have_their_column_of_lines),
        cmocka_unit_test(more_than_everything_is_nothing),
        cmocka_unit_test(the_lowest_total_stays),
        cmocka_unit_test(a_package_line_is_left_to_the_readers_of_tests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
