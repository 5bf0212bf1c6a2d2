/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_printed(const json_t *run, const char *expected)
{
    struct terminal terminal = {.columns = 80};
    struct strbuf text;

    strbuf_init(&text, 1 << 16);
    print_liveness(&terminal, run, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
}

static void each_attempt_has_its_word_and_what_it_rests_on(void **state)
{
    json_t *run = json_pack("{s:[{s:s, s:s, s:I}, {s:s, s:s, s:I, s:s}]}", "under_way", "step",
                            "build", "state", "working", "for_ms", (json_int_t)12345, "step",
                            "rev\x1b[31miew", "state", "quiet", "for_ms", (json_int_t)60000,
                            "message", "it printed\nnothing");

    (void)state;
    assert_printed(run, "\nUnder way\n  build  working for 12s\n  review  quiet for 1m\n"
                        "    it printed nothing\n");
    json_decref(run);
}

static void a_run_without_any_says_nothing(void **state)
{
    json_t *run = json_pack("{s:[]}", "under_way");

    (void)state;
    assert_printed(run, "");
    assert_printed(NULL, "");
    json_decref(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_attempt_has_its_word_and_what_it_rests_on),
        cmocka_unit_test(a_run_without_any_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
