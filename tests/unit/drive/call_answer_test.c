/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "base/alloc.h"
#include "support/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const char *find_nothing(const char *name)
{
    (void)name;
    return NULL;
}

/* A call of the type to the server; `more` is JSON that follows. */
static void make(struct call *call, const char *type, const struct web *web, const char *more)
{
    static const struct call_environment environment = {.find = find_nothing};
    char *text = mem_printf("{\"type\":\"%s\",\"endpoint\":\"%s\"%s}", type, web->url, more);
    json_t *input = json_loads(text, 0, NULL);

    assert_non_null(input);
    assert_int_equal(call_read(input, &environment, call, NULL), 0);
    free(text);
}

#define OK(body) "HTTP/1.0 200 OK\r\n\r\n" body
#define NO(status, body) "HTTP/1.0 " status " No\r\n\r\n" body

static void on_event(void *context, const struct agent_event *event)
{
    agent_event_add_line(event, context);
}

#define SAID                                                                                       \
    OK("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n"      \
       "data: [DONE]\n\n")
#define LOADING NO("503", "{\"error\":{\"code\":503,\"message\":\"Loading model\"}}")

/* What was said last, as text; true when the answer was whole. */
static bool ask(const char *type, const char *more, const struct web_answer *answers, size_t count,
                struct strbuf *events)
{
    char *input = mem_printf(",\"prompt\":\"hi\"%s", more);
    struct call call;
    struct web web;
    bool is_whole;

    strbuf_init(events, 10000);
    web_start(&web, answers, count);
    make(&call, type, &web, input);
    is_whole = call_answer(&call, on_event, events);
    call_release(&call);
    web_stop(&web);
    free(input);
    return is_whole;
}

static void check(struct strbuf *events, const char *words)
{
    if (!strstr(events->data, words)) {
        fail_msg("\"%s\" is not in: %s", words, events->data);
    }
    strbuf_release(events);
}

static void a_whole_answer_ends_with_done(void **state)
{
    (void)state;
    const struct web_answer answers[] = {{.text = SAID, .piece = 1}};
    struct strbuf events;

    assert_true(ask("llamacpp", "", answers, 1, &events));
    check(&events, "{\"event\":\"text\",\"text\":\"a\",\"partial\":true}\n"
                   "{\"event\":\"done\",\"text\":\"stop\"}\n");
}

static void a_model_that_is_loading_is_waited_for(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = LOADING}, {.text = LOADING}, {.text = OK("{}")}, {.text = SAID}};
    struct strbuf events;

    assert_true(ask("llamacpp", "", answers, 4, &events));
    check(&events, "done");
}

static void a_model_that_loads_for_ever_is_not(void **state)
{
    (void)state;
    const struct web_answer answers[] = {{.text = LOADING}, {.text = LOADING}, {.text = LOADING}};
    struct strbuf events;

    assert_false(ask("llamacpp", ",\"silence_ms\":300", answers, 3, &events));
    check(&events, "answered 503: Loading model\",\"failure\":\"transient\",\"status\":503}\n");
}

static void a_server_that_is_busy_is_not_waited_for(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = "HTTP/1.0 503 No\r\nRetry-After: 4\r\n\r\n{\"error\":\"model is loading\"}"}};
    struct strbuf events;

    assert_false(ask("localai", ",\"model\":\"m\"", answers, 1, &events));
    check(&events, "\"failure\":\"transient\",\"status\":503,\"retry_after_ms\":4000}\n");
}

static void a_model_need_not_be_named_where_there_is_one(void **state)
{
    (void)state;
    const struct web_answer answers[] = {{.text = OK("{\"data\":[{\"id\":\"m\"}]}")},
                                         {.text = SAID}};
    struct strbuf events;

    assert_true(ask("openai-compatible", "", answers, 2, &events));
    check(&events, "done");
}

static void without_a_model_there_is_no_call(void **state)
{
    (void)state;
    const struct web_answer many[] = {{.text = OK("{\"data\":[{\"id\":\"m\"},{\"id\":\"n\"}]}")}};
    const struct web_answer none[] = {{.text = OK("{\"models\":[]}")},
                                      {.text = OK("{\"models\":[]}")}};
    const struct web_answer broken[] = {{.text = NO("500", "")}};
    struct strbuf events;

    assert_false(ask("openai-compatible", "", many, 1, &events));
    check(&events, "it has m, n\",\"failure\":\"permanent\"");
    assert_false(ask("ollama", "", none, 2, &events));
    check(&events, "Ollama has no model yet; `fermata models pull MODEL` fetches one");
    assert_false(ask("openai-compatible", "", broken, 1, &events));
    check(&events, "\"failure\":\"transient\",\"status\":500}");
}

static void what_the_server_said_counts_more_than_how_its_connection_ended(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
                 "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}"
                 "\n\n"}};
    struct strbuf events;

    assert_true(ask("llamacpp", "", answers, 1, &events));
    check(&events, "done");
}

static void an_answer_that_broke_off_may_be_asked_for_again(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
                 "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"}};
    struct strbuf events;

    assert_false(ask("llamacpp", "", answers, 1, &events));
    check(&events, "\"failure\":\"transient\"}\n");
}

static void silence_ends_a_call(void **state)
{
    (void)state;
    const struct web_answer answers[] = {{.text = NULL, .hangs = true}};
    struct strbuf events;

    assert_false(ask("llamacpp", ",\"silence_ms\":20", answers, 1, &events));
    check(&events, "was silent for 20ms\",\"failure\":\"timeout\"}\n");
    assert_false(ask("llamacpp", ",\"timeout_ms\":20", answers, 1, &events));
    check(&events, "within 20ms\",\"failure\":\"timeout\"}\n");
}

static void an_error_in_the_stream_ends_the_call_at_once(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = OK("data: {\"error\":{\"message\":\"boom\"}}\n\n"), .hangs = true}};
    struct strbuf events;

    assert_false(ask("llamacpp", "", answers, 1, &events));
    check(&events, "{\"event\":\"error\",\"text\":\"boom\",\"failure\":\"transient\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_answer_ends_with_done),
        cmocka_unit_test(a_model_that_is_loading_is_waited_for),
        cmocka_unit_test(a_model_that_loads_for_ever_is_not),
        cmocka_unit_test(a_server_that_is_busy_is_not_waited_for),
        cmocka_unit_test(a_model_need_not_be_named_where_there_is_one),
        cmocka_unit_test(without_a_model_there_is_no_call),
        cmocka_unit_test(what_the_server_said_counts_more_than_how_its_connection_ended),
        cmocka_unit_test(an_answer_that_broke_off_may_be_asked_for_again),
        cmocka_unit_test(silence_ends_a_call),
        cmocka_unit_test(an_error_in_the_stream_ends_the_call_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
