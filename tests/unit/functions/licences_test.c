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

#define MIT "Permission is hereby granted, free of charge, ... the Software\n"
#define GPL "GNU GENERAL PUBLIC LICENSE\nVersion 3\n"
#define SPDX(name)                                                                                 \
    "/* SPDX-License-"                                                                             \
    "Identifier: " name " */\n"

static void what_says_the_same_everywhere_is_no_finding(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "LICENSE", MIT);
    scratch_write(folder, "package.json", "{\n  \"license\": \"(MIT OR Apache-2.0)\"\n}\n");
    scratch_write(folder, "a.c", SPDX("MIT") "int a;\n");
    result = function_json(folder, "licences", NULL);
    assert_int_equal(json_array_size(json_object_get(result, "findings")), 0);
    assert_string_equal(json_get_text(result, "licence", ""), "MIT");
    assert_int_equal(json_array_size(json_object_get(result, "licences")), 3);
    json_decref(result);
    scratch_remove(folder);
}

static void what_does_not_go_together_is_found_where_it_stands(void **state)
{
    char *folder = scratch_new();
    const json_t *finding;
    json_t *result;

    (void)state;
    scratch_write(folder, "LICENSE", MIT);
    scratch_write(folder, "Cargo.toml", "[package]\nname = \"x\"\nlicense = \"Apache-2.0\"\n");
    scratch_write(folder, "a.c", SPDX("MIT") "int a;\n");
    scratch_write(folder, "b.c", "\n" SPDX("GPL-2.0-only") "int b;\n");
    scratch_write(folder, "c.c", SPDX("MIT") "int a;\n");
    scratch_write(folder, "d.c", "int d;\n");
    scratch_write(folder, "vendor/x/COPYING", GPL);
    result = function_json(folder, "licences", NULL);
    finding = find_finding(result, "two-licences", "Cargo.toml");
    assert_int_equal(json_get_integer(finding, "line", 0), 3);
    assert_string_equal(json_get_text(finding, "evidence", ""), "license = \"Apache-2.0\"");
    finding = find_finding(result, "copyleft-in-permissive", "b.c");
    assert_int_equal(json_get_integer(finding, "line", 0), 2);
    assert_non_null(find_finding(result, "copyleft-in-permissive", "vendor/x/COPYING"));
    assert_non_null(find_finding(result, "no-spdx-line", "d.c"));
    json_decref(result);
    scratch_remove(folder);
}

static void code_without_any_licence_is_found(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "a.c", "int a;\n");
    result = function_json(folder, "licences", NULL);
    assert_non_null(find_finding(result, "no-licence", NULL));
    assert_null(find_finding(result, "no-spdx-line", NULL));
    json_decref(result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_says_the_same_everywhere_is_no_finding),
        cmocka_unit_test(what_does_not_go_together_is_found_where_it_stands),
        cmocka_unit_test(code_without_any_licence_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
