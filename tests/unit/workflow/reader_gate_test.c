/* SPDX-License-Identifier: MIT */
#include "workflow/config.h"

#include "base/alloc.h"

#include "../../support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct gate *find_gate(const char *name, void *context)
{
    return config_find_gate(context, name);
}

static struct config *parse_config(const char *text)
{
    struct config *config = NULL;
    struct problems *problems = mem_zero(1, sizeof(*problems));

    assert_int_equal(config_parse(&(struct config_texts){text, "config.yaml", NULL, NULL, NULL},
                                  &config, problems, NULL),
                     0);
    free(problems);
    return config;
}

static void a_gate_has_checks_with_expectations(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean(
        "name: w\ngates:\n"
        "  g:\n"
        "    commands:\n"
        "    - { run: make check }\n"
        "    - { name: lint, use: check-lint, with: { strict: true } }\n"
        "phases: [{ id: p, gate: g }]\n");
    const struct gate *gate = parsed.workflow->phases[0].gate;

    assert_ptr_equal(gate, &parsed.workflow->gates[0]);
    assert_string_equal(gate->name, "g");
    assert_true(gate->allow_skip);
    assert_int_equal(gate->check_count, 2);
    assert_string_equal(gate->checks[0].name, "make check");
    assert_int_equal(gate->checks[0].exit_status, 0);
    assert_int_equal(gate->checks[0].tests_min, -1);
    assert_true(gate->checks[0].coverage_min < 0);
    assert_int_equal(gate->checks[0].timeout_ms, 600000);
    assert_string_equal(gate->checks[1].name, "lint");
    assert_string_equal(gate->checks[1].function, "check-lint");
    assert_int_equal(gate->checks[1].with_count, 1);
    parsed_release(&parsed);
}

static void a_check_is_a_command_or_a_function(void **state)
{
    (void)state;
    assert_message(
        "name: w\ngates: { g: { commands: [{ name: x }] } }\nphases: [{ id: p, gate: g }]\n",
        "a check needs one of \"run\" and \"use\"");
    assert_message("name: w\ngates: { g: { commands: [{ run: a, use: b }] } }\n"
                   "phases: [{ id: p, gate: g }]\n",
                   "a check needs one of \"run\" and \"use\"");
    assert_message("name: w\ngates: { g: { commands: [] } }\nphases: [{ id: p, gate: g }]\n",
                   "the gate \"g\" needs 1 to 200 commands");
    assert_message("name: w\ngates: { g: { commands: [{ run: 'x ${{ run.id }}' }] } }\n"
                   "phases: [{ id: p, gate: g }]\n",
                   "a command may not hold ${{ }}");
    assert_message("name: w\ngates: { g: { commands: [{ run: x, with: { a: b } }] } }\n"
                   "phases: [{ id: p, gate: g }]\n",
                   "\"with\" of a check belongs to \"use\"");
}

static void built_in_gates_are_there_when_used(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean("name: w\nphases:\n"
                                       "- { id: a, gate: pre-commit }\n"
                                       "- { id: b, gate: pre-push }\n"
                                       "- { id: c, gate: pre-deploy }\n"
                                       "- { id: d, gate: pre-push }\n");
    const struct workflow *workflow = parsed.workflow;

    assert_int_equal(workflow->gate_count, 3);
    assert_int_equal(workflow->phases[0].gate->check_count, 3);
    assert_string_equal(workflow->phases[0].gate->checks[2].function, "check-types");
    assert_int_equal(workflow->phases[1].gate->check_count, 2);
    assert_string_equal(workflow->phases[2].gate->checks[0].function, "check-security");
    assert_ptr_equal(workflow->phases[1].gate, workflow->phases[3].gate);
    parsed_release(&parsed);
}

static void an_own_gate_goes_before_the_configured_and_that_before_the_built_in(void **state)
{
    (void)state;
    struct config *config = parse_config(
        "gates:\n"
        "  pre-push: { commands: [{ run: theirs }] }\n"
        "  pre-commit: { commands: [{ use: f, with: { a: '${{ run.id }}' } }] }\n");
    struct workflow_names names = {.find_gate = find_gate, .context = config};
    const char
        *text = "name: w\n"
                "gates: { pre-commit: { commands: [{ run: mine }] } }\n"
                "phases: [{ id: a, gate: pre-commit }, { id: b, gate: pre-push }, { id: c, gate: "
                "pre-deploy }]\n";
    struct parsed parsed = parse_bytes(text, strlen(text), &names);

    assert_string_equal(parsed.messages, "");
    /* The workflow has copies, so that it outlives the configuration. */
    config_free(config);
    assert_string_equal(parsed.workflow->phases[0].gate->checks[0].command, "mine");
    assert_string_equal(parsed.workflow->phases[1].gate->checks[0].command, "theirs");
    assert_string_equal(parsed.workflow->phases[2].gate->checks[0].function, "check-security");
    parsed_release(&parsed);
}

static void a_copy_of_a_gate_has_its_own_templates(void **state)
{
    (void)state;
    struct config *config = parse_config(
        "gates:\n  g: { description: d, allow_skip: false, commands: "
        "[{ use: f, with: { a: 'x ${{ run.id }}' }, junit: j.xml }] }\n");
    struct workflow_names names = {.find_gate = find_gate, .context = config};
    const char *text = "name: w\nphases: [{ id: a, gate: g }]\n";
    struct parsed parsed = parse_bytes(text, strlen(text), &names);
    const struct gate *gate;

    config_free(config);
    gate = parsed.workflow->phases[0].gate;
    assert_string_equal(gate->description, "d");
    assert_false(gate->allow_skip);
    assert_string_equal(gate->checks[0].junit, "j.xml");
    assert_string_equal(template_text(gate->checks[0].with[0].value), "x ${{ run.id }}");
    parsed_release(&parsed);
}

static void an_unknown_gate_is_told_with_the_nearest(void **state)
{
    (void)state;
    assert_messages("name: w\nphases: [{ id: a, gate: precommit }]\n",
                    "t.yaml:2:25: error: there is no gate \"precommit\" (did you mean "
                    "\"pre-commit\"?)\n");
    assert_message("name: w\nphases: [{ id: a, gate: zzzzzz }]\n", "(define it under `gates:`)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gate_has_checks_with_expectations),
        cmocka_unit_test(a_check_is_a_command_or_a_function),
        cmocka_unit_test(built_in_gates_are_there_when_used),
        cmocka_unit_test(an_own_gate_goes_before_the_configured_and_that_before_the_built_in),
        cmocka_unit_test(a_copy_of_a_gate_has_its_own_templates),
        cmocka_unit_test(an_unknown_gate_is_told_with_the_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
