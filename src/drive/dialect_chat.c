/* SPDX-License-Identifier: MIT */
/* OpenAI's chat completions: spoken by most servers, each a little differently. */
#include "drive/dialect.h"
#include "drive/failure.h"

#include "base/alloc.h"

#include <string.h>

/* A strict schema is refused unless every object names all its keys as required and allows no
 * others; one that is not strict is only a wish. */
static bool is_strict(const json_t *schema)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required = json_object_get(schema, "required");
    const char *key;
    json_t *value;
    size_t index;

    if (properties && (json_object_size(properties) != json_array_size(required) ||
                       !json_is_false(json_object_get(schema, "additionalProperties")))) {
        return false;
    }
    json_object_foreach((json_t *)schema, key, value)
    {
        if (json_is_object(value) && !is_strict(value)) {
            return false;
        }
        if (json_is_array(value)) {
            const json_t *item;

            json_array_foreach(value, index, item)
            {
                if (json_is_object(item) && !is_strict(item)) {
                    return false;
                }
            }
        }
    }
    return true;
}

static json_t *make_format(const json_t *schema)
{
    json_t *format = json_object();
    json_t *inner = json_object();

    json_put_text(inner, "name", "answer");
    json_put(inner, "schema", json_incref((json_t *)schema));
    json_put(inner, "strict", json_boolean(is_strict(schema)));
    json_put_text(format, "type", "json_schema");
    json_put(format, "json_schema", inner);
    return format;
}

static json_t *chat_request(const struct question *question)
{
    json_t *body = json_object();
    json_t *limit;

    json_put_text(body, "model", question->model);
    json_put(body, "messages", dialect_messages(question));
    json_put(body, "stream", json_true());
    json_put(body, "stream_options", json_pack("{s:b}", "include_usage", 1));
    if (question->schema) {
        json_put(body, "response_format", make_format(question->schema));
    }
    dialect_put_options(body, question->options);
    limit = json_object_get(body, "max_tokens");
    if (question->is_vendor && limit) {
        (void)json_object_set(body, "max_completion_tokens", limit);
        (void)json_object_del(body, "max_tokens");
    }
    return body;
}

static char *chat_path(const struct question *question)
{
    (void)question;
    return mem_strdup("/chat/completions");
}

static void read_usage(struct answer *answer, const json_t *usage)
{
    const json_t *details = json_object_get(usage, "prompt_tokens_details");

    if (json_is_object(usage)) {
        answer->usage.input_tokens = answer_count(usage, "prompt_tokens");
        answer->usage.output_tokens = answer_count(usage, "completion_tokens");
        answer->usage.cached_tokens = answer_count(details, "cached_tokens");
    }
}

static void read_finish(struct answer *answer, const char *reason)
{
    struct failure failure = {.class = AGENT_PERMANENT, .retry_after_ms = -1};

    if (strcmp(reason, "length") == 0) {
        answer_finish(answer, ANSWER_CUT, reason);
    } else if (strcmp(reason, "content_filter") == 0) {
        answer_finish(answer, ANSWER_REFUSED, reason);
    } else if (strcmp(reason, "tool_calls") == 0 || strcmp(reason, "function_call") == 0) {
        failure.text = mem_printf("the model called a tool, and was offered none (%s)", reason);
        answer_fail(answer, failure);
    } else if (strcmp(reason, "error") == 0) {
        failure.class = AGENT_TRANSIENT;
        failure.text = mem_strdup("the server ended the answer with an error");
        answer_fail(answer, failure);
    } else if (*reason) {
        answer_finish(answer, ANSWER_COMPLETE, reason);
    }
}

/* The content may be a list of parts. */
static void read_content(struct answer *answer, const json_t *content)
{
    const json_t *part;
    size_t index;

    answer_text(answer, content);
    json_array_foreach(content, index, part)
    {
        answer_text(answer, json_object_get(part, "text"));
    }
}

static void chat_read(struct answer *answer, const json_t *value)
{
    const json_t *choice = json_array_get(json_object_get(value, "choices"), 0);
    const json_t *delta = json_object_get(choice, "delta");

    if (failure_is(value)) {
        answer_fail(answer, failure_read(value, 0));
        return;
    }
    if (!json_is_object(delta)) {
        delta = json_object_get(choice, "message");
    }
    answer_model(answer, json_object_get(value, "model"));
    answer_thinking(answer, json_object_get(delta, "reasoning_content"));
    answer_thinking(answer, json_object_get(delta, "reasoning"));
    read_content(answer, json_object_get(delta, "content"));
    answer_refusal(answer, json_object_get(delta, "refusal"));
    read_finish(answer, json_get_text(choice, "finish_reason", ""));
    read_usage(answer, json_object_get(value, "usage"));
    read_usage(answer, json_object_get(json_object_get(value, "x_groq"), "usage"));
}

/* [DONE] without a word why: it is done. */
static void chat_done(struct answer *answer)
{
    if (answer->end == ANSWER_OPEN && answer->has_text) {
        answer_finish(answer, ANSWER_COMPLETE, "done");
    }
}

const struct dialect dialect_chat = {
    .form = STREAM_SSE,
    .request = chat_request,
    .path = chat_path,
    .read = chat_read,
    .done = chat_done,
};
