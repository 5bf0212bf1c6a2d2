/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_options(const struct machine *m, const char *expected)
{
    json_t *options = run_options(m->run);
    struct strbuf text;
    size_t index;
    json_t *option;

    strbuf_init(&text, 4096);
    json_array_foreach(options, index, option)
    {
        strbuf_addf(&text, "%s%s", index > 0 ? " | " : "", json_get_text(option, "command", ""));
        assert_non_null(json_get_text(option, "help", NULL));
    }
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(options);
}

static void a_failed_step_can_be_retried_skipped_or_the_run_cancelled(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    machine_fail(&m, "a", "permanent");
    expect_options(&m, "fermata resume wf_000000000001 --retry-failed | "
                       "fermata skip wf_000000000001 a --reason \"...\" --resume | "
                       "fermata cancel wf_000000000001");
    machine_release(&m);
}

static void skipping_is_offered_only_where_it_is_allowed(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: a, run: x, allow_skip: false }] }]\n");
    machine_fail(&m, "a", "permanent");
    expect_options(&m, "fermata resume wf_000000000001 --retry-failed | "
                       "fermata cancel wf_000000000001");
    machine_release(&m);
}

static void a_gate_is_offered_by_its_phase(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "gates: { g: { allow_skip: true, commands: [{ run: x }] } }\n"
                      "phases: [{ id: p, gate: g }]\n");
    machine_check(&m, "gate:p:0", VERDICT_FAIL);
    expect_options(&m, "fermata resume wf_000000000001 --retry-failed | "
                       "fermata skip wf_000000000001 --gate p --reason \"...\" --resume | "
                       "fermata cancel wf_000000000001");
    machine_release(&m);
}

static void each_of_several_failed_steps_can_be_retried_or_skipped_alone(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, mode: parallel, steps: [{ id: a, run: x },"
                      " { id: b, run: x, allow_skip: false }, { id: c, run: x }] }]\n");
    machine_fail(&m, "a", "permanent");
    machine_pass(&m, "c");
    machine_fail(&m, "b", "permanent");
    expect_options(&m, "fermata resume wf_000000000001 --retry-failed | "
                       "fermata retry wf_000000000001 a --resume | "
                       "fermata skip wf_000000000001 a --reason \"...\" --resume | "
                       "fermata retry wf_000000000001 b --resume | "
                       "fermata cancel wf_000000000001");
    /* What was offered can be done, and leaves the other to be decided. */
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a', 'reason': 'known'}"), 0);
    expect_options(&m, "fermata resume wf_000000000001 --retry-failed | "
                       "fermata cancel wf_000000000001");
    machine_release(&m);
}

static void of_many_failed_steps_three_are_named(void **state)
{
    struct machine m;
    json_t *options;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, mode: parallel, steps: [{ id: a, run: x },"
                      " { id: b, run: x }, { id: c, run: x }, { id: d, run: x },"
                      " { id: e, run: x }] }]\n");
    for (const char *key = "edcba"; *key; key++) {
        machine_fail(&m, (char[]){*key, '\0'}, "permanent");
    }
    options = run_options(m.run);
    /* all; two for each of three; how many more; cancel */
    assert_int_equal(json_array_size(options), 9);
    assert_string_equal(json_get_text(json_array_get(options, 5), "command", ""),
                        "fermata retry wf_000000000001 c --resume");
    assert_string_equal(json_get_text(json_array_get(options, 7), "command", ""),
                        "fermata show wf_000000000001");
    assert_string_equal(json_get_text(json_array_get(options, 7), "help", ""),
                        "and 2 more that failed");
    json_decref(options);
    machine_release(&m);
}

static void of_many_failed_gates_three_are_named(void **state)
{
    static const char *const checks[] = {"gate:a:0", "gate:b:0", "gate:c:0", "gate:d:0"};
    struct machine m;
    json_t *options;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "gates: { g: { allow_skip: true, commands: [{ run: x }] } }\n"
                      "phases: [{ id: a, gate: g }, { id: b, needs: [], gate: g },"
                      " { id: c, needs: [], gate: g }, { id: d, needs: [], gate: g }]\n");
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        machine_prepare(&m, checks[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        machine_check(&m, checks[i], VERDICT_FAIL);
    }
    options = run_options(m.run);
    /* all; one for each of three; how many more; cancel */
    assert_int_equal(json_array_size(options), 6);
    assert_string_equal(json_get_text(json_array_get(options, 4), "help", ""),
                        "and 1 more that failed");
    json_decref(options);
    machine_release(&m);
}

