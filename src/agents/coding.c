/* SPDX-License-Identifier: MIT */
#include "agents/coding.h"
#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ARGUMENT_BYTES_MAX (100U * 1024) /* execve refuses single strings above 128 KiB */
#define WORD_BYTES_MAX 4096
#define TOOL_CALL_COLUMNS 200
#define TOOL_RESULT_COLUMNS 2000

/* ---- the call ---- */

static int check_word(const char *what, const char *word, struct error *err)
{
    bool is_fine = *word && *word != '-' && strlen(word) <= WORD_BYTES_MAX;

    for (const char *c = word; is_fine && *c; c++) {
        is_fine = !iscntrl((unsigned char)*c);
    }
    return is_fine ? 0
                   : error_set(err, ERROR_INVALID,
                               "%s `%s` is empty, too long, begins with - or holds control "
                               "characters",
                               what, UTF8_CUT(word, 100));
}

static int check_words(const struct agent_call *call, struct error *err)
{
    const char *model = coding_model(call);
    int r = model ? check_word("the model", model, err) : 0;

    if (r == 0 && call->session) {
        r = check_word("the session", call->session, err);
    }
    for (size_t i = 0; r == 0 && i < call->tool_count; i++) {
        r = check_word("the tool", call->tools[i], err);
    }
    if (r == 0 && call->is_read_only && coding_allows_everything(call)) {
        r = error_set(err, ERROR_INVALID, "a read-only step cannot allow every tool (`*`)");
    }
    return r;
}

int coding_begin(const struct agent_call *call, struct agent_command *command, struct error *err)
{
    const struct agent_profile *agent = call->agent;
    int r = check_words(call, err);

    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < agent->command_count; i++) {
        agent_command_add(command, agent->command[i]);
    }
    if (agent->command_count == 0) {
        agent_command_add(command, agent->adapter->program);
    }
    strbuf_add_bytes(&command->input, call->prompt, call->prompt_length);
    return 0;
}

const char *coding_model(const struct agent_call *call)
{
    return call->model ? call->model : call->agent->model;
}

bool coding_allows_everything(const struct agent_call *call)
{
    for (size_t i = 0; i < call->tool_count; i++) {
        if (strcmp(call->tools[i], "*") == 0) {
            return true;
        }
    }
    return false;
}

const char *coding_mode(const struct agent_call *call, const struct coding_modes *modes)
{
    if (call->is_read_only) {
        return modes->read_only;
    }
    if (coding_allows_everything(call)) {
        return modes->everything;
    }
    return json_get_text(call->agent->options, "mode", modes->edit);
}

void coding_add_option(struct agent_command *command, const char *option, const char *value)
{
    if (value) {
        agent_command_add_all(command, option, value);
    }
}

void coding_add_tools(const struct agent_call *call, const char *option,
                      struct agent_command *command)
{
    for (size_t i = 0; i < call->tool_count; i++) {
        if (strcmp(call->tools[i], "*") != 0) {
            agent_command_add_all(command, option, call->tools[i]);
        }
    }
}

int coding_add_schema(const struct agent_call *call, const char *option,
                      struct agent_command *command, struct error *err)
{
    char *text;
    int r = 0;

    if (!call->schema) {
        return 0;
    }
    text = json_dump_compact(call->schema);
    if (strlen(text) > ARGUMENT_BYTES_MAX) {
        r = error_set(err, ERROR_LIMIT, "the schema has %zu bytes, and %s takes no more than %u",
                      strlen(text), call->agent->adapter->title, ARGUMENT_BYTES_MAX);
    } else {
        agent_command_add_all(command, option, text);
    }
    free(text);
    return r;
}

/* ---- its lines ---- */

const char *coding_type(const json_t *value)
{
    return json_get_text(value, "type", "");
}

int64_t coding_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    double number;

    if (json_is_integer(value)) {
        return json_integer_value(value);
    }
    number = json_is_real(value) ? json_real_value(value) : -1.0;
    return number >= 0 && number < 9e15 ? (int64_t)number : -1;
}

void coding_add_number(int64_t *sum, int64_t number)
{
    if (number >= 0 && *sum < INT64_MAX / 2 && number < INT64_MAX / 2) {
        *sum = (*sum < 0 ? 0 : *sum) + number;
    }
}

static char *cut_text(const char *text, size_t columns)
{
    struct strbuf cut;
    char *line;

    strbuf_init(&cut, WORD_BYTES_MAX * 4);
    utf8_add_cut(&cut, text, columns);
    line = strbuf_take(&cut);
    strbuf_release(&cut);
    return line;
}

