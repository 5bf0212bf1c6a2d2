/* SPDX-License-Identifier: MIT */
/* opencode, `run --format json`: steps, texts and tools, one JSON object a line, and no last word:
 * it is done when a step ended with reason `stop`.
 *
 * A tool that has to be asked for ends the run with exit status 0 and no text, hence rules without
 * `ask`. Reason `length` is a cut answer. A provider that answers in HTML is called for ever, with
 * reason `unknown` each time. Its usage is the sum over the steps. It leaves 6 MB in TMPDIR at each
 * run. */
#include "agents/coding.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define UNKNOWN_STEPS_MAX 3

/* "bash(git *)" allows only that: {"bash": {"*": "deny", "git *": "allow"}}. */
static void allow_tool(json_t *rules, const char *tool)
{
    size_t length = strlen(tool);
    const char *open = strchr(tool, '(');
    char *name, *pattern;

    if (!open || tool[length - 1] != ')') {
        json_put_text(rules, tool, "allow");
        return;
    }
    name = mem_strndup(tool, (size_t)(open - tool));
    pattern = mem_strndup(open + 1, length - (size_t)(open + 1 - tool) - 1);
    if (!json_is_object(json_object_get(rules, name))) {
        json_t *patterns = json_object();

        json_put_text(patterns, "*", "deny");
        json_put(rules, name, patterns);
    }
    json_put_text(json_object_get(rules, name), pattern, "allow");
    free(name);
    free(pattern);
}

/* Nothing is asked. Where only editing is allowed the shell is not: nothing would confine it. */
static void add_rules(const struct agent_call *call, struct agent_command *command)
{
    json_t *rules = json_object();
    bool everything = coding_allows_everything(call);
    char *text;

    json_put_text(rules, "external_directory", everything ? "allow" : "deny");
    json_put_text(rules, "doom_loop", "deny");
    json_put_text(rules, "edit", call->is_read_only ? "deny" : "allow");
    json_put_text(rules, "bash", everything ? "allow" : "deny");
    for (size_t i = 0; i < call->tool_count; i++) {
        allow_tool(rules, call->tools[i]);
    }
    text = json_dump_compact(rules);
    agent_command_set(command, "OPENCODE_PERMISSION", text);
    free(text);
    json_decref(rules);
}

static int opencode_command(const struct agent_call *call, struct agent_command *command,
                            struct error *err)
{
    int r = coding_begin(call, command, err);

    if (r < 0) {
        return r;
    }
    /* Without a title it asks the model for one. */
    agent_command_add_all(command, "run", "--format", "json", "--thinking", "--title", "fermata");
    coding_add_option(command, "-m", coding_model(call));
    coding_add_option(command, "-s", call->session);
    add_rules(call, command);
    agent_command_set(command, "OPENCODE_DISABLE_AUTOUPDATE", "1");
    if (call->agent->is_offline) {
        agent_command_set(command, "OPENCODE_DISABLE_MODELS_FETCH", "1");
    }
    command->has_own_tmp = true;
    return 0;
}

/* ---- reading ---- */

struct opencode {
    struct agent_usage usage;
    bool has_session, has_usage;
    int unknown_steps;
    bool was_rejected; /* the last tool was: the run ends there */
};

static void read_tool(struct opencode *opencode, struct agent_reader *reader, const json_t *part)
{
    const json_t *state = json_object_get(part, "state");
    const char *id = json_get_text(part, "callID", NULL);
    bool failed = strcmp(json_get_text(state, "status", ""), "error") == 0;
    const char *problem = json_get_text(state, "error", "");

    coding_tool_call(reader, id, json_get_text(part, "tool", NULL),
                     json_object_get(state, "input"));
    coding_tool_result(reader, id, json_object_get(state, failed ? "error" : "output"), failed);
    opencode->was_rejected = failed && strstr(problem, "rejected permission") != NULL;
    if (failed && coding_says_denied(problem)) {
        reader_denied(reader);
    }
    opencode->unknown_steps = 0;
}

static void add_usage(struct opencode *opencode, struct agent_reader *reader, const json_t *part)
{
    const json_t *tokens = json_object_get(part, "tokens");
    const json_t *cache = json_object_get(tokens, "cache");
    const json_t *cost = json_object_get(part, "cost");
    struct agent_usage *usage = &opencode->usage;
    struct agent_usage said;

    if (!opencode->has_usage) {
        *usage = (struct agent_usage)AGENT_USAGE_INIT;
        opencode->has_usage = true;
    }
    coding_add_number(&usage->input_tokens, coding_number(tokens, "input"));
    coding_add_number(&usage->input_tokens, coding_number(cache, "read"));
    coding_add_number(&usage->input_tokens, coding_number(cache, "write"));
    coding_add_number(&usage->cached_tokens, coding_number(cache, "read"));
    coding_add_number(&usage->output_tokens, coding_number(tokens, "output"));
    coding_add_number(&usage->output_tokens, coding_number(tokens, "reasoning"));
    coding_add_number(&usage->turns, 1);
    if (json_is_number(cost)) {
        usage->cost_usd = (usage->cost_usd < 0 ? 0 : usage->cost_usd) + json_number_value(cost);
    }
    said = *usage;
    said.cost_usd = coding_cost(said.cost_usd, said.input_tokens);
    reader_usage(reader, &said);
}

