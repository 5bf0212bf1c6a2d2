/* SPDX-License-Identifier: MIT */
/* Text from outside: made valid, made harmless for a terminal, measured in columns.
 * Widths come from utf8proc 2.8. */
#ifndef FERMATA_BASE_UTF8_H
#define FERMATA_BASE_UTF8_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/* Is every byte part of a well-formed character? NUL is well-formed here. */
bool utf8_is_valid(const char *bytes, size_t length);
/* Characters (code points); a byte that is not well-formed counts as one. */
size_t utf8_count(const char *bytes, size_t length);

/* Appends the bytes with every invalid sequence and NUL replaced by U+FFFD. */
void utf8_add_valid(struct strbuf *target, const char *bytes, size_t length);

/* Appends the text with escape sequences (CSI, OSC, ...) removed, other control characters
 * dropped (newline and tab kept), and bidi overrides dropped. The result is safe to print. */
void utf8_add_printable(struct strbuf *target, const char *bytes, size_t length);

/* Columns that the text takes in a terminal. */
size_t utf8_width(const char *text);
/* Appends at most `columns` columns of the text; a cut ends in an ellipsis. One line: newlines and
 * tabs become spaces; escape sequences are removed as above. */
void utf8_add_cut(struct strbuf *target, const char *text, size_t columns);
/* For a message: the text, or, of one with more than `bytes_max` bytes, its beginning in whole
 * characters and an ellipsis, in the buffer, which has UTF8_ELLIPSIS_SIZE bytes more. */
const char *utf8_cut(const char *text, size_t bytes_max, char *buffer);
#define UTF8_ELLIPSIS_SIZE 4 /* with its NUL */
/* Until the end of the block. */
#define UTF8_CUT(text, bytes_max)                                                                  \
    utf8_cut((text), (bytes_max), (char[(bytes_max) + UTF8_ELLIPSIS_SIZE]){0})

#endif
