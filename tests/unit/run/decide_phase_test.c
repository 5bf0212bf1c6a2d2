/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"
#include "run/lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STEP(id) "steps: [{ id: " id ", run: 'true' }]"

static void phases_without_needs_run_side_by_side_and_are_joined(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, needs: [], " STEP(
                          "a") " }\n"
                               "  - { id: q, needs: [], " STEP(
                                   "b") " }\n"
                                        "  - { id: r, needs: [p, q], " STEP("c") " }\n");
    assert_effects(&m, "start a | start b");
    machine_pass(&m, "b");
    assert_effects(&m, "checkpoint q");
    machine_pass(&m, "a");
    assert_effects(&m, "checkpoint p | start c");
    machine_release(&m);
}

static void sequential_steps_run_one_after_the_other(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }, { id: b, run: x }] }\n");
    assert_effects(&m, "start a");
    machine_pass(&m, "a");
    assert_effects(&m, "start b");
    machine_release(&m);
}

static void parallel_steps_keep_to_the_width(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    width: 2\n"
                      "    steps: [{ id: a, run: x }, { id: b, run: x }, { id: c, run: x }]\n");
    assert_effects(&m, "start a | start b");
    machine_pass(&m, "b");
    assert_effects(&m, "start c");
    machine_release(&m);
}

static void a_phase_whose_condition_is_false_is_skipped_and_good_enough(void **state)
{
    struct machine m;

    (void)state;
    machine_init(
        &m,
        "name: w\n"
        "inputs: { level: { type: string, default: low } }\n"
        "phases:\n"
        "  - { id: p, when: inputs.level == 'high', " STEP("a") " }\n"
                                                                "  - { id: q, " STEP("b") " }\n",
        "{\"level\": \"low\"}");
    (void)machine_event(&m, (struct event){.kind = EVENT_BEGIN});
    assert_story(&m, "run running | phase p skipped (when: inputs.level == 'high' is false) | "
                     "phase q running (steps) | try b 1");
    machine_release(&m);
}

static void an_optional_phase_that_needs_an_agent_is_left_out_under_static(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\nstrategy: static\n"
                  "phases:\n"
                  "  - { id: p, optional: true, steps: [{ id: a, run: x }, { id: b, prompt: go }]"
                  " }\n"
                  "  - { id: q, " STEP("c") " }\n");
    assert_story(&m, "run running | phase p skipped (b needs an agent, and the strategy is "
                     "static) | phase q running (steps) | try c 1");
    machine_release(&m);
}

static void a_failure_pauses_the_run_and_names_phase_and_step(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, " STEP("a") " }\n"
                                                "  - { id: q, " STEP("b") " }\n");
    machine_fail(&m, "a", "permanent");
    assert_story_has(&m, "step a failed (permanent) | phase p failed | wish pause (failure) | "
                         "run paused (failure)");
    assert_string_equal(m.run->reason_phase, "p");
    assert_string_equal(m.run->reason_step, "a");
    assert_string_equal(m.run->detail, "step a failed: exit status 1");
    machine_release(&m);
}

static void on_failure_fail_ends_the_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "on_failure: fail\n"
                      "phases:\n"
                      "  - { id: p, " STEP("a") " }\n"
                                                "  - { id: q, " STEP("b") " }\n");
    machine_fail(&m, "a", "permanent");
    assert_story_has(&m, "phase p failed | wish fail (failure) | run failed (failure)");
    machine_release(&m);
}

static void on_failure_continue_goes_on_with_what_needs_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "phases:\n"
                  "  - { id: p, on_failure: continue, " STEP("a") " }\n"
                                                                  "  - { id: q, " STEP("b") " }\n");
    machine_fail(&m, "a", "permanent");
    assert_story_has(&m, "phase p failed (continue) | phase q running (steps) | try b 1");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void the_failure_of_an_optional_phase_is_none_of_the_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "on_failure: fail\n"
                      "phases:\n"
                      "  - { id: p, optional: true, " STEP("a") " }\n"
                                                                "  - { id: q, " STEP("b") " }\n");
    machine_fail(&m, "a", "permanent");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

/* The cleanup of a run that fails for good is run all the same, also behind a phase that can not
 * start any more. */
