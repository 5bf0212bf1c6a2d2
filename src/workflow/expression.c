/* SPDX-License-Identifier: MIT */
/* Walks the tree of an expression: for its value, and for the paths in it. */
#include "workflow/expression_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define BLAME_BYTES_MAX 120 /* of the source shown in an error */

struct evaluation {
    const struct expression *expression;
    expression_lookup lookup;
    void *context;
};

static json_t *evaluate(const struct evaluation *evaluation, const struct node *node,
                        struct error *err);

bool json_is_truthy(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return json_object_size(value) > 0;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    case JSON_STRING:
        return json_string_length(value) > 0;
    case JSON_INTEGER:
        return json_integer_value(value) != 0;
    case JSON_REAL:
        return json_real_value(value) < 0 || json_real_value(value) > 0;
    case JSON_TRUE:
        return true;
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
    return false;
}

/* Puts the source of the part that failed before the error's text; gives NULL to return. */
static json_t *blame(const struct evaluation *evaluation, const struct node *node,
                     struct error *err)
{
    const char *source = evaluation->expression->text + node->offset;
    size_t length = node->length < BLAME_BYTES_MAX ? node->length : BLAME_BYTES_MAX;

    while (length < node->length && ((unsigned char)source[length] & 0xC0) == 0x80) {
        length--;
    }
    error_context(err, "in \"%.*s%s\"", (int)length, source, length < node->length ? "..." : "");
    return NULL;
}

static json_t *evaluate_list(const struct evaluation *evaluation, const struct node *node,
                             struct error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < node->child_count; i++) {
        json_t *item = evaluate(evaluation, node->children[i], err);

        if (!item) {
            json_decref(list);
            return NULL;
        }
        (void)json_array_append_new(list, item);
    }
    return list;
}

static json_t *evaluate_path(const struct evaluation *evaluation, const struct node *node)
{
    json_t *value = evaluation->lookup(evaluation->context, node->path.parts, node->path.count);

    return value ? value : json_null();
}

static json_t *evaluate_call(const struct evaluation *evaluation, const struct node *node,
                             struct error *err)
{
    json_t *arguments[EXPRESSION_ARGUMENTS_MAX] = {NULL};
    json_t *value = NULL;

    assert(node->child_count <= EXPRESSION_ARGUMENTS_MAX);
    for (size_t i = 0; i < node->child_count; i++) {
        arguments[i] = evaluate(evaluation, node->children[i], err);
        if (!arguments[i]) {
            goto out;
        }
    }
    value = node->function->call(arguments, err);
    if (!value) {
        value = blame(evaluation, node, err);
    }
out:
    for (size_t i = 0; i < node->child_count; i++) {
        json_decref(arguments[i]);
    }
    return value;
}

/* `and` stops at the first false child, `or` at the first true one; `not` has one child. */
static json_t *evaluate_logic(const struct evaluation *evaluation, const struct node *node,
                              struct error *err)
{
    bool stop_at = node->kind == NODE_OR;

    for (size_t i = 0; i < node->child_count; i++) {
        json_t *value = evaluate(evaluation, node->children[i], err);
        bool is_true;

        if (!value) {
            return NULL;
        }
        is_true = json_is_truthy(value);
        json_decref(value);
        if (node->kind == NODE_NOT) {
            return json_boolean(!is_true);
        }
        if (is_true == stop_at) {
            return json_boolean(stop_at);
        }
    }
    return json_boolean(!stop_at);
}

/* -1, 0, 1; anything else: *err says why the two have no order. */
static int compare_order(const json_t *left, const json_t *right, struct error *err)
{
    if (json_is_number(left) && json_is_number(right)) {
        return json_compare_numbers(left, right);
    }
    if (json_is_string(left) && json_is_string(right)) {
        size_t left_length = json_string_length(left);
        size_t right_length = json_string_length(right);
        int order = memcmp(json_string_value(left), json_string_value(right),
                           left_length < right_length ? left_length : right_length);

        return order ? (order > 0) - (order < 0)
                     : (left_length > right_length) - (left_length < right_length);
    }
    (void)error_set(err, ERROR_INVALID,
                    "%s and %s have no order; expected two numbers or two texts",
                    expression_type_name(left), expression_type_name(right));
    if (json_is_null(left) || json_is_null(right)) {
        error_hint(err, "a value that may be missing: default(value, 0)");
    }
    return ERROR_INVALID - 1;
}

