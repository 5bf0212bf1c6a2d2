/* SPDX-License-Identifier: MIT */
/* The engine under random workflows, outcomes, commands and crashes.
 *
 *   sim_test                           as a test: what once failed, and a fixed range of seeds
 *   sim_test --seeds N [--from SEED]   N seeds on all cores
 *   sim_test --seed N                  one seed with its workflows, events and records;
 *            [--crash W --way K]       with a crash at its W-th write
 *            [--keep FILE]             shrinks it, if it fails, and keeps it as a case
 *   sim_test --case FILE               a case that was kept */
#include "seeds.h"

#include "base/alloc.h"
#include "run/record.h"
#include "support/scratch.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST_SEEDS 3000
#define REPEAT_EVERY 4
#define TEST_SWEEP_EVERY 600
#define SWEEP_EVERY 1000
#define TEST_FAILURES_MAX 4
#define FAILURES_MAX 20
#define SHRINK_SECONDS 60
#define CASES "tests/sim/cases"

static const char *program = "sim_test";

/* ---- what failed ---- */

static void show(const struct shrunk *shrunk, uint64_t seed, FILE *target)
{
    /* Of its own: the trial's standard error goes elsewhere. */
    FILE *log = fdopen(dup(fileno(target)), "w");
    struct sim_input input = {.seed = seed, .given = &shrunk->choices, .log = log};
    struct sim_result result;

    (void)fprintf(target, "%zu choices of %zu are enough (%d trials):\n", shrunk->choices.count,
                  shrunk->before, shrunk->trials);
    trial_run(&input, &result);
    (void)fclose(log);
    (void)fprintf(target, "--- %s\n", result.failure);
}

static void name_input(const struct sim_input *input, FILE *target)
{
    (void)fprintf(target, "%s --seed %" PRIu64, program, input->seed);
    if (input->crash_at_write > 0) {
        (void)fprintf(target, " --crash %d --way %d", input->crash_at_write, (int)input->crash_way);
    }
}

/* Shrinks it and shows all of it: workflow, events, records, and how to keep it. */
static void explain(const struct sim_input *input, const struct shrunk *shrunk, FILE *target)
{
    if (shrunk->before == 0) {
        (void)fprintf(target, "its choices written down do not fail: it cannot shrink\n");
    } else {
        show(shrunk, input->seed, target);
    }
    (void)fprintf(target, "replay it:          ");
    name_input(input, target);
    (void)fprintf(target, "\nkeep it as a test:  ");
    name_input(input, target);
    (void)fprintf(target, " --keep " CASES "/NAME.case\n");
}

static int shrink_seconds(void)
{
    const char *given = getenv("SIM_SHRINK_SECONDS");

    return given ? (int)strtol(given, NULL, 10) : SHRINK_SECONDS;
}

static void explain_first(const struct seeds *seeds)
{
    const struct failed_seed *first = &seeds->first_failed;
    struct sim_input input = {.seed = first->seed,
                              .crash_at_write = first->crash_at_write,
                              .crash_way = (enum crash_way)first->crash_way};
    struct shrunk shrunk;

    if (seeds->failures > 0) {
        shrink(&input, shrink_seconds(), &shrunk);
        explain(&input, &shrunk, stderr);
        shrunk_release(&shrunk);
    }
}

static int keep(const struct sim_input *input, const char *path)
{
    struct shrunk shrunk;
    struct sim_case kept = {.seed = input->seed};
    int r = -1;

    shrink(input, SHRINK_SECONDS, &shrunk);
    explain(input, &shrunk, stdout);
    if (shrunk.before > 0) {
        kept.choices = shrunk.choices;
        r = case_write(path, &kept, shrunk.failure);
    }
    if (r == 0) {
        (void)printf("kept as %s\n", path);
    }
    shrunk_release(&shrunk);
    return r < 0 ? 1 : 0;
}

/* ---- as a test ---- */

/* They are played by the first test that asks: the cases before it take no time. */
static int have_no_seeds(void **state)
{
    *state = mem_zero(1, sizeof(struct seeds *));
    return 0;
}

static const struct seeds *the_seeds(void **state)
{
    struct seeds **seeds = *state;

    if (!*seeds) {
        *seeds = seeds_play(&(struct seeds_plan){.count = TEST_SEEDS,
                                                 .repeat_every = REPEAT_EVERY,
                                                 .sweep_every = TEST_SWEEP_EVERY,
                                                 .failures_max = TEST_FAILURES_MAX});
        explain_first(*seeds);
    }
    return *seeds;
}

