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

static void a_row_is_found_by_its_name_and_a_mistyped_one_is_near(void **state)
{
    (void)state;
    assert_string_equal(ops_find("run")->name, "run");
    assert_null(ops_find("runs"));
    assert_string_equal(ops_nearest("statuz"), "status");
    assert_null(ops_nearest("frobnicate"));
    /* What is hidden is not offered. */
    assert_null(ops_nearest("drive"));
}

static void unknown_arguments_are_refused_with_the_nearest_one(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(ops_project_fail(*state, "list", json_pack("{s:s}", "statsu", "x"), &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.hint, "status"));
}

static void required_arguments_are_asked_for(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(ops_project_fail(*state, "skip", json_pack("{s:s}", "run", "last"), &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "--reason"));
    assert_int_equal(ops_project_fail(*state, "cancel", json_object(), &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "RUN"));
}

static void texts_become_numbers_and_wrong_ones_are_refused(void **state)
{
    struct error err = ERROR_INIT;

    json_decref(ops_project_call(*state, "list", json_pack("{s:s}", "limit", "7")));
    json_decref(ops_project_call(*state, "list", json_pack("{s:i}", "limit", 7)));
    assert_int_equal(ops_project_fail(*state, "list", json_pack("{s:s}", "limit", "7x"), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "list", json_pack("{s:s}", "limit", ""), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "list", json_pack("{s:f}", "limit", 1.5), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "list", json_pack("{s:s}", "limit", "1001"), &err),
                     ERROR_INVALID);
    assert_int_equal(
        ops_project_fail(*state, "list", json_pack("{s:s}", "limit", "99999999999999999999"), &err),
        ERROR_INVALID);
}

static void choices_are_held_and_the_nearest_is_named(void **state)
{
    struct error err = ERROR_INIT;

    json_decref(ops_project_call(*state, "list", json_pack("{s:s}", "status", "paused")));
    assert_int_equal(ops_project_fail(*state, "list", json_pack("{s:s}", "status", "pause"), &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.hint, "paused"));
    assert_int_equal(ops_project_fail(*state, "list", json_pack("{s:s}", "status", ""), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "list", json_pack("{s:i}", "status", 3), &err),
                     ERROR_INVALID);
}

static void durations_are_texts_or_milliseconds_in_range(void **state)
{
    struct error err = ERROR_INIT;

    json_decref(ops_project_call(*state, "gc", json_pack("{s:s}", "older_than", "30d")));
    json_decref(ops_project_call(*state, "gc", json_pack("{s:i}", "older_than", 5)));
    assert_int_equal(ops_project_fail(*state, "gc", json_pack("{s:i}", "older_than", -1), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "gc", json_pack("{s:s}", "older_than", "soon"), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "gc", json_pack("{s:b}", "older_than", 1), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "gc", json_pack("{s:s}", "older_than", "3"), &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "has no unit"));
}

static void flags_are_booleans_or_words(void **state)
{
    struct error err = ERROR_INIT;

    json_decref(ops_project_call(*state, "gc", json_pack("{s:b}", "dry_run", 1)));
    json_decref(ops_project_call(*state, "gc", json_pack("{s:s}", "dry_run", "yes")));
    assert_int_equal(ops_project_fail(*state, "gc", json_pack("{s:s}", "dry_run", "maybe"), &err),
                     ERROR_INVALID);
}

static void lists_and_pairs_have_their_shapes(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(ops_project_fail(*state, "validate", json_pack("{s:s}", "name", "x"), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "validate", json_pack("{s:[i]}", "name", 1), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "run", json_pack("{s:[]}", "input"), &err),
                     ERROR_INVALID);
}

static void a_text_with_a_nul_character_is_refused(void **state)
{
    struct error err = ERROR_INIT;
    json_t *arguments = json_object();

    json_put(arguments, "run", json_stringn("a\0b", 3));
    assert_int_equal(ops_project_fail(*state, "status", arguments, &err), ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_is_found_by_its_name_and_a_mistyped_one_is_near,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(unknown_arguments_are_refused_with_the_nearest_one,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(required_arguments_are_asked_for, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(texts_become_numbers_and_wrong_ones_are_refused,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(choices_are_held_and_the_nearest_is_named,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(durations_are_texts_or_milliseconds_in_range,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(flags_are_booleans_or_words, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(lists_and_pairs_have_their_shapes, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_text_with_a_nul_character_is_refused, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
