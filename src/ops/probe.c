/* SPDX-License-Identifier: MIT */
#include "ops/probe.h"

#include "base/alloc.h"
#include "base/redact.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 65536
#define POLL_MS_MAX 1000

/* What is watched of a probe: its output, and then its end. */
struct watched {
    struct probe *probe;
    pid_t pid; /* 0: it has ended, or was never started */
    int output;
    int end; /* pidfd */
    int64_t deadline_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

int probe_open_input(const char *text, size_t length)
{
    int fd = memfd_create("probe", MFD_CLOEXEC);

    if (fd >= 0 && (write(fd, text, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) < 0)) {
        close_fd(&fd);
    }
    return fd;
}

int probe_spawn(const char *const *argv, const char *const *env, const int fds[3], pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int r;

    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0) {
            mem_check(posix_spawn_file_actions_adddup2(&actions, fds[i], i));
        }
    }
    (void)sigemptyset(&none);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    /* It wants char * but changes nothing. */
    r = posix_spawn(ret_pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv,
                    (char *const *)(uintptr_t)env);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return r;
}

static void start(struct probe *probe, struct watched *watched)
{
    int pipes[2] = {-1, -1};
    int input = probe->input ? probe_open_input(probe->input, strlen(probe->input))
                             : open("/dev/null", O_RDONLY | O_CLOEXEC);
    int errors = open("/dev/null", O_WRONLY | O_CLOEXEC);

    *watched = (struct watched){
        .probe = probe, .output = -1, .end = -1, .deadline_ms = now_ms() + probe->timeout_ms};
    probe->start_errno = 0;
    probe->timed_out = false;
    probe->exit_status = -1;
    strbuf_init(&probe->output, PROBE_OUTPUT_BYTES_MAX);
    if (input < 0 || errors < 0 || pipe2(pipes, O_CLOEXEC) < 0) {
        probe->start_errno = errno;
    } else {
        probe->start_errno = probe_spawn(probe->argv, probe->env, (int[3]){input, pipes[1], errors},
                                         &watched->pid);
    }
    if (probe->start_errno != 0) {
        watched->pid = 0;
        close_fd(&pipes[0]);
    } else {
        watched->output = pipes[0];
        watched->end = (int)syscall(SYS_pidfd_open, watched->pid, 0);
    }
    close_fd(&pipes[1]);
    close_fd(&input);
    close_fd(&errors);
}

static void add_clean(void *context, const char *bytes, size_t length)
{
    strbuf_add_bytes(context, bytes, length);
}

/* As the keeper does it of what steps say. */
static void take_keys_out(struct probe *probe)
{
    struct redact_key keys[REDACT_KEYS_MAX];
    char *names = mem_strdup(probe->keys);
    size_t count = redact_find_keys((char *const *)(uintptr_t)probe->env, names, keys);
    void *memory = mem_alloc(redact_size(keys, count) + 1);
    struct redact redact;
    struct redact_stream stream = {.redact = &redact};
    struct strbuf clean;

    strbuf_init(&clean, SIZE_MAX); /* names may be longer than their keys */
    redact_init(&redact, memory, keys, count);
    stream.held = mem_alloc(redact.longest + 1);
    redact_add(&stream, probe->output.data, probe->output.length, add_clean, &clean);
    if (!probe->output.overflow) {
        redact_end(&stream, add_clean, &clean); /* else what is held may be the half of a key */
    }
    strbuf_release(&probe->output);
    probe->output = clean;
    free(stream.held);
    free(memory);
    free(names);
}

static void finish(struct watched *watched)
{
    int status = 0;

    (void)kill(-watched->pid, SIGKILL);
    while (waitpid(watched->pid, &status, 0) < 0 && errno == EINTR) {
    }
    watched->probe->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    watched->pid = 0;
    close_fd(&watched->output);
    close_fd(&watched->end);
    if (watched->probe->keys) {
        take_keys_out(watched->probe);
    }
}

static void take_output(struct watched *watched)
{
    char *buffer = mem_alloc(READ_BYTES);
    ssize_t length = read(watched->output, buffer, READ_BYTES);

    if (length > 0) {
        strbuf_add_bytes(&watched->probe->output, buffer, (size_t)length);
    } else if (length == 0 || errno != EINTR) {
        close_fd(&watched->output);
    }
    free(buffer);
}

/* What it printed last may still lie in the pipe when it ends; what it left behind may go on
 * printing for ever. */
static void drain(struct watched *watched)
{
    struct pollfd ready = {.fd = watched->output, .events = POLLIN};

    while (watched->output >= 0 && !watched->probe->output.overflow && poll(&ready, 1, 0) > 0) {
        take_output(watched);
        ready.fd = watched->output;
    }
}

static int fill_polls(const struct watched *watched, size_t count, struct pollfd *polls)
{
    int64_t now = now_ms();
    int64_t wait_ms = POLL_MS_MAX;

    for (size_t i = 0; i < count; i++) {
        polls[2 * i] = (struct pollfd){.fd = watched[i].output, .events = POLLIN};
        polls[2 * i + 1] = (struct pollfd){.fd = watched[i].end, .events = POLLIN};
        if (watched[i].pid > 0 && watched[i].deadline_ms - now < wait_ms) {
            wait_ms = watched[i].deadline_ms > now ? watched[i].deadline_ms - now : 0;
        }
    }
    return (int)wait_ms;
}

static bool is_any_left(const struct watched *watched, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (watched[i].pid > 0) {
            return true;
        }
    }
    return false;
}

void probe_run(struct probe *probes, size_t count)
{
    struct watched *watched = mem_zero(count + 1, sizeof(*watched));
    struct pollfd *polls = mem_zero(2 * count + 1, sizeof(*polls));

    for (size_t i = 0; i < count; i++) {
        start(&probes[i], &watched[i]);
    }
    while (is_any_left(watched, count)) {
        (void)poll(polls, 2 * count, fill_polls(watched, count, polls));
        for (size_t i = 0; i < count; i++) {
            bool has_ended = watched[i].end >= 0 && polls[2 * i + 1].revents;

            if (watched[i].pid == 0) {
                continue;
            }
            if (watched[i].output >= 0 && polls[2 * i].revents) {
                take_output(&watched[i]);
            }
            if (has_ended) {
                drain(&watched[i]);
                finish(&watched[i]);
            } else if (now_ms() >= watched[i].deadline_ms) {
                watched[i].probe->timed_out = true;
                finish(&watched[i]);
            }
        }
    }
    free(polls);
    free(watched);
}

void probe_release(struct probe *probe)
{
    strbuf_release(&probe->output);
}
