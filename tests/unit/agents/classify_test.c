/* SPDX-License-Identifier: MIT */
/* Every failure of every backend, in the backend's own form, and the class that comes of it: the
 * table of docs/agents.md, which `--table` prints. */
#include "agents/bridge.h"
#include "agents/reader.h"
#include "base/alloc.h"
#include "drive/acp.h"
#include "drive/failure.h"
#include "support/agent_stream.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define ENDED_AT_MS INT64_C(1735689600000)

enum way {
    BY_EXIT,    /* exit status 1 and not a word */
    BY_SIGNAL,  /* killed by somebody */
    BY_ERROR,   /* its event, with a status or without */
    BY_LIMIT,   /* likewise, and when it is over */
    BY_REFUSAL, /* of the model, where the backend tells it from an answer */
    BY_CUT,     /* its output ends in the middle */
    BY_TIME,
    BY_STOP,
};

/* The columns, and a letter for each: t(ransient) l(imit) L: its end is known p(ermanent)
 * r(efused) (time)o(ut) c(ancelled); -: it has no such thing. */
static const char *const columns[] = {"claude", "codex", "gemini",  "copilot", "opencode",
                                      "qwen",   "acp",   "command", "host",    "model servers"};
#define COLUMNS ARRAY_LEN(columns)

static const struct row {
    const char *name;
    enum way way;
    int status;
    const char *words;
    const char *classes;
} rows[] = {
    {"exit status 1, without a word", BY_EXIT, 0, "", "pppppppp-p"},
    {"killed by a signal of somebody", BY_SIGNAL, 0, "", "tttttttt-t"},
    {"an error without a reason", BY_ERROR, 0, "no reason", "pppppppppt"},
    {"400", BY_ERROR, 400, "invalid request", "pppppppppp"},
    {"401", BY_ERROR, 401, "invalid API key", "pppppppppp"},
    {"402", BY_ERROR, 402, "payment required", "pppppppppp"},
    {"403", BY_ERROR, 403, "forbidden", "pppppppppp"},
    {"404", BY_ERROR, 404, "model not found", "pppppppppp"},
    {"408", BY_ERROR, 408, "request timeout", "tttttttttt"},
    {"409", BY_ERROR, 409, "conflict", "tttttttttt"},
    {"413", BY_ERROR, 413, "request too large", "pppppppppp"},
    {"429", BY_ERROR, 429, "too many requests", "llllllllll"},
    {"429 that tells when to come back", BY_LIMIT, 429, "too many requests", "LLLLLLLLLL"},
    {"a quota that tells when it is full again", BY_LIMIT, 429, "you exceeded your current quota",
     "pLLLLLLLpp"},
    {"429, a quota that is used up", BY_ERROR, 429, "you exceeded your current quota",
     "pppppppppp"},
    {"500", BY_ERROR, 500, "internal error", "tttttttttt"},
    {"502", BY_ERROR, 502, "bad gateway", "tttttttttt"},
    {"503", BY_ERROR, 503, "unavailable", "tttttttttt"},
    {"529", BY_ERROR, 529, "overloaded", "tttttttttt"},
    {"too long for the model", BY_ERROR, 400, "the prompt exceeds the context window",
     "pppppppppp"},
    {"refused by the model", BY_REFUSAL, 0, "", "r-----rrrr"},
    {"forbidden by a policy", BY_ERROR, 400, "stopped by the content_filter", "rrrrrrrrrr"},
    {"no connection", BY_ERROR, 0, "connection refused", "tttttttttt"},
    {"the output breaks off", BY_CUT, 0, "", "tttttttt-t"},
    {"too long, or silent for too long", BY_TIME, 0, "", "oooooooooo"},
    {"stopped by us", BY_STOP, 0, "", "cccccccc-c"},
};

/* ---- what the backends print ---- */

