/* SPDX-License-Identifier: MIT */
#include "base/rule_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_first_group_is_told(void **state)
{
    struct rule_pattern *pattern = rule_pattern_new("a(b+)c");
    struct rule_pattern_match match;

    (void)state;
    assert_true(rule_pattern_find(pattern, "xxabbc", 6, 0, &match));
    assert_int_equal(match.start, 2);
    assert_int_equal(match.end, 6);
    assert_int_equal(match.group_start, 3);
    assert_int_equal(match.group_end, 5);
    assert_false(rule_pattern_find(pattern, "xxabbc", 6, 3, &match));
    rule_pattern_free(pattern);
}

static void without_a_group_it_is_the_whole_match(void **state)
{
    struct rule_pattern *pattern = rule_pattern_new("^b");
    struct rule_pattern_match match;

    (void)state;
    assert_true(rule_pattern_find(pattern, "a\nb", 3, 0, &match));
    assert_int_equal(match.group_start, 2);
    assert_int_equal(match.group_end, 3);
    rule_pattern_free(pattern);
}

static void an_endless_match_is_given_up(void **state)
{
    struct rule_pattern *pattern = rule_pattern_new("(x+x+)+y");
    char text[201];

    (void)state;
    memset(text, 0x78, 200);
    assert_false(rule_pattern_find(pattern, text, 200, 0, NULL));
    rule_pattern_free(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_group_is_told),
        cmocka_unit_test(without_a_group_it_is_the_whole_match),
        cmocka_unit_test(an_endless_match_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
