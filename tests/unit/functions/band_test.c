/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "base/alloc.h"
#include "support/function_call.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void write_files(const char *folder, const char *format, int count)
{
    for (int i = 0; i < count; i++) {
        char *path = mem_printf("%s%d.c", format, i);

        scratch_write(folder, path, "int a;\n");
        free(path);
    }
}

static void assert_band(const char *folder, json_t *arguments, const char *band, const char *why)
{
    json_t *result = function_json(folder, "band", arguments);

    assert_string_equal(json_get_text(result, "band", ""), band);
    assert_non_null(strstr(json_get_text(result, "reason", ""), why));
    assert_non_null(strstr(json_get_text(result, "announce", ""), why));
    json_decref(result);
}

static void a_project_is_small_unless_two_signals_speak_for_more(void **state)
{
    char *folder = scratch_new();

    (void)state;
    write_files(folder, "src/a", 20);
    assert_band(folder, NULL, "small", "nothing speaks for more in 20 files of code");
    write_files(folder, "src/auth/login", 5);
    assert_band(folder, NULL, "small", "5 files of security surface");
    write_files(folder, "src/db/migration", 5);
    assert_band(folder, NULL, "medium", "5 files of security surface, 5 files of data surface");
    write_files(folder, "src/big/b", 300);
    assert_band(folder, NULL, "medium", "330 files of code");
    for (int i = 0; i < 10; i++) {
        char *path = mem_printf("part%d/a", i);

        write_files(folder, path, 1);
        free(path);
    }
    assert_band(folder, NULL, "large", "folders of code");
    scratch_remove(folder);
}

static void tests_vendored_code_and_words_within_words_do_not_count(void **state)
{
    char *folder = scratch_new();

    (void)state;
    write_files(folder, "tests/auth/a", 20);
    write_files(folder, "vendor/db/a", 20);
    write_files(folder, "src/author/a", 20);
    assert_band(folder, NULL, "small", "nothing speaks for more in 20 files of code");
    scratch_remove(folder);
}

static void who_starts_the_run_has_the_last_word_and_hears_what_was_measured(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    write_files(folder, "auth/a", 5);
    write_files(folder, "db/a", 5);
    assert_band(folder, json_pack("{s:s}", "band", "large"), "large",
                "asked for; measured would be medium");
    assert_band(folder, json_pack("{s:s,s:s}", "band", "auto", "fast", "true"), "small",
                "asked to be fast; measured would be medium");
    result = function_json(folder, "band", json_pack("{s:s,s:b}", "band", "large", "fast", 1));
    assert_string_equal(json_get_text(result, "band", ""), "large");
    assert_int_equal(json_get_integer(result, "rounds", 0), 1);
    json_decref(result);
    result = function_json(folder, "band", json_pack("{s:s}", "band", "large"));
    assert_int_equal(json_get_integer(result, "rounds", 0), 3);
    json_decref(result);
    scratch_remove(folder);
}

static void another_word_is_no_band(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(function_failure("/", "band", json_pack("{s:s}", "band", "huge"), &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "auto, small, medium or large"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_project_is_small_unless_two_signals_speak_for_more),
        cmocka_unit_test(tests_vendored_code_and_words_within_words_do_not_count),
        cmocka_unit_test(who_starts_the_run_has_the_last_word_and_hears_what_was_measured),
        cmocka_unit_test(another_word_is_no_band),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
