/* SPDX-License-Identifier: MIT */
/* Qwen Code, `-o stream-json`: the lines of claude, with ends of its own.
 *
 * It exits before a pipe is drained, so its output is a regular file. Before 0.16 an error of the
 * provider was a success with exit status 0 and the answer `[API Error: ...]`. At its limits of
 * turns or time there is no result at all. Its usage is that of the whole session. Unless its
 * memory is off, every run makes one more call of the model after the answer. */
#include "agents/coding.h"
#include "agents/messages.h"
#include "base/alloc.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_PREFIX "[API Error: "
#define DEFAULTS_FILE "qwen.json"
#define EXIT_TURNS 53
#define EXIT_TIME 55

static const struct coding_modes modes = {
    .read_only = "plan", .edit = "auto-edit", .everything = "yolo"};

/* The weakest of its settings: the user's own stand before them. */
static const char defaults[] = "{\"general\":{\"enableAutoUpdate\":false},"
                               "\"privacy\":{\"usageStatisticsEnabled\":false},"
                               "\"telemetry\":{\"enabled\":false},"
                               "\"memory\":{\"enableManagedAutoMemory\":false,"
                               "\"enableManagedAutoDream\":false}}\n";

static int qwen_command(const struct agent_call *call, struct agent_command *command,
                        struct error *err)
{
    char text[32];
    char *path;
    int r = coding_begin(call, command, err);

    if (r < 0) {
        return r;
    }
    agent_command_add_all(command, "-o", "stream-json", "--include-partial-messages",
                          "--approval-mode", coding_mode(call, &modes));
    coding_add_tools(call, "--allowed-tools", command);
    coding_add_option(command, "--model", coding_model(call));
    coding_add_option(command, "--resume", call->session);
    if (call->turns_max > 0) {
        (void)snprintf(text, sizeof(text), "%d", call->turns_max);
        coding_add_option(command, "--max-session-turns", text);
    }
    r = coding_add_schema(call, "--json-schema", command, err);
    path = path_join(call->folder, DEFAULTS_FILE);
    agent_command_add_file(command, DEFAULTS_FILE, defaults, strlen(defaults));
    agent_command_set(command, "QWEN_CODE_SYSTEM_DEFAULTS_PATH", path);
    agent_command_set(command, "QWEN_CODE_NO_RELAUNCH", "true");
    agent_command_set(command, "QWEN_CODE_SUPPRESS_YOLO_WARNING", "1");
    agent_command_set(command, "QWEN_TELEMETRY_ENABLED", "false");
    command->has_own_tmp = true;
    command->has_file_output = true;
    free(path);
    return r;
}

/* ---- reading ---- */

static void read_usage(struct agent_reader *reader, const json_t *result)
{
    const json_t *said = json_object_get(result, "usage");
    struct agent_usage usage = AGENT_USAGE_INIT;

    usage.input_tokens = coding_number(said, "input_tokens");
    usage.output_tokens = coding_number(said, "output_tokens");
    usage.cached_tokens = coding_number(said, "cache_read_input_tokens");
    coding_subtract(&usage, reader_earlier(reader));
    usage.turns = coding_number(result, "num_turns");
    reader_usage(reader, &usage);
}

static void read_failure(struct agent_reader *reader, const char *text)
{
    size_t prefix = strlen(ERROR_PREFIX);
    char *message;

    if (strncmp(text, ERROR_PREFIX, prefix) == 0) { /* "[API Error: 401 ...]" */
        message = mem_printf("API error: %s", text + prefix);
        if (message[strlen(message) - 1] == ']') {
            message[strlen(message) - 1] = '\0';
        }
    } else {
        message = mem_strdup(text);
    }
    reader_error(reader, AGENT_FINE, 0, coding_retry_ms(message), message);
    free(message);
}

static void read_result(struct agent_reader *reader, const json_t *result)
{
    const char *text = json_get_text(result, "result", "");
    const char *problem = json_get_text(json_object_get(result, "error"), "message", NULL);
    const json_t *structured = json_object_get(result, "structured_result");

    reader_session(reader, json_get_text(result, "session_id", NULL), NULL);
    read_usage(reader, result);
    messages_count_denials(reader, result);
    if (problem || strncmp(text, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0) {
        read_failure(reader, problem ? problem : text);
    } else if (strcmp(json_get_text(result, "subtype", ""), "success") != 0 ||
               json_get_boolean(result, "is_error", true)) {
        read_failure(reader, json_get_text(result, "subtype", "it failed"));
    } else {
        if (structured) {
            reader_json(reader, structured);
        }
        reader_answer(reader, text);
        reader_done(reader, "success");
    }
}

static void qwen_read_line(struct agent_reader *reader, const json_t *value, const char *text)
{
    struct messages *messages = reader_state(reader, sizeof(*messages), NULL);

    (void)text;
    if (value && !messages_read(messages, reader, value) &&
        strcmp(coding_type(value), "result") == 0) {
        read_result(reader, value);
    }
}

static void qwen_conclude(struct agent_reader *reader, const struct agent_end *end)
{
    bool is_said = reader_result(reader)->failure != AGENT_FINE || reader_is_done(reader);

    if (!is_said && end->exit_status == EXIT_TURNS) {
        reader_error(reader, AGENT_PERMANENT, 0, -1, "it reached its limit of turns");
    } else if (!is_said && end->exit_status == EXIT_TIME) {
        reader_error(reader, AGENT_TIMEOUT, 0, -1, "it reached its limit of time or tool calls");
    }
    agent_reader_conclude(reader, end);
}

const struct adapter adapter_qwen = {
    .type = "qwen",
    .title = "Qwen Code",
    .kind = ADAPTER_PROGRAM,
    .abilities = CAN_STREAM | CAN_RESUME | CAN_EDIT | CAN_READ_ONLY | CAN_TOOLS | CAN_TURNS |
                 CAN_TOKENS | CAN_SCHEMA | CAN_MODEL,
    .program = "qwen",
    .key_variable = "OPENAI_API_KEY",
    .project_file = "QWEN.md",
    .variables = "OPENAI_* QWEN_* DASHSCOPE_* BAILIAN_*",
    .install = "install Qwen Code: npm install -g @qwen-code/qwen-code (Node 22 or newer)",
    .sign_in = "run `qwen` once and sign in, or set OPENAI_API_KEY and OPENAI_BASE_URL",
    .command = qwen_command,
    .read_line = qwen_read_line,
    .conclude = qwen_conclude,
};
