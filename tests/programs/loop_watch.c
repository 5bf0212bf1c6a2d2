/* SPDX-License-Identifier: MIT */
/* Preloaded into a program with an event loop: measures how long each turn holds the loop, which
 * is the time between one wait for events of the main thread and the next. At its end the program
 * writes "TURNS LONGEST_US P99_US PEAK_RSS_KB" to the file that LOOP_WATCH names. What it starts is
 * not watched. */
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SLOT_US 100
#define SLOTS 100000

static int (*wait_for_events)(int, struct epoll_event *, int, int, const sigset_t *);
static const char *report_path;
static int64_t woken_us; /* 0: not waited yet */
static int64_t longest_us;
static int64_t turns;
static int64_t counts[SLOTS]; /* turns by length, in SLOT_US */

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

__attribute__((constructor)) static void begin(void)
{
    *(void **)&wait_for_events = dlsym(RTLD_NEXT, "epoll_pwait");
    report_path = getenv("LOOP_WATCH");
    (void)unsetenv("LD_PRELOAD");
}

static int64_t find_p99_us(void)
{
    int64_t seen = 0;
    int slot = 0;

    for (; slot < SLOTS && seen * 100 < turns * 99; slot++) {
        seen += counts[slot];
    }
    return (int64_t)slot * SLOT_US;
}

__attribute__((destructor)) static void end(void)
{
    struct rusage usage;
    FILE *report = report_path ? fopen(report_path, "w") : NULL;

    if (!report) {
        return;
    }
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)fprintf(report, "%lld %lld %lld %ld\n", (long long)turns, (long long)longest_us,
                  (long long)find_p99_us(), usage.ru_maxrss);
    (void)fclose(report);
}

static void note_turn(int64_t held_us)
{
    int64_t slot = held_us / SLOT_US;

    turns++;
    counts[slot < SLOTS ? slot : SLOTS - 1]++;
    longest_us = held_us > longest_us ? held_us : longest_us;
}

int epoll_pwait(int fd, struct epoll_event *events, int count, int timeout, const sigset_t *set)
{
    int r;

    if (gettid() != getpid()) {
        return wait_for_events(fd, events, count, timeout, set);
    }
    if (woken_us > 0) {
        note_turn(now_us() - woken_us);
    }
    r = wait_for_events(fd, events, count, timeout, set);
    woken_us = now_us();
    return r;
}

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
    return epoll_pwait(fd, events, count, timeout, NULL);
}
