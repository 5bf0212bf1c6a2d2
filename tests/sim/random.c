/* SPDX-License-Identifier: MIT */
#include "random.h"

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t z = (random->state += 0x9E3779B97F4A7C15ULL);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

int sim_random_below(struct sim_random *random, int count)
{
    return (int)(sim_random_next(random) % (uint64_t)count);
}

int sim_random_between(struct sim_random *random, int first, int last)
{
    return first + sim_random_below(random, last - first + 1);
}

bool sim_random_chance(struct sim_random *random, int percent)
{
    return sim_random_below(random, 100) < percent;
}
