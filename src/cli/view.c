/* SPDX-License-Identifier: MIT */
#include "cli/view.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "cli/print.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 65536

bool cli_write(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t count = write(fd, text, length);

        if (count < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
        if (count > 0) {
            text += count;
            length -= (size_t)count;
        }
    }
    return true;
}

static void write_progress(void *context, const char *text, size_t length)
{
    const struct cli *cli = context;

    /* A terminal that went away takes nothing with it: the run goes on. */
    (void)cli_write(cli->err.fd, text, length);
}

static void say(struct cli *cli, const char *text)
{
    if (cli->progress) {
        progress_say(cli->progress, text);
    } else {
        struct strbuf line;

        strbuf_init(&line, OUTPUT_BYTES_MAX);
        utf8_add_printable(&line, text, strlen(text));
        strbuf_add_char(&line, '\n');
        (void)cli_write(cli->err.fd, line.data, line.length);
        strbuf_release(&line);
    }
}

static void on_notice(void *context, const char *text)
{
    say(context, text);
}

/* ---- signals ---- */

static void count_one(void *context, const struct running_step *step)
{
    (void)step;
    (*(int *)context)++;
}

static void say_interrupt(struct cli *cli)
{
    int count = 0;
    char *text;

    if (cli->interrupts == 1) {
        ops_visit_running(cli->ops, count_one, &count);
        text = mem_printf("Pausing: waiting for %d step%s; press Ctrl-C again to stop %s", count,
                          count == 1 ? "" : "s", count == 1 ? "it" : "them");
    } else if (cli->interrupts == 2) {
        text = mem_strdup("Stopping the steps; press Ctrl-C again to leave at once");
    } else {
        text = mem_strdup("Leaving; the steps are stopped without this process, `fermata resume` "
                          "goes on");
    }
    say(cli, text);
    free(text);
}

static void on_interrupt(void *arg)
{
    struct cli *cli = arg;

    cli->signal_number = SIGINT;
    cli->interrupts++;
    say_interrupt(cli);
    ops_interrupt(cli->ops, cli->interrupts);
}

/* Somebody wants us gone soon: the steps are stopped and will run again on resume. */
static void on_terminate(void *arg)
{
    struct cli *cli = arg;

    cli->signal_number = SIGTERM;
    cli->interrupts = cli->interrupts < 2 ? 2 : cli->interrupts + 1;
    ops_interrupt(cli->ops, cli->interrupts);
}

/* The terminal went away: pause, so that nothing is lost and nothing runs unseen. */
static void on_hangup(void *arg)
{
    struct cli *cli = arg;

    cli->signal_number = SIGHUP;
    if (cli->interrupts == 0) {
        cli->interrupts = 1;
        ops_interrupt(cli->ops, 1);
    }
}

static void on_resize(void *arg)
{
    struct cli *cli = arg;

    terminal_measure(&cli->err, cli->settings->columns);
    if (cli->progress) {
        progress_resize(cli->progress);
    }
}

/* ---- a run goes on here ---- */

static enum progress_form progress_form(const struct cli *cli)
{
    if (cli->log_json) {
        return PROGRESS_JSON;
    }
    return cli->err.is_terminal && !cli->settings->is_dumb ? PROGRESS_LIVE : PROGRESS_PLAIN;
}

static void on_begin(void *context, struct ops *ops, const json_t *run)
{
    struct cli *cli = context;

    cli->ops = ops;
    if (run) {
        cli->progress = progress_new(&cli->err, progress_form(cli), ops, run, write_progress, cli);
        if (!cli->has_run) { /* it may rest and go on in between */
            progress_say_begin(cli->progress);
        }
        cli->has_run = true;
    }
    if (ops_loop(ops, &cli->loop, NULL) == 0) {
        cli->watches[0] = loop_watch_signal(cli->loop, SIGINT, on_interrupt, cli);
        cli->watches[1] = loop_watch_signal(cli->loop, SIGTERM, on_terminate, cli);
        cli->watches[2] = loop_watch_signal(cli->loop, SIGHUP, on_hangup, cli);
        cli->watches[3] = loop_watch_signal(cli->loop, SIGWINCH, on_resize, cli);
    }
}

