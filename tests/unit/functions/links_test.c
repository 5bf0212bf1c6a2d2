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

static void links_that_lead_somewhere_are_no_findings(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "docs/a.md",
                  "# A\n\n## Part two\n\n[up](../README.md) [root](/docs/a.md) "
                  "[own](#part-two) [dir](../docs/) [mail](mailto:a@b)\n");
    scratch_write(folder, "README.md",
                  "[a](docs/a.md#part-two) [b](./docs/a%2emd?x=1) [top](.)\n"
                  "[far](https://example.com/x) [code](main.c#L1)\n");
    scratch_write(folder, "main.c", "int a;\n");
    result = function_json(folder, "links", NULL);
    assert_int_equal(json_array_size(json_object_get(result, "findings")), 0);
    assert_int_equal(
        json_get_integer(json_object_get(result, "covered"), "addresses_elsewhere_not_visited", 0),
        2);
    assert_int_equal(json_get_integer(json_object_get(result, "covered"), "links_checked", 0), 8);
    json_decref(result);
    scratch_remove(folder);
}

static void dead_ones_are_told_with_line_and_evidence(void **state)
{
    char *folder = scratch_new();
    const json_t *finding;
    json_t *result;

    (void)state;
    scratch_write(folder, "README.md", "# A\n\nSee [b](docs/b.md).\n[c](#nowhere)\n[d](../d.md)\n");
    result = function_json(folder, "links", NULL);
    finding = find_finding(result, "dead-link", "README.md");
    assert_int_equal(json_get_integer(finding, "line", 0), 3);
    assert_string_equal(json_get_text(finding, "evidence", ""), "See [b](docs/b.md).");
    assert_string_equal(json_get_text(finding, "message", ""), "there is no docs/b.md");
    assert_string_equal(json_get_text(finding, "severity", ""), "medium");
    assert_int_equal(json_get_integer(find_finding(result, "dead-anchor", NULL), "line", 0), 4);
    assert_non_null(find_finding(result, "link-out-of-project", NULL));
    assert_int_equal(json_get_integer(result, "dead_links", 0), 2);
    json_decref(result);
    scratch_remove(folder);
}

static void without_a_page_nothing_is_known(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "main.c", "int a;\n");
    result = function_json(folder, "links", NULL);
    assert_string_equal(json_get_text(result, "status", ""), "unknown");
    json_decref(result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_that_lead_somewhere_are_no_findings),
        cmocka_unit_test(dead_ones_are_told_with_line_and_evidence),
        cmocka_unit_test(without_a_page_nothing_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
