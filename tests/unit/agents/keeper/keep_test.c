/* SPDX-License-Identifier: MIT */
/* The keeper as the program it is, holding programs that do not want to be held. */
#include "../../../support/process.h"
#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define SHELL(script) ((const char *const[]){"sh", "-c", script, NULL})
#define RESIDENT_KB_MAX 1500

struct fixture {
    char *folder;
    char *attempt;
    struct process_mark mark;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->folder = process_make_folder();
    fixture->attempt = path_join(fixture->folder, "attempt");
    fixture->mark = process_mark_new(fixture->folder, "mark");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    process_mark_release(&fixture->mark);
    process_remove_folder(fixture->folder);
    free(fixture->attempt);
    free(fixture);
    return 0;
}

static struct attempt_exit read_end(const struct fixture *fixture)
{
    struct attempt_exit end = {0};

    assert_int_equal(attempt_read_exit(fixture->attempt, &end, NULL), 0);
    return end;
}

/* Starts this program as an agent and waits until `count` processes of it are there. */
static pid_t start_agent(const struct fixture *fixture, const char *mode, int count,
                         int64_t grace_ms)
{
    const char *const argv[] = {process_own_path(), "--agent", mode, fixture->mark.path, NULL};
    struct attempt_spec spec = process_spec(fixture->attempt, argv);
    pid_t keeper;

    spec.grace_ms = grace_ms;
    keeper = process_start(&spec);
    process_mark_wait(&fixture->mark, count);
    return keeper;
}

static void a_stop_lets_the_program_end_in_order(void **state)
{
    struct fixture *fixture = *state;
    char *script = mem_printf(
        "trap 'echo bye; exit 5' TERM; echo x >%s; while :; do sleep 0.01; done",
        fixture->mark.path);
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL(script));
    pid_t keeper = process_start(&spec);
    struct attempt_exit end;

    process_mark_wait(&fixture->mark, 2);
    process_stop(fixture->attempt, keeper, false);
    end = read_end(fixture);
    assert_int_equal(end.status, 5);
    assert_true(end.stopped);
    assert_false(end.timed_out);
    assert_int_equal(end.stdout_bytes, 4);
    free(script);
}

static void a_stop_kills_after_the_grace_whatever_was_forked(void **state)
{
    struct fixture *fixture = *state;
    pid_t keeper = start_agent(fixture, "daemons", 4, 50);
    struct attempt_exit end;

    process_stop(fixture->attempt, keeper, false);
    assert_true(process_mark_is_gone(&fixture->mark));
    end = read_end(fixture);
    assert_int_equal(end.status, -1);
    assert_int_equal(end.signal, SIGKILL);
    assert_true(end.stopped);
    assert_int_equal(end.survivors, 0);
    assert_true(end.ended_at_ms - end.started_at_ms >= 49);
}

static void a_forced_stop_does_not_wait_for_the_grace(void **state)
{
    struct fixture *fixture = *state;
    pid_t keeper = start_agent(fixture, "chain", 5, 3600000);
    struct attempt_exit end;

    process_stop(fixture->attempt, keeper, true);
    assert_true(process_mark_is_gone(&fixture->mark));
    end = read_end(fixture);
    assert_int_equal(end.signal, SIGKILL);
    assert_true(end.stopped);
}

static void a_forced_stop_ends_the_grace_of_an_earlier_one(void **state)
{
    struct fixture *fixture = *state;
    pid_t keeper = start_agent(fixture, "chain", 5, 3600000);

    assert_int_equal(kill(keeper, SIGTERM), 0);
    process_stop(fixture->attempt, keeper, true);
    assert_true(process_mark_is_gone(&fixture->mark));
}

static void a_second_stop_does_not_shorten_the_grace(void **state)
{
    struct fixture *fixture = *state;
    pid_t keeper = start_agent(fixture, "chain", 5, 200);
    struct attempt_exit end;

    for (int i = 0; i < 20; i++) {
        assert_int_equal(kill(keeper, SIGTERM), 0);
    }
    process_stop(fixture->attempt, keeper, false);
    end = read_end(fixture);
    assert_int_equal(end.signal, SIGKILL);
    assert_true(end.ended_at_ms - end.started_at_ms >= 199);
}

