/* SPDX-License-Identifier: MIT */
#include "drive/call.h"
#include "drive/listing.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* A ready path that an old version does not have says nothing; one that answers 503 does. */
static bool is_loading(const struct call *call, struct failure *ret_failure)
{
    struct call_request request = {.method = "GET",
                                   .path = call->server->ready,
                                   .silence_ms = call->silence_ms,
                                   .total_ms = call->timeout_ms};
    struct http_response response;
    bool is_ready = call_send(call, &request, &response, ret_failure);
    bool loads = !is_ready && response.status == 503;

    http_response_release(&response);
    return loads;
}

static void put_version(const struct call *call, json_t *result)
{
    struct failure ignored;
    json_t *value;

    if (call->server->version) {
        value = call_get(call, call->server->version, &ignored);
        json_put_text(result, "version", json_get_text(value, call->server->version_key, NULL));
        json_decref(value);
        free(ignored.text);
    }
}

static void put_models(const struct call *call, json_t *result)
{
    struct failure failure;
    json_t *models = listing_fetch(call, &failure);

    if (models) {
        json_put(result, "models", models);
    } else {
        json_t *failed = call_failure_result(&failure);

        (void)json_object_update(result, failed);
        json_decref(failed);
    }
}

json_t *call_health(const struct call *call, bool with_version)
{
    struct failure failure = {.retry_after_ms = -1};
    json_t *result = json_object();

    json_put(result, "ok", json_true());
    json_put_text(result, "type", call->server->type);
    json_put_text(result, "title", call->server->title);
    call_put_endpoint(call, result);
    json_put(result, "loading", json_false());
    if (call->server->ready && is_loading(call, &failure)) {
        json_put(result, "ok", json_false());
        json_put(result, "loading", json_true());
        json_put(result, "error", json_text_lossy(failure.text, strlen(failure.text)));
    } else {
        put_models(call, result);
    }
    if (with_version && json_is_true(json_object_get(result, "ok"))) {
        put_version(call, result);
    }
    free(failure.text);
    return result;
}
