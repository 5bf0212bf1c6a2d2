/* SPDX-License-Identifier: MIT */
#include "support/agent_stream.h"
#include "base/alloc.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define SAMPLE_BYTES_MAX (4U * 1024 * 1024)

char *agent_stream_read(const char *sample, size_t *ret_length)
{
    const char *slash = strrchr(__FILE__, '/');
    char *path = mem_printf("%.*s/../agents/samples/%s", (int)(slash - __FILE__), __FILE__, sample);
    char *data = NULL;

    if (file_read(path, SAMPLE_BYTES_MAX, &data, ret_length, NULL) < 0) {
        fail_msg("no sample %s", path);
    }
    free(path);
    return data;
}

static void collect(void *context, const struct agent_event *event)
{
    struct stream *stream = context;

    agent_event_add_line(event, &stream->events);
    stream->fatal += event->is_fatal ? 1 : 0;
}

void agent_stream_begin(struct stream *stream, const struct adapter *adapter)
{
    memset(stream, 0, sizeof(*stream));
    stream->agent = (struct agent_profile){.name = adapter->type, .adapter = adapter};
    strbuf_init(&stream->events, SAMPLE_BYTES_MAX);
    stream->reader = agent_reader_new(&stream->agent, collect, stream);
}

void agent_stream_add(struct stream *stream, const char *text)
{
    agent_reader_add(stream->reader, text, strlen(text));
}

void agent_stream_play(struct stream *stream, const char *sample)
{
    size_t length;
    char *data = agent_stream_read(sample, &length);

    agent_reader_add(stream->reader, data, length);
    free(data);
}

void agent_stream_end(struct stream *stream, const struct agent_end *end)
{
    stream->result = agent_reader_end(stream->reader, end);
}

void agent_stream_release(struct stream *stream)
{
    agent_reader_free(stream->reader);
    strbuf_release(&stream->events);
}

static void play_pieces(struct stream *stream, const struct stream_case *expected, size_t size)
{
    const struct agent_end end = {.exit_status = expected->exit_status};
    size_t length;
    char *data = agent_stream_read(expected->sample, &length);

    for (size_t at = 0; at < length; at += size) {
        agent_reader_add(stream->reader, data + at, length - at < size ? length - at : size);
    }
    agent_stream_end(stream, &end);
    free(data);
}

static void assert_result(const struct stream_case *expected, const struct agent_result *result)
{
    const char *said = result->failure == AGENT_FINE ? result->answer : result->error;

    if (result->failure != expected->failure) {
        fail_msg("%s: %s instead of %s: %s", expected->sample, agent_failure_name(result->failure),
                 agent_failure_name(expected->failure), said);
    }
    if (expected->failure == AGENT_FINE ? strcmp(said, expected->words) != 0
                                        : !strstr(said, expected->words)) {
        fail_msg("%s: it says `%s`, not `%s`", expected->sample, said, expected->words);
    }
    if (result->status != expected->status || result->denials != expected->denials ||
        result->usage.input_tokens != expected->input_tokens ||
        result->usage.output_tokens != expected->output_tokens) {
        fail_msg("%s: status %d, denials %d, tokens %lld and %lld", expected->sample,
                 result->status, result->denials, (long long)result->usage.input_tokens,
                 (long long)result->usage.output_tokens);
    }
}

void agent_stream_check(const struct adapter *adapter, const struct stream_case *expected)
{
    static const size_t sizes[] = {SAMPLE_BYTES_MAX, 1, 7, 1000};
    struct stream whole, pieces;

    agent_stream_begin(&whole, adapter);
    play_pieces(&whole, expected, sizes[0]);
    assert_result(expected, whole.result);
    for (size_t i = 1; i < ARRAY_LEN(sizes); i++) {
        agent_stream_begin(&pieces, adapter);
        play_pieces(&pieces, expected, sizes[i]);
        assert_result(expected, pieces.result);
        assert_string_equal(pieces.events.data, whole.events.data);
        agent_stream_release(&pieces);
    }
    agent_stream_release(&whole);
}

