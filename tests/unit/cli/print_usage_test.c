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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_known_is_called_so_and_never_zero),
        cmocka_unit_test(a_run_without_agents_has_no_such_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
