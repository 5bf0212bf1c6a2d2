/* SPDX-License-Identifier: MIT */
#include "run/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void add(struct usage_sum *sum, const char *text)
{
    json_t *said = text ? json_loads(text, 0, NULL) : NULL;

    usage_add(sum, said);
    json_decref(said);
}

static void assert_sum(const struct usage_sum *sum, const char *expected)
{
    json_t *usage = usage_describe(sum);
    char *text = json_dump_compact(usage);

    assert_string_equal(text, expected);
    free(text);
    json_decref(usage);
}

static void what_all_said_is_summed_up(void **state)
{
    struct usage_sum sum = {0};
    const char *said = "{\"input_tokens\":10,\"output_tokens\":2,\"cached_tokens\":0,"
                       "\"cost_usd\":0.25,\"turns\":1,\"user_ms\":5}";

    (void)state;
    add(&sum, said);
    add(&sum, said);
    assert_sum(&sum, "{\"input_tokens\":20,\"output_tokens\":4,\"cached_tokens\":0,"
                     "\"cost_usd\":0.5,\"turns\":2,\"attempts\":2}");
}

static void a_part_that_is_not_known_makes_it_the_least(void **state)
{
    struct usage_sum sum = {0};

    (void)state;
    add(&sum, "{\"input_tokens\":10,\"output_tokens\":2}");
    add(&sum, "{\"input_tokens\":5}");
    add(&sum, NULL);
    assert_sum(&sum, "{\"input_tokens\":15,\"output_tokens\":2,\"attempts\":3,"
                     "\"at_least\":[\"input_tokens\",\"output_tokens\"],"
                     "\"unknown\":[\"cached_tokens\",\"cost_usd\",\"turns\"]}");
}

static void nothing_used_by_some_is_no_knowledge_of_the_others(void **state)
{
    struct usage_sum sum = {0};

    (void)state;
    add(&sum, "{\"input_tokens\":0,\"output_tokens\":0,\"cached_tokens\":0,\"cost_usd\":0.0,"
              "\"turns\":0}");
    add(&sum, "{\"input_tokens\":5,\"output_tokens\":0,\"turns\":1}");
    assert_sum(&sum, "{\"input_tokens\":5,\"output_tokens\":0,\"turns\":1,\"attempts\":2,"
                     "\"unknown\":[\"cached_tokens\",\"cost_usd\"]}");
}

static void sums_are_summed_up(void **state)
{
    struct usage_sum sum = {0}, part = {0}, none = {0};

    (void)state;
    add(&part, "{\"turns\":3}");
    usage_merge(&sum, &part);
    usage_merge(&sum, &none);
    usage_merge(&sum, &part);
    assert_int_equal(sum.attempts, 2);
    assert_int_equal(sum.sum.turns, 6);
    assert_true(sum.sum.cost_usd < 0);
}

static void where_no_agent_was_asked_there_is_no_usage(void **state)
{
    struct usage_sum sum = {0};

    (void)state;
    assert_null(usage_describe(&sum));
    add(&sum, "{\"user_ms\":0,\"not_started\":true}");
    assert_null(usage_describe(&sum));
}

static void what_is_no_number_or_less_than_nothing_is_not_known(void **state)
{
    struct usage_sum sum = {0};

    (void)state;
    add(&sum, "{\"input_tokens\":-1,\"output_tokens\":\"many\",\"cost_usd\":-0.5,\"turns\":2}");
    assert_sum(&sum, "{\"turns\":2,\"attempts\":1,"
                     "\"unknown\":[\"input_tokens\",\"output_tokens\",\"cached_tokens\","
                     "\"cost_usd\"]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_all_said_is_summed_up),
        cmocka_unit_test(a_part_that_is_not_known_makes_it_the_least),
        cmocka_unit_test(nothing_used_by_some_is_no_knowledge_of_the_others),
        cmocka_unit_test(sums_are_summed_up),
        cmocka_unit_test(where_no_agent_was_asked_there_is_no_usage),
        cmocka_unit_test(what_is_no_number_or_less_than_nothing_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
