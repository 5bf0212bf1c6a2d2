/* SPDX-License-Identifier: MIT */
/* A preload library: counts the allocations of a process, by the call stacks that ask for them, and
 * lets one of them fail, or all from one on.
 *
 *   MEMORY="of=fermata,stack=00c0ffee12345678:2,sticky,once=FILE"
 *   MEMORY="of=fermata,at=12"
 *   MEMORY="count=FOLDER"
 *
 * of      the kind of process that has faults, see name_kind.
 * stack   a call stack, and which of the allocations that it asks for fails, from 1. Threads change
 *         the order of allocations, not which of its own a call stack is at.
 * at      the number of the allocation that fails, from 1, whatever asks for it.
 * sticky  every later one fails too.
 * once    it fails in the one process that makes this file; without, in each of the kind. A fault
 *         that this process then ends by, such as a wild pointer, is written into it.
 * count   KIND.PID is written there when a process of ours ends by itself: the number of its
 *         allocations, then a line for each call stack and how often it asked.
 *
 * A call stack is known by a hash of its return addresses, each relative to the object it lies in.
 */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#define STACKS_MAX 65536 /* a power of two */
#define FRAMES_MAX 256
#define FRAMES_NEAR 6
#define NEAR_SHIFT 48
#define KIND_MAX 64
#define OURS "fermata"

/* glibc's own, which dlsym would have to allocate to find. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

struct stack {
    _Atomic uint64_t hash; /* 0: free */
    _Atomic long calls;
};

struct walk {
    uint64_t hash;
    uint64_t near;
    int frames;
};

static struct stack stacks[STACKS_MAX];
static long at;
static uint64_t wanted;
static bool is_sticky;
static bool is_counted;
static char count_path[PATH_MAX];
static char once_path[PATH_MAX];
static int once = -1;
static char kind[KIND_MAX];
static _Atomic long calls;
static _Atomic bool is_active;
static _Atomic bool has_failed;
/* Allocated with the thread: one that is made at its first use would ask us for memory. */
static __thread bool is_inside __attribute__((tls_model("initial-exec")));

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
    return hash ^ hash >> 29;
}

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *data)
{
    struct walk *walk = data;
    uintptr_t address = _Unwind_GetIP(context);
    struct dl_find_object object;

    if (address && _dl_find_object((void *)address, &object) == 0) {
        uintptr_t start = (uintptr_t)object.dlfo_map_start;

        /* Its size tells one object from another. */
        walk->hash = mix(walk->hash, (address - start) | ((uintptr_t)object.dlfo_map_end - start)
                                                             << 32);
    }
    walk->frames++;
    if (walk->frames == FRAMES_NEAR) {
        walk->near = walk->hash >> NEAR_SHIFT;
        if (wanted && walk->near != wanted >> NEAR_SHIFT) {
            return _URC_END_OF_STACK;
        }
    }
    return walk->frames < FRAMES_MAX ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* Its first bits are those of the nearest frames, so that other call stacks are soon told apart. */
static uint64_t hash_stack(void)
{
    struct walk walk = {.hash = 1};

    is_inside = true;
    (void)_Unwind_Backtrace(add_frame, &walk);
    is_inside = false;
    return walk.near << NEAR_SHIFT | ((walk.hash << 16 >> 16) | 1);
}

/* Which allocation of this call stack it is, from 1. */
static long count_stack(uint64_t hash)
{
    for (size_t i = 0; i < STACKS_MAX; i++) {
        struct stack *stack = &stacks[(hash + i) % STACKS_MAX];
        uint64_t there = 0;

        if (atomic_compare_exchange_strong(&stack->hash, &there, hash) || there == hash) {
            return atomic_fetch_add(&stack->calls, 1) + 1;
        }
    }
    abort();
}

static bool is_first_to_fail(void)
{
    int fd;

    if (!once_path[0]) {
        return true;
    }
    fd = open(once_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    once = fd;
    return fd >= 0;
}

/* Nobody may see how a process ended that another one started, or what it said. */
static void tell_fault(const char *text)
{
    if (once >= 0) {
        (void)!write(once, text, strlen(text));
    }
}

static void on_fault(int number)
{
    tell_fault(number == SIGSEGV ? "a wild pointer\n" : "a fault\n");
    (void)raise(number);
}

/* glibc's, which assert calls. */
void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    (void)fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function, assertion);
    tell_fault("an assertion that failed\n");
    abort();
}

