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

static const json_t *step_of(const json_t *result, size_t wave, size_t step)
{
    return json_array_get(
        json_object_get(json_array_get(json_object_get(result, "waves"), wave), "steps"), step);
}

static void each_step_says_what_it_would_do(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(
        project, ".fermata/workflows/w.yaml",
        "name: w\nphases:\n"
        "  - { id: a, steps: [{ id: look, run: make look }] }\n"
        "  - { id: b, mode: parallel, steps: [\n"
        "      { id: agree, approve: Really? },\n"
        "      { id: ask, expert: backend-expert, prompt: x, when: \"run.task == 'y'\","
        " static: { use: noop } }] }\n");
    result = ops_project_call(project, "run",
                              json_pack("{s:s, s:b}", "workflow", "w", "dry_run", 1));
    assert_string_equal(json_get_text(step_of(result, 0, 0), "what", ""), "make look");
    assert_string_equal(json_get_text(step_of(result, 1, 0), "using", ""), "approval");
    assert_string_equal(json_get_text(step_of(result, 1, 1), "alternative", ""), "static");
    assert_string_equal(json_get_text(step_of(result, 1, 1), "expert", ""), "backend-expert");
    assert_non_null(strstr(json_get_text(step_of(result, 1, 1), "when", ""), "run.task"));
    assert_false(ops_project_has(project, ".fermata/fermata.db"));
    json_decref(result);
}

static void who_starts_the_run_outweighs_the_step(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\nphases: [{ id: a, steps: [{ id: ask, prompt: x, strategy: static,"
                      " static: { use: noop } }] }]\n");
    result = ops_project_call(
        project, "run",
        json_pack("{s:s, s:b, s:s}", "workflow", "w", "dry_run", 1, "strategy", "ai"));
    assert_string_equal(json_get_text(step_of(result, 0, 0), "using", ""), "agent");
    json_decref(result);
}

static void what_needs_an_agent_under_static_is_said_to_be_left_out(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\nphases: [{ id: a, steps: [{ id: ask, prompt: x, optional: true }]"
                      " }]\n");
    result = ops_project_call(
        project, "run",
        json_pack("{s:s, s:b, s:s}", "workflow", "w", "dry_run", 1, "strategy", "static"));
    assert_string_equal(json_get_text(step_of(result, 0, 0), "skipped", ""),
                        "needs an agent, and the strategy is static");
    assert_null(json_object_get(step_of(result, 0, 0), "missing"));
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_step_says_what_it_would_do, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(who_starts_the_run_outweighs_the_step, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_needs_an_agent_under_static_is_said_to_be_left_out,
                                        ops_project_set_up, ops_project_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