#define TEXT_SIZE 1024
typedef char text[TEXT_SIZE];
typedef char part[100];
#define WRITE(target, ...) (void)snprintf(target, TEXT_SIZE, __VA_ARGS__)
#define WRITE_PART(target, ...) (void)snprintf(target, sizeof(part), __VA_ARGS__)

static void say_claude(const struct row *row, text line)
{
    if (row->way == BY_REFUSAL) {
        WRITE(line, "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,"
                    "\"stop_reason\":\"refusal\",\"result\":\"no\"}\n");
        return;
    }
    WRITE(line,
          "%s{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,"
          "\"api_error_status\":%d,\"result\":\"API Error: %s\"}\n",
          row->way == BY_LIMIT ? "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":"
                                 "\"rejected\",\"resetsAt\":1735689607}}\n"
                               : "",
          row->status, row->words);
}

static void say_codex(const struct row *row, text line)
{
    part status = "";

    if (row->status == 429) {
        WRITE_PART(status, "exceeded retry limit, last status: 429 Too Many Requests, ");
    } else if (row->status) {
        WRITE_PART(status, "unexpected status %d Some Reason: ", row->status);
    }
    WRITE(line, "{\"type\":\"turn.failed\",\"error\":{\"message\":\"%s%s%s\"}}\n", status,
          row->words, row->way == BY_LIMIT ? ", please try again in 7s" : "");
}

static void say_gemini(const struct row *row, text line)
{
    const char *when = row->way == BY_LIMIT ? ". Please retry in 7s" : "";

    if (row->status) {
        WRITE(line,
              "{\"type\":\"result\",\"status\":\"error\",\"error\":{\"message\":\"[API Error: "
              "{\\\"error\\\":{\\\"code\\\":%d,\\\"message\\\":\\\"%s%s\\\"}}]\"}}\n",
              row->status, row->words, when);
    } else {
        WRITE(line,
              "{\"type\":\"result\",\"status\":\"error\",\"error\":{\"message\":\"[API Error: "
              "%s%s]\"}}\n",
              row->words, when);
    }
}

static void say_copilot(const struct row *row, text line)
{
    part status = "";

    if (row->status) {
        WRITE_PART(status, ",\"statusCode\":%d", row->status);
    }
    WRITE(line,
          "{\"type\":\"session.error\",\"data\":{\"errorType\":\"query\",\"message\":\"%s%s\"%s}}\n"
          "{\"type\":\"result\",\"exitCode\":1}\n",
          row->words, row->way == BY_LIMIT ? ", try again in 7 seconds" : "", status);
}

static void say_opencode(const struct row *row, text line)
{
    part status = "";

    if (row->status) {
        WRITE_PART(status, ",\"statusCode\":%d,\"isRetryable\":true", row->status);
    }
    WRITE(line,
          "{\"type\":\"error\",\"error\":{\"name\":\"APIError\",\"data\":{\"message\":\"%s\"%s%s}}}"
          "\n",
          row->words, status,
          row->way == BY_LIMIT ? ",\"responseHeaders\":{\"retry-after\":\"7\"}" : "");
}

static void say_qwen(const struct row *row, text line)
{
    part status = "";

    if (row->status) {
        WRITE_PART(status, "%d ", row->status);
    }
    WRITE(line,
          "{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_error\":true,"
          "\"error\":{\"message\":\"[API Error: %s%s%s]\"}}\n",
          status, row->words, row->way == BY_LIMIT ? ", retry after 7 seconds" : "");
}

/* Fermata's own form, which drivers print as well. */
static void say_command(const struct row *row, text line)
{
    part status = "";

    if (row->status) {
        WRITE_PART(status, ",\"status\":%d", row->status);
    }
    WRITE(line, "{\"event\":\"error\",\"text\":\"%s\"%s%s%s}\n", row->words, status,
          row->way == BY_LIMIT ? ",\"retry_after_ms\":7000" : "",
          row->way == BY_REFUSAL ? ",\"failure\":\"refused\"" : "");
}

static void ignore_message(void *context, const json_t *message)
{
    (void)context;
    (void)message;
}

