/* SPDX-License-Identifier: MIT */
#include "base/packed.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

struct packed {
    uint64_t present; /* bit i: word i is not zero, and the next of `words` */
    uint64_t words[];
};

static_assert(PACKED_BYTES_MAX == sizeof(uint64_t) * sizeof(uint64_t) * CHAR_BIT,
              "one bit for each word");

static uint64_t word_at(const void *value, size_t index)
{
    uint64_t word;

    memcpy(&word, (const char *)value + index * sizeof(word), sizeof(word));
    return word;
}

const struct packed *packed_put(struct arena *arena, const void *value, size_t size)
{
    size_t count = size / sizeof(uint64_t);
    uint64_t present = 0;
    struct packed *packed;
    size_t used = 0;

    assert(size % sizeof(uint64_t) == 0 && size <= PACKED_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (word_at(value, i) != 0) {
            present |= (uint64_t)1 << i;
            used++;
        }
    }
    packed = arena_zero(arena, 1, sizeof(*packed) + used * sizeof(uint64_t));
    packed->present = present;
    for (size_t i = 0, next = 0; next < used; i++) {
        if (present >> i & 1) {
            packed->words[next++] = word_at(value, i);
        }
    }
    return packed;
}

void packed_get(const struct packed *packed, void *ret_value, size_t size)
{
    const uint64_t *next = packed->words;

    memset(ret_value, 0, size);
    for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
        if (packed->present >> i & 1) {
            memcpy((char *)ret_value + i * sizeof(uint64_t), next++, sizeof(uint64_t));
        }
    }
}
