/* SPDX-License-Identifier: MIT */
/* Fetches and removes models where a server can. Ollama streams its progress; LocalAI names a job,
 * which is asked for again and again. */
#include "drive/call.h"
#include "drive/failure.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JOB_POLL_MS 300
#define PULL_SILENCE_MS (INT64_C(5) * 60 * 1000)

struct pull {
    const struct call *call;
    call_progress on_progress;
    void *context;
    struct stream stream;
    struct failure failure;
    bool is_done;
};

static json_t *succeed(const struct call *call)
{
    json_t *result = json_object();

    json_put(result, "ok", json_true());
    json_put_text(result, "model", call->model);
    call_put_endpoint(call, result);
    return result;
}

static json_t *fail_as(enum agent_failure class, char *text)
{
    struct failure failure = {.class = class, .retry_after_ms = -1, .text = text};

    return call_failure_result(&failure);
}

/* ---- Ollama ---- */

static bool on_line(void *context, const char *name, const char *data, size_t length)
{
    struct pull *pull = context;
    json_t *value = json_loadb(data, length, 0, NULL);
    json_t *line;

    (void)name;
    if (failure_is(value)) {
        pull->failure = failure_read(value, 0);
        json_decref(value);
        return false;
    }
    line = json_object();
    json_put_text(line, "status", json_get_text(value, "status", NULL));
    json_put_text(line, "digest", json_get_text(value, "digest", NULL));
    json_put(line, "total", json_incref(json_object_get(value, "total")));
    json_put(line, "completed", json_incref(json_object_get(value, "completed")));
    pull->is_done = strcmp(json_get_text(value, "status", ""), "success") == 0;
    if (json_object_size(line) > 0) {
        pull->on_progress(pull->context, line);
    }
    json_decref(line);
    json_decref(value);
    return true;
}

static bool on_body(void *context, const char *bytes, size_t length)
{
    struct pull *pull = context;

    return stream_add(&pull->stream, bytes, length);
}

static json_t *pull_ollama(struct pull *pull)
{
    const struct call *call = pull->call;
    json_t *body = json_pack("{s:s,s:b}", "model", call->model, "stream", 1);
    struct call_request request = {.method = "POST",
                                   .path = "/api/pull",
                                   .body = body,
                                   .on_body = on_body,
                                   .context = pull,
                                   .silence_ms = PULL_SILENCE_MS};
    struct http_response response;
    struct failure failure;
    bool is_sent;

    stream_init(&pull->stream, STREAM_LINES, on_line, pull);
    is_sent = call_send(call, &request, &response, &failure);
    if (is_sent) {
        (void)stream_end(&pull->stream);
    }
    stream_release(&pull->stream);
    http_response_release(&response);
    json_decref(body);
    if (pull->failure.text) {
        free(failure.text);
        return call_failure_result(&pull->failure);
    }
    if (!is_sent) {
        return call_failure_result(&failure);
    }
    return pull->is_done ? succeed(call)
                         : fail_as(AGENT_TRANSIENT,
                                   mem_strdup("the server ended without saying that it succeeded; "
                                              "pulling again goes on where it stopped"));
}

static json_t *remove_ollama(const struct call *call)
{
    json_t *body = json_pack("{s:s}", "model", call->model);
    struct call_request request = {.method = "DELETE",
                                   .path = "/api/delete",
                                   .body = body,
                                   .silence_ms = call->silence_ms,
                                   .total_ms = call->timeout_ms};
    struct http_response response;
    struct failure failure;
    bool is_gone = call_send(call, &request, &response, &failure);

    http_response_release(&response);
    json_decref(body);
    return is_gone ? succeed(call) : call_failure_result(&failure);
}

/* ---- LocalAI ---- */

static void report_job(const struct pull *pull, const json_t *job)
{
    const json_t *progress = json_object_get(job, "progress");
    json_t *line = json_object();

    json_put_text(line, "status", json_get_text(job, "message", "working"));
    if (json_is_number(progress)) {
        json_put_integer(line, "completed", (json_int_t)json_number_value(progress));
        json_put_integer(line, "total", 100);
    }
    pull->on_progress(pull->context, line);
    json_decref(line);
}

