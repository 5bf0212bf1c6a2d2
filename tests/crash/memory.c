/* SPDX-License-Identifier: MIT */
/* A preload library: counts the allocations of a process and lets one of them fail, or all from one
 * on.
 *
 *   MEMORY="at=12,sticky,count=FILE"
 *
 * at      the number of the allocation that fails, from 1; 0: none, only count.
 * sticky  every later one fails too.
 * count   the number of allocations is written there when the process ends by itself.
 *
 * Only the first process has faults: the variable and LD_PRELOAD are taken out of the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own, which dlsym would have to allocate to find. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static long at;
static bool is_sticky;
static char count_path[PATH_MAX];
static _Atomic long calls;

static bool fails(void)
{
    long number = atomic_fetch_add(&calls, 1) + 1;

    if (at > 0 && (number == at || (is_sticky && number > at))) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails() ? NULL : __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
    void *memory = memalign(alignment, size);

    if (!memory) {
        return ENOMEM;
    }
    *ret_memory = memory;
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("MEMORY");
    const char *count = text ? strstr(text, "count=") : NULL;

    if (!text) {
        return;
    }
    at = strtol(strstr(text, "at=") ? strstr(text, "at=") + 3 : "0", NULL, 10);
    is_sticky = strstr(text, "sticky") != NULL;
    if (count) {
        (void)snprintf(count_path, sizeof(count_path), "%s", count + strlen("count="));
    }
    (void)unsetenv("MEMORY");
    (void)unsetenv("LD_PRELOAD");
    atomic_store(&calls, 0);
}

__attribute__((destructor)) static void end(void)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%ld\n", atomic_load(&calls));
    int fd = count_path[0] ? open(count_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

    if (fd >= 0) {
        (void)!write(fd, text, (size_t)length);
        (void)close(fd);
    }
}
