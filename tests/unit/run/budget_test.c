/* SPDX-License-Identifier: MIT */
#include "run/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *usage(int input, int output, double usd)
{
    return json_pack("{s:i, s:i, s:f}", "input_tokens", input, "output_tokens", output, "cost_usd",
                     usd);
}

static void a_call_is_reserved_then_settled_to_the_token(void **state)
{
    struct ledger ledger = {{0}};
    struct reserve reserve = {.tokens = 1000, .usd = 5};
    json_t *said = usage(700, 55, 0.25);

    (void)state;
    ledger_reserve(&ledger, reserve);
    assert_int_equal(ledger.sums[LEDGER_RESERVED_TOKENS], 1000);
    assert_int_equal(ledger.sums[LEDGER_IN_FLIGHT], 1);
    ledger_settle(&ledger, reserve, said);
    assert_int_equal(ledger.sums[LEDGER_RESERVED_TOKENS], 0);
    assert_int_equal(ledger.sums[LEDGER_RESERVED_USD], 0);
    assert_int_equal(ledger.sums[LEDGER_IN_FLIGHT], 0);
    assert_int_equal(ledger.sums[LEDGER_TOKENS], 755);
    assert_int_equal(ledger.sums[LEDGER_USD], BUDGET_USD_UNIT / 4);
    assert_int_equal(ledger.sums[LEDGER_CALLS], 1);
    assert_int_equal(ledger.sums[LEDGER_UNKNOWN_TOKENS], 0);
    json_decref(said);
}

static void an_unknown_cost_is_not_counted_as_nothing(void **state)
{
    struct ledger ledger = {{0}};
    struct reserve reserve = {.tokens = 1000, .usd = 50};
    json_t *half = json_pack("{s:i}", "output_tokens", 300);

    (void)state;
    ledger_reserve(&ledger, reserve);
    ledger_settle(&ledger, reserve, NULL);
    assert_int_equal(ledger.sums[LEDGER_UNKNOWN_TOKENS], 1);
    assert_int_equal(ledger.sums[LEDGER_UNKNOWN_USD], 1);
    assert_int_equal(ledger.sums[LEDGER_ASSUMED_TOKENS], 1000);
    assert_int_equal(ledger.sums[LEDGER_ASSUMED_USD], 50);
    ledger_reserve(&ledger, reserve);
    ledger_settle(&ledger, reserve, half);
    assert_int_equal(ledger.sums[LEDGER_TOKENS], 300);
    assert_int_equal(ledger.sums[LEDGER_ASSUMED_TOKENS], 1700);
    assert_int_equal(ledger.sums[LEDGER_UNKNOWN_TOKENS], 2);
    assert_int_equal(ledger_mean_tokens(&ledger), -1);
    json_decref(half);
}

static void the_mean_is_that_of_the_calls_that_said(void **state)
{
    struct ledger ledger = {{0}};
    json_t *first = usage(100, 0, 0);
    json_t *second = usage(0, 201, 0);

    (void)state;
    assert_int_equal(ledger_mean_tokens(&ledger), -1);
    ledger_reserve(&ledger, (struct reserve){0});
    ledger_reserve(&ledger, (struct reserve){0});
    ledger_reserve(&ledger, (struct reserve){0});
    ledger_settle(&ledger, (struct reserve){0}, first);
    ledger_settle(&ledger, (struct reserve){0}, second);
    ledger_settle(&ledger, (struct reserve){0}, NULL);
    assert_int_equal(ledger_mean_tokens(&ledger), 151);
    assert_int_equal(ledger_mean_usd(&ledger), 0);
    json_decref(first);
    json_decref(second);
}

static void a_ledger_comes_back_as_it_was_written(void **state)
{
    struct ledger ledger;
    struct ledger back;
    json_t *value;

    (void)state;
    for (int i = 0; i < LEDGER_FIELDS; i++) {
        ledger.sums[i] = 1000000007LL * (i + 1);
    }
    value = ledger_encode(&ledger);
    ledger_decode(value, &back);
    assert_memory_equal(&ledger, &back, sizeof(back));
    json_decref(value);
}

