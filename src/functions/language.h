/* SPDX-License-Identifier: MIT */
/* Programming languages as one table: how files are recognised, what a comment and a string is. */
#ifndef FERMATA_FUNCTIONS_LANGUAGE_H
#define FERMATA_FUNCTIONS_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

enum language_kind { LANGUAGE_CODE, LANGUAGE_MARKUP, LANGUAGE_DATA, LANGUAGE_DOCUMENT };

struct lexis {
    const char *line[2]; /* what begins a comment that ends with the line */
    const char *open;    /* block comment */
    const char *close;
    const char *quotes;      /* characters that open and close a string */
    const char *long_quotes; /* those of them that may span lines */
    bool triple;             /* """ and ''' are strings over many lines */
    bool word_hash;          /* a comment sign counts only at the start of a word */
    bool lone_quote;         /* ' may stand alone: lifetimes, digit separators */
    bool regex;              /* /.../ may be a regular expression */
};

struct language {
    const char *name;
    enum language_kind kind;
    const char *const *suffixes; /* ".c"; NULL-terminated */
    const char *const *names;    /* whole file names; NULL: none */
    const char *interpreter;     /* in a #! line; NULL: none */
    struct lexis lexis;
};

/* By the file's name; NULL when not known. */
const struct language *language_of_path(const char *path);
/* By its first line, for files whose name says nothing. */
const struct language *language_of_text(const char *text, size_t length);
bool language_is(const struct language *language, const char *name); /* NULL is no language */

#endif
