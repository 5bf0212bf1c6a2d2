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

/* The first step of a workflow that has only this one. */
static struct parsed parse_step(const char *step)
{
    char *text = mem_printf("name: w\nphases:\n- id: p\n  steps:\n  - { id: s, %s }\n", step);
    struct parsed parsed = parse_clean(text);

    free(text);
    return parsed;
}

static const struct step *first_step(const struct parsed *parsed)
{
    return &parsed->workflow->phases[0].steps[0];
}

static void assert_step_said(const char *step, const char *part)
{
    char *text = mem_printf("name: w\nphases:\n- id: p\n  steps:\n  - { id: s, %s }\n", step);

    assert_message(text, part);
    free(text);
}

static void each_kind_is_recognised_by_its_key(void **state)
{
    (void)state;
    static const struct {
        const char *step;
        enum step_kind kind;
    } rows[] = {
        {"prompt: hello", STEP_AGENT},      {"agent: claude", STEP_AGENT},
        {"expert: reviewer", STEP_AGENT},   {"run: make", STEP_COMMAND},
        {"use: noop", STEP_FUNCTION},       {"approve: ok?", STEP_APPROVAL},
        {"workflow: other", STEP_WORKFLOW},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct parsed parsed = parse_step(rows[i].step);

        assert_int_equal(first_step(&parsed)->kind, rows[i].kind);
        parsed_release(&parsed);
    }
}

static void a_step_does_exactly_one_thing(void **state)
{
    (void)state;
    assert_step_said("run: x, use: noop", "this one has \"run\" and \"use\" (make it two steps)");
    assert_step_said("prompt: x, approve: y", "this one has \"prompt\" and \"approve\"");
    assert_step_said("timeout: 5s", "the step does nothing (add one of: prompt, run,");
    assert_step_said("run: ''", "the command is empty");
    assert_step_said("prompt: ' '", "the prompt is empty");
}

static void keys_of_another_kind_are_refused(void **state)
{
    (void)state;
    assert_step_said("run: x, agent: claude", "\"agent\" has no meaning in a command step");
    assert_step_said("use: noop, static: { run: x }",
                     "\"static\" has no meaning in a function step");
    assert_step_said("approve: x, env: { A: b }", "\"env\" has no meaning in an approval step");
    assert_step_said("prompt: x, with: { a: b }", "\"with\" has no meaning in an agent step");
    assert_step_said("workflow: x, cwd: y", "\"cwd\" has no meaning in a workflow step");
    assert_step_said("prompt: x, success: [0]", "\"success\" has no meaning in an agent step");
}

static void a_command_may_not_hold_a_template(void **state)
{
    (void)state;
    assert_messages(
        "name: w\nphases:\n- id: p\n  steps:\n  - id: s\n    run: echo ${{ run.id }}\n",
        "t.yaml:6:15: error: a command may not hold ${{ }}: a value could become part of "
        "the command (hand values over by `env:`; inputs are there as "
        "$FERMATA_INPUT_NAME)\n");
    assert_message("name: w\nphases:\n- id: p\n  steps:\n  - id: s\n    prompt: x\n"
                   "    static: { run: 'echo ${{ run.id }}' }\n",
                   "t.yaml:7:26: error: a command may not hold");
}

static void an_agent_is_tried_three_times_and_others_once(void **state)
{
    (void)state;
    struct parsed parsed = parse_step("prompt: x");
    const struct retry_policy *retry = &first_step(&parsed)->retry;

    assert_int_equal(retry->attempts, 3);
    assert_int_equal(retry->backoff, BACKOFF_EXPONENTIAL);
    assert_int_equal(retry->delay_ms, 2000);
    assert_int_equal(retry->max_delay_ms, 60000);
    assert_true(retry->jitter);
    assert_int_equal(retry->classes, CLASS_BIT(CLASS_TRANSIENT) | CLASS_BIT(CLASS_LIMIT) |
                                         CLASS_BIT(CLASS_TIMEOUT));
    parsed_release(&parsed);
    parsed = parse_step("run: x");
    assert_int_equal(first_step(&parsed)->retry.attempts, 1);
    parsed_release(&parsed);
    parsed = parse_step("workflow: x");
    assert_int_equal(first_step(&parsed)->retry.attempts, 1);
    parsed_release(&parsed);
}

static void a_command_with_its_own_retry_is_tried_again_when_it_fails(void **state)
{
    (void)state;
    struct parsed parsed = parse_step("run: x, retry: { delay: 1s }");

    assert_int_equal(first_step(&parsed)->retry.attempts, 3);
    assert_int_equal(first_step(&parsed)->retry.delay_ms, 1000);
    assert_true(first_step(&parsed)->retry.classes & CLASS_BIT(CLASS_PERMANENT));
    parsed_release(&parsed);
    parsed = parse_step("run: x, retry: { attempts: 2, on: [timeout] }");
    assert_int_equal(first_step(&parsed)->retry.classes, CLASS_BIT(CLASS_TIMEOUT));
    parsed_release(&parsed);
}

