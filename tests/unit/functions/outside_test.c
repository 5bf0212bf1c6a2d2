/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void headers_of_neither_system_nor_tree_come_from_outside(void **state)
{
    char *folder = scratch_new();
    const json_t *headers;
    json_t *result;

    (void)state;
    scratch_write(folder, "a.c",
                  "#include <stdio.h>\n# include <openssl/evp.h>\n#include <own.h>\n"
                  "#include \"uv.h\"\n#include <sys/stat.h>\n#include <broken\n");
    scratch_write(folder, "b.cpp",
                  "#include <vector>\n#include <openssl/sha.h>\n#include <uv.h>\n");
    scratch_write(folder, "include/own.h", "int a;\n");
    result = function_json(folder, "dependencies", NULL);
    headers = json_object_get(result, "headers");
    assert_int_equal(json_array_size(headers), 2);
    assert_string_equal(json_get_text(json_array_get(headers, 0), "header", ""), "openssl/evp.h");
    assert_int_equal(json_get_integer(json_array_get(headers, 0), "files", 0), 2);
    assert_int_equal(json_get_integer(json_array_get(headers, 0), "line", 0), 2);
    assert_string_equal(json_get_text(json_array_get(headers, 1), "header", ""), "uv.h");
    assert_string_equal(json_get_text(json_array_get(headers, 1), "file", ""), "b.cpp");
    json_decref(result);
    scratch_remove(folder);
}

/* A header that the build makes, or that belongs to a system that is not in this copy. */
static void headers_named_like_many_of_the_tree_are_its_own(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(
        folder, "a.c",
        "#include <ngx_auto_config.h>\n#include <gd.h(one,two)>\n#include <lone_made.h>\n");
    scratch_write(folder, "lone_own.h", "int a;\n");
    for (int i = 0; i < 10; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "ngx_part%d.h", i);
        scratch_write(folder, name, "int a;\n");
    }
    result = function_json(folder, "dependencies", NULL);
    assert_int_equal(json_array_size(json_object_get(result, "headers")), 2);
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(result, "headers"), 1), "header", ""),
        "lone_made.h");
    assert_string_equal(json_get_text(result, "summary", ""),
                        "no manifest of a known kind; 2 C headers from outside");
    json_decref(result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_of_neither_system_nor_tree_come_from_outside),
        cmocka_unit_test(headers_named_like_many_of_the_tree_are_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
