/* SPDX-License-Identifier: MIT */
/* With real processes and private folders: that is what the unit is about. */
#include "../../support/process.h"
#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define SHELL(script) ((const char *const[]){"sh", "-c", script, NULL})
#define NUMBERS 2000000

struct fixture {
    char *folder;
    char *attempt;
    struct process_mark mark;
    struct loop *loop;
    int ends;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->folder = process_make_folder();
    fixture->attempt = path_join(fixture->folder, "attempt");
    fixture->mark = process_mark_new(fixture->folder, "mark");
    if (loop_new(&fixture->loop, NULL) < 0) {
        return -1;
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    loop_free(fixture->loop);
    process_mark_release(&fixture->mark);
    process_remove_folder(fixture->folder);
    free(fixture->attempt);
    free(fixture);
    return 0;
}

static void put_file(const struct fixture *fixture, const char *name, const char *content)
{
    char *path = path_join(fixture->attempt, name);

    assert_int_equal(file_make_folders(fixture->attempt, NULL), 0);
    assert_int_equal(file_write(path, content, strlen(content), FILE_NO_SYNC, NULL), 0);
    free(path);
}

static void assert_presence(const struct fixture *fixture, enum attempt_presence expected,
                            pid_t expected_keeper)
{
    enum attempt_presence presence;
    pid_t keeper = -1;
    struct error err = ERROR_INIT;

    if (attempt_probe(fixture->attempt, &presence, &keeper, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(presence, expected);
    assert_int_equal(keeper, expected_keeper);
}

static void count_end(void *arg)
{
    struct fixture *fixture = arg;

    fixture->ends++;
}

static void an_attempt_without_a_claim_is_absent(void **state)
{
    struct fixture *fixture = *state;
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL("exit 0"));

    assert_presence(fixture, ATTEMPT_ABSENT, 0);
    assert_int_equal(attempt_prepare(&spec, NULL), 0);
    assert_presence(fixture, ATTEMPT_ABSENT, 0);
}

static void an_attempt_is_alive_until_it_has_ended(void **state)
{
    struct fixture *fixture = *state;
    char *script = mem_printf("echo x >%s; exec sleep 1000", fixture->mark.path);
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL(script));
    pid_t keeper = process_start(&spec);

    process_mark_wait(&fixture->mark, 2);
    assert_presence(fixture, ATTEMPT_ALIVE, keeper);
    assert_false(attempt_give_up(fixture->attempt));
    process_stop(fixture->attempt, keeper, true);
    assert_presence(fixture, ATTEMPT_ENDED, 0);
    assert_false(attempt_give_up(fixture->attempt));
    free(script);
}

static void a_keeper_that_was_killed_is_gone(void **state)
{
    struct fixture *fixture = *state;
    char *script = mem_printf("echo x >%s; exec sleep 1000", fixture->mark.path);
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL(script));
    pid_t keeper = process_start(&spec);

    process_mark_wait(&fixture->mark, 2);
    assert_int_equal(kill(keeper, SIGKILL), 0);
    process_wait(fixture->attempt, keeper);
    assert_presence(fixture, ATTEMPT_GONE, 0);
    assert_false(attempt_give_up(fixture->attempt));
    free(script);
}

static void what_a_killed_keeper_left_behind_is_swept_away(void **state)
{
    struct fixture *fixture = *state;
    const char *const argv[] = {process_own_path(), "--agent", "daemons", fixture->mark.path, NULL};
    struct attempt_spec spec = process_spec(fixture->attempt, argv);
    pid_t keeper = process_start(&spec);

    process_mark_wait(&fixture->mark, 4);
    assert_int_equal(kill(keeper, SIGKILL), 0);
    assert_int_equal(waitpid(keeper, NULL, 0), keeper);
    assert_false(process_mark_is_gone(&fixture->mark));
    assert_true(attempt_sweep(fixture->attempt) >= 3);
    assert_true(process_mark_is_gone(&fixture->mark));
    assert_int_equal(attempt_sweep(fixture->attempt), 0);
}

