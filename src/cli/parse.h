/* SPDX-License-Identifier: MIT */
/* Words of the command line -> an operation and its arguments. Pure but for KEY=@FILE. */
#ifndef FERMATA_CLI_PARSE_H
#define FERMATA_CLI_PARSE_H

#include "ops/ops.h"

/* Commands of the command line itself: they are about the table, not rows of it. */
enum cli_word {
    WORD_NONE, /* no command was given */
    WORD_OPERATION,
    WORD_HELP,
    WORD_MAN,
    WORD_COMPLETION,
    WORD_COMPLETE,
};

struct cli_call {
    enum cli_word word;
    const struct operation *operation; /* WORD_OPERATION */
    json_t *arguments;                 /* of the operation; owned */
    char **rest;                       /* words behind the other commands; points into argv */
    int rest_count;
    bool wants_json;
    bool wants_help;
    bool wants_version;
    bool no_color;
    const char *project;    /* NULL: not given */
    const char *config;     /* NULL: not given */
    const char *log_format; /* NULL, "text" or "json" */
};

/* An option that every command has. */
struct global_option {
    const char *name;
    char letter;
    const char *value_name; /* NULL: a flag */
    const char *help;
};
const struct global_option *cli_global_options(size_t *ret_count);

/* ERROR_INVALID with the nearest name for anything unknown. Also on failure wants_json tells how
 * the error is to be shown. The caller releases the call in any case. */
int cli_parse(int argc, char **argv, struct cli_call *ret_call, struct error *err);
void cli_call_release(struct cli_call *call);
/* The option's long name with dashes: "no_input" -> "no-input". */
void cli_option_name(const struct argument *argument, char *ret_name, size_t size);

#endif
