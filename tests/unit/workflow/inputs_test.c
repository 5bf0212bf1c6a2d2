/* SPDX-License-Identifier: MIT */
#include "workflow/inputs.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const sizes[] = {"small", "medium", "large"};

static struct workflow workflow_of(const struct workflow_input *inputs, size_t count)
{
    return (struct workflow){.inputs = inputs, .input_count = count};
}

/* Converts a value given as JSON; the result as JSON, or the error's text. free() it. */
static char *convert(const struct workflow_input *input, const char *given)
{
    json_t *value = json_loads(given, JSON_DECODE_ANY, NULL);
    json_t *converted = NULL;
    struct error err = ERROR_INIT;
    char *text;

    assert_non_null(value);
    if (input_convert(input, value, &converted, &err) < 0) {
        assert_null(converted);
        text = mem_strdup(err.text);
    } else {
        text = json_dump_compact(converted);
    }
    json_decref(converted);
    json_decref(value);
    return text;
}

static void expect(const struct workflow_input *input, const char *given, const char *wanted)
{
    char *text = convert(input, given);

    if (strcmp(text, wanted) != 0) {
        fail_msg("%s: expected %s, got %s", given, wanted, text);
    }
    free(text);
}

static void integers_are_converted_strictly(void **state)
{
    const struct workflow_input input = {.name = "n", .type = INPUT_INTEGER};

    (void)state;
    expect(&input, "12", "12");
    expect(&input, "\"-12\"", "-12");
    expect(&input, "3.0", "3");
    expect(&input, "\"9223372036854775807\"", "9223372036854775807");
    expect(&input, "\"9223372036854775808\"", "expected an integer, got \"9223372036854775808\"");
    expect(&input, "3.5", "expected an integer, got 3.5");
    expect(&input, "1e300", "expected an integer, got 1.0000000000000001e300");
    expect(&input, "\"\"", "expected an integer, got \"\"");
    expect(&input, "\" 1\"", "expected an integer, got \" 1\"");
    expect(&input, "\"1 \"", "expected an integer, got \"1 \"");
    expect(&input, "\"+1\"", "expected an integer, got \"+1\"");
    expect(&input, "\"0x1\"", "expected an integer, got \"0x1\"");
    expect(&input, "\"[1]\"", "expected an integer, got \"[1]\"");
    expect(&input, "true", "expected an integer, got true");
    expect(&input, "[1]", "expected an integer, got a list");
    expect(&input, "{}", "expected an integer, got an object");
}

static void numbers_keep_their_kind(void **state)
{
    const struct workflow_input input = {.name = "n", .type = INPUT_NUMBER};

    (void)state;
    expect(&input, "12", "12");
    expect(&input, "\"0.5\"", "0.5");
    expect(&input, "\"1e3\"", "1000.0");
    expect(&input, "\"NaN\"", "expected a number, got \"NaN\"");
    expect(&input, "\"1,5\"", "expected a number, got \"1,5\"");
}

static void booleans_are_true_or_false(void **state)
{
    const struct workflow_input input = {.name = "b", .type = INPUT_BOOLEAN};

    (void)state;
    expect(&input, "true", "true");
    expect(&input, "\"false\"", "false");
    expect(&input, "\"True\"", "expected true or false, got \"True\"");
    expect(&input, "1", "expected true or false, got 1");
}

static void choices_are_listed(void **state)
{
    const struct workflow_input input = {
        .name = "size", .type = INPUT_ENUM, .choices = sizes, .choice_count = 3};

    (void)state;
    expect(&input, "\"medium\"", "\"medium\"");
    expect(&input, "\"smal\"", "expected one of small, medium, large, got \"smal\"");
    expect(&input, "3", "expected one of small, medium, large, got 3");
}

static void texts_stay_as_they_are(void **state)
{
    const struct workflow_input input = {.name = "t", .type = INPUT_STRING};

    (void)state;
    expect(&input, "\" a\\nb \"", "\" a\\nb \"");
    expect(&input, "\"\"", "\"\"");
    expect(&input, "3", "expected text, got 3");
}

static void paths_stay_in_the_project_and_are_printable(void **state)
{
    const struct workflow_input input = {.name = "p", .type = INPUT_PATH};

    (void)state;
    expect(&input, "\"src/a b.c\"", "\"src/a b.c\"");
    expect(&input, "\"..\"", "expected a relative path inside the project, got \"..\"");
    expect(&input, "\"a/../../x\"",
           "expected a relative path inside the project, got \"a/../../x\"");
    expect(&input, "\"/etc\"", "expected a relative path inside the project, got \"/etc\"");
    expect(&input, "\"\"", "expected a relative path inside the project, got \"\"");
    expect(&input, "\"a\\nb\"", "the path has control characters");
    expect(&input, "false", "expected a path, got false");
}

static void texts_have_a_ceiling(void **state)
{
    const struct workflow_input input = {.name = "t", .type = INPUT_STRING};
    char *text = mem_zero(INPUT_BYTES_MAX + 2, 1);
    json_t *value;
    json_t *converted = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    memset(text, 'x', INPUT_BYTES_MAX + 1);
    value = json_string(text);
    assert_int_equal(input_convert(&input, value, &converted, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "at most 1048576"));
    json_decref(value);
    free(text);
}

static void long_values_are_cut_in_messages(void **state)
{
    const struct workflow_input input = {.name = "n", .type = INPUT_INTEGER};
    char *text;

    (void)state;
    text = convert(
        &input, "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xC3\xA9\xC3\xA9\"");
    assert_string_equal(text, "expected an integer, got "
                              "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\"");
    free(text);
}

