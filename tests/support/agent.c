/* SPDX-License-Identifier: MIT */
/* An agent program that does what agents should not. */
#include "process.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK_SIZE 65536
#define EVER_SECONDS 30

/* So long that whoever waits for it has failed, and yet it ends: a broken keeper makes a case fail,
 * not hang, and leaves nothing behind. */
static void wait_for_ever(void)
{
    (void)alarm(EVER_SECONDS);
    for (;;) {
        (void)pause();
    }
}

/* Stays open in every process that follows from here on. */
static int hold_mark(const char *path)
{
    int fd = open(path, O_WRONLY);

    if (fd < 0) {
        _exit(99);
    }
    return fd;
}

static void tell_mark(int fd)
{
    if (write(fd, "x", 1) != 1) {
        _exit(99);
    }
}

static void ignore_signals(void)
{
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
}

/* A daemon by the book: double fork and a session of its own. It is at work when this returns. */
static void start_daemon(int mark)
{
    int begun[2];
    char byte;
    pid_t middle;

    if (pipe2(begun, O_CLOEXEC) < 0) {
        _exit(97);
    }
    middle = fork();
    if (middle == 0) {
        (void)setsid();
        if (fork() == 0) {
            ignore_signals();
            tell_mark(mark);
            (void)close(begun[0]);
            (void)close(begun[1]);
            wait_for_ever();
        }
        _exit(0);
    }
    (void)close(begun[1]);
    (void)waitpid(middle, NULL, 0);
    while (read(begun[0], &byte, 1) < 0 && errno == EINTR) {
    }
    (void)close(begun[0]);
}

static void start_chain(int mark, int depth)
{
    ignore_signals();
    tell_mark(mark);
    while (depth-- > 0 && fork() == 0) {
        (void)setsid();
        tell_mark(mark);
    }
    wait_for_ever();
}

/* Every process forks as fast as it can, and none listens to TERM. Bounded (some 1,500 processes),
 * so that a keeper that fails does not take the machine with it. */
static void run_bomb(int mark)
{
    int generation = 0;

    ignore_signals();
    tell_mark(mark);
    for (int i = 0; i < 6 && generation < 4; i++) {
        if (fork() == 0) {
            (void)setsid();
            generation++;
            i = -1;
        }
        (void)usleep(1000);
    }
    wait_for_ever();
}

/* As Node's programs do that end by process.exit(): what does not fit the pipe is lost. */
static int print_hastily(size_t bytes)
{
    char *text = mem_alloc(bytes);
    ssize_t written;

    memset(text, 'x', bytes);
    (void)fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
    written = write(STDOUT_FILENO, text, bytes);
    free(text);
    return written > 0 ? 0 : 1;
}

static int print_numbers(long long bytes)
{
    static char block[BLOCK_SIZE];
    long long at = 0;

    while (at < bytes) {
        size_t length = 0;

        for (; length < sizeof(block) && at < bytes; length++, at++) {
            block[length] = (char)('0' + at % 10);
        }
        for (size_t done = 0; done < length;) {
            ssize_t written = write(STDOUT_FILENO, block + done, length - done);

            if (written <= 0) {
                return 1;
            }
            done += (size_t)written;
        }
    }
    return 0;
}

/* The parent of an attempt, which the test kills: prints the keeper's pid, then waits. */
static int run_orchestrator(const char *folder, char **argv)
{
    struct attempt_spec spec = process_spec(folder, (const char *const *)argv);
    pid_t keeper;

    if (attempt_prepare(&spec, NULL) < 0 ||
        attempt_spawn(process_keeper_path(), &spec, &keeper, NULL) < 0) {
        return 1;
    }
    (void)printf("%ld\n", (long)keeper);
    (void)fflush(stdout);
    wait_for_ever();
    return 0;
}

int process_agent_main(int argc, char **argv)
{
    const char *mode = argc > 3 && strcmp(argv[1], "--agent") == 0 ? argv[2] : NULL;

    if (!mode) {
        return -1;
    }
    if (strcmp(mode, "daemons") == 0) { /* MARK: three daemons, and it waits itself */
        int mark = hold_mark(argv[3]);

        for (int i = 0; i < 3; i++) {
            start_daemon(mark);
        }
        start_chain(mark, 0);
    } else if (strcmp(mode, "leave-daemons") == 0) { /* MARK: the same, but it ends */
        int mark = hold_mark(argv[3]);

        for (int i = 0; i < 3; i++) {
            start_daemon(mark);
        }
        return 7;
    } else if (strcmp(mode, "chain") == 0) { /* MARK: five generations */
        start_chain(hold_mark(argv[3]), 4);
    } else if (strcmp(mode, "stubborn") == 0) { /* MARK: listens to no signal it can refuse */
        start_chain(hold_mark(argv[3]), 0);
    } else if (strcmp(mode, "bomb") == 0) { /* MARK */
        run_bomb(hold_mark(argv[3]));
    } else if (strcmp(mode, "suspended") == 0) { /* MARK: stops itself */
        tell_mark(hold_mark(argv[3]));
        (void)raise(SIGSTOP);
        wait_for_ever();
    } else if (strcmp(mode, "numbers") == 0) { /* BYTES */
        return print_numbers(strtoll(argv[3], NULL, 10));
    } else if (strcmp(mode, "hasty") == 0) { /* BYTES: ends before a pipe took them */
        return print_hastily((size_t)strtoll(argv[3], NULL, 10));
    } else if (strcmp(mode, "orchestrator") == 0) { /* FOLDER ARGV... */
        return run_orchestrator(argv[3], argv + 4);
    }
    return 98;
}
