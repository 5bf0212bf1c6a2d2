/* SPDX-License-Identifier: MIT */
/* The seam to the machine: clock and random numbers (files go through base/file.h, processes
 * through agents/attempt.h, SQL through store/). Tests and the simulator give their own. */
#ifndef FERMATA_LOOP_HOST_H
#define FERMATA_LOOP_HOST_H

#include <stdint.h>

struct host {
    int64_t (*now_ms)(void *context);       /* wall clock, UTC */
    int64_t (*monotonic_ms)(void *context); /* never jumps */
    uint64_t (*random)(void *context);      /* unpredictable, 64 bits */
    void *context;
    int64_t (*monotonic_us)(void *context); /* for measuring; NULL where nothing is measured */
};

const struct host *host_linux(void);

#endif
