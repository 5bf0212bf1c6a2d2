/* SPDX-License-Identifier: MIT */
#include "run/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct agent_sample make(void)
{
    struct agent_sample sample = {.attempts = 3,
                                  .succeeded = 1,
                                  .failed = 1,
                                  .sent_back = 1,
                                  .changes = 1,
                                  .well = {.duration_ms = 10, .timed = 1},
                                  .all = {.duration_ms = 30,
                                          .timed = 3,
                                          .tokens = 7,
                                          .counted = 2,
                                          .cost_usd = 0.5,
                                          .priced = 1}};

    sample.by_class[CLASS_TIMEOUT] = 2;
    return sample;
}

static void what_is_kept_is_what_was_there(void **state)
{
    const struct agent_sample sample = make();
    struct agent_sample again = {.agent = NULL};
    json_t *value = sample_encode(&sample);

    (void)state;
    sample_decode(value, &again);
    assert_memory_equal(&again, &sample, sizeof(sample));
    json_decref(value);
}

static void nobody_who_told_a_cost_is_no_cost_of_zero(void **state)
{
    struct agent_sample sample = make();
    json_t *value;

    (void)state;
    sample.all.priced = 0;
    sample.all.cost_usd = 0;
    value = sample_encode(&sample);
    assert_null(json_object_get(json_object_get(value, "all"), "cost_usd"));
    json_decref(value);
}

static void samples_add_up(void **state)
{
    const struct agent_sample sample = make();
    struct agent_sample sum = {.agent = "a", .kind = "fix", .at = 5};

    (void)state;
    sample_add(&sum, &sample);
    sample_add(&sum, &sample);
    assert_string_equal(sum.agent, "a");
    assert_int_equal(sum.at, 5);
    assert_int_equal(sum.attempts, 6);
    assert_int_equal(sum.by_class[CLASS_TIMEOUT], 4);
    assert_int_equal(sum.well.duration_ms, 20);
    assert_int_equal(sum.all.counted, 4);
    assert_true(sum.all.cost_usd == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_what_was_there),
        cmocka_unit_test(nobody_who_told_a_cost_is_no_cost_of_zero),
        cmocka_unit_test(samples_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
