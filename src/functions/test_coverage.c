/* SPDX-License-Identifier: MIT */
/* Coverage of lines (or statements) in percent, from the closing lines of the coverage tools.
 *
 * Totals win over parts such as single Go packages. Of several the lowest counts: a low one
 * must not hide behind a high one. */
#include "functions/test_reader.h"

#include <string.h>

#define COLUMNS_MAX 32

static void lower(double *coverage, double percent)
{
    if (percent <= 100.0 && (*coverage < 0 || percent < *coverage)) {
        *coverage = percent;
    }
}

/* Reads "85.7%" (or, in tables without signs, "85.7") behind the blanks. */
static const char *read_percent(const char *text, bool needs_sign, double *ret_percent)
{
    text = test_line_read_decimal(test_line_skip_blanks(text), ret_percent);
    if (text == NULL) {
        return NULL;
    }
    text = test_line_skip_blanks(text);
    if (*text == '%') {
        return text + 1;
    }
    return needs_sign ? NULL : text;
}

/* "lines......: 85.7% (120 of 140 lines)", "Lines : 85.71% ( 6/7 )", "coverage: 81.2% of ..." */
static bool read_labelled(struct coverage_reader *coverage, const char *line)
{
    /* A pattern that ends where the percentage begins. */
    static const struct {
        const char *pattern;
        bool is_part;
    } labels[] = {
        {"~lines~:", false},         {"~Lines~:", false},
        {"~Line Coverage:", false},  {"~Line coverage:", false},
        {"~line coverage:", false},  {"~Total coverage:", false},
        {"~total coverage:", false}, {"~coverage:", true},
        {"~Coverage:", false},       {"total: (statements) ", false},
    };
    int64_t numbers[TEST_CAPTURES_MAX];
    char flat[TEST_LINE_BYTES_MAX];
    size_t length = 0;
    double percent;

    /* lcov fills up with dots: "lines......:". */
    for (const char *from = line; *from != '\0' && length < sizeof(flat) - 1; from++) {
        if (*from != '.' || (from[1] != '.' && from[1] != ':')) {
            flat[length++] = *from;
        }
    }
    flat[length] = '\0';
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        const char *rest = test_line_match(flat, labels[i].pattern, numbers);

        if (rest == NULL || read_percent(rest, true, &percent) == NULL) {
            continue;
        }
        lower(labels[i].is_part ? &coverage->part : &coverage->total, percent);
        return true;
    }
    return false;
}

/* The column `wanted` (from 0) of "All files | 85.71 | 75 | 100 | 85.71 |"; the last when fewer. */
static bool read_table(struct coverage_reader *coverage, const char *text, size_t wanted)
{
    double percent = -1;
    double found;
    size_t column = 0;

    for (text = strchr(text, '|'); text != NULL && column <= wanted; text = strchr(text, '|')) {
        text++;
        if (read_percent(text, false, &found) == NULL) {
            break;
        }
        percent = found;
        column++;
    }
    if (percent < 0) {
        return false;
    }
    lower(&coverage->total, percent);
    return true;
}

/* "TOTAL 120 10 92%": coverage.py and gcovr print one percentage, llvm-cov regions, functions and
 * lines, of which the third is wanted. */
static bool read_total_row(struct coverage_reader *coverage, const char *text)
{
    double percent = -1;
    double found;
    int percents = 0;

    for (int i = 0; i < COLUMNS_MAX && percents < 3; i++) {
        const char *rest = test_line_read_decimal(test_line_skip_blanks(text), &found);

        if (rest == NULL) {
            if (*test_line_skip_blanks(text) != '-') {
                break;
            }
            text = test_line_skip_blanks(text) + 1;
            continue;
        }
        if (*rest == '%') {
            percent = found;
            percents++;
            rest++;
        }
        text = rest;
    }
    if (percent < 0) {
        return false;
    }
    lower(&coverage->total, percent);
    return true;
}

bool coverage_read_line(struct coverage_reader *coverage, const char *line)
{
    int64_t numbers[TEST_CAPTURES_MAX];
    const char *rest;
    double percent;

    rest = test_line_match(line, "TOTAL ", numbers);
    if (rest != NULL) {
        return read_total_row(coverage, rest);
    }
    rest = test_line_match(line, "~All files ", numbers);
    if (rest != NULL) {
        return read_table(coverage, rest, 3);
    }
    if (test_line_match(line, "# all files ", numbers) != NULL ||
        test_line_match(line, "\xe2\x84\xb9 all files ", numbers) != NULL ||
        test_line_match(line, "| Total ", numbers) != NULL) {
        /* The name's own bar in "| Total | 85% |" is stepped over by its blank. */
        return read_table(coverage, line[0] == '|' ? line + 1 : line, 0);
    }
    rest = test_line_read_decimal(line, &percent);
    if (rest != NULL && test_line_match(rest, "% coverage, ", numbers) != NULL) {
        lower(&coverage->total, percent);
        return true;
    }
    rest = test_line_match(line, "ok *coverage:", numbers);
    if (rest != NULL && read_percent(rest, true, &percent) != NULL) {
        lower(&coverage->part, percent);
        return false; /* the line also tells of the package's tests */
    }
    return read_labelled(coverage, line);
}
