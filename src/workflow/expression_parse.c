/* SPDX-License-Identifier: MIT */
/* Recursive descent over the grammar of expression_grammar(). The depth is counted, so that neither
 * this nor any walk of the tree can exhaust the stack. */
#include "workflow/expression_internal.h"
#include "workflow/expression_lexer.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "base/vec.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

VEC_TYPE(node_list, const struct node *);

struct parser {
    struct lexer lexer;
    int depth;
};

static const struct node *parse_or(struct parser *parser);

static struct node *node_new(struct parser *parser, enum node_kind kind, size_t offset)
{
    struct node *node = arena_zero(parser->lexer.arena, 1, sizeof(*node));

    node->kind = kind;
    node->offset = offset;
    return node;
}

/* The node reaches to the last character before the current token. */
static const struct node *node_close(struct parser *parser, struct node *node)
{
    size_t end = parser->lexer.token.offset;

    while (end > node->offset && strchr(" \t\r\n", parser->lexer.text[end - 1])) {
        end--;
    }
    node->length = end - node->offset;
    return node;
}

static void node_adopt(struct parser *parser, struct node *node, struct node_list *children)
{
    if (children->count > 0) {
        const struct node **copy = arena_zero(parser->lexer.arena, children->count,
                                              sizeof(*children->items));

        memcpy(copy, children->items, children->count * sizeof(*copy));
        node->children = copy;
        node->child_count = children->count;
    }
    VEC_RELEASE(children);
}

static bool expect_sign(struct parser *parser, const char *sign, const char *what)
{
    if (lexer_is_sign(&parser->lexer, sign)) {
        return lexer_next(&parser->lexer);
    }
    return lexer_fail(&parser->lexer, parser->lexer.token.offset, NULL, "expected \"%s\" %s", sign,
                      what);
}

/* expression { "," expression } up to the closing sign, which is read too. */
static bool parse_items(struct parser *parser, const char *close, struct node_list *items)
{
    if (lexer_is_sign(&parser->lexer, close)) {
        return lexer_next(&parser->lexer);
    }
    for (;;) {
        const struct node *item = parse_or(parser);

        if (!item) {
            return false;
        }
        *VEC_PUSH(items) = item;
        if (!lexer_is_sign(&parser->lexer, ",")) {
            return expect_sign(parser, close, "or \",\"");
        }
        if (!lexer_next(&parser->lexer)) {
            return false;
        }
    }
}

static const struct node *parse_list(struct parser *parser)
{
    struct node_list items = {0};
    struct node *node = node_new(parser, NODE_LIST, parser->lexer.token.offset);

    if (!lexer_next(&parser->lexer) || !parse_items(parser, "]", &items)) {
        VEC_RELEASE(&items);
        return NULL;
    }
    node_adopt(parser, node, &items);
    return node_close(parser, node);
}

static bool check_call(struct parser *parser, const struct node *node, const char *name)
{
    const struct expression_function *function = node->function;
    const char *nearest;
    char hint[64] = "";

    if (!function) {
        nearest = expression_nearest_function(name);
        if (nearest) {
            (void)snprintf(hint, sizeof(hint), "did you mean %s?", nearest);
        }
        return lexer_fail(&parser->lexer, node->offset,
                          nearest ? hint
                                  : "known: length contains default join json startswith endswith",
                          "there is no function \"%s\"", UTF8_CUT(name, 100));
    }
    if (node->child_count < function->arguments_min ||
        node->child_count > function->arguments_max) {
        return lexer_fail(&parser->lexer, node->offset, NULL,
                          function->arguments_min == function->arguments_max
                              ? "%s takes %zu values, not %zu"
                              : "%s takes at least %zu values, and not %zu",
                          function->name, function->arguments_min, node->child_count);
    }
    return true;
}

