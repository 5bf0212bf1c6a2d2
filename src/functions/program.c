/* SPDX-License-Identifier: MIT */
#include "functions/program.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES (64 * 1024)
#define ENVIRONMENT_MAX 32
#define REAP_POLL_MS 2

static const char default_path[] = "PATH=/usr/local/bin:/usr/bin:/bin";

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *program_inherited(const char *prefix)
{
    size_t length = strlen(prefix);

    for (char **entry = environ; entry && *entry; entry++) {
        if (strncmp(*entry, prefix, length) == 0) {
            return *entry;
        }
    }
    return NULL;
}

static void environment_fill(const char *const *extra, const char **ret_environment)
{
    const char *path = program_inherited("PATH=");
    const char *home = program_inherited("HOME=");
    size_t count = 0;

    ret_environment[count++] = path ? path : default_path;
    if (home) {
        ret_environment[count++] = home;
    }
    ret_environment[count++] = "LC_ALL=C.UTF-8";
    ret_environment[count++] = "NO_COLOR=1";
    for (; extra && *extra; extra++) {
        assert(count < ENVIRONMENT_MAX - 1);
        ret_environment[count++] = *extra;
    }
    ret_environment[count] = NULL;
}

bool program_is_installed(const char *program)
{
    const char *entry = program_inherited("PATH=");
    const char *path = (entry ? entry : default_path) + strlen("PATH=");

    while (*path) {
        size_t length = strcspn(path, ":");
        char *folder = mem_strndup(path, length);
        char *file = path_join(length > 0 ? folder : ".", program);
        struct stat status;
        bool found = stat(file, &status) == 0 && S_ISREG(status.st_mode) && access(file, X_OK) == 0;

        free(file);
        free(folder);
        if (found) {
            return true;
        }
        path += length + (path[length] == ':');
    }
    return false;
}

/* Standard input is a memory file: nothing to feed, no deadlock, no SIGPIPE. */
static int input_open(const struct program_request *request, int *ret_fd, struct error *err)
{
    size_t written = 0;
    int fd;

    if (!request->input) {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            return error_set_errno(err, "cannot open /dev/null");
        }
        *ret_fd = fd;
        return 0;
    }
    if (request->input_length > PROGRAM_INPUT_BYTES_MAX) {
        return error_set(err, ERROR_LIMIT, "%s: standard input of %zu bytes is too large",
                         request->argv[0], request->input_length);
    }
    fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, "cannot create a memory file");
    }
    while (written < request->input_length) {
        ssize_t n = write(fd, request->input + written, request->input_length - written);

        if (n < 0 && errno != EINTR) {
            (void)error_set_errno(err, "cannot fill a memory file");
            (void)close(fd);
            return err ? err->code : ERROR_IO;
        }
        written += n > 0 ? (size_t)n : 0;
    }
    (void)lseek(fd, 0, SEEK_SET);
    *ret_fd = fd;
    return 0;
}

static int child_spawn(const struct program_request *request, const int fds[3], pid_t *ret_pid,
                       struct error *err)
{
    const char *environment[ENVIRONMENT_MAX];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int r;

