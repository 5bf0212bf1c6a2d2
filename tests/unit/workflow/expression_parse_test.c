/* SPDX-License-Identifier: MIT */
#include "workflow/expression.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

/* Parses a text that is wrong; the problem must lie at the offset and say the part. */
static void expect_problem(struct arena *arena, const char *text, size_t offset, const char *part)
{
    struct expression_problem problem = {0};
    struct expression *expression = NULL;

    if (expression_parse(arena, text, strlen(text), &expression, &problem) >= 0) {
        fail_msg("%s: was taken", text);
    }
    assert_null(expression);
    if (problem.offset != offset || !strstr(problem.text, part)) {
        fail_msg("%s: expected %zu \"%s\", got %zu \"%s\"", text, offset, part, problem.offset,
                 problem.text);
    }
}

static int parse(struct arena *arena, const char *text)
{
    struct expression_problem problem = {0};
    struct expression *expression = NULL;

    return expression_parse(arena, text, strlen(text), &expression, &problem);
}

static void broken_grammar_is_named_with_its_place(void **state)
{
    expect_problem(*state, "", 0, "empty");
    expect_problem(*state, "   ", 3, "too early");
    expect_problem(*state, "a ==", 4, "too early");
    expect_problem(*state, "(a", 2, "expected \")\"");
    expect_problem(*state, "a b", 2, "expected an operator");
    expect_problem(*state, "a 'b'", 2, "expected an operator");
    expect_problem(*state, "[1, ]", 4, "expected a value before \"]\"");
    expect_problem(*state, "[1", 2, "expected \"]\" or \",\"");
    expect_problem(*state, "and a", 0, "before \"and\"");
    expect_problem(*state, "a or or b", 5, "before \"or\"");
    expect_problem(*state, "a < b < c", 6, "cannot be chained");
    expect_problem(*state, "a.", 2, "expected a name");
    expect_problem(*state, "a[-1]", 2, "index from 0");
    expect_problem(*state, "a[1.5]", 2, "index from 0");
    expect_problem(*state, "a[b]", 2, "index from 0");
    expect_problem(*state, "a[0", 3, "expected \"]\"");
}

static void signs_of_other_languages_get_a_hint(void **state)
{
    struct expression_problem problem = {0};
    struct expression *expression = NULL;

    expect_problem(*state, "a && b", 2, "\"&&\" is not known");
    expect_problem(*state, "!a", 0, "\"!\" is not known");
    expect_problem(*state, "a = b", 2, "\"=\" is not known");
    expect_problem(*state, "a + b", 2, "\"+\" is not known");
    expect_problem(*state, "a ? b", 2, "\"?\" is not known");
    expect_problem(*state, "a \xC3\xA9", 2, "outside quotes");
    assert_true(expression_parse(*state, "a || b", 6, &expression, &problem) < 0);
    assert_string_equal(problem.hint, "write: or");
}

static void broken_literals_are_refused(void **state)
{
    expect_problem(*state, "'abc", 0, "no closing '");
    expect_problem(*state, "\"abc\\\"", 0, "no closing \"");
    expect_problem(*state, "'a\\q'", 2, "escape");
    expect_problem(*state, "'\\u00'", 1, "escape");
    expect_problem(*state, "'\\u0000'", 1, "escape");
    expect_problem(*state, "'\\ud800'", 1, "escape");
    expect_problem(*state, "'\\udc00'", 1, "escape");
    expect_problem(*state, "012", 0, "not a number");
    expect_problem(*state, "1.", 0, "not a number");
    expect_problem(*state, "1e", 0, "not a number");
    expect_problem(*state, "2fa", 0, "not a number");
    expect_problem(*state, "9223372036854775808", 0, "too large");
    expect_problem(*state, "1e999", 0, "too large");
}

