/* SPDX-License-Identifier: MIT */
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void pieces_are_appended(void **state)
{
    struct strbuf buffer;

    (void)state;
    strbuf_init(&buffer, 1000);
    assert_string_equal(buffer.data, "");
    strbuf_add(&buffer, "a");
    strbuf_add_char(&buffer, 'b');
    strbuf_add_bytes(&buffer, "cd", 1);
    strbuf_addf(&buffer, "%d%s", 7, "e");
    assert_string_equal(buffer.data, "abc7e");
    assert_int_equal(buffer.length, 5);
    strbuf_release(&buffer);
}

static void it_may_hold_nul_bytes(void **state)
{
    struct strbuf buffer;

    (void)state;
    strbuf_init(&buffer, 10);
    strbuf_add_bytes(&buffer, "a\0b", 3);
    strbuf_add_bytes(&buffer, "", 0);
    assert_int_equal(buffer.length, 3);
    assert_memory_equal(buffer.data, "a\0b", 4);
    strbuf_release(&buffer);
}

static void beyond_the_ceiling_nothing_is_added(void **state)
{
    struct strbuf buffer;

    (void)state;
    strbuf_init(&buffer, 4);
    strbuf_add(&buffer, "abcd");
    assert_false(buffer.overflow);
    strbuf_add_char(&buffer, 'e');
    assert_true(buffer.overflow);
    assert_string_equal(buffer.data, "abcd");
    strbuf_reset(&buffer);
    assert_false(buffer.overflow);
    strbuf_add(&buffer, "12345");
    assert_true(buffer.overflow);
    assert_string_equal(buffer.data, "");
    /* What came too late must not appear behind a gap. */
    strbuf_add(&buffer, "1");
    assert_string_equal(buffer.data, "");
    strbuf_release(&buffer);
}

static void the_ceiling_counts_for_formatted_text_too(void **state)
{
    struct strbuf buffer;

    (void)state;
    strbuf_init(&buffer, 600);
    strbuf_addf(&buffer, "%600s", "x");
    assert_int_equal(buffer.length, 600);
    assert_int_equal(buffer.data[599], 'x');
    strbuf_addf(&buffer, "%s", "y");
    assert_true(buffer.overflow);
    strbuf_reset(&buffer);
    strbuf_addf(&buffer, "%601s", "x");
    assert_true(buffer.overflow);
    assert_int_equal(buffer.length, 0);
    strbuf_release(&buffer);
}

static void growing_keeps_the_content(void **state)
{
    struct strbuf buffer;

    (void)state;
    strbuf_init(&buffer, 100000);
    for (int i = 0; i < 10000; i++) {
        strbuf_addf(&buffer, "%05d", i);
    }
    assert_int_equal(buffer.length, 50000);
    assert_memory_equal(buffer.data + 49990, "0999809999", 11);
    strbuf_release(&buffer);
}

static void taking_moves_the_text_out(void **state)
{
    struct strbuf buffer;
    char *text;

    (void)state;
    strbuf_init(&buffer, 10);
    strbuf_add(&buffer, "abc");
    text = strbuf_take(&buffer);
    assert_string_equal(text, "abc");
    assert_int_equal(buffer.length, 0);
    strbuf_add(&buffer, "0123456789");
    assert_string_equal(buffer.data, "0123456789");
    assert_string_equal(text, "abc");
    free(text);
    strbuf_release(&buffer);
}

static void room_that_is_reserved_is_no_content_and_breaks_no_ceiling(void **state)
{
    struct strbuf buffer;

    (void)state;
    strbuf_init(&buffer, 100);
    strbuf_add(&buffer, "abc");
    strbuf_reserve(&buffer, 80);
    assert_true(buffer.capacity > 80);
    strbuf_reserve(&buffer, 1000);
    assert_false(buffer.overflow);
    assert_int_equal(buffer.length, 3);
    assert_string_equal(buffer.data, "abc");
    for (int i = 0; i < 97; i++) {
        strbuf_add_char(&buffer, 'x');
    }
    assert_false(buffer.overflow);
    strbuf_add_char(&buffer, 'x');
    assert_true(buffer.overflow);
    strbuf_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_appended),
        cmocka_unit_test(it_may_hold_nul_bytes),
        cmocka_unit_test(beyond_the_ceiling_nothing_is_added),
        cmocka_unit_test(the_ceiling_counts_for_formatted_text_too),
        cmocka_unit_test(growing_keeps_the_content),
        cmocka_unit_test(taking_moves_the_text_out),
        cmocka_unit_test(room_that_is_reserved_is_no_content_and_breaks_no_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
