/* SPDX-License-Identifier: MIT */
/* pidfd_open is wrapped, see the Makefile. */
#include "run/live.h"
#include "run/own.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/full_disk.h"
#include "support/run_project.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int refusals;

int __real_pidfd_open(pid_t pid, unsigned int flags);
int __wrap_pidfd_open(pid_t pid, unsigned int flags);

/* As often as `refusals` says the process has no file descriptor left. */
int __wrap_pidfd_open(pid_t pid, unsigned int flags)
{
    if (refusals > 0) {
        refusals--;
        errno = EMFILE;
        return -1;
    }
    return __real_pidfd_open(pid, flags);
}

static void start(struct run_project *project, const char *step)
{
    char *text = mem_printf("name: w\nphases:\n  - id: a\n    steps:\n      - %s\n", step);

    run_project_start(project, text, NULL);
    free(text);
}

static void assert_file(const struct run_project *project, const char *name, const char *expected)
{
    char *text = run_project_read(project, name);

    assert_string_equal(text, expected);
    free(text);
}

static const char *class_of(const struct run_project *project, int skip)
{
    return json_get_text(run_project_find(project, "attempt_ended", "s", skip), "class", "");
}

static const struct live_attempt *find_live(const struct run_project *project)
{
    char *key = mem_printf("%s/s", project->id);
    const struct live_attempt *live = map_find(project->engine->live, key);

    free(key);
    return live;
}

static bool is_unwatched(const struct run_project *project)
{
    const struct live_attempt *live = find_live(project);

    return live && live->keeper > 0 && !live->watch;
}

static bool is_watched(const struct run_project *project)
{
    const struct live_attempt *live = find_live(project);

    return live && live->watch;
}

static bool is_being_started(const struct run_project *project)
{
    const struct live_attempt *live = find_live(project);

    return live && live->is_on_pool && live->launch;
}

static bool is_being_read(const struct run_project *project)
{
    const struct live_attempt *live = find_live(project);

    return live && live->is_on_pool && live->collect;
}

/* Until the step `s` of three_steps has said so. */
static void wait_for_line(const struct run_project *project)
{
    char *text = NULL;

    do {
        free(text);
        text = run_project_has(project, "ran") ? run_project_read(project, "ran") : mem_strdup("");
    } while (*text == '\0');
    assert_string_equal(text, "s\n");
    free(text);
}

static void adopt_and_go(struct run_project *project)
{
    struct error err = ERROR_INIT;

    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
}

static void a_keeper_that_its_step_suspended_does_its_work_after_the_deadline(void **state)
{
    struct run_project *project = *state;

    (void)alarm(60);
    start(project, "{ id: s, run: 'kill -STOP $PPID; exec sleep 1000', timeout: 200ms }");
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "timeout");
    (void)alarm(0);
}

static void a_keeper_that_is_kept_suspended_is_killed_with_its_step(void **state)
{
    struct run_project *project = *state;

    (void)alarm(60);
    start(project, "{ id: s, run: 'while kill -STOP $PPID; do :; done', timeout: 200ms }");
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "timeout");
    (void)alarm(0);
}

/* One at a time; the first of the steps has the place, up to the last they are in their order. */
static void start_in_order(struct run_project *project, const char *text, const char *last)
{
    run_project_configure(project, "concurrency: 1\n");
    run_project_narrow_pool(project);
    run_project_start(project, text, NULL);
    run_project_go_until(project, "attempt_started", last);
    run_project_unblock_pool(project);
}

static void a_stop_reaches_steps_that_wait_for_a_place_and_steps_that_run(void **state)
{
    static const char text[] = "name: w\nphases:\n  - id: a\n    mode: parallel\n    steps:\n"
                               "      - { id: s, run: 'touch ran-s; sleep 600' }\n"
                               "      - { id: t, run: 'touch ran-t; sleep 600' }\n";
    struct run_project *project = *state;

    start_in_order(project, text, "t");
    run_project_turn_until(project, is_watched);
    engine_interrupt(project->engine, true);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_ended", "t", 0), "class", ""),
        "cancelled");
    assert_string_equal(class_of(project, 0), "cancelled");
    assert_false(run_project_has(project, "ran-t"));
}

static void no_more_processes_run_at_once_than_allowed(void **state)
{
    static const char text[] =
        "name: w\nphases:\n  - id: a\n    mode: parallel\n    steps:\n      - id: s\n"
        "        foreach: '[1, 2, 3, 4, 5, 6]'\n"
        "        run: 'mkdir one-alone && sleep 0.02 && rmdir one-alone'\n";
    struct run_project *project = *state;

    run_project_configure(project, "concurrency: 1\n");
    assert_string_equal(run_project_run(project, text), "completed");
}

