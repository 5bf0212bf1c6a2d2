/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ASK                                                                                        \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - id: p\n"                                                                                  \
    "    mode: parallel\n"                                                                         \
    "    steps: [{ id: one, approve: 'One?' }, { id: two, approve: 'Two?' }]\n"

static void an_approval_goes_on_with_the_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: ask, approve: 'Go?' },\n"
                      "                          { id: a, run: x }] }]\n");
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'comment': 'fine'}"), 0);
    assert_story(&m, "run running | answer ask approved (anna) | step ask completed | try a 1");
    machine_release(&m);
}

static void a_rejection_fails_the_step_and_says_by_whom_and_why(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASK);
    assert_int_equal(machine_command(&m, "{'do': 'reject', 'step': 'one', 'comment': 'not yet'}"),
                     0);
    assert_string_equal(machine_step(&m, "one")->error, "rejected by anna: not yet");
    assert_int_equal(machine_step(&m, "one")->class_, CLASS_REFUSED);
    machine_release(&m);
}

static void which_one_has_to_be_said_when_several_wait(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASK);
    assert_refused(&m, "{'do': 'approve'}", "several approvals");
    assert_refused(&m, "{'do': 'approve', 'step': 'zz'}", "step zz does not wait");
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'step': 'two'}"), 0);
    assert_refused(&m, "{'do': 'approve', 'step': 'two'}", "step two does not wait");
    assert_int_equal(machine_command(&m, "{'do': 'approve'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void an_answer_that_comes_late_is_none(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: ask, approve: 'Go?', timeout: 1h }] }]\n");
    m.now = machine_step(&m, "ask")->until;
    assert_refused(&m, "{'do': 'approve'}", "step ask waited for an answer until");
    assert_refused(&m, "{'do': 'reject', 'step': 'ask'}", "step ask waited for an answer until");
    /* It is known to expressions, but answers nothing. */
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'ask'}"), 0);
    assert_int_equal(machine_step(&m, "ask")->waiting, WAITING_APPROVAL);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_string_equal(machine_step(&m, "ask")->error, "nobody answered in time");
    machine_release(&m);
}

static void a_run_paused_for_another_reason_stays_paused(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: ask, approve: 'Go?' }, { id: a, run: x }]\n");
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'approve'}"), 0);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_signal_with_a_value_can_be_read_by_expressions(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    steps: [{ id: a, run: x },\n"
                      "            { id: b, run: x, when: signals.design.level == 2 }]\n");
    assert_int_equal(
        machine_command(&m, "{'do': 'signal', 'name': 'design', 'value': {'level': 2}}"), 0);
    machine_pass(&m, "a");
    assert_effects(&m, "start b");
    machine_release(&m);
}

static void a_signal_answers_the_step_of_its_name(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASK);
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'one-approved'}"), 0);
    assert_int_equal(machine_step(&m, "one")->status, STEP_IS_COMPLETED);
    assert_int_equal(machine_step(&m, "two")->waiting, WAITING_APPROVAL);
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'two', 'value': false}"), 0);
    assert_int_equal(machine_step(&m, "two")->status, STEP_IS_FAILED);
    machine_release(&m);
}

static void a_signal_needs_a_name_and_a_run_that_goes_on(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    assert_refused(&m, "{'do': 'signal'}", "needs a name");
    assert_refused(&m, "{'do': 'signal', 'name': ''}", "needs a name");
    machine_pass(&m, "a");
    assert_refused(&m, "{'do': 'signal', 'name': 'late'}", "takes no signals");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_goes_on_with_the_run),
        cmocka_unit_test(a_rejection_fails_the_step_and_says_by_whom_and_why),
        cmocka_unit_test(which_one_has_to_be_said_when_several_wait),
        cmocka_unit_test(an_answer_that_comes_late_is_none),
        cmocka_unit_test(a_run_paused_for_another_reason_stays_paused),
        cmocka_unit_test(a_signal_with_a_value_can_be_read_by_expressions),
        cmocka_unit_test(a_signal_answers_the_step_of_its_name),
        cmocka_unit_test(a_signal_needs_a_name_and_a_run_that_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
