/* SPDX-License-Identifier: MIT */
#include "base/json_text.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* What stands in a JSON string as it is. */
static size_t plain_length(const char *text)
{
    size_t length = 0;

    while ((unsigned char)text[length] >= 0x20 && text[length] != '"' && text[length] != '\\') {
        length++;
    }
    return length;
}

static void add_escaped(struct strbuf *target, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    const char control[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
    const char other[] = {'\\', (char)byte};

    if (byte < 0x20) {
        strbuf_add_bytes(target, control, sizeof(control));
    } else {
        strbuf_add_bytes(target, other, sizeof(other));
    }
}

/* Valid UTF-8, but some of it is to be escaped. */
static void add_escaped_string(struct strbuf *target, const char *text)
{
    size_t length = plain_length(text);

    strbuf_add_char(target, '"');
    strbuf_add_bytes(target, text, length);
    while (text[length]) {
        text += length;
        add_escaped(target, (unsigned char)*text++);
        length = plain_length(text);
        strbuf_add_bytes(target, text, length);
    }
    strbuf_add_char(target, '"');
}

/* ASCII with nothing in it to escape, as nearly all texts are. */
static size_t simple_length(const char *text)
{
    size_t length = 0;

    while ((unsigned char)text[length] >= 0x20 && (unsigned char)text[length] < 0x80 &&
           text[length] != '"' && text[length] != '\\') {
        length++;
    }
    return length;
}

static void add_simple(struct strbuf *target, const char *text, size_t length)
{
    char *room = strbuf_extend(target, length + 2);

    if (room) {
        room[0] = '"';
        memcpy(room + 1, text, length);
        room[length + 1] = '"';
    }
}

void json_text_quote(struct strbuf *target, const char *text)
{
    size_t length = simple_length(text);
    struct strbuf valid;

    if (!text[length]) {
        add_simple(target, text, length);
        return;
    }
    length = strlen(text);
    if (utf8_is_valid(text, length)) {
        add_escaped_string(target, text);
        return;
    }
    strbuf_init(&valid, length * 3 + 3);
    utf8_add_valid(&valid, text, length);
    add_escaped_string(target, valid.data);
    strbuf_release(&valid);
}

void json_text_integer(struct strbuf *target, int64_t value)
{
    char digits[24];
    char *cursor = digits + sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--cursor = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        *--cursor = '-';
    }
    strbuf_add_bytes(target, cursor, (size_t)(digits + sizeof(digits) - cursor));
}

struct json_text json_text_new(struct strbuf *target, bool is_pretty)
{
    return (struct json_text){.target = target, .is_pretty = is_pretty, .is_first = true};
}

/* Deep values are not indented without end. */
#define INDENT_MAX 60

static size_t put_line(const struct json_text *json, char *cursor)
{
    size_t spaces = (size_t)json->depth * 2 < INDENT_MAX ? (size_t)json->depth * 2 : INDENT_MAX;

    if (!json->is_pretty) {
        return 0;
    }
    *cursor = '\n';
    memset(cursor + 1, ' ', spaces);
    return 1 + spaces;
}

/* What comes before a value: the comma, the line, the name. */
static void begin_value(struct json_text *json, const char *name)
{
    size_t length = name ? simple_length(name) : 0;
    bool is_simple = name && !name[length];
    char before[INDENT_MAX + 2];
    size_t used = 0;
    char *room;

    if (!json->is_first) {
        before[used++] = ',';
    }
    if (json->depth > 0) {
        used += put_line(json, before + used);
    }
    json->is_first = false;
    room = strbuf_extend(json->target, used + (is_simple ? length + 3 + json->is_pretty : 0));
    if (!room) {
        return;
    }
    memcpy(room, before, used);
    if (is_simple) {
        room[used] = '"';
        memcpy(room + used + 1, name, length);
        memcpy(room + used + 1 + length, "\": ", json->is_pretty ? 3 : 2);
    } else if (name) {
        json_text_quote(json->target, name);
        strbuf_add_bytes(json->target, ": ", json->is_pretty ? 2 : 1);
    }
}

static void begin(struct json_text *json, const char *name, char bracket)
{
    begin_value(json, name);
    strbuf_add_char(json->target, bracket);
    json->depth++;
    json->is_first = true;
}

static void end(struct json_text *json, char bracket)
{
    char before[INDENT_MAX + 2];
    size_t length = 0;

    json->depth--;
    if (!json->is_first) {
        length = put_line(json, before);
    }
    before[length++] = bracket;
    strbuf_add_bytes(json->target, before, length);
    json->is_first = false;
    if (json->depth == 0 && json->is_pretty) {
        strbuf_add_char(json->target, '\n');
    }
}

void json_text_begin_object(struct json_text *json, const char *name)
{
    begin(json, name, '{');
}

void json_text_end_object(struct json_text *json)
{
    end(json, '}');
}

void json_text_begin_array(struct json_text *json, const char *name)
{
    begin(json, name, '[');
}

void json_text_end_array(struct json_text *json)
{
    end(json, ']');
}

void json_text_add(struct json_text *json, const char *name, const char *text)
{
    if (text) {
        begin_value(json, name);
        json_text_quote(json->target, text);
    }
}

void json_text_add_integer(struct json_text *json, const char *name, int64_t value)
{
    begin_value(json, name);
    json_text_integer(json->target, value);
}

static void add_word(struct json_text *json, const char *name, const char *word)
{
    begin_value(json, name);
    strbuf_add(json->target, word);
}

void json_text_add_true(struct json_text *json, const char *name)
{
    add_word(json, name, "true");
}

/* What the library writes best. */
static void add_dumped(struct json_text *json, const char *name, const json_t *value)
{
    char *text = json_dump_compact(value);

    begin_value(json, name);
    strbuf_add(json->target, text);
    free(text);
}

static void add_string(struct json_text *json, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);

    if (strlen(text) == json_string_length(value)) {
        json_text_add(json, name, text);
    } else { /* it holds NUL bytes */
        add_dumped(json, name, value);
    }
}

void json_text_add_value(struct json_text *json, const char *name, const json_t *value)
{
    const char *key;
    json_t *member;
    size_t index;

    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        json_text_begin_object(json, name);
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            json_text_add_value(json, key, member);
        }
        json_text_end_object(json);
        break;
    case JSON_ARRAY:
        json_text_begin_array(json, name);
        json_array_foreach(value, index, member)
        {
            json_text_add_value(json, NULL, member);
        }
        json_text_end_array(json);
        break;
    case JSON_INTEGER:
        json_text_add_integer(json, name, json_integer_value(value));
        break;
    case JSON_STRING:
        add_string(json, name, value);
        break;
    case JSON_REAL:
        add_dumped(json, name, value);
        break;
    case JSON_TRUE:
        add_word(json, name, "true");
        break;
    case JSON_FALSE:
        add_word(json, name, "false");
        break;
    case JSON_NULL:
        if (value) {
            add_word(json, name, "null");
        }
        break;
    }
}