static void on_end(void *context)
{
    struct cli *cli = context;

    for (size_t i = 0; i < ARRAY_LEN(cli->watches); i++) {
        loop_cancel(cli->loop, cli->watches[i]);
    }
    progress_free(cli->progress);
    cli->progress = NULL;
}

static void on_record(void *context, const json_t *record)
{
    struct cli *cli = context;

    if (cli->progress) {
        progress_add_record(cli->progress, record);
    }
}

static void on_tick(void *context)
{
    struct cli *cli = context;

    if (cli->progress) {
        progress_draw(cli->progress, ops_now_ms());
    }
}

/* ---- items and questions ---- */

/* On standard error: it is no result. */
static void on_progress(struct cli *cli, const json_t *progress)
{
    struct strbuf text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    if (cli->log_json) {
        char *line = json_dump_compact(progress);

        strbuf_addf(&text, "%s\n", line);
        free(line);
    } else {
        struct terminal shown = cli->err;

        shown.is_terminal = cli->err.is_terminal && !cli->settings->is_dumb;
        transfer_add(&cli->transfer, &shown, progress, &text);
    }
    (void)cli_write(cli->err.fd, text.data, text.length);
    strbuf_release(&text);
}

void cli_end_transfer(struct cli *cli)
{
    struct strbuf text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    transfer_end(&cli->transfer, &text);
    (void)cli_write(cli->err.fd, text.data, text.length);
    strbuf_release(&text);
}

static void on_item(void *context, const json_t *item)
{
    struct cli *cli = context;
    const char *output = json_get_text(item, "output", NULL);
    const char *lines = json_get_text(item, "lines", NULL);
    const json_t *progress = json_object_get(item, "progress");
    struct strbuf line;
    char *text;

    if (progress) {
        on_progress(cli, progress);
        return;
    }
    strbuf_init(&line, OUTPUT_BYTES_MAX);
    if (output && !cli->log_json && !cli->call->wants_json) {
        if (cli->out.is_terminal) {
            utf8_add_printable(&line, output, strlen(output));
        } else {
            strbuf_add_bytes(&line, output, json_string_length(json_object_get(item, "output")));
        }
    } else if (lines) {
        print_log_lines(&cli->out, lines, &line);
    } else {
        text = json_dump_compact(item);
        strbuf_add(&line, text);
        strbuf_add_char(&line, '\n');
        free(text);
    }
    if (!cli_write(cli->out.fd, line.data, line.length)) {
        exit(1); /* whoever read this is gone; logs hold nothing that needs an orderly end */
    }
    strbuf_release(&line);
}

/* A line of the terminal without its end; whoever set it so may write one that does not end. */
static bool read_line(struct strbuf *line)
{
    int byte;

    while ((byte = getc(stdin)) != EOF && byte != '\n' && !line->overflow) {
        strbuf_add_char(line, (char)byte);
    }
    return !line->overflow && (line->length > 0 || byte != EOF);
}

static bool ask(void *context, const char *question, char **ret_answer)
{
    struct cli *cli = context;
    struct strbuf text;
    struct strbuf answer;
    bool is_answered;

    if (cli->progress) {
        progress_resize(cli->progress);
    }
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    utf8_add_printable(&text, question, strlen(question)); /* it may quote what a step printed */
    (void)cli_write(cli->err.fd, text.data, text.length);
    strbuf_release(&text);
    strbuf_init(&answer, ANSWER_BYTES_MAX);
    is_answered = read_line(&answer);
    if (answer.overflow) {
        static const char refused[] = "\nThat is more than an answer may have (64 KB).\n";

        (void)cli_write(cli->err.fd, refused, sizeof(refused) - 1);
    }
    if (is_answered) {
        *ret_answer = strbuf_take(&answer);
    }
    strbuf_release(&answer);
    return is_answered;
}

void cli_view(struct cli *cli, struct ops_view *ret_view)
{
    *ret_view = (struct ops_view){
        .on_begin = on_begin,
        .on_end = on_end,
        .on_record = on_record,
        .on_item = on_item,
        .on_tick = on_tick,
        .on_notice = on_notice,
        .ask = cli->settings->in_is_terminal && cli->err.is_terminal ? ask : NULL,
        .context = cli,
    };
}
