/* SPDX-License-Identifier: MIT */
#include "workflow/json_schema.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

static void types_are_told_apart(void **state)
{
    (void)state;
    expect("{\"type\":\"integer\"}", "1", NULL);
    expect("{\"type\":\"integer\"}", "1.0", NULL);
    expect("{\"type\":\"integer\"}", "1.5", "at the top: expected integer, got number");
    expect("{\"type\":\"number\"}", "1", NULL);
    expect("{\"type\":\"string\"}", "null", "expected string, got null");
    expect("{\"type\":[\"string\",\"null\"]}", "null", NULL);
    expect("{\"type\":[\"string\",\"null\"]}", "true", "expected string or null, got boolean");
    expect("{\"type\":\"object\"}", "[]", "expected object, got array");
}

static void booleans_are_schemas(void **state)
{
    (void)state;
    expect("true", "1", NULL);
    expect("{}", "1", NULL);
    expect("false", "1", "nothing is allowed here");
    expect("{\"properties\":{\"a\":false}}", "{\"a\":1}", "at /a: nothing is allowed here");
}

static void constants_compare_as_values(void **state)
{
    (void)state;
    expect("{\"const\":1}", "1.0", NULL);
    expect("{\"const\":{\"a\":[1]}}", "{\"a\":[1.0]}", NULL);
    expect("{\"const\":false}", "0", "expected false, got 0");
    expect("{\"const\":null}", "null", NULL);
    expect("{\"enum\":[\"a\",\"b\"]}", "\"b\"", NULL);
    expect("{\"enum\":[\"a\",2]}", "\"c\"", "expected one of \"a\", 2, got \"c\"");
    expect("{\"enum\":[]}", "1", "expected one of");
}

static void places_are_json_pointers(void **state)
{
    (void)state;
    expect("{\"properties\":{\"a/b\":{\"items\":{\"properties\":{\"~\":{\"type\":\"null\"}}}}}}",
           "{\"a/b\":[{},{\"~\":1}]}", "at /a~1b/1/~0: expected null");
}

static void all_of_needs_every_schema(void **state)
{
    const char *schema = "{\"allOf\":[{\"minimum\":2},{\"maximum\":4}]}";

    (void)state;
    expect(schema, "3", NULL);
    expect(schema, "1", "at least 2");
    expect(schema, "5", "at most 4");
}

static void any_of_explains_the_alternative_that_was_meant(void **state)
{
    const char
        *schema = "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"object\",\"required\":[\"a\"]}]}";

    (void)state;
    expect(schema, "null", NULL);
    expect(schema, "{\"a\":1}", NULL);
    expect(schema, "{}", "none of 2 alternatives fits; number 2: at the top: missing \"a\"");
    expect(schema, "3", "none of 2 alternatives fits, got integer");
}

static void one_of_needs_exactly_one(void **state)
{
    const char *schema = "{\"oneOf\":[{\"minimum\":2},{\"maximum\":4},{\"type\":\"string\"}]}";

    (void)state;
    expect(schema, "1", NULL);
    expect(schema, "3", "numbers 1 and 2 do");
    expect("{\"oneOf\":[{\"type\":\"string\"}]}", "1", "none of 1 alternatives");
}

static void not_turns_the_answer_round(void **state)
{
    (void)state;
    expect("{\"not\":{\"type\":\"string\"}}", "1", NULL);
    expect("{\"not\":{\"type\":\"string\"}}", "\"a\"", "excludes");
    expect("{\"not\":{\"not\":{\"type\":\"string\"}}}", "\"a\"", NULL);
}

static void conditions_choose_a_branch(void **state)
{
    const char
        *schema = "{\"if\":{\"minimum\":10},\"then\":{\"multipleOf\":10},\"else\":{\"maximum\":5}}";

    (void)state;
    expect(schema, "20", NULL);
    expect(schema, "25", "multiple of 10");
    expect(schema, "3", NULL);
    expect(schema, "7", "at most 5");
    expect("{\"then\":false}", "1", NULL);
}

static void references_are_followed(void **state)
{
    const char *tree = "{\"$ref\":\"#/$defs/node\",\"$defs\":{\"node\":{\"type\":\"object\","
                       "\"properties\":{\"children\":{\"items\":{\"$ref\":\"#/$defs/node\"}}}}}}";

    (void)state;
    expect(tree, "{\"children\":[{\"children\":[]}]}", NULL);
    expect(tree, "{\"children\":[{\"children\":[3]}]}",
           "at /children/0/children/0: expected object");
    expect("{\"$ref\":\"#n\",\"$defs\":{\"x\":{\"$anchor\":\"n\",\"type\":\"null\"}}}", "1",
           "expected null");
    expect(
        "{\"$dynamicRef\":\"#n\",\"$defs\":{\"x\":{\"$dynamicAnchor\":\"n\",\"type\":\"null\"}}}",
        "1", "expected null");
    expect("{\"$ref\":\"#/$defs/x\",\"maximum\":3,\"$defs\":{\"x\":{\"minimum\":1}}}", "4",
           "at most 3");
}

