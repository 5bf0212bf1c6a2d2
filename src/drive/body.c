/* SPDX-License-Identifier: MIT */
#include "drive/body.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <string.h>

#define SAMPLE_COLUMNS 80

static void fail(struct body *body, enum agent_failure class, char *text)
{
    struct failure failure = {.class = class, .retry_after_ms = -1, .text = text};

    answer_fail(body->answer, failure);
}

static void fail_garbled(struct body *body, const char *data, size_t length)
{
    struct strbuf sample, valid;

    strbuf_init(&valid, length * 3);
    strbuf_init(&sample, (size_t)SAMPLE_COLUMNS * 8);
    utf8_add_valid(&valid, data, length);
    utf8_add_cut(&sample, valid.data, SAMPLE_COLUMNS);
    fail(body, AGENT_TRANSIENT,
         mem_printf("the server's answer holds what is no JSON object: %s", sample.data));
    strbuf_release(&sample);
    strbuf_release(&valid);
}

static void fail_too_large(struct body *body)
{
    fail(body, AGENT_PERMANENT, mem_strdup("the server's answer is larger than is read"));
}

/* Servers that cut characters between events are forgiven. */
static json_t *parse(const char *data, size_t length)
{
    json_t *value = json_loadb(data, length, JSON_ALLOW_NUL, NULL);
    struct strbuf valid;

    if (value || utf8_is_valid(data, length)) {
        return value;
    }
    strbuf_init(&valid, length * 3);
    utf8_add_valid(&valid, data, length);
    value = json_loadb(valid.data, valid.length, JSON_ALLOW_NUL, NULL);
    strbuf_release(&valid);
    return value;
}

static void read_value(struct body *body, const char *data, size_t length)
{
    json_t *value = parse(data, length);
    const json_t *item;
    size_t index;

    if (json_is_object(value)) {
        body->dialect->read(body->answer, value);
    } else if (json_is_array(value)) { /* Gemini's other form */
        json_array_foreach(value, index, item)
        {
            body->dialect->read(body->answer, item);
        }
    } else {
        fail_garbled(body, data, length);
    }
    json_decref(value);
}

static bool on_event(void *context, const char *name, const char *data, size_t length)
{
    struct body *body = context;

    (void)name; /* the data says it again */
    if (strcmp(data, "[DONE]") != 0) {
        read_value(body, data, length);
    } else if (body->dialect->done) {
        body->dialect->done(body->answer);
    }
    return body->answer->end != ANSWER_FAILED;
}

void body_init(struct body *body, const struct dialect *dialect, struct answer *answer)
{
    *body = (struct body){.dialect = dialect, .answer = answer};
    stream_init(&body->stream, dialect->form, on_event, body);
    strbuf_init(&body->document, ANSWER_BYTES_MAX);
}

void body_release(struct body *body)
{
    stream_release(&body->stream);
    strbuf_release(&body->document);
}

/* Neither events nor lines begin with '<', nor events with '{'. */
static void find_form(struct body *body, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length && body->form == BODY_UNKNOWN; i++) {
        if (bytes[i] == '<') {
            fail(body, AGENT_PERMANENT,
                 mem_strdup("the server sent a page of HTML instead of an answer; is `endpoint` "
                            "its API, and no proxy or sign-in page before it?"));
            return;
        }
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r' && bytes[i] != '\n') {
            bool is_json = bytes[i] == '{' || bytes[i] == '[';

            body->form = is_json && body->dialect->form == STREAM_SSE ? BODY_DOCUMENT : BODY_STREAM;
        }
    }
}

bool body_add(struct body *body, const char *bytes, size_t length)
{
    find_form(body, bytes, length);
    if (body->answer->end == ANSWER_FAILED) {
        return false;
    }
    if (body->form == BODY_STREAM) {
        bool goes_on = stream_add(&body->stream, body->document.data, body->document.length) &&
                       stream_add(&body->stream, bytes, length);

        strbuf_reset(&body->document);
        if (goes_on) {
            return true;
        }
        if (body->stream.too_large) {
            fail_too_large(body);
        }
        return false;
    }
    strbuf_add_bytes(&body->document, bytes, length);
    if (body->document.overflow) {
        fail_too_large(body);
    }
    return !body->document.overflow;
}

void body_end(struct body *body)
{
    if (body->form == BODY_STREAM) {
        if (!stream_end(&body->stream) && body->stream.too_large) {
            fail_too_large(body);
        }
    } else if (body->form == BODY_DOCUMENT) {
        read_value(body, body->document.data, body->document.length);
    }
}
