/* SPDX-License-Identifier: MIT */
/* The step that does nothing: joins, tests, measurements of the engine alone. */
#include "functions/builtin.h"

#include <stdlib.h>

int noop_run(const struct function_call *call, struct error *err)
{
    const json_t *value = json_object_get(call->arguments, "value");
    char *text;

    if (!value) {
        return 0;
    }
    text = json_dump_compact(value);
    strbuf_add(call->output, text);
    free(text);
    return call->output->overflow ? error_set(err, ERROR_LIMIT, "the value is too large") : 0;
}
