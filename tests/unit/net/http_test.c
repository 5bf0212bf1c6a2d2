/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include "base/alloc.h"
#include "support/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\n"

struct sent {
    struct web web;
    struct http_response response;
    struct error err;
    int r;
};

/* One answer to one request to the root. */
static void send_to(struct sent *sent, const struct web_answer *answer, struct http_request request)
{
    char *url;

    memset(sent, 0, sizeof(*sent));
    web_start(&sent->web, answer, 1);
    url = mem_printf("%s/x", sent->web.url);
    request.url = url;
    request.method = request.method ? request.method : "GET";
    sent->r = http_send(&request, &sent->response, &sent->err);
    free(url);
}

static void end(struct sent *sent)
{
    http_response_release(&sent->response);
    web_stop(&sent->web);
}

static void an_answer_has_status_type_and_body(void **state)
{
    const struct web_answer answer = {
        .text = OK "Content-Type: Application/JSON; x=y\r\nContent-Length: 4\r\n\r\nbody"};
    struct sent sent;

    (void)state;
    send_to(&sent, &answer, (struct http_request){0});
    assert_int_equal(sent.r, 0);
    assert_int_equal(sent.response.status, 200);
    assert_string_equal(sent.response.type, "application/json");
    assert_string_equal(sent.response.body.data, "body");
    assert_int_equal(sent.response.bytes, 4);
    assert_true(sent.response.retry_after_ms < 0);
    end(&sent);
}

