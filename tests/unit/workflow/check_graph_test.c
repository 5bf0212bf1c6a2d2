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

static void phases_follow_each_other_unless_they_say_otherwise(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean("name: w\nphases:\n"
                                       "- { id: a, gate: pre-push }\n"
                                       "- { id: b, gate: pre-push }\n"
                                       "- { id: c, gate: pre-push, needs: [] }\n"
                                       "- { id: d, gate: pre-push, needs: [a, c] }\n"
                                       "- { id: e, gate: pre-push, needs: f }\n"
                                       "- { id: f, gate: pre-push, needs: [d] }\n");
    const struct phase *phases = parsed.workflow->phases;

    assert_int_equal(phases[0].needs_count, 0);
    assert_int_equal(phases[1].needs_count, 1);
    assert_int_equal(phases[1].needs[0], 0);
    assert_int_equal(phases[2].needs_count, 0);
    assert_int_equal(phases[3].needs_count, 2);
    assert_int_equal(phases[3].needs[1], 2);
    assert_int_equal(phases[4].needs[0], 5);
    parsed_release(&parsed);
}

static void a_cycle_of_phases_is_named(void **state)
{
    (void)state;
    assert_messages(
        "name: w\nphases:\n"
        "- { id: a, gate: pre-push, needs: [c] }\n"
        "- { id: b, gate: pre-push }\n"
        "- { id: c, gate: pre-push, when: phases.a.status == 'x', on_failure: { goto: b } }\n",
        "t.yaml:3:3: error: the phases need each other in a circle: a -> c -> b -> a "
        "(remove one of these needs; to go back after a failure use `on_failure: goto`)\n");
}

static void a_cycle_of_steps_is_named(void **state)
{
    (void)state;
    assert_messages("name: w\nphases:\n- id: p\n  mode: parallel\n  steps:\n"
                    "  - { id: a, run: x, needs: [b] }\n"
                    "  - { id: b, run: x, needs: [c, d] }\n"
                    "  - { id: c, run: x }\n"
                    "  - { id: d, run: x, needs: a }\n",
                    "t.yaml:6:5: error: the steps need each other in a circle: a -> b -> d -> a "
                    "(remove one of these needs)\n");
}

static void nothing_needs_itself(void **state)
{
    (void)state;
    assert_messages("name: w\nphases:\n- { id: a, needs: a, gate: pre-push }\n",
                    "t.yaml:3:19: error: the phase \"a\" needs itself, so it could never start "
                    "(remove it)\n");
    assert_message("name: w\nphases:\n- { id: p, steps: [{ id: a, run: x, needs: [a] }] }\n",
                   "the step \"a\" needs itself");
}

static void unknown_needs_have_a_nearest_name(void **state)
{
    (void)state;
    assert_message("name: w\nphases:\n- { id: build, gate: pre-push }\n"
                   "- { id: test, gate: pre-push, needs: [biuld] }\n",
                   "t.yaml:4:39: error: there is no phase \"biuld\" (did you mean \"build\"?)");
    assert_message("name: w\nphases:\n- { id: p, steps: [{ id: one, run: x }, { id: two, run: x, "
                   "needs: [oen] }] }\n",
                   "there is no step \"oen\" (did you mean \"one\"?)");
}

static void steps_need_steps_of_their_own_phase(void **state)
{
    (void)state;
    assert_message("name: w\nphases:\n- { id: p, steps: [{ id: one, run: x }] }\n"
                   "- { id: q, steps: [{ id: two, run: x, needs: [one] }] }\n",
                   "the step \"one\" is not among the steps of the phase \"q\"");
    assert_message("name: w\nphases:\n- { id: p, mode: adaptive, steps: [{ id: one, run: x, needs: "
                   "[mend] }], fix: [{ id: mend, run: x }] }\n",
                   "the step \"mend\" is not among the steps of the phase \"p\"");
    assert_message(
        "name: w\nphases:\n- { id: p, mode: adaptive, steps: [{ id: one, run: x }], fix: [{ "
        "id: mend, run: x, needs: [one] }] }\n",
        "fix steps run one after the other; they have no needs");
}

static void a_sequential_step_cannot_need_a_later_one(void **state)
{
    (void)state;
    assert_message("name: w\nphases:\n- id: p\n  steps:\n"
                   "  - { id: a, run: x, needs: [b] }\n"
                   "  - { id: b, run: x }\n",
                   "but \"a\" needs the later \"b\"");
}

