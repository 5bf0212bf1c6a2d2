/* SPDX-License-Identifier: MIT */
#include "workflow/reader.h"

#include "base/alloc.h"

#include "../../support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_input_said(const char *input, const char *part)
{
    char *text = mem_printf("name: w\ninputs:\n  a: %s\nphases: [{ id: p, gate: pre-push }]\n",
                            input);

    assert_message(text, part);
    free(text);
}

static void inputs_have_types_and_defaults(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean("name: w\ninputs:\n"
                                       "  a: {}\n"
                                       "  b: { type: integer, default: 5 }\n"
                                       "  c: { type: enum, choices: [x, y], default: y }\n"
                                       "  d: { type: number, default: 2 }\n"
                                       "  e: { type: string, pattern: '^a+$', required: true }\n"
                                       "phases: [{ id: p, gate: pre-push }]\n");
    const struct workflow_input *inputs = parsed.workflow->inputs;

    assert_int_equal(parsed.workflow->input_count, 5);
    assert_int_equal(inputs[0].type, INPUT_STRING);
    assert_null(inputs[0].default_value);
    assert_false(inputs[0].required);
    assert_int_equal(inputs[0].at.line, 3);
    assert_int_equal(inputs[0].at.column, 3);
    assert_int_equal(json_integer_value(inputs[1].default_value), 5);
    assert_int_equal(inputs[2].choice_count, 2);
    assert_string_equal(json_string_value(inputs[2].default_value), "y");
    assert_string_equal(inputs[4].pattern, "^a+$");
    assert_true(inputs[4].required);
    parsed_release(&parsed);
}

static void a_default_must_fit_its_type(void **state)
{
    (void)state;
    assert_input_said("{ type: integer, default: x }",
                      "t.yaml:3:32: error: the default of the input \"a\" must be a whole number, "
                      "found the text \"x\"");
    assert_input_said("{ type: integer, default: 1.5 }", "must be a whole number");
    assert_input_said("{ type: boolean, default: yes }", "must be true or false");
    assert_input_said("{ type: string, default: 5 }", "must be a text, found the number 5");
    assert_input_said("{ type: enum, choices: [x], default: z }", "must be one of its choices");
    assert_input_said("{ type: path, default: '' }", "must be a relative path inside the project");
    assert_input_said("{ type: path, default: ../x }",
                      "must be a relative path inside the project, found the text \"../x\"");
    assert_input_said("{ type: path, default: /etc }", "must be a relative path");
    assert_input_said("{ type: number, default: [] }", "must be a number, found a list");
}

static void patterns_and_choices_belong_to_their_types(void **state)
{
    (void)state;
    assert_input_said("{ pattern: '(' }", "the pattern of the input \"a\"");
    assert_input_said("{ type: integer, pattern: x }", "cannot have a pattern");
    assert_input_said("{ choices: [x] }", "has choices but is no enum");
    assert_input_said("{ type: enum }", "is an enum without choices");
    assert_input_said("{ type: enum, choices: [] }", "is an enum without choices");
    assert_input_said("{ type: enum, choices: [1] }", "found the number 1 (put quotes around it)");
}

static void a_default_of_a_required_input_is_suspicious(void **state)
{
    (void)state;
    assert_input_said("{ required: true, default: x }", "warning: the input \"a\" is required");
}

static void inputs_that_would_be_one_variable_are_refused(void **state)
{
    (void)state;
    assert_message("name: w\ninputs: { a-b: {}, A_B: {} }\nphases: [{ id: p, gate: pre-push }]\n",
                   "the inputs \"a-b\" and \"A_B\" would be the same environment variable");
}

static void there_is_a_ceiling_on_inputs(void **state)
{
    (void)state;
    struct strbuf text;

    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "name: w\nphases: [{ id: p, gate: pre-push }]\ninputs:\n");
    for (int i = 0; i < 201; i++) {
        strbuf_addf(&text, "  a%d: {}\n", i);
    }
    assert_message(text.data, "201 inputs; at most 200 are allowed");
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_have_types_and_defaults),
        cmocka_unit_test(a_default_must_fit_its_type),
        cmocka_unit_test(patterns_and_choices_belong_to_their_types),
        cmocka_unit_test(a_default_of_a_required_input_is_suspicious),
        cmocka_unit_test(inputs_that_would_be_one_variable_are_refused),
        cmocka_unit_test(there_is_a_ceiling_on_inputs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
