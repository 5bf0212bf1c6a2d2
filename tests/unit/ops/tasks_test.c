/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *add(struct ops_project *project)
{
    json_t *task = ops_project_call(
        project, "tasks", json_pack("{s:s, s:{s:s}}", "add", "Log in", "meta", "area", "auth"));
    char *id = mem_strdup(json_get_text(task, "id", ""));

    assert_string_equal(json_get_text(task, "status", ""), "pending");
    json_decref(task);
    return id;
}

static void write_workflow(struct ops_project *project)
{
    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\ninputs: { what: { type: string, required: true } }\n"
                      "phases: [{ id: p, steps: [{ id: s, use: noop }] }]\n");
    ops_project_write(project, ".fermata/workflows/asks.yaml",
                      "name: asks\nphases: [{ id: p, steps: [{ id: s, approve: \"Good?\" }] }]\n");
}

static void a_task_is_noted_and_run_with_what_it_says(void **state)
{
    char *id = add(*state);
    json_t *result;

    write_workflow(*state);
    result = ops_project_call(*state, "run",
                              json_pack("{s:s, s:s}", "workflow", "w", "task_id", id));
    assert_string_equal(json_get_text(json_object_get(result, "inputs"), "what", ""), "Log in");
    assert_string_equal(json_get_text(result, "task_id", ""), id);
    json_decref(result);
    result = ops_project_call(*state, "tasks", json_pack("{s:s}", "task", id));
    assert_string_equal(json_get_text(result, "status", ""), "completed");
    json_decref(result);
    free(id);
}

static void what_is_known_of_a_run_is_noted_with_its_task(void **state)
{
    json_t *result;

    write_workflow(*state);
    json_decref(ops_project_call(
        *state, "run",
        json_pack("{s:s, s:s, s:{s:s}}", "workflow", "w", "task", "Out", "meta", "ticket", "12")));
    result = ops_project_call(*state, "tasks", json_pack("{s:{s:s}}", "meta", "ticket", "12"));
    assert_int_equal(json_array_size(json_object_get(result, "tasks")), 1);
    json_decref(result);
}

/* Two runs at one task would do it twice. */
static void a_task_under_way_is_not_run_again(void **state)
{
    struct error err = ERROR_INIT;
    char *id = add(*state);

    write_workflow(*state);
    json_decref(ops_project_call(*state, "run",
                                 json_pack("{s:s, s:s}", "workflow", "asks", "task_id", id)));
    assert_int_equal(ops_project_fail(*state, "run",
                                      json_pack("{s:s, s:s}", "workflow", "w", "task_id", id),
                                      &err),
                     ERROR_CONFLICT);
    assert_non_null(strstr(err.hint, "fermata resume wf_"));
    free(id);
}

static bool say_no(void *context, const char *question, char **ret_answer)
{
    (void)context;
    assert_non_null(strstr(question, "Remove 1 task "));
    *ret_answer = mem_strdup("n");
    return true;
}

static void nothing_is_cleared_without_a_word(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *result;

    free(add(project));
    assert_int_equal(ops_project_fail(project, "tasks", json_pack("{s:b}", "clear", 1), &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.hint, "--yes"));
    project->view.ask = say_no;
    assert_int_equal(ops_project_fail(project, "tasks", json_pack("{s:b}", "clear", 1), &err),
                     ERROR_CONFLICT);
    result = ops_project_call(project, "tasks", json_pack("{s:b, s:b}", "clear", 1, "dry_run", 1));
    assert_int_equal(json_get_integer(result, "tasks", 0), 1);
    json_decref(result);
    result = ops_project_call(project, "tasks", json_pack("{s:b, s:b}", "clear", 1, "yes", 1));
    assert_int_equal(json_get_integer(result, "tasks", 0), 1);
    json_decref(result);
    result = ops_project_call(project, "tasks", json_object());
    assert_int_equal(json_array_size(json_object_get(result, "tasks")), 0);
    json_decref(result);
}

static void a_clean_up_keeps_what_is_young_or_was_not_begun(void **state)
{
    json_t *result;

    free(add(*state));
    write_workflow(*state);
    json_decref(
        ops_project_call(*state, "run", json_pack("{s:s, s:s}", "workflow", "w", "task", "Out")));
    result = ops_project_call(*state, "tasks", json_pack("{s:b}", "clean_up", 1));
    assert_int_equal(json_get_integer(result, "tasks", 9), 0);
    assert_int_equal(json_get_integer(result, "kept", 9), 2);
    json_decref(result);
}

static void what_does_not_go_together_is_refused(void **state)
{
    struct error err = ERROR_INIT;
    char *id = add(*state);
    char *long_key = mem_zero(1, 200);
    json_t *meta = json_object();

    assert_int_equal(ops_project_fail(*state, "tasks", json_pack("{s:b}", "cancel", 1), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "tasks",
                                      json_pack("{s:s, s:s}", "task", id, "status", "failed"),
                                      &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "--status does not go with one task"));
    assert_int_equal(
        ops_project_fail(*state, "tasks", json_pack("{s:s}", "older_than", "3d"), &err),
        ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "tasks", json_pack("{s:s}", "add", " "), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "tasks", json_pack("{s:i}", "limit", 0), &err),
                     ERROR_INVALID);
    memset(long_key, 'k', 150);
    json_put_text(meta, long_key, "v");
    assert_int_equal(
        ops_project_fail(*state, "tasks", json_pack("{s:s, s:o}", "add", "x", "meta", meta), &err),
        ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "run",
                                      json_pack("{s:s, s:{s:s}}", "task_id", id, "meta", "a", "b"),
                                      &err),
                     ERROR_INVALID);
    free(long_key);
    free(id);
}

static void one_that_was_not_begun_is_cancelled(void **state)
{
    char *id = add(*state);
    json_t *result = ops_project_call(*state, "tasks",
                                      json_pack("{s:s, s:b}", "task", id, "cancel", 1));

    assert_string_equal(json_get_text(result, "status", ""), "cancelled");
    json_decref(result);
    free(id);
}

#define TEST_OF(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(a_task_is_noted_and_run_with_what_it_says),
        TEST_OF(what_is_known_of_a_run_is_noted_with_its_task),
        TEST_OF(a_task_under_way_is_not_run_again),
        TEST_OF(nothing_is_cleared_without_a_word),
        TEST_OF(a_clean_up_keeps_what_is_young_or_was_not_begun),
        TEST_OF(what_does_not_go_together_is_refused),
        TEST_OF(one_that_was_not_begun_is_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
