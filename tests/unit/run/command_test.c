/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TWO                                                                                        \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - { id: p, steps: [{ id: a, run: x }] }\n"                                                  \
    "  - { id: q, steps: [{ id: b, run: x }] }\n"

static void a_pause_waits_for_what_is_under_way(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    assert_effects(&m, "");
    assert_int_equal(m.run->status, RUN_RUNNING);
    (void)machine_story(&m);
    machine_pass(&m, "a");
    assert_story(&m, "end a 1 none | step a completed | phase p completed | checkpoint p | "
                     "run paused (asked)");
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_story(&m, "run running | phase q running (steps) | try b 1");
    machine_release(&m);
}

static void a_pause_that_is_taken_back_in_time_changes_nothing(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_pass(&m, "a");
    assert_effects(&m, "checkpoint p | start b");
    machine_release(&m);
}

static void a_run_that_is_being_stopped_is_not_resumed(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    assert_int_equal(machine_command(&m, "{'do': 'pause', 'stop': true}"), 0);
    assert_refused(&m, "{'do': 'resume'}", "being stopped");
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    assert_refused(&m, "{'do': 'resume'}", "being cancelled");
    machine_fail(&m, "a", "cancelled");
    assert_int_equal(m.run->status, RUN_CANCELLED);
    machine_release(&m);
}

static void waits_for_a_retry_do_not_keep_a_run_from_resting(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    needs: []\n"
                      "    steps: [{ id: a, run: x, retry: { attempts: 2, delay: 60s } }]\n"
                      "  - { id: q, needs: [], steps: [{ id: b, run: x }] }\n");
    machine_fail(&m, "a", "transient");
    machine_fail(&m, "b", "permanent");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason_step, "b");
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_PENDING);
    machine_release(&m);
}

/* Tried once, it waits; with `pause` it went back to pending before. */
static void a_step_that_waited_for_another_try_is_cancelled_with_its_run(void **state)
{
    struct machine m;

    (void)state;
    for (int is_paused = 0; is_paused < 2; is_paused++) {
        machine_begin(&m, "name: w\n"
                          "phases:\n"
                          "  - id: p\n"
                          "    steps: [{ id: a, run: x, retry: { attempts: 2, delay: 60s } },\n"
                          "            { id: b, run: x }]\n");
        machine_fail(&m, "a", "transient");
        if (is_paused) {
            assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
            assert_int_equal(machine_step(&m, "a")->status, STEP_IS_PENDING);
        }
        assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
        assert_int_equal(m.run->status, RUN_CANCELLED);
        assert_int_equal(machine_step(&m, "a")->status, STEP_IS_CANCELLED);
        assert_int_equal(machine_step(&m, "b")->status, STEP_IS_PENDING);
        machine_release(&m);
    }
}

static void cancel_stops_what_runs_and_ends_the_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: a, run: x }, { id: ask, approve: 'Go?' },\n"
                      "            { id: sub, workflow: other }]\n");
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    assert_effects(&m, "stop a | tell sub cancel");
    machine_child(&m, "sub", RUN_CANCELLED);
    machine_fail(&m, "a", "cancelled");
    assert_story_has(&m, "step a cancelled (cancelled) | phase p cancelled | "
                         "run cancelled (asked)");
    assert_int_equal(m.run->under_way, 0);
    assert_refused(&m, "{'do': 'cancel'}", "over already");
    machine_release(&m);
}

static void a_run_that_rests_is_cancelled_at_once(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_fail(&m, "a", "permanent");
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    assert_int_equal(m.run->status, RUN_CANCELLED);
    machine_release(&m);
}

static void nothing_takes_a_cancel_back(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    assert_int_equal(m.run->wish, WISH_CANCEL);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_CANCELLED);
    machine_release(&m);
}

static void a_failure_needs_a_decision_before_the_run_goes_on(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_fail(&m, "a", "permanent");
    assert_refused(&m, "{'do': 'resume'}", "needs a decision");
    assert_non_null(strstr(m.err.hint, "--retry-failed"));
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_effects(&m, "start a");
    machine_release(&m);
}

static void an_approval_is_not_passed_by_a_resume(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: ask, approve: 'Go?' }] }]\n");
    assert_refused(&m, "{'do': 'resume'}", "waits for an approval");
    machine_release(&m);
}

