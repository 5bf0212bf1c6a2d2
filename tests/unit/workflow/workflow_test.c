/* SPDX-License-Identifier: MIT */
#include "workflow/workflow.h"

#include "../../support/workflow_text.h"
#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINIMAL "name: w\nphases: [{ id: p, steps: [{ id: s, run: \"true\" }] }]\n"

/* tests/support/workflows, found from this file's own path. */
static char *sample_path(const char *name)
{
    char folder[] = __FILE__;

    *strrchr(folder, '/') = '\0';
    return mem_printf("%s/../../support/workflows/%s", folder, name);
}

static struct parsed parse_sample(const char *name)
{
    char *path = sample_path(name);
    char *text = NULL;
    size_t length = 0;
    struct parsed parsed;

    assert_int_equal(file_read(path, 1 << 20, &text, &length, NULL), 0);
    parsed = parse_bytes(text, length, NULL);
    free(text);
    free(path);
    return parsed;
}

static void the_smallest_workflow_has_the_defaults(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean(MINIMAL);
    const struct workflow *workflow = parsed.workflow;
    char digest[DIGEST_HEX_SIZE];

    assert_string_equal(workflow->name, "w");
    assert_string_equal(workflow->title, "w");
    assert_null(workflow->description);
    assert_string_equal(workflow->tier, "free");
    assert_string_equal(workflow->file, "t.yaml");
    assert_string_equal(workflow->text, MINIMAL);
    digest_bytes(MINIMAL, strlen(MINIMAL), digest);
    assert_string_equal(workflow->digest, digest);
    assert_int_equal(workflow->strategy, STRATEGY_UNSET);
    assert_int_equal(workflow->on_failure.action, FAILURE_PAUSE);
    assert_int_equal(workflow->iterate.max, 0);
    assert_true(workflow->checkpoint_auto);
    assert_int_equal(workflow->checkpoint_retention, 0);
    assert_int_equal(workflow->timeout_ms, 0);
    assert_int_equal(workflow->gate_count, 0);
    assert_null(workflow->report);
    assert_int_equal(workflow->phase_count, 1);
    assert_int_equal(workflow->phases[0].mode, MODE_SEQUENTIAL);
    assert_true(workflow->phases[0].allow_skip);
    assert_int_equal(workflow->phases[0].rounds_max, 3);
    assert_int_equal(workflow->phases[0].needs_count, 0);
    assert_int_equal(workflow->phases[0].on_failure.action, FAILURE_UNSET);
    parsed_release(&parsed);
}

static void the_example_of_the_design_is_a_workflow(void **state)
{
    (void)state;
    struct parsed parsed = parse_sample("valid/feature-development.yaml");
    const struct workflow *workflow = parsed.workflow;
    const struct phase *phase = NULL;
    const struct step *step;

    assert_string_equal(parsed.messages, "");
    assert_int_equal(workflow->strategy, STRATEGY_HYBRID);
    assert_int_equal(workflow->phase_count, 4);
    assert_int_equal(workflow->iterate.max, 3);
    assert_string_equal(expression_text(workflow->iterate.until), "steps.review.suggestions <= 3");
    step = workflow_find_step(workflow, "outline", &phase);
    assert_string_equal(phase->id, "plan");
    assert_string_equal(step->agent, "claude");
    assert_int_equal(step->fallback_count, 2);
    assert_string_equal(step->fallback[1], "local-instruct");
    assert_string_equal(template_text(step->prompt), "Plan: ${{ inputs.feature }}");
    assert_int_equal(step->timeout_ms, 30 * 60 * 1000);
    assert_int_equal(step->retry.attempts, 3);
    assert_int_equal(workflow->phases[1].mode, MODE_PARALLEL);
    assert_string_equal(workflow->phases[1].gate->name, "pre-commit");
    assert_int_equal(workflow->phases[1].needs[0], 0);
    assert_string_equal(template_text(workflow->phases[1].steps[0].prompt), "${{ run.task }}");
    assert_string_equal(workflow->phases[1].steps[0].workspace, "clone");
    phase = workflow_find_phase(workflow, "test");
    assert_int_equal(phase->on_failure.action, FAILURE_GOTO);
    assert_int_equal(phase->on_failure.goto_phase, 1);
    assert_int_equal(phase->on_failure.max, 3);
    assert_int_equal(phase->gate->checks[0].tests_min, 1);
    assert_true(phase->gate->checks[0].coverage_min == 80);
    assert_false(phase->gate->allow_skip);
    parsed_release(&parsed);
}

static void the_file_with_every_key_is_clean(void **state)
{
    (void)state;
    struct parsed parsed = parse_sample("valid/everything.yaml");

    assert_string_equal(parsed.messages, "");
    assert_int_equal(parsed.code, 0);
    assert_int_equal(parsed.workflow->input_count, 6);
    assert_int_equal(parsed.workflow->strategy, STRATEGY_AI);
    assert_int_equal(parsed.workflow->timeout_ms, 4 * 3600 * 1000);
    assert_int_equal(parsed.workflow->checkpoint_retention, 5);
    assert_int_equal(parsed.workflow->phases[2].fix_count, 1);
    assert_int_equal(parsed.workflow->phases[2].rounds_max, 5);
    assert_int_equal(parsed.workflow->phases[1].trigger, TRIGGER_ALL_DONE);
    parsed_release(&parsed);
}