static void all_done_phases_follow_before_a_run_fails(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(
        &m, "name: w\n"
            "on_failure: fail\n"
            "phases:\n"
            "  - { id: p, " STEP(
                "a") " }\n"
                     "  - { id: q, " STEP(
                         "b") " }\n"
                              "  - { id: near, needs: [p], trigger: all_done, " STEP(
                                  "c") " }\n"
                                       "  - { id: far, needs: [q, near], trigger: all_done, " STEP(
                                           "d") " }\n");
    machine_fail(&m, "a", "permanent");
    assert_story_has(&m, "phase p failed | phase near running (steps) | try c 1");
    machine_pass(&m, "c");
    assert_story(&m, "end c 1 none | step c completed | phase near completed | checkpoint near | "
                     "phase q skipped | phase far running (steps) | try d 1");
    machine_pass(&m, "d");
    assert_int_equal(m.run->status, RUN_FAILED);
    assert_string_equal(m.run->reason_step, "a");
    /* What was blocked is looked at again when the failure is dealt with. */
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_story_has(&m, "step a pending | run running | reset q (retry) | try a 2");
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

/* Whatever the order in which its needs end, and however far behind the failure it stands. */
static void all_done_phases_wait_for_all_they_need_before_a_run_fails(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(
        &m,
        "name: w\n"
        "on_failure: fail\n"
        "phases:\n"
        "  - { id: p, needs: [], " STEP(
            "a") " }\n"
                 "  - { id: q, needs: [], " STEP(
                     "b") " }\n"
                          "  - { id: r, needs: [q], " STEP(
                              "c") " }\n"
                                   "  - { id: both, needs: [p, q], trigger: all_done, " STEP(
                                       "d") " }\n"
                                            "  - { id: far, needs: [r], trigger: all_done, " STEP(
                                                "e") " }\n");
    machine_fail(&m, "b", "permanent");
    assert_int_equal(m.run->status, RUN_RUNNING);
    (void)machine_story(&m);
    machine_pass(&m, "a");
    assert_story_has(&m, "phase both running (steps) | try d 1");
    machine_pass(&m, "d");
    assert_story_has(&m, "phase r skipped | phase far running (steps) | try e 1");
    machine_pass(&m, "e");
    assert_int_equal(m.run->status, RUN_FAILED);
    assert_string_equal(m.run->reason_step, "b");
    machine_release(&m);
}

static void one_success_is_enough_where_the_phase_says_so(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "on_failure: fail\n"
                      "phases:\n"
                      "  - { id: p, needs: [], " STEP(
                          "a") " }\n"
                               "  - { id: q, needs: [], on_failure: continue, " STEP(
                                   "b") " }\n"
                                        "  - { id: r, needs: [p, q], trigger: one_success, " STEP(
                                            "c") " }\n");
    machine_fail(&m, "b", "permanent");
    assert_effects(&m, "");
    machine_pass(&m, "a");
    assert_effects(&m, "checkpoint p | start c");
    machine_release(&m);
}

#define GATED                                                                                      \
    "name: w\n"                                                                                    \
    "gates:\n"                                                                                     \
    "  g: { commands: [{ run: one }, { run: two }] }\n"                                            \
    "phases:\n"                                                                                    \
    "  - { id: p, gate: g, " STEP("a") " }\n"                                                      \
                                       "  - { id: q, " STEP("b") " }\n"

static void a_gate_passes_when_each_check_passed_one_after_the_other(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, GATED);
    machine_pass(&m, "a");
    assert_effects(&m, "prepare gate:p:0");
    machine_check(&m, "gate:p:0", VERDICT_PASS);
    assert_effects(&m, "prepare gate:p:1");
    (void)machine_story(&m);
    machine_check(&m, "gate:p:1", VERDICT_PASS);
    assert_story(&m, "try gate:p:1 1 | end gate:p:1 1 none | check two pass | "
                     "step gate:p:1 completed | gate p pass | phase p completed | checkpoint p | "
                     "phase q running (steps) | try b 1");
    machine_release(&m);
}

static void unknown_never_passes_a_gate(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, GATED);
    machine_pass(&m, "a");
    machine_check(&m, "gate:p:0", VERDICT_UNKNOWN);
    machine_check(&m, "gate:p:1", VERDICT_PASS);
    assert_story_has(&m, "gate p unknown | phase p failed | wish pause (gate) | run paused (gate)");
    machine_release(&m);
}

