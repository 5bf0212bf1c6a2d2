/* SPDX-License-Identifier: MIT */
#include "workflow/workflow.h"

#include "support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define CALLED                                                                                     \
    "name: called\n"                                                                               \
    "inputs:\n"                                                                                    \
    "  level: { type: enum, choices: [low, high], required: true }\n"                              \
    "  count: { type: integer, default: 1 }\n"                                                     \
    "phases: [{ id: a, steps: [{ id: s, run: x }] }]\n"
#define CALL(inputs)                                                                               \
    "name: w\nphases: [{ id: a, steps: [{ id: s, workflow: called, inputs: " inputs " }] }]\n"

static const struct workflow *find_workflow(const char *name, void *context)
{
    return strcmp(name, "called") == 0 ? context : NULL;
}

/* The messages about a text whose names know the called workflow. */
static void assert_said(const char *text, const char *expected)
{
    struct parsed called = parse_text(CALLED);
    struct workflow_names names = {.find_workflow = find_workflow, .context = called.workflow};
    struct parsed parsed = parse_bytes(text, strlen(text), &names);

    assert_string_equal(parsed.messages, expected);
    parsed_release(&parsed);
    parsed_release(&called);
}

static void what_the_called_workflow_asks_for_is_enough(void **state)
{
    (void)state;
    assert_said(CALL("{ level: low }"), "");
    assert_said(CALL("{ level: high, count: 3 }"), "");
}

static void an_input_that_it_does_not_have_is_named_with_the_nearest_one(void **state)
{
    (void)state;
    assert_said(CALL("{ level: low, cuont: 3 }"),
                "t.yaml:2:76: error: the workflow \"called\" has no input \"cuont\" (did you mean "
                "\"count\"?)\n");
}

static void a_required_input_that_is_missing_is_named(void **state)
{
    (void)state;
    assert_said("name: w\nphases: [{ id: a, steps: [{ id: s, workflow: called }] }]\n",
                "t.yaml:2:46: error: the workflow \"called\" needs the input \"level\" (give it "
                "under `inputs:` of the step)\n");
}

static void a_literal_of_another_type_is_refused(void **state)
{
    (void)state;
    assert_said(CALL("{ level: low, count: many }"),
                "t.yaml:2:83: error: the input \"count\": expected an integer, got \"many\"\n");
}

static void what_only_the_run_knows_is_left_to_the_run(void **state)
{
    (void)state;
    assert_said(CALL("{ level: '${{ run.id }}', count: '${{ run.id }}' }"), "");
}

static void a_workflow_that_nobody_can_show_is_not_judged(void **state)
{
    (void)state;
    assert_said("name: w\nphases: [{ id: a, steps: [{ id: s, workflow: other, inputs: { x: 1 } }] "
                "}]\n",
                "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_called_workflow_asks_for_is_enough),
        cmocka_unit_test(an_input_that_it_does_not_have_is_named_with_the_nearest_one),
        cmocka_unit_test(a_required_input_that_is_missing_is_named),
        cmocka_unit_test(a_literal_of_another_type_is_refused),
        cmocka_unit_test(what_only_the_run_knows_is_left_to_the_run),
        cmocka_unit_test(a_workflow_that_nobody_can_show_is_not_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
