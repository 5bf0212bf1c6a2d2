/* SPDX-License-Identifier: MIT */
/* What the work of agents was worth: read off the journals of the runs that are kept, and of runs
 * that were removed from what was kept of them then. Nothing of it is stored twice. */
#ifndef FERMATA_RUN_STATISTICS_H
#define FERMATA_RUN_STATISTICS_H

#include "base/error.h"
#include "base/json.h"
#include "run/sample.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

#define STATISTICS_RUNS_MAX 5000 /* the newest are looked at */

struct run_statistics {
    struct agent_sample *samples; /* ascending by `at` */
    size_t sample_count;
    /* {runs, finders: [{kind, name, asked, passed, found, unknown?, skipped?, duration_ms, ...}],
     * reuse: {steps, of_agents, duration_ms, tokens, counted, cost_usd?, priced}}; of the runs that
     * are kept alone. */
    json_t *worth;
    struct arena *arena; /* holds the texts */
};

/* `folder`: PROJECT/.fermata; since: only what ended later, ms since 1970; 0: all. Blocks. */
int run_statistics_read(struct store *store, const char *folder, int64_t since,
                        struct run_statistics *ret_statistics, struct error *err);
void run_statistics_release(struct run_statistics *statistics);

/* Before runs are removed: their samples, and in the transaction that removes them. */
int statistics_read_runs(struct store *store, const char *folder, const json_t *ids,
                         struct run_statistics *ret_statistics, struct error *err);
int statistics_keep(struct tx *tx, const struct run_statistics *statistics, struct error *err);

#endif
