/* SPDX-License-Identifier: MIT */
/* fermata-keep FOLDER: runs the program that FOLDER/spec describes, once, whatever happens to
 * whoever started it. See agents/attempt.h for the files.
 *
 *   running --main ends, others remain--> leftover (TERM, 500 ms) --> killing
 *   running --TERM----------------------> stopping (TERM, grace)  --> killing
 *   running --the deadline--------------> stopping (TERM, 1 s)    --> killing
 *   running, leftover, stopping --USR1--> killing (again and again until no child is left)
 *   any of them --no child is left------> exit.json
 *
 * One wait decides: the keeper is a subreaper, so "no child is left" means that the whole tree is
 * gone. */
#include "agents/keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LEFTOVER_GRACE_MS 500
#define DEADLINE_GRACE_MS 1000 /* two seconds after its deadline nothing of it is left */
#define KILL_AGAIN_MS 10
#define KILL_PATIENCE_MS                                                                           \
    10000 /* then what cannot be killed is left: another user's, stuck in the kernel */
#define DURABLE_FROM_MS 1000 /* work shorter than this is cheaper to repeat than to sync */
#define POLL_MS_MAX 3600000
#define FILE_POLL_MS 100
#define SIGNALS_MAX 64
#define SPEC_BYTES_KEPT 32768 /* a smaller one stays mapped: not worth the call */
#define NEVER INT64_MAX

enum source { SOURCE_SIGNALS, SOURCE_STDOUT, SOURCE_STDERR, SOURCES };

struct keeper {
    int folder;
    int signals; /* signalfd of CHLD, TERM and USR1 */
    pid_t main;  /* 0: ended */
    struct keeper_output outputs[2];
    struct keeper_keys keys;
    struct keeper_report report;
    int64_t grace_ms;
    int64_t started_ms;  /* monotonic, as are the next three */
    int64_t deadline_ms; /* NEVER: none */
    int64_t kill_at_ms;  /* the next round of KILL; NEVER: nobody is to be killed yet */
    int64_t abandon_ms;  /* set by a round of KILL, cleared by each process that ends */
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

/* Nothing of whoever started us is left: no descriptor (but the one that is to be held for as long
 * as we live, and not by the program), terminal, signal setting or folder. All
 * signals are blocked first and for good; those that matter are read from the signalfd. */
static int leave_parent(bool is_held)
{
    const unsigned long default_action[4] = {0}; /* the kernel's struct sigaction: SIG_DFL */
    sigset_t all;
    int null;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    /* An ignored signal would stay ignored in the program. libc refuses its own two, hence the
     * call. */
    for (int number = 1; number <= SIGNALS_MAX; number++) {
        (void)syscall(SYS_rt_sigaction, number, default_action, NULL, SIGNALS_MAX / 8);
    }
    if (syscall(SYS_close_range, is_held ? KEEPER_HELD_FD + 1U : 3U, ~0U, 0U) < 0 ||
        (is_held && fcntl(KEEPER_HELD_FD, F_SETFD, FD_CLOEXEC) < 0)) {
        return -errno;
    }
    (void)setsid(); /* fails when we lead one already */
    null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) {
        if (null < 0 || dup2(null, fd) < 0) {
            return -errno;
        }
    }
    if (null > 2) {
        (void)close(null);
    }
    return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? -errno : 0;
}