static void a_known_failure_outweighs_an_unknown_check(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, GATED);
    machine_pass(&m, "a");
    machine_check(&m, "gate:p:0", VERDICT_UNKNOWN);
    machine_check(&m, "gate:p:1", VERDICT_FAIL);
    assert_story_has(&m, "gate p fail");
    machine_release(&m);
}

/* A check that was stopped, lost or could not be prepared proved nothing, good or bad. */
static void a_check_without_a_result_is_unknown(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, GATED);
    machine_pass(&m, "a");
    machine_fail(&m, "gate:p:0", "cancelled");
    (void)machine_event(&m,
                        (struct event){.kind = EVENT_PREPARED,
                                       .step = "gate:p:1",
                                       .outcome = {.class_ = CLASS_TRANSIENT, .error = "disk"}});
    assert_story_has(&m, "gate p unknown");
    machine_release(&m);
}

#define MAY_FAIL                                                                                   \
    "name: w\n"                                                                                    \
    "gates:\n"                                                                                     \
    "  g: { commands: [{ run: one }, { run: two }] }\n"                                            \
    "phases:\n"                                                                                    \
    "  - { id: p, gate: g, steps: [{ id: a, run: x, optional: true }] }\n"

static void what_is_done_again_during_the_gate_is_proved_anew(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, MAY_FAIL);
    machine_fail(&m, "a", "permanent");
    machine_check(&m, "gate:p:0", VERDICT_PASS);
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'a'}"), 0);
    machine_check(&m, "gate:p:1", VERDICT_PASS);
    (void)machine_story(&m);
    machine_pass(&m, "a");
    assert_story_has(&m, "phase p running (gate)");
    assert_effects(&m, "prepare gate:p:0");
    machine_check(&m, "gate:p:0", VERDICT_PASS);
    machine_check(&m, "gate:p:1", VERDICT_PASS);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(machine_step(&m, "gate:p:1")->attempts, 2);
    machine_release(&m);
}

static void a_gate_that_is_tried_again_waits_for_the_steps_before_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, MAY_FAIL);
    machine_fail(&m, "a", "permanent");
    machine_prepare(&m, "gate:p:0");
    assert_int_equal(machine_command(&m, "{'do': 'pause', 'stop': true}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'a'}"), 0);
    machine_check(&m, "gate:p:0", VERDICT_FAIL);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'gate:p:0'}"), 0);
    assert_int_equal(machine_phase(&m, "p")->stage, STAGE_STEPS);
    assert_effects(&m, "start a");
    machine_pass(&m, "a");
    assert_int_equal(machine_phase(&m, "p")->stage, STAGE_GATE);
    machine_release(&m);
}

static void a_gate_that_is_tried_again_asks_every_check_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, GATED);
    machine_pass(&m, "a");
    machine_check(&m, "gate:p:0", VERDICT_PASS);
    machine_check(&m, "gate:p:1", VERDICT_FAIL);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_effects(&m, "prepare gate:p:0");
    machine_check(&m, "gate:p:0", VERDICT_PASS);
    machine_check(&m, "gate:p:1", VERDICT_PASS);
    assert_int_equal(machine_phase(&m, "p")->status, STEP_IS_COMPLETED);
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    machine_release(&m);
}

#define ADAPTIVE                                                                                   \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - id: p\n"                                                                                  \
    "    mode: adaptive\n"                                                                         \
    "    rounds: 2\n"                                                                              \
    "    steps: [{ id: check, run: x }]\n"                                                         \
    "    fix: [{ id: repair, run: x }, { id: format, run: x }]\n"

static void an_adaptive_phase_fixes_and_tests_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ADAPTIVE);
    machine_fail(&m, "check", "permanent");
    assert_story_has(&m, "step check failed (permanent) | phase p running (fix) | try repair 1");
    machine_pass(&m, "repair");
    assert_effects(&m, "start format");
    machine_pass(&m, "format");
    assert_story_has(&m, "reset p (fix) | phase p running (steps) | try check 2");
    machine_pass(&m, "check");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void the_fix_rounds_are_bounded(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ADAPTIVE);
    for (int i = 0; i < 2; i++) {
        machine_fail(&m, "check", "permanent");
        machine_pass(&m, "repair");
        machine_pass(&m, "format");
    }
    machine_fail(&m, "check", "permanent");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason_step, "check");
    machine_release(&m);
}