static void read_step_end(struct opencode *opencode, struct agent_reader *reader,
                          const json_t *part)
{
    const char *reason = json_get_text(part, "reason", "");

    add_usage(opencode, reader, part);
    if (strcmp(reason, "stop") == 0) {
        reader_done(reader, reason);
    } else if (strcmp(reason, "length") == 0) {
        reader_error(reader, AGENT_PERMANENT, 0, -1, "the answer was cut: too many tokens");
    } else if (strcmp(reason, "unknown") == 0 && ++opencode->unknown_steps >= UNKNOWN_STEPS_MAX) {
        reader_error_fatal(reader, AGENT_TRANSIENT, 0, "what the provider answers makes no sense");
    }
}

static void read_error(struct agent_reader *reader, const json_t *error)
{
    const json_t *data = json_object_get(error, "data");
    const char *name = json_get_text(error, "name", "UnknownError");
    const char *text = json_get_text(data, "message", name);
    const char *retry = json_get_text(json_object_get(data, "responseHeaders"), "retry-after", "");
    int status = (int)json_get_integer(data, "statusCode", 0) % 1000;
    long seconds = strtol(retry, NULL, 10);
    enum agent_failure failure = AGENT_FINE; /* by status and words: `isRetryable` is true for a
                                                quota too */

    if (strcmp(name, "ContextOverflowError") == 0 || strcmp(name, "ProviderAuthError") == 0) {
        failure = AGENT_PERMANENT;
    } else if (strcmp(name, "ContentFilterError") == 0) {
        failure = AGENT_REFUSED;
    } else if (strcmp(name, "MessageAbortedError") == 0 ||
               (status == 0 && json_get_boolean(data, "isRetryable", false) &&
                agent_classify(0, text) != AGENT_LIMIT)) {
        failure = AGENT_TRANSIENT;
    }
    reader_error(reader, failure, status, seconds > 0 ? (int64_t)seconds * 1000 : -1, text);
}

static void opencode_read_line(struct agent_reader *reader, const json_t *value, const char *text)
{
    struct opencode *opencode = reader_state(reader, sizeof(*opencode), NULL);
    const json_t *part = json_object_get(value, "part");
    const char *type = coding_type(value);
    const char *session = json_get_text(value, "sessionID", NULL);

    (void)text;
    if (session && !opencode->has_session) {
        opencode->has_session = true;
        reader_session(reader, session, NULL);
    }
    if (strcmp(type, "text") == 0) {
        reader_text(reader, json_get_text(part, "text", ""), false);
        opencode->unknown_steps = 0;
    } else if (strcmp(type, "reasoning") == 0) {
        reader_thinking(reader, json_get_text(part, "text", ""), false);
    } else if (strcmp(type, "tool_use") == 0) {
        read_tool(opencode, reader, part);
    } else if (strcmp(type, "step_finish") == 0) {
        read_step_end(opencode, reader, part);
    } else if (strcmp(type, "error") == 0) {
        read_error(reader, json_object_get(value, "error"));
    }
}

static void opencode_conclude(struct agent_reader *reader, const struct agent_end *end)
{
    const struct opencode *opencode = reader_state(reader, sizeof(*opencode), NULL);

    if (opencode->was_rejected && !reader_is_done(reader) &&
        reader_result(reader)->failure == AGENT_FINE) {
        reader_error(reader, AGENT_PERMANENT, 0, -1,
                     "it wanted to ask for permission, and ended there: allow the tool");
    }
    agent_reader_conclude(reader, end);
}

const struct adapter adapter_opencode = {
    .type = "opencode",
    .title = "opencode",
    .kind = ADAPTER_PROGRAM,
    .abilities = CAN_STREAM | CAN_RESUME | CAN_EDIT | CAN_READ_ONLY | CAN_TOOLS | CAN_COST |
                 CAN_TOKENS | CAN_MODEL,
    .program = "opencode",
    .project_file = "AGENTS.md",
    .variables = "OPENCODE_* ANTHROPIC_API_KEY OPENAI_API_KEY GEMINI_API_KEY "
                 "GOOGLE_GENERATIVE_AI_API_KEY GROQ_API_KEY OPENROUTER_API_KEY",
    .install = "install opencode: npm install -g opencode-ai",
    .sign_in = "run `opencode auth login`",
    .command = opencode_command,
    .read_line = opencode_read_line,
    .conclude = opencode_conclude,
};
