/* SPDX-License-Identifier: MIT */
#include "functions/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct page *page_of(const char *text)
{
    return page_new(text, strlen(text));
}

static void assert_link(const struct page *page, size_t index, const char *target, size_t line)
{
    assert_true(index < page->link_count);
    assert_string_equal(page->links[index].target, target);
    assert_int_equal(page->links[index].line, line);
}

static void links_of_every_form_are_found_with_their_lines(void **state)
{
    struct page *page = page_of("# T\n\nSee [a](a.md) and ![b](<b c.png>).\n[c]: c.md \"title\"\n"
                                "<a href=\"d.md\">d</a> [e](e_(1).md \"t\")\n");

    (void)state;
    assert_int_equal(page->link_count, 5);
    assert_link(page, 0, "a.md", 3);
    assert_link(page, 1, "b c.png", 3);
    assert_link(page, 2, "c.md", 4);
    assert_link(page, 3, "e_(1).md", 5);
    assert_link(page, 4, "d.md", 5);
    page_free(page);
}

static void what_stands_in_code_or_waits_for_a_value_is_no_link(void **state)
{
    struct page *page = page_of(
        "`[a](a.md)` ``[`b`](b.md)``\n```\n[c](c.md)\n# no heading\n~~~\n```\n"
        "[^1]: a footnote\n[d]({{ url }})\n[e](e.md)\n");

    (void)state;
    assert_int_equal(page->link_count, 1);
    assert_link(page, 0, "e.md", 9);
    assert_false(page_has_anchor(page, "no-heading"));
    page_free(page);
}

static void headings_are_anchors_as_github_names_them(void **state)
{
    struct page *page = page_of("# Hello, *World* `x`!\n## Twice\n## Twice ##\nUnder\n---\n\n---\n"
                                "# [Link](a.md) Ö\n<a id=\"own\"></a>\n");

    (void)state;
    assert_true(page_has_anchor(page, "hello-world-x"));
    assert_true(page_has_anchor(page, "Twice"));
    assert_true(page_has_anchor(page, "twice-1"));
    assert_false(page_has_anchor(page, "twice-2"));
    assert_true(page_has_anchor(page, "under"));
    assert_true(page_has_anchor(page, "own"));
    assert_true(page_has_anchor(page, "link-Ö"));
    assert_false(page_has_anchor(page, "other"));
    page_free(page);
}

static void percent_signs_are_decoded(void **state)
{
    char *text = page_decode("a%20b%2", 7);

    (void)state;
    assert_string_equal(text, "a b%2");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_of_every_form_are_found_with_their_lines),
        cmocka_unit_test(what_stands_in_code_or_waits_for_a_value_is_no_link),
        cmocka_unit_test(headings_are_anchors_as_github_names_them),
        cmocka_unit_test(percent_signs_are_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
