/* SPDX-License-Identifier: MIT */
/* A source text in three views of the same length, so that an offset means the same in each: the
 * text; `plain` with comments blanked; `code` with comments and the inside of strings blanked. */
#ifndef FERMATA_FUNCTIONS_SOURCE_H
#define FERMATA_FUNCTIONS_SOURCE_H

#include "functions/language.h"

#include <stddef.h>
#include <stdint.h>

struct source {
    const char *text; /* borrowed */
    size_t length;
    char *plain;
    char *code;
    uint32_t *starts; /* where each line begins */
    size_t lines;
};

struct source_counts {
    size_t blank, comment, code; /* lines */
};

/* A NULL language has neither comments nor strings. length < 4 GiB. */
void source_init(struct source *source, const struct language *language, const char *text,
                 size_t length);
void source_release(struct source *source);

size_t source_line_of(const struct source *source, size_t offset); /* from 1 */
/* The line without its newline, of any view (text, plain or code). */
const char *source_line(const struct source *source, const char *view, size_t line,
                        size_t *ret_length);
void source_count(const struct source *source, struct source_counts *ret_counts);

#endif
