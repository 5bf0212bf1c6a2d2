/* SPDX-License-Identifier: MIT */
/* A struct most of whose fields are zero, kept as those of its words that are not: a thousand of
 * them take a fraction of the memory, and reading one costs next to nothing. For structs of numbers
 * and pointers, whose size is a multiple of 8 bytes. */
#ifndef FERMATA_BASE_PACKED_H
#define FERMATA_BASE_PACKED_H

#include "base/arena.h"

#include <stddef.h>

#define PACKED_BYTES_MAX 512

struct packed; /* lives in the arena */

const struct packed *packed_put(struct arena *arena, const void *value, size_t size);
void packed_get(const struct packed *packed, void *ret_value, size_t size);

#endif
