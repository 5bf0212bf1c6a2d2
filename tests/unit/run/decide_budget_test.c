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

#define AGENT(id) "{ id: " id ", prompt: go, agent: x, reuse: never, retry: { attempts: 1 } }"
#define THREE(head)                                                                                \
    "name: w\n" head "phases: [{ id: p, mode: parallel, steps: [" AGENT("a") ", " AGENT(           \
        "b") ", " AGENT("c") "] }]\n"

static void begin(struct machine *m, const char *workflow, const char *budget)
{
    machine_init(m, workflow, NULL);
    (void)machine_story(m);
    if (budget) {
        char command[200];

        (void)snprintf(command, sizeof(command), "{'do': 'budget', 'budget': %s}", budget);
        m->is_held = true;
        assert_int_equal(machine_command(m, command), 0);
        m->is_held = false;
    }
    assert_int_equal(machine_event(m, (struct event){.kind = EVENT_BEGIN}), 0);
}

/* Its agent ends, and says so many tokens; below zero: it does not say. */
static void end_call(struct machine *m, const char *step, int tokens)
{
    json_t *usage = tokens < 0 ? NULL
                               : json_pack("{s:i, s:i, s:f}", "input_tokens", tokens - 1,
                                           "output_tokens", 1, "cost_usd", tokens / 1000.0);

    machine_end(m, step, (struct outcome){.agent = "x", .usage = usage});
    json_decref(usage);
}

static int64_t sum(const struct machine *m, enum ledger_field field)
{
    return m->run->ledger.sums[field];
}

static void a_call_is_reserved_before_it_begins(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, THREE("concurrency: 1\n"), "{'tokens': '5000'}");
    end_call(&m, "a", 1000);
    machine_prepare(&m, "b");
    assert_int_equal(sum(&m, LEDGER_RESERVED_TOKENS), 1000); /* as the one before it */
    assert_int_equal(sum(&m, LEDGER_IN_FLIGHT), 1);
    end_call(&m, "b", 700);
    assert_int_equal(sum(&m, LEDGER_TOKENS), 1700);
    machine_prepare(&m, "c");
    assert_int_equal(sum(&m, LEDGER_RESERVED_TOKENS), 850);
    end_call(&m, "c", 800);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(sum(&m, LEDGER_RESERVED_TOKENS), 0);
    machine_release(&m);
}

static void at_the_ceiling_the_run_pauses_and_says_what_to_do(void **state)
{
    struct machine m;
    json_t *options;

    (void)state;
    begin(&m, THREE("concurrency: 1\n"), "{'tokens': '2500'}");
    end_call(&m, "a", 1000);
    end_call(&m, "b", 1000);
    machine_prepare(&m, "c");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason, "budget");
    assert_string_equal(m.run->reason_budget, "tokens");
    assert_string_equal(m.run->detail,
                        "step c needs about 1000 tokens, and the budget of the run has not so "
                        "much left: 2000 tokens of 2500 tokens are used");
    options = run_options(m.run);
    assert_string_equal(json_get_text(json_array_get(options, 0), "do", ""), "raise");
    json_decref(options);
    assert_int_equal(machine_command(&m, "{'do': 'budget', 'budget': {'tokens': '+1k'}}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_prepare(&m, "c");
    assert_int_equal(m.run->status, RUN_RUNNING);
    end_call(&m, "c", 1000);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(sum(&m, LEDGER_TOKENS), 3000);
    machine_release(&m);
}

static void without_more_it_pauses_again_and_nothing_is_reset(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, THREE("concurrency: 1\n"), "{'tokens': '900'}");
    end_call(&m, "a", 1000); /* what was begun is kept, though it is more */
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_COMPLETED);
    machine_prepare(&m, "b");
    assert_string_equal(m.run->detail,
                        "the budget of the run is used up: 1000 tokens of 900 tokens");
    machine_recover(&m);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_prepare(&m, "b");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason, "budget");
    assert_int_equal(sum(&m, LEDGER_TOKENS), 1000);
    machine_release(&m);
}