static struct budget_scope limited(enum budget_kind kind, int64_t limit)
{
    struct budget_scope scope = {.run = "wf_000000000001"};

    scope.limits.limits[kind] = limit;
    return scope;
}

static void a_call_begins_only_when_its_reserve_fits(void **state)
{
    struct budget_scope scope = limited(BUDGET_TOKENS, 1000);
    struct budget_need need = {.is_call = true, .reserve = {.tokens = 300}};
    enum budget_kind kind = BUDGET_STEPS;
    bool may_wait = true;

    (void)state;
    scope.used.sums[LEDGER_TOKENS] = 400;
    scope.used.sums[LEDGER_RESERVED_TOKENS] = 300;
    scope.used.sums[LEDGER_IN_FLIGHT] = 1;
    assert_true(budget_has_room(&scope, &need, &kind, &may_wait));
    scope.used.sums[LEDGER_ASSUMED_TOKENS] = 1;
    assert_false(budget_has_room(&scope, &need, &kind, &may_wait));
    assert_int_equal(kind, BUDGET_TOKENS);
    assert_true(may_wait);
    scope.used.sums[LEDGER_TOKENS] = 1000;
    assert_false(budget_has_room(&scope, &need, &kind, &may_wait));
    assert_false(may_wait); /* no end of a call makes room in what is used up */
    need.is_call = false;
    assert_true(budget_has_room(&scope, &need, &kind, &may_wait));
}

static void without_an_expectation_a_call_begins_while_something_is_left(void **state)
{
    struct budget_scope scope = limited(BUDGET_USD, 100);
    struct budget_need need = {.is_call = true, .reserve = {.tokens = -1, .usd = -1}};
    enum budget_kind kind;
    bool may_wait;

    (void)state;
    scope.used.sums[LEDGER_USD] = 99;
    scope.used.sums[LEDGER_IN_FLIGHT] = 1;
    assert_false(budget_has_room(&scope, &need, &kind, &may_wait));
    assert_true(may_wait); /* the first goes alone */
    scope.used.sums[LEDGER_CALLS] = 1;
    assert_true(budget_has_room(&scope, &need, &kind, &may_wait));
    scope.used.sums[LEDGER_USD] = 100;
    assert_false(budget_has_room(&scope, &need, &kind, &may_wait));
}

static void steps_and_time_are_limited_for_all_steps(void **state)
{
    struct budget_scope steps = limited(BUDGET_STEPS, 2);
    struct budget_scope time = limited(BUDGET_TIME, 1000);
    struct budget_need need = {.steps = 1};
    enum budget_kind kind;
    bool may_wait;

    (void)state;
    steps.used.sums[LEDGER_STEPS] = 1;
    assert_true(budget_has_room(&steps, &need, &kind, &may_wait));
    steps.used.sums[LEDGER_STEPS] = 2;
    assert_false(budget_has_room(&steps, &need, &kind, &may_wait));
    assert_int_equal(kind, BUDGET_STEPS);
    need.steps = 0; /* a further try */
    assert_true(budget_has_room(&steps, &need, &kind, &may_wait));
    time.time_ms = 999;
    assert_true(budget_has_room(&time, &need, &kind, &may_wait));
    time.time_ms = 1000;
    assert_false(budget_has_room(&time, &need, &kind, &may_wait));
    assert_int_equal(kind, BUDGET_TIME);
}

static struct budget_node used(int64_t tokens)
{
    struct budget_node node = {.ran_ms = 0};

    node.own.sums[LEDGER_TOKENS] = tokens;
    return node;
}

