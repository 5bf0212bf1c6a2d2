/* SPDX-License-Identifier: MIT */
#include "workflow/reader.h"

#include "../../support/workflow_text.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two phases; `%s` is the prompt of the second one's second step. */
static char *workflow_with(const char *prompt)
{
    return mem_printf(
        "name: w\n"
        "inputs: { feature: {} }\n"
        "phases:\n"
        "- id: plan\n"
        "  steps:\n"
        "  - { id: outline, prompt: x, output: plan.md }\n"
        "  - { id: data, run: x, schema: { type: object, properties: { files: {} } } }\n"
        "  - { id: free, run: x, format: json }\n"
        "  - { id: text, run: x }\n"
        "- id: build\n"
        "  steps:\n"
        "  - { id: code, prompt: x }\n"
        "  - { id: here, prompt: \"%s\" }\n"
        "  - { id: later, prompt: x }\n"
        "- id: end\n"
        "  steps: [{ id: last, run: x }]\n",
        prompt);
}

static void assert_fine(const char *path)
{
    char *prompt = mem_printf("${{ %s }}", path);
    char *text = workflow_with(prompt);

    assert_messages(text, "");
    free(text);
    free(prompt);
}

static void assert_wrong(const char *path, const char *part)
{
    char *prompt = mem_printf("${{ %s }}", path);
    char *text = workflow_with(prompt);

    assert_message(text, "t.yaml:13:30: error: ");
    assert_message(text, part);
    free(text);
    free(prompt);
}

static void known_paths_are_fine(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "inputs.feature",
        "run.id",
        "run.task",
        "run.iteration",
        "run.project",
        "run.strategy",
        "signals.design-approved",
        "steps.outline",
        "steps.outline.status",
        "steps.outline.output",
        "steps.outline.output.a.b",
        "steps.outline.exit_status",
        "steps.outline.attempts",
        "steps.outline.error",
        "steps.outline.duration",
        "steps.outline.suggestions",
        "steps.outline.artifacts",
        "steps.outline.before.output",
        "steps.data.before.output.files",
        "steps.outline.before.status",
        "steps.outline.before.error",
        "phases.plan.before.error",
        "steps.data.files",
        "steps.data.output.files",
        "steps.free.anything",
        "steps.code.output",
        "phases.plan.status",
        "phases.plan.steps",
        "phases.build.error",
    };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        assert_fine(paths[i]);
    }
}

static void unknown_roots_and_names_have_the_nearest(void **state)
{
    (void)state;
    assert_wrong("input.feature", "\"input\" is not known");
    assert_wrong("input.feature", "(did you mean \"inputs\"?)");
    assert_wrong("inputs.featrue", "there is no input \"featrue\" (did you mean \"feature\"?)");
    assert_wrong("steps.outlin.output", "there is no step \"outlin\" (did you mean \"outline\"?)");
    assert_wrong("phases.plam.status", "there is no phase \"plam\" (did you mean \"plan\"?)");
    assert_wrong("run.taks", "(did you mean \"task\"?)");
    assert_wrong("steps.outline.statsu", "(did you mean \"status\"?)");
    assert_wrong("steps.data.fiels", "(did you mean \"files\"?)");
    assert_wrong("phases.plan.stat", "a phase has no such part");
    assert_wrong("steps.outline.before", "(write steps.outline.before.output)");
    assert_wrong("steps.outline.before.attempts", "there are status, output and error");
    assert_wrong("phases.plan.before", "of the round before there is the error");
    assert_wrong("phases.plan.before.status", "of the round before there is the error");
}

static void paths_have_the_right_length(void **state)
{
    (void)state;
    assert_wrong("inputs", "(write inputs.NAME)");
    assert_wrong("steps", "(write steps.NAME)");
    assert_wrong("phases", "(write phases.NAME)");
    assert_wrong("run", "(write run.NAME)");
    assert_wrong("signals", "(write signals.NAME)");
    assert_wrong("inputs.feature.x", "an input has no parts");
    assert_wrong("run.id.x", "it has no parts");
    assert_wrong("steps.outline.status.x", "it has no parts");
}

static void the_text_of_a_command_has_no_parts(void **state)
{
    (void)state;
    assert_wrong("steps.text.output.files",
                 "the output of the step \"text\" is a text (give the step `format: json` to reach "
                 "into its output)");
    assert_fine("steps.text.output");
    assert_fine("steps.free.output.files");
    assert_fine("steps.outline.output.files");
}

static void a_property_needs_json_output(void **state)
{
    (void)state;
    assert_wrong("steps.outline.files", "(give the step `format: json` to reach into its output)");
}

static void a_step_can_only_refer_to_what_ran_before(void **state)
{
    (void)state;
    assert_wrong("steps.later.output", "the step \"later\" has not run by then");
    assert_wrong("steps.last.output", "it is in the phase \"end\"");
    assert_wrong("steps.here.output", "the step \"here\" has not run by then");
    assert_wrong("phases.end.status", "the phase \"end\" has not run by then");
}