static void a_step_that_cannot_be_put_together_fails_for_good(void **state)
{
    struct run_project *project = *state;

    start(project, "{ id: s, agent: nobody, prompt: x }");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_string_equal(class_of(project, 0), "permanent");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
}

static void a_keeper_that_cannot_be_started_is_a_passing_failure(void **state)
{
    struct run_project *project = *state;

    project->options.keeper_path = "/nowhere/keeper";
    start(project, "{ id: s, run: 'true', retry: { attempts: 2, delay: 1ms } }");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_string_equal(class_of(project, 0), "transient");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 2);
}

static void a_step_whose_keeper_cannot_be_watched_yet_is_not_begun_a_second_time(void **state)
{
    struct run_project *project = *state;

    refusals = 1;
    start(project, "{ id: s, run: 'echo x >>count', retry: { attempts: 3, delay: 1ms } }");
    run_project_go(project);
    assert_int_equal(refusals, 0);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
    assert_file(project, "count", "x\n");
}

static void a_stop_reaches_a_step_whose_keeper_cannot_be_watched_yet(void **state)
{
    struct run_project *project = *state;

    (void)alarm(60);
    refusals = 1;
    start(project, "{ id: s, run: 'exec sleep 600' }");
    run_project_turn_until(project, is_unwatched);
    engine_interrupt(project->engine, true);
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "cancelled");
    (void)alarm(0);
}

static const char three_steps[] =
    "name: w\nphases:\n  - id: a\n    mode: parallel\n    steps:\n"
    "      - { id: s, run: 'echo s >>ran; until [ -e go ]; do sleep 0.02; done' }\n"
    "      - { id: t, run: 'echo t >>ran' }\n"
    "      - { id: u, run: 'echo u >>ran' }\n";

static void start_three(struct run_project *project)
{
    start_in_order(project, three_steps, "u");
}

static void what_waits_for_a_place_stays_in_order_when_one_of_it_is_stopped(void **state)
{
    struct run_project *project = *state;
    struct active *active;

    start_three(project);
    active = engine_find(project->engine, project->id);
    live_stop(active, run_step_index(active->state, run_find_step(active->state, "t")));
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_ended", "t", 0), "class", ""),
        "cancelled");
    assert_file(project, "ran", "s\nu\n");
}

/* In any order: what had not begun is found out on the pool. */
static void assert_each_ran_once(const struct run_project *project)
{
    char *ran = run_project_read(project, "ran");

    assert_int_equal(strlen(ran), strlen("s\nt\nu\n"));
    assert_true(strchr(ran, 's') && strchr(ran, 't') && strchr(ran, 'u'));
    free(ran);
}

static void what_waits_for_a_place_is_not_begun_by_an_engine_that_ends(void **state)
{
    struct run_project *project = *state;

    start_three(project);
    run_project_write(project, "go", "");
    run_project_drop_engine(project);
    wait_for_line(project);
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_each_ran_once(project);
}

static void what_waits_for_a_place_is_let_go_with_its_run(void **state)
{
    struct run_project *project = *state;

    start_three(project);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    assert_int_equal(map_count(project->engine->live), 0);
    assert_null(project->engine->waiting_head);
    run_project_write(project, "go", "");
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(project->engine->processes, 0);
    assert_each_ran_once(project);
}

/* The pool is kept from reading the outcome of the step, which is over. */
static void start_until_read(struct run_project *project)
{
    start(project, "{ id: s, run: 'echo x >>count' }");
    run_project_turn_until(project, is_watched);
    run_project_block_pool(project);
    run_project_turn_until(project, is_being_read);
}

static void an_outcome_that_an_engine_reads_as_it_ends_is_taken_by_the_next_one(void **state)
{
    struct run_project *project = *state;

    start_until_read(project);
    run_project_unblock_pool(project);
    run_project_drop_engine(project);
    assert_int_equal(run_project_count(project, "attempt_ended", "s"), 0);
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_file(project, "count", "x\n");
}

static void the_outcome_of_a_run_that_is_lost_meanwhile_counts_once(void **state)
{
    struct run_project *project = *state;

    start_until_read(project);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    assert_int_equal(map_count(project->engine->live), 0);
    /* The reading begins when the run is gone, and may last until after it is taken back. */
    run_project_unblock_pool(project);
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_ended", "s"), 1);
    assert_int_equal(project->engine->processes, 0);
    assert_file(project, "count", "x\n");
}

