/* SPDX-License-Identifier: MIT */
#include "agents/bridge.h"

#include "agents/reader.h"
#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void bridge_format_id(uint64_t high, uint64_t low, char ret_id[BRIDGE_ID_SIZE])
{
    high = (high & ~UINT64_C(0xF000)) | UINT64_C(0x4000);
    low = (low & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62);
    (void)snprintf(ret_id, BRIDGE_ID_SIZE, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
                   (unsigned)(high >> 16 & 0xFFFF), (unsigned)(high & 0xFFFF),
                   (unsigned)(low >> 48), (unsigned long long)(low & UINT64_C(0xFFFFFFFFFFFF)));
}

json_t *bridge_request_encode(const struct bridge_request *request)
{
    char created[TIMESTAMP_SIZE];
    json_t *object = json_object();

    timestamp_format(request->created_at_ms, created);
    json_put_text(object, "request_id", request->id);
    json_put_text(object, "version", BRIDGE_VERSION);
    json_put_integer(object, "phase", request->phase_number);
    json_put_text(object, "phase_id", request->phase);
    json_put_text(object, "phase_name", request->phase_name);
    json_put_text(object, "step", request->step);
    json_put_text(object, "agent_name", request->agent ? request->agent : "default");
    json_put_text(object, "prompt", request->prompt);
    if (request->timeout_ms > 0) {
        json_put_integer(object, "timeout_seconds", (request->timeout_ms + 999) / 1000);
    } else {
        json_put(object, "timeout_seconds", json_null());
    }
    json_put_text(object, "created_at", created);
    json_put(object, "context",
             request->context ? json_incref((json_t *)request->context) : json_object());
    if (request->model) {
        json_put_text(object, "model", request->model);
    } else {
        json_put(object, "model", json_null());
    }
    return object;
}

char *bridge_request_name(const struct bridge_request *request)
{
    return mem_printf(".agent-request-%s-%s.json", request->phase, request->step);
}

size_t bridge_response_names(const struct bridge_request *request,
                             char *ret_names[BRIDGE_NAMES_MAX])
{
    size_t count = 0;

    for (int dot = 1; dot >= 0; dot--) {
        const char *prefix = dot ? ".agent-response" : "agent-response";

        ret_names[count++] = mem_printf("%s-%s-%s.json", prefix, request->phase, request->step);
        ret_names[count++] = mem_printf("%s-%s.json", prefix, request->phase);
        ret_names[count++] = mem_printf("%s-phase%d.json", prefix, request->phase_number);
        ret_names[count++] = mem_printf("%s.json", prefix);
    }
    return count;
}

bool bridge_is_vague(const struct bridge_request *request, const char *name)
{
    char *ending = mem_printf("-%s-%s.json", request->phase, request->step);
    bool is_vague = !strstr(name, ending);

    free(ending);
    return is_vague;
}

/* ---- responses ---- */

/* Where the value of a member stands, for messages: JSON values know no places. */
static void find_place(const char *text, size_t length, const char *key, char *place, size_t size)
{
    char *quoted = mem_printf("\"%s\"", key);
    const char *found = memmem(text, length, quoted, strlen(quoted));
    int line = 1;
    int column = 1;

    for (const char *c = text; found && c < found; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n' ? 1 : 0;
    }
    (void)snprintf(place, size, "%d:%d", line, column);
    free(quoted);
}

struct reading {
    const char *file, *text;
    size_t length;
    const json_t *object;
};

static int refuse(const struct reading *reading, const char *key, struct error *err,
                  const char *what)
{
    char place[48];

    find_place(reading->text, reading->length, key, place, sizeof(place));
    return error_set(err, ERROR_VALIDATION, "%s:%s: %s", reading->file, place, what);
}

static int check_request(const struct reading *reading, const char *request_id, struct error *err)
{
    const char *given = json_get_text(reading->object, "request_id", NULL);
    char place[48];

    if (!given) {
        return refuse(reading, "request_id", err,
                      "a response needs the `request_id` of its request");
    }
    if (strcasecmp(given, request_id) != 0) {
        find_place(reading->text, reading->length, "request_id", place, sizeof(place));
        return error_set(err, ERROR_NOT_FOUND,
                         "%s:%s: the response is to request %s, and %s is waited for",
                         reading->file, place, UTF8_CUT(given, 60), request_id);
    }
    return 0;
}

static int check_version(const struct reading *reading, struct error *err)
{
    const json_t *version = json_object_get(reading->object, "version");
    const char *text = json_string_value(version);

    if ((text && (strcmp(text, "1") == 0 || strncmp(text, "1.", 2) == 0)) ||
        (json_is_number(version) && (int)json_number_value(version) == 1)) {
        return 0;
    }
    return refuse(reading, "version", err,
                  version ? "`version` is not 1.0, the only one that is understood"
                          : "a response needs `version`: \"1.0\"");
}

