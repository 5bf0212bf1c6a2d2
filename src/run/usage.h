/* SPDX-License-Identifier: MIT */
/* What agents used, summed up. Pure. What is not known of an attempt is missing in the sum, which
 * then is the least that it can be; what is known of no attempt is not known at all. */
#ifndef FERMATA_RUN_USAGE_H
#define FERMATA_RUN_USAGE_H

#include "agents/event.h"

struct usage_sum {
    struct agent_usage sum;
    int attempts;     /* of agents */
    unsigned missing; /* bit i: an attempt did not say field i (see usage.c) */
};
#define USAGE_SUM_INIT                                                                             \
    {                                                                                              \
        .sum = AGENT_USAGE_INIT                                                                    \
    }

/* In `usage` of an agent that could not be started at all: nobody was called. */
#define USAGE_NOT_STARTED "not_started"

/* One attempt, by the `usage` of its record; NULL: nothing is known of it. */
void usage_add(struct usage_sum *sum, const json_t *said);
void usage_merge(struct usage_sum *sum, const struct usage_sum *other);
/* {attempts, input_tokens, ..., at_least: [FIELD...], unknown: [FIELD...]}: the fields that are
 * known, those of them that lack a part, those of which nothing is known; NULL when no agent was
 * asked. The caller owns it. */
json_t *usage_describe(const struct usage_sum *sum);

#endif