static void a_suspended_program_obeys_a_stop(void **state)
{
    struct fixture *fixture = *state;
    pid_t keeper = start_agent(fixture, "suspended", 1, 3600000);

    process_stop(fixture->attempt, keeper, false);
    assert_int_equal(read_end(fixture).signal, SIGTERM);
}

static void a_fork_bomb_ends(void **state)
{
    struct fixture *fixture = *state;
    pid_t keeper = start_agent(fixture, "bomb", 1, 20);

    process_stop(fixture->attempt, keeper, false);
    assert_true(process_mark_is_gone(&fixture->mark));
    assert_int_equal(read_end(fixture).survivors, 0);
}

static void the_deadline_ends_what_never_ends(void **state)
{
    struct fixture *fixture = *state;
    const char *const argv[] = {process_own_path(), "--agent", "daemons", fixture->mark.path, NULL};
    struct attempt_spec spec = process_spec(fixture->attempt, argv);
    struct attempt_exit end;

    spec.timeout_ms = 300;
    spec.grace_ms = 20;
    end = process_run(&spec);
    assert_true(end.timed_out);
    assert_false(end.stopped);
    assert_int_equal(end.status, -1);
    assert_true(end.ended_at_ms - end.started_at_ms >= 299);
    assert_true(process_mark_is_gone(&fixture->mark));
}

static void after_the_deadline_the_grace_is_short(void **state)
{
    struct fixture *fixture = *state;
    const char *const argv[] = {process_own_path(), "--agent", "chain", fixture->mark.path, NULL};
    struct attempt_spec spec = process_spec(fixture->attempt, argv);
    struct attempt_exit end;

    spec.timeout_ms = 500; /* by then it heeds no SIGTERM */
    spec.grace_ms = 3600000;
    end = process_run(&spec);
    assert_true(end.timed_out);
    assert_int_equal(end.signal, SIGKILL); /* or else it had ended by itself, much later */
    assert_true(process_mark_is_gone(&fixture->mark));
}

static void what_outlives_the_program_is_ended_and_counted(void **state)
{
    struct fixture *fixture = *state;
    pid_t keeper = start_agent(fixture, "leave-daemons", 3, 100);
    struct attempt_exit end;

    process_wait(fixture->attempt, keeper);
    end = read_end(fixture);
    assert_int_equal(end.status, 7);
    assert_int_equal(end.leftovers, 3);
    assert_false(end.stopped);
    assert_true(process_mark_is_gone(&fixture->mark));
}

static void a_program_that_closes_its_output_lives_on(void **state)
{
    struct fixture *fixture = *state;
    struct attempt_spec spec = process_spec(
        fixture->attempt, SHELL("echo first; exec >/dev/null 2>&1; sleep 0.1; exit 9"));
    struct attempt_exit end = process_run(&spec);

    assert_int_equal(end.status, 9);
    assert_int_equal(end.stdout_bytes, 6);
}

/* What it holds is free when it ends, and not the program's to keep or to see. */
static void a_descriptor_is_held_as_long_as_the_keeper_lives(void **state)
{
    struct fixture *fixture = *state;
    char *path = path_join(fixture->folder, "lock");
    char *script = mem_printf("ls -l /proc/self/fd; echo x >%s; while :; do sleep 0.01; done",
                              fixture->mark.path);
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL(script));
    int again = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char *output;
    pid_t keeper;

    spec.held = open(path, O_RDWR | O_CLOEXEC);
    assert_true(again >= 0 && spec.held >= 0);
    assert_int_equal(flock(spec.held, LOCK_EX | LOCK_NB), 0);
    keeper = process_start(&spec);
    (void)close(spec.held);
    process_mark_wait(&fixture->mark, 2);
    assert_int_equal(flock(again, LOCK_EX | LOCK_NB), -1);
    process_stop(fixture->attempt, keeper, true);
    assert_int_equal(flock(again, LOCK_EX | LOCK_NB), 0);
    output = process_read_file(fixture->attempt, "stdout", NULL);
    assert_non_null(strstr(output, "/dev/null"));
    assert_null(strstr(output, path));
    (void)close(again);
    free(output);
    free(script);
    free(path);
}

