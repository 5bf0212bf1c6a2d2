/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PHASE(steps) "name: w\nphases:\n  - id: p\n    steps:\n" steps
#define PARALLEL(steps) "name: w\nphases:\n  - id: p\n    mode: parallel\n    steps:\n" steps

static void a_step_waits_for_what_it_needs(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, PARALLEL("      - { id: a, run: x }\n"
                               "      - { id: b, run: x }\n"
                               "      - { id: c, run: x, needs: [a, b] }\n"));
    assert_effects(&m, "start a | start b");
    machine_pass(&m, "b");
    assert_effects(&m, "");
    machine_pass(&m, "a");
    assert_effects(&m, "start c");
    machine_release(&m);
}

static void a_step_whose_condition_is_false_is_skipped_and_good_enough(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, PHASE("      - { id: a, run: x, format: json }\n"
                            "      - { id: b, run: x, when: steps.a.output.deep }\n"
                            "      - { id: c, run: x }\n"));
    machine_output(&m, "a", "{\"deep\": false}");
    assert_story_has(&m, "step b skipped | try c 1");
    assert_string_equal(machine_step(&m, "b")->reason, "when: steps.a.output.deep is false");
    machine_release(&m);
}

static void a_condition_that_cannot_be_worked_out_fails_its_step(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, PHASE("      - { id: a, run: x, format: json }\n"
                            "      - { id: b, run: x, when: steps.a.output < 3 }\n"));
    machine_output(&m, "a", "\"many\"");
    assert_story_has(&m, "step b failed (permanent) | phase p failed");
    assert_non_null(strstr(machine_step(&m, "b")->error, "when: "));
    machine_release(&m);
}

static void an_optional_step_fails_alone(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, PHASE("      - { id: a, run: x, optional: true }\n"
                            "      - { id: b, run: x }\n"));
    machine_fail(&m, "a", "permanent");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_FAILED);
    machine_release(&m);
}

static void what_needs_a_failed_step_does_not_start(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, PARALLEL("      - { id: a, run: x }\n"
                               "      - { id: b, run: x, needs: [a] }\n"));
    machine_fail(&m, "a", "permanent");
    assert_int_equal(machine_step(&m, "b")->status, STEP_IS_PENDING);
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
}

static void all_done_follows_a_failure(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, PARALLEL("      - { id: a, run: x }\n"
                               "      - { id: b, run: x, needs: [a], trigger: all_done }\n"));
    machine_fail(&m, "a", "permanent");
    assert_effects(&m, "start b");
    machine_pass(&m, "b");
    assert_story_has(&m, "phase p failed");
    machine_release(&m);
}

/* The need of the last step can never start, so it is over as well. */
static void all_done_follows_behind_steps_that_can_never_start(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, PARALLEL("      - { id: a, run: x }\n"
                               "      - { id: b, run: x, needs: [a] }\n"
                               "      - { id: c, run: x, needs: [b] }\n"
                               "      - { id: d, run: x, needs: [c], trigger: all_done }\n"
                               "      - { id: e, run: x, needs: [d], trigger: all_done }\n"));
    machine_fail(&m, "a", "permanent");
    assert_effects(&m, "start d");
    machine_pass(&m, "d");
    assert_effects(&m, "start e");
    machine_pass(&m, "e");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason_step, "a");
    machine_release(&m);
}

static void one_success_needs_one_success(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, PARALLEL("      - { id: a, run: x }\n"
                               "      - { id: b, run: x }\n"
                               "      - { id: c, run: x, needs: [a, b], trigger: one_success }\n"
                               "      - { id: d, run: x, needs: [a], trigger: one_success }\n"));
    machine_fail(&m, "a", "permanent");
    assert_effects(&m, "");
    machine_pass(&m, "b");
    assert_effects(&m, "start c");
    machine_pass(&m, "c");
    assert_int_equal(machine_step(&m, "d")->status, STEP_IS_PENDING);
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
}

