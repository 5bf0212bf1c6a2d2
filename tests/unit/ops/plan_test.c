/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static int fail_with(struct ops_project *project, const char *name, json_t *arguments,
                     const char *expected)
{
    struct error err = ERROR_INIT;
    int code = ops_project_fail(project, name, arguments, &err);

    if (!strstr(err.text, expected)) {
        fail_msg("%s", err.text);
    }
    return code;
}

static void an_analysis_is_told(void **state)
{
    json_t *result = ops_project_call(*state, "analyze",
                                      json_pack("{s:s}", "task", "Fix the login page"));

    assert_string_equal(json_get_text(result, "kind", ""), "fix");
    assert_string_equal(json_get_text(result, "phase_name", ""), "Implementation");
    json_decref(result);
}

static void a_suggestion_is_the_way_to_go_and_who_could_help(void **state)
{
    json_t *result = ops_project_call(*state, "suggest",
                                      json_pack("{s:s}", "task", "The page is slow"));
    const json_t *first = json_array_get(json_object_get(result, "suggestions"), 0);

    assert_string_equal(json_get_text(result, "workflow", ""), "performance-optimization");
    assert_string_equal(json_get_text(first, "type", ""), "workflow");
    assert_string_equal(json_get_text(first, "name", ""), "performance-optimization");
    assert_true(*json_get_text(first, "reason", "") != '\0');
    json_decref(result);
}

static void recommendations_have_a_limit(void **state)
{
    json_t *result = ops_project_call(*state, "recommend",
                                      json_pack("{s:s, s:i}", "task", "Fix it", "limit", 2));

    assert_int_equal(json_array_size(json_object_get(result, "workflows")), 2);
    assert_int_equal(json_array_size(json_object_get(result, "experts")), 2);
    json_decref(result);
    assert_int_equal(fail_with(*state, "recommend",
                               json_pack("{s:s, s:i}", "task", "x", "limit", 51), "from 1 to 50"),
                     ERROR_INVALID);
    assert_int_equal(fail_with(*state, "recommend",
                               json_pack("{s:s, s:i}", "task", "x", "limit", 0), "from 1 to 50"),
                     ERROR_INVALID);
}

static void a_plan_is_written_once(void **state)
{
    struct ops_project *project = *state;
    json_t *result = ops_project_call(
        project, "plan", json_pack("{s:s, s:s}", "task", "Add a flag", "output", "plan.yaml"));

    assert_string_equal(json_get_text(result, "file", ""), "plan.yaml");
    json_decref(result);
    assert_true(ops_project_has(project, "plan.yaml"));
    assert_int_equal(fail_with(project, "plan",
                               json_pack("{s:s, s:s}", "task", "x", "output", "plan.yaml"),
                               "plan.yaml is there already"),
                     ERROR_CONFLICT);
    /* What was written is a workflow. */
    result = ops_project_call(project, "validate", json_pack("{s:[s]}", "name", "./plan.yaml"));
    assert_int_equal(json_get_integer(result, "errors", -1), 0);
    json_decref(result);
}

static void what_is_missing_is_said_and_no_file_is_made_of_it(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, ".fermata/workflows/two.yaml",
                      "name: two\ninputs: { a: { required: true }, b: { required: true } }\n"
                      "phases: [{ id: p, steps: [{ id: s, run: x }] }]\n");
    result = ops_project_call(project, "plan",
                              json_pack("{s:s, s:s}", "task", "x", "workflow", "two"));
    assert_string_equal(json_get_text(result, "origin", ""), "asked");
    assert_non_null(strstr(json_get_text(result, "missing", ""), "a, b"));
    json_decref(result);
    assert_int_equal(fail_with(project, "plan",
                               json_pack("{s:s, s:s, s:s}", "task", "x", "workflow", "two",
                                         "output", "plan.yaml"),
                               "a, b"),
                     ERROR_INVALID);
    assert_false(ops_project_has(project, "plan.yaml"));
    assert_int_equal(fail_with(project, "plan",
                               json_pack("{s:s, s:b, s:b}", "task", "x", "yaml", 1, "graph", 1),
                               "only one of"),
                     ERROR_INVALID);
    assert_int_equal(fail_with(project, "plan", json_pack("{s:s}", "task", "  "), "task is empty"),
                     ERROR_INVALID);
}

struct person {
    const char *answer;
    char question[200];
    size_t notices;
};

static bool answer(void *context, const char *question, char **ret_answer)
{
    struct person *person = context;

    (void)snprintf(person->question, sizeof(person->question), "%s", question);
    *ret_answer = strdup(person->answer);
    return true;
}

static void count_notice(void *context, const char *text)
{
    struct person *person = context;

    (void)text;
    person->notices++;
}

static void a_plan_is_run_when_somebody_agrees(void **state)
{
    struct ops_project *project = *state;
    struct person person = {.answer = "n"};
    json_t *result;

    ops_project_write(project, ".fermata/workflows/coffee.yaml",
                      "name: coffee\nsuits: { kinds: [other], words: [coffee] }\n"
                      "phases: [{ id: p, steps: [{ id: s, run: echo brewed }] }]\n");
    assert_int_equal(
        fail_with(project, "run", json_pack("{s:s}", "task", "coffee"), "nobody could be asked"),
        ERROR_INVALID);
    project->view.ask = answer;
    project->view.on_notice = count_notice;
    project->view.context = &person;
    assert_int_equal(
        fail_with(project, "run", json_pack("{s:s}", "task", "coffee"), "the plan was not run"),
        ERROR_INVALID);
    assert_non_null(strstr(person.question, "Run this plan?"));
    assert_true(person.notices > 2);
    assert_false(ops_project_has(project, ".fermata/fermata.db"));
    person.answer = "yes";
    result = ops_project_call(project, "run", json_pack("{s:s}", "task", "coffee"));
    assert_string_equal(json_get_text(result, "status", ""), "completed");
    assert_string_equal(json_get_text(result, "workflow", ""), "coffee");
    json_decref(result);
    project->view.ask = NULL;
    result = ops_project_call(project, "run", json_pack("{s:s, s:b}", "task", "coffee", "yes", 1));
    assert_string_equal(json_get_text(result, "status", ""), "completed");
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_analysis_is_told, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_suggestion_is_the_way_to_go_and_who_could_help,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(recommendations_have_a_limit, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_plan_is_written_once, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_is_said_and_no_file_is_made_of_it,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_plan_is_run_when_somebody_agrees, ops_project_set_up,
                                        ops_project_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
