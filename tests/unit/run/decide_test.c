/* SPDX-License-Identifier: MIT */
#include "run/decide.h"

#include "../../support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TWO_PHASES                                                                                 \
    "phases:\n"                                                                                    \
    "  - { id: p, steps: [{ id: a, run: 'true' }] }\n"                                             \
    "  - { id: q, steps: [{ id: b, run: 'true' }] }\n"

static void a_run_goes_from_phase_to_phase_and_completes(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n" TWO_PHASES);
    assert_story(&m, "run running | phase p running (steps) | try a 1");
    assert_effects(&m, "start a");
    machine_pass(&m, "a");
    assert_story(&m, "end a 1 none | step a completed | phase p completed | checkpoint p | "
                     "phase q running (steps) | try b 1");
    assert_effects(&m, "checkpoint p | start b");
    machine_pass(&m, "b");
    assert_story(&m, "end b 1 none | step b completed | phase q completed | checkpoint q | "
                     "run completed");
    assert_effects(&m, "checkpoint q | rest");
    machine_release(&m);
}

static void a_run_begins_once(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n" TWO_PHASES);
    (void)machine_story(&m);
    (void)machine_event(&m, (struct event){.kind = EVENT_BEGIN});
    assert_story(&m, "");
    machine_release(&m);
}

static void a_pause_asked_for_before_the_beginning_holds(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m, "name: w\n" TWO_PHASES, NULL);
    m.is_held = true;
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    m.is_held = false;
    (void)machine_event(&m, (struct event){.kind = EVENT_BEGIN});
    assert_story(&m, "wish pause (asked) | run running | wish pause (asked) | run paused (asked)");
    machine_release(&m);
}

static void a_whole_run_is_iterated_until_its_condition_holds(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "iterate: { max: 3, until: steps.b.output.left == 0 }\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: 'true' }] }\n"
                      "  - id: q\n"
                      "    steps: [{ id: b, run: 'true', format: json }]\n");
    machine_pass(&m, "a");
    (void)machine_story(&m);
    machine_output(&m, "b", "{\"left\": 2}");
    assert_story(
        &m,
        "end b 1 none | step b completed | phase q completed | checkpoint q | "
        "iterate 2 | reset p (iterate) | reset q (iterate) | phase p running (steps) | try a 2");
    machine_pass(&m, "a");
    machine_output(&m, "b", "{\"left\": 0}");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(m.run->iteration, 2);
    machine_release(&m);
}

static void the_iterations_of_a_run_are_bounded(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "iterate: { max: 2, until: inputs.done }\n"
                      "inputs: { done: { type: boolean, default: false } }\n"
                      "phases: [{ id: p, steps: [{ id: a, run: 'true' }] }]\n");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

/* A phase's own iterations count anew in each iteration of the run. */
static void a_phase_iterates_again_in_the_next_iteration_of_the_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "iterate: { max: 2 }\n"
                      "phases:\n"
                      "  - { id: p, iterate: { max: 2 }, steps: [{ id: a, run: 'true' }] }\n");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(m.run->status, RUN_RUNNING);
        machine_pass(&m, "a");
    }
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(machine_step(&m, "a")->attempts, 4);
    machine_release(&m);
}

static void a_condition_that_cannot_be_worked_out_fails_the_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "iterate: { max: 2, until: steps.a.output < 3 }\n"
                      "phases: [{ id: p, steps: [{ id: a, run: 'true', format: json }] }]\n");
    machine_output(&m, "a", "\"many\"");
    assert_int_equal(m.run->status, RUN_FAILED);
    assert_non_null(strstr(m.run->detail, "iterate: until:"));
    machine_release(&m);
}

