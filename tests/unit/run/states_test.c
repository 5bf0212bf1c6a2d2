/* SPDX-License-Identifier: MIT */
#include "run/states.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void run_statuses_are_words_and_back(void **state)
{
    const char *const words[] = {"pending",   "running", "paused",
                                 "completed", "failed",  "cancelled"};

    (void)state;
    for (int i = 0; i <= RUN_CANCELLED; i++) {
        assert_string_equal(run_status_name((enum run_status)i), words[i]);
        assert_int_equal(run_status_parse(words[i]), i);
        assert_int_equal(run_status_is_final((enum run_status)i), i >= RUN_COMPLETED);
    }
    assert_int_equal(run_status_parse("done"), -1);
}

static void step_statuses_are_words_and_back(void **state)
{
    const char *const words[] = {"pending", "running",   "paused", "completed",
                                 "failed",  "cancelled", "skipped"};

    (void)state;
    for (int i = 0; i <= STEP_IS_SKIPPED; i++) {
        assert_string_equal(step_status_name((enum step_status)i), words[i]);
        assert_int_equal(step_status_parse(words[i]), i);
        assert_int_equal(step_status_is_final((enum step_status)i), i >= STEP_IS_COMPLETED);
    }
    assert_int_equal(step_status_parse("done"), -1);
}

/* Row: from; column: to. */
static void a_run_moves_only_as_drawn(void **state)
{
    static const char *const moves[] = {
        /*           pend run  paus comp fail canc */
        [RUN_PENDING] = "0 1 1 0 0 1", [RUN_RUNNING] = "0 0 1 1 1 1",
        [RUN_PAUSED] = "0 1 0 0 0 1",  [RUN_COMPLETED] = "0 0 1 0 0 0",
        [RUN_FAILED] = "0 1 1 0 0 0",  [RUN_CANCELLED] = "0 0 1 0 0 0",
    };

    (void)state;
    for (int from = 0; from <= RUN_CANCELLED; from++) {
        for (int to = 0; to <= RUN_CANCELLED; to++) {
            assert_int_equal(run_can_move((enum run_status)from, (enum run_status)to),
                             moves[from][(size_t)to * 2] == '1');
        }
    }
}

static void a_step_moves_only_as_drawn(void **state)
{
    static const char *const moves[] = {
        /*               pend run paus comp fail canc skip */
        [STEP_IS_PENDING] = "0 1 1 1 1 1 1", [STEP_IS_RUNNING] = "1 0 1 1 1 1 1",
        [STEP_IS_PAUSED] = "1 1 0 1 1 1 1",  [STEP_IS_COMPLETED] = "1 0 0 0 0 0 0",
        [STEP_IS_FAILED] = "1 1 0 0 0 0 1",  [STEP_IS_CANCELLED] = "1 1 0 0 0 0 1",
        [STEP_IS_SKIPPED] = "1 0 0 0 0 0 0",
    };

    (void)state;
    for (int from = 0; from <= STEP_IS_SKIPPED; from++) {
        for (int to = 0; to <= STEP_IS_SKIPPED; to++) {
            assert_int_equal(step_can_move((enum step_status)from, (enum step_status)to),
                             moves[from][(size_t)to * 2] == '1');
        }
    }
}

static void wishes_and_waits_are_words_and_back(void **state)
{
    (void)state;
    for (int i = WISH_NONE; i <= WISH_CANCEL; i++) {
        assert_int_equal(wish_parse(wish_name((enum wish)i)), i);
    }
    assert_string_equal(wish_name(WISH_STOP), "stop");
    assert_int_equal(wish_parse("sleep"), -1);
    for (int i = WAITING_NOTHING; i <= WAITING_INSTANCES; i++) {
        assert_int_equal(waiting_parse(waiting_name((enum waiting)i)), i);
    }
    assert_string_equal(waiting_name(WAITING_APPROVAL), "approval");
    assert_int_equal(waiting_parse("rain"), -1);
}

static void a_cancel_outweighs_every_other_wish(void **state)
{
    (void)state;
    assert_true(WISH_PAUSE < WISH_STOP && WISH_STOP < WISH_FAIL && WISH_FAIL < WISH_CANCEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_statuses_are_words_and_back),
        cmocka_unit_test(step_statuses_are_words_and_back),
        cmocka_unit_test(a_run_moves_only_as_drawn),
        cmocka_unit_test(a_step_moves_only_as_drawn),
        cmocka_unit_test(wishes_and_waits_are_words_and_back),
        cmocka_unit_test(a_cancel_outweighs_every_other_wish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
