/* SPDX-License-Identifier: MIT */
/* Anthropic's messages. Their limit of tokens is no option, so that there is one of ours. */
#include "drive/dialect.h"
#include "drive/failure.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX 16384
#define TOOL_NAME "answer"

/* The input of a tool is an object; what is none is wrapped into one. */
static bool is_object_schema(const json_t *schema)
{
    return strcmp(json_get_text(schema, "type", ""), "object") == 0;
}

static void put_schema(json_t *body, const json_t *schema)
{
    json_t *input = is_object_schema(schema)
                        ? json_incref((json_t *)schema)
                        : json_pack("{s:s,s:{s:O},s:[s]}", "type", "object", "properties", "value",
                                    (json_t *)schema, "required", "value");

    json_put(body, "tools",
             json_pack("[{s:s,s:s,s:o}]", "name", TOOL_NAME, "description",
                       "Takes the whole answer. Call it exactly once.", "input_schema", input));
    json_put(body, "tool_choice", json_pack("{s:s,s:s}", "type", "tool", "name", TOOL_NAME));
}

static json_t *anthropic_request(const struct question *question)
{
    struct question user = *question;
    json_t *body = json_object();
    json_t *stop;

    user.system = NULL;
    json_put_text(body, "model", question->model);
    json_put_integer(body, "max_tokens", TOKENS_MAX);
    json_put_text(body, "system", question->system);
    json_put(body, "messages", dialect_messages(&user));
    json_put(body, "stream", json_true());
    if (question->schema) {
        put_schema(body, question->schema);
    }
    dialect_put_options(body, question->options);
    stop = json_object_get(body, "stop");
    if (stop) {
        (void)json_object_set_new(body, "stop_sequences",
                                  json_is_array(stop) ? json_incref(stop) : json_pack("[O]", stop));
        (void)json_object_del(body, "stop");
    }
    return body;
}

static char *anthropic_path(const struct question *question)
{
    (void)question;
    return mem_strdup("/v1/messages");
}

static void anthropic_begin(struct answer *answer, const struct question *question)
{
    answer->is_collected = question->schema && !is_object_schema(question->schema);
}

/* The input that was not read from the cache, was read from it, and was written to it. */
static void read_usage(struct answer *answer, const json_t *usage)
{
    int64_t plain = answer_count(usage, "input_tokens");
    int64_t cached = answer_count(usage, "cache_read_input_tokens");
    int64_t written = answer_count(usage, "cache_creation_input_tokens");
    int64_t output = answer_count(usage, "output_tokens");

    if (plain >= 0) {
        answer->usage.input_tokens = plain + (cached > 0 ? cached : 0) +
                                     (written > 0 ? written : 0);
        answer->usage.cached_tokens = cached;
    }
    if (output >= 0) {
        answer->usage.output_tokens = output;
    }
}

static void read_stop(struct answer *answer, const char *reason)
{
    if (strcmp(reason, "max_tokens") == 0 || strcmp(reason, "model_context_window_exceeded") == 0) {
        answer_finish(answer, ANSWER_CUT, reason);
    } else if (strcmp(reason, "refusal") == 0) {
        answer_finish(answer, ANSWER_REFUSED, reason);
    } else if (*reason) {
        answer_finish(answer, ANSWER_COMPLETE, reason);
    }
}

static void read_block(struct answer *answer, const json_t *block)
{
    const json_t *input = json_object_get(block, "input");

    answer_text(answer, json_object_get(block, "text"));
    answer_thinking(answer, json_object_get(block, "thinking"));
    if (json_object_size(input) > 0) {
        char *text = json_dump_compact(input);
        json_t *string = json_string(text);

        answer_text(answer, string);
        json_decref(string);
        free(text);
    }
}

static void read_message(struct answer *answer, const json_t *message)
{
    const json_t *block;
    size_t index;

    answer_model(answer, json_object_get(message, "model"));
    read_usage(answer, json_object_get(message, "usage"));
    json_array_foreach(json_object_get(message, "content"), index, block)
    {
        read_block(answer, block);
    }
    read_stop(answer, json_get_text(message, "stop_reason", ""));
}

static void unwrap(struct answer *answer)
{
    if (answer->is_collected && answer->collected.length > 0) {
        answer_unwrap(answer);
    }
}

static void anthropic_read(struct answer *answer, const json_t *value)
{
    const char *type = json_get_text(value, "type", "");
    const json_t *delta = json_object_get(value, "delta");

    if (failure_is(value)) {
        answer_fail(answer, failure_read(value, 0));
    } else if (strcmp(type, "message") == 0) { /* of a server that does not stream */
        read_message(answer, value);
        unwrap(answer);
    } else if (strcmp(type, "message_start") == 0) {
        read_message(answer, json_object_get(value, "message"));
        answer->usage.output_tokens = -1; /* it has only begun */
    } else if (strcmp(type, "content_block_start") == 0) {
        read_block(answer, json_object_get(value, "content_block"));
    } else if (strcmp(type, "content_block_delta") == 0) {
        answer_text(answer, json_object_get(delta, "text"));
        answer_text(answer, json_object_get(delta, "partial_json"));
        answer_thinking(answer, json_object_get(delta, "thinking"));
    } else if (strcmp(type, "content_block_stop") == 0) {
        unwrap(answer);
    } else if (strcmp(type, "message_delta") == 0) {
        read_usage(answer, json_object_get(value, "usage"));
        read_stop(answer, json_get_text(delta, "stop_reason", ""));
    }
}

const struct dialect dialect_anthropic = {
    .form = STREAM_SSE,
    .request = anthropic_request,
    .path = anthropic_path,
    .read = anthropic_read,
    .begin = anthropic_begin,
};