static void a_request_sends_method_headers_and_body(void **state)
{
    const struct web_answer answer = {.text = OK "Content-Length: 0\r\n\r\n"};
    const char *const headers[] = {"X-One: 1", "Authorization: Bearer k"};
    struct sent sent;
    char *request;

    (void)state;
    send_to(&sent, &answer,
            (struct http_request){.method = "DELETE",
                                  .headers = headers,
                                  .header_count = 2,
                                  .body = "{\"a\":1}",
                                  .body_length = 7});
    assert_int_equal(sent.r, 0);
    request = web_take_request(&sent.web);
    assert_memory_equal(request, "DELETE /x HTTP/1.1\r\n", 20);
    assert_non_null(strstr(request, "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(request, "\r\nAuthorization: Bearer k\r\n"));
    assert_non_null(strstr(request, "\r\nUser-Agent: fermata/"));
    assert_null(strstr(request, "\r\nExpect:"));
    assert_non_null(strstr(request, "\r\n\r\n{\"a\":1}"));
    free(request);
    end(&sent);
}

static bool take_body(void *context, const char *bytes, size_t length)
{
    strbuf_add_bytes(context, bytes, length);
    return true;
}

static void a_stream_is_handed_on_as_it_comes(void **state)
{
    const struct web_answer answer = {
        .text = OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        .piece = 1};
    struct strbuf body;
    struct sent sent;

    (void)state;
    strbuf_init(&body, 100);
    send_to(&sent, &answer, (struct http_request){.on_body = take_body, .context = &body});
    assert_int_equal(sent.r, 0);
    assert_string_equal(body.data, "abcde");
    assert_int_equal(sent.response.body.length, 0);
    strbuf_release(&body);
    end(&sent);
}

static void the_body_of_a_failure_is_kept_and_not_handed_on(void **state)
{
    const struct web_answer answer = {
        .text = "HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 3\r\n\r\nwhy"};
    struct strbuf body;
    struct sent sent;

    (void)state;
    strbuf_init(&body, 100);
    send_to(&sent, &answer, (struct http_request){.on_body = take_body, .context = &body});
    assert_int_equal(sent.r, 0);
    assert_int_equal(sent.response.status, 429);
    assert_int_equal(sent.response.retry_after_ms, 7000);
    assert_string_equal(sent.response.body.data, "why");
    assert_int_equal(body.length, 0);
    strbuf_release(&body);
    end(&sent);
}

static void milliseconds_to_wait_are_more_exact_than_seconds(void **state)
{
    const struct web_answer answer = {.text = "HTTP/1.1 503 No\r\nretry-after-ms: 250\r\n"
                                              "Retry-After: 1\r\nContent-Length: 0\r\n\r\n"};
    struct sent sent;

    (void)state;
    send_to(&sent, &answer, (struct http_request){0});
    assert_int_equal(sent.response.retry_after_ms, 250);
    end(&sent);
}

static void an_answer_that_breaks_off_is_none(void **state)
{
    static const struct web_answer answers[] = {
        {.text = OK "Content-Length: 10\r\n\r\nabc"},
        {.text = OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"},
        {.text = NULL},
        {.text = "no HTTP at all\r\n\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct sent sent;

        send_to(&sent, &answers[i], (struct http_request){0});
        assert_int_equal(sent.r, ERROR_IO);
        assert_int_equal(sent.response.trouble, HTTP_BROKEN);
        assert_non_null(strstr(sent.err.text, "broke off"));
        end(&sent);
    }
}

static void a_body_may_end_with_its_connection(void **state)
{
    const struct web_answer answer = {.text = OK "\r\nabc"};
    struct sent sent;

    (void)state;
    send_to(&sent, &answer, (struct http_request){0});
    assert_int_equal(sent.r, 0);
    assert_string_equal(sent.response.body.data, "abc");
    end(&sent);
}

static void a_server_that_says_nothing_is_left_after_the_time_for_it(void **state)
{
    static const struct web_answer answers[] = {
        {.text = NULL, .hangs = true},
        {.text = OK "Content-Length: 10\r\n\r\nabc", .hangs = true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct sent sent;

        send_to(&sent, &answers[i], (struct http_request){.silence_ms = 30});
        assert_int_equal(sent.r, ERROR_BUSY);
        assert_int_equal(sent.response.trouble, HTTP_SILENT);
        assert_non_null(strstr(sent.err.text, "was silent for 30ms"));
        end(&sent);
    }
}

static void the_whole_has_a_deadline_too(void **state)
{
    const struct web_answer answer = {.text = OK "Content-Length: 10\r\n\r\nabc", .hangs = true};
    struct sent sent;

    (void)state;
    send_to(&sent, &answer, (struct http_request){.silence_ms = 60000, .total_ms = 30});
    assert_int_equal(sent.r, ERROR_BUSY);
    assert_int_equal(sent.response.trouble, HTTP_LATE);
    end(&sent);
}

static void what_is_too_large_is_not_read(void **state)
{
    const struct web_answer body = {.text = OK "Content-Length: 4\r\n\r\nbody"};
    struct web_answer head;
    struct strbuf text;
    struct sent sent;

    (void)state;
    send_to(&sent, &body, (struct http_request){.body_bytes_max = 3});
    assert_int_equal(sent.r, ERROR_LIMIT);
    assert_int_equal(sent.response.trouble, HTTP_TOO_LARGE);
    end(&sent);

    strbuf_init(&text, 200000);
    strbuf_add(&text, OK);
    for (int i = 0; i < 700; i++) {
        strbuf_addf(&text, "X-%d: %0100d\r\n", i, 0);
    }
    strbuf_add(&text, "Content-Length: 0\r\n\r\n");
    head = (struct web_answer){.text = text.data};
    send_to(&sent, &head, (struct http_request){0});
    assert_int_equal(sent.r, ERROR_LIMIT);
    strbuf_release(&text);
    end(&sent);
}

static bool refuse_body(void *context, const char *bytes, size_t length)
{
    (void)context;
    (void)bytes;
    (void)length;
    return false;
}

static void who_reads_may_stop(void **state)
{
    const struct web_answer answer = {.text = OK "Content-Length: 100\r\n\r\nabc", .hangs = true};
    struct sent sent;

    (void)state;
    send_to(&sent, &answer, (struct http_request){.on_body = refuse_body});
    assert_int_equal(sent.r, ERROR_CANCELLED);
    assert_int_equal(sent.response.trouble, HTTP_UNWANTED);
    end(&sent);
}

static void a_redirection_is_told_and_not_followed(void **state)
{
    const struct web_answer answer = {.text = "HTTP/1.1 302 Found\r\nLocation: "
                                              "http://u:secret@other/x?k=secret\r\n"
                                              "Content-Length: 0\r\n\r\n"};
    struct sent sent;

    (void)state;
    send_to(&sent, &answer, (struct http_request){0});
    assert_int_equal(sent.r, 0);
    assert_int_equal(sent.response.status, 302);
    assert_string_equal(sent.response.location, "http://other/x");
    end(&sent);
}

static void where_nobody_listens_is_no_server(void **state)
{
    const struct web_answer answer = {.text = OK "\r\n"};
    struct http_request request = {.method = "GET"};
    struct http_response response;
    struct error err = ERROR_INIT;
    struct web web;

    (void)state;
    web_start(&web, &answer, 1);
    web_stop(&web); /* its port is free now */
    request.url = web.url;
    assert_int_equal(http_send(&request, &response, &err), ERROR_UNAVAILABLE);
    assert_int_equal(response.trouble, HTTP_UNREACHABLE);
    assert_non_null(strstr(err.text, "no server answers at http://127.0.0.1:"));
    http_response_release(&response);
}

static void check_refused(const char *url, const char *header)
{
    const char *const headers[] = {header};
    struct http_request request = {
        .method = "GET", .url = url, .headers = headers, .header_count = header ? 1 : 0};
    struct http_response response;
    struct error err = ERROR_INIT;

    assert_int_equal(http_send(&request, &response, &err), ERROR_INVALID);
    assert_int_equal(response.trouble, HTTP_INVALID);
    assert_null(strstr(err.text, "secret"));
    http_response_release(&response);
}

static void what_makes_no_sense_is_not_sent(void **state)
{
    (void)state;
    check_refused("ftp://user:secret@127.0.0.1/", NULL);
    check_refused("file:///etc/passwd", NULL);
    check_refused("nonsense", NULL);
    check_refused("http://", NULL);
    check_refused("http://127.0.0.1/\r\nX: secret", NULL);
    check_refused("http://127.0.0.1:1/", "Authorization: Bearer secret\r\nX: y");
}

static void the_loopback_is_reached_without_a_proxy(void **state)
{
    const struct web_answer answer = {.text = OK "Content-Length: 0\r\n\r\n"};
    struct sent sent;

    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    send_to(&sent, &answer, (struct http_request){0});
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(sent.r, 0);
    end(&sent);
}

static void another_host_is_reached_through_the_proxy_of_the_environment(void **state)
{
    const struct web_answer answer = {.text = OK "Content-Length: 2\r\n\r\nhi"};
    struct http_request request = {.method = "GET", .url = "http://far.invalid/y"};
    struct http_response response;
    struct web web;
    char *asked;

    (void)state;
    web_start(&web, &answer, 1);
    assert_int_equal(setenv("http_proxy", web.url, 1), 0);
    assert_int_equal(http_send(&request, &response, NULL), 0);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_string_equal(response.body.data, "hi");
    asked = web_take_request(&web);
    assert_memory_equal(asked, "GET http://far.invalid/y HTTP/1.1", 33);
    free(asked);
    http_response_release(&response);
    web_stop(&web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_status_type_and_body),
        cmocka_unit_test(a_request_sends_method_headers_and_body),
        cmocka_unit_test(a_stream_is_handed_on_as_it_comes),
        cmocka_unit_test(the_body_of_a_failure_is_kept_and_not_handed_on),
        cmocka_unit_test(milliseconds_to_wait_are_more_exact_than_seconds),
        cmocka_unit_test(an_answer_that_breaks_off_is_none),
        cmocka_unit_test(a_body_may_end_with_its_connection),
        cmocka_unit_test(a_server_that_says_nothing_is_left_after_the_time_for_it),
        cmocka_unit_test(the_whole_has_a_deadline_too),
        cmocka_unit_test(what_is_too_large_is_not_read),
        cmocka_unit_test(who_reads_may_stop),
        cmocka_unit_test(a_redirection_is_told_and_not_followed),
        cmocka_unit_test(where_nobody_listens_is_no_server),
        cmocka_unit_test(what_makes_no_sense_is_not_sent),
        cmocka_unit_test(the_loopback_is_reached_without_a_proxy),
        cmocka_unit_test(another_host_is_reached_through_the_proxy_of_the_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
