/* SPDX-License-Identifier: MIT */
/* Small readers for one line of test output: patterns, lists of counts, decimal numbers. */
#include "functions/test_reader.h"

#include "base/alloc.h"

#include <string.h>
#include <strings.h>

#define NUMBER_DIGITS_MAX 9
#define WORD_BYTES_MAX 32

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool is_letter(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

const char *test_line_skip_blanks(const char *text)
{
    while (is_blank(*text)) {
        text++;
    }
    return text;
}

/* NULL when there is no number, or one too long to be a count. */
static const char *read_number(const char *text, int64_t *ret_number)
{
    int64_t number = 0;
    int digits = 0;

    while (is_digit(*text)) {
        if (++digits > NUMBER_DIGITS_MAX) {
            return NULL;
        }
        number = number * 10 + (*text - '0');
        text++;
    }
    if (digits == 0) {
        return NULL;
    }
    *ret_number = number;
    return text;
}

const char *test_line_match(const char *line, const char *pattern,
                            int64_t ret_numbers[TEST_CAPTURES_MAX])
{
    int64_t number;
    const char *rest;

    for (; *pattern != '\0'; pattern++) {
        switch (*pattern) {
        case ' ':
            if (!is_blank(*line)) {
                return NULL;
            }
            line = test_line_skip_blanks(line);
            break;
        case '~':
            line = test_line_skip_blanks(line);
            break;
        case '$':
            line = test_line_skip_blanks(line);
            if (*line != '\0') {
                return NULL;
            }
            break;
        case '@':
            line = read_number(line, &number);
            if (line == NULL) {
                return NULL;
            }
            *ret_numbers++ = number;
            break;
        case '*':
            /* Numbers behind the star are written by the try that succeeds, last. */
            for (;; line++) {
                rest = test_line_match(line, pattern + 1, ret_numbers);
                if (rest != NULL || *line == '\0') {
                    return rest;
                }
            }
        default:
            if (*line != *pattern) {
                return NULL;
            }
            line++;
            break;
        }
    }
    return line;
}

enum word_meaning { WORD_PASSED, WORD_FAILED, WORD_SKIPPED, WORD_TOTAL, WORD_OTHER };

/* Expected failures and to-dos are with the skipped: they ran or not, they prove nothing. */
static const struct {
    const char *word;
    enum word_meaning meaning;
} words[] = {
    {"passed", WORD_PASSED},      {"pass", WORD_PASSED},         {"passing", WORD_PASSED},
    {"ok", WORD_PASSED},          {"okay", WORD_PASSED},         {"succeeded", WORD_PASSED},
    {"successes", WORD_PASSED},   {"success", WORD_PASSED},      {"successful", WORD_PASSED},
    {"xpassed", WORD_PASSED},     {"flaky", WORD_PASSED},        {"failed", WORD_FAILED},
    {"fail", WORD_FAILED},        {"failing", WORD_FAILED},      {"failures", WORD_FAILED},
    {"failure", WORD_FAILED},     {"error", WORD_FAILED},        {"errors", WORD_FAILED},
    {"broken", WORD_FAILED},      {"cancelled", WORD_FAILED},    {"crashed", WORD_FAILED},
    {"timed", WORD_FAILED},       {"unexpected", WORD_FAILED},   {"skipped", WORD_SKIPPED},
    {"skip", WORD_SKIPPED},       {"skips", WORD_SKIPPED},       {"pending", WORD_SKIPPED},
    {"pendings", WORD_SKIPPED},   {"todo", WORD_SKIPPED},        {"ignored", WORD_SKIPPED},
    {"disabled", WORD_SKIPPED},   {"xfailed", WORD_SKIPPED},     {"incomplete", WORD_SKIPPED},
    {"omissions", WORD_SKIPPED},  {"expected", WORD_SKIPPED},    {"did", WORD_SKIPPED},
    {"not", WORD_SKIPPED},        {"tests", WORD_TOTAL},         {"test", WORD_TOTAL},
    {"test(s)", WORD_TOTAL},      {"examples", WORD_TOTAL},      {"example", WORD_TOTAL},
    {"runs", WORD_TOTAL},         {"run", WORD_TOTAL},           {"total", WORD_TOTAL},
    {"specs", WORD_TOTAL},        {"spec", WORD_TOTAL},          {"assertions", WORD_OTHER},
    {"assertion", WORD_OTHER},    {"warnings", WORD_OTHER},      {"warning", WORD_OTHER},
    {"measured", WORD_OTHER},     {"filtered", WORD_OTHER},      {"deselected", WORD_OTHER},
    {"rerun", WORD_OTHER},        {"reruns", WORD_OTHER},        {"subtests", WORD_OTHER},
    {"subtest", WORD_OTHER},      {"notifications", WORD_OTHER}, {"slow", WORD_OTHER},
    {"deprecations", WORD_OTHER}, {"notices", WORD_OTHER},       {"risky", WORD_OTHER},
    {"duration", WORD_OTHER},     {"suites", WORD_OTHER},        {"snapshots", WORD_OTHER},
};

/* Copies the letters at text, and a "(s)" behind them; returns what follows. */
static const char *read_word(const char *text, char ret_word[WORD_BYTES_MAX])
{
    size_t length = 0;

    while (is_letter(*text)) {
        if (length < WORD_BYTES_MAX - 4) {
            ret_word[length++] = *text;
        }
        text++;
    }
    if (length > 0 && strncmp(text, "(s)", 3) == 0) {
        memcpy(ret_word + length, "(s)", 3);
        length += 3;
        text += 3;
    }
    ret_word[length] = '\0';
    return text;
}

static const char *find_word(const char *word, enum word_meaning *ret_meaning)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(words[i].word, word) == 0) {
            *ret_meaning = words[i].meaning;
            return words[i].word;
        }
    }
    return NULL;
}

