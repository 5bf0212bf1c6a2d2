/* SPDX-License-Identifier: MIT */
/* fermata-call: one call of a model server, as a process of its own (docs/decisions/0012).
 *
 *   fermata-call            asks; prints agent events (agents/event.h), one JSON object a line
 *   fermata-call --health   is it there, is it ready, which version, which models
 *   fermata-call --models   its models alone
 *   fermata-call --pull     fetches a model; prints its progress, a JSON object a line
 *   fermata-call --remove   removes one
 *
 * What is meant is read as one JSON object from standard input; see call.h. The exit status is 0
 * only for a whole answer, 1 for a failure (which was printed), 2 for a call that makes no sense.
 */
#include "drive/call.h"

#include "agents/conceal.h"
#include "base/alloc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_BYTES_MAX (96U * 1024 * 1024)

/* Who does not read any more does not wait for the rest either. */
static void print(const char *text)
{
    if (fputs(text, stdout) < 0 || fflush(stdout) != 0) {
        _exit(1);
    }
}

static void print_line(const json_t *value)
{
    char *text = json_dump_compact(value);
    char *line = mem_printf("%s\n", text);

    print(line);
    free(line);
    free(text);
}

static void on_event(void *context, const struct agent_event *event)
{
    struct strbuf line;

    (void)context;
    strbuf_init(&line, SIZE_MAX);
    agent_event_add_line(event, &line);
    print(line.data);
    strbuf_release(&line);
}

/* ---- what a server says: it may repeat the key that it was sent ---- */

static struct concealer *hide_key(const struct call *call)
{
    bool is_plain = call->key_name && !strpbrk(call->key_name, "\"\\");
    const struct redact_key key = {is_plain ? call->key_name : "file", call->key};

    return concealer_new(&key, call->key ? 1 : 0, on_event, NULL);
}

static void on_said(void *context, const struct agent_event *event)
{
    concealer_add(context, event);
}

static void on_progress(void *context, const json_t *line)
{
    char *text = json_dump_compact(line);
    char *clean = concealer_text(context, text);
    char *whole = mem_printf("%s\n", clean);

    print(whole);
    free(whole);
    free(clean);
    free(text);
}

static int print_result(struct concealer *concealer, json_t *result)
{
    bool is_fine = json_is_true(json_object_get(result, "ok"));

    on_progress(concealer, result);
    json_decref(result);
    return is_fine ? 0 : 1;
}

static const char *find_variable(const char *name)
{
    return getenv(name);
}

static int read_input(json_t **ret_input, struct error *err)
{
    struct strbuf text;
    json_error_t where;
    char block[65536];
    size_t length;
    int r = 0;

    strbuf_init(&text, INPUT_BYTES_MAX);
    while (!text.overflow && (length = fread(block, 1, sizeof(block), stdin)) > 0) {
        strbuf_add_bytes(&text, block, length);
    }
    *ret_input = text.overflow ? NULL : json_loadb(text.data, text.length, 0, &where);
    if (!*ret_input) {
        r = text.overflow
                ? error_set(err, ERROR_LIMIT, "the call is larger than %u bytes", INPUT_BYTES_MAX)
                : error_set(err, ERROR_INVALID, "the call is no JSON: line %d: %s", where.line,
                            where.text);
    }
    strbuf_release(&text);
    return r;
}

static int refuse(const struct error *err, bool is_call)
{
    struct agent_event event;
    json_t *result;

    if (is_call) {
        agent_event_init(&event, AGENT_ERROR);
        event.text = err->text;
        event.failure = AGENT_PERMANENT;
        on_event(NULL, &event);
    } else {
        result = json_object();
        json_put(result, "ok", json_false());
        json_put_text(result, "error", err->text);
        json_put_text(result, "failure", agent_failure_name(AGENT_PERMANENT));
        print_line(result);
        json_decref(result);
    }
    return 2;
}

static int run(const char *mode, struct call *call, struct concealer *concealer)
{
    struct error err = ERROR_INIT;

    if (strcmp(mode, "--health") == 0) {
        return print_result(concealer, call_health(call, true));
    }
    if (strcmp(mode, "--models") == 0) {
        return print_result(concealer, call_health(call, false));
    }
    if (strcmp(mode, "--pull") == 0) {
        return print_result(concealer, call_pull(call, on_progress, concealer));
    }
    if (strcmp(mode, "--remove") == 0) {
        return print_result(concealer, call_remove(call, on_progress, concealer));
    }
    if (!call->prompt) {
        (void)error_set(&err, ERROR_INVALID, "the call has no prompt");
        return refuse(&err, true);
    }
    return call_answer(call, on_said, concealer) ? 0 : 1;
}

static bool is_mode(const char *text)
{
    static const char *const modes[] = {"--health", "--models", "--pull", "--remove"};

    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (strcmp(modes[i], text) == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static const struct call_environment environment = {.find = find_variable};
    const char *mode = argc > 1 ? argv[1] : "";
    struct error err = ERROR_INIT;
    json_t *input = NULL;
    struct concealer *concealer;
    struct call call;
    int status;

    json_init_memory();
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 2 || (argc == 2 && !is_mode(mode))) {
        (void)fprintf(stderr, "usage: fermata-call [--health | --models | --pull | --remove] "
                              "<CALL.json\n");
        return 2;
    }
    if (read_input(&input, &err) < 0 || call_read(input, &environment, &call, &err) < 0) {
        return refuse(&err, !*mode);
    }
    concealer = hide_key(&call);
    status = run(mode, &call, concealer);
    concealer_free(concealer);
    call_release(&call);
    return status;
}
