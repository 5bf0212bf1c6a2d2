/* SPDX-License-Identifier: MIT */
/* What a run, or a step, may use: limits by kind, and the words for them. Pure.
 *
 * Amounts are whole numbers, so that sums are exact: tokens, billionths of a dollar, milliseconds,
 * steps. 0: no limit. */
#ifndef FERMATA_WORKFLOW_BUDGET_H
#define FERMATA_WORKFLOW_BUDGET_H

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum budget_kind { BUDGET_TOKENS, BUDGET_USD, BUDGET_TIME, BUDGET_STEPS };
#define BUDGET_KINDS 4
#define BUDGET_USD_UNIT INT64_C(1000000000) /* a dollar */
#define BUDGET_TEXT_SIZE 48

struct budget {
    int64_t limits[BUDGET_KINDS];
};

const char *budget_kind_name(enum budget_kind kind);    /* "tokens" "usd" "time" "steps" */
int budget_kind_parse(const char *name, size_t length); /* -1: none of them */
/* "200k", "1.5M", "300": tokens and steps. ERROR_INVALID: it is none, or too large. */
int count_parse(const char *text, int64_t *ret_count);
/* An amount of the kind as a person writes it: 200k, 5, 30m, 40. */
int budget_parse(enum budget_kind kind, const char *text, int64_t *ret_amount, struct error *err);
/* As a person reads it: "200000 tokens", "$5.00", "30m", "40 steps". */
void budget_format(enum budget_kind kind, int64_t amount, char ret_text[BUDGET_TEXT_SIZE]);
/* What `own` says, else what `outer` does. */
struct budget budget_over(struct budget own, struct budget outer);
bool budget_is_empty(const struct budget *budget);
int64_t budget_usd(double dollars); /* below zero and no number: 0 */

/* As the journal and the views have it: {tokens, usd, time_ms, steps}; NULL: no limit at all. */
json_t *budget_encode(const struct budget *budget);
void budget_decode(const json_t *value, struct budget *ret_budget);

/* A change from outside, {NAME: TEXT}: a NAME is a kind, or STEP.kind for that of a step; a TEXT is
 * an amount, or +amount on top of what is. Calls back for each; stops on a negative return. */
struct budget_change {
    const char *step; /* NULL: of the run */
    enum budget_kind kind;
    int64_t amount;
    bool is_added;
};
int budget_changes_visit(const json_t *changes,
                         int (*visit)(void *context, const struct budget_change *change,
                                      struct error *err),
                         void *context, struct error *err);
/* The limit as it is after the change; never beyond what can be counted. */
int64_t budget_change_apply(const struct budget_change *change, int64_t limit);

#endif
