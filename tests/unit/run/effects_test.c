/* SPDX-License-Identifier: MIT */
#include "run/engine.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/run_project.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNTED "echo x >>count; until [ -e go ]; do sleep 0.02; done; echo done"

static void start(struct run_project *project, const char *step)
{
    char *text = mem_printf("name: w\nphases:\n  - id: a\n    steps:\n      - %s\n", step);

    run_project_start(project, text, NULL);
    free(text);
}

static char *attempt_folder(const struct run_project *project, int attempt)
{
    return mem_printf("%s/workflows/%s/attempts/s.%d", project->folder, project->id, attempt);
}

static void adopt_and_go(struct run_project *project)
{
    struct error err = ERROR_INIT;

    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
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

/* The keeper of attempt 1, once it has claimed it. */
static pid_t find_keeper(struct run_project *project)
{
    char *folder = attempt_folder(project, 1);
    enum attempt_presence presence = ATTEMPT_ABSENT;
    pid_t keeper = 0;

    while (presence != ATTEMPT_ALIVE) {
        assert_int_equal(attempt_probe(folder, &presence, &keeper, NULL), 0);
    }
    free(folder);
    return keeper;
}

static void a_step_that_is_alive_is_watched_again(void **state)
{
    struct run_project *project = *state;

    start(project, "{ id: s, run: '" COUNTED "' }");
    run_project_go_until(project, "attempt_started", "s");
    run_project_reopen(project);
    (void)find_keeper(project);
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_file(project, "count", "x\n");
    assert_string_equal(
        json_get_text(json_object_get(run_project_find(project, "attempt_ended", "s", 0), "output"),
                      "inline", ""),
        "done\n");
}

/* A step that writes to "pipe" has come there when this returns. */
static void make_pipe(const struct run_project *project)
{
    char *path = path_join(project->project, "pipe");

    assert_int_equal(mkfifo(path, 0600), 0);
    free(path);
}

static void wait_for_pipe(const struct run_project *project)
{
    char *path = path_join(project->project, "pipe");
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    (void)close(fd);
    free(path);
}

static void wait_for_exit(struct run_project *project)
{
    char *folder = attempt_folder(project, 1);
    enum attempt_presence presence = ATTEMPT_ALIVE;
    pid_t keeper = 0;

    while (presence != ATTEMPT_ENDED) {
        assert_int_equal(attempt_probe(folder, &presence, &keeper, NULL), 0);
    }
    free(folder);
}

static void a_step_that_ended_while_nobody_looked_is_not_run_again(void **state)
{
    struct run_project *project = *state;

    start(project, "{ id: s, run: '" COUNTED "' }");
    run_project_go_until(project, "attempt_started", "s");
    run_project_reopen(project);
    run_project_write(project, "go", "");
    wait_for_exit(project);
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_file(project, "count", "x\n");
}

static void a_step_whose_keeper_was_killed_is_lost_and_tried_again(void **state)
{
    struct run_project *project = *state;

    make_pipe(project);
    start(project, "{ id: s, run: 'test -e again || { touch again; echo >pipe; cat pipe; }', "
                   "retry: { attempts: 1 } }");
    run_project_go_until(project, "attempt_started", "s");
    run_project_drop_engine(project);
    wait_for_pipe(project);
    assert_int_equal(kill(find_keeper(project), SIGKILL), 0);
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_string_equal(class_of(project, 0), "lost");
    assert_string_equal(class_of(project, 1), "none");
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

/* As after a crash between the commit and its effect: the attempt is journaled, no keeper came. */
static void forget_attempt(struct run_project *project)
{
    char *folder = attempt_folder(project, 1);

    assert_int_equal(file_remove_tree(folder, NULL), 0);
    free(folder);
}

static void an_attempt_that_never_began_is_given_up_and_another_made(void **state)
{
    struct run_project *project = *state;
    char *claim;

    start(project, "{ id: s, run: 'until [ -e go ]; do sleep 0.02; done; echo x >>count' }");
    run_project_go_until(project, "attempt_started", "s");
    run_project_drop_engine(project);
    assert_int_equal(kill(find_keeper(project), SIGTERM), 0);
    wait_for_exit(project);
    forget_attempt(project);
    run_project_write(project, "go", "");
    claim = mem_printf(".fermata/workflows/%s/attempts/s.1/spec", project->id);
    run_project_write(project, claim, "");
    free(claim);
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_string_equal(class_of(project, 0), "lost");
    assert_file(project, "count", "x\n");
    /* A keeper that comes now finds the claim taken. */
    claim = mem_printf(".fermata/workflows/%s/attempts/s.1/claim", project->id);
    assert_true(run_project_has(project, claim));
    free(claim);
}

static void attempts_that_never_began_are_no_failures_of_their_step(void **state)
{
    struct run_project *project = *state;
    const char *keeper = project->options.keeper_path;

    /* A keeper that ends before it claims: as if the orchestrator was killed just before. */
    project->options.keeper_path = "/bin/true";
    start(project, "{ id: s, run: echo x >>count, retry: { attempts: 1 } }");
    run_project_go_until(project, "attempt_started", "s");
    for (int i = 0; i < 6; i++) {
        run_project_reopen(project);
        project->options.keeper_path = i < 5 ? "/bin/true" : keeper;
        assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
        run_project_go_until(project, "attempt_started", "s");
    }
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 7);
    assert_true(
        json_get_boolean(run_project_find(project, "attempt_ended", "s", 0), "unbegun", false));
    assert_file(project, "count", "x\n");
}

static void an_attempt_that_cannot_be_looked_at_is_not_begun_again(void **state)
{
    struct run_project *project = *state;
    char *folder;

    start(project, "{ id: s, run: 'until [ -e go ]; do sleep 0.02; done; echo x >>count' }");
    run_project_go_until(project, "attempt_started", "s");
    run_project_drop_engine(project);
    assert_int_equal(kill(find_keeper(project), SIGTERM), 0);
    wait_for_exit(project);
    folder = attempt_folder(project, 1);
    forget_attempt(project);
    /* A file in its place: neither absent nor an attempt. */
    assert_int_equal(file_write(folder, "", 0, FILE_NO_SYNC, NULL), 0);
    free(folder);
    run_project_write(project, "go", "");
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_string_equal(class_of(project, 0), "permanent");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
    assert_false(run_project_has(project, "count"));
}

static void a_stop_reaches_steps_that_wait_for_a_place_and_steps_that_run(void **state)
{
    static const char text[] = "name: w\nphases:\n  - id: a\n    mode: parallel\n    steps:\n"
                               "      - { id: s, run: 'touch ran-s; sleep 600' }\n"
                               "      - { id: t, run: 'touch ran-t; sleep 600' }\n";
    struct run_project *project = *state;

    run_project_configure(project, "concurrency: 1\n");
    run_project_start(project, text, NULL);
    run_project_go_until(project, "attempt_started", "t");
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

static bool has_own_mounts;

/* A small file system of our own over a folder, full; NULL where that is not allowed. */
static char *mount_full(const struct run_project *project, const char *name)
{
    char *path = path_join(project->folder, name);
    char *filler = path_join(path, "filler");
    char page[4096] = {0};
    int fd;

    assert_int_equal(file_make_folders(path, NULL), 0);
    if (!has_own_mounts || mount("tmpfs", path, "tmpfs", 0, "size=64k") < 0) {
        free(filler);
        free(path);
        return NULL;
    }
    fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, page, sizeof(page)) > 0) {
    }
    (void)close(fd);
    free(path);
    return filler;
}

