/* SPDX-License-Identifier: MIT */
#include "support/function_call.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static char *project;

static int set_up(void **state)
{
    (void)state;
    project = scratch_new();
    scratch_write(project, "run.sh", "#!/bin/sh\necho run\n");
    scratch_write(project, "tests/run_test.sh", "#!/bin/sh\n. ./run.sh\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(project);
    return 0;
}

static void expect(json_t *arguments, const char *verdict, const char *reason)
{
    json_t *result = function_json(project, "prove-check", arguments);

    assert_string_equal(json_get_text(result, "verdict", ""), verdict);
    if (!strstr(json_get_text(result, "reason", ""), reason)) {
        fail_msg("%s", json_get_text(result, "reason", ""));
    }
    json_decref(result);
}

static void a_command_that_looks_at_the_files_turns_red(void **state)
{
    (void)state;
    expect(json_pack("{s:s}", "run", "sh tests/run_test.sh"), "proven", "tests/run_test.sh");
}

static void another_exit_status_may_be_the_good_one(void **state)
{
    (void)state;
    expect(json_pack("{s:s, s:s}", "run", "sh tests/run_test.sh && exit 7", "exit_status", "7"),
           "proven", "turns it red");
}

static void a_command_that_passes_whatever_is_there_is_worthless(void **state)
{
    (void)state;
    expect(json_pack("{s:s}", "run", "true"), "worthless", "it passes with each of");
}

static void a_check_that_fails_without_a_fault_shows_nothing(void **state)
{
    (void)state;
    expect(json_pack("{s:s}", "run", "false"), "unknown", "even without a fault");
    expect(json_pack("{s:s}", "use", "check-build"), "unknown", "no build was found");
}

static void the_security_check_finds_a_planted_key(void **state)
{
    json_t *result;

    (void)state;
    scratch_write(project, "Makefile", "security:\n\t@true\n");
    result = function_json(project, "prove-check", json_pack("{s:s}", "use", "check-security"));
    assert_string_equal(json_get_text(result, "verdict", ""), "proven");
    assert_non_null(strstr(json_get_text(result, "reason", ""), "a private key"));
    json_decref(result);
}

static void wrong_arguments_are_refused(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(function_failure(project, "prove-check", json_object(), &err), ERROR_INVALID);
    assert_int_equal(function_failure(project, "prove-check",
                                      json_pack("{s:s, s:s}", "use", "check-lint", "run", "true"),
                                      &err),
                     ERROR_INVALID);
    assert_int_equal(
        function_failure(project, "prove-check", json_pack("{s:s}", "use", "no-such"), &err),
        ERROR_INVALID);
    assert_non_null(strstr(err.text, "no-such"));
    assert_int_equal(function_failure(project, "prove-check",
                                      json_pack("{s:s, s:i}", "run", "true", "timeout", 0), &err),
                     ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_command_that_looks_at_the_files_turns_red, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_exit_status_may_be_the_good_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_command_that_passes_whatever_is_there_is_worthless,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_check_that_fails_without_a_fault_shows_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_security_check_finds_a_planted_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
