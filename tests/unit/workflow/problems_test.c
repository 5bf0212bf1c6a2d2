/* SPDX-License-Identifier: MIT */
#include "workflow/yaml.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct problems *problems;
static const struct position place = {3, 7};

static int set_up(void **state)
{
    (void)state;
    problems = mem_zero(1, sizeof(*problems));
    problems->file = "a.yaml";
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(problems);
    return 0;
}

static void assert_format(const char *expected)
{
    struct strbuf text;

    strbuf_init(&text, 1 << 20);
    problems_format(problems, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
}

static void problems_are_printed_as_compilers_do(void **state)
{
    (void)state;
    problems_add(problems, place, "did you mean \"b\"?", "there is no \"%s\"", "c");
    problems_warn(problems, (struct position){4, 1}, NULL, "odd");
    problems_add(problems, (struct position){0}, NULL, "large");
    problems->items[2].file = "b.yaml";
    assert_format("a.yaml:3:7: error: there is no \"c\" (did you mean \"b\"?)\n"
                  "a.yaml:4:1: warning: odd\n"
                  "b.yaml: error: large\n");
    assert_true(problems_have_error(problems));
}

static void warnings_alone_are_no_error(void **state)
{
    (void)state;
    problems_warn(problems, place, NULL, "odd");
    assert_false(problems_have_error(problems));
}

static void the_same_problem_at_the_same_place_is_said_once(void **state)
{
    (void)state;
    problems_add(problems, place, NULL, "one");
    problems_add(problems, place, NULL, "one");
    problems_add(problems, place, NULL, "two");
    problems_add(problems, (struct position){3, 8}, NULL, "one");
    assert_int_equal(problems->count, 3);
}

static void problems_are_sorted_by_their_place(void **state)
{
    (void)state;
    problems_add(problems, (struct position){5, 1}, NULL, "c");
    problems_add(problems, (struct position){3, 9}, NULL, "b");
    problems_warn(problems, (struct position){3, 7}, NULL, "a");
    problems->file = "b.yaml";
    problems_add(problems, (struct position){1, 1}, NULL, "d");
    problems_sort(problems);
    assert_format("a.yaml:3:7: warning: a\na.yaml:3:9: error: b\na.yaml:5:1: error: c\n"
                  "b.yaml:1:1: error: d\n");
}

static void escape_sequences_of_the_file_do_not_reach_the_terminal(void **state)
{
    (void)state;
    problems_add(problems, place, "\x1b]0;x\x07hint", "bad \x1b[31mred\nline");
    assert_format("a.yaml:3:7: error: bad red line (hint)\n");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[1001];

    for (size_t i = 0; i < 1000; i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }
    text[1000] = '\0';
    problems_add(problems, place, text, "%s", text);
    assert_int_equal(strlen(problems->items[0].text), 510);
    assert_int_equal(strlen(problems->items[0].hint), 254);
}

static void too_many_problems_are_counted_as_truncated(void **state)
{
    (void)state;
    for (int i = 0; i < WORKFLOW_PROBLEMS_MAX; i++) {
        problems_warn(problems, (struct position){i + 1, 1}, NULL, "odd");
    }
    assert_false(problems->truncated);
    problems_warn(problems, place, NULL, "one more");
    assert_true(problems->truncated);
    assert_int_equal(problems->count, WORKFLOW_PROBLEMS_MAX);
    assert_false(problems_have_error(problems));
    /* Warnings must not hide an error. */
    problems_add(problems, place, NULL, "wrong");
    assert_true(problems_have_error(problems));
    assert_int_equal(problems->count, WORKFLOW_PROBLEMS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(problems_are_printed_as_compilers_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(warnings_alone_are_no_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_problem_at_the_same_place_is_said_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(problems_are_sorted_by_their_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(escape_sequences_of_the_file_do_not_reach_the_terminal,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_text_is_cut_between_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_problems_are_counted_as_truncated, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
