/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void json_init_memory(void)
{
    json_set_alloc_funcs(mem_alloc, free);
}

/* jansson recurses; look at the nesting before it does. */
static bool is_too_deep(const char *text, size_t length)
{
    int depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX) {
                return true;
            }
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return false;
}

int json_parse_text(const char *text, size_t length, const char *what, json_t **ret_value,
                    struct error *err)
{
    json_error_t details;
    json_t *value;

    if (length > JSON_BYTES_MAX) {
        return error_set(err, ERROR_LIMIT, "%s: %zu bytes of JSON; at most %u are read", what,
                         length, JSON_BYTES_MAX);
    }
    if (is_too_deep(text, length)) {
        return error_set(err, ERROR_LIMIT, "%s: JSON nested deeper than %d levels", what,
                         JSON_DEPTH_MAX);
    }
    value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &details);
    if (!value) {
        return error_set(err, ERROR_INVALID, "%s:%d:%d: invalid JSON: %s", what, details.line,
                         details.column, details.text);
    }
    *ret_value = value;
    return 0;
}

const char *json_get_text(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : fallback;
}

json_int_t json_get_integer(const json_t *object, const char *key, json_int_t fallback)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_get_boolean(const json_t *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

void json_put(json_t *object, const char *key, json_t *value)
{
    if (value) {
        int r = json_object_set_new(object, key, value);

        assert(r == 0);
        (void)r;
    }
}

void json_put_text(json_t *object, const char *key, const char *text)
{
    if (text) {
        json_put(object, key, json_text_lossy(text, strlen(text)));
    }
}

void json_put_integer(json_t *object, const char *key, json_int_t value)
{
    json_put(object, key, json_integer(value));
}

json_t *json_text_lossy(const char *bytes, size_t length)
{
    json_t *value = json_stringn(bytes, length);
    struct strbuf clean;

    if (value && !memchr(bytes, '\0', length)) {
        return value;
    }
    json_decref(value);
    strbuf_init(&clean, length * 3 + 3);
    utf8_add_valid(&clean, bytes, length);
    value = json_stringn(clean.data, clean.length);
    strbuf_release(&clean);
    assert(value);
    return value;
}

static void add_escape(struct strbuf *target, unsigned char byte)
{
    static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *found = strchr(named, byte);

    if (found) {
        const char pair[] = {'\\', names[found - named]};

        strbuf_add_bytes(target, pair, sizeof(pair));
    } else {
        strbuf_addf(target, "\\u%04X", byte);
    }
}

static void add_valid_text(struct strbuf *target, const char *text, size_t length)
{
    size_t start = 0;

    strbuf_add_char(target, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte < 0x20 || byte == '"' || byte == '\\') {
            strbuf_add_bytes(target, text + start, i - start);
            add_escape(target, byte);
            start = i + 1;
        }
    }
    strbuf_add_bytes(target, text + start, length - start);
    strbuf_add_char(target, '"');
}

void json_add_text(struct strbuf *target, const char *text)
{
    size_t length = strlen(text);
    struct strbuf clean;

    if (utf8_is_valid(text, length)) {
        add_valid_text(target, text, length);
        return;
    }
    strbuf_init(&clean, length * 3 + 3);
    utf8_add_valid(&clean, text, length);
    add_valid_text(target, clean.data, clean.length);
    strbuf_release(&clean);
}

static int compare_integer_real(json_int_t integer, double real)
{
    double truncated;
    json_int_t whole;

    if (real >= 9223372036854775808.0) {
        return -1;
    }
    if (real < -9223372036854775808.0) {
        return 1;
    }
    whole = (json_int_t)real;
    truncated = (double)whole;
    if (integer != whole) {
        return integer < whole ? -1 : 1;
    }
    return (real < truncated) - (real > truncated);
}