/* A text of which only the digest is known must not be taken for a short one. */
static void an_output_that_cannot_be_read_is_an_error_not_an_answer(void **state)
{
    struct machine m;
    json_t *output = json_pack("{s:i, s:s}", "bytes", 5000, "digest", "abc");

    (void)state;
    machine_begin(&m, "name: w\n"
                      "iterate: { max: 2, until: 'steps.a.output == 3' }\n"
                      "phases: [{ id: p, steps: [{ id: a, run: 'true' }] }]\n");
    (void)machine_event(&m, (struct event){.kind = EVENT_ATTEMPT_ENDED,
                                           .step = "a",
                                           .attempt = 1,
                                           .outcome = {.output = output}});
    assert_int_equal(m.run->status, RUN_FAILED);
    assert_non_null(strstr(m.run->detail, "output of step a cannot be read"));
    json_decref(output);
    machine_release(&m);
}

static void the_suggestions_of_a_long_review_are_counted_when_it_is_kept(void **state)
{
    struct machine m;
    json_t *output = json_pack("{s:i, s:s, s:i}", "bytes", 5000, "digest", "abc", "list_items", 9);

    (void)state;
    machine_begin(&m, "name: w\n"
                      "iterate: { max: 2, until: steps.a.suggestions <= 3 }\n"
                      "phases: [{ id: p, steps: [{ id: a, run: 'true' }] }]\n");
    (void)machine_event(&m, (struct event){.kind = EVENT_ATTEMPT_ENDED,
                                           .step = "a",
                                           .attempt = 1,
                                           .outcome = {.output = output}});
    assert_int_equal(m.run->status, RUN_RUNNING);
    assert_int_equal(m.run->iteration, 2);
    json_decref(output);
    machine_release(&m);
}

static void the_time_limit_of_a_run_stops_its_steps_and_fails_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\ntimeout: 10s\n" TWO_PHASES);
    assert_effects(&m, "timer +10000 | start a");
    machine_wait(&m, 9999);
    assert_effects(&m, "");
    (void)machine_story(&m);
    machine_wait(&m, 1);
    assert_effects(&m, "stop a");
    machine_fail(&m, "a", "cancelled");
    assert_story(&m, "wish fail (timeout) | end a 1 cancelled | step a pending | phase p paused | "
                     "run failed (timeout)");
    machine_release(&m);
}

static void a_run_that_reached_its_time_limit_can_be_taken_up_with_a_new_one(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\ntimeout: 10s\n" TWO_PHASES);
    machine_wait(&m, 10000);
    machine_fail(&m, "a", "cancelled");
    machine_wait(&m, 50000);
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_effects(&m, "timer +10000 | start a");
    machine_wait(&m, 5000);
    assert_int_equal(m.run->wish, WISH_NONE);
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void the_time_in_which_a_run_rests_does_not_count(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\ntimeout: 10s\n" TWO_PHASES);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_wait(&m, 4000);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_wait(&m, 3600000);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_effects(&m, "timer +6000 | start b");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void after_a_crash_everything_under_way_is_asked_for_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "phases:\n"
                  "  - id: p\n"
                  "    mode: parallel\n"
                  "    timeout: 1h\n"
                  "    steps:\n"
                  "      - { id: command, run: 'true' }\n"
                  "      - { id: inline, use: noop }\n"
                  "      - { id: agent, prompt: go, strategy: static, static: { run: 'true' } }\n"
                  "      - { id: analysis, use: inventory }\n"
                  "      - { id: wait, run: 'true', retry: { attempts: 2, delay: 5s,\n"
                  "                                          jitter: false } }\n"
                  "      - { id: ask, approve: 'Go?' }\n"
                  "      - { id: nested, workflow: other }\n");
    machine_fail(&m, "wait", "transient");
    machine_recover(&m);
    assert_effects(&m, "recover command | start inline | recover agent | prepare analysis | "
                       "timer wait +5000 | child nested | timer +3600000");
    machine_release(&m);
}

