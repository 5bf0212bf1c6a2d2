/* SPDX-License-Identifier: MIT */
#include "../../../support/process.h"
#include "agents/keeper/keeper.h"
#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

/* With the NUL that ends the literal. */
#define SPEC(text) text, sizeof(text)

struct fixture {
    char *folder;
    int folder_fd;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->folder = process_make_folder();
    fixture->folder_fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = fixture;
    return fixture->folder_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    (void)close(fixture->folder_fd);
    process_remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

static int read_spec(const struct fixture *fixture, const char *text, size_t length,
                     struct keeper_spec *ret_spec)
{
    static char key[] = "KEY=secret";
    static char empty[] = "C=";
    static char *const environment[] = {key, empty, NULL};
    char *path = path_join(fixture->folder, "spec");

    assert_int_equal(file_write(path, text, length, FILE_NO_SYNC, NULL), 0);
    free(path);
    return keeper_spec_read(fixture->folder_fd, environment, ret_spec);
}

static void a_spec_is_read_whole(void **state)
{
    struct keeper_spec spec;

    assert_int_equal(
        read_spec(*state,
                  SPEC("cwd=/a b\0timeout_ms=1\0grace_ms=2\0output_bytes_max=3\0"
                       "memory_bytes_max=4\0env=A=1\0arg=x\0arg=\0env=B=\0arg=y=z\0end="),
                  &spec),
        0);
    assert_string_equal(spec.cwd, "/a b");
    assert_int_equal(spec.timeout_ms, 1);
    assert_int_equal(spec.grace_ms, 2);
    assert_int_equal(spec.output_bytes_max, 3);
    assert_int_equal(spec.memory_bytes_max, 4);
    assert_string_equal(spec.argv[0], "x");
    assert_string_equal(spec.argv[1], "");
    assert_string_equal(spec.argv[2], "y=z");
    assert_null(spec.argv[3]);
    assert_string_equal(spec.env[0], "KEY=secret");
    assert_string_equal(spec.env[1], "C=");
    assert_string_equal(spec.env[2], "A=1");
    assert_string_equal(spec.env[3], "B=");
    assert_null(spec.env[4]);
    keeper_spec_release(&spec);
    keeper_spec_release(&spec);
}

static void what_is_not_said_has_its_default(void **state)
{
    struct keeper_spec spec;

    assert_int_equal(read_spec(*state, SPEC("cwd=/\0arg=x\0end="), &spec), 0);
    assert_int_equal(spec.timeout_ms, 0);
    assert_int_equal(spec.grace_ms, 5000);
    assert_int_equal(spec.output_bytes_max, 8 * 1024 * 1024);
    assert_int_equal(spec.memory_bytes_max, 0);
    assert_string_equal(spec.env[1], "C=");
    assert_null(spec.env[2]);
    keeper_spec_release(&spec);
}

static void wrong_specs_are_refused(void **state)
{
    static const struct {
        const char *text;
        size_t size;
    } wrong[] = {
        {SPEC("cwd=/\0arg=x")},                      /* torn between two entries */
        {"cwd=/\0arg=x\0end=", 16},                  /* torn in the last one */
        {SPEC("arg=x\0end=")},                       /* no cwd */
        {SPEC("cwd=/\0end=")},                       /* no argument */
        {SPEC("cwd=/\0arg=x\0end=\0arg=y")},         /* more after the end */
        {SPEC("cwd=/\0arg=x\0what=1\0end=")},        /* unknown key */
        {SPEC("cwd=/\0arg=x\0\0end=")},              /* empty entry */
        {SPEC("cwd=/\0arg=x\0timeout_ms=\0end=")},   /* no number */
        {SPEC("cwd=/\0arg=x\0timeout_ms=1s\0end=")}, /* no number */
        {SPEC("cwd=/\0arg=x\0timeout_ms=-1\0end=")}, /* negative */
        {SPEC("cwd=/\0arg=x\0timeout_ms=99999999999999999999\0end=")},
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct keeper_spec spec;

        assert_int_equal(read_spec(*state, wrong[i].text, wrong[i].size, &spec), -EINVAL);
    }
}

static void every_prefix_of_a_spec_is_refused(void **state)
{
    static const char text[] = "cwd=/\0timeout_ms=1\0arg=x\0env=A=1\0end=";

    for (size_t length = 0; length < sizeof(text); length++) {
        struct keeper_spec spec;

        assert_int_equal(read_spec(*state, text, length, &spec), -EINVAL);
    }
}

static void no_spec_and_too_large_a_one_are_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct keeper_spec spec;
    char *large = mem_zero(1, KEEPER_SPEC_BYTES_MAX + 1);

    assert_int_equal(keeper_spec_read(fixture->folder_fd, (char *[]){NULL}, &spec), -ENOENT);
    assert_int_equal(read_spec(fixture, large, KEEPER_SPEC_BYTES_MAX + 1, &spec), -E2BIG);
    free(large);
}

static void many_short_arguments_fit(void **state)
{
    size_t length = 0;
    char *text = mem_alloc(1 << 20);
    struct keeper_spec spec;

    memcpy(text, "cwd=/", 6);
    length = 6;
    for (int i = 0; i < 100000; i++) {
        memcpy(text + length, i % 2 ? "arg=" : "env=", 5);
        length += 5;
    }
    memcpy(text + length, "end=", 5);
    length += 5;
    assert_int_equal(read_spec(*state, text, length, &spec), 0);
    assert_string_equal(spec.argv[49999], "");
    assert_null(spec.argv[50000]);
    assert_string_equal(spec.env[50001], ""); /* the given two come first */
    assert_null(spec.env[50002]);
    keeper_spec_release(&spec);
    free(text);
}

