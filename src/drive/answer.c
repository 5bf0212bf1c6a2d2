/* SPDX-License-Identifier: MIT */
#include "drive/answer.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define REFUSAL_BYTES_MAX 2000

void answer_init(struct answer *answer, answer_callback on_event, void *context)
{
    *answer = (struct answer){.on_event = on_event,
                              .context = context,
                              .usage = AGENT_USAGE_INIT,
                              .failure.retry_after_ms = -1};
    strbuf_init(&answer->collected, ANSWER_BYTES_MAX);
}

void answer_release(struct answer *answer)
{
    strbuf_release(&answer->collected);
    free(answer->model);
    free(answer->why);
    free(answer->refusal);
    free(answer->failure.text);
}

/* ---- pieces ---- */

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static void emit_piece(struct answer *answer, enum agent_event_kind kind, const char *text)
{
    struct agent_event event;

    agent_event_init(&event, kind);
    event.text = text;
    event.is_partial = true;
    answer->on_event(answer->context, &event);
}

/* A text of events ends at its first NUL, so that a model's is replaced. */
static void take_piece(struct answer *answer, enum agent_event_kind kind, const json_t *text)
{
    size_t length = json_string_length(text);
    const char *bytes = json_string_value(text);

    if (length == strlen(bytes)) {
        emit_piece(answer, kind, bytes);
    } else {
        struct strbuf clean;

        strbuf_init(&clean, length * 3);
        utf8_add_valid(&clean, bytes, length);
        emit_piece(answer, kind, clean.data);
        strbuf_release(&clean);
    }
}

void answer_text(struct answer *answer, const json_t *text)
{
    if (json_string_length(text) == 0) {
        return;
    }
    answer->has_text = answer->has_text || !is_blank(json_string_value(text));
    if (answer->is_collected) {
        strbuf_add_bytes(&answer->collected, json_string_value(text), json_string_length(text));
    } else {
        take_piece(answer, AGENT_TEXT, text);
    }
}

void answer_thinking(struct answer *answer, const json_t *text)
{
    if (json_string_length(text) > 0) {
        take_piece(answer, AGENT_THINKING, text);
    }
}

void answer_refusal(struct answer *answer, const json_t *text)
{
    char *before = answer->refusal;

    if (json_string_length(text) > 0 &&
        (!before || strlen(before) + json_string_length(text) < REFUSAL_BYTES_MAX)) {
        answer->refusal = mem_printf("%s%s", before ? before : "", json_string_value(text));
        free(before);
    }
}

void answer_model(struct answer *answer, const json_t *name)
{
    struct agent_event event;

    if (json_string_length(name) == 0 || answer->model) {
        return;
    }
    answer->model = mem_strdup(json_string_value(name));
    agent_event_init(&event, AGENT_SESSION);
    event.name = answer->model;
    answer->on_event(answer->context, &event);
}

void answer_finish(struct answer *answer, enum answer_end end, const char *why)
{
    if (answer->end == ANSWER_FAILED) {
        return;
    }
    answer->end = end;
    free(answer->why);
    answer->why = mem_strdup(why);
}

void answer_fail(struct answer *answer, struct failure failure)
{
    if (answer->end == ANSWER_FAILED) {
        free(failure.text);
        return;
    }
    answer->end = ANSWER_FAILED;
    answer->failure = failure;
}

void answer_unwrap(struct answer *answer)
{
    json_t *whole = json_loadb(answer->collected.data, answer->collected.length, 0, NULL);
    const json_t *value = json_object_get(whole, "value");

    if (value) {
        char *text = json_dump_compact(value);

        emit_piece(answer, AGENT_TEXT, text);
        free(text);
    } else if (answer->collected.length > 0) {
        emit_piece(answer, AGENT_TEXT, answer->collected.data);
    }
    json_decref(whole);
    strbuf_reset(&answer->collected);
}

int64_t answer_count(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
                                                                    : -1;
}

/* ---- the end ---- */

static void emit_usage(struct answer *answer)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_USAGE);
    event.usage = answer->usage;
    if (answer->has_text || answer->end != ANSWER_FAILED) {
        event.usage.turns = 1;
    }
    answer->on_event(answer->context, &event);
}

static void fail_as(struct answer *answer, enum agent_failure class, char *text)
{
    struct failure failure = {.class = class, .retry_after_ms = -1, .text = text};

    answer->end = ANSWER_OPEN;
    answer_fail(answer, failure);
}

static void check_end(struct answer *answer, json_int_t tokens_max)
{
    switch (answer->end) {
    case ANSWER_OPEN:
        fail_as(answer, AGENT_TRANSIENT,
                mem_strdup("the answer broke off: the server did not say that it had ended"));
        break;
    case ANSWER_CUT:
        fail_as(answer, AGENT_PERMANENT,
                tokens_max > 0
                    ? mem_printf("the answer was cut at its limit of %lld tokens (%s); raise "
                                 "max_tokens",
                                 (long long)tokens_max, answer->why)
                    : mem_printf("the answer was cut for its length (%s); raise max_tokens, or the "
                                 "model's context",
                                 answer->why));
        break;
    case ANSWER_REFUSED:
        fail_as(answer, AGENT_REFUSED,
                answer->refusal
                    ? mem_printf("the model refused (%s): %s", answer->why, answer->refusal)
                    : mem_printf("the model refused (%s)", answer->why));
        break;
    case ANSWER_COMPLETE:
        if (answer->refusal && !answer->has_text) {
            fail_as(answer, AGENT_REFUSED, mem_printf("the model refused: %s", answer->refusal));
        } else if (!answer->has_text) {
            fail_as(answer, AGENT_TRANSIENT, mem_printf("the answer is empty (%s)", answer->why));
        }
        break;
    case ANSWER_FAILED:
        break;
    }
}

static void emit_end(struct answer *answer)
{
    struct agent_event event;
    bool is_fine = answer->end == ANSWER_COMPLETE;

    agent_event_init(&event, is_fine ? AGENT_DONE : AGENT_ERROR);
    event.text = is_fine ? answer->why : answer->failure.text;
    if (!is_fine) {
        event.status = answer->failure.status;
        event.retry_after_ms = answer->failure.retry_after_ms;
        event.failure = answer->failure.class != AGENT_FINE
                            ? answer->failure.class
                            : agent_classify(event.status, event.text);
    }
    answer->on_event(answer->context, &event);
}

bool answer_conclude(struct answer *answer, json_int_t tokens_max)
{
    check_end(answer, tokens_max);
    if (answer->usage.input_tokens >= 0 || answer->usage.output_tokens >= 0) {
        emit_usage(answer);
    }
    emit_end(answer);
    return answer->end == ANSWER_COMPLETE;
}
