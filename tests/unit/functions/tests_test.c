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

static void write_lines(const char *folder, const char *file, const char *line, size_t count)
{
    struct strbuf text;

    strbuf_init(&text, 1000000);
    for (size_t i = 0; i < count; i++) {
        strbuf_add(&text, line);
    }
    scratch_write(folder, file, text.data);
    strbuf_release(&text);
}

static void tests_frameworks_commands_and_ci_are_found(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    write_lines(folder, "src/a.c", "int a;\n", 100);
    scratch_write(folder, "tests/a_test.c", "#include <cmocka.h>\nint main(void) { }\n");
    scratch_write(folder, "Makefile", "all:\n\ntest:\n\ttrue\n");
    scratch_write(folder, ".github/workflows/ci.yml", "on: push\n");
    result = function_json(folder, "tests", NULL);
    assert_int_equal(json_get_integer(result, "test_files", 0), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(result, "frameworks"), 0)),
                        "cmocka");
    assert_string_equal(json_string_value(json_array_get(json_object_get(result, "commands"), 0)),
                        "make test");
    assert_string_equal(json_string_value(json_array_get(json_object_get(result, "ci"), 0)),
                        "GitHub Actions");
    assert_null(find_finding(result, "no-tests", NULL));
    assert_null(find_finding(result, "no-ci", NULL));
    json_decref(result);
    scratch_remove(folder);
}

static void a_folder_without_tests_is_found_unless_a_test_is_named_after_it(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    write_lines(folder, "net/a.c", "int a;\n", 400);
    write_lines(folder, "disk/a.c", "int a;\n", 400);
    scratch_write(folder, "t/t0001-disk-basics.sh", "true\n");
    result = function_json(folder, "tests", NULL);
    assert_int_equal(json_array_size(json_object_get(result, "gaps")), 1);
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(result, "gaps"), 0), "folder", ""), "net");
    json_decref(result);
    scratch_remove(folder);
}

static void code_without_any_test_is_a_high_finding(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    write_lines(folder, "net/a.c", "int a;\n", 400);
    result = function_json(folder, "tests", NULL);
    assert_string_equal(json_get_text(find_finding(result, "no-tests", NULL), "severity", ""),
                        "high");
    /* Said once, not for each folder again. */
    assert_null(find_finding(result, "untested-folder", NULL));
    json_decref(result);
    scratch_remove(folder);
}

static void a_project_without_code_is_unknown(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "README", "hello\n");
    result = function_json(folder, "tests", NULL);
    assert_string_equal(json_get_text(result, "status", ""), "unknown");
    json_decref(result);
    scratch_remove(folder);
}

static void a_text_that_speaks_of_a_framework_uses_none(void **state)
{
    char *folder = scratch_new();
    json_t *result;
    json_t *used;

    (void)state;
    scratch_write(folder, "tests/a_test.c",
                  "#include <cmocka.h>\n/* \"jest\" and \"testing\" */\n");
    scratch_write(folder, "package.json", "{\"devDependencies\": {\"vitest\": \"1\"}}\n");
    result = function_json(folder, "tests", NULL);
    used = json_object_get(result, "frameworks");
    assert_int_equal(json_array_size(used), 2);
    assert_string_equal(json_string_value(json_array_get(used, 0)), "vitest");
    assert_string_equal(json_string_value(json_array_get(used, 1)), "cmocka");
    json_decref(result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tests_frameworks_commands_and_ci_are_found),
        cmocka_unit_test(a_folder_without_tests_is_found_unless_a_test_is_named_after_it),
        cmocka_unit_test(code_without_any_test_is_a_high_finding),
        cmocka_unit_test(a_project_without_code_is_unknown),
        cmocka_unit_test(a_text_that_speaks_of_a_framework_uses_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