/* The lines of a sample, read once: there are as many cuts as it has bytes. */
struct lines {
    char *data; /* each line ends with NUL */
    size_t length;
    VEC(char *) texts;
    VEC(json_t *) values;
};

static void lines_read(struct lines *lines, const char *sample)
{
    memset(lines, 0, sizeof(*lines));
    lines->data = agent_stream_read(sample, &lines->length);
    while (lines->length > 0 && lines->data[lines->length - 1] == '\n') {
        lines->data[--lines->length] = '\0';
    }
    for (char *line = lines->data; line < lines->data + lines->length;) {
        size_t length = strcspn(line, "\n");

        line[length] = '\0';
        *VEC_PUSH(&lines->texts) = line;
        *VEC_PUSH(&lines->values) = json_loadb(line, length, JSON_ALLOW_NUL, NULL);
        line += length + 1;
    }
}

static void lines_release(struct lines *lines)
{
    for (size_t i = 0; i < lines->values.count; i++) {
        json_decref(lines->values.items[i]);
    }
    VEC_RELEASE(&lines->values);
    VEC_RELEASE(&lines->texts);
    free(lines->data);
}

/* All lines before it whole, and the beginning of this one. */
static bool is_success_when_cut(const struct adapter *adapter, const struct lines *lines,
                                size_t line, size_t length)
{
    const struct agent_end end = {.exit_status = 0};
    const struct agent_profile agent = {.name = adapter->type, .adapter = adapter};
    struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);
    bool is_success;

    for (size_t i = 0; i < line; i++) {
        adapter->read_line(reader, lines->values.items[i], lines->texts.items[i]);
    }
    agent_reader_add(reader, lines->texts.items[line], length);
    is_success = agent_reader_end(reader, &end)->failure == AGENT_FINE;
    agent_reader_free(reader);
    return is_success;
}

static void check_cuts(const struct adapter *adapter, const char *sample)
{
    struct lines lines;

    lines_read(&lines, sample);
    for (size_t i = 0; i < lines.texts.count; i++) {
        bool is_last = i + 1 == lines.texts.count;

        for (size_t cut = 0; cut < strlen(lines.texts.items[i]) + !is_last; cut++) {
            if (is_success_when_cut(adapter, &lines, i, cut)) {
                fail_msg("%s: a success after %zu bytes of line %zu", sample, cut, i + 1);
            }
        }
    }
    lines_release(&lines);
}

void agent_stream_check_cuts(const struct adapter *adapter, const struct stream_case *cases,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cases[i].failure == AGENT_FINE) {
            check_cuts(adapter, cases[i].sample);
        }
    }
}

void agent_stream_call_init(struct stream_call *made, const struct adapter *adapter)
{
    memset(made, 0, sizeof(*made));
    made->agent = (struct agent_profile){.name = adapter->type, .adapter = adapter};
    made->call = (struct agent_call){.agent = &made->agent,
                                     .prompt = "-p do it",
                                     .prompt_length = strlen("-p do it"),
                                     .cwd = "/repo",
                                     .folder = "/attempt",
                                     .libexec = "/libexec"};
    agent_command_init(&made->command);
}

int agent_stream_call_make(struct stream_call *made, struct error *err)
{
    struct strbuf text;
    int r = made->agent.adapter->command(&made->call, &made->command, err);

    strbuf_init(&text, SAMPLE_BYTES_MAX);
    for (size_t i = 0; i < made->command.argv.count; i++) {
        strbuf_addf(&text, "%s\n", made->command.argv.items[i]);
    }
    made->argv = strbuf_take(&text);
    for (size_t i = 0; i < made->command.env.count; i++) {
        strbuf_addf(&text, "%s\n", made->command.env.items[i]);
    }
    made->env = strbuf_take(&text);
    strbuf_release(&text);
    return r;
}

void agent_stream_call_release(struct stream_call *made)
{
    agent_command_release(&made->command);
    free(made->argv);
    free(made->env);
}
