/* SPDX-License-Identifier: MIT */
#include "drive/failure.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MESSAGE_BYTES_MAX 2000U
#define MESSAGE_COLUMNS_MAX 600

/* What a kind of error inside a stream would have been as a status. */
static int status_of_kind(const char *kind)
{
    static const struct {
        const char *kind;
        int status;
    } kinds[] = {
        {"overloaded_error", 529},        {"rate_limit_error", 429},
        {"rate_limit_exceeded", 429},     {"insufficient_quota", 429},
        {"timeout_error", 504},           {"invalid_request_error", 400},
        {"authentication_error", 401},    {"permission_error", 403},
        {"billing_error", 402},           {"not_found_error", 404},
        {"request_too_large", 413},       {"exceed_context_size_error", 400},
        {"context_length_exceeded", 400}, {"UNAVAILABLE", 503},
        {"RESOURCE_EXHAUSTED", 429},      {"INVALID_ARGUMENT", 400},
    };

    for (size_t i = 0; kind && i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            return kinds[i].status;
        }
    }
    return 0;
}

bool failure_is(const json_t *value)
{
    const json_t *error = json_object_get(value, "error");
    const char *type = json_get_text(value, "type", "");

    return (error && !json_is_null(error) && !json_is_false(error)) || strcmp(type, "error") == 0;
}

/* ---- the parts of it ---- */

/* "detail" is FastAPI's, a text or a list of {"msg"}. */
static const char *find_message(const json_t *value)
{
    static const char *const keys[] = {"message", "error", "msg", "detail", "error_description"};

    if (json_is_string(value)) {
        return json_string_value(value);
    }
    if (json_is_array(value)) {
        return find_message(json_array_get(value, 0));
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const json_t *part = json_object_get(value, keys[i]);

        if (json_is_string(part) && json_string_length(part) > 0) {
            return json_string_value(part);
        }
        if (json_is_object(part) || json_is_array(part)) {
            const char *inner = find_message(part);

            if (inner) {
                return inner;
            }
        }
    }
    return NULL;
}

static const char *find_kind(const json_t *error)
{
    static const char *const keys[] = {"code", "type", "status"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *kind = json_get_text(error, keys[i], "");

        if (*kind && strcmp(kind, "error") != 0) {
            return kind;
        }
    }
    return NULL;
}

/* "34s", "0.5s" */
static int64_t parse_delay(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || strcmp(end, "s") != 0 || !(seconds >= 0)) {
        return -1;
    }
    return seconds * 1000 < (double)DURATION_MS_MAX ? (int64_t)(seconds * 1000) : DURATION_MS_MAX;
}

/* Google says "quota" of each limit; its details tell which it is. */
static void read_details(const json_t *details, struct failure *failure)
{
    const json_t *detail;
    size_t index;

    json_array_foreach(details, index, detail)
    {
        const json_t *violation = json_array_get(json_object_get(detail, "violations"), 0);
        const char *delay = json_get_text(detail, "retryDelay", NULL);

        if (strstr(json_get_text(violation, "quotaId", ""), "PerDay")) {
            failure->class = AGENT_PERMANENT;
        } else if (violation && failure->class == AGENT_FINE && failure->status == 429) {
            failure->class = AGENT_LIMIT;
        }
        if (delay && failure->retry_after_ms < 0) {
            failure->retry_after_ms = parse_delay(delay);
        }
    }
}

static char *compose(const char *message, const char *kind)
{
    struct strbuf text;
    char *taken;

    strbuf_init(&text, MESSAGE_BYTES_MAX * 2);
    utf8_add_cut(&text, message ? message : "", MESSAGE_COLUMNS_MAX);
    if (text.length == 0) {
        strbuf_add(&text, "no reason was given");
    }
    if (kind && (!message || !strcasestr(message, kind))) {
        strbuf_add(&text, " (");
        utf8_add_cut(&text, kind, 60);
        strbuf_add(&text, ")");
    }
    taken = strbuf_take(&text);
    strbuf_release(&text);
    return taken;
}

struct failure failure_read(const json_t *value, int status)
{
    const json_t *error = json_object_get(value, "error");
    const json_t *inner = json_is_object(error) ? error : value;
    const char *kind = find_kind(inner);
    struct failure failure = {.status = status, .retry_after_ms = -1};

    failure.text = compose(find_message(value), kind);
    if (status == 0) {
        json_int_t code = json_get_integer(inner, "code", 0);
        int said = code >= 400 && code < 600 ? (int)code : status_of_kind(kind);

        failure.status = said ? said : status_of_kind(json_get_text(inner, "type", ""));
        if (failure.status == 0) {
            failure.class = agent_is_quota(failure.text) ? AGENT_PERMANENT : AGENT_TRANSIENT;
        }
    }
    read_details(json_object_get(inner, "details"), &failure);
    return failure;
}

struct failure failure_read_body(const char *body, size_t length, int status)
{
    struct failure failure = {.status = status, .retry_after_ms = -1};
    json_t *value = json_loadb(body, length, 0, NULL);
    const json_t *said = json_is_array(value) ? json_array_get(value, 0) : value;
    size_t start = strspn(body, " \t\r\n");

    if (json_is_object(said)) {
        failure = failure_read(said, status);
    } else if (start == length) {
        failure.text = mem_strdup("no reason was given");
    } else if (body[start] == '<') {
        failure.text = mem_strdup("a page of HTML, not the answer of an API");
    } else {
        struct strbuf valid;

        strbuf_init(&valid, MESSAGE_BYTES_MAX * 3);
        utf8_add_valid(&valid, body + start,
                       length - start < MESSAGE_BYTES_MAX ? length - start : MESSAGE_BYTES_MAX);
        failure.text = compose(valid.data, NULL);
        strbuf_release(&valid);
    }
    json_decref(value);
    return failure;
}