/* Its environment says nothing, and its parent is somebody else by now. */
static void a_process_without_environment_is_swept_by_its_session(void **state)
{
    struct fixture *fixture = *state;
    char *script = mem_printf("env -i /bin/sh -c 'echo x >&3; exec sleep 1000' 3>%s & wait",
                              fixture->mark.path);
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL(script));
    pid_t keeper = process_start(&spec);

    process_mark_wait(&fixture->mark, 2);
    assert_int_equal(kill(keeper, SIGKILL), 0);
    assert_int_equal(waitpid(keeper, NULL, 0), keeper);
    assert_true(attempt_sweep(fixture->attempt) >= 1);
    assert_true(process_mark_is_gone(&fixture->mark));
    free(script);
}

/* In an execve it has no environment for a moment; without a claim nothing else tells whose it is.
 */
static void a_process_that_becomes_another_all_the_time_is_swept(void **state)
{
    const struct fixture *fixture = *state;

    for (int i = 0; i < 30; i++) {
        char *name = mem_printf("mark-%d", i);
        char *folder = mem_printf("%s/becoming-%d", fixture->folder, i);
        struct process_mark mark = process_mark_new(fixture->folder, name);
        char *script = mem_printf("again='test -p %s || exit; exec sh -c \"$0\" \"$0\"'; "
                                  "setsid sh -c \"echo x >&3; $again\" \"$again\" 3>%s & wait",
                                  mark.path, mark.path);
        struct attempt_spec spec = process_spec(folder, SHELL(script));
        pid_t keeper = process_start(&spec);

        process_mark_wait(&mark, 2);
        assert_int_equal(kill(keeper, SIGKILL), 0);
        assert_int_equal(waitpid(keeper, NULL, 0), keeper);
        assert_true(attempt_sweep(folder) >= 1);
        assert_true(process_mark_is_gone(&mark));
        process_mark_release(&mark);
        free(script);
        free(folder);
        free(name);
    }
}

/* Neither environment nor session tell whose it is, but a killed keeper left it to us. */
static void a_process_that_hides_is_swept_because_it_became_ours(void **state)
{
    struct fixture *fixture = *state;
    char *script = mem_printf("setsid env -i /bin/sh -c 'echo x >&3; exec sleep 1000' 3>%s & wait",
                              fixture->mark.path);
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL(script));
    char *other = path_join(fixture->folder, "other");
    struct attempt_spec bystander = process_spec(other, SHELL("exec sleep 1000"));
    pid_t keeper = process_start(&spec);
    pid_t other_keeper = process_start(&bystander);

    process_mark_wait(&fixture->mark, 2);
    assert_int_equal(kill(keeper, SIGKILL), 0);
    assert_int_equal(waitpid(keeper, NULL, 0), keeper);
    assert_true(attempt_sweep(fixture->attempt) >= 1);
    assert_true(process_mark_is_gone(&fixture->mark));
    assert_int_equal(waitpid(other_keeper, NULL, WNOHANG), 0); /* untouched */
    process_stop(other, other_keeper, true);
    free(other);
    free(script);
}

static void claims_that_name_nobody_are_gone(void **state)
{
    struct fixture *fixture = *state;
    const char *const claims[] = {
        "",           "keeper",  "keeper 1 1\n", "keeper 999999999999 1\n", "keeper -1 1\n",
        "given-up\n", "nonsense"};

    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        put_file(fixture, "claim", claims[i]);
        assert_presence(fixture, ATTEMPT_GONE, 0);
    }
}

/* The claim names a process that lives, but the one that has the lock is another. */
static void a_reused_pid_is_not_taken_for_the_keeper(void **state)
{
    struct fixture *fixture = *state;
    char *claim = mem_printf("keeper %ld 1\n", (long)getpid());
    struct attempt_watch *watch;
    enum attempt_presence presence;
    pid_t keeper;
    struct error err = ERROR_INIT;
    int lock;

    put_file(fixture, "claim", claim);
    lock = open(fixture->attempt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(attempt_probe(fixture->attempt, &presence, &keeper, &err), ERROR_BUSY);
    assert_true(err.hint[0] != '\0');
    /* Watching it ends at once instead of signalling a stranger (here: this test). */
    assert_int_equal(attempt_watch_start(fixture->loop, fixture->attempt, getpid(), count_end,
                                         fixture, &watch, NULL),
                     0);
    attempt_stop(watch, true);
    loop_run(fixture->loop);
    assert_int_equal(fixture->ends, 1);
    attempt_watch_free(watch);
    (void)close(lock);
    free(claim);
}

static void giving_up_first_keeps_a_late_keeper_from_starting(void **state)
{
    struct fixture *fixture = *state;
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL("echo ran >../ran"));
    char *ran = path_join(fixture->folder, "ran");
    struct attempt_exit end;
    pid_t keeper;

    spec.cwd = fixture->attempt;
    assert_int_equal(attempt_prepare(&spec, NULL), 0);
    assert_true(attempt_give_up(fixture->attempt));
    assert_true(attempt_give_up(fixture->attempt)); /* also after a crash in between */
    assert_int_equal(attempt_spawn(process_keeper_path(), &spec, &keeper, NULL), 0);
    process_wait(fixture->attempt, keeper);
    assert_false(file_exists(ran));
    assert_presence(fixture, ATTEMPT_GONE, 0);
    assert_int_equal(attempt_read_exit(fixture->attempt, &end, NULL), ERROR_NOT_FOUND);
    free(ran);
}

