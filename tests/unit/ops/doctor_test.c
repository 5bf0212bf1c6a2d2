/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "ops/internal.h"
#include "support/ops_project.h"
#include "support/orphan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *status_of(const json_t *result, const char *name)
{
    const json_t *check;
    size_t i;

    json_array_foreach(json_object_get(result, "checks"), i, check)
    {
        if (strcmp(json_get_text(check, "name", ""), name) == 0) {
            return json_get_text(check, "status", "");
        }
    }
    return "absent";
}

static void a_sound_project_passes(void **state)
{
    json_t *result;

    ops_project_steps(*state, "w", (const char *const[]){"'true'", NULL});
    json_decref(ops_project_call(*state, "run", json_pack("{s:s}", "workflow", "w")));
    result = ops_project_call(*state, "doctor", json_pack("{s:b}", "rebuild", 1));
    assert_int_equal(json_get_integer(result, "failed", -1), 0);
    assert_string_equal(status_of(result, "store"), "pass");
    assert_string_equal(status_of(result, "runs without owner"), "pass");
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(result, "rebuilt"), "differences")), 0);
    json_decref(result);
}

static void what_is_missing_fails_and_says_what_to_do(void **state)
{
    static const char *const no_path[] = {"PATH=/nonexistent", NULL};
    struct ops_project *project = *state;
    const json_t *check;
    json_t *result;
    size_t i;

    project->settings.environment = no_path;
    project->settings.keeper = "/nonexistent";
    ops_project_write(project, ".fermata/config.yaml", "settings: 5\n");
    result = ops_project_call(project, "doctor", json_object());
    assert_string_equal(status_of(result, "git"), "fail");
    assert_string_equal(status_of(result, "keeper"), "fail");
    assert_string_equal(status_of(result, "configuration"), "fail");
    /* A tool that is not there is unknown: nobody can say that its findings are none. */
    assert_string_equal(status_of(result, "tool shellcheck"), "unknown");
    json_array_foreach(json_object_get(result, "checks"), i, check)
    {
        assert_true(strcmp(json_get_text(check, "status", ""), "pass") == 0 ||
                    *json_get_text(check, "hint", ""));
    }
    json_decref(result);
}

static void a_nested_run_that_was_left_behind_is_found_and_cancelled(void **state)
{
    struct ops_project *project = *state;
    json_t *result;
    char *parent;

    ops_project_write(project, ".fermata/workflows/inner.yaml",
                      "name: inner\nphases: [{ id: a, steps: [{ id: ok, approve: Really? }] }]\n");
    ops_project_write(project, ".fermata/workflows/outer.yaml",
                      "name: outer\nphases: [{ id: p, steps: [{ id: sub, workflow: inner }] }]\n");
    result = ops_project_call(project, "run", json_pack("{s:s}", "workflow", "outer"));
    parent = mem_strdup(json_get_text(result, "id", ""));
    json_decref(result);
    result = ops_project_call(project, "doctor", json_object());
    assert_string_equal(status_of(result, "nested runs"), "pass");
    json_decref(result);

    assert_int_equal(ops_make_store(project->ops, NULL), 0);
    orphan_make(project->ops->store, project->ops->folder, parent);
    free(parent);
    result = ops_project_call(project, "doctor", json_object());
    assert_string_equal(status_of(result, "nested runs"), "fail");
    json_decref(result);
    result = ops_project_call(project, "doctor", json_pack("{s:b}", "rebuild", 1));
    assert_string_equal(status_of(result, "nested runs"), "pass");
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(result, "rebuilt"), "cancelled")), 1);
    json_decref(result);
    result = ops_project_call(project, "doctor", json_object());
    assert_string_equal(status_of(result, "nested runs"), "pass");
    json_decref(result);
}

static void without_a_project_the_rest_is_still_checked(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, "home/file", "");
    project->settings.cwd = project->home;
    ops_project_reopen(project);
    result = ops_project_call(project, "doctor", json_object());
    assert_string_equal(status_of(result, "project"), "unknown");
    assert_string_equal(status_of(result, "store"), "absent");
    json_decref(result);
    project->settings.cwd = project->folder;
}

static void a_damaged_store_fails(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, ".fermata/fermata.db",
                      "this is no database, whatever its name says");
    result = ops_project_call(project, "doctor", json_object());
    assert_string_equal(status_of(result, "store"), "fail");
    json_decref(result);
}

static int change(struct tx *tx, void *arg, struct error *err)
{
    return tx_run(tx, tx_query(tx, arg), NULL, err);
}

static void what_the_disk_changed_is_found_without_a_rebuild(void **state)
{
    static const struct query tables = {"UPDATE run SET steps_completed = 7"};
    static const struct query journal = {"UPDATE journal SET at = at + 1 WHERE seq = 3"};
    struct ops_project *project = *state;
    json_t *result;

    ops_project_steps(project, "w", (const char *const[]){"'true'", NULL});
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w")));
    result = ops_project_call(project, "doctor", json_object());
    assert_string_equal(status_of(result, "journals"), "pass");
    assert_string_equal(status_of(result, "tables"), "absent");
    json_decref(result);

    assert_int_equal(store_write(project->ops->store, change, (void *)&tables, NULL), 0);
    result = ops_project_call(project, "doctor", json_object());
    assert_string_equal(status_of(result, "journals"), "pass");
    assert_string_equal(status_of(result, "tables"), "fail");
    json_decref(result);

    assert_int_equal(store_write(project->ops->store, change, (void *)&journal, NULL), 0);
    result = ops_project_call(project, "doctor", json_object());
    assert_string_equal(status_of(result, "journals"), "fail");
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sound_project_passes, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_fails_and_says_what_to_do,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_nested_run_that_was_left_behind_is_found_and_cancelled,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(without_a_project_the_rest_is_still_checked,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_the_disk_changed_is_found_without_a_rebuild,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_store_fails, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
