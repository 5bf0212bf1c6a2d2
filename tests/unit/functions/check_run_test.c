/* SPDX-License-Identifier: MIT */
#include "functions/check_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct check_expectation plain = {.timeout_ms = 30000, .coverage_min = -1};
static const struct check_expectation tests_wanted = {
    .timeout_ms = 30000, .counts_tests = true, .tests_min = 2, .coverage_min = -1};
static const struct check_expectation coverage_wanted = {
    .timeout_ms = 30000, .counts_tests = true, .coverage_min = 80};

static json_t *run_script(const char *script, const struct check_expectation *expectation)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    const struct check_command command = {.tool = "sh", .argv = argv, .hint = "install sh"};

    return check_run("/", &command, expectation);
}

static void expect(const char *script, const struct check_expectation *expectation,
                   const char *verdict, const char *part)
{
    json_t *run = run_script(script, expectation);

    if (strcmp(json_get_text(run, "verdict", ""), verdict) != 0 ||
        strstr(json_get_text(run, "reason", ""), part) == NULL) {
        fail_msg("%s: %s: %s", script, json_get_text(run, "verdict", ""),
                 json_get_text(run, "reason", ""));
    }
    json_decref(run);
}

static void the_exit_status_decides(void **state)
{
    (void)state;
    expect("exit 0", &plain, "pass", "sh found nothing");
    expect("exit 3", &plain, "fail", "status 3");
    expect("kill -SEGV $$", &plain, "fail", "signal");
}

static void a_missing_program_is_unknown(void **state)
{
    (void)state;
    expect("exit 127", &plain, "unknown", "missing");
    expect("exit 126", &plain, "unknown", "missing");
    expect("echo 'make: *** [Makefile:2: lint] Error 127'; exit 2", &plain, "unknown", "Error 127");
    /* after a success nobody cares what it printed */
    expect("echo 'make: *** [Makefile:2: lint] Error 127 (ignored)'", &plain, "pass", "");
}

static void a_program_that_is_not_there_is_unknown(void **state)
{
    const char *argv[] = {"no-such-program-anywhere", NULL};
    const struct check_command command = {
        .tool = "no-such-program-anywhere", .argv = argv, .hint = "install it"};
    json_t *run = check_run("/", &command, &plain);

    (void)state;
    assert_string_equal(json_get_text(run, "verdict", ""), "unknown");
    assert_string_equal(json_get_text(run, "hint", ""), "install it");
    assert_null(json_object_get(run, "exit_status"));
    json_decref(run);
}

static void a_command_with_a_problem_is_not_run(void **state)
{
    const char *argv[] = {"false", NULL};
    char problem[] = "there is no configured build folder";
    const struct check_command command = {
        .tool = "false", .argv = argv, .problem = problem, .hint = "configure"};
    json_t *run = check_run("/", &command, &plain);

    (void)state;
    assert_string_equal(json_get_text(run, "verdict", ""), "unknown");
    assert_string_equal(json_get_text(run, "reason", ""), problem);
    assert_null(json_object_get(run, "exit_status"));
    json_decref(run);
}

static void a_time_out_is_unknown(void **state)
{
    const struct check_expectation soon = {.timeout_ms = 50, .coverage_min = -1};

    (void)state;
    expect("exec sleep 1000", &soon, "unknown", "no answer");
}

static void tests_have_to_be_shown(void **state)
{
    (void)state;
    expect("echo 'all is well'", &tests_wanted, "unknown", "no test counts");
    expect("echo '1..0'", &tests_wanted, "unknown", "executed no test");
    expect("echo '0 tests, 0 failures'; exit 1", &tests_wanted, "unknown", "executed no test");
    expect("echo '1 passed, 0 failed'", &tests_wanted, "fail", "1 test executed, at least 2");
    expect("echo '2 passed, 0 failed'", &tests_wanted, "pass", "2 tests executed");
    expect("echo '4 passed, 1 failed'", &tests_wanted, "fail", "1 failed");
    expect("echo '4 passed, 1 failed' >&2; exit 1", &tests_wanted, "fail", "status 1");
}

static void coverage_has_to_be_shown(void **state)
{
    (void)state;
    expect("echo '4 passed, 0 failed'", &coverage_wanted, "unknown", "no coverage");
    expect("echo 'TOTAL 100 21 79%'", &coverage_wanted, "fail", "coverage 79 %");
    expect("echo 'TOTAL 100 20 80%'", &coverage_wanted, "pass", "coverage 80 %");
}

static void silent_tools_object_by_printing(void **state)
{
    const char *argv[] = {"sh", "-c", "echo main.go; echo other.go", NULL};
    const struct check_command command = {.tool = "sh", .argv = argv, .is_silent = true};
    json_t *run = check_run("/", &command, &plain);

    (void)state;
    assert_string_equal(json_get_text(run, "verdict", ""), "fail");
    assert_string_equal(json_get_text(run, "reason", ""), "sh has something to say: main.go");
    json_decref(run);
}

static void the_end_of_a_long_output_counts(void **state)
{
    json_t *run = run_script("echo 'ok 1 - first'; head -c 5000000 /dev/zero | tr '\\0' '.'; "
                             "echo; echo 'ok 2 - last'",
                             &tests_wanted);
    const json_t *tests = json_object_get(run, "tests");

    (void)state;
    assert_string_equal(json_get_text(run, "verdict", ""), "pass");
    assert_int_equal(json_get_integer(tests, "executed", -1), 2);
    assert_true(json_get_boolean(tests, "is_partial", false));
    json_decref(run);
}

static void outputs_around_the_size_of_the_ring_are_whole(void **state)
{
    static const int sizes[] = {1048570, 1048576, 2097140, 2097152, 2097160, 3145728};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char script[160];
        json_t *run;

        (void)snprintf(script, sizeof(script),
                       "head -c %d /dev/zero | tr '\\0' '\\n'; echo '2 passed, 0 failed'",
                       sizes[i]);
        run = run_script(script, &tests_wanted);
        assert_int_equal(json_get_integer(json_object_get(run, "tests"), "executed", -1), 2);
        json_decref(run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_decides),
        cmocka_unit_test(a_missing_program_is_unknown),
        cmocka_unit_test(a_program_that_is_not_there_is_unknown),
        cmocka_unit_test(a_command_with_a_problem_is_not_run),
        cmocka_unit_test(a_time_out_is_unknown),
        cmocka_unit_test(tests_have_to_be_shown),
        cmocka_unit_test(coverage_has_to_be_shown),
        cmocka_unit_test(silent_tools_object_by_printing),
        cmocka_unit_test(the_end_of_a_long_output_counts),
        cmocka_unit_test(outputs_around_the_size_of_the_ring_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
