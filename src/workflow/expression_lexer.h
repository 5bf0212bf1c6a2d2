/* SPDX-License-Identifier: MIT */
/* Words and signs of an expression. Private to the expression parser. */
#ifndef FERMATA_WORKFLOW_EXPRESSION_LEXER_H
#define FERMATA_WORKFLOW_EXPRESSION_LEXER_H

#include "workflow/expression.h"

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
    TOKEN_END,
    TOKEN_NAME, /* also keywords: whether a word is one depends on where it stands */
    TOKEN_NUMBER,
    TOKEN_TEXT,
    TOKEN_SIGN,
};

struct token {
    enum token_kind kind;
    size_t offset;
    size_t length;
    const char *text; /* TOKEN_TEXT: the value; TOKEN_NAME, TOKEN_SIGN: as written */
    size_t text_length;
    bool is_real; /* TOKEN_NUMBER */
    json_int_t integer;
    double real;
};

struct lexer {
    struct arena *arena;
    const char *text; /* NUL-terminated */
    size_t length;
    size_t position; /* behind the current token */
    struct token token;
    struct expression_problem *problem;
};

/* Steps to the next token. False with *problem filled when there is none that is well-formed. */
bool lexer_next(struct lexer *lexer);
/* After a dot anything that looks like a name is one, also `2fa`. */
bool lexer_next_part(struct lexer *lexer);
bool lexer_is_sign(const struct lexer *lexer, const char *sign);
bool lexer_is_word(const struct lexer *lexer, const char *word);
/* Fills *problem; always false. The hint may be NULL. */
bool lexer_fail(struct lexer *lexer, size_t offset, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
