/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"

#include "base/alloc.h"
#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TWO                                                                                        \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - { id: p, steps: [{ id: a, run: x }, { id: fixed, run: x, allow_skip: false }] }\n"        \
    "  - { id: q, allow_skip: false, steps: [{ id: b, run: x }] }\n"

static void skipping_needs_a_reason_and_keeps_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_fail(&m, "a", "permanent");
    assert_refused(&m, "{'do': 'skip', 'step': 'a'}", "needs a reason");
    assert_refused(&m, "{'do': 'skip', 'step': 'a', 'reason': ''}", "needs a reason");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a', 'reason': 'flaky'}"), 0);
    assert_string_equal(machine_step(&m, "a")->reason, "flaky");
    assert_effects(&m, "start fixed");
    machine_release(&m);
}

static void what_may_not_be_skipped_is_not(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_pass(&m, "a");
    machine_fail(&m, "fixed", "permanent");
    assert_refused(&m, "{'do': 'skip', 'step': 'fixed', 'reason': 'x'}", "allow_skip: false");
    assert_refused(&m, "{'do': 'skip', 'phase': 'q', 'reason': 'x'}", "allow_skip: false");
    assert_refused(&m, "{'do': 'skip', 'step': 'a', 'reason': 'x'}", "cannot be skipped now");
    assert_refused(&m, "{'do': 'skip', 'step': 'zz', 'reason': 'x'}", "no step");
    assert_refused(&m, "{'do': 'skip', 'phase': 'zz', 'reason': 'x'}", "no phase");
    assert_refused(&m, "{'do': 'skip', 'gate': 'p', 'reason': 'x'}", "with a gate");
    assert_refused(&m, "{'do': 'skip', 'reason': 'x'}", "say what to skip");
    machine_release(&m);
}

static void a_phase_that_may_not_be_skipped_is_not_skipped_step_by_step(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: first, run: x }] }\n"
                      "  - { id: q, allow_skip: false, steps: [{ id: a, run: x },\n"
                      "      { id: each, run: x, foreach: [1, 2] }, { id: b, run: x }] }\n");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a', 'reason': 'x'}"), 0);
    machine_pass(&m, "first");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'b', 'reason': 'x'}"), 0);
    assert_refused(&m, "{'do': 'skip', 'step': 'each', 'reason': 'x'}",
                   "nothing of phase q would be left");
    machine_fail(&m, "each[0]", "permanent");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'each[0]', 'reason': 'x'}"), 0);
    machine_fail(&m, "each[1]", "permanent");
    assert_refused(&m, "{'do': 'skip', 'step': 'each[1]', 'reason': 'x'}",
                   "nothing of phase q would be left");
    machine_release(&m);
}

static void a_step_that_has_not_come_yet_can_be_skipped_ahead(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }, { id: fixed, run: x }] }\n"
                      "  - { id: q, steps: [{ id: b, run: x }] }\n");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'b', 'reason': 'later'}"), 0);
    machine_pass(&m, "a");
    machine_pass(&m, "fixed");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(machine_step(&m, "b")->attempts, 0);
    machine_release(&m);
}

static void a_phase_is_skipped_as_a_whole_and_by_whom_is_kept(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_fail(&m, "a", "permanent");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'phase': 'p', 'reason': 'old'}"), 0);
    assert_effects(&m, "start b");
    assert_story_has(&m, "phase p skipped (old)");
    for (size_t i = 0; i < m.records.count; i++) {
        const json_t *body = m.records.items[i].body;

        if (strcmp(json_get_text(body, "status", ""), "skipped") == 0) {
            assert_string_equal(json_get_text(body, "by", ""), "anna");
        }
    }
    machine_release(&m);
}

static void a_step_of_a_phase_that_is_over_is_not_skipped(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m,
                 "name: w\n"
                 "inputs: { deep: { type: boolean, default: false } }\n"
                 "phases:\n"
                 "  - { id: p, when: inputs.deep, steps: [{ id: a, run: x }] }\n"
                 "  - { id: q, steps: [{ id: b, run: x }] }\n",
                 "{\"deep\": false}");
    (void)machine_event(&m, (struct event){.kind = EVENT_BEGIN});
    assert_refused(&m, "{'do': 'skip', 'step': 'a', 'reason': 'x'}", "phase p is skipped");
    machine_release(&m);
}

static void a_skipped_instance_leaves_its_list_whole(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: each, run: x, foreach: [1, 2] }] }]\n");
    machine_pass(&m, "each[0]");
    machine_fail(&m, "each[1]", "permanent");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'each[1]', 'reason': 'x'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(machine_step(&m, "each")->status, STEP_IS_COMPLETED);
    machine_release(&m);
}

