/* SPDX-License-Identifier: MIT */
#include "workflow/json_schema_keywords.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void known_keywords_are_found(void **state)
{
    static const struct {
        const char *name;
        enum keyword_kind kind;
    } rows[] = {
        {"$anchor", KEYWORD_ANCHOR},
        {"uniqueItems", KEYWORD_BOOLEAN},
        {"$ref", KEYWORD_REFERENCE},
        {"enum", KEYWORD_LIST},
        {"required", KEYWORD_NAMES},
        {"patternProperties", KEYWORD_PATTERN_MAP},
        {"multipleOf", KEYWORD_POSITIVE},
        {"additionalProperties", KEYWORD_SCHEMA},
        {"dependentRequired", KEYWORD_NAMES_MAP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct schema_keyword *keyword = schema_find_keyword(rows[i].name);

        if (!keyword) {
            fail_msg("%s was not found", rows[i].name);
        }
        assert_string_equal(keyword->name, rows[i].name);
        assert_int_equal(keyword->kind, rows[i].kind);
    }
}

/* The look-up is binary: one row out of order would hide others. */
static void every_keyword_of_the_specification_is_found(void **state)
{
    static const char *const names[] = {"$anchor",
                                        "$comment",
                                        "$defs",
                                        "$dynamicAnchor",
                                        "$dynamicRef",
                                        "$id",
                                        "$ref",
                                        "$schema",
                                        "additionalProperties",
                                        "allOf",
                                        "anyOf",
                                        "contains",
                                        "dependentRequired",
                                        "dependentSchemas",
                                        "else",
                                        "enum",
                                        "exclusiveMaximum",
                                        "exclusiveMinimum",
                                        "format",
                                        "if",
                                        "items",
                                        "maxContains",
                                        "maxItems",
                                        "maxLength",
                                        "maxProperties",
                                        "maximum",
                                        "minContains",
                                        "minItems",
                                        "minLength",
                                        "minProperties",
                                        "minimum",
                                        "multipleOf",
                                        "not",
                                        "oneOf",
                                        "pattern",
                                        "patternProperties",
                                        "prefixItems",
                                        "properties",
                                        "propertyNames",
                                        "required",
                                        "then",
                                        "type",
                                        "unevaluatedItems",
                                        "unevaluatedProperties",
                                        "uniqueItems"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!schema_find_keyword(names[i])) {
            fail_msg("%s was not found", names[i]);
        }
    }
}

static void others_are_remarks(void **state)
{
    (void)state;
    assert_null(schema_find_keyword("title"));
    assert_null(schema_find_keyword("x-order"));
    assert_null(schema_find_keyword("requried"));
    assert_null(schema_find_keyword(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_keywords_are_found),
        cmocka_unit_test(every_keyword_of_the_specification_is_found),
        cmocka_unit_test(others_are_remarks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
