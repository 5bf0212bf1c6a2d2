/* SPDX-License-Identifier: MIT */
/* Counts of whole numbers in fixed room, for percentiles: exact up to 127, beyond that to one in a
 * hundred. */
#ifndef FERMATA_BASE_HISTOGRAM_H
#define FERMATA_BASE_HISTOGRAM_H

#include <stdint.h>

/* Up to EXACT one slot a number; then 64 slots for each power of two. */
#define HISTOGRAM_EXACT_BITS 7
#define HISTOGRAM_EXACT (1 << HISTOGRAM_EXACT_BITS)
#define HISTOGRAM_PARTS (HISTOGRAM_EXACT / 2)
#define HISTOGRAM_SLOTS (HISTOGRAM_EXACT + HISTOGRAM_PARTS * (63 - HISTOGRAM_EXACT_BITS))

/* All zero: empty. */
struct histogram {
    int64_t count;
    int64_t slots[HISTOGRAM_SLOTS];
};

void histogram_add(struct histogram *histogram, int64_t value); /* not negative */
/* The value that so many of a hundred do not exceed, at the middle of its slot; -1: empty. */
int64_t histogram_percentile(const struct histogram *histogram, int percent);

#endif
