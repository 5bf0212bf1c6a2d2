/* SPDX-License-Identifier: MIT */
/* Allocation that cannot fail: out of memory ends the process in one place.
 * The journal makes that safe, and ceilings keep any input from asking for gigabytes. */
#ifndef FERMATA_BASE_ALLOC_H
#define FERMATA_BASE_ALLOC_H

#include <stdarg.h>
#include <stddef.h>

/* Once a process, before anything else: small pieces are joined when they are given back (glibc
 * puts that off, and then does it for all of them at each large one), and no abort is without a
 * word. */
void mem_init(void);
void *mem_alloc(size_t size);              /* uninitialised */
void *mem_zero(size_t count, size_t size); /* zeroed; aborts on overflow */
void *mem_resize(void *memory, size_t count, size_t size);
char *mem_strdup(const char *text); /* NULL gives NULL */
char *mem_strndup(const char *text, size_t length);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Of a function that gives an error number and allocates (posix_spawn_file_actions_add...): ENOMEM
 * ends the process as well. */
void mem_check(int number);

/* As realloc and asprintf with glibc's checks, for libraries that are given or linked with these.
 */
void *mem_resize_bytes(void *memory, size_t size);
int mem_print_checked(char **ret_text, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int mem_print_list_checked(char **ret_text, int flag, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