static void giving_up_needs_the_folder(void **state)
{
    struct fixture *fixture = *state;

    assert_false(attempt_give_up(fixture->attempt));
}

/* Both at the same time, often: exactly one wins each time. */
static void a_race_for_the_claim_has_one_winner(void **state)
{
    struct fixture *fixture = *state;
    int given_up = 0;

    for (int i = 0; i < 60; i++) {
        char *attempt = mem_printf("%s/race-%d", fixture->folder, i);
        struct attempt_spec spec = process_spec(attempt, SHELL("exit 4"));
        enum attempt_presence presence;
        struct attempt_exit end;
        pid_t found;
        pid_t keeper = process_start(&spec);
        bool ours;

        /* Tries on, so that the two meet at every point of the keeper's start. */
        for (int pause = 0; pause < i * 5; pause++) {
            (void)getppid();
        }
        ours = attempt_give_up(attempt);
        process_wait(attempt, keeper);
        assert_int_equal(attempt_probe(attempt, &presence, &found, NULL), 0);
        assert_int_equal(presence, ours ? ATTEMPT_GONE : ATTEMPT_ENDED);
        assert_int_equal(attempt_read_exit(attempt, &end, NULL), ours ? ERROR_NOT_FOUND : 0);
        given_up += ours ? 1 : 0;
        free(attempt);
    }
    assert_true(given_up <= 60);
}

static void a_pipe_in_its_folder_keeps_nobody_waiting(void **state)
{
    struct fixture *fixture = *state;
    char *path = path_join(fixture->attempt, "claim");
    enum attempt_presence presence;
    pid_t keeper;

    (void)alarm(30);
    assert_int_equal(file_make_folders(fixture->attempt, NULL), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    free(path);
    assert_int_equal(attempt_probe(fixture->attempt, &presence, &keeper, NULL), 0);
    assert_int_equal(presence, ATTEMPT_GONE);
    (void)alarm(0);
}

static void an_end_is_reported_once_and_later(void **state)
{
    struct fixture *fixture = *state;
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL("exit 0"));
    pid_t keeper = process_start(&spec);
    struct attempt_watch *watch;

    assert_int_equal(attempt_watch_start(fixture->loop, fixture->attempt, keeper, count_end,
                                         fixture, &watch, NULL),
                     0);
    assert_int_equal(fixture->ends, 0);
    loop_run(fixture->loop);
    assert_int_equal(fixture->ends, 1);
    loop_run(fixture->loop);
    assert_int_equal(fixture->ends, 1);
    attempt_stop(watch, false); /* too late: nothing happens */
    attempt_stop(watch, true);
    attempt_watch_free(watch);
    assert_int_equal(waitpid(keeper, NULL, WNOHANG), -1); /* collected */
}

static void a_keeper_that_ended_before_is_reported_too(void **state)
{
    struct fixture *fixture = *state;
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL("exit 0"));
    pid_t keeper = process_start(&spec);
    struct attempt_watch *watch;

    assert_int_equal(waitpid(keeper, NULL, 0), keeper);
    assert_int_equal(attempt_watch_start(fixture->loop, fixture->attempt, keeper, count_end,
                                         fixture, &watch, NULL),
                     0);
    assert_int_equal(fixture->ends, 0);
    loop_run(fixture->loop);
    assert_int_equal(fixture->ends, 1);
    attempt_watch_free(watch);
}

