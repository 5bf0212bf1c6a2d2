/* SPDX-License-Identifier: MIT */
/* Whether an attempt's keeper lives, and how to wait for it and stop it. A pid alone proves
 * nothing: the lock, the claim and the start time together do, and a pidfd holds what was proved.
 */
#include "agents/attempt.h"

#include "agents/keeper/keeper.h"
#include "base/alloc.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_TRIES_MAX 1000
#define SETTLE_PAUSE_NS 1000000
#define STAT_SIZE 1024
#define STAT_FLAGS 9
#define STAT_START_TIME 22
#define STAT_ENVIRONMENT_END 51
#define FLAG_KERNEL_THREAD 0x00200000UL
#define UNKNOWN_TRIES_MAX 50
#define STOPPED_TIMES_MAX 4

struct claim {
    bool exists;
    bool given_up;
    pid_t keeper; /* 0: not written yet */
    long long start_time;
};

struct attempt_watch {
    struct loop *loop;
    loop_id id;
    int pidfd; /* -1: ended already */
    pid_t keeper;
    int times_stopped;
    bool is_kept;
    loop_callback on_end;
    void *arg;
};

/* A program can put a pipe into its folder: that is not waited for. */
static ssize_t read_small(int folder, const char *name, char *text, size_t size)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got;

    if (fd < 0) {
        return -1;
    }
    got = read(fd, text, size - 1);
    (void)close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

static void read_claim(int folder, struct claim *ret_claim)
{
    char text[KEEPER_CLAIM_BYTES_MAX];
    struct claim claim = {.exists = read_small(folder, "claim", text, sizeof(text)) >= 0};
    const size_t word_length = strlen(KEEPER_CLAIM_KEEPER);

    if (claim.exists && strncmp(text, KEEPER_CLAIM_KEEPER, word_length) == 0 &&
        strchr(text, '\n')) {
        char *rest;
        long keeper = strtol(text + word_length, &rest, 10);

        claim.start_time = strtoll(rest, NULL, 10);
        claim.keeper = keeper > 0 && keeper <= INT32_MAX ? (pid_t)keeper : 0;
    } else if (claim.exists) {
        claim.given_up = strcmp(text, KEEPER_CLAIM_GIVEN_UP) == 0;
    }
    *ret_claim = claim;
}

struct process {
    char state; /* 'Z': it only waits to be collected */
    pid_t parent;
    long long start_time; /* in clock ticks since the boot */
    bool has_environment; /* or may have one: it is in the middle of an execve */
};

/* The text after the number `field` of proc(5)'s stat, counted on from the name's ')'. */
static const char *stat_field(const char *name_end, int field)
{
    const char *text = name_end;

    for (int i = 2; text && i < field; i++) {
        text = strchr(text + 1, ' ');
    }
    return text ? text + 1 : "-1";
}

static bool read_process(pid_t pid, struct process *ret_process)
{
    struct process process = {0};
    char path[64];
    char text[STAT_SIZE];
    const char *field;
    unsigned long long end;

    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    if (read_small(AT_FDCWD, path, text, sizeof(text)) <= 0) {
        return false;
    }
    field = strrchr(text, ')'); /* the name before it may hold anything */
    if (!field || strlen(field) < 5) {
        return false;
    }
    process.state = field[2];
    process.parent = (pid_t)strtol(field + 4, NULL, 10);
    process.start_time = strtoll(stat_field(field, STAT_START_TIME), NULL, 10);
    end = strtoull(stat_field(field, STAT_ENVIRONMENT_END), NULL, 10);
    process.has_environment = process.state != 'Z' &&
                              (strtoul(stat_field(field, STAT_FLAGS), NULL, 10) &
                               FLAG_KERNEL_THREAD) == 0 &&
                              (end == 0 ||
                               end !=
                                   strtoull(stat_field(field, STAT_ENVIRONMENT_END - 1), NULL, 10));
    *ret_process = process;
    return true;
}

