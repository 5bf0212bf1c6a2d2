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

/* A named vector type, for fields and parameters: `VEC_TYPE(int_vec, int);` */
#define VEC_TYPE(name, type)                                                                       \
    struct name {                                                                                  \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

/* Makes room for one more and yields its address as an lvalue pointer. Evaluates its argument
 * several times. */
#define VEC_PUSH(vec)                                                                              \
    (((vec)->count == (vec)->capacity                                                              \
          ? (void)((vec)->capacity = (vec)->capacity ? (vec)->capacity * 2 : 8,                    \
                   (vec)->items = mem_resize((vec)->items, (vec)->capacity,                        \
                                             sizeof(*(vec)->items)))                               \
          : (void)0),                                                                              \
     &(vec)->items[(vec)->count++])

/* Room for so many more, made at once: growing by and by touches twice the memory. */
#define VEC_RESERVE(vec, more)                                                                     \
    do {                                                                                           \
        __typeof__(vec) wider_vec = (vec);                                                         \
        if (wider_vec->capacity - wider_vec->count < (more)) {                                     \
            wider_vec->capacity = wider_vec->count + (more);                                       \
            wider_vec->items = mem_resize(wider_vec->items, wider_vec->capacity,                   \
                                          sizeof(*wider_vec->items));                              \
        }                                                                                          \
    } while (0)

/* Evaluates its argument once. */
#define VEC_RELEASE(vec)                                                                           \
    do {                                                                                           \
        __typeof__(vec) released_vec = (vec);                                                      \
        free(released_vec->items);                                                                 \
        released_vec->items = NULL;                                                                \
        released_vec->count = 0;                                                                   \
        released_vec->capacity = 0;                                                                \
    } while (0)

#endif
