/* SPDX-License-Identifier: MIT */
#include "drive/acp.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define RESULT_BYTES_MAX 4096
#define TOOL_PATHS_MAX 1000
#define TOKENS_MAX (INT64_C(1) << 53) /* more is nonsense */

struct tool {
    char *kind;
    json_t *paths; /* path -> true: what it is at; NULL: nothing that was told */
    bool is_over;  /* its result was told */
};

struct acp_tools {
    struct map *by_id; /* -> struct tool */
    size_t count;
    enum acp_agent agent;
    double earlier_usd;
    char *message; /* the id of the last one; NULL: none has any */
    bool has_many_messages;
    struct agent_usage requests; /* sum of those that were told one by one */
    bool is_replaying;           /* history, although it was prompted already */
};

struct acp_tools *acp_tools_new(void)
{
    struct acp_tools *tools = mem_zero(1, sizeof(*tools));

    tools->by_id = map_new();
    tools->requests = (struct agent_usage)AGENT_USAGE_INIT;
    return tools;
}

void acp_tools_free(struct acp_tools *tools)
{
    size_t cursor = 0;
    const char *key;
    void *value;

    if (!tools) {
        return;
    }
    while (map_next(tools->by_id, &cursor, &key, &value)) {
        free(((struct tool *)value)->kind);
        json_decref(((struct tool *)value)->paths);
        free(value);
    }
    map_free(tools->by_id);
    free(tools->message);
    free(tools);
}

void acp_tools_set_agent(struct acp_tools *tools, enum acp_agent agent)
{
    tools->agent = agent;
}

void acp_tools_set_earlier(struct acp_tools *tools, double usd)
{
    tools->earlier_usd = usd;
}

const char *acp_tools_kind(const struct acp_tools *tools, const char *id)
{
    const struct tool *tool = id ? map_find(tools->by_id, id) : NULL;

    return tool ? tool->kind : NULL;
}

static void emit(const struct acp_output *output, enum agent_event_kind kind, const char *text,
                 bool is_partial)
{
    struct agent_event event;

    agent_event_init(&event, kind);
    event.text = text;
    event.is_partial = is_partial;
    output->on_event(output->context, &event);
}

static void note_path(struct tool *tool, const char *path)
{
    if (path && *path && json_object_size(tool->paths) < TOOL_PATHS_MAX) {
        tool->paths = tool->paths ? tool->paths : json_object();
        json_put(tool->paths, path, json_true());
    }
}

static bool has_kind(const struct tool *tool, const char *kind)
{
    return tool->kind && strcmp(tool->kind, kind) == 0;
}

static bool is_changing(const struct tool *tool)
{
    return has_kind(tool, "edit") || has_kind(tool, "delete") || has_kind(tool, "move");
}

/* Some tell the difference, some the place alone, some both, and each only in one of its updates.
 */
static void note_paths(struct tool *tool, const json_t *update)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(update, "content"), i, item)
    {
        if (strcmp(json_get_text(item, "type", ""), "diff") == 0) {
            note_path(tool, json_get_text(item, "path", NULL));
        }
    }
    json_array_foreach(is_changing(tool) ? json_object_get(update, "locations") : NULL, i, item)
    {
        note_path(tool, json_get_text(item, "path", NULL));
    }
}

static void tell_edits(const struct tool *tool, const char *id, const struct acp_output *output)
{
    struct agent_event event;
    const char *path;
    json_t *value;

    json_object_foreach(tool->paths, path, value)
    {
        agent_event_init(&event, AGENT_EDIT);
        event.id = id;
        event.text = path;
        output->on_event(output->context, &event);
    }
}

void acp_tools_note(struct acp_tools *tools, const json_t *tool, const struct acp_output *output)
{
    const char *id = json_get_text(tool, "toolCallId", NULL);
    const char *kind = json_get_text(tool, "kind", NULL);
    struct tool *known = id ? map_find(tools->by_id, id) : NULL;
    struct agent_event event;

    if (known && kind && !known->kind) {
        known->kind = mem_strdup(kind);
    }
    if (known) {
        note_paths(known, tool);
    }
    if (!id || known || tools->count >= ACP_TOOLS_MAX) {
        return;
    }
    known = mem_zero(1, sizeof(*known));
    known->kind = mem_strdup(kind);
    note_paths(known, tool);
    (void)map_put(tools->by_id, id, known);
    tools->count++;
    agent_event_init(&event, AGENT_TOOL_CALL);
    event.id = id;
    event.name = json_get_text(tool, "name", kind ? kind : "tool");
    event.text = json_get_text(tool, "title", "");
    output->on_event(output->context, &event);
}