static void the_same_need_twice_is_a_warning(void **state)
{
    (void)state;
    assert_messages("name: w\nphases:\n- { id: a, gate: pre-push }\n"
                    "- { id: b, gate: pre-push, needs: [a, a] }\n",
                    "t.yaml:4:39: warning: \"a\" is named twice\n");
}

static void goto_names_an_earlier_phase(void **state)
{
    (void)state;
    struct parsed parsed = parse_clean(
        "name: w\nphases:\n"
        "- { id: a, gate: pre-push }\n"
        "- { id: b, gate: pre-push }\n"
        "- { id: c, steps: [{ id: s, run: x, on_failure: { goto: a } }] }\n");
    const struct on_failure *policy = &parsed.workflow->phases[2].steps[0].on_failure;

    assert_int_equal(policy->action, FAILURE_GOTO);
    assert_int_equal(policy->goto_phase, 0);
    assert_int_equal(policy->max, 3);
    parsed_release(&parsed);
    assert_message(
        "name: w\nphases:\n- { id: a, gate: pre-push, on_failure: { goto: b } }\n"
        "- { id: b, gate: pre-push }\n",
        "t.yaml:3:48: error: goto must name an earlier phase; \"b\" does not come before "
        "\"a\"");
    assert_message("name: w\nphases:\n- { id: a, gate: pre-push, on_failure: { goto: a } }\n",
                   "goto must name an earlier phase, not its own");
    assert_message("name: w\nphases:\n- { id: aa, gate: pre-push }\n"
                   "- { id: b, gate: pre-push, on_failure: { goto: ab } }\n",
                   "there is no phase \"ab\"");
    assert_message(
        "name: w\non_failure: { goto: a }\nphases:\n- { id: a, gate: pre-push }\n",
        "\"on_failure\" of a workflow: expected one of pause, fail, continue, found a map");
    /* A branch beside is not before. */
    assert_message("name: w\nphases:\n- { id: a, gate: pre-push }\n"
                   "- { id: b, needs: [], gate: pre-push, on_failure: { goto: a } }\n",
                   "\"a\" does not come before \"b\"");
}

static void order_among_the_steps_of_a_phase_follows_its_mode(void **state)
{
    (void)state;
    const int first[] = {0};
    const int second[] = {1};
    const struct step steps[] = {
        {.id = "a"},
        {.id = "b", .needs = first, .needs_count = 1},
        {.id = "c", .needs = second, .needs_count = 1},
    };
    struct phase phase = {.mode = MODE_PARALLEL, .steps = steps, .step_count = 3};

    assert_true(graph_is_step_before(&phase, 0, 2));
    assert_true(graph_is_step_before(&phase, 1, 2));
    assert_false(graph_is_step_before(&phase, 2, 0));
    assert_false(graph_is_step_before(&phase, 0, 0));
    phase.mode = MODE_SEQUENTIAL;
    assert_true(graph_is_step_before(&phase, 0, 1));
    assert_false(graph_is_step_before(&phase, 1, 0));
}

static void a_long_chain_of_phases_is_no_problem(void **state)
{
    (void)state;
    struct strbuf text;
    struct parsed parsed;

    /* Backwards, so that the order of the file helps nobody. */
    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "name: w\nphases:\n");
    for (int i = 0; i < WORKFLOW_PHASES_MAX - 1; i++) {
        strbuf_addf(&text, "- { id: p%d, gate: pre-push, needs: [p%d] }\n", i, i + 1);
    }
    strbuf_addf(&text, "- { id: p%d, gate: pre-push, needs: [] }\n", WORKFLOW_PHASES_MAX - 1);
    parsed = parse_clean(text.data);
    parsed_release(&parsed);
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_follow_each_other_unless_they_say_otherwise),
        cmocka_unit_test(a_cycle_of_phases_is_named),
        cmocka_unit_test(a_cycle_of_steps_is_named),
        cmocka_unit_test(nothing_needs_itself),
        cmocka_unit_test(unknown_needs_have_a_nearest_name),
        cmocka_unit_test(steps_need_steps_of_their_own_phase),
        cmocka_unit_test(a_sequential_step_cannot_need_a_later_one),
        cmocka_unit_test(the_same_need_twice_is_a_warning),
        cmocka_unit_test(goto_names_an_earlier_phase),
        cmocka_unit_test(order_among_the_steps_of_a_phase_follows_its_mode),
        cmocka_unit_test(a_long_chain_of_phases_is_no_problem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