/* The lock is ours until we end; it is never waited for, since only another keeper can have it. */
/* The folder itself: no file of its own to make, and none that the program can remove. */
static int lock_folder(int folder)
{
    return flock(folder, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

static int open_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGUSR1);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void fail_start(struct keeper *keeper, const char *stage, int number)
{
    keeper->report.start_error = stage;
    keeper->report.start_errno = number;
}

static int open_input(int folder)
{
    int fd = openat(folder, "stdin", O_RDONLY | O_CLOEXEC);

    /* Without one it is our own: /dev/null. */
    return fd >= 0 || errno != ENOENT ? fd : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
}

static int open_streams(struct keeper *keeper, const struct keeper_spec *spec, int ret_fds[3])
{
    int r = keeper_keys_read(spec->env, &keeper->keys);

    if (r < 0) {
        fail_start(keeper, "keys", -r);
        return r;
    }
    ret_fds[0] = open_input(keeper->folder);
    if (ret_fds[0] < 0) {
        fail_start(keeper, "stdin", errno);
        return -errno;
    }
    for (int i = 0; r == 0 && i < 2; i++) {
        keeper_output_init(&keeper->outputs[i], spec->output_bytes_max);
        keeper->outputs[i].keys = keeper_keys_stream(&keeper->keys);
        r = keeper_output_source(&keeper->outputs[i], i == 0 && spec->stdout_is_file,
                                 &ret_fds[i + 1]);
    }
    if (r < 0) {
        fail_start(keeper, "output", -r);
    }
    return r;
}

static void start_program(struct keeper *keeper)
{
    struct keeper_start_failure failure = {0};
    struct keeper_spec spec = {0};
    int fds[3] = {-1, -1, -1};
    int r = keeper_spec_read(keeper->folder, environ, &spec);

    if (r < 0) {
        fail_start(keeper, "spec", -r);
        return;
    }
    keeper->grace_ms = spec.grace_ms;
    r = open_streams(keeper, &spec, fds);
    if (r == 0) {
        r = keeper_launch(&spec, fds, &keeper->main, &failure);
        if (r < 0) {
            fail_start(keeper, failure.stage, -r);
        }
    }
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    if (spec.timeout_ms > 0) {
        keeper->deadline_ms = keeper->started_ms + spec.timeout_ms;
    }
    if (spec.mapped_bytes > SPEC_BYTES_KEPT) {
        keeper_spec_release(&spec);
    }
}

static void note_main_end(struct keeper *keeper, int wait_status)
{
    keeper->main = 0;
    if (WIFEXITED(wait_status)) {
        keeper->report.status = WEXITSTATUS(wait_status);
    } else {
        keeper->report.signal_number = WTERMSIG(wait_status);
    }
}

/* Returns false when no child is left. */
static bool reap(struct keeper *keeper)
{
    for (;;) {
        int wait_status;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG | __WALL);

        if (pid <= 0) {
            return pid == 0;
        }
        if (pid == keeper->main) {
            note_main_end(keeper, wait_status);
        }
        keeper->abandon_ms = NEVER; /* the killing gets on */
    }
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A second wish to stop does not shorten the grace of the first. */
static void begin_stop(struct keeper *keeper, int64_t grace_ms)
{
    if (keeper->kill_at_ms != NEVER) {
        return;
    }
    (void)keeper_tree_terminate();
    keeper->kill_at_ms = now_ms() + grace_ms;
}

/* The program has ended, its descendants have not. */
static void begin_leftover(struct keeper *keeper)
{
    int64_t grace_ms = smaller(keeper->grace_ms, LEFTOVER_GRACE_MS);

    if (keeper->kill_at_ms == NEVER) {
        keeper->report.leftovers = (int64_t)keeper_tree_terminate();
    }
    keeper->kill_at_ms = smaller(keeper->kill_at_ms, now_ms() + grace_ms);
}

/* Returns false when it is time to leave behind what cannot be killed. */
static bool kill_all(struct keeper *keeper, int64_t now)
{
    int64_t found;

    if (keeper->abandon_ms == NEVER) {
        keeper->abandon_ms = now + KILL_PATIENCE_MS;
    }
    if (keeper->main > 0) {
        (void)kill(keeper->main, SIGKILL); /* needs no /proc and no memory */
    }
    found = (int64_t)keeper_tree_kill();
    keeper->kill_at_ms = now_ms() + KILL_AGAIN_MS;
    if (now < keeper->abandon_ms) {
        return true;
    }
    keeper->report.survivors = found;
    return false;
}

static void read_signals(struct keeper *keeper)
{
    struct signalfd_siginfo info;

    while (read(keeper->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            continue;
        }
        if (keeper->main > 0 && !keeper->report.timed_out) {
            keeper->report.stopped = true;
        }
        if (info.ssi_signo == SIGUSR1) {
            keeper->kill_at_ms = smaller(keeper->kill_at_ms, now_ms());
        } else {
            begin_stop(keeper, keeper->grace_ms);
        }
    }
}

static void wait_for_events(struct keeper *keeper)
{
    struct pollfd sources[SOURCES] = {
        [SOURCE_SIGNALS] = {.fd = keeper->signals, .events = POLLIN},
        [SOURCE_STDOUT] = {.fd = keeper->outputs[0].source, .events = POLLIN},
        [SOURCE_STDERR] = {.fd = keeper->outputs[1].source, .events = POLLIN},
    };
    int64_t until = smaller(keeper->deadline_ms, keeper->kill_at_ms);
    int64_t wait_ms = until == NEVER ? POLL_MS_MAX : smaller(until - now_ms(), POLL_MS_MAX);

    if (keeper->outputs[0].is_file) { /* nothing tells that it has grown, poll() least of all */
        sources[SOURCE_STDOUT].fd = -1;
        wait_ms = smaller(wait_ms, FILE_POLL_MS);
        keeper_output_pump(&keeper->outputs[0]);
    }
    if (poll(sources, SOURCES, wait_ms < 0 ? 0 : (int)wait_ms) <= 0) {
        return;
    }
    if (sources[SOURCE_SIGNALS].revents) {
        read_signals(keeper);
    }
    for (int i = 0; i < 2; i++) {
        if (sources[SOURCE_STDOUT + i].revents) {
            keeper_output_pump(&keeper->outputs[i]);
        }
    }
}

static void hold_program(struct keeper *keeper)
{
    bool main_was_there = true;

    while (reap(keeper)) {
        int64_t now = now_ms();

        if (main_was_there && keeper->main == 0) {
            main_was_there = false;
            keeper->deadline_ms = NEVER;
            begin_leftover(keeper);
        }
        if (now >= keeper->deadline_ms) {
            keeper->deadline_ms = NEVER;
            keeper->report.timed_out = !keeper->report.stopped;
            begin_stop(keeper, smaller(keeper->grace_ms, DEADLINE_GRACE_MS));
        }
        if (now >= keeper->kill_at_ms && !kill_all(keeper, now)) {
            return;
        }
        wait_for_events(keeper);
    }
}

static int64_t time_ms(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static int finish(struct keeper *keeper)
{
    struct keeper_report *report = &keeper->report;
    bool durable = now_ms() - keeper->started_ms >= DURABLE_FROM_MS;
    struct rusage usage;

    for (int i = 0; i < 2; i++) {
        keeper_output_drain(&keeper->outputs[i]);
        if (durable) {
            keeper_output_sync(&keeper->outputs[i]);
        }
        report->output_errno = report->output_errno ? report->output_errno
                                                    : keeper->outputs[i].error;
    }
    if (getrusage(RUSAGE_CHILDREN, &usage) == 0) {
        report->user_ms = time_ms(usage.ru_utime);
        report->system_ms = time_ms(usage.ru_stime);
        report->memory_bytes_max = (int64_t)usage.ru_maxrss * 1024;
    }
    report->stdout_bytes = keeper->outputs[0].total;
    report->stderr_bytes = keeper->outputs[1].total;
    report->ended_at_ms = clock_ms(CLOCK_REALTIME);
    return keeper_report_write(keeper->folder, report, durable);
}

/* A stop that came before the start prevents it. */
static bool is_stopped_early(struct keeper *keeper)
{
    struct signalfd_siginfo info;

    if (read(keeper->signals, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return false;
    }
    keeper->report.stopped = true;
    fail_start(keeper, "stopped", ECANCELED);
    return true;
}

static int keep(int folder)
{
    struct keeper keeper = {
        .folder = folder,
        .signals = open_signals(),
        .outputs = {{.folder = folder,
                     .name = "stdout",
                     .tail_name = "stdout.tail",
                     .source = -1,
                     .head = -1},
                    {.folder = folder,
                     .name = "stderr",
                     .tail_name = "stderr.tail",
                     .source = -1,
                     .head = -1}},
        .report = {.status = -1, .start_error = "", .started_at_ms = clock_ms(CLOCK_REALTIME)},
        .started_ms = now_ms(),
        .deadline_ms = NEVER,
        .kill_at_ms = NEVER,
        .abandon_ms = NEVER,
    };
    int r = keeper_report_reserve(folder);

    if (keeper.signals < 0) {
        return -errno;
    }
    if (r < 0) {
        fail_start(&keeper, "report", -r);
    } else if (!is_stopped_early(&keeper)) {
        start_program(&keeper);
        hold_program(&keeper);
    }
    return finish(&keeper);
}

int main(int argc, char **argv)
{
    bool is_held = argc == 3 && strcmp(argv[2], KEEPER_HELD) == 0;
    int folder;
    int r;

    if (argc != (is_held ? 3 : 2)) {
        static const char usage[] =
            "usage: fermata-keep FOLDER [held]   (started by fermata, see fermata.1)\n";

        return write(STDERR_FILENO, usage, sizeof(usage) - 1) < 0 ? 1 : 2;
    }
    if (leave_parent(is_held) < 0) {
        return 1;
    }
    folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || chdir("/") < 0) {
        return 1;
    }
    r = lock_folder(folder);
    if (r == 0) {
        r = keeper_claim(folder);
    }
    if (r == -EEXIST || r == -EWOULDBLOCK) {
        return 0; /* somebody else has this attempt */
    }
    return r < 0 || keep(folder) < 0 ? 1 : 0;
}
