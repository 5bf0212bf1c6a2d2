/* SPDX-License-Identifier: MIT */
#include "cli/help.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "cli/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_COLUMNS 13
#define OPTION_COLUMNS 28
#define OPTION_NAME_MAX 64

static const struct cli_command commands[] = {
    {"help", "help [COMMAND]", "Show help, for everything or for one command",
     "fermata help run\n"
     "    one command\n"
     "fermata help --json\n"
     "    everything, for programs"},
    {"man", "man [COMMAND]", "Print the manual page in roff, of everything or of one command",
     "fermata man >fermata.1\n"
     "    `man ./fermata.1` shows it"},
    {"completion", "completion bash|zsh|fish", "Print the completions for a shell",
     "source <(fermata completion bash)\n"
     "    in ~/.bashrc: completes from the next shell on"},
};

const struct cli_command *cli_commands(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(commands);
    return commands;
}

/* ---- overview ---- */

/* A name and its text; the text is wrapped beside the name. */
static void add_entry(const struct terminal *terminal, struct strbuf *target, const char *name,
                      const char *text, size_t columns)
{
    struct strbuf wrapped;
    const char *at;

    strbuf_init(&wrapped, OUTPUT_BYTES_MAX);
    add_wrapped(terminal, &wrapped, text, columns + 2);
    strbuf_add(target, "  ");
    strbuf_add(target, name);
    at = wrapped.data;
    if (utf8_width(name) + 2 > columns) {
        strbuf_add_char(target, '\n');
    } else {
        add_spaces(target, columns - utf8_width(name));
        at += strspn(at, " ");
    }
    strbuf_add(target, at);
    strbuf_release(&wrapped);
}

static void add_group(const struct terminal *terminal, const char *group, struct strbuf *target)
{
    size_t count;
    const struct operation *rows = ops_table(&count);

    add_styled(terminal, target, STYLE_BOLD, group);
    strbuf_add_char(target, '\n');
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_hidden && strcmp(rows[i].group, group) == 0) {
            add_entry(terminal, target, rows[i].name, rows[i].summary, NAME_COLUMNS);
        }
    }
}

void help_overview(const struct terminal *terminal, struct strbuf *target)
{
    size_t count;
    const struct operation *rows = ops_table(&count);
    const char *group = "";

    strbuf_add(target, "Fermata conducts AI coding agents through durable workflows.\n\n");
    add_styled(terminal, target, STYLE_BOLD, "Try");
    strbuf_add(target,
               "\n  fermata run \"Review this repository\" -w code-review --strategy static\n\n");
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_hidden && strcmp(rows[i].group, group) != 0) {
            group = rows[i].group;
            add_group(terminal, group, target);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        add_entry(terminal, target, commands[i].name, commands[i].summary, NAME_COLUMNS);
    }
    strbuf_add(target, "\n`fermata help COMMAND` explains one command, with examples.\n");
}

/* ---- one command ---- */

int help_no_such_command(const char *name, struct error *err)
{
    const char *nearest = ops_nearest(name);
    int r = error_set(err, ERROR_INVALID, "there is no command %s", name);

    if (nearest) {
        error_hint(err, "did you mean `fermata help %s`?", nearest);
    } else {
        error_hint(err, "`fermata help` lists all commands");
    }
    return r;
}

void help_usage(const struct operation *operation, struct strbuf *target)
{
    bool has_options = false;

    strbuf_addf(target, "fermata %s", operation->name);
    for (size_t i = 0; i < operation->argument_count; i++) {
        const struct argument *argument = &operation->arguments[i];
        char name[OPTION_NAME_MAX];

        if (argument->is_positional) {
            strbuf_addf(target, " %s%s%s%s", argument->is_required ? "" : "[", argument->value_name,
                        argument->is_required ? "" : "]", argument->is_repeated ? "..." : "");
        } else if (argument->is_required) {
            cli_option_name(argument, name, sizeof(name));
            strbuf_addf(target, " --%s %s", name, argument->value_name);
        } else {
            has_options = true;
        }
    }
    strbuf_add(target, has_options ? " [options]" : "");
}

static void add_option(const struct terminal *terminal, const struct argument *argument,
                       struct strbuf *target)
{
    char name[OPTION_NAME_MAX];
    struct strbuf left;
    struct strbuf right;

