/* SPDX-License-Identifier: MIT */
/* The tree of an expression: made by expression_parse.c, walked by expression.c. */
#ifndef FERMATA_WORKFLOW_EXPRESSION_INTERNAL_H
#define FERMATA_WORKFLOW_EXPRESSION_INTERNAL_H

#include "workflow/expression.h"

#include <stdbool.h>
#include <stddef.h>

#define EXPRESSION_ARGUMENTS_MAX 2

enum node_kind {
    NODE_NULL,
    NODE_BOOLEAN,
    NODE_INTEGER,
    NODE_REAL,
    NODE_TEXT,
    NODE_LIST,
    NODE_PATH,
    NODE_CALL,
    NODE_NOT,
    NODE_AND,
    NODE_OR,
    NODE_EQUAL,
    NODE_UNEQUAL,
    NODE_LESS,
    NODE_LESS_EQUAL,
    NODE_GREATER,
    NODE_GREATER_EQUAL,
    NODE_IN,
};

struct expression_function {
    const char *name;
    size_t arguments_min;
    size_t arguments_max;
    /* A new value, or NULL with *err filled. Arguments that are not given are NULL. */
    json_t *(*call)(json_t *const arguments[EXPRESSION_ARGUMENTS_MAX], struct error *err);
};

struct node {
    enum node_kind kind;
    size_t offset; /* of its source in the expression's text */
    size_t length;
    union {
        bool boolean;
        json_int_t integer;
        double real;
        struct {
            const char *data;
            size_t length;
        } text;
        struct {
            const char *const *parts;
            size_t count;
        } path;
    };
    const struct expression_function *function; /* NODE_CALL */
    const struct node *const *children; /* `and` and `or` have two or more, so chains stay flat */
    size_t child_count;
};

struct expression {
    const char *text;
    const struct node *root;
};

const struct expression_function *expression_find_function(const char *name);
const char *expression_nearest_function(const char *name); /* NULL: none is near */

/* A check of paths under way; `offset` is that of the expression in the whole text. */
struct path_walk {
    expression_check check;
    void *context;
    const struct expression_reporter *reporter; /* or NULL */
    size_t offset;
    size_t problem_count;
};
void expression_walk_paths(const struct expression *expression, struct path_walk *walk);

/* left `in` right, also contains(right, left): 1, 0, or ERROR_INVALID. */
int expression_contains(const json_t *whole, const json_t *part, struct error *err);
const char *expression_type_name(const json_t *value); /* "text" "number" "list" ... */
/* Appends a value as templates show it: text as it is, null as nothing, others as compact JSON. */
void expression_format_value(const json_t *value, struct strbuf *target);

#endif
