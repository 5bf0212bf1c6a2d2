/* SPDX-License-Identifier: MIT */
#include "base/json_text.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static void add_plain(struct strbuf *target, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    const char *plain = text;

    strbuf_add_char(target, '"');
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        strbuf_add_bytes(target, plain, (size_t)(text - plain));
        if (byte < 0x20) {
            const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};

            strbuf_add_bytes(target, escape, sizeof(escape));
        } else {
            strbuf_add_char(target, '\\');
            strbuf_add_char(target, (char)byte);
        }
        plain = text + 1;
    }
    strbuf_add_bytes(target, plain, (size_t)(text - plain));
    strbuf_add_char(target, '"');
}

void json_text_quote(struct strbuf *target, const char *text)
{
    size_t length = strlen(text);
    struct strbuf valid;

    if (utf8_is_valid(text, length)) {
        add_plain(target, text);
        return;
    }
    strbuf_init(&valid, length * 3 + 3);
    utf8_add_valid(&valid, text, length);
    add_plain(target, valid.data);
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

static void add_line(struct json_text *json)
{
    static const char spaces[] = "\n                                                            ";
    size_t length = 1 + (size_t)json->depth * 2;

    if (json->is_pretty) {
        strbuf_add_bytes(json->target, spaces,
                         length < sizeof(spaces) ? length : sizeof(spaces) - 1);
    }
}

/* What comes before a value: the comma, the line, the name. */
static void begin_value(struct json_text *json, const char *name)
{
    if (!json->is_first) {
        strbuf_add_char(json->target, ',');
    }
    if (json->depth > 0) {
        add_line(json);
    }
    json->is_first = false;
    if (name) {
        json_text_quote(json->target, name);
        strbuf_add(json->target, json->is_pretty ? ": " : ":");
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
    json->depth--;
    if (!json->is_first) {
        add_line(json);
    }
    strbuf_add_char(json->target, bracket);
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

void json_text_add_true(struct json_text *json, const char *name)
{
    begin_value(json, name);
    strbuf_add(json->target, "true");
}

static void add_scalar(struct json_text *json, const char *name, const json_t *value)
{
    char *text = json_dump_compact(value);

    begin_value(json, name);
    strbuf_add(json->target, text);
    free(text);
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
    case JSON_STRING: /* may hold NUL bytes */
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        if (value) {
            add_scalar(json, name, value);
        }
        break;
    }
}
