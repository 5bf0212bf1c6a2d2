/* SPDX-License-Identifier: MIT */
/* What went wrong, on the caller's stack, without allocation.
 *
 * A function that can fail returns 0 or a negative enum error_code and takes a
 * `struct error *err` as its last parameter (NULL: the caller only wants the code).
 * The hint says what to do next; it may be empty. */
#ifndef FERMATA_BASE_ERROR_H
#define FERMATA_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define ERROR_TEXT_MAX 1024
#define ERROR_HINT_MAX 512

enum error_code {
    ERROR_NONE = 0,
    ERROR_INVALID = -1,     /* bad input; exit status 2 */
    ERROR_NOT_FOUND = -2,   /* exit status 6 */
    ERROR_CONFLICT = -3,    /* not in this state; exit status 1 */
    ERROR_BUSY = -4,        /* try later; exit status 75 */
    ERROR_LIMIT = -5,       /* a ceiling was reached; exit status 5 */
    ERROR_UNAVAILABLE = -6, /* agent or tool missing; exit status 4 */
    ERROR_IO = -7,          /* exit status 1 */
    ERROR_CANCELLED = -8,   /* exit status 130 */
    ERROR_VALIDATION = -9,  /* a definition has errors; exit status 7 */
    ERROR_INTERNAL = -10,   /* exit status 1 */
};
#define ERROR_CODES 11 /* ERROR_NONE included */

struct error {
    int code;
    bool is_storage_full; /* for want of space on the disk: later the same may go well */
    char text[ERROR_TEXT_MAX];
    char hint[ERROR_HINT_MAX];
};

#define ERROR_INIT                                                                                 \
    {                                                                                              \
        .code = 0                                                                                  \
    }

/* Fills *err and returns code. Long texts are cut, never split inside a UTF-8 character. */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with ": strerror(errno)" appended; code and is_storage_full are picked from errno. */
int error_set_errno(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What to do next; a no-op when err is NULL. */
void error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts "context: " before the text as the error rises; a no-op when err is NULL. */
void error_context(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

const char *error_code_name(int code); /* "not_found"; the wire name */
int error_code_exit_status(int code);  /* design: one table maps codes to exit status */

#endif