/* -1: no such process, or it has ended. */
static long long read_start_time(pid_t pid)
{
    struct process process;

    return read_process(pid, &process) && process.state != 'Z' ? process.start_time : -1;
}

static bool is_claimant(const struct claim *claim, pid_t pid)
{
    return claim->keeper == pid && read_start_time(pid) == claim->start_time;
}

/* Only asked once there is a claim: whoever made it had the lock before, so taking it here for a
 * moment can turn away no keeper that has something to do. */
static bool is_locked(int folder)
{
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool locked;

    if (own < 0) {
        return false;
    }
    locked = flock(own, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    (void)close(own);
    return locked;
}

/* Returns false when a keeper is between two of its steps: ask again. */
static bool probe_once(int folder, enum attempt_presence *ret_presence, pid_t *ret_keeper)
{
    struct claim claim;

    *ret_keeper = 0;
    if (faccessat(folder, "exit.json", F_OK, 0) == 0) {
        *ret_presence = ATTEMPT_ENDED;
        return true;
    }
    read_claim(folder, &claim);
    if (!claim.exists) {
        *ret_presence = ATTEMPT_ABSENT;
        return true;
    }
    if (claim.given_up) {
        *ret_presence = ATTEMPT_GONE;
        return true;
    }
    if (!is_locked(folder)) {
        /* It may have written its last file since we looked. */
        *ret_presence = faccessat(folder, "exit.json", F_OK, 0) == 0 ? ATTEMPT_ENDED : ATTEMPT_GONE;
        return true;
    }
    *ret_presence = ATTEMPT_ALIVE;
    *ret_keeper = claim.keeper;
    return claim.keeper > 0 && is_claimant(&claim, claim.keeper);
}

int attempt_probe(const char *folder, enum attempt_presence *ret_presence, pid_t *ret_keeper,
                  struct error *err)
{
    const struct timespec pause = {.tv_nsec = SETTLE_PAUSE_NS};
    enum attempt_presence presence;
    pid_t keeper;
    bool settled = false;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        *ret_presence = ATTEMPT_ABSENT;
        *ret_keeper = 0;
        return 0;
    }
    if (fd < 0) {
        return error_set_errno(err, "cannot open folder %s", folder);
    }
    for (int i = 0; !settled && i < SETTLE_TRIES_MAX; i++) {
        settled = probe_once(fd, &presence, &keeper);
        if (!settled) {
            (void)nanosleep(&pause, NULL);
        }
    }
    (void)close(fd);
    if (!settled) {
        int r = error_set(err, ERROR_BUSY, "%s is locked by a process that is not its keeper",
                          folder);

        error_hint(err, "find it with: fuser %s/lock", folder);
        return r;
    }
    *ret_presence = presence;
    *ret_keeper = keeper;
    return 0;
}

/* ---- what a killed keeper leaves behind ---- */

/* Is the text one of the strings of /proc/PID/environ? Only its first 128 KiB are looked at. In the
 * middle of an execve nothing is there yet, and at its end nothing any more though its files are
 * still open: that says nothing of the process. */
static bool has_variable(pid_t pid, const char *text, bool *ret_is_unknown)
{
    static const size_t size = 128 * 1024;
    char path[64];
    char *environment = mem_alloc(size);
    struct process process;
    ssize_t length;
    bool found = false;

    (void)snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
    length = read_small(AT_FDCWD, path, environment, size);
    for (const char *entry = environment; length > 0 && entry < environment + length && !found;
         entry += strlen(entry) + 1) {
        found = strcmp(entry, text) == 0;
    }
    *ret_is_unknown = (length == 0 || (length < 0 && errno == ESRCH)) &&
                      read_process(pid, &process) && process.has_environment;
    free(environment);
    return found;
}

/* The number of a session stays taken while anybody is in it, so one without its leader that began
 * after the claim is the keeper's. */
