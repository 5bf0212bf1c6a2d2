/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void run(struct ops_project *project)
{
    ops_project_write(project, ".fermata/config.yaml",
                      "default_agent: a\nagents:\n  a: { type: command, command: [sh, -c, 'cat "
                      ">/dev/null; echo new >made; echo done'] }\n");
    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\nphases: [{ id: p, steps: [{ id: s, prompt: go }] }]\n");
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w")));
}

static void what_a_step_made_is_shown_and_taken_back(void **state)
{
    json_t *result;

    run(*state);
    result = ops_project_call(*state, "diff",
                              json_pack("{s:s, s:s, s:b}", "run", "last", "step", "s", "stat", 1));
    assert_non_null(strstr(json_get_text(result, "text", ""), "made | +1 -0\n"));
    json_decref(result);
    json_decref(ops_project_call(*state, "undo", json_pack("{s:s}", "run", "last")));
    assert_false(ops_project_has(*state, "made"));
    json_decref(
        ops_project_call(*state, "undo", json_pack("{s:s, s:b}", "run", "last", "back", 1)));
    assert_true(ops_project_has(*state, "made"));
}

static void a_step_that_is_none_and_back_with_a_step_are_refused(void **state)
{
    struct error err = ERROR_INIT;

    run(*state);
    assert_int_equal(
        ops_project_fail(*state, "diff", json_pack("{s:s, s:s}", "run", "last", "step", "t"), &err),
        ERROR_NOT_FOUND);
    assert_int_equal(
        ops_project_fail(*state, "undo",
                         json_pack("{s:s, s:s, s:b}", "run", "last", "step", "s", "back", 1), &err),
        ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_step_made_is_shown_and_taken_back,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_step_that_is_none_and_back_with_a_step_are_refused,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