static void only_what_failed_can_be_retried(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_pass(&m, "a");
    machine_fail(&m, "b", "permanent");
    assert_refused(&m, "{'do': 'retry', 'step': 'a'}", "only a failed step can be retried");
    assert_refused(&m, "{'do': 'retry', 'step': 'c'}", "no step \"c\"");
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'b'}"), 0);
    assert_int_equal(machine_step(&m, "b")->attempts, 2);
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    machine_release(&m);
}

static void all_that_failed_is_retried_also_while_one_of_it_is_under_way_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: a, run: x }, { id: b, run: x }, { id: c, run: x }]\n");
    machine_fail(&m, "a", "permanent");
    machine_fail(&m, "b", "permanent");
    machine_pass(&m, "c");
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'b'}"), 0);
    assert_effects(&m, "start b");
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_effects(&m, "start a");
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_effects(&m, "");
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(machine_step(&m, "c")->attempts, 1);
    machine_release(&m);
}

/* Its phase is complete and others have built upon it. */
static void a_failure_that_was_allowed_stays_when_the_failed_part_is_retried(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x, optional: true }] }\n"
                      "  - { id: e, on_failure: continue, steps: [{ id: c, run: x }] }\n"
                      "  - { id: q, steps: [{ id: b, run: x }] }\n");
    machine_fail(&m, "a", "permanent");
    machine_fail(&m, "c", "permanent");
    machine_fail(&m, "b", "permanent");
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_effects(&m, "start b");
    machine_fail(&m, "b", "permanent");
    assert_refused(&m, "{'do': 'retry', 'step': 'a'}", "phase p is completed");
    machine_release(&m);
}

#define EACH                                                                                       \
    "name: w\n"                                                                                    \
    "phases: [{ id: p, steps: [{ id: each, run: x, foreach: [1, 2, 3] }] }]\n"

static void a_list_is_retried_through_its_failed_instances(void **state)
{
    struct machine m;

    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *const commands[] = {"{'do': 'retry', 'step': 'each'}",
                                        "{'do': 'retry', 'step': 'each[1]'}",
                                        "{'do': 'resume', 'retry_failed': true}"};

        machine_begin(&m, EACH);
        machine_pass(&m, "each[0]");
        machine_fail(&m, "each[1]", "permanent");
        machine_pass(&m, "each[2]");
        assert_int_equal(machine_command(&m, commands[i]), 0);
        assert_effects(&m, "start each[1]");
        machine_pass(&m, "each[1]");
        assert_int_equal(m.run->status, RUN_COMPLETED);
        machine_release(&m);
    }
}

static void a_retry_while_others_are_at_work_takes_the_pause_back(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, needs: [], steps: [{ id: a, run: x }] }\n"
                      "  - { id: q, needs: [], steps: [{ id: b, run: x }] }\n");
    machine_fail(&m, "a", "permanent");
    assert_int_equal(m.run->wish, WISH_PAUSE);
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'a'}"), 0);
    assert_int_equal(m.run->wish, WISH_NONE);
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_phase_that_failed_by_its_own_condition_is_asked_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x, format: json }] }\n"
                      "  - { id: q, when: steps.a.output < 3, steps: [{ id: b, run: x }] }\n");
    machine_output(&m, "a", "\"many\"");
    assert_int_equal(m.run->status, RUN_FAILED);
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_story(&m, "reset q (retry) | run running | phase q failed | wish fail (failure) | "
                     "run failed (failure)");
    machine_release(&m);
}

static void a_run_in_which_nothing_failed_has_nothing_to_retry(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    assert_refused(&m, "{'do': 'retry'}", "no step has failed");
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_refused(&m, "{'do': 'retry'}", "only a paused or failed run");
    assert_refused(&m, "{'do': 'resume'}", "only a paused run");
    assert_refused(&m, "{'do': 'pause'}", "only a running run");
    machine_release(&m);
}

static void restoring_resets_the_phases_after_the_checkpoint_and_waits(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_pass(&m, "a");
    machine_fail(&m, "b", "permanent");
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'restore', 'checkpoint': 'p'}"), 0);
    assert_story(&m, "restore p | reset q (restore) | run running | run paused (asked)");
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_effects(&m, "start b");
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    assert_int_equal(machine_step(&m, "b")->attempts, 2);
    machine_release(&m);
}

