/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_preview_marks_what_is_done_again_looked_at_and_gone(void **state)
{
    static const struct terminal plain = {.fd = 1, .columns = 80, .rows = 24, .is_utf8 = true};
    json_t *preview = json_pack(
        "{s:[{s:s,s:s,s:s}, {s:s,s:s,s:s,s:[s,s]}, {s:s,s:s,s:s}, {s:s,s:s,s:s}], s:[s]}", "steps",
        "key", "one", "decision", "kept", "why", "same", "key", "two", "decision", "again", "why",
        "other", "differs", "prompt", "model", "key", "three", "decision", "held", "why", "maybe",
        "key", "four", "decision", "new", "why", "not had", "removed", "five");
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    print_edit_preview(&plain, preview, &text);
    assert_string_equal(text.data, "   one    kept     same\n"
                                   "+  two    again    other: prompt, model\n"
                                   "?  three  held     maybe\n"
                                   "+  four   new      not had\n"
                                   "-  five   removed  not in the plan any more\n");
    strbuf_release(&text);
    json_decref(preview);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_preview_marks_what_is_done_again_looked_at_and_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
