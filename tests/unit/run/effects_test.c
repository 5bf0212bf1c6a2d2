/* SPDX-License-Identifier: MIT */
#include "run/engine.h"

#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int begins, rests;

static void note_begin(void *context, int64_t gap_us)
{
    (void)context;
    (void)gap_us;
    begins++;
}

static int64_t no_time(void *context)
{
    (void)context;
    return 1;
}

static void note_rest(void *context, const char *run_id, enum run_status status)
{
    const struct run_project *project = context;

    assert_string_equal(run_id, project->id);
    assert_int_equal(status, RUN_COMPLETED);
    rests++;
}

static void measure(struct run_project *project)
{
    begins = rests = 0;
    project->host.monotonic_us = no_time;
    project->options.on_step_begin = note_begin;
    project->options.on_run_rest = note_rest;
}

static void a_step_whose_attempt_was_lost_begins_only_once_for_whoever_measures(void **state)
{
    struct run_project *project = *state;

    measure(project);
    assert_string_equal(run_project_run(project,
                                        "name: w\nphases:\n  - id: a\n    steps:\n"
                                        "      - { id: s, run: 'test -e again || { touch again; "
                                        "kill -9 $PPID; sleep 600; }' }\n"),
                        "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 2);
    assert_int_equal(begins, 1);
    assert_int_equal(rests, 1);
}

static void only_the_run_around_it_tells_that_it_rests_and_no_nested_one(void **state)
{
    struct run_project *project = *state;

    measure(project);
    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: a, steps: [{ id: one, use: noop }] }]\n");
    assert_string_equal(
        run_project_run(
            project, "name: outer\nphases: [{ id: a, steps: [{ id: call, workflow: inner }] }]\n"),
        "completed");
    assert_int_equal(rests, 1);
}

static void another_try_waits_for_its_time(void **state)
{
    struct run_project *project = *state;
    const json_t *first;
    const json_t *second;

    assert_string_equal(
        run_project_run(project, "name: w\nphases:\n  - id: a\n    steps:\n"
                                 "      - id: s\n        run: test -e tried || ! touch tried\n"
                                 "        retry: { attempts: 2, delay: 200ms, jitter: false }\n"),
        "completed");
    first = run_project_find(project, "attempt_ended", "s", 0);
    second = run_project_find(project, "attempt_started", "s", 1);
    assert_true(json_get_integer(second, "at", 0) - json_get_integer(first, "at", 0) >= 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_whose_attempt_was_lost_begins_only_once_for_whoever_measures),
        TEST(only_the_run_around_it_tells_that_it_rests_and_no_nested_one),
        TEST(another_try_waits_for_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
