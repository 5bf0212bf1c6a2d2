/* SPDX-License-Identifier: MIT */
/* Memory with one lifetime (a workflow, a run, a request): allocate freely, free once. */
#ifndef FERMATA_BASE_ARENA_H
#define FERMATA_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* accepts NULL */

void *arena_zero(struct arena *arena, size_t count, size_t size); /* zeroed, aligned for anything */
char *arena_strdup(struct arena *arena, const char *text);        /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
size_t arena_size_bytes(const struct arena *arena); /* what it holds now, for ceilings */

#endif
