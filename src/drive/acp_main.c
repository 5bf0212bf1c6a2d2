/* SPDX-License-Identifier: MIT */
/* fermata-acp: one prompt to an agent that speaks the Agent Client Protocol, as a process of its
 * own (docs/decisions/0012). Reads {"command", "prompt", "cwd", "session", "model", "read_only",
 * "earlier_usd", "tools", "timeout_ms", "grace_ms"} from standard input and prints
 * agent events (agents/event.h), one JSON object a line. The exit status is 0 only for a whole
 * answer, 1 for a failure (which was printed), 2 for a call that makes no sense. */
#include "drive/acp_process.h"

#include "agents/conceal.h"
#include "base/alloc.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_BYTES_MAX (96U * 1024 * 1024)
#define GRACE_MS 2000

/* Who does not read any more does not wait for the rest either. */
static void print_event(void *context, const struct agent_event *event)
{
    struct strbuf line;

    (void)context;
    strbuf_init(&line, SIZE_MAX);
    agent_event_add_line(event, &line);
    if (fputs(line.data, stdout) < 0 || fflush(stdout) != 0) {
        _exit(1);
    }
    strbuf_release(&line);
}

static void on_said(void *context, const struct agent_event *event)
{
    concealer_add(context, event);
}

static int refuse(const char *text)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_ERROR);
    event.text = text;
    event.failure = AGENT_PERMANENT;
    print_event(NULL, &event);
    return 2;
}

static json_t *read_input(bool *ret_is_large)
{
    struct strbuf text;
    char block[65536];
    size_t length;
    json_t *input;

    strbuf_init(&text, INPUT_BYTES_MAX);
    while (!text.overflow && (length = fread(block, 1, sizeof(block), stdin)) > 0) {
        strbuf_add_bytes(&text, block, length);
    }
    *ret_is_large = text.overflow;
    input = text.overflow ? NULL : json_loadb(text.data, text.length, 0, NULL);
    strbuf_release(&text);
    return input;
}

/* The agent's program has its keys from our environment, and may say them piece by piece. */
static bool drive_concealed(const struct acp_call *call, char **argv,
                            const struct acp_limits *limits)
{
    struct redact_key keys[REDACT_KEYS_MAX];
    char *names = mem_strdup(redact_find_names(environ));
    size_t count = names ? redact_find_keys(environ, names, keys) : 0;
    struct concealer *concealer = concealer_new(keys, count, print_event, NULL);
    bool is_whole = acp_drive(call, argv, limits, on_said, concealer);

    concealer_free(concealer);
    free(names);
    return is_whole;
}

static int drive(const json_t *input)
{
    const json_t *command = json_object_get(input, "command");
    struct acp_call call = {
        .prompt = json_get_text(input, "prompt", NULL),
        .cwd = json_get_text(input, "cwd", NULL),
        .session = json_get_text(input, "session", NULL),
        .model = json_get_text(input, "model", NULL),
        .is_read_only = json_get_boolean(input, "read_only", false),
        .tools = json_object_get(input, "tools"),
        .earlier_usd = json_number_value(json_object_get(input, "earlier_usd"))};
    struct acp_limits limits = {.timeout_ms = json_get_integer(input, "timeout_ms", 0),
                                .grace_ms = json_get_integer(input, "grace_ms", GRACE_MS)};
    VEC(char *) argv = {0};
    const json_t *word;
    size_t i;
    int status;

    json_array_foreach((json_t *)command, i, word)
    {
        if (json_is_string(word)) {
            *VEC_PUSH(&argv) = mem_strdup(json_string_value(word));
        }
    }
    *VEC_PUSH(&argv) = NULL;
    if (argv.count == 1 || !call.prompt || !call.cwd || call.cwd[0] != '/') {
        status = refuse("the call lacks a command, a prompt or an absolute folder");
    } else {
        status = drive_concealed(&call, argv.items, &limits) ? 0 : 1;
    }
    for (i = 0; i < argv.count; i++) {
        free(argv.items[i]);
    }
    VEC_RELEASE(&argv);
    return status;
}

int main(void)
{
    bool is_large;
    json_t *input;
    int status;

    json_init_memory();
    input = read_input(&is_large);
    status = json_is_object(input) ? drive(input)
             : is_large            ? refuse("the call is larger than 96 MB")
                                   : refuse("the call is no JSON object");
    json_decref(input);
    return status;
}