static void add_event(void *context, const struct agent_event *event)
{
    agent_event_add_line(event, context);
}

/* Through the driver's half that speaks the protocol. */
static void say_acp(const struct row *row, text line)
{
    struct strbuf events;
    const struct acp_call call = {.prompt = "Go", .cwd = "/"};
    const struct acp_output output = {ignore_message, add_event, &events};
    struct acp *acp = acp_new(&call, &output);
    const char *const lines[] = {"{\"id\":1,\"result\":{\"protocolVersion\":1}}",
                                 "{\"id\":2,\"result\":{\"sessionId\":\"s\"}}", line};

    strbuf_init(&events, TEXT_SIZE);
    if (row->way == BY_REFUSAL) {
        WRITE(line, "{\"id\":3,\"result\":{\"stopReason\":\"refusal\"}}");
    } else {
        WRITE(line,
              "{\"id\":3,\"error\":{\"code\":%d,\"message\":\"%s\",\"data\":{\"details\":"
              "\"%s\"}}}",
              row->status ? row->status : -32603, row->words,
              row->way == BY_LIMIT ? "retry after 7 seconds" : "");
    }
    acp_start(acp);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        acp_handle(acp, lines[i], strlen(lines[i]));
    }
    WRITE(line, "%s", events.data);
    acp_free(acp);
    strbuf_release(&events);
}

static void say_host(const struct row *row, text line)
{
    struct strbuf events;
    struct error err = ERROR_INIT;
    part status = "";

    if (row->status) {
        WRITE_PART(status, "HTTP %d ", row->status);
    }
    WRITE(
        line,
        "{\"request_id\":\"r\",\"version\":\"1.0\",\"status\":\"%s\",\"error_message\":\"%s%s%s\","
        "\"error_type\":\"%s\"}",
        row->way == BY_TIME ? "timeout" : "error", status, row->words,
        row->way == BY_LIMIT ? ", retry after 7 s" : "", row->way == BY_REFUSAL ? "Refusal" : "");
    strbuf_init(&events, TEXT_SIZE);
    assert_int_equal(bridge_response_read("r.json", line, strlen(line), "r", &events, &err), 0);
    WRITE(line, "%s", events.data);
    strbuf_release(&events);
}

/* As its driver reads it: the body of a status, or an error in the stream. */
static void say_server(const struct row *row, text line)
{
    struct strbuf events;
    struct answer answer;

    strbuf_init(&events, TEXT_SIZE);
    answer_init(&answer, add_event, &events);
    WRITE(line, "{\"error\":{\"message\":\"%s\"}}", row->words);
    if (row->way == BY_REFUSAL) {
        answer_finish(&answer, ANSWER_REFUSED, "refusal");
    } else if (row->status) {
        struct failure failure = failure_read_body(line, strlen(line), row->status);

        failure.retry_after_ms = row->way == BY_LIMIT ? 7000 : -1;
        answer_fail(&answer, failure);
    } else {
        json_t *value = json_loads(line, 0, NULL);

        answer_fail(&answer, failure_read(value, 0));
        json_decref(value);
    }
    (void)answer_conclude(&answer, 0);
    WRITE(line, "%s", events.data);
    answer_release(&answer);
    strbuf_release(&events);
}

static const struct {
    const struct adapter *adapter;
    void (*say)(const struct row *row, text line);
} backends[] = {
    {&adapter_claude, say_claude},     {&adapter_codex, say_codex},
    {&adapter_gemini, say_gemini},     {&adapter_copilot, say_copilot},
    {&adapter_opencode, say_opencode}, {&adapter_qwen, say_qwen},
    {&adapter_acp, say_acp},           {&adapter_command, say_command},
    {&adapter_host, say_host},         {&adapter_openai, say_server},
    {&adapter_ollama, say_server},     {&adapter_llamacpp, say_server},
    {&adapter_localai, say_server},    {&adapter_textgen, say_server},
    {&adapter_groq, say_server},       {&adapter_anthropic, say_server},
    {&adapter_gemini_api, say_server},
};
static_assert(COLUMNS <= ARRAY_LEN(backends), "all servers share the last column");