static void who_finds_no_room_waits_for_the_calls_under_way(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, THREE("concurrency: 2\n"), "{'tokens': '2000'}");
    end_call(&m, "a", 600);
    machine_prepare(&m, "b");
    assert_int_equal(machine_step(&m, "b")->waiting, WAITING_ATTEMPT);
    machine_prepare(&m, "c");
    assert_int_equal(sum(&m, LEDGER_RESERVED_TOKENS), 1200);
    end_call(&m, "b", 100);
    end_call(&m, "c", 100);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);

    begin(&m, THREE("concurrency: 2\n"), "{'tokens': '1500'}");
    end_call(&m, "a", 600);
    machine_prepare(&m, "b");
    machine_prepare(&m, "c");
    assert_int_equal(machine_step(&m, "c")->status, STEP_IS_PENDING);
    assert_int_equal(m.run->status, RUN_RUNNING);
    assert_int_equal(m.run->wish, WISH_NONE);
    end_call(&m, "b", 100); /* it needed less: now there is room */
    machine_prepare(&m, "c");
    assert_int_equal(machine_step(&m, "c")->waiting, WAITING_ATTEMPT);
    end_call(&m, "c", 100);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void calls_under_way_end_and_their_results_are_kept(void **state)
{
    struct machine m;

    (void)state;
    begin(&m,
          "name: w\nconcurrency: 2\nphases: [{ id: p, mode: parallel, steps: [" AGENT(
              "a") ", " AGENT("b") ", " AGENT("c") ", " AGENT("d") "] }]\n",
          "{'usd': '1'}");
    machine_prepare(&m, "a");
    machine_prepare(&m, "b");
    assert_int_equal(machine_step(&m, "b")->status, STEP_IS_PENDING); /* the first goes alone */
    end_call(&m, "a", 200);
    machine_prepare(&m, "c");
    machine_prepare(&m, "d");
    end_call(&m, "c", 1300);
    machine_prepare(&m, "b");
    assert_int_equal(m.run->wish, WISH_PAUSE);
    assert_int_equal(m.run->status, RUN_RUNNING);
    end_call(&m, "d", 1500);
    assert_int_equal(machine_step(&m, "d")->status, STEP_IS_COMPLETED);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->detail, "the budget of the run is used up: $1.50 of $1.00");
    assert_int_equal(sum(&m, LEDGER_USD), 3 * BUDGET_USD_UNIT);
    machine_release(&m);
}

static void an_unknown_cost_is_told_and_taken_as_expected(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, THREE("concurrency: 1\n"), "{'tokens': '2500'}");
    end_call(&m, "a", 1000);
    end_call(&m, "b", -1);
    assert_int_equal(sum(&m, LEDGER_TOKENS), 1000);
    assert_int_equal(sum(&m, LEDGER_ASSUMED_TOKENS), 1000);
    machine_prepare(&m, "c");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_non_null(strstr(m.run->detail, "; 1 call of unknown cost"));
    machine_release(&m);
}

static void further_tries_of_a_step_count_against_its_own_budget(void **state)
{
    struct machine m;

    (void)state;
    begin(&m,
          "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: go, agent: x, reuse: never, "
          "retry: { attempts: 9, delay: 0s, jitter: false }, budget: { tokens: 1500 } }] }]\n",
          NULL);
    machine_prepare(&m, "a");
    assert_int_equal(sum(&m, LEDGER_RESERVED_TOKENS), 1500); /* nothing else is known of it */
    {
        json_t *usage = json_pack("{s:i, s:i}", "input_tokens", 800, "output_tokens", 0);

        machine_end(&m, "a",
                    (struct outcome){.class_ = CLASS_TRANSIENT, .agent = "x", .usage = usage});
        json_decref(usage);
        machine_wait(&m, 1000);
        if (machine_step(&m, "a")->waiting == WAITING_PREPARE) {
            machine_prepare(&m, "a");
        }
    }
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason_budget, "a.tokens");
    assert_non_null(strstr(m.run->detail, "the budget of step a has not so much left"));
    assert_int_equal(machine_command(&m, "{'do': 'budget', 'budget': {'a.tokens': '+2k'}}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    end_call(&m, "a", 100);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void steps_are_counted_once_however_often_they_are_tried(void **state)
{
    struct machine m;

    (void)state;
    begin(&m,
          "name: w\nbudget: { steps: 9 }\nphases: [{ id: p, steps: [{ id: a, run: one, retry: { "
          "attempts: 3, delay: 0s, jitter: false } }, { id: b, run: two }, { id: c, run: x }] }]\n",
          "{'steps': '2'}");
    machine_fail(&m, "a", "transient");
    machine_wait(&m, 1000);
    assert_int_equal(sum(&m, LEDGER_STEPS), 1);
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->detail, "the budget of the run is used up: 2 steps of 2 steps");
    assert_int_equal(machine_command(&m, "{'do': 'budget', 'budget': {'steps': '0'}}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_pass(&m, "c");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

#define TWO_STEPS                                                                                  \
    "name: w\nphases: [{ id: p, steps: [{ id: a, run: one }, { id: b, run: two }] }]\n"

static void a_budget_that_was_taken_away_may_be_raised_by_who_waits_for_it(void **state)
{
    struct machine m;
    json_t *options;

    (void)state;
    begin(&m, TWO_STEPS, "{'steps': '1'}");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'budget', 'budget': {'usd': '+1'}}"),
                     ERROR_CONFLICT);
    assert_int_equal(machine_command(&m, "{'do': 'budget', 'budget': {'steps': '0'}}"), 0);
    options = run_options(m.run); /* as it is written on somebody's screen */
    assert_string_equal(json_get_text(json_array_get(options, 0), "do", ""), "raise");
    json_decref(options);
    assert_int_equal(machine_command(&m, "{'do': 'budget', 'budget': {'steps': '+20'}}"), 0);
    assert_int_equal(m.run->budget.limits[BUDGET_STEPS], 0);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'budget', 'budget': {'steps': '+20'}}"),
                     ERROR_CONFLICT);
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void time_counts_while_the_run_runs(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, TWO_STEPS, "{'time': '10m'}");
    machine_wait(&m, 5 * 60000);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_wait(&m, 60 * 60000); /* it rests: that is no time of its own */
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_int_equal(machine_step(&m, "b")->status, STEP_IS_RUNNING);
    assert_int_equal(run_scope(m.run, m.now).time_ms, 5 * 60000);
    machine_release(&m);

    begin(&m, TWO_STEPS, "{'time': '10m'}");
    machine_wait(&m, 11 * 60000);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason_budget, "time");
    machine_release(&m);
}

