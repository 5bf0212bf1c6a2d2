/* SPDX-License-Identifier: MIT */
#include "run/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char reason[256];

static struct gate_check plain_check(void)
{
    return (struct gate_check){.tests_min = -1, .coverage_min = -1, .timeout_ms = 600000};
}

static struct check_result ended_well(void)
{
    return (struct check_result){
        .is_started = true,
        .counts = {.executed = -1, .passed = -1, .failed = -1, .skipped = -1, .coverage = -1},
    };
}

static struct check_result executed(int64_t count)
{
    struct check_result result = ended_well();

    result.counts.executed = result.counts.passed = count;
    result.counts.failed = result.counts.skipped = 0;
    memcpy(result.counts.runner, "tap", 4);
    return result;
}

static void expect(const struct gate_check *check, const struct check_result *result,
                   enum verdict wanted, const char *part)
{
    enum verdict verdict = verdict_decide(check, result, reason, sizeof(reason));

    if (verdict != wanted || strstr(reason, part) == NULL) {
        fail_msg("%s: %s", verdict_name(verdict), reason);
    }
}

static void names_are_words_and_back(void **state)
{
    (void)state;
    assert_string_equal(verdict_name(VERDICT_UNKNOWN), "unknown");
    assert_int_equal(verdict_parse("pass"), VERDICT_PASS);
    assert_int_equal(verdict_parse("fail"), VERDICT_FAIL);
    assert_int_equal(verdict_parse("unknown"), VERDICT_UNKNOWN);
    assert_int_equal(verdict_parse("green"), -1);
    assert_int_equal(verdict_parse(""), -1);
}

/* make, cargo and python have an exit status of their own for it. */
static void a_tool_that_a_wrapper_misses_is_unknown_unless_tests_failed(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();

    (void)state;
    result.exit_status = 2;
    result.missing = "] Error 127";
    expect(&check, &result, VERDICT_UNKNOWN, "a program that the check needs is missing");
    result.counts.executed = 3;
    result.counts.failed = 1;
    expect(&check, &result, VERDICT_FAIL, "");
    result = ended_well();
    result.missing = "] Error 127";
    expect(&check, &result, VERDICT_PASS, "exit status 0");
}

static void the_expected_status_passes(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();

    (void)state;
    expect(&check, &result, VERDICT_PASS, "exit status 0");
    check.exit_status = 3;
    result.exit_status = 3;
    expect(&check, &result, VERDICT_PASS, "exit status 3");
}

static void another_status_fails(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();

    (void)state;
    result.exit_status = 1;
    expect(&check, &result, VERDICT_FAIL, "exit status 1 instead of 0");
    check.exit_status = 2;
    result.exit_status = 0;
    expect(&check, &result, VERDICT_FAIL, "exit status 0 instead of 2");
}

static void a_program_that_does_not_start_is_unknown(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();

    (void)state;
    result.is_started = false;
    expect(&check, &result, VERDICT_UNKNOWN, "could not be started");
}

static void a_missing_tool_is_unknown(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();

    (void)state;
    result.exit_status = 127;
    expect(&check, &result, VERDICT_UNKNOWN, "missing");
    result.exit_status = 126;
    expect(&check, &result, VERDICT_UNKNOWN, "126");
    check.exit_status = 126;
    expect(&check, &result, VERDICT_PASS, "126");
}

static void a_time_out_is_unknown_whatever_ended_it(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = executed(5);

    (void)state;
    result.timed_out = true;
    expect(&check, &result, VERDICT_UNKNOWN, "within 10m");
    result.signal = SIGKILL;
    expect(&check, &result, VERDICT_UNKNOWN, "within 10m");
    result.signal = SIGTERM;
    result.stated = "pass";
    expect(&check, &result, VERDICT_UNKNOWN, "within 10m");
    check.timeout_ms = 200;
    expect(&check, &result, VERDICT_UNKNOWN, "within 200ms");
}

static void a_foreign_signal_fails_and_is_named(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = executed(5);

    (void)state;
    result.signal = SIGSEGV;
    expect(&check, &result, VERDICT_FAIL, "signal 11, SIGSEGV");
    result.signal = SIGKILL;
    expect(&check, &result, VERDICT_FAIL, "SIGKILL");
    result.signal = 4000;
    expect(&check, &result, VERDICT_FAIL, "signal 4000");
}

static void zero_tests_executed_are_unknown_even_when_nobody_asked(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = executed(0);

    (void)state;
    expect(&check, &result, VERDICT_UNKNOWN, "no test was executed");
    check.tests_min = 1;
    result.counts.skipped = 7;
    expect(&check, &result, VERDICT_UNKNOWN, "7 skipped");
    /* pytest ends with 5, jest with 1 */
    result.exit_status = 5;
    expect(&check, &result, VERDICT_UNKNOWN, "exit status 5, and no test was executed");
}

static void zero_tests_are_fine_where_the_author_says_so(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = executed(0);

    (void)state;
    check.tests_min = 0;
    expect(&check, &result, VERDICT_PASS, "0 tests executed");
    result.exit_status = 5;
    expect(&check, &result, VERDICT_FAIL, "exit status 5");
}

static void tests_asked_for_have_to_be_shown(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();

    (void)state;
    check.tests_min = 10;
    expect(&check, &result, VERDICT_UNKNOWN, "no test counts");
    result = executed(9);
    expect(&check, &result, VERDICT_FAIL, "9 tests executed, at least 10 wanted");
    result = executed(10);
    expect(&check, &result, VERDICT_PASS, "10 tests executed");
}

