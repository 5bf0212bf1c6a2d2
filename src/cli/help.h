/* SPDX-License-Identifier: MIT */
/* Help, man page and completions: all made from the operations table. */
#ifndef FERMATA_CLI_HELP_H
#define FERMATA_CLI_HELP_H

#include "cli/terminal.h"
#include "ops/ops.h"

/* `fermata` alone, or `fermata help`: the commands by groups. */
void help_overview(const struct terminal *terminal, struct strbuf *target);
/* One command; ERROR_INVALID with the nearest name for an unknown one. */
int help_command(const struct terminal *terminal, const char *name, struct strbuf *target,
                 struct error *err);
/* "fermata run [TASK] [options]" */
void help_usage(const struct operation *operation, struct strbuf *target);

/* The manual page fermata(1) in man(7) macros. */
void man_format(const char *version, struct strbuf *target);

/* bash, zsh or fish; ERROR_INVALID for another shell. */
int completion_format(const char *shell, struct strbuf *target, struct error *err);
/* What may stand at the last of these words (the words after `fermata`), one a line, with a tab and
 * a description. The project's runs, workflows and steps come from operations. */
void completion_words(struct ops *ops, char **words, int count, struct strbuf *target);

/* Exit statuses with their meaning, in one place. */
struct exit_status {
    int status;
    const char *meaning;
};
const struct exit_status *exit_statuses(size_t *ret_count);

/* The commands that are no rows: help, man, completion. */
struct cli_command {
    const char *name;
    const char *usage;
    const char *summary;
};
const struct cli_command *cli_commands(size_t *ret_count);

#endif
