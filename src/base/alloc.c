/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void out_of_memory(size_t size)
{
    (void)fprintf(stderr, "fermata: out of memory (%zu bytes asked for)\n", size);
    abort();
}

/* A library that gives up without a word: libuv does when it can make no thread. */
static void tell_abort(int number)
{
    static const char text[] =
        "fermata: aborted: out of memory or of threads, or what is said above\n";

    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
}

/* Memory is taken from the kernel in larger pieces and not given back at once: a turn of a large
 * run takes and frees some hundred KB, whose pages would be made anew each time. What was not
 * touched costs nothing. */
#define PIECE (512 * 1024)
#define KEPT (2 * 1024 * 1024)
#define MAPPED_FROM (1024 * 1024)

void mem_init(void)
{
    const struct sigaction action = {.sa_handler = tell_abort, .sa_flags = SA_RESETHAND};

    (void)sigaction(SIGABRT, &action, NULL);
    (void)mallopt(M_MXFAST, 0);
    (void)mallopt(M_TOP_PAD, PIECE);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT);
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
}

void mem_check(int number)
{
    if (number == ENOMEM) {
        (void)fputs("fermata: out of memory\n", stderr);
        abort();
    }
}

void *mem_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);

    if (!memory) {
        out_of_memory(size);
    }
    return memory;
}

void *mem_zero(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);

    if (!memory) {
        out_of_memory(size);
    }
    return memory;
}

void *mem_resize(void *memory, size_t count, size_t size)
{
    size_t bytes;
    void *resized;

    if (size && count > SIZE_MAX / size) {
        out_of_memory(SIZE_MAX);
    }
    bytes = count * size;
    resized = realloc(memory, bytes ? bytes : 1);
    if (!resized) {
        out_of_memory(bytes);
    }
    return resized;
}

void *mem_resize_bytes(void *memory, size_t size)
{
    return mem_resize(memory, size, 1);
}

char *mem_strndup(const char *text, size_t length)
{
    char *copy;

    copy = mem_alloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return text ? mem_strndup(text, strlen(text)) : NULL;
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    (void)mem_print_list_checked(&text, 0, format, args);
    va_end(args);
    return text;
}

int mem_print_list_checked(char **ret_text, int flag, const char *format, va_list args)
{
    char *text = NULL;
    int length = vasprintf(&text, format, args);

    (void)flag;
    if (length < 0) {
        out_of_memory(0);
    }
    *ret_text = text;
    return length;
}

int mem_print_checked(char **ret_text, int flag, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = mem_print_list_checked(ret_text, flag, format, args);
    va_end(args);
    return length;
}
