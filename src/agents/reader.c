/* SPDX-License-Identifier: MIT */
/* A backend's standard output becomes lines, events and a result. */
#include "agents/reader.h"
#include "agents/coding.h"
#include "base/alloc.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EDITING_TOOLS_MAX 10000
#define TOOL_PATHS_MAX 10000

struct agent_reader {
    const struct agent_profile *agent;
    agent_event_callback on_event;
    void *context;
    void *state; /* of the adapter */
    void (*release_state)(void *state);

    struct strbuf line;
    bool is_line_skipped; /* the rest of one that is too long */

    struct strbuf answer;
    bool is_message_closed; /* the next text begins a new message */
    bool is_answer_named;   /* by reader_answer() */
    bool is_done;
    bool has_error;         /* since the last DONE */
    bool is_fatal;          /* the last one was */
    int64_t limit_until_ms; /* 0: not told */
    struct agent_usage earlier;
    json_t *edits; /* id -> [path], of tools without a result */

    /* owned, behind the pointers of `result` */
    char *error, *session, *model, *question;
    json_t *json;
    struct agent_result result;
};

struct agent_reader *agent_reader_new(const struct agent_profile *agent,
                                      agent_event_callback on_event, void *context)
{
    struct agent_reader *reader = mem_zero(1, sizeof(*reader));

    reader->agent = agent;
    reader->on_event = on_event;
    reader->context = context;
    strbuf_init(&reader->line, AGENT_LINE_BYTES_MAX);
    strbuf_init(&reader->answer, AGENT_LINE_BYTES_MAX);
    reader->earlier = (struct agent_usage)AGENT_USAGE_INIT;
    reader->edits = json_object();
    reader->result = (struct agent_result){
        .retry_after_ms = -1, .answer = "", .usage = AGENT_USAGE_INIT};
    return reader;
}

void agent_reader_free(struct agent_reader *reader)
{
    if (!reader) {
        return;
    }
    if (reader->release_state && reader->state) {
        reader->release_state(reader->state);
    }
    free(reader->state);
    strbuf_release(&reader->line);
    strbuf_release(&reader->answer);
    free(reader->error);
    free(reader->session);
    free(reader->model);
    free(reader->question);
    json_decref(reader->json);
    json_decref(reader->edits);
    free(reader);
}

void agent_reader_set_earlier(struct agent_reader *reader, const struct agent_usage *earlier)
{
    reader->earlier = *earlier;
}

const struct agent_usage *reader_earlier(const struct agent_reader *reader)
{
    return &reader->earlier;
}

const struct agent_profile *reader_agent(const struct agent_reader *reader)
{
    return reader->agent;
}

void *reader_state(struct agent_reader *reader, size_t size, void (*release)(void *state))
{
    if (!reader->state) {
        reader->state = mem_zero(1, size);
        reader->release_state = release;
    }
    return reader->state;
}

/* ---- lines ---- */

/* These programs do not all escape as they should: what is not UTF-8 is replaced, and a name that
 * is there twice counts once, rather than lose the line. */
