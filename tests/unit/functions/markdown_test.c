/* SPDX-License-Identifier: MIT */
#include "functions/markdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void texts_cannot_become_markup(void **state)
{
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    markdown_add_text(&out, "<b>|*x*|[y]\033[31m", 100);
    assert_string_equal(out.data, "\\<b\\>\\|\\*x\\*\\|\\[y\\]");
    strbuf_release(&out);
}

static void code_with_backticks_gets_a_longer_fence(void **state)
{
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    markdown_add_code(&out, "a`b|c", 100);
    assert_string_equal(out.data, "`` a`b\\|c ``");
    strbuf_release(&out);
}

static void long_quotes_say_what_they_left_out(void **state)
{
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    markdown_add_quote(&out, "a\nb\nc\n", 1);
    assert_string_equal(out.data, "> a\n>\n> ... and 2 more lines\n");
    strbuf_release(&out);
}

static void numbers_are_grouped(void **state)
{
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    markdown_add_number(&out, 1234567);
    strbuf_add_char(&out, 0x20);
    markdown_add_number(&out, -123);
    strbuf_add_char(&out, 0x20);
    markdown_add_number(&out, 0);
    assert_string_equal(out.data, "1,234,567 -123 0");
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_cannot_become_markup),
        cmocka_unit_test(code_with_backticks_gets_a_longer_fence),
        cmocka_unit_test(long_quotes_say_what_they_left_out),
        cmocka_unit_test(numbers_are_grouped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
