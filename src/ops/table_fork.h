/* SPDX-License-Identifier: MIT */
/* Private to table.c: the row of what makes a new run of an old one, with its arguments. */
#ifndef FERMATA_OPS_TABLE_FORK_H
#define FERMATA_OPS_TABLE_FORK_H

#include "ops/table.h"

/* clang-format off */
static const struct argument fork_arguments[] = {
    {.name = "run", .type = ARGUMENT_RUN, .is_positional = true, .is_required = true,
     .value_name = "RUN", .help = "The run: its id, the beginning of it, or \"last\""},
    {.name = "from", .type = ARGUMENT_STEP, .value_name = "STEP",
     .help = "Do this step and everything that needs it again, whatever was done before"},
    {.name = "workflow", .letter = 'w', .type = ARGUMENT_WORKFLOW, .value_name = "WORKFLOW",
     .help = "Another workflow, or an edited file; the text that the run has when absent"},
    {.name = "input", .letter = 'i', .type = ARGUMENT_PAIRS, .value_name = "KEY=VALUE",
     .help = "Another value of an input than the run has; may be given again"},
    {.name = "label", .letter = 'l', .type = ARGUMENT_TEXT, .value_name = "LABEL",
     .help = "A word of yours to find the new run by; that of the run when absent"},
    {.name = "detach", .letter = 'd', .type = ARGUMENT_BOOLEAN,
     .help = "Print the new run's id and go on in the background"},
    {.name = "no_input", .type = ARGUMENT_BOOLEAN, .help = "Never ask for inputs or approvals"},
};

#define FORK_ROW                                                                                   \
    {.name = "fork",                                                                               \
     .group = "Start",                                                                             \
     .summary = "Start a new run from one that is there, and do only what changed",                \
     .description =                                                                                \
         "Starts with the same inputs, options and workflow as the run has, whatever became of "   \
         "it; -i and -w give others. What is the same as in any earlier run is taken over and not "\
         "done again: a step's prompt, agent, inputs and files make its digest. Commands and "      \
         "approvals are done again unless the workflow says `reuse`. The run itself stays as it "  \
         "is; the new one belongs to the same task, and `fermata explain` says of each step why "  \
         "it was taken over or not.",                                                              \
     .example = "fermata fork last\n"                                                              \
                "    once more; what is the same is not done again",                               \
     .arguments = fork_arguments,                                                                  \
     .argument_count = ARRAY_LEN(fork_arguments),                                                  \
     .exits = exits_run,                                                                           \
     .stray = "-i KEY=VALUE",                                                                      \
     .run = op_fork}
/* clang-format on */

#endif