static json_t *parse_line(const char *text, size_t length)
{
    const char *start = text + strspn(text, " \t");
    json_t *value;

    if (*start != '{') {
        return NULL;
    }
    value = json_loadb(start, length - (size_t)(start - text), JSON_ALLOW_NUL, NULL);
    if (!json_is_object(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

static void read_text(struct agent_reader *reader, const char *text, size_t length)
{
    json_t *value = parse_line(text, length);

    reader->agent->adapter->read_line(reader, value, text);
    json_decref(value);
}

static void read_line(struct agent_reader *reader)
{
    struct strbuf *line = &reader->line;

    if (!reader->is_line_skipped && !line->overflow) {
        if (line->length > 0 && line->data[line->length - 1] == '\r') {
            line->data[--line->length] = '\0';
        }
        if (utf8_is_valid(line->data, line->length) && !memchr(line->data, '\0', line->length)) {
            read_text(reader, line->data, line->length);
        } else {
            struct strbuf valid;

            strbuf_init(&valid, (size_t)AGENT_LINE_BYTES_MAX * 3); /* U+FFFD has three bytes */
            utf8_add_valid(&valid, line->data, line->length);
            read_text(reader, valid.data, valid.length);
            strbuf_release(&valid);
        }
    }
    reader->is_line_skipped = false;
    strbuf_reset(line);
}

void agent_reader_add(struct agent_reader *reader, const char *bytes, size_t length)
{
    while (length > 0) {
        const char *end = memchr(bytes, '\n', length);
        size_t piece = end ? (size_t)(end - bytes) : length;

        strbuf_add_bytes(&reader->line, bytes, piece);
        if (reader->line.overflow) {
            strbuf_reset(&reader->line);
            reader->is_line_skipped = true;
        }
        if (end) {
            read_line(reader);
            piece++;
        }
        bytes += piece;
        length -= piece;
    }
}

/* ---- events ---- */

/* A quota that is full again at a time that is told is a limit like any other. */
static enum agent_failure find_failure(int status, int64_t retry_after_ms, const char *text)
{
    enum agent_failure failure = agent_classify(status, text);

    bool is_told = retry_after_ms > 0 || coding_retry_ms(text) > 0;

    return failure == AGENT_PERMANENT && is_told && agent_is_quota(text) ? AGENT_LIMIT : failure;
}

static void replace(char **target, const char *text)
{
    if (text && *text && (!*target || strcmp(*target, text) != 0)) {
        free(*target);
        *target = mem_strdup(text);
    }
}

static void take_text(struct agent_reader *reader, const struct agent_event *event)
{
    if (reader->is_answer_named) {
        return;
    }
    if (reader->is_message_closed) {
        strbuf_reset(&reader->answer);
    }
    strbuf_add(&reader->answer, event->text);
    reader->is_message_closed = !event->is_partial;
}

static void keep_known(int64_t *target, int64_t value)
{
    if (value >= 0) {
        *target = value;
    }
}

static void take_usage(struct agent_usage *usage, const struct agent_usage *said)
{
    keep_known(&usage->input_tokens, said->input_tokens);
    keep_known(&usage->output_tokens, said->output_tokens);
    keep_known(&usage->cached_tokens, said->cached_tokens);
    keep_known(&usage->turns, said->turns);
    if (said->cost_usd >= 0) {
        usage->cost_usd = said->cost_usd;
    }
}

static void take_error(struct agent_reader *reader, const struct agent_event *event)
{
    struct agent_result *result = &reader->result;

    free(reader->error);
    reader->error = mem_strdup(event->text);
    result->status = event->status;
    result->retry_after_ms = event->retry_after_ms;
    result->failure = event->failure != AGENT_FINE
                          ? event->failure
                          : find_failure(event->status, event->retry_after_ms, event->text);
    reader->has_error = true;
    reader->is_fatal = event->is_fatal;
    reader->is_done = false;
}

static void forget_error(struct agent_reader *reader)
{
    struct agent_result *result = &reader->result;

    free(reader->error);
    reader->error = NULL;
    result->failure = AGENT_FINE;
    result->status = 0;
    result->retry_after_ms = -1;
    reader->has_error = false;
    reader->is_fatal = false;
}

static bool is_work(const struct agent_event *event)
{
    return event->kind == AGENT_TOOL_CALL || event->kind == AGENT_EDIT ||
           ((event->kind == AGENT_TEXT || event->kind == AGENT_THINKING) && *event->text);
}

static void take_event(struct agent_reader *reader, const struct agent_event *event)
{
    reader->result.has_begun = reader->result.has_begun || is_work(event);
    switch (event->kind) {
    case AGENT_TEXT:
        take_text(reader, event);
        break;
    case AGENT_TOOL_CALL:
    case AGENT_EDIT:
    case AGENT_TOOL_RESULT:
        reader->is_message_closed = true;
        break;
    case AGENT_USAGE:
        take_usage(&reader->result.usage, &event->usage);
        break;
    case AGENT_SESSION:
        replace(&reader->session, event->id);
        replace(&reader->model, event->name);
        break;
    case AGENT_QUESTION:
        replace(&reader->question, event->text);
        break;
    case AGENT_ERROR:
        take_error(reader, event);
        break;
    case AGENT_DONE:
        forget_error(reader);
        reader->is_done = true;
        reader->is_message_closed = true;
        break;
    case AGENT_THINKING:
        break;
    }
}

void reader_emit(struct agent_reader *reader, const struct agent_event *event)
{
    take_event(reader, event);
    if (reader->on_event) {
        reader->on_event(reader->context, event);
    }
}

static void emit_piece(struct agent_reader *reader, enum agent_event_kind kind, const char *text,
                       bool is_partial)
{
    struct agent_event event;

    if (text && (*text || !is_partial)) {
        agent_event_init(&event, kind);
        event.text = text;
        event.is_partial = is_partial;
        reader_emit(reader, &event);
    }
}

void reader_text(struct agent_reader *reader, const char *text, bool is_partial)
{
    emit_piece(reader, AGENT_TEXT, text, is_partial);
}

void reader_thinking(struct agent_reader *reader, const char *text, bool is_partial)
{
    emit_piece(reader, AGENT_THINKING, text, is_partial);
}

void reader_tool_call(struct agent_reader *reader, const char *id, const char *name,
                      const char *text)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_TOOL_CALL);
    event.id = id;
    event.name = name;
    event.text = text ? text : "";
    reader_emit(reader, &event);
}

/* Without an id, a result is that of the last one without. */
static const char *edit_key(const char *id)
{
    return id ? id : "";
}

void reader_edit(struct agent_reader *reader, const char *id, const char *path)
{
    json_t *paths = json_object_get(reader->edits, edit_key(id));

    if (!path || !*path) {
        return;
    }
    if (!paths && json_object_size(reader->edits) < EDITING_TOOLS_MAX) {
        paths = json_array();
        json_put(reader->edits, edit_key(id), paths);
    }
    if (paths && json_array_size(paths) < TOOL_PATHS_MAX) {
        (void)json_array_append_new(paths, json_text_lossy(path, strlen(path)));
    }
}

static void tell_edits(struct agent_reader *reader, const char *id, bool is_error)
{
    json_t *paths = json_incref(json_object_get(reader->edits, edit_key(id)));
    struct agent_event event;
    json_t *path;
    size_t i;

    (void)json_object_del(reader->edits, edit_key(id));
    json_array_foreach(is_error ? NULL : paths, i, path)
    {
        agent_event_init(&event, AGENT_EDIT);
        event.id = id;
        event.text = json_string_value(path);
        reader_emit(reader, &event);
    }
    json_decref(paths);
}

void reader_tool_result(struct agent_reader *reader, const char *id, const char *text,
                        bool is_error)
{
    struct agent_event event;

    tell_edits(reader, id, is_error);
    agent_event_init(&event, AGENT_TOOL_RESULT);
    event.id = id;
    event.text = text ? text : "";
    event.is_error = is_error;
    reader_emit(reader, &event);
}

void reader_usage(struct agent_reader *reader, const struct agent_usage *usage)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_USAGE);
    event.usage = *usage;
    reader_emit(reader, &event);
}