static void a_static_alternative_is_prepared_as_such_after_a_crash(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    steps:\n"
                      "      - { id: a, prompt: go, strategy: static,\n"
                      "          static: { use: inventory } }\n");
    assert_effects(&m, "prepare a static");
    machine_recover(&m);
    assert_effects(&m, "prepare a static");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void events_that_no_longer_fit_change_nothing(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n" TWO_PHASES);
    machine_pass(&m, "a");
    (void)machine_story(&m);
    (void)machine_event(&m, (struct event){.kind = EVENT_ATTEMPT_ENDED, .step = "a", .attempt = 1});
    (void)machine_event(&m, (struct event){.kind = EVENT_ATTEMPT_ENDED, .step = "b", .attempt = 2});
    (void)machine_event(&m, (struct event){.kind = EVENT_ATTEMPT_ENDED, .step = "nobody"});
    (void)machine_event(&m, (struct event){.kind = EVENT_PREPARED, .step = "b"});
    (void)machine_event(&m, (struct event){.kind = EVENT_TIMER, .step = "b"});
    (void)machine_event(&m, (struct event){.kind = EVENT_TIMER});
    (void)machine_event(&m, (struct event){.kind = EVENT_CHILD, .step = "b", .child = "wf_0"});
    assert_story(&m, "");
    machine_release(&m);
}

static void the_concurrency_of_a_run_holds_over_its_phases(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "concurrency: 2\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: a, run: 'true' }, { id: b, run: 'true' }]\n"
                      "  - { id: q, needs: [], steps: [{ id: c, run: 'true' }] }\n");
    assert_effects(&m, "start a | start b");
    machine_pass(&m, "b");
    assert_effects(&m, "start c");
    machine_release(&m);
}

static void a_blocked_phase_is_skipped_wherever_the_workflow_names_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "on_failure: fail\n"
                  "phases:\n"
                  "  - { id: p, needs: [], steps: [{ id: a, run: x }] }\n"
                  "  - { id: last, needs: [far], trigger: all_done, steps: [{ id: d, run: x }] }\n"
                  "  - { id: far, needs: [near], steps: [{ id: c, run: x }] }\n"
                  "  - { id: near, needs: [p], steps: [{ id: b, run: x }] }\n");
    machine_fail(&m, "a", "permanent");
    assert_story_has(&m, "phase near skipped | phase far skipped | phase last running (steps)");
    assert_int_equal(machine_step(&m, "d")->waiting, WAITING_ATTEMPT);
    machine_pass(&m, "d");
    assert_int_equal(m.run->status, RUN_FAILED);
    machine_release(&m);
}

static void after_a_crash_the_host_is_looked_at_again_while_the_run_goes_on(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: a, prompt: Do it }, { id: b, run: x }]\n");
    machine_host(&m, "a");
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_recover(&m);
    assert_effects(&m, "recover a | recover b");
    machine_host(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_recover(&m);
    assert_effects(&m, "");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_goes_from_phase_to_phase_and_completes),
        cmocka_unit_test(a_run_begins_once),
        cmocka_unit_test(a_pause_asked_for_before_the_beginning_holds),
        cmocka_unit_test(a_whole_run_is_iterated_until_its_condition_holds),
        cmocka_unit_test(the_iterations_of_a_run_are_bounded),
        cmocka_unit_test(a_phase_iterates_again_in_the_next_iteration_of_the_run),
        cmocka_unit_test(a_condition_that_cannot_be_worked_out_fails_the_run),
        cmocka_unit_test(an_output_that_cannot_be_read_is_an_error_not_an_answer),
        cmocka_unit_test(the_suggestions_of_a_long_review_are_counted_when_it_is_kept),
        cmocka_unit_test(the_time_limit_of_a_run_stops_its_steps_and_fails_it),
        cmocka_unit_test(a_run_that_reached_its_time_limit_can_be_taken_up_with_a_new_one),
        cmocka_unit_test(the_time_in_which_a_run_rests_does_not_count),
        cmocka_unit_test(after_a_crash_everything_under_way_is_asked_for_again),
        cmocka_unit_test(a_static_alternative_is_prepared_as_such_after_a_crash),
        cmocka_unit_test(events_that_no_longer_fit_change_nothing),
        cmocka_unit_test(the_concurrency_of_a_run_holds_over_its_phases),
        cmocka_unit_test(a_blocked_phase_is_skipped_wherever_the_workflow_names_it),
        cmocka_unit_test(after_a_crash_the_host_is_looked_at_again_while_the_run_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
