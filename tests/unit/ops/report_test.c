/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "ops/internal.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void a_failure_is_told_with_its_place_and_last_lines(void **state)
{
    const json_t *problem;
    json_t *run;

    ops_project_steps(
        *state, "w",
        (const char *const[]){"\"seq 1 30; printf 'one\\\\033[31mtwo' >&2; exit 3\"", NULL});
    json_decref(ops_project_call(*state, "run", json_pack("{s:s}", "workflow", "w")));
    run = ops_project_call(*state, "status", json_object());
    problem = json_array_get(json_object_get(run, "problems"), 0);
    assert_string_equal(json_get_text(problem, "step", ""), "s1");
    assert_string_equal(json_get_text(problem, "phase", ""), "p1");
    /* Standard error first, without what a terminal would obey. */
    assert_string_equal(json_string_value(json_array_get(json_object_get(problem, "tail"), 0)),
                        "onetwo");
    json_decref(run);
}

static void only_the_last_lines_are_told(void **state)
{
    const json_t *tail;
    json_t *run;

    ops_project_steps(*state, "w", (const char *const[]){"seq 1 5000; exit 3", NULL});
    run = ops_project_call(*state, "run", json_pack("{s:s}", "workflow", "w"));
    tail = json_object_get(json_array_get(json_object_get(run, "problems"), 0), "tail");
    assert_int_equal(json_array_size(tail), 10);
    assert_string_equal(json_string_value(json_array_get(tail, 9)), "5000");
    json_decref(run);
}

static void a_gate_that_does_not_pass_is_a_problem(void **state)
{
    const json_t *problem;
    json_t *run;

    ops_project_write(*state, ".fermata/workflows/w.yaml",
                      "name: w\ngates: { g: { commands: [{ run: echo no; exit 1 }] } }\n"
                      "phases: [{ id: a, gate: g, steps: [{ id: s, run: 'true' }] }]\n");
    run = ops_project_call(*state, "run", json_pack("{s:s}", "workflow", "w"));
    assert_string_equal(json_get_text(run, "status", ""), "paused");
    problem = json_array_get(json_object_get(run, "problems"), 0);
    assert_string_equal(json_get_text(problem, "gate", ""), "g");
    assert_string_equal(json_get_text(problem, "verdict", ""), "fail");
    assert_true(json_array_size(json_object_get(problem, "tail")) > 0);
    json_decref(run);
}

static void a_built_in_check_is_told_by_its_hint_and_passed_ones_not_at_all(void **state)
{
    struct ops_project *project = *state;
    const json_t *tail;
    json_t *run;

    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\n"
                      "gates: { g: { commands: [{ run: 'echo fine' }, { name: mine, run: 'echo "
                      "\"{\\\"hint\\\": \\\"do it\\\"}\"; exit 1' }] } }\n"
                      "phases: [{ id: a, gate: g, steps: [{ id: s, run: 'true' }] }]\n");
    run = ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w"));
    tail = json_object_get(json_array_get(json_object_get(run, "problems"), 0), "tail");
    assert_int_equal(json_array_size(tail), 2);
    assert_non_null(strstr(json_string_value(json_array_get(tail, 0)), "mine: "));
    assert_non_null(strstr(json_string_value(json_array_get(tail, 1)), "hint: do it"));
    json_decref(run);
}

static void the_report_is_the_output_of_the_step_that_the_workflow_names(void **state)
{
    const json_t *report;
    json_t *run;

    ops_project_write(*state, ".fermata/workflows/w.yaml",
                      "name: w\nreport: s\n"
                      "phases: [{ id: a, steps: [{ id: s, run: 'echo \"# Done\"' }] }]\n");
    run = ops_project_call(*state, "run", json_pack("{s:s}", "workflow", "w"));
    report = json_object_get(run, "report");
    assert_string_equal(json_get_text(report, "text", ""), "# Done\n");
    assert_non_null(json_object_get(report, "path"));
    json_decref(run);
}

static void steps_are_found_at_any_depth(void **state)
{
    json_t *run = json_pack("{s:s, s:[{s:[{s:s, s:[{s:s}]}], s:[{s:s}], s:{s:[{s:s}]}}]}", "id",
                            "wf_x", "phases", "steps", "key", "a", "instances", "key", "a[0]",
                            "fix", "key", "f", "gate", "checks", "key", "gate:p:0");
    struct error err = ERROR_INIT;

    (void)state;
    assert_non_null(ops_find_step(run, "a"));
    assert_non_null(ops_find_step(run, "a[0]"));
    assert_non_null(ops_find_step(run, "f"));
    assert_non_null(ops_find_step(run, "gate:p:0"));
    assert_null(ops_find_step(run, "b"));
    assert_int_equal(ops_no_such_step(run, "b", &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "a"));
    json_decref(run);
}

static void an_output_is_inline_json_or_a_blob(void **state)
{
    struct ops_project *project = *state;
    json_t *output = json_pack("{s:i, s:s}", "bytes", 2, "inline", "hi");
    size_t length;
    char *text;
    json_t *run;

    assert_int_equal(ops_read_output(project->ops, output, &text, &length, NULL), 0);
    assert_string_equal(text, "hi");
    free(text);
    json_decref(output);
    output = json_pack("{s:{s:i}}", "json", "a", 1);
    assert_int_equal(ops_read_output(project->ops, output, &text, &length, NULL), 0);
    assert_non_null(strstr(text, "\"a\": 1"));
    free(text);
    json_decref(output);
    ops_project_steps(project, "w", (const char *const[]){"seq 1 3000", NULL});
    run = ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w"));
    assert_int_equal(ops_read_output(project->ops,
                                     json_object_get(ops_find_step(run, "s1"), "output"), &text,
                                     &length, NULL),
                     0);
    assert_int_equal(length, 13893);
    free(text);
    json_decref(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_failure_is_told_with_its_place_and_last_lines,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(only_the_last_lines_are_told, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(
            a_built_in_check_is_told_by_its_hint_and_passed_ones_not_at_all, ops_project_set_up,
            ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_gate_that_does_not_pass_is_a_problem, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(
            the_report_is_the_output_of_the_step_that_the_workflow_names, ops_project_set_up,
            ops_project_tear_down),
        cmocka_unit_test_setup_teardown(steps_are_found_at_any_depth, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(an_output_is_inline_json_or_a_blob, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