static void only_the_first_keeper_of_a_folder_runs_it(void **state)
{
    struct fixture *fixture = *state;
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL("echo once >>../count"));
    pid_t keepers[6];
    char *count;

    spec.cwd = fixture->attempt;
    keepers[0] = process_start(&spec);
    for (int i = 1; i < 6; i++) {
        assert_int_equal(attempt_spawn(process_keeper_path(), &spec, &keepers[i], NULL), 0);
    }
    for (int i = 0; i < 6; i++) {
        int status;

        assert_int_equal(waitpid(keepers[i], &status, 0), keepers[i]);
        assert_int_equal(status, 0);
    }
    count = process_read_file(fixture->folder, "count", NULL);
    assert_string_equal(count, "once\n");
    assert_int_equal(read_end(fixture).status, 0);
    free(count);
}

static void a_stop_before_the_start_prevents_it(void **state)
{
    struct fixture *fixture = *state;
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL("echo no >../started"));
    char *started = path_join(fixture->folder, "started");
    sigset_t term;
    sigset_t before;
    struct attempt_exit end;
    pid_t keeper;

    spec.cwd = fixture->attempt;
    assert_int_equal(attempt_prepare(&spec, NULL), 0);
    /* A pending signal stays pending over exec, and a fork is the way to have one that early. */
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, &before);
    keeper = fork();
    if (keeper == 0) {
        (void)raise(SIGTERM);
        (void)execl(process_keeper_path(), "fermata-keep", fixture->attempt, NULL);
        _exit(99);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    process_wait(fixture->attempt, keeper);
    end = read_end(fixture);
    assert_true(end.stopped);
    assert_int_equal(end.status, -1);
    assert_string_equal(end.start_error, "it was stopped before it started");
    assert_false(file_exists(started));
    free(started);
}

static void the_program_dies_with_its_keeper(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec pause = {.tv_nsec = 1000000};
    pid_t keeper = start_agent(fixture, "stubborn", 1, 50);
    struct attempt_exit end;

    assert_int_equal(kill(keeper, SIGKILL), 0);
    process_wait(fixture->attempt, keeper);
    assert_int_equal(attempt_read_exit(fixture->attempt, &end, NULL), ERROR_NOT_FOUND);
    /* Sooner than the agent ends by itself. */
    for (int i = 0; i < 10000 && !process_mark_is_gone(&fixture->mark); i++) {
        (void)nanosleep(&pause, NULL);
    }
    assert_true(process_mark_is_gone(&fixture->mark));
}