static void a_run_that_is_over_can_be_restored(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(machine_command(&m, "{'do': 'restore', 'checkpoint': 'p'}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void restoring_in_the_middle_of_a_list_and_a_nested_run_leaves_nothing_behind(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }] }\n"
                      "  - id: q\n"
                      "    mode: parallel\n"
                      "    steps:\n"
                      "      - { id: each, run: x, foreach: [1, 2], width: 1 }\n"
                      "      - { id: ask, approve: 'Go?' }\n"
                      "      - { id: sub, workflow: other }\n");
    machine_pass(&m, "a");
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_child(&m, "sub", RUN_PAUSED);
    machine_pass(&m, "each[0]");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'restore', 'checkpoint': 'p'}"), 0);
    assert_effects(&m, "end sub | rest");
    assert_int_equal(m.run->under_way, 0);
    assert_int_equal(json_object_size(m.run->left), 1);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_story_has(&m, "try each[0] 2");
    machine_release(&m);
}

static void a_checkpoint_has_to_be_there_and_the_run_at_rest(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_pass(&m, "a");
    assert_refused(&m, "{'do': 'restore', 'checkpoint': 'q'}", "no checkpoint \"q\"");
    assert_refused(&m, "{'do': 'restore', 'checkpoint': 'p'}", "pause it before");
    machine_release(&m);
}

static void an_unknown_command_is_refused(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    assert_refused(&m, "{'do': 'dance'}", "unknown command \"dance\"");
    machine_release(&m);
}

/* Nobody carries the run on: the decision is kept, and nothing starts. */
static void a_held_command_changes_the_run_and_starts_nothing(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    machine_fail(&m, "a", "permanent");
    m.is_held = true;
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'a'}"), 0);
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_PENDING);
    assert_effects(&m, "");
    m.is_held = false;
    machine_recover(&m);
    assert_effects(&m, "start a");
    machine_release(&m);
}

static void a_checkpoint_on_request_holds_the_phases_that_are_complete(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }] }\n"
                      "  - { id: q, steps: [{ id: b, run: x }, { id: c, run: x }] }\n");
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'checkpoint', 'name': 'mine', 'by': 'ada'}"), 0);
    assert_story(&m, "checkpoint mine");
    assert_effects(&m, "checkpoint mine");
    machine_pass(&m, "c");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'restore', 'checkpoint': 'mine'}"), 0);
    assert_story(&m, "restore mine | reset q (restore) | run paused (asked)");
    /* It does not name what was reset, so it is still there. */
    assert_int_equal(m.run->checkpoints.count, 2);
    machine_release(&m);
}

static void a_checkpoint_takes_no_name_that_is_taken_or_no_file_name(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    assert_int_equal(machine_command(&m, "{'do': 'checkpoint', 'name': 'mine'}"), 0);
    assert_refused(&m, "{'do': 'checkpoint', 'name': 'mine'}", "a checkpoint mine already");
    assert_refused(&m, "{'do': 'checkpoint', 'name': 'p'}", "a phase p already");
    assert_refused(&m, "{'do': 'checkpoint', 'name': '../x'}", "cannot be called");
    assert_refused(&m, "{'do': 'checkpoint', 'name': '.x'}", "cannot be called");
    assert_refused(&m, "{'do': 'checkpoint'}", "cannot be called");
    machine_release(&m);
}

static void a_failure_can_be_decided_while_others_are_at_work(void **state)
{
    static const char *const commands[] = {"{'do': 'resume', 'retry_failed': true}",
                                           "{'do': 'skip', 'step': 'a', 'reason': 'known'}",
                                           "{'do': 'skip', 'phase': 'p', 'reason': 'known'}"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct machine m;

        machine_begin(&m, "name: w\n"
                          "phases:\n"
                          "  - { id: p, needs: [], steps: [{ id: a, run: x }] }\n"
                          "  - { id: q, needs: [], steps: [{ id: b, run: x }] }\n"
                          "  - { id: r, needs: [q], steps: [{ id: c, run: x }] }\n");
        machine_fail(&m, "a", "permanent");
        /* What is skipped besides does not decide it. */
        assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'c', 'reason': 'r'}"), 0);
        assert_int_equal(m.run->wish, WISH_PAUSE);
        assert_int_equal(machine_command(&m, commands[i]), 0);
        assert_int_equal(m.run->wish, WISH_NONE);
        if (i == 0) {
            machine_pass(&m, "a");
        }
        machine_pass(&m, "b");
        assert_int_equal(m.run->status, RUN_COMPLETED);
        machine_release(&m);
    }
}

