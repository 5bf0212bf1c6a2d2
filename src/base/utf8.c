/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

#define REPLACEMENT "\xEF\xBF\xBD"
#define ELLIPSIS "\xE2\x80\xA6"

bool utf8_is_valid(const char *bytes, size_t length)
{
    size_t i = 0;

    while (i < length) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used = 1;

        if ((unsigned char)bytes[i] >= 0x80) {
            used = utf8proc_iterate((const utf8proc_uint8_t *)bytes + i,
                                    (utf8proc_ssize_t)(length - i), &point);
        }
        if (used <= 0) {
            return false;
        }
        i += (size_t)used;
    }
    return true;
}

size_t utf8_count(const char *bytes, size_t length)
{
    size_t count = 0;
    size_t i = 0;

    while (i < length) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)bytes + i,
                                                 (utf8proc_ssize_t)(length - i), &point);

        i += used > 0 ? (size_t)used : 1;
        count++;
    }
    return count;
}

void utf8_add_valid(struct strbuf *target, const char *bytes, size_t length)
{
    size_t i = 0;

    while (i < length) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)bytes + i,
                                                 (utf8proc_ssize_t)(length - i), &point);

        if (used <= 0 || point == 0) {
            strbuf_add(target, REPLACEMENT);
            i++;
        } else {
            strbuf_add_bytes(target, bytes + i, (size_t)used);
            i += (size_t)used;
        }
    }
}

static bool is_between(char byte, unsigned char first, unsigned char last)
{
    return (unsigned char)byte >= first && (unsigned char)byte <= last;
}

/* The length of a control string (OSC, DCS, ...) that starts at bytes[0]: up to BEL or ST. One that
 * is not closed ends with its line, so that it cannot hide what follows. */
static size_t control_string_length(const char *bytes, size_t length)
{
    for (size_t i = 2; i < length; i++) {
        if (bytes[i] == '\a') {
            return i + 1;
        }
        if (bytes[i] == 0x1b) {
            return i + 1 < length && bytes[i + 1] == '\\' ? i + 2 : i;
        }
        if (bytes[i] == '\n') {
            return i;
        }
    }
    return length;
}

/* The length of the escape sequence that starts at bytes[0] (ESC). ECMA-48, 5th edition. What
 * cannot belong to it, such as a line end, is left. */
static size_t escape_length(const char *bytes, size_t length)
{
    bool is_control = length > 1 && bytes[1] == '[';
    size_t i = is_control ? 2 : 1;

    if (length > 1 && bytes[1] && strchr("]PX^_", bytes[1])) {
        return control_string_length(bytes, length);
    }
    while (i < length && is_between(bytes[i], 0x20, is_control ? 0x3f : 0x2f)) {
        i++;
    }
    return i < length && is_between(bytes[i], is_control ? 0x40 : 0x30, 0x7e) ? i + 1 : i;
}

static bool is_hidden(utf8proc_int32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
           point == 0x200b || point == 0x200e || point == 0x200f || point == 0x061c ||
           point == 0xfeff;
}

/* Most text is ASCII; a run of its printable characters is taken at once. */
static size_t ascii_length(const char *bytes, size_t length)
{
    size_t i = 0;

    while (i < length && is_between(bytes[i], 0x20, 0x7e)) {
        i++;
    }
    return i;
}

void utf8_add_printable(struct strbuf *target, const char *bytes, size_t length)
{
    size_t i = 0;

    while (i < length) {
        size_t plain = ascii_length(bytes + i, length - i);
        utf8proc_int32_t point;
        utf8proc_ssize_t used;

        if (plain > 0) {
            strbuf_add_bytes(target, bytes + i, plain);
            i += plain;
            continue;
        }
        if (bytes[i] == 0x1b) {
            i += escape_length(bytes + i, length - i);
            continue;
        }
        used = utf8proc_iterate((const utf8proc_uint8_t *)bytes + i, (utf8proc_ssize_t)(length - i),
                                &point);
        if (used <= 0) {
            strbuf_add(target, REPLACEMENT);
            i++;
            continue;
        }
        if (point == '\n' || point == '\t' || !is_hidden(point)) {
            strbuf_add_bytes(target, bytes + i, (size_t)used);
        }
        i += (size_t)used;
    }
}

static int point_width(utf8proc_int32_t point)
{
    int width = utf8proc_charwidth(point);

    return width < 0 ? 0 : width;
}

size_t utf8_width(const char *text)
{
    size_t length = strlen(text);
    size_t width = 0;
    size_t i = 0;

    while (i < length) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                                 (utf8proc_ssize_t)(length - i), &point);

        if (used <= 0) {
            i++;
            width++;
        } else {
            i += (size_t)used;
            width += (size_t)point_width(point);
        }
    }
    return width;
}

void utf8_add_cut(struct strbuf *target, const char *text, size_t columns)
{
    size_t length = strlen(text);
    struct strbuf clean;
    size_t width = 0;
    size_t i = 0;
    bool fits;

    if (length <= columns && ascii_length(text, length) == length) {
        strbuf_add_bytes(target, text, length);
        return;
    }
    strbuf_init(&clean, length * 3 + 3);
    utf8_add_printable(&clean, text, length);
    for (size_t k = 0; k < clean.length; k++) {
        if (clean.data[k] == '\n' || clean.data[k] == '\t') {
            clean.data[k] = ' ';
        }
    }
    fits = utf8_width(clean.data) <= columns;
    while (i < clean.length) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)clean.data + i,
                                                 (utf8proc_ssize_t)(clean.length - i), &point);
        size_t wide = (size_t)point_width(point);

        if (!fits && width + wide + 1 > columns) {
            break;
        }
        strbuf_add_bytes(target, clean.data + i, (size_t)used);
        width += wide;
        i += (size_t)used;
    }
    if (!fits && columns > 0) {
        strbuf_add(target, ELLIPSIS);
    }
    strbuf_release(&clean);
}

const char *utf8_cut(const char *text, size_t bytes_max, char *buffer)
{
    static const char ellipsis[UTF8_ELLIPSIS_SIZE] = "\xe2\x80\xa6";
    size_t length = strnlen(text, bytes_max + 1);

    if (length <= bytes_max) {
        return text;
    }
    /* Back to where a character begins. */
    for (length = bytes_max; length > 0 && ((unsigned char)text[length] & 0xC0U) == 0x80U;) {
        length--;
    }
    memcpy(buffer, text, length);
    memcpy(buffer + length, ellipsis, sizeof(ellipsis));
    return buffer;
}
