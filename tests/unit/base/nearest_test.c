/* SPDX-License-Identifier: MIT */
#include "base/nearest.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const keys[] = {"timeout", "prompt", "phases", NULL, "on_failure", "id", "run"};

static const char *near(const char *wanted)
{
    return nearest_name(wanted, keys, ARRAY_LEN(keys));
}

static void edits_of_each_kind_count_one(void **state)
{
    (void)state;
    assert_int_equal(name_distance("prompt", "prompt", 5), 0);
    assert_int_equal(name_distance("promt", "prompt", 5), 1);
    assert_int_equal(name_distance("prompts", "prompt", 5), 1);
    assert_int_equal(name_distance("promxt", "prompt", 5), 1);
    assert_int_equal(name_distance("prmopt", "prompt", 5), 1);
    assert_int_equal(name_distance("", "abc", 5), 3);
    assert_int_equal(name_distance("kitten", "sitting", 5), 3);
}

static void the_distance_stops_one_above_the_limit(void **state)
{
    (void)state;
    assert_int_equal(name_distance("abcdef", "uvwxyz", 2), 3);
}

static void case_and_dashes_do_not_count(void **state)
{
    (void)state;
    assert_int_equal(name_distance("On-Failure", "on_failure", 5), 0);
}

static void a_typo_finds_its_name(void **state)
{
    (void)state;
    assert_string_equal(near("timeuot"), "timeout");
    assert_string_equal(near("promt"), "prompt");
    assert_string_equal(near("phase"), "phases");
    assert_string_equal(near("onfailure"), "on_failure");
    assert_string_equal(near("Run"), "run");
}

static void nothing_near_gives_null(void **state)
{
    (void)state;
    assert_null(near("colour"));
    assert_null(near("x"));
    assert_null(near(""));
    assert_null(near("zzz"));
    assert_null(nearest_name("run", NULL, 0));
}

static void of_equals_the_first_wins(void **state)
{
    static const char *const names[] = {"cat", "car", "can"};

    (void)state;
    assert_string_equal(nearest_name("cap", names, 3), "cat");
}

static void a_nearer_name_beats_an_earlier_one(void **state)
{
    static const char *const names[] = {"backends", "backend"};

    (void)state;
    assert_string_equal(nearest_name("backen", names, 2), "backend");
}

static void names_beyond_the_ceiling_are_never_near(void **state)
{
    char huge[5000];
    const char *names[] = {huge};

    (void)state;
    memset(huge, 'a', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    assert_null(nearest_name(huge, names, 1));
    assert_null(nearest_name("aaaa", names, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_of_each_kind_count_one),
        cmocka_unit_test(the_distance_stops_one_above_the_limit),
        cmocka_unit_test(case_and_dashes_do_not_count),
        cmocka_unit_test(a_typo_finds_its_name),
        cmocka_unit_test(nothing_near_gives_null),
        cmocka_unit_test(of_equals_the_first_wins),
        cmocka_unit_test(a_nearer_name_beats_an_earlier_one),
        cmocka_unit_test(names_beyond_the_ceiling_are_never_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
