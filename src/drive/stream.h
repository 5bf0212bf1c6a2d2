/* SPDX-License-Identifier: MIT */
/* What servers stream, cut into its events: server-sent events (text/event-stream) or lines
 * (NDJSON). Bytes may come in any pieces. Pure. */
#ifndef FERMATA_DRIVE_STREAM_H
#define FERMATA_DRIVE_STREAM_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

#define STREAM_EVENT_BYTES_MAX (16U * 1024 * 1024)

enum stream_form { STREAM_SSE, STREAM_LINES };

/* `name` is "" where there is none; `data` has `length` bytes and a NUL after them, and is never
 * empty. Returns false to stop. */
typedef bool (*stream_callback)(void *context, const char *name, const char *data, size_t length);

struct stream {
    enum stream_form form;
    stream_callback on_event;
    void *context;
    struct strbuf line;
    struct strbuf name, data; /* of the event that is being read */
    bool has_data;
    bool after_cr; /* a line feed that comes next belongs to it */
    bool at_start; /* where a byte order mark may be */
    bool too_large;
};

void stream_init(struct stream *stream, enum stream_form form, stream_callback on_event,
                 void *context);
void stream_release(struct stream *stream);
/* False: stopped, by the callback or (too_large) because an event is larger than is read. */
bool stream_add(struct stream *stream, const char *bytes, size_t length);
/* After the last byte: what no line end or empty line followed is taken as it is. */
bool stream_end(struct stream *stream);

#endif
