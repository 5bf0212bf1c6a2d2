/* SPDX-License-Identifier: MIT */
#include "loop/host.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_clock_ms(clockid_t clock)
{
    struct timespec now;
    int r = clock_gettime(clock, &now);

    assert(r == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t linux_now_ms(void *context)
{
    (void)context;
    return read_clock_ms(CLOCK_REALTIME);
}

static int64_t linux_monotonic_ms(void *context)
{
    (void)context;
    return read_clock_ms(CLOCK_MONOTONIC);
}

static int64_t linux_monotonic_us(void *context)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);

    (void)context;
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64_t linux_random(void *context)
{
    uint64_t bits;
    ssize_t got;

    (void)context;
    do {
        got = getrandom(&bits, sizeof(bits), 0);
    } while (got < 0 && errno == EINTR);
    /* Names and tokens depend on it: better no process than guessable ones. */
    assert(got == (ssize_t)sizeof(bits));
    return bits;
}

const struct host *host_linux(void)
{
    static const struct host host = {
        .now_ms = linux_now_ms,
        .monotonic_ms = linux_monotonic_ms,
        .random = linux_random,
        .monotonic_us = linux_monotonic_us,
    };

    return &host;
}
