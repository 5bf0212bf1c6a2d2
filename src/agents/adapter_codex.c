/* SPDX-License-Identifier: MIT */
/* Codex, `codex exec --json`: a thread, turns and items, one JSON object a line.
 *
 * Its usage is that of the whole thread. No line has an HTTP status, only words. A wrong key is
 * tried six times; a refused connection for ever, with a line each time, so that no silence would
 * end it: both are told as fatal. An item of type `error` is a warning. What its sandbox denies
 * often leaves no item at all. */
#include "agents/coding.h"
#include "base/alloc.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA_FILE "schema.json"
#define NETWORK_WAITS_MAX 3

static const struct coding_modes modes = {
    .read_only = "read-only", .edit = "workspace-write", .everything = "danger-full-access"};

/* The schema goes by file, whatever its size. */
static void add_schema(const struct agent_call *call, struct agent_command *command)
{
    char *text = json_dump_compact(call->schema);
    char *path = path_join(call->folder, SCHEMA_FILE);

    agent_command_add_file(command, SCHEMA_FILE, text, strlen(text));
    coding_add_option(command, "--output-schema", path);
    free(text);
    free(path);
}

static int codex_command(const struct agent_call *call, struct agent_command *command,
                         struct error *err)
{
    int r = coding_begin(call, command, err);

    if (r < 0) {
        return r;
    }
    agent_command_add_all(command, "exec", "--json", "--skip-git-repo-check", "-s",
                          coding_mode(call, &modes), "-C", call->cwd);
    agent_command_add_all(command, "-c", "features.plugins=false", "-c",
                          "check_for_update_on_startup=false", "-c", "analytics.enabled=false");
    coding_add_option(command, "-m", coding_model(call));
    if (call->schema) {
        add_schema(call, command);
    }
    coding_add_option(command, "resume", call->session);
    agent_command_add(command, "-"); /* the prompt is on standard input */
    return 0;
}

/* ---- reading ---- */

struct codex {
    int network_waits;
    char *last_error; /* `error` and `turn.failed` say the same */
};

static void release_state(void *memory)
{
    free(((struct codex *)memory)->last_error);
}

/* The provider's whole answer instead of a sentence: its message. free() it. */
static char *clean_message(const char *text)
{
    json_t *value = *text == '{' ? json_loads(text, 0, NULL) : NULL;
    const json_t *error = json_object_get(value, "error");
    char *message = mem_strdup(json_get_text(error ? error : value, "message", text));

    json_decref(value);
    return message;
}

static void say_error(struct codex *codex, struct agent_reader *reader, const char *text)
{
    if (codex->last_error && strcmp(codex->last_error, text) == 0 &&
        reader_result(reader)->failure != AGENT_FINE) {
        return;
    }
    free(codex->last_error);
    codex->last_error = mem_strdup(text);
    text = clean_message(text);
    reader_error(reader, AGENT_FINE, 0, coding_retry_ms(text), text);
    free((char *)text);
}

static bool is_about_sign_in(const char *text)
{
    return strstr(text, "status 401") || strstr(text, "status 403");
}

static void read_error(struct codex *codex, struct agent_reader *reader, const char *text)
{
    enum agent_failure failure;

    if (strncmp(text, "Reconnecting", strlen("Reconnecting")) != 0) {
        say_error(codex, reader, text);
        return;
    }
    failure = agent_classify(0, text);
    if (strstr(text, "waiting for network") && ++codex->network_waits >= NETWORK_WAITS_MAX) {
        reader_error_fatal(reader, AGENT_TRANSIENT, 0, text);
    } else if (is_about_sign_in(text)) {
        reader_error_fatal(reader, AGENT_PERMANENT, 0, text);
    } else {
        reader_error(reader, failure == AGENT_PERMANENT ? AGENT_TRANSIENT : failure, 0, -1, text);
    }
}

static void note_denial(struct agent_reader *reader, const char *text)
{
    if (coding_says_denied(text)) {
        reader_denied(reader);
    }
}

static void read_command(struct agent_reader *reader, const json_t *item, bool is_start)
{
    const char *id = json_get_text(item, "id", NULL);
    const json_t *output = json_object_get(item, "aggregated_output");
    bool failed = strcmp(json_get_text(item, "status", ""), "failed") == 0;

    if (is_start) {
        coding_tool_call(reader, id, "shell", item);
        return;
    }
    coding_tool_result(reader, id, output, failed);
    if (failed) {
        note_denial(reader, json_string_value(output));
    }
}