/* ---- the table ---- */

static struct agent_end end_of(enum way way)
{
    struct agent_end end = {.exit_status = 1, .errors = "", .ended_at_ms = ENDED_AT_MS};

    switch (way) {
    case BY_SIGNAL:
        end.exit_status = -1;
        end.signal = 9;
        break;
    case BY_TIME:
        end.timed_out = true;
        break;
    case BY_STOP:
        end.stopped = true;
        break;
    case BY_CUT:
        end.exit_status = 0;
        break;
    case BY_EXIT:
    case BY_ERROR:
    case BY_LIMIT:
    case BY_REFUSAL:
        break;
    }
    return end;
}

static char letter_of(const struct agent_result *result)
{
    static const char letters[] = {
        [AGENT_FINE] = '?',      [AGENT_TRANSIENT] = 't', [AGENT_LIMIT] = 'l',
        [AGENT_PERMANENT] = 'p', [AGENT_REFUSED] = 'r',   [AGENT_TIMEOUT] = 'o',
        [AGENT_CANCELLED] = 'c',
    };

    return result->failure == AGENT_LIMIT && result->retry_after_ms == 7000
               ? 'L'
               : letters[result->failure];
}

static bool has_words(enum way way)
{
    return way == BY_ERROR || way == BY_LIMIT || way == BY_REFUSAL;
}

static void check(const struct row *row, size_t index)
{
    size_t column = index < COLUMNS ? index : COLUMNS - 1;
    const struct adapter *adapter = backends[index].adapter;
    const struct agent_end end = end_of(row->way);
    struct stream stream;
    text line = "";

    if (row->classes[column] == '-') {
        return;
    }
    agent_stream_begin(&stream, adapter);
    stream.agent.output_format = "jsonl"; /* of any program */
    if (has_words(row->way) || adapter->kind == ADAPTER_HOST) {
        backends[index].say(row, line);
    }
    agent_stream_add(&stream, line);
    agent_stream_end(&stream, &end);
    if (letter_of(stream.result) != row->classes[column]) {
        fail_msg("%s, %s: %c (%s), not %c", adapter->type, row->name, letter_of(stream.result),
                 stream.result->error ? stream.result->error : "", row->classes[column]);
    }
    agent_stream_release(&stream);
}

static void every_failure_of_every_backend_has_its_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(strlen(rows[i].classes), COLUMNS);
        for (size_t at = 0; at < ARRAY_LEN(backends); at++) {
            check(&rows[i], at);
        }
    }
}

static void every_adapter_has_its_place_in_the_table(void **state)
{
    size_t count;

    (void)state;
    (void)adapter_list(&count);
    assert_int_equal(count, ARRAY_LEN(backends));
}

static const char *word_of(char letter)
{
    static const struct {
        char letter;
        const char *word;
    } words[] = {{'t', "transient"}, {'l', "limit"},         {'L', "limit, until then"},
                 {'p', "permanent"}, {'r', "refused"},       {'o', "timeout"},
                 {'c', "cancelled"}, {'-', "not told apart"}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (words[i].letter == letter) {
            return words[i].word;
        }
    }
    return "";
}

/* The class of the first, and who differs. */
static void print_row(const struct row *row)
{
    static const char letters[] = "tlLproc-";
    const char *between = "";

    printf("| %s | %s | ", row->name, word_of(row->classes[0]));
    for (const char *letter = letters; *letter; letter++) {
        bool is_first = true;

        for (size_t at = 1; at < COLUMNS; at++) {
            if (row->classes[at] == *letter && *letter != row->classes[0]) {
                printf("%s%s", is_first ? between : ", ", columns[at]);
                is_first = false;
            }
        }
        if (!is_first) {
            printf(": %s", word_of(*letter));
            between = "; ";
        }
    }
    printf(" |\n");
}