static void in_parallel_phases_only_needs_make_an_order(void **state)
{
    (void)state;
    assert_message("name: w\nphases:\n- id: p\n  mode: parallel\n  steps:\n"
                   "  - { id: a, run: x }\n"
                   "  - { id: b, prompt: \"${{ steps.a.output }}\" }\n",
                   "the step \"a\" has not run by then");
    assert_messages("name: w\nphases:\n- id: p\n  mode: parallel\n  steps:\n"
                    "  - { id: a, run: x }\n"
                    "  - { id: b, prompt: \"${{ steps.a.output }}\", needs: [a] }\n",
                    "");
}

static void rounds_make_later_steps_known(void **state)
{
    (void)state;
    assert_messages("name: w\niterate: { max: 2 }\nphases:\n"
                    "- { id: p, steps: [{ id: a, prompt: \"${{ steps.b.output }}\" }] }\n"
                    "- { id: q, steps: [{ id: b, prompt: x }] }\n",
                    "");
    assert_messages("name: w\nphases:\n"
                    "- { id: p, steps: [{ id: a, prompt: \"${{ steps.b.output }}\" }] }\n"
                    "- { id: q, on_failure: { goto: p }, steps: [{ id: b, prompt: x }] }\n",
                    "");
    assert_messages("name: w\nphases:\n- id: p\n  mode: adaptive\n"
                    "  steps: [{ id: a, prompt: \"${{ steps.f.output }}\" }]\n"
                    "  fix: [{ id: f, prompt: \"${{ steps.a.output }}\" }]\n",
                    "");
}

static void the_end_of_a_phase_knows_its_steps_and_the_start_does_not(void **state)
{
    (void)state;
    assert_messages(
        "name: w\nphases:\n- { id: p, iterate: { max: 2, until: steps.a.exit_status == 0 }, "
        "steps: [{ id: a, run: x }] }\n",
        "");
    assert_message(
        "name: w\nphases:\n- { id: p, when: steps.a.exit_status == 0, steps: [{ id: a, run: x "
        "}] }\n",
        "t.yaml:3:18: error: the step \"a\" has not run by then");
}

static void items_are_known_inside_foreach_only(void **state)
{
    (void)state;
    assert_wrong("item", "it is only known inside a step with foreach (give the step a `foreach`)");
    assert_wrong("index", "it is only known inside a step with foreach");
    assert_messages(
        "name: w\nphases:\n- id: p\n  steps:\n"
        "  - { id: a, foreach: [x], run: y, env: { V: \"${{ item.name }} ${{ index }}\" } }\n",
        "");
    assert_message(
        "name: w\nphases:\n- id: p\n  steps:\n  - { id: a, foreach: item.list, run: y }\n",
        "it is only known inside a step with foreach");
}

static void references_in_every_place_are_checked(void **state)
{
    (void)state;
    static const char *const places[] = {
        "run: x, env: { A: \"${{ inputs.no }}\" }",
        "use: f, with: { a: \"${{ inputs.no }}\" }",
        "workflow: f, inputs: { a: \"${{ inputs.no }}\" }",
        "approve: \"${{ inputs.no }}\"",
        "run: x, when: inputs.no",
        "run: x, foreach: inputs.no",
        "prompt: x, static: { run: y, env: { A: \"${{ inputs.no }}\" } }",
    };

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        char *text = mem_printf("name: w\nphases:\n- id: p\n  steps:\n  - { id: s, %s }\n",
                                places[i]);

        assert_message(text, "there is no input \"no\"");
        free(text);
    }
    assert_message(
        "name: w\ndefaults: { env: { A: \"${{ inputs.no }}\" } }\nphases:\n- id: p\n  steps:\n"
        "  - { id: s, run: x }\n",
        "t.yaml:2:28: error: there is no input \"no\"");
    assert_message(
        "name: w\ngates: { g: { commands: [{ use: f, with: { a: \"${{ inputs.no }}\" } }] } }\n"
        "phases: [{ id: p, gate: g }]\n",
        "there is no input \"no\"");
}

static void a_hostile_number_of_wrong_names_costs_no_time(void **state)
{
    (void)state;
    struct strbuf text;
    struct parsed parsed;

    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "name: w\nphases:\n- id: p\n  steps:\n");
    for (int i = 0; i < 15000; i++) {
        strbuf_addf(&text, "  - {id: s%d, prompt: \"${{steps.z%d}}\"}\n", i, i);
    }
    parsed = parse_text(text.data);
    assert_int_equal(parsed.code, ERROR_VALIDATION);
    assert_true(parsed.problems->truncated);
    assert_int_equal(parsed.problems->count, WORKFLOW_PROBLEMS_MAX);
    parsed_release(&parsed);
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_paths_are_fine),
        cmocka_unit_test(unknown_roots_and_names_have_the_nearest),
        cmocka_unit_test(paths_have_the_right_length),
        cmocka_unit_test(the_text_of_a_command_has_no_parts),
        cmocka_unit_test(a_property_needs_json_output),
        cmocka_unit_test(a_step_can_only_refer_to_what_ran_before),
        cmocka_unit_test(in_parallel_phases_only_needs_make_an_order),
        cmocka_unit_test(rounds_make_later_steps_known),
        cmocka_unit_test(the_end_of_a_phase_knows_its_steps_and_the_start_does_not),
        cmocka_unit_test(items_are_known_inside_foreach_only),
        cmocka_unit_test(references_in_every_place_are_checked),
        cmocka_unit_test(a_hostile_number_of_wrong_names_costs_no_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