static void a_list_is_offered_by_its_failed_instance_or_as_a_whole(void **state)
{
    static const char *const workflow = "name: w\nphases: [{ id: p, steps: [{ id: each, run: x,"
                                        " foreach: [u, v] }] }]\n";
    struct machine m;

    (void)state;
    machine_begin(&m, workflow);
    machine_pass(&m, "each[0]");
    machine_fail(&m, "each[1]", "permanent");
    expect_options(&m, "fermata resume wf_000000000001 --retry-failed | "
                       "fermata skip wf_000000000001 'each[1]' --reason \"...\" --resume | "
                       "fermata cancel wf_000000000001");
    machine_release(&m);
    machine_begin(&m, workflow);
    machine_fail(&m, "each[0]", "permanent");
    machine_fail(&m, "each[1]", "permanent");
    expect_options(&m, "fermata resume wf_000000000001 --retry-failed | "
                       "fermata skip wf_000000000001 each --reason \"...\" --resume | "
                       "fermata cancel wf_000000000001");
    machine_release(&m);
}

static void a_gate_and_a_step_that_failed_beside_it_are_both_offered(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "gates: { g: { allow_skip: true, commands: [{ run: x }, { run: y }] } }\n"
                      "phases:\n"
                      "  - { id: p, needs: [], gate: g }\n"
                      "  - { id: q, needs: [], steps: [{ id: b, run: x }] }\n");
    machine_check(&m, "gate:p:0", VERDICT_FAIL);
    machine_check(&m, "gate:p:1", VERDICT_FAIL);
    machine_fail(&m, "b", "permanent");
    expect_options(&m, "fermata resume wf_000000000001 --retry-failed | "
                       "fermata retry wf_000000000001 b --resume | "
                       "fermata skip wf_000000000001 b --reason \"...\" --resume | "
                       "fermata skip wf_000000000001 --gate p --reason \"...\" --resume | "
                       "fermata cancel wf_000000000001");
    machine_release(&m);
}

static void approvals_are_offered_one_by_one(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: ask, approve: 'Go?' }] }]\n");
    expect_options(&m, "fermata approve wf_000000000001 ask | "
                       "fermata reject wf_000000000001 ask | fermata cancel wf_000000000001");
    machine_release(&m);
}

static void a_nested_run_that_waits_is_named(void **state)
{
    struct machine m;
    char expected[256];

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: sub, workflow: other }] }]\n");
    machine_child(&m, "sub", RUN_PAUSED);
    (void)snprintf(expected, sizeof(expected),
                   "fermata status %s | fermata resume wf_000000000001 | "
                   "fermata cancel wf_000000000001",
                   machine_step(&m, "sub")->child);
    expect_options(&m, expected);
    machine_release(&m);
}

static void what_rests_on_request_goes_on(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x },"
                      " { id: b, run: x }] }]\n");
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_pass(&m, "a");
    expect_options(&m, "fermata resume wf_000000000001 | fermata cancel wf_000000000001");
    machine_release(&m);
}

static void a_completed_run_offers_nothing(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    machine_pass(&m, "a");
    expect_options(&m, "");
    machine_release(&m);
}

static void expect_live(const struct machine *m, bool is_owned, const char *expected)
{
    json_t *options = json_array();

    run_add_live_options(m->run, is_owned, options);
    assert_string_equal(json_get_text(json_array_get(options, 0), "command", ""), expected);
    json_decref(options);
}

static void a_run_under_way_is_paused_or_taken_over_by_whether_somebody_carries_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    expect_live(&m, true, "fermata pause wf_000000000001");
    expect_live(&m, false, "fermata resume wf_000000000001");
    machine_fail(&m, "a", "permanent");
    expect_live(&m, false, "");
    machine_release(&m);
}

