/* SPDX-License-Identifier: MIT */
/* One call of a model server, or one question about it: what fermata-call is asked for. */
#ifndef FERMATA_DRIVE_CALL_H
#define FERMATA_DRIVE_CALL_H

#include "drive/server.h"
#include "net/http.h"

/* What the program's environment holds; the keys are in it, and nowhere else. */
struct call_environment {
    const char *(*find)(const char *name); /* NULL: not set */
};

struct call {
    json_t *input; /* what we were asked, behind all that is borrowed here */
    const struct server *server;
    struct server_place place;
    const char *model;    /* NULL: none named */
    char *found_model;    /* owned: the server's only one */
    const char *prompt;   /* NULL: none; a question about the server */
    const char *system;   /* NULL: none */
    const json_t *schema; /* NULL: free text */
    const json_t *options;
    char *key;            /* NULL: none */
    const char *key_name; /* the variable or file that has it, or would have; NULL: neither */
    int64_t silence_ms;   /* 0: none */
    int64_t timeout_ms;   /* 0: none */
    const char *ca_file;
    char *key_header; /* "Authorization: Bearer ..."; NULL: none */
};

/* Takes the input over, in any case. */
int call_read(json_t *input, const struct call_environment *environment, struct call *ret_call,
              struct error *err);
void call_release(struct call *call);

/* call_answer.c: asks, prints nothing itself; true when the answer is whole. */
bool call_answer(struct call *call, answer_callback on_event, void *context);

/* call_health.c: {"ok", "type", "endpoint", "version", "loading", "models", "error", ...}. */
json_t *call_health(const struct call *call, bool with_version);

/* call_pull.c: lines of progress {"status", "completed", "total"} go to the callback. The last
 * value is returned: {"ok"} or {"ok": false, "error", ...}. */
typedef void (*call_progress)(void *context, const json_t *line);
json_t *call_pull(const struct call *call, call_progress on_progress, void *context);
json_t *call_remove(const struct call *call, call_progress on_progress, void *context);

/* call_request.c */
/* Sends and waits; the failure is filled when below zero is returned, or a status that is not 2xx
 * came. `path` is below the root unless it is a whole URL. */
struct call_request {
    const char *method;
    const char *path;
    const json_t *body; /* NULL: none */
    http_body_callback on_body;
    void *context;
    int64_t silence_ms, total_ms;
};
/* True: 2xx. *ret_response is the caller's to release, *ret_failure's text too. */
bool call_send(const struct call *call, const struct call_request *request,
               struct http_response *ret_response, struct failure *ret_failure);
/* GET, and the answer's JSON; NULL: failed, or no JSON; *ret_failure says why. */
json_t *call_get(const struct call *call, const char *path, struct failure *ret_failure);
void call_put_endpoint(const struct call *call, json_t *result); /* as it may be shown */
json_t *call_failure_result(struct failure *failure); /* {"ok": false, ...}; releases the text */

#endif
