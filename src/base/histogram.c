/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

#include <assert.h>

static int slot_of(int64_t value)
{
    int bits = 64 - __builtin_clzll((unsigned long long)value | 1);
    int shift = bits - HISTOGRAM_EXACT_BITS;

    if (shift <= 0) {
        return (int)value;
    }
    return HISTOGRAM_EXACT + (shift - 1) * HISTOGRAM_PARTS + (int)(value >> shift) -
           HISTOGRAM_PARTS;
}

static int64_t middle_of(int slot)
{
    int shift = (slot - HISTOGRAM_EXACT) / HISTOGRAM_PARTS + 1;
    int64_t part = (slot - HISTOGRAM_EXACT) % HISTOGRAM_PARTS + HISTOGRAM_PARTS;

    return slot < HISTOGRAM_EXACT ? slot : (part << shift) + ((INT64_C(1) << shift) - 1) / 2;
}

void histogram_add(struct histogram *histogram, int64_t value)
{
    assert(value >= 0);
    histogram->count++;
    histogram->slots[slot_of(value)]++;
}

int64_t histogram_percentile(const struct histogram *histogram, int percent)
{
    int64_t rank = (histogram->count * percent + 99) / 100;
    int64_t seen = histogram->slots[0];
    int slot = 0;

    assert(percent > 0 && percent <= 100);
    if (histogram->count == 0) {
        return -1;
    }
    while (seen < rank) {
        seen += histogram->slots[++slot];
    }
    return middle_of(slot);
}
