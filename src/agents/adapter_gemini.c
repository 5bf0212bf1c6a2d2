/* SPDX-License-Identifier: MIT */
/* Gemini CLI, `-o stream-json`: one JSON object a line, the last of them the result.
 *
 * Exit status 0 comes with `status: error` too; other statuses are its own (41 to 55) or an HTTP
 * status modulo 256, and no signals. The answer is all the text after the last tool; what a retried
 * stream had said before is in it twice, without a mark. A limit of turns is only in its settings.
 */
#include "agents/coding.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define ERROR_PREFIX "[API Error: "

static const struct coding_modes modes = {
    .read_only = "plan", .edit = "auto_edit", .everything = "yolo"};

static int gemini_command(const struct agent_call *call, struct agent_command *command,
                          struct error *err)
{
    int r = coding_begin(call, command, err);

    if (r < 0) {
        return r;
    }
    agent_command_add_all(command, "-o", "stream-json", "--approval-mode",
                          coding_mode(call, &modes));
    coding_add_tools(call, "--allowed-tools", command);
    coding_add_option(command, "-m", coding_model(call));
    coding_add_option(command, "--resume", call->session);
    /* Else a parent of its own swallows our signals, and an unknown folder ends it. */
    agent_command_set(command, "GEMINI_CLI_NO_RELAUNCH", "true");
    agent_command_set(command, "GEMINI_CLI_TRUST_WORKSPACE", "true");
    agent_command_set(command, "GEMINI_TELEMETRY_ENABLED", "false");
    command->has_own_tmp = true; /* each error leaves the whole conversation there */
    return 0;
}

/* ---- reading ---- */

struct gemini {
    bool has_looped;
};

/* "[API Error: <message>]\n<advice>" or with the provider's answer as the message: what went wrong,
 * without the advice, whose words would be taken for its class. free() it. */