    strbuf_init(&left, OUTPUT_BYTES_MAX);
    strbuf_init(&right, OUTPUT_BYTES_MAX);
    cli_option_name(argument, name, sizeof(name));
    if (argument->letter) {
        strbuf_addf(&left, "-%c, ", argument->letter);
    } else {
        strbuf_add(&left, "    ");
    }
    strbuf_addf(&left, "--%s", name);
    if (argument->type != ARGUMENT_BOOLEAN) {
        strbuf_addf(&left, " %s", argument->value_name);
    }
    strbuf_add(&right, argument->help);
    if (argument->choices) {
        strbuf_add(&right, ": ");
        for (const char *at = argument->choices; *at; at++) {
            if (*at == '|') {
                strbuf_add(&right, ", ");
            } else {
                strbuf_add_char(&right, *at);
            }
        }
    }
    if (argument->fallback) {
        strbuf_addf(&right, " (default: %s)", argument->fallback);
    }
    add_entry(terminal, target, left.data, right.data, OPTION_COLUMNS);
    strbuf_release(&left);
    strbuf_release(&right);
}

static void add_arguments(const struct terminal *terminal, const struct operation *operation,
                          bool positional, struct strbuf *target)
{
    bool is_first = true;

    for (size_t i = 0; i < operation->argument_count; i++) {
        const struct argument *argument = &operation->arguments[i];

        if (argument->is_positional != positional) {
            continue;
        }
        if (is_first) {
            strbuf_add_char(target, '\n');
            add_styled(terminal, target, STYLE_BOLD, positional ? "Arguments" : "Options");
            strbuf_add_char(target, '\n');
            is_first = false;
        }
        if (positional) {
            struct strbuf text;

            strbuf_init(&text, OUTPUT_BYTES_MAX);
            strbuf_add(&text, argument->help);
            if (argument->fallback) {
                strbuf_addf(&text, " (default: %s)", argument->fallback);
            }
            add_entry(terminal, target, argument->value_name, text.data, OPTION_COLUMNS);
            strbuf_release(&text);
        } else {
            add_option(terminal, argument, target);
        }
    }
}

static void add_globals(const struct terminal *terminal, struct strbuf *target)
{
    size_t count;
    const struct global_option *options = cli_global_options(&count);

    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, "Options of every command");
    strbuf_add_char(target, '\n');
    for (size_t i = 0; i < count; i++) {
        char letter[8] = "    ";
        char *name;

        if (options[i].letter) {
            (void)snprintf(letter, sizeof(letter), "-%c, ", options[i].letter);
        }
        name = mem_printf("%s--%s%s%s", letter, options[i].name, options[i].value_name ? " " : "",
                          options[i].value_name ? options[i].value_name : "");
        add_entry(terminal, target, name, options[i].help, OPTION_COLUMNS);
        free(name);
    }
}

static void add_statuses(const struct terminal *terminal, const struct exit_status *statuses,
                         struct strbuf *target)
{
    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, "Exit status");
    strbuf_add_char(target, '\n');
    for (; statuses->meaning; statuses++) {
        char number[16];

        (void)snprintf(number, sizeof(number), "%3d", statuses->status);
        add_entry(terminal, target, number, statuses->meaning, 5);
    }
}

static void add_examples(const struct terminal *terminal, const char *example,
                         struct strbuf *target)
{
    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, "Examples");
    strbuf_add(target, "\n  ");
    for (const char *at = example; *at; at++) {
        strbuf_add_char(target, *at);
        strbuf_add(target, *at == '\n' ? "  " : "");
    }
    strbuf_add_char(target, '\n');
}

static void add_operation(const struct terminal *terminal, const struct operation *operation,
                          struct strbuf *target)
{
    add_wrapped(terminal, target, operation->summary, 0);
    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, "Usage");
    strbuf_add(target, "\n  ");
    help_usage(operation, target);
    strbuf_add_char(target, '\n');
    add_arguments(terminal, operation, true, target);
    add_arguments(terminal, operation, false, target);
    add_globals(terminal, target);
    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, "Description");
    strbuf_add_char(target, '\n');
    add_wrapped(terminal, target, operation->description, 2);
    add_examples(terminal, operation->example, target);
    add_statuses(terminal, operation->exits, target);
}

int help_command(const struct terminal *terminal, const char *name, struct strbuf *target,
                 struct error *err)
{
    const struct operation *operation = ops_find(name);

    if (operation) {
        add_operation(terminal, operation, target);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            strbuf_addf(target, "%s\n\n", commands[i].summary);
            add_styled(terminal, target, STYLE_BOLD, "Usage");
            strbuf_addf(target, "\n  fermata %s\n", commands[i].usage);
            add_examples(terminal, commands[i].example, target);
            add_statuses(terminal, exit_statuses_plain(), target);
            return 0;
        }
    }
    return help_no_such_command(name, err);
}
