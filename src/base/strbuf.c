/* SPDX-License-Identifier: MIT */
#include "base/strbuf.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INITIAL_CAPACITY 64
#define GROWS_FAST 16384

void strbuf_init(struct strbuf *buffer, size_t length_max)
{
    *buffer = (struct strbuf){.length_max = length_max};
    buffer->capacity = INITIAL_CAPACITY;
    buffer->data = mem_alloc(buffer->capacity);
    buffer->data[0] = '\0';
}

void strbuf_release(struct strbuf *buffer)
{
    free(buffer->data);
    *buffer = (struct strbuf){0};
}

void strbuf_reset(struct strbuf *buffer)
{
    buffer->length = 0;
    buffer->overflow = false;
    buffer->data[0] = '\0';
}

static bool reserve(struct strbuf *buffer, size_t extra)
{
    size_t needed;

    if (buffer->overflow || extra > buffer->length_max ||
        buffer->length > buffer->length_max - extra) {
        buffer->overflow = true;
        return false;
    }
    needed = buffer->length + extra + 1;
    if (needed > buffer->capacity) {
        /* A text that has begun to grow is rarely done soon. */
        size_t capacity = buffer->capacity * (buffer->capacity < GROWS_FAST ? 4 : 2);

        buffer->capacity = capacity > needed ? capacity : needed;
        buffer->data = mem_resize(buffer->data, buffer->capacity, 1);
    }
    return true;
}

void strbuf_reserve(struct strbuf *buffer, size_t length)
{
    size_t room = buffer->length_max - buffer->length;

    if (!buffer->overflow) {
        (void)reserve(buffer, length < room ? length : room);
    }
}

char *strbuf_extend(struct strbuf *buffer, size_t length)
{
    char *room;

    if (!reserve(buffer, length)) {
        return NULL;
    }
    room = buffer->data + buffer->length;
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
    return room;
}

void strbuf_add_bytes(struct strbuf *buffer, const void *bytes, size_t length)
{
    assert(buffer->data);
    if (length == 0 || !reserve(buffer, length)) {
        return;
    }
    memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void strbuf_add(struct strbuf *buffer, const char *text)
{
    strbuf_add_bytes(buffer, text, strlen(text));
}

void strbuf_add_char(struct strbuf *buffer, char character)
{
    strbuf_add_bytes(buffer, &character, 1);
}

void strbuf_vaddf(struct strbuf *buffer, const char *format, va_list args)
{
    char small[256];
    va_list again;
    int length;

    va_copy(again, args);
    length = vsnprintf(small, sizeof(small), format, args);
    assert(length >= 0);
    if ((size_t)length < sizeof(small)) {
        strbuf_add_bytes(buffer, small, (size_t)length);
    } else if (reserve(buffer, (size_t)length)) {
        (void)vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

void strbuf_addf(struct strbuf *buffer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    strbuf_vaddf(buffer, format, args);
    va_end(args);
}

char *strbuf_take(struct strbuf *buffer)
{
    char *text = buffer->data;

    strbuf_init(buffer, buffer->length_max);
    return text;
}