static bool is_of_session(pid_t pid, const struct claim *claim)
{
    return claim->keeper > 0 && getsid(pid) == claim->keeper &&
           read_start_time(claim->keeper) < 0 && read_start_time(pid) >= claim->start_time;
}

static bool is_own_program(pid_t pid)
{
    char path[64];
    struct stat own;
    struct stat other;

    (void)snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
    return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* A child of ours in another session is a keeper, about to become one (still our own program, or
 * without arguments for a moment), or what a killed keeper has left to us (attempt_spawn). One that
 * looks like a zombie can have threads that live; nothing else is known of it then. */
static bool is_orphan(pid_t pid)
{
    struct process process;
    char path[64];
    char text[STAT_SIZE];

    if (!read_process(pid, &process) || process.parent != getpid() || getsid(pid) == getsid(0)) {
        return false;
    }
    if (process.state == 'Z') {
        return true;
    }
    (void)snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long)pid);
    return read_small(AT_FDCWD, path, text, sizeof(text)) > 0 &&
           strcmp(text, ATTEMPT_KEEPER_NAME) != 0 && !is_own_program(pid);
}

/* A zombie child is collected; somebody else's child is not ours to collect. */
static bool collect_child(int pidfd, siginfo_t *ret_info)
{
    ret_info->si_pid = 0;
    return waitid(P_PIDFD, (id_t)pidfd, ret_info, WEXITED | WNOHANG) == 0 && ret_info->si_pid > 0;
}

struct sweep {
    struct claim claim;
    char *variable;
    int killed;  /* in this round */
    int unknown; /* in this round: they may be the attempt's */
};

/* The pidfd comes first: what is then found out about the pid is true for whom the signal reaches.
 */
static void sweep_process(struct sweep *sweep, pid_t pid)
{
    int pidfd = pidfd_open(pid, 0);
    bool orphan = pidfd >= 0 && is_orphan(pid);
    bool is_unknown = false;
    siginfo_t info;

    if (pidfd < 0) {
        return;
    }
    if (!(orphan && collect_child(pidfd, &info)) &&
        (orphan || is_of_session(pid, &sweep->claim) ||
         has_variable(pid, sweep->variable, &is_unknown)) &&
        pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0) {
        sweep->killed++;
    }
    sweep->unknown += is_unknown ? 1 : 0;
    (void)close(pidfd);
}

static void sweep_once(struct sweep *sweep)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;

    sweep->killed = sweep->unknown = 0;
    while (processes && (entry = readdir(processes)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (pid > 1 && pid != getpid()) {
            sweep_process(sweep, (pid_t)pid);
        }
    }
    if (processes) {
        (void)closedir(processes);
    }
}

int attempt_sweep(const char *folder)
{
    const struct timespec pause = {.tv_nsec = SETTLE_PAUSE_NS};
    struct sweep sweep = {.variable = mem_printf(ATTEMPT_FOLDER_VARIABLE "=%s", folder)};
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int total = 0;
    bool again = true;

    if (fd >= 0) {
        read_claim(fd, &sweep.claim);
        (void)close(fd);
    }
    /* Again until none is left, since what forks meanwhile is met only in the next round. */
    for (int i = 0; again && i < SETTLE_TRIES_MAX; i++) {
        sweep_once(&sweep);
        total += sweep.killed;
        again = sweep.killed > 0 || (sweep.unknown > 0 && i < UNKNOWN_TRIES_MAX);
        if (again) {
            (void)nanosleep(&pause, NULL);
        }
    }
    free(sweep.variable);
    return total;
}

