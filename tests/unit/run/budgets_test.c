/* SPDX-License-Identifier: MIT */
#include "run/budgets.h"
#include "run/fork.h"

#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUTER                                                                                      \
    "name: outer\nbudget: { steps: 3 }\nphases:\n"                                                 \
    "  - { id: p, steps: [{ id: sub, workflow: inner }] }\n"                                       \
    "  - { id: q, steps: [{ id: one, run: echo x >>done }, { id: two, run: echo x >>done }] }\n"

static void write_inner(const struct run_project *project)
{
    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: a, steps: [{ id: x, run: echo x >>done }, { id: "
                      "y, run: echo x >>done }] }]\n");
}

static void raise_by(struct run_project *project, const char *id, const char *steps)
{
    struct error err = ERROR_INIT;
    json_t *answer = run_project_ask(
        project, id, json_pack("{s:s, s:{s:s}}", "do", "budget", "budget", "steps", steps), &err);

    assert_non_null(answer);
    json_decref(answer);
    answer = run_project_ask(project, id, json_pack("{s:s}", "do", "resume"), &err);
    assert_non_null(answer);
    json_decref(answer);
    assert_int_equal(run_project_adopt(project, id, &err), 0);
    run_project_go(project);
}

static json_int_t shown_steps(struct run_project *project, const char *id)
{
    json_t *run = NULL;
    json_int_t used;

    assert_int_equal(run_show(project->store, project->folder, id, &run, NULL), 0);
    used = json_get_integer(json_object_get(json_object_get(run, "budget"), "steps"), "used", -1);
    json_decref(run);
    return used;
}

static void a_nested_run_counts_for_those_around_it(void **state)
{
    struct run_project *project = *state;
    char id[RUN_ID_SIZE];

    write_inner(project);
    assert_string_equal(run_project_run(project, OUTER), "paused");
    memcpy(id, project->id, RUN_ID_SIZE);
    assert_int_equal(shown_steps(project, id), 3);
    run_project_drop_engine(project);
    raise_by(project, id, "+1");
    assert_string_equal(run_project_status(project, id), "completed");
    assert_int_equal(shown_steps(project, id), 4);
}

static void what_ended_before_the_process_did_counts_still(void **state)
{
    struct run_project *project = *state;
    char id[RUN_ID_SIZE];

    write_inner(project);
    assert_string_equal(run_project_run(project, OUTER), "paused");
    memcpy(id, project->id, RUN_ID_SIZE);
    run_project_reopen(project);
    raise_by(project, id, "3"); /* no more than it had */
    assert_string_equal(run_project_status(project, id), "paused");
    run_project_reopen(project);
    raise_by(project, id, "+1");
    assert_string_equal(run_project_status(project, id), "completed");
}

static void a_nested_run_waits_for_the_budget_of_the_outer_one(void **state)
{
    struct run_project *project = *state;
    json_t *run = NULL;
    char id[RUN_ID_SIZE];

    write_inner(project);
    assert_string_equal(run_project_run(project,
                                        "name: outer\nbudget: { steps: 1 }\nphases: [{ id: p, "
                                        "steps: [{ id: sub, workflow: inner }] }]\n"),
                        "paused");
    memcpy(id, project->id, RUN_ID_SIZE);
    assert_int_equal(run_show(project->store, project->folder, id, &run, NULL), 0);
    assert_string_equal(json_get_text(run, "reason", ""), "budget");
    assert_non_null(strstr(json_get_text(run, "detail", ""), id));
    json_decref(run);
    run_project_reopen(project);
    raise_by(project, id, "+1");
    assert_string_equal(run_project_status(project, id), "completed");
    assert_int_equal(shown_steps(project, id), 2);
}

static void the_budget_of_a_step_is_that_of_the_run_that_it_calls(void **state)
{
    struct run_project *project = *state;
    json_t *run = NULL;

    write_inner(project);
    assert_string_equal(run_project_run(project,
                                        "name: outer\nphases: [{ id: p, steps: [{ id: sub, "
                                        "workflow: inner, budget: { steps: 1 } }] }]\n"),
                        "paused");
    assert_int_equal(run_show(project->store, project->folder, project->id, &run, NULL), 0);
    assert_string_equal(json_get_text(run, "reason", ""), "budget");
    assert_null(strstr(json_get_text(run, "detail", ""), project->id));
    json_decref(run);
}

static void what_a_run_spent_is_there_for_one_that_goes_on_from_it(void **state)
{
    struct run_project *project = *state;
    struct workflow *workflow = NULL;
    json_t *origin = NULL;
    struct run_request request = {0};

    write_inner(project);
    assert_string_equal(run_project_run(project, OUTER), "paused");
    assert_int_equal(
        run_find_origin(project->store, project->folder, project->id, &workflow, &origin, NULL), 0);
    request.budget = json_object_get(origin, "budget");
    request.spent = json_object_get(origin, "spent");
    assert_int_equal(json_get_integer(request.spent, "steps", 0), 3);
    run_project_start(project, OUTER, &request);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_int_equal(shown_steps(project, project->id), 3); /* nothing more was begun */
    json_decref(origin);
    workflow_free(workflow);
}

int main(void)
{
#define PROJECT_TEST(name)                                                                         \
    cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)
    const struct CMUnitTest tests[] = {
        PROJECT_TEST(a_nested_run_counts_for_those_around_it),
        PROJECT_TEST(what_ended_before_the_process_did_counts_still),
        PROJECT_TEST(a_nested_run_waits_for_the_budget_of_the_outer_one),
        PROJECT_TEST(the_budget_of_a_step_is_that_of_the_run_that_it_calls),
        PROJECT_TEST(what_a_run_spent_is_there_for_one_that_goes_on_from_it),
    };
#undef PROJECT_TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
