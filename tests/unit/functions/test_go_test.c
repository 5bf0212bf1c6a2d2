/* SPDX-License-Identifier: MIT */
#include "functions/test_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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

static void tests_are_counted_and_their_parts_are_not(void **state)
{
    (void)state;
    assert_true(go_read_line(&reader, "--- PASS: TestA (0.0s)"));
    assert_false(go_read_line(&reader, "    --- PASS: TestA/part (0.0s)"));
    assert_true(go_read_line(&reader, "--- SKIP: TestB (0.0s)"));
    assert_int_equal(tally_of(RUNNER_GO)->passed, 1);
    assert_int_equal(tally_of(RUNNER_GO)->skipped, 1);
}

static void events_are_counted_by_their_action(void **state)
{
    (void)state;
    assert_true(
        go_read_line(&reader, "{\"Action\":\"pass\",\"Package\":\"x/y\",\"Test\":\"TestA\"}"));
    assert_true(
        go_read_line(&reader, "{\"Action\":\"pass\",\"Package\":\"x/y\",\"Test\":\"TestA/part\"}"));
    assert_true(go_read_line(&reader, "{\"Action\":\"pass\",\"Package\":\"x/y\"}"));
    assert_int_equal(tally_of(RUNNER_GO)->passed, 1);
}

static void go_packages_alone_are_no_counts(void **state)
{
    (void)state;
    (void)go_read_line(&reader, "ok  \tx/y\t0.1s");
    go_finish(&reader);
    assert_false(tally_of(RUNNER_GO)->is_seen);
}

static void a_crashed_go_package_is_a_failure(void **state)
{
    (void)state;
    (void)go_read_line(&reader, "--- PASS: TestA (0.0s)");
    (void)go_read_line(&reader, "panic: no");
    (void)go_read_line(&reader, "FAIL\tx/y\t0.1s");
    go_finish(&reader);
    assert_int_equal(tally_of(RUNNER_GO)->passed, 1);
    assert_int_equal(tally_of(RUNNER_GO)->failed, 1);
    assert_int_equal(tally_of(RUNNER_GO)->absent, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tests_are_counted_and_their_parts_are_not, set_up),
        cmocka_unit_test_setup(events_are_counted_by_their_action, set_up),
        cmocka_unit_test_setup(go_packages_alone_are_no_counts, set_up),
        cmocka_unit_test_setup(a_crashed_go_package_is_a_failure, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
