/* SPDX-License-Identifier: MIT */
#include "drive/listing.h"

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

static void check_result(json_t *result, const char *expected)
{
    char *text = json_dump_sorted(result);

    assert_string_equal(text, expected);
    free(text);
    json_decref(result);
}

static void check(const char *type, const char *answer, const char *expected)
{
    json_t *value = json_loads(answer, 0, NULL);

    assert_non_null(value);
    check_result(listing_read(server_find(type), value), expected);
    json_decref(value);
}

static void models_of_all_servers_have_one_form(void **state)
{
    (void)state;
    check("ollama",
          "{\"models\":[{\"name\":\"m:latest\",\"size\":5,\"modified_at\":\"2025\",\"details\":{"
          "\"family\":\"f\",\"parameter_size\":\"7B\",\"quantization_level\":\"Q4\"}}]}",
          "[{\"family\":\"f\",\"modified\":\"2025\",\"name\":\"m:latest\",\"parameters\":\"7B\","
          "\"quantization\":\"Q4\",\"size\":5}]");
    check("llamacpp",
          "{\"data\":[{\"id\":\"m\",\"meta\":{\"n_ctx_train\":4096,\"size\":9},\"status\":{"
          "\"value\":\"loaded\"}},{\"id\":\"n\",\"meta\":null,\"status\":{\"value\":"
          "\"unloaded\"}}]}",
          "[{\"context\":4096,\"loaded\":true,\"name\":\"m\",\"size\":9},"
          "{\"loaded\":false,\"name\":\"n\"}]");
    check("anthropic", "{\"data\":[{\"id\":\"m\",\"display_name\":\"M\"}]}",
          "[{\"name\":\"m\",\"title\":\"M\"}]");
    check("gemini-api",
          "{\"models\":[{\"name\":\"models/m\",\"displayName\":\"M\",\"inputTokenLimit\":8}]}",
          "[{\"context\":8,\"name\":\"m\",\"title\":\"M\"}]");
    check("openai-compatible", "[{\"id\":\"m\"},{\"id\":\"\"},{},7]", "[{\"name\":\"m\"}]");
    check("openai-compatible", "{\"error\":1}", "[]");
}

static void what_is_in_memory_is_read_from_another_place(void **state)
{
    (void)state;
    const struct web_answer answers[] = {
        {.text = OK("{\"models\":[{\"name\":\"a\"},{\"name\":\"b\"}]}")},
        {.text = OK("{\"models\":[{\"name\":\"b\"}]}")},
    };
    struct failure failure;
    struct call call;
    struct web web;

    web_start(&web, answers, 2);
    make(&call, "ollama", &web, "");
    check_result(listing_fetch(&call, &failure),
                 "[{\"loaded\":false,\"name\":\"a\"},{\"loaded\":true,\"name\":\"b\"}]");
    call_release(&call);
    web_stop(&web);
}

static void check_model(const char *answer, const char *model, const char *expected_names)
{
    const struct web_answer answers[] = {{.text = answer}};
    struct failure failure;
    struct strbuf names;
    struct call call;
    struct web web;
    char *found;

    strbuf_init(&names, 1000);
    web_start(&web, answers, 1);
    make(&call, "openai-compatible", &web, "");
    assert_true(listing_find_model(&call, &found, &names, &failure));
    if (model) {
        assert_string_equal(found, model);
    } else {
        assert_null(found);
    }
    assert_string_equal(names.data, expected_names);
    free(found);
    strbuf_release(&names);
    call_release(&call);
    web_stop(&web);
}

static void the_only_model_is_the_one_and_of_many_none_is_guessed(void **state)
{
    (void)state;
    check_model(OK("{\"data\":[{\"id\":\"a\"}]}"), "a", "a");
    check_model(OK("{\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}]}"), NULL, "a, b");
    check_model(OK("{\"data\":[]}"), NULL, "");
    check_model(OK("[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"},{\"id\":\"4\"},{\"id\":\"5\"},"
                   "{\"id\":\"6\"},{\"id\":\"7\"},{\"id\":\"8\"},{\"id\":\"9\"},{\"id\":\"10\"},"
                   "{\"id\":\"11\"},{\"id\":\"12\"},{\"id\":\"13\"},{\"id\":\"14\"}]"),
                NULL, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_of_all_servers_have_one_form),
        cmocka_unit_test(what_is_in_memory_is_read_from_another_place),
        cmocka_unit_test(the_only_model_is_the_one_and_of_many_none_is_guessed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
