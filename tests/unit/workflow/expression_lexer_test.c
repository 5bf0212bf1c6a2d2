/* SPDX-License-Identifier: MIT */
#include "workflow/expression_lexer.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct lexer lexer;
    struct expression_problem problem;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->lexer.arena = arena_new();
    fixture->lexer.problem = &fixture->problem;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    arena_free(fixture->lexer.arena);
    free(fixture);
    return 0;
}

static struct lexer *start(void **state, const char *text)
{
    struct fixture *fixture = *state;

    fixture->lexer.text = text;
    fixture->lexer.length = strlen(text);
    fixture->lexer.position = 0;
    return &fixture->lexer;
}

static void words_signs_and_blanks_are_cut(void **state)
{
    struct lexer *lexer = start(state, "  a-b<= [\t'x'\n]");

    assert_true(lexer_next(lexer));
    assert_true(lexer_is_word(lexer, "a-b"));
    assert_false(lexer_is_sign(lexer, "a-b"));
    assert_int_equal(lexer->token.offset, 2);
    assert_true(lexer_next(lexer));
    assert_true(lexer_is_sign(lexer, "<="));
    assert_false(lexer_is_sign(lexer, "<"));
    assert_true(lexer_next(lexer));
    assert_true(lexer_is_sign(lexer, "["));
    assert_true(lexer_next(lexer));
    assert_int_equal(lexer->token.kind, TOKEN_TEXT);
    assert_string_equal(lexer->token.text, "x");
    assert_true(lexer_next(lexer));
    assert_true(lexer_next(lexer));
    assert_int_equal(lexer->token.kind, TOKEN_END);
    assert_true(lexer_next(lexer));
    assert_int_equal(lexer->token.kind, TOKEN_END);
}

static void escapes_are_decoded(void **state)
{
    struct lexer *lexer = start(state,
                                "'\\\\\\'\\\"\\n\\t\\r\\/\\u0041\\u00e9\\u20AC\\uD83d\\ude00'");

    assert_true(lexer_next(lexer));
    assert_string_equal(lexer->token.text, "\\'\"\n\t\r/A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    assert_int_equal(lexer->token.text_length, strlen(lexer->token.text));
    assert_int_equal(lexer->token.length, lexer->length);
}

static void numbers_keep_their_kind(void **state)
{
    struct lexer *lexer = start(state, "0 -7 1.5 -2e-3 1e-400");

    assert_true(lexer_next(lexer));
    assert_false(lexer->token.is_real);
    assert_int_equal(lexer->token.integer, 0);
    assert_true(lexer_next(lexer));
    assert_int_equal(lexer->token.integer, -7);
    assert_true(lexer_next(lexer));
    assert_true(lexer->token.is_real);
    assert_float_equal(lexer->token.real, 1.5, 0);
    assert_true(lexer_next(lexer));
    assert_float_equal(lexer->token.real, -0.002, 1e-12);
    assert_true(lexer_next(lexer));
    assert_float_equal(lexer->token.real, 0, 1e-12);
}

static void a_number_of_many_digits_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char text[100];

    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_false(lexer_next(start(state, text)));
    assert_non_null(strstr(fixture->problem.text, "99 characters"));
}

static void a_part_may_begin_with_a_digit(void **state)
{
    struct lexer *lexer = start(state, "2fa 2fa");

    assert_true(lexer_next_part(lexer));
    assert_true(lexer_is_word(lexer, "2fa"));
    assert_false(lexer_next(lexer));
}

static void a_problem_holds_place_text_and_hint(void **state)
{
    struct fixture *fixture = *state;

    assert_false(lexer_fail(&fixture->lexer, 7, NULL, "no %s", "luck"));
    assert_int_equal(fixture->problem.offset, 7);
    assert_string_equal(fixture->problem.text, "no luck");
    assert_string_equal(fixture->problem.hint, "");
    assert_false(lexer_next(start(state, "a && b")) && lexer_next(&fixture->lexer));
    assert_string_equal(fixture->problem.hint, "write: and");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_signs_and_blanks_are_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(escapes_are_decoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_keep_their_kind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_of_many_digits_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_part_may_begin_with_a_digit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_problem_holds_place_text_and_hint, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
