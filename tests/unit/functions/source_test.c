/* SPDX-License-Identifier: MIT */
#include "functions/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_code(const char *path, const char *text, const char *expected)
{
    struct source source;

    source_init(&source, language_of_path(path), text, strlen(text));
    assert_string_equal(source.code, expected);
    source_release(&source);
}

static void comments_and_strings_are_blanked_in_c(void **state)
{
    (void)state;
    assert_code("a.c", "f(\"x\\\"y\"); // gets(\ng();", "f(\"    \");         \ng();");
    assert_code("a.c", "a /* b\nc */ d", "a     \n     d");
    assert_code("a.c", "char c = \047\"\047; gets(b);", "char c = \047 \047; gets(b);");
}

static void an_open_string_ends_with_its_line_unless_it_may_go_on(void **state)
{
    (void)state;
    assert_code("a.c", "x = \"abc\ny", "x = \"   \ny");
    assert_code("a.py", "x = \"\"\"a\nb\"\"\" + c", "x = \"\"\" \n \"\"\" + c");
    assert_code("a.js", "`a\nb` + c", "` \n ` + c");
}

static void what_looks_like_a_comment_in_a_word_is_none_in_shell(void **state)
{
    (void)state;
    assert_code("a.sh", "echo ${x#y} # z", "echo ${x#y}    ");
}

static void a_regular_expression_hides_its_quotes(void **state)
{
    (void)state;
    assert_code("a.js", "a = /[\"/]x/; b", "a = /     /; b");
    assert_code("a.js", "a = b / c / d", "a = b / c / d");
}

static void lifetimes_open_no_string(void **state)
{
    (void)state;
    assert_code("a.rs", "fn f<\047a>(x: &\047a str) { y(\047z\047) }",
                "fn f<\047a>(x: &\047a str) { y(\047 \047) }");
}

static void lines_are_found_by_offset_and_counted_by_kind(void **state)
{
    static const char text[] = "a\n\n// c\nb";
    struct source source;
    struct source_counts counts;
    size_t length;

    (void)state;
    source_init(&source, language_of_path("a.c"), text, strlen(text));
    assert_int_equal(source.lines, 4);
    assert_int_equal(source_line_of(&source, 0), 1);
    assert_int_equal(source_line_of(&source, 3), 3);
    assert_int_equal(source_line_of(&source, strlen(text) - 1), 4);
    assert_memory_equal(source_line(&source, source.text, 3, &length), "// c", 4);
    assert_int_equal(length, 4);
    source_count(&source, &counts);
    assert_int_equal(counts.code, 2);
    assert_int_equal(counts.blank, 1);
    assert_int_equal(counts.comment, 1);
    source_release(&source);
}

static void an_empty_text_and_nul_bytes_are_fine(void **state)
{
    struct source source;
    struct source_counts counts;

    (void)state;
    source_init(&source, language_of_path("a.c"), "", 0);
    source_count(&source, &counts);
    assert_int_equal(counts.code + counts.blank + counts.comment, 0);
    source_release(&source);
    source_init(&source, language_of_path("a.c"), "a\0\"\nb", 5);
    assert_int_equal(source.lines, 2);
    source_release(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_and_strings_are_blanked_in_c),
        cmocka_unit_test(an_open_string_ends_with_its_line_unless_it_may_go_on),
        cmocka_unit_test(what_looks_like_a_comment_in_a_word_is_none_in_shell),
        cmocka_unit_test(a_regular_expression_hides_its_quotes),
        cmocka_unit_test(lifetimes_open_no_string),
        cmocka_unit_test(lines_are_found_by_offset_and_counted_by_kind),
        cmocka_unit_test(an_empty_text_and_nul_bytes_are_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
