/* SPDX-License-Identifier: MIT */
#include "functions/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int run(const char *const *argv, size_t output_bytes_max, int64_t timeout_ms,
               struct program_result *result)
{
    return program_run(&(struct program_request){.argv = argv,
                                                 .output_bytes_max = output_bytes_max,
                                                 .timeout_ms = timeout_ms},
                       result, NULL);
}

static void output_errors_and_status_are_told(void **state)
{
    const char *const argv[] = {"sh", "-c", "echo out; echo err >&2; exit 3", NULL};
    struct program_result result;

    (void)state;
    assert_int_equal(run(argv, 1000, 60000, &result), 0);
    assert_string_equal(result.output.data, "out\n");
    assert_string_equal(result.errors.data, "err\n");
    assert_int_equal(result.exit_status, 3);
    assert_false(result.timed_out || result.truncated || result.stopped);
    program_result_release(&result);
}

static void errors_can_go_where_the_output_goes(void **state)
{
    const char *const argv[] = {"sh", "-c", "echo out; echo err >&2", NULL};
    struct program_result result;

    (void)state;
    assert_int_equal(program_run(&(struct program_request){.argv = argv,
                                                           .merges_errors = true,
                                                           .output_bytes_max = 1000,
                                                           .timeout_ms = 60000},
                                 &result, NULL),
                     0);
    assert_string_equal(result.output.data, "out\nerr\n");
    assert_int_equal(result.errors.length, 0);
    program_result_release(&result);
}

static void a_missing_program_is_unavailable(void **state)
{
    const char *const argv[] = {"no-such-program-anywhere", NULL};
    struct program_result result;

    (void)state;
    assert_int_equal(run(argv, 1000, 60000, &result), ERROR_UNAVAILABLE);
    program_result_release(&result);
    assert_false(program_is_installed("no-such-program-anywhere"));
    assert_true(program_is_installed("sh"));
}

static void too_much_output_stops_it_at_the_ceiling(void **state)
{
    const char *const argv[] = {"sh", "-c", "while :; do echo 0123456789; done", NULL};
    struct program_result result;

    (void)state;
    assert_int_equal(run(argv, 5000, 60000, &result), 0);
    assert_true(result.truncated);
    assert_int_equal(result.output.length, 5000);
    assert_int_equal(result.exit_status, -1);
    program_result_release(&result);
}

static void a_program_that_does_not_end_is_killed_with_its_children(void **state)
{
    const char *const argv[] = {"sh", "-c", "sleep 600 & sleep 600", NULL};
    struct program_result result;

    (void)state;
    assert_int_equal(run(argv, 1000, 50, &result), 0);
    assert_true(result.timed_out);
    program_result_release(&result);
}

static void input_is_given_whole_and_the_environment_is_small(void **state)
{
    const char *const argv[] = {"sh", "-c", "cat; echo ${EXTRA}-${SECRET_OF_OURS}-", NULL};
    struct program_result result;

    (void)state;
    assert_int_equal(setenv("SECRET_OF_OURS", "x", 1), 0);
    assert_int_equal(
        program_run(&(struct program_request){.argv = argv,
                                              .environment = (const char *const[]){"EXTRA=1", NULL},
                                              .input = "in:",
                                              .input_length = 3,
                                              .output_bytes_max = 1000,
                                              .timeout_ms = 60000},
                    &result, NULL),
        0);
    assert_string_equal(result.output.data, "in:1--\n");
    program_result_release(&result);
}

static bool stop_at_once(void *context, const char *bytes, size_t length)
{
    (void)bytes;
    *(size_t *)context += length;
    return false;
}

static void a_reader_can_stop_it(void **state)
{
    const char *const argv[] = {"sh", "-c", "while :; do echo x; done", NULL};
    struct program_result result;
    size_t seen = 0;

    (void)state;
    assert_int_equal(program_run(&(struct program_request){.argv = argv,
                                                           .output_bytes_max = 1000000,
                                                           .timeout_ms = 60000,
                                                           .reader = stop_at_once,
                                                           .context = &seen},
                                 &result, NULL),
                     0);
    assert_true(result.stopped);
    assert_true(seen > 0);
    program_result_release(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_errors_and_status_are_told),
        cmocka_unit_test(errors_can_go_where_the_output_goes),
        cmocka_unit_test(a_missing_program_is_unavailable),
        cmocka_unit_test(too_much_output_stops_it_at_the_ceiling),
        cmocka_unit_test(a_program_that_does_not_end_is_killed_with_its_children),
        cmocka_unit_test(input_is_given_whole_and_the_environment_is_small),
        cmocka_unit_test(a_reader_can_stop_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
