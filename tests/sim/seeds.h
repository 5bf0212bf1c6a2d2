/* SPDX-License-Identifier: MIT */
/* Many seeds on all cores, in processes of their own: a failed assertion is one seed's failure too.
 * Every so many seeds, one is played once more for each of its writes, with a crash there. */
#ifndef FERMATA_SIM_SEEDS_H
#define FERMATA_SIM_SEEDS_H

#include "simulate.h"

#define SEED_JOBS_MAX 64

struct seeds_plan {
    uint64_t first, count;
    int repeat_every; /* that many seeds are played twice; 0: none */
    int sweep_every;  /* of that many seeds each write is tried; 0: of none */
    int failures_max; /* then it is clear enough */
};

/* Shared by the processes. */
struct seeds {
    struct seeds_plan plan;
    uint64_t next; /* the next chunk begins here */
    uint64_t failures;
    struct failed_seed {
        bool has_failed;
        uint64_t seed;
        int crash_at_write, crash_way;
    } first_failed; /* the one that is shrunk and shown */
    uint64_t repeated, different;
    uint64_t played, swept, events, records, crashes, completed;
    uint64_t answers, unheard; /* of the host */
    uint64_t raised;           /* budgets */
    uint64_t edits;            /* of plans */
    uint64_t hash;             /* of all seeds, in any order */
    unsigned kinds_seen;
    struct {
        struct failed_seed at;
        bool is_running;
    } workers[SEED_JOBS_MAX];
};

struct seeds *seeds_play(const struct seeds_plan *plan);
void seeds_free(struct seeds *seeds);

#endif
