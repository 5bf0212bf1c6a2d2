/* SPDX-License-Identifier: MIT */
/* Ollama's own API, a JSON object a line. */
#include "drive/dialect.h"
#include "drive/failure.h"

#include "base/alloc.h"

#include <string.h>

static bool is_top(const char *key)
{
    static const char *const keys[] = {"keep_alive", "think", "format", "options", "truncate"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static void put_options(json_t *body, const json_t *options)
{
    json_t *inner = json_object();
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)options, key, value)
    {
        if (!is_top(key)) {
            (void)json_object_set(inner, strcmp(key, "max_tokens") == 0 ? "num_predict" : key,
                                  value);
        } else if (json_is_null(value)) {
            (void)json_object_del(body, key);
        } else if (strcmp(key, "options") != 0) {
            (void)json_object_set(body, key, value);
        }
    }
    dialect_put_options(inner, json_object_get(options, "options"));
    if (json_object_size(inner) > 0) {
        json_put(body, "options", inner);
    } else {
        json_decref(inner);
    }
}

static json_t *ollama_request(const struct question *question)
{
    json_t *body = json_object();

    json_put_text(body, "model", question->model);
    json_put(body, "messages", dialect_messages(question));
    json_put(body, "stream", json_true());
    if (question->schema) {
        json_put(body, "format", json_incref((json_t *)question->schema));
    }
    put_options(body, question->options);
    return body;
}

static char *ollama_path(const struct question *question)
{
    (void)question;
    return mem_strdup("/api/chat");
}

static void ollama_read(struct answer *answer, const json_t *value)
{
    const json_t *message = json_object_get(value, "message");
    const char *reason = json_get_text(value, "done_reason", "stop");
    struct failure failure = {.class = AGENT_PERMANENT, .retry_after_ms = -1};

    if (failure_is(value)) {
        answer_fail(answer, failure_read(value, 0));
        return;
    }
    answer_model(answer, json_object_get(value, "model"));
    answer_thinking(answer, json_object_get(message, "thinking"));
    answer_text(answer, json_object_get(message, "content"));
    if (json_array_size(json_object_get(message, "tool_calls")) > 0) {
        failure.text = mem_strdup("the model called a tool, and was offered none");
        answer_fail(answer, failure);
    }
    if (json_get_boolean(value, "done", false)) {
        answer->usage.input_tokens = answer_count(value, "prompt_eval_count");
        answer->usage.output_tokens = answer_count(value, "eval_count");
        answer_finish(answer, strcmp(reason, "length") == 0 ? ANSWER_CUT : ANSWER_COMPLETE, reason);
    }
}

const struct dialect dialect_ollama = {
    .form = STREAM_LINES,
    .request = ollama_request,
    .path = ollama_path,
    .read = ollama_read,
};
