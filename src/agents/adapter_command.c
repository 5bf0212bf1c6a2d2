/* SPDX-License-Identifier: MIT */
/* Any program, by configuration alone.
 *
 * The prompt goes to standard input, to a file, or into an argument, which every user of the
 * machine may then read in the list of processes. In the configured command `{prompt}`,
 * `{prompt_file}`, `{model}` and `{cwd}` stand for their values; without its placeholder the prompt
 * or its file comes last.
 *
 * Its output is text (the answer), json (one value; the map says where in it what is) or jsonl. A
 * map is {"answer": PATH, "session": PATH, "model": PATH, "question": PATH, "error": PATH,
 * "input_tokens": PATH, ...}; a PATH names keys and indexes with dots: "choices.0.text". A map of
 * jsonl may name events instead: {"type": PATH, "events": {"delta": {"event": "text", "partial":
 * true, "text": PATH}, "end": {"event": "done"}}}, by the value at `type`. jsonl without a map is
 * agent events (agents/event.h). */
#include "agents/reader.h"
#include "base/alloc.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* execve refuses single strings above 128 KiB. */
#define ARGUMENT_BYTES_MAX (100U * 1024)
#define DOCUMENT_BYTES_MAX AGENT_LINE_BYTES_MAX
#define PATH_PART_MAX 256
#define PROMPT_FILE "prompt.txt"

/* ---- the call ---- */

struct placeholder {
    const char *mark;
    const char *value; /* NULL: there is none */
    const char *missing;
    bool is_used;
};

struct placeholders {
    struct placeholder prompt, prompt_file, model, cwd;
};

static struct placeholder *find_placeholder(struct placeholders *all, const char *at)
{
    struct placeholder *const list[] = {&all->prompt, &all->prompt_file, &all->model, &all->cwd};

    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        if (strncmp(at, list[i]->mark, strlen(list[i]->mark)) == 0) {
            return list[i];
        }
    }
    return NULL;
}

static int add_argument(struct placeholders *all, const char *pattern,
                        struct agent_command *command, struct error *err)
{
    struct strbuf argument;
    int r = 0;

    strbuf_init(&argument, (size_t)ARGUMENT_BYTES_MAX * 2);
    while (*pattern && r == 0) {
        struct placeholder *found = *pattern == '{' ? find_placeholder(all, pattern) : NULL;

        if (!found) {
            strbuf_add_char(&argument, *pattern++);
        } else if (found->value) {
            strbuf_add(&argument, found->value);
            found->is_used = true;
            pattern += strlen(found->mark);
        } else {
            r = error_set(err, ERROR_INVALID, "the command has %s, but %s", found->mark,
                          found->missing);
        }
    }
    if (r == 0 && argument.overflow) {
        r = error_set(err, ERROR_LIMIT, "an argument is larger than %zu bytes",
                      argument.length_max);
    }
    if (r == 0) {
        agent_command_add(command, argument.data);
    }
    strbuf_release(&argument);
    return r;
}

static int check_argument(const struct agent_call *call, struct error *err)
{
    if (call->prompt_length > ARGUMENT_BYTES_MAX) {
        (void)error_set(err, ERROR_LIMIT,
                        "the prompt has %zu bytes, and an argument can have no more than %u",
                        call->prompt_length, ARGUMENT_BYTES_MAX);
    } else if (memchr(call->prompt, '\0', call->prompt_length)) {
        (void)error_set(err, ERROR_INVALID, "the prompt holds a NUL byte, an argument cannot");
    } else {
        return 0;
    }
    error_hint(err, "set `prompt_by: stdin` or `prompt_by: file` for agent %s", call->agent->name);
    return ERROR_LIMIT;
}

static int prompt_command(const struct agent_call *call, struct agent_command *command,
                          struct error *err)
{
    const struct agent_profile *agent = call->agent;
    const char *by = agent->prompt_by ? agent->prompt_by : "stdin";
    bool by_argument = strcmp(by, "argument") == 0;
    bool by_file = strcmp(by, "file") == 0;
    char *file = path_join(call->folder, PROMPT_FILE);
    const char *model = call->model ? call->model : agent->model;
    struct placeholders all = {
        .prompt = {"{prompt}", by_argument ? call->prompt : NULL, "`prompt_by` is not argument",
                   false},
        .prompt_file = {"{prompt_file}", by_file ? file : NULL, "`prompt_by` is not file", false},
        .model = {"{model}", model, "neither the step nor the agent names a model", false},
        .cwd = {"{cwd}", call->cwd, "there is none", false},
    };
    bool has_own_mode = call->is_read_only && agent->read_only_count > 0;
    const char *const *words = has_own_mode ? agent->read_only_command : agent->command;
    size_t count = has_own_mode ? agent->read_only_count : agent->command_count;
    int r = by_argument ? check_argument(call, err) : 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        r = add_argument(&all, words[i], command, err);
    }
    if (r == 0 && by_argument && !all.prompt.is_used) {
        agent_command_add(command, call->prompt);
    } else if (r == 0 && by_file) {
        if (!all.prompt_file.is_used) {
            agent_command_add(command, file);
        }
        agent_command_add_file(command, PROMPT_FILE, call->prompt, call->prompt_length);
    } else if (r == 0 && !by_argument) {
        strbuf_add_bytes(&command->input, call->prompt, call->prompt_length);
    }
    if (r == 0 && model) {
        agent_command_set(command, "FERMATA_MODEL", model);
    }
    free(file);
    return r;
}

