/* SPDX-License-Identifier: MIT */
#include "functions/page.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "base/vec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANCHOR_BYTES_MAX 1000
#define TARGET_BYTES_MAX 4000

VEC_TYPE(page_links, struct page_link);

/* Of the page being read. */
struct page_reader {
    struct page *page;
    struct page_links links;
    char *line; /* a copy without what stands in code */
    const char *source;
    size_t length, number;
    const char *before; /* the line before it, when that may be a heading */
    size_t before_length;
    char fence; /* of the block of code that is open; 0: none */
    size_t fence_length;
};

char *page_decode(const char *text, size_t length)
{
    struct strbuf out;
    char *decoded;

    strbuf_init(&out, TARGET_BYTES_MAX);
    for (size_t i = 0; i < length; i++) {
        char digits[3] = "";

        if (text[i] == '%' && i + 2 < length && isxdigit((unsigned char)text[i + 1]) &&
            isxdigit((unsigned char)text[i + 2])) {
            memcpy(digits, text + i + 1, 2);
            strbuf_add_char(&out, (char)strtol(digits, NULL, 16));
            i += 2;
        } else {
            strbuf_add_char(&out, text[i]);
        }
    }
    decoded = strbuf_take(&out);
    strbuf_release(&out);
    return decoded;
}

/* ---- anchors ---------------------------------------------------------------------------- */

static void anchor_put(struct page *page, const char *name)
{
    (void)map_put(page->anchors, name, page);
}

/* The text that is shown: of a link its words, and no marks. */
static void shown_add(struct strbuf *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == ']' && i + 1 < length && text[i + 1] == '(') {
            const char *end = memchr(text + i, ')', length - i);

            i = end ? (size_t)(end - text) : i;
        } else if (!strchr("[]`*", text[i])) {
            strbuf_add_char(out, text[i]);
        }
    }
}

/* Lower case, spaces as dashes, without what is neither letter, digit, dash nor underscore; bytes
 * of other alphabets stay. The second of a name has -1 behind it. */
static void heading_note(struct page *page, const char *text, size_t length)
{
    struct strbuf shown;
    struct strbuf anchor;
    char *name;

    strbuf_init(&shown, ANCHOR_BYTES_MAX);
    strbuf_init(&anchor, ANCHOR_BYTES_MAX);
    shown_add(&shown, text, length);
    for (const char *at = shown.data; *at; at++) {
        unsigned char byte = (unsigned char)*at;

        if (byte == ' ') {
            strbuf_add_char(&anchor, '-');
        } else if (isalnum(byte) || byte == '-' || byte == '_' || byte >= 0x80) {
            strbuf_add_char(&anchor, (char)tolower(byte));
        }
    }
    name = mem_strdup(anchor.data);
    for (int i = 1; map_find(page->anchors, name); i++) {
        free(name);
        name = mem_printf("%s-%d", anchor.data, i);
    }
    anchor_put(page, name);
    free(name);
    strbuf_release(&shown);
    strbuf_release(&anchor);
}

