/* SPDX-License-Identifier: MIT */
/* A growing array of any type: `VEC(struct phase) phases = {0};` Element addresses change
 * when it grows, so keep indexes, not pointers. */
#ifndef FERMATA_BASE_VEC_H
#define FERMATA_BASE_VEC_H

#include "base/alloc.h"

#include <stdlib.h>

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

/* Makes room for one more and yields its address as an lvalue pointer. */
#define VEC_PUSH(vec)                                                                              \
    (((vec)->count == (vec)->capacity                                                              \
          ? (void)((vec)->capacity = (vec)->capacity ? (vec)->capacity * 2 : 8,                    \
                   (vec)->items = mem_resize((vec)->items, (vec)->capacity,                        \
                                             sizeof(*(vec)->items)))                               \
          : (void)0),                                                                              \
     &(vec)->items[(vec)->count++])

#define VEC_RELEASE(vec)                                                                           \
    (free((vec)->items), (vec)->items = NULL, (vec)->count = 0, (vec)->capacity = 0)

#endif