static void patterns_are_checked(void **state)
{
    const struct workflow_input ticket = {
        .name = "t", .type = INPUT_STRING, .pattern = "^[A-Z]+-\\d+$"};
    const struct workflow_input number = {
        .name = "n", .type = INPUT_INTEGER, .pattern = "^\\d{4}$"};

    (void)state;
    expect(&ticket, "\"AB-12\"", "\"AB-12\"");
    expect(&ticket, "\"AB12\"", "expected something that matches ^[A-Z]+-\\d+$, got \"AB12\"");
    expect(&number, "\"2024\"", "2024");
    expect(&number, "12", "expected something that matches ^\\d{4}$, got 12");
}

static void slow_patterns_are_stopped(void **state)
{
    const struct workflow_input input = {
        .name = "t", .type = INPUT_STRING, .pattern = "^(a|aa)+b$|^(a|aa)+c$"};
    char *text = convert(&input,
                         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!b!c\"");

    (void)state;
    assert_non_null(strstr(text, "too much work"));
    free(text);
}

static void every_type_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(input_type_name(INPUT_STRING), "string");
    assert_string_equal(input_type_name(INPUT_INTEGER), "integer");
    assert_string_equal(input_type_name(INPUT_NUMBER), "number");
    assert_string_equal(input_type_name(INPUT_BOOLEAN), "boolean");
    assert_string_equal(input_type_name(INPUT_ENUM), "enum");
    assert_string_equal(input_type_name(INPUT_PATH), "path");
}

static void defaults_fill_what_is_not_given(void **state)
{
    json_t *default_count = json_string("3");
    const struct workflow_input inputs[] = {
        {.name = "count", .type = INPUT_INTEGER, .default_value = default_count},
        {.name = "note", .type = INPUT_STRING},
        {.name = "task", .type = INPUT_STRING, .required = true},
    };
    struct workflow workflow = workflow_of(inputs, ARRAY_LEN(inputs));
    json_t *given = json_pack("{s:s, s:n}", "task", "build", "count");
    json_t *checked = NULL;
    struct error err = ERROR_INIT;
    char *text;

    (void)state;
    assert_int_equal(workflow_check_inputs(&workflow, given, &checked, &err), 0);
    text = json_dump_compact(checked);
    assert_string_equal(text, "{\"count\":3,\"note\":null,\"task\":\"build\"}");
    free(text);
    json_decref(checked);
    json_decref(given);
    json_decref(default_count);
}

static void every_wrong_input_is_named_at_once(void **state)
{
    const struct workflow_input inputs[] = {
        {.name = "task", .type = INPUT_STRING, .required = true, .description = "what to do"},
        {.name = "count", .type = INPUT_INTEGER},
        {.name = "size", .type = INPUT_ENUM, .choices = sizes, .choice_count = 3},
    };
    struct workflow workflow = workflow_of(inputs, ARRAY_LEN(inputs));
    json_t *given = json_pack("{s:s, s:s, s:i, s:i}", "count", "x", "size", "larg", "taks", 1,
                              "zzz", 1);
    json_t *checked = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(workflow_check_inputs(&workflow, given, &checked, &err), ERROR_INVALID);
    assert_null(checked);
    assert_string_equal(err.text,
                        "input \"task\": it is required: what to do; "
                        "input \"count\": expected an integer, got \"x\"; "
                        "input \"size\": expected one of small, medium, large, got \"larg\" (did "
                        "you mean large?); "
                        "input \"taks\": the workflow has no such input (did you mean task?); "
                        "input \"zzz\": the workflow has no such input (it has task, count, size)");
    json_decref(given);
}

static void what_does_not_fit_is_counted(void **state)
{
    struct workflow workflow = workflow_of(NULL, 0);
    json_t *given = json_object();
    json_t *checked = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    for (int i = 0; i < 100; i++) {
        char name[20];

        (void)snprintf(name, sizeof(name), "x%d", i);
        json_put_integer(given, name, i);
    }
    assert_int_equal(workflow_check_inputs(&workflow, given, &checked, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "\"x0\": the workflow has no such input (it has none)"));
    assert_non_null(strstr(err.text, " more"));
    json_decref(given);
}

static void inputs_that_are_no_object_are_refused(void **state)
{
    struct workflow workflow = workflow_of(NULL, 0);
    json_t *given = json_array();
    json_t *checked = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(workflow_check_inputs(&workflow, given, &checked, &err), ERROR_INVALID);
    json_decref(given);
    assert_int_equal(workflow_check_inputs(&workflow, NULL, &checked, &err), 0);
    assert_int_equal(json_object_size(checked), 0);
    json_decref(checked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_converted_strictly),
        cmocka_unit_test(numbers_keep_their_kind),
        cmocka_unit_test(booleans_are_true_or_false),
        cmocka_unit_test(choices_are_listed),
        cmocka_unit_test(texts_stay_as_they_are),
        cmocka_unit_test(paths_stay_in_the_project_and_are_printable),
        cmocka_unit_test(texts_have_a_ceiling),
        cmocka_unit_test(long_values_are_cut_in_messages),
        cmocka_unit_test(patterns_are_checked),
        cmocka_unit_test(slow_patterns_are_stopped),
        cmocka_unit_test(every_type_has_a_name),
        cmocka_unit_test(defaults_fill_what_is_not_given),
        cmocka_unit_test(every_wrong_input_is_named_at_once),
        cmocka_unit_test(what_does_not_fit_is_counted),
        cmocka_unit_test(inputs_that_are_no_object_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
