/* SPDX-License-Identifier: MIT */
#include "workflow/budget.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void amounts_are_read_as_people_write_them(void **state)
{
    static const struct {
        enum budget_kind kind;
        const char *text;
        int64_t amount; /* -1: it is none */
    } samples[] = {
        {BUDGET_TOKENS, "200k", 200000},
        {BUDGET_TOKENS, "1.5M", 1500000},
        {BUDGET_TOKENS, "300", 300},
        {BUDGET_TOKENS, "0", 0},
        {BUDGET_TOKENS, "", -1},
        {BUDGET_TOKENS, "-5", -1},
        {BUDGET_TOKENS, "1.5", -1},
        {BUDGET_TOKENS, "0x10", -1},
        {BUDGET_TOKENS, "nan", -1},
        {BUDGET_TOKENS, "10 k", -1},
        {BUDGET_TOKENS, "1e40", -1},
        {BUDGET_STEPS, "40", 40},
        {BUDGET_USD, "5", 5 * BUDGET_USD_UNIT},
        {BUDGET_USD, "0.25", BUDGET_USD_UNIT / 4},
        {BUDGET_USD, "5$", -1},
        {BUDGET_USD, "9999999999", -1},
        {BUDGET_TIME, "30m", 30 * 60 * 1000},
        {BUDGET_TIME, "soon", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct error err = ERROR_INIT;
        int64_t amount = -1;
        int r = budget_parse(samples[i].kind, samples[i].text, &amount, &err);

        assert_int_equal(r, samples[i].amount < 0 ? ERROR_INVALID : 0);
        assert_int_equal(amount, samples[i].amount);
        assert_true(r == 0 || strstr(err.text, budget_kind_name(samples[i].kind)));
    }
}

static void what_is_not_said_holds_as_the_outer_one_says(void **state)
{
    struct budget outer = {{[BUDGET_TOKENS] = 10, [BUDGET_STEPS] = 3}};
    struct budget own = {{[BUDGET_TOKENS] = 7, [BUDGET_USD] = 5}};
    struct budget both = budget_over(own, outer);

    (void)state;
    assert_int_equal(both.limits[BUDGET_TOKENS], 7);
    assert_int_equal(both.limits[BUDGET_USD], 5);
    assert_int_equal(both.limits[BUDGET_STEPS], 3);
    assert_int_equal(both.limits[BUDGET_TIME], 0);
}

static void limits_come_back_from_the_journal_as_they_were(void **state)
{
    struct budget budget = {{[BUDGET_TOKENS] = 200000,
                             [BUDGET_USD] = 4990000001,
                             [BUDGET_TIME] = 1800000,
                             [BUDGET_STEPS] = 40}};
    struct budget back;
    json_t *value = budget_encode(&budget);
    struct budget none = {{0}};

    (void)state;
    budget_decode(value, &back);
    assert_memory_equal(&budget, &back, sizeof(back));
    json_decref(value);
    assert_null(budget_encode(&none));
    budget_decode(NULL, &back);
    assert_true(budget_is_empty(&back));
}

static int note(void *context, const struct budget_change *change, struct error *err)
{
    struct budget_change *noted = context;

    (void)err;
    *noted = *change;
    noted->step = change->step ? "said" : NULL;
    return 0;
}

static int visit(const char *name, const char *text, struct budget_change *ret_change,
                 struct error *err)
{
    json_t *changes = json_pack("{s:s}", name, text);
    int r = budget_changes_visit(changes, note, ret_change, err);

    json_decref(changes);
    return r;
}

static void a_limit_is_set_or_raised_for_the_run_or_a_step(void **state)
{
    struct budget_change change;

    (void)state;
    assert_int_equal(visit("tokens", "+5k", &change, NULL), 0);
    assert_true(change.is_added && !change.step && change.kind == BUDGET_TOKENS);
    assert_int_equal(budget_change_apply(&change, 1000), 6000);
    assert_int_equal(visit("review.usd", "2", &change, NULL), 0);
    assert_true(!change.is_added && change.step && change.kind == BUDGET_USD);
    assert_int_equal(budget_change_apply(&change, 1000), 2 * BUDGET_USD_UNIT);
}

static void what_is_no_budget_is_said_to_be_none(void **state)
{
    static const struct {
        const char *name, *text, *part;
    } samples[] = {{"tokns", "5", "no budget of \"tokns\""},
                   {".tokens", "5", "no budget of \".tokens\""},
                   {"tokens", "much", "\"much\" is no budget of tokens"},
                   {"time", "+", "no budget of time"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct budget_change change;
        struct error err = ERROR_INIT;

        assert_int_equal(visit(samples[i].name, samples[i].text, &change, &err), ERROR_INVALID);
        assert_non_null(strstr(err.text, samples[i].part));
        assert_true(*err.hint);
    }
}

static void amounts_are_shown_with_their_unit(void **state)
{
    char text[BUDGET_TEXT_SIZE];

    (void)state;
    budget_format(BUDGET_TOKENS, 1200, text);
    assert_string_equal(text, "1200 tokens");
    budget_format(BUDGET_USD, 5 * BUDGET_USD_UNIT, text);
    assert_string_equal(text, "$5.00");
    budget_format(BUDGET_USD, BUDGET_USD_UNIT / 1000, text);
    assert_string_equal(text, "$0.0010");
    budget_format(BUDGET_STEPS, 4, text);
    assert_string_equal(text, "4 steps");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_read_as_people_write_them),
        cmocka_unit_test(what_is_not_said_holds_as_the_outer_one_says),
        cmocka_unit_test(limits_come_back_from_the_journal_as_they_were),
        cmocka_unit_test(a_limit_is_set_or_raised_for_the_run_or_a_step),
        cmocka_unit_test(what_is_no_budget_is_said_to_be_none),
        cmocka_unit_test(amounts_are_shown_with_their_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
