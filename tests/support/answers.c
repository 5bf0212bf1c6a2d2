/* SPDX-License-Identifier: MIT */
#include "support/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void add_text(json_t *result, const char *key, const char *text)
{
    json_t *before = json_object_get(result, key);

    if (before) {
        (void)json_object_set_new(result, key,
                                  json_sprintf("%s%s", json_string_value(before), text));
    } else {
        json_put_text(result, key, text);
    }
}

static void put_error(json_t *result, const struct agent_event *event)
{
    json_put_text(result, "error", event->text);
    json_put_text(result, "failure", agent_failure_name(event->failure));
    if (event->status > 0) {
        json_put_integer(result, "status", event->status);
    }
    if (event->retry_after_ms >= 0) {
        json_put_integer(result, "retry_after_ms", event->retry_after_ms);
    }
}

static void on_event(void *context, const struct agent_event *event)
{
    json_t *result = context;

    switch (event->kind) {
    case AGENT_TEXT:
        assert_true(event->is_partial);
        add_text(result, "text", event->text);
        break;
    case AGENT_THINKING:
        add_text(result, "thinking", event->text);
        break;
    case AGENT_SESSION:
        json_put_text(result, "model", event->name);
        break;
    case AGENT_USAGE:
        json_put(result, "usage", agent_usage_encode(&event->usage));
        break;
    case AGENT_DONE:
        json_put_text(result, "why", event->text);
        break;
    case AGENT_ERROR:
        assert_null(json_object_get(result, "error"));
        put_error(result, event);
        break;
    case AGENT_TOOL_CALL:
    case AGENT_EDIT:
    case AGENT_TOOL_RESULT:
    case AGENT_QUESTION:
        fail();
    }
}

json_t *answers_read(const struct answers *answers)
{
    size_t length = answers->length ? answers->length : strlen(answers->bytes);
    size_t piece = answers->piece ? answers->piece : length;
    json_t *result = json_object();
    bool goes_on = true;
    struct answer answer;
    struct body body;

    answer_init(&answer, on_event, result);
    body_init(&body, answers->dialect, &answer);
    if (answers->question && answers->dialect->begin) {
        answers->dialect->begin(&answer, answers->question);
    }
    for (size_t at = 0; at < length && goes_on; at += piece) {
        goes_on = body_add(&body, answers->bytes + at, length - at < piece ? length - at : piece);
    }
    if (goes_on && !answers->is_broken) {
        body_end(&body);
    }
    json_put(result, "whole", json_boolean(answer_conclude(&answer, 0)));
    body_release(&body);
    answer_release(&answer);
    return result;
}

void answers_check(const struct answers *answers, const char *expected)
{
    json_t *result = answers_read(answers);
    char *text = json_dump_sorted(result);

    assert_string_equal(text, expected);
    free(text);
    json_decref(result);
}

/* What is called whole after a part of the bytes has all of the text: only what comes after it is
 * missing, such as the usage. */
static void check_truncated(struct answers answers, const json_t *whole)
{
    const char *text = json_get_text(whole, "text", "");
    size_t length = answers.length ? answers.length : strlen(answers.bytes);

    for (answers.length = 1; answers.length < length; answers.length++) {
        for (int broken = 0; broken < 2; broken++) {
            json_t *part;

            answers.is_broken = broken;
            part = answers_read(&answers);
            if (json_get_boolean(part, "whole", false)) {
                assert_string_equal(json_get_text(part, "text", ""), text);
            }
            json_decref(part);
        }
    }
}

void answers_check_cuts(struct answers answers, const char *expected)
{
    size_t length = answers.length ? answers.length : strlen(answers.bytes);
    json_t *whole;

    for (size_t piece = 1; piece <= length; piece++) {
        answers.piece = piece;
        answers_check(&answers, expected);
    }
    answers.piece = 0;
    whole = answers_read(&answers);
    if (json_get_boolean(whole, "whole", false)) {
        check_truncated(answers, whole);
    }
    json_decref(whole);
}
