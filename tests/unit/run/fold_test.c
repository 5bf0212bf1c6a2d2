/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ONE "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n"

static void apply(struct machine *m, struct record record)
{
    record.seq = m->run->seq + 1;
    record.at = m->now;
    assert_null(run_refusal(m->run, &record));
    run_apply(m->run, &record);
}

static void the_creation_says_what_was_asked_for(void **state)
{
    struct machine m;
    json_t *inputs = json_pack("{s:i}", "depth", 3);
    struct run_state *run;

    (void)state;
    machine_init(&m, ONE, NULL);
    run = run_state_new("wf_000000000002", m.parsed.workflow);
    run_apply(run, &(struct record){.kind = RECORD_RUN_CREATED,
                                    .seq = 1,
                                    .at = 5,
                                    .text = "task",
                                    .data = inputs,
                                    .strategy = "static",
                                    .class_ = "ai",
                                    .flag = true,
                                    .other = "wf_000000000001",
                                    .other_step = "sub",
                                    .number = 2});
    assert_string_equal(run->task, "task");
    assert_int_equal(json_get_integer(run->inputs, "depth", 0), 3);
    assert_int_equal(run->strategy, STRATEGY_STATIC);
    assert_int_equal(run->strategy_default, STRATEGY_AI);
    assert_true(run->is_fresh);
    assert_string_equal(run->parent, "wf_000000000001");
    assert_string_equal(run->parent_step, "sub");
    assert_int_equal(run->depth, 2);
    assert_int_equal(run->created_at, 5);
    run_state_free(run);
    json_decref(inputs);
    machine_release(&m);
}

static void a_move_of_the_run_ends_its_wish_and_tells_why(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    apply(&m, (struct record){.kind = RECORD_RUN_WISHED, .status = "pause", .reason = "asked"});
    assert_int_equal(m.run->wish, WISH_PAUSE);
    m.now += 7;
    apply(&m,
          (struct record){
              .kind = RECORD_RUN_MOVED, .status = "failed", .reason = "limit", .text = "too long"});
    assert_int_equal(m.run->wish, WISH_NONE);
    assert_string_equal(m.run->reason, "limit");
    assert_string_equal(m.run->detail, "too long");
    assert_int_equal(m.run->ended_at, m.now);
    assert_int_equal(m.run->rested_at, m.now);
    apply(&m, (struct record){.kind = RECORD_RUN_MOVED, .status = "running"});
    assert_null(m.run->reason);
    assert_int_equal(m.run->ended_at, 0);
    machine_release(&m);
}

static void attempts_are_counted_and_lost_or_stopped_ones_are_no_tries(void **state)
{
    struct machine m;
    const char *const classes[] = {"transient", "lost", "cancelled"};

    (void)state;
    machine_init(&m, ONE, NULL);
    for (int i = 0; i < 3; i++) {
        apply(&m, (struct record){.kind = RECORD_ATTEMPT_STARTED, .step = "a", .number = i + 1});
        assert_int_equal(m.run->running, 1);
        apply(&m, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                  .step = "a",
                                  .number = i + 1,
                                  .class_ = classes[i],
                                  .exit_status = i});
        assert_int_equal(m.run->running, 0);
    }
    assert_int_equal(machine_step(&m, "a")->attempts, 3);
    assert_int_equal(machine_step(&m, "a")->tries, 1);
    assert_int_equal(machine_step(&m, "a")->losses, 1);
    assert_int_equal(machine_step(&m, "a")->exit_status, 2);
    machine_release(&m);
}

static void a_reset_forgets_the_round_and_keeps_the_attempts(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }] }\n"
                      "  - { id: q, steps: [{ id: b, run: x }] }\n");
    machine_pass(&m, "a");
    apply(&m, (struct record){.kind = RECORD_PHASE_RESET, .phase = "p", .reason = "restore"});
    assert_int_equal(machine_phase(&m, "p")->status, STEP_IS_PENDING);
    assert_int_equal(machine_phase(&m, "p")->round, 1);
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_PENDING);
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    assert_int_equal(machine_step(&m, "a")->tries, 0);
    assert_int_equal(m.run->phases_open, 2);
    machine_release(&m);
}