bool attempt_give_up(const char *folder)
{
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct claim claim = {0};
    bool ours;
    int fd;

    if (folder_fd < 0) {
        return false;
    }
    fd = openat(folder_fd, "claim", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ours = fd >= 0;
    if (ours) {
        /* Even an empty claim keeps the keeper away; the word is for whoever looks later. */
        ssize_t written = write(fd, KEEPER_CLAIM_GIVEN_UP, sizeof(KEEPER_CLAIM_GIVEN_UP) - 1);

        (void)written;
        (void)close(fd);
    } else if (errno == EEXIST) {
        read_claim(folder_fd, &claim);
    }
    (void)close(folder_fd);
    return ours || claim.given_up;
}

static void on_keeper_end(void *arg)
{
    struct attempt_watch *watch = arg;

    loop_cancel(watch->loop, watch->id);
    watch->id = (loop_id){0};
    if (watch->pidfd >= 0) {
        siginfo_t info;

        watch->is_kept = collect_child(watch->pidfd, &info) && info.si_code == CLD_EXITED &&
                         info.si_status == 0;
        (void)close(watch->pidfd);
        watch->pidfd = -1;
    }
    watch->on_end(watch->arg); /* may free the watch */
}

static bool is_own_child(int pidfd)
{
    siginfo_t info;

    return waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* The pidfd of the keeper, or -1 when it has ended. The check comes after the open: from then on
 * the process that was checked is the one that the pidfd names. */
static int open_keeper(const char *folder, pid_t keeper)
{
    int pidfd = pidfd_open(keeper, 0);
    int fd;
    struct claim claim = {0};

    if (pidfd < 0 || is_own_child(pidfd)) {
        return pidfd;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        read_claim(fd, &claim);
        (void)close(fd);
    }
    if (!is_claimant(&claim, keeper)) {
        (void)close(pidfd);
        return -1;
    }
    return pidfd;
}

int attempt_watch_start(struct loop *loop, const char *folder, pid_t keeper, loop_callback on_end,
                        void *arg, struct attempt_watch **ret_watch, struct error *err)
{
    struct attempt_watch *watch = mem_zero(1, sizeof(*watch));

    assert(keeper > 0);
    *watch = (struct attempt_watch){.loop = loop, .keeper = keeper, .on_end = on_end, .arg = arg};
    errno = 0;
    watch->pidfd = open_keeper(folder, keeper);
    /* Not known to have ended. */
    if (watch->pidfd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
        free(watch);
        return error_set_errno(err, "cannot watch the keeper %ld", (long)keeper);
    }
    watch->id = watch->pidfd >= 0 ? loop_watch_readable(loop, watch->pidfd, on_keeper_end, watch)
                                  : loop_timer_start(loop, 0, on_keeper_end, watch);
    if (watch->id.value == 0) {
        attempt_watch_free(watch);
        return error_set(err, ERROR_LIMIT, "cannot watch the keeper %ld", (long)keeper);
    }
    *ret_watch = watch;
    return 0;
}

void attempt_watch_free(struct attempt_watch *watch)
{
    if (!watch) {
        return;
    }
    loop_cancel(watch->loop, watch->id);
    if (watch->pidfd >= 0) {
        (void)close(watch->pidfd);
    }
    free(watch);
}

void attempt_stop(struct attempt_watch *watch, bool force)
{
    if (watch->pidfd >= 0) {
        (void)pidfd_send_signal(watch->pidfd, force ? SIGUSR1 : SIGTERM, NULL, 0);
        (void)pidfd_send_signal(watch->pidfd, SIGCONT, NULL, 0); /* a stopped one could not obey */
    }
}

bool attempt_is_kept(const struct attempt_watch *watch)
{
    return watch->is_kept;
}

bool attempt_urge(struct attempt_watch *watch)
{
    struct process process;
    bool kill;

    if (watch->pidfd < 0 || !read_process(watch->keeper, &process) || process.state != 'T') {
        return false;
    }
    watch->times_stopped++;
    kill = watch->times_stopped >= STOPPED_TIMES_MAX;
    (void)pidfd_send_signal(watch->pidfd, kill ? SIGKILL : SIGCONT, NULL, 0);
    return kill;
}
