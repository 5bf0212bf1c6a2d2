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

/* The table itself for programs: everything, or one command; the same errors as help_command. */
int help_describe(const char *name, json_t **ret_description, struct error *err);
/* ERROR_INVALID with the nearest name. */
int help_no_such_command(const char *name, struct error *err);

/* The manual page in man(7) macros: fermata(1), or of one command fermata-NAME(1). */
void man_format(const char *version, struct strbuf *target);
int man_format_command(const char *version, const char *name, struct strbuf *target,
                       struct error *err);

/* bash, zsh or fish; ERROR_INVALID for another shell. */
int completion_format(const char *shell, struct strbuf *target, struct error *err);
/* What may stand at the last of these words (the words after `fermata`), one a line, with a tab and
 * a description. The project's runs, workflows and steps come from operations. */
void completion_words(struct ops *ops, char **words, int count, struct strbuf *target);

/* The commands that are no rows: help, man, completion. */
struct cli_command {
    const char *name;
    const char *usage;
    const char *summary;
    const char *example;
};
const struct cli_command *cli_commands(size_t *ret_count);

#endif