static void add_text_event(struct strbuf *events, enum agent_event_kind kind, const char *text)
{
    struct agent_event event;

    agent_event_init(&event, kind);
    event.text = text;
    agent_event_add_line(&event, events);
}

/* What the host says about its call: all of it optional. */
static void add_metadata(const struct reading *reading, struct strbuf *events)
{
    const json_t *metadata = json_object_get(reading->object, "metadata");
    const json_t *usage = json_object_get(metadata, "usage");
    struct agent_event event;

    if (json_get_text(metadata, "model", NULL)) {
        agent_event_init(&event, AGENT_SESSION);
        event.name = json_get_text(metadata, "model", NULL);
        agent_event_add_line(&event, events);
    }
    agent_event_init(&event, AGENT_USAGE);
    agent_usage_decode(json_is_object(usage) ? usage : metadata, &event.usage);
    if (event.usage.input_tokens >= 0 || event.usage.output_tokens >= 0 ||
        event.usage.cost_usd >= 0) {
        agent_event_add_line(&event, events);
    }
}

static int add_success(const struct reading *reading, struct strbuf *events, struct error *err)
{
    const json_t *response = json_object_get(reading->object, "response");
    char *text;

    if (json_is_string(response)) {
        text = mem_strdup(json_string_value(response));
    } else if (response && !json_is_null(response)) {
        text = json_dump_compact(response);
    } else {
        return refuse(reading, "response", err,
                      "a successful response needs `response`, a text or a JSON value");
    }
    add_metadata(reading, events);
    add_text_event(events, AGENT_TEXT, text);
    add_text_event(events, AGENT_DONE, "the host answered");
    free(text);
    return 0;
}

static bool has_word(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcasestr(text, *words)) {
            return true;
        }
    }
    return false;
}

static enum agent_failure class_of(const char *type, const char *message)
{
    static const char *const spent[] = {"context", "quota", "billing", NULL};
    static const char *const limits[] = {"rate", "limit", NULL};
    static const char *const refusals[] = {"refus", "polic", NULL};
    static const char *const timeouts[] = {"timeout", "timed", NULL};
    static const char *const passing[] = {"transient",   "connection", "network", "overload",
                                          "unavailable", "busy",       NULL};
    static const char *const lasting[] = {"permanent", "auth",   "permission",
                                          "invalid",   "config", NULL};

    return has_word(type, spent)      ? AGENT_PERMANENT
           : has_word(type, limits)   ? AGENT_LIMIT
           : has_word(type, refusals) ? AGENT_REFUSED
           : has_word(type, timeouts) ? AGENT_TIMEOUT
           : has_word(type, passing)  ? AGENT_TRANSIENT
           : has_word(type, lasting)  ? AGENT_PERMANENT
                                      : agent_classify(0, message);
}

static void add_failure(const struct reading *reading, bool is_timeout, struct strbuf *events)
{
    const char *type = json_get_text(reading->object, "error_type", "");
    const char *message = json_get_text(reading->object, "error_message", "");
    struct agent_event event;
    char *text = mem_printf("the host %s%s%s%s%s%s", is_timeout ? "ran out of time" : "failed",
                            *message ? ": " : "", message, *type ? " (" : "", type,
                            *type ? ")" : "");

    add_metadata(reading, events);
    agent_event_init(&event, AGENT_ERROR);
    event.text = text;
    event.failure = is_timeout ? AGENT_TIMEOUT : class_of(type, message);
    agent_event_add_line(&event, events);
    free(text);
}

static int read_object(const struct reading *reading, const char *request_id, struct strbuf *events,
                       struct error *err)
{
    const char *status = json_get_text(reading->object, "status", "");
    int r = check_request(reading, request_id, err);

    if (r == 0) {
        r = check_version(reading, err);
    }
    if (r < 0) {
        return r;
    }
    if (strcmp(status, "success") == 0) {
        return add_success(reading, events, err);
    }
    if (strcmp(status, "error") != 0 && strcmp(status, "timeout") != 0) {
        return refuse(reading, "status", err, "`status` is success, error or timeout");
    }
    add_failure(reading, strcmp(status, "timeout") == 0, events);
    return 0;
}

int bridge_response_read(const char *file, const char *text, size_t length, const char *request_id,
                         struct strbuf *events, struct error *err)
{
    json_t *object = NULL;
    struct reading reading = {.file = file, .text = text, .length = length};
    int r = json_parse_text(text, length, file, &object, err);

    if (r < 0) {
        if (err) {
            err->code = ERROR_VALIDATION;
        }
        return ERROR_VALIDATION;
    }
    reading.object = object;
    if (json_is_object(object)) {
        r = read_object(&reading, request_id, events, err);
    } else {
        r = error_set(err, ERROR_VALIDATION, "%s:1:1: a response is a JSON object", file);
    }
    json_decref(object);
    return r;
}
