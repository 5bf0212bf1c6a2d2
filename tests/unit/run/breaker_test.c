/* SPDX-License-Identifier: MIT */
#include "run/breaker.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct breaker_policy policy = {.threshold = 3, .recovery_ms = 60000};

static void fail_call(struct breaker *breaker, int64_t now, int64_t caller)
{
    (void)breaker_note(breaker, policy, now, caller, CLASS_TRANSIENT);
}

static struct breaker opened_at(int64_t now)
{
    struct breaker breaker = {0};

    for (int i = 0; i < policy.threshold; i++) {
        fail_call(&breaker, now, 1);
    }
    assert_int_equal(breaker.state, BREAKER_OPEN);
    return breaker;
}

static void it_opens_after_so_many_failures_in_a_row(void **state)
{
    struct breaker breaker = {0};
    int64_t until = 0;

    (void)state;
    fail_call(&breaker, 1000, 1);
    fail_call(&breaker, 1000, 1);
    assert_true(breaker_note(&breaker, policy, 1000, 1, CLASS_NONE));
    fail_call(&breaker, 1000, 1);
    fail_call(&breaker, 1000, 1);
    assert_true(breaker_admit(&breaker, policy, 1000, 1, &until));
    (void)breaker_note(&breaker, policy, 2000, 1, CLASS_TIMEOUT);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    assert_false(breaker_admit(&breaker, policy, 2001, 1, &until));
    assert_int_equal(until, 62000);
}

static void half_open_lets_one_call_through(void **state)
{
    struct breaker breaker = opened_at(1000);
    int64_t until = 0;

    (void)state;
    assert_true(breaker_admit(&breaker, policy, 61000, 7, &until));
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
    assert_false(breaker_admit(&breaker, policy, 61500, 8, &until));
    assert_int_equal(until, 121000);
    assert_true(breaker_admit(&breaker, policy, 61500, 7, &until));  /* asked again after a crash */
    assert_true(breaker_admit(&breaker, policy, 121000, 8, &until)); /* the first one is gone */
    assert_false(breaker_admit(&breaker, policy, 121001, 7, &until));
}

static void one_success_closes_it_and_one_failure_opens_it_again(void **state)
{
    struct breaker breaker = opened_at(1000);
    int64_t until = 0;

    (void)state;
    assert_true(breaker_admit(&breaker, policy, 61000, 7, &until));
    (void)breaker_note(&breaker, policy, 62000, 7, CLASS_TRANSIENT);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    assert_false(breaker_admit(&breaker, policy, 63000, 7, &until));
    assert_int_equal(until, 122000);
    assert_true(breaker_admit(&breaker, policy, 122000, 7, &until));
    (void)breaker_note(&breaker, policy, 123000, 7, CLASS_NONE);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_int_equal(breaker.failures, 0);
    assert_true(breaker_admit(&breaker, policy, 123000, 8, &until));
}

static void an_answer_of_any_kind_shows_that_the_backend_is_there(void **state)
{
    static const enum failure_class answers[] = {CLASS_LIMIT, CLASS_REFUSED, CLASS_NONE};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct breaker breaker = opened_at(1000);

        assert_true(breaker_note(&breaker, policy, 2000, 9, answers[i]));
        assert_int_equal(breaker.state, BREAKER_CLOSED);
    }
}

static void what_says_nothing_of_the_backend_is_not_counted(void **state)
{
    static const enum failure_class others[] = {CLASS_PERMANENT, CLASS_CANCELLED, CLASS_LOST};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct breaker breaker = {0};
        int64_t until = 0;

        assert_false(breaker_note(&breaker, policy, 1000, 1, others[i]));
        assert_int_equal(breaker.failures, 0);
        breaker = opened_at(1000);
        assert_true(breaker_admit(&breaker, policy, 61000, 7, &until));
        assert_true(breaker_note(&breaker, policy, 62000, 7, others[i]));
        assert_int_equal(breaker.state, BREAKER_OPEN);
        assert_true(breaker_admit(&breaker, policy, 62000, 8, &until)); /* the next one tries */
    }
}

static void a_late_failure_of_another_call_does_not_end_the_trial(void **state)
{
    struct breaker breaker = opened_at(1000);
    int64_t until = 0;

    (void)state;
    assert_true(breaker_admit(&breaker, policy, 61000, 7, &until));
    fail_call(&breaker, 61500, 8);
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
}

