/* SPDX-License-Identifier: MIT */
#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int call_run(const char *project, const char *name, json_t *arguments, struct strbuf *output,
                    struct error *err)
{
    const struct function *function = function_find(name);
    struct function_call call = {.project = project, .arguments = arguments, .output = output};
    int r;

    assert_non_null(function);
    strbuf_init(output, FUNCTION_OUTPUT_BYTES_MAX);
    r = function->run(&call, err);
    json_decref(arguments);
    return r;
}

char *function_text(const char *project, const char *name, json_t *arguments)
{
    struct error err = ERROR_INIT;
    struct strbuf output;
    char *text;

    if (call_run(project, name, arguments, &output, &err) < 0) {
        fail_msg("%s: %s", name, err.text);
    }
    text = strbuf_take(&output);
    strbuf_release(&output);
    return text;
}

json_t *function_json(const char *project, const char *name, json_t *arguments)
{
    struct error err = ERROR_INIT;
    char *text = function_text(project, name, arguments);
    json_t *value = NULL;

    if (json_parse_text(text, strlen(text), name, &value, &err) < 0) {
        fail_msg("%s: %s", name, err.text);
    }
    free(text);
    return value;
}

int function_failure(const char *project, const char *name, json_t *arguments, struct error *err)
{
    struct strbuf output;
    int r = call_run(project, name, arguments, &output, err);

    assert_true(r < 0);
    strbuf_release(&output);
    return r;
}

json_t *find_finding(const json_t *result, const char *rule, const char *file)
{
    size_t index;
    json_t *finding;

    json_array_foreach(json_object_get(result, "findings"), index, finding)
    {
        if (strcmp(json_get_text(finding, "rule", ""), rule) == 0 &&
            (!file || strcmp(json_get_text(finding, "file", ""), file) == 0)) {
            return finding;
        }
    }
    return NULL;
}
