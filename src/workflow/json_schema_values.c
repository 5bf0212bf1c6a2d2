/* SPDX-License-Identifier: MIT */
/* Keywords for numbers and texts. */
#include "workflow/json_schema_internal.h"

#include "base/utf8.h"

#include <stdint.h>
#include <stdio.h>

/* Beyond this every double is a whole number. */
#define EXACT_MAX 9007199254740992.0

bool schema_is_whole(const json_t *number)
{
    double real = json_number_value(number);

    if (json_is_integer(number) || real >= EXACT_MAX || real <= -EXACT_MAX) {
        return true;
    }
    return (double)(int64_t)real >= real && (double)(int64_t)real <= real;
}

size_t schema_count(const json_t *schema, const char *keyword, size_t fallback)
{
    const json_t *value = json_object_get(schema, keyword);
    double count = json_number_value(value);

    if (!json_is_number(value)) {
        return fallback;
    }
    return count >= EXACT_MAX ? SIZE_MAX : (size_t)count;
}

/* A quotient as near to a whole number as rounding can explain counts as whole: 0.0075 is a
 * multiple of 0.0001 for those who wrote it. */
static bool is_multiple(const json_t *number, const json_t *divisor)
{
    double quotient;
    double rest;

    if (json_is_integer(number) && json_is_integer(divisor)) {
        return json_integer_value(number) % json_integer_value(divisor) == 0;
    }
    quotient = json_number_value(number) / json_number_value(divisor);
    quotient = quotient < 0 ? -quotient : quotient;
    if (quotient >= EXACT_MAX) {
        /* An infinite quotient says nothing; a finite one of this size is whole. */
        return quotient <= 1.7e308;
    }
    rest = quotient - (double)(int64_t)(quotient + 0.5);
    rest = rest < 0 ? -rest : rest;
    return rest <= 4e-16 * (quotient < 1 ? 1 : quotient);
}

static const struct {
    const char *keyword;
    int order;         /* of value to bound that is wrong... */
    bool is_exclusive; /* ...and equal is wrong as well */
    const char *words;
} bounds[] = {
    {"minimum", -1, false, "at least"},
    {"maximum", 1, false, "at most"},
    {"exclusiveMinimum", -1, true, "more than"},
    {"exclusiveMaximum", 1, true, "less than"},
};

static void format_number(const json_t *number, char *target, size_t size)
{
    if (json_is_integer(number)) {
        (void)snprintf(target, size, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
    } else {
        (void)snprintf(target, size, "%.15g", json_real_value(number));
    }
}

int schema_check_number(struct checker *checker, const json_t *schema, const struct place *place)
{
    const json_t *divisor = json_object_get(schema, "multipleOf");
    char wanted[40];
    char given[40];

    format_number(place->value, given, sizeof(given));
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        const json_t *bound = json_object_get(schema, bounds[i].keyword);
        int order = bound ? json_compare_numbers(place->value, bound) : 0;

        if (bound && (order == bounds[i].order || (order == 0 && bounds[i].is_exclusive))) {
            format_number(bound, wanted, sizeof(wanted));
            return schema_fail(checker, place, "expected a number that is %s %s, got %s",
                               bounds[i].words, wanted, given);
        }
    }
    if (divisor && !is_multiple(place->value, divisor)) {
        format_number(divisor, wanted, sizeof(wanted));
        return schema_fail(checker, place, "expected a multiple of %s, got %s", wanted, given);
    }
    return 0;
}

int schema_check_text(struct checker *checker, const json_t *schema, const struct place *place)
{
    const char *text = json_string_value(place->value);
    size_t bytes = json_string_length(place->value);
    size_t count_min = schema_count(schema, "minLength", 0);
    size_t count_max = schema_count(schema, "maxLength", SIZE_MAX);
    const char *pattern = json_get_text(schema, "pattern", NULL);
    bool matches = true;
    size_t count;
    int r;

    if (count_min > 0 || count_max < SIZE_MAX) {
        count = utf8_count(text, bytes);
        if (count < count_min) {
            return schema_fail(checker, place, "expected at least %zu characters, got %zu",
                               count_min, count);
        }
        if (count > count_max) {
            return schema_fail(checker, place, "expected at most %zu characters, got %zu",
                               count_max, count);
        }
    }
    if (!pattern) {
        return 0;
    }
    r = schema_match(checker, pattern, text, bytes, &matches);
    if (r == 0 && !matches) {
        r = schema_fail(checker, place, "expected text that matches %s", UTF8_CUT(pattern, 200));
    }
    return r;
}
