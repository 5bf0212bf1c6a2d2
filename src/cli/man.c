/* SPDX-License-Identifier: MIT */
/* The manual page, in man(7) macros: https://man7.org/linux/man-pages/man7/groff_man.7.html */
#include "base/alloc.h"
#include "cli/help.h"
#include "cli/parse.h"

#include <stdlib.h>
#include <string.h>

#define OPTION_NAME_MAX 64

/* Text that roff shows as it is: backslashes and dashes escaped, no line that begins with a dot or
 * an apostrophe. */
static void add_roff(struct strbuf *target, const char *text)
{
    bool at_start = target->length == 0 || target->data[target->length - 1] == '\n';

    for (; *text; text++) {
        if (at_start && (*text == '.' || *text == '\'')) {
            strbuf_add(target, "\\&");
        }
        if (*text == '\\') {
            strbuf_add(target, "\\e");
        } else if (*text == '-') {
            strbuf_add(target, "\\-");
        } else {
            strbuf_add_char(target, *text);
        }
        at_start = *text == '\n';
    }
}

/* An argument of a macro: quotes doubled. */
static void add_quoted(struct strbuf *target, const char *text)
{
    strbuf_add_char(target, '"');
    for (; *text; text++) {
        if (*text == '-') {
            strbuf_add(target, "\\-");
        } else if (*text == '\\') {
            strbuf_add(target, "\\e");
        } else if (*text == '"') {
            strbuf_add(target, "\"\"");
        } else {
            strbuf_add_char(target, *text);
        }
    }
    strbuf_add_char(target, '"');
}

static void add_paragraphs(struct strbuf *target, const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        char *paragraph = mem_strndup(text, length);

        strbuf_add(target, ".PP\n");
        add_roff(target, paragraph);
        strbuf_add_char(target, '\n');
        free(paragraph);
        text += length + (end ? 2 : 0);
    }
}

static void add_term(struct strbuf *target, const char *term, const char *text)
{
    strbuf_add(target, ".TP\n.B ");
    add_quoted(target, term);
    strbuf_add_char(target, '\n');
    add_roff(target, text);
    strbuf_add_char(target, '\n');
}

/* With spaces, so that a long list can be broken into lines. */
static void add_choices(struct strbuf *text, const char *choices)
{
    strbuf_add(text, " One of ");
    for (const char *c = choices; *c; c++) {
        strbuf_add(text, *c == '|' ? ", " : (char[]){*c, '\0'});
    }
    strbuf_add_char(text, '.');
}

static void add_argument(struct strbuf *target, const struct argument *argument)
{
    char name[OPTION_NAME_MAX];
    struct strbuf term;
    struct strbuf text;

    strbuf_init(&term, OUTPUT_BYTES_MAX);
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    cli_option_name(argument, name, sizeof(name));
    if (argument->is_positional) {
        strbuf_add(&term, argument->value_name);
    } else {
        if (argument->letter) {
            strbuf_addf(&term, "-%c, ", argument->letter);
        }
        strbuf_addf(&term, "--%s", name);
        if (argument->type != ARGUMENT_BOOLEAN) {
            strbuf_addf(&term, " %s", argument->value_name);
        }
    }
    strbuf_addf(&text, "%s.", argument->help);
    if (argument->choices && !argument->is_positional) {
        add_choices(&text, argument->choices);
    }
    if (argument->fallback) {
        strbuf_addf(&text, " Default: %s.", argument->fallback);
    }
    add_term(target, term.data, text.data);
    strbuf_release(&term);
    strbuf_release(&text);
}

static void add_arguments(struct strbuf *target, const struct operation *operation)
{
    for (size_t i = 0; i < operation->argument_count; i++) {
        add_argument(target, &operation->arguments[i]);
    }
}

static void add_example(struct strbuf *target, const char *example)
{
    strbuf_add(target, ".EX\n");
    add_roff(target, example);
    strbuf_add(target, "\n.EE\n");
}

static void add_operation(struct strbuf *target, const struct operation *operation)
{
    struct strbuf usage;

    strbuf_init(&usage, OUTPUT_BYTES_MAX);
    help_usage(operation, &usage);
    strbuf_add(target, ".SS ");
    add_quoted(target, usage.data);
    strbuf_add_char(target, '\n');
    add_roff(target, operation->summary);
    strbuf_add(target, ".\n");
    add_paragraphs(target, operation->description);
    add_arguments(target, operation);
    strbuf_add(target, ".PP\nFor example:\n.PP\n");
    add_example(target, operation->example);
    strbuf_release(&usage);
}

