/* SPDX-License-Identifier: MIT */
/* GitHub Copilot CLI, `--output-format json`: one JSON object a line, the last of them the result.
 *
 * It names its session only in the last line, which one that is ended never writes: so we name it.
 * Tokens are not in its lines but in a file, and there they are those of the whole session. A tool
 * that was not allowed is denied and the run goes on. It blots out secrets everywhere, so that a
 * key of a few letters makes its own lines unreadable. */
#include "agents/coding.h"
#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define USAGE_FILE "usage.json"
#define USAGE_BYTES_MAX (1024U * 1024)
#define SESSION_FILE "session"
#define SESSION_BYTES_MAX 256U

/* A UUID (of version 8) that no other attempt has. */
static char *make_session(const char *folder)
{
    char hex[DIGEST_HEX_SIZE];

    digest_bytes(folder, strlen(folder), hex);
    return mem_printf("%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

/* The same option makes a session and goes on with one. */
static void add_session(const struct agent_call *call, struct agent_command *command)
{
    char *session = call->session ? mem_strdup(call->session) : make_session(call->folder);

    coding_add_option(command, "--session-id", session);
    agent_command_add_file(command, SESSION_FILE, session, strlen(session));
    free(session);
}

static int copilot_command(const struct agent_call *call, struct agent_command *command,
                           struct error *err)
{
    char *path;
    int r = coding_begin(call, command, err);

    if (r < 0) {
        return r;
    }
    path = path_join(call->folder, USAGE_FILE);
    agent_command_add_all(command, "--output-format", "json", "--no-ask-user",
                          "--usage-output-file", path);
    if (call->is_read_only) {
        coding_add_option(command, "--deny-tool", "write");
    } else if (coding_allows_everything(call)) {
        agent_command_add(command, "--allow-all-tools");
    } else {
        coding_add_option(command, "--allow-tool", "write");
    }
    coding_add_tools(call, "--allow-tool", command);
    coding_add_option(command, "--model", coding_model(call));
    add_session(call, command);
    agent_command_set(command, "COPILOT_AUTO_UPDATE", "false");
    free(path);
    return 0;
}

/* ---- reading ---- */

struct copilot {
    bool is_streamed; /* the message under way was said piece by piece */
    bool is_session_told;
    int64_t turns;
};

/* A message that asks for tools is no answer, but what it says is shown. */
static void read_message(struct copilot *copilot, struct agent_reader *reader, const json_t *data)
{
    const char *text = json_get_text(data, "content", "");

    if (*text || copilot->is_streamed) {
        reader_text(reader, copilot->is_streamed ? "" : text, false);
    }
    copilot->is_streamed = false;
    copilot->turns++;
    reader_session(reader, NULL, json_get_text(data, "model", NULL));
}

static void read_tool_end(struct agent_reader *reader, const json_t *data)
{
    const json_t *error = json_object_get(data, "error");
    const json_t *result = json_object_get(data, "result");
    bool failed = !json_get_boolean(data, "success", false);

    coding_tool_result(
        reader, json_get_text(data, "toolCallId", NULL),
        failed ? json_object_get(error, "message") : json_object_get(result, "content"), failed);
    if (failed && strcmp(json_get_text(error, "code", ""), "denied") == 0) {
        reader_denied(reader);
    }
}

static enum agent_failure failure_of(const char *type, int status)
{
    if (strcmp(type, "authentication") == 0) {
        return AGENT_PERMANENT;
    }
    if (strcmp(type, "rate_limit") == 0 && status == 0) {
        return AGENT_LIMIT;
    }
    return AGENT_FINE; /* by status and words */
}

static void read_retry(struct agent_reader *reader, const json_t *data)
{
    int status = (int)json_get_integer(data, "statusCode", 0) % 1000;
    const char *text = json_get_text(data, "errorMessage", "the call of the model failed");

    reader_error(reader, agent_classify(status, text), status, -1, text);
}

static void read_error(struct agent_reader *reader, const json_t *data)
{
    const char *type = json_get_text(data, "errorType", "");
    int status = (int)json_get_integer(data, "statusCode", 0) % 1000;
    const char *text = json_get_text(data, "message", type);

    reader_error(reader, failure_of(type, status), status, coding_retry_ms(text), text);
}

static void read_result(struct copilot *copilot, struct agent_reader *reader, const json_t *value)
{
    const char *session = json_get_text(value, "sessionId", NULL);

    copilot->is_session_told = session != NULL;
    reader_session(reader, session, NULL);
    if (json_get_integer(value, "exitCode", 1) == 0) {
        reader_done(reader, "exit code 0");
    } else if (reader_result(reader)->failure == AGENT_FINE) {
        reader_error(reader, AGENT_TRANSIENT, 0, -1, "it failed and did not say why");
    }
}

static void copilot_read_line(struct agent_reader *reader, const json_t *value, const char *text)
{
    struct copilot *copilot = reader_state(reader, sizeof(*copilot), NULL);
    const json_t *data = json_object_get(value, "data");
    const char *type = coding_type(value);

    (void)text;
    if (strcmp(type, "assistant.message_delta") == 0) {
        reader_text(reader, json_get_text(data, "deltaContent", ""), true);
        copilot->is_streamed = true;
    } else if (strcmp(type, "assistant.message") == 0) {
        read_message(copilot, reader, data);
    } else if (strcmp(type, "tool.execution_start") == 0) {
        coding_tool_call(reader, json_get_text(data, "toolCallId", NULL),
                         json_get_text(data, "toolName", NULL), json_object_get(data, "arguments"));
    } else if (strcmp(type, "tool.execution_complete") == 0) {
        read_tool_end(reader, data);
    } else if (strcmp(type, "model.call_failure") == 0) {
        read_retry(reader, data);
    } else if (strcmp(type, "session.error") == 0) {
        read_error(reader, data);
    } else if (strcmp(type, "result") == 0) {
        read_result(copilot, reader, value);
    }
}

/* The tokens of all models; false: no such file, which it writes at its end. */
static bool read_usage_file(const char *folder, struct agent_usage *ret_usage)
{
    char *path = folder ? path_join(folder, USAGE_FILE) : NULL;
    char *text = NULL;
    size_t length = 0;
    bool is_read = path && file_read(path, USAGE_BYTES_MAX, &text, &length, NULL) == 0;
    json_t *value = is_read ? json_loadb(text, length, 0, NULL) : NULL;
    const char *name;
    json_t *model;

    json_object_foreach(json_object_get(value, "modelMetrics"), name, model)
    {
        const json_t *said = json_object_get(model, "usage");

        coding_add_number(&ret_usage->input_tokens, coding_number(said, "inputTokens"));
        coding_add_number(&ret_usage->output_tokens, coding_number(said, "outputTokens"));
        coding_add_number(&ret_usage->cached_tokens, coding_number(said, "cacheReadTokens"));
    }
    is_read = json_is_object(value);
    json_decref(value);
    free(text);
    free(path);
    return is_read;
}

static void read_session_file(struct agent_reader *reader, const char *folder)
{
    char *path = folder ? path_join(folder, SESSION_FILE) : NULL;
    char *session = NULL;
    size_t length;

    if (path && file_read(path, SESSION_BYTES_MAX, &session, &length, NULL) == 0) {
        reader_session(reader, session, NULL);
    }
    free(session);
    free(path);
}

static void copilot_conclude(struct agent_reader *reader, const struct agent_end *end)
{
    const struct copilot *copilot = reader_state(reader, sizeof(*copilot), NULL);
    struct agent_usage usage = AGENT_USAGE_INIT;

    usage.turns = copilot->turns > 0 ? copilot->turns : -1;
    if (read_usage_file(end->folder, &usage)) {
        coding_subtract(&usage, reader_earlier(reader));
    }
    reader_usage(reader, &usage);
    if (!copilot->is_session_told) {
        read_session_file(reader, end->folder);
    }
    agent_reader_conclude(reader, end);
}

const struct adapter adapter_copilot = {
    .type = "copilot",
    .title = "GitHub Copilot CLI",
    .kind = ADAPTER_PROGRAM,
    .abilities = CAN_STREAM | CAN_RESUME | CAN_EDIT | CAN_READ_ONLY | CAN_TOOLS | CAN_TOKENS |
                 CAN_MODEL,
    .program = "copilot",
    .project_file = "AGENTS.md",
    .variables = "COPILOT_* GH_TOKEN GITHUB_TOKEN GH_HOST",
    .install = "install GitHub Copilot CLI: npm install -g @github/copilot (Node 22 or newer)",
    .sign_in = "run `copilot` once and use /login, or set COPILOT_GITHUB_TOKEN",
    .command = copilot_command,
    .read_line = copilot_read_line,
    .conclude = copilot_conclude,
};