/* A call that began before it opened may be answered after that. */
static void an_answer_to_another_call_closes_it_also_while_one_tries(void **state)
{
    struct breaker breaker = opened_at(1000);
    int64_t until = 0;

    (void)state;
    assert_true(breaker_admit(&breaker, policy, 61000, 7, &until));
    assert_true(breaker_note(&breaker, policy, 61500, 8, CLASS_NONE));
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_true(
        breaker_note(&breaker, policy, 62000, 7, CLASS_TRANSIENT)); /* of the one that tried */
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_int_equal(breaker.failures, 1);
}

static void a_late_failure_does_not_put_the_next_trial_off(void **state)
{
    struct breaker breaker = opened_at(1000);
    int64_t until = 0;

    (void)state;
    fail_call(&breaker, 60000, 8);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    assert_true(breaker_admit(&breaker, policy, 61000, 7, &until));
}

static void a_threshold_of_nothing_is_no_breaker(void **state)
{
    const struct breaker_policy none = {0};
    struct breaker breaker = opened_at(1000);
    int64_t until = 0;

    (void)state;
    assert_true(breaker_admit(&breaker, none, 1001, 1, &until));
    assert_false(breaker_note(&breaker, none, 1001, 1, CLASS_TRANSIENT));
}

static void a_clock_that_was_put_back_keeps_nobody_out(void **state)
{
    struct breaker breaker = opened_at(INT64_C(1000000));
    int64_t until = 0;

    (void)state;
    assert_true(breaker_admit(&breaker, policy, 5000, 1, &until));
}

/* Two processes read the clock, and the one that read it last is the first to write. */
static void who_read_the_clock_before_the_one_that_tries_is_kept_out(void **state)
{
    struct breaker breaker = opened_at(1000);
    int64_t until = 0;

    (void)state;
    assert_true(breaker_admit(&breaker, policy, 61005, 7, &until));
    assert_false(breaker_admit(&breaker, policy, 61000, 8, &until));
    assert_int_equal(until, 121005);
}

static void its_states_have_words(void **state)
{
    (void)state;
    for (int i = 0; i < BREAKER_STATES; i++) {
        assert_int_equal(breaker_state_parse(breaker_state_name((enum breaker_state)i)), i);
    }
    assert_int_equal(breaker_state_parse("ajar"), -1);
}

static void a_bucket_gives_a_minutes_calls_at_once_and_then_one_at_a_time(void **state)
{
    int64_t full_at = 0;

    (void)state;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(bucket_take(&full_at, 6, 1000), 1000);
    }
    assert_int_equal(bucket_take(&full_at, 6, 1000), 11000);
    assert_int_equal(bucket_take(&full_at, 6, 1000), 21000); /* each has its own time */
    assert_int_equal(bucket_take(&full_at, 6, 200000), 200000);
}

static void what_was_drained_fills_again_at_its_rate_and_no_further(void **state)
{
    int64_t full_at = 0;

    (void)state;
    for (int i = 0; i < 6; i++) {
        (void)bucket_take(&full_at, 6, 1000);
    }
    assert_int_equal(bucket_take(&full_at, 6, 11000), 11000); /* one has come back, and only one */
    assert_int_equal(bucket_take(&full_at, 6, 11000), 21000);
    for (int i = 0; i < 6; i++) { /* an hour later it holds a minute's calls, not an hour's */
        assert_int_equal(bucket_take(&full_at, 6, 3600000), 3600000);
    }
    assert_int_equal(bucket_take(&full_at, 6, 3600000), 3610000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_after_so_many_failures_in_a_row),
        cmocka_unit_test(half_open_lets_one_call_through),
        cmocka_unit_test(one_success_closes_it_and_one_failure_opens_it_again),
        cmocka_unit_test(an_answer_of_any_kind_shows_that_the_backend_is_there),
        cmocka_unit_test(what_says_nothing_of_the_backend_is_not_counted),
        cmocka_unit_test(a_late_failure_of_another_call_does_not_end_the_trial),
        cmocka_unit_test(an_answer_to_another_call_closes_it_also_while_one_tries),
        cmocka_unit_test(a_late_failure_does_not_put_the_next_trial_off),
        cmocka_unit_test(a_threshold_of_nothing_is_no_breaker),
        cmocka_unit_test(a_clock_that_was_put_back_keeps_nobody_out),
        cmocka_unit_test(who_read_the_clock_before_the_one_that_tries_is_kept_out),
        cmocka_unit_test(its_states_have_words),
        cmocka_unit_test(a_bucket_gives_a_minutes_calls_at_once_and_then_one_at_a_time),
        cmocka_unit_test(what_was_drained_fills_again_at_its_rate_and_no_further),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