void reader_session(struct agent_reader *reader, const char *id, const char *model)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_SESSION);
    event.id = id;
    event.name = model;
    reader_emit(reader, &event);
}

void reader_question(struct agent_reader *reader, const char *text)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_QUESTION);
    event.text = text ? text : "";
    reader_emit(reader, &event);
}

void reader_done(struct agent_reader *reader, const char *why)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_DONE);
    event.text = why ? why : "";
    reader_emit(reader, &event);
}

void reader_error(struct agent_reader *reader, enum agent_failure failure, int status,
                  int64_t retry_after_ms, const char *text)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_ERROR);
    event.failure = failure != AGENT_FINE ? failure
                                          : find_failure(status, retry_after_ms, text ? text : "");
    event.status = status;
    event.retry_after_ms = retry_after_ms;
    event.text = text ? text : "";
    reader_emit(reader, &event);
}

void reader_error_fatal(struct agent_reader *reader, enum agent_failure failure, int status,
                        const char *text)
{
    struct agent_event event;

    agent_event_init(&event, AGENT_ERROR);
    event.failure = failure != AGENT_FINE ? failure : agent_classify(status, text ? text : "");
    event.status = status;
    event.is_fatal = true;
    event.text = text ? text : "";
    reader_emit(reader, &event);
}

void reader_limit_until(struct agent_reader *reader, int64_t until_ms)
{
    reader->limit_until_ms = until_ms;
}

void reader_denied(struct agent_reader *reader)
{
    reader->result.denials++;
}

void reader_answer(struct agent_reader *reader, const char *text)
{
    strbuf_reset(&reader->answer);
    strbuf_add(&reader->answer, text ? text : "");
    reader->is_answer_named = text != NULL;
}

void reader_json(struct agent_reader *reader, const json_t *value)
{
    json_decref(reader->json);
    reader->json = json_incref((json_t *)value);
}

bool reader_is_done(const struct agent_reader *reader)
{
    return reader->is_done;
}

struct agent_result *reader_result(struct agent_reader *reader)
{
    return &reader->result;
}

