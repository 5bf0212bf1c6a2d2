/* SPDX-License-Identifier: MIT */
/* Claude Code, `claude -p`: one JSON object a line, the last of them the result.
 *
 * Its exit status alone says little: 0 after SIGINT, 1 with a result that calls itself a success.
 * The result's `is_error` and `subtype` decide. `usage` is of this run, `total_cost_usd` of the
 * whole session since its first run, and the budget counts that. `--json-schema` is not enforced:
 * without `structured_output` the model did not use it. A wrong key is tried ten times in three
 * minutes. */
#include "agents/coding.h"
#include "agents/messages.h"
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Only what is not asked for runs, and of that no edit, whatever the user's own settings allow. */
static const char *const edit_tools[] = {"Edit", "MultiEdit", "NotebookEdit", "Write"};

static const struct coding_modes modes = {
    .read_only = "dontAsk", .edit = "acceptEdits", .everything = "bypassPermissions"};

static void add_limits(const struct agent_call *call, struct agent_command *command)
{
    char text[64];

    if (call->turns_max > 0) {
        (void)snprintf(text, sizeof(text), "%d", call->turns_max);
        coding_add_option(command, "--max-turns", text);
    }
    if (call->budget_usd > 0) {
        bool has_cost = call->session && call->earlier && call->earlier->cost_usd > 0;

        (void)snprintf(text, sizeof(text), "%.6f",
                       call->budget_usd + (has_cost ? call->earlier->cost_usd : 0));
        coding_add_option(command, "--max-budget-usd", text);
    }
}

static int claude_command(const struct agent_call *call, struct agent_command *command,
                          struct error *err)
{
    int r = coding_begin(call, command, err);

    if (r < 0) {
        return r;
    }
    agent_command_add_all(command, "-p", "--output-format", "stream-json", "--verbose",
                          "--include-partial-messages");
    coding_add_option(command, "--permission-mode", coding_mode(call, &modes));
    for (size_t i = 0; call->is_read_only && i < ARRAY_LEN(edit_tools); i++) {
        coding_add_option(command, "--disallowedTools", edit_tools[i]);
    }
    coding_add_tools(call, "--allowedTools", command);
    coding_add_option(command, "--model", coding_model(call));
    coding_add_option(command, "--resume", call->session);
    add_limits(call, command);
    r = coding_add_schema(call, "--json-schema", command, err);
    agent_command_set(command, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    agent_command_set(command, "DISABLE_AUTOUPDATER", "1");
    agent_command_set(command, "DISABLE_TELEMETRY", "1");
    return r;
}

/* ---- reading ---- */

static enum agent_failure failure_of(const char *kind)
{
    static const struct {
        const char *kind;
        enum agent_failure failure;
    } kinds[] = {
        {"authentication_failed", AGENT_PERMANENT},
        {"billing_error", AGENT_PERMANENT},
        {"rate_limit", AGENT_LIMIT},
        {"overloaded", AGENT_TRANSIENT},
        {"server_error", AGENT_TRANSIENT},
        {"model_not_found", AGENT_PERMANENT},
        {"invalid_request", AGENT_PERMANENT},
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            return kinds[i].failure;
        }
    }
    return AGENT_TRANSIENT; /* "unknown": connections */
}

/* Of a subscription. Its errors tell the time in words for people only. */
static void read_limit(struct agent_reader *reader, const json_t *info)
{
    int64_t seconds = json_get_integer(info, "resetsAt", 0);

    if (strcmp(json_get_text(info, "status", ""), "rejected") == 0 && seconds > 0 &&
        seconds < INT64_C(1) << 40) {
        reader_limit_until(reader, seconds * 1000);
    }
}

static void read_retry(struct agent_reader *reader, const json_t *value)
{
    const char *kind = json_get_text(value, "error", "unknown");
    int status = (int)json_get_integer(value, "error_status", 0) % 1000;
    enum agent_failure failure = failure_of(kind);
    char *text = mem_printf("%s, tried again (%d of %d)", kind,
                            (int)json_get_integer(value, "attempt", 0),
                            (int)json_get_integer(value, "max_retries", 0));

    if (failure == AGENT_PERMANENT) {
        reader_error_fatal(reader, failure, status, text);
    } else {
        reader_error(reader, failure, status, -1, text);
    }
    free(text);
}

static void add_model(struct agent_usage *usage, const json_t *model)
{
    coding_add_number(&usage->input_tokens, coding_number(model, "inputTokens"));
    coding_add_number(&usage->input_tokens, coding_number(model, "cacheReadInputTokens"));
    coding_add_number(&usage->input_tokens, coding_number(model, "cacheCreationInputTokens"));
    coding_add_number(&usage->cached_tokens, coding_number(model, "cacheReadInputTokens"));
    coding_add_number(&usage->output_tokens, coding_number(model, "outputTokens"));
    if (json_is_number(json_object_get(model, "costUSD"))) {
        usage->cost_usd = (usage->cost_usd < 0 ? 0 : usage->cost_usd) +
                          json_number_value(json_object_get(model, "costUSD"));
    }
}

