/* SPDX-License-Identifier: MIT */
/* A workflow given as a plain list of agent steps, written out in the format of workflow files.
 * Internal to workflow/. */
#ifndef FERMATA_WORKFLOW_CHAIN_H
#define FERMATA_WORKFLOW_CHAIN_H

#include "workflow/reader.h"

#define CHAIN_STEPS_MAX 100

struct chain {
    const char *name;
    const char *description; /* NULL: none */
    const struct yaml_node *steps;
    bool is_offline;
    struct position at;
    const char *file;
};

/* What `settings` of the files say; the defaults where they say nothing. */
struct chain_settings {
    int64_t max_iterations;
    int64_t suggestions_max;
    int64_t attempts;            /* 0: not said */
    int64_t retry_delay_ms;      /* negative: not said */
    int64_t timeout_ms;          /* 0: not said */
    const struct map *stand_ins; /* agent -> name of the one that stands in */
};

/* The text of the workflow, on the arena. The steps must have passed the key table. */
const char *chain_format(struct arena *arena, const struct chain *chain,
                         const struct chain_settings *settings);

#endif