static void a_failure_beside_steps_at_work_can_be_decided_at_once(void **state)
{
    json_t *options = json_array();
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, needs: [], steps: [{ id: a, run: x }] }\n"
                      "  - { id: q, needs: [], steps: [{ id: b, run: x }] }\n");
    machine_fail(&m, "a", "permanent");
    run_add_live_options(m.run, true, options);
    assert_int_equal(json_array_size(options), 2);
    assert_string_equal(json_get_text(json_array_get(options, 1), "command", ""),
                        "fermata skip wf_000000000001 a --reason \"...\" --resume");
    json_decref(options);
    machine_release(&m);
}

static void a_reached_limit_is_decided_like_a_failure(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }] }\n"
                      "  - id: q\n"
                      "    on_failure: { goto: p, max: 1 }\n"
                      "    steps: [{ id: b, run: x }]\n");
    for (int round = 0; round < 2; round++) {
        machine_pass(&m, "a");
        machine_fail(&m, "b", "permanent");
    }
    assert_string_equal(m.run->reason, "limit");
    expect_options(&m, "fermata resume wf_000000000001 --retry-failed | "
                       "fermata skip wf_000000000001 b --reason \"...\" --resume | "
                       "fermata cancel wf_000000000001");
    machine_release(&m);
}

static void what_is_being_cancelled_or_paused_offers_nothing_more_to_its_owner(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    expect_live(&m, true, "");
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    expect_live(&m, true, "");
    machine_release(&m);
}

static json_t *options_of_budget(struct machine *m, const char *run, const char *budget)
{
    free(m->run->reason_run);
    free(m->run->reason_budget);
    m->run->reason_run = mem_strdup(run);
    m->run->reason_budget = mem_strdup(budget);
    return run_options(m->run);
}

/* As of a version that knew another kind. */
static void a_budget_that_is_not_known_is_raised_by_one(void **state)
{
    struct machine m;
    json_t *options;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    m.run->status = RUN_PAUSED;
    m.run->reason = mem_strdup(REASON_BUDGET);
    options = options_of_budget(&m, m.run->id, "beans");
    assert_string_equal(json_get_text(json_array_get(options, 0), "command", ""),
                        "fermata resume wf_000000000001 --budget beans=+1");
    json_decref(options);
    options = options_of_budget(&m, NULL, "tokens"); /* nor is it known whose it is */
    assert_int_equal(json_array_size(options), 1);
    assert_string_equal(json_get_text(json_array_get(options, 0), "do", ""), "cancel");
    json_decref(options);
    options = options_of_budget(&m, m.run->id, NULL);
    assert_int_equal(json_array_size(options), 1);
    json_decref(options);
    m.run->status = RUN_RUNNING;
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_step_can_be_retried_skipped_or_the_run_cancelled),
        cmocka_unit_test(skipping_is_offered_only_where_it_is_allowed),
        cmocka_unit_test(a_gate_is_offered_by_its_phase),
        cmocka_unit_test(each_of_several_failed_steps_can_be_retried_or_skipped_alone),
        cmocka_unit_test(of_many_failed_steps_three_are_named),
        cmocka_unit_test(of_many_failed_gates_three_are_named),
        cmocka_unit_test(a_list_is_offered_by_its_failed_instance_or_as_a_whole),
        cmocka_unit_test(a_gate_and_a_step_that_failed_beside_it_are_both_offered),
        cmocka_unit_test(approvals_are_offered_one_by_one),
        cmocka_unit_test(a_nested_run_that_waits_is_named),
        cmocka_unit_test(what_rests_on_request_goes_on),
        cmocka_unit_test(a_completed_run_offers_nothing),
        cmocka_unit_test(a_run_under_way_is_paused_or_taken_over_by_whether_somebody_carries_it),
        cmocka_unit_test(a_failure_beside_steps_at_work_can_be_decided_at_once),
        cmocka_unit_test(a_reached_limit_is_decided_like_a_failure),
        cmocka_unit_test(what_is_being_cancelled_or_paused_offers_nothing_more_to_its_owner),
        cmocka_unit_test(a_budget_that_is_not_known_is_raised_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
