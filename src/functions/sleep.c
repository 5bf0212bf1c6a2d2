/* SPDX-License-Identifier: MIT */
/* The step that takes time: for tests of deadlines, pausing and crashes. */
#include "functions/result.h"

#include "functions/builtin.h"

#include <errno.h>
#include <time.h>

#define SLEEP_MS_MAX (3600 * 1000)

int sleep_run(const struct function_call *call, struct error *err)
{
    json_int_t sleep_ms = 0;
    struct timespec left;
    int r = argument_integer(call, "milliseconds", 0, (const json_int_t[2]){0, SLEEP_MS_MAX},
                             &sleep_ms, err);

    if (r < 0) {
        return r;
    }
    left = (struct timespec){.tv_sec = sleep_ms / 1000, .tv_nsec = (sleep_ms % 1000) * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR) {
    }
    strbuf_addf(call->output, "{\"slept_ms\":%" JSON_INTEGER_FORMAT "}", sleep_ms);
    return 0;
}