/* The beginning of all texts in it. */
static void add_content(const json_t *content, struct strbuf *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)content, i, item)
    {
        const char *said = json_get_text(json_object_get(item, "content"), "text", NULL);
        size_t length = said ? strlen(said) : 0;
        size_t room = text->length_max - text->length;

        if (length > room) {
            length = room;
            while (length > 0 && ((unsigned char)said[length] & 0xC0) == 0x80) {
                length--;
            }
        }
        if (said) {
            strbuf_add_bytes(text, said, length);
        }
    }
}

static void end_tool(struct acp_tools *tools, const json_t *tool, bool is_error, const char *text,
                     const struct acp_output *output)
{
    const char *id = json_get_text(tool, "toolCallId", NULL);
    struct tool *known = id ? map_find(tools->by_id, id) : NULL;
    struct agent_event event;

    if (!known || known->is_over) {
        return;
    }
    known->is_over = true;
    if (!is_error && !tools->is_replaying) {
        tell_edits(known, id, output);
    }
    agent_event_init(&event, AGENT_TOOL_RESULT);
    event.id = id;
    event.text = text;
    event.is_error = is_error;
    output->on_event(output->context, &event);
}

void acp_tools_deny(struct acp_tools *tools, const json_t *tool, const struct acp_output *output)
{
    acp_tools_note(tools, tool, output);
    end_tool(tools, tool, true, "denied: the step does not allow it", output);
}

static void read_tool(struct acp_tools *tools, const json_t *tool, const struct acp_output *output)
{
    const char *status = json_get_text(tool, "status", "");
    bool is_failed = strcmp(status, "failed") == 0;
    struct strbuf text;

    /* Some agents announce a tool only with its result. */
    acp_tools_note(tools, tool, output);
    if (!is_failed && strcmp(status, "completed") != 0) {
        return;
    }
    strbuf_init(&text, RESULT_BYTES_MAX);
    add_content(json_object_get(tool, "content"), &text);
    end_tool(tools, tool, is_failed, text.data, output);
    strbuf_release(&text);
}

/* Less than before: it began to count anew. Sums may differ by what a double cannot hold. */
static double cost_of_call(const struct acp_tools *tools, double usd)
{
    double own = usd - tools->earlier_usd;

    return own < -1e-9 ? usd : own < 0 ? 0 : own;
}

static void read_cost(const struct acp_tools *tools, const json_t *update,
                      const struct acp_output *output)
{
    const json_t *cost = json_object_get(update, "cost");
    const json_t *amount = json_object_get(cost, "amount");
    struct agent_event event;

    if (json_is_number(amount) && strcmp(json_get_text(cost, "currency", ""), "USD") == 0) {
        agent_event_init(&event, AGENT_USAGE);
        event.usage.cost_usd = cost_of_call(tools, json_number_value(amount));
        output->on_event(output->context, &event);
    }
}

static int64_t number_of(const json_t *object, const char *const *names)
{
    for (; *names; names++) {
        const json_t *value = json_object_get(object, *names);

        if (json_is_integer(value) && json_integer_value(value) >= 0 &&
            json_integer_value(value) <= TOKENS_MAX) {
            return json_integer_value(value);
        }
    }
    return -1;
}

/* Most count what came from a cache and what was thought apart, some within: the total tells. */
static void add_apart(struct agent_usage *usage, const json_t *said)
{
    static const char *const totals[] = {"totalTokens", "total_tokens", NULL};
    static const char *const writes[] = {"cachedWriteTokens", "cacheWriteInputTokens", NULL};
    static const char *const thoughts[] = {"thoughtTokens", "reasoningOutputTokens", NULL};
    int64_t total = number_of(said, totals);
    int64_t written = number_of(said, writes);
    int64_t thought = number_of(said, thoughts);
    int64_t cached = (usage->cached_tokens > 0 ? usage->cached_tokens : 0) +
                     (written > 0 ? written : 0);

    if (total < 0 || usage->input_tokens < 0 || usage->output_tokens < 0) {
        return;
    }
    total -= usage->input_tokens;
    total -= usage->output_tokens;
    if (thought > 0 && (total == thought || total - thought == cached)) {
        usage->output_tokens += thought;
        total -= thought;
    }
    if (cached > 0 && total == cached) {
        usage->input_tokens += cached;
    }
}

static void read_tokens(const json_t *said, struct agent_usage *ret_usage)
{
    static const char *const inputs[] = {"inputTokens", "input_tokens", NULL};
    static const char *const outputs[] = {"outputTokens", "output_tokens", NULL};
    static const char *const cached[] = {"cachedReadTokens", "cachedInputTokens",
                                         "cached_input_tokens", NULL};

    *ret_usage = (struct agent_usage)AGENT_USAGE_INIT;
    ret_usage->input_tokens = number_of(said, inputs);
    ret_usage->output_tokens = number_of(said, outputs);
    ret_usage->cached_tokens = number_of(said, cached);
    add_apart(ret_usage, said);
}

