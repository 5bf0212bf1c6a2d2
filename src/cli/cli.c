/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/print.h"
#include "cli/view.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

/* ---- errors ---- */

static void add_error_json(const struct error *err, struct strbuf *target)
{
    json_t *object = json_object();
    char *text;

    json_put_text(object, "code", error_code_name(err->code));
    json_put(object, "message", json_text_lossy(err->text, strlen(err->text)));
    if (*err->hint) {
        json_put(object, "hint", json_text_lossy(err->hint, strlen(err->hint)));
    }
    text = json_dump_compact(object);
    strbuf_addf(target, "%s\n", text);
    free(text);
    json_decref(object);
}

/* What happened, where, what to do next. */
static void add_error_text(const struct terminal *terminal, const struct error *err,
                           struct strbuf *target)
{
    struct strbuf clean;
    const char *at;
    bool is_first = true;

    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    utf8_add_printable(&clean, err->text, strlen(err->text));
    add_styled(terminal, target, STYLE_RED, "fermata:");
    for (at = clean.data; *at; is_first = false) {
        size_t length = strcspn(at, "\n");

        strbuf_add(target, is_first ? " " : "  ");
        strbuf_add_bytes(target, at, length);
        strbuf_add_char(target, '\n');
        at += length + (at[length] == '\n');
    }
    if (*err->hint) {
        strbuf_reset(&clean);
        utf8_add_printable(&clean, err->hint, strlen(err->hint));
        strbuf_add(target, "  ");
        add_styled(terminal, target, STYLE_BOLD, "hint:");
        strbuf_addf(target, " %s\n", clean.data);
    }
    strbuf_release(&clean);
}

static int report_error(const struct cli *cli, const struct error *err)
{
    struct strbuf text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    if (cli->call->wants_json) {
        add_error_json(err, &text);
    } else {
        add_error_text(&cli->err, err, &text);
    }
    (void)cli_write(cli->err.fd, text.data, text.length);
    strbuf_release(&text);
    return error_code_exit_status(err->code);
}

/* Writes to standard output; a reader that went away or a full disk is a failure. */
static int put_out(const struct cli *cli, const struct strbuf *text, int status)
{
    if (text->length && !cli_write(cli->out.fd, text->data, text->length)) {
        struct error err = ERROR_INIT;

        (void)error_set_errno(&err, "writing to standard output");
        return report_error(cli, &err);
    }
    return status;
}

/* ---- results ---- */

