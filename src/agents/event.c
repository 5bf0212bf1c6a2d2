/* SPDX-License-Identifier: MIT */
/* The common events as JSON, one object a line, and back. */
#include "agents/event.h"
#include "base/alloc.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LINE_COLUMNS_MAX 400

static const char *const event_names[] = {
    [AGENT_TEXT] = "text",           [AGENT_THINKING] = "thinking",
    [AGENT_TOOL_CALL] = "tool_call", [AGENT_TOOL_RESULT] = "tool_result",
    [AGENT_EDIT] = "edit",           [AGENT_USAGE] = "usage",
    [AGENT_SESSION] = "session",     [AGENT_QUESTION] = "question",
    [AGENT_ERROR] = "error",         [AGENT_DONE] = "done",
};
static_assert(ARRAY_LEN(event_names) == AGENT_EVENT_KINDS, "one name for each kind");

static const char *const failure_names[] = {
    [AGENT_FINE] = "none",           [AGENT_TRANSIENT] = "transient", [AGENT_LIMIT] = "limit",
    [AGENT_PERMANENT] = "permanent", [AGENT_REFUSED] = "refused",     [AGENT_TIMEOUT] = "timeout",
    [AGENT_CANCELLED] = "cancelled",
};
static_assert(ARRAY_LEN(failure_names) == AGENT_CANCELLED + 1, "one name for each failure");

void agent_event_init(struct agent_event *event, enum agent_event_kind kind)
{
    *event = (struct agent_event){
        .kind = kind, .text = "", .retry_after_ms = -1, .usage = AGENT_USAGE_INIT};
}

const char *agent_event_name(enum agent_event_kind kind)
{
    assert((size_t)kind < ARRAY_LEN(event_names));
    return event_names[kind];
}

const char *agent_failure_name(enum agent_failure failure)
{
    assert((size_t)failure < ARRAY_LEN(failure_names));
    return failure_names[failure];
}

static void put_known(json_t *object, const char *key, int64_t value)
{
    if (value >= 0) {
        json_put_integer(object, key, value);
    }
}

json_t *agent_usage_encode(const struct agent_usage *usage)
{
    json_t *value = json_object();

    put_known(value, "input_tokens", usage->input_tokens);
    put_known(value, "output_tokens", usage->output_tokens);
    put_known(value, "cached_tokens", usage->cached_tokens);
    if (usage->cost_usd >= 0) {
        json_put(value, "cost_usd", json_real(usage->cost_usd));
    }
    put_known(value, "turns", usage->turns);
    return value;
}

static int64_t get_known(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    double number = json_is_number(value) ? json_number_value(value) : -1.0;

    if (json_is_integer(value)) {
        return json_integer_value(value);
    }
    return number >= 0 && number < 9e15 ? (int64_t)number : -1;
}

void agent_usage_decode(const json_t *value, struct agent_usage *ret_usage)
{
    const json_t *cost = json_object_get(value, "cost_usd");

    ret_usage->input_tokens = get_known(value, "input_tokens");
    ret_usage->output_tokens = get_known(value, "output_tokens");
    ret_usage->cached_tokens = get_known(value, "cached_tokens");
    ret_usage->cost_usd = json_is_number(cost) ? json_number_value(cost) : -1.0;
    ret_usage->turns = get_known(value, "turns");
}

static bool is_usage_known(const struct agent_usage *usage)
{
    return usage->input_tokens >= 0 || usage->output_tokens >= 0 || usage->cached_tokens >= 0 ||
           usage->cost_usd >= 0 || usage->turns >= 0;
}

/* A backend's text may hold what is no UTF-8; a line of events never does. */
static void add_lossy(struct strbuf *line, const char *key, const char *text)
{
    if (text && *text) {
        strbuf_addf(line, ",\"%s\":", key);
        json_add_text(line, text);
    }
}

static void add_known(struct strbuf *line, const char *key, int64_t value)
{
    if (value >= 0) {
        strbuf_addf(line, ",\"%s\":%lld", key, (long long)value);
    }
}

static void add_flag(struct strbuf *line, const char *key, bool value)
{
    if (value) {
        strbuf_addf(line, ",\"%s\":true", key);
    }
}

static void add_usage(struct strbuf *line, const struct agent_usage *usage)
{
    json_t *value = agent_usage_encode(usage);
    char *text = json_dump_compact(value);

    strbuf_addf(line, ",\"usage\":%s", text);
    free(text);
    json_decref(value);
}

