/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void a_loop_is_made_on_first_use_and_stays(void **state)
{
    struct ops_project *project = *state;
    struct loop *one;
    struct loop *two;

    assert_int_equal(ops_loop(project->ops, &one, NULL), 0);
    assert_int_equal(ops_loop(project->ops, &two, NULL), 0);
    assert_ptr_equal(one, two);
}

static void without_a_working_folder_there_is_nothing_to_work_on(void **state)
{
    const struct ops_settings settings = {0};
    struct error err = ERROR_INIT;
    struct ops *ops = NULL;

    (void)state;
    assert_int_equal(ops_new(&settings, &ops, &err), ERROR_NOT_FOUND);
    assert_null(ops);
    ops_free(NULL);
}

static void questions_make_no_store(void **state)
{
    struct error err = ERROR_INIT;

    json_decref(ops_project_call(*state, "list", json_object()));
    assert_int_equal(ops_project_fail(*state, "status", json_object(), &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "start one"));
    assert_false(ops_project_has(*state, ".fermata/fermata.db"));
}

static void a_broken_configuration_is_told_with_its_lines(void **state)
{
    struct error err = ERROR_INIT;

    ops_project_write(*state, ".fermata/config.yaml", "setings: {}\n");
    assert_int_equal(ops_project_fail(*state, "workflows", json_object(), &err), ERROR_VALIDATION);
    assert_non_null(strstr(err.text, "config.yaml:1:"));
    assert_non_null(strstr(err.hint, "validate"));
}

static void a_configuration_with_a_nul_byte_is_refused(void **state)
{
    struct ops_project *project = *state;
    char *path = mem_printf("%s/.fermata/config.yaml", project->folder);
    struct error err = ERROR_INIT;
    FILE *file = fopen(path, "w");

    assert_int_equal(fwrite("a: 1\0b", 1, 6, file), 6);
    (void)fclose(file);
    assert_int_equal(ops_project_fail(project, "workflows", json_object(), &err), ERROR_VALIDATION);
    free(path);
}

static void the_clock_is_the_wall_clock(void **state)
{
    (void)state;
    assert_true(ops_now_ms() > INT64_C(1600000000000));
}

static void a_variable_that_says_nothing_useful_is_refused(void **state)
{
    struct ops_settings settings = {.cwd = "/", .strategy = "fast"};
    struct error err = ERROR_INIT;
    struct ops *ops = NULL;

    (void)state;
    assert_int_equal(ops_new(&settings, &ops, &err), ERROR_INVALID);
    assert_string_equal(err.text, "FERMATA_STRATEGY: fast is none of ai, static, hybrid");
    settings = (struct ops_settings){.cwd = "/", .log_format = "xml"};
    assert_int_equal(ops_new(&settings, &ops, &err), ERROR_INVALID);
    assert_string_equal(err.text, "FERMATA_LOG_FORMAT: xml is none of text, json");
    assert_null(ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_loop_is_made_on_first_use_and_stays, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(without_a_working_folder_there_is_nothing_to_work_on,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(questions_make_no_store, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_broken_configuration_is_told_with_its_lines,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_configuration_with_a_nul_byte_is_refused,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_clock_is_the_wall_clock, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test(a_variable_that_says_nothing_useful_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
