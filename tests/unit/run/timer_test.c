/* SPDX-License-Identifier: MIT */
#include "run/engine.h"

#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_MS (INT64_C(3600) * 1000)
#define DAY_MS (24 * HOUR_MS)

static const char retried[] = "name: w\nphases:\n  - id: a\n    steps:\n"
                              "      - { id: s, run: 'test -e fixed', retry: { attempts: 5, on: "
                              "[permanent], delay: 3d, max_delay: 3d, jitter: false } }\n";

static void start_waiting(struct run_project *project)
{
    run_project_start(project, retried, NULL);
    project->engine->timer_stride_ms = 5;
    run_project_go_until(project, "step_waiting", "s");
    run_project_write(project, "fixed", "");
}

static int64_t waits_until(const struct run_project *project)
{
    return json_get_integer(run_project_find(project, "step_waiting", "s", 0), "until", 0);
}

static int64_t now_of(const struct run_project *project)
{
    return project->host.now_ms(project->host.context);
}

static void jump_days(void *arg)
{
    struct run_project *project = arg;

    project->clock_shift_ms += 3 * DAY_MS;
}

static void a_wait_of_days_ends_when_the_wall_clock_says_so(void **state)
{
    struct run_project *project = *state;

    start_waiting(project);
    assert_true(waits_until(project) > now_of(project) + 2 * DAY_MS);
    /* The machine slept: the loop's clock did not move. */
    (void)loop_timer_start(project->loop, 20, jump_days, project);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void jump_back(void *arg)
{
    struct run_project *project = arg;

    project->clock_shift_ms -= HOUR_MS;
    (void)loop_timer_start(project->loop, 20, jump_days, project);
}

static void a_jump_back_loses_no_wait(void **state)
{
    struct run_project *project = *state;

    start_waiting(project);
    (void)loop_timer_start(project->loop, 20, jump_back, project);
    project->clock_shift_ms += 2 * HOUR_MS;
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void a_wait_goes_on_after_a_restart(void **state)
{
    struct run_project *project = *state;
    int64_t until;

    start_waiting(project);
    until = waits_until(project);
    run_project_reopen(project);
    project->clock_shift_ms = 3 * DAY_MS;
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_true(json_get_integer(run_project_find(project, "attempt_started", "s", 1), "at", 0) >=
                until);
}

static void a_deadline_that_passed_while_nobody_looked_stops_the_step(void **state)
{
    static const char text[] = "name: w\nphases:\n  - id: a\n    timeout: 2d\n    steps:\n"
                               "      - { id: s, run: 'sleep 600', timeout: 9d }\n";
    struct run_project *project = *state;

    run_project_start(project, text, NULL);
    run_project_go_until(project, "attempt_started", "s");
    run_project_reopen(project);
    project->clock_shift_ms = 3 * DAY_MS;
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_string_equal(json_get_text(run_project_find(project, "step_moved", "s", 0), "class", ""),
                        "timeout");
}

static int due;

static void on_due(struct active *active, const char *key)
{
    assert_string_equal(key, "x");
    assert_non_null(active);
    due++;
    loop_stop(active->engine->options.loop);
}

static void timers_of_an_engine_that_ends_never_fire(void **state)
{
    struct run_project *project = *state;
    struct active *active;

    start_waiting(project);
    active = engine_find(project->engine, project->id);
    due = 0;
    timer_start(active, "x", now_of(project) + 10, on_due);
    timer_start(active, "x", now_of(project) + DAY_MS, on_due);
    timer_start(active, "x", now_of(project) - DAY_MS, on_due);
    loop_run(project->loop);
    assert_int_equal(due, 1);
    loop_run(project->loop);
    assert_int_equal(due, 2);
    run_project_drop_engine(project);
    loop_run(project->loop);
    assert_int_equal(due, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_wait_of_days_ends_when_the_wall_clock_says_so),
        TEST(a_jump_back_loses_no_wait),
        TEST(a_wait_goes_on_after_a_restart),
        TEST(a_deadline_that_passed_while_nobody_looked_stops_the_step),
        TEST(timers_of_an_engine_that_ends_never_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