static void a_step_that_is_just_being_started_goes_on_for_the_next_owner(void **state)
{
    struct run_project *project = *state;

    run_project_block_pool(project);
    start(project, "{ id: s, run: 'echo x >>count' }");
    run_project_turn_until(project, is_being_started);
    run_project_unblock_pool(project);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(project->engine->processes, 0);
    assert_file(project, "count", "x\n");
}

/* Whatever was mounted goes first. */
static int tear_down(void **state)
{
    struct run_project *project = *state;

    full_disk_unmount(project->folder, "blobs");
    full_disk_unmount(project->folder, "workflows");
    return run_project_tear_down(state);
}

static void make_space(void *arg)
{
    assert_int_equal(unlink(arg), 0);
}

static bool has_stalled(const struct run_project *project)
{
    return project->stalls > 0;
}

static void order(struct run_project *project, const char *word)
{
    struct active *active = engine_find(project->engine, project->id);
    struct queued_event *event = event_new(active, EVENT_COMMAND, NULL);

    event->event.command = event_hold(event, json_pack("{s:s}", "do", word));
    engine_post(project->engine, event);
}

static const char one_step[] = "name: w\nphases:\n  - id: a\n    steps: [{ id: s, run: 'true' }]\n";

static void a_start_waits_for_space(void **state)
{
    struct run_project *project = *state;
    char *filler = full_disk_mount(project->folder, "workflows");

    if (!filler) {
        skip();
    }
    run_project_start(project, one_step, NULL);
    (void)loop_timer_start(project->loop, 100, make_space, filler);
    run_project_go(project);
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
    assert_string_equal(class_of(project, 0), "none");
    assert_int_equal(project->stalls, 1);
    free(filler);
}

static void a_start_that_waits_for_space_can_be_stopped(void **state)
{
    struct run_project *project = *state;
    char *filler = full_disk_mount(project->folder, "workflows");

    if (!filler) {
        skip();
    }
    run_project_start(project, one_step, NULL);
    run_project_go_until(project, "attempt_started", "s");
    engine_interrupt(project->engine, true);
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "cancelled");
    free(filler);
}

static void an_outcome_that_cannot_be_kept_waits_for_space_and_is_not_run_again(void **state)
{
    struct run_project *project = *state;
    char *filler;

    start(project, "{ id: s, run: 'echo x >>count; seq 2000' }");
    filler = full_disk_mount(project->folder, "blobs");
    if (!filler) {
        skip();
    }
    run_project_go_until(project, "attempt_started", "s");
    run_project_turn_until(project, has_stalled);
    make_space(filler);
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "none");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
    assert_true(project->unstalls >= 1);
    assert_file(project, "count", "x\n");
    free(filler);
}

static void a_start_that_waits_for_space_is_let_go_with_its_run(void **state)
{
    struct run_project *project = *state;
    char *filler = full_disk_mount(project->folder, "workflows");

    if (!filler) {
        skip();
    }
    run_project_start(project, one_step, NULL);
    run_project_turn_until(project, has_stalled);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    assert_int_equal(project->engine->parked, 0);
    make_space(filler);
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(project->engine->processes, 0);
    free(filler);
}

static void a_cancelled_run_does_not_wait_for_space_for_what_nobody_will_use(void **state)
{
    struct run_project *project = *state;
    char *filler;

    start(project, "{ id: s, run: 'echo x >>count; seq 2000' }");
    filler = full_disk_mount(project->folder, "blobs");
    if (!filler) {
        skip();
    }
    run_project_turn_until(project, has_stalled);
    order(project, "cancel");
    run_project_go(project);
    assert_int_equal(engine_find(project->engine, project->id)->state->status, RUN_CANCELLED);
    assert_int_equal(project->engine->parked, 0);
    free(filler);
}

/* ---- agents ---- */

#define AGENT(script)                                                                              \
    "default_agent: a\nagents:\n  a: { type: command, command: [sh, -c, 'cat >/dev/null; " script  \
    "; echo done'] }\n"

static const struct live_attempt *find_live_of(const struct run_project *project, const char *step)
{
    char *key = mem_printf("%s/%s", project->id, step);
    const struct live_attempt *live = map_find(project->engine->live, key);

    free(key);
    return live;
}