/* There are many: no value is built for each. */
void agent_event_add_line(const struct agent_event *event, struct strbuf *target)
{
    strbuf_addf(target, "{\"event\":\"%s\"", agent_event_name(event->kind));
    add_lossy(target, "id", event->id);
    add_lossy(target, "name", event->name);
    add_lossy(target, "text", event->text);
    add_flag(target, "partial", event->is_partial);
    add_flag(target, "is_error", event->is_error);
    add_flag(target, "fatal", event->is_fatal);
    if (event->failure != AGENT_FINE) {
        add_lossy(target, "failure", agent_failure_name(event->failure));
    }
    if (event->status > 0) {
        add_known(target, "status", event->status);
    }
    add_known(target, "retry_after_ms", event->retry_after_ms);
    if (is_usage_known(&event->usage)) {
        add_usage(target, &event->usage);
    }
    strbuf_add(target, "}\n");
}

json_t *agent_event_encode(const struct agent_event *event)
{
    struct strbuf line;
    json_t *object;

    strbuf_init(&line, SIZE_MAX);
    agent_event_add_line(event, &line);
    object = json_loadb(line.data, line.length, 0, NULL);
    assert(object);
    strbuf_release(&line);
    return object;
}

static bool find_kind(const char *name, enum agent_event_kind *ret_kind)
{
    for (size_t i = 0; name && i < ARRAY_LEN(event_names); i++) {
        if (strcmp(event_names[i], name) == 0) {
            *ret_kind = (enum agent_event_kind)i;
            return true;
        }
    }
    return false;
}

static enum agent_failure find_failure(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(failure_names); i++) {
        if (strcmp(failure_names[i], name) == 0) {
            return (enum agent_failure)i;
        }
    }
    return AGENT_FINE;
}

int agent_event_decode(const json_t *line, struct agent_event *ret_event, struct error *err)
{
    const char *name = json_get_text(line, "event", NULL);
    enum agent_event_kind kind;
    json_int_t status = json_get_integer(line, "status", 0);

    if (!find_kind(name, &kind)) {
        return error_set(err, ERROR_INVALID, "no agent event: %s", name ? name : "no `event`");
    }
    agent_event_init(ret_event, kind);
    ret_event->text = json_get_text(line, "text", "");
    ret_event->id = json_get_text(line, "id", NULL);
    ret_event->name = json_get_text(line, "name", NULL);
    ret_event->is_partial = json_get_boolean(line, "partial", false);
    ret_event->is_error = json_get_boolean(line, "is_error", false);
    ret_event->is_fatal = json_get_boolean(line, "fatal", false);
    ret_event->failure = find_failure(json_get_text(line, "failure", NULL));
    ret_event->status = status > 0 && status < 1000 ? (int)status : 0;
    ret_event->retry_after_ms = get_known(line, "retry_after_ms");
    agent_usage_decode(json_object_get(line, "usage"), &ret_event->usage);
    return 0;
}

/* ---- for people ---- */

static void add_line(struct strbuf *target, const char *mark, const char *name, const char *text)
{
    if (target->length > 0 && target->data[target->length - 1] != '\n') {
        strbuf_add_char(target, '\n');
    }
    strbuf_add(target, mark);
    if (name) {
        strbuf_add_char(target, ' ');
        utf8_add_cut(target, name, LINE_COLUMNS_MAX);
    }
    if (*text) {
        strbuf_add_char(target, ' ');
        utf8_add_cut(target, text, LINE_COLUMNS_MAX);
    }
    strbuf_add_char(target, '\n');
}

void agent_event_show(const struct agent_event *event, struct strbuf *target)
{
    switch (event->kind) {
    case AGENT_TEXT:
    case AGENT_THINKING:
        utf8_add_printable(target, event->text, strlen(event->text));
        if (!event->is_partial) {
            strbuf_add_char(target, '\n');
        }
        break;
    case AGENT_TOOL_CALL:
        add_line(target, ">", event->name ? event->name : "tool", event->text);
        break;
    case AGENT_TOOL_RESULT:
        add_line(target, event->is_error ? "< failed:" : "<", NULL, event->text);
        break;
    case AGENT_QUESTION:
        add_line(target, "?", NULL, event->text);
        break;
    case AGENT_ERROR:
        add_line(target, "!", NULL, event->text);
        break;
    case AGENT_EDIT:
        if (!event->id) { /* else its tool was shown */
            add_line(target, "edited", NULL, event->text);
        }
        break;
    case AGENT_USAGE:
    case AGENT_SESSION:
    case AGENT_DONE:
        break;
    }
}