static void add_globals(struct strbuf *target)
{
    size_t count;
    const struct global_option *options = cli_global_options(&count);

    strbuf_add(target, ".SH OPTIONS OF EVERY COMMAND\n");
    for (size_t i = 0; i < count; i++) {
        char *term = mem_printf("%c%c%s--%s%s%s", options[i].letter ? '-' : ' ',
                                options[i].letter ? options[i].letter : ' ',
                                options[i].letter ? ", " : "  ", options[i].name,
                                options[i].value_name ? " " : "",
                                options[i].value_name ? options[i].value_name : "");
        char *text = mem_printf("%s.", options[i].help);

        add_term(target, term + strspn(term, " "), text);
        free(text);
        free(term);
    }
}

static void add_commands(struct strbuf *target)
{
    size_t count;
    const struct operation *rows = ops_table(&count);
    const struct cli_command *commands;

    strbuf_add(target, ".SH COMMANDS\n");
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_hidden) {
            add_operation(target, &rows[i]);
        }
    }
    commands = cli_commands(&count);
    for (size_t i = 0; i < count; i++) {
        strbuf_add(target, ".SS ");
        strbuf_add(target, "\"fermata ");
        strbuf_add(target, commands[i].usage);
        strbuf_add(target, "\"\n");
        add_roff(target, commands[i].summary);
        strbuf_add(target, ".\n.PP\nFor example:\n.PP\n");
        add_example(target, commands[i].example);
    }
}

static void add_status(struct strbuf *target, const struct exit_status *status)
{
    strbuf_addf(target, ".TP\n.B %d\n", status->status);
    add_roff(target, status->meaning);
    strbuf_add(target, ".\n");
}

static void add_all_statuses(struct strbuf *target)
{
    size_t count;
    const struct exit_status *statuses = exit_statuses(&count);

    strbuf_add(target, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < count; i++) {
        add_status(target, &statuses[i]);
    }
    strbuf_add(target, ".PP\n");
    add_roff(target, "`fermata help COMMAND` says which of them a command can have.\n");
}

static void add_surroundings(struct strbuf *target)
{
    strbuf_add(target, ".SH ENVIRONMENT\n");
    add_term(target, "FERMATA_PROJECT", "The project's folder, as with --project.");
    add_term(target, "FERMATA_CONFIG",
             "The configuration instead of the project's, as with --config; else "
             "AI_ORCHESTRATOR_CONFIG_PATH is looked at.");
    add_term(target, "FERMATA_WORKFLOW", "The workflow of `fermata run` without --workflow.");
    add_term(target, "FERMATA_OFFLINE",
             "true: only agents that need no network; auto: who cannot be reached is passed over "
             "for one that needs none; false: nobody asks. Outweighs `offline: auto` of the "
             "configuration.");
    add_term(target, "FERMATA_STRATEGY", "The strategy of `fermata run` without --strategy.");
    add_term(target, "FERMATA_TRUST",
             "1: what came with any project may start programs, as after fermata trust.");
    add_term(target, "FERMATA_LOG_FORMAT", "text or json, as with --log-format.");
    add_term(target, "FERMATA_KEEP", "The keeper program, when it is not beside fermata.");
    add_term(target, "NO_COLOR", "When set and not empty: no colours.");
    add_term(target, "XDG_CONFIG_HOME",
             "Where the user's own configuration, workflows and experts lie (in its folder "
             "fermata); ~/.config when it is not set.");
    add_term(target, "XDG_CACHE_HOME",
             "Where the versions of agents are remembered; ~/.cache when it is not set.");
    strbuf_add(target, ".SH FILES\n");
    add_term(
        target, ".fermata/config.yaml",
        "Settings, agents and gates of the project; where there is none, .fermata/agents.yaml.");
    add_term(target, ".fermata/workflows/*.yaml", "Workflows of the project.");
    add_term(target, ".fermata/workflows/wf_*/",
             "A readable view of each run: logs, report, artifacts, checkpoints, attempts.");
    add_term(target, ".fermata/fermata.db", "The store of all runs (SQLite).");
    add_term(target, "~/.config/fermata/config.yaml", "The user's own defaults.");
}

