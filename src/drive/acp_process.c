/* SPDX-License-Identifier: MIT */
#include "drive/acp_process.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX (128U * 1024 * 1024) /* that the agent has not read yet */
#define STEP_MS 200                           /* how often an end is looked for */
#define END_MS 1000 /* from the end of its output to that of the program */

extern char **environ;

struct drive {
    struct acp *acp;
    struct acp_limits limits;
    pid_t pid;
    int input, output, signals; /* the agent's streams; -1: closed */
    struct strbuf sent;         /* what it has not read yet, from `written` on */
    size_t written;
    struct strbuf line;
    void (*on_event)(void *context, const struct agent_event *event);
    void *context;
    int64_t started_at, closed_at, stop_at;
    int status; /* of wait */
    bool has_ended;
};

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_stream(int *stream)
{
    if (*stream >= 0) {
        (void)close(*stream);
        *stream = -1;
    }
}

static void send_line(void *context, const json_t *message)
{
    struct drive *drive = context;
    char *text = json_dump_compact(message);

    strbuf_add(&drive->sent, text);
    strbuf_add_char(&drive->sent, '\n');
    free(text);
}

static void tell_event(void *context, const struct agent_event *event)
{
    const struct drive *drive = context;

    drive->on_event(drive->context, event);
}

/* ---- the program ---- */

/* Ours is the session of an attempt: the keeper ends whatever is left of it. */
static int spawn(struct drive *drive, char *const *argv)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int to_agent[2], from_agent[2];
    int number;

    if (pipe2(to_agent, O_CLOEXEC) < 0) {
        return errno;
    }
    if (pipe2(from_agent, O_CLOEXEC) < 0) {
        number = errno;
        (void)close(to_agent[0]);
        (void)close(to_agent[1]);
        return number;
    }
    (void)sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    mem_check(posix_spawn_file_actions_adddup2(&actions, to_agent[0], 0));
    mem_check(posix_spawn_file_actions_adddup2(&actions, from_agent[1], 1));
    number = posix_spawnp(&drive->pid, argv[0], &actions, &attributes, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    (void)close(to_agent[0]);
    (void)close(from_agent[1]);
    drive->input = to_agent[1];
    drive->output = from_agent[0];
    (void)fcntl(drive->input, F_SETFL, O_NONBLOCK);
    (void)fcntl(drive->output, F_SETFL, O_NONBLOCK);
    return number;
}

static void look_for_end(struct drive *drive)
{
    pid_t pid = drive->has_ended ? 0 : waitpid(drive->pid, &drive->status, WNOHANG);

    drive->has_ended = drive->has_ended || pid == drive->pid;
}

/* ---- streams ---- */

static void write_some(struct drive *drive)
{
    ssize_t count = write(drive->input, drive->sent.data + drive->written,
                          drive->sent.length - drive->written);

    if (count > 0) {
        drive->written += (size_t)count;
    } else if (count < 0 && errno != EAGAIN && errno != EINTR) {
        close_stream(&drive->input);
    }
    if (drive->written == drive->sent.length) {
        strbuf_reset(&drive->sent);
        drive->written = 0;
    }
}

static void take_bytes(struct drive *drive, const char *bytes, size_t length)
{
    while (length > 0) {
        const char *end = memchr(bytes, '\n', length);
        size_t part = end ? (size_t)(end - bytes) : length;

        strbuf_add_bytes(&drive->line, bytes, part);
        if (drive->line.overflow) {
            acp_fail(drive->acp, AGENT_PERMANENT,
                     "the agent printed a message that is larger than 64 MB");
            return;
        }
        if (!end) {
            return;
        }
        acp_handle(drive->acp, drive->line.data, drive->line.length);
        strbuf_reset(&drive->line);
        bytes += part + 1;
        length -= part + 1;
    }
}

static void read_some(struct drive *drive)
{
    char block[65536];
    ssize_t count = read(drive->output, block, sizeof(block));

    if (count > 0) {
        take_bytes(drive, block, (size_t)count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_stream(&drive->output);
    }
}

static void read_signal(struct drive *drive)
{
    struct signalfd_siginfo info;

    if (read(drive->signals, &info, sizeof(info)) != sizeof(info)) {
        return;
    }
    if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
        acp_cancel(drive->acp);
        drive->stop_at = drive->stop_at ? drive->stop_at : now_ms() + drive->limits.grace_ms;
    }
}

/* ---- time ---- */

static void check_time(struct drive *drive)
{
    int64_t now = now_ms();

    if (drive->stop_at && now >= drive->stop_at) {
        acp_fail(drive->acp, AGENT_CANCELLED, "stopped");
    } else if (drive->limits.timeout_ms > 0 &&
               now - drive->started_at >= drive->limits.timeout_ms) {
        acp_fail(drive->acp, AGENT_TIMEOUT, "the agent took too long");
    }
}