static void add(int64_t *sum, int64_t number)
{
    *sum = (*sum < 0 ? 0 : *sum) + number;
}

static void list_add(struct test_list *list, enum word_meaning meaning, const char *word,
                     int64_t number)
{
    switch (meaning) {
    case WORD_PASSED:
        add(&list->passed, number);
        break;
    case WORD_FAILED:
        add(&list->failed, number);
        break;
    case WORD_SKIPPED:
        add(&list->skipped, number);
        break;
    case WORD_TOTAL:
        list->total = number;
        list->total_word = word;
        break;
    case WORD_OTHER:
        list->has_assertions |= strncmp(word, "assertion", 9) == 0;
        break;
    }
}

/* Reads the words behind a number: "passed", "tests failed", "failed as expected". */
static const char *read_list_words(const char *text, struct test_list *list, int64_t number)
{
    enum word_meaning meaning, next_meaning;
    char word[WORD_BYTES_MAX];
    const char *known;
    const char *next_known;
    const char *end;

    text = read_word(text, word);
    known = find_word(word, &meaning);
    if (known == NULL) {
        return NULL;
    }
    end = read_word(test_line_skip_blanks(text), word);
    if (meaning == WORD_TOTAL) {
        next_known = find_word(word, &next_meaning);
        if (next_known != NULL) {
            known = next_known;
            meaning = next_meaning;
            text = end;
        }
    } else if (meaning == WORD_FAILED && strcmp(word, "as") == 0) {
        meaning = WORD_SKIPPED;
    }
    list_add(list, meaning, known, number);
    return text;
}

/* "out" of "filtered out", "not run" of "did not run". */
static bool is_filler(const char *word)
{
    static const char *const fillers[] = {"out", "not", "run", "as", "expected", "tests", "test"};

    for (size_t i = 0; i < ARRAY_LEN(fillers); i++) {
        if (strcmp(fillers[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* Skips the rest of an item and a remark such as "(1 slow)". */
static const char *skip_item_rest(const char *text)
{
    char word[WORD_BYTES_MAX];
    const char *end;

    for (;;) {
        text = test_line_skip_blanks(text);
        if (*text == '(') {
            end = strchr(text, ')');
            if (end == NULL) {
                return text;
            }
            text = end + 1;
            continue;
        }
        end = read_word(text, word);
        if (!is_filler(word)) {
            return text;
        }
        text = end;
    }
}

static void list_init(struct test_list *list)
{
    *list = (struct test_list){.passed = -1, .failed = -1, .skipped = -1, .total = -1};
}

static bool list_is_empty(const struct test_list *list)
{
    return list->passed < 0 && list->failed < 0 && list->skipped < 0 && list->total < 0;
}

const char *test_line_read_list(const char *text, struct test_list *ret_list)
{
    struct test_list list;
    const char *rest;
    int64_t number;

    list_init(&list);
    for (;;) {
        text = test_line_skip_blanks(text);
        rest = read_number(text, &number);
        if (rest == NULL || !is_blank(*rest)) {
            break;
        }
        rest = read_list_words(test_line_skip_blanks(rest), &list, number);
        if (rest == NULL) {
            break;
        }
        text = skip_item_rest(rest);
        if (*text != ',' && *text != ';' && *text != '|') {
            break;
        }
        text++;
    }
    if (list_is_empty(&list)) {
        return NULL;
    }
    *ret_list = list;
    return text;
}

/* "Tests run: 5": the key is all before the colon; its first known word counts. */
static const char *read_pair(const char *text, struct test_list *list)
{
    enum word_meaning meaning = WORD_OTHER;
    char word[WORD_BYTES_MAX];
    const char *known = NULL;
    int64_t number;

    while (is_letter(*text)) {
        text = read_word(text, word);
        if (known == NULL) {
            known = find_word(word, &meaning);
        }
        text = test_line_skip_blanks(text);
    }
    if (*text != ':' && *text != '=') {
        return NULL;
    }
    text = read_number(test_line_skip_blanks(text + 1), &number);
    if (text == NULL) {
        return NULL;
    }
    if (known != NULL) {
        list_add(list, meaning, known, number);
    }
    return text;
}

const char *test_line_read_pairs(const char *text, struct test_list *ret_list)
{
    struct test_list list;
    const char *rest;

    list_init(&list);
    for (;;) {
        rest = read_pair(test_line_skip_blanks(text), &list);
        if (rest == NULL) {
            break;
        }
        text = test_line_skip_blanks(rest);
        if (*text != ',') {
            break;
        }
        text++;
    }
    if (list_is_empty(&list)) {
        return NULL;
    }
    *ret_list = list;
    return text;
}

const char *test_line_read_decimal(const char *text, double *ret_number)
{
    int64_t whole;
    double number, place = 0.1;

    text = read_number(text, &whole);
    if (text == NULL) {
        return NULL;
    }
    number = (double)whole;
    if (*text == '.' && is_digit(text[1])) {
        for (text++; is_digit(*text); text++) {
            number += (*text - '0') * place;
            place /= 10;
        }
    }
    *ret_number = number;
    return text;
}
