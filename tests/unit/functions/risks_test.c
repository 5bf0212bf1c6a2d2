/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "functions/finding.h"
#include "support/function_call.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_finding_has_its_place_and_its_line(void **state)
{
    char *folder = scratch_new();
    const json_t *finding;
    json_t *result;

    (void)state;
    scratch_write(folder, "src/a.c", "int f(char *b)\n{\n    gets(b);\n}\n");
    result = function_json(folder, "risks", NULL);
    finding = find_finding(result, "c-gets", "src/a.c");
    assert_int_equal(json_get_integer(finding, "line", 0), 3);
    assert_string_equal(json_get_text(finding, "evidence", ""), "gets(b);");
    assert_null(json_object_get(finding, "context"));
    json_decref(result);
    scratch_remove(folder);
}

static void very_long_functions_are_found_by_name(void **state)
{
    char *folder = scratch_new();
    struct strbuf text;
    json_t *result;

    (void)state;
    strbuf_init(&text, 100000);
    strbuf_add(
        &text,
        "int small(void)\n{\n    return 1;\n}\n\nstatic int\nlarge(int a,\n      int b)\n{\n");
    for (int i = 0; i < 420; i++) {
        strbuf_add(&text, "    a++;\n");
    }
    strbuf_add(&text, "}\n");
    scratch_write(folder, "a.c", text.data);
    result = function_json(folder, "risks", NULL);
    assert_string_equal(json_get_text(find_finding(result, "long-function", "a.c"), "evidence", ""),
                        "large");
    assert_int_equal(json_get_integer(result, "long_functions_total", 0), 1);
    json_decref(result);
    strbuf_release(&text);
    scratch_remove(folder);
}

static void marks_count_in_comments_only(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(
        folder, "a.c",
        "/* TO\104O: x */ int todo; // FIX\115E\nchar *s = \"TO\104O\";\n/* TO\104OS */\n");
    result = function_json(folder, "risks", NULL);
    assert_int_equal(json_get_integer(result, "unfinished_total", 0), 2);
    json_decref(result);
    scratch_remove(folder);
}

static void nothing_found_is_an_empty_list(void **state)
{
    char *folder = scratch_new();
    json_t *result = function_json(folder, "risks", NULL);

    (void)state;
    assert_int_equal(json_array_size(json_object_get(result, "findings")), 0);
    json_decref(result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_has_its_place_and_its_line),
        cmocka_unit_test(very_long_functions_are_found_by_name),
        cmocka_unit_test(marks_count_in_comments_only),
        cmocka_unit_test(nothing_found_is_an_empty_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
