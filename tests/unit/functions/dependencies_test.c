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

static void what_is_not_exact_is_found_where_it_is_declared(void **state)
{
    char *folder = scratch_new();
    const json_t *finding;
    json_t *result;

    (void)state;
    scratch_write(folder, "package.json",
                  "{\n \"dependencies\": {\n  \"a\": \"*\",\n  \"b\": \"github:x/b\",\n"
                  "  \"c\": \"git+https://x/c#0123456789abcdef0123456789abcdef01234567\"\n }\n}\n");
    scratch_write(folder, "web/package.json", "{ \"dependencies\": { \"a\": \"2\" } }\n");
    result = function_json(folder, "dependencies", NULL);
    finding = find_finding(result, "any-version", NULL);
    assert_int_equal(json_get_integer(finding, "line", 0), 3);
    assert_string_equal(json_get_text(finding, "evidence", ""), "\"a\": \"*\",");
    finding = find_finding(result, "source-without-digest", NULL);
    assert_int_equal(json_get_integer(finding, "line", 0), 4);
    assert_int_equal(json_get_integer(json_object_get(result, "rules"), "source-without-digest", 0),
                     1);
    assert_non_null(find_finding(result, "two-versions", "web/package.json"));
    assert_non_null(find_finding(result, "no-lock-file", "package.json"));
    assert_int_equal(json_array_size(json_object_get(result, "dependencies")), 4);
    json_decref(result);
    scratch_remove(folder);
}

static void a_lock_file_beside_it_or_above_it_makes_it_exact(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "web/app/package.json", "{ \"dependencies\": { \"a\": \"*\" } }\n");
    scratch_write(folder, "yarn.lock", "a\n");
    scratch_write(folder, "vendor/package.json", "{ \"dependencies\": { \"b\": \"*\" } }\n");
    result = function_json(folder, "dependencies", NULL);
    assert_int_equal(json_array_size(json_object_get(result, "findings")), 0);
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(result, "manifests"), 0), "lock", ""),
        "yarn.lock");
    assert_int_equal(json_array_size(json_object_get(result, "manifests")), 1);
    json_decref(result);
    scratch_remove(folder);
}

static void with_neither_manifest_nor_headers_nothing_is_known(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "a.c", "#include <stdio.h>\n");
    result = function_json(folder, "dependencies", NULL);
    assert_string_equal(json_get_text(result, "status", ""), "unknown");
    json_decref(result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_exact_is_found_where_it_is_declared),
        cmocka_unit_test(a_lock_file_beside_it_or_above_it_makes_it_exact),
        cmocka_unit_test(with_neither_manifest_nor_headers_nothing_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
