/* SPDX-License-Identifier: MIT */
#include "workflow/json_schema_internal.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] =
    "{\"$id\":\"https://example.com/s\",\"$defs\":{\"a/"
    "b\":{\"title\":\"slash\"},\"c~d\":{\"title\":"
    "\"tilde\"},\"e%f\":{\"title\":\"percent\"},\"list\":{\"prefixItems\":[{\"title\":\"first\"},"
    "{\"$anchor\":\"deep\",\"title\":\"deep\"}]}},\"enum\":[{\"$anchor\":\"fake\"}],"
    "\"const\":{\"$anchor\":\"fake\"},\"properties\":{\"$anchor\":{\"title\":\"a property\"}}}";

static int set_up(void **state)
{
    *state = json_loads(text, 0, NULL);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    json_decref(*state);
    return 0;
}

static void expect_title(const json_t *root, const char *reference, const char *title)
{
    const json_t *found = schema_find_reference(root, reference);

    if (!found) {
        fail_msg("%s: nothing found", reference);
    }
    assert_string_equal(json_get_text(found, "title", ""), title);
}

static void pointers_are_decoded(void **state)
{
    expect_title(*state, "#/$defs/a~1b", "slash");
    expect_title(*state, "#/$defs/c~0d", "tilde");
    expect_title(*state, "#/$defs/e%25f", "percent");
    expect_title(*state, "#/%24defs/a~1b", "slash");
    expect_title(*state, "#/$defs/list/prefixItems/0", "first");
    expect_title(*state, "#/properties/$anchor", "a property");
}

static void the_document_names_itself(void **state)
{
    assert_ptr_equal(schema_find_reference(*state, "#"), *state);
    assert_ptr_equal(schema_find_reference(*state, ""), *state);
    assert_ptr_equal(schema_find_reference(*state, "https://example.com/s"), *state);
    expect_title(*state, "https://example.com/s#/$defs/a~1b", "slash");
}

static void anchors_count_only_where_schemas_stand(void **state)
{
    expect_title(*state, "#deep", "deep");
    assert_null(schema_find_reference(*state, "#fake"));
    assert_null(schema_find_reference(*state, "#nothing"));
}

static void what_is_not_there_is_null(void **state)
{
    static const char *const references[] = {
        "#/nothing",
        "#/$defs/list/prefixItems/2",
        "#/$defs/list/prefixItems/01",
        "#/$defs/a~2b",
        "#/$defs/a~",
        "#/$defs/%zz",
        "#/%",
        "#/%0",
        "#/$defs/list/prefixItems/",
        "other.json",
        "https://example.com/other",
        "https://example.com/s2#",
        "#/$id/something",
        "#/%00",
        "#/$defs/list/prefixItems/-1",
    };

    for (size_t i = 0; i < ARRAY_LEN(references); i++) {
        if (schema_find_reference(*state, references[i])) {
            fail_msg("%s: found something", references[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pointers_are_decoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_document_names_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(anchors_count_only_where_schemas_stand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_null, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
