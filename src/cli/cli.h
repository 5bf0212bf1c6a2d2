/* SPDX-License-Identifier: MIT */
/* The command line: a view of the operations table. It translates words to arguments and results to
 * text; it decides nothing else. Standard output carries data only, all else is standard error. */
#ifndef FERMATA_CLI_CLI_H
#define FERMATA_CLI_CLI_H

#include "ops/ops.h"

#include <stdbool.h>

/* What main reads from the environment and the descriptors. */
struct cli_settings {
    struct ops_settings ops;
    bool in_is_terminal;
    bool out_is_terminal;
    bool err_is_terminal;
    bool is_dumb;  /* TERM is absent or "dumb": nothing is redrawn */
    bool no_color; /* NO_COLOR is set */
    bool is_utf8;  /* the locale's characters */
    int columns;   /* COLUMNS; 0: ask the terminal */
};

/* Runs one command; returns the exit status. settings may be changed. */
int cli_main(struct cli_settings *settings, int argc, char **argv);

#endif
