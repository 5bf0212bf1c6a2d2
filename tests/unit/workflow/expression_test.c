/* SPDX-License-Identifier: MIT */
#include "workflow/expression.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char data[] =
    "{\"inputs\":{\"name\":\"ada\",\"count\":3,\"empty\":\"\",\"none\":null},"
    "\"steps\":{\"code-review\":{\"suggestions\":[\"a\",\"b\"],"
    "\"score\":0.5,\"ok\":true,\"by-name\":{\"x y\":7}}}}";

struct fixture {
    struct arena *arena;
    json_t *data;
    int lookups;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->arena = arena_new();
    fixture->data = json_loads(data, 0, NULL);
    *state = fixture;
    return fixture->data ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    arena_free(fixture->arena);
    json_decref(fixture->data);
    free(fixture);
    return 0;
}

static json_t *lookup(void *context, const char *const *parts, size_t part_count)
{
    struct fixture *fixture = context;
    json_t *value = fixture->data;

    fixture->lookups++;
    for (size_t i = 0; i < part_count; i++) {
        value = json_is_array(value) ? json_array_get(value, strtoul(parts[i], NULL, 10))
                                     : json_object_get(value, parts[i]);
    }
    return json_incref(value);
}

static struct expression *parse(struct fixture *fixture, const char *text)
{
    struct expression *expression = NULL;
    struct expression_problem problem = {0};

    if (expression_parse(fixture->arena, text, strlen(text), &expression, &problem) < 0) {
        fail_msg("%s: %zu: %s", text, problem.offset, problem.text);
    }
    return expression;
}

/* The value as JSON, in the fixture's arena. */
static const char *value_of(struct fixture *fixture, const char *text)
{
    struct error err = ERROR_INIT;
    json_t *value = NULL;
    const char *copy;
    char *dump;

    if (expression_evaluate(parse(fixture, text), lookup, fixture, &value, &err) < 0) {
        fail_msg("%s: %s", text, err.text);
    }
    dump = json_dump_compact(value);
    copy = arena_strdup(fixture->arena, dump);
    free(dump);
    json_decref(value);
    return copy;
}

static void expect_error(struct fixture *fixture, const char *text, const char *part)
{
    struct error err = ERROR_INIT;
    json_t *value = (json_t *)fixture;

    assert_int_equal(expression_evaluate(parse(fixture, text), lookup, fixture, &value, &err),
                     ERROR_INVALID);
    assert_ptr_equal(value, fixture);
    if (!strstr(err.text, part)) {
        fail_msg("%s: expected \"%s\" in: %s", text, part, err.text);
    }
}

static void literals_are_themselves(void **state)
{
    assert_string_equal(value_of(*state, "null"), "null");
    assert_string_equal(value_of(*state, " true "), "true");
    assert_string_equal(value_of(*state, "-12"), "-12");
    assert_string_equal(value_of(*state, "9223372036854775807"), "9223372036854775807");
    assert_string_equal(value_of(*state, "2.5e2"), "250.0");
    assert_string_equal(value_of(*state, "'a \"b\"'"), "\"a \\\"b\\\"\"");
    assert_string_equal(value_of(*state, "[1, ['x'], []]"), "[1,[\"x\"],[]]");
}

static void paths_reach_into_values(void **state)
{
    assert_string_equal(value_of(*state, "inputs.name"), "\"ada\"");
    assert_string_equal(value_of(*state, "steps.code-review.suggestions[1]"), "\"b\"");
    assert_string_equal(value_of(*state, "steps['code-review'][\"by-name\"]['x y']"), "7");
    assert_string_equal(value_of(*state, "steps.later.output"), "null");
}

static void values_of_different_types_are_never_equal(void **state)
{
    assert_string_equal(value_of(*state, "1 == '1'"), "false");
    assert_string_equal(value_of(*state, "null == false"), "false");
    assert_string_equal(value_of(*state, "0 == false"), "false");
    assert_string_equal(value_of(*state, "1 != '1'"), "true");
    assert_string_equal(value_of(*state, "inputs.none == null"), "true");
}

static void numbers_compare_as_numbers(void **state)
{
    assert_string_equal(value_of(*state, "1 == 1.0"), "true");
    assert_string_equal(value_of(*state, "[1, 2] == [1.0, 2]"), "true");
    assert_string_equal(value_of(*state, "9007199254740993 == 9007199254740992.0"), "false");
    assert_string_equal(value_of(*state, "2 < 10"), "true");
    assert_string_equal(value_of(*state, "0.5 >= 1"), "false");
    assert_string_equal(value_of(*state, "-1 <= -1.0"), "true");
    assert_string_equal(value_of(*state, "3 > 2.99"), "true");
}

