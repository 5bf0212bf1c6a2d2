/* SPDX-License-Identifier: MIT */
#include "loop/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void the_wall_clock_is_that_of_the_system(void **state)
{
    const struct host *host = host_linux();
    int64_t before_ms = (int64_t)time(NULL) * 1000;
    int64_t now_ms = host->now_ms(host->context);

    (void)state;
    assert_true(now_ms >= before_ms - 1000);
    assert_true(now_ms < before_ms + 60000);
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    const struct host *host = host_linux();
    int64_t last_ms = host->monotonic_ms(host->context);

    (void)state;
    assert_true(last_ms > 0);
    assert_true(host->monotonic_us(host->context) / 1000 >= last_ms);
    for (int i = 0; i < 10000; i++) {
        int64_t next_ms = host->monotonic_ms(host->context);

        assert_true(next_ms >= last_ms);
        last_ms = next_ms;
    }
}

static void random_numbers_differ_and_use_every_bit(void **state)
{
    const struct host *host = host_linux();
    uint64_t ones = 0;
    uint64_t zeros = 0;
    uint64_t last = host->random(host->context);

    (void)state;
    for (int i = 0; i < 128; i++) {
        uint64_t next = host->random(host->context);

        assert_true(next != last);
        ones |= next;
        zeros |= ~next;
        last = next;
    }
    assert_true(ones == UINT64_MAX);
    assert_true(zeros == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wall_clock_is_that_of_the_system),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(random_numbers_differ_and_use_every_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