/* The current token is "(", the name stands before it. */
static const struct node *parse_call(struct parser *parser, const struct token *name)
{
    struct node_list items = {0};
    struct node *node = node_new(parser, NODE_CALL, name->offset);
    const char *text = arena_strndup(parser->lexer.arena, name->text, name->text_length);

    node->function = expression_find_function(text);
    /* An unknown function is the cause to name, whatever its arguments look like. */
    if ((!node->function && !check_call(parser, node, text)) || !lexer_next(&parser->lexer) ||
        !parse_items(parser, ")", &items)) {
        VEC_RELEASE(&items);
        return NULL;
    }
    node_adopt(parser, node, &items);
    return check_call(parser, node, text) ? node_close(parser, node) : NULL;
}

/* One `.name`, `[3]` or `['key']`; the current token is "." or "[". */
static const char *parse_part(struct parser *parser)
{
    struct lexer *lexer = &parser->lexer;
    const char *part;

    if (lexer_is_sign(lexer, ".")) {
        if (!lexer_next_part(lexer)) {
            return NULL;
        }
        if (lexer->token.kind != TOKEN_NAME) {
            (void)lexer_fail(lexer, lexer->token.offset, NULL, "expected a name after \".\"");
            return NULL;
        }
        part = arena_strndup(lexer->arena, lexer->token.text, lexer->token.text_length);
        return lexer_next(lexer) ? part : NULL;
    }
    if (!lexer_next(lexer)) {
        return NULL;
    }
    if (lexer->token.kind == TOKEN_TEXT) {
        part = lexer->token.text;
    } else if (lexer->token.kind == TOKEN_NUMBER && !lexer->token.is_real &&
               lexer->token.integer >= 0 && lexer->token.text[0] != '-') {
        part = arena_printf(lexer->arena, "%lld", (long long)lexer->token.integer);
    } else {
        (void)lexer_fail(lexer, lexer->token.offset, "write [0] or ['name']",
                         "expected an index from 0 or a quoted name");
        return NULL;
    }
    return lexer_next(lexer) && expect_sign(parser, "]", "after the index") ? part : NULL;
}

static const struct node *parse_path(struct parser *parser, const struct token *name)
{
    const char *parts[EXPRESSION_PATH_MAX];
    struct node *node = node_new(parser, NODE_PATH, name->offset);
    const char **copy;
    size_t count = 0;

    parts[count++] = arena_strndup(parser->lexer.arena, name->text, name->text_length);
    while (lexer_is_sign(&parser->lexer, ".") || lexer_is_sign(&parser->lexer, "[")) {
        if (count == EXPRESSION_PATH_MAX) {
            (void)lexer_fail(&parser->lexer, node->offset, NULL, "a path has at most %d parts",
                             EXPRESSION_PATH_MAX);
            return NULL;
        }
        parts[count] = parse_part(parser);
        if (!parts[count++]) {
            return NULL;
        }
    }
    copy = arena_zero(parser->lexer.arena, count, sizeof(*copy));
    memcpy(copy, parts, count * sizeof(*copy));
    node->path.parts = copy;
    node->path.count = count;
    return node_close(parser, node);
}

static bool is_operator_word(const struct lexer *lexer)
{
    return lexer_is_word(lexer, "and") || lexer_is_word(lexer, "or") ||
           lexer_is_word(lexer, "in") || lexer_is_word(lexer, "not");
}

/* A word: null, true, false, a call or a path. */
static const struct node *parse_word(struct parser *parser)
{
    struct token name = parser->lexer.token;
    bool is_null = lexer_is_word(&parser->lexer, "null");
    bool is_true = lexer_is_word(&parser->lexer, "true");
    struct node *node;

    if (is_operator_word(&parser->lexer)) {
        (void)lexer_fail(&parser->lexer, name.offset, NULL, "expected a value before \"%.*s\"",
                         (int)name.length, name.text);
        return NULL;
    }
    if (is_null || is_true || lexer_is_word(&parser->lexer, "false")) {
        node = node_new(parser, is_null ? NODE_NULL : NODE_BOOLEAN, name.offset);
        node->boolean = is_true;
        return lexer_next(&parser->lexer) ? node_close(parser, node) : NULL;
    }
    if (!lexer_next(&parser->lexer)) {
        return NULL;
    }
    return lexer_is_sign(&parser->lexer, "(") ? parse_call(parser, &name)
                                              : parse_path(parser, &name);
}

