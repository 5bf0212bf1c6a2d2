/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The result of one of the functions that append, for bytes of any kind. */
static void expect(void (*add)(struct strbuf *, const char *, size_t), const char *bytes,
                   size_t length, const char *wanted)
{
    struct strbuf target;

    strbuf_init(&target, 1000);
    add(&target, bytes, length);
    assert_string_equal(target.data, wanted);
    strbuf_release(&target);
}

static void expect_printable(const char *bytes, const char *wanted)
{
    expect(utf8_add_printable, bytes, strlen(bytes), wanted);
}

static void expect_cut(const char *text, size_t columns, const char *wanted)
{
    struct strbuf target;

    strbuf_init(&target, 1000);
    utf8_add_cut(&target, text, columns);
    assert_string_equal(target.data, wanted);
    assert_true(utf8_width(target.data) <= columns);
    strbuf_release(&target);
}

static void validity_is_that_of_unicode(void **state)
{
    (void)state;
    assert_true(utf8_is_valid("", 0));
    assert_true(utf8_is_valid("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 10));
    assert_true(utf8_is_valid("a\0b", 3));
    assert_false(utf8_is_valid("\xC3", 1));
    assert_false(utf8_is_valid("\xC3\xA9", 1));
    assert_false(utf8_is_valid("\xC0\x80", 2));
    assert_false(utf8_is_valid("\xED\xA0\x80", 3));
    assert_false(utf8_is_valid("\xF4\x90\x80\x80", 4));
    assert_false(utf8_is_valid("\x80", 1));
}

static void characters_are_counted(void **state)
{
    (void)state;
    assert_int_equal(utf8_count("", 0), 0);
    assert_int_equal(utf8_count("a\xC3\xA9\xF0\x9F\x98\x80", 7), 3);
    assert_int_equal(utf8_count("\xFF\xFF"
                                "a",
                                3),
                     3);
}

static void invalid_bytes_are_replaced(void **state)
{
    (void)state;
    expect(utf8_add_valid,
           "a\xFF"
           "b",
           3,
           "a\xEF\xBF\xBD"
           "b");
    expect(utf8_add_valid, "a\0b", 3,
           "a\xEF\xBF\xBD"
           "b");
    expect(utf8_add_valid, "\xE2\x82", 2, "\xEF\xBF\xBD\xEF\xBF\xBD");
    expect(utf8_add_valid, "\x1b[31m", 5, "\x1b[31m");
}

static void escape_sequences_are_removed(void **state)
{
    (void)state;
    expect_printable("\x1b[31mred\x1b[0m", "red");
    expect_printable("\x1b]0;title\aafter", "after");
    expect_printable("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link");
    expect_printable("\x1bPdcs\x1b\\x", "x");
    expect_printable("\x1b(Bx", "x");
    expect_printable("\x1b"
                     "7x\x1b"
                     "8",
                     "x");
    expect_printable("\x1b[?25lx", "x");
}

static void broken_sequences_hide_nothing_else(void **state)
{
    (void)state;
    expect_printable("\x1b", "");
    expect_printable("\x1b[", "");
    expect_printable("\x1b[31", "");
    expect_printable("\x1b[31\nnext", "\nnext");
    expect_printable("\x1b[\x1b[31mx", "x");
    expect_printable("\x1b]0;title\nnext", "\nnext");
    expect_printable("\x1b\nnext", "\nnext");
    expect_printable("\x1b\xC3\xA9", "\xC3\xA9");
    expect_printable("\x1b[\xC3\xA9", "\xC3\xA9");
    expect(utf8_add_printable, "\x1b\0next", 6, "next");
}

static void control_and_bidi_characters_are_dropped(void **state)
{
    (void)state;
    expect_printable("a\tb\nc\rd\be\x7f", "a\tb\ncde");
    expect_printable("a\xE2\x80\xAE"
                     "b\xE2\x81\xA6"
                     "c\xE2\x80\x8B"
                     "d\xEF\xBB\xBF",
                     "abcd");
    expect_printable("a\xC2\x9B"
                     "31m",
                     "a31m");
    expect_printable("a\xFF", "a\xEF\xBF\xBD");
}

static void widths_are_those_of_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(utf8_width(""), 0);
    assert_int_equal(utf8_width("abc"), 3);
    assert_int_equal(utf8_width("\xC3\xA9"), 1);
    assert_int_equal(utf8_width("e\xCC\x81"), 1);
    assert_int_equal(utf8_width("\xE6\xBC\xA2\xE5\xAD\x97"), 4);
    assert_int_equal(utf8_width("\xFF"), 1);
}

static void text_is_cut_to_columns(void **state)
{
    (void)state;
    expect_cut("abc", 3, "abc");
    expect_cut("abcd", 3, "ab\xE2\x80\xA6");
    expect_cut("abcd", 1, "\xE2\x80\xA6");
    expect_cut("abcd", 0, "");
    expect_cut("", 5, "");
    expect_cut("\xE6\xBC\xA2\xE5\xAD\x97", 4, "\xE6\xBC\xA2\xE5\xAD\x97");
    expect_cut("\xE6\xBC\xA2\xE5\xAD\x97", 3, "\xE6\xBC\xA2\xE2\x80\xA6");
    expect_cut("\xE6\xBC\xA2\xE5\xAD\x97", 2, "\xE2\x80\xA6");
    expect_cut("a\nb\tc", 10, "a b c");
    expect_cut("\x1b[31mabcd\x1b[0m", 4, "abcd");
    expect_cut("\xFF\xFF\xFF", 2, "\xEF\xBF\xBD\xE2\x80\xA6");
}

static void a_word_in_a_message_is_cut_between_characters_and_shows_it(void **state)
{
    const char *word = "abcd";

    (void)state;
    assert_ptr_equal(UTF8_CUT(word, 4), word);
    assert_string_equal(UTF8_CUT(word, 3), "abc\xE2\x80\xA6");
    assert_string_equal(UTF8_CUT("ab\xE6\xBC\xA2z", 4), "ab\xE2\x80\xA6");
    assert_string_equal(UTF8_CUT("ab\xE6\xBC\xA2z", 5), "ab\xE6\xBC\xA2\xE2\x80\xA6");
    assert_string_equal(UTF8_CUT("\xBC\xBC\xBC", 2), "\xE2\x80\xA6");
    assert_string_equal(UTF8_CUT("", 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity_is_that_of_unicode),
        cmocka_unit_test(characters_are_counted),
        cmocka_unit_test(invalid_bytes_are_replaced),
        cmocka_unit_test(escape_sequences_are_removed),
        cmocka_unit_test(broken_sequences_hide_nothing_else),
        cmocka_unit_test(control_and_bidi_characters_are_dropped),
        cmocka_unit_test(widths_are_those_of_a_terminal),
        cmocka_unit_test(text_is_cut_to_columns),
        cmocka_unit_test(a_word_in_a_message_is_cut_between_characters_and_shows_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
