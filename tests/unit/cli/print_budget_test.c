/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void each_limit_has_a_line_and_the_unknown_is_told(void **state)
{
    json_t *run = json_loads("{\"budget\":{"
                             "\"tokens\":{\"limit\":2500,\"used\":2000,\"reserved\":400,"
                             "\"assumed\":1000,\"unknown_calls\":1},"
                             "\"usd\":{\"limit\":5.0,\"used\":0.03,\"unknown_calls\":2},"
                             "\"time_ms\":{\"limit\":1800000,\"used\":65000},"
                             "\"steps\":{\"limit\":40,\"used\":3}}}",
                             0, NULL);
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 10000);
    print_budget(run, "  budget ", &text);
    assert_string_equal(text.data, "  budget 2000 of 2500 tokens, 400 more reserved; 1 call of "
                                   "unknown cost, taken as 1000 tokens\n"
                                   "  budget $0.0300 of $5.00; 2 calls of unknown cost\n"
                                   "  budget 1m05s of 30m00s\n"
                                   "  budget 3 of 40 steps\n");
    strbuf_release(&text);
    json_decref(run);
}

static void what_has_no_limit_is_not_told(void **state)
{
    json_t *run = json_object();
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 10000);
    print_budget(run, "  budget ", &text);
    print_limits(NULL, &text);
    assert_int_equal(text.length, 0);
    strbuf_release(&text);
    json_decref(run);
}

static void the_limits_of_a_run_to_be_are_one_line(void **state)
{
    json_t *limits = json_loads("{\"tokens\":200000,\"usd\":5.0}", 0, NULL);
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 10000);
    print_limits(limits, &text);
    assert_string_equal(text.data,
                        "Budget: 200000 tokens, $5.00; a run that has used it up pauses\n");
    strbuf_release(&text);
    json_decref(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_limit_has_a_line_and_the_unknown_is_told),
        cmocka_unit_test(what_has_no_limit_is_not_told),
        cmocka_unit_test(the_limits_of_a_run_to_be_are_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