static int command_command(const struct agent_call *call, struct agent_command *command,
                           struct error *err)
{
    if (call->agent->command_count == 0) {
        (void)error_set(err, ERROR_INVALID, "agent %s names no command", call->agent->name);
        error_hint(err, "set `command` for it under `agents:` in the configuration");
        return ERROR_INVALID;
    }
    return prompt_command(call, command, err);
}

/* ---- the answer ---- */

struct command_state {
    struct strbuf document; /* of json: the whole; of text: empty lines not yet said */
};

static void release_state(void *memory)
{
    struct command_state *state = memory;

    strbuf_release(&state->document);
}

static struct command_state *get_state(struct agent_reader *reader)
{
    struct command_state *state = reader_state(reader, sizeof(*state), release_state);

    if (!state->document.data) {
        strbuf_init(&state->document, DOCUMENT_BYTES_MAX);
    }
    return state;
}

static bool has_format(const struct agent_reader *reader, const char *format)
{
    const char *said = reader_agent(reader)->output_format;

    return strcmp(said ? said : "text", format) == 0;
}

static const json_t *find_at(const json_t *value, const char *path)
{
    char part[PATH_PART_MAX];

    while (value && *path) {
        size_t length = strcspn(path, ".");
        char *end = NULL;

        if (length >= sizeof(part)) {
            return NULL;
        }
        memcpy(part, path, length);
        part[length] = '\0';
        if (json_is_array(value)) {
            unsigned long long index = strtoull(part, &end, 10);

            value = *part && !*end ? json_array_get(value, (size_t)index) : NULL;
        } else {
            value = json_object_get(value, part);
        }
        path += length + (path[length] == '.');
    }
    return value;
}

static const json_t *find_mapped(const json_t *map, const char *key, const json_t *value)
{
    const char *path = json_get_text(map, key, NULL);

    return path ? find_at(value, path) : NULL;
}

/* A text as it is; anything else as JSON. free() it; NULL: nothing there. */
static char *text_of(const json_t *value)
{
    if (!value || json_is_null(value)) {
        return NULL;
    }
    return json_is_string(value) ? mem_strdup(json_string_value(value)) : json_dump_compact(value);
}

static char *text_at(const json_t *map, const char *key, const json_t *value)
{
    return text_of(find_mapped(map, key, value));
}

static void read_usage(const json_t *map, const json_t *value, struct agent_usage *ret_usage)
{
    static const char *const keys[] = {"input_tokens", "output_tokens", "cached_tokens", "cost_usd",
                                       "turns"};
    json_t *found = json_object();

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const json_t *number = find_mapped(map, keys[i], value);

        if (json_is_number(number)) {
            json_put(found, keys[i], json_incref((json_t *)number));
        }
    }
    agent_usage_decode(found, ret_usage);
    json_decref(found);
}

static bool has_usage(const struct agent_usage *usage)
{
    return usage->input_tokens >= 0 || usage->output_tokens >= 0 || usage->cached_tokens >= 0 ||
           usage->cost_usd >= 0 || usage->turns >= 0;
}

/* What a whole value says by a map of fields. */
static void read_fields(struct agent_reader *reader, const json_t *map, const json_t *value)
{
    const json_t *answer = find_mapped(map, "answer", value);
    char *session = text_at(map, "session", value);
    char *model = text_at(map, "model", value);
    char *question = text_at(map, "question", value);
    char *error = text_at(map, "error", value);
    char *text = text_of(answer);
    struct agent_usage usage;

    if (session || model) {
        reader_session(reader, session, model);
    }
    read_usage(map, value, &usage);
    if (has_usage(&usage)) {
        reader_usage(reader, &usage);
    }
    if (text) {
        reader_text(reader, text, false);
    }
    if (answer && (json_is_object(answer) || json_is_array(answer))) {
        reader_json(reader, answer);
    }
    if (question && *question) {
        reader_question(reader, question);
    }
    if (error && *error) {
        const json_t *status = find_mapped(map, "status", value);
        json_int_t number = json_is_integer(status) ? json_integer_value(status) : 0;

        reader_error(reader, AGENT_FINE, number > 0 && number < 1000 ? (int)number : 0, -1, error);
    }
    free(session);
    free(model);
    free(question);
    free(error);
    free(text);
}

