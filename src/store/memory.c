/* SPDX-License-Identifier: MIT */
/* SQLite's memory comes from base/alloc: else a row could lack a value because there was no room to
 * convert it, and look like one that never had it. */
#include "store/internal.h"

#include "base/alloc.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>

static void *take(int bytes)
{
    return mem_alloc((size_t)bytes);
}

static void *resize(void *memory, int bytes)
{
    return mem_resize_bytes(memory, (size_t)bytes);
}

static int size_of(void *memory)
{
    return (int)malloc_usable_size(memory);
}

static int round_up(int bytes)
{
    return (bytes + 7) & ~7;
}

static int begin(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void end(void *context)
{
    (void)context;
}

void store_init_memory(void)
{
    static const sqlite3_mem_methods methods = {take,     free,  resize, size_of,
                                                round_up, begin, end,    NULL};
    int code = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);

    assert(code == SQLITE_OK);
    /* Nobody asks how much it is, and counting takes a lock for each piece. */
    code = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    assert(code == SQLITE_OK);
}