static const struct node *parse_literal(struct parser *parser)
{
    struct token token = parser->lexer.token;
    struct node *node = node_new(parser, NODE_TEXT, token.offset);

    if (token.kind == TOKEN_TEXT) {
        node->text.data = token.text;
        node->text.length = token.text_length;
    } else if (token.is_real) {
        node->kind = NODE_REAL;
        node->real = token.real;
    } else {
        node->kind = NODE_INTEGER;
        node->integer = token.integer;
    }
    return lexer_next(&parser->lexer) ? node_close(parser, node) : NULL;
}

static const struct node *parse_operand(struct parser *parser)
{
    const struct node *inner;

    switch (parser->lexer.token.kind) {
    case TOKEN_NAME:
        return parse_word(parser);
    case TOKEN_NUMBER:
    case TOKEN_TEXT:
        return parse_literal(parser);
    case TOKEN_SIGN:
        if (lexer_is_sign(&parser->lexer, "[")) {
            return parse_list(parser);
        }
        if (lexer_is_sign(&parser->lexer, "(")) {
            if (!lexer_next(&parser->lexer)) {
                return NULL;
            }
            inner = parse_or(parser);
            return inner && expect_sign(parser, ")", "that closes \"(\"") ? inner : NULL;
        }
        break;
    case TOKEN_END:
        (void)lexer_fail(&parser->lexer, parser->lexer.token.offset, NULL,
                         parser->lexer.token.offset == 0 ? "the expression is empty"
                                                         : "the expression ends too early; a value "
                                                           "is missing");
        return NULL;
    }
    (void)lexer_fail(&parser->lexer, parser->lexer.token.offset, NULL,
                     "expected a value before \"%.*s\"", (int)parser->lexer.token.length,
                     parser->lexer.token.text);
    return NULL;
}

/* The comparison that the current token asks for; NODE_NULL: none. */
static enum node_kind comparison_kind(const struct lexer *lexer)
{
    static const struct {
        const char *sign;
        enum node_kind kind;
    } signs[] = {
        {"==", NODE_EQUAL},      {"!=", NODE_UNEQUAL}, {"<", NODE_LESS},
        {"<=", NODE_LESS_EQUAL}, {">", NODE_GREATER},  {">=", NODE_GREATER_EQUAL},
    };

    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (lexer_is_sign(lexer, signs[i].sign)) {
            return signs[i].kind;
        }
    }
    return lexer_is_word(lexer, "in") ? NODE_IN : NODE_NULL;
}

static const struct node *parse_comparison(struct parser *parser)
{
    size_t offset = parser->lexer.token.offset;
    const struct node *left = parse_operand(parser);
    enum node_kind kind;
    struct node_list sides = {0};
    struct node *node;

    kind = left ? comparison_kind(&parser->lexer) : NODE_NULL;
    if (kind == NODE_NULL) {
        return left;
    }
    node = node_new(parser, kind, offset);
    *VEC_PUSH(&sides) = left;
    *VEC_PUSH(&sides) = lexer_next(&parser->lexer) ? parse_operand(parser) : NULL;
    if (!sides.items[1]) {
        VEC_RELEASE(&sides);
        return NULL;
    }
    node_adopt(parser, node, &sides);
    if (comparison_kind(&parser->lexer) != NODE_NULL) {
        (void)lexer_fail(&parser->lexer, parser->lexer.token.offset,
                         "combine them: a < b and b < c", "comparisons cannot be chained");
        return NULL;
    }
    return node_close(parser, node);
}

