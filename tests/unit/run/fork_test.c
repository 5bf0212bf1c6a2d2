/* SPDX-License-Identifier: MIT */
#include "run/fork.h"

#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *origin_of(struct run_project *project, const char *id, char **ret_workflow)
{
    struct error err = ERROR_INIT;
    struct workflow *workflow = NULL;
    json_t *origin = NULL;

    if (run_find_origin(project->store, project->folder, id, &workflow, &origin, &err) < 0) {
        fail_msg("%s", err.text);
    }
    *ret_workflow = strdup(workflow->name);
    workflow_free(workflow);
    return origin;
}

static void a_run_tells_how_it_was_started(void **state)
{
    struct run_project *project = *state;
    json_t *inputs = json_pack("{s:s}", "x", "1");
    struct run_request request = {.task = "Do it",
                                  .inputs = inputs,
                                  .strategy = STRATEGY_STATIC,
                                  .is_offline = true,
                                  .label = "mine"};
    char *name = NULL;
    json_t *origin;
    json_t *expected;
    const json_t *spent;

    run_project_start(project,
                      "name: w\ninputs: { x: { type: string } }\n"
                      "phases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n",
                      &request);
    run_project_go(project);
    origin = origin_of(project, project->id, &name);
    expected = json_pack("{s:{s:s}, s:s, s:s, s:s, s:b, s:b, s:o}", "inputs", "x", "1", "task",
                         "Do it", "label", "mine", "strategy", "static", "offline", 1, "bridge", 0,
                         "task_id", json_sprintf("task_%s", project->id + 3));
    assert_string_equal(name, "w");
    spent = json_object_get(origin, "spent");
    assert_int_equal(json_get_integer(spent, "steps", 0), 1);
    assert_int_equal(json_object_del(origin, "spent"), 0);
    assert_true(json_equal(origin, expected));
    json_decref(expected);
    json_decref(origin);
    json_decref(inputs);
    free(name);
}

static void a_nested_run_is_part_of_the_task_of_the_run_at_the_top(void **state)
{
    struct run_project *project = *state;
    char *name = NULL;
    const json_t *waiting;
    json_t *origin;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n");
    (void)run_project_run(project,
                          "name: w\nphases: [{ id: a, steps: [{ id: n, workflow: inner }] }]\n");
    waiting = run_project_find(project, "step_waiting", "n", 0);
    origin = origin_of(project, json_get_text(waiting, "child", ""), &name);
    assert_string_equal(name, "inner");
    assert_string_equal(json_get_text(origin, "task_id", "") + 5, project->id + 3);
    json_decref(origin);
    free(name);
}

static void a_run_that_is_not_there_is_not_found(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    struct workflow *workflow = NULL;
    json_t *origin = NULL;

    assert_int_equal(run_find_origin(project->store, project->folder, "wf_000000000000", &workflow,
                                     &origin, &err),
                     ERROR_NOT_FOUND);
    assert_null(workflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_tells_how_it_was_started, run_project_set_up,
                                        run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_nested_run_is_part_of_the_task_of_the_run_at_the_top,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_is_not_there_is_not_found, run_project_set_up,
                                        run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