static void every_run_above_counts_what_a_run_used(void **state)
{
    struct budget_node root = {.run = "wf_00000000000a"};
    struct budget_node middle = {.run = "wf_00000000000b"};
    struct budget_node leaf = {.run = "wf_00000000000c"};
    struct budget_node now = used(5);
    struct budget_scope scope;
    struct ledger newer = {{0}};

    (void)state;
    budget_node_update(&leaf, &now);
    budget_node_attach(&middle, &root);
    budget_node_attach(&leaf, &middle);
    now = used(12);
    budget_node_update(&leaf, &now);
    now = used(100);
    budget_node_update(&middle, &now);
    assert_int_equal(middle.below.sums[LEDGER_TOKENS], 12);
    assert_int_equal(root.below.sums[LEDGER_TOKENS], 112);
    newer.sums[LEDGER_TOKENS] = 20; /* the leaf by now */
    scope = budget_node_scope(&root, &newer, &leaf.own, 0);
    assert_int_equal(scope.used.sums[LEDGER_TOKENS], 120);
}

static void who_waits_looks_again_at_what_may_have_changed_the_answer(void **state)
{
    struct budget_node before = used(5);
    struct budget_node now;

    (void)state;
    before.own.sums[LEDGER_IN_FLIGHT] = 1;
    now = before;
    now.own.sums[LEDGER_STEPS]++;
    assert_false(budget_node_wakes(&before, &now));
    now.own.sums[LEDGER_IN_FLIGHT]++;
    assert_false(budget_node_wakes(&before, &now));
    now = before;
    now.own.sums[LEDGER_CALLS]++;
    assert_true(budget_node_wakes(&before, &now));
    now = before;
    now.own.sums[LEDGER_IN_FLIGHT]--;
    assert_true(budget_node_wakes(&before, &now));
    now = before;
    now.own.sums[LEDGER_AT_HOST]++;
    assert_true(budget_node_wakes(&before, &now));
    assert_false(budget_node_wakes(&now, &before));
    now = before;
    now.limits.limits[BUDGET_TOKENS] = 1;
    assert_true(budget_node_wakes(&before, &now));
}

static void time_goes_on_while_a_run_runs(void **state)
{
    struct budget_node node = {.ran_ms = 500, .since = 10000};
    static const struct ledger nothing;

    (void)state;
    assert_int_equal(budget_node_scope(&node, &nothing, &nothing, 10250).time_ms, 750);
    node.since = 0;
    assert_int_equal(budget_node_scope(&node, &nothing, &nothing, 99999).time_ms, 500);
}

static void what_is_used_is_shown_beside_its_limit(void **state)
{
    struct budget_scope scope = limited(BUDGET_TOKENS, 1000);
    json_t *shown;
    char *text;

    (void)state;
    scope.used.sums[LEDGER_TOKENS] = 300;
    scope.used.sums[LEDGER_ASSUMED_TOKENS] = 50;
    scope.used.sums[LEDGER_UNKNOWN_TOKENS] = 2;
    scope.used.sums[LEDGER_RESERVED_TOKENS] = 100;
    shown = budget_describe(&scope);
    text = json_dump_sorted(shown);
    assert_string_equal(text, "{\"tokens\":{\"assumed\":50,\"left\":650,\"limit\":1000,"
                              "\"reserved\":100,\"unknown_calls\":2,\"used\":350}}");
    free(text);
    json_decref(shown);
    scope.limits.limits[BUDGET_TOKENS] = 0;
    assert_null(budget_describe(&scope));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_reserved_then_settled_to_the_token),
        cmocka_unit_test(an_unknown_cost_is_not_counted_as_nothing),
        cmocka_unit_test(the_mean_is_that_of_the_calls_that_said),
        cmocka_unit_test(a_ledger_comes_back_as_it_was_written),
        cmocka_unit_test(a_call_begins_only_when_its_reserve_fits),
        cmocka_unit_test(without_an_expectation_a_call_begins_while_something_is_left),
        cmocka_unit_test(steps_and_time_are_limited_for_all_steps),
        cmocka_unit_test(every_run_above_counts_what_a_run_used),
        cmocka_unit_test(who_waits_looks_again_at_what_may_have_changed_the_answer),
        cmocka_unit_test(time_goes_on_while_a_run_runs),
        cmocka_unit_test(what_is_used_is_shown_beside_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
