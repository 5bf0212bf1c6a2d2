/* SPDX-License-Identifier: MIT */
/* The engine under random workflows, outcomes, commands and crashes.
 *
 *   sim_test                           as a test, a fixed range of seeds
 *   sim_test --seeds N [--from SEED]   N seeds on all cores
 *   sim_test --seed N                  one seed with its workflows, events and records
 *
 * Seeds run in processes of their own, so that a failed assertion is one seed's failure too. The
 * first one that fails is shown in full. */
#include "sim.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST_SEEDS 1800
#define REPEATED 4 /* each fourth seed is played twice */
#define SEED_SECONDS_MAX 60
#define JOBS_MAX 64
#define CHUNK 64
#define DEATHS_MAX 20

/* Shared by the processes. */
struct shared {
    uint64_t next; /* the next chunk begins here */
    uint64_t end;
    uint64_t failures;
    uint64_t shown; /* one more than the seed that is shown in full; 0: none failed */
    uint64_t repeated, different;
    uint64_t seeds, events, records, crashes, completed;
    uint64_t hash; /* of all seeds, in any order */
    unsigned kinds_seen;
    struct {
        uint64_t seed;
        bool is_running;
    } workers[JOBS_MAX];
};

static const char *program = "sim_test";

static void report(struct shared *shared, uint64_t seed, const char *what)
{
    uint64_t none = 0;

    __atomic_add_fetch(&shared->failures, 1, __ATOMIC_RELAXED);
    (void)__atomic_compare_exchange_n(&shared->shown, &none, seed + 1, false, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED);
    (void)fprintf(stderr, "seed %llu: %s\n  replay it with: %s --seed %llu\n",
                  (unsigned long long)seed, what, program, (unsigned long long)seed);
}

static void add(struct shared *shared, const struct sim_result *result)
{
    __atomic_add_fetch(&shared->seeds, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&shared->events, (uint64_t)result->events, __ATOMIC_RELAXED);
    __atomic_add_fetch(&shared->records, (uint64_t)result->records, __ATOMIC_RELAXED);
    __atomic_add_fetch(&shared->crashes, (uint64_t)result->crashes, __ATOMIC_RELAXED);
    __atomic_add_fetch(&shared->completed, result->status == RUN_COMPLETED, __ATOMIC_RELAXED);
    __atomic_xor_fetch(&shared->hash, result->hash, __ATOMIC_RELAXED);
    __atomic_or_fetch(&shared->kinds_seen, result->kinds_seen, __ATOMIC_RELAXED);
}

static void repeat(struct shared *shared, uint64_t seed, uint64_t hash)
{
    struct sim_result again;

    simulate(&(struct sim_input){.seed = seed}, &again);
    __atomic_add_fetch(&shared->repeated, 1, __ATOMIC_RELAXED);
    if (again.hash != hash) {
        __atomic_add_fetch(&shared->different, 1, __ATOMIC_RELAXED);
        (void)fprintf(stderr, "seed %llu: the same seed gave other records\n",
                      (unsigned long long)seed);
    }
}

static void work(struct shared *shared, int worker, bool repeats)
{
    for (;;) {
        uint64_t first = __atomic_fetch_add(&shared->next, CHUNK, __ATOMIC_RELAXED);

        for (uint64_t seed = first; seed < first + CHUNK && seed < shared->end; seed++) {
            struct sim_result result;

            shared->workers[worker].seed = seed;
            shared->workers[worker].is_running = true;
            (void)alarm(SEED_SECONDS_MAX);
            simulate(&(struct sim_input){.seed = seed}, &result);
            if (repeats && seed % REPEATED == 0 && !result.has_failed) {
                repeat(shared, seed, result.hash);
            }
            add(shared, &result);
            shared->workers[worker].is_running = false;
            if (result.has_failed) {
                report(shared, seed, result.failure);
            }
        }
        if (first >= shared->end) {
            break;
        }
    }
    (void)alarm(0);
    simulate_release_cache();
}

static pid_t start_worker(struct shared *shared, int worker, bool repeats)
{
    pid_t pid = fork();

    if (pid == 0) {
        work(shared, worker, repeats);
        (void)fflush(NULL);
        exit(0);
    }
    return pid;
}

static int replay(uint64_t seed, FILE *log)
{
    struct sim_result result;

    (void)alarm(SEED_SECONDS_MAX);
    simulate(&(struct sim_input){.seed = seed, .log = log}, &result);
    simulate_release_cache();
    (void)fprintf(log, "seed %llu: %s; run %s, %d events, %d records, %d crashes, hash %016llx\n",
                  (unsigned long long)seed, result.has_failed ? result.failure : "ok",
                  run_status_name(result.status), result.events, result.records, result.crashes,
                  (unsigned long long)result.hash);
    return result.has_failed ? 1 : 0;
}

