/* SPDX-License-Identifier: MIT */
/* Gemini's generateContent over REST. */
#include "drive/dialect.h"
#include "drive/failure.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Each usual name of an option as generationConfig has it; other options stay at the top. */
static const char *find_name(const char *key)
{
    static const struct {
        const char *usual, *own;
    } names[] = {
        {"max_tokens", "maxOutputTokens"},
        {"temperature", "temperature"},
        {"top_p", "topP"},
        {"top_k", "topK"},
        {"seed", "seed"},
        {"stop", "stopSequences"},
        {"presence_penalty", "presencePenalty"},
        {"frequency_penalty", "frequencyPenalty"},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i].usual, key) == 0) {
            return names[i].own;
        }
    }
    return NULL;
}

static void put_options(json_t *body, json_t *generation, const json_t *options)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)options, key, value)
    {
        const char *name = find_name(key);

        if (name && strcmp(key, "stop") == 0 && json_is_string(value)) {
            json_put(generation, name, json_pack("[O]", value));
        } else if (name && !json_is_null(value)) {
            (void)json_object_set(generation, name, value);
        } else if (strcmp(key, "generationConfig") == 0) {
            dialect_put_options(generation, value);
        } else if (!name && !json_is_null(value)) {
            (void)json_object_set(body, key, value);
        }
    }
}

static json_t *gemini_request(const struct question *question)
{
    json_t *body = json_object();
    json_t *generation = json_object();

    json_put(
        body, "contents",
        json_pack("[{s:s,s:[{s:o}]}]", "role", "user", "parts", "text", dialect_prompt(question)));
    if (question->system) {
        json_put(body, "systemInstruction",
                 json_pack("{s:[{s:s}]}", "parts", "text", question->system));
    }
    if (question->schema) {
        json_put_text(generation, "responseMimeType", "application/json");
        json_put(generation, "responseJsonSchema", json_incref((json_t *)question->schema));
    }
    put_options(body, generation, question->options);
    if (json_object_size(generation) > 0) {
        json_put(body, "generationConfig", generation);
    } else {
        json_decref(generation);
    }
    return body;
}

static char *gemini_path(const struct question *question)
{
    const char *model = question->model ? question->model : "";

    return mem_printf("/v1beta/%s%s:streamGenerateContent?alt=sse",
                      strncmp(model, "models/", 7) == 0 ? "" : "models/", model);
}

static void read_usage(struct answer *answer, const json_t *usage)
{
    int64_t said = answer_count(usage, "candidatesTokenCount");
    int64_t thought = answer_count(usage, "thoughtsTokenCount");

    if (!json_is_object(usage)) {
        return;
    }
    answer->usage.input_tokens = answer_count(usage, "promptTokenCount");
    answer->usage.cached_tokens = answer_count(usage, "cachedContentTokenCount");
    if (said >= 0 || thought >= 0) {
        answer->usage.output_tokens = (said > 0 ? said : 0) + (thought > 0 ? thought : 0);
    }
}

static void read_finish(struct answer *answer, const char *reason)
{
    static const char *const refusals[] = {"SAFETY",      "RECITATION",         "LANGUAGE",
                                           "BLOCKLIST",   "PROHIBITED_CONTENT", "SPII",
                                           "IMAGE_SAFETY"};
    struct failure failure = {.class = AGENT_TRANSIENT, .retry_after_ms = -1};

    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (strcmp(refusals[i], reason) == 0) {
            answer_finish(answer, ANSWER_REFUSED, reason);
            return;
        }
    }
    if (strcmp(reason, "STOP") == 0) {
        answer_finish(answer, ANSWER_COMPLETE, reason);
    } else if (strcmp(reason, "MAX_TOKENS") == 0) {
        answer_finish(answer, ANSWER_CUT, reason);
    } else if (*reason && strcmp(reason, "FINISH_REASON_UNSPECIFIED") != 0) {
        failure.text = mem_printf("the server ended the answer (%s)", reason);
        answer_fail(answer, failure);
    }
}

static void read_part(struct answer *answer, const json_t *part)
{
    if (json_get_boolean(part, "thought", false)) {
        answer_thinking(answer, json_object_get(part, "text"));
    } else {
        answer_text(answer, json_object_get(part, "text"));
    }
    if (json_object_get(part, "functionCall")) {
        answer_fail(answer, (struct failure){
                                .class = AGENT_PERMANENT,
                                .retry_after_ms = -1,
                                .text = mem_strdup("the model called a tool, and was offered none"),
                            });
    }
}

static void gemini_read(struct answer *answer, const json_t *value)
{
    const json_t *candidate = json_array_get(json_object_get(value, "candidates"), 0);
    const json_t *parts = json_object_get(json_object_get(candidate, "content"), "parts");
    const char *block = json_get_text(json_object_get(value, "promptFeedback"), "blockReason",
                                      NULL);
    const json_t *part;
    size_t index;

    if (failure_is(value)) {
        answer_fail(answer, failure_read(value, 0));
        return;
    }
    answer_model(answer, json_object_get(value, "modelVersion"));
    json_array_foreach(parts, index, part)
    {
        read_part(answer, part);
    }
    read_usage(answer, json_object_get(value, "usageMetadata"));
    if (block) {
        answer_finish(answer, ANSWER_REFUSED, block);
    }
    read_finish(answer, json_get_text(candidate, "finishReason", ""));
}

const struct dialect dialect_gemini = {
    .form = STREAM_SSE,
    .request = gemini_request,
    .path = gemini_path,
    .read = gemini_read,
};
