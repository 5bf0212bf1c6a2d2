/* SPDX-License-Identifier: MIT */
#include "workflow/json_schema.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* part: NULL when the schema is usable, else what the error says. */
static void expect(const char *text, const char *part)
{
    json_t *schema = json_loads(text, JSON_DECODE_ANY, NULL);
    struct error err = ERROR_INIT;
    int r;

    assert_non_null(schema);
    r = json_schema_check_schema(schema, &err);
    if (r != (part ? ERROR_INVALID : 0) || (part && !strstr(err.text, part))) {
        fail_msg("%s: expected \"%s\", got %d \"%s\"", text, part ? part : "usable", r, err.text);
    }
    json_decref(schema);
}

static void usable_schemas_pass(void **state)
{
    (void)state;
    expect("true", NULL);
    expect("{}", NULL);
    expect(
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://x.org/s\","
        "\"title\":\"t\",\"default\":1,\"examples\":[1],\"x-note\":{\"type\":12},"
        "\"type\":[\"object\",\"null\"],\"properties\":{\"a\":{\"minLength\":2.0,\"pattern\":\"^"
        "a\"}},"
        "\"required\":[],\"enum\":[{\"type\":12}],\"const\":{\"minimum\":\"x\"}}",
        NULL);
}

static void wrong_types_are_named_with_their_place(void **state)
{
    (void)state;
    expect("1", "schema, at the top: expected a schema");
    expect("[]", "expected a schema");
    expect("{\"type\":\"strng\"}",
           "at /type: expected array, boolean, integer, null, number, object "
           "or string (did you mean string?)");
    expect("{\"type\":[]}", "name of a type");
    expect("{\"type\":[\"string\",1]}", "at /type");
    expect("{\"properties\":{\"a\":{\"minimum\":\"1\"}}}",
           "at /properties/a/minimum: expected a number");
    expect("{\"properties\":[]}", "expected an object of schemas");
    expect("{\"multipleOf\":0}", "expected a number above 0");
    expect("{\"minLength\":-1}", "expected a whole number from 0");
    expect("{\"minLength\":1.5}", "expected a whole number from 0");
    expect("{\"required\":\"a\"}", "expected a list of names");
    expect("{\"required\":[1]}", "element 0 is none");
    expect("{\"required\":[\"a\",\"a\"]}", "\"a\" is listed twice");
    expect("{\"dependentRequired\":{\"a\":1}}",
           "at /dependentRequired/a: expected a list of names");
    expect("{\"dependentRequired\":1}", "expected an object of lists");
    expect("{\"allOf\":[]}", "one or more schemas");
    expect("{\"allOf\":[true,3]}", "at /allOf/1: expected a schema");
    expect("{\"items\":[{}]}", "use prefixItems");
    expect("{\"enum\":1}", "expected a list of values");
    expect("{\"uniqueItems\":1}", "expected true or false");
    expect("{\"format\":1}", "at /format: expected text");
    expect("{\"pattern\":1}", "expected a pattern");
    expect("{\"$id\":1}", "expected text");
    expect("{\"$anchor\":\"\"}", "expected a name");
}

static void patterns_must_compile(void **state)
{
    (void)state;
    expect("{\"pattern\":\"a(\"}", "at /pattern: the pattern \"a(\" is wrong at byte 2");
    expect("{\"patternProperties\":{\"[\":true}}", "at /patternProperties/[: the pattern");
}

static void references_must_resolve(void **state)
{
    (void)state;
    expect("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":true}}", NULL);
    expect("{\"$ref\":\"#/$defs/b\",\"$defs\":{\"a\":true}}", "\"#/$defs/b\" names nothing");
    expect("{\"$ref\":\"https://example.com/other.json\"}", "only references within it");
    expect("{\"$ref\":1}", "expected a reference");
    expect("{\"$ref\":\"#\"}", NULL);
    expect("{\"properties\":{\"a\":{\"$ref\":\"#\"}}}", NULL);
    expect("{\"$ref\":\"#/x-note\",\"x-note\":{\"type\":1}}", "name of a type");
    expect("{\"$ref\":\"#/x-note\",\"x-note\":3}", "expected a schema");
}

static void parts_are_named_by_anchor_not_by_id(void **state)
{
    (void)state;
    expect("{\"$defs\":{\"a\":{\"$id\":\"x\"}}}", "at /$defs/a/$id: only the whole schema");
    expect("{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}",
           "the anchor \"x\" is there twice");
    expect("{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"y\"}}}", NULL);
}

static void depth_has_a_ceiling(void **state)
{
    json_t *schema = json_object();
    struct error err = ERROR_INIT;

    (void)state;
    for (int i = 0; i < JSON_SCHEMA_DEPTH_MAX + 1; i++) {
        schema = json_pack("{s:o}", "not", schema);
    }
    assert_int_equal(json_schema_check_schema(schema, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "nested deeper than 400"));
    json_decref(schema);
}

static void the_number_of_schemas_has_a_ceiling(void **state)
{
    json_t *schema = json_object();
    json_t *list = json_array();
    struct error err = ERROR_INIT;

    (void)state;
    for (int i = 0; i < JSON_SCHEMA_SCHEMAS_MAX; i++) {
        json_array_append_new(list, json_object());
    }
    json_object_set_new(schema, "allOf", list);
    assert_int_equal(json_schema_check_schema(schema, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "more than 100000 schemas"));
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usable_schemas_pass),
        cmocka_unit_test(wrong_types_are_named_with_their_place),
        cmocka_unit_test(patterns_must_compile),
        cmocka_unit_test(references_must_resolve),
        cmocka_unit_test(parts_are_named_by_anchor_not_by_id),
        cmocka_unit_test(depth_has_a_ceiling),
        cmocka_unit_test(the_number_of_schemas_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