static int copy_file(const struct cli *cli, const char *path)
{
    char *chunk = mem_alloc(CHUNK_BYTES);
    struct error err = ERROR_INIT;
    ssize_t count = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_written = true;

    while (fd >= 0 && is_written && (count = read(fd, chunk, CHUNK_BYTES)) > 0) {
        is_written = cli_write(cli->out.fd, chunk, (size_t)count);
    }
    if (count < 0 || !is_written) {
        (void)error_set_errno(&err, "%s", path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(chunk);
    return err.code < 0 ? report_error(cli, &err) : 0;
}

/* Bytes as they are; for eyes, without what a terminal would obey. */
static int print_content(const struct cli *cli, const json_t *result)
{
    const json_t *text = json_object_get(result, "text");
    const char *path = json_get_text(result, "path", NULL);
    struct strbuf out;
    int status;

    if (!text && path) {
        return copy_file(cli, path);
    }
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    if (cli->out.is_terminal) {
        utf8_add_printable(&out, json_string_value(text), json_string_length(text));
    } else {
        strbuf_add_bytes(&out, json_string_value(text), json_string_length(text));
    }
    status = put_out(cli, &out, 0);
    strbuf_release(&out);
    return status;
}

/* The summary of a run that went on here: for people, so not among the data. */
static void print_summary(const struct cli *cli, const json_t *run)
{
    struct strbuf text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    print_run_status(&cli->err, run, &text);
    (void)cli_write(cli->err.fd, text.data, text.length);
    strbuf_release(&text);
}

static void add_result(const struct cli *cli, const json_t *result, struct strbuf *out)
{
    const json_t *report = json_object_get(json_object_get(result, "report"), "text");
    char *text;

    if (cli->call->wants_json) {
        text = json_dump_pretty(result);
        strbuf_add(out, text);
        free(text);
        return;
    }
    if (cli->has_run && report) {
        print_markdown(&cli->out, json_string_value(report), json_string_length(report), out);
    }
    print_result(&cli->out, cli->call->operation->name, result, ops_now_ms(), out);
}

static bool is_named(const struct cli *cli, const char *name)
{
    return strcmp(cli->call->operation->name, name) == 0;
}

static int finish(const struct cli *cli, const json_t *result)
{
    int status = result_exit_status(cli->call->operation->name, result);
    struct strbuf out;

    /* Said when a signal stopped it, unless it was done by then. */
    if (cli->signal_number && status != 0) {
        status = 128 + cli->signal_number;
    }
    if (is_named(cli, "function") || is_named(cli, "logs")) {
        return status; /* printed as it came */
    }
    if ((is_named(cli, "cat") || is_named(cli, "diff")) && !cli->call->wants_json) {
        return print_content(cli, result);
    }
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    add_result(cli, result, &out);
    status = put_out(cli, &out, status);
    strbuf_release(&out);
    if (cli->has_run && !is_named(cli, "loop") && !cli->call->wants_json && !cli->log_json) {
        print_summary(cli, result);
    }
    return status;
}

/* ---- commands ---- */

static int run_operation(struct cli *cli)
{
    const struct cli_call *call = cli->call;
    struct error err = ERROR_INIT;
    struct ops_view view;
    json_t *result = NULL;
    int status, r;

    if (ops_new(&cli->settings->ops, &cli->ops, &err) < 0) {
        return report_error(cli, &err);
    }
    cli_view(cli, &view);
    if (is_named(cli, "logs") && call->wants_json && !json_object_get(call->arguments, "format")) {
        json_put_text(call->arguments, "format", "json");
    }
    r = ops_call(cli->ops, call->operation, call->arguments, &view, &result, &err);
    cli_end_transfer(cli);
    if (r < 0) {
        status = report_error(cli, &err);
    } else {
        status = finish(cli, result);
    }
    json_decref(result);
    ops_free(cli->ops);
    return status;
}

/* The text of a command that is no row of the table; its words were counted by cli_parse. */
static int print_made(struct cli *cli, int (*make)(struct cli *cli, const char *word,
                                                   struct strbuf *target, struct error *err))
{
    const struct cli_call *call = cli->call;
    struct error err = ERROR_INIT;
    struct strbuf text;
    int status;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    (void)make(cli, call->rest_count > 0 ? call->rest[0] : NULL, &text, &err);
    status = err.code < 0 ? report_error(cli, &err) : put_out(cli, &text, 0);
    strbuf_release(&text);
    return status;
}

/* "fermata man --help": the command about which help is wanted stands before. */
static const char *helped_command(const struct cli_call *call, const char *word)
{
    switch (call->word) {
    case WORD_OPERATION:
        return call->operation->name;
    case WORD_HELP:
        return word;
    case WORD_MAN:
        return "man";
    case WORD_COMPLETION:
        return "completion";
    case WORD_COMPLETE:
    case WORD_NONE:
        break;
    }
    return NULL;
}

static int make_help(struct cli *cli, const char *word, struct strbuf *target, struct error *err)
{
    const char *name = helped_command(cli->call, word);
    json_t *description;
    char *text;
    int r;

    if (!cli->call->wants_json && !name) {
        help_overview(&cli->out, target);
        return 0;
    }
    if (!cli->call->wants_json) {
        return help_command(&cli->out, name, target, err);
    }
    r = help_describe(name, &description, err);
    if (r == 0) {
        text = json_dump_pretty(description);
        strbuf_add(target, text);
        free(text);
        json_decref(description);
    }
    return r;
}

static int make_man(struct cli *cli, const char *word, struct strbuf *target, struct error *err)
{
    const char *version = cli->settings->ops.version;

    if (word) {
        return man_format_command(version, word, target, err);
    }
    man_format(version, target);
    return 0;
}

static int make_completion(struct cli *cli, const char *word, struct strbuf *target,
                           struct error *err)
{
    (void)cli;
    return completion_format(word, target, err);
}

/* A shell asks while somebody types: never an error message. A bad variable is told by the command
 * itself. */
static int complete(struct cli *cli)
{
    struct ops_settings settings = cli->settings->ops;
    struct strbuf text;
    int status;

    settings.strategy = NULL;
    settings.log_format = NULL;
    if (ops_new(&settings, &cli->ops, NULL) < 0) {
        return 1;
    }
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    completion_words(cli->ops, cli->call->rest, cli->call->rest_count, &text);
    status = put_out(cli, &text, 0);
    strbuf_release(&text);
    ops_free(cli->ops);
    return status;
}

static int run_call(struct cli *cli)
{
    const struct cli_call *call = cli->call;

    if (call->wants_help) {
        return print_made(cli, make_help);
    }
    switch (call->word) {
    case WORD_OPERATION:
        return run_operation(cli);
    case WORD_HELP:
        return print_made(cli, make_help);
    case WORD_MAN:
        return print_made(cli, make_man);
    case WORD_COMPLETION:
        return print_made(cli, make_completion);
    case WORD_COMPLETE:
        return complete(cli);
    case WORD_NONE:
        break;
    }
    (void)print_made(cli, make_help);
    return error_code_exit_status(ERROR_INVALID);
}

static void init_terminal(struct terminal *terminal, int fd, bool is_terminal,
                          const struct cli_settings *settings, bool no_color)
{
    *terminal = (struct terminal){
        .fd = fd,
        .is_terminal = is_terminal,
        .has_color = is_terminal && !no_color && !settings->no_color && !settings->is_dumb,
        .is_utf8 = settings->is_utf8,
        .cwd = settings->ops.cwd,
    };
    terminal_measure(terminal, settings->columns);
}

int cli_main(struct cli_settings *settings, int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct cli_call call;
    struct cli cli = {.settings = settings, .call = &call};
    int status;
    int r;

    (void)signal(SIGPIPE, SIG_IGN);
    r = cli_parse(argc, argv, &call, &err);
    if (call.project) {
        settings->ops.project = call.project;
    }
    if (call.config) {
        settings->ops.config_file = call.config;
    }
    if (call.log_format) {
        settings->ops.log_format = call.log_format;
    }
    cli.log_json = settings->ops.log_format && strcmp(settings->ops.log_format, "json") == 0;
    init_terminal(&cli.out, STDOUT_FILENO, settings->out_is_terminal, settings, call.no_color);
    init_terminal(&cli.err, STDERR_FILENO, settings->err_is_terminal, settings, call.no_color);
    status = r < 0 ? report_error(&cli, &err) : run_call(&cli);
    cli_call_release(&call);
    return status;
}
