/* SPDX-License-Identifier: MIT */
/* Where all chance of a simulation comes from: the same seed gives the same numbers. */
#ifndef FERMATA_SIM_RANDOM_H
#define FERMATA_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

uint64_t sim_random_next(struct sim_random *random);
int sim_random_below(struct sim_random *random, int count); /* 0 .. count-1 */
int sim_random_between(struct sim_random *random, int first, int last);
bool sim_random_chance(struct sim_random *random, int percent);

#endif
