/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void run(struct ops_project *project)
{
    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\nphases: [{ id: p, steps: [{ id: s, use: noop }] }]\n");
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w")));
}

static void what_was_done_is_listed_with_who_did_it(void **state)
{
    json_t *result;
    const json_t *entry;

    run(*state);
    result = ops_project_call(*state, "audit", json_pack("{s:s}", "run", "last"));
    assert_int_equal(json_array_size(json_object_get(result, "entries")), 2);
    entry = json_array_get(json_object_get(result, "entries"), 1);
    assert_string_equal(json_get_text(entry, "event", ""), "run_created");
    assert_string_equal(json_get_text(entry, "resource", ""), "w");
    assert_true(*json_get_text(entry, "user", ""));
    json_decref(result);
    result = ops_project_call(*state, "audit", json_pack("{s:i}", "limit", 1));
    assert_int_equal(json_array_size(json_object_get(result, "entries")), 1);
    json_decref(result);
}

static void the_head_that_verify_gives_is_one_that_it_takes(void **state)
{
    json_t *result;
    json_t *again;

    run(*state);
    result = ops_project_call(*state, "audit", json_pack("{s:s}", "action", "verify"));
    assert_true(json_get_boolean(result, "sound", false));
    run(*state);
    again = ops_project_call(
        *state, "audit",
        json_pack("{s:s, s:s}", "action", "verify", "head", json_get_text(result, "head", "")));
    assert_true(json_get_boolean(again, "sound", false));
    assert_int_equal(json_get_integer(again, "entries", 0), 4);
    json_decref(again);
    json_decref(result);
}

static void runs_that_were_removed_are_told_of(void **state)
{
    json_t *result;
    const json_t *entry;

    run(*state);
    json_decref(ops_project_call(*state, "gc", json_pack("{s:i}", "older_than", 0)));
    result = ops_project_call(*state, "audit", json_object());
    entry = json_array_get(json_object_get(result, "entries"), 0);
    assert_string_equal(json_get_text(entry, "event", ""), "run_removed");
    json_decref(result);
    result = ops_project_call(*state, "audit", json_pack("{s:s}", "action", "verify"));
    assert_true(json_get_boolean(result, "sound", false));
    json_decref(result);
}

static void what_says_nothing_is_refused(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(ops_project_fail(*state, "audit", json_object(), &err), ERROR_NOT_FOUND);
    run(*state);
    assert_int_equal(ops_project_fail(*state, "audit",
                                      json_pack("{s:s, s:s}", "action", "verify", "head", "12"),
                                      &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "audit",
                                      json_pack("{s:s, s:i}", "action", "verify", "limit", 3),
                                      &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "audit", json_pack("{s:s}", "head", "12"), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "audit", json_pack("{s:i}", "before", 0), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "audit", json_pack("{s:i}", "limit", 0), &err),
                     ERROR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_done_is_listed_with_who_did_it),
        TEST(the_head_that_verify_gives_is_one_that_it_takes),
        TEST(runs_that_were_removed_are_told_of),
        TEST(what_says_nothing_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