static void make_space(void *arg)
{
    assert_int_equal(unlink(arg), 0);
}

/* Whatever was mounted goes first. */
static int tear_down(void **state)
{
    static const char *const names[] = {"blobs", "workflows"};
    struct run_project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = path_join(project->folder, names[i]);

        (void)umount2(path, MNT_DETACH);
        free(path);
    }
    return run_project_tear_down(state);
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static void an_outcome_that_cannot_be_kept_waits_for_space_and_is_not_run_again(void **state)
{
    struct run_project *project = *state;
    char *filler;

    start(project, "{ id: s, run: 'echo x >>count; seq 2000' }");
    filler = mount_full(project, "blobs");
    if (!filler) {
        skip();
    }
    run_project_go_until(project, "attempt_started", "s");
    while (project->stalls == 0 && !project->is_at_rest) {
        (void)loop_timer_start(project->loop, 20, stop_loop, project->loop);
        loop_run(project->loop);
    }
    make_space(filler);
    run_project_go(project);
    assert_string_equal(class_of(project, 0), "none");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
    assert_true(project->unstalls >= 1);
    assert_file(project, "count", "x\n");
    free(filler);
}

static void a_nested_run_waits_for_space_and_says_so(void **state)
{
    struct run_project *project = *state;
    json_t *shown;
    char *filler;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: a, steps: [{ id: s, use: noop }] }]\n");
    run_project_start(
        project, "name: outer\nphases: [{ id: p, steps: [{ id: sub, workflow: inner }] }]\n", NULL);
    filler = mount_full(project, "blobs");
    if (!filler) {
        skip();
    }
    while (project->stalls == 0 && !project->is_at_rest) {
        (void)loop_timer_start(project->loop, 20, stop_loop, project->loop);
        loop_run(project->loop);
    }
    assert_int_equal(project->stalls, 1);
    make_space(filler);
    run_project_go(project);
    assert_int_equal(project->unstalls, 1);
    assert_int_equal(run_project_count(project, "attempt_started", "sub"), 0);
    shown = engine_show(project->engine, project->id);
    assert_string_equal(json_get_text(shown, "status", ""), "completed");
    json_decref(shown);
    free(filler);
}

static const char one_step[] = "name: w\nphases:\n  - id: a\n    steps: [{ id: s, run: 'true' }]\n";

static void a_start_waits_for_space(void **state)
{
    struct run_project *project = *state;
    char *filler = mount_full(project, "workflows");

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
    char *filler = mount_full(project, "workflows");

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_that_is_alive_is_watched_again),
        TEST(a_step_that_ended_while_nobody_looked_is_not_run_again),
        TEST(a_step_whose_keeper_was_killed_is_lost_and_tried_again),
        TEST(a_keeper_that_its_step_suspended_does_its_work_after_the_deadline),
        TEST(a_keeper_that_is_kept_suspended_is_killed_with_its_step),
        TEST(an_attempt_that_never_began_is_given_up_and_another_made),
        TEST(attempts_that_never_began_are_no_failures_of_their_step),
        TEST(an_attempt_that_cannot_be_looked_at_is_not_begun_again),
        TEST(a_stop_reaches_steps_that_wait_for_a_place_and_steps_that_run),
        TEST(no_more_processes_run_at_once_than_allowed),
        TEST(a_step_that_cannot_be_put_together_fails_for_good),
        TEST(a_keeper_that_cannot_be_started_is_a_passing_failure),
        TEST(a_start_waits_for_space),
        TEST(a_start_that_waits_for_space_can_be_stopped),
        TEST(a_nested_run_waits_for_space_and_says_so),
        TEST(an_outcome_that_cannot_be_kept_waits_for_space_and_is_not_run_again),
    };

    /* Before there are threads: each has its own view of what is mounted. */
    has_own_mounts = unshare(CLONE_NEWNS) == 0 &&
                     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
