/* SPDX-License-Identifier: MIT */
/* What a stream can show, and text laid out for it. Everything is put into a strbuf first; nothing
 * here writes. */
#ifndef FERMATA_CLI_TERMINAL_H
#define FERMATA_CLI_TERMINAL_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_COLUMNS 80 /* where nobody says otherwise */
#define OUTPUT_BYTES_MAX (128U * 1024 * 1024)

struct terminal {
    int fd;
    bool is_terminal;
    bool has_color;
    bool is_utf8;
    int columns;
    int rows;
    const char *cwd; /* paths below it are shown relative to it; NULL: never */
};

enum style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_GREEN, STYLE_RED, STYLE_YELLOW, STYLE_CYAN };

/* Asks the terminal for its size again; fixed_columns > 0 wins. */
void terminal_measure(struct terminal *terminal, int fixed_columns);
void add_styled(const struct terminal *terminal, struct strbuf *target, enum style style,
                const char *text);
/* The text, cut or filled with spaces to exactly so many columns. Safe for any text. */
void add_padded(struct strbuf *target, const char *text, size_t columns);
void add_spaces(struct strbuf *target, size_t count);
/* Words broken into lines of at most terminal->columns, each indented. Newlines stay. */
void add_wrapped(const struct terminal *terminal, struct strbuf *target, const char *text,
                 size_t indent);

/* A status or verdict as a mark of one column: "completed" -> a tick. */
const char *status_mark(const struct terminal *terminal, const char *status);
enum style status_style(const char *status);

/* Rows of cells; every column gets its widest cell, the one that may shrink is cut to fit, and
 * after it the widest ones. */
struct table;
struct table *table_new(size_t columns, size_t flexible_column);
void table_free(struct table *table);
void table_add(struct table *table, const char *text); /* the next cell */
void table_add_styled(struct table *table, const char *text, enum style style);
/* Lines of at most terminal->columns, each indented. With header the first row is bold. */
void table_format(const struct table *table, const struct terminal *terminal, size_t indent,
                  bool has_header, struct strbuf *target);

/* The path as a person here would type it: relative when it lies below the working folder. */
const char *shown_path(const struct terminal *terminal, const char *path);
/* "3 min ago" */
void format_ago(int64_t at_ms, int64_t now_ms, char *ret_text, size_t size);
void format_bytes(int64_t bytes, char *ret_text, size_t size);

#endif
