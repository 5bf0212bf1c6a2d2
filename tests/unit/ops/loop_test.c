/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void write_stories(struct ops_project *project)
{
    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\nphases: [{ id: p, steps: [{ id: s, use: noop }] }]\n");
    ops_project_write(project, ".fermata/workflows/bad.yaml",
                      "name: bad\non_failure: fail\n"
                      "phases: [{ id: p, steps: [{ id: s, use: fail, "
                      "retry: { attempts: 1 } }] }]\n");
    ops_project_write(project, "TODO.md", "- [ ] a\n- [ ] b\n- [ ] c\n");
}

static json_t *loop(struct ops_project *project, const char *workflow, int max)
{
    return ops_project_call(
        project, "loop",
        json_pack("{s:s, s:s, s:i}", "file", "TODO.md", "workflow", workflow, "max", max));
}

static void check_file(const struct ops_project *project, const char *expected)
{
    char *path = path_join(project->folder, "TODO.md");
    char *text = NULL;
    size_t length;

    assert_int_equal(file_read(path, 1000, &text, &length, NULL), 0);
    assert_string_equal(text, expected);
    free(text);
    free(path);
}

static void check_stopped(json_t *result, const char *stopped, int worked)
{
    assert_string_equal(json_get_text(result, "stopped", ""), stopped);
    assert_int_equal(json_array_size(json_object_get(result, "worked")), worked);
    json_decref(result);
}

static void stories_are_worked_off_in_parts(void **state)
{
    write_stories(*state);
    check_stopped(loop(*state, "w", 2), "max", 2);
    check_file(*state, "- [x] a\n- [x] b\n- [ ] c\n");
    check_stopped(loop(*state, "w", 2), "done", 1);
    check_file(*state, "- [x] a\n- [x] b\n- [x] c\n");
    check_stopped(loop(*state, "w", 2), "done", 0);
}

static void a_failed_one_ends_it_or_is_passed(void **state)
{
    json_t *result;

    write_stories(*state);
    result = loop(*state, "bad", 9);
    assert_string_equal(json_get_text(json_object_get(result, "run"), "status", ""), "failed");
    check_stopped(result, "failed", 1);
    check_stopped(ops_project_call(*state, "loop",
                                   json_pack("{s:s, s:s, s:b}", "file", "TODO.md", "workflow",
                                             "bad", "keep_going", 1)),
                  "failed", 3);
    check_file(*state, "- [ ] a\n- [ ] b\n- [ ] c\n");
}

/* Whoever was killed between the end of a run and its mark left just that. */
static void what_completed_unmarked_is_marked_only(void **state)
{
    json_t *result;

    write_stories(*state);
    ops_project_write(
        *state, ".fermata/workflows/away.yaml",
        "name: away\nphases: [{ id: p, steps: [{ id: s, run: mv TODO.md there }] }]\n");
    assert_int_equal(
        ops_project_fail(*state, "loop",
                         json_pack("{s:s, s:s}", "file", "TODO.md", "workflow", "away"), NULL),
        ERROR_NOT_FOUND);
    ops_project_write(*state, "TODO.md", "- [ ] a\n- [ ] b\n- [ ] c\n");
    check_stopped(loop(*state, "w", 1), "max", 1);
    check_file(*state, "- [x] a\n- [ ] b\n- [ ] c\n");
    result = ops_project_call(*state, "list", json_object());
    assert_int_equal(json_array_size(json_object_get(result, "runs")), 1);
    json_decref(result);
}

static void a_dry_run_changes_nothing(void **state)
{
    json_t *result;

    write_stories(*state);
    result = ops_project_call(
        *state, "loop", json_pack("{s:s, s:b, s:i}", "file", "TODO.md", "dry_run", 1, "max", 2));
    assert_int_equal(json_array_size(json_object_get(result, "stories")), 2);
    assert_string_equal(json_get_text(result, "workflow", ""), "default");
    json_decref(result);
    check_file(*state, "- [ ] a\n- [ ] b\n- [ ] c\n");
    assert_false(ops_project_has(*state, ".fermata/fermata.db"));
}

static void what_cannot_be_is_refused(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(ops_project_fail(*state, "loop", json_object(), &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "tasks/prd.json"));
    assert_int_equal(ops_project_fail(*state, "loop", json_pack("{s:i}", "max", 0), &err),
                     ERROR_INVALID);
}

#define TEST_OF(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(stories_are_worked_off_in_parts),
        TEST_OF(a_failed_one_ends_it_or_is_passed),
        TEST_OF(what_completed_unmarked_is_marked_only),
        TEST_OF(a_dry_run_changes_nothing),
        TEST_OF(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
