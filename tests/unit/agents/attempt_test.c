/* SPDX-License-Identifier: MIT */
/* With real processes and private folders: that is what the unit is about. */
#include "agents/attempt.h"

#include "../../support/process.h"
#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define SHELL(script) ((const char *const[]){"sh", "-c", script, NULL})

static int set_up(void **state)
{
    *state = process_make_folder();
    return 0;
}

static int tear_down(void **state)
{
    process_remove_folder(*state);
    return 0;
}

static void assert_stdout(const char *folder, const char *expected)
{
    struct strbuf output;

    strbuf_init(&output, 1 << 20);
    assert_int_equal(attempt_read_output(folder, "stdout", &output, NULL, NULL), 0);
    assert_string_equal(output.data, expected);
    strbuf_release(&output);
}

static void output_and_exit_status_are_kept(void **state)
{
    struct attempt_spec spec = process_spec(*state, SHELL("echo out; echo err >&2; exit 3"));
    struct attempt_exit end = process_run(&spec);
    char *errors = process_read_file(*state, "stderr", NULL);

    assert_int_equal(end.status, 3);
    assert_int_equal(end.signal, 0);
    assert_false(end.timed_out);
    assert_false(end.stopped);
    assert_string_equal(end.start_error, "");
    assert_string_equal(end.output_error, "");
    assert_int_equal(end.stdout_bytes, 4);
    assert_int_equal(end.stderr_bytes, 4);
    assert_int_equal(end.leftovers, 0);
    assert_int_equal(end.survivors, 0);
    assert_true(end.started_at_ms > INT64_C(1600000000000));
    assert_true(end.ended_at_ms >= end.started_at_ms);
    assert_true(end.memory_bytes_max > 0);
    assert_stdout(*state, "out\n");
    assert_string_equal(errors, "err\n");
    free(errors);
}

static void what_is_left_in_a_tmp_of_its_own_goes_with_the_attempt(void **state)
{
    const char *const env[] = {"PATH=/usr/bin:/bin", "TMPDIR=/nowhere", NULL};
    struct attempt_spec spec = process_spec(
        *state, SHELL("echo left >\"$TMPDIR/file\" && echo \"$TMPDIR\""));
    char *tmp = path_join(*state, "tmp");
    char *file = path_join(tmp, "file");
    char *line = mem_printf("%s\n", tmp);

    spec.env = env;
    spec.has_own_tmp = true;
    assert_int_equal(process_run(&spec).status, 0);
    assert_stdout(*state, line);
    assert_true(file_exists(file));
    assert_int_equal(attempt_clear(*state, NULL), 0);
    assert_false(file_exists(tmp));
    assert_int_equal(attempt_clear(*state, NULL), 0);
    free(tmp);
    free(file);
    free(line);
}

static void a_signal_is_reported_as_such(void **state)
{
    struct attempt_spec spec = process_spec(*state, SHELL("kill -SEGV $$"));
    struct attempt_exit end = process_run(&spec);

    assert_int_equal(end.status, -1);
    assert_int_equal(end.signal, SIGSEGV);
}

static void arguments_and_environment_are_passed_exactly(void **state)
{
    const char *const argv[] = {"sh",          "-c",       "printf '%s|' \"$@\"; env | sort",
                                "name",        "",         "a b",
                                "$HOME;\n'\"", "\xff\xfe", NULL};
    /* Only its own folder is told to an attempt, not that of the attempt that we run in. */
    const char *const env[] = {
        "PATH=/usr/bin:/bin", ATTEMPT_FOLDER_VARIABLE "=/x", "ONE=1", "EMPTY=", "TEXT=a=b c", NULL};
    struct attempt_spec spec = process_spec(*state, argv);
    char *expected;

    spec.env = env;
    spec.cwd = "/usr";
    assert_int_equal(process_run(&spec).status, 0);
    expected = mem_printf("|a b|$HOME;\n'\"|\xff\xfe|EMPTY=\n" ATTEMPT_FOLDER_VARIABLE
                          "=%s\nONE=1\nPATH=/usr/bin:/bin\nPWD=/usr\nTEXT=a=b c\n",
                          spec.folder);
    assert_stdout(*state, expected);
    free(expected);
}

static void input_is_read_from_the_start_to_its_end(void **state)
{
    struct attempt_spec spec = process_spec(*state, SHELL("cat; echo end"));

    spec.input = "a\0b\n";
    spec.input_length = 4;
    assert_int_equal(process_run(&spec).stdout_bytes, 8);
}

