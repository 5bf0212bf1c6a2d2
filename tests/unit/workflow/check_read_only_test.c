/* SPDX-License-Identifier: MIT */
#include "support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define STEPS(steps)                                                                               \
    "name: w\nread_only: true\nphases:\n- { id: a, steps: [{ id: s, prompt: Look" steps "}] }\n"
#define STEP(keys) "name: w\nread_only: true\nphases:\n- { id: a, steps: [{ id: s, " keys "}] }\n"

static const struct workflow *called;

static const struct workflow *find_workflow(const char *name, void *context)
{
    (void)name;
    (void)context;
    return called;
}

static void all_agents_of_a_read_only_workflow_are_read_only(void **state)
{
    struct parsed parsed = parse_clean(STEPS(""));

    (void)state;
    assert_true(parsed.workflow->read_only);
    assert_true(parsed.workflow->phases[0].steps[0].read_only);
    parsed_release(&parsed);
    parsed = parse_clean("name: w\nphases: [{ id: a, steps: [{ id: s, prompt: Look }] }]\n");
    assert_false(parsed.workflow->read_only);
    assert_false(parsed.workflow->phases[0].steps[0].read_only);
    parsed_release(&parsed);
}

static void what_could_change_something_is_refused_where_it_stands(void **state)
{
    (void)state;
    assert_messages(STEP("run: make"), "t.yaml:4:34: error: the workflow is read-only, and a "
                                       "command can change anything (use a built-in function "
                                       "(`use: NAME`))\n");
    assert_message(STEPS(", static: { run: make }"), "a command can change anything");
    assert_message(STEPS(", read_only: false"), "this step is not");
    assert_message(STEPS(", workspace: clone"), "what is done in a clone is merged");
    assert_message("name: w\nread_only: true\n"
                   "phases: [{ id: a, gate: pre-push, steps: [{ id: s, prompt: Look }] }]\n",
                   "a gate starts what the project brings");
    assert_message("name: w\nread_only: true\ndefaults: { workspace: clone }\n"
                   "phases: [{ id: a, steps: [{ id: s, prompt: Look }] }]\n",
                   "what is done in a clone is merged");
}

static void functions_approvals_and_read_only_steps_are_fine(void **state)
{
    struct parsed parsed = parse_clean(STEPS(", read_only: true, static: { use: noop } }, "
                                             "{ id: t, use: noop }, { id: u, approve: Well?"));

    (void)state;
    parsed_release(&parsed);
}

static bool may_change(const char *function, void *context)
{
    (void)context;
    return strcmp(function, "write") == 0;
}

static void assert_named(const char *text, const char *expected)
{
    const struct workflow_names names = {.may_change = may_change};
    struct parsed parsed = parse_bytes(text, strlen(text), &names);

    assert_true(*expected ? strstr(parsed.messages, expected) != NULL : *parsed.messages == '\0');
    parsed_release(&parsed);
}

static void functions_that_could_change_something_are_refused(void **state)
{
    (void)state;
    assert_named(STEP("use: write"),
                 "t.yaml:4:34: error: the workflow is read-only, and this function");
    assert_named(STEPS(", static: { use: write }"), "the workflow is read-only, and this function");
    assert_named(STEP("use: look"), "");
}

static void a_read_only_workflow_calls_only_others_like_it(void **state)
{
    const char *text = STEP("workflow: other");
    struct parsed open = parse_clean("name: o\nphases: [{ id: a, steps: [{ id: s, run: x }] }]\n");
    struct parsed closed = parse_clean(STEPS(""));
    const struct workflow_names names = {.find_workflow = find_workflow};
    struct parsed parsed;

    (void)state;
    called = open.workflow;
    parsed = parse_bytes(text, strlen(text), &names);
    assert_non_null(strstr(parsed.messages, "read-only, and the one that it calls is not"));
    parsed_release(&parsed);
    called = closed.workflow;
    parsed = parse_bytes(text, strlen(text), &names);
    assert_string_equal(parsed.messages, "");
    parsed_release(&parsed);
    parsed_release(&open);
    parsed_release(&closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_agents_of_a_read_only_workflow_are_read_only),
        cmocka_unit_test(what_could_change_something_is_refused_where_it_stands),
        cmocka_unit_test(functions_approvals_and_read_only_steps_are_fine),
        cmocka_unit_test(functions_that_could_change_something_are_refused),
        cmocka_unit_test(a_read_only_workflow_calls_only_others_like_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