/* Of earlier versions: the cost is then the session's. */
static void add_whole(struct agent_usage *usage, const json_t *result, double earlier_usd)
{
    const json_t *said = json_object_get(result, "usage");
    const json_t *cost = json_object_get(result, "total_cost_usd");

    coding_add_number(&usage->input_tokens, coding_number(said, "input_tokens"));
    coding_add_number(&usage->input_tokens, coding_number(said, "cache_read_input_tokens"));
    coding_add_number(&usage->input_tokens, coding_number(said, "cache_creation_input_tokens"));
    coding_add_number(&usage->cached_tokens, coding_number(said, "cache_read_input_tokens"));
    coding_add_number(&usage->output_tokens, coding_number(said, "output_tokens"));
    if (json_is_number(cost)) {
        struct agent_usage earlier = AGENT_USAGE_INIT;

        usage->cost_usd = json_number_value(cost);
        earlier.cost_usd = earlier_usd;
        coding_subtract(usage, &earlier);
    }
}

static void read_usage(struct agent_reader *reader, const json_t *result)
{
    const json_t *models = json_object_get(result, "model_usage_since_last_result");
    struct agent_usage usage = AGENT_USAGE_INIT;
    const char *name;
    json_t *model;

    if (json_object_size(models) > 0) { /* also right when the run was cut short */
        json_object_foreach((json_t *)models, name, model)
        {
            add_model(&usage, model);
        }
    } else {
        add_whole(&usage, result, reader_earlier(reader)->cost_usd);
    }
    usage.cost_usd = coding_cost(usage.cost_usd, usage.input_tokens);
    usage.turns = coding_number(result, "num_turns");
    reader_usage(reader, &usage);
}

static void read_failure(struct agent_reader *reader, const json_t *result)
{
    const json_t *errors = json_object_get(result, "errors");
    const char *subtype = json_get_text(result, "subtype", "");
    const char *reason = json_get_text(result, "terminal_reason", "");
    const char *text = json_get_text(result, "result", NULL);
    int status = (int)json_get_integer(result, "api_error_status", 0) % 1000;
    enum agent_failure failure = AGENT_FINE; /* by its words */

    if (!text || !*text) {
        text = json_string_value(json_array_get(errors, 0));
    }
    if (strcmp(json_get_text(result, "stop_reason", ""), "refusal") == 0) {
        failure = AGENT_REFUSED;
    } else if (strcmp(subtype, "error_max_turns") == 0 ||
               strcmp(subtype, "error_max_budget_usd") == 0 ||
               strcmp(reason, "prompt_too_long") == 0) {
        failure = AGENT_PERMANENT;
    } else if (strncmp(reason, "aborted", strlen("aborted")) == 0) {
        failure = AGENT_TRANSIENT;
    }
    reader_error(reader, failure, status, coding_retry_ms(text), text ? text : subtype);
}

static void read_result(struct agent_reader *reader, const json_t *result)
{
    const json_t *structured = json_object_get(result, "structured_output");
    const char *text = json_get_text(result, "result", NULL);

    reader_session(reader, json_get_text(result, "session_id", NULL), NULL);
    read_usage(reader, result);
    messages_count_denials(reader, result);
    if (strcmp(json_get_text(result, "subtype", ""), "success") != 0 ||
        json_get_boolean(result, "is_error", true)) {
        read_failure(reader, result);
    } else if (strcmp(json_get_text(result, "stop_reason", ""), "max_tokens") == 0) {
        reader_error(reader, AGENT_PERMANENT, 0, -1, "the answer was cut: too many tokens");
    } else {
        if (structured) {
            reader_json(reader, structured);
        }
        reader_answer(reader, text);
        reader_done(reader, json_get_text(result, "stop_reason", ""));
    }
}

static void claude_read_line(struct agent_reader *reader, const json_t *value, const char *text)
{
    struct messages *messages = reader_state(reader, sizeof(*messages), NULL);
    const char *subtype = json_get_text(value, "subtype", "");

    (void)text;
    if (!value || messages_read(messages, reader, value)) {
        return;
    }
    if (strcmp(coding_type(value), "result") == 0) {
        read_result(reader, value);
    } else if (strcmp(coding_type(value), "rate_limit_event") == 0) {
        read_limit(reader, json_object_get(value, "rate_limit_info"));
    } else if (strcmp(subtype, "api_retry") == 0) {
        read_retry(reader, value);
    } else if (strcmp(subtype, "permission_denied") == 0) {
        reader_denied(reader);
    }
}

const struct adapter adapter_claude = {
    .type = "claude",
    .title = "Claude Code",
    .kind = ADAPTER_PROGRAM,
    .abilities = CAN_STREAM | CAN_RESUME | CAN_EDIT | CAN_READ_ONLY | CAN_TOOLS | CAN_TURNS |
                 CAN_BUDGET | CAN_COST | CAN_TOKENS | CAN_SCHEMA | CAN_MODEL,
    .program = "claude",
    .key_variable = "ANTHROPIC_API_KEY",
    .project_file = "CLAUDE.md",
    .variables = "ANTHROPIC_* CLAUDE_* DISABLE_* MCP_* API_TIMEOUT_MS MAX_THINKING_TOKENS "
                 "MAX_MCP_OUTPUT_TOKENS BASH_DEFAULT_TIMEOUT_MS BASH_MAX_TIMEOUT_MS "
                 "BASH_MAX_OUTPUT_LENGTH USE_BUILTIN_RIPGREP IS_SANDBOX ENABLE_TOOL_SEARCH "
                 "AWS_*?CLAUDE_CODE_USE_BEDROCK VERTEX_*?CLAUDE_CODE_USE_VERTEX "
                 "GOOGLE_*?CLAUDE_CODE_USE_VERTEX CLOUD_ML_REGION",
    .install = "install Claude Code: npm install -g @anthropic-ai/claude-code (Node 22 or newer)",
    .sign_in = "run `claude` once and sign in, or set ANTHROPIC_API_KEY",
    .command = claude_command,
    .read_line = claude_read_line,
};