static int forget_the_seeds(void **state)
{
    struct seeds **seeds = *state;

    if (*seeds) {
        seeds_free(*seeds);
    }
    free(seeds);
    return 0;
}

static void every_seed_keeps_the_promises(void **state)
{
    const struct seeds *seeds = the_seeds(state);

    assert_int_equal(seeds->failures, 0);
    assert_int_equal(seeds->played, TEST_SEEDS);
    assert_true(seeds->swept > TEST_SEEDS / TEST_SWEEP_EVERY * CRASH_WAYS);
}

static void the_same_seed_gives_the_same_records(void **state)
{
    const struct seeds *seeds = the_seeds(state);

    assert_true(seeds->repeated >= TEST_SEEDS / REPEAT_EVERY);
    assert_int_equal(seeds->different, 0);
}

/* So that what is never tried does not count as proven. */
static void the_seeds_reach_every_kind_of_record_and_many_runs_complete(void **state)
{
    const struct seeds *seeds = the_seeds(state);

    for (unsigned kind = 0; kind < RECORD_KINDS; kind++) {
        if (!(seeds->kinds_seen & (1U << kind))) {
            fail_msg("no seed gave a record %s", record_kind_name((enum record_kind)kind));
        }
    }
    assert_true(seeds->crashes > seeds->played / 4);
    assert_true(seeds->completed > seeds->played / 4);
}

static void the_host_answers_in_many_seeds_and_in_some_never_does(void **state)
{
    const struct seeds *seeds = the_seeds(state);

    assert_true(seeds->answers > seeds->played / 10);
    assert_true(seeds->unheard > seeds->played / 500);
}

static void many_runs_reach_a_ceiling_and_go_on_when_it_is_raised(void **state)
{
    const struct seeds *seeds = the_seeds(state);

    assert_true(seeds->raised > seeds->played / 20);
}

static void in_many_seeds_the_plan_is_edited(void **state)
{
    const struct seeds *seeds = the_seeds(state);

    assert_true(seeds->edits > seeds->played / 20);
}

static int is_case(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');

    return end && strcmp(end, ".case") == 0;
}

static void play_case(const char *path)
{
    struct sim_case given;
    struct sim_input input = {0};
    struct sim_result result;

    assert_int_equal(case_read(path, &given), 0);
    input = (struct sim_input){.seed = given.seed, .given = &given.choices};
    trial_run(&input, &result);
    case_release(&given);
    if (result.has_failed) {
        fail_msg("%s: %s\n  look at it with: %s --case %s", path, result.failure, program, path);
    }
}

static void what_once_failed_does_not_fail_again(void **state)
{
    struct dirent **entries;
    int count = scandir(CASES, &entries, is_case, alphasort);

    (void)state;
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        char path[512];

        (void)snprintf(path, sizeof(path), CASES "/%s", entries[i]->d_name);
        play_case(path);
        free(entries[i]);
    }
    free(entries);
}

/* ---- that a failure is found, shrinks, and can be kept ---- */

static void find_failure(struct sim_input *input, struct sim_result *ret_result)
{
    for (input->seed = 0; input->seed < 1000; input->seed++) {
        trial_run(input, ret_result);
        if (ret_result->has_failed) {
            return;
        }
    }
    fail_msg("a world that forgets its timers was not noticed");
}

static void a_failure_shrinks_to_a_few_choices_that_fail_alike(void **state)
{
    struct sim_input input = {.forgets_timers = true};
    struct sim_result result;
    struct shrunk shrunk;

    (void)state;
    find_failure(&input, &result);
    shrink(&input, SHRINK_SECONDS, &shrunk);
    assert_true(failure_is_alike(shrunk.failure, result.failure));
    assert_true(shrunk.before > 20);
    assert_in_range(shrunk.choices.count, 1, 15);
    shrunk_release(&shrunk);
}

