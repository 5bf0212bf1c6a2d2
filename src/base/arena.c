/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096
#define FIRST_BYTES 992 /* many arenas hold little, and malloc is quickest below 1,032 bytes */

struct block {
    struct block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) char data[];
};

struct arena {
    struct block *blocks;
    size_t size_bytes;
};

struct arena *arena_new(void)
{
    return mem_zero(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena) {
        return;
    }
    while (arena->blocks) {
        struct block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
    free(arena);
}

static struct block *block_add(struct arena *arena, size_t size)
{
    struct block *block = mem_alloc(sizeof(*block) + size);

    block->used = 0;
    block->size = size;
    arena->size_bytes += sizeof(*block) + size;
    /* A big allocation goes behind the current block, which still has room. */
    if (size > BLOCK_BYTES && arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

static void *take(struct arena *arena, size_t size)
{
    size_t aligned;
    struct block *block = arena->blocks;
    void *memory;

    assert(size <= SIZE_MAX - alignof(max_align_t));
    aligned = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!block || block->size - block->used < aligned) {
        size_t usual = block ? BLOCK_BYTES : FIRST_BYTES;

        block = block_add(arena, aligned > usual ? aligned : usual);
    }
    memory = block->data + block->used;
    block->used += aligned;
    return memory;
}

void *arena_zero(struct arena *arena, size_t count, size_t size)
{
    void *memory;

    assert(size == 0 || count <= SIZE_MAX / 2 / size);
    memory = take(arena, count * size);
    memset(memory, 0, count * size);
    return memory;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = take(arena, length + 1);

    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;
    int length;
    char *text;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    text = take(arena, (size_t)length + 1);
    (void)vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

size_t arena_size_bytes(const struct arena *arena)
{
    return arena->size_bytes;
}