static bool is_the_one(void)
{
    long number = atomic_fetch_add(&calls, 1) + 1;
    uint64_t hash;

    if (!wanted && !is_counted) {
        return at > 0 && number == at;
    }
    hash = hash_stack();
    if (is_counted) {
        (void)count_stack(hash);
        return false;
    }
    return hash == wanted && count_stack(hash) == at;
}

static bool fails(void)
{
    if (!atomic_load(&is_active) || is_inside) {
        return false;
    }
    if (atomic_load(&has_failed) ? !is_sticky : !is_the_one() || !is_first_to_fail()) {
        return false;
    }
    atomic_store(&has_failed, true);
    errno = ENOMEM;
    return true;
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

/* The name of the program, if it is one of ours; a fermata that another one started is inner. */
static bool name_kind(bool is_inner)
{
    char path[PATH_MAX] = "";
    const char *name;

    if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0) {
        return false;
    }
    name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    (void)snprintf(kind, sizeof(kind), "%s%s", name,
                   is_inner && strcmp(name, OURS) == 0 ? "-inner" : "");
    return strncmp(name, OURS, strlen(OURS)) == 0;
}

/* The value of `name=VALUE` in the list, up to a comma. */
static bool find_option(const char *list, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);

    for (const char *item = list; item; item = strchr(item, ',')) {
        item += *item == ',';
        if (strncmp(item, name, length) == 0 && item[length] == '=') {
            item += length + 1;
            (void)snprintf(value, size, "%.*s", (int)strcspn(item, ","), item);
            return true;
        }
    }
    return false;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("MEMORY");
    bool is_inner = getenv("MEMORY_INNER") != NULL;
    char value[KIND_MAX] = "";

    if (!text || !name_kind(is_inner)) {
        return;
    }
    (void)setenv("MEMORY_INNER", "1", 1);
    is_sticky = strstr(text, ",sticky") != NULL;
    is_counted = find_option(text, "count", count_path, sizeof(count_path));
    (void)find_option(text, "once", once_path, sizeof(once_path));
    if (find_option(text, "at", value, sizeof(value))) {
        at = strtol(value, NULL, 10);
    } else if (find_option(text, "stack", value, sizeof(value))) {
        char *end;

        wanted = strtoull(value, &end, 16);
        at = strtol(*end == ':' ? end + 1 : "1", NULL, 10);
    }
    if (once_path[0]) {
        const struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_RESETHAND};

        (void)sigaction(SIGSEGV, &action, NULL);
        (void)sigaction(SIGBUS, &action, NULL);
        (void)sigaction(SIGILL, &action, NULL);
        (void)sigaction(SIGFPE, &action, NULL);
    }
    if (is_counted || (find_option(text, "of", value, sizeof(value)) && strcmp(value, kind) == 0)) {
        atomic_store(&is_active, true);
    }
}

__attribute__((destructor)) static void end(void)
{
    char path[PATH_MAX + KIND_MAX + 32];
    FILE *file;

    if (!is_counted || !atomic_exchange(&is_active, false)) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/%s.%d", count_path, kind, (int)getpid());
    file = fopen(path, "we");
    if (!file) {
        return;
    }
    (void)fprintf(file, "%ld\n", atomic_load(&calls));
    for (size_t i = 0; i < STACKS_MAX; i++) {
        if (atomic_load(&stacks[i].hash)) {
            (void)fprintf(file, "%016lx %ld\n", (unsigned long)atomic_load(&stacks[i].hash),
                          atomic_load(&stacks[i].calls));
        }
    }
    (void)fclose(file);
}