static void all_problems_of_a_file_are_told_at_once(void **state)
{
    (void)state;
    struct parsed parsed = parse_sample("invalid/many-problems.yaml");

    assert_int_equal(parsed.code, ERROR_VALIDATION);
    assert_string_equal(
        parsed.messages,
        "t.yaml:3:1: error: a workflow has no key \"inptus\" (did you mean \"inputs\"?)\n"
        "t.yaml:5:13: error: \"on_failure\" of a workflow has no word \"puase\" (did you mean "
        "\"pause\"?)\n"
        "t.yaml:11:18: error: \"timeout\" of a step: \"soon\" is not a duration; expected forms "
        "like "
        "500ms, 30s, 10m, 1h30m (at most 366d)\n"
        "t.yaml:12:30: error: there is no input \"featre\"\n"
        "t.yaml:14:13: error: there is no phase \"one1\" (did you mean \"one\"?)\n"
        "t.yaml:17:30: error: the step \"third\" has not run by then: it is in the phase \"three\" "
        "(add it to `needs`, or move one of them)\n");
    parsed_release(&parsed);
}

static void a_failed_parse_gives_no_workflow_and_an_error(void **state)
{
    (void)state;
    struct parsed parsed = parse_text("name: w\n");

    assert_int_equal(parsed.code, ERROR_VALIDATION);
    assert_null(parsed.workflow);
    parsed_release(&parsed);
    parsed = parse_text("a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
    assert_int_equal(parsed.code, ERROR_LIMIT);
    parsed_release(&parsed);
}

static void warnings_do_not_stop_a_workflow(void **state)
{
    (void)state;
    struct parsed parsed = parse_text(
        "name: w\nphases: [{ id: p, width: 2, steps: [{ id: s, run: \"true\" }] }]\n");

    assert_int_equal(parsed.code, 0);
    assert_int_equal(parsed.problems->count, 1);
    assert_true(parsed.problems->items[0].is_warning);
    parsed_release(&parsed);
}

static void ids_are_unique(void **state)
{
    (void)state;
    assert_messages(
        "name: w\n"
        "phases:\n"
        "  - { id: p, steps: [{ id: s, run: \"true\" }] }\n"
        "  - { id: p, steps: [{ id: s, run: \"true\" }] }\n",
        "t.yaml:4:5: error: the phase id \"p\" is taken by the phase in line 3 (rename "
        "one of them)\n"
        "t.yaml:4:22: error: the step id \"s\" is taken by the step in line 3 (rename one "
        "of them)\n");
}

static void the_number_of_phases_and_steps_has_a_ceiling(void **state)
{
    (void)state;
    struct strbuf text;

    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "name: w\nphases:\n");
    for (int i = 0; i <= WORKFLOW_PHASES_MAX; i++) {
        strbuf_addf(&text, "- {id: p%d, gate: pre-push}\n", i);
    }
    assert_message(text.data, "a workflow needs 1 to 1000 phases");
    strbuf_reset(&text);
    strbuf_add(&text, "name: w\nphases:\n- id: p\n  steps:\n");
    for (int i = 0; i <= WORKFLOW_STEPS_MAX; i++) {
        strbuf_addf(&text, "  - {id: s%d, run: x}\n", i);
    }
    assert_message(text.data, "more than 20000 steps");
    strbuf_release(&text);
    assert_message("name: w\nphases: []\n", "a workflow needs 1 to 1000 phases");
}

static void a_workflow_as_large_as_allowed_is_read(void **state)
{
    (void)state;
    struct strbuf text;
    struct parsed parsed;

    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "name: w\nphases:\n- id: p\n  mode: parallel\n  steps:\n");
    for (int i = 0; i < WORKFLOW_STEPS_MAX; i++) {
        strbuf_addf(&text, i ? "  - {id: s%d, run: x, needs: s%d}\n" : "  - {id: s%d, run: x}\n", i,
                    i - 1);
    }
    parsed = parse_clean(text.data);
    assert_int_equal(parsed.workflow->phases[0].step_count, WORKFLOW_STEPS_MAX);
    parsed_release(&parsed);
    strbuf_release(&text);
}

static void words_come_back_from_their_names(void **state)
{
    (void)state;
    assert_string_equal(strategy_name(STRATEGY_UNSET), "");
    assert_int_equal(strategy_parse(""), STRATEGY_UNSET);
    assert_int_equal(strategy_parse("nope"), STRATEGY_UNSET);
    for (int strategy = STRATEGY_AI; strategy <= STRATEGY_HYBRID; strategy++) {
        assert_int_equal(strategy_parse(strategy_name((enum strategy)strategy)), strategy);
    }
    for (int class_ = 0; class_ < FAILURE_CLASSES; class_++) {
        assert_int_equal(failure_class_parse(failure_class_name((enum failure_class)class_)),
                         class_);
    }
    assert_int_equal(failure_class_parse("nope"), -1);
    assert_string_equal(step_kind_name(STEP_AGENT), "agent");
    assert_string_equal(step_kind_name(STEP_WORKFLOW), "workflow");
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean(MINIMAL);
    const struct phase *phase = NULL;

    assert_null(workflow_find_phase(parsed.workflow, "x"));
    assert_null(workflow_find_step(parsed.workflow, "x", &phase));
    assert_null(phase);
    assert_non_null(workflow_find_step(parsed.workflow, "s", NULL));
    parsed_release(&parsed);
    workflow_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_workflow_has_the_defaults),
        cmocka_unit_test(the_example_of_the_design_is_a_workflow),
        cmocka_unit_test(the_file_with_every_key_is_clean),
        cmocka_unit_test(all_problems_of_a_file_are_told_at_once),
        cmocka_unit_test(a_failed_parse_gives_no_workflow_and_an_error),
        cmocka_unit_test(warnings_do_not_stop_a_workflow),
        cmocka_unit_test(ids_are_unique),
        cmocka_unit_test(the_number_of_phases_and_steps_has_a_ceiling),
        cmocka_unit_test(a_workflow_as_large_as_allowed_is_read),
        cmocka_unit_test(words_come_back_from_their_names),
        cmocka_unit_test(what_is_not_there_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
