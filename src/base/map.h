/* SPDX-License-Identifier: MIT */
/* A hash map from text to a pointer. Keys are copied; values are borrowed.
 * Iteration follows no order; sort where output depends on it. */
#ifndef FERMATA_BASE_MAP_H
#define FERMATA_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_new(void);
void map_free(struct map *map); /* accepts NULL; values are not freed */

/* Returns the value that the key had before, or NULL. value must not be NULL. */
void *map_put(struct map *map, const char *key, void *value);
void *map_find(const struct map *map, const char *key); /* NULL when absent */
void *map_remove(struct map *map, const char *key);     /* the value, or NULL */
size_t map_count(const struct map *map);

/* `size_t cursor = 0; while (map_next(map, &cursor, &key, &value))`; do not change it meanwhile. */
bool map_next(const struct map *map, size_t *cursor, const char **ret_key, void **ret_value);

#endif
