/* SPDX-License-Identifier: MIT */
#include "functions/markdown.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES_MAX (64U * 1024)

static void cut_line(struct strbuf *line, const char *text, size_t columns)
{
    strbuf_init(line, PIECE_BYTES_MAX);
    utf8_add_cut(line, text, columns);
}

void markdown_add_text(struct strbuf *target, const char *text, size_t columns)
{
    struct strbuf line;

    cut_line(&line, text, columns);
    for (const char *at = line.data; *at; at++) {
        if (strchr("|<>*`[]\\", *at)) {
            strbuf_add_char(target, '\\');
        }
        strbuf_add_char(target, *at);
    }
    strbuf_release(&line);
}

void markdown_add_code(struct strbuf *target, const char *text, size_t columns)
{
    struct strbuf line;
    const char *fence;

    cut_line(&line, text, columns);
    fence = strchr(line.data, '`') ? "``" : "`";
    if (strstr(line.data, "``")) {
        for (char *at = line.data; *at; at++) {
            *at = *at == '`' ? '\'' : *at;
        }
        fence = "`";
    }
    strbuf_addf(target, "%s%s", fence, fence[1] ? " " : "");
    for (const char *at = line.data; *at; at++) {
        if (*at == '|') { /* also inside code a bar ends a table's cell */
            strbuf_add_char(target, '\\');
        }
        strbuf_add_char(target, *at);
    }
    strbuf_addf(target, "%s%s", fence[1] ? " " : "", fence);
    strbuf_release(&line);
}

void markdown_add_quote(struct strbuf *target, const char *text, size_t lines)
{
    size_t shown = 0;
    size_t left = 0;

    while (*text) {
        size_t length = strcspn(text, "\n");

        if (shown < lines) {
            char line[2000];

            (void)snprintf(line, sizeof(line), "%.*s", (int)(length < 1900 ? length : 1900), text);
            strbuf_add(target, "> ");
            utf8_add_printable(target, line, strlen(line));
            strbuf_add_char(target, '\n');
            shown++;
        } else {
            left++;
        }
        text += length + (text[length] == '\n');
    }
    if (left > 0) {
        strbuf_addf(target, ">\n> ... and %zu more lines\n", left);
    }
}

void markdown_add_number(struct strbuf *target, int64_t number)
{
    char digits[32];
    int length = snprintf(digits, sizeof(digits), "%lld", (long long)number);

    for (int i = 0; i < length; i++) {
        if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0) {
            strbuf_add_char(target, ',');
        }
        strbuf_add_char(target, digits[i]);
    }
}
