/* SPDX-License-Identifier: MIT */
/* Markdown for a terminal: headings and strong words bold, code in colour, long lines broken
 * between words. Elsewhere it stays as it is. */
#include "base/alloc.h"
#include "base/utf8.h"
#include "cli/print.h"

#include <stdlib.h>
#include <string.h>

/* Marks of one line: `code` and **strong**; a mark without its partner stays text. */
static void add_inline(const struct terminal *terminal, struct strbuf *target, const char *line)
{
    while (*line) {
        bool is_code = *line == '`';
        const char *mark = is_code ? "`" : "**";
        size_t size = strlen(mark);
        const char *end = NULL;
        char *inside;

        if (strncmp(line, mark, size) == 0) {
            end = strstr(line + size, mark);
        }
        if (!end || end == line + size) {
            strbuf_add_char(target, *line++);
            continue;
        }
        inside = mem_strndup(line + size, (size_t)(end - line) - size);
        add_styled(terminal, target, is_code ? STYLE_CYAN : STYLE_BOLD, inside);
        free(inside);
        line = end + size;
    }
}

static void add_text(const struct terminal *terminal, struct strbuf *target, const char *text)
{
    if (terminal->has_color) {
        add_inline(terminal, target, text);
    } else {
        strbuf_add(target, text);
    }
    strbuf_add_char(target, '\n');
}

/* ---- paragraphs and lists: broken between words, where a terminal would break inside them ---- */

/* To the next space outside of `code` and **strong**, which stay in one piece. */
static size_t word_length(const char *text)
{
    size_t length = 0;

    while (text[length] && text[length] != ' ') {
        const char *mark = text[length] == '`'                    ? "`"
                           : strncmp(text + length, "**", 2) == 0 ? "**"
                                                                  : NULL;
        const char *end = mark ? strstr(text + length + strlen(mark), mark) : NULL;

        length = end ? (size_t)(end - text) + strlen(mark) : length + (mark ? strlen(mark) : 1);
    }
    return length;
}

/* Where the text of a list item begins, below which its other lines stand. */
static size_t item_indent(const char *line)
{
    size_t spaces = strspn(line, " ");
    size_t digits = strspn(line + spaces, "0123456789");

    if (digits > 0 && strncmp(line + spaces + digits, ". ", 2) == 0) {
        return spaces + digits + 2;
    }
    return spaces +
           (strncmp(line + spaces, "- ", 2) == 0 || strncmp(line + spaces, "* ", 2) == 0 ? 2 : 0);
}

static void add_wrapped_text(const struct terminal *terminal, struct strbuf *target,
                             const char *line)
{
    size_t indent = item_indent(line);
    struct strbuf row;

    strbuf_init(&row, OUTPUT_BYTES_MAX);
    strbuf_add_bytes(&row, line, indent);
    for (const char *at = line + indent; *at; at += strspn(at, " ")) {
        size_t length = word_length(at);
        char *word = mem_strndup(at, length);

        if (row.length > indent &&
            utf8_width(row.data) + 1 + utf8_width(word) > (size_t)terminal->columns) {
            add_text(terminal, target, row.data);
            strbuf_reset(&row);
            add_spaces(&row, indent);
        }
        strbuf_addf(&row, "%s%s", row.length > indent ? " " : "", word);
        free(word);
        at += length;
    }
    add_text(terminal, target, row.data);
    strbuf_release(&row);
}

static void add_line(const struct terminal *terminal, struct strbuf *target, const char *line,
                     bool is_fenced)
{
    if (is_fenced) {
        add_styled(terminal, target, STYLE_CYAN, line);
        strbuf_add_char(target, '\n');
    } else if (terminal->has_color && line[0] == '#' && line[strspn(line, "#")] == ' ') {
        add_styled(terminal, target, STYLE_BOLD, line + strspn(line, "#") + 1);
        strbuf_add_char(target, '\n');
    } else if (terminal->is_terminal && line[0] != '|' &&
               utf8_width(line) > (size_t)terminal->columns) {
        add_wrapped_text(terminal, target, line);
    } else {
        add_text(terminal, target, line);
    }
}

void print_markdown(const struct terminal *terminal, const char *text, size_t length,
                    struct strbuf *target)
{
    struct strbuf clean;
    bool is_fenced = false;
    const char *at;

    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    utf8_add_printable(&clean, text, length);
    for (at = clean.data; *at;) {
        size_t size = strcspn(at, "\n");
        char *line = mem_strndup(at, size);
        bool is_fence = strncmp(line, "```", 3) == 0;

        add_line(terminal, target, line, is_fenced || is_fence);
        is_fenced = is_fenced != is_fence;
        free(line);
        at += size + (at[size] == '\n');
    }
    strbuf_release(&clean);
}