#define EACH                                                                                       \
    PHASE("      - { id: list, run: x, format: json }\n"                                           \
          "      - { id: each, run: x, foreach: steps.list.output, width: 2 }\n"                   \
          "      - { id: after, run: x }\n")

static void a_list_makes_instances_and_keeps_to_its_width(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, EACH);
    machine_output(&m, "list", "[1, 2, 3]");
    assert_story_has(&m, "expand each 3 | try each[0] 1 | try each[1] 1");
    assert_effects(&m, "start each[0] | start each[1]");
    machine_pass(&m, "each[1]");
    assert_effects(&m, "start each[2]");
    machine_pass(&m, "each[0]");
    machine_pass(&m, "each[2]");
    assert_story_has(&m, "step each[2] completed | step each completed | try after 1");
    machine_release(&m);
}

static void an_empty_list_is_done_at_once(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, EACH);
    machine_output(&m, "list", "[]");
    assert_story_has(&m, "expand each | step each completed | try after 1");
    machine_release(&m);
}

static void what_is_no_list_fails_the_step(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, EACH);
    machine_output(&m, "list", "{\"a\": 1}");
    assert_string_equal(machine_step(&m, "each")->error,
                        "foreach: the expression did not give a list");
    machine_release(&m);
}

static void a_list_that_cannot_be_worked_out_fails_the_step(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, PHASE("      - { id: list, run: x, format: json }\n"
                            "      - { id: each, run: x, foreach: \"steps.list.output < 1\" }\n"));
    machine_output(&m, "list", "[1, 2, 3]");
    assert_non_null(strstr(machine_step(&m, "each")->error, "foreach: "));
    assert_null(strstr(machine_step(&m, "each")->error, "did not give a list"));
    machine_release(&m);
}

static void a_failed_instance_fails_its_list_after_the_others(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, EACH);
    machine_output(&m, "list", "[1, 2, 3]");
    machine_fail(&m, "each[0]", "permanent");
    assert_int_equal(machine_step(&m, "each")->status, STEP_IS_RUNNING);
    machine_pass(&m, "each[1]");
    machine_pass(&m, "each[2]");
    assert_string_equal(machine_step(&m, "each")->error, "1 of 3 instances failed");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
}

static void the_steps_of_a_run_are_bounded(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m, EACH, NULL);
    m.limits.steps_max = 5;
    (void)machine_event(&m, (struct event){.kind = EVENT_BEGIN});
    machine_output(&m, "list", "[1, 2, 3]");
    assert_non_null(strstr(machine_step(&m, "each")->error, "limit of 5 steps"));
    machine_release(&m);
}

/* Instances of an earlier round are used again, not made and counted anew. */
static void another_round_of_a_list_does_not_count_twice(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m,
                 "name: w\n"
                 "phases:\n"
                 "  - id: p\n"
                 "    iterate: { max: 3 }\n"
                 "    steps: [{ id: each, run: x, foreach: [1, 2, 3] }]\n",
                 NULL);
    m.limits.steps_max = 4;
    (void)machine_event(&m, (struct event){.kind = EVENT_BEGIN});
    for (int i = 0; i < 3; i++) {
        machine_pass(&m, "each[0]");
        machine_pass(&m, "each[1]");
        machine_pass(&m, "each[2]");
    }
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(m.run->steps_total, 4);
    machine_release(&m);
}

static void a_list_goes_on_after_a_crash_where_it_was(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, EACH);
    machine_output(&m, "list", "[1, 2, 3, 4]");
    machine_pass(&m, "each[0]");
    machine_recover(&m);
    assert_effects(&m, "recover each[1] | recover each[2]");
    machine_pass(&m, "each[1]");
    assert_effects(&m, "start each[3]");
    machine_release(&m);
}

static void ready_steps_are_found_again_from_the_state_alone(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    width: 1\n"
                      "    steps: [{ id: a, run: x }, { id: b, run: x }]\n");
    machine_recover(&m);
    machine_pass(&m, "a");
    assert_effects(&m, "start b");
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

