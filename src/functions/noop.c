/* SPDX-License-Identifier: MIT */
/* The step that does nothing: joins, tests, measurements of the engine alone. Its output is JSON,
 * so that no value is null. */
#include "functions/builtin.h"

#include <stdlib.h>

int noop_run(const struct function_call *call, struct error *err)
{
    const json_t *value = json_object_get(call->arguments, "value");
    char *text = value ? json_dump_compact(value) : NULL;

    strbuf_add(call->output, text ? text : "null");
    free(text);
    return call->output->overflow ? error_set(err, ERROR_LIMIT, "the value is too large") : 0;
}
