/* SPDX-License-Identifier: MIT */
/* The list of what is wrong with a definition, with its places. */
#include "base/utf8.h"
#include "workflow/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut must not leave half a character, and the file's words must not reach a terminal raw. */
static void put_clean(char *target, size_t size, const char *text)
{
    struct strbuf clean;
    size_t length;

    strbuf_init(&clean, 4 * size);
    utf8_add_printable(&clean, text, strlen(text));
    length = clean.length < size ? clean.length : size - 1;
    while (length < clean.length && length > 0 &&
           ((unsigned char)clean.data[length] & 0xc0) == 0x80) {
        length--;
    }
    memcpy(target, clean.data, length);
    target[length] = '\0';
    for (size_t i = 0; i < length; i++) {
        if (target[i] == '\n' || target[i] == '\t') {
            target[i] = ' ';
        }
    }
    strbuf_release(&clean);
}

static struct problem *add_empty(struct problems *problems, bool is_warning)
{
    struct problem *problem;

    if (problems->count == WORKFLOW_PROBLEMS_MAX) {
        problems->truncated = true;
        /* A list full of warnings must not hide that there is an error. */
        if (is_warning || !problems->items[problems->count - 1].is_warning) {
            return NULL;
        }
        problems->count--;
    }
    problem = &problems->items[problems->count++];
    *problem = (struct problem){.is_warning = is_warning, .file = problems->file};
    return problem;
}

/* A place that several parts of a workflow share is read several times; once is enough. */
static bool is_repeated(const struct problems *problems, const struct problem *problem)
{
    for (size_t i = 0; i + 1 < problems->count; i++) {
        const struct problem *other = &problems->items[i];

        if (other->at.line == problem->at.line && other->at.column == problem->at.column &&
            other->file == problem->file && strcmp(other->text, problem->text) == 0) {
            return true;
        }
    }
    return false;
}

static void add_formatted(struct problems *problems, struct problem *problem, const char *hint,
                          const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void add_formatted(struct problems *problems, struct problem *problem, const char *hint,
                          const char *format, va_list args)
{
    char text[2 * sizeof(problem->text)];

    if (vsnprintf(text, sizeof(text), format, args) < 0) {
        text[0] = '\0';
    }
    put_clean(problem->text, sizeof(problem->text), text);
    put_clean(problem->hint, sizeof(problem->hint), hint ? hint : "");
    if (is_repeated(problems, problem)) {
        problems->count--;
    }
}

void problems_add(struct problems *problems, struct position at, const char *hint,
                  const char *format, ...)
{
    struct problem *problem = add_empty(problems, false);
    va_list args;

    if (problem) {
        problem->at = at;
        va_start(args, format);
        add_formatted(problems, problem, hint, format, args);
        va_end(args);
    }
}

void problems_warn(struct problems *problems, struct position at, const char *hint,
                   const char *format, ...)
{
    struct problem *problem = add_empty(problems, true);
    va_list args;

    if (problem) {
        problem->at = at;
        va_start(args, format);
        add_formatted(problems, problem, hint, format, args);
        va_end(args);
    }
}

static bool is_before(const struct problem *left, const struct problem *right)
{
    if (left->file != right->file) {
        return false;
    }
    return left->at.line != right->at.line ? left->at.line < right->at.line
                                           : left->at.column < right->at.column;
}

void problems_sort(struct problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        struct problem moved = problems->items[i];
        size_t j = i;

        for (; j > 0 && is_before(&moved, &problems->items[j - 1]); j--) {
            problems->items[j] = problems->items[j - 1];
        }
        problems->items[j] = moved;
    }
}

bool problems_have_error(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (!problems->items[i].is_warning) {
            return true;
        }
    }
    return false;
}

void problems_format(const struct problems *problems, struct strbuf *target)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        const char *file = problem->file ? problem->file : problems->file;

        strbuf_add(target, file ? file : "workflow");
        if (problem->at.line > 0) {
            strbuf_addf(target, ":%d:%d", problem->at.line, problem->at.column);
        }
        strbuf_addf(target, ": %s: %s", problem->is_warning ? "warning" : "error", problem->text);
        if (problem->hint[0]) {
            strbuf_addf(target, " (%s)", problem->hint);
        }
        strbuf_add_char(target, '\n');
    }
    if (problems->truncated) {
        strbuf_addf(target, "%s: error: more than %d problems; the rest is not shown\n",
                    problems->file ? problems->file : "workflow", WORKFLOW_PROBLEMS_MAX);
    }
}
