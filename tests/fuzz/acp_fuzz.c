/* SPDX-License-Identifier: MIT */
/* libFuzzer target: what an ACP agent says, line by line. Whatever it is, our messages are objects,
 * events have a text, and what is over stays over. */
#include "drive/acp.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(void *context, const json_t *message)
{
    (void)context;
    if (!json_is_object(message) || !json_object_get(message, "jsonrpc")) {
        abort();
    }
}

static void check_event(void *context, const struct agent_event *event)
{
    (void)context;
    if (!event->text || event->kind >= AGENT_EVENT_KINDS) {
        abort();
    }
}

/* Names nothing that exists: permissions then look at no file of the machine but the root. */
static const struct acp_call call = {.prompt = "Go", .cwd = "/no-such-folder", .session = "s"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acp_output output = {check_message, check_event, NULL};
    struct acp *acp = acp_new(&call, &output);
    const char *line = (const char *)data;
    const char *end = line + size;
    bool was_over = false;

    acp_start(acp);
    while (line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((next ? next : end) - line);

        acp_handle(acp, line, length);
        if (was_over && !acp_is_over(acp)) {
            abort();
        }
        was_over = acp_is_over(acp);
        line += length + 1;
    }
    acp_cancel(acp);
    acp_fail(acp, AGENT_CANCELLED, "stopped");
    if (!acp_is_over(acp)) {
        abort();
    }
    acp_free(acp);
    return 0;
}
