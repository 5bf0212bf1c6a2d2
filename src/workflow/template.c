/* SPDX-License-Identifier: MIT */
/* Text with ${{ expressions }} in it, cut into pieces once. */
#include "workflow/expression_internal.h"

#include "base/utf8.h"

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

/* A template being cut into pieces. */
struct cut {
    struct arena *arena;
    struct template *template_;
    struct piece **tail;
    const struct expression_reporter *reporter;
    size_t problem_count;
};

static void report(struct cut *cut, const struct expression_problem *problem)
{
    cut->problem_count++;
    if (cut->reporter) {
        cut->reporter->add(cut->reporter->context, problem);
    }
}

/* The expression whose "${{" is at cursor becomes a piece, or a problem. Gives the place behind its
 * "}}"; the end of the text when it has none. */
static const char *cut_expression(struct cut *cut, const char *cursor)
{
    const char *text = cut->template_->text;
    const char *start = cursor + OPEN_LENGTH;
    const char *end = start + strlen(start);
    ptrdiff_t length = expression_length(start, end);
    struct expression_problem problem = {0};
    struct expression *expression;

    if (length < 0) {
        report(cut, &(struct expression_problem){.offset = (size_t)(cursor - text),
                                                 .text = "this ${{ has no closing }}",
                                                 .hint = "a literal ${{ is written $${{"});
        return end;
    }
    if (expression_parse(cut->arena, start, (size_t)length, &expression, &problem) < 0) {
        problem.offset += (size_t)(start - text);
        report(cut, &problem);
    } else {
        *cut->tail = arena_zero(cut->arena, 1, sizeof(**cut->tail));
        (*cut->tail)->offset = (size_t)(start - text);
        (*cut->tail)->expression = expression;
        cut->tail = &(*cut->tail)->next;
        cut->template_->has_expression = true;
    }
    return start + length + CLOSE_LENGTH;
}

static void cut_text(struct cut *cut)
{
    const char *literal = cut->template_->text;
    const char *cursor = strstr(literal, OPEN);

    while (cursor) {
        if (cursor > literal && cursor[-1] == '$') {
            /* "$${{": the first $ ends a literal, the second begins the next one. */
            cut->tail = add_literal(cut->arena, cut->tail, literal, (size_t)(cursor - literal) - 1);
            literal = cursor;
            cursor += OPEN_LENGTH;
        } else {
            cut->tail = add_literal(cut->arena, cut->tail, literal, (size_t)(cursor - literal));
            cursor = cut_expression(cut, cursor);
            literal = cursor;
        }
        cursor = strstr(cursor, OPEN);
    }
    (void)add_literal(cut->arena, cut->tail, literal, strlen(literal));
}

size_t template_parse(struct arena *arena, const char *text, size_t length,
                      const struct expression_reporter *reporter, struct template **ret_template)
{
    struct template *template_ = arena_zero(arena, 1, sizeof(*template_));
    struct cut cut = {
        .arena = arena, .template_ = template_, .tail = &template_->pieces, .reporter = reporter};

    *ret_template = template_;
    if (memchr(text, '\0', length) || !utf8_is_valid(text, length)) {
        template_->text = "";
        report(&cut, &(struct expression_problem){.text = "the text is not valid UTF-8"});
    } else {
        template_->text = arena_strndup(arena, text, length);
        cut_text(&cut);
    }
    return cut.problem_count;
}

size_t template_check_paths(const struct template *template_, expression_check check, void *context,
                            const struct expression_reporter *reporter)
{
    struct path_walk walk = {.check = check, .context = context, .reporter = reporter};

    for (const struct piece *piece = template_->pieces; piece; piece = piece->next) {
        if (piece->expression) {
            walk.offset = piece->offset;
            expression_walk_paths(piece->expression, &walk);
        }
    }
    return walk.problem_count;
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
