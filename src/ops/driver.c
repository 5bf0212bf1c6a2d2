/* SPDX-License-Identifier: MIT */
#include "ops/driver.h"

#include "base/alloc.h"
#include "base/file.h"
#include "ops/probe.h"
#include "run/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_BYTES_MAX (8U * 1024 * 1024)

struct asked {
    struct loop *loop;
    void (*on_line)(void *context, const json_t *line);
    void *context;
    pid_t pid;
    int output;
    loop_id watches[4];
    struct strbuf line;
    json_t *last; /* said last; NULL: nothing yet */
    bool is_interrupted;
    bool is_too_long; /* one of its lines was */
};

/* ---- what it is told ---- */

/* The adapter knows how its server is reached; a question has no prompt. */
static int make_input(const struct ops *ops, const struct driver_question *question,
                      struct agent_command *command, struct error *err)
{
    char *libexec = path_folder(ops->keeper);
    struct agent_call call = {.agent = question->agent,
                              .prompt = "",
                              .model = question->model,
                              .timeout_ms = question->timeout_ms,
                              .libexec = libexec};
    int r = question->agent->adapter->command(&call, command, err);

    free(libexec);
    return r;
}

static void make_environment(const struct ops *ops, const struct driver_question *question,
                             struct agent_command *command)
{
    const struct environment environment = {
        .config = ops->config,
        .agent = ops->config ? config_find_agent(ops->config, question->agent->name) : NULL,
        .items = ops->settings->environment,
    };

    for (size_t i = 0; i < question->env_count; i++) {
        agent_command_set(command, question->env[i].name, question->env[i].value);
    }
    for (const char *const *own = environment.items; own && *own; own++) {
        if (!ops->config || environment_passes(&environment, *own)) {
            *VEC_PUSH(&command->env) = mem_strdup(*own);
        }
    }
    *VEC_PUSH(&command->env) = NULL;
}

static int spawn(const struct agent_command *command, const char *mode, const int fds[3],
                 pid_t *ret_pid, struct error *err)
{
    const char *argv[] = {command->argv.items[0], mode, NULL};
    int number = probe_spawn(argv, (const char *const *)command->env.items, fds, ret_pid);

    if (number) {
        (void)error_set(err, ERROR_UNAVAILABLE, "%s could not be started: %s", argv[0],
                        strerror(number));
        error_hint(err, "fermata-call lies beside fermata-keep; install it again");
        return ERROR_UNAVAILABLE;
    }
    return 0;
}

/* ---- what it says ---- */

static void take_line(struct asked *asked)
{
    json_t *value = json_loadb(asked->line.data, asked->line.length, 0, NULL);

    asked->is_too_long |= asked->line.overflow;
    if (json_is_object(value)) {
        if (asked->last && asked->on_line) {
            asked->on_line(asked->context, asked->last);
        }
        json_decref(asked->last);
        asked->last = value;
    } else {
        json_decref(value);
    }
    strbuf_reset(&asked->line);
}

static void on_output(void *arg)
{
    struct asked *asked = arg;
    char bytes[16384];
    ssize_t count = read(asked->output, bytes, sizeof(bytes));

    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
        loop_stop(asked->loop);
        return;
    }
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            take_line(asked);
        } else {
            strbuf_add_char(&asked->line, bytes[i]);
        }
    }
}

static void on_interrupt(void *arg)
{
    struct asked *asked = arg;

    asked->is_interrupted = true;
    (void)kill(asked->pid, SIGTERM);
}

static void listen_to(struct asked *asked)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    asked->watches[0] = loop_watch_readable(asked->loop, asked->output, on_output, asked);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        asked->watches[i + 1] = loop_watch_signal(asked->loop, signals[i], on_interrupt, asked);
    }
    loop_run(asked->loop);
    for (size_t i = 0; i < ARRAY_LEN(asked->watches); i++) {
        loop_cancel(asked->loop, asked->watches[i]);
    }
}

static int conclude(struct asked *asked, json_t **ret_result, struct error *err)
{
    int status = 0;

    while (waitpid(asked->pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (asked->is_interrupted) {
        return error_set(err, ERROR_CANCELLED, "cancelled");
    }
    if (asked->is_too_long) {
        return error_set(err, ERROR_LIMIT, "fermata-call answered with a line of more than %u MB",
                         LINE_BYTES_MAX >> 20);
    }
    if (!asked->last || !WIFEXITED(status)) {
        return error_set(err, ERROR_INTERNAL, "fermata-call ended without an answer");
    }
    *ret_result = asked->last;
    asked->last = NULL;
    return 0;
}

static int ask(struct asked *asked, const struct agent_command *command, const char *mode,
               json_t **ret_result, struct error *err)
{
    int pipes[2];
    int input = probe_open_input(command->input.data, command->input.length);
    int r;

    if (input < 0) {
        return error_set_errno(err, "writing a question for fermata-call");
    }
    if (pipe2(pipes, O_CLOEXEC) < 0) {
        r = error_set_errno(err, "making a pipe for fermata-call");
        (void)close(input);
        return r;
    }
    r = spawn(command, mode, (int[3]){input, pipes[1], -1}, &asked->pid, err);
    (void)close(input);
    (void)close(pipes[1]);
    asked->output = pipes[0];
    if (r == 0) {
        strbuf_init(&asked->line, LINE_BYTES_MAX);
        listen_to(asked);
        r = conclude(asked, ret_result, err);
        strbuf_release(&asked->line);
        json_decref(asked->last);
    }
    (void)close(pipes[0]);
    return r;
}

int ops_ask_driver(struct ops *ops, const struct driver_question *question,
                   void (*on_line)(void *context, const json_t *line), void *context,
                   json_t **ret_result, struct error *err)
{
    struct asked asked = {.on_line = on_line, .context = context};
    struct agent_command command;
    int r = ops_need_keeper(ops, err);

    if (r == 0) {
        r = ops_loop(ops, &asked.loop, err);
    }
    if (r < 0) {
        return r;
    }
    agent_command_init(&command);
    r = make_input(ops, question, &command, err);
    if (r == 0) {
        make_environment(ops, question, &command);
        r = ask(&asked, &command, question->mode, ret_result, err);
    }
    agent_command_release(&command);
    return r;
}
