/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_agent_answers_and_its_run_is_kept(void **state)
{
    struct ops_project *project = *state;
    const json_t *report;
    json_t *result;

    ops_project_write(project, ".fermata/config.yaml",
                      "agents: { house: { command: [sh, -c, 'echo Heard:; cat'] } }\n");
    result = ops_project_call(
        project, "test-agent",
        json_pack("{s:s, s:s}", "name", "house", "prompt", "say \"${{ this }}\" as it is"));
    assert_string_equal(json_get_text(result, "status", ""), "completed");
    assert_string_equal(json_get_text(result, "workflow", ""), "agent-test");
    report = json_object_get(json_object_get(result, "report"), "text");
    assert_non_null(strstr(json_string_value(report), "Heard:"));
    assert_non_null(strstr(json_string_value(report), "say \"${{ this }}\" as it is"));
    assert_string_equal(json_get_text(json_object_get(result, "agent"), "name", ""), "house");
    json_decref(result);
    result = ops_project_call(project, "agents", json_pack("{s:s}", "name", "house"));
    assert_int_equal(
        json_get_integer(
            json_object_get(json_array_get(json_object_get(result, "agents"), 0), "used"),
            "attempts", 0),
        1);
    json_decref(result);
}

static void a_failure_is_tried_once_and_told_with_its_class(void **state)
{
    struct ops_project *project = *state;
    const json_t *problem;
    json_t *result;

    ops_project_write(project, ".fermata/config.yaml",
                      "agents: { house: { command: [sh, -c, 'echo no >&2; exit 3'] } }\n");
    result = ops_project_call(project, "test-agent",
                              json_pack("{s:s, s:s}", "name", "house", "prompt", "x"));
    assert_string_equal(json_get_text(result, "status", ""), "failed");
    problem = json_array_get(json_object_get(result, "problems"), 0);
    assert_string_equal(json_get_text(problem, "class", ""), "permanent");
    assert_int_equal(json_get_integer(problem, "attempts", 1), 1);
    json_decref(result);
}

static void an_agent_that_is_not_there_is_refused_before_anything_is_made(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;

    ops_project_write(project, ".fermata/config.yaml",
                      "agents:\n"
                      "  gone: { command: no-such-program-here }\n"
                      "  off: { command: sh, enabled: false }\n");
    assert_int_equal(ops_project_fail(project, "test-agent",
                                      json_pack("{s:s, s:s}", "name", "gone", "prompt", "x"), &err),
                     ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "no-such-program-here is not in PATH"));
    assert_int_equal(ops_project_fail(project, "test-agent",
                                      json_pack("{s:s, s:s}", "name", "off", "prompt", "x"), &err),
                     ERROR_UNAVAILABLE);
    assert_int_equal(ops_project_fail(project, "test-agent",
                                      json_pack("{s:s, s:s}", "name", "of", "prompt", "x"), &err),
                     ERROR_NOT_FOUND);
    assert_false(ops_project_has(project, ".fermata/fermata.db"));
}

static void what_the_agent_cannot_do_is_refused(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;

    ops_project_write(project, ".fermata/config.yaml", "agents: { house: { command: cat } }\n");
    assert_int_equal(ops_project_fail(project, "test-agent",
                                      json_pack("{s:s, s:s, s:b}", "name", "house", "prompt", "x",
                                                "read_only", 1),
                                      &err),
                     ERROR_VALIDATION);
    assert_non_null(strstr(err.text, "no mode in which it changes nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_agent_answers_and_its_run_is_kept, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_failure_is_tried_once_and_told_with_its_class,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(
            an_agent_that_is_not_there_is_refused_before_anything_is_made, ops_project_set_up,
            ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_the_agent_cannot_do_is_refused, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