static void endless_references_are_stopped(void **state)
{
    json_t *schema = json_loads("{\"$ref\":\"#\"}", 0, NULL);
    json_t *silent = json_loads("{\"not\":{\"$ref\":\"#\"}}", 0, NULL);
    json_t *value = json_integer(1);
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(json_schema_check(schema, value, &err), ERROR_LIMIT);
    assert_non_null(strstr(err.text, "refers to itself"));
    err = (struct error)ERROR_INIT;
    assert_int_equal(json_schema_check(silent, value, &err), ERROR_LIMIT);
    assert_non_null(strstr(err.text, "refers to itself"));
    json_decref(value);
    json_decref(silent);
    json_decref(schema);
}

/* Each level tries the level below twice: 2 to the power of 40 applications without a ceiling. */
static void too_much_work_is_stopped(void **state)
{
    json_t *schema = json_object();
    json_t *definitions = json_object();
    json_t *value = json_integer(1);
    struct error err = ERROR_INIT;

    (void)state;
    for (int i = 0; i < 40; i++) {
        char name[20];
        char next[40];

        (void)snprintf(name, sizeof(name), "d%d", i);
        (void)snprintf(next, sizeof(next), "#/$defs/d%d", i + 1);
        json_object_set_new(definitions, name,
                            json_pack("{s:[{s:s},{s:s}]}", "allOf", "$ref", next, "$ref", next));
    }
    json_object_set_new(definitions, "d40", json_true());
    json_object_set_new(schema, "$defs", definitions);
    json_object_set_new(schema, "$ref", json_string("#/$defs/d0"));
    assert_int_equal(json_schema_check(schema, value, &err), ERROR_LIMIT);
    assert_non_null(strstr(err.text, "more than 5000000 steps"));
    json_decref(value);
    json_decref(schema);
}

static void an_unusable_schema_is_invalid_not_a_refusal(void **state)
{
    json_t *schema = json_loads("{\"type\":\"strnig\"}", 0, NULL);
    json_t *value = json_integer(1);
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(json_schema_check(schema, value, &err), ERROR_INVALID);
    assert_int_equal(json_schema_check(schema, value, NULL), ERROR_INVALID);
    json_decref(value);
    json_decref(schema);
}

static void the_reason_may_be_left_out(void **state)
{
    json_t *schema = json_loads("{\"anyOf\":[{\"type\":\"string\"},{\"enum\":[1]}]}", 0, NULL);
    json_t *value = json_integer(2);

    (void)state;
    assert_int_equal(json_schema_check(schema, value, NULL), ERROR_VALIDATION);
    json_decref(value);
    json_decref(schema);
}

static void unevaluated_members_are_those_nobody_took(void **state)
{
    const char
        *schema = "{\"properties\":{\"a\":true},\"anyOf\":[{\"properties\":{\"b\":{\"const\":1}},"
                  "\"required\":[\"b\"]},{\"properties\":{\"c\":true}}],"
                  "\"unevaluatedProperties\":false}";

    (void)state;
    expect(schema, "{\"a\":1,\"b\":1,\"c\":1}", NULL);
    expect(schema, "{\"a\":1,\"b\":2}", "the member \"b\" is not known");
    expect("{\"allOf\":[{\"properties\":{\"a\":true}},{\"unevaluatedProperties\":false}]}",
           "{\"a\":1}", "the member \"a\" is not known");
    expect("{\"not\":{\"not\":{\"properties\":{\"a\":true}}},\"unevaluatedProperties\":false}",
           "{\"a\":1}", "the member \"a\" is not known");
    expect("{\"if\":{\"properties\":{\"a\":true}},\"unevaluatedProperties\":{\"type\":\"null\"}}",
           "{\"a\":1,\"b\":2}", "at /b: expected null");
}

static void unevaluated_elements_are_those_nobody_took(void **state)
{
    (void)state;
    expect("{\"prefixItems\":[true],\"unevaluatedItems\":false}", "[1]", NULL);
    expect("{\"prefixItems\":[true],\"unevaluatedItems\":false}", "[1,2]", "at /1: nothing");
    expect("{\"contains\":{\"type\":\"string\"},\"unevaluatedItems\":{\"type\":\"null\"}}",
           "[null,\"a\"]", NULL);
    expect("{\"contains\":{\"type\":\"string\"},\"unevaluatedItems\":{\"type\":\"null\"}}",
           "[1,\"a\"]", "at /0: expected null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_told_apart),
        cmocka_unit_test(booleans_are_schemas),
        cmocka_unit_test(constants_compare_as_values),
        cmocka_unit_test(places_are_json_pointers),
        cmocka_unit_test(all_of_needs_every_schema),
        cmocka_unit_test(any_of_explains_the_alternative_that_was_meant),
        cmocka_unit_test(one_of_needs_exactly_one),
        cmocka_unit_test(not_turns_the_answer_round),
        cmocka_unit_test(conditions_choose_a_branch),
        cmocka_unit_test(references_are_followed),
        cmocka_unit_test(endless_references_are_stopped),
        cmocka_unit_test(too_much_work_is_stopped),
        cmocka_unit_test(an_unusable_schema_is_invalid_not_a_refusal),
        cmocka_unit_test(the_reason_may_be_left_out),
        cmocka_unit_test(unevaluated_members_are_those_nobody_took),
        cmocka_unit_test(unevaluated_elements_are_those_nobody_took),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