static const struct node *parse_not(struct parser *parser)
{
    size_t offset = parser->lexer.token.offset;
    struct node_list inner = {0};
    const struct node *child;
    struct node *node;
    bool is_negated = false;

    /* not not x is x as true or false, so a run of them needs no recursion and one or two nodes. */
    if (!lexer_is_word(&parser->lexer, "not")) {
        return parse_comparison(parser);
    }
    while (lexer_is_word(&parser->lexer, "not")) {
        is_negated = !is_negated;
        if (!lexer_next(&parser->lexer)) {
            return NULL;
        }
    }
    child = parse_comparison(parser);
    for (int i = is_negated ? 1 : 2; child && i > 0; i--) {
        node = node_new(parser, NODE_NOT, offset);
        *VEC_PUSH(&inner) = child;
        node_adopt(parser, node, &inner);
        child = node_close(parser, node);
    }
    return child;
}

static const struct node *parse_chain(struct parser *parser, enum node_kind kind, const char *word,
                                      const struct node *(*parse)(struct parser *))
{
    struct node_list items = {0};
    size_t offset = parser->lexer.token.offset;
    const struct node *item = parse(parser);
    struct node *node;

    if (!item || !lexer_is_word(&parser->lexer, word)) {
        return item;
    }
    *VEC_PUSH(&items) = item;
    while (lexer_is_word(&parser->lexer, word)) {
        item = lexer_next(&parser->lexer) ? parse(parser) : NULL;
        if (!item) {
            VEC_RELEASE(&items);
            return NULL;
        }
        *VEC_PUSH(&items) = item;
    }
    node = node_new(parser, kind, offset);
    node_adopt(parser, node, &items);
    return node_close(parser, node);
}

static const struct node *parse_and(struct parser *parser)
{
    return parse_chain(parser, NODE_AND, "and", parse_not);
}

static const struct node *parse_or(struct parser *parser)
{
    const struct node *node;

    if (parser->depth == EXPRESSION_DEPTH_MAX) {
        (void)lexer_fail(&parser->lexer, parser->lexer.token.offset, NULL,
                         "nested deeper than %d levels", EXPRESSION_DEPTH_MAX);
        return NULL;
    }
    parser->depth++;
    node = parse_chain(parser, NODE_OR, "or", parse_and);
    parser->depth--;
    return node;
}

static bool check_text(struct lexer *lexer, const char *text, size_t length)
{
    if (length > EXPRESSION_BYTES_MAX) {
        return lexer_fail(lexer, 0, NULL, "the expression has %zu bytes; at most %d", length,
                          EXPRESSION_BYTES_MAX);
    }
    if (memchr(text, '\0', length) || !utf8_is_valid(text, length)) {
        return lexer_fail(lexer, 0, NULL, "the expression is not valid UTF-8 text");
    }
    return true;
}

int expression_parse(struct arena *arena, const char *text, size_t length,
                     struct expression **ret_expression, struct expression_problem *problem)
{
    struct parser parser = {.lexer = {.arena = arena, .problem = problem}};
    struct expression *expression;
    const struct node *root;

    assert(arena && problem);
    if (!check_text(&parser.lexer, text, length)) {
        return length > EXPRESSION_BYTES_MAX ? ERROR_LIMIT : ERROR_INVALID;
    }
    parser.lexer.text = arena_strndup(arena, text, length);
    parser.lexer.length = length;
    root = lexer_next(&parser.lexer) ? parse_or(&parser) : NULL;
    if (!root) {
        return ERROR_INVALID;
    }
    if (parser.lexer.token.kind != TOKEN_END) {
        (void)lexer_fail(&parser.lexer, parser.lexer.token.offset,
                         "operators: == != < <= > >= in and or",
                         "expected an operator or the end of the expression");
        return ERROR_INVALID;
    }
    expression = arena_zero(arena, 1, sizeof(*expression));
    expression->text = parser.lexer.text;
    expression->root = root;
    *ret_expression = expression;
    return 0;
}
