/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_question_is_shown_whole_and_harmless(void **state)
{
    struct terminal terminal = {.columns = 80};
    json_t *run = json_pack(
        "{s:[{s:[{s:s, s:s, s:{s:[s,s], s:s}}, {s:s, s:[{s:s, s:s, s:{s:[s]}}]}]}]}", "phases",
        "steps", "key", "design", "waiting", "answer", "question", "questions", "Which\nof two?",
        "Wh\x1b[31my?", "context", "No\nhint", "key", "list", "instances", "key", "list[0]",
        "waiting", "answer", "question", "questions", "Third?");
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 1 << 16);
    print_waits(&terminal, run, &text);
    assert_string_equal(text.data, "\ndesign asks\n  ? Which\n    of two?\n  ? Why?\n    No\n"
                                   "    hint\n\nlist[0] asks\n  ? Third?\n");
    json_decref(run);
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_question_is_shown_whole_and_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
