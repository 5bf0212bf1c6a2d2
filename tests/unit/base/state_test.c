/* SPDX-License-Identifier: MIT */
#include "base/state.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum door { DOOR_OPEN, DOOR_CLOSED, DOOR_GONE };

static const struct state_rule rules[] = {
    [DOOR_OPEN] = {"open", STATE_BIT(DOOR_CLOSED) | STATE_BIT(DOOR_GONE), false},
    [DOOR_CLOSED] = {"closed", STATE_BIT(DOOR_OPEN), false},
    [DOOR_GONE] = {"gone", 0, true},
};

static void only_the_moves_of_the_table_are_allowed(void **state)
{
    (void)state;
    assert_true(state_can_move(rules, DOOR_OPEN, DOOR_CLOSED));
    assert_true(state_can_move(rules, DOOR_OPEN, DOOR_GONE));
    assert_true(state_can_move(rules, DOOR_CLOSED, DOOR_OPEN));
    assert_false(state_can_move(rules, DOOR_CLOSED, DOOR_GONE));
    assert_false(state_can_move(rules, DOOR_OPEN, DOOR_OPEN));
    assert_false(state_can_move(rules, DOOR_GONE, DOOR_OPEN));
}

static void words_are_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        assert_int_equal(state_parse(rules, ARRAY_LEN(rules), rules[i].name), i);
    }
    assert_int_equal(state_parse(rules, ARRAY_LEN(rules), "ajar"), -1);
    assert_int_equal(state_parse(rules, ARRAY_LEN(rules), ""), -1);
    assert_int_equal(state_parse(rules, ARRAY_LEN(rules), "Open"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_moves_of_the_table_are_allowed),
        cmocka_unit_test(words_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