static json_t *compare(enum node_kind kind, const json_t *left, const json_t *right,
                       struct error *err)
{
    int order;

    if (kind == NODE_EQUAL || kind == NODE_UNEQUAL) {
        return json_boolean(json_same(left, right) == (kind == NODE_EQUAL));
    }
    if (kind == NODE_IN) {
        order = expression_contains(right, left, err);
        return order < 0 ? NULL : json_boolean(order);
    }
    order = compare_order(left, right, err);
    if (order < -1) {
        return NULL;
    }
    return json_boolean(kind == NODE_LESS         ? order < 0
                        : kind == NODE_LESS_EQUAL ? order <= 0
                        : kind == NODE_GREATER    ? order > 0
                                                  : order >= 0);
}

static json_t *evaluate_comparison(const struct evaluation *evaluation, const struct node *node,
                                   struct error *err)
{
    json_t *left = evaluate(evaluation, node->children[0], err);
    json_t *right = left ? evaluate(evaluation, node->children[1], err) : NULL;
    json_t *value = NULL;

    if (right) {
        value = compare(node->kind, left, right, err);
        if (!value) {
            value = blame(evaluation, node, err);
        }
    }
    json_decref(left);
    json_decref(right);
    return value;
}

static json_t *evaluate(const struct evaluation *evaluation, const struct node *node,
                        struct error *err)
{
    switch (node->kind) {
    case NODE_NULL:
        return json_null();
    case NODE_BOOLEAN:
        return json_boolean(node->boolean);
    case NODE_INTEGER:
        return json_integer(node->integer);
    case NODE_REAL:
        return json_real(node->real);
    case NODE_TEXT:
        return json_stringn(node->text.data, node->text.length);
    case NODE_LIST:
        return evaluate_list(evaluation, node, err);
    case NODE_PATH:
        return evaluate_path(evaluation, node);
    case NODE_CALL:
        return evaluate_call(evaluation, node, err);
    case NODE_NOT:
    case NODE_AND:
    case NODE_OR:
        return evaluate_logic(evaluation, node, err);
    case NODE_EQUAL:
    case NODE_UNEQUAL:
    case NODE_LESS:
    case NODE_LESS_EQUAL:
    case NODE_GREATER:
    case NODE_GREATER_EQUAL:
    case NODE_IN:
        return evaluate_comparison(evaluation, node, err);
    }
    assert(!"every kind of node has a value");
    return NULL;
}

int expression_evaluate(const struct expression *expression, expression_lookup lookup,
                        void *context, json_t **ret_value, struct error *err)
{
    struct evaluation evaluation = {.expression = expression, .lookup = lookup, .context = context};
    struct error local = ERROR_INIT;
    json_t *value = evaluate(&evaluation, expression->root, &local);

    if (!value) {
        if (err) {
            *err = local;
        }
        return local.code;
    }
    *ret_value = value;
    return 0;
}

static void check_path(struct path_walk *walk, const struct node *node)
{
    struct expression_problem problem = {.offset = walk->offset + node->offset};
    const char *reason = walk->check(walk->context, node->path.parts, node->path.count,
                                     problem.hint, sizeof(problem.hint));

    if (!reason) {
        return;
    }
    (void)snprintf(problem.text, sizeof(problem.text), "%s", reason);
    walk->problem_count++;
    if (walk->reporter) {
        walk->reporter->add(walk->reporter->context, &problem);
    }
}

/* The depth of the tree was bounded when it was parsed. */
static void check_node(struct path_walk *walk, const struct node *node)
{
    if (node->kind == NODE_PATH) {
        check_path(walk, node);
    }
    for (size_t i = 0; i < node->child_count; i++) {
        check_node(walk, node->children[i]);
    }
}

void expression_walk_paths(const struct expression *expression, struct path_walk *walk)
{
    check_node(walk, expression->root);
}

size_t expression_check_paths(const struct expression *expression, expression_check check,
                              void *context, const struct expression_reporter *reporter)
{
    struct path_walk walk = {.check = check, .context = context, .reporter = reporter};

    expression_walk_paths(expression, &walk);
    return walk.problem_count;
}

const char *expression_text(const struct expression *expression)
{
    return expression->text;
}
