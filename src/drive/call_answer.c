/* SPDX-License-Identifier: MIT */
/* Asks a model server and hands its answer on while it comes. Nothing is retried here: whoever
 * started us counts tries, budget and time. */
#include "drive/body.h"
#include "drive/call.h"
#include "drive/listing.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOADING_POLL_MS 250
#define LOADING_MS_MAX (INT64_C(10) * 60 * 1000)

struct exchange {
    const struct call *call;
    struct answer answer;
    struct body body;
};

static void fail(struct exchange *exchange, enum agent_failure class, char *text)
{
    struct failure failure = {.class = class, .retry_after_ms = -1, .text = text};

    answer_fail(&exchange->answer, failure);
}

static bool on_body(void *context, const char *bytes, size_t length)
{
    struct exchange *exchange = context;

    return body_add(&exchange->body, bytes, length);
}

/* ---- a server that still loads its model ---- */

static void sleep_ms(int64_t duration_ms)
{
    struct timespec time = {.tv_sec = duration_ms / 1000, .tv_nsec = duration_ms % 1000 * 1000000};

    while (nanosleep(&time, &time) < 0) {
    }
}

static int64_t read_clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_loading(const struct call *call, const struct failure *failure)
{
    return failure->status == 503 && call->server->ready && failure->retry_after_ms < 0 &&
           strcasestr(failure->text, "loading");
}

/* False when it takes longer than we may be silent. */
static bool wait_ready(const struct call *call, int64_t end_ms)
{
    struct call_request request = {.method = "GET", .path = call->server->ready};

    while (read_clock_ms() < end_ms) {
        struct http_response response;
        struct failure failure;
        bool is_ready;

        sleep_ms(LOADING_POLL_MS);
        request.total_ms = end_ms - read_clock_ms();
        is_ready = request.total_ms > 0 && call_send(call, &request, &response, &failure);
        if (request.total_ms > 0) {
            bool goes_on = is_ready || is_loading(call, &failure);

            http_response_release(&response);
            free(failure.text);
            if (is_ready || !goes_on) {
                return is_ready;
            }
        }
    }
    return false;
}

/* ---- the call ---- */

static bool send_question(struct exchange *exchange, const struct question *question,
                          int64_t total_ms, struct failure *ret_failure)
{
    const struct call *call = exchange->call;
    const struct dialect *dialect = call->server->dialect;
    char *path = dialect->path(question);
    char *url = mem_printf("%s%s", call->place.base, path);
    json_t *body = dialect->request(question);
    struct call_request request = {
        .method = "POST",
        .path = url,
        .body = body,
        .on_body = on_body,
        .context = exchange,
        .silence_ms = call->silence_ms,
        .total_ms = total_ms,
    };
    struct http_response response;
    bool is_sent = call_send(call, &request, &response, ret_failure);

    http_response_release(&response);
    json_decref(body);
    free(url);
    free(path);
    return is_sent;
}

/* What the server said of its end counts more than how the connection ended after it. */
static void take_failure(struct answer *answer, struct failure failure)
{
    if (answer->end == ANSWER_OPEN) {
        answer_fail(answer, failure);
    } else {
        free(failure.text);
    }
}

static void ask(struct exchange *exchange, const struct question *question)
{
    const struct call *call = exchange->call;
    int64_t patience_ms = call->silence_ms > 0 ? call->silence_ms : LOADING_MS_MAX;
    int64_t start_ms = read_clock_ms();
    int64_t end_ms = call->timeout_ms > 0 ? start_ms + call->timeout_ms : 0;
    struct failure failure;
    bool is_sent = send_question(exchange, question, call->timeout_ms, &failure);

    if (!is_sent && is_loading(call, &failure)) {
        int64_t wait_end_ms = start_ms + patience_ms;

        if (wait_ready(call, end_ms && end_ms < wait_end_ms ? end_ms : wait_end_ms)) {
            int64_t left_ms = end_ms ? end_ms - read_clock_ms() : 0;

            free(failure.text);
            is_sent = send_question(exchange, question, end_ms && left_ms < 1 ? 1 : left_ms,
                                    &failure);
        }
    }
    if (is_sent) {
        body_end(&exchange->body);
    } else {
        take_failure(&exchange->answer, failure);
    }
}

/* A server that needs the name of a model and has only one needs none from us. */
static void find_model(struct exchange *exchange, struct call *call)
{
    struct failure failure;
    struct strbuf names;

    if (call->model || call->server->is_model_free) {
        return;
    }
    strbuf_init(&names, 2000);
    if (!listing_find_model(call, &call->found_model, &names, &failure)) {
        answer_fail(&exchange->answer, failure);
    } else if (!call->found_model) {
        fail(exchange, AGENT_PERMANENT,
             names.length > 0
                 ? mem_printf("name a model for %s; it has %s", call->server->title, names.data)
                 : mem_printf("%s has no model yet%s", call->server->title,
                              call->server->pull != PULL_NONE
                                  ? "; `fermata models pull MODEL` fetches one"
                                  : ""));
    }
    call->model = call->found_model;
    strbuf_release(&names);
}

bool call_answer(struct call *call, answer_callback on_event, void *context)
{
    struct exchange exchange = {.call = call};
    struct question question = {
        .prompt = call->prompt,
        .prompt_length = strlen(call->prompt),
        .system = call->system,
        .schema = call->schema,
        .options = call->options,
        .is_vendor = server_is_vendor(&call->place),
    };
    const struct dialect *dialect = call->server->dialect;
    bool is_whole;

    answer_init(&exchange.answer, on_event, context);
    body_init(&exchange.body, dialect, &exchange.answer);
    find_model(&exchange, call);
    question.model = call->model;
    if (exchange.answer.end == ANSWER_OPEN) {
        if (dialect->begin) {
            dialect->begin(&exchange.answer, &question);
        }
        ask(&exchange, &question);
    }
    is_whole = answer_conclude(&exchange.answer, dialect_tokens_max(call->options));
    body_release(&exchange.body);
    answer_release(&exchange.answer);
    return is_whole;
}