static void defaults_reach_the_steps_that_do_not_say_otherwise(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean(
        "name: w\n"
        "defaults: { timeout: 5m, agent: codex, workspace: clone, strategy: hybrid,\n"
        "  retry: { attempts: 7, jitter: false }, env: { A: one, B: two } }\n"
        "phases:\n"
        "- id: p\n"
        "  steps:\n"
        "  - { id: a, prompt: x, env: { B: mine, C: c }, retry: { delay: 9s } }\n"
        "  - { id: b, run: x, timeout: 1m }\n"
        "  - { id: c, approve: x }\n");
    const struct step *steps = parsed.workflow->phases[0].steps;

    assert_int_equal(parsed.workflow->strategy, STRATEGY_HYBRID);
    assert_string_equal(steps[0].agent, "codex");
    assert_string_equal(steps[0].workspace, "clone");
    assert_int_equal(steps[0].timeout_ms, 300000);
    assert_int_equal(steps[0].retry.attempts, 7);
    assert_int_equal(steps[0].retry.delay_ms, 9000);
    assert_false(steps[0].retry.jitter);
    assert_int_equal(steps[0].env_count, 3);
    assert_string_equal(steps[0].env[0].name, "A");
    assert_string_equal(steps[0].env[1].name, "B");
    assert_string_equal(template_text(steps[0].env[1].value), "mine");
    assert_int_equal(steps[1].timeout_ms, 60000);
    assert_int_equal(steps[1].retry.attempts, 7);
    assert_int_equal(steps[1].env_count, 2);
    /* A person may take days. */
    assert_int_equal(steps[2].timeout_ms, 0);
    assert_int_equal(steps[2].retry.attempts, 1);
    assert_int_equal(steps[2].env_count, 0);
    parsed_release(&parsed);
}

static void a_static_alternative_takes_over_what_it_does_not_say(void **state)
{
    (void)state;
    struct parsed parsed = parse_step(
        "prompt: x, output: a.md, cwd: src, timeout: 3m, env: { A: b }, "
        "static: { run: make, env: { C: d } }");
    const struct step *alternative = first_step(&parsed)->static_step;

    assert_string_equal(alternative->id, "s");
    assert_int_equal(alternative->kind, STEP_COMMAND);
    assert_string_equal(alternative->command, "make");
    assert_string_equal(alternative->output, "a.md");
    assert_string_equal(alternative->cwd, "src");
    assert_int_equal(alternative->timeout_ms, 180000);
    assert_int_equal(alternative->env_count, 2);
    assert_int_equal(alternative->retry.attempts, 1);
    assert_int_equal(alternative->success_status_count, 1);
    parsed_release(&parsed);
    parsed = parse_step(
        "expert: e, static: { use: inventory, with: { n: 5 }, timeout: 1s, output: b }");
    alternative = first_step(&parsed)->static_step;
    assert_int_equal(alternative->kind, STEP_FUNCTION);
    assert_string_equal(alternative->output, "b");
    assert_int_equal(alternative->timeout_ms, 1000);
    parsed_release(&parsed);
}

static void a_static_alternative_is_a_command_or_a_function(void **state)
{
    (void)state;
    assert_step_said("prompt: x, static: { env: { A: b } }", "needs one of \"run\" and \"use\"");
    assert_step_said("prompt: x, static: { run: a, use: b }", "needs one of \"run\" and \"use\"");
    assert_step_said("prompt: x, static: { prompt: y }",
                     "a static alternative has no key \"prompt\"");
    assert_step_said("prompt: x, static: { id: y, run: z }",
                     "a static alternative has no key \"id\"");
    assert_step_said("prompt: x, static: { run: y, with: { a: b } }",
                     "\"with\" has no meaning in a command step");
}

static void a_static_strategy_needs_an_alternative(void **state)
{
    static const char *const fine[] = {
        "prompt: x, strategy: static, static: { run: y }",
        "prompt: x, strategy: hybrid",
        "workflow: w2, strategy: static",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
        struct parsed parsed = parse_step(fine[i]);

        parsed_release(&parsed);
    }
    assert_step_said("prompt: x, strategy: static",
                     "t.yaml:5:35: error: the step's strategy is static, and the step \"s\" has no "
                     "static alternative (add `static: { run: COMMAND }` or");
    assert_message(
        "name: w\nstrategy: static\nphases:\n- id: p\n  steps:\n"
        "  - { id: a, run: x }\n  - { id: b, prompt: x, strategy: ai }\n"
        "  - { id: c, prompt: x, optional: true }\n  - { id: d, prompt: x }\n",
        "t.yaml:9:5: error: the workflow's strategy is static, and the step \"d\" has no "
        "static alternative");
}