static void before_its_beginning_a_run_can_only_be_cancelled(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m, TWO, NULL);
    assert_refused(&m, "{'do': 'retry'}", "only a paused or failed run");
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'checkpoint', 'name': 'mine'}"), 0);
    assert_refused(&m, "{'do': 'restore', 'checkpoint': 'mine'}", "pause it before");
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    assert_int_equal(m.run->status, RUN_CANCELLED);
    machine_release(&m);
}

static void the_name_of_a_checkpoint_can_be_the_name_of_a_file(void **state)
{
    char command[256];
    struct machine m;

    (void)state;
    machine_begin(&m, TWO);
    assert_refused(&m, "{'do': 'checkpoint', 'name': 'a b'}", "cannot be called");
    assert_refused(&m, "{'do': 'checkpoint', 'name': '-a'}", "cannot be called");
    (void)snprintf(command, sizeof(command), "{'do': 'checkpoint', 'name': '%0*d'}", 101, 0);
    assert_refused(&m, command, "cannot be called");
    (void)snprintf(command, sizeof(command), "{'do': 'checkpoint', 'name': '%0*d'}", 100, 0);
    assert_int_equal(machine_command(&m, command), 0);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_waits_for_what_is_under_way),
        cmocka_unit_test(a_pause_that_is_taken_back_in_time_changes_nothing),
        cmocka_unit_test(a_run_that_is_being_stopped_is_not_resumed),
        cmocka_unit_test(waits_for_a_retry_do_not_keep_a_run_from_resting),
        cmocka_unit_test(a_step_that_waited_for_another_try_is_cancelled_with_its_run),
        cmocka_unit_test(cancel_stops_what_runs_and_ends_the_run),
        cmocka_unit_test(a_run_that_rests_is_cancelled_at_once),
        cmocka_unit_test(nothing_takes_a_cancel_back),
        cmocka_unit_test(a_failure_needs_a_decision_before_the_run_goes_on),
        cmocka_unit_test(an_approval_is_not_passed_by_a_resume),
        cmocka_unit_test(only_what_failed_can_be_retried),
        cmocka_unit_test(all_that_failed_is_retried_also_while_one_of_it_is_under_way_again),
        cmocka_unit_test(a_failure_that_was_allowed_stays_when_the_failed_part_is_retried),
        cmocka_unit_test(a_list_is_retried_through_its_failed_instances),
        cmocka_unit_test(a_retry_while_others_are_at_work_takes_the_pause_back),
        cmocka_unit_test(a_phase_that_failed_by_its_own_condition_is_asked_again),
        cmocka_unit_test(a_run_in_which_nothing_failed_has_nothing_to_retry),
        cmocka_unit_test(restoring_resets_the_phases_after_the_checkpoint_and_waits),
        cmocka_unit_test(a_run_that_is_over_can_be_restored),
        cmocka_unit_test(restoring_in_the_middle_of_a_list_and_a_nested_run_leaves_nothing_behind),
        cmocka_unit_test(a_checkpoint_has_to_be_there_and_the_run_at_rest),
        cmocka_unit_test(an_unknown_command_is_refused),
        cmocka_unit_test(a_held_command_changes_the_run_and_starts_nothing),
        cmocka_unit_test(a_checkpoint_on_request_holds_the_phases_that_are_complete),
        cmocka_unit_test(a_checkpoint_takes_no_name_that_is_taken_or_no_file_name),
        cmocka_unit_test(a_failure_can_be_decided_while_others_are_at_work),
        cmocka_unit_test(before_its_beginning_a_run_can_only_be_cancelled),
        cmocka_unit_test(the_name_of_a_checkpoint_can_be_the_name_of_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
