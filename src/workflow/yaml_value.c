/* SPDX-License-Identifier: MIT */
/* What the nodes of a YAML tree mean: https://yaml.org/spec/1.2.2/#103-core-schema */
#include "base/alloc.h"
#include "base/utf8.h"
#include "workflow/yaml.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (!map->entries[i].is_bad && strcmp(map->entries[i].key->text, key) == 0) {
            return map->entries[i].value;
        }
    }
    return NULL;
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_integer(const char *text)
{
    const char *digits = text + (*text == '-' || *text == '+');

    if (strncmp(text, "0x", 2) == 0) {
        return text[2] && strspn(text + 2, "0123456789abcdefABCDEF") == strlen(text + 2);
    }
    if (strncmp(text, "0o", 2) == 0) {
        return text[2] && strspn(text + 2, "01234567") == strlen(text + 2);
    }
    return *digits && strspn(digits, "0123456789") == strlen(digits);
}

static bool is_number(const char *text)
{
    const char *cursor = text + (*text == '-' || *text == '+');
    size_t whole = strspn(cursor, "0123456789");
    size_t fraction = 0;

    cursor += whole;
    if (*cursor == '.') {
        cursor++;
        fraction = strspn(cursor, "0123456789");
        cursor += fraction;
    }
    if (whole + fraction == 0) {
        return false;
    }
    if (*cursor == 'e' || *cursor == 'E') {
        cursor++;
        cursor += *cursor == '-' || *cursor == '+';
        if (!*cursor) {
            return false;
        }
        cursor += strspn(cursor, "0123456789");
    }
    return !*cursor;
}

static bool parse_integer(const char *text, json_int_t *ret_value)
{
    int base = strncmp(text, "0x", 2) == 0 ? 16 : strncmp(text, "0o", 2) == 0 ? 8 : 10;
    long long value;

    errno = 0;
    value = strtoll(text + (base == 8 ? 2 : 0), NULL, base);
    *ret_value = value;
    return errno == 0;
}

enum yaml_type yaml_scalar_type(const struct yaml_node *scalar)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const booleans[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    json_int_t integer;

    assert(scalar->kind == YAML_SCALAR);
    if (scalar->style != YAML_PLAIN) {
        return YAML_TEXT;
    }
    if (is_one_of(scalar->text, nulls, ARRAY_LEN(nulls))) {
        return YAML_NULL;
    }
    if (is_one_of(scalar->text, booleans, ARRAY_LEN(booleans))) {
        return YAML_BOOLEAN;
    }
    if (is_integer(scalar->text)) {
        return parse_integer(scalar->text, &integer) ? YAML_INTEGER : YAML_NUMBER;
    }
    /* What does not fit a double (1e999) has no JSON value; it stays a text. */
    return is_number(scalar->text) && isfinite(strtod(scalar->text, NULL)) ? YAML_NUMBER
                                                                           : YAML_TEXT;
}

bool yaml_integer(const struct yaml_node *scalar, int64_t *ret_value)
{
    json_int_t value;

    if (scalar->kind != YAML_SCALAR || yaml_scalar_type(scalar) != YAML_INTEGER ||
        !parse_integer(scalar->text, &value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool yaml_is_text(const struct yaml_node *node)
{
    return node && node->kind == YAML_SCALAR && yaml_scalar_type(node) == YAML_TEXT;
}

const char *yaml_describe(const struct yaml_node *node, char *ret_text, size_t size)
{
    const char *kind = "text";
    const char *quote = "";

    if (node->kind == YAML_LIST) {
        return "a list";
    }
    if (node->kind == YAML_MAP) {
        return "a map";
    }
    switch (yaml_scalar_type(node)) {
    case YAML_NULL:
        return "nothing";
    case YAML_BOOLEAN:
        kind = "boolean";
        break;
    case YAML_INTEGER:
    case YAML_NUMBER:
        kind = "number";
        break;
    case YAML_TEXT:
        quote = "\"";
        break;
    }
    if (strpbrk(node->text, "\n\r")) {
        return "a text of several lines";
    }
    (void)snprintf(ret_text, size, "the %s %s%s%s", kind, quote, UTF8_CUT(node->text, 40), quote);
    return ret_text;
}

static json_t *scalar_to_json(const struct yaml_node *node)
{
    json_int_t integer = 0;

    switch (yaml_scalar_type(node)) {
    case YAML_NULL:
        return json_null();
    case YAML_BOOLEAN:
        return json_boolean(*node->text == 't' || *node->text == 'T');
    case YAML_INTEGER:
        (void)parse_integer(node->text, &integer);
        return json_integer(integer);
    case YAML_NUMBER:
        return json_real(strtod(node->text, NULL));
    case YAML_TEXT:
        break;
    }
    return json_stringn(node->text, node->length);
}

json_t *yaml_to_json(const struct yaml_node *node)
{
    json_t *value;

    if (node->kind == YAML_SCALAR) {
        return scalar_to_json(node);
    }
    value = node->kind == YAML_LIST ? json_array() : json_object();
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == YAML_LIST) {
            (void)json_array_append_new(value, yaml_to_json(node->items[i]));
        } else {
            json_put(value, node->entries[i].key->text, yaml_to_json(node->entries[i].value));
        }
    }
    return value;
}

/* ---- places inside a scalar ------------------------------------------------------------- */

static const char *find_line(const char *source, int line)
{
    for (int i = 1; i < line && source; i++) {
        source = strchr(source, '\n');
        source = source ? source + 1 : NULL;
    }
    return source;
}

static int count_characters(const char *text, size_t length)
{
    int count = 0;

    for (size_t i = 0; i < length; i++) {
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return count;
}

static struct position literal_position(const struct yaml_node *scalar, const char *source,
                                        size_t offset)
{
    struct position at = scalar->at;
    const char *start = scalar->text;
    const char *line_start;
    const char *newline;
    int line = scalar->at.line;

    while ((newline = memchr(start, '\n', (size_t)(scalar->text + offset - start))) != NULL) {
        start = newline + 1;
        line++;
    }
    line_start = find_line(source, line);
    if (line_start) {
        char *content = mem_strndup(start, strcspn(start, "\n"));
        const char *found = strstr(line_start, content);
        const char *line_end = strchrnul(line_start, '\n');

        if (found && found <= line_end) {
            at.line = line;
            at.column = count_characters(line_start, (size_t)(found - line_start)) +
                        count_characters(start, (size_t)(scalar->text + offset - start)) + 1;
        }
        free(content);
    }
    return at;
}

struct position yaml_position_in(const struct yaml_node *scalar, const char *source, size_t offset)
{
    struct position at = scalar->at;
    const char *line = find_line(source, at.line);
    size_t skip = scalar->style == YAML_QUOTED;

    if (offset > scalar->length) {
        return at;
    }
    if (scalar->style == YAML_LITERAL) {
        return literal_position(scalar, source, offset);
    }
    if (scalar->style == YAML_FOLDED || !line) {
        return at;
    }
    for (int column = 1; column < at.column && *line; column++) {
        line++;
        while (((unsigned char)*line & 0xc0) == 0x80) {
            line++;
        }
    }
    /* Only where the file's bytes are the text's bytes up to there. */
    if (strncmp(line, scalar->text, offset) == 0) {
        skip = 0;
    } else if (strlen(line) <= skip || strncmp(line + skip, scalar->text, offset) != 0) {
        return at;
    }
    at.column += (int)skip + count_characters(scalar->text, offset);
    return at;
}
