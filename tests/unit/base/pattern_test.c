/* SPDX-License-Identifier: MIT */
#include "base/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool matches(const char *text, const char *subject)
{
    struct error err = ERROR_INIT;
    struct pattern *pattern = NULL;
    bool result = false;

    assert_int_equal(pattern_new(text, &pattern, &err), 0);
    assert_int_equal(pattern_match(pattern, subject, strlen(subject), &result, &err), 0);
    pattern_free(pattern);
    return result;
}

static void a_match_may_lie_anywhere(void **state)
{
    (void)state;
    assert_true(matches("b+", "abbc"));
    assert_false(matches("^b+$", "abbc"));
    assert_true(matches("", ""));
    assert_true(matches("(a)(b)(c)(d)", "abcd"));
}

static void dialect_is_that_of_ecmascript(void **state)
{
    (void)state;
    assert_false(matches("^abc$", "abc\n"));
    assert_false(matches("^\\d$", "\xDF\x80"));
    assert_false(matches("^\\w$", "\xC3\xA9"));
    assert_true(matches("^\\u00e9$", "\xC3\xA9"));
    assert_true(matches("^.$", "\xF0\x9F\x98\x80"));
    assert_true(matches("^\\p{L}$", "\xC3\xA9"));
}

static void a_wrong_pattern_is_named_with_its_place(void **state)
{
    struct error err = ERROR_INIT;
    struct pattern *pattern = NULL;

    (void)state;
    assert_int_equal(pattern_new("a(b", &pattern, &err), ERROR_INVALID);
    assert_null(pattern);
    assert_non_null(strstr(err.text, "\"a(b\" is wrong at byte 3"));
    assert_int_equal(pattern_new("\\C", &pattern, &err), ERROR_INVALID);
    assert_int_equal(pattern_new("\xFF", &pattern, &err), ERROR_INVALID);
}

static void patterns_have_a_ceiling(void **state)
{
    struct error err = ERROR_INIT;
    struct pattern *pattern = NULL;
    char text[PATTERN_BYTES_MAX + 2];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(pattern_new(text, &pattern, &err), ERROR_LIMIT);
    memset(text, '(', 200);
    memset(text + 200, ')', 200);
    text[400] = '\0';
    assert_int_equal(pattern_new(text, &pattern, &err), ERROR_INVALID);
    pattern_free(NULL);
}

static void catastrophic_patterns_are_stopped(void **state)
{
    struct error err = ERROR_INIT;
    struct pattern *pattern = NULL;
    char text[64];
    bool result = true;

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(pattern_new("^(a+)+$|^(a|aa)+b$", &pattern, &err), 0);
    text[sizeof(text) - 1] = '!';
    assert_int_equal(pattern_match(pattern, text, sizeof(text), &result, &err), ERROR_LIMIT);
    assert_true(result);
    pattern_free(pattern);
}

static void text_that_is_not_utf8_is_an_error(void **state)
{
    struct error err = ERROR_INIT;
    struct pattern *pattern = NULL;
    bool result = true;

    (void)state;
    assert_int_equal(pattern_new("a", &pattern, &err), 0);
    assert_int_equal(pattern_match(pattern, "\xFF", 1, &result, &err), ERROR_INVALID);
    pattern_free(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_may_lie_anywhere),
        cmocka_unit_test(dialect_is_that_of_ecmascript),
        cmocka_unit_test(a_wrong_pattern_is_named_with_its_place),
        cmocka_unit_test(patterns_have_a_ceiling),
        cmocka_unit_test(catastrophic_patterns_are_stopped),
        cmocka_unit_test(text_that_is_not_utf8_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