static void without_input_there_is_nothing_to_read(void **state)
{
    struct attempt_spec spec = process_spec(*state, SHELL("cat; echo end"));

    assert_int_equal(process_run(&spec).status, 0);
    assert_stdout(*state, "end\n");
}

static void a_missing_program_is_named(void **state)
{
    const char *const argv[] = {"no-such-program", NULL};
    struct attempt_spec spec = process_spec(*state, argv);
    struct attempt_exit end = process_run(&spec);

    assert_int_equal(end.status, -1);
    assert_int_equal(end.signal, 0);
    assert_int_equal(end.start_errno, ENOENT);
    assert_string_equal(end.start_error, "cannot start no-such-program: No such file or directory "
                                         "(it is not in PATH)");
}

static void a_file_that_is_no_program_is_named(void **state)
{
    const char *const argv[] = {"/etc/passwd", NULL};
    struct attempt_spec spec = process_spec(*state, argv);
    struct attempt_exit end = process_run(&spec);

    assert_int_equal(end.start_errno, EACCES);
    assert_string_equal(end.start_error, "cannot start /etc/passwd: Permission denied");
}

static void a_missing_working_folder_is_named(void **state)
{
    struct attempt_spec spec = process_spec(*state, SHELL("exit 0"));
    struct attempt_exit end;

    spec.cwd = "/no/such/folder";
    end = process_run(&spec);
    assert_int_equal(end.start_errno, ENOENT);
    assert_string_equal(end.start_error,
                        "cannot enter the folder /no/such/folder: No such file or directory");
}