static void a_schema_makes_the_output_json(void **state)
{
    (void)state;
    struct parsed parsed = parse_step("run: x, schema: { type: object }");

    assert_int_equal(first_step(&parsed)->format, OUTPUT_JSON);
    assert_true(json_is_object(first_step(&parsed)->schema));
    parsed_release(&parsed);
    assert_step_said("run: x, schema: { type: object }, format: text",
                     "a schema is given, but the format is text");
    assert_step_said("run: x, schema: { type: objekt }", "the schema is wrong: ");
    assert_step_said("run: x, schema: [1]", "the schema is wrong: ");
}

static void artifacts_and_statuses_are_read(void **state)
{
    (void)state;
    struct parsed parsed = parse_step("run: x, success: [0, 3], artifacts: { a: b/c, d: e }");
    const struct step *step = first_step(&parsed);

    assert_int_equal(step->success_status_count, 2);
    assert_int_equal(step->success_statuses[1], 3);
    assert_int_equal(step->artifact_count, 2);
    assert_string_equal(step->artifacts[0].name, "a");
    assert_string_equal(step->artifacts[0].path, "b/c");
    parsed_release(&parsed);
    assert_step_said("run: x, success: []", "needs 1 to 256 exit statuses");
    assert_step_said("run: x, success: [256]", "must be from 0 to 255");
    assert_step_said("run: x, output: a, artifacts: { a: b }",
                     "already the name of the step's output");
}

static void arguments_keep_their_types_and_variables_are_texts(void **state)
{
    (void)state;
    struct parsed parsed = parse_step(
        "use: f, with: { a: 5, b: true, c: 1.5, d: x, e: [1, \"q\\\"\"] }, "
        "env: { N: 1.10, B: true }");
    const struct step *step = first_step(&parsed);

    assert_int_equal(step->with_count, 5);
    assert_string_equal(template_text(step->with[0].value), "${{ 5 }}");
    assert_string_equal(template_text(step->with[1].value), "${{ true }}");
    assert_string_equal(template_text(step->with[2].value), "${{ 1.5 }}");
    assert_string_equal(template_text(step->with[3].value), "x");
    assert_string_equal(template_text(step->with[4].value), "${{ [1, \"q\\\"\"] }}");
    assert_string_equal(template_text(step->env[0].value), "1.10");
    assert_string_equal(template_text(step->env[1].value), "true");
    parsed_release(&parsed);
}

static void policies_of_a_step_are_read(void **state)
{
    (void)state;
    struct parsed parsed = parse_step("run: x, optional: true, allow_skip: false, reuse: tree, "
                                      "on_failure: continue");
    const struct step *step = first_step(&parsed);

    assert_true(step->optional);
    assert_false(step->allow_skip);
    assert_int_equal(step->reuse, REUSE_TREE);
    assert_int_equal(step->on_failure.action, FAILURE_CONTINUE);
    assert_int_equal(step->strategy, STRATEGY_UNSET);
    assert_int_equal(step->timeout_ms, 30 * 60 * 1000);
    parsed_release(&parsed);
    assert_step_said("run: x, strategy: ai", "\"strategy\" has no meaning in a command step");
    assert_step_said("run: x, width: 3", "has a width but no foreach");
    assert_step_said("prompt: x, retry: { delay: 9s, max_delay: 1s }", "max_delay is shorter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_recognised_by_its_key),
        cmocka_unit_test(a_step_does_exactly_one_thing),
        cmocka_unit_test(keys_of_another_kind_are_refused),
        cmocka_unit_test(a_command_may_not_hold_a_template),
        cmocka_unit_test(an_agent_is_tried_three_times_and_others_once),
        cmocka_unit_test(a_command_with_its_own_retry_is_tried_again_when_it_fails),
        cmocka_unit_test(defaults_reach_the_steps_that_do_not_say_otherwise),
        cmocka_unit_test(a_static_alternative_takes_over_what_it_does_not_say),
        cmocka_unit_test(a_static_alternative_is_a_command_or_a_function),
        cmocka_unit_test(a_static_strategy_needs_an_alternative),
        cmocka_unit_test(a_schema_makes_the_output_json),
        cmocka_unit_test(artifacts_and_statuses_are_read),
        cmocka_unit_test(arguments_keep_their_types_and_variables_are_texts),
        cmocka_unit_test(policies_of_a_step_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
