/* SPDX-License-Identifier: MIT */
/* With real processes: that is what the unit is about. This process stands for the keeper. */
#include "agents/liveness.h"

#include "../../support/process.h"
#include "base/alloc.h"
#include "base/file.h"

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define NOWHERE "/nonexistent"

static void end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* Looks until it is so: what was started needs its time to get there. */
static struct liveness_look look_until(bool (*is_so)(const struct liveness_look *look))
{
    struct liveness_look look;

    do {
        liveness_look(NOWHERE, getpid(), &look);
    } while (!is_so(&look));
    return look;
}

static bool has_used_time(const struct liveness_look *look)
{
    return look->cpu_ms >= 200;
}

static bool wants_input(const struct liveness_look *look)
{
    return look->asker != 0;
}

static bool has_two(const struct liveness_look *look)
{
    return look->processes == 2;
}

static bool has_none(const struct liveness_look *look)
{
    return look->processes == 0;
}

static pid_t start_shell(const char *script)
{
    pid_t pid = fork();

    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static void a_child_that_computes_is_seen_and_its_time_stays_when_it_has_ended(void **state)
{
    pid_t pid = start_shell("while :; do :; done");
    struct liveness_look look = look_until(has_used_time);

    (void)state;
    assert_true(look.is_readable);
    assert_int_equal(look.processes, 1);
    assert_string_equal(look.name, "sh");
    assert_int_equal(look.asker, 0);
    end(pid);
    liveness_look(NOWHERE, getpid(), &look);
    assert_int_equal(look.processes, 0);
    assert_true(look.cpu_ms >= 200);
}

static void descendants_count_and_what_has_ended_does_not_live(void **state)
{
    pid_t pid = start_shell("sleep 60; true");
    struct liveness_look look = look_until(has_two);

    (void)state;
    assert_int_equal(look.asker, 0);
    (void)kill(pid, SIGKILL);
    look = look_until(has_none);
    assert_true(look.is_readable); /* it is not waited for: a zombie */
    (void)waitpid(pid, NULL, 0);
}

static void who_reads_from_its_terminal_is_named(void **state)
{
    int master;
    pid_t pid = forkpty(&master, NULL, NULL, NULL);
    struct liveness_look look;

    (void)state;
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", "read answer", (char *)NULL);
        _exit(127);
    }
    look = look_until(wants_input);
    assert_int_equal(look.asker, pid);
    assert_string_equal(look.name, "sh");
    end(pid);
    (void)close(master);
}

/* Until it is inside the call: then nothing changes any more. */
static void wait_for_read(pid_t pid)
{
    char *path = mem_printf("/proc/%ld/syscall", (long)pid);
    char text[64] = "";

    while (strncmp(text, "0 0x0 ", strlen("0 0x0 ")) != 0) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = read(fd, text, sizeof(text) - 1);

        text[got > 0 ? got : 0] = '\0';
        (void)close(fd);
    }
    free(path);
}

/* A helper that serves its parent over a pipe waits like that all its life. */
static void who_reads_from_a_pipe_asks_nobody(void **state)
{
    int ends[2];
    struct liveness_look look;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        (void)dup2(ends[0], 0);
        (void)execl("/bin/sh", "sh", "-c", "read answer", (char *)NULL);
        _exit(127);
    }
    wait_for_read(pid);
    liveness_look(NOWHERE, getpid(), &look);
    assert_int_equal(look.processes, 1);
    assert_int_equal(look.asker, 0);
    end(pid);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void what_is_printed_changes_the_stamp(void **state)
{
    char *folder = process_make_folder();
    char *path = path_join(folder, "stderr");
    struct liveness_look before;
    struct liveness_look after;

    (void)state;
    liveness_look(folder, 0, &before);
    assert_int_equal(before.stamp, 0);
    assert_false(before.is_readable);
    assert_int_equal(file_append(path, "x", 1, NULL), 0);
    liveness_look(folder, 0, &before);
    assert_true(before.stamp != 0);
    assert_int_equal(file_append(path, "x", 1, NULL), 0);
    liveness_look(folder, 0, &after);
    assert_true(before.stamp != after.stamp);
    process_remove_folder(folder);
    free(path);
}

static void of_a_keeper_that_is_gone_nothing_is_claimed(void **state)
{
    pid_t pid = start_shell("exit 0");
    struct liveness_look look;

    (void)state;
    (void)waitpid(pid, NULL, 0);
    liveness_look(NOWHERE, pid, &look);
    assert_false(look.is_readable);
    assert_int_equal(look.processes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_that_computes_is_seen_and_its_time_stays_when_it_has_ended),
        cmocka_unit_test(descendants_count_and_what_has_ended_does_not_live),
        cmocka_unit_test(who_reads_from_its_terminal_is_named),
        cmocka_unit_test(who_reads_from_a_pipe_asks_nobody),
        cmocka_unit_test(what_is_printed_changes_the_stamp),
        cmocka_unit_test(of_a_keeper_that_is_gone_nothing_is_claimed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
