/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void files_and_lines_are_counted_by_language(void **state)
{
    char *folder = scratch_new();
    const json_t *first;
    json_t *result;

    (void)state;
    scratch_write(folder, "src/main.c", "/* x */\n\nint main(void)\n{\n    return 0;\n}\n");
    scratch_write(folder, "tool.py", "x = 1\n");
    scratch_write(folder, "Makefile", "all:\n");
    scratch_write(folder, "LICENSE", "MIT\n");
    scratch_write_bytes(folder, "logo.png", "\x89PNG\0", 5);
    result = function_json(folder, "inventory", NULL);
    first = json_array_get(json_object_get(result, "languages"), 0);
    assert_string_equal(json_get_text(first, "name", ""), "C");
    assert_int_equal(json_get_integer(first, "lines", 0), 6);
    assert_int_equal(json_get_integer(first, "code", 0), 4);
    assert_int_equal(json_get_integer(first, "comment", 0), 1);
    assert_int_equal(json_get_integer(result, "binary_files", 0), 1);
    assert_string_equal(json_get_text(result, "licence", ""), "LICENSE");
    assert_int_equal(json_array_size(json_object_get(result, "builds")), 1);
    assert_int_equal(
        json_get_integer(json_array_get(json_object_get(result, "entry_points"), 0), "line", 0), 3);
    assert_null(find_finding(result, "no-licence", NULL));
    json_decref(result);
    scratch_remove(folder);
}

static void prose_translations_and_data_are_lines_but_no_code(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "a.c", "int a;\nint b;\n");
    scratch_write(folder, "README.md", "One\nTwo\nThree\n");
    scratch_write(folder, "de.po", "msgid \"a\"\nmsgstr \"b\"\n");
    scratch_write(folder, "data.json", "{}\n");
    result = function_json(folder, "inventory", NULL);
    assert_non_null(strstr(json_get_text(result, "summary", ""), "8 lines (2 of code), mostly C"));
    json_decref(result);
    scratch_remove(folder);
}

static void a_missing_licence_is_a_finding(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "a.c", "int a;\n");
    result = function_json(folder, "inventory", NULL);
    assert_non_null(find_finding(result, "no-licence", NULL));
    json_decref(result);
    scratch_remove(folder);
}

static void an_empty_project_is_unknown(void **state)
{
    char *folder = scratch_new();
    json_t *result = function_json(folder, "inventory", NULL);

    (void)state;
    assert_string_equal(json_get_text(result, "status", ""), "unknown");
    json_decref(result);
    scratch_remove(folder);
}

static void a_wrong_argument_is_refused(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(
        function_failure("/", "inventory", json_pack("{s:s}", "largest", "many"), &err),
        ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_lines_are_counted_by_language),
        cmocka_unit_test(prose_translations_and_data_are_lines_but_no_code),
        cmocka_unit_test(a_missing_licence_is_a_finding),
        cmocka_unit_test(an_empty_project_is_unknown),
        cmocka_unit_test(a_wrong_argument_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
