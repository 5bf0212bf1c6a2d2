/* SPDX-License-Identifier: MIT */
/* Text with ${{ expressions }} in it, cut into pieces once. */
#include "workflow/expression_internal.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define OPEN "${{"
#define OPEN_LENGTH 3
#define CLOSE_LENGTH 2

/* Either literal text or an expression. */
struct piece {
    struct piece *next;
    const char *data;
    size_t length;
    const struct expression *expression; /* NULL: literal */
    size_t offset;                       /* of the expression in the template's text */
};

struct template
{
    const char *text;
    struct piece *pieces;
    bool has_expression;
};

/* The length of the expression that starts at text, up to "}}" outside quotes; -1: no end. */
static ptrdiff_t expression_length(const char *text, const char *end)
{
    char quote = '\0';

    for (const char *cursor = text; cursor < end; cursor++) {
        if (quote && *cursor == '\\') {
            cursor++;
        } else if (quote) {
            quote = *cursor == quote ? '\0' : quote;
        } else if (*cursor == '\'' || *cursor == '"') {
            quote = *cursor;
        } else if (*cursor == '}' && end - cursor >= CLOSE_LENGTH && cursor[1] == '}') {
            return cursor - text;
        }
    }
    return -1;
}

static struct piece **add_literal(struct arena *arena, struct piece **tail, const char *data,
                                  size_t length)
{
    if (length == 0) {
        return tail;
    }
    *tail = arena_zero(arena, 1, sizeof(**tail));
    (*tail)->data = data;
    (*tail)->length = length;
    return &(*tail)->next;
}

static int problem_set(struct expression_problem *problem, size_t offset, const char *text,
                       const char *hint)
{
    problem->offset = offset;
    (void)snprintf(problem->text, sizeof(problem->text), "%s", text);
    (void)snprintf(problem->hint, sizeof(problem->hint), "%s", hint);
    return ERROR_INVALID;
}

/* Parses the expression whose "${{" is at *cursor and moves *cursor behind its "}}". */
static int add_expression(struct arena *arena, const struct template *template_,
                          struct piece *piece, const char **cursor,
                          struct expression_problem *problem)
{
    const char *start = *cursor + OPEN_LENGTH;
    ptrdiff_t length = expression_length(start, template_->text + strlen(template_->text));
    struct expression *expression;
    int r;

    if (length < 0) {
        return problem_set(problem, (size_t)(*cursor - template_->text),
                           "this ${{ has no closing }}", "a literal ${{ is written $${{");
    }
    piece->offset = (size_t)(start - template_->text);
    r = expression_parse(arena, start, (size_t)length, &expression, problem);
    if (r < 0) {
        problem->offset += piece->offset;
        return r;
    }
    piece->expression = expression;
    *cursor = start + length + CLOSE_LENGTH;
    return 0;
}

int template_parse(struct arena *arena, const char *text, size_t length,
                   struct template **ret_template, struct expression_problem *problem)
{
    struct template *template_ = arena_zero(arena, 1, sizeof(*template_));
    struct piece **tail = &template_->pieces;
    const char *literal;
    const char *cursor;
    int r;

    assert(problem);
    if (memchr(text, '\0', length) || !utf8_is_valid(text, length)) {
        return problem_set(problem, 0, "the text is not valid UTF-8", "");
    }
    template_->text = arena_strndup(arena, text, length);
    literal = template_->text;
    cursor = strstr(literal, OPEN);
    while (cursor) {
        if (cursor > literal && cursor[-1] == '$') {
            /* "$${{": the first $ ends a literal, the second begins the next one. */
            tail = add_literal(arena, tail, literal, (size_t)(cursor - literal) - 1);
            literal = cursor;
            cursor += OPEN_LENGTH;
        } else {
            tail = add_literal(arena, tail, literal, (size_t)(cursor - literal));
            *tail = arena_zero(arena, 1, sizeof(**tail));
            r = add_expression(arena, template_, *tail, &cursor, problem);
            if (r < 0) {
                return r;
            }
            tail = &(*tail)->next;
            template_->has_expression = true;
            literal = cursor;
        }
        cursor = strstr(cursor, OPEN);
    }
    (void)add_literal(arena, tail, literal, strlen(literal));
    *ret_template = template_;
    return 0;
}

int template_check_paths(const struct template *template_, expression_check check, void *context,
                         struct expression_problem *problem)
{
    for (const struct piece *piece = template_->pieces; piece; piece = piece->next) {
        int r = piece->expression
                    ? expression_check_paths(piece->expression, check, context, problem)
                    : 0;

        if (r < 0) {
            problem->offset += piece->offset;
            return r;
        }
    }
    return 0;
}

static int format_piece(const struct piece *piece, expression_lookup lookup, void *context,
                        struct strbuf *target, struct error *err)
{
    json_t *value;
    int r;

    if (!piece->expression) {
        strbuf_add_bytes(target, piece->data, piece->length);
        return 0;
    }
    r = expression_evaluate(piece->expression, lookup, context, &value, err);
    if (r == 0) {
        expression_format_value(value, target);
        json_decref(value);
    }
    return r;
}

int template_format(const struct template *template_, expression_lookup lookup, void *context,
                    struct strbuf *target, struct error *err)
{
    size_t length_before = target->length;
    bool overflow_before = target->overflow;
    int r = 0;

    for (const struct piece *piece = template_->pieces; piece && r == 0; piece = piece->next) {
        r = format_piece(piece, lookup, context, target, err);
    }
    if (r == 0 && target->overflow) {
        r = error_set(err, ERROR_LIMIT, "the text is longer than %zu bytes", target->length_max);
    }
    if (r < 0) {
        target->length = length_before;
        target->overflow = overflow_before;
        target->data[length_before] = '\0';
    }
    return r;
}

int template_evaluate(const struct template *template_, expression_lookup lookup, void *context,
                      json_t **ret_value, struct error *err)
{
    const struct piece *first = template_->pieces;
    struct strbuf text;
    int r;

    if (first && first->expression && !first->next) {
        return expression_evaluate(first->expression, lookup, context, ret_value, err);
    }
    strbuf_init(&text, EXPRESSION_VALUE_BYTES_MAX);
    r = template_format(template_, lookup, context, &text, err);
    if (r == 0) {
        *ret_value = json_text_lossy(text.data, text.length);
    }
    strbuf_release(&text);
    return r;
}

bool template_is_literal(const struct template *template_)
{
    return !template_->has_expression;
}

const char *template_text(const struct template *template_)
{
    return template_->text;
}