    environment_fill(request->environment, environment);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    for (int i = 0; i < 3; i++) {
        mem_check(posix_spawn_file_actions_adddup2(&actions, fds[i], i));
    }
    if (request->folder) {
        mem_check(posix_spawn_file_actions_addchdir_np(&actions, request->folder));
    }
    (void)sigemptyset(&none);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    r = posix_spawnp(ret_pid, request->argv[0], &actions, &attributes, (char *const *)request->argv,
                     request->inherits_environment ? environ : (char *const *)environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (r != 0) {
        return error_set(err, r == ENOENT ? ERROR_UNAVAILABLE : ERROR_IO, "cannot start %s: %s",
                         request->argv[0], strerror(r));
    }
    return 0;
}

/* Takes one read's worth of standard output; false: the program has to be stopped. */
static bool output_take(const struct program_request *request, struct program_result *result,
                        size_t *total, const char *bytes, size_t length)
{
    size_t room = request->output_bytes_max - *total;
    size_t taken = length < room ? length : room;

    *total += taken;
    if (request->reader) {
        if (!request->reader(request->context, bytes, taken)) {
            result->stopped = true;
            return false;
        }
    } else {
        strbuf_add_bytes(&result->output, bytes, taken);
    }
    if (taken < length) {
        result->truncated = true;
        return false;
    }
    return true;
}

static void errors_take(struct program_result *result, const char *bytes, size_t length)
{
    size_t room = result->errors.length_max - result->errors.length;

    strbuf_add_bytes(&result->errors, bytes, length < room ? length : room);
}

/* Reads both streams until they end; false when the program has to be stopped. */
static bool streams_read(const struct program_request *request, struct program_result *result,
                         int pipes[2], int64_t deadline_ms)
{
    struct pollfd polls[2] = {{.fd = pipes[0], .events = POLLIN},
                              {.fd = pipes[1], .events = POLLIN}};
    char *buffer = mem_alloc(READ_BYTES);
    size_t total = 0;
    bool go_on = true;

    while (go_on && (polls[0].fd >= 0 || polls[1].fd >= 0)) {
        int64_t left_ms = deadline_ms - now_ms();

        if (left_ms <= 0) {
            result->timed_out = true;
            go_on = false;
            break;
        }
        if (poll(polls, 2, left_ms > 1000 ? 1000 : (int)left_ms) <= 0) {
            continue;
        }
        for (int i = 0; go_on && i < 2; i++) {
            ssize_t n = polls[i].revents ? read(polls[i].fd, buffer, READ_BYTES) : -1;

            if (n > 0 && i == 0) {
                go_on = output_take(request, result, &total, buffer, (size_t)n);
            } else if (n > 0) {
                errors_take(result, buffer, (size_t)n);
            } else if (polls[i].revents && (n == 0 || errno != EINTR)) {
                polls[i].fd = -1;
            }
        }
    }
    free(buffer);
    return go_on;
}

static void child_reap(pid_t pid, bool kill_now, int64_t deadline_ms, struct program_result *result)
{
    int status = 0;

    if (kill_now) {
        (void)kill(-pid, SIGKILL);
    }
    while (waitpid(pid, &status, kill_now ? 0 : WNOHANG) != pid) {
        struct timespec pause = {.tv_nsec = REAP_POLL_MS * 1000000L};

        if (now_ms() >= deadline_ms) {
            result->timed_out = true;
            kill_now = true;
            (void)kill(-pid, SIGKILL);
            continue;
        }
        (void)nanosleep(&pause, NULL);
    }
    /* A child that closed its output may have left others behind in its group. */
    (void)kill(-pid, SIGKILL);
    result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int program_run(const struct program_request *request, struct program_result *result,
                struct error *err)
{
    int output[2] = {-1, -1};
    int errors[2] = {-1, -1};
    int64_t deadline_ms = now_ms() + request->timeout_ms;
    int input = -1;
    pid_t pid = -1;
    int r;

    *result = (struct program_result){.exit_status = -1};
    strbuf_init(&result->output, request->output_bytes_max);
    strbuf_init(&result->errors, PROGRAM_ERRORS_BYTES_MAX);
    r = input_open(request, &input, err);
    if (r < 0) {
        goto out;
    }
    if (pipe2(output, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0) {
        r = error_set_errno(err, "cannot create a pipe");
        goto out;
    }
    r = child_spawn(request,
                    (int[3]){input, output[1], request->merges_errors ? output[1] : errors[1]},
                    &pid, err);
    if (r < 0) {
        goto out;
    }
    (void)close(output[1]);
    (void)close(errors[1]);
    output[1] = errors[1] = -1;
    {
        bool go_on = streams_read(request, result, (int[2]){output[0], errors[0]}, deadline_ms);

        child_reap(pid, !go_on, deadline_ms, result);
    }
out:
    for (int i = 0; i < 2; i++) {
        if (output[i] >= 0) {
            (void)close(output[i]);
        }
        if (errors[i] >= 0) {
            (void)close(errors[i]);
        }
    }
    if (input >= 0) {
        (void)close(input);
    }
    return r;
}

void program_result_release(struct program_result *result)
{
    strbuf_release(&result->output);
    strbuf_release(&result->errors);
}
