/* SPDX-License-Identifier: MIT */
#include "workflow/expression_lexer.h"

#include "base/alloc.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES_MAX 64

bool lexer_fail(struct lexer *lexer, size_t offset, const char *hint, const char *format, ...)
{
    va_list args;

    lexer->problem->offset = offset;
    (void)snprintf(lexer->problem->hint, sizeof(lexer->problem->hint), "%s", hint ? hint : "");
    va_start(args, format);
    (void)vsnprintf(lexer->problem->text, sizeof(lexer->problem->text), format, args);
    va_end(args);
    return false;
}

static bool is_name_start(char character)
{
    return isalpha((unsigned char)character) || character == '_';
}

static bool is_name_part(char character)
{
    return isalnum((unsigned char)character) || character == '_' || character == '-';
}

static bool take(struct lexer *lexer, enum token_kind kind, size_t length)
{
    lexer->token = (struct token){.kind = kind,
                                  .offset = lexer->position,
                                  .length = length,
                                  .text = lexer->text + lexer->position,
                                  .text_length = length};
    lexer->position += length;
    return true;
}

static size_t name_length(const char *text)
{
    size_t length = 0;

    while (is_name_part(text[length])) {
        length++;
    }
    return length;
}

static size_t digits_length(const char *text)
{
    return strspn(text, "0123456789");
}

/* The length of a JSON number, 0 when it is not one. */
static size_t number_length(const char *text, bool *ret_is_real)
{
    size_t length = text[0] == '-' ? 1 : 0;
    size_t digits = digits_length(text + length);

    *ret_is_real = false;
    if (digits == 0 || (digits > 1 && text[length] == '0')) {
        return 0;
    }
    length += digits;
    if (text[length] == '.') {
        digits = digits_length(text + length + 1);
        if (digits == 0) {
            return 0;
        }
        length += digits + 1;
        *ret_is_real = true;
    }
    if (text[length] == 'e' || text[length] == 'E') {
        size_t sign = text[length + 1] == '-' || text[length + 1] == '+' ? 1 : 0;

        digits = digits_length(text + length + 1 + sign);
        if (digits == 0) {
            return 0;
        }
        length += 1 + sign + digits;
        *ret_is_real = true;
    }
    return length;
}

static bool take_number(struct lexer *lexer)
{
    const char *text = lexer->text + lexer->position;
    char number[NUMBER_BYTES_MAX];
    bool is_real;
    size_t length = number_length(text, &is_real);

    if (length == 0 || is_name_part(text[length])) {
        return lexer_fail(lexer, lexer->position, "expected forms like 3, -1, 0.8, 1e6",
                          "this is not a number");
    }
    if (length >= sizeof(number)) {
        return lexer_fail(lexer, lexer->position, NULL, "a number of %zu characters; at most %zu",
                          length, sizeof(number) - 1);
    }
    memcpy(number, text, length);
    number[length] = '\0';
    (void)take(lexer, TOKEN_NUMBER, length);
    lexer->token.is_real = is_real;
    errno = 0;
    if (is_real) {
        lexer->token.real = strtod(number, NULL);
    } else {
        lexer->token.integer = strtoll(number, NULL, 10);
    }
    if (errno == ERANGE && (!is_real || lexer->token.real > 1 || lexer->token.real < -1)) {
        return lexer_fail(lexer, lexer->token.offset, NULL, "the number %s is too large", number);
    }
    return true;
}