static void a_fix_step_that_failed_is_taken_up_where_it_was(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ADAPTIVE);
    machine_fail(&m, "check", "permanent");
    machine_fail(&m, "repair", "permanent");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason_step, "repair");
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'repair'}"), 0);
    assert_effects(&m, "start repair");
    assert_int_equal(machine_phase(&m, "p")->fix_rounds, 1);
    machine_pass(&m, "repair");
    machine_pass(&m, "format");
    machine_pass(&m, "check");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

#define GOTO                                                                                       \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - { id: p, " STEP("a") " }\n"                                                               \
                              "  - { id: q, " STEP(                                                \
                                  "b") " }\n"                                                      \
                                       "  - { id: r, " STEP(                                       \
                                           "c") ", on_failure: { goto: q, max: 2 } }\n"

static void a_failure_goes_back_and_runs_everything_from_there_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, GOTO);
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    (void)machine_story(&m);
    machine_fail(&m, "c", "permanent");
    assert_story(&m, "end c 1 permanent | step c failed (permanent) | goto r q 1 | "
                     "reset q (goto) | reset r (goto) | phase q running (steps) | try b 2");
    machine_pass(&m, "b");
    machine_pass(&m, "c");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    machine_release(&m);
}

static void going_back_is_bounded_and_ends_in_a_pause(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, GOTO);
    machine_pass(&m, "a");
    for (int i = 0; i < 3; i++) {
        machine_pass(&m, "b");
        machine_fail(&m, "c", "permanent");
    }
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason, "limit");
    assert_non_null(strstr(m.run->detail, "went back to q 2 times"));
    machine_release(&m);
}

static void going_back_waits_for_phases_that_are_still_at_work(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "phases:\n"
                  "  - { id: p, " STEP("a") " }\n"
                                            "  - { id: q, needs: [p], " STEP(
                                                "b") ",\n"
                                                     "      on_failure: { goto: p, max: 1 } }\n"
                                                     "  - { id: r, needs: [p], " STEP("c") " }\n");
    machine_pass(&m, "a");
    machine_fail(&m, "b", "permanent");
    assert_effects(&m, "");
    machine_pass(&m, "c");
    assert_story_has(&m, "goto q p 1 | reset p (goto) | reset q (goto) | reset r (goto)");
    machine_release(&m);
}

static void a_phase_iterates_until_its_condition_holds(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    iterate: { max: 5, until: steps.a.suggestions <= 1 }\n"
                      "    steps: [{ id: a, run: x, format: json }]\n");
    machine_output(&m, "a", "{\"suggestions\": [1, 2, 3]}");
    assert_story_has(&m, "reset p (iterate) | iterate p 2 | phase p running (steps) | try a 2");
    machine_output(&m, "a", "{\"suggestions\": [1]}");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

/* What a path is worth now, as JSON. */
static void assert_path(const struct machine *m, const char *first, const char *const *rest,
                        const char *expected)
{
    struct lookup_context context = {.run = m->run};
    const char *parts[6] = {first};
    size_t count = 1;
    json_t *value;
    char *text;

    while (rest[count - 1]) {
        parts[count] = rest[count - 1];
        count++;
    }
    value = run_lookup(&context, parts, count);
    text = value ? json_dump_compact(value) : NULL;
    assert_string_equal(text ? text : "null", expected);
    free(text);
    json_decref(value);
}
#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_round_knows_how_the_one_before_it_ended(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(
        &m, "name: w\n"
            "phases:\n"
            "  - id: p\n"
            "    iterate: { max: 5, until: steps.a.suggestions <= 1 }\n"
            "    steps: [{ id: a, run: x, format: json }, { id: e, run: x, foreach: [7] }]\n");
    assert_path(&m, "steps", PATH("a", "before", "output"), "null");
    machine_output(&m, "a", "{\"suggestions\": [1, 2, 3]}");
    machine_output(&m, "e[0]", "\"one\"");
    assert_path(&m, "steps", PATH("a", "output"), "null");
    assert_path(&m, "steps", PATH("a", "before", "output", "suggestions", "1"), "2");
    assert_path(&m, "steps", PATH("a", "before", "status"), "\"completed\"");
    assert_path(&m, "steps", PATH("a", "before", "error"), "null");
    assert_path(&m, "steps", PATH("e", "before", "output"), "[\"one\"]");
    machine_output(&m, "a", "{\"suggestions\": [4, 5]}");
    machine_output(&m, "e[0]", "\"two\"");
    assert_path(&m, "steps", PATH("a", "before", "output"), "{\"suggestions\":[4,5]}");
    assert_path(&m, "steps", PATH("e", "before", "output"), "[\"two\"]");
    assert_path(&m, "steps", PATH("a", "before"), "null");
    machine_release(&m);
}