static void a_freed_watch_reports_nothing_and_stops_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL("exit 6"));
    pid_t keeper = process_start(&spec);
    struct attempt_watch *watch;
    struct attempt_exit end;

    assert_int_equal(attempt_watch_start(fixture->loop, fixture->attempt, keeper, count_end,
                                         fixture, &watch, NULL),
                     0);
    attempt_watch_free(watch);
    attempt_watch_free(NULL);
    loop_run(fixture->loop);
    process_wait(fixture->attempt, keeper);
    assert_int_equal(fixture->ends, 0);
    assert_int_equal(attempt_read_exit(fixture->attempt, &end, NULL), 0);
    assert_int_equal(end.status, 6);
    assert_false(end.stopped);
}

/* Starts another process that starts the attempt; returns it, and the keeper's pid. */
static pid_t start_orchestrator(const struct fixture *fixture, const char *script,
                                pid_t *ret_keeper)
{
    char *const argv[] = {(char *)(uintptr_t)process_own_path(),
                          (char[]){"--agent"},
                          (char[]){"orchestrator"},
                          fixture->attempt,
                          (char[]){"sh"},
                          (char[]){"-c"},
                          (char *)(uintptr_t)script,
                          NULL};
    posix_spawn_file_actions_t actions;
    pid_t orchestrator;
    int ends[2];
    char text[32] = "";

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], 1), 0);
    assert_int_equal(posix_spawn(&orchestrator, argv[0], &actions, NULL, argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    (void)close(ends[0]);
    *ret_keeper = (pid_t)strtol(text, NULL, 10);
    return orchestrator;
}

static void assert_numbers(const struct fixture *fixture)
{
    size_t length;
    char *output = process_read_file(fixture->attempt, "stdout", &length);

    assert_int_equal(length, NUMBERS);
    for (size_t i = 0; i < length; i++) {
        if (output[i] != (char)('0' + i % 10)) {
            fail_msg("byte %zu is %c", i, output[i]);
        }
    }
    free(output);
}

/* The agent prints half, waits until its first orchestrator is dead, and prints the rest. */
static void an_attempt_outlives_its_orchestrator_and_is_taken_over(void **state)
{
    struct fixture *fixture = *state;
    struct process_mark go = process_mark_new(fixture->folder, "go");
    char *script = mem_printf("%s --agent numbers %d; echo x >%s; read line <%s.2; "
                              "%s --agent numbers %d; exit 11",
                              process_own_path(), NUMBERS / 2, fixture->mark.path, go.path,
                              process_own_path(), NUMBERS / 2);
    char *second = mem_printf("%s.2", go.path);
    struct attempt_watch *watch;
    struct attempt_exit end;
    pid_t keeper;
    pid_t orchestrator;
    int writer;

    process_mark_release(&go);
    assert_int_equal(mkfifo(second, 0600), 0);
    orchestrator = start_orchestrator(fixture, script, &keeper);
    process_mark_wait(&fixture->mark, 2);
    assert_int_equal(kill(orchestrator, SIGKILL), 0);
    assert_int_equal(waitpid(orchestrator, NULL, 0), orchestrator);

    assert_presence(fixture, ATTEMPT_ALIVE, keeper);
    assert_int_equal(attempt_watch_start(fixture->loop, fixture->attempt, keeper, count_end,
                                         fixture, &watch, NULL),
                     0);
    writer = open(second, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(writer, "\n", 1), 1);
    (void)close(writer);
    loop_run(fixture->loop);
    assert_int_equal(fixture->ends, 1);
    attempt_watch_free(watch);
    assert_presence(fixture, ATTEMPT_ENDED, 0);
    assert_int_equal(attempt_read_exit(fixture->attempt, &end, NULL), 0);
    assert_int_equal(end.status, 11);
    assert_int_equal(end.stdout_bytes, NUMBERS);
    assert_numbers(fixture);
    free(second);
    free(script);
}

static void an_attempt_that_was_taken_over_can_be_stopped(void **state)
{
    struct fixture *fixture = *state;
    char *script = mem_printf("echo x >%s; exec sleep 1000", fixture->mark.path);
    struct attempt_exit end;
    pid_t keeper;
    pid_t orchestrator = start_orchestrator(fixture, script, &keeper);

    process_mark_wait(&fixture->mark, 2);
    assert_int_equal(kill(orchestrator, SIGKILL), 0);
    assert_int_equal(waitpid(orchestrator, NULL, 0), orchestrator);
    process_stop(fixture->attempt, keeper, false);
    assert_int_equal(attempt_read_exit(fixture->attempt, &end, NULL), 0);
    assert_true(end.stopped);
    assert_int_equal(end.signal, SIGTERM);
    free(script);
}

static pid_t start_sleeper(const struct fixture *fixture)
{
    char *script = mem_printf("echo x >%s; exec sleep 1000", fixture->mark.path);
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL(script));
    pid_t keeper = process_start(&spec);

    process_mark_wait(&fixture->mark, 2);
    free(script);
    return keeper;
}

