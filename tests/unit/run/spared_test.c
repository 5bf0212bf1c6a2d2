/* SPDX-License-Identifier: MIT */
/* Whoever goes on before the time that was told it was told that the breaker is closed. */
#include "base/alloc.h"
#include "run/live.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CONFIG                                                                                     \
    "default_agent: a\nagents:\n  a:\n    type: command\n    breaker_threshold: 1\n"               \
    "    breaker_recovery: 30s\n"                                                                  \
    "    command: [sh, -c, 'cat >/dev/null; test -e up || { echo 503 service unavailable >&2; "    \
    "exit 1; }; echo up']\n"
#define WORKFLOW                                                                                   \
    "name: w\n"                                                                                    \
    "defaults: { retry: { attempts: 1 } }\n"                                                       \
    "phases:\n"                                                                                    \
    "  - { id: p, optional: true, steps: [{ id: first, prompt: go }] }\n"                          \
    "  - { id: q, needs: [p], trigger: all_done, mode: parallel,\n"                                \
    "      steps: [{ id: s, prompt: one }, { id: t, prompt: two }] }\n"

/* The wait of the step; NULL: none yet. */
static const json_t *wait_of(const struct run_project *project, const char *step)
{
    const json_t *record;
    int i = 0;

    do {
        record = run_project_find(project, "step_waiting", step, i++);
    } while (record && strcmp(json_get_text(record, "waiting", ""), "retry") != 0);
    return record;
}

static bool both_wait(const struct run_project *project)
{
    return project->is_at_rest || (wait_of(project, "s") && wait_of(project, "t"));
}

static void open_and_wait(struct run_project *project)
{
    run_project_configure(project, CONFIG);
    run_project_start(project, WORKFLOW, NULL);
    run_project_turn_until(project, both_wait);
    assert_false(project->is_at_rest);
    run_project_write(project, "up", "");
}

static void close_breaker(struct run_project *project)
{
    const struct breaker_closing closing = {.agent = "a", .user = "ada"};
    bool had = false;

    assert_int_equal(run_agent_close_breaker(project->store, &closing, &had, NULL), 0);
    assert_true(had);
}

static void go_before_the_time(struct run_project *project)
{
    int64_t until = json_get_integer(wait_of(project, "s"), "until", 0);

    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_true(project->host.now_ms(project->host.context) < until);
}

static void who_waits_for_a_breaker_goes_on_when_it_is_closed(void **state)
{
    struct run_project *project = *state;

    open_and_wait(project);
    close_breaker(project);
    go_before_the_time(project);
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
    assert_int_equal(run_project_count(project, "attempt_started", "t"), 1);
    run_project_check_tables(project);
}

static void also_after_a_crash(void **state)
{
    struct run_project *project = *state;

    open_and_wait(project);
    run_project_reopen(project);
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    close_breaker(project);
    go_before_the_time(project);
}

/* It is told of a breaker that nobody waits for any more. */
static void who_was_cancelled_meanwhile_is_not_called(void **state)
{
    struct run_project *project = *state;
    struct queued_event *cancel;

    open_and_wait(project);
    cancel = event_new(engine_find(project->engine, project->id), EVENT_COMMAND, NULL);
    cancel->event.command = event_hold(cancel, json_pack("{s:s}", "do", "cancel"));
    engine_post(project->engine, cancel);
    close_breaker(project);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "cancelled");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 0);
}

static bool is_asked(const struct run_project *project)
{
    return project->engine->pool_jobs > 0;
}

static bool is_asked_no_more(const struct run_project *project)
{
    return project->engine->pool_jobs == 0;
}

static void while_the_breaker_is_open_it_is_looked_at_again(void **state)
{
    struct run_project *project = *state;

    open_and_wait(project);
    for (int i = 0; i < 2; i++) {
        run_project_turn_until(project, is_asked);
        run_project_turn_until(project, is_asked_no_more);
    }
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 0);
    close_breaker(project);
    go_before_the_time(project);
}

static void who_still_waits_is_let_go_with_the_engine(void **state)
{
    open_and_wait(*state);
    run_project_drop_engine(*state);
}

/* The answer of the look that is under way comes to nobody. */
static void who_is_let_go_while_the_breakers_are_looked_at_is_not_told(void **state)
{
    struct run_project *project = *state;

    open_and_wait(project);
    run_project_turn_until(project, is_asked);
    close_breaker(project);
    run_project_drop_engine(project);
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 0);
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    go_before_the_time(project);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_waits_for_a_breaker_goes_on_when_it_is_closed),
        TEST(also_after_a_crash),
        TEST(who_was_cancelled_meanwhile_is_not_called),
        TEST(while_the_breaker_is_open_it_is_looked_at_again),
        TEST(who_still_waits_is_let_go_with_the_engine),
        TEST(who_is_let_go_while_the_breakers_are_looked_at_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
