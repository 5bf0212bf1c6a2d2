/* SPDX-License-Identifier: MIT */
/* How the command line takes part while an operation goes on: progress, signals, questions. */
#ifndef FERMATA_CLI_VIEW_H
#define FERMATA_CLI_VIEW_H

#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/progress.h"
#include "cli/transfer.h"

struct cli {
    const struct cli_settings *settings;
    struct terminal out;
    struct terminal err;
    const struct cli_call *call;
    struct ops *ops;
    bool log_json;
    bool has_run;      /* a run went on in this process */
    int signal_number; /* the last one that interrupted it; 0: none */
    int interrupts;
    struct progress *progress;
    struct transfer transfer;
    struct loop *loop;
    loop_id watches[4];
};

void cli_view(struct cli *cli, struct ops_view *ret_view);
/* After an operation: what it drew stands on a line of its own. */
void cli_end_transfer(struct cli *cli);
/* Writes everything, through short writes and interruptions; false when it cannot. */
bool cli_write(int fd, const char *text, size_t length);

#endif