void acp_read_usage(const struct acp_tools *tools, const json_t *result,
                    struct agent_usage *ret_usage)
{
    const json_t *usage = json_object_get(result, "usage");
    const json_t *quota = json_object_get(json_object_get(result, "_meta"), "quota");

    if (tools->agent == ACP_OPENCODE && (tools->count > 0 || tools->has_many_messages)) {
        *ret_usage = (struct agent_usage)AGENT_USAGE_INIT;
        return;
    }
    read_tokens(json_is_object(usage) ? usage : json_object_get(quota, "token_count"), ret_usage);
}

static void add_known(int64_t *sum, int64_t number)
{
    if (number >= 0 && *sum <= TOKENS_MAX) {
        *sum = (*sum > 0 ? *sum : 0) + number;
    }
}

/* Qwen Code tells the tokens of each request with a chunk of no text. */
static void read_request(struct acp_tools *tools, const json_t *said,
                         const struct acp_output *output)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_USAGE);
    read_tokens(said, &event.usage);
    add_known(&tools->requests.input_tokens, event.usage.input_tokens);
    add_known(&tools->requests.output_tokens, event.usage.output_tokens);
    add_known(&tools->requests.cached_tokens, event.usage.cached_tokens);
    event.usage = tools->requests;
    output->on_event(output->context, &event);
}

/* "Info: Request failed due to a transient API error. Retrying..." and the like; or its last word
 * when it was denied something. */
static bool is_notice(const char *text)
{
    static const char start[] = "Info: ";
    static const char end[] = "etrying...";
    size_t length = strlen(text);

    return strcmp(text, "Info: Operation cancelled by user") == 0 ||
           (length > sizeof(start) + sizeof(end) && strncmp(text, start, sizeof(start) - 1) == 0 &&
            strcmp(text + length - (sizeof(end) - 1), end) == 0);
}

/* What was said before it is said once more. */
static void tell_notice(const char *text, const struct acp_output *output)
{
    struct agent_event event;

    emit(output, AGENT_TEXT, "", false);
    agent_event_init(&event, AGENT_ERROR);
    event.failure = AGENT_TRANSIENT;
    event.text = text;
    output->on_event(output->context, &event);
}

static void read_chunk(struct acp_tools *tools, const json_t *update,
                       const struct acp_output *output)
{
    const char *text = json_get_text(json_object_get(update, "content"), "text", "");
    const char *message = json_get_text(update, "messageId", NULL);
    const json_t *usage = json_object_get(json_object_get(update, "_meta"), "usage");

    if (json_is_object(usage) && !tools->is_replaying) {
        read_request(tools, usage, output);
    }
    if (!*text) {
        return;
    }
    if (tools->agent == ACP_COPILOT && is_notice(text)) {
        tell_notice(text, output);
        return;
    }
    if (message && (!tools->message || strcmp(message, tools->message) != 0)) {
        if (tools->message) {
            emit(output, AGENT_TEXT, "", false);
            tools->has_many_messages = true;
        }
        free(tools->message);
        tools->message = mem_strdup(message);
    }
    emit(output, AGENT_TEXT, text, true);
}

void acp_read_update(struct acp_tools *tools, const json_t *update, const struct acp_output *output)
{
    const char *kind = json_get_text(update, "sessionUpdate", "");
    const char *text = json_get_text(json_object_get(update, "content"), "text", NULL);

    if (strcmp(kind, "agent_message_chunk") == 0) {
        read_chunk(tools, update, output);
    } else if (strcmp(kind, "agent_thought_chunk") == 0 && text && *text) {
        emit(output, AGENT_THINKING, text, true);
    } else if (strcmp(kind, "tool_call") == 0 || strcmp(kind, "tool_call_update") == 0) {
        read_tool(tools, update, output);
    } else if (strcmp(kind, "user_message_chunk") == 0) {
        /* History that some replay only now: what was said before it is not the answer. */
        emit(output, AGENT_TEXT, "", false);
        tools->is_replaying = true;
    } else if (strcmp(kind, "available_commands_update") == 0 && tools->is_replaying) {
        /* Gemini says so behind the last of it, which is an answer of then. */
        emit(output, AGENT_TEXT, "", false);
        tools->is_replaying = false;
    } else if (strcmp(kind, "usage_update") == 0) {
        read_cost(tools, update, output);
    }
}