static void texts_compare_by_their_characters(void **state)
{
    assert_string_equal(value_of(*state, "'a' < 'b'"), "true");
    assert_string_equal(value_of(*state, "'a' < 'ab'"), "true");
    assert_string_equal(value_of(*state, "'b' <= 'ab'"), "false");
    assert_string_equal(value_of(*state, "'2' > '10'"), "true");
}

static void things_without_order_are_an_error(void **state)
{
    expect_error(*state, "1 < 'a'", "in \"1 < 'a'\": number and text have no order");
    expect_error(*state, "inputs.none < 3", "null and number");
    expect_error(*state, "[1] < [2]", "list and list");
    expect_error(*state, "true and (false or 1 > true)", "in \"1 > true\"");
}

static void in_looks_into_lists_texts_and_objects(void **state)
{
    assert_string_equal(value_of(*state, "'a' in steps.code-review.suggestions"), "true");
    assert_string_equal(value_of(*state, "2.0 in [1, 2]"), "true");
    assert_string_equal(value_of(*state, "'da' in inputs.name"), "true");
    assert_string_equal(value_of(*state, "'count' in inputs"), "true");
    assert_string_equal(value_of(*state, "'x' in inputs.none"), "false");
    expect_error(*state, "1 in 'abc'", "can only contain text");
    expect_error(*state, "1 in 12", "contains nothing");
}

static void precedence_is_or_and_not_comparison(void **state)
{
    assert_string_equal(value_of(*state, "true or false and false"), "true");
    assert_string_equal(value_of(*state, "(true or false) and false"), "false");
    assert_string_equal(value_of(*state, "not 1 == 2"), "true");
    assert_string_equal(value_of(*state, "not true or true"), "true");
    assert_string_equal(value_of(*state, "not not 'x'"), "true");
    assert_string_equal(value_of(*state, "not not not 'x'"), "false");
    assert_string_equal(value_of(*state, "'' or [] or 0 or 0.0 or null"), "false");
    assert_string_equal(value_of(*state, "'x' and [0] and 1"), "true");
}

static void logic_looks_no_further_than_it_must(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(value_of(fixture, "false and inputs.name"), "false");
    assert_string_equal(value_of(fixture, "true or inputs.name < 3"), "true");
    assert_int_equal(fixture->lookups, 0);
}

static void truth_follows_the_table(void **state)
{
    static const struct {
        const char *json;
        bool is_true;
    } rows[] = {
        {"null", false}, {"false", false}, {"true", true},      {"0", false},    {"0.0", false},
        {"-1", true},    {"0.1", true},    {"\"\"", false},     {"\"0\"", true}, {"[]", false},
        {"[0]", true},   {"{}", false},    {"{\"a\":0}", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *value = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);

        assert_int_equal(json_is_truthy(value), rows[i].is_true);
        json_decref(value);
    }
}

static const char *refuse(void *context, const char *const *parts, size_t part_count,
                          char *ret_hint, size_t hint_size)
{
    (void)context;
    if (part_count == 2 && strcmp(parts[0], "inputs") == 0 && strcmp(parts[1], "nmae") == 0) {
        (void)snprintf(ret_hint, hint_size, "did you mean name?");
        return "there is no input \"nmae\"";
    }
    return NULL;
}

static void take_problem(void *context, const struct expression_problem *problem)
{
    *(struct expression_problem *)context = *problem;
}

static void unknown_paths_are_named_with_their_place(void **state)
{
    struct expression_problem problem = {0};
    struct expression_reporter reporter = {.add = take_problem, .context = &problem};

    assert_int_equal(
        expression_check_paths(parse(*state, "length(inputs.name) > 0"), refuse, NULL, &reporter),
        0);
    assert_int_equal(expression_check_paths(parse(*state, "1 == 1 and [join(inputs.nmae)] != []"),
                                            refuse, NULL, &reporter),
                     1);
    assert_int_equal(problem.offset, 17);
    assert_string_equal(problem.text, "there is no input \"nmae\"");
    assert_string_equal(problem.hint, "did you mean name?");
    assert_int_equal(expression_check_paths(parse(*state, "inputs.nmae or inputs.nmae"), refuse,
                                            NULL, &reporter),
                     2);
    assert_int_equal(problem.offset, 15);
}

static void the_source_is_kept(void **state)
{
    assert_string_equal(expression_text(parse(*state, " a == 1 ")), " a == 1 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(literals_are_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_reach_into_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_of_different_types_are_never_equal, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(numbers_compare_as_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_compare_by_their_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(things_without_order_are_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_looks_into_lists_texts_and_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(precedence_is_or_and_not_comparison, set_up, tear_down),
        cmocka_unit_test_setup_teardown(logic_looks_no_further_than_it_must, set_up, tear_down),
        cmocka_unit_test(truth_follows_the_table),
        cmocka_unit_test_setup_teardown(unknown_paths_are_named_with_their_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_source_is_kept, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