/* NULL: it goes on. */
static json_t *look_at_job(const struct pull *pull, const char *path)
{
    const char *said;
    struct failure failure;
    json_t *job = call_get(pull->call, path, &failure);
    json_t *result = NULL;

    if (!job) {
        return call_failure_result(&failure);
    }
    said = json_get_text(job, "error", "");
    if (*said) {
        result = fail_as(AGENT_PERMANENT, mem_printf("LocalAI: %s", said));
    } else if (json_is_object(json_object_get(job, "error"))) {
        failure = failure_read(job, 0);
        result = call_failure_result(&failure);
    } else if (json_get_boolean(job, "cancelled", false)) {
        result = fail_as(AGENT_CANCELLED, mem_strdup("LocalAI: it was cancelled"));
    } else if (json_get_boolean(job, "processed", false)) {
        report_job(pull, job);
        result = succeed(pull->call);
    } else {
        report_job(pull, job);
    }
    json_decref(job);
    return result;
}

static json_t *follow_job(const struct pull *pull, const json_t *answer)
{
    const struct timespec pause = {.tv_nsec = JOB_POLL_MS * 1000000L};
    const char *job = json_get_text(answer, "uuid", NULL);
    json_t *result;
    char *path;

    if (!job) {
        return fail_as(AGENT_PERMANENT, mem_strdup("LocalAI named no job to wait for"));
    }
    path = mem_printf("/models/jobs/%s", job);
    while ((result = look_at_job(pull, path)) == NULL) {
        (void)nanosleep(&pause, NULL);
    }
    free(path);
    return result;
}

static json_t *start_job(const struct pull *pull, const char *path, const json_t *body)
{
    const struct call *call = pull->call;
    struct call_request request = {.method = "POST",
                                   .path = path,
                                   .body = body,
                                   .silence_ms = call->silence_ms,
                                   .total_ms = call->timeout_ms};
    struct http_response response;
    struct failure failure;
    json_t *answer, *result;

    if (call_send(call, &request, &response, &failure)) {
        answer = json_loadb(response.body.data, response.body.length, 0, NULL);
        result = follow_job(pull, answer);
        json_decref(answer);
    } else {
        result = call_failure_result(&failure);
    }
    http_response_release(&response);
    return result;
}

/* A gallery's name, or the address of a definition. */
static json_t *pull_localai(const struct pull *pull)
{
    const char *model = pull->call->model;
    json_t *body = json_pack("{s:s}", strstr(model, "://") ? "url" : "id", model);
    json_t *result = start_job(pull, "/models/apply", body);

    json_decref(body);
    return result;
}

static json_t *remove_localai(const struct pull *pull)
{
    char *path = mem_printf("/models/delete/%s", pull->call->model);
    json_t *result = start_job(pull, path, NULL);

    free(path);
    return result;
}

/* ---- both ---- */

static json_t *refuse(const struct call *call, const char *what)
{
    if (!call->model) {
        return fail_as(AGENT_PERMANENT, mem_printf("no model to %s is named", what));
    }
    return fail_as(AGENT_PERMANENT,
                   mem_printf("%s cannot %s models by itself; %s", call->server->title, what,
                              call->server->is_local ? "put the file where it looks for models"
                                                     : "its vendor decides which there are"));
}

json_t *call_pull(const struct call *call, call_progress on_progress, void *context)
{
    struct pull pull = {.call = call, .on_progress = on_progress, .context = context};

    if (!call->model || call->server->pull == PULL_NONE) {
        return refuse(call, "pull");
    }
    return call->server->pull == PULL_OLLAMA ? pull_ollama(&pull) : pull_localai(&pull);
}

json_t *call_remove(const struct call *call, call_progress on_progress, void *context)
{
    struct pull pull = {.call = call, .on_progress = on_progress, .context = context};

    if (!call->model || call->server->pull == PULL_NONE) {
        return refuse(call, "remove");
    }
    return call->server->pull == PULL_OLLAMA ? remove_ollama(call) : remove_localai(&pull);
}
