/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "base/alloc.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define KEY_BYTES_MAX (16U * 1024)

static char *trim(const char *text)
{
    size_t length;

    text += strspn(text, " \t\r\n");
    length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1])) {
        length--;
    }
    return mem_strndup(text, length);
}

/* "~/key" lies in the home folder, "key" in the project. */
static char *make_key_path(const char *name, const struct call_environment *environment)
{
    const char *home = strncmp(name, "~/", 2) == 0 ? environment->find("HOME") : NULL;
    const char *project = environment->find("FERMATA_PROJECT");

    return home ? path_join(home, name + 2) : project ? path_join(project, name) : mem_strdup(name);
}

static int read_key_file(struct call *call, const char *path,
                         const struct call_environment *environment, struct error *err)
{
    size_t length;
    char *text;
    char *whole = make_key_path(path, environment);
    int r = file_read(whole, KEY_BYTES_MAX, &text, &length, err);

    free(whole);
    if (r < 0) {
        error_context(err, "the key");
        return r;
    }
    call->key_name = path;
    call->key = trim(text);
    free(text);
    return *call->key ? 0 : error_set(err, ERROR_INVALID, "the key file %s is empty", path);
}

static int read_key(struct call *call, const struct call_environment *environment,
                    struct error *err)
{
    const char *path = json_get_text(call->input, "key_file", NULL);
    const char *name = json_get_text(call->input, "key_variable", NULL);
    const char *value;

    if (path) {
        return read_key_file(call, path, environment, err);
    }
    if (!name) {
        return 0;
    }
    call->key_name = name;
    value = environment->find(name);
    call->key = trim(value ? value : "");
    if (*call->key) {
        return 0;
    }
    free(call->key);
    call->key = NULL;
    return json_get_boolean(call->input, "key_optional", false)
               ? 0
               : error_set(err, ERROR_INVALID, "the variable %s, which holds the key, is not set",
                           name);
}

static void make_key_header(struct call *call)
{
    static const char *const formats[] = {
        [KEY_BEARER] = "Authorization: Bearer ",
        [KEY_ANTHROPIC] = "x-api-key: ",
        [KEY_GEMINI] = "x-goog-api-key: ",
    };

    if (call->key) {
        call->key_header = mem_printf("%s%s", formats[call->server->key], call->key);
    }
}

static int read_server(struct call *call, struct error *err)
{
    const char *type = json_get_text(call->input, "type", "");
    const char *endpoint = json_get_text(call->input, "endpoint", NULL);
    const char *nearest;
    int r;

    call->server = server_find(type);
    if (!call->server) {
        nearest = server_nearest(type);
        r = error_set(err, ERROR_INVALID, "there is no type of server \"%s\"", type);
        if (nearest) {
            error_hint(err, "did you mean \"%s\"?", nearest);
        }
        return r;
    }
    if (!endpoint) {
        return error_set(err, ERROR_INVALID, "%s needs an endpoint", call->server->title);
    }
    return server_find_place(call->server, endpoint, &call->place, err);
}

static int read_value(const struct call *call, const char *key, json_type type,
                      const json_t **ret_value, struct error *err)
{
    const json_t *value = json_object_get(call->input, key);

    if (value && !json_is_null(value) && json_typeof(value) != type) {
        return error_set(err, ERROR_INVALID, "`%s` is of a wrong type", key);
    }
    *ret_value = json_is_null(value) ? NULL : value;
    return 0;
}

int call_read(json_t *input, const struct call_environment *environment, struct call *ret_call,
              struct error *err)
{
    struct call call = {.input = input};
    int r = json_is_object(input)
                ? read_server(&call, err)
                : error_set(err, ERROR_INVALID, "what is asked for has to be a JSON object");

    if (r == 0) {
        r = read_value(&call, "schema", JSON_OBJECT, &call.schema, err);
    }
    if (r == 0) {
        r = read_value(&call, "options", JSON_OBJECT, &call.options, err);
    }
    if (r == 0) {
        r = read_key(&call, environment, err);
    }
    if (r < 0) {
        call_release(&call);
        return r;
    }
    make_key_header(&call);
    call.model = json_get_text(input, "model", NULL);
    call.prompt = json_get_text(input, "prompt", NULL);
    call.system = json_get_text(input, "system", NULL);
    call.silence_ms = json_get_integer(input, "silence_ms", 0);
    call.timeout_ms = json_get_integer(input, "timeout_ms", 0);
    call.ca_file = environment->find("SSL_CERT_FILE");
    *ret_call = call;
    return 0;
}

void call_release(struct call *call)
{
    server_place_release(&call->place);
    free(call->found_model);
    free(call->key);
    free(call->key_header);
    json_decref(call->input);
    *call = (struct call){0};
}