static void who_is_sent_back_knows_why(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "phases:\n"
                  "  - { id: p, steps: [{ id: a, run: x }] }\n"
                  "  - { id: q, on_failure: { goto: p, max: 1 }, steps: [{ id: b, run: x }] }\n");
    machine_pass(&m, "a");
    machine_fail(&m, "b", "permanent");
    assert_path(&m, "steps", PATH("b", "before", "status"), "\"failed\"");
    assert_path(&m, "phases", PATH("p", "before", "error"), "null");
    assert_path(&m, "phases", PATH("q", "before", "error"), "\"step b failed: exit status 1\"");
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_path(&m, "phases", PATH("q", "before", "error"), "null");
    machine_release(&m);
}

static void a_phase_that_runs_out_of_time_stops_its_steps_and_starts_no_more(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    width: 1\n"
                      "    timeout: 5s\n"
                      "    steps: [{ id: a, run: x }, { id: b, run: x }]\n");
    assert_effects(&m, "timer +5000 | start a");
    machine_wait(&m, 5000);
    assert_effects(&m, "stop a");
    machine_fail(&m, "a", "cancelled");
    assert_story_has(&m, "step a failed (timeout) | phase p failed | wish pause (failure)");
    assert_int_equal(machine_step(&m, "b")->attempts, 0);
    /* Who takes it up again gives it time again. */
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void no_fix_round_begins_after_the_time_of_its_phase(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: adaptive\n"
                      "    timeout: 5s\n"
                      "    steps: [{ id: check, run: x }]\n"
                      "    fix: [{ id: repair, run: x }]\n");
    machine_wait(&m, 5000);
    assert_effects(&m, "stop check");
    machine_fail(&m, "check", "cancelled");
    assert_story_has(&m, "step check failed (timeout) | phase p failed | wish pause (failure)");
    assert_int_equal(machine_step(&m, "repair")->attempts, 0);
    machine_release(&m);
}

static void what_only_waits_ends_with_the_time_of_its_phase(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    timeout: 5s\n"
                      "    steps:\n"
                      "      - { id: ask, approve: 'Go?' }\n"
                      "      - { id: wait, run: x, retry: { attempts: 9, delay: 60s,\n"
                      "                                     jitter: false } }\n"
                      "      - { id: look, use: inventory }\n"
                      "      - { id: nested, workflow: other }\n");
    machine_fail(&m, "wait", "transient");
    machine_wait(&m, 5000);
    assert_effects(&m, "tell nested cancel");
    assert_story_has(&m, "step ask failed (timeout) | step wait failed (timeout)");
    machine_prepare(&m, "look");
    assert_story_has(&m, "step look failed (timeout)");
    machine_child(&m, "nested", RUN_CANCELLED);
    assert_story_has(&m, "step nested failed (timeout) | phase p failed");
    machine_release(&m);
}

static void a_gate_that_runs_out_of_time_is_unknown(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "gates: { g: { commands: [{ run: one }, { run: two }] } }\n"
                      "phases: [{ id: p, timeout: 5s, gate: g, " STEP("a") " }]\n");
    machine_pass(&m, "a");
    machine_prepare(&m, "gate:p:0");
    machine_wait(&m, 5000);
    assert_effects(&m, "stop gate:p:0");
    machine_fail(&m, "gate:p:0", "cancelled");
    assert_story_has(&m, "gate p unknown | phase p failed");
    machine_release(&m);
}

static void the_rounds_of_a_phase_share_its_time(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, timeout: 5s, iterate: { max: 9 }, " STEP("a") " }\n");
    machine_wait(&m, 3000);
    machine_pass(&m, "a");
    machine_wait(&m, 2000);
    assert_effects(&m, "stop a");
    machine_fail(&m, "a", "cancelled");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
}

static void an_approval_of_days_takes_no_time_of_its_phase(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    timeout: 5s\n"
                      "    steps: [{ id: ask, approve: 'Go?' }, { id: a, run: x }]\n");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_wait(&m, 3 * 86400000LL);
    assert_int_equal(machine_command(&m, "{'do': 'approve'}"), 0);
    assert_effects(&m, "timer +5000 | start a");
    machine_release(&m);
}