/* One line by a map of events: its rule has the form of an event, with paths for values. */
static void read_mapped_event(struct agent_reader *reader, const json_t *rule, const json_t *value)
{
    const json_t *usage = json_object_get(rule, "usage");
    struct agent_event event;
    char *text, *id, *name;

    if (agent_event_decode(rule, &event, NULL) < 0) {
        return;
    }
    text = text_at(rule, "text", value);
    id = text_at(rule, "id", value);
    name = text_at(rule, "name", value);
    event.text = text ? text : "";
    event.id = id;
    event.name = name;
    event.is_error = event.is_error || json_is_true(find_mapped(rule, "is_error", value));
    event.status = (int)json_integer_value(find_mapped(rule, "status", value)) % 1000;
    event.retry_after_ms = -1;
    read_usage(usage ? usage : rule, value, &event.usage); /* both spellings are natural */
    if (event.kind == AGENT_ERROR && event.failure == AGENT_FINE) {
        event.failure = agent_classify(event.status, event.text);
    }
    reader_emit(reader, &event);
    free(text);
    free(id);
    free(name);
}

static void read_jsonl(struct agent_reader *reader, const json_t *value, const char *text)
{
    const json_t *map = reader_agent(reader)->output_map;
    const json_t *events = json_object_get(map, "events");
    const json_t *type;

    if (!map) {
        reader_read_event(reader, value, text);
    } else if (value && events) {
        type = find_at(value, json_get_text(map, "type", "type"));
        if (json_is_string(type)) {
            read_mapped_event(reader, json_object_get(events, json_string_value(type)), value);
        }
    } else if (value) {
        read_fields(reader, map, value);
    }
}

/* Blank lines at the end are no part of the answer, so that they wait for a line after them. */
static void read_plain(struct agent_reader *reader, const char *text)
{
    struct strbuf *held = &get_state(reader)->document;

    strbuf_add(held, text);
    if (text[strspn(text, " \t")]) {
        reader_text(reader, held->data, true);
        strbuf_reset(held);
        held->overflow = false;
    }
    strbuf_add_char(held, '\n');
}

static void command_read_line(struct agent_reader *reader, const json_t *value, const char *text)
{
    if (has_format(reader, "jsonl")) {
        read_jsonl(reader, value, text);
    } else if (has_format(reader, "json")) {
        struct strbuf *document = &get_state(reader)->document;

        strbuf_add(document, text);
        strbuf_add_char(document, '\n');
    } else {
        read_plain(reader, text);
    }
}

static void read_document(struct agent_reader *reader)
{
    const struct strbuf *document = &get_state(reader)->document;
    const json_t *map = reader_agent(reader)->output_map;
    json_error_t problem;
    json_t *value;
    char *text;

    if (document->length == 0) {
        return;
    }
    value = json_loadb(document->data, document->length, JSON_ALLOW_NUL | JSON_DECODE_ANY,
                       &problem);
    if (!value || document->overflow) {
        text = mem_printf("its output is not one JSON value: line %d: %s", problem.line,
                          value ? "too long" : problem.text);
        reader_error(reader, AGENT_TRANSIENT, 0, -1, text);
        free(text);
    } else if (map) {
        read_fields(reader, map, value);
    } else {
        text = text_of(value);
        reader_text(reader, text ? text : "null", false);
        reader_json(reader, value);
        free(text);
    }
    json_decref(value);
}

static bool says_done(const json_t *map)
{
    const json_t *events = json_object_get(map, "events");
    const char *key;
    json_t *rule;

    json_object_foreach((json_t *)events, key, rule)
    {
        if (strcmp(json_get_text(rule, "event", ""), "done") == 0) {
            return true;
        }
    }
    return false;
}

/* A program that has no word for the end says it with its exit status. */
static void command_conclude(struct agent_reader *reader, const struct agent_end *end)
{
    const json_t *map = reader_agent(reader)->output_map;
    bool has_own_end = has_format(reader, "jsonl") && (!map || says_done(map));

    if (has_format(reader, "json")) {
        read_document(reader);
    }
    if (!has_own_end && end->exit_status == 0 && !end->stopped && !end->timed_out &&
        reader_result(reader)->failure == AGENT_FINE) {
        reader_done(reader, "exit status 0");
    }
    agent_reader_conclude(reader, end);
}

const struct adapter adapter_command = {
    .type = "command",
    .title = "any program",
    .kind = ADAPTER_COMMAND,
    .abilities = CAN_STREAM | CAN_EDIT | CAN_COST | CAN_TOKENS | CAN_ASK | CAN_MODEL,
    .install = "name the program and its arguments as `command` of the agent",
    .command = command_command,
    .read_line = command_read_line,
    .conclude = command_conclude,
};
