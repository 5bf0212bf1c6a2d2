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
    {.name = "budget", .type = ARGUMENT_PAIRS, .value_name = "KIND=AMOUNT",
     .help = "Another limit than the run has, or +AMOUNT on top of it, such as tokens=+50k; what "
             "that used counts; may be given again"},
    {.name = "dry_run", .letter = 'n', .type = ARGUMENT_BOOLEAN,
     .help = "Say which steps would be taken over and which done again, and start nothing"},
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
     .example = "fermata fork last --dry-run\n"                                                    \
                "    what would be taken over, and what done again\n"                              \
                "fermata fork last\n"                                                              \
                "    once more; what is the same is not done again",                               \
     .arguments = fork_arguments,                                                                  \
     .argument_count = ARRAY_LEN(fork_arguments),                                                  \
     .exits = exits_run,                                                                           \
     .stray = "-i KEY=VALUE",                                                                      \
     .run = op_fork}

static const struct argument edit_arguments[] = {
    {.name = "run", .type = ARGUMENT_RUN, .is_positional = true, .is_required = true,
     .value_name = "RUN", .help = "The run: its id, the beginning of it, or \"last\""},
    {.name = "workflow", .letter = 'w', .type = ARGUMENT_WORKFLOW, .value_name = "WORKFLOW",
     .help = "The edited file; without it, and without -i, $EDITOR opens the text of the run"},
    {.name = "input", .letter = 'i', .type = ARGUMENT_PAIRS, .value_name = "KEY=VALUE",
     .help = "Another value of an input than the run has; may be given again"},
    {.name = "dry_run", .letter = 'n', .type = ARGUMENT_BOOLEAN,
     .help = "Say what would become of each step, and change nothing"},
    {.name = "yes", .letter = 'y', .type = ARGUMENT_BOOLEAN, .help = "Do not ask"},
    {.name = "detach", .letter = 'd', .type = ARGUMENT_BOOLEAN,
     .help = "Go on in the background"},
    {.name = "no_input", .type = ARGUMENT_BOOLEAN, .help = "Never ask for approvals"},
};

#define EDIT_ROW                                                                                   \
    {.name = "edit",                                                                               \
     .group = "Start",                                                                             \
     .summary = "Change the plan of a run that is not over, and go on with it",                    \
     .description =                                                                                \
         "Steps and phases may be added, changed, moved and taken out. First it is shown which "   \
         "finished steps stay as they are, because nothing that goes into them is another, which " \
         "are done again, and why; then it is asked. A run that is running is paused at the next " \
         "boundary: its running steps end. What is looked at again is taken over when its turn "   \
         "comes, unless what was done again before it changed what goes into it or the files. A "  \
         "workflow with errors changes nothing. Of a run that completed, `fermata fork` makes a "  \
         "new one.\n\n"                                                                            \
         "Where nobody can be asked, --yes is needed: else exit status 2 and nothing is changed.", \
     .example = "fermata edit last -w ./draft.yaml --dry-run\n"                                    \
                "    what would become of each step\n"                                             \
                "fermata edit last -w ./draft.yaml --yes\n"                                        \
                "    and goes on with it",                                                         \
     .arguments = edit_arguments,                                                                  \
     .argument_count = ARRAY_LEN(edit_arguments),                                                  \
     .exits = exits_run,                                                                           \
     .stray = "-i KEY=VALUE",                                                                      \
     .run = op_edit}
/* clang-format on */

#endif