static size_t encode_point(uint32_t point, char *target)
{
    if (point < 0x80) {
        target[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        target[0] = (char)(0xC0 | (point >> 6));
        target[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        target[0] = (char)(0xE0 | (point >> 12));
        target[1] = (char)(0x80 | ((point >> 6) & 0x3F));
        target[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    target[0] = (char)(0xF0 | (point >> 18));
    target[1] = (char)(0x80 | ((point >> 12) & 0x3F));
    target[2] = (char)(0x80 | ((point >> 6) & 0x3F));
    target[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

/* Four hexadecimal digits, or -1. */
static int32_t read_unit(const char *text)
{
    int32_t value = 0;

    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)text[i])) {
            return -1;
        }
        value = value * 16 + (isdigit((unsigned char)text[i])
                                  ? text[i] - '0'
                                  : tolower((unsigned char)text[i]) - 'a' + 10);
    }
    return value;
}

/* \uXXXX, or a surrogate pair of them, at text. Returns the bytes read, 0 when wrong. */
static size_t read_point(const char *text, uint32_t *ret_point)
{
    int32_t high = read_unit(text + 2);
    int32_t low;

    if (high <= 0 || (high >= 0xDC00 && high <= 0xDFFF)) {
        return 0;
    }
    if (high < 0xD800 || high > 0xDBFF) {
        *ret_point = (uint32_t)high;
        return 6;
    }
    if (text[6] != '\\' || text[7] != 'u') {
        return 0;
    }
    low = read_unit(text + 8);
    if (low < 0xDC00 || low > 0xDFFF) {
        return 0;
    }
    *ret_point = 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
    return 12;
}

/* Decodes the escape at text into target. Returns the bytes read, 0 when there is no such one. */
static size_t read_escape(const char *text, char *target, size_t *ret_written)
{
    static const char from[] = "\\'\"ntr/";
    static const char to[] = "\\'\"\n\t\r/";
    const char *found;
    uint32_t point = 0;
    size_t used;

    *ret_written = 1;
    if (text[1] == 'u') {
        used = read_point(text, &point);
        *ret_written = encode_point(point, target);
        return used;
    }
    found = text[1] ? strchr(from, text[1]) : NULL;
    if (!found) {
        return 0;
    }
    *target = to[found - from];
    return 2;
}

/* From the opening quote to before the closing one, or to the end when there is none. */
static size_t quoted_length(const char *start)
{
    size_t length = 1;

    while (start[length] && start[length] != *start) {
        length += start[length] == '\\' && start[length + 1] ? 2 : 1;
    }
    return length;
}

static bool take_text(struct lexer *lexer)
{
    const char *start = lexer->text + lexer->position;
    const char *cursor = start + 1;
    char *value = arena_zero(lexer->arena, quoted_length(start) + 4, 1);
    size_t length = 0;

    while (*cursor && *cursor != *start) {
        if (*cursor == '\\') {
            size_t written;
            size_t used = read_escape(cursor, value + length, &written);

            if (used == 0) {
                return lexer_fail(lexer, (size_t)(cursor - lexer->text),
                                  "known: \\\\ \\' \\\" \\n \\t \\r \\uXXXX (not 0000)",
                                  "this escape is not known");
            }
            length += written;
            cursor += used;
        } else {
            value[length++] = *cursor++;
        }
    }
    if (!*cursor) {
        return lexer_fail(lexer, lexer->position, NULL, "this text has no closing %c", *start);
    }
    (void)take(lexer, TOKEN_TEXT, (size_t)(cursor - start) + 1);
    value[length] = '\0';
    lexer->token.text = value;
    lexer->token.text_length = length;
    return true;
}

static const struct {
    const char *sign;
    const char *hint;
} foreign_signs[] = {
    {"&&", "write: and"},
    {"||", "write: or"},
    {"!", "write: not"},
    {"=", "write == to compare"},
    {"}", "quote braces: '}'"},
    {"{", "there are no object literals"},
    {"+", "there is no arithmetic"},
    {"*", "there is no arithmetic"},
    {"/", "there is no arithmetic"},
    {"%", "there is no arithmetic"},
    {"-", "there is no arithmetic; a dash belongs to the name before it"},
    {"`", "quote text with ' or \""},
    {"$", "${{ }} is not written inside an expression"},
};

static bool take_sign(struct lexer *lexer)
{
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">",
                                        "(",  ")",  "[",  "]",  ",", "."};
    const char *text = lexer->text + lexer->position;
    unsigned char byte = (unsigned char)*text;

    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (strncmp(text, signs[i], strlen(signs[i])) == 0) {
            return take(lexer, TOKEN_SIGN, strlen(signs[i]));
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(foreign_signs); i++) {
        if (strncmp(text, foreign_signs[i].sign, strlen(foreign_signs[i].sign)) == 0) {
            return lexer_fail(lexer, lexer->position, foreign_signs[i].hint,
                              "\"%s\" is not known here", foreign_signs[i].sign);
        }
    }
    if (byte > 0x20 && byte < 0x7f) {
        return lexer_fail(lexer, lexer->position, NULL, "\"%c\" is not known here", *text);
    }
    return lexer_fail(lexer, lexer->position, "put text between quotes",
                      "a character outside quotes that is not known here");
}

static void skip_blanks(struct lexer *lexer)
{
    lexer->position += strspn(lexer->text + lexer->position, " \t\r\n");
}

bool lexer_next(struct lexer *lexer)
{
    const char *text;

    skip_blanks(lexer);
    text = lexer->text + lexer->position;
    if (*text == '\0') {
        return take(lexer, TOKEN_END, 0);
    }
    if (is_name_start(*text)) {
        return take(lexer, TOKEN_NAME, name_length(text));
    }
    if (isdigit((unsigned char)*text) || (*text == '-' && isdigit((unsigned char)text[1]))) {
        return take_number(lexer);
    }
    if (*text == '\'' || *text == '"') {
        return take_text(lexer);
    }
    return take_sign(lexer);
}

bool lexer_next_part(struct lexer *lexer)
{
    const char *text;

    skip_blanks(lexer);
    text = lexer->text + lexer->position;
    if (isdigit((unsigned char)*text)) {
        return take(lexer, TOKEN_NAME, name_length(text));
    }
    return lexer_next(lexer);
}

bool lexer_is_sign(const struct lexer *lexer, const char *sign)
{
    return lexer->token.kind == TOKEN_SIGN && lexer->token.length == strlen(sign) &&
           memcmp(lexer->token.text, sign, lexer->token.length) == 0;
}

bool lexer_is_word(const struct lexer *lexer, const char *word)
{
    return lexer->token.kind == TOKEN_NAME && lexer->token.length == strlen(word) &&
           memcmp(lexer->token.text, word, lexer->token.length) == 0;
}