static void a_crash_hides_at_most_a_minute(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, TWO_STEPS, "{'time': '10m'}");
    machine_wait(&m, 3 * 60000);
    m.now += 24 * 3600000; /* the machine was off for a day */
    machine_recover(&m);
    assert_true(run_scope(m.run, m.now).time_ms >= 3 * 60000);
    assert_true(run_scope(m.run, m.now).time_ms <= 5 * 60000);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_release(&m);
}

static void what_all_above_used_counts_for_a_nested_run(void **state)
{
    struct machine m;
    struct budget_node root = {.run = "wf_00000000000r", .limits = {{[BUDGET_TOKENS] = 1000}}};
    struct budget_node own = {.run = "wf_00000000000n"};

    (void)state;
    root.own.sums[LEDGER_TOKENS] = 999;
    machine_init(&m, THREE("concurrency: 1\n"), NULL);
    budget_node_attach(&own, &root);
    m.limits.node = &own;
    assert_int_equal(machine_event(&m, (struct event){.kind = EVENT_BEGIN}), 0);
    end_call(&m, "a", 5);
    machine_prepare(&m, "b");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason_run, "wf_00000000000r");
    assert_string_equal(m.run->detail, "the budget of run wf_00000000000r is used up: 1004 tokens "
                                       "of 1000 tokens");
    machine_release(&m);
}

static void a_run_waits_for_the_budget_that_its_nested_run_waits_for(void **state)
{
    struct machine m;
    struct event event = {.kind = EVENT_CHILD,
                          .step = "n",
                          .child_status = RUN_PAUSED,
                          .child_short_run = "wf_00000000000r",
                          .child_short_name = "usd",
                          .outcome = {.error = "it is used up"}};

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: n, workflow: other }] }]\n");
    event.child = machine_step(&m, "n")->child;
    assert_int_equal(machine_event(&m, event), 0);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason, "budget");
    assert_string_equal(m.run->detail, "it is used up");
    assert_string_equal(m.run->reason_budget, "usd");
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_null(machine_step(&m, "n")->short_run);
    machine_release(&m);
}

static void the_budget_that_a_nested_run_waits_for_may_be_taken_away_as_well(void **state)
{
    struct machine m;
    struct event event = {
        .kind = EVENT_CHILD, .step = "n", .child_status = RUN_PAUSED, .child_short_name = "usd"};

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: n, workflow: other }] }]\n");
    event.child = machine_step(&m, "n")->child;
    event.child_short_run = m.run->id;
    assert_int_equal(machine_event(&m, event), 0);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'budget', 'budget': {'tokens': '+1'}}"),
                     ERROR_CONFLICT);
    assert_int_equal(machine_command(&m, "{'do': 'budget', 'budget': {'usd': '+1'}}"), 0);
    machine_release(&m);
}

