/* SPDX-License-Identifier: MIT */
/* Pieces of Markdown from texts of unknown origin: nothing in them can become markup. */
#ifndef FERMATA_FUNCTIONS_MARKDOWN_H
#define FERMATA_FUNCTIONS_MARKDOWN_H

#include "base/strbuf.h"

#include <stdint.h>

/* One line of running text, cut to `columns`; | < > * _ ` [ ] # are escaped where they matter. */
void markdown_add_text(struct strbuf *target, const char *text, size_t columns);
/* A code span of one line, cut to `columns`. */
void markdown_add_code(struct strbuf *target, const char *text, size_t columns);
/* Any text as an indented block quote, line by line, at most `lines` lines; says what was left out.
 */
void markdown_add_quote(struct strbuf *target, const char *text, size_t lines);
/* 1234567 as "1,234,567". */
void markdown_add_number(struct strbuf *target, int64_t number);

#endif
