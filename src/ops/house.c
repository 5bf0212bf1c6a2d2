/* SPDX-License-Identifier: MIT */
/* `gc`, `version`, and `function`: the process behind a step that calls a built-in function. */
#include "base/alloc.h"
#include "functions/functions.h"
#include "ops/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CALL_BYTES_MAX (16U * 1024 * 1024)

int op_gc(struct ops *ops, const json_t *arguments, const struct ops_view *view,
          json_t **ret_result, struct error *err)
{
    bool dry_run = json_get_boolean(arguments, "dry_run", false);
    json_int_t older_than = json_get_integer(arguments, "older_than", 0);
    struct engine_options options;
    int r = ops_need_project(ops, err);

    (void)view;
    if (r < 0) {
        return r;
    }
    if (older_than == 0 && json_object_get(arguments, "older_than")) {
        older_than = 1; /* 0 would be none */
    }
    if (!ops_has_store(ops)) {
        *ret_result = json_pack("{s:i, s:i, s:i, s:i, s:i}", "runs", 0, "blobs", 0, "bytes", 0,
                                "folders", 0, "kept", 0);
    } else {
        r = ops_engine_options(ops, &options, err);
        if (r == 0) {
            r = run_collect(&options, older_than, dry_run, ret_result, err);
        }
    }
    if (r == 0) {
        json_put(*ret_result, "dry_run", json_boolean(dry_run));
    }
    return r;
}

int op_version(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err)
{
    (void)arguments;
    (void)view;
    (void)err;
    *ret_result = json_pack("{s:s, s:s}", "name", "fermata", "version", ops->settings->version);
    return 0;
}

/* ---- function ---- */

static int read_input(struct strbuf *target, struct error *err)
{
    char chunk[65536];
    ssize_t count;

    while (!target->overflow && (count = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
        if (count < 0 && errno != EINTR) {
            return error_set_errno(err, "reading the call from standard input");
        }
        if (count > 0) {
            strbuf_add_bytes(target, chunk, (size_t)count);
        }
    }
    if (target->overflow) {
        return error_set(err, ERROR_LIMIT, "the call is larger than %u MB", CALL_BYTES_MAX >> 20);
    }
    return 0;
}

static int write_output(const struct strbuf *output, struct error *err)
{
    size_t done = 0;

    while (done < output->length) {
        ssize_t count = write(STDOUT_FILENO, output->data + done, output->length - done);

        if (count < 0 && errno != EINTR) {
            return error_set_errno(err, "writing the result");
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

static int call_function(const struct function *function, const json_t *call, struct error *err)
{
    const json_t *with = json_object_get(call, "arguments");
    json_t *none = json_object();
    struct strbuf output;
    struct function_call function_call = {
        .project = json_get_text(call, "project", NULL),
        .arguments = json_is_object(with) ? with : none,
        .now_ms = json_get_integer(call, "now_ms", 0),
        .output = &output,
    };
    int r;

    strbuf_init(&output, FUNCTION_OUTPUT_BYTES_MAX);
    if (!function_call.project) {
        r = error_set(err, ERROR_INVALID, "the call names no project");
    } else {
        r = function->run(&function_call, err);
    }
    if (r == 0 && output.overflow) {
        r = error_set(err, ERROR_LIMIT, "the result of %s is larger than %u MB", function->name,
                      FUNCTION_OUTPUT_BYTES_MAX >> 20);
    }
    if (r == 0) {
        r = write_output(&output, err);
    }
    strbuf_release(&output);
    json_decref(none);
    return r;
}

int op_function(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                json_t **ret_result, struct error *err)
{
    const char *name = json_get_text(arguments, "name", "");
    const struct function *function = function_find(name);
    struct strbuf input;
    json_t *call = NULL;
    int r;

    (void)ops;
    (void)view;
    if (!function) {
        const char *nearest = function_nearest(name);

        r = error_set(err, ERROR_NOT_FOUND, "there is no built-in function %s", name);
        if (nearest) {
            error_hint(err, "did you mean %s?", nearest);
        }
        return r;
    }
    strbuf_init(&input, CALL_BYTES_MAX);
    r = read_input(&input, err);
    if (r == 0) {
        r = json_parse_text(input.data, input.length, "the call", &call, err);
    }
    if (r == 0) {
        r = call_function(function, call, err);
    }
    if (r == 0) {
        *ret_result = json_null();
    }
    json_decref(call);
    strbuf_release(&input);
    return r;
}
