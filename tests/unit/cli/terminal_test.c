/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/utf8.h"
#include "cli/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct terminal plain = {.fd = 1, .columns = 80, .rows = 24, .is_utf8 = true};

static const struct terminal coloured = {
    .fd = 1, .columns = 80, .has_color = true, .is_utf8 = true};

static void without_colours_a_style_adds_nothing(void **state)
{
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 1000);
    add_styled(&plain, &text, STYLE_RED, "a");
    assert_string_equal(text.data, "a");
    add_styled(&coloured, &text, STYLE_RED, "b");
    assert_string_equal(text.data, "a\033[31mb\033[0m");
    strbuf_release(&text);
}

static void words_are_wrapped_and_indented(void **state)
{
    const struct terminal narrow = {.columns = 30};
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 1000);
    add_wrapped(&narrow, &text, "one two three four five six seven eight\nnine", 2);
    assert_string_equal(text.data, "  one two three four five six\n  seven eight\n  nine\n");
    strbuf_release(&text);
}

static void a_table_fits_the_terminal_by_cutting_the_flexible_column(void **state)
{
    const struct terminal narrow = {.columns = 24};
    struct table *table = table_new(3, 1);
    struct strbuf text;

    (void)state;
    table_add(table, "ID");
    table_add(table, "TEXT");
    table_add(table, "N");
    table_add(table, "wf_1");
    table_add(table, "a text that is too long by far");
    table_add(table, "12");
    strbuf_init(&text, 1000);
    table_format(table, &narrow, 2, true, &text);
    for (char *rest = NULL, *line = strtok_r(text.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        assert_true(utf8_width(line) <= 24);
    }
    strbuf_release(&text);
    table_free(table);
}

static void where_that_is_not_enough_the_widest_is_cut_but_no_id_of_a_run(void **state)
{
    const struct terminal narrow = {.columns = 50};
    struct table *table = table_new(3, 2);
    struct strbuf text;

    (void)state;
    table_add(table, "wf_0123456789ab");
    table_add(table, "a-name-that-is-much-longer-than-anybody-wants");
    table_add(table, "a text that is too long by far");
    strbuf_init(&text, 1000);
    table_format(table, &narrow, 0, false, &text);
    assert_string_equal(text.data, "wf_0123456789ab  a-name-that-is-muc\xE2\x80\xA6  a text that"
                                   "\xE2\x80\xA6\n");
    strbuf_release(&text);
    table_free(table);
}

static void empty_columns_and_trailing_spaces_are_left_out(void **state)
{
    struct table *table = table_new(3, 2);
    struct strbuf text;

    (void)state;
    table_add(table, "a");
    table_add(table, "");
    table_add(table, "");
    table_add(table, "bb");
    table_add(table, NULL);
    table_add(table, "c");
    strbuf_init(&text, 1000);
    table_format(table, &plain, 0, false, &text);
    assert_string_equal(text.data, "a\nbb  c\n");
    strbuf_release(&text);
    table_free(table);
}

static void cells_obey_no_escape_sequence(void **state)
{
    struct table *table = table_new(1, 0);
    struct strbuf text;

    (void)state;
    table_add(table, "a\033[31mb\nc");
    strbuf_init(&text, 1000);
    table_format(table, &plain, 0, false, &text);
    assert_string_equal(text.data, "ab c\n");
    strbuf_release(&text);
    table_free(table);
}

static void padding_counts_columns_not_bytes(void **state)
{
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 1000);
    add_padded(&text, "\xC3\xA4\xE6\xBC\xA2", 5);
    assert_string_equal(text.data, "\xC3\xA4\xE6\xBC\xA2  ");
    strbuf_reset(&text);
    add_padded(&text, "abcdefgh", 4);
    assert_int_equal(utf8_width(text.data), 4);
    strbuf_release(&text);
}

static void marks_are_plain_where_the_locale_is(void **state)
{
    const struct terminal ascii = {.is_utf8 = false};

    (void)state;
    assert_string_equal(status_mark(&ascii, "completed"), "+");
    assert_string_equal(status_mark(&plain, "completed"), "\xE2\x9C\x94");
    assert_string_equal(status_mark(&plain, "nonsense"), " ");
    assert_int_equal(status_style("failed"), STYLE_RED);
    assert_int_equal(status_style("nonsense"), STYLE_NONE);
}

static void times_and_sizes_are_short(void **state)
{
    char text[32];

    (void)state;
    format_ago(1000, 1500, text, sizeof(text));
    assert_string_equal(text, "now");
    format_ago(1000, 181000, text, sizeof(text));
    assert_string_equal(text, "3 min ago");
    format_ago(1000, 1000 + INT64_C(3) * 86400 * 1000, text, sizeof(text));
    assert_string_equal(text, "3 d ago");
    format_ago(0, 5000, text, sizeof(text));
    assert_string_equal(text, "");
    format_bytes(999, text, sizeof(text));
    assert_string_equal(text, "999 B");
    format_bytes(1500, text, sizeof(text));
    assert_string_equal(text, "1.5 KB");
    format_bytes(25000000, text, sizeof(text));
    assert_string_equal(text, "25 MB");
}

static void paths_below_the_working_folder_are_shown_relative(void **state)
{
    const struct terminal here = {.cwd = "/a/b"};
    const struct terminal top = {.cwd = "/"};

    (void)state;
    assert_string_equal(shown_path(&here, "/a/b/c"), "c");
    assert_string_equal(shown_path(&here, "/a/bc"), "/a/bc");
    assert_string_equal(shown_path(&top, "/a"), "/a");
    assert_string_equal(shown_path(&plain, "/a"), "/a");
}

static void the_size_is_never_nothing(void **state)
{
    struct terminal terminal = {.fd = -1, .is_terminal = false};

    (void)state;
    terminal_measure(&terminal, 0);
    assert_int_equal(terminal.columns, 80);
    terminal_measure(&terminal, 100);
    assert_int_equal(terminal.columns, 100);
    terminal_measure(&terminal, 3);
    assert_int_equal(terminal.columns, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_colours_a_style_adds_nothing),
        cmocka_unit_test(words_are_wrapped_and_indented),
        cmocka_unit_test(a_table_fits_the_terminal_by_cutting_the_flexible_column),
        cmocka_unit_test(where_that_is_not_enough_the_widest_is_cut_but_no_id_of_a_run),
        cmocka_unit_test(empty_columns_and_trailing_spaces_are_left_out),
        cmocka_unit_test(cells_obey_no_escape_sequence),
        cmocka_unit_test(padding_counts_columns_not_bytes),
        cmocka_unit_test(marks_are_plain_where_the_locale_is),
        cmocka_unit_test(times_and_sizes_are_short),
        cmocka_unit_test(paths_below_the_working_folder_are_shown_relative),
        cmocka_unit_test(the_size_is_never_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
