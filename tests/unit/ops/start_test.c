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

static const char needy[] = "name: needy\n"
                            "inputs:\n"
                            "  what: { type: string, required: true }\n"
                            "  times: { type: integer, default: 2 }\n"
                            "phases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n";
static const char thinking[] =
    "name: thinking\n"
    "phases: [{ id: a, steps: [{ id: s, prompt: Think, static: { run: echo plain } }] }]\n";

static json_t *dry(struct ops_project *project, json_t *arguments)
{
    json_object_set_new(arguments, "dry_run", json_true());
    return ops_project_call(project, "run", arguments);
}

static void missing_inputs_are_all_named(void **state)
{
    struct error err = ERROR_INIT;

    ops_project_write(*state, "w.yaml",
                      "name: w\ninputs:\n  one: { type: string, required: true }\n"
                      "  two: { type: string, required: true }\n"
                      "phases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n");
    assert_int_equal(ops_project_fail(*state, "run",
                                      json_pack("{s:s, s:s}", "workflow", "w.yaml", "task", "t"),
                                      &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "one, two"));
    assert_non_null(strstr(err.hint, "-i one=... -i two=..."));
}

static void the_task_fills_the_one_missing_text(void **state)
{
    json_t *result;

    ops_project_write(*state, "w.yaml", needy);
    result = dry(*state, json_pack("{s:s, s:s}", "workflow", "w.yaml", "task", "all of it"));
    assert_string_equal(json_get_text(json_object_get(result, "inputs"), "what", ""), "all of it");
    assert_int_equal(json_get_integer(json_object_get(result, "inputs"), "times", 0), 2);
    json_decref(result);
}

static bool answer(void *context, const char *question, char **ret_answer)
{
    (*(int *)context)++;
    assert_non_null(strstr(question, "what"));
    *ret_answer = mem_strdup("asked");
    return true;
}

static void missing_inputs_are_asked_for_unless_that_is_forbidden(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *result;
    int asked = 0;

    ops_project_write(project, "w.yaml", needy);
    project->view = (struct ops_view){.ask = answer, .context = &asked};
    result = dry(project, json_pack("{s:s}", "workflow", "w.yaml"));
    assert_string_equal(json_get_text(json_object_get(result, "inputs"), "what", ""), "asked");
    json_decref(result);
    assert_int_equal(ops_project_fail(project, "run",
                                      json_pack("{s:s, s:b}", "workflow", "w.yaml", "no_input", 1),
                                      &err),
                     ERROR_INVALID);
    assert_int_equal(asked, 1);
}

static const char *using_of(const json_t *plan)
{
    const json_t *wave = json_array_get(json_object_get(plan, "waves"), 0);

    return json_get_text(json_array_get(json_object_get(wave, "steps"), 0), "using", "");
}

static void a_dry_run_tells_what_the_strategy_chooses(void **state)
{
    json_t *result;

    ops_project_write(*state, "w.yaml", thinking);
    result = dry(*state, json_pack("{s:s, s:s}", "workflow", "w.yaml", "strategy", "static"));
    assert_string_equal(using_of(result), "command");
    json_decref(result);
    result = dry(*state, json_pack("{s:s, s:s}", "workflow", "w.yaml", "strategy", "ai"));
    assert_string_equal(using_of(result), "agent");
    json_decref(result);
    /* Hybrid without any agent falls back. */
    result = dry(*state, json_pack("{s:s}", "workflow", "w.yaml"));
    assert_string_equal(using_of(result), "command");
    json_decref(result);
    assert_false(ops_project_has(*state, ".fermata/fermata.db"));
}

static void an_agent_that_is_missing_is_told_before_anything_starts(void **state)
{
    struct error err = ERROR_INIT;

    ops_project_write(*state, "w.yaml", thinking);
    assert_int_equal(
        ops_project_fail(*state, "run",
                         json_pack("{s:s, s:s}", "workflow", "w.yaml", "strategy", "ai"), &err),
        ERROR_UNAVAILABLE);
    assert_false(ops_project_has(*state, ".fermata/fermata.db"));
}

static void the_workflow_comes_from_the_flag_the_environment_or_the_configuration(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *result;

    ops_project_steps(project, "one", (const char *const[]){"'true'", NULL});
    ops_project_steps(project, "two", (const char *const[]){"'true'", NULL});
    assert_int_equal(ops_project_fail(project, "run", json_object(), &err), ERROR_INVALID);
    assert_non_null(strstr(err.hint, "one"));
    ops_project_write(project, ".fermata/config.yaml", "settings: { default_workflow: one }\n");
    ops_project_reopen(project);
    result = dry(project, json_object());
    assert_string_equal(json_get_text(result, "workflow", ""), "one");
    json_decref(result);
    project->settings.workflow = "two";
    result = dry(project, json_object());
    assert_string_equal(json_get_text(result, "workflow", ""), "two");
    json_decref(result);
    result = dry(project, json_pack("{s:s}", "workflow", "one"));
    assert_string_equal(json_get_text(result, "workflow", ""), "one");
    json_decref(result);
}

static bool answer_late(void *context, const char *question, char **ret_answer)
{
    int count = ++*(int *)context;

    assert_int_equal(strstr(question, "expected an integer") != NULL, count > 1);
    *ret_answer = mem_strdup(count > 1 ? "7" : "seven");
    return true;
}

static void a_wrong_answer_is_asked_again_with_the_reason(void **state)
{
    struct ops_project *project = *state;
    int asked = 0;
    json_t *result;

    ops_project_write(project, "w.yaml",
                      "name: w\ninputs:\n  n: { type: integer, required: true }\n"
                      "phases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n");
    project->view = (struct ops_view){.ask = answer_late, .context = &asked};
    result = dry(project, json_pack("{s:s}", "workflow", "w.yaml"));
    assert_int_equal(json_get_integer(json_object_get(result, "inputs"), "n", 0), 7);
    assert_int_equal(asked, 2);
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(missing_inputs_are_all_named, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_task_fills_the_one_missing_text, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(missing_inputs_are_asked_for_unless_that_is_forbidden,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_dry_run_tells_what_the_strategy_chooses,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(an_agent_that_is_missing_is_told_before_anything_starts,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(
            the_workflow_comes_from_the_flag_the_environment_or_the_configuration,
            ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_answer_is_asked_again_with_the_reason,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
