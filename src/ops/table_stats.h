/* SPDX-License-Identifier: MIT */
/* Private to table.c: the row of `stats`, with its arguments. */
#ifndef FERMATA_OPS_TABLE_STATS_H
#define FERMATA_OPS_TABLE_STATS_H

#include "ops/table.h"
#include "run/sample.h"

/* clang-format off */
static const struct argument stats_arguments[] = {
    {.name = "agent", .letter = 'a', .type = ARGUMENT_AGENT, .value_name = "AGENT",
     .help = "Only this agent"},
    {.name = "kind", .letter = 'k', .type = ARGUMENT_CHOICE, .choices = TASK_KINDS,
     .value_name = "KIND", .help = "Only tasks of this kind"},
    {.name = "since", .letter = 's', .type = ARGUMENT_DURATION, .value_name = "DURATION",
     .help = "Only what ended within this time, such as 30d"},
};

#define STATS_ROW                                                                                  \
    {.name = "stats",                                                                              \
     .group = "Look",                                                                              \
     .summary = "Say what agents' work was worth, and what looking at it cost",                    \
     .description =                                                                                \
         "For each agent and kind of task (`fermata run --kind`): attempts that "                  \
         "succeeded or failed (SAMPLES), the share of successes, where newer ones "                \
         "count more, as routing sees it (SUCCESS; out: below 60 %, so others are "                \
         "taken), and what an attempt that passed took. Limits, outages, stops and "               \
         "crashes are no samples: they say nothing of the agent's work.\n\n"                       \
         "Then for each agent: changes that stay, of completed runs, what all its "                \
         "attempts cost and what that is for one of them, how much of what passed was "            \
         "found wrong afterwards by a gate, a check or a judge (FALSE GREEN), and all "            \
         "failures by class. Then what these found and what it took to ask them; then "            \
         "what steps that were reused saved.\n\n"                                                  \
         "What is not known is called so; >$1.50 means that some attempts did not say "            \
         "what they cost. Agents' figures stay when `fermata gc` removes their runs.",             \
     .example = "fermata stats --kind fix --since 90d\n"                                           \
                "    who repairs best lately",                                                     \
     .arguments = stats_arguments,                                                                 \
     .argument_count = ARRAY_LEN(stats_arguments),                                                 \
     .is_read_only = true,                                                                         \
     .exits = exits_look,                                                                          \
     .stray = "--agent",                                                                           \
     .run = op_stats}
/* clang-format on */

#endif
