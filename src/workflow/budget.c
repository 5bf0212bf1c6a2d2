/* SPDX-License-Identifier: MIT */
#include "workflow/budget.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AMOUNT_MAX INT64_C(1000000000000000)
#define DOLLARS_MAX 1000000
#define STEP_NAME_MAX 200

static const struct {
    const char *name;
    const char *key; /* in JSON */
    const char *example;
} kinds[] = {
    [BUDGET_TOKENS] = {"tokens", "tokens", "200k"},
    [BUDGET_USD] = {"usd", "usd", "5"},
    [BUDGET_TIME] = {"time", "time_ms", "30m"},
    [BUDGET_STEPS] = {"steps", "steps", "40"},
};
static_assert(ARRAY_LEN(kinds) == BUDGET_KINDS, "one row for each kind");

const char *budget_kind_name(enum budget_kind kind)
{
    return kinds[kind].name;
}

int budget_kind_parse(const char *name, size_t length)
{
    for (int i = 0; i < BUDGET_KINDS; i++) {
        if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

static double unit_of(const char *suffix)
{
    if (strcmp(suffix, "k") == 0) {
        return 1e3;
    }
    if (strcmp(suffix, "M") == 0 || strcmp(suffix, "m") == 0) {
        return 1e6;
    }
    return *suffix ? 0 : 1;
}

/* strtod alone would take hexadecimals, infinity and what is no number. */
static bool number_parse(const char *text, double *ret_number, const char **ret_end)
{
    char *end;

    if (!isdigit((unsigned char)text[0]) || text[strspn(text, "0123456789")] == 'x') {
        return false;
    }
    *ret_number = strtod(text, &end);
    *ret_end = end;
    return true;
}

int count_parse(const char *text, int64_t *ret_count)
{
    const char *end;
    double number;

    if (!number_parse(text, &number, &end) || unit_of(end) == 0) {
        return ERROR_INVALID;
    }
    number = number * unit_of(end);
    if (number > (double)AMOUNT_MAX || number != (double)(int64_t)number) {
        return ERROR_INVALID;
    }
    *ret_count = (int64_t)number;
    return 0;
}

int64_t budget_usd(double dollars)
{
    return dollars > 0 && dollars <= 1e9 ? (int64_t)(dollars * (double)BUDGET_USD_UNIT + 0.5) : 0;
}

static int dollars_parse(const char *text, int64_t *ret_amount)
{
    const char *end;
    double dollars;

    if (!number_parse(text, &dollars, &end) || *end || dollars > DOLLARS_MAX) {
        return ERROR_INVALID;
    }
    *ret_amount = budget_usd(dollars);
    return 0;
}

int budget_parse(enum budget_kind kind, const char *text, int64_t *ret_amount, struct error *err)
{
    int64_t amount = 0;
    int r = ERROR_INVALID;

    switch (kind) {
    case BUDGET_TOKENS:
    case BUDGET_STEPS:
        r = count_parse(text, &amount);
        break;
    case BUDGET_USD:
        r = dollars_parse(text, &amount);
        break;
    case BUDGET_TIME:
        r = duration_parse(text, &amount, NULL);
        break;
    }
    if (r < 0) {
        r = error_set(err, ERROR_INVALID, "\"%s\" is no budget of %s", UTF8_CUT(text, 40),
                      kinds[kind].name);
        error_hint(err, "for example %s=%s; 0: no limit", kinds[kind].name, kinds[kind].example);
        return r;
    }
    *ret_amount = amount;
    return 0;
}

void budget_format(enum budget_kind kind, int64_t amount, char ret_text[BUDGET_TEXT_SIZE])
{
    char duration[DURATION_SIZE];
    double dollars = (double)amount / (double)BUDGET_USD_UNIT;

    switch (kind) {
    case BUDGET_TOKENS:
    case BUDGET_STEPS:
        (void)snprintf(ret_text, BUDGET_TEXT_SIZE, "%lld %s", (long long)amount, kinds[kind].name);
        break;
    case BUDGET_USD:
        (void)snprintf(ret_text, BUDGET_TEXT_SIZE, dollars < 0.1 ? "$%.4f" : "$%.2f", dollars);
        break;
    case BUDGET_TIME:
        duration_format(amount, duration);
        (void)snprintf(ret_text, BUDGET_TEXT_SIZE, "%s", duration);
        break;
    }
}

struct budget budget_over(struct budget own, struct budget outer)
{
    for (int i = 0; i < BUDGET_KINDS; i++) {
        own.limits[i] = own.limits[i] ? own.limits[i] : outer.limits[i];
    }
    return own;
}

bool budget_is_empty(const struct budget *budget)
{
    for (int i = 0; i < BUDGET_KINDS; i++) {
        if (budget->limits[i]) {
            return false;
        }
    }
    return true;
}

json_t *budget_encode(const struct budget *budget)
{
    json_t *value;

    if (budget_is_empty(budget)) {
        return NULL;
    }
    value = json_object();
    for (int i = 0; i < BUDGET_KINDS; i++) {
        if (budget->limits[i] && i == BUDGET_USD) {
            json_put(value, kinds[i].key,
                     json_real((double)budget->limits[i] / (double)BUDGET_USD_UNIT));
        } else if (budget->limits[i]) {
            json_put_integer(value, kinds[i].key, budget->limits[i]);
        }
    }
    return value;
}

void budget_decode(const json_t *value, struct budget *ret_budget)
{
    *ret_budget = (struct budget){0};
    for (int i = 0; i < BUDGET_KINDS; i++) {
        ret_budget->limits[i] = i == BUDGET_USD ? budget_usd(json_number_value(
                                                      json_object_get(value, kinds[i].key)))
                                                : json_get_integer(value, kinds[i].key, 0);
    }
}

/* ---- changes ---- */

static int no_such_kind(const char *name, struct error *err)
{
    (void)error_set(err, ERROR_INVALID, "there is no budget of \"%s\"", UTF8_CUT(name, 60));
    error_hint(err, "tokens=200k, usd=5, time=30m or steps=40; STEP.tokens=20k for one step");
    return ERROR_INVALID;
}

static int change_parse(const char *name, const json_t *value, char step[STEP_NAME_MAX],
                        struct budget_change *ret_change, struct error *err)
{
    const char *text = json_string_value(value);
    const char *dot = strrchr(name, '.');
    const char *word = dot ? dot + 1 : name;
    int kind = budget_kind_parse(word, strlen(word));

    if (kind < 0 || (dot && (dot == name || dot - name >= STEP_NAME_MAX))) {
        return no_such_kind(name, err);
    }
    *ret_change = (struct budget_change){.kind = (enum budget_kind)kind};
    if (dot) {
        (void)snprintf(step, STEP_NAME_MAX, "%.*s", (int)(dot - name), name);
        ret_change->step = step;
    }
    if (!text) {
        return error_set(err, ERROR_INVALID, "the budget of %s must be a text such as \"%s\"", word,
                         kinds[kind].example);
    }
    ret_change->is_added = text[0] == '+';
    return budget_parse(ret_change->kind, text + (ret_change->is_added ? 1 : 0),
                        &ret_change->amount, err);
}

int budget_changes_visit(const json_t *changes,
                         int (*visit)(void *context, const struct budget_change *change,
                                      struct error *err),
                         void *context, struct error *err)
{
    const char *name;
    json_t *value;
    int r = 0;

    json_object_foreach((json_t *)(uintptr_t)changes, name, value)
    {
        struct budget_change change;
        char step[STEP_NAME_MAX];

        r = change_parse(name, value, step, &change, err);
        r = r < 0 ? r : visit(context, &change, err);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int64_t budget_change_apply(const struct budget_change *change, int64_t limit)
{
    int64_t sum = change->is_added ? limit + change->amount : change->amount;

    return sum < AMOUNT_MAX ? sum : AMOUNT_MAX;
}
