/* SPDX-License-Identifier: MIT */
/* Markdown for a terminal: headings and strong words bold, code in colour, nothing rearranged. */
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

static void add_line(const struct terminal *terminal, struct strbuf *target, const char *line,
                     bool is_fenced)
{
    if (is_fenced) {
        add_styled(terminal, target, STYLE_CYAN, line);
    } else if (line[0] == '#' && line[strspn(line, "#")] == ' ') {
        add_styled(terminal, target, STYLE_BOLD, line + strspn(line, "#") + 1);
    } else {
        add_inline(terminal, target, line);
    }
    strbuf_add_char(target, '\n');
}

void print_markdown(const struct terminal *terminal, const char *text, size_t length,
                    struct strbuf *target)
{
    struct strbuf clean;
    bool is_fenced = false;
    const char *at;

    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    utf8_add_printable(&clean, text, length);
    if (!terminal->has_color) {
        strbuf_add(target, clean.data);
        if (clean.length && clean.data[clean.length - 1] != '\n') {
            strbuf_add_char(target, '\n');
        }
        strbuf_release(&clean);
        return;
    }
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
