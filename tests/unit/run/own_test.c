/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "name: w\n"
                           "phases:\n"
                           "  - { id: a, steps: [{ id: one, use: noop }] }\n"
                           "  - { id: b, steps: [{ id: two, use: noop }] }\n";

static void runs_of_one_text_go_on_side_by_side(void **state)
{
    struct run_project *project = *state;
    char first[RUN_ID_SIZE];
    json_t *shown;

    run_project_start(project, text, NULL);
    memcpy(first, project->id, RUN_ID_SIZE);
    assert_string_equal(run_project_run(project, text), "completed");
    assert_string_equal(run_project_status(project, first), "completed");
    shown = engine_show(project->engine, first);
    assert_string_equal(json_get_text(shown, "status", ""), "completed");
    json_decref(shown);
    run_project_check_tables(project);
}

static void a_run_whose_definition_is_shared_can_be_adopted(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char first[RUN_ID_SIZE];

    run_project_start(project, text, NULL);
    memcpy(first, project->id, RUN_ID_SIZE);
    run_project_reopen(project);
    run_project_start(project, text, NULL);
    assert_int_equal(run_project_adopt(project, first, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, first), "completed");
    run_project_check_tables(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_of_one_text_go_on_side_by_side, run_project_set_up,
                                        run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_run_whose_definition_is_shared_can_be_adopted,
                                        run_project_set_up, run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
