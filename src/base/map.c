/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probing; removal shifts the following entries back, so there
 * are no tombstones. FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ (public domain). */
#include "base/map.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INITIAL_SLOTS 16 /* a power of two, always */

struct slot {
    char *key; /* NULL: free */
    void *value;
    uint64_t hash;
};

struct map {
    struct slot *slots;
    size_t slot_count;
    size_t count;
};

static uint64_t hash_key(const char *key)
{
    uint64_t hash = 14695981039346656037ULL;

    for (; *key; key++) {
        hash = (hash ^ (unsigned char)*key) * 1099511628211ULL;
    }
    return hash;
}

struct map *map_new(void)
{
    struct map *map = mem_zero(1, sizeof(*map));

    map->slot_count = INITIAL_SLOTS;
    map->slots = mem_zero(map->slot_count, sizeof(*map->slots));
    return map;
}

void map_free(struct map *map)
{
    if (!map) {
        return;
    }
    for (size_t i = 0; i < map->slot_count; i++) {
        free(map->slots[i].key);
    }
    free(map->slots);
    free(map);
}

/* The slot that holds the key, or the free one where it would go. */
static size_t probe(const struct map *map, const char *key, uint64_t hash)
{
    size_t index = hash & (map->slot_count - 1);

    while (map->slots[index].key &&
           (map->slots[index].hash != hash || strcmp(map->slots[index].key, key) != 0)) {
        index = (index + 1) & (map->slot_count - 1);
    }
    return index;
}

static void grow(struct map *map)
{
    struct slot *old = map->slots;
    size_t old_count = map->slot_count;

    map->slot_count *= 2;
    map->slots = mem_zero(map->slot_count, sizeof(*map->slots));
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].key) {
            map->slots[probe(map, old[i].key, old[i].hash)] = old[i];
        }
    }
    free(old);
}

void *map_put(struct map *map, const char *key, void *value)
{
    uint64_t hash = hash_key(key);
    struct slot *slot = &map->slots[probe(map, key, hash)];
    void *before = slot->value;

    assert(value);
    if (slot->key) {
        slot->value = value;
        return before;
    }
    *slot = (struct slot){.key = mem_strdup(key), .value = value, .hash = hash};
    map->count++;
    if (map->count * 4 > map->slot_count * 3) {
        grow(map);
    }
    return NULL;
}

void *map_find(const struct map *map, const char *key)
{
    return map->slots[probe(map, key, hash_key(key))].value;
}

void *map_remove(struct map *map, const char *key)
{
    size_t hole = probe(map, key, hash_key(key));
    size_t mask = map->slot_count - 1;
    void *value = map->slots[hole].value;

    if (!map->slots[hole].key) {
        return NULL;
    }
    free(map->slots[hole].key);
    map->count--;
    for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;

        /* Move back unless its home lies cyclically in (hole, i]. */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct slot){0};
    return value;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

bool map_next(const struct map *map, size_t *cursor, const char **ret_key, void **ret_value)
{
    while (*cursor < map->slot_count) {
        const struct slot *slot = &map->slots[(*cursor)++];

        if (slot->key) {
            *ret_key = slot->key;
            *ret_value = slot->value;
            return true;
        }
    }
    return false;
}