/* In a process of its own, because it may not come back. */
static void show_failure(const struct shared *shared)
{
    pid_t pid = shared->shown > 0 ? fork() : -1;

    if (pid == 0) {
        _exit(replay(shared->shown - 1, stderr));
    }
    if (pid > 0) {
        (void)waitpid(pid, NULL, 0);
    }
}

/* Runs [next, end) on so many processes; one that dies over a seed is replaced. */
static void run_seeds(struct shared *shared, int jobs, bool repeats)
{
    pid_t pids[JOBS_MAX];
    int alive = 0;
    int deaths = 0;
    pid_t pid;
    int status;

    for (int i = 0; i < jobs; i++) {
        pids[i] = start_worker(shared, i, repeats);
        alive++;
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
        deaths++;
        report(shared, shared->workers[worker].seed,
               WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it ended the process");
        if (deaths < DEATHS_MAX) {
            pids[worker] = start_worker(shared, worker, repeats);
            alive++;
        }
    }
    show_failure(shared);
}

static struct shared *shared_new(uint64_t first, uint64_t count)
{
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED) {
        abort();
    }
    shared->next = first;
    shared->end = first + count;
    return shared;
}

static int count_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 1 ? 1 : cores > JOBS_MAX ? JOBS_MAX : (int)cores;
}

/* ---- as a test ---- */

static int play_the_seeds(void **state)
{
    struct shared *shared = shared_new(0, TEST_SEEDS);

    run_seeds(shared, count_cores(), true);
    *state = shared;
    return 0;
}

static int forget_the_seeds(void **state)
{
    return munmap(*state, sizeof(struct shared));
}

static void every_seed_keeps_the_promises(void **state)
{
    const struct shared *shared = *state;

    assert_int_equal(shared->failures, 0);
    assert_int_equal(shared->seeds, TEST_SEEDS);
}

static void the_same_seed_gives_the_same_records(void **state)
{
    const struct shared *shared = *state;

    assert_true(shared->repeated >= TEST_SEEDS / REPEATED);
    assert_int_equal(shared->different, 0);
}

/* So that what is never tried does not count as proven. */
static void the_seeds_reach_every_kind_of_record_and_many_runs_complete(void **state)
{
    const struct shared *shared = *state;

    for (unsigned kind = 0; kind < RECORD_KINDS; kind++) {
        if (!(shared->kinds_seen & (1U << kind))) {
            fail_msg("no seed gave a record %s", record_kind_name((enum record_kind)kind));
        }
    }
    assert_true(shared->crashes > shared->seeds / 4);
    assert_true(shared->completed > shared->seeds / 3);
}

/* ---- by hand ---- */

static int64_t monotonic_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int run_range(uint64_t first, uint64_t count)
{
    struct shared *shared = shared_new(first, count);
    int64_t started = monotonic_ms();
    double seconds;
    int jobs = count_cores();

    run_seeds(shared, jobs, false);
    seconds = (double)(monotonic_ms() - started) / 1000;
    (void)printf("%llu seeds in %.1f s on %d cores (%.0f a second): %llu events, %llu records, "
                 "%llu crashes, %llu completed, %llu failed; hash %016llx\n",
                 (unsigned long long)shared->seeds, seconds, jobs, (double)shared->seeds / seconds,
                 (unsigned long long)shared->events, (unsigned long long)shared->records,
                 (unsigned long long)shared->crashes, (unsigned long long)shared->completed,
                 (unsigned long long)shared->failures, (unsigned long long)shared->hash);
    return shared->failures ? 1 : 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_seed_keeps_the_promises),
        cmocka_unit_test(the_same_seed_gives_the_same_records),
        cmocka_unit_test(the_seeds_reach_every_kind_of_record_and_many_runs_complete),
    };
    uint64_t first = 0;
    uint64_t count = 0;

    program = argv[0];
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0) {
            return replay(strtoull(argv[i + 1], NULL, 10), stdout);
        }
        if (strcmp(argv[i], "--from") == 0) {
            first = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--seeds") == 0) {
            count = strtoull(argv[i + 1], NULL, 10);
        }
    }
    return count > 0 ? run_range(first, count)
                     : cmocka_run_group_tests(tests, play_the_seeds, forget_the_seeds);
}