static void a_retry_whose_place_was_taken_waits_for_a_free_one(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "concurrency: 1\n"
                  "phases:\n"
                  "  - id: p\n"
                  "    mode: parallel\n"
                  "    steps:\n"
                  "      - { id: a, run: 'true', retry: { attempts: 2, delay: 1s, backoff: fixed,"
                  " jitter: false } }\n"
                  "      - { id: b, run: 'true' }\n");
    machine_fail(&m, "a", "transient");
    assert_int_equal(machine_step(&m, "b")->waiting, WAITING_ATTEMPT);
    machine_wait(&m, 1000);
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_PENDING);
    assert_int_equal(m.run->running, 1);
    machine_pass(&m, "b");
    assert_int_equal(machine_step(&m, "a")->attempts, 2);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void instances_that_are_retried_keep_the_width_of_their_step(void **state)
{
    struct machine m;

    (void)state;
    fail_three(&m);
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_effects(&m, "start a[0]");
    machine_pass(&m, "a[0]");
    assert_effects(&m, "start a[1]");
    machine_pass(&m, "a[1]");
    machine_pass(&m, "a[2]");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void one_good_need_is_enough_when_the_other_can_never_start(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps:\n"
                      "      - { id: a, run: x }\n"
                      "      - { id: b, run: x, needs: [a] }\n"
                      "      - { id: c, run: x }\n"
                      "      - { id: d, run: x, needs: [b, c], trigger: one_success }\n"
                      "      - { id: e, run: x, needs: [b], trigger: one_success }\n");
    machine_pass(&m, "c");
    assert_effects(&m, "");
    machine_fail(&m, "a", "permanent");
    assert_effects(&m, "start d");
    machine_pass(&m, "d");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_step(&m, "e")->status, STEP_IS_PENDING);
    machine_release(&m);
}

static void a_step_that_needs_nothing_starts_whatever_its_trigger(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: a, run: x, needs: [], trigger: one_success }]\n");
    assert_effects(&m, "start a");
    machine_release(&m);
}

static void fix_steps_that_a_pause_parted_go_on_one_after_the_other(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: adaptive\n"
                      "    steps: [{ id: a, run: x }]\n"
                      "    fix: [{ id: f, run: x }, { id: g, run: x }]\n");
    machine_fail(&m, "a", "permanent");
    assert_effects(&m, "start f");
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_pass(&m, "f");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_effects(&m, "start g");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_waits_for_what_it_needs),
        cmocka_unit_test(a_step_whose_condition_is_false_is_skipped_and_good_enough),
        cmocka_unit_test(a_condition_that_cannot_be_worked_out_fails_its_step),
        cmocka_unit_test(an_optional_step_fails_alone),
        cmocka_unit_test(what_needs_a_failed_step_does_not_start),
        cmocka_unit_test(all_done_follows_a_failure),
        cmocka_unit_test(all_done_follows_behind_steps_that_can_never_start),
        cmocka_unit_test(one_success_needs_one_success),
        cmocka_unit_test(a_list_makes_instances_and_keeps_to_its_width),
        cmocka_unit_test(an_empty_list_is_done_at_once),
        cmocka_unit_test(what_is_no_list_fails_the_step),
        cmocka_unit_test(a_list_that_cannot_be_worked_out_fails_the_step),
        cmocka_unit_test(a_failed_instance_fails_its_list_after_the_others),
        cmocka_unit_test(the_steps_of_a_run_are_bounded),
        cmocka_unit_test(another_round_of_a_list_does_not_count_twice),
        cmocka_unit_test(a_list_goes_on_after_a_crash_where_it_was),
        cmocka_unit_test(ready_steps_are_found_again_from_the_state_alone),
        cmocka_unit_test(a_retry_whose_place_was_taken_waits_for_a_free_one),
        cmocka_unit_test(instances_that_are_retried_keep_the_width_of_their_step),
        cmocka_unit_test(one_good_need_is_enough_when_the_other_can_never_start),
        cmocka_unit_test(a_step_that_needs_nothing_starts_whatever_its_trigger),
        cmocka_unit_test(fix_steps_that_a_pause_parted_go_on_one_after_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
