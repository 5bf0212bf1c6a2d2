/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include "base/utf8.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_error_holds_code_and_text(void **state)
{
    struct error err = {.hint = "old"};

    (void)state;
    assert_int_equal(error_set(&err, ERROR_BUSY, "%s is %d", "it", 7), ERROR_BUSY);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_string_equal(err.text, "it is 7");
    assert_string_equal(err.hint, "");
    error_hint(&err, "try %s", "later");
    assert_string_equal(err.hint, "try later");
}

static void the_code_alone_is_enough(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_IO, "lost"), ERROR_IO);
    error_hint(NULL, "nothing");
    error_context(NULL, "nothing");
    errno = ENOENT;
    assert_int_equal(error_set_errno(NULL, "lost"), ERROR_NOT_FOUND);
}

static void system_errors_pick_their_code(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    errno = ENOENT;
    assert_int_equal(error_set_errno(&err, "cannot open %s", "x"), ERROR_NOT_FOUND);
    assert_string_equal(err.text, "cannot open x: No such file or directory");
    errno = EAGAIN;
    assert_int_equal(error_set_errno(&err, "x"), ERROR_BUSY);
    errno = EMFILE;
    assert_int_equal(error_set_errno(&err, "x"), ERROR_LIMIT);
    errno = EACCES;
    assert_int_equal(error_set_errno(&err, "x"), ERROR_IO);
    assert_false(err.is_storage_full);
    errno = ENOSPC;
    assert_int_equal(error_set_errno(&err, "x"), ERROR_LIMIT);
    assert_true(err.is_storage_full);
    assert_string_equal(err.hint, "free some disk space, then try again");
    assert_int_equal(error_set(&err, ERROR_LIMIT, "x"), ERROR_LIMIT);
    assert_false(err.is_storage_full);
    assert_string_equal(err.hint, "");
}

static void context_goes_before_the_text(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    (void)error_set(&err, ERROR_LIMIT, "too large");
    error_hint(&err, "make it smaller");
    error_context(&err, "file %d", 3);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.text, "file 3: too large");
    assert_string_equal(err.hint, "make it smaller");
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct error err = ERROR_INIT;
    char text[ERROR_TEXT_MAX + 100];

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4) {
            memcpy(text + i, "\xF0\x9F\x98\x80", 5);
        }
        (void)error_set(&err, ERROR_IO, "%s", text);
        assert_true(utf8_is_valid(err.text, strlen(err.text)));
        assert_true(strlen(err.text) >= ERROR_TEXT_MAX - 4);
        error_context(&err, "%s", text);
        assert_int_equal(err.code, ERROR_IO);
        assert_true(utf8_is_valid(err.text, strlen(err.text)));
        error_hint(&err, "%s", text);
        assert_true(utf8_is_valid(err.hint, strlen(err.hint)));
    }
}

static void a_whole_last_character_stays(void **state)
{
    struct error err = ERROR_INIT;
    char text[ERROR_TEXT_MAX];

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text + sizeof(text) - 3, "\xC3\xA9", 3);
    (void)error_set(&err, ERROR_IO, "%s", text);
    assert_string_equal(err.text, text);
}

static void every_code_has_a_name_and_a_status(void **state)
{
    static const struct {
        int code;
        const char *name;
        int status;
    } rows[] = {
        {ERROR_NONE, "ok", 0},
        {ERROR_INVALID, "invalid", 2},
        {ERROR_NOT_FOUND, "not_found", 6},
        {ERROR_CONFLICT, "conflict", 1},
        {ERROR_BUSY, "busy", 75},
        {ERROR_LIMIT, "limit", 5},
        {ERROR_UNAVAILABLE, "unavailable", 4},
        {ERROR_IO, "io", 1},
        {ERROR_CANCELLED, "cancelled", 130},
        {ERROR_VALIDATION, "validation", 7},
        {ERROR_INTERNAL, "internal", 1},
    };

    (void)state;
    assert_int_equal(sizeof(rows) / sizeof(rows[0]), ERROR_CODES);
    for (size_t i = 0; i < ERROR_CODES; i++) {
        assert_string_equal(error_code_name(rows[i].code), rows[i].name);
        assert_int_equal(error_code_exit_status(rows[i].code), rows[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_holds_code_and_text),
        cmocka_unit_test(the_code_alone_is_enough),
        cmocka_unit_test(system_errors_pick_their_code),
        cmocka_unit_test(context_goes_before_the_text),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(a_whole_last_character_stays),
        cmocka_unit_test(every_code_has_a_name_and_a_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
