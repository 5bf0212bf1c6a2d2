/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"
#include "run/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ONE                                                                                        \
    "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: go, agent: x, budget: { tokens: 90 } "    \
    "}] }]\n"

static void start(struct machine *m)
{
    json_t *reserved = json_pack("{s:i, s:f}", "tokens", 50, "usd", 0.5);

    fold_budget_started(m->run, &m->run->steps[0],
                        &(struct record){.reason = "agent", .output = reserved});
    json_decref(reserved);
}

static void a_call_that_never_began_costs_nothing(void **state)
{
    struct machine m;
    json_t *said = json_pack("{s:b}", "not_started", 1);

    (void)state;
    machine_init(&m, ONE, NULL);
    start(&m);
    assert_int_equal(m.run->ledger.sums[LEDGER_IN_FLIGHT], 1);
    fold_budget_ended(m.run, &m.run->steps[0], &(struct record){.class_ = "lost", .flag = true});
    start(&m);
    fold_budget_ended(m.run, &m.run->steps[0],
                      &(struct record){.class_ = "permanent", .data = said});
    assert_int_equal(m.run->ledger.sums[LEDGER_IN_FLIGHT], 0);
    assert_int_equal(m.run->ledger.sums[LEDGER_RESERVED_TOKENS], 0);
    assert_int_equal(m.run->ledger.sums[LEDGER_CALLS], 0);
    json_decref(said);
    machine_release(&m);
}

static void a_lost_call_is_one_of_unknown_cost(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m, ONE, NULL);
    start(&m);
    fold_budget_ended(m.run, &m.run->steps[0],
                      &(struct record){.class_ = "lost", .duration_ms = 700});
    assert_int_equal(m.run->ledger.sums[LEDGER_UNKNOWN_TOKENS], 1);
    assert_int_equal(m.run->ledger.sums[LEDGER_ASSUMED_TOKENS], 50);
    assert_int_equal(m.run->ledger.sums[LEDGER_ASSUMED_USD], BUDGET_USD_UNIT / 2);
    assert_int_equal(step_scope(m.run, &m.run->steps[0]).used.sums[LEDGER_ASSUMED_TOKENS], 50);
    assert_int_equal(step_scope(m.run, &m.run->steps[0]).time_ms, 700);
    machine_release(&m);
}

static void a_fork_begins_with_what_was_used_before_it(void **state)
{
    struct machine m;
    json_t *spent;

    (void)state;
    machine_init(&m, ONE, NULL);
    start(&m);
    m.run->ledger.sums[LEDGER_TOKENS] = 400;
    m.run->below.sums[LEDGER_TOKENS] = 30;
    m.run->ran_ms = 9000;
    spent = run_describe_spent(m.run);
    machine_release(&m);
    machine_init(&m, ONE, NULL);
    fold_budget_created(m.run, &(struct record){.errors = spent});
    assert_int_equal(m.run->ledger.sums[LEDGER_TOKENS], 430);
    assert_int_equal(m.run->ledger.sums[LEDGER_IN_FLIGHT], 0); /* the other one pays for that */
    assert_int_equal(m.run->ledger.sums[LEDGER_RESERVED_TOKENS], 0);
    assert_int_equal(m.run->ran_ms, 9000);
    json_decref(spent);
    machine_release(&m);
}

static void instances_share_the_budget_of_their_list(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: go, agent: x, reuse: "
                      "never, foreach: [1, 2], budget: { tokens: 90 } }] }]\n");
    for (int i = 0; i < 2; i++) {
        json_t *usage = json_pack("{s:i, s:i}", "input_tokens", 10, "output_tokens", 5);

        machine_end(&m, i == 0 ? "a[0]" : "a[1]", (struct outcome){.agent = "x", .usage = usage});
        json_decref(usage);
    }
    assert_int_equal(step_scope(m.run, machine_step(&m, "a")).used.sums[LEDGER_TOKENS], 30);
    assert_int_equal(step_scope(m.run, machine_step(&m, "a[1]")).used.sums[LEDGER_TOKENS], 30);
    assert_int_equal(step_budget(m.run, machine_step(&m, "a[1]")).limits[BUDGET_TOKENS], 90);
    machine_release(&m);
}

static void nothing_resets_what_was_used(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\niterate: { max: 2 }\nphases: [{ id: p, steps: [{ id: a, run: x, "
                      "budget: { steps: 9 } }] }]\n");
    machine_pass(&m, "a");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(m.run->ledger.sums[LEDGER_STEPS], 2);
    assert_int_equal(step_scope(m.run, machine_step(&m, "a")).used.sums[LEDGER_STEPS], 2);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_never_began_costs_nothing),
        cmocka_unit_test(a_lost_call_is_one_of_unknown_cost),
        cmocka_unit_test(a_fork_begins_with_what_was_used_before_it),
        cmocka_unit_test(instances_share_the_budget_of_their_list),
        cmocka_unit_test(nothing_resets_what_was_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
