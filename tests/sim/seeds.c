/* SPDX-License-Identifier: MIT */
#include "seeds.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED_SECONDS_MAX 60
#define CHUNK 64
#define DEATHS_MAX 10
#define NO_WRITE INT_MAX
#define SWEEP_EVENTS 20000 /* of all the crashes at a write of one seed, about */

static void report(struct seeds *seeds, const struct failed_seed *at, const char *what)
{
    (void)fprintf(stderr, "seed %llu", (unsigned long long)at->seed);
    if (at->crash_at_write > 0) {
        (void)fprintf(stderr, " --crash %d --way %d", at->crash_at_write, at->crash_way);
    }
    (void)fprintf(stderr, ": %s\n", what);
    if (__atomic_fetch_add(&seeds->failures, 1, __ATOMIC_SEQ_CST) == 0) {
        seeds->first_failed = *at;
        seeds->first_failed.has_failed = true;
    }
}

static void add(struct seeds *seeds, const struct sim_result *result)
{
    __atomic_add_fetch(&seeds->events, (uint64_t)result->events, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seeds->records, (uint64_t)result->records, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seeds->crashes, (uint64_t)result->crashes, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seeds->completed, result->status == RUN_COMPLETED, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seeds->answers, (uint64_t)result->answers, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seeds->unheard, (uint64_t)result->unheard, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seeds->raised, (uint64_t)result->raised, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seeds->edits, (uint64_t)result->edits, __ATOMIC_RELAXED);
    __atomic_xor_fetch(&seeds->hash, result->hash, __ATOMIC_RELAXED);
    __atomic_or_fetch(&seeds->kinds_seen, result->kinds_seen, __ATOMIC_RELAXED);
}

static void play(struct seeds *seeds, int worker, const struct failed_seed *at,
                 struct sim_result *ret_result)
{
    struct sim_input input = {.seed = at->seed,
                              .crash_at_write = at->crash_at_write,
                              .crash_way = (enum crash_way)at->crash_way};

    seeds->workers[worker].at = *at;
    seeds->workers[worker].is_running = true;
    trial_limit(SEED_SECONDS_MAX);
    simulate(&input, ret_result);
    seeds->workers[worker].is_running = false;
    if (ret_result->has_failed) {
        report(seeds, at, ret_result->failure);
    }
}

static void repeat(struct seeds *seeds, int worker, uint64_t seed, uint64_t hash)
{
    struct sim_result again;

    play(seeds, worker, &(struct failed_seed){.seed = seed}, &again);
    __atomic_add_fetch(&seeds->repeated, 1, __ATOMIC_RELAXED);
    if (again.hash != hash) {
        __atomic_add_fetch(&seeds->different, 1, __ATOMIC_RELAXED);
        (void)fprintf(stderr, "seed %llu: the same seed gave other records\n",
                      (unsigned long long)seed);
    }
}

/* A crash at each write of the seed, before and after its commit, and again in its recovery. Of a
 * long one at some writes all over it: all of them would take the square of its length. */
static void sweep(struct seeds *seeds, int worker, uint64_t seed)
{
    struct failed_seed at = {.seed = seed, .crash_at_write = NO_WRITE, .crash_way = 1};
    struct sim_result result;
    int64_t events;
    int writes;
    int step;

    play(seeds, worker, &at, &result);
    writes = result.turns;
    events = (int64_t)writes * CRASH_WAYS * result.events;
    step = (int)(events / SWEEP_EVENTS) + 1;
    at.crash_at_write = 1 + (int)(seed / (uint64_t)seeds->plan.sweep_every % (uint64_t)step);
    for (; at.crash_at_write <= writes; at.crash_at_write += step) {
        for (at.crash_way = 1; at.crash_way <= CRASH_WAYS; at.crash_way++) {
            play(seeds, worker, &at, &result);
            __atomic_add_fetch(&seeds->swept, 1, __ATOMIC_RELAXED);
            if (result.has_failed) {
                return;
            }
        }
    }
}

static void play_seed(struct seeds *seeds, int worker, uint64_t seed)
{
    const struct seeds_plan *plan = &seeds->plan;
    struct sim_result result;

    play(seeds, worker, &(struct failed_seed){.seed = seed}, &result);
    add(seeds, &result);
    __atomic_add_fetch(&seeds->played, 1, __ATOMIC_RELAXED);
    if (!result.has_failed && plan->repeat_every > 0 && seed % (uint64_t)plan->repeat_every == 0) {
        repeat(seeds, worker, seed, result.hash);
    }
    if (!result.has_failed && plan->sweep_every > 0 && seed % (uint64_t)plan->sweep_every == 0) {
        sweep(seeds, worker, seed);
    }
}

static void work(struct seeds *seeds, int worker)
{
    uint64_t end = seeds->plan.first + seeds->plan.count;
    uint64_t first;

    while ((first = __atomic_fetch_add(&seeds->next, CHUNK, __ATOMIC_RELAXED)) < end) {
        for (uint64_t seed = first; seed < first + CHUNK && seed < end; seed++) {
            if (__atomic_load_n(&seeds->failures, __ATOMIC_RELAXED) <
                (uint64_t)seeds->plan.failures_max) {
                play_seed(seeds, worker, seed);
            }
        }
    }
    trial_limit(0);
    simulate_release_cache();
}

static pid_t start_worker(struct seeds *seeds, int worker)
{
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        work(seeds, worker);
        (void)fflush(NULL);
        exit(0);
    }
    return pid;
}

static int count_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 1 ? 1 : cores > SEED_JOBS_MAX ? SEED_JOBS_MAX : (int)cores;
}

/* One that dies over a seed is replaced. */
static void run_workers(struct seeds *seeds)
{
    pid_t pids[SEED_JOBS_MAX];
    int jobs = count_cores();
    int alive = jobs;
    int deaths = 0;
    pid_t pid;
    int status;

    for (int i = 0; i < jobs; i++) {
        pids[i] = start_worker(seeds, i);
    }
    while (alive > 0 && (pid = wait(&status)) > 0) {
        int worker = 0;

        while (worker < jobs && pids[worker] != pid) {
            worker++;
        }
        alive--;
        if (worker == jobs || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
            continue;
        }
        report(seeds, &seeds->workers[worker].at,
               WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it ended the process");
        if (++deaths < DEATHS_MAX) {
            pids[worker] = start_worker(seeds, worker);
            alive++;
        }
    }
}

struct seeds *seeds_play(const struct seeds_plan *plan)
{
    struct seeds *seeds = mmap(NULL, sizeof(*seeds), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (seeds == MAP_FAILED) {
        abort();
    }
    seeds->plan = *plan;
    seeds->next = plan->first;
    run_workers(seeds);
    return seeds;
}

void seeds_free(struct seeds *seeds)
{
    (void)munmap(seeds, sizeof(*seeds));
}
