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

static void check(const char *type, const char *more, const char *answer, const char *words)
{
    const struct web_answer answers[] = {{.text = answer}};
    struct failure failure;
    struct call call;
    struct web web;

    web_start(&web, answers, 1);
    make(&call, type, &web, more);
    assert_null(call_get(&call, "/x", &failure));
    if (!strstr(failure.text, words)) {
        fail_msg("\"%s\" is not in: %s", words, failure.text);
    }
    free(failure.text);
    call_release(&call);
    web_stop(&web);
}

static void a_failure_says_who_answered_what_and_what_to_do(void **state)
{
    (void)state;
    check("ollama", "", NO("401", "{\"error\":\"bad\"}"),
          "answered 401: bad; no key was sent: set `key` of the agent");
    check("ollama", ",\"key_variable\":\"MY_KEY\",\"key_optional\":true", NO("403", ""),
          "; no key was sent, since MY_KEY is not set");
    check("ollama", ",\"model\":\"m\",\"prompt\":\"hi\"", NO("404", "{\"error\":\"gone\"}"),
          "gone; `fermata models pull m` fetches a model");
    check("openai-compatible", ",\"model\":\"m\"", NO("404", "{\"error\":\"gone\"}"), "404: gone");
    check("ollama", "", "HTTP/1.0 301 Moved\r\nLocation: https://a:b@other/\r\n\r\n",
          "sends us on to https://other/, where we do not follow");
    check("ollama", "", "", "broke off");
    check("ollama", "", OK("<html>"), "answers, but not as Ollama does (no type)");
}

static void a_server_that_is_not_there_comes_with_how_to_start_it(void **state)
{
    (void)state;
    const struct web_answer answers[] = {{.text = ""}};
    struct failure failure;
    struct call call;
    struct web web;
    json_t *result;

    web_start(&web, answers, 1);
    web_stop(&web);
    make(&call, "ollama", &web, "");
    assert_null(call_get(&call, "/x", &failure));
    assert_non_null(strstr(failure.text, "no server answers at http://127.0.0.1:"));
    assert_non_null(strstr(failure.text, "start it with `ollama serve`"));
    result = call_failure_result(&failure);
    assert_string_equal(json_get_text(result, "failure", ""), "transient");
    assert_true(json_is_false(json_object_get(result, "ok")));
    json_decref(result);
    call_release(&call);
}

static void the_key_is_sent_and_never_told(void **state)
{
    (void)state;
    const struct web_answer answers[] = {{.text = NO("401", "{}")}};
    struct failure failure;
    struct call call;
    struct web web;
    char *request;

    web_start(&web, answers, 1);
    make(&call, "anthropic", &web, "");
    call.key = mem_strdup("secret");
    call.key_name = "MY_KEY";
    call.key_header = mem_strdup("x-api-key: secret");
    assert_null(call_get(&call, "/x", &failure));
    request = web_take_request(&web);
    assert_non_null(strstr(request, "\r\nx-api-key: secret\r\n"));
    assert_non_null(strstr(request, "\r\nanthropic-version: "));
    assert_null(strstr(failure.text, "secret"));
    assert_non_null(strstr(failure.text, "; the key is that of MY_KEY"));
    free(request);
    free(failure.text);
    call_release(&call);
    web_stop(&web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_says_who_answered_what_and_what_to_do),
        cmocka_unit_test(a_server_that_is_not_there_comes_with_how_to_start_it),
        cmocka_unit_test(the_key_is_sent_and_never_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