static void the_steps_of_a_phase_that_is_left_out_are_left_out_until_it_is_reset(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }] }\n"
                      "  - { id: q, when: 'steps.a.output == 1', steps: [{ id: b, run: x }] }\n"
                      "  - { id: r, steps: [{ id: c, run: x }] }\n");
    machine_pass(&m, "a");
    assert_int_equal(machine_phase(&m, "q")->status, STEP_IS_SKIPPED);
    assert_int_equal(machine_step(&m, "b")->status, STEP_IS_SKIPPED);
    assert_int_equal(m.run->counts[STEP_IS_SKIPPED], 1);
    apply(&m, (struct record){.kind = RECORD_PHASE_RESET, .phase = "q", .reason = "restore"});
    assert_int_equal(machine_step(&m, "b")->status, STEP_IS_PENDING);
    assert_int_equal(m.run->counts[STEP_IS_SKIPPED], 0);
    machine_release(&m);
}

static void the_static_alternative_starts_its_tries_anew(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m,
                 "name: w\n"
                 "phases: [{ id: p, steps: [{ id: a, prompt: go, static: { run: x } }] }]\n",
                 NULL);
    apply(&m, (struct record){.kind = RECORD_ATTEMPT_STARTED, .step = "a", .number = 1});
    apply(&m, (struct record){
                  .kind = RECORD_ATTEMPT_ENDED, .step = "a", .number = 1, .class_ = "refused"});
    assert_int_equal(machine_step(&m, "a")->tries, 1);
    apply(&m,
          (struct record){
              .kind = RECORD_STEP_WAITING, .step = "a", .reason = "prepare", .strategy = "static"});
    assert_int_equal(machine_step(&m, "a")->tries, 0);
    assert_true(machine_step(&m, "a")->is_static);
    machine_release(&m);
}

static void a_newer_checkpoint_of_the_same_name_takes_the_place_of_the_older(void **state)
{
    struct machine m;
    json_t *phases = json_pack("[s]", "p");

    (void)state;
    machine_begin(&m, ONE);
    for (int i = 0; i < 2; i++) {
        apply(&m, (struct record){.kind = RECORD_CHECKPOINT_SAVED, .name = "p", .data = phases});
    }
    assert_int_equal(m.run->checkpoints.count, 1);
    assert_int_equal(m.run->checkpoints.items[0].seq, m.run->seq);
    json_decref(phases);
    machine_release(&m);
}

static void a_signal_that_was_used_up_can_come_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: ask, approve: 'Go?' }] }]\n");
    apply(&m, (struct record){.kind = RECORD_SIGNAL_RECEIVED, .name = "ask"});
    assert_true(json_is_true(json_object_get(m.run->signals, "ask")));
    apply(&m,
          (struct record){
              .kind = RECORD_APPROVAL_GIVEN, .step = "ask", .status = "approved", .name = "ask"});
    assert_non_null(json_object_get(m.run->signals_used, "ask"));
    apply(&m, (struct record){.kind = RECORD_SIGNAL_RECEIVED, .name = "ask"});
    assert_null(json_object_get(m.run->signals_used, "ask"));
    machine_release(&m);
}

static void the_clock_of_a_phase_stands_still_while_the_run_rests(void **state)
{
    struct machine m;
    int64_t deadline;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, timeout: 1m, steps: [{ id: a, run: x }] }]\n");
    deadline = machine_phase(&m, "p")->deadline;
    assert_int_equal(deadline, m.now + 60000);
    apply(&m, (struct record){.kind = RECORD_RUN_MOVED, .status = "paused"});
    m.now += 5000;
    apply(&m, (struct record){.kind = RECORD_RUN_MOVED, .status = "running"});
    assert_int_equal(machine_phase(&m, "p")->deadline, deadline + 5000);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_creation_says_what_was_asked_for),
        cmocka_unit_test(a_move_of_the_run_ends_its_wish_and_tells_why),
        cmocka_unit_test(attempts_are_counted_and_lost_or_stopped_ones_are_no_tries),
        cmocka_unit_test(a_reset_forgets_the_round_and_keeps_the_attempts),
        cmocka_unit_test(the_steps_of_a_phase_that_is_left_out_are_left_out_until_it_is_reset),
        cmocka_unit_test(the_static_alternative_starts_its_tries_anew),
        cmocka_unit_test(a_newer_checkpoint_of_the_same_name_takes_the_place_of_the_older),
        cmocka_unit_test(a_signal_that_was_used_up_can_come_again),
        cmocka_unit_test(the_clock_of_a_phase_stands_still_while_the_run_rests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