static void too_few_in_a_partial_output_are_unknown(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = executed(9);

    (void)state;
    check.tests_min = 10;
    result.counts.is_partial = true;
    expect(&check, &result, VERDICT_UNKNOWN, "part of the output is missing");
    check.tests_min = 9;
    expect(&check, &result, VERDICT_PASS, "9 tests");
    result = executed(0);
    result.counts.is_partial = true;
    expect(&check, &result, VERDICT_UNKNOWN,
           "no test was executed (tap, 0 skipped); part of the output is missing");
}

static void failed_tests_fail_whatever_the_exit_status(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = executed(9);

    (void)state;
    result.counts.failed = 1;
    expect(&check, &result, VERDICT_FAIL, "1 failed test,");
    result.counts.failed = 2;
    expect(&check, &result, VERDICT_FAIL, "2 failed tests,");
    /* who expects a failing command expects failing tests */
    check.exit_status = 1;
    result.exit_status = 1;
    expect(&check, &result, VERDICT_PASS, "exit status 1");
}

static void a_build_failure_beside_no_tests_is_a_failure(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = executed(0);

    (void)state;
    result.exit_status = 1;
    result.counts.failed = 1;
    expect(&check, &result, VERDICT_FAIL, "exit status 1 instead of 0");
}

static void coverage_asked_for_has_to_be_shown(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = executed(4);

    (void)state;
    check.coverage_min = 80;
    expect(&check, &result, VERDICT_UNKNOWN, "no coverage in the output");
    result.counts.coverage = 79.99;
    expect(&check, &result, VERDICT_FAIL, "coverage 79.99 %, at least 80 %");
    result.counts.coverage = 80;
    expect(&check, &result, VERDICT_PASS, "coverage 80 %");
    result.counts.coverage = (double)NAN;
    expect(&check, &result, VERDICT_UNKNOWN, "no coverage");
    check.coverage_min = 0;
    result.counts.coverage = 0;
    expect(&check, &result, VERDICT_PASS, "coverage 0 %");
}

static void a_stated_verdict_is_respected(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();

    (void)state;
    result.stated = "fail";
    result.stated_reason = "three files are not formatted";
    expect(&check, &result, VERDICT_FAIL, "three files are not formatted");
    result.stated = "unknown";
    result.stated_reason = "no linter is installed";
    expect(&check, &result, VERDICT_UNKNOWN, "no linter");
    result.exit_status = 1;
    expect(&check, &result, VERDICT_UNKNOWN, "no linter");
    result.stated_reason = NULL;
    expect(&check, &result, VERDICT_UNKNOWN, "could not tell");
    result.stated = "fail";
    result.stated_reason = "";
    expect(&check, &result, VERDICT_FAIL, "states a failure without a reason");
}

static void a_stated_pass_proves_nothing_by_itself(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();

    (void)state;
    result.stated = "pass";
    expect(&check, &result, VERDICT_PASS, "exit status 0");
    check.tests_min = 1;
    expect(&check, &result, VERDICT_UNKNOWN, "no test counts");
    result.exit_status = 1;
    expect(&check, &result, VERDICT_FAIL, "exit status 1");
    result.exit_status = 127;
    expect(&check, &result, VERDICT_UNKNOWN, "missing");
}

static void a_stated_word_that_is_no_verdict_is_unknown(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();

    (void)state;
    result.stated = "PASS";
    expect(&check, &result, VERDICT_UNKNOWN, "which is no verdict");
}

static void a_reason_without_room_is_cut(void **state)
{
    struct gate_check check = plain_check();
    struct check_result result = ended_well();
    char small[5] = "xxxx";

    (void)state;
    assert_int_equal(verdict_decide(&check, &result, small, sizeof(small)), VERDICT_PASS);
    assert_string_equal(small, "exit");
    assert_int_equal(verdict_decide(&check, &result, NULL, 0), VERDICT_PASS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_words_and_back),
        cmocka_unit_test(a_tool_that_a_wrapper_misses_is_unknown_unless_tests_failed),
        cmocka_unit_test(the_expected_status_passes),
        cmocka_unit_test(another_status_fails),
        cmocka_unit_test(a_program_that_does_not_start_is_unknown),
        cmocka_unit_test(a_missing_tool_is_unknown),
        cmocka_unit_test(a_time_out_is_unknown_whatever_ended_it),
        cmocka_unit_test(a_foreign_signal_fails_and_is_named),
        cmocka_unit_test(zero_tests_executed_are_unknown_even_when_nobody_asked),
        cmocka_unit_test(zero_tests_are_fine_where_the_author_says_so),
        cmocka_unit_test(tests_asked_for_have_to_be_shown),
        cmocka_unit_test(too_few_in_a_partial_output_are_unknown),
        cmocka_unit_test(failed_tests_fail_whatever_the_exit_status),
        cmocka_unit_test(a_build_failure_beside_no_tests_is_a_failure),
        cmocka_unit_test(coverage_asked_for_has_to_be_shown),
        cmocka_unit_test(a_stated_verdict_is_respected),
        cmocka_unit_test(a_stated_pass_proves_nothing_by_itself),
        cmocka_unit_test(a_stated_word_that_is_no_verdict_is_unknown),
        cmocka_unit_test(a_reason_without_room_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
