/* SPDX-License-Identifier: MIT */
/* A growing byte string with a ceiling. Always NUL-terminated; may hold NUL bytes.
 * Adding beyond the ceiling adds nothing and sets `overflow`; callers check it once at the end. */
#ifndef FERMATA_BASE_STRBUF_H
#define FERMATA_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
    char *data; /* never NULL after strbuf_init */
    size_t length;
    size_t capacity;
    size_t length_max;
    bool overflow;
};

void strbuf_init(struct strbuf *buffer, size_t length_max);
void strbuf_release(struct strbuf *buffer);
void strbuf_reset(struct strbuf *buffer); /* empty again, memory kept */

void strbuf_add(struct strbuf *buffer, const char *text);
void strbuf_add_bytes(struct strbuf *buffer, const void *bytes, size_t length);
void strbuf_add_char(struct strbuf *buffer, char character);
/* For a text that will have about so many bytes more: no ceiling is looked at before they come. */
void strbuf_reserve(struct strbuf *buffer, size_t length);
/* Room for exactly so many bytes, which the caller writes at once; NULL: beyond the ceiling. */
char *strbuf_extend(struct strbuf *buffer, size_t length);
void strbuf_addf(struct strbuf *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *buffer, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Moves the text out (caller frees); the buffer is empty and usable afterwards. */
char *strbuf_take(struct strbuf *buffer);

#endif
