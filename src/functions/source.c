/* SPDX-License-Identifier: MIT */
#include "functions/source.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    const struct lexis *lexis;
    const char *text;
    size_t length;
    size_t at;
    char *plain;
    char *code;
};

static bool starts_with(const struct scan *scan, size_t at, const char *word)
{
    size_t length = word ? strlen(word) : 0;

    return length > 0 && scan->length - at >= length && memcmp(scan->text + at, word, length) == 0;
}

static void blank(char *view, const char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (text[i] != '\n') {
            view[i] = ' ';
        }
    }
}

static void comment_skip(struct scan *scan, size_t from, size_t to)
{
    blank(scan->plain, scan->text, from, to);
    blank(scan->code, scan->text, from, to);
    scan->at = to;
}

static size_t line_end(const struct scan *scan, size_t at)
{
    const char *end = memchr(scan->text + at, '\n', scan->length - at);

    return end ? (size_t)(end - scan->text) : scan->length;
}

static size_t find_after(const struct scan *scan, size_t at, const char *word)
{
    const char *found = memmem(scan->text + at, scan->length - at, word, strlen(word));

    return found ? (size_t)(found - scan->text) + strlen(word) : scan->length;
}

/* At the start of a comment: skips it. */
static bool comment_try(struct scan *scan)
{
    const struct lexis *lexis = scan->lexis;
    size_t at = scan->at;

    if (starts_with(scan, at, lexis->open)) {
        comment_skip(scan, at, find_after(scan, at + strlen(lexis->open), lexis->close));
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(lexis->line); i++) {
        if (!starts_with(scan, at, lexis->line[i])) {
            continue;
        }
        if (lexis->word_hash && at > 0 && !isspace((unsigned char)scan->text[at - 1]) &&
            scan->text[at - 1] != ';') {
            continue;
        }
        comment_skip(scan, at, line_end(scan, at));
        return true;
    }
    return false;
}

/* Where the string that opens at scan->at ends (after its closing quote). */
static size_t string_end(const struct scan *scan, char quote, bool is_long)
{
    size_t at = scan->at + 1;

    while (at < scan->length) {
        char c = scan->text[at];

        if (c == '\\' && at + 1 < scan->length) {
            at += 2;
            continue;
        }
        if (c == quote) {
            return at + 1;
        }
        if (c == '\n' && !is_long) {
            return at;
        }
        at++;
    }
    return scan->length;
}

/* 'a or 1'000: a quote that opens nothing. */
static bool is_lone_quote(const struct scan *scan)
{
    size_t at = scan->at;

    if (!scan->lexis->lone_quote || scan->text[at] != '\'') {
        return false;
    }
    if (at > 0 && isalnum((unsigned char)scan->text[at - 1])) {
        return true;
    }
    return !(at + 2 < scan->length && (scan->text[at + 1] == '\\' || scan->text[at + 2] == '\'' ||
                                       (unsigned char)scan->text[at + 1] >= 0x80));
}

static bool string_try(struct scan *scan)
{
    const struct lexis *lexis = scan->lexis;
    char quote = scan->text[scan->at];
    char three[4] = {quote, quote, quote, '\0'};
    bool is_long;
    size_t end;

    if (!lexis->quotes || quote == '\0' || !strchr(lexis->quotes, quote) || is_lone_quote(scan)) {
        return false;
    }
    if (lexis->triple && starts_with(scan, scan->at, three)) {
        end = find_after(scan, scan->at + 3, three);
        blank(scan->code, scan->text, scan->at + 3, end >= scan->at + 6 ? end - 3 : end);
        scan->at = end;
        return true;
    }
    is_long = lexis->long_quotes && strchr(lexis->long_quotes, quote);
    end = string_end(scan, quote, is_long);
    blank(scan->code, scan->text, scan->at + 1,
          scan->text[end - 1] == quote && end > scan->at + 1 ? end - 1 : end);
    scan->at = end;
    return true;
}

/* A slash after an operator or an opening bracket begins a regular expression. */
static bool regex_try(struct scan *scan)
{
    size_t before = scan->at;
    size_t at = scan->at + 1;
    bool in_class = false;

    if (!scan->lexis->regex || scan->text[scan->at] != '/') {
        return false;
    }
    while (before > 0 && (scan->text[before - 1] == ' ' || scan->text[before - 1] == '\t')) {
        before--;
    }
    if (before > 0 && !strchr("(,=:[!&|?{};\n+", scan->text[before - 1])) {
        return false;
    }
    for (; at < scan->length && scan->text[at] != '\n'; at++) {
        char c = scan->text[at];

        if (c == '\\') {
            at++;
        } else if (c == '[') {
            in_class = true;
        } else if (c == ']') {
            in_class = false;
        } else if (c == '/' && !in_class) {
            blank(scan->code, scan->text, scan->at + 1, at);
            scan->at = at + 1;
            return true;
        }
    }
    return false;
}

static void views_fill(struct source *source, const struct lexis *lexis)
{
    struct scan scan = {.lexis = lexis,
                        .text = source->text,
                        .length = source->length,
                        .plain = source->plain,
                        .code = source->code};

    while (scan.at < scan.length) {
        /* An escaped character outside strings (shell, make) opens nothing. */
        if (scan.text[scan.at] == '\\' && scan.at + 1 < scan.length) {
            scan.at += 2;
        } else if (!comment_try(&scan) && !string_try(&scan) && !regex_try(&scan)) {
            scan.at++;
        }
    }
}

/* mem_strndup would stop at a NUL byte. */
static char *text_copy(const char *text, size_t length)
{
    char *copy = mem_alloc(length + 1);

    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void source_init(struct source *source, const struct language *language, const char *text,
                 size_t length)
{
    size_t lines = 1;

    *source = (struct source){.text = text, .length = length};
    source->plain = text_copy(text, length);
    source->code = text_copy(text, length);
    for (const char *at = text; (at = memchr(at, '\n', length - (size_t)(at - text))) != NULL;
         at++) {
        lines++;
    }
    source->starts = mem_alloc((lines + 1) * sizeof(*source->starts));
    source->starts[source->lines++] = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n' && i + 1 < length) {
            source->starts[source->lines++] = (uint32_t)(i + 1);
        }
    }
    if (language) {
        views_fill(source, &language->lexis);
    }
}

void source_release(struct source *source)
{
    free(source->plain);
    free(source->code);
    free(source->starts);
    *source = (struct source){0};
}

size_t source_line_of(const struct source *source, size_t offset)
{
    size_t low = 0;
    size_t high = source->lines;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (source->starts[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low + 1;
}

const char *source_line(const struct source *source, const char *view, size_t line,
                        size_t *ret_length)
{
    size_t start = source->starts[line - 1];
    size_t end = line < source->lines ? source->starts[line] : source->length;

    while (end > start && (view[end - 1] == '\n' || view[end - 1] == '\r')) {
        end--;
    }
    *ret_length = end - start;
    return view + start;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isspace((unsigned char)text[i])) {
            return false;
        }
    }
    return true;
}

void source_count(const struct source *source, struct source_counts *ret_counts)
{
    *ret_counts = (struct source_counts){0};
    if (source->length == 0) {
        return;
    }
    for (size_t line = 1; line <= source->lines; line++) {
        size_t length;
        const char *text = source_line(source, source->text, line, &length);

        if (is_blank(text, length)) {
            ret_counts->blank++;
        } else if (is_blank(source_line(source, source->plain, line, &length), length)) {
            ret_counts->comment++;
        } else {
            ret_counts->code++;
        }
    }
}