static const char *class_of_step(const struct run_project *project, const char *step)
{
    return json_get_text(run_project_find(project, "attempt_ended", step, 0), "class", "");
}

static bool waits_for_turn(const struct run_project *project)
{
    const struct live_attempt *live = find_live_of(project, "t");

    return live && live->turn.value;
}

static bool is_asked_again(const struct run_project *project)
{
    const struct live_attempt *live = find_live_of(project, "t");

    return live && live->is_on_pool && live->launch && live->has_place;
}

/* Both change the files: the one has them, the other waits for its turn. */
static const char two_agents[] =
    "name: w\nphases: [{ id: p, mode: parallel, steps: [{ id: s, prompt: go }, { id: t, prompt: "
    "go, "
    "needs: [c] }, { id: c, run: 'until [ -e ran ]; do sleep 0.01; done' }] }]\n";

static void a_stop_reaches_an_agent_that_waits_for_its_turn(void **state)
{
    struct run_project *project = *state;

    (void)alarm(60);
    run_project_configure(project,
                          AGENT("echo $FERMATA_STEP >>ran; until [ -e go ]; do sleep 0.01; done"));
    run_project_start(project, two_agents, NULL);
    run_project_turn_until(project, waits_for_turn);
    engine_interrupt(project->engine, true);
    run_project_go(project);
    assert_string_equal(class_of_step(project, "t"), "cancelled");
    assert_string_equal(class_of_step(project, "s"), "cancelled");
    assert_int_equal(project->engine->processes, 0);
    (void)alarm(0);
}

static void a_stop_reaches_an_agent_that_asks_for_its_turn_just_then(void **state)
{
    struct run_project *project = *state;

    (void)alarm(60);
    run_project_configure(project,
                          AGENT("echo $FERMATA_STEP >>ran; until [ -e go ]; do sleep 0.01; done"));
    run_project_start(project, two_agents, NULL);
    run_project_turn_until(project, waits_for_turn);
    run_project_block_pool(project);
    run_project_turn_until(project, is_asked_again);
    engine_interrupt(project->engine, true);
    run_project_go_until(project, "run_wished", NULL);
    run_project_unblock_pool(project);
    run_project_go(project);
    assert_string_equal(class_of_step(project, "t"), "cancelled");
    assert_int_equal(run_project_count(project, "attempt_started", "t"), 1);
    (void)alarm(0);
}

static void a_start_that_fails_as_it_is_stopped_is_stopped(void **state)
{
    struct run_project *project = *state;

    project->options.keeper_path = "/nowhere/keeper";
    run_project_block_pool(project);
    start(project, "{ id: s, run: 'true', retry: { attempts: 2, delay: 1ms } }");
    run_project_turn_until(project, is_being_started);
    engine_interrupt(project->engine, true);
    run_project_go_until(project, "run_wished", NULL);
    run_project_unblock_pool(project);
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "cancelled");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
}

static void a_start_without_space_that_is_stopped_meanwhile_does_not_wait(void **state)
{
    struct run_project *project = *state;
    char *filler = full_disk_mount(project->folder, "workflows");

    if (!filler) {
        skip();
    }
    run_project_block_pool(project);
    run_project_start(project, one_step, NULL);
    run_project_turn_until(project, is_being_started);
    engine_interrupt(project->engine, true);
    run_project_go_until(project, "run_wished", NULL);
    run_project_unblock_pool(project);
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "cancelled");
    assert_int_equal(project->stalls, 0);
    free(filler);
}

static void a_step_without_a_limit_is_not_hurried(void **state)
{
    struct run_project *project = *state;

    start(project, "{ id: s, run: 'until [ -e go ]; do sleep 0.01; done', timeout: 0 }");
    run_project_turn_until(project, is_watched);
    assert_int_equal(find_live(project)->urge.value, 0);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "none");
}

/* ---- in a clone ---- */

static const char cloned[] =
    "name: w\ngates: { g: { commands: [{ run: 'touch $FERMATA_PROJECT/checked' }] } }\n"
    "phases: [{ id: p, steps: [{ id: s, prompt: go, workspace: clone, gate: g }] }]\n";
static const char ungated[] =
    "name: w\nphases: [{ id: p, steps: [{ id: s, prompt: go, workspace: clone }] }]\n";

