/* SPDX-License-Identifier: MIT */
/* The step that fails: for tests of retries, of pausing and of what a user is told. */
#include "functions/builtin.h"

int fail_run(const struct function_call *call, struct error *err)
{
    return error_set(err, ERROR_CONFLICT, "%s",
                     json_get_text(call->arguments, "message", "failed as asked"));
}
