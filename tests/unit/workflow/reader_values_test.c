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

static json_t *lookup_nothing(void *context, const char *const *parts, size_t part_count)
{
    (void)context;
    (void)parts;
    (void)part_count;
    return NULL;
}

static struct parsed parse_when(const char *when)
{
    char *text = mem_printf("name: w\ninputs: { a: {} }\nphases:\n- id: p\n  steps:\n"
                            "  - id: s\n    run: x\n    when: %s\n",
                            when);
    struct parsed parsed = parse_text(text);

    free(text);
    return parsed;
}

static void an_expression_may_be_wrapped_or_bare(void **state)
{
    (void)state;
    static const char *const forms[] = {"inputs.a == 'x'", "${{ inputs.a == 'x' }}",
                                        "\"${{inputs.a == 'x'}}\"",
                                        "'  ${{ inputs.a == ''x'' }} '"};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct parsed parsed = parse_when(forms[i]);

        assert_string_equal(parsed.messages, "");
        assert_string_equal(expression_text(parsed.workflow->phases[0].steps[0].when),
                            "inputs.a == 'x'");
        parsed_release(&parsed);
    }
}

static void the_place_of_a_problem_is_inside_the_expression(void **state)
{
    (void)state;
    struct parsed parsed = parse_when("inputs.b == 'x'");

    assert_non_null(strstr(parsed.messages, "t.yaml:8:11: error: there is no input \"b\""));
    parsed_release(&parsed);
    parsed = parse_when("\"${{ inputs.a and inputs.c }}\"");
    assert_non_null(strstr(parsed.messages, "t.yaml:8:29: error: there is no input \"c\""));
    parsed_release(&parsed);
    parsed = parse_when("inputs.a == ");
    assert_int_equal(parsed.code, ERROR_VALIDATION);
    assert_int_equal(parsed.problems->items[0].at.line, 8);
    parsed_release(&parsed);
}

static void the_place_of_a_problem_in_a_block_text_is_its_line(void **state)
{
    (void)state;
    assert_message("name: w\nphases:\n- id: p\n  steps:\n  - id: s\n    prompt: |\n"
                   "      First line\n"
                   "      then ${{ inputs.a }}\n",
                   "t.yaml:8:16: error: there is no input \"a\"");
}

static void a_template_that_does_not_close_is_a_problem(void **state)
{
    (void)state;
    assert_message("name: w\nphases:\n- id: p\n  steps:\n  - { id: s, prompt: \"a ${{ run.id\" }\n",
                   "t.yaml:5:");
}

static void a_literal_list_becomes_an_expression(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean(
        "name: w\nphases:\n- id: p\n  steps:\n"
        "  - { id: s, run: x, foreach: [a, 2, true, [\"q\\\"\\n\"], 1.5, ~] }\n");
    const struct expression *list = parsed.workflow->phases[0].steps[0].foreach_list;
    json_t *value = NULL;
    char *text;

    assert_int_equal(expression_evaluate(list, lookup_nothing, NULL, &value, NULL), 0);
    text = json_dump_compact(value);
    assert_string_equal(text, "[\"a\",2,true,[\"q\\\"\\n\"],1.5,null]");
    free(text);
    json_decref(value);
    parsed_release(&parsed);
}

static void a_literal_list_has_limits(void **state)
{
    (void)state;
    struct strbuf text;

    assert_message(
        "name: w\nphases:\n- id: p\n  steps:\n  - { id: s, run: x, foreach: [{ a: b }] }\n",
        "must be texts, numbers, booleans or lists");
    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "name: w\nphases:\n- id: p\n  steps:\n  - { id: s, run: x, foreach: [");
    for (int i = 0; i < 3000; i++) {
        strbuf_add(&text, "a, ");
    }
    strbuf_add(&text, "] }\n");
    assert_message(text.data, "the list is too long: at most 4096 bytes");
    strbuf_release(&text);
}

static void a_condition_may_be_a_boolean(void **state)
{
    (void)state;
    struct parsed parsed = parse_when("true");

    assert_int_equal(parsed.code, 0);
    assert_non_null(strstr(parsed.messages, "warning: this condition is always true"));
    parsed_release(&parsed);
}

static void there_is_a_ceiling_on_variables(void **state)
{
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "name: w\ndefaults:\n  env:\n");
    for (int i = 0; i < 201; i++) {
        strbuf_addf(&text, "    A%d: x\n", i);
    }
    strbuf_add(&text, "phases: [{ id: p, gate: pre-push }]\n");
    assert_message(text.data, "t.yaml:4:5: error: 201 values; at most 200 are allowed");
    strbuf_release(&text);
}

static void one_name_is_a_list_of_one(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean("name: w\nphases:\n- id: p\n  steps:\n"
                                       "  - { id: a, agent: x, fallback: y }\n"
                                       "  - { id: b, agent: x, fallback: [y, z], needs: a }\n");
    const struct step *steps = parsed.workflow->phases[0].steps;

    assert_int_equal(steps[0].fallback_count, 1);
    assert_string_equal(steps[0].fallback[0], "y");
    assert_int_equal(steps[1].fallback_count, 2);
    assert_int_equal(steps[1].needs_count, 1);
    parsed_release(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expression_may_be_wrapped_or_bare),
        cmocka_unit_test(the_place_of_a_problem_is_inside_the_expression),
        cmocka_unit_test(the_place_of_a_problem_in_a_block_text_is_its_line),
        cmocka_unit_test(a_template_that_does_not_close_is_a_problem),
        cmocka_unit_test(a_literal_list_becomes_an_expression),
        cmocka_unit_test(a_literal_list_has_limits),
        cmocka_unit_test(a_condition_may_be_a_boolean),
        cmocka_unit_test(there_is_a_ceiling_on_variables),
        cmocka_unit_test(one_name_is_a_list_of_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