bool page_has_anchor(const struct page *page, const char *anchor)
{
    char *lower = mem_strdup(anchor);
    bool is_there;

    for (char *at = lower; *at; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    is_there = map_find(page->anchors, lower) || map_find(page->anchors, anchor) ||
               strcmp(lower, "top") == 0;
    free(lower);
    return is_there;
}

/* ---- links ------------------------------------------------------------------------------ */

static void link_add(struct page_reader *reader, const char *target, size_t length)
{
    if (length == 0 || length > TARGET_BYTES_MAX || memchr(target, '{', length)) {
        return; /* a template's place, which something else fills in */
    }
    *VEC_PUSH(&reader->links) = (struct page_link){.target = mem_strndup(target, length),
                                                   .line = reader->number,
                                                   .text = reader->source,
                                                   .text_length = reader->length};
}

/* `](target "title")` and `](<target>)`. */
static void inline_links_find(struct page_reader *reader)
{
    for (const char *at = strstr(reader->line, "]("); at; at = strstr(at + 1, "](")) {
        const char *start = at + 2 + strspn(at + 2, " ");
        int depth = 0;
        size_t length = 0;

        if (*start == '<') {
            link_add(reader, start + 1, strcspn(start + 1, ">"));
            continue;
        }
        while (start[length] && start[length] != ' ' && !(start[length] == ')' && depth == 0)) {
            depth += (start[length] == '(') - (start[length] == ')');
            length++;
        }
        if (start[length]) {
            link_add(reader, start, length);
        }
    }
}

/* `[name]: target` at the beginning of a line; a footnote is none. */
static void reference_find(struct page_reader *reader)
{
    const char *at = reader->line + strspn(reader->line, " ");
    const char *close = *at == '[' && at[1] != '^' ? strstr(at, "]:") : NULL;

    if (close && close - at > 1) {
        const char *start = close + 2 + strspn(close + 2, " <");

        link_add(reader, start, strcspn(start, " >"));
    }
}

/* The value of an attribute of an HTML tag: href="...", and ids, which are anchors. */
static void attributes_find(struct page_reader *reader, const char *name, bool is_anchor)
{
    size_t length = strlen(name);

    for (const char *at = strcasestr(reader->line, name); at; at = strcasestr(at + 1, name)) {
        const char *value = at + length;
        const char *end = *value == '"' || *value == '\'' ? strchr(value + 1, *value) : NULL;

        if (!end || at == reader->line || at[-1] != ' ') {
            continue;
        }
        if (is_anchor) {
            char *id = mem_strndup(value + 1, (size_t)(end - value - 1));

            anchor_put(reader->page, id);
            free(id);
        } else {
            link_add(reader, value + 1, (size_t)(end - value - 1));
        }
    }
}

/* ---- lines ------------------------------------------------------------------------------ */

/* Whether the line belongs to a block of code, its fences included. */
static bool is_code(struct page_reader *reader)
{
    const char *at = reader->line + strspn(reader->line, " \t>");
    char sign = *at == '`' || *at == '~' ? *at : '\0';
    size_t length = 0;

    while (sign && at[length] == sign) {
        length++;
    }
    if (reader->fence) {
        if (sign == reader->fence && length >= reader->fence_length &&
            at[length + strspn(at + length, " \t\r")] == '\0') {
            reader->fence = '\0';
        }
        return true;
    }
    if (length >= 3) {
        reader->fence = sign;
        reader->fence_length = length;
        return true;
    }
    return false;
}

/* Code within a line becomes spaces; a row of backquotes ends at one of its length. */
static void code_blank(char *line)
{
    for (char *at = strchr(line, '`'); at; at = strchr(at, '`')) {
        size_t length = strspn(at, "`");
        char *end = at + length;

        while ((end = strchr(end, '`')) != NULL && strspn(end, "`") != length) {
            end += strspn(end, "`");
        }
        if (end) {
            memset(at, ' ', (size_t)(end + length - at));
            at = end;
        }
        at += length;
    }
}

/* A line of = or - makes a heading of the one above it. */
static void underline_read(struct page_reader *reader)
{
    size_t row = strspn(reader->line, *reader->line == '=' ? "=" : "-");
    bool is_underline = row >= 2 && reader->line[row + strspn(reader->line + row, " \t\r")] == '\0';

    if (is_underline && reader->before_length > 0) {
        heading_note(reader->page, reader->before, reader->before_length);
    }
    reader->before = reader->source;
    reader->before_length = is_underline || strspn(reader->line, " \t\r") == reader->length
                                ? 0
                                : reader->length - (reader->line[reader->length - 1] == '\r');
}

static void line_read(struct page_reader *reader)
{
    size_t marks;

    if (is_code(reader)) {
        reader->before_length = 0;
        return;
    }
    underline_read(reader);
    marks = strspn(reader->line, "#");
    if (marks > 0 && marks <= 6 && (reader->line[marks] == ' ' || reader->line[marks] == '\t')) {
        const char *text = reader->line + marks + strspn(reader->line + marks, " \t");
        size_t length = strlen(text);

        while (length > 0 && strchr(" \t\r#", text[length - 1])) {
            length--;
        }
        heading_note(reader->page, text, length);
    }
    code_blank(reader->line);
    inline_links_find(reader);
    reference_find(reader);
    attributes_find(reader, "href=", false);
    attributes_find(reader, "src=", false);
    attributes_find(reader, "id=", true);
    attributes_find(reader, "name=", true);
}

struct page *page_new(const char *text, size_t length)
{
    struct page *page = mem_zero(1, sizeof(*page));
    struct page_reader reader = {.page = page};
    const char *end;

    page->text = mem_strndup(text, length);
    page->anchors = map_new();
    end = page->text + strlen(page->text);
    for (const char *at = page->text; at < end;) {
        reader.length = strcspn(at, "\n");
        reader.source = at;
        reader.number++;
        reader.line = mem_strndup(at, reader.length);
        line_read(&reader);
        free(reader.line);
        at += reader.length + 1;
    }
    page->links = reader.links.items;
    page->link_count = reader.links.count;
    return page;
}

void page_free(struct page *page)
{
    if (!page) {
        return;
    }
    for (size_t i = 0; i < page->link_count; i++) {
        free(page->links[i].target);
    }
    free(page->links);
    map_free(page->anchors);
    free(page->text);
    free(page);
}