static void output_that_cannot_be_written_is_counted_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    const char *const argv[] = {process_own_path(), "--agent", "numbers", "3000000", NULL};
    struct attempt_spec spec = process_spec(fixture->attempt, argv);
    struct rlimit before;
    struct rlimit small;
    struct attempt_exit end;
    pid_t keeper;

    /* A file size limit stands for the full disk: the keeper inherits it. */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    assert_int_equal(attempt_prepare(&spec, NULL), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(attempt_spawn(process_keeper_path(), &spec, &keeper, NULL), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    process_wait(fixture->attempt, keeper);
    end = read_end(fixture);
    assert_int_equal(end.status, 0);
    assert_int_equal(end.stdout_bytes, 3000000);
    assert_string_equal(end.output_error, "EFBIG");
}

static void a_torn_spec_is_a_start_error(void **state)
{
    struct fixture *fixture = *state;
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL("exit 0"));
    char *path = path_join(fixture->attempt, "spec");
    pid_t keeper;

    assert_int_equal(file_make_folders(fixture->attempt, NULL), 0);
    assert_int_equal(file_write(path, "cwd=/\0arg=true", 15, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(attempt_spawn(process_keeper_path(), &spec, &keeper, NULL), 0);
    process_wait(fixture->attempt, keeper);
    assert_int_equal(read_end(fixture).start_errno, EINVAL);
    free(path);
}

static void the_keeper_needs_no_dynamic_linker(void **state)
{
    size_t length;
    char *path = realpath(process_keeper_path(), NULL);
    char *program = process_read_file("/", path, &length);

    (void)state;
    assert_null(memmem(program, length, "/ld-linux", 9));
    assert_null(memmem(program, length, "/ld-musl", 8));
    free(program);
    free(path);
}

static long read_resident_kb(pid_t pid)
{
    char *name = mem_printf("%ld/status", (long)pid);
    char *status = process_read_file("/proc", name, NULL);
    const char *line = strstr(status, "VmHWM:");
    long resident_kb;

    assert_non_null(line);
    resident_kb = strtol(line + strlen("VmHWM:"), NULL, 10);
    free(status);
    free(name);
    return resident_kb;
}

static void the_keeper_stays_below_its_memory_ceiling(void **state)
{
    struct fixture *fixture = *state;
    char *script = mem_printf("yes | head -c 5000000; echo x >%s; sleep 100", fixture->mark.path);
    struct attempt_spec spec = process_spec(fixture->attempt, SHELL(script));
    char *large = mem_alloc(20001);
    const char *env[] = {"PATH=/usr/bin:/bin", large, NULL};
    pid_t keeper;
    long resident_kb;

    memset(large, 'x', 20000);
    large[20000] = '\0';
    spec.env = env;
    spec.output_bytes_max = 1 << 20;
    keeper = process_start(&spec);
    process_mark_wait(&fixture->mark, 2);
    resident_kb = read_resident_kb(keeper);
    assert_true(resident_kb > 0);
    assert_true(resident_kb <= RESIDENT_KB_MAX);
    process_stop(fixture->attempt, keeper, true);
    free(large);
    free(script);
}

static void assert_said(const struct fixture *fixture, const char *stream, const char *expected)
{
    struct strbuf said;

    strbuf_init(&said, 1000);
    assert_int_equal(attempt_read_output(fixture->attempt, stream, &said, NULL, NULL), 0);
    assert_string_equal(said.data, expected);
    strbuf_release(&said);
}

static void a_key_is_in_none_of_its_files(void **state)
{
    struct fixture *fixture = *state;
    static const char *const env[] = {"PATH=/usr/bin:/bin", "MY_KEY=sk-0123456789",
                                      "FERMATA_KEYS=MY_KEY", NULL};
    struct attempt_spec spec = process_spec(
        fixture->attempt, SHELL("printf 'it is sk-0123'; printf '456789!'; echo \"<$MY_KEY>\" >&2; "
                                "printf sk-012345678"));

    spec.env = env;
    assert_int_equal(process_run(&spec).status, 0);
    assert_said(fixture, "stdout", "it is [key MY_KEY]!sk-012345678");
    assert_said(fixture, "stderr", "<[key MY_KEY]>\n");
}

#define KEEP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KEEP_TEST(a_stop_lets_the_program_end_in_order),
        KEEP_TEST(a_stop_kills_after_the_grace_whatever_was_forked),
        KEEP_TEST(a_forced_stop_does_not_wait_for_the_grace),
        KEEP_TEST(a_forced_stop_ends_the_grace_of_an_earlier_one),
        KEEP_TEST(a_second_stop_does_not_shorten_the_grace),
        KEEP_TEST(a_suspended_program_obeys_a_stop),
        KEEP_TEST(a_fork_bomb_ends),
        KEEP_TEST(the_deadline_ends_what_never_ends),
        KEEP_TEST(after_the_deadline_the_grace_is_short),
        KEEP_TEST(what_outlives_the_program_is_ended_and_counted),
        KEEP_TEST(a_program_that_closes_its_output_lives_on),
        KEEP_TEST(a_descriptor_is_held_as_long_as_the_keeper_lives),
        KEEP_TEST(only_the_first_keeper_of_a_folder_runs_it),
        KEEP_TEST(a_stop_before_the_start_prevents_it),
        KEEP_TEST(the_program_dies_with_its_keeper),
        KEEP_TEST(output_that_cannot_be_written_is_counted_all_the_same),
        KEEP_TEST(a_torn_spec_is_a_start_error),
        KEEP_TEST(a_key_is_in_none_of_its_files),
        KEEP_TEST(the_keeper_needs_no_dynamic_linker),
        KEEP_TEST(the_keeper_stays_below_its_memory_ceiling),
    };
    int agent_status = process_agent_main(argc, argv);

    return agent_status >= 0 ? agent_status : cmocka_run_group_tests(tests, NULL, NULL);
}