static void fail_ended(struct drive *drive)
{
    char text[128];

    if (WIFSIGNALED(drive->status)) {
        (void)snprintf(text, sizeof(text), "the agent was killed by signal %d before it answered",
                       WTERMSIG(drive->status));
    } else {
        (void)snprintf(text, sizeof(text), "the agent ended with status %d before it answered",
                       WEXITSTATUS(drive->status));
    }
    acp_fail(drive->acp,
             WIFEXITED(drive->status) && WEXITSTATUS(drive->status) == 127 ? AGENT_PERMANENT
                                                                           : AGENT_TRANSIENT,
             text);
}

static void turn(struct drive *drive)
{
    bool has_output = drive->written < drive->sent.length;
    struct pollfd streams[] = {
        {.fd = drive->output, .events = POLLIN},
        {.fd = has_output ? drive->input : -1, .events = POLLOUT},
        {.fd = drive->signals, .events = POLLIN},
    };

    if (poll(streams, ARRAY_LEN(streams), STEP_MS) > 0) {
        if (streams[2].revents) {
            read_signal(drive);
        }
        if (streams[1].revents) {
            write_some(drive);
        }
        if (streams[0].revents) {
            read_some(drive);
        }
    }
    if (drive->sent.overflow) {
        acp_fail(drive->acp, AGENT_TRANSIENT, "the agent does not read what it is told");
    }
    look_for_end(drive);
    check_time(drive);
    /* What it printed before it ended counts. */
    if (drive->output < 0) {
        drive->closed_at = drive->closed_at ? drive->closed_at : now_ms();
        if (drive->has_ended) {
            fail_ended(drive);
        } else if (now_ms() - drive->closed_at >= END_MS) {
            acp_fail(drive->acp, AGENT_TRANSIENT, "the agent closed its output before it answered");
        }
    }
}

/* ---- the end ---- */

static bool wait_for_end(struct drive *drive, int64_t ms)
{
    int64_t until = now_ms() + ms;
    char block[65536];

    while (!drive->has_ended && now_ms() < until) {
        struct pollfd streams[] = {{.fd = drive->output, .events = POLLIN},
                                   {.fd = drive->signals, .events = POLLIN}};
        struct signalfd_siginfo info;

        /* A full pipe would keep it from ending. */
        (void)poll(streams, ARRAY_LEN(streams), STEP_MS);
        if (streams[0].revents && read(drive->output, block, sizeof(block)) == 0) {
            close_stream(&drive->output);
        }
        if (streams[1].revents) {
            (void)!read(drive->signals, &info, sizeof(info));
        }
        look_for_end(drive);
    }
    return drive->has_ended;
}

/* Most end when their input does; some only when they are told. */
static void end_program(struct drive *drive)
{
    if (drive->pid <= 0) {
        return;
    }
    if (drive->input >= 0 && drive->written < drive->sent.length) {
        write_some(drive);
    }
    close_stream(&drive->input);
    if (!wait_for_end(drive, drive->limits.grace_ms)) {
        (void)kill(drive->pid, SIGTERM);
        if (!wait_for_end(drive, drive->limits.grace_ms)) {
            (void)kill(drive->pid, SIGKILL);
            (void)waitpid(drive->pid, &drive->status, 0);
        }
    }
}

static int open_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void start(struct drive *drive, char *const *argv)
{
    int number = spawn(drive, argv);
    char text[512];

    if (number) {
        drive->pid = 0;
        (void)snprintf(text, sizeof(text), "the agent's program %.300s cannot be started: %s",
                       argv[0], strerror(number));
        acp_fail(drive->acp, AGENT_PERMANENT, text);
        return;
    }
    acp_start(drive->acp);
}

bool acp_drive(const struct acp_call *call, char *const *argv, const struct acp_limits *limits,
               void (*on_event)(void *context, const struct agent_event *event), void *context)
{
    struct drive drive = {.limits = *limits,
                          .input = -1,
                          .output = -1,
                          .signals = open_signals(),
                          .on_event = on_event,
                          .context = context};
    const struct acp_output output = {.send = send_line, .on_event = tell_event, .context = &drive};
    bool is_fine;

    strbuf_init(&drive.sent, OUTPUT_BYTES_MAX);
    strbuf_init(&drive.line, ACP_LINE_BYTES_MAX);
    drive.started_at = now_ms();
    drive.acp = acp_new(call, &output);
    start(&drive, argv);
    while (!acp_is_over(drive.acp)) {
        turn(&drive);
    }
    end_program(&drive);
    is_fine = acp_is_fine(drive.acp);
    acp_free(drive.acp);
    close_stream(&drive.output);
    close_stream(&drive.signals);
    strbuf_release(&drive.sent);
    strbuf_release(&drive.line);
    return is_fine;
}