/* Returns when it is stopped. */
static void suspend(pid_t keeper)
{
    int status;

    assert_int_equal(kill(keeper, SIGSTOP), 0);
    assert_int_equal(waitpid(keeper, &status, WUNTRACED), keeper);
    assert_true(WIFSTOPPED(status));
}

static struct attempt_watch *watch_keeper(struct fixture *fixture, pid_t keeper)
{
    struct attempt_watch *watch;

    assert_int_equal(attempt_watch_start(fixture->loop, fixture->attempt, keeper, count_end,
                                         fixture, &watch, NULL),
                     0);
    return watch;
}

static void a_stop_reaches_a_suspended_keeper(void **state)
{
    struct fixture *fixture = *state;
    pid_t keeper = start_sleeper(fixture);
    struct attempt_watch *watch = watch_keeper(fixture, keeper);

    (void)alarm(30);
    suspend(keeper);
    attempt_stop(watch, false);
    loop_run(fixture->loop);
    assert_true(attempt_is_kept(watch));
    attempt_watch_free(watch);
    (void)alarm(0);
}

static void a_keeper_that_is_suspended_again_and_again_is_killed(void **state)
{
    struct fixture *fixture = *state;
    pid_t keeper = start_sleeper(fixture);
    struct attempt_watch *watch = watch_keeper(fixture, keeper);
    int status;

    (void)alarm(30);
    assert_false(attempt_urge(watch)); /* it is at work */
    for (int i = 0; i < 3; i++) {
        suspend(keeper);
        assert_false(attempt_urge(watch));
        assert_int_equal(waitpid(keeper, &status, WCONTINUED), keeper);
        assert_true(WIFCONTINUED(status));
    }
    suspend(keeper);
    assert_true(attempt_urge(watch));
    loop_run(fixture->loop);
    assert_int_equal(fixture->ends, 1);
    assert_false(attempt_is_kept(watch));
    attempt_watch_free(watch);
    (void)attempt_sweep(fixture->attempt);
    assert_true(process_mark_is_gone(&fixture->mark));
    (void)alarm(0);
}

#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WATCH_TEST(an_attempt_without_a_claim_is_absent),
        WATCH_TEST(an_attempt_is_alive_until_it_has_ended),
        WATCH_TEST(a_keeper_that_was_killed_is_gone),
        WATCH_TEST(what_a_killed_keeper_left_behind_is_swept_away),
        WATCH_TEST(a_process_without_environment_is_swept_by_its_session),
        WATCH_TEST(a_process_that_becomes_another_all_the_time_is_swept),
        WATCH_TEST(a_process_that_hides_is_swept_because_it_became_ours),
        WATCH_TEST(claims_that_name_nobody_are_gone),
        WATCH_TEST(a_reused_pid_is_not_taken_for_the_keeper),
        WATCH_TEST(giving_up_first_keeps_a_late_keeper_from_starting),
        WATCH_TEST(giving_up_needs_the_folder),
        WATCH_TEST(a_race_for_the_claim_has_one_winner),
        WATCH_TEST(a_pipe_in_its_folder_keeps_nobody_waiting),
        WATCH_TEST(an_end_is_reported_once_and_later),
        WATCH_TEST(a_keeper_that_ended_before_is_reported_too),
        WATCH_TEST(a_freed_watch_reports_nothing_and_stops_nothing),
        WATCH_TEST(an_attempt_outlives_its_orchestrator_and_is_taken_over),
        WATCH_TEST(an_attempt_that_was_taken_over_can_be_stopped),
        WATCH_TEST(a_stop_reaches_a_suspended_keeper),
        WATCH_TEST(a_keeper_that_is_suspended_again_and_again_is_killed),
    };
    int agent_status = process_agent_main(argc, argv);

    return agent_status >= 0 ? agent_status : cmocka_run_group_tests(tests, NULL, NULL);
}
