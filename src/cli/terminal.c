/* SPDX-License-Identifier: MIT */
#include "cli/terminal.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define GAP 2 /* columns between the columns of a table */
#define COLUMNS_MIN 20
#define TABLE_COLUMNS_MAX 12
#define FLEXIBLE_COLUMNS 12
#define FLEXIBLE_COLUMNS_MIN 4
#define FIXED_COLUMNS_MIN 16 /* an id of a run is never cut */

struct cell {
    char *text;
    enum style style;
};

struct table {
    size_t columns;
    size_t flexible;
    VEC(struct cell) cells;
};

void terminal_measure(struct terminal *terminal, int fixed_columns)
{
    struct winsize size;

    terminal->columns = TEXT_COLUMNS;
    terminal->rows = 24;
    if (terminal->is_terminal && ioctl(terminal->fd, TIOCGWINSZ, &size) == 0) {
        terminal->columns = size.ws_col ? size.ws_col : terminal->columns;
        terminal->rows = size.ws_row ? size.ws_row : terminal->rows;
    }
    if (fixed_columns > 0) {
        terminal->columns = fixed_columns;
    }
    if (terminal->columns < COLUMNS_MIN) {
        terminal->columns = COLUMNS_MIN;
    }
}

static const char *style_code(enum style style)
{
    switch (style) {
    case STYLE_NONE:
        return "";
    case STYLE_BOLD:
        return "\033[1m";
    case STYLE_DIM:
        return "\033[2m";
    case STYLE_GREEN:
        return "\033[32m";
    case STYLE_RED:
        return "\033[31m";
    case STYLE_YELLOW:
        return "\033[33m";
    case STYLE_CYAN:
        return "\033[36m";
    }
    return "";
}

void add_styled(const struct terminal *terminal, struct strbuf *target, enum style style,
                const char *text)
{
    bool is_styled = terminal->has_color && style != STYLE_NONE;

    strbuf_add(target, is_styled ? style_code(style) : "");
    strbuf_add(target, text);
    strbuf_add(target, is_styled ? "\033[0m" : "");
}

void add_spaces(struct strbuf *target, size_t count)
{
    while (count-- > 0) {
        strbuf_add_char(target, ' ');
    }
}

void add_padded(struct strbuf *target, const char *text, size_t columns)
{
    struct strbuf cut;
    size_t width;

    strbuf_init(&cut, OUTPUT_BYTES_MAX);
    utf8_add_cut(&cut, text, columns);
    width = utf8_width(cut.data);
    strbuf_add_bytes(target, cut.data, cut.length);
    add_spaces(target, columns > width ? columns - width : 0);
    strbuf_release(&cut);
}

/* ---- wrapping ---- */

static void wrap_line(const struct terminal *terminal, struct strbuf *target, char *line,
                      size_t indent)
{
    size_t room = (size_t)terminal->columns > indent + COLUMNS_MIN
                      ? (size_t)terminal->columns - indent
                      : COLUMNS_MIN;
    size_t used = 0;
    char *rest = NULL;

    for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        size_t width = utf8_width(word);

        if (used > 0 && used + 1 + width > room) {
            strbuf_add_char(target, '\n');
            used = 0;
        }
        if (used == 0) {
            add_spaces(target, indent);
        } else {
            strbuf_add_char(target, ' ');
            used++;
        }
        strbuf_add(target, word);
        used += width;
    }
    strbuf_add_char(target, '\n');
}

void add_wrapped(const struct terminal *terminal, struct strbuf *target, const char *text,
                 size_t indent)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        char *line = mem_strndup(text, length);

        wrap_line(terminal, target, line, indent);
        free(line);
        text += length + (text[length] == '\n');
    }
}

/* ---- marks ---- */

static const struct {
    const char *status;
    const char *mark;
    const char *plain;
    enum style style;
} marks[] = {
    {"completed", "\xE2\x9C\x94", "+", STYLE_GREEN},
    {"pass", "\xE2\x9C\x94", "+", STYLE_GREEN},
    {"failed", "\xE2\x9C\x98", "x", STYLE_RED},
    {"fail", "\xE2\x9C\x98", "x", STYLE_RED},
    {"running", "\xE2\x97\x8F", "*", STYLE_CYAN},
    {"paused", "\xE2\x80\x96", "=", STYLE_YELLOW},
    {"pending", "\xE2\x97\x8B", ".", STYLE_DIM},
    {"cancelled", "\xE2\x8A\x98", "!", STYLE_YELLOW},
    {"skipped", "\xE2\x80\x93", "-", STYLE_DIM},
    {"unknown", "?", "?", STYLE_YELLOW},
};

const char *status_mark(const struct terminal *terminal, const char *status)
{
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (strcmp(marks[i].status, status) == 0) {
            return terminal->is_utf8 ? marks[i].mark : marks[i].plain;
        }
    }
    return " ";
}

enum style status_style(const char *status)
{
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (strcmp(marks[i].status, status) == 0) {
            return marks[i].style;
        }
    }
    return STYLE_NONE;
}