static void a_checkpoint_names_the_phases_that_were_complete(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, GOTO);
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(m.run->checkpoints.count, 2);
    assert_int_equal(json_array_size(m.run->checkpoints.items[0].phases), 1);
    assert_int_equal(json_array_size(m.run->checkpoints.items[1].phases), 2);
    machine_release(&m);
}

static void without_automatic_checkpoints_none_is_saved(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "checkpoint: { auto: false }\n"
                      "phases: [{ id: p, " STEP("a") " }]\n");
    machine_pass(&m, "a");
    assert_int_equal(m.run->checkpoints.count, 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_phase_with_nothing_but_a_gate_is_decided_by_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "gates: { g: { commands: [{ run: one }] } }\n"
                      "phases: [{ id: p, gate: g }]\n");
    machine_check(&m, "gate:p:0", VERDICT_PASS);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_failure_without_words_is_told_all_the_same(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, " STEP("a") " }]\n");
    machine_end(&m, "a", (struct outcome){.class_ = CLASS_PERMANENT});
    assert_string_equal(m.run->detail, "step a failed: it failed");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_without_needs_run_side_by_side_and_are_joined),
        cmocka_unit_test(sequential_steps_run_one_after_the_other),
        cmocka_unit_test(parallel_steps_keep_to_the_width),
        cmocka_unit_test(a_phase_whose_condition_is_false_is_skipped_and_good_enough),
        cmocka_unit_test(an_optional_phase_that_needs_an_agent_is_left_out_under_static),
        cmocka_unit_test(a_failure_pauses_the_run_and_names_phase_and_step),
        cmocka_unit_test(on_failure_fail_ends_the_run),
        cmocka_unit_test(on_failure_continue_goes_on_with_what_needs_it),
        cmocka_unit_test(the_failure_of_an_optional_phase_is_none_of_the_run),
        cmocka_unit_test(all_done_phases_follow_before_a_run_fails),
        cmocka_unit_test(all_done_phases_wait_for_all_they_need_before_a_run_fails),
        cmocka_unit_test(one_success_is_enough_where_the_phase_says_so),
        cmocka_unit_test(a_gate_passes_when_each_check_passed_one_after_the_other),
        cmocka_unit_test(unknown_never_passes_a_gate),
        cmocka_unit_test(a_known_failure_outweighs_an_unknown_check),
        cmocka_unit_test(a_check_without_a_result_is_unknown),
        cmocka_unit_test(what_is_done_again_during_the_gate_is_proved_anew),
        cmocka_unit_test(a_gate_that_is_tried_again_waits_for_the_steps_before_it),
        cmocka_unit_test(a_gate_that_is_tried_again_asks_every_check_again),
        cmocka_unit_test(an_adaptive_phase_fixes_and_tests_again),
        cmocka_unit_test(the_fix_rounds_are_bounded),
        cmocka_unit_test(a_fix_step_that_failed_is_taken_up_where_it_was),
        cmocka_unit_test(a_failure_goes_back_and_runs_everything_from_there_again),
        cmocka_unit_test(going_back_is_bounded_and_ends_in_a_pause),
        cmocka_unit_test(going_back_waits_for_phases_that_are_still_at_work),
        cmocka_unit_test(a_phase_iterates_until_its_condition_holds),
        cmocka_unit_test(a_round_knows_how_the_one_before_it_ended),
        cmocka_unit_test(who_is_sent_back_knows_why),
        cmocka_unit_test(a_phase_that_runs_out_of_time_stops_its_steps_and_starts_no_more),
        cmocka_unit_test(no_fix_round_begins_after_the_time_of_its_phase),
        cmocka_unit_test(what_only_waits_ends_with_the_time_of_its_phase),
        cmocka_unit_test(a_gate_that_runs_out_of_time_is_unknown),
        cmocka_unit_test(the_rounds_of_a_phase_share_its_time),
        cmocka_unit_test(an_approval_of_days_takes_no_time_of_its_phase),
        cmocka_unit_test(a_checkpoint_names_the_phases_that_were_complete),
        cmocka_unit_test(without_automatic_checkpoints_none_is_saved),
        cmocka_unit_test(a_phase_with_nothing_but_a_gate_is_decided_by_it),
        cmocka_unit_test(a_failure_without_words_is_told_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