static void an_instance_of_an_earlier_round_is_not_skipped(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }] }\n"
                      "  - { id: q, steps: [{ id: each, run: x, foreach: [1, 2] }] }\n");
    machine_pass(&m, "a");
    machine_pass(&m, "each[0]");
    machine_fail(&m, "each[1]", "permanent");
    assert_int_equal(machine_command(&m, "{'do': 'restore', 'checkpoint': 'p'}"), 0);
    assert_refused(&m, "{'do': 'skip', 'step': 'each[1]', 'reason': 'x'}", "no step");
    assert_refused(&m, "{'do': 'retry', 'step': 'each[1]'}", "no step");
    machine_release(&m);
}

#define BESIDE_A_LIST                                                                              \
    "name: w\n"                                                                                    \
    "concurrency: 1\n"                                                                             \
    "phases:\n"                                                                                    \
    "  - id: p\n"                                                                                  \
    "    mode: parallel\n"                                                                         \
    "    steps: [{ id: a, run: x }, { id: each, run: x, foreach: [1, 2, 3]%s }]\n"

/* What of the list waits for a place goes on, also when the phase is looked at anew meanwhile. */
static void a_step_beside_a_list_is_skipped_and_the_list_goes_on(void **state)
{
    static const char *const widths[] = {"", ", width: 2"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
        struct machine m;
        char *text = mem_printf(BESIDE_A_LIST, widths[i]);

        machine_begin(&m, text);
        machine_fail(&m, "a", "permanent");
        assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a', 'reason': 'x'}"), 0);
        machine_pass(&m, "each[0]");
        machine_pass(&m, "each[1]");
        machine_pass(&m, "each[2]");
        assert_int_equal(m.run->status, RUN_COMPLETED);
        machine_release(&m);
        free(text);
    }
}

/* A gate proves what stands when all work is over. */
static void the_gate_waits_for_a_list_of_fixes_that_was_not_needed_any_more(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "concurrency: 1\n"
                  "gates: { g: { commands: [{ run: check }] } }\n"
                  "phases:\n"
                  "  - { id: p, mode: adaptive, rounds: 2, gate: g, steps: [{ id: a, run: x }],\n"
                  "      fix: [{ id: f, run: x, foreach: [1, 2, 3] }] }\n");
    machine_fail(&m, "a", "permanent");
    assert_effects(&m, "start f[0]");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a', 'reason': 'x'}"), 0);
    machine_pass(&m, "f[0]");
    assert_effects(&m, "start f[1]");
    machine_pass(&m, "f[1]");
    machine_pass(&m, "f[2]");
    assert_effects(&m, "prepare gate:p:0");
    machine_release(&m);
}

static void instances_of_a_list_that_was_skipped_stay_as_they_are(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    steps: [{ id: each, run: x, foreach: [1, 2] }, { id: b, run: x }]\n");
    machine_pass(&m, "each[0]");
    machine_fail(&m, "each[1]", "permanent");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'each', 'reason': 'x'}"), 0);
    machine_fail(&m, "b", "permanent");
    assert_refused(&m, "{'do': 'skip', 'step': 'each[1]', 'reason': 'x'}", "gone on without");
    assert_refused(&m, "{'do': 'retry', 'step': 'each[1]'}", "step each is skipped");
    machine_release(&m);
}

static void a_phase_skipped_in_the_middle_of_a_list_leaves_nothing_open(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    steps: [{ id: each, run: x, foreach: [1, 2], width: 1 }]\n");
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_pass(&m, "each[0]");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'phase': 'p', 'reason': 'x'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(machine_step(&m, "each")->status, STEP_IS_SKIPPED);
    machine_release(&m);
}

static void an_approval_can_be_skipped(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: ask, approve: 'Go?' }] }]\n");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'ask', 'reason': 'x'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_skipped_nested_run_is_cancelled(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: sub, workflow: other }] }]\n");
    machine_child(&m, "sub", RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'sub', 'reason': 'x'}"), 0);
    assert_effects(&m, "end sub | checkpoint p");
    /* The run is not over before it. */
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_recover(&m);
    assert_effects(&m, "end sub");
    machine_child(&m, "sub", RUN_RUNNING);
    assert_int_equal(m.run->status, RUN_RUNNING);
    (void)machine_story(&m);
    machine_child(&m, "sub", RUN_CANCELLED);
    assert_story(&m, "over sub cancelled | run completed");
    machine_child(&m, "sub", RUN_CANCELLED);
    assert_story(&m, "");
    machine_release(&m);
}

#define GATED(allowed)                                                                             \
    "name: w\n"                                                                                    \
    "gates: { g: { allow_skip: " allowed ", commands: [{ run: x }] } }\n"                          \
    "phases:\n"                                                                                    \
    "  - { id: p, gate: g, steps: [{ id: a, run: x }] }\n"                                         \
    "  - { id: q, steps: [{ id: b, run: x }] }\n"

