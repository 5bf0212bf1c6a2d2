/* SPDX-License-Identifier: MIT */
#include "ops/probe.h"

#include "base/alloc.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const env[] = {"PATH=/usr/bin:/bin", "GREETING=hello", NULL};

static struct probe ask(const char *script, const char *input, int64_t timeout_ms)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct probe probe = {.argv = argv, .env = env, .input = input, .timeout_ms = timeout_ms};

    probe_run(&probe, 1);
    return probe;
}

static void a_program_is_asked_with_its_own_environment_and_input(void **state)
{
    (void)state;
    struct probe probe = ask("echo $GREETING; cat; echo aside >&2; exit 3", "from outside", 20000);

    assert_int_equal(probe.start_errno, 0);
    assert_int_equal(probe.exit_status, 3);
    assert_false(probe.timed_out);
    assert_string_equal(probe.output.data, "hello\nfrom outside");
    probe_release(&probe);
}

static void a_program_that_does_not_end_is_ended_with_what_it_started(void **state)
{
    (void)state;
    pid_t below = 0;

    /* On a busy machine the shell may not have come to its first line: it gets more time then. */
    for (int64_t timeout_ms = 200; below == 0 && timeout_ms < 60000; timeout_ms *= 2) {
        struct probe probe = ask("sleep 600 & echo $!; sleep 600", NULL, timeout_ms);

        below = (pid_t)strtol(probe.output.data, NULL, 10);
        assert_true(probe.timed_out);
        assert_int_equal(probe.exit_status, -1);
        probe_release(&probe);
    }
    assert_true(below > 0);
    /* It was killed with the group, and ends as soon as the kernel comes to it. */
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, below, 0), .events = POLLIN};
    assert_true(end.fd < 0 || poll(&end, 1, 60000) == 1);
    if (end.fd >= 0) {
        (void)close(end.fd);
    }
}

static void what_is_left_open_behind_a_program_does_not_hold_it(void **state)
{
    (void)state;
    struct probe probe = ask("sleep 600 & echo done", NULL, 60000);

    assert_int_equal(probe.exit_status, 0);
    assert_false(probe.timed_out);
    assert_string_equal(probe.output.data, "done\n");
    probe_release(&probe);
}

/* Out of its group, so that it is not ended with it. It ends when nobody reads it any more. */
static void what_is_left_printing_behind_a_program_does_not_hold_it(void **state)
{
    (void)state;
    struct probe probe = ask("setsid yes & read wait; exit 3", "x\n", 60000);

    assert_int_equal(probe.exit_status, 3);
    assert_true(probe.output.length <= PROBE_OUTPUT_BYTES_MAX);
    probe_release(&probe);
}

static void no_key_is_in_what_it_printed(void **state)
{
    (void)state;
    const char *argv[] = {"/bin/sh", "-c", "echo it is $ITS_KEY; echo $OTHER; exit 3", NULL};
    const char *const has[] = {"ITS_KEY=canary-1.2.3", "OTHER=canary-other", NULL};
    struct probe probe = {.argv = argv, .env = has, .keys = "ITS_KEY MISSING", .timeout_ms = 60000};

    probe_run(&probe, 1);
    assert_int_equal(probe.exit_status, 3);
    assert_string_equal(probe.output.data, "it is [key ITS_KEY]\ncanary-other\n");
    probe_release(&probe);
}

static void many_are_asked_at_once(void **state)
{
    (void)state;
    const char *argv[] = {"/bin/sh", "-c", "read wait; echo $wait", NULL};
    const char *missing[] = {"/nowhere/program", NULL};
    struct probe probes[5];

    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        probes[i] = (struct probe){
            .argv = i == 2 ? missing : argv, .env = env, .input = "x\n", .timeout_ms = 20000};
    }
    probe_run(probes, ARRAY_LEN(probes));
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        assert_true((probes[i].start_errno != 0) == (i == 2));
        assert_string_equal(probes[i].output.data, i == 2 ? "" : "x\n");
        probe_release(&probes[i]);
    }
    probe_run(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_is_asked_with_its_own_environment_and_input),
        cmocka_unit_test(a_program_that_does_not_end_is_ended_with_what_it_started),
        cmocka_unit_test(what_is_left_open_behind_a_program_does_not_hold_it),
        cmocka_unit_test(what_is_left_printing_behind_a_program_does_not_hold_it),
        cmocka_unit_test(no_key_is_in_what_it_printed),
        cmocka_unit_test(many_are_asked_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
