/* SPDX-License-Identifier: MIT */
/* What the exit status of a command says: of any, and of each row of the table. */
#include "ops/exits.h"

#include "base/alloc.h"

/* clang-format off */
static const struct exit_status all[] = {
    {0, "it went well"},
    {1, "the run failed or was cancelled, or something else went wrong"},
    {2, "wrong usage: an unknown command or option, a missing or bad argument"},
    {3, "the run is paused or waits for a person"},
    {4, "an agent or a tool is missing, before the run or in the midst of it"},
    {5, "a budget or a limit was reached, or the disk is full"},
    {6, "there is no such run, workflow, step, artifact or project"},
    {7, "a workflow or the configuration has errors"},
    {42, "the program that called Fermata must answer: `fermata run --bridge`"},
    {75, "another process is busy with the run; try again later"},
    {124, "a step or the run took longer than allowed"},
    {130, "interrupted by Ctrl-C"},
    {143, "interrupted by SIGTERM"},
};

#define WELL       {0, "it went well"}
#define WRONG      {1, "something went wrong"}
#define USAGE      {2, "wrong usage: an unknown option, a missing or bad argument"}
#define NO_KEEPER  {4, "a program of Fermata is missing: fermata-keep"}
#define FULL       {5, "the disk is full, or a limit was reached"}
#define NO_RUN     {6, "there is no such run, step or project"}
#define CONFIG     {7, "the configuration has errors"}
#define BUSY       {75, "another process is busy with the run; try again later"}
#define STORE_BUSY {75, "another process is busy with the store; try again later"}
#define WHERE_RUN_WENT                                                                             \
    {42, "the program that called Fermata must answer: docs/bridge.md"},                           \
    BUSY,                                                                                          \
    {124, "a step or the run took longer than allowed"},                                           \
    {130, "interrupted by Ctrl-C"},                                                                \
    {143, "interrupted by SIGTERM"}
#define END {0, NULL}

const struct exit_status exits_run[] = {
    {0, "the run completed"},
    {1, "the run failed or was cancelled, or something else went wrong"},
    {2, "wrong usage: an unknown option, a missing or bad argument or input"},
    {3, "the run is paused or waits for a person"},
    {4, "an agent or a tool is missing, before the run or in the midst of it"},
    {5, "a budget or a limit was reached, or the disk is full"},
    {6, "there is no such workflow, run or project"},
    {7, "the workflow or the configuration has errors, or asks for what its agent cannot do"},
    WHERE_RUN_WENT,
    END,
};
const struct exit_status exits_loop[] = {
    {0, "every story is done, or --max of them were"},
    {1, "the run of a story failed or was cancelled, or something else went wrong"},
    {2, "wrong usage: an unknown option, a missing or bad argument or input"},
    {3, "the run of a story is paused or waits for a person"},
    {4, "an agent or a tool is missing, before a run or in the midst of it"},
    {5, "a budget or a limit was reached, or the disk is full"},
    {6, "there is no such file or workflow"},
    {7, "the file, the workflow or the configuration has errors"},
    {42, "the program that called Fermata must answer: docs/bridge.md"},
    {75, "another loop is at work on the file, or another process on the run of a story"},
    {124, "a step or the run of a story took longer than allowed"},
    {130, "interrupted by Ctrl-C"},
    {143, "interrupted by SIGTERM"},
    END,
};
const struct exit_status exits_steer[] = {
    {0, "it is done"},
    {1, "the run cannot do that as it stands, or something else went wrong"},
    USAGE, NO_KEEPER, FULL, NO_RUN, CONFIG, BUSY, END,
};
const struct exit_status exits_go_on[] = {
    {0, "it is done; with --resume: the run completed"},
    {1, "the run cannot do that as it stands, or it failed, or something else went wrong"},
    USAGE,
    {3, "with --resume: the run is paused or waits for a person"},
    {4, "an agent or a tool is missing, before the run or in the midst of it"},
    {5, "a budget or a limit was reached, or the disk is full"},
    NO_RUN, CONFIG, WHERE_RUN_WENT, END,
};
const struct exit_status exits_status[] = {
    {0, "the run completed, goes on or was not begun"},
    {1, "the run failed or was cancelled, or something else went wrong"},
    USAGE,
    {3, "the run is paused or waits for a person"},
    {4, "the run failed: an agent is not signed in"},
    {5, "the run failed at a budget or a limit, or the disk is full"},
    NO_RUN,
    {42, "the program that called Fermata must answer: docs/bridge.md"},
    STORE_BUSY,
    {124, "the run failed: it or a step took longer than allowed"},
    END,
};
const struct exit_status exits_look[] = {
    WELL, WRONG, USAGE, FULL, {6, "there is no such run, step, artifact, workflow or project"},
    STORE_BUSY, END,
};
const struct exit_status exits_definitions[] = {
    WELL, WRONG, USAGE, {5, "a limit was reached: too many or too large files"},
    {6, "there is no such workflow or file"}, {7, "a workflow or the configuration has errors"}, END,
};
const struct exit_status exits_agents[] = {
    WELL, WRONG, USAGE, {4, "an agent, a model server or a tool is not there"}, FULL,
    {6, "there is no such agent"}, CONFIG, STORE_BUSY, {130, "interrupted by Ctrl-C"},
    {143, "interrupted by SIGTERM"}, END,
};
const struct exit_status exits_house[] = {
    WELL, {1, "a check failed, or something else went wrong"}, USAGE, NO_KEEPER, FULL,
    {6, "there is no project, or no run in it"}, CONFIG, STORE_BUSY, END,
};
const struct exit_status exits_print[] = { WELL, WRONG, USAGE, END };
/* clang-format on */

const struct exit_status *exit_statuses(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(all);
    return all;
}

const struct exit_status *exit_statuses_plain(void)
{
    return exits_print;
}
