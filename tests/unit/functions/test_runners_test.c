/* SPDX-License-Identifier: MIT */
/* The formats of all runners are tested as whole outputs in test_counts_test.c; here are the lines
 * that belong together. */
#include "functions/test_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct test_reader reader;

static int set_up(void **state)
{
    (void)state;
    reader = (struct test_reader){.unittest_ran = -1};
    return 0;
}

static const struct test_tally *tally_of(enum test_runner runner)
{
    return &reader.tallies[runner];
}

static void every_runner_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < TEST_RUNNERS; i++) {
        assert_non_null(runner_name((enum test_runner)i));
    }
}

static void unittest_waits_for_its_second_line(void **state)
{
    (void)state;
    assert_true(runner_read_line(&reader, "Ran 3 tests in 0.1s"));
    assert_int_equal(tally_of(RUNNER_UNITTEST)->passed, 0);
    assert_false(runner_read_line(&reader, ""));
    assert_true(runner_read_line(&reader, "FAILED (failures=1)"));
    assert_int_equal(tally_of(RUNNER_UNITTEST)->passed, 2);
    assert_int_equal(tally_of(RUNNER_UNITTEST)->failed, 1);
}

static void unittest_without_its_second_line_proves_nothing(void **state)
{
    (void)state;
    (void)runner_read_line(&reader, "Ran 3 tests in 0.1s");
    (void)runner_read_line(&reader, "something else");
    (void)runner_read_line(&reader, "OK");
    runner_finish(&reader);
    assert_int_equal(tally_of(RUNNER_UNITTEST)->passed, 0);
    assert_true(reader.is_cut);
}

static void skipped_lines_belong_to_the_runner_before(void **state)
{
    (void)state;
    (void)runner_read_line(&reader, "Ok: 2");
    (void)runner_read_line(&reader, "Skipped: 4");
    assert_int_equal(tally_of(RUNNER_MESON)->skipped, 4);
}

static void totals_replace_the_lines_of_classes(void **state)
{
    (void)state;
    (void)runner_read_line(&reader, "Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, "
                                    "Time elapsed: 1 s - in A");
    (void)runner_read_line(&reader, "Tests run: 3, Failures: 0, Errors: 0, Skipped: 0");
    runner_finish(&reader);
    assert_true(tally_of(RUNNER_MAVEN)->is_seen);
    assert_false(tally_of(RUNNER_MAVEN_CLASSES)->is_seen);
}

static void ctest_takes_its_skipped_tests_back(void **state)
{
    (void)state;
    (void)runner_read_line(&reader, "100% tests passed, 0 tests failed out of 3");
    (void)runner_read_line(&reader, "The following tests did not run:");
    (void)runner_read_line(&reader, "\t  3 - fog (Skipped)");
    (void)runner_read_line(&reader, "");
    (void)runner_read_line(&reader, "\t  4 - elsewhere (Skipped)");
    assert_int_equal(tally_of(RUNNER_CTEST)->passed, 2);
    assert_int_equal(tally_of(RUNNER_CTEST)->skipped, 1);
}

static void prose_with_numbers_is_no_summary(void **state)
{
    static const char *const lines[] = {
        "we had 5 passed and 3 failed exams",
        "tests/a.c:12: 5 passed, 1 failed",
        "5 passed, 1 failed and more",
        "All tests passed the inspection",
        "Passed: yes",
        "Tests: none",
        "--- PASSAGE: x",
        "{\"Action\":\"pass\"}",
        "1 test",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_false(runner_read_line(&reader, lines[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_runner_has_a_name, set_up),
        cmocka_unit_test_setup(unittest_waits_for_its_second_line, set_up),
        cmocka_unit_test_setup(unittest_without_its_second_line_proves_nothing, set_up),
        cmocka_unit_test_setup(skipped_lines_belong_to_the_runner_before, set_up),
        cmocka_unit_test_setup(totals_replace_the_lines_of_classes, set_up),
        cmocka_unit_test_setup(ctest_takes_its_skipped_tests_back, set_up),
        cmocka_unit_test_setup(prose_with_numbers_is_no_summary, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