void coding_tool_call(struct agent_reader *reader, const char *id, const char *name,
                      const json_t *arguments)
{
    static const char *const telling[] = {"command", "file_path",   "filePath",
                                          "path",    "pattern",     "query",
                                          "url",     "description", "notebook_path"};
    const char *text = json_is_string(arguments) ? json_string_value(arguments) : NULL;
    char *all = NULL;
    char *cut;

    for (size_t i = 0; !text && i < ARRAY_LEN(telling); i++) {
        text = json_get_text(arguments, telling[i], NULL);
    }
    if (!text && arguments && !json_is_null(arguments)) {
        all = json_dump_compact(arguments);
        text = all;
    }
    cut = cut_text(text ? text : "", TOOL_CALL_COLUMNS);
    reader_tool_call(reader, id, name, cut);
    coding_edits(reader, id, name, arguments);
    free(cut);
    free(all);
}

/* [{"type":"text","text":"..."}, ...] */
static char *join_blocks(const json_t *blocks)
{
    struct strbuf joined;
    size_t i;
    json_t *block;
    char *text;

    strbuf_init(&joined, AGENT_LINE_BYTES_MAX);
    json_array_foreach((json_t *)blocks, i, block)
    {
        strbuf_add(&joined, json_get_text(block, "text", ""));
    }
    text = strbuf_take(&joined);
    strbuf_release(&joined);
    return text;
}

void coding_tool_result(struct agent_reader *reader, const char *id, const json_t *content,
                        bool is_error)
{
    char *text = NULL;
    char *cut;

    if (json_is_array(content)) {
        text = join_blocks(content);
    } else if (json_is_object(content)) {
        text = json_dump_compact(content);
    }
    cut = cut_text(text                      ? text
                   : json_is_string(content) ? json_string_value(content)
                                             : "",
                   TOOL_RESULT_COLUMNS);
    reader_tool_result(reader, id, cut, is_error);
    free(cut);
    free(text);
}

bool coding_says_denied(const char *text)
{
    static const char *const words[] = {
        "denied",         "rejected permission", "prevents you from using", "requires approval",
        "needs approval", "not allowed",         "read-only file system"};

    for (size_t i = 0; text && i < ARRAY_LEN(words); i++) {
        if (strcasestr(text, words[i])) {
            return true;
        }
    }
    return false;
}

static int64_t unit_ms(const char *unit)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strncasecmp(unit, units[i].name, strlen(units[i].name)) == 0) {
            return units[i].ms;
        }
    }
    return 0;
}

/* "1.5s", "15h8m33s", "3 days 2 hours 5 minutes"; below zero: it has no unit. */
static int64_t parse_duration(const char *text)
{
    int64_t total_ms = -1;

    while (isdigit((unsigned char)*text) && total_ms < DURATION_MS_MAX) {
        char *end = NULL;
        double number = strtod(text, &end);

        end += strspn(end, " ");
        if (number >= 1e7 || unit_ms(end) == 0) {
            break;
        }
        total_ms = (total_ms < 0 ? 0 : total_ms) + (int64_t)(number * (double)unit_ms(end));
        text = end + strspn(end, "abcdefghijklmnopqrstuvwxyz");
        text += strspn(text, " ,");
    }
    return total_ms;
}

int64_t coding_retry_ms(const char *text)
{
    static const char *const markers[] = {"retry after ", "try again in ", "retry in ",
                                          "reset after ", "reset in ",     "resets in "};

    for (size_t i = 0; text && i < ARRAY_LEN(markers); i++) {
        const char *found = strcasestr(text, markers[i]);

        if (found && isdigit((unsigned char)found[strlen(markers[i])])) {
            return parse_duration(found + strlen(markers[i]));
        }
    }
    return -1;
}

static void subtract(int64_t *number, int64_t earlier)
{
    if (earlier > 0 && *number >= earlier) { /* less: it began to count anew */
        *number -= earlier;
    }
}

void coding_subtract(struct agent_usage *usage, const struct agent_usage *earlier)
{
    subtract(&usage->input_tokens, earlier->input_tokens);
    subtract(&usage->output_tokens, earlier->output_tokens);
    subtract(&usage->cached_tokens, earlier->cached_tokens);
    if (earlier->cost_usd > 0 && usage->cost_usd >= earlier->cost_usd) {
        usage->cost_usd -= earlier->cost_usd;
    }
}

double coding_cost(double cost_usd, int64_t tokens)
{
    return cost_usd > 0 || (cost_usd == 0 && tokens == 0) ? cost_usd : -1.0;
}
