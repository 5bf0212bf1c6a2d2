/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/utf8.h"
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct terminal plain = {.fd = 1, .columns = 80, .rows = 24, .is_utf8 = true};

static char *print(const char *json)
{
    json_t *value = NULL;
    struct error err = ERROR_INIT;
    struct strbuf text;
    char *result;

    if (json_parse_text(json, strlen(json), "test", &value, &err) < 0) {
        fail_msg("%s", err.text);
    }
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    print_agents(&plain, value, 1000000, &text);
    json_decref(value);
    result = strbuf_take(&text);
    strbuf_release(&text);
    for (char *line = result; *line; line += strcspn(line, "\n") + 1) {
        char *one = mem_strndup(line, strcspn(line, "\n"));

        assert_true(utf8_width(one) <= 80);
        free(one);
    }
    return result;
}

static const char list[] =
    "{\"agents\":["
    "{\"name\":\"codex\",\"type\":\"codex\",\"state\":\"ready\",\"detail\":\"ready\","
    "\"default\":true,\"builtin\":true,\"program\":\"/bin/codex\",\"version\":\"0.169.0\","
    "\"role\":\"implementation\",\"kind\":\"coding program\","
    "\"used\":{\"attempts\":12,\"failed\":1,\"priced\":11,\"cost_usd\":1.5}},"
    "{\"name\":\"a-rather-long-name-of-an-agent\",\"type\":\"text-generation-webui\","
    "\"state\":\"lacking\",\"detail\":\"does not answer for a rather long reason\","
    "\"builtin\":false,\"role\":\"implementation\",\"kind\":\"model server\"},"
    "{\"name\":\"gemini\",\"type\":\"gemini\",\"state\":\"lacking\","
    "\"detail\":\"not installed\",\"builtin\":true,\"kind\":\"coding program\"},"
    "{\"name\":\"ollama\",\"type\":\"ollama\",\"state\":\"unsure\",\"detail\":\"not asked\","
    "\"builtin\":true,\"kind\":\"model server\"}]}";

static void the_list_fits_and_says_what_is_there_and_what_is_not(void **state)
{
    char *text = print(list);

    (void)state;
    assert_non_null(strstr(text, "* codex"));
    assert_non_null(strstr(text, "0.169.0"));
    assert_non_null(strstr(text, "12"));
    assert_non_null(strstr(text, ">$1.50"));
    assert_non_null(strstr(text, "Not installed: gemini\n"));
    assert_non_null(strstr(text, "config.yaml: ollama\n"));
    assert_non_null(strstr(text, "* is asked by steps that name no agent"));
    free(text);
    text = print("{\"agents\":[]}");
    assert_non_null(strstr(text, "No agent is ready"));
    free(text);
}

static void one_agent_is_told_with_what_it_can_and_what_is_not_known(void **state)
{
    char *text = print(
        "{\"one\":true,\"agents\":[{\"name\":\"codex\",\"type\":\"codex\",\"state\":\"unsure\","
        "\"detail\":\"no sign-in found\",\"hint\":\"run codex login\",\"description\":\"Codex\","
        "\"abilities\":{\"stream\":true,\"edit\":true,\"budget\":false},"
        "\"models\":[{\"name\":\"m\\u001b[31m\"}],"
        "\"used\":{\"attempts\":2,\"failed\":1,\"priced\":0,\"input_tokens\":7,"
        "\"last_at\":940000}}]}");

    (void)state;
    assert_non_null(strstr(text, "run codex login"));
    assert_non_null(strstr(text, "can           stream, edit\n"));
    assert_non_null(strstr(text, "cannot        budget\n"));
    assert_non_null(strstr(text, "2, 1 of them failed; the last one 1 min ago"));
    assert_non_null(strstr(text, "not known, 7 tokens in\n"));
    assert_null(strchr(text, '\033'));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_fits_and_says_what_is_there_and_what_is_not),
        cmocka_unit_test(one_agent_is_told_with_what_it_can_and_what_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