struct sample {
    int status;
    const char *text;
    enum agent_failure failure;
};

static void assert_classes(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum agent_failure found = agent_classify(samples[i].status, samples[i].text);

        if (found != samples[i].failure) {
            fail_msg("%d \"%s\" is %s, not %s", samples[i].status, samples[i].text,
                     agent_failure_name(found), agent_failure_name(samples[i].failure));
        }
    }
}

static void a_status_decides_alone_but_for_429(void **state)
{
    static const struct sample samples[] = {
        {408, "", AGENT_TRANSIENT},
        {409, "", AGENT_TRANSIENT},
        {500, "", AGENT_TRANSIENT},
        {503, "invalid api key", AGENT_TRANSIENT},
        {529, "Overloaded", AGENT_TRANSIENT},
        {429, "slow down", AGENT_LIMIT},
        {429, "insufficient_quota", AGENT_PERMANENT},
        {400, "timeout must be positive", AGENT_PERMANENT},
        {401, "", AGENT_PERMANENT},
        {404, "connection", AGENT_PERMANENT},
        {413, "", AGENT_PERMANENT},
    };

    (void)state;
    assert_classes(samples, ARRAY_LEN(samples));
}

static void a_status_is_found_in_a_message(void **state)
{
    static const struct sample samples[] = {
        {0, "unexpected status 401 Unauthorized: connection to https://x", AGENT_PERMANENT},
        {0, "exceeded retry limit, last status: 429 Too Many Requests", AGENT_LIMIT},
        {0, "API Error: 529 {\"type\":\"error\"}", AGENT_TRANSIENT},
        {0, "[API Error: 500 status code (no body)]", AGENT_TRANSIENT},
        {0, "HTTP 503", AGENT_TRANSIENT},
        {0, "status code 502", AGENT_TRANSIENT},
        {0, "error: 4000 lines are too many", AGENT_PERMANENT},
    };

    (void)state;
    assert_classes(samples, ARRAY_LEN(samples));
}

static void words_decide_where_there_is_no_status(void **state)
{
    static const struct sample samples[] = {
        {0, "API Error: Connection refused", AGENT_TRANSIENT},
        {0, "connect ECONNREFUSED 127.0.0.1:1", AGENT_TRANSIENT},
        {0, "Could not connect to local model provider at http://127.0.0.1:1/v1.", AGENT_TRANSIENT},
        {0, "stream disconnected before completion: closed", AGENT_TRANSIENT},
        {0, "Request timed out.", AGENT_TRANSIENT},
        {0, "You have hit your usage limit. Try again later.", AGENT_LIMIT},
        {0, "Rate limit reached", AGENT_LIMIT},
        {0, "Quota exceeded. Check your plan and billing details.", AGENT_PERMANENT},
        {0, "You've hit your session limit · resets 3pm (UTC)", AGENT_LIMIT},
        {0, "5-hour limit reached", AGENT_LIMIT},
        {0, "Context limit reached", AGENT_PERMANENT},
        {0, "blocked by the content filter", AGENT_REFUSED},
        {0, "this request appears to violate our Usage Policy", AGENT_REFUSED},
        {400, "triggering the content management policy", AGENT_REFUSED},
        {403, "you have no permission", AGENT_PERMANENT},
        {0, "Not logged in", AGENT_PERMANENT},
        {0, "Segmentation fault", AGENT_PERMANENT},
        {0, "", AGENT_PERMANENT},
    };

    (void)state;
    assert_classes(samples, ARRAY_LEN(samples));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_decides_alone_but_for_429),
        cmocka_unit_test(a_status_is_found_in_a_message),
        cmocka_unit_test(words_decide_where_there_is_no_status),
        cmocka_unit_test(every_failure_of_every_backend_has_its_class),
        cmocka_unit_test(every_adapter_has_its_place_in_the_table),
    };

    if (argc == 2 && strcmp(argv[1], "--table") == 0) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            print_row(&rows[i]);
        }
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
