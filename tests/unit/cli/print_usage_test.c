/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void assert_line(const char *run_text, const char *expected)
{
    json_t *run = json_loads(run_text, 0, NULL);
    struct strbuf text;

    strbuf_init(&text, 4096);
    print_usage(run, "  usage     ", &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(run);
}

static void what_is_not_known_is_called_so_and_never_zero(void **state)
{
    (void)state;
    assert_line("{\"usage\":{\"input_tokens\":120,\"output_tokens\":0,\"cost_usd\":0.25}}",
                "  usage     120 tokens in, 0 out, 0.2500 USD\n");
    assert_line("{\"usage\":{\"input_tokens\":120,\"at_least\":[\"input_tokens\"]}}",
                "  usage     at least 120 tokens in, unknown out, unknown USD\n");
}

static void a_run_without_agents_has_no_such_line(void **state)
{
    (void)state;
    assert_line("{}", "");
}

static void assert_files(const char *files, const char *expected)
{
    const struct terminal terminal = {.columns = 200};
    json_t *steps = json_pack("[{s:s, s:o}]", "key", "s", "files", json_loads(files, 0, NULL));
    struct strbuf text;

    strbuf_init(&text, 4096);
    print_agent_work(&terminal, steps, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(steps);
}

static void what_an_agent_changed_is_told_beside_what_it_claims(void **state)
{
    (void)state;
    assert_files("{\"count\":2,\"changed\":[\"a\",\"b\"],\"only_claimed\":[\"c\"],"
                 "\"not_claimed\":[\"b\"]}",
                 "    s: 2 files changed: a, b; claimed as changed, but as before: c; changed, but "
                 "not claimed: b\n");
    assert_files("{\"unknown\":\"no list\"}", "    s: which files changed is not known: no list\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_known_is_called_so_and_never_zero),
        cmocka_unit_test(a_run_without_agents_has_no_such_line),
        cmocka_unit_test(what_an_agent_changed_is_told_beside_what_it_claims),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
