/* SPDX-License-Identifier: MIT */
#include "drive/call.h"
#include "drive/failure.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 10000
#define HEADERS_MAX 4

static enum agent_failure class_of(enum http_trouble trouble)
{
    switch (trouble) {
    case HTTP_UNREACHABLE:
    case HTTP_BROKEN:
        return AGENT_TRANSIENT;
    case HTTP_SILENT:
    case HTTP_LATE:
        return AGENT_TIMEOUT;
    case HTTP_FINE:
    case HTTP_INVALID:
    case HTTP_UNTRUSTED:
    case HTTP_TOO_LARGE:
    case HTTP_UNWANTED:
        break;
    }
    return AGENT_PERMANENT;
}

static struct failure no_answer(const struct call *call, const struct http_response *response,
                                const struct error *err)
{
    struct failure failure = {.class = class_of(response->trouble),
                              .retry_after_ms = -1,
                              .is_unreachable = response->trouble == HTTP_UNREACHABLE};

    failure.text = failure.is_unreachable ? mem_printf("%s; %s", err->text, call->server->start)
                                          : mem_strdup(err->text);
    return failure;
}

/* What to do about it, where we know. */
static char *advise(const struct call *call, int status)
{
    if ((status == 401 || status == 403) && call->key) {
        return mem_printf("; the key is that of %s", call->key_name);
    }
    if (status == 401 || status == 403) {
        return call->key_name ? mem_printf("; no key was sent, since %s is not set", call->key_name)
                              : mem_strdup("; no key was sent: set `key` of the agent");
    }
    if (status == 404 && call->server->pull != PULL_NONE && call->model && call->prompt &&
        *call->prompt) {
        return mem_printf("; `fermata models pull %s` fetches a model", call->model);
    }
    return mem_strdup("");
}

static struct failure bad_status(const struct call *call, const struct http_response *response)
{
    struct failure failure = failure_read_body(response->body.data, response->body.length,
                                               response->status);
    char *advice = advise(call, response->status);
    char *said = failure.text;
    struct strbuf shown;

    strbuf_init(&shown, HTTP_URL_BYTES_MAX * 2);
    http_add_shown_url(&shown, call->place.root);
    if (response->status / 100 == 3) {
        failure.class = AGENT_PERMANENT;
        failure.text = mem_printf(
            "%s sends us on to %s, where we do not follow with a key; correct "
            "`endpoint`",
            shown.data, response->location[0] ? response->location : "?");
    } else {
        failure.text = mem_printf("%s answered %d: %s%s", shown.data, response->status, said,
                                  advice);
    }
    if (response->retry_after_ms >= 0) {
        failure.retry_after_ms = response->retry_after_ms;
    }
    strbuf_release(&shown);
    free(said);
    free(advice);
    return failure;
}

/* A path is below the root. */
static char *make_url(const struct call *call, const char *path)
{
    return strstr(path, "://") ? mem_strdup(path) : mem_printf("%s%s", call->place.root, path);
}

bool call_send(const struct call *call, const struct call_request *request,
               struct http_response *ret_response, struct failure *ret_failure)
{
    const char *headers[HEADERS_MAX];
    char *url = make_url(call, request->path);
    char *body = request->body ? json_dump_compact(request->body) : NULL;
    struct http_request http = {
        .method = request->method,
        .url = url,
        .headers = headers,
        .body = body,
        .body_length = body ? strlen(body) : 0,
        .connect_ms = CONNECT_MS,
        .silence_ms = request->silence_ms,
        .total_ms = request->total_ms,
        .ca_file = call->ca_file,
        .on_body = request->on_body,
        .context = request->context,
    };
    struct error err = ERROR_INIT;
    bool is_fine = false;

    headers[http.header_count++] = "Accept: application/json, text/event-stream";
    if (body) {
        headers[http.header_count++] = "Content-Type: application/json";
    }
    if (call->key_header) {
        headers[http.header_count++] = call->key_header;
    }
    if (call->server->key == KEY_ANTHROPIC) {
        headers[http.header_count++] = "anthropic-version: 2023-06-01";
    }
    *ret_failure = (struct failure){.retry_after_ms = -1};
    if (http_send(&http, ret_response, &err) < 0) {
        *ret_failure = no_answer(call, ret_response, &err);
    } else if (ret_response->status / 100 != 2) {
        *ret_failure = bad_status(call, ret_response);
    } else {
        is_fine = true;
    }
    free(url);
    free(body);
    return is_fine;
}

json_t *call_get(const struct call *call, const char *path, struct failure *ret_failure)
{
    struct call_request request = {.method = "GET",
                                   .path = path,
                                   .silence_ms = call->silence_ms,
                                   .total_ms = call->timeout_ms};
    struct http_response response;
    json_t *value = NULL;

    if (call_send(call, &request, &response, ret_failure)) {
        value = json_loadb(response.body.data, response.body.length, 0, NULL);
        if (!value) {
            struct strbuf shown;

            strbuf_init(&shown, HTTP_URL_BYTES_MAX * 2);
            http_add_shown_url(&shown, call->place.root);
            *ret_failure = (struct failure){
                .class = AGENT_PERMANENT,
                .retry_after_ms = -1,
                .text = mem_printf("%s answers, but not as %s does (%s)", shown.data,
                                   call->server->title,
                                   response.type[0] ? response.type : "no type")};
            strbuf_release(&shown);
        }
    }
    http_response_release(&response);
    return value;
}

void call_put_endpoint(const struct call *call, json_t *result)
{
    struct strbuf shown;

    strbuf_init(&shown, HTTP_URL_BYTES_MAX * 2);
    http_add_shown_url(&shown, call->place.root);
    json_put_text(result, "endpoint", shown.data);
    strbuf_release(&shown);
}

json_t *call_failure_result(struct failure *failure)
{
    json_t *result = json_object();
    enum agent_failure class = failure->class != AGENT_FINE
                                   ? failure->class
                                   : agent_classify(failure->status, failure->text);

    json_put(result, "ok", json_false());
    json_put(result, "error", json_text_lossy(failure->text, strlen(failure->text)));
    json_put_text(result, "failure", agent_failure_name(class));
    if (failure->status > 0) {
        json_put_integer(result, "status", failure->status);
    }
    if (failure->is_unreachable) {
        json_put(result, "unreachable", json_true());
    }
    if (failure->retry_after_ms >= 0) {
        json_put_integer(result, "retry_after_ms", failure->retry_after_ms);
    }
    free(failure->text);
    failure->text = NULL;
    return result;
}
