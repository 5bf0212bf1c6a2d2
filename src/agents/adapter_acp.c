/* SPDX-License-Identifier: MIT */
/* Any agent that speaks the Agent Client Protocol on its standard streams. It is driven by
 * fermata-acp (src/drive/acp.h), which is told what to start and what it may do. */
#include "agents/reader.h"
#include "base/file.h"

#include <stdlib.h>

#define DRIVER "fermata-acp"

static json_t *list_of(const char *const *words, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_string(words[i]));
    }
    return list;
}

static int acp_command(const struct agent_call *call, struct agent_command *command,
                       struct error *err)
{
    const struct agent_profile *agent = call->agent;
    json_t *input;
    char *driver;
    char *text;

    if (agent->command_count == 0) {
        (void)error_set(err, ERROR_INVALID, "agent %s names no command", agent->name);
        error_hint(err, "set `command` for it under `agents:` in the configuration, such as "
                        "[gemini, --acp]");
        return ERROR_INVALID;
    }
    input = json_object();
    json_put(input, "command", list_of(agent->command, agent->command_count));
    json_put(input, "prompt", json_text_lossy(call->prompt, call->prompt_length));
    json_put_text(input, "cwd", call->cwd);
    json_put_text(input, "session", call->session);
    if (call->session && call->earlier && call->earlier->cost_usd > 0) {
        json_put(input, "earlier_usd", json_real(call->earlier->cost_usd));
    }
    json_put_text(input, "model", call->model ? call->model : agent->model);
    json_put(input, "read_only", json_boolean(call->is_read_only));
    json_put(input, "tools", list_of(call->tools, call->tool_count));
    json_put_integer(input, "timeout_ms", call->timeout_ms);
    text = json_dump_compact(input);
    driver = path_join(call->libexec, DRIVER);
    strbuf_add(&command->input, text);
    agent_command_add(command, driver);
    free(driver);
    free(text);
    json_decref(input);
    return 0;
}

const struct adapter adapter_acp = {
    .type = "acp",
    .title = "an agent that speaks the Agent Client Protocol",
    .kind = ADAPTER_PROTOCOL,
    .abilities = CAN_STREAM | CAN_RESUME | CAN_EDIT | CAN_READ_ONLY | CAN_TOOLS | CAN_COST |
                 CAN_TOKENS | CAN_ASK | CAN_MODEL,
    .install = "name the agent's program as `command`, such as [gemini, --acp]",
    .sign_in = "sign in with the agent's own program first",
    .command = acp_command,
    .read_line = reader_read_event,
};
