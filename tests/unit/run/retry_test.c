/* SPDX-License-Identifier: MIT */
#include "base/timestamp.h"
#include "run/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct retry_policy policy(enum backoff backoff)
{
    return (struct retry_policy){
        .attempts = 9, .backoff = backoff, .delay_ms = 2000, .max_delay_ms = 60000};
}

static void a_fixed_delay_stays_the_same(void **state)
{
    struct retry_policy fixed = policy(BACKOFF_FIXED);

    (void)state;
    assert_int_equal(retry_delay_ms(&fixed, 1, 7), 2000);
    assert_int_equal(retry_delay_ms(&fixed, 8, 7), 2000);
}

static void an_exponential_delay_doubles_up_to_its_limit(void **state)
{
    struct retry_policy doubling = policy(BACKOFF_EXPONENTIAL);

    (void)state;
    assert_int_equal(retry_delay_ms(&doubling, 1, 7), 2000);
    assert_int_equal(retry_delay_ms(&doubling, 2, 7), 4000);
    assert_int_equal(retry_delay_ms(&doubling, 5, 7), 32000);
    assert_int_equal(retry_delay_ms(&doubling, 6, 7), 60000);
    assert_int_equal(retry_delay_ms(&doubling, 1000000, 7), 60000);
}

static void without_a_limit_it_never_overflows(void **state)
{
    struct retry_policy doubling = policy(BACKOFF_EXPONENTIAL);

    (void)state;
    doubling.max_delay_ms = 0;
    assert_true(retry_delay_ms(&doubling, 1000, 7) > 0);
    assert_true(retry_delay_ms(&doubling, 1000, 7) <= DURATION_MS_MAX);
}

static void jitter_draws_from_the_whole_delay(void **state)
{
    struct retry_policy jittered = policy(BACKOFF_FIXED);
    int64_t lowest = INT64_MAX;
    int64_t highest = -1;

    (void)state;
    jittered.jitter = true;
    for (uint64_t random = 0; random < 2001; random++) {
        int64_t delay = retry_delay_ms(&jittered, 1, random);

        lowest = delay < lowest ? delay : lowest;
        highest = delay > highest ? delay : highest;
    }
    assert_int_equal(lowest, 0);
    assert_int_equal(highest, 2000);
    assert_true(retry_delay_ms(&jittered, 1, UINT64_MAX) <= 2000);
}

/* Full jitter: each part of the delay is as likely as the others, at every try. */
static void jitter_is_even_over_the_delay(void **state)
{
    enum { PARTS = 10, DRAWS = 10000 };
    struct retry_policy jittered = policy(BACKOFF_EXPONENTIAL);

    (void)state;
    jittered.jitter = true;
    for (int tries = 1; tries <= 4; tries++) {
        int64_t most = jittered.delay_ms << (tries - 1);
        uint64_t random = 42; /* the seed: splitmix64 */
        int counts[PARTS + 1] = {0};

        for (int i = 0; i < DRAWS; i++) {
            uint64_t mixed = random += UINT64_C(0x9e3779b97f4a7c15);

            mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
            mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
            counts[retry_delay_ms(&jittered, tries, mixed ^ (mixed >> 31)) * PARTS / most]++;
        }
        for (int part = 0; part < PARTS; part++) {
            assert_in_range(counts[part], DRAWS / PARTS * 85 / 100, DRAWS / PARTS * 115 / 100);
        }
    }
}

static void no_delay_is_no_delay(void **state)
{
    struct retry_policy none = policy(BACKOFF_EXPONENTIAL);

    (void)state;
    none.delay_ms = 0;
    none.jitter = true;
    assert_int_equal(retry_delay_ms(&none, 5, 99), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fixed_delay_stays_the_same),
        cmocka_unit_test(an_exponential_delay_doubles_up_to_its_limit),
        cmocka_unit_test(without_a_limit_it_never_overflows),
        cmocka_unit_test(jitter_draws_from_the_whole_delay),
        cmocka_unit_test(jitter_is_even_over_the_delay),
        cmocka_unit_test(no_delay_is_no_delay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
