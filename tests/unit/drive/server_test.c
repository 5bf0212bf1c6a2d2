/* SPDX-License-Identifier: MIT */
#include "drive/server.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void check(const char *type, const char *endpoint, const char *root, const char *base)
{
    struct server_place place;

    assert_int_equal(server_find_place(server_find(type), endpoint, &place, NULL), 0);
    assert_string_equal(place.root, root);
    assert_string_equal(place.base, base);
    server_place_release(&place);
}

static void an_endpoint_may_be_written_in_many_ways(void **state)
{
    (void)state;
    check("llamacpp", "http://h:80", "http://h:80", "http://h:80/v1");
    check("llamacpp", "h:80", "http://h:80", "http://h:80/v1");
    check("llamacpp", "http://h:80/v1/", "http://h:80", "http://h:80/v1");
    check("llamacpp", "http://h/sub", "http://h/sub", "http://h/sub/v1");
    check("openai-compatible", "https://h", "https://h", "https://h/v1");
    check("openai-compatible", "https://h/api/paas/v4", "https://h/api/paas",
          "https://h/api/paas/v4");
    check("openai-compatible", "https://h/v1beta/openai", "https://h/v1beta/openai",
          "https://h/v1beta/openai");
    check("openai-compatible", "https://h/v1/chat/completions", "https://h", "https://h/v1");
    check("groq", "https://h/openai/v1", "https://h/openai", "https://h/openai/v1");
    check("ollama", "127.0.0.1:11434", "http://127.0.0.1:11434", "http://127.0.0.1:11434");
    check("ollama", "http://h/api/chat", "http://h", "http://h");
    check("ollama", "http://h/api", "http://h", "http://h");
    check("ollama", "http://h/v1", "http://h", "http://h");
    check("anthropic", "https://h/v1", "https://h", "https://h");
    check("anthropic", "https://h/v1/messages", "https://h", "https://h");
    check("anthropic", "https://h/anthropic", "https://h/anthropic", "https://h/anthropic");
    check("gemini-api", "https://h/v1beta/", "https://h", "https://h");
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const endpoints[] = {"", "http://", "http://h?x", "http://h#x", "a b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        struct server_place place;
        struct error err = ERROR_INIT;

        assert_int_equal(server_find_place(server_find("ollama"), endpoints[i], &place, &err),
                         ERROR_INVALID);
        assert_non_null(strstr(err.text, "endpoint"));
    }
}

static void types_are_found_by_name_or_nearly(void **state)
{
    static const char *const types[] = {
        "ollama", "llamacpp",  "localai",   "text-generation-webui", "openai-compatible",
        "groq",   "anthropic", "gemini-api"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const struct server *server = server_find(types[i]);

        assert_non_null(server);
        assert_string_equal(server->type, types[i]);
        assert_non_null(server->models);
        assert_non_null(server->start);
    }
    assert_null(server_find("abacus"));
    assert_string_equal(server_nearest("olama"), "ollama");
}

static void openais_own_server_is_known(void **state)
{
    struct server_place vendor = {.root = "https://API.openai.com"};
    struct server_place other = {.root = "https://openai.example"};

    (void)state;
    assert_true(server_is_vendor(&vendor));
    assert_false(server_is_vendor(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_may_be_written_in_many_ways),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(types_are_found_by_name_or_nearly),
        cmocka_unit_test(openais_own_server_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
