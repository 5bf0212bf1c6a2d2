/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLAN(command)                                                                              \
    "name: w\nphases:\n"                                                                           \
    "  - { id: p, steps: [{ id: a, run: 'true' }] }\n"                                             \
    "  - { id: q, steps: [{ id: b, run: '" command "', retry: { attempts: 1 } }] }\n"

static void start(struct ops_project *project)
{
    ops_project_write(project, ".fermata/workflows/w.yaml", PLAN("false"));
    ops_project_write(project, "edited.yaml", PLAN("true"));
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w")));
}

static json_t *arguments(const char *option)
{
    json_t *value = json_pack("{s:s, s:s}", "run", "last", "workflow", "edited.yaml");

    if (option) {
        json_put(value, option, json_true());
    }
    return value;
}

static bool say_no(void *context, const char *question, char **ret_answer)
{
    (*(int *)context)++;
    assert_non_null(strstr(question, "Edit the plan"));
    *ret_answer = strdup("n");
    return true;
}

static void it_is_asked_and_a_no_changes_nothing(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    int asked = 0;
    json_t *run;

    start(project);
    assert_int_equal(ops_project_fail(project, "edit", arguments(NULL), &err), ERROR_INVALID);
    assert_non_null(strstr(err.hint, "--yes"));
    project->view.ask = say_no;
    project->view.context = &asked;
    assert_int_equal(ops_project_fail(project, "edit", arguments(NULL), &err), ERROR_CONFLICT);
    assert_int_equal(asked, 1);
    project->view.ask = NULL;
    run = ops_project_call(project, "show", json_pack("{s:s}", "run", "last"));
    assert_string_equal(json_get_text(run, "status", ""), "paused");
    json_decref(run);
}

static void a_run_goes_on_with_the_edited_plan(void **state)
{
    struct ops_project *project = *state;
    const json_t *counts;
    json_t *run;

    start(project);
    run = ops_project_call(project, "edit", arguments("yes"));
    assert_string_equal(json_get_text(run, "status", ""), "completed");
    counts = json_object_get(json_object_get(run, "edited"), "counts");
    assert_int_equal(json_get_integer(counts, "kept", -1), 1);
    assert_int_equal(json_get_integer(counts, "again", -1), 1);
    json_decref(run);
}

static void a_preview_changes_nothing(void **state)
{
    struct ops_project *project = *state;
    json_t *preview;

    start(project);
    preview = ops_project_call(project, "edit", arguments("dry_run"));
    assert_true(json_get_boolean(preview, "dry_run", false));
    assert_int_equal(json_array_size(json_object_get(preview, "steps")), 2);
    json_decref(preview);
    preview = ops_project_call(project, "show", json_pack("{s:s}", "run", "last"));
    assert_string_equal(json_get_text(preview, "status", ""), "paused");
    json_decref(preview);
}

static void what_nobody_can_edit_is_refused(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;

    start(project);
    assert_int_equal(ops_project_fail(project, "edit", json_pack("{s:s}", "run", "last"), &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "edit it how?"));
    ops_project_write(project, "edited.yaml", "name: w\nphases: [{ id: p }]\nodd: 1\n");
    assert_int_equal(ops_project_fail(project, "edit", arguments("yes"), &err), ERROR_VALIDATION);
    assert_non_null(strstr(err.text, "odd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_asked_and_a_no_changes_nothing, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_run_goes_on_with_the_edited_plan, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_preview_changes_nothing, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_can_edit_is_refused, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
