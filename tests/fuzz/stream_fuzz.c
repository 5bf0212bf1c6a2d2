/* SPDX-License-Identifier: MIT */
/* libFuzzer target: streams of model servers (events or lines) give the same events however their
 * bytes are cut. The first byte chooses the form, the second the cut. */
#include "drive/stream.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_event(void *context, const char *name, const char *data, size_t length)
{
    if (length == 0 || data[length] != '\0' || strchr(name, '\n')) {
        abort();
    }
    strbuf_add(context, name);
    strbuf_add_bytes(context, "\0", 1);
    strbuf_add_bytes(context, data, length);
    strbuf_add_bytes(context, "\0\n", 2);
    return true;
}

static void read_all(enum stream_form form, const char *bytes, size_t size, size_t piece,
                     struct strbuf *events)
{
    struct stream stream;

    strbuf_init(events, size * 4 + 1000);
    stream_init(&stream, form, on_event, events);
    for (size_t at = 0; at < size; at += piece) {
        if (!stream_add(&stream, bytes + at, size - at < piece ? size - at : piece)) {
            abort();
        }
    }
    if (!stream_end(&stream)) {
        abort();
    }
    stream_release(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum stream_form form = size > 0 && data[0] % 2 ? STREAM_LINES : STREAM_SSE;
    size_t piece = size > 1 ? data[1] % 16 + 1U : 1;
    struct strbuf whole, pieces;

    if (size <= 2) {
        return 0;
    }
    read_all(form, (const char *)data + 2, size - 2, size, &whole);
    read_all(form, (const char *)data + 2, size - 2, piece, &pieces);
    if (whole.length != pieces.length || memcmp(whole.data, pieces.data, whole.length) != 0) {
        abort();
    }
    strbuf_release(&whole);
    strbuf_release(&pieces);
    return 0;
}
