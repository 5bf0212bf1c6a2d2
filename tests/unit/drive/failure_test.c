/* SPDX-License-Identifier: MIT */
#include "drive/failure.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void check_body(int status, const char *body, const char *text)
{
    struct failure failure = failure_read_body(body, strlen(body), status);

    assert_string_equal(failure.text, text);
    assert_int_equal(failure.status, status);
    free(failure.text);
}

static void every_server_has_its_own_shape(void **state)
{
    (void)state;
    check_body(401,
               "{\"error\":{\"message\":\"bad key\",\"type\":\"x\",\"param\":null,"
               "\"code\":\"invalid_api_key\"}}",
               "bad key (invalid_api_key)");
    check_body(529,
               "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
               "\"Overloaded\"},\"request_id\":\"r\"}",
               "Overloaded (overloaded_error)");
    check_body(404, "{\"error\":\"model 'x' not found\"}", "model 'x' not found");
    check_body(503,
               "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":"
               "\"unavailable_error\"}}",
               "Loading model (unavailable_error)");
    check_body(400, "[{\"error\":{\"code\":400,\"message\":\"no\",\"status\":\"INVALID\"}}]",
               "no (INVALID)");
    check_body(422, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}",
               "field required");
    check_body(401, "{\"detail\":\"Not authenticated\"}", "Not authenticated");
    check_body(403, "{\"message\":\"gateway says no\"}", "gateway says no");
}

static void what_is_no_json_is_told_in_a_line(void **state)
{
    (void)state;
    check_body(502, "<html>\n<body>Bad Gateway</body>", "a page of HTML, not the answer of an API");
    check_body(500, "Internal\n\033[31mServer\xff Error\n", "Internal Server\xef\xbf\xbd Error ");
    check_body(500, "", "no reason was given");
    check_body(500, " \n", "no reason was given");
    check_body(500, "\v", "no reason was given");
    check_body(500, "{}", "no reason was given");
    check_body(500, "{\"error\":{}}", "no reason was given");
    check_body(500, "[]", "[]");
}

static void a_long_message_is_cut(void **state)
{
    struct strbuf body;
    struct failure failure;

    (void)state;
    strbuf_init(&body, 100000);
    for (int i = 0; i < 9000; i++) {
        strbuf_add(&body, "\xc3\xa4");
    }
    failure = failure_read_body(body.data, body.length, 500);
    assert_true(strlen(failure.text) < 2000);
    free(failure.text);
    strbuf_release(&body);
}

static void check_stream(const char *text, enum agent_failure class, int status)
{
    json_t *value = json_loads(text, 0, NULL);
    struct failure failure;
    enum agent_failure found;

    assert_true(failure_is(value));
    failure = failure_read(value, 0);
    assert_int_equal(failure.status, status);
    found =
        failure.class != AGENT_FINE ? failure.class : agent_classify(failure.status, failure.text);
    assert_int_equal(found, class);
    free(failure.text);
    json_decref(value);
}

static void an_error_inside_a_stream_has_the_status_that_it_would_have_had(void **state)
{
    (void)state;
    check_stream("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}", AGENT_TRANSIENT,
                 529);
    check_stream("{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}", AGENT_TRANSIENT, 503);
    check_stream("{\"error\":{\"type\":\"rate_limit_error\"}}", AGENT_LIMIT, 429);
    check_stream("{\"error\":{\"type\":\"invalid_request_error\"}}", AGENT_PERMANENT, 400);
    check_stream("{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"odd\"}}",
                 AGENT_PERMANENT, 400);
    check_stream("{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"quota\"}}",
                 AGENT_PERMANENT, 429);
    check_stream("{\"error\":{\"message\":\"CUDA error\",\"type\":\"server_error\"}}",
                 AGENT_TRANSIENT, 0);
    check_stream("{\"error\":\"something broke\"}", AGENT_TRANSIENT, 0);
    check_stream("{\"error\":\"you exceeded your current quota\"}", AGENT_PERMANENT, 0);
}

static void what_is_no_error_is_none(void **state)
{
    static const char *const texts[] = {"{}", "[]", "{\"error\":null}", "{\"error\":false}",
                                        "{\"type\":\"message\"}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_t *value = json_loads(texts[i], 0, NULL);

        assert_false(failure_is(value));
        json_decref(value);
    }
    assert_false(failure_is(NULL));
}

#define GOOGLE(violation, delay)                                                                   \
    "{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota\",\"status\":"         \
    "\"RESOURCE_EXHAUSTED\",\"details\":[{\"violations\":[{\"quotaId\":\"" violation               \
    "\"}]},{\"retryDelay\":\"" delay "\"}]}}"

static void googles_details_tell_a_limit_from_a_quota(void **state)
{
    static const struct {
        const char *body;
        enum agent_failure class;
        int retry_after_ms;
    } cases[] = {
        {GOOGLE("RequestsPerMinutePerProject", "34.5s"), AGENT_LIMIT, 34500},
        {GOOGLE("RequestsPerDayPerProject", "34s"), AGENT_PERMANENT, 34000},
        {GOOGLE("RequestsPerMinutePerProject", "soon"), AGENT_LIMIT, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct failure failure = failure_read_body(cases[i].body, strlen(cases[i].body), 429);

        assert_int_equal(failure.class, cases[i].class);
        assert_int_equal(failure.retry_after_ms, cases[i].retry_after_ms);
        free(failure.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_server_has_its_own_shape),
        cmocka_unit_test(what_is_no_json_is_told_in_a_line),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(an_error_inside_a_stream_has_the_status_that_it_would_have_had),
        cmocka_unit_test(what_is_no_error_is_none),
        cmocka_unit_test(googles_details_tell_a_limit_from_a_quota),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