static void a_kept_case_fails_as_it_did(void **state)
{
    struct sim_input input = {.forgets_timers = true};
    char *scratch = scratch_new();
    char *path = scratch_path(scratch, "a.case");
    struct sim_result result;
    struct shrunk shrunk;
    struct sim_case kept;
    struct sim_case given;

    (void)state;
    find_failure(&input, &result);
    shrink(&input, 0, &shrunk);
    assert_true(shrunk.before > 0);
    kept = (struct sim_case){.seed = input.seed, .choices = shrunk.choices};
    assert_int_equal(case_write(path, &kept, shrunk.failure), 0);
    assert_int_equal(case_read(path, &given), 0);
    input = (struct sim_input){.seed = given.seed, .given = &given.choices, .forgets_timers = true};
    trial_run(&input, &result);
    assert_true(result.has_failed);
    assert_string_equal(result.failure, shrunk.failure);
    case_release(&given);
    shrunk_release(&shrunk);
    free(path);
    scratch_remove(scratch);
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
    int64_t started = monotonic_ms();
    struct seeds *seeds = seeds_play(&(struct seeds_plan){
        .first = first, .count = count, .sweep_every = SWEEP_EVERY, .failures_max = FAILURES_MAX});
    double seconds = (double)(monotonic_ms() - started) / 1000;
    int r = seeds->failures ? 1 : 0;

    (void)printf("%" PRIu64 " seeds in %.1f s (%.0f a second): %" PRIu64 " events, %" PRIu64
                 " records, %" PRIu64 " crashes, %" PRIu64 " completed, %" PRIu64
                 " answers of the host and %" PRIu64 " never given, %" PRIu64
                 " budgets raised, %" PRIu64 " plans edited; %" PRIu64
                 " times more with a crash at one write; %" PRIu64 " failed; hash %016" PRIx64 "\n",
                 seeds->played, seconds, (double)seeds->played / seconds, seeds->events,
                 seeds->records, seeds->crashes, seeds->completed, seeds->answers, seeds->unheard,
                 seeds->raised, seeds->edits, seeds->swept, seeds->failures, seeds->hash);
    (void)fflush(stdout);
    explain_first(seeds);
    seeds_free(seeds);
    return r;
}

static int replay(const struct sim_input *input)
{
    struct sim_result result;

    trial_run(input, &result);
    (void)printf(
        "seed %" PRIu64 ": %s; run %s, %d events, %d records, %d crashes, hash %016" PRIx64 "\n",
        input->seed, result.has_failed ? result.failure : "ok", run_status_name(result.status),
        result.events, result.records, result.crashes, result.hash);
    return result.has_failed ? 1 : 0;
}

static int replay_case(const char *path)
{
    struct sim_case given;
    int r = case_read(path, &given);

    if (r == 0) {
        r = replay(&(struct sim_input){.seed = given.seed, .given = &given.choices, .log = stdout});
        case_release(&given);
    }
    return r == 0 ? 0 : 1;
}

static int play_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_once_failed_does_not_fail_again),
        cmocka_unit_test(every_seed_keeps_the_promises),
        cmocka_unit_test(the_same_seed_gives_the_same_records),
        cmocka_unit_test(the_seeds_reach_every_kind_of_record_and_many_runs_complete),
        cmocka_unit_test(the_host_answers_in_many_seeds_and_in_some_never_does),
        cmocka_unit_test(many_runs_reach_a_ceiling_and_go_on_when_it_is_raised),
        cmocka_unit_test(in_many_seeds_the_plan_is_edited),
        cmocka_unit_test(a_failure_shrinks_to_a_few_choices_that_fail_alike),
        cmocka_unit_test(a_kept_case_fails_as_it_did),
    };

    return cmocka_run_group_tests(tests, have_no_seeds, forget_the_seeds);
}

int main(int argc, char **argv)
{
    struct sim_input input = {.log = stdout};
    const char *case_path = NULL;
    const char *keep_path = NULL;
    uint64_t first = 0;
    uint64_t count = 0;
    bool has_seed = false;

    program = argv[0];
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);

        if (strcmp(argv[i], "--seed") == 0) {
            input.seed = number;
            has_seed = true;
        } else if (strcmp(argv[i], "--crash") == 0) {
            input.crash_at_write = (int)number;
        } else if (strcmp(argv[i], "--way") == 0) {
            input.crash_way = (enum crash_way)number;
        } else if (strcmp(argv[i], "--keep") == 0) {
            keep_path = argv[i + 1];
        } else if (strcmp(argv[i], "--case") == 0) {
            case_path = argv[i + 1];
        } else if (strcmp(argv[i], "--from") == 0) {
            first = number;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            count = number;
        }
    }
    if (case_path) {
        return replay_case(case_path);
    }
    if (has_seed) {
        return keep_path ? keep(&input, keep_path) : replay(&input);
    }
    return count > 0 ? run_range(first, count) : play_tests();
}