/* "FERMATA", or "FERMATA-RUN" */
static void add_title(struct strbuf *target, const char *version, const char *name)
{
    strbuf_add(target, ".\\\" Made by `fermata man`.\n.TH FERMATA");
    if (name) {
        strbuf_add(target, "\\-");
    }
    for (; name && *name; name++) {
        strbuf_add_char(target, *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name);
    }
    strbuf_addf(target, " 1 \"\" \"fermata %s\" \"User Commands\"\n", version);
    /* Names of commands are neither broken nor stretched. */
    strbuf_add(target, ".nr HY 0\n.ad l\n");
}

static void add_name(struct strbuf *target, const char *name, const char *summary,
                     const char *usage)
{
    strbuf_addf(target, ".SH NAME\nfermata\\-%s \\- ", name);
    add_roff(target, summary);
    strbuf_add(target, "\n.SH SYNOPSIS\n.B ");
    add_quoted(target, usage);
    strbuf_add_char(target, '\n');
}

static void add_see_also(struct strbuf *target)
{
    strbuf_add(target, ".SH SEE ALSO\n.BR fermata (1)\n");
}

/* The pages of the commands, one after the other: the last without a comma. */
static void add_pages(struct strbuf *target)
{
    size_t count;
    const struct operation *rows = ops_table(&count);
    bool is_first = true;

    strbuf_add(target, ".SH SEE ALSO\n");
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_hidden) {
            char *name = mem_printf("fermata-%s", rows[i].name);

            strbuf_add(target, is_first ? ".BR " : " (1),\n.BR ");
            add_roff(target, name);
            is_first = false;
            free(name);
        }
    }
    strbuf_add(target, " (1)\n");
}

static void add_statuses(struct strbuf *target, const struct exit_status *statuses)
{
    strbuf_add(target, ".SH EXIT STATUS\n");
    for (; statuses->meaning; statuses++) {
        add_status(target, statuses);
    }
}

static void format_operation(const char *version, const struct operation *operation,
                             struct strbuf *target)
{
    struct strbuf usage;

    strbuf_init(&usage, OUTPUT_BYTES_MAX);
    help_usage(operation, &usage);
    add_title(target, version, operation->name);
    add_name(target, operation->name, operation->summary, usage.data);
    strbuf_release(&usage);
    strbuf_add(target, ".SH DESCRIPTION\n");
    add_paragraphs(target, operation->description);
    if (operation->argument_count > 0) {
        strbuf_add(target, ".SH ARGUMENTS AND OPTIONS\n");
        add_arguments(target, operation);
    }
    add_globals(target);
    strbuf_add(target, ".SH EXAMPLES\n");
    add_example(target, operation->example);
    add_statuses(target, operation->exits);
    add_see_also(target);
}

static void format_command(const char *version, const struct cli_command *command,
                           struct strbuf *target)
{
    char *usage = mem_printf("fermata %s", command->usage);

    add_title(target, version, command->name);
    add_name(target, command->name, command->summary, usage);
    free(usage);
    strbuf_add(target, ".SH EXAMPLES\n");
    add_example(target, command->example);
    add_statuses(target, exit_statuses_plain());
    add_see_also(target);
}

int man_format_command(const char *version, const char *name, struct strbuf *target,
                       struct error *err)
{
    const struct operation *operation = ops_find(name);
    const struct cli_command *commands;
    size_t count;

    if (operation) {
        format_operation(version, operation, target);
        return 0;
    }
    commands = cli_commands(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            format_command(version, &commands[i], target);
            return 0;
        }
    }
    return help_no_such_command(name, err);
}

void man_format(const char *version, struct strbuf *target)
{
    add_title(target, version, NULL);
    strbuf_add(target, ".SH NAME\nfermata \\- conduct AI coding agents through durable workflows\n"
                       ".SH SYNOPSIS\n.B fermata\n.I COMMAND\n.RI [ ARGUMENTS ]\n"
                       ".SH DESCRIPTION\n");
    add_roff(target,
             "Runs workflows: phases of steps that are commands, built-in functions, agents, "
             "approvals or other workflows. Everything that happens is journaled before it "
             "counts: a run that was killed at any instant goes on with `fermata resume`, "
             "and what was finished is not done again.\n");
    add_commands(target);
    add_globals(target);
    add_all_statuses(target);
    add_surroundings(target);
    add_pages(target);
}
