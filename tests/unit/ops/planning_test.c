/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define TASK "Brew coffee for the whole team"

static json_t *plan_of(struct ops_project *project, const char *task)
{
    return ops_project_call(project, "plan", json_pack("{s:s}", "task", task));
}

static void a_workflow_of_the_project_is_chosen_by_what_it_suits(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, ".fermata/workflows/coffee.yaml",
                      "name: coffee\nsuits: { kinds: [other], words: [coffee] }\n"
                      "inputs: { what: { required: true } }\n"
                      "phases: [{ id: p, steps: [{ id: s, run: echo brewed }] }]\n");
    result = plan_of(project, TASK);
    assert_string_equal(json_get_text(result, "origin", ""), "library");
    assert_string_equal(json_get_text(result, "workflow", ""), "coffee");
    assert_string_equal(json_get_text(json_object_get(result, "inputs"), "what", ""), TASK);
    assert_int_equal(json_array_size(json_object_get(result, "waves")), 1);
    /* As a file it calls the workflow with what it was planned with. */
    assert_non_null(strstr(json_get_text(result, "yaml", ""), "workflow: coffee"));
    assert_non_null(strstr(json_get_text(result, "yaml", ""), "what: \"" TASK "\""));
    json_decref(result);
}

static void a_broken_workflow_is_no_candidate_and_no_error(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, ".fermata/workflows/coffee.yaml",
                      "name: coffee\nsuits: { kinds: [other], words: [coffee] }\nphases: 3\n");
    result = plan_of(project, TASK);
    assert_string_equal(json_get_text(result, "origin", ""), "composed");
    json_decref(result);
}

static void what_is_above_the_tier_is_not_planned(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, ".fermata/config.yaml", "entitlement: { tier: free }\n");
    ops_project_write(project, ".fermata/workflows/coffee.yaml",
                      "name: coffee\ntier: pro\nsuits: { kinds: [other], words: [coffee] }\n"
                      "phases: [{ id: p, steps: [{ id: s, run: echo brewed }] }]\n");
    ops_project_reopen(project);
    result = plan_of(project, TASK);
    assert_string_equal(json_get_text(result, "origin", ""), "composed");
    json_decref(result);
}

static void a_composed_plan_tells_files_and_why(void **state)
{
    struct ops_project *project = *state;
    const json_t *step;
    json_t *result;

    ops_project_write(project, "src/list.c", "int list;\n");
    result = plan_of(project, "Add a flag to the list command");
    assert_string_equal(json_get_text(result, "origin", ""), "composed");
    step = json_array_get(
        json_object_get(json_array_get(json_object_get(result, "waves"), 0), "steps"), 0);
    assert_string_equal(json_get_text(step, "expert", ""), "backend-expert");
    assert_string_equal(json_string_value(json_array_get(json_object_get(step, "files"), 0)),
                        "src/list.c");
    assert_true(*json_get_text(step, "why", "") != '\0');
    json_decref(result);
}

static void a_gate_of_the_configuration_proves_the_result(void **state)
{
    struct ops_project *project = *state;
    const char *yaml;
    json_t *result;

    result = plan_of(project, "Add a flag to the list command");
    yaml = json_get_text(result, "yaml", "");
    assert_null(strstr(yaml, "gate:"));
    assert_int_equal(json_array_size(json_object_get(result, "notes")), 1);
    json_decref(result);
    ops_project_write(project, ".fermata/config.yaml",
                      "gates: { tests: { commands: [{ run: make smoke }] } }\n");
    ops_project_reopen(project);
    result = plan_of(project, "Add a flag to the list command");
    yaml = json_get_text(result, "yaml", "");
    assert_non_null(strstr(yaml, "gate: tests"));
    assert_null(strstr(yaml, "check-tests"));
    assert_int_equal(json_array_size(json_object_get(result, "notes")), 0);
    json_decref(result);
}

static void experts_of_the_project_are_recommended_too(void **state)
{
    struct ops_project *project = *state;
    const json_t *first;
    json_t *result;

    ops_project_write(
        project, ".fermata/experts/barista.md",
        "---\ndescription: Brews coffee for any team, whole or ground\n---\nYou brew.\n");
    result = ops_project_call(project, "recommend",
                              json_pack("{s:s, s:i}", "task", TASK, "limit", 50));
    for (size_t i = 0; i < json_array_size(json_object_get(result, "experts")); i++) {
        first = json_array_get(json_object_get(result, "experts"), i);
        if (strcmp(json_get_text(first, "name", ""), "barista") == 0) {
            assert_true(json_get_integer(first, "score", 0) >= 24);
            json_decref(result);
            return;
        }
    }
    fail_msg("the barista is not among them");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_workflow_of_the_project_is_chosen_by_what_it_suits,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_broken_workflow_is_no_candidate_and_no_error,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_is_above_the_tier_is_not_planned, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_composed_plan_tells_files_and_why, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_gate_of_the_configuration_proves_the_result,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(experts_of_the_project_are_recommended_too,
                                        ops_project_set_up, ops_project_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
