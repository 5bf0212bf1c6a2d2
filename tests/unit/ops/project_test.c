/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void init_makes_a_project_once_and_overwrites_nothing(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;

    json_decref(ops_project_call(project, "init", json_pack("{s:s}", "folder", "new")));
    assert_true(ops_project_has(project, "new/.fermata/config.yaml"));
    assert_true(ops_project_has(project, "new/.fermata/.gitignore"));
    assert_true(ops_project_has(project, "new/.fermata/workflows/hello.yaml"));
    assert_int_equal(ops_project_fail(project, "init", json_pack("{s:s}", "folder", "new"), &err),
                     ERROR_CONFLICT);
    assert_true(*err.hint);
}

static void what_init_writes_is_sound(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    json_decref(ops_project_call(project, "init", json_object()));
    ops_project_reopen(project);
    result = ops_project_call(project, "validate", json_object());
    assert_int_equal(json_get_integer(result, "errors", -1), 0);
    assert_int_equal(json_get_integer(result, "warnings", -1), 0);
    json_decref(result);
}

static void a_project_is_found_from_below(void **state)
{
    struct ops_project *project = *state;
    char *below = path_join(project->folder, "a/b");

    ops_project_write(project, "a/b/file", "");
    project->settings.cwd = below;
    ops_project_reopen(project);
    json_decref(ops_project_call(project, "list", json_object()));
    free(below);
    project->settings.cwd = project->folder;
}

static void the_search_ends_at_the_home_folder(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    char *below = path_join(project->folder, "home/work");

    ops_project_write(project, "home/work/file", "");
    project->settings.cwd = below;
    ops_project_reopen(project);
    assert_int_equal(ops_project_fail(project, "list", json_object(), &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "fermata init"));
    free(below);
    project->settings.cwd = project->folder;
}

static void a_named_project_must_be_a_folder(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;

    project->settings.project = "nowhere";
    ops_project_reopen(project);
    assert_int_equal(ops_project_fail(project, "list", json_object(), &err), ERROR_NOT_FOUND);
    project->settings.project = ".";
    ops_project_reopen(project);
    json_decref(ops_project_call(project, "list", json_object()));
}

static void run_makes_a_bare_project_at_the_top_of_the_git_tree(void **state)
{
    struct ops_project *project = *state;
    char *below = path_join(project->folder, "home/repo/deep");

    ops_project_write(project, "home/repo/.git/HEAD", "");
    ops_project_write(project, "home/repo/deep/w.yaml",
                      "name: w\nphases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n");
    project->settings.cwd = below;
    ops_project_reopen(project);
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "./w.yaml")));
    assert_true(ops_project_has(project, "home/repo/.fermata/.gitignore"));
    assert_false(ops_project_has(project, "home/repo/.fermata/config.yaml"));
    free(below);
    project->settings.cwd = project->folder;
}

/* No process has so large a number. */
static void what_a_killed_one_left_half_written_is_swept(void **state)
{
    struct ops_project *project = *state;

    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\nphases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n");
    ops_project_write(project, ".fermata/.gitignore.99999999.0.tmp", "# Git kee");
    ops_project_reopen(project);
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w")));
    assert_true(ops_project_has(project, ".fermata/.gitignore"));
    assert_false(ops_project_has(project, ".fermata/.gitignore.99999999.0.tmp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(init_makes_a_project_once_and_overwrites_nothing,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_a_killed_one_left_half_written_is_swept,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_init_writes_is_sound, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_project_is_found_from_below, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_search_ends_at_the_home_folder, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_named_project_must_be_a_folder, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(run_makes_a_bare_project_at_the_top_of_the_git_tree,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
