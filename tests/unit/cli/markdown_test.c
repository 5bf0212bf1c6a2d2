/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
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

static const struct terminal coloured = {.fd = 1, .columns = 80, .has_color = true};

static void assert_printed(const struct terminal *terminal, const char *given, const char *expected)
{
    struct strbuf text;

    strbuf_init(&text, 10000);
    print_markdown(terminal, given, strlen(given), &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
}

static void without_colours_the_text_stays_as_it_is(void **state)
{
    (void)state;
    assert_printed(&plain, "# A\n\n**b** `c`\n", "# A\n\n**b** `c`\n");
    assert_printed(&plain, "no newline", "no newline\n");
    assert_printed(&plain, "", "");
}

static void headings_and_marks_are_shown_as_styles(void **state)
{
    (void)state;
    assert_printed(&coloured, "## A\n", "\033[1mA\033[0m\n");
    assert_printed(&coloured, "a **b** `c` d\n", "a \033[1mb\033[0m \033[36mc\033[0m d\n");
    assert_printed(&coloured, "#no heading\n", "#no heading\n");
}

static void marks_without_a_partner_stay(void **state)
{
    (void)state;
    assert_printed(&coloured, "2 ** 3 `x\n", "2 ** 3 `x\n");
    assert_printed(&coloured, "**** ``\n", "**** ``\n");
}

static void fenced_lines_are_left_alone(void **state)
{
    (void)state;
    assert_printed(
        &coloured, "```\n# a **b**\n```\n# c\n",
        "\033[36m```\033[0m\n\033[36m# a **b**\033[0m\n\033[36m```\033[0m\n\033[1mc\033[0m\n");
}

static void escape_sequences_of_the_text_are_removed(void **state)
{
    (void)state;
    assert_printed(&plain, "a\033[2Jb\033]0;t\007c\n", "abc\n");
    assert_printed(&coloured, "a\033[2Jb\n", "ab\n");
}

static void a_terminal_gets_long_lines_broken_between_words(void **state)
{
    const struct terminal narrow = {.fd = 1, .is_terminal = true, .columns = 20};
    const struct terminal bright = {.fd = 1, .is_terminal = true, .has_color = true, .columns = 20};

    (void)state;
    assert_printed(&narrow, "one two three four five six\n", "one two three four\nfive six\n");
    assert_printed(&narrow, "- one two three four five\n", "- one two three four\n  five\n");
    assert_printed(&narrow, "12. one two three four five\n", "12. one two three\n    four five\n");
    assert_printed(&narrow, "| a | table | is | left alone |\n",
                   "| a | table | is | left alone |\n");
    /* What is styled as one is not torn. */
    assert_printed(&bright, "one two three `a b c` four\n",
                   "one two three\n\033[36ma b c\033[0m four\n");
    assert_printed(&narrow, "averyveryveryverylongword b\n", "averyveryveryverylongword\nb\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_colours_the_text_stays_as_it_is),
        cmocka_unit_test(headings_and_marks_are_shown_as_styles),
        cmocka_unit_test(marks_without_a_partner_stay),
        cmocka_unit_test(fenced_lines_are_left_alone),
        cmocka_unit_test(escape_sequences_of_the_text_are_removed),
        cmocka_unit_test(a_terminal_gets_long_lines_broken_between_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