/* While the outcome of its agent is read, which is over. */
static void cancel_as_it_is_read(struct run_project *project, const char *text)
{
    run_project_configure(project, AGENT("echo x >made"));
    run_project_start(project, text, NULL);
    run_project_turn_until(project, is_watched);
    run_project_block_pool(project);
    run_project_turn_until(project, is_being_read);
    order(project, "cancel");
    run_project_go_until(project, "run_wished", NULL);
    run_project_unblock_pool(project);
    run_project_go(project);
    assert_int_equal(engine_find(project->engine, project->id)->state->status, RUN_CANCELLED);
    assert_int_equal(run_project_count(project, "attempt_ended", "s"), 1);
    assert_false(run_project_has(project, "made"));
}

static void of_a_cancelled_run_no_gate_is_asked(void **state)
{
    struct run_project *project = *state;

    cancel_as_it_is_read(project, cloned);
    assert_false(run_project_has(project, "checked"));
}

static void of_a_cancelled_run_nothing_is_merged(void **state)
{
    cancel_as_it_is_read(*state, ungated);
}

/* ---- the end of a quiet attempt ---- */

static void only_who_is_at_work_and_not_stopped_is_ended_for_being_quiet(void **state)
{
    struct run_project *project = *state;
    struct active *active;
    int step;

    run_project_block_pool(project);
    start(project,
          "{ id: s, run: 'until [ -e go ]; do sleep 0.01; done', retry: { attempts: 1 } }");
    run_project_turn_until(project, is_being_started);
    active = engine_find(project->engine, project->id);
    step = run_step_index(active->state, run_find_step(active->state, "s"));
    live_end_quiet(active, step); /* it has no process yet */
    run_project_unblock_pool(project);
    run_project_turn_until(project, is_watched);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "none");
    live_end_quiet(active, step); /* it has ended */
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void who_is_stopped_is_not_ended_for_being_quiet_as_well(void **state)
{
    struct run_project *project = *state;
    struct active *active;
    int step;

    (void)alarm(60);
    start(project, "{ id: s, run: 'exec sleep 600' }");
    run_project_turn_until(project, is_watched);
    active = engine_find(project->engine, project->id);
    step = run_step_index(active->state, run_find_step(active->state, "s"));
    live_stop(active, step);
    live_end_quiet(active, step);
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "cancelled");
    (void)alarm(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_keeper_that_its_step_suspended_does_its_work_after_the_deadline),
        TEST(a_keeper_that_is_kept_suspended_is_killed_with_its_step),
        TEST(a_stop_reaches_steps_that_wait_for_a_place_and_steps_that_run),
        TEST(no_more_processes_run_at_once_than_allowed),
        TEST(a_step_that_cannot_be_put_together_fails_for_good),
        TEST(a_keeper_that_cannot_be_started_is_a_passing_failure),
        TEST(a_step_whose_keeper_cannot_be_watched_yet_is_not_begun_a_second_time),
        TEST(a_stop_reaches_a_step_whose_keeper_cannot_be_watched_yet),
        TEST(what_waits_for_a_place_stays_in_order_when_one_of_it_is_stopped),
        TEST(what_waits_for_a_place_is_not_begun_by_an_engine_that_ends),
        TEST(what_waits_for_a_place_is_let_go_with_its_run),
        TEST(an_outcome_that_an_engine_reads_as_it_ends_is_taken_by_the_next_one),
        TEST(the_outcome_of_a_run_that_is_lost_meanwhile_counts_once),
        TEST(a_step_that_is_just_being_started_goes_on_for_the_next_owner),
        TEST(a_start_waits_for_space),
        TEST(a_start_that_waits_for_space_can_be_stopped),
        TEST(an_outcome_that_cannot_be_kept_waits_for_space_and_is_not_run_again),
        TEST(a_start_that_waits_for_space_is_let_go_with_its_run),
        TEST(a_cancelled_run_does_not_wait_for_space_for_what_nobody_will_use),
        TEST(a_stop_reaches_an_agent_that_waits_for_its_turn),
        TEST(a_stop_reaches_an_agent_that_asks_for_its_turn_just_then),
        TEST(a_start_that_fails_as_it_is_stopped_is_stopped),
        TEST(a_start_without_space_that_is_stopped_meanwhile_does_not_wait),
        TEST(a_step_without_a_limit_is_not_hurried),
        TEST(of_a_cancelled_run_no_gate_is_asked),
        TEST(of_a_cancelled_run_nothing_is_merged),
        TEST(only_who_is_at_work_and_not_stopped_is_ended_for_being_quiet),
        TEST(who_is_stopped_is_not_ended_for_being_quiet_as_well),
    };

    full_disk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
