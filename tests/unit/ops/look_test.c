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

static void start(struct ops_project *project)
{
    ops_project_steps(project, "w", (const char *const[]){"printf 'a\\000b'", "echo text", NULL});
    json_decref(ops_project_call(
        project, "run", json_pack("{s:s, s:s, s:b}", "workflow", "w", "task", "t", "fresh", 1)));
}

static void lists_page_by_the_last_id(void **state)
{
    json_t *page;
    json_t *next;

    for (int i = 0; i < 3; i++) {
        start(*state);
    }
    page = ops_project_call(*state, "list", json_pack("{s:i}", "limit", 2));
    assert_int_equal(json_array_size(json_object_get(page, "runs")), 2);
    next = ops_project_call(
        *state, "list",
        json_pack("{s:i, s:s}", "limit", 2, "before", json_get_text(page, "next", "")));
    assert_int_equal(json_array_size(json_object_get(next, "runs")), 1);
    assert_true(json_is_null(json_object_get(next, "next")));
    json_decref(next);
    json_decref(page);
}

static void cat_gives_text_and_the_place_of_bytes(void **state)
{
    struct error err = ERROR_INIT;
    json_t *result;

    start(*state);
    result = ops_project_call(*state, "cat", json_pack("{s:s, s:s}", "run", "last", "name", "s2"));
    assert_string_equal(json_get_text(result, "text", ""), "text\n");
    json_decref(result);
    result = ops_project_call(*state, "cat", json_pack("{s:s, s:s}", "run", "last", "name", "s1"));
    assert_null(json_object_get(result, "text"));
    assert_int_equal(json_get_integer(result, "bytes", 0), 3);
    json_decref(result);
    assert_int_equal(
        ops_project_fail(*state, "cat", json_pack("{s:s, s:s}", "run", "last", "name", "s3"), &err),
        ERROR_NOT_FOUND);
}

static void show_has_metrics_only_when_asked(void **state)
{
    json_t *result;

    start(*state);
    result = ops_project_call(*state, "show", json_object());
    assert_null(json_object_get(result, "metrics"));
    assert_string_equal(json_get_text(result, "task", ""), "t");
    json_decref(result);
    result = ops_project_call(*state, "show", json_pack("{s:b}", "metrics", 1));
    assert_int_equal(json_get_integer(json_object_get(result, "metrics"), "attempts", 0), 2);
    json_decref(result);
}

static void checkpoints_artifacts_and_reasons_name_their_run(void **state)
{
    static const char *const names[] = {"checkpoints", "artifacts", "explain"};

    start(*state);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *result = ops_project_call(*state, names[i], json_pack("{s:s}", "run", "last"));

        assert_int_equal(strncmp(json_get_text(result, "id", ""), "wf_", 3), 0);
        json_decref(result);
    }
}

static void runs_that_are_not_there_are_not_found(void **state)
{
    static const char *const names[] = {"status", "show", "checkpoints", "artifacts", "explain"};
    struct error err = ERROR_INIT;

    start(*state);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(ops_project_fail(*state, names[i], json_pack("{s:s}", "run", "zzz"), &err),
                         ERROR_NOT_FOUND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_page_by_the_last_id, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(cat_gives_text_and_the_place_of_bytes, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(show_has_metrics_only_when_asked, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(checkpoints_artifacts_and_reasons_name_their_run,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(runs_that_are_not_there_are_not_found, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
