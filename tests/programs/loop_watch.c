/* SPDX-License-Identifier: MIT */
/* Preloaded into a program with an event loop: measures how long each turn holds the loop, which
 * is the time between one wait for events of the main thread and the next. At its end the program
 * writes to the file that LOOP_WATCH names: a line "TURNS P99_US PEAK_RSS_KB", and for each long
 * turn a line "BEGIN_MS HELD_US WAITS PREEMPTED" (wall clock; how often the processor was given up
 * and taken away meanwhile). What the program starts is not watched. */
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
#define LONG_US 5000
#define LONG_TURNS_MAX 10000

static int (*wait_for_events)(int, struct epoll_event *, int, int, const sigset_t *);
static const char *report_path;
static int64_t woken_us; /* 0: not waited yet */
static struct rusage woken;
static struct turn {
    int64_t begin_ms, held_us;
    long waits, preempted;
} long_turns[LONG_TURNS_MAX];
static size_t long_count;
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
    (void)fprintf(report, "%lld %lld %ld\n", (long long)turns, (long long)find_p99_us(),
                  usage.ru_maxrss);
    for (size_t i = 0; i < long_count; i++) {
        const struct turn *turn = &long_turns[i];

        (void)fprintf(report, "%lld %lld %ld %ld\n", (long long)turn->begin_ms,
                      (long long)turn->held_us, turn->waits, turn->preempted);
    }
    (void)fclose(report);
}

static void note_turn(int64_t held_us)
{
    int64_t slot = held_us / SLOT_US;

    turns++;
    counts[slot < SLOTS ? slot : SLOTS - 1]++;
    if (held_us >= LONG_US && long_count < LONG_TURNS_MAX) {
        struct rusage now;
        struct timespec wall;

        (void)getrusage(RUSAGE_THREAD, &now);
        (void)clock_gettime(CLOCK_REALTIME, &wall);
        long_turns[long_count++] = (struct turn){
            .begin_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000 - held_us / 1000,
            .held_us = held_us,
            .waits = now.ru_nvcsw - woken.ru_nvcsw,
            .preempted = now.ru_nivcsw - woken.ru_nivcsw};
    }
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
    (void)getrusage(RUSAGE_THREAD, &woken);
    return r;
}

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
    return epoll_pwait(fd, events, count, timeout, NULL);
}