static void read_change(struct agent_reader *reader, const json_t *item, bool is_start)
{
    const char *id = json_get_text(item, "id", NULL);
    struct strbuf paths;
    size_t i;
    json_t *change;

    if (!is_start) {
        json_array_foreach(json_object_get(item, "changes"), i, change)
        {
            reader_edit(reader, id, json_get_text(change, "path", NULL));
        }
        reader_tool_result(reader, id, json_get_text(item, "status", ""),
                           strcmp(json_get_text(item, "status", ""), "completed") != 0);
        return;
    }
    strbuf_init(&paths, 4096);
    json_array_foreach(json_object_get(item, "changes"), i, change)
    {
        strbuf_addf(&paths, "%s%s %s", i > 0 ? ", " : "", json_get_text(change, "kind", "change"),
                    json_get_text(change, "path", "?"));
    }
    reader_tool_call(reader, id, "patch", paths.data);
    strbuf_release(&paths);
}

static void read_mcp(struct agent_reader *reader, const json_t *item, bool is_start)
{
    const char *id = json_get_text(item, "id", NULL);
    const json_t *problem = json_object_get(json_object_get(item, "error"), "message");
    const json_t *result = json_object_get(item, "result");
    char *name;

    if (is_start) {
        name = mem_printf("%s.%s", json_get_text(item, "server", "mcp"),
                          json_get_text(item, "tool", "?"));
        coding_tool_call(reader, id, name, json_object_get(item, "arguments"));
        free(name);
    } else if (problem) {
        coding_tool_result(reader, id, problem, true);
        note_denial(reader, json_string_value(problem));
    } else {
        const json_t *content = json_object_get(result, "content");

        coding_tool_result(reader, id, content ? content : result, false);
    }
}

static void read_item(struct agent_reader *reader, const json_t *item, bool is_start)
{
    const char *type = coding_type(item);

    if (strcmp(type, "command_execution") == 0) {
        read_command(reader, item, is_start);
    } else if (strcmp(type, "file_change") == 0) {
        read_change(reader, item, is_start);
    } else if (strcmp(type, "mcp_tool_call") == 0) {
        read_mcp(reader, item, is_start);
    } else if (is_start) {
        return;
    } else if (strcmp(type, "agent_message") == 0) {
        reader_text(reader, json_get_text(item, "text", ""), false);
    } else if (strcmp(type, "reasoning") == 0) {
        reader_thinking(reader, json_get_text(item, "text", ""), false);
    }
}

static void read_end(struct agent_reader *reader, const json_t *value)
{
    const json_t *said = json_object_get(value, "usage");
    struct agent_usage usage = AGENT_USAGE_INIT;

    usage.input_tokens = coding_number(said, "input_tokens");
    usage.output_tokens = coding_number(said, "output_tokens");
    usage.cached_tokens = coding_number(said, "cached_input_tokens");
    coding_subtract(&usage, reader_earlier(reader));
    reader_usage(reader, &usage);
    reader_done(reader, "turn.completed");
}

static void codex_read_line(struct agent_reader *reader, const json_t *value, const char *text)
{
    struct codex *codex = reader_state(reader, sizeof(*codex), release_state);
    const char *type = coding_type(value);

    (void)text;
    if (strcmp(type, "thread.started") == 0) {
        reader_session(reader, json_get_text(value, "thread_id", NULL), NULL);
    } else if (strcmp(type, "item.started") == 0) {
        read_item(reader, json_object_get(value, "item"), true);
    } else if (strcmp(type, "item.completed") == 0) {
        read_item(reader, json_object_get(value, "item"), false);
    } else if (strcmp(type, "turn.completed") == 0) {
        read_end(reader, value);
    } else if (strcmp(type, "error") == 0) {
        read_error(codex, reader, json_get_text(value, "message", ""));
    } else if (strcmp(type, "turn.failed") == 0) {
        say_error(codex, reader,
                  json_get_text(json_object_get(value, "error"), "message", "the turn failed"));
    }
}

const struct adapter adapter_codex = {
    .type = "codex",
    .title = "Codex",
    .kind = ADAPTER_PROGRAM,
    .abilities = CAN_STREAM | CAN_RESUME | CAN_EDIT | CAN_READ_ONLY | CAN_TOKENS | CAN_SCHEMA |
                 CAN_MODEL,
    .program = "codex",
    .key_variable = "CODEX_API_KEY",
    .project_file = "AGENTS.md",
    .variables = "OPENAI_* CODEX_* RUST_LOG",
    .install = "install Codex: npm install -g @openai/codex",
    .sign_in = "run `codex login`, or set CODEX_API_KEY",
    .command = codex_command,
    .read_line = codex_read_line,
};