int json_compare_numbers(const json_t *left, const json_t *right)
{
    if (json_is_integer(left) && json_is_integer(right)) {
        json_int_t a = json_integer_value(left);
        json_int_t b = json_integer_value(right);

        return (a > b) - (a < b);
    }
    if (json_is_integer(left)) {
        return compare_integer_real(json_integer_value(left), json_real_value(right));
    }
    if (json_is_integer(right)) {
        return -compare_integer_real(json_integer_value(right), json_real_value(left));
    }
    return (json_real_value(left) > json_real_value(right)) -
           (json_real_value(left) < json_real_value(right));
}

static bool same_lists(const json_t *left, const json_t *right)
{
    size_t count = json_array_size(left);

    if (count != json_array_size(right)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!json_same(json_array_get(left, i), json_array_get(right, i))) {
            return false;
        }
    }
    return true;
}

static bool same_objects(const json_t *left, const json_t *right)
{
    const char *key;
    json_t *value;

    if (json_object_size(left) != json_object_size(right)) {
        return false;
    }
    /* jansson's iterators take a non-const object but change nothing. */
    json_object_foreach((json_t *)(uintptr_t)left, key, value)
    {
        const json_t *other = json_object_get(right, key);

        if (!other || !json_same(value, other)) {
            return false;
        }
    }
    return true;
}

bool json_same(const json_t *left, const json_t *right)
{
    if (json_is_number(left) && json_is_number(right)) {
        return json_compare_numbers(left, right) == 0;
    }
    if (json_is_array(left) && json_is_array(right)) {
        return same_lists(left, right);
    }
    if (json_is_object(left) && json_is_object(right)) {
        return same_objects(left, right);
    }
    return json_equal(left, right) != 0;
}

/* The characters that a terminal may obey, or that turn the direction of writing, behind those that
 * JSON itself has escaped: U+007F to U+009F, U+202A to U+202E, U+2066 to U+2069. Returns how many
 * bytes; 0: it is another. */
static size_t control_length(const unsigned char *text, unsigned *ret_code)
{
    if (text[0] == 0x7F) {
        *ret_code = text[0];
        return 1;
    }
    if (text[0] == 0xC2 && text[1] >= 0x80 && text[1] <= 0x9F) {
        *ret_code = text[1];
        return 2;
    }
    if (text[0] == 0xE2 && ((text[1] == 0x80 && text[2] >= 0xAA && text[2] <= 0xAE) ||
                            (text[1] == 0x81 && text[2] >= 0xA6 && text[2] <= 0xA9))) {
        *ret_code = 0x2000U + (text[1] & 1U) * 0x40U + (text[2] & 0x3FU);
        return 3;
    }
    return 0;
}

/* What is printed as JSON may be printed to a terminal. It stays the same value. */
static char *escape_controls(char *text)
{
    struct strbuf escaped;
    size_t from = 0;
    size_t i = 0;

    strbuf_init(&escaped, SIZE_MAX);
    while (text[i]) {
        unsigned code = 0;
        size_t length = (unsigned char)text[i] < 0x7F
                            ? 0
                            : control_length((const unsigned char *)text + i, &code);

        if (length > 0) {
            strbuf_add_bytes(&escaped, text + from, i - from);
            strbuf_addf(&escaped, "\\u%04x", code);
            from = i + length;
        }
        i += length > 0 ? length : 1;
    }
    if (from > 0) {
        strbuf_add(&escaped, text + from);
        free(text);
        text = strbuf_take(&escaped);
    }
    strbuf_release(&escaped);
    return text;
}

static char *dump(const json_t *value, size_t flags)
{
    char *text = json_dumps(value, flags | JSON_ENCODE_ANY);

    assert(text);
    return escape_controls(text);
}

char *json_dump_compact(const json_t *value)
{
    return dump(value, JSON_COMPACT);
}

char *json_dump_pretty(const json_t *value)
{
    char *text = dump(value, JSON_INDENT(2));
    size_t length = strlen(text);

    text = mem_resize(text, length + 2, 1);
    memcpy(text + length, "\n", 2);
    return text;
}

char *json_dump_sorted(const json_t *value)
{
    return dump(value, JSON_COMPACT | JSON_SORT_KEYS);
}
