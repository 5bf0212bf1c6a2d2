/* SPDX-License-Identifier: MIT */
#include "agents/messages.h"
#include "agents/coding.h"

#include <string.h>

/* What a subagent says is no part of the answer; what it does is shown. */
static bool is_of_subagent(const json_t *value)
{
    return json_is_string(json_object_get(value, "parent_tool_use_id"));
}

static void read_delta(struct messages *messages, struct agent_reader *reader, const json_t *value)
{
    const json_t *delta = json_object_get(json_object_get(value, "event"), "delta");
    const char *text = json_get_text(delta, "text", "");
    const char *thinking = json_get_text(delta, "thinking", "");

    if (is_of_subagent(value)) {
        return;
    }
    if (*text) {
        reader_text(reader, text, true);
        messages->text_streamed = true;
    }
    if (*thinking) {
        reader_thinking(reader, thinking, true);
        messages->thinking_streamed = true;
    }
}

/* The whole block comes after its pieces; those are then only closed. */
static void read_block(struct messages *messages, struct agent_reader *reader, const json_t *block,
                       bool is_subagent)
{
    const char *type = coding_type(block);

    if (strcmp(type, "tool_use") == 0) {
        coding_tool_call(reader, json_get_text(block, "id", NULL),
                         json_get_text(block, "name", NULL), json_object_get(block, "input"));
    } else if (is_subagent) {
        return;
    } else if (strcmp(type, "text") == 0) {
        reader_text(reader, messages->text_streamed ? "" : json_get_text(block, "text", ""), false);
        messages->text_streamed = false;
    } else if (strcmp(type, "thinking") == 0) {
        reader_thinking(
            reader, messages->thinking_streamed ? "" : json_get_text(block, "thinking", ""), false);
        messages->thinking_streamed = false;
    }
}

static void read_assistant(struct messages *messages, struct agent_reader *reader,
                           const json_t *value)
{
    const json_t *message = json_object_get(value, "message");
    bool is_made_up = json_object_get(value, "error") ||
                      strcmp(json_get_text(message, "model", ""), "<synthetic>") == 0;
    size_t i;
    json_t *block;

    if (is_made_up) { /* by the program, out of an error that the result repeats */
        return;
    }
    json_array_foreach(json_object_get(message, "content"), i, block)
    {
        read_block(messages, reader, block, is_of_subagent(value));
    }
}

static void read_user(struct agent_reader *reader, const json_t *value)
{
    const json_t *content = json_object_get(json_object_get(value, "message"), "content");
    size_t i;
    json_t *block;

    json_array_foreach((json_t *)content, i, block)
    {
        if (strcmp(coding_type(block), "tool_result") == 0) {
            coding_tool_result(reader, json_get_text(block, "tool_use_id", NULL),
                               json_object_get(block, "content"),
                               json_get_boolean(block, "is_error", false));
        }
    }
}

bool messages_read(struct messages *messages, struct agent_reader *reader, const json_t *value)
{
    const char *type = coding_type(value);

    if (strcmp(type, "system") == 0 && strcmp(json_get_text(value, "subtype", ""), "init") == 0) {
        reader_session(reader, json_get_text(value, "session_id", NULL),
                       json_get_text(value, "model", NULL));
    } else if (strcmp(type, "stream_event") == 0) {
        read_delta(messages, reader, value);
    } else if (strcmp(type, "assistant") == 0) {
        read_assistant(messages, reader, value);
    } else if (strcmp(type, "user") == 0) {
        read_user(reader, value);
    } else {
        return false;
    }
    return true;
}

void messages_count_denials(struct agent_reader *reader, const json_t *result)
{
    size_t count = json_array_size(json_object_get(result, "permission_denials"));

    while ((size_t)reader_result(reader)->denials < count) {
        reader_denied(reader);
    }
}
