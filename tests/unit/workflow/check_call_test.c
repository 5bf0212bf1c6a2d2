/* SPDX-License-Identifier: MIT */
#include "workflow/workflow.h"

#include "base/alloc.h"
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

static void list_arguments(const char *function, struct name_list *names, void *context)
{
    (void)context;
    if (strcmp(function, "history") == 0) {
        *VEC_PUSH(names) = mem_strdup("band");
        *VEC_PUSH(names) = mem_strdup("commits");
    }
}

static bool has_function(enum outside_kind kind, const char *name, void *context)
{
    (void)context;
    return kind != OUTSIDE_FUNCTION || strcmp(name, "nothing") != 0;
}

/* The messages about a text whose names know the functions `history` and `risks`. */
static void assert_said_of_functions(const char *text, const char *expected)
{
    struct workflow_names names = {.has = has_function, .list_arguments = list_arguments};
    struct parsed parsed = parse_bytes(text, strlen(text), &names);

    assert_string_equal(parsed.messages, expected);
    parsed_release(&parsed);
}

static void an_argument_that_a_function_does_not_know_is_named_wherever_it_is_called(void **state)
{
    (void)state;
    assert_said_of_functions(
        "name: w\nphases:\n- id: a\n  gate: g\n  steps:\n"
        "  - { id: s, use: history, with: { band: small, comits: 3, commits: 4 } }\n"
        "  - { id: t, use: risks, with: { deep: 1 } }\n"
        "  - { id: u, prompt: x, static: { use: history, with: { depth: 1 } } }\n"
        "gates: { g: { commands: [{ use: history, with: { bend: small } }] } }\n",
        "t.yaml:6:49: error: the function \"history\" takes no \"comits\" (did you mean "
        "\"commits\"?)\n"
        "t.yaml:7:34: error: the function \"risks\" takes no \"deep\" (it takes nothing)\n"
        "t.yaml:8:57: error: the function \"history\" takes no \"depth\" (it takes band, "
        "commits)\n"
        "t.yaml:9:50: error: the function \"history\" takes no \"bend\" (did you mean "
        "\"band\"?)\n");
}

static void arguments_of_a_function_that_is_not_there_are_not_judged(void **state)
{
    (void)state;
    assert_said_of_functions("name: w\nphases: [{ id: a, steps: [{ id: s, use: nothing, with: { x: "
                             "1 } }] }]\n",
                             "t.yaml:2:41: error: there is no function \"nothing\"\n");
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
        cmocka_unit_test(an_argument_that_a_function_does_not_know_is_named_wherever_it_is_called),
        cmocka_unit_test(arguments_of_a_function_that_is_not_there_are_not_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
