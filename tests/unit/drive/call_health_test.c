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

/* Of the health as it is read from these answers. The caller owns it. */
static json_t *look(const char *type, const struct web_answer *answers, size_t count)
{
    struct call call;
    struct web web;
    json_t *health;

    web_start(&web, answers, count);
    make(&call, type, &web, "");
    health = call_health(&call, true);
    assert_string_equal(json_get_text(health, "endpoint", ""), web.url);
    assert_string_equal(json_get_text(health, "type", ""), type);
    call_release(&call);
    web_stop(&web);
    return health;
}

static bool is_true(const json_t *health, const char *key)
{
    return json_is_true(json_object_get(health, key));
}

static void a_server_in_good_health_has_version_and_models(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = OK("{\"status\":\"ok\"}")},
        {.text = OK("{\"data\":[{\"id\":\"m\"}]}")},
        {.text = OK("{\"build_info\":\"b123\"}")},
    };
    json_t *health = look("llamacpp", answers, 3);

    assert_true(is_true(health, "ok"));
    assert_false(is_true(health, "loading"));
    assert_string_equal(json_get_text(health, "version", ""), "b123");
    assert_int_equal(json_array_size(json_object_get(health, "models")), 1);
    json_decref(health);
}

static void a_server_that_loads_is_there_but_not_ready(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = NO("503", "{\"error\":{\"message\":\"Loading model\"}}")}};
    json_t *health = look("llamacpp", answers, 1);

    assert_false(is_true(health, "ok"));
    assert_true(is_true(health, "loading"));
    assert_non_null(strstr(json_get_text(health, "error", ""), "Loading model"));
    json_decref(health);
}

static void a_version_that_is_not_told_is_absent(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = NO("404", "")}, {.text = OK("{\"data\":[]}")}, {.text = NO("404", "")}};
    json_t *health = look("localai", answers, 3);

    assert_true(is_true(health, "ok"));
    assert_null(json_object_get(health, "version"));
    json_decref(health);
}

static void whoever_refuses_the_key_is_not_in_good_health(void **state)
{
    (void)state;
    const struct web_answer answers[] = {{.text = NO("401", "{\"error\":\"no\"}")}};
    json_t *health = look("openai-compatible", answers, 1);

    assert_false(is_true(health, "ok"));
    assert_int_equal(json_get_integer(health, "status", 0), 401);
    assert_string_equal(json_get_text(health, "failure", ""), "permanent");
    assert_null(json_object_get(health, "models"));
    json_decref(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_in_good_health_has_version_and_models),
        cmocka_unit_test(a_server_that_loads_is_there_but_not_ready),
        cmocka_unit_test(a_version_that_is_not_told_is_absent),
        cmocka_unit_test(whoever_refuses_the_key_is_not_in_good_health),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
