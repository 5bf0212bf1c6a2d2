/* SPDX-License-Identifier: MIT */
/* attempt_probe is wrapped, see the Makefile. */
#include "run/live.h"
#include "run/own.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/run_project.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int stale_probes;

int __real_attempt_probe(const char *folder, enum attempt_presence *ret_presence, pid_t *ret_keeper,
                         struct error *err);
int __wrap_attempt_probe(const char *folder, enum attempt_presence *ret_presence, pid_t *ret_keeper,
                         struct error *err);

/* As often as `stale_probes` says it saw what was there a moment before the claim. */
int __wrap_attempt_probe(const char *folder, enum attempt_presence *ret_presence, pid_t *ret_keeper,
                         struct error *err)
{
    if (stale_probes > 0) {
        stale_probes--;
        *ret_presence = ATTEMPT_ABSENT;
        *ret_keeper = 0;
        return 0;
    }
    return __real_attempt_probe(folder, ret_presence, ret_keeper, err);
}

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

/* Who writes must have written: without a reader it would end of that. */
static void wait_for_pipe(const struct run_project *project)
{
    char *path = path_join(project->project, "pipe");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char line = 0;

    assert_true(fd >= 0);
    assert_int_equal(read(fd, &line, 1), 1);
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

/* Alive under its keeper, without an engine. */
static void leave_alive(struct run_project *project)
{
    start(project, "{ id: s, run: '" COUNTED "', retry: { attempts: 3, delay: 1ms } }");
    run_project_go_until(project, "attempt_started", "s");
    run_project_drop_engine(project);
    (void)find_keeper(project);
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

static void an_attempt_without_a_folder_is_claimed_before_another_is_made(void **state)
{
    static const char *const none[] = {"true", NULL};
    struct run_project *project = *state;
    struct attempt_spec spec = {.argv = none, .env = none + 1, .cwd = "/"};
    char *folder;

    leave_alive(project);
    assert_int_equal(kill(find_keeper(project), SIGTERM), 0);
    wait_for_exit(project);
    forget_attempt(project);
    run_project_write(project, "go", "");
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 2);
    /* Whoever comes late with the first one is refused. */
    spec.folder = folder = attempt_folder(project, 1);
    assert_int_equal(attempt_prepare(&spec, NULL), ERROR_CONFLICT);
    free(folder);
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

static void an_agent_that_never_began_leaves_the_files_to_the_next_attempt(void **state)
{
    struct run_project *project = *state;
    const char *keeper = project->options.keeper_path;
    char *holder;

    run_project_configure(
        project, "agents:\n  a: { type: command, command: [sh, -c, 'cat >count; echo done'] }\n");
    /* Killed when the files were its own and no keeper had claimed it. */
    project->options.keeper_path = "/bin/true";
    start(project, "{ id: s, agent: a, prompt: go }");
    run_project_go_until(project, "attempt_started", "s");
    run_project_reopen(project);
    holder = run_project_read(project, ".fermata/writer");
    assert_non_null(strstr(holder, "/s.1\n"));
    free(holder);
    project->options.keeper_path = keeper;
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go_until(project, "attempt_ended", "s");
    holder = run_project_read(project, ".fermata/writer");
    assert_null(strstr(holder, "/s.1\n"));
    free(holder);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 2);
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

static void a_keeper_that_claims_its_attempt_just_now_is_watched(void **state)
{
    struct run_project *project = *state;

    leave_alive(project);
    stale_probes = 1;
    run_project_write(project, "go", "");
    adopt_and_go(project);
    assert_int_equal(stale_probes, 0);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
    assert_file(project, "count", "x\n");
}

static void an_attempt_that_cannot_be_claimed_is_not_begun_again(void **state)
{
    struct run_project *project = *state;

    leave_alive(project);
    stale_probes = 2;
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_non_null(
        strstr(json_get_text(run_project_find(project, "attempt_ended", "s", 0), "error", ""),
               "cannot claim"));
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
    run_project_write(project, "go", "");
    wait_for_exit(project);
}

static void what_a_step_without_keeper_and_claim_left_at_work_is_ended(void **state)
{
    struct run_project *project = *state;

    /* No process is in the middle of an exec, when it cannot be known for what it is. */
    make_pipe(project);
    start(
        project,
        "{ id: s, run: 'test -e again && exit; touch again; until [ -e go ]; do sleep 0.02; done; "
        "(rm $FERMATA_ATTEMPT_FOLDER/claim; kill -9 $PPID; echo >pipe; read x <pipe) & wait' }");
    run_project_go_until(project, "attempt_started", "s");
    run_project_drop_engine(project);
    run_project_write(project, "go", "");
    wait_for_pipe(project);
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_string_equal(class_of(project, 0), "lost");
    /* It had begun. */
    assert_false(
        json_get_boolean(run_project_find(project, "attempt_ended", "s", 0), "unbegun", false));
}

static bool is_being_probed(const struct run_project *project)
{
    char *key = mem_printf("%s/s", project->id);
    const struct live_attempt *live = map_find(project->engine->live, key);

    free(key);
    return live && live->is_on_pool && !live->launch && !live->collect;
}

/* What the pool finds comes back with the next turn only. */
static void adopt_until_probed(struct run_project *project)
{
    run_project_block_pool(project);
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_turn_until(project, is_being_probed);
    run_project_unblock_pool(project);
}

static void an_engine_that_ends_while_it_looks_leaves_the_attempt_to_the_next_one(void **state)
{
    struct run_project *project = *state;

    leave_alive(project);
    adopt_until_probed(project);
    run_project_drop_engine(project);
    run_project_write(project, "go", "");
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_file(project, "count", "x\n");
}

static void an_attempt_whose_run_is_lost_while_it_is_looked_at_is_not_watched(void **state)
{
    struct run_project *project = *state;

    leave_alive(project);
    adopt_until_probed(project);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    run_project_go(project);
    assert_int_equal(project->engine->processes, 0);
    run_project_write(project, "go", "");
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_file(project, "count", "x\n");
}

static void a_stop_that_a_crash_cut_off_reaches_the_step_after_all(void **state)
{
    struct run_project *project = *state;

    leave_alive(project);
    run_project_block_pool(project);
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    engine_interrupt(project->engine, true);
    run_project_go_until(project, "run_wished", NULL);
    /* Before the step could be found, and so before it could be stopped. */
    assert_true(is_being_probed(project));
    run_project_unblock_pool(project);
    run_project_drop_engine(project);
    (void)find_keeper(project);
    adopt_and_go(project);
    assert_string_equal(class_of(project, 0), "cancelled");
    assert_string_equal(run_project_status(project, project->id), "paused");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_that_is_alive_is_watched_again),
        TEST(a_step_that_ended_while_nobody_looked_is_not_run_again),
        TEST(a_step_whose_keeper_was_killed_is_lost_and_tried_again),
        TEST(an_attempt_that_never_began_is_given_up_and_another_made),
        TEST(an_attempt_without_a_folder_is_claimed_before_another_is_made),
        TEST(attempts_that_never_began_are_no_failures_of_their_step),
        TEST(an_agent_that_never_began_leaves_the_files_to_the_next_attempt),
        TEST(an_attempt_that_cannot_be_looked_at_is_not_begun_again),
        TEST(a_keeper_that_claims_its_attempt_just_now_is_watched),
        TEST(an_attempt_that_cannot_be_claimed_is_not_begun_again),
        TEST(what_a_step_without_keeper_and_claim_left_at_work_is_ended),
        TEST(an_engine_that_ends_while_it_looks_leaves_the_attempt_to_the_next_one),
        TEST(an_attempt_whose_run_is_lost_while_it_is_looked_at_is_not_watched),
        TEST(a_stop_that_a_crash_cut_off_reaches_the_step_after_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