static void functions_are_checked_when_parsed(void **state)
{
    struct expression_problem problem = {0};
    struct expression *expression = NULL;

    expect_problem(*state, "a or lenght(b)", 5, "no function \"lenght\"");
    expect_problem(*state, "length()", 0, "length takes 1 values, not 0");
    expect_problem(*state, "length(a, b)", 0, "length takes 1 values, not 2");
    expect_problem(*state, "join(a, b, c)", 0, "join takes at least 1");
    expect_problem(*state, "length(a", 8, "expected \")\"");
    assert_true(expression_parse(*state, "lenght(b)", 9, &expression, &problem) < 0);
    assert_string_equal(problem.hint, "did you mean length?");
    assert_true(expression_parse(*state, "frobnicate(b)", 13, &expression, &problem) < 0);
    assert_non_null(strstr(problem.hint, "startswith"));
}

static void keywords_are_names_inside_paths(void **state)
{
    assert_int_equal(parse(*state, "steps.in.not == steps.and.null"), 0);
    assert_int_equal(parse(*state, "steps.2fa.output"), 0);
    assert_int_equal(parse(*state, "order == nothing or android"), 0);
    assert_int_equal(parse(*state, "length == 3"), 0);
}

static void nesting_has_a_ceiling(void **state)
{
    char text[EXPRESSION_BYTES_MAX + 2];
    size_t deep = EXPRESSION_DEPTH_MAX;

    memset(text, '(', deep);
    memcpy(text + deep, "a", 2);
    expect_problem(*state, text, deep, "deeper than 64");
    memset(text, '[', sizeof(text) - 2);
    text[sizeof(text) - 2] = '\0';
    expect_problem(*state, text, deep, "deeper than 64");
}

static void long_chains_stay_flat(void **state)
{
    char text[EXPRESSION_BYTES_MAX + 1] = "";

    for (size_t i = 0; i + 4 < sizeof(text); i += 4) {
        memcpy(text + i, "not ", 4);
    }
    memcpy(text + sizeof(text) - 5, "   a", 5);
    assert_int_equal(parse(*state, text), 0);
    for (size_t i = 0; i + 5 < sizeof(text); i += 5) {
        memcpy(text + i, "a or ", 5);
    }
    memcpy(text + sizeof(text) - 7, "     a", 7);
    assert_int_equal(parse(*state, text), 0);
}

static void size_and_path_length_have_a_ceiling(void **state)
{
    struct expression_problem problem = {0};
    struct expression *expression = NULL;
    char text[EXPRESSION_BYTES_MAX + 2];

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(expression_parse(*state, text, sizeof(text) - 1, &expression, &problem),
                     ERROR_LIMIT);
    assert_int_equal(expression_parse(*state, text, sizeof(text) - 2, &expression, &problem), 0);
    expect_problem(*state, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", 0, "at most 16 parts");
    assert_int_equal(parse(*state, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p"), 0);
}

static void many_texts_need_little_memory(void **state)
{
    char text[EXPRESSION_BYTES_MAX + 1] = "[''";

    for (size_t i = 3; i + 4 < sizeof(text); i += 3) {
        memcpy(text + i, ",''", 3);
    }
    text[strlen(text)] = ']';
    assert_int_equal(parse(*state, text), 0);
    assert_true(arena_size_bytes(*state) < (size_t)1024 * 1024);
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    struct expression_problem problem = {0};
    struct expression *expression = NULL;

    expect_problem(*state, "'\xFF'", 0, "UTF-8");
    assert_int_equal(expression_parse(*state, "'a\0b'", 5, &expression, &problem), ERROR_INVALID);
}

static void only_the_given_length_is_read(void **state)
{
    struct expression_problem problem = {0};
    struct expression *expression = NULL;

    assert_int_equal(expression_parse(*state, "abc}}", 3, &expression, &problem), 0);
    assert_string_equal(expression_text(expression), "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(broken_grammar_is_named_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signs_of_other_languages_get_a_hint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_literals_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(functions_are_checked_when_parsed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keywords_are_names_inside_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_has_a_ceiling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_chains_stay_flat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(size_and_path_length_have_a_ceiling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_texts_need_little_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_that_is_not_utf8_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_given_length_is_read, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