void reader_read_event(struct agent_reader *reader, const json_t *value, const char *text)
{
    struct agent_event event;

    (void)text;
    if (value && agent_event_decode(value, &event, NULL) == 0) {
        reader_emit(reader, &event);
    }
}

/* ---- the end ---- */

static void conclude_as(struct agent_reader *reader, enum agent_failure failure, char *why)
{
    reader->result.failure = failure;
    free(reader->error);
    reader->error = why;
}

/* The last line that begins with "error", or else the last one: below an error there may be a trace
 * of where in the program it came from. */
static char *last_words(const char *errors)
{
    const char *best = "";
    size_t best_length = 0;
    bool is_error = false;

    for (const char *line = errors ? errors : ""; *line;) {
        size_t length = strcspn(line, "\r\n");
        const char *start = line + strspn(line, " \t");
        bool says_error = strncasecmp(start, "error", strlen("error")) == 0;

        if (start < line + length && (says_error || !is_error)) {
            best = start;
            best_length = (size_t)(line + length - start);
            is_error = says_error;
        }
        line += length;
        line += *line != '\0';
    }
    return mem_strndup(best, best_length);
}

static void conclude_exit(struct agent_reader *reader, const struct agent_end *end)
{
    char *words = last_words(end->errors);
    enum agent_failure failure = agent_classify(0, end->errors ? end->errors : "");

    conclude_as(reader, failure,
                mem_printf("exit status %d%s%.500s", end->exit_status, *words ? ": " : "", words));
    free(words);
}

/* In this order: what we did to it, what it asked, what it said, how it ended, what is missing. */
void agent_reader_conclude(struct agent_reader *reader, const struct agent_end *end)
{
    if (reader->is_fatal && (end->stopped || end->timed_out)) {
        assert(reader->result.failure != AGENT_FINE); /* why it was stopped */
    } else if (end->stopped) {
        conclude_as(reader, AGENT_CANCELLED, mem_strdup("stopped"));
    } else if (end->timed_out) {
        conclude_as(reader, AGENT_TIMEOUT, mem_strdup("timed out"));
    } else if (reader->has_error) {
        assert(reader->result.failure != AGENT_FINE);
    } else if (end->signal) {
        conclude_as(reader, AGENT_TRANSIENT,
                    mem_printf("killed by signal %d (%s)", end->signal, strsignal(end->signal)));
    } else if (end->exit_status != 0) {
        conclude_exit(reader, end);
    } else if (reader->question && !reader->is_done) {
        reader->result.failure = AGENT_FINE;
    } else if (!reader->is_done) {
        conclude_as(reader, AGENT_TRANSIENT,
                    mem_strdup("it ended without saying that it was done"));
    } else if (reader->answer.length == 0 && !reader->json && !reader->question) {
        conclude_as(reader, AGENT_TRANSIENT, mem_strdup("it gave an empty answer"));
    }
}

/* As it said, else as its words do. */
static void find_end_of_limit(struct agent_reader *reader, const struct agent_end *end)
{
    struct agent_result *result = &reader->result;
    int64_t left_ms = reader->limit_until_ms - end->ended_at_ms;

    if (result->failure != AGENT_LIMIT || result->retry_after_ms >= 0) {
        return;
    }
    if (reader->limit_until_ms > 0 && end->ended_at_ms > 0) {
        result->retry_after_ms = left_ms > 0 ? left_ms : 1;
    } else {
        result->retry_after_ms = coding_retry_ms(reader->error);
    }
}

const struct agent_result *agent_reader_end(struct agent_reader *reader,
                                            const struct agent_end *end)
{
    const struct adapter *adapter = reader->agent->adapter;
    struct agent_result *result = &reader->result;

    if (reader->line.length > 0) {
        read_line(reader);
    }
    if (adapter->conclude) {
        adapter->conclude(reader, end);
    } else {
        agent_reader_conclude(reader, end);
    }
    if (result->failure == AGENT_FINE && reader->answer.overflow) {
        conclude_as(reader, AGENT_PERMANENT,
                    mem_printf("its answer is larger than %u MB", AGENT_LINE_BYTES_MAX >> 20));
    }
    find_end_of_limit(reader, end);
    result->error = result->failure != AGENT_FINE ? reader->error : NULL;
    result->answer = reader->answer.data;
    result->json = reader->json;
    result->session = reader->session;
    result->model = reader->model;
    result->question = reader->question;
    return result;
}
