/* SPDX-License-Identifier: MIT */
/* Expressions (`when`, `until`, `foreach`) and templates ("Plan: ${{ inputs.feature }}").
 *
 * Total: literals, lists, paths, == != < <= > >= in, `and or not`, and the functions length,
 * contains, default, join, json, startswith, endswith. No loops, no I/O; bounded depth. A path that
 * is known but has no value yet is null. Grammar: expression_grammar(). Public to all folders above
 * workflow/. */
#ifndef FERMATA_WORKFLOW_EXPRESSION_H
#define FERMATA_WORKFLOW_EXPRESSION_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

#define EXPRESSION_DEPTH_MAX 64
#define EXPRESSION_BYTES_MAX 4096
#define EXPRESSION_PATH_MAX 16
#define EXPRESSION_VALUE_BYTES_MAX (16U * 1024 * 1024) /* of a text that is made */

struct expression;
struct template;

/* Where in the expression's text a problem lies, in bytes from its start. */
struct expression_problem {
    size_t offset;
    char text[256];
    char hint[128];
};

/* Gives the value of a path such as steps.review.suggestions: a new reference, NULL for null.
 * Called with part_count >= 1. */
typedef json_t *(*expression_lookup)(void *context, const char *const *parts, size_t part_count);

/* Says at check time whether a path can exist: NULL or why not. */
typedef const char *(*expression_check)(void *context, const char *const *parts, size_t part_count,
                                        char *ret_hint, size_t hint_size);

/* Is told every problem; offsets count from the start of the whole text. */
struct expression_reporter {
    void (*add)(void *context, const struct expression_problem *problem);
    void *context;
};

/* Stops at the first problem. */
int expression_parse(struct arena *arena, const char *text, size_t length,
                     struct expression **ret_expression, struct expression_problem *problem);
/* A text with any number of ${{ }}; "$${{" is a literal "${{". Reports what is wrong in each of
 * them and gives how many problems there are; *ret_template has the right ones in any case, so
 * that their paths can be checked as well. The reporter may be NULL. */
size_t template_parse(struct arena *arena, const char *text, size_t length,
                      const struct expression_reporter *reporter, struct template **ret_template);

/* Check every path; give how many problems were reported. The reporter may be NULL. */
size_t expression_check_paths(const struct expression *expression, expression_check check,
                              void *context, const struct expression_reporter *reporter);
size_t template_check_paths(const struct template *template_, expression_check check, void *context,
                            const struct expression_reporter *reporter);

/* The value; the caller owns it. Comparing values of different types with < is ERROR_INVALID. */
int expression_evaluate(const struct expression *expression, expression_lookup lookup,
                        void *context, json_t **ret_value, struct error *err);
/* null, false, 0, "" and empty lists and objects are false; all else is true. */
bool json_is_truthy(const json_t *value);

/* The text: strings as they are, other values as compact JSON, null as nothing. */
int template_format(const struct template *template_, expression_lookup lookup, void *context,
                    struct strbuf *target, struct error *err);
/* A template that is exactly one ${{ }} gives the value itself, any other gives a string. */
int template_evaluate(const struct template *template_, expression_lookup lookup, void *context,
                      json_t **ret_value, struct error *err);
bool template_is_literal(const struct template *template_);       /* has no ${{ }} */
const char *expression_text(const struct expression *expression); /* its source */
const char *template_text(const struct template *template_);

/* The grammar and the functions as text, for the generated reference. */
const char *expression_grammar(void);

#endif