/* ---- tables ---- */

struct table *table_new(size_t columns, size_t flexible_column)
{
    struct table *table = mem_zero(1, sizeof(*table));

    table->columns = columns < TABLE_COLUMNS_MAX ? columns : TABLE_COLUMNS_MAX;
    table->flexible = flexible_column;
    return table;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->cells.count; i++) {
        free(table->cells.items[i].text);
    }
    VEC_RELEASE(&table->cells);
    free(table);
}

void table_add_styled(struct table *table, const char *text, enum style style)
{
    struct strbuf clean;

    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    utf8_add_cut(&clean, text ? text : "", 1000);
    *VEC_PUSH(&table->cells) = (struct cell){strbuf_take(&clean), style};
    strbuf_release(&clean);
}

void table_add(struct table *table, const char *text)
{
    table_add_styled(table, text, STYLE_NONE);
}

/* Makes the column narrower, as far as that; what is still too much. */
static size_t narrow(size_t *width, size_t least, size_t over)
{
    size_t most = *width > least ? *width - least : 0;
    size_t less = over < most ? over : most;

    *width -= less;
    return over - less;
}

/* Of the others; NULL: each is as narrow as may be. */
static size_t *find_widest(const struct table *table, size_t *widths)
{
    size_t *widest = NULL;

    for (size_t i = 0; i < table->columns; i++) {
        if (i != table->flexible && widths[i] > (widest ? *widest : FIXED_COLUMNS_MIN)) {
            widest = &widths[i];
        }
    }
    return widest;
}

/* First the one that may shrink, as long as it still says something; then what is widest: a name
 * may have a hundred characters. */
static void fit(const struct table *table, size_t over, size_t *widths)
{
    size_t *widest;

    over = narrow(&widths[table->flexible], FLEXIBLE_COLUMNS, over);
    while (over > 0 && (widest = find_widest(table, widths))) {
        over = narrow(widest, *widest - 1, over);
    }
    (void)narrow(&widths[table->flexible], FLEXIBLE_COLUMNS_MIN, over);
}

static void measure(const struct table *table, size_t room, size_t *widths)
{
    size_t total = 0;

    for (size_t i = 0; i < table->cells.count; i++) {
        size_t width = utf8_width(table->cells.items[i].text);

        if (width > widths[i % table->columns]) {
            widths[i % table->columns] = width;
        }
    }
    for (size_t i = 0; i < table->columns; i++) {
        total += widths[i] + (i && widths[i] ? GAP : 0);
    }
    if (total > room) {
        fit(table, total - room, widths);
    }
}

static void format_row(const struct table *table, const struct terminal *terminal, size_t row,
                       const size_t *widths, struct strbuf *target, enum style header)
{
    size_t pending = 0; /* spaces that only matter when something follows */

    for (size_t i = 0; i < table->columns; i++) {
        size_t index = row * table->columns + i;
        const struct cell *cell = index < table->cells.count ? &table->cells.items[index] : NULL;
        struct strbuf text;

        if (widths[i] == 0) {
            continue;
        }
        strbuf_init(&text, OUTPUT_BYTES_MAX);
        utf8_add_cut(&text, cell ? cell->text : "", widths[i]);
        if (text.length) {
            add_spaces(target, pending);
            pending = 0;
            add_styled(terminal, target, header != STYLE_NONE ? header : cell->style, text.data);
        }
        pending += widths[i] - utf8_width(text.data) + GAP;
        strbuf_release(&text);
    }
    strbuf_add_char(target, '\n');
}

void table_format(const struct table *table, const struct terminal *terminal, size_t indent,
                  bool has_header, struct strbuf *target)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    size_t columns = (size_t)terminal->columns;

    measure(table, columns > indent ? columns - indent : 1, widths);
    for (size_t row = 0; row * table->columns < table->cells.count; row++) {
        add_spaces(target, indent);
        format_row(table, terminal, row, widths, target,
                   row == 0 && has_header ? STYLE_BOLD : STYLE_NONE);
    }
}

/* ---- paths and numbers for people ---- */

const char *shown_path(const struct terminal *terminal, const char *path)
{
    size_t length = terminal->cwd ? strlen(terminal->cwd) : 0;

    return length > 1 && strncmp(path, terminal->cwd, length) == 0 && path[length] == '/'
               ? path + length + 1
               : path;
}

void format_ago(int64_t at_ms, int64_t now_ms, char *ret_text, size_t size)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    int64_t seconds = (now_ms - at_ms) / 1000;

    if (at_ms <= 0) {
        (void)snprintf(ret_text, size, "%s", "");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (seconds >= units[i].seconds) {
            (void)snprintf(ret_text, size, "%lld %s ago", (long long)(seconds / units[i].seconds),
                           units[i].unit);
            return;
        }
    }
    (void)snprintf(ret_text, size, "now");
}

void format_bytes(int64_t bytes, char *ret_text, size_t size)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1000 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(ret_text, size, "%.*f %s", unit && value < 10 ? 1 : 0, value, units[unit]);
}