static char *clean_message(const char *text, int *ret_status)
{
    const char *start = text;
    size_t length = strlen(text);
    json_t *answer;
    char *message;

    if (strncmp(text, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0) {
        const char *end = strstr(text, "]\n");

        start += strlen(ERROR_PREFIX);
        length = end ? (size_t)(end - start) : strlen(start);
        length -= !end && length > 0 && start[length - 1] == ']' ? 1 : 0;
    }
    answer = *start == '{' ? json_loadb(start, length, 0, NULL) : NULL;
    if (answer) {
        const json_t *error = json_object_get(answer, "error");

        *ret_status = (int)json_get_integer(error, "code", 0) % 1000;
        message = mem_strdup(json_get_text(error, "message", text));
    } else {
        message = mem_strndup(start, length);
    }
    json_decref(answer);
    return message;
}

/* Of the stream, not of the provider: another try may well succeed. */
static enum agent_failure failure_of_stream(const char *text)
{
    enum agent_failure failure = agent_classify(0, text);

    return failure == AGENT_PERMANENT ? AGENT_TRANSIENT : failure;
}

static void read_error(struct gemini *gemini, struct agent_reader *reader, const json_t *value)
{
    const char *text = json_get_text(value, "message", "");

    if (strcmp(json_get_text(value, "severity", ""), "error") == 0) {
        reader_error(reader, failure_of_stream(text), 0, -1, text);
    } else if (strstr(text, "Loop detected")) { /* a warning, and then a success without an end */
        gemini->has_looped = true;
    }
}

static void read_usage(struct agent_reader *reader, const json_t *stats)
{
    struct agent_usage usage = AGENT_USAGE_INIT;

    usage.input_tokens = coding_number(stats, "input_tokens");
    usage.output_tokens = coding_number(stats, "output_tokens");
    usage.cached_tokens = coding_number(stats, "cached");
    reader_usage(reader, &usage);
}

static void read_result(struct gemini *gemini, struct agent_reader *reader, const json_t *value)
{
    const json_t *error = json_object_get(value, "error");
    const char *text = json_get_text(error, "message", NULL);
    int status = 0;
    char *message;

    read_usage(reader, json_object_get(value, "stats"));
    if (gemini->has_looped) {
        reader_error(reader, AGENT_TRANSIENT, 0, -1, "it went in circles and was stopped");
    } else if (strcmp(json_get_text(value, "status", ""), "success") == 0) {
        reader_done(reader, "success");
    } else if (text) {
        message = clean_message(text, &status);
        /* "terminated" is Node's whole message when a connection was cut. */
        reader_error(reader, strcmp(message, "terminated") == 0 ? AGENT_TRANSIENT : AGENT_FINE,
                     status, coding_retry_ms(message), message);
        free(message);
    } else if (reader_result(reader)->failure == AGENT_FINE) { /* an `error` line has said why */
        reader_error(reader, AGENT_TRANSIENT, 0, -1, "it failed and did not say why");
    }
}

static void read_tool_result(struct agent_reader *reader, const json_t *value)
{
    const json_t *error = json_object_get(value, "error");
    bool failed = strcmp(json_get_text(value, "status", ""), "success") != 0;

    coding_tool_result(reader, json_get_text(value, "tool_id", NULL),
                       json_object_get(error ? error : value, error ? "message" : "output"),
                       failed);
    if (failed && coding_says_denied(json_get_text(error, "message", ""))) {
        reader_denied(reader);
    }
}

static void gemini_read_line(struct agent_reader *reader, const json_t *value, const char *text)
{
    struct gemini *gemini = reader_state(reader, sizeof(*gemini), NULL);
    const char *type = coding_type(value);

    (void)text;
    if (strcmp(type, "init") == 0) {
        reader_session(reader, json_get_text(value, "session_id", NULL),
                       json_get_text(value, "model", NULL));
    } else if (strcmp(type, "message") == 0) {
        if (strcmp(json_get_text(value, "role", ""), "assistant") == 0) {
            reader_text(reader, json_get_text(value, "content", ""),
                        json_get_boolean(value, "delta", false));
        }
    } else if (strcmp(type, "tool_use") == 0) {
        coding_tool_call(reader, json_get_text(value, "tool_id", NULL),
                         json_get_text(value, "tool_name", NULL),
                         json_object_get(value, "parameters"));
    } else if (strcmp(type, "tool_result") == 0) {
        read_tool_result(reader, value);
    } else if (strcmp(type, "error") == 0) {
        read_error(gemini, reader, value);
    } else if (strcmp(type, "result") == 0) {
        read_result(gemini, reader, value);
    }
}

/* 41 not signed in, 42 no prompt or an unknown session, 44 sandbox, 52 configuration, 53 turns, 55
 * a folder that it does not trust; the others are HTTP statuses modulo 256. */
static const struct {
    int status;
    enum agent_failure failure;
} exits[] = {
    {41, AGENT_PERMANENT},        {42, AGENT_PERMANENT},        {44, AGENT_PERMANENT},
    {52, AGENT_PERMANENT},        {53, AGENT_PERMANENT},        {55, AGENT_PERMANENT},
    {400 % 256, AGENT_PERMANENT}, {401 % 256, AGENT_PERMANENT}, {403 % 256, AGENT_PERMANENT},
    {404 % 256, AGENT_PERMANENT}, {408 % 256, AGENT_TRANSIENT}, {429 % 256, AGENT_LIMIT},
    {500 % 256, AGENT_TRANSIENT}, {502 % 256, AGENT_TRANSIENT}, {503 % 256, AGENT_TRANSIENT},
};

/* Without an error line the exit status says more than the words on standard error. */
static void gemini_conclude(struct agent_reader *reader, const struct agent_end *end)
{
    struct agent_result *result = reader_result(reader);
    bool is_said = result->failure != AGENT_FINE;

    agent_reader_conclude(reader, end);
    for (size_t i = 0; !is_said && !end->stopped && !end->timed_out && i < ARRAY_LEN(exits); i++) {
        if (exits[i].status == end->exit_status) {
            result->failure = exits[i].failure;
        }
    }
}

const struct adapter adapter_gemini = {
    .type = "gemini",
    .title = "Gemini CLI",
    .kind = ADAPTER_PROGRAM,
    .abilities = CAN_STREAM | CAN_RESUME | CAN_EDIT | CAN_READ_ONLY | CAN_TOOLS | CAN_TOKENS |
                 CAN_MODEL,
    .program = "gemini",
    .key_variable = "GEMINI_API_KEY",
    .project_file = "GEMINI.md",
    .variables = "GEMINI_* GOOGLE_* SANDBOX_*",
    .install = "install Gemini CLI: npm install -g @google/gemini-cli (Node 20 or newer)",
    .sign_in = "run `gemini` once and choose how to sign in; a key alone is not enough",
    .command = gemini_command,
    .read_line = gemini_read_line,
    .conclude = gemini_conclude,
};