static void a_run_goes_on_with_the_nested_run_that_it_rested_for(void **state)
{
    struct machine m;
    struct event event = {.kind = EVENT_CHILD,
                          .step = "n",
                          .child_status = RUN_PAUSED,
                          .child_short_run = "wf_00000000000n",
                          .child_short_name = "usd"};

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: n, workflow: other }] }]\n");
    event.child = machine_step(&m, "n")->child;
    assert_int_equal(machine_event(&m, event), 0);
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_child(&m, "n", RUN_RUNNING); /* its own budget was raised */
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_release(&m);
}

static void a_nested_run_goes_on_while_an_approval_is_waited_for(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, mode: parallel, steps: [{ id: n, workflow: "
                      "other }, { id: a, approve: well? }] }]\n");
    machine_child(&m, "n", RUN_PAUSED);
    assert_string_equal(m.run->reason, "approval");
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_int_equal(m.run->status, RUN_RUNNING);
    assert_non_null(strstr(machine_effects(&m), "resume"));
    machine_release(&m);
}

/* Nobody asks the host while one of the runs is running, and that only waits. */
static void no_run_waits_for_what_the_host_does_for_another(void **state)
{
    struct machine m;
    struct budget_node root = {.run = "wf_00000000000r", .limits = {{[BUDGET_TOKENS] = 1000}}};
    struct budget_node own = {.run = "wf_00000000000n"};

    (void)state;
    root.own.sums[LEDGER_CALLS] = 1;
    root.own.sums[LEDGER_TOKENS] = root.own.sums[LEDGER_RESERVED_TOKENS] = 600;
    root.own.sums[LEDGER_IN_FLIGHT] = root.own.sums[LEDGER_AT_HOST] = 1;
    machine_init(&m, THREE("concurrency: 1\n"), NULL);
    budget_node_attach(&own, &root);
    m.limits.node = &own;
    assert_int_equal(machine_event(&m, (struct event){.kind = EVENT_BEGIN}), 0);
    machine_prepare(&m, "a");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason_run, "wf_00000000000r");
    machine_release(&m);
}

static void a_limit_that_cannot_be_set_is_refused(void **state)
{
    struct machine m;

    (void)state;
    begin(&m, THREE(""), NULL);
    assert_refused(&m, "{'do': 'budget', 'budget': {'tokens': '+5'}}", "no budget of tokens that");
    assert_refused(&m, "{'do': 'budget', 'budget': {'money': '5'}}", "no budget of \"money\"");
    assert_refused(&m, "{'do': 'budget', 'budget': {'z.tokens': '5'}}", "no step \"z\"");
    assert_refused(&m, "{'do': 'budget', 'budget': {'a.tokens': '5'}}", "no budget of its own");
    machine_release(&m);
}

static void a_static_alternative_needs_no_tokens(void **state)
{
    struct machine m;

    (void)state;
    begin(&m,
          "name: w\nstrategy: static\nphases: [{ id: p, mode: parallel, steps: [{ id: a, prompt: "
          "go, agent: x, static: { run: lint } }] }]\n",
          "{'tokens': '1'}");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(sum(&m, LEDGER_CALLS), 0);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_reserved_before_it_begins),
        cmocka_unit_test(at_the_ceiling_the_run_pauses_and_says_what_to_do),
        cmocka_unit_test(without_more_it_pauses_again_and_nothing_is_reset),
        cmocka_unit_test(who_finds_no_room_waits_for_the_calls_under_way),
        cmocka_unit_test(calls_under_way_end_and_their_results_are_kept),
        cmocka_unit_test(an_unknown_cost_is_told_and_taken_as_expected),
        cmocka_unit_test(further_tries_of_a_step_count_against_its_own_budget),
        cmocka_unit_test(steps_are_counted_once_however_often_they_are_tried),
        cmocka_unit_test(a_budget_that_was_taken_away_may_be_raised_by_who_waits_for_it),
        cmocka_unit_test(the_budget_that_a_nested_run_waits_for_may_be_taken_away_as_well),
        cmocka_unit_test(time_counts_while_the_run_runs),
        cmocka_unit_test(a_crash_hides_at_most_a_minute),
        cmocka_unit_test(what_all_above_used_counts_for_a_nested_run),
        cmocka_unit_test(a_run_waits_for_the_budget_that_its_nested_run_waits_for),
        cmocka_unit_test(a_run_goes_on_with_the_nested_run_that_it_rested_for),
        cmocka_unit_test(a_nested_run_goes_on_while_an_approval_is_waited_for),
        cmocka_unit_test(no_run_waits_for_what_the_host_does_for_another),
        cmocka_unit_test(a_limit_that_cannot_be_set_is_refused),
        cmocka_unit_test(a_static_alternative_needs_no_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
