/* SPDX-License-Identifier: MIT */
#include "drive/stream.h"

#include <string.h>

#define NAME_BYTES_MAX 256
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void stream_init(struct stream *stream, enum stream_form form, stream_callback on_event,
                 void *context)
{
    *stream = (struct stream){
        .form = form, .on_event = on_event, .context = context, .at_start = true};
    strbuf_init(&stream->line, STREAM_EVENT_BYTES_MAX);
    strbuf_init(&stream->name, NAME_BYTES_MAX);
    strbuf_init(&stream->data, STREAM_EVENT_BYTES_MAX);
}

void stream_release(struct stream *stream)
{
    strbuf_release(&stream->line);
    strbuf_release(&stream->name);
    strbuf_release(&stream->data);
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] != ' ' && text[i] != '\t') {
            return false;
        }
    }
    return true;
}

/* ---- server-sent events ---- */

static bool end_event(struct stream *stream)
{
    bool goes_on = true;

    if (stream->data.overflow) {
        stream->too_large = true;
        return false;
    }
    if (stream->has_data && stream->data.length > 0) {
        goes_on = stream->on_event(stream->context, stream->name.data, stream->data.data,
                                   stream->data.length);
    }
    strbuf_reset(&stream->name);
    strbuf_reset(&stream->data);
    stream->has_data = false;
    return goes_on;
}

/* Whatever is no event, no data and no comment (id, retry, what comes some day) means nothing. */
static void take_field(struct stream *stream, const char *line, size_t length)
{
    const char *colon = memchr(line, ':', length);
    size_t name_length = colon ? (size_t)(colon - line) : length;
    const char *value = colon ? colon + 1 : line + length;
    size_t value_length;

    if (value < line + length && *value == ' ') {
        value++;
    }
    value_length = (size_t)(line + length - value);
    if (name_length == 4 && memcmp(line, "data", 4) == 0) {
        if (stream->has_data) {
            strbuf_add_char(&stream->data, '\n');
        }
        strbuf_add_bytes(&stream->data, value, value_length);
        stream->has_data = true;
    } else if (name_length == 5 && memcmp(line, "event", 5) == 0) {
        strbuf_reset(&stream->name);
        strbuf_add_bytes(&stream->name, value, value_length);
    }
}

/* ---- lines ---- */

static bool end_line(struct stream *stream)
{
    struct strbuf *line = &stream->line;
    const char *text = line->data;
    size_t length = line->length;
    bool goes_on = true;

    if (line->overflow) {
        stream->too_large = true;
        return false;
    }
    if (stream->at_start && length >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0) {
        text += 3;
        length -= 3;
    }
    stream->at_start = false;
    if (stream->form == STREAM_LINES) {
        goes_on = is_blank(text, length) || stream->on_event(stream->context, "", text, length);
    } else if (length == 0) {
        goes_on = end_event(stream);
    } else {
        take_field(stream, text, length);
    }
    strbuf_reset(line);
    return goes_on;
}

bool stream_add(struct stream *stream, const char *bytes, size_t length)
{
    const char *end = bytes + length;

    while (bytes < end) {
        size_t plain = 0;

        if (stream->after_cr && *bytes == '\n') {
            bytes++;
        }
        stream->after_cr = false;
        while (bytes + plain < end && bytes[plain] != '\n' && bytes[plain] != '\r') {
            plain++;
        }
        strbuf_add_bytes(&stream->line, bytes, plain);
        if (stream->line.overflow) {
            stream->too_large = true;
            return false;
        }
        bytes += plain;
        if (bytes < end) {
            stream->after_cr = *bytes++ == '\r';
            if (!end_line(stream)) {
                return false;
            }
        }
    }
    return true;
}

bool stream_end(struct stream *stream)
{
    return (stream->line.length == 0 || end_line(stream)) &&
           (stream->form == STREAM_LINES || end_event(stream));
}