static void a_gate_is_skipped_only_after_it_failed_and_where_it_says_so(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, GATED("true"));
    assert_refused(&m, "{'do': 'skip', 'gate': 'p', 'reason': 'x'}", "has not failed");
    machine_pass(&m, "a");
    machine_check(&m, "gate:p:0", VERDICT_UNKNOWN);
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'gate': 'p', 'reason': 'x'}"), 0);
    assert_story_has(&m, "skip gate p (anna) | phase p running | phase p completed");
    assert_effects(&m, "checkpoint p | start b");
    machine_release(&m);
    machine_begin(&m, GATED("false"));
    machine_pass(&m, "a");
    machine_check(&m, "gate:p:0", VERDICT_FAIL);
    assert_refused(&m, "{'do': 'skip', 'gate': 'p', 'reason': 'x'}", "allow_skip: false");
    machine_release(&m);
}

static void nothing_is_skipped_in_a_run_that_is_over(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    machine_pass(&m, "a");
    assert_refused(&m, "{'do': 'skip', 'step': 'a', 'reason': 'x'}", "over already");
    machine_release(&m);
}

#define THREE_INSTANCES                                                                            \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - { id: p, mode: parallel, steps: [{ id: a, run: 'true', foreach: [1, 2, 3], width: 1 }] "  \
    "}\n"

static void fail_three(struct machine *machine)
{
    machine_begin(machine, THREE_INSTANCES);
    machine_fail(machine, "a[0]", "permanent");
    machine_fail(machine, "a[1]", "permanent");
    machine_fail(machine, "a[2]", "permanent");
    assert_int_equal(machine->run->status, RUN_PAUSED);
}

static void a_list_whose_instances_rest_can_be_skipped(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, THREE_INSTANCES);
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a', 'reason': 'r'}"),
                     ERROR_CONFLICT);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_pass(&m, "a[0]");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a', 'reason': 'r'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void instances_of_a_list_that_is_over_are_neither_retried_nor_skipped(void **state)
{
    struct machine m;

    (void)state;
    fail_three(&m);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), ERROR_CONFLICT);
    m.is_held = true;
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a', 'reason': 'r'}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'a[0]'}"), ERROR_CONFLICT);
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a[0]', 'reason': 'r'}"),
                     ERROR_CONFLICT);
    machine_release(&m);
}

static void a_run_whose_limit_came_with_its_last_step_completes_when_resumed(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "timeout: 20s\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: 'true' }] }\n");
    machine_wait(&m, 20000);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_FAILED);
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_cancelled_step_of_a_paused_run_is_left_out(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: sub, workflow: other },"
                      " { id: b, run: x }] }]\n");
    machine_child(&m, "sub", RUN_CANCELLED);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'sub', 'reason': 'not needed'}"),
                     0);
    assert_int_equal(machine_step(&m, "sub")->status, STEP_IS_SKIPPED);
    assert_int_equal(machine_step(&m, "b")->waiting, WAITING_ATTEMPT);
    machine_release(&m);
}

static void a_phase_without_a_gate_has_none_to_skip(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    assert_refused(&m, "{'do': 'skip', 'gate': 'p', 'reason': 'r'}", "no phase \"p\" with a gate");
    assert_refused(&m, "{'do': 'skip', 'gate': 'zz', 'reason': 'r'}",
                   "no phase \"zz\" with a gate");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skipping_needs_a_reason_and_keeps_it),
        cmocka_unit_test(what_may_not_be_skipped_is_not),
        cmocka_unit_test(a_phase_that_may_not_be_skipped_is_not_skipped_step_by_step),
        cmocka_unit_test(a_step_that_has_not_come_yet_can_be_skipped_ahead),
        cmocka_unit_test(a_phase_is_skipped_as_a_whole_and_by_whom_is_kept),
        cmocka_unit_test(a_step_of_a_phase_that_is_over_is_not_skipped),
        cmocka_unit_test(a_skipped_instance_leaves_its_list_whole),
        cmocka_unit_test(an_instance_of_an_earlier_round_is_not_skipped),
        cmocka_unit_test(a_step_beside_a_list_is_skipped_and_the_list_goes_on),
        cmocka_unit_test(the_gate_waits_for_a_list_of_fixes_that_was_not_needed_any_more),
        cmocka_unit_test(instances_of_a_list_that_was_skipped_stay_as_they_are),
        cmocka_unit_test(a_phase_skipped_in_the_middle_of_a_list_leaves_nothing_open),
        cmocka_unit_test(an_approval_can_be_skipped),
        cmocka_unit_test(a_skipped_nested_run_is_cancelled),
        cmocka_unit_test(a_gate_is_skipped_only_after_it_failed_and_where_it_says_so),
        cmocka_unit_test(nothing_is_skipped_in_a_run_that_is_over),
        cmocka_unit_test(a_list_whose_instances_rest_can_be_skipped),
        cmocka_unit_test(instances_of_a_list_that_is_over_are_neither_retried_nor_skipped),
        cmocka_unit_test(a_run_whose_limit_came_with_its_last_step_completes_when_resumed),
        cmocka_unit_test(a_cancelled_step_of_a_paused_run_is_left_out),
        cmocka_unit_test(a_phase_without_a_gate_has_none_to_skip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
