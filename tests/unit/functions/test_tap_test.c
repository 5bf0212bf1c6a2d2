/* SPDX-License-Identifier: MIT */
#include "functions/test_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Lines are separated by '|'. */
static struct test_tally read_tap(const char *text, bool is_cut)
{
    struct tap_reader tap = {.stream_plan = -1, .earlier_seen = -1};
    char line[200];

    while (*text != '\0') {
        size_t length = strcspn(text, "|");

        memcpy(line, text, length);
        line[length] = '\0';
        (void)tap_read_line(&tap, line);
        text += length;
        text += *text == '|';
    }
    tap_finish(&tap, is_cut);
    return tap.tally;
}

static void expect(const char *text, int passed, int failed, int skipped)
{
    struct test_tally tally = read_tap(text, false);

    if (tally.passed != passed || tally.failed != failed || tally.skipped != skipped) {
        fail_msg("%s: passed %d failed %d skipped %d", text, (int)tally.passed, (int)tally.failed,
                 (int)tally.skipped);
    }
}

static void the_plan_may_stand_first_or_last(void **state)
{
    (void)state;
    expect("1..2|ok 1|not ok 2", 1, 1, 0);
    expect("ok 1|not ok 2|1..2", 1, 1, 0);
    expect("ok 1|ok 2", 2, 0, 0);
}

static void planned_tests_that_never_came_have_failed(void **state)
{
    (void)state;
    expect("1..5|ok 1|ok 2", 2, 3, 0);
    expect("ok 1|ok 2|1..5", 2, 3, 0);
    expect("1..3", 0, 3, 0);
    assert_int_equal(read_tap("1..5|ok 1|ok 2", false).absent, 3);
}

static void a_cut_output_hides_tests_but_fails_none(void **state)
{
    (void)state;
    assert_int_equal(read_tap("1..500|ok 1|ok 500", true).failed, 0);
}

static void directives_are_words_behind_a_number_sign(void **state)
{
    (void)state;
    expect("ok 1 # SKIP no disk|ok 2 - x # skipped|not ok 3 # TODO later|ok 4 # todo", 0, 0, 4);
    expect("ok 1 - issue #skip7|ok 2 - keep \\# skip|ok 3 - a#skip", 2, 0, 1);
}

static void several_streams_have_their_own_plans(void **state)
{
    (void)state;
    expect("1..2|ok 1|ok 2|1..1|ok 1", 3, 0, 0);
    expect("ok 1|ok 2|1..2|ok 1|1..1", 3, 0, 0);
    expect("1..3|ok 1|1..1|ok 1", 2, 2, 0);
    expect("TAP version 13|1..1|ok 1|TAP version 13|1..2|ok 1|ok 2", 3, 0, 0);
}

static void subtests_are_their_parents_business(void **state)
{
    (void)state;
    expect("1..1|    ok 1 - a|    ok 2 - b|    1..2|ok 1 - both", 1, 0, 0);
}

static void lines_without_numbers_need_a_plan(void **state)
{
    (void)state;
    assert_false(read_tap("ok|ok then|not ok at all", false).is_seen);
    expect("1..2|ok|not ok - b", 1, 1, 0);
    assert_false(read_tap("ok 1st|ok1", false).is_seen);
}

static void bailing_out_is_a_failure(void **state)
{
    (void)state;
    expect("ok 1|Bail out! no network", 1, 1, 0);
    assert_false(read_tap("Bail out! said the captain", false).is_seen);
}

static void an_empty_plan_is_seen_and_executes_nothing(void **state)
{
    (void)state;
    assert_true(read_tap("1..0 # SKIP nothing here", false).is_seen);
    expect("1..0", 0, 0, 0);
    assert_false(read_tap("1..5 apples|1..|1..x", false).is_seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_may_stand_first_or_last),
        cmocka_unit_test(planned_tests_that_never_came_have_failed),
        cmocka_unit_test(a_cut_output_hides_tests_but_fails_none),
        cmocka_unit_test(directives_are_words_behind_a_number_sign),
        cmocka_unit_test(several_streams_have_their_own_plans),
        cmocka_unit_test(subtests_are_their_parents_business),
        cmocka_unit_test(lines_without_numbers_need_a_plan),
        cmocka_unit_test(bailing_out_is_a_failure),
        cmocka_unit_test(an_empty_plan_is_seen_and_executes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