static void the_program_inherits_no_descriptor_and_no_ignored_signal(void **state)
{
    struct attempt_spec spec = process_spec(
        *state, SHELL("ls /proc/self/fd | wc -l; grep -E '^Sig(Blk|Ign)' /proc/self/status"));
    int open_fd = open("/dev/null", O_RDONLY); /* not close-on-exec */
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);

    assert_true(open_fd >= 0);
    (void)process_run(&spec);
    (void)signal(SIGPIPE, before);
    (void)close(open_fd);
    /* 0, 1, 2 and the one that ls has for the folder it lists. */
    assert_stdout(*state, "4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void no_core_is_dumped_and_memory_is_limited(void **state)
{
    struct attempt_spec spec = process_spec(*state, SHELL("ulimit -c; ulimit -v"));

    spec.memory_bytes_max = INT64_C(512) * 1024 * 1024;
    (void)process_run(&spec);
    assert_stdout(*state, "0\n524288\n");
}

static void folders_are_made_as_needed(void **state)
{
    char *deep = mem_printf("%s/a/b/c", (const char *)*state);
    struct attempt_spec spec = process_spec(deep, SHELL("exit 0"));

    assert_int_equal(process_run(&spec).status, 0);
    free(deep);
}

static void bad_specs_are_refused(void **state)
{
    const char *const nothing[] = {NULL};
    const char *const empty[] = {"", NULL};
    struct attempt_spec spec = process_spec(*state, SHELL("exit 0"));
    struct attempt_spec wrong;
    struct error err = ERROR_INIT;

    wrong = spec;
    wrong.argv = nothing;
    assert_int_equal(attempt_prepare(&wrong, &err), ERROR_INVALID);
    wrong.argv = empty;
    assert_int_equal(attempt_prepare(&wrong, &err), ERROR_INVALID);
    wrong = spec;
    wrong.cwd = "relative";
    assert_int_equal(attempt_prepare(&wrong, &err), ERROR_INVALID);
    assert_string_equal(err.text, "relative is not an absolute path");
    wrong = spec;
    wrong.folder = "relative";
    assert_int_equal(attempt_prepare(&wrong, &err), ERROR_INVALID);
    wrong = spec;
    wrong.timeout_ms = -1;
    assert_int_equal(attempt_prepare(&wrong, &err), ERROR_INVALID);
}

static char *make_text(size_t length)
{
    char *text = mem_alloc(length + 1);

    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

static void too_large_arguments_are_refused(void **state)
{
    char *large = make_text(5U << 20);
    const char *const argv[] = {"true", large, NULL};
    struct attempt_spec spec = process_spec(*state, argv);
    struct error err = ERROR_INIT;

    assert_int_equal(attempt_prepare(&spec, &err), ERROR_LIMIT);
    assert_true(err.hint[0] != '\0');
    free(large);
}

static void too_large_an_environment_is_refused(void **state)
{
    char *large = make_text(5U << 20);
    const char *const env[] = {large, NULL};
    struct attempt_spec spec = process_spec(*state, SHELL("exit 0"));
    struct error err = ERROR_INIT;
    pid_t keeper = 77;

    spec.env = env;
    assert_int_equal(attempt_prepare(&spec, &err), 0);
    assert_int_equal(attempt_spawn(process_keeper_path(), &spec, &keeper, &err), ERROR_LIMIT);
    assert_string_equal(err.text, "the environment of sh is too large for a program");
    assert_true(err.hint[0] != '\0');
    assert_int_equal(keeper, 77);
    free(large);
}

static void no_file_holds_what_was_in_the_environment(void **state)
{
    const char *const env[] = {"PATH=/usr/bin:/bin", "KEY=a-canary", NULL};
    /* From within, while the keeper is there. */
    struct attempt_spec spec = process_spec(
        *state, SHELL("test \"$KEY\" && ls -A && ! grep -r -e a-canar[y] ."));

    spec.env = env;
    spec.cwd = *state;
    spec.has_own_tmp = true;
    assert_int_equal(process_run(&spec).status, 0);
    spec.argv = SHELL("! grep -r -e a-canar[y] .");
    spec.folder = path_join(*state, "later");
    assert_int_equal(process_run(&spec).status, 0);
    free((char *)(uintptr_t)spec.folder);
}

static void a_started_attempt_cannot_be_prepared_again(void **state)
{
    struct attempt_spec spec = process_spec(*state, SHELL("exit 0"));
    struct error err = ERROR_INIT;

    assert_int_equal(attempt_prepare(&spec, &err), 0);
    assert_int_equal(attempt_prepare(&spec, &err), 0);
    (void)process_run(&spec);
    assert_int_equal(attempt_prepare(&spec, &err), ERROR_CONFLICT);
}

static void a_second_preparation_replaces_the_first(void **state)
{
    struct attempt_spec spec = process_spec(*state, SHELL("cat; echo second"));
    struct attempt_spec first = process_spec(*state, SHELL("echo a much longer first command"));

    first.input = "old";
    first.input_length = 3;
    assert_int_equal(attempt_prepare(&first, NULL), 0);
    assert_int_equal(process_run(&spec).status, 0);
    assert_stdout(*state, "second\n");
}

/* A stop that is sent at once, before the keeper has a line of its own behind it, is read later. */
static void a_keeper_begins_with_its_signals_blocked(void **state)
{
    static const char script[] = "#!/bin/sh\nwhile read -r name mask; do\n"
                                 "  test $name != SigBlk: || echo $mask >$1/mask\n"
                                 "done </proc/self/status\n";
    struct attempt_spec spec = process_spec(*state, SHELL("exit 0"));
    char *keeper_path = path_join(*state, "keeper");
    char *mask;
    sigset_t before;
    sigset_t after;
    pid_t keeper;

    assert_int_equal(file_write(keeper_path, script, strlen(script), FILE_NO_SYNC, NULL), 0);
    assert_int_equal(chmod(keeper_path, 0700), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    assert_int_equal(attempt_spawn(keeper_path, &spec, &keeper, NULL), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    assert_int_equal(waitpid(keeper, NULL, 0), keeper);
    mask = process_read_file(*state, "mask", NULL);
    for (int signal = SIGHUP; signal < SIGSYS; signal++) {
        bool is_blocked = strtoull(mask, NULL, 16) >> (signal - 1) & 1;

        assert_true(is_blocked || signal == SIGKILL || signal == SIGSTOP);
        assert_int_equal(sigismember(&after, signal), sigismember(&before, signal));
    }
    free(mask);
    free(keeper_path);
}

static void a_missing_keeper_is_unavailable(void **state)
{
    struct attempt_spec spec = process_spec(*state, SHELL("exit 0"));
    pid_t keeper = 77;
    struct error err = ERROR_INIT;

    assert_int_equal(attempt_spawn("/no/such/keeper", &spec, &keeper, &err), ERROR_UNAVAILABLE);
    assert_int_equal(keeper, 77);
    assert_non_null(strstr(err.text, "/no/such/keeper"));
    assert_true(err.hint[0] != '\0');
}

static void the_keeper_is_found_where_it_is_named(void **state)
{
    char *path = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(attempt_find_keeper(process_keeper_path(), &path, &err), 0);
    assert_string_equal(path, process_keeper_path());
    free(path);
    assert_int_equal(attempt_find_keeper("/etc/passwd", &path, &err), ERROR_UNAVAILABLE);
    assert_int_equal(attempt_find_keeper("/no/such", &path, &err), ERROR_UNAVAILABLE);
}

/* Runs a copy of this program in a folder of its own; returns what its finder printed. */
static char *find_from(const char *folder, const char *program)
{
    char *path = path_join(folder, program);
    char *attempt = path_join(folder, "attempt");
    const char *const argv[] = {path, "--find-keeper", NULL};
    struct attempt_spec spec = process_spec(attempt, argv);
    char *output;

    assert_int_equal(process_run(&spec).status, 0);
    output = process_read_file(attempt, "stdout", NULL);
    assert_int_equal(file_remove_tree(attempt, NULL), 0);
    free(path);
    free(attempt);
    return output;
}

static void copy_program(const char *from, const char *folder, const char *name)
{
    size_t length;
    char *data = process_read_file("/", from, &length);
    char *path = path_join(folder, name);

    assert_int_equal(file_write(path, data, length, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(chmod(path, 0700), 0);
    free(path);
    free(data);
}

static void the_keeper_is_found_beside_the_program_then_in_libexec(void **state)
{
    char *bin = path_join(*state, "bin");
    char *libexec = path_join(*state, "libexec/fermata");
    char *expected = mem_printf("%s/../libexec/fermata/fermata-keep\n", bin);
    char *beside = mem_printf("%s/fermata-keep\n", bin);
    char *found;

    assert_int_equal(file_make_folders(bin, NULL), 0);
    assert_int_equal(file_make_folders(libexec, NULL), 0);
    copy_program(process_own_path(), bin, "fermata");
    found = find_from(bin, "fermata");
    assert_non_null(strstr(found, "there is no fermata-keep in"));
    free(found);
    copy_program("/bin/true", libexec, "fermata-keep");
    found = find_from(bin, "fermata");
    assert_string_equal(found, expected);
    free(found);
    copy_program("/bin/true", bin, "fermata-keep");
    found = find_from(bin, "fermata");
    assert_string_equal(found, beside);
    free(found);
    free(beside);
    free(expected);
    free(libexec);
    free(bin);
}

static int print_found_keeper(void)
{
    struct error err = ERROR_INIT;
    char *path = NULL;
    const char *text = attempt_find_keeper(NULL, &path, &err) < 0 ? err.text : path;
    bool written = write(STDOUT_FILENO, text, strlen(text)) > 0 &&
                   write(STDOUT_FILENO, "\n", 1) == 1;

    free(path);
    return written ? 0 : 1;
}

#define ATTEMPT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ATTEMPT_TEST(output_and_exit_status_are_kept),
        ATTEMPT_TEST(what_is_left_in_a_tmp_of_its_own_goes_with_the_attempt),
        ATTEMPT_TEST(a_signal_is_reported_as_such),
        ATTEMPT_TEST(arguments_and_environment_are_passed_exactly),
        ATTEMPT_TEST(input_is_read_from_the_start_to_its_end),
        ATTEMPT_TEST(without_input_there_is_nothing_to_read),
        ATTEMPT_TEST(a_missing_program_is_named),
        ATTEMPT_TEST(a_file_that_is_no_program_is_named),
        ATTEMPT_TEST(a_missing_working_folder_is_named),
        ATTEMPT_TEST(the_program_inherits_no_descriptor_and_no_ignored_signal),
        ATTEMPT_TEST(no_core_is_dumped_and_memory_is_limited),
        ATTEMPT_TEST(folders_are_made_as_needed),
        ATTEMPT_TEST(bad_specs_are_refused),
        ATTEMPT_TEST(too_large_arguments_are_refused),
        ATTEMPT_TEST(no_file_holds_what_was_in_the_environment),
        ATTEMPT_TEST(too_large_an_environment_is_refused),
        ATTEMPT_TEST(a_started_attempt_cannot_be_prepared_again),
        ATTEMPT_TEST(a_second_preparation_replaces_the_first),
        ATTEMPT_TEST(a_keeper_begins_with_its_signals_blocked),
        ATTEMPT_TEST(a_missing_keeper_is_unavailable),
        ATTEMPT_TEST(the_keeper_is_found_where_it_is_named),
        ATTEMPT_TEST(the_keeper_is_found_beside_the_program_then_in_libexec),
    };

    if (argc == 2 && strcmp(argv[1], "--find-keeper") == 0) {
        return print_found_keeper();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
