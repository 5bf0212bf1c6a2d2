/* SPDX-License-Identifier: MIT */
#include "workflow/json_schema_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Checks a value against a schema, both JSON text. part: NULL when the value fits, else what the
 * error says. */
static void expect(const char *schema_text, const char *value_text, const char *part)
{
    json_t *schema = json_loads(schema_text, JSON_DECODE_ANY, NULL);
    json_t *value = json_loads(value_text, JSON_DECODE_ANY, NULL);
    struct error err = ERROR_INIT;
    int r;

    assert_non_null(schema);
    assert_non_null(value);
    r = json_schema_check(schema, value, &err);
    if (r != (part ? ERROR_VALIDATION : 0) || (part && !strstr(err.text, part))) {
        fail_msg("%s with %s: expected \"%s\", got %d \"%s\"", schema_text, value_text,
                 part ? part : "it fits", r, err.text);
    }
    json_decref(value);
    json_decref(schema);
}

static void elements_follow_prefix_and_items(void **state)
{
    const char
        *schema = "{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}";

    (void)state;
    expect(schema, "[]", NULL);
    expect(schema, "[\"a\",1,2]", NULL);
    expect(schema, "[1]", "at /0: expected string");
    expect(schema, "[\"a\",1,\"b\"]", "at /2: expected integer");
    expect("{\"items\":false}", "[1]", "at /0: nothing is allowed");
    expect("{\"minItems\":1,\"maxItems\":2}", "[]", "at least 1 elements, got 0");
    expect("{\"minItems\":1,\"maxItems\":2}", "[1,2,3]", "at most 2 elements, got 3");
}

static void contains_counts_what_fits(void **state)
{
    const char *schema = "{\"contains\":{\"minimum\":5},\"minContains\":2,\"maxContains\":3}";

    (void)state;
    expect("{\"contains\":{\"const\":1}}", "[2,1]", NULL);
    expect("{\"contains\":{\"const\":1}}", "[2]",
           "at least 1 elements as contains wants them, got 0");
    expect("{\"contains\":{\"const\":1},\"minContains\":0}", "[]", NULL);
    expect(schema, "[5,6]", NULL);
    expect(schema, "[5,1]", "at least 2");
    expect(schema, "[5,6,7,8]", "at most 3");
    expect("{\"minContains\":3}", "[]", NULL);
}

static void unique_elements_differ_as_values(void **state)
{
    (void)state;
    expect("{\"uniqueItems\":true}", "[1,true,\"1\",null,[],{},false,0,\"\"]", NULL);
    expect("{\"uniqueItems\":true}", "[3,1,2,1.0]", "1 and 3 are equal");
    expect("{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1.0}]",
           "0 and 1 are equal");
    expect("{\"uniqueItems\":true}", "[0.0,-0.0]", "are equal");
    expect("{\"uniqueItems\":true}", "[[1,2],[2,1]]", NULL);
    expect("{\"uniqueItems\":false}", "[1,1]", NULL);
}

static void long_lists_are_compared_quickly(void **state)
{
    json_t *schema = json_pack("{s:b}", "uniqueItems", 1);
    json_t *list = json_array();
    struct error err = ERROR_INIT;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        json_array_append_new(list, json_integer(i));
    }
    assert_int_equal(json_schema_check(schema, list, &err), 0);
    json_array_append_new(list, json_real(77));
    assert_int_equal(json_schema_check(schema, list, &err), ERROR_VALIDATION);
    assert_non_null(strstr(err.text, "77 and 100000 are equal"));
    json_decref(list);
    json_decref(schema);
}

static void required_members_are_all_named(void **state)
{
    (void)state;
    expect("{\"required\":[\"a\",\"b\",\"c\"]}", "{\"b\":null}", "missing \"a\", \"c\"");
    expect("{\"required\":[\"a\"]}", "{\"a\":null}", NULL);
    expect("{\"required\":[\"a\"]}", "[]", NULL);
    expect("{\"minProperties\":1}", "{}", "at least 1 members, got 0");
    expect("{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", "at most 1 members, got 2");
}

static void members_follow_name_pattern_and_rest(void **state)
{
    const char *schema = "{\"properties\":{\"name\":{\"type\":\"string\"}},"
                         "\"patternProperties\":{\"^x-\":{\"type\":\"integer\"}},"
                         "\"additionalProperties\":{\"type\":\"null\"}}";

    (void)state;
    expect(schema, "{\"name\":\"a\",\"x-1\":1,\"other\":null}", NULL);
    expect(schema, "{\"name\":1}", "at /name: expected string");
    expect(schema, "{\"x-1\":null}", "at /x-1: expected integer");
    expect(schema, "{\"other\":1}", "at /other: expected null");
}

static void unknown_members_get_the_nearest_name(void **state)
{
    const char *schema =
        "{\"properties\":{\"severity\":true,\"file\":true},\"additionalProperties\":false}";

    (void)state;
    expect(schema, "{\"severty\":1}",
           "at the top: the member \"severty\" is not known (did you mean \"severity\"?)");
    expect(schema, "{\"colour\":1}", "the member \"colour\" is not known");
}

static void names_of_members_are_values_too(void **state)
{
    (void)state;
    expect("{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1}", NULL);
    expect("{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}",
           "the name of a member: at /abc: expected at most 2");
}

static void members_can_need_others(void **state)
{
    (void)state;
    expect("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{}", NULL);
    expect("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
           "missing \"b\" (needed with \"a\")");
    expect("{\"dependentSchemas\":{\"a\":{\"maxProperties\":1}}}", "{\"a\":1}", NULL);
    expect("{\"dependentSchemas\":{\"a\":{\"maxProperties\":1}}}", "{\"a\":1,\"b\":1}",
           "at most 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_follow_prefix_and_items),
        cmocka_unit_test(contains_counts_what_fits),
        cmocka_unit_test(unique_elements_differ_as_values),
        cmocka_unit_test(long_lists_are_compared_quickly),
        cmocka_unit_test(required_members_are_all_named),
        cmocka_unit_test(members_follow_name_pattern_and_rest),
        cmocka_unit_test(unknown_members_get_the_nearest_name),
        cmocka_unit_test(names_of_members_are_values_too),
        cmocka_unit_test(members_can_need_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
