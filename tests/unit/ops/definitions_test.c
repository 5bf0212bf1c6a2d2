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

static const char valid[] = "name: w\ndescription: Mine\n"
                            "inputs: { who: { type: enum, choices: [a, b], default: a } }\n"
                            "phases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n";

static void the_list_says_what_hides_which(void **state)
{
    const json_t *row;
    json_t *result;
    size_t hidden = 0;
    size_t i;

    ops_project_write(*state, ".fermata/workflows/w.yaml", valid);
    ops_project_write(*state, "user/workflows/w.yaml", valid);
    result = ops_project_call(*state, "workflows", json_object());
    json_array_foreach(json_object_get(result, "workflows"), i, row)
    {
        if (json_get_boolean(row, "hidden", false)) {
            hidden++;
            assert_string_equal(json_get_text(row, "origin", ""), "user");
            assert_string_equal(json_get_text(row, "hidden_by", ""), "project");
        }
    }
    assert_int_equal(hidden, 1);
    json_decref(result);
}

static void a_workflow_with_errors_is_listed_as_such(void **state)
{
    json_t *result;
    char *text;

    ops_project_write(*state, ".fermata/workflows/bad.yaml", "name: bad\n");
    result = ops_project_call(*state, "workflows", json_object());
    text = json_dump_compact(result);
    assert_non_null(strstr(text, "\"invalid\":true"));
    free(text);
    json_decref(result);
}

static void one_workflow_is_shown_in_three_forms(void **state)
{
    struct error err = ERROR_INIT;
    json_t *result;

    ops_project_write(*state, "w.yaml", valid);
    result = ops_project_call(*state, "workflows",
                              json_pack("{s:s, s:b}", "name", "w.yaml", "source", 1));
    assert_string_equal(json_get_text(result, "text", ""), valid);
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(result, "inputs"), 0), "type", ""), "enum");
    json_decref(result);
    result = ops_project_call(*state, "workflows", json_pack("{s:s}", "name", "w.yaml"));
    assert_string_equal(json_get_text(result, "form", ""), "tree");
    json_decref(result);
    assert_int_equal(
        ops_project_fail(*state, "workflows",
                         json_pack("{s:s, s:b, s:b}", "name", "w.yaml", "source", 1, "graph", 1),
                         &err),
        ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "workflows", json_pack("{s:b}", "tree", 1), &err),
                     ERROR_INVALID);
}

static void validate_collects_the_problems_of_all(void **state)
{
    struct error err = ERROR_INIT;
    json_t *result;

    ops_project_write(*state, "bad.yaml", "name: bad\nphasess: []\n");
    ops_project_write(*state, "good.yaml", valid);
    result = ops_project_call(*state, "validate",
                              json_pack("{s:[s,s]}", "name", "bad.yaml", "good.yaml"));
    assert_int_equal(json_array_size(json_object_get(result, "files")), 2);
    assert_true(json_get_integer(result, "errors", 0) > 0);
    assert_non_null(strstr(json_get_text(result, "text", ""), "bad.yaml:2:"));
    json_decref(result);
    assert_int_equal(
        ops_project_fail(*state, "validate", json_pack("{s:[s]}", "name", "none.yaml"), &err),
        ERROR_NOT_FOUND);
}

static void a_file_that_is_too_large_is_one_problem(void **state)
{
    char *text = mem_alloc(2000001);
    json_t *result;

    memset(text, '#', 2000000);
    text[2000000] = '\0';
    ops_project_write(*state, "large.yaml", text);
    free(text);
    result = ops_project_call(*state, "validate", json_pack("{s:[s]}", "name", "large.yaml"));
    assert_int_equal(json_get_integer(result, "errors", 0), 1);
    json_decref(result);
}

static void a_broken_configuration_ends_the_check_with_its_problems(void **state)
{
    json_t *result;

    ops_project_write(*state, ".fermata/config.yaml", "agents: 5\n");
    result = ops_project_call(*state, "validate", json_object());
    assert_true(json_get_integer(result, "errors", 0) > 0);
    assert_non_null(strstr(json_get_text(result, "text", ""), "config.yaml:1:"));
    json_decref(result);
}

static void schemas_and_the_reference_are_printed(void **state)
{
    static const char *const names[] = {"workflow", "config", "reference"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *result = ops_project_call(*state, "schema", json_pack("{s:s}", "what", names[i]));

        assert_non_null(json_object_get(result, i < 2 ? "$schema" : "text"));
        json_decref(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_list_says_what_hides_which, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_workflow_with_errors_is_listed_as_such,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(one_workflow_is_shown_in_three_forms, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(validate_collects_the_problems_of_all, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_too_large_is_one_problem, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_broken_configuration_ends_the_check_with_its_problems,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(schemas_and_the_reference_are_printed, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