/* Returns the wait status, or the negative errno of the start. */
static int run(const struct fixture *fixture, char **argv, char **env, const char *cwd,
               const char **ret_stage)
{
    char *path = path_join(fixture->folder, "out");
    struct keeper_spec spec = {.argv = argv, .env = env, .cwd = cwd};
    struct keeper_start_failure failure = {0};
    int out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int fds[3] = {out, out, out};
    int status;
    pid_t pid;
    int r = keeper_launch(&spec, fds, &pid, &failure);

    if (r == 0) {
        assert_int_equal(waitpid(pid, &status, 0), pid);
        r = status;
    }
    *ret_stage = failure.stage;
    (void)close(out);
    free(path);
    return r;
}

static void put_program(const struct fixture *fixture, const char *name, const char *text,
                        mode_t mode)
{
    char *path = path_join(fixture->folder, name);

    assert_int_equal(file_write(path, text, strlen(text), FILE_NO_SYNC, NULL), 0);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

static void a_program_is_looked_up_in_the_path_of_its_own_environment(void **state)
{
    const struct fixture *fixture = *state;
    char name[] = "program";
    char *argv[] = {name, NULL};
    char *path = mem_printf("PATH=/no/such:/etc/passwd:%s:/bin", fixture->folder);
    char *env[] = {path, NULL};
    char none[] = "PATH=/bin";
    char *env_none[] = {none, NULL};
    const char *stage;

    put_program(fixture, "program", "#!/bin/sh\nexit 9\n", 0700);
    assert_int_equal(WEXITSTATUS(run(fixture, argv, env, "/", &stage)), 9);
    assert_null(stage);
    assert_int_equal(run(fixture, argv, env_none, "/", &stage), -ENOENT);
    assert_string_equal(stage, "exec");
    free(path);
}

static void relative_folders_of_the_path_are_never_searched(void **state)
{
    const struct fixture *fixture = *state;
    char name[] = "program";
    char *argv[] = {name, NULL};
    char path[] = "PATH=::.:sub:";
    char *env[] = {path, NULL};
    const char *stage;

    put_program(fixture, "program", "#!/bin/sh\nexit 9\n", 0700);
    assert_int_equal(run(fixture, argv, env, fixture->folder, &stage), -ENOENT);
}

static void a_program_that_may_not_be_run_is_told_from_a_missing_one(void **state)
{
    const struct fixture *fixture = *state;
    char name[] = "program";
    char *argv[] = {name, NULL};
    char *path = mem_printf("PATH=%s:/bin", fixture->folder);
    char *env[] = {path, NULL};
    const char *stage;

    put_program(fixture, "program", "#!/bin/sh\nexit 9\n", 0600);
    assert_int_equal(run(fixture, argv, env, "/", &stage), -EACCES);
    assert_string_equal(stage, "exec");
    free(path);
}

static void a_program_of_no_known_format_is_not_given_to_a_shell(void **state)
{
    const struct fixture *fixture = *state;
    char name[] = "./program";
    char *argv[] = {name, NULL};
    char *env[] = {NULL};
    const char *stage;

    put_program(fixture, "program", "exit 9\n", 0700);
    assert_int_equal(run(fixture, argv, env, fixture->folder, &stage), -ENOEXEC);
}

static void without_a_path_the_usual_folders_are_searched(void **state)
{
    char name[] = "sh";
    char option[] = "-c";
    char script[] = "exit 8";
    char *argv[] = {name, option, script, NULL};
    char *env[] = {NULL};
    const char *stage;

    assert_int_equal(WEXITSTATUS(run(*state, argv, env, "/", &stage)), 8);
}

static void absurd_names_are_missing_programs(void **state)
{
    char *name = mem_zero(1, 6000);
    char *argv[] = {name, NULL};
    char *env[] = {NULL};
    const char *stage;

    assert_int_equal(run(*state, argv, env, "/", &stage), -ENOENT);
    memset(name, 'x', 5000);
    assert_int_equal(run(*state, argv, env, "/", &stage), -ENOENT);
    free(name);
}

static void a_missing_working_folder_is_its_own_stage(void **state)
{
    char name[] = "sh";
    char *argv[] = {name, NULL};
    char *env[] = {NULL};
    const char *stage;

    assert_int_equal(run(*state, argv, env, "/no/such", &stage), -ENOENT);
    assert_string_equal(stage, "cwd");
}

#define LAUNCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(a_spec_is_read_whole),
        LAUNCH_TEST(what_is_not_said_has_its_default),
        LAUNCH_TEST(wrong_specs_are_refused),
        LAUNCH_TEST(every_prefix_of_a_spec_is_refused),
        LAUNCH_TEST(no_spec_and_too_large_a_one_are_refused),
        LAUNCH_TEST(many_short_arguments_fit),
        LAUNCH_TEST(a_program_is_looked_up_in_the_path_of_its_own_environment),
        LAUNCH_TEST(relative_folders_of_the_path_are_never_searched),
        LAUNCH_TEST(a_program_that_may_not_be_run_is_told_from_a_missing_one),
        LAUNCH_TEST(a_program_of_no_known_format_is_not_given_to_a_shell),
        LAUNCH_TEST(without_a_path_the_usual_folders_are_searched),
        LAUNCH_TEST(absurd_names_are_missing_programs),
        LAUNCH_TEST(a_missing_working_folder_is_its_own_stage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
