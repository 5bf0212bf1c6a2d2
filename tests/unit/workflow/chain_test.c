/* SPDX-License-Identifier: MIT */
#include "workflow/chain.h"

#include "../../support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct arena *arena;
    struct map *stand_ins;
    struct chain_settings settings;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->arena = arena_new();
    fixture->stand_ins = map_new();
    fixture->settings = (struct chain_settings){.max_iterations = 3,
                                                .suggestions_max = 2,
                                                .retry_delay_ms = -1,
                                                .stand_ins = fixture->stand_ins};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    arena_free(fixture->arena);
    map_free(fixture->stand_ins);
    free(fixture);
    return 0;
}

/* The list of steps as a workflow that has been parsed without a warning. */
static struct parsed write_out(struct fixture *fixture, const char *steps)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct yaml_node *root = NULL;
    struct chain chain = {.name = "c", .description = "Say \"hi\" ${{ x"};

    assert_int_equal(yaml_parse(fixture->arena, steps, strlen(steps), problems, &root, NULL), 0);
    free(problems);
    chain.steps = root;
    return parse_clean(chain_format(fixture->arena, &chain, &fixture->settings));
}

static void a_list_of_steps_becomes_a_chain_of_phases(void **state)
{
    struct parsed parsed = write_out(*state,
                                     "- { agent: codex, task: implement, description: First }\n"
                                     "- { agent: gemini, role: Reviewer }\n"
                                     "- { agent: claude, task: refine }\n");
    const struct workflow *workflow = parsed.workflow;

    assert_string_equal(workflow->name, "c");
    assert_string_equal(workflow->description, "Say \"hi\" ${{ x");
    assert_int_equal(workflow->phase_count, 3);
    assert_string_equal(workflow->phases[0].steps[0].id, "implement");
    assert_string_equal(workflow->phases[0].steps[0].name, "First");
    assert_string_equal(workflow->phases[1].steps[0].id, "review");
    assert_string_equal(workflow->phases[1].steps[0].agent, "gemini");
    assert_string_equal(template_text(workflow->phases[1].steps[0].prompt),
                        "Review the implementation of: ${{ run.task }}\n\nResult of the step "
                        "implement:\n${{ steps.implement.output }}\n");
    assert_int_equal(workflow->iterate.max, 3);
    assert_string_equal(expression_text(workflow->iterate.until), "steps.review.suggestions <= 2");
    assert_non_null(strstr(template_text(workflow->phases[0].steps[0].prompt),
                           "${{ steps.review.before.output }}"));
    parsed_release(&parsed);
}

static void without_a_review_there_are_no_rounds(void **state)
{
    struct parsed parsed = write_out(
        *state, "[{ agent: codex, task: implement }, { agent: a, task: test }]");

    assert_int_equal(parsed.workflow->iterate.max, 0);
    parsed_release(&parsed);
}

static void all_reviews_must_be_content(void **state)
{
    struct parsed parsed = write_out(*state,
                                     "[{ agent: a, task: review }, { agent: b, task: review }]");

    assert_string_equal(expression_text(parsed.workflow->iterate.until),
                        "steps.review.suggestions <= 2 and steps.review-2.suggestions <= 2");
    parsed_release(&parsed);
}

static void an_unknown_task_is_the_prompt_itself(void **state)
{
    struct parsed parsed = write_out(*state, "- { agent: a, task: 'Check the SQL: ${{ x }}!' }\n"
                                             "- { agent: a, task: '123' }\n"
                                             "- { agent: a }\n");
    const struct phase *phases = parsed.workflow->phases;

    assert_string_equal(phases[0].steps[0].id, "check-the-sql-x");
    assert_non_null(strstr(template_text(phases[0].steps[0].prompt),
                           "Check the SQL: $${{ x }}!: ${{ run.task }}"));
    assert_string_equal(phases[1].steps[0].id, "step");
    assert_string_equal(phases[2].steps[0].id, "implement");
    parsed_release(&parsed);
}

static void a_task_goes_before_a_role(void **state)
{
    struct parsed parsed = write_out(*state, "- { agent: a, task: document, role: tester }\n");

    assert_string_equal(parsed.workflow->phases[0].id, "document");
    parsed_release(&parsed);
}

static void an_own_fallback_goes_before_the_stand_in(void **state)
{
    struct fixture *fixture = *state;
    char local[] = "local";
    struct parsed parsed;

    (void)map_put(fixture->stand_ins, "a", local);
    parsed = write_out(fixture, "- { agent: a, task: implement }\n"
                                "- { agent: a, task: test, fallback: other }\n"
                                "- { agent: b, task: document, fallback: [x, y] }\n"
                                "- { agent: b, task: refine }\n");
    assert_string_equal(parsed.workflow->phases[0].steps[0].fallback[0], "local");
    assert_string_equal(parsed.workflow->phases[1].steps[0].fallback[0], "other");
    assert_int_equal(parsed.workflow->phases[2].steps[0].fallback_count, 2);
    assert_int_equal(parsed.workflow->phases[3].steps[0].fallback_count, 0);
    parsed_release(&parsed);
}

static void settings_become_defaults(void **state)
{
    struct fixture *fixture = *state;
    struct parsed parsed;

    fixture->settings.attempts = 5;
    fixture->settings.retry_delay_ms = 1500;
    fixture->settings.timeout_ms = 60000;
    parsed = write_out(fixture, "- { agent: a, task: implement }\n");
    assert_int_equal(parsed.workflow->phases[0].steps[0].retry.attempts, 5);
    assert_int_equal(parsed.workflow->phases[0].steps[0].retry.delay_ms, 1500);
    assert_int_equal(parsed.workflow->phases[0].steps[0].timeout_ms, 60000);
    parsed_release(&parsed);
}

static void hostile_texts_stay_texts(void **state)
{
    struct parsed parsed = write_out(
        *state, "- { agent: a, task: implement, description: \"x\\\"\\n    agent: evil\\n\" }\n");

    assert_string_equal(parsed.workflow->phases[0].steps[0].agent, "a");
    assert_string_equal(parsed.workflow->phases[0].steps[0].name, "x\"\n    agent: evil\n");
    parsed_release(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_of_steps_becomes_a_chain_of_phases, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_review_there_are_no_rounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_reviews_must_be_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_task_is_the_prompt_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_task_goes_before_a_role, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_own_fallback_goes_before_the_stand_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(settings_become_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_texts_stay_texts, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
