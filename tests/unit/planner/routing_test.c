/* SPDX-License-Identifier: MIT */
/* What it does with agents that change: tests/sim/routing_test.c. */
#include "planner/routing.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW ((int64_t)1000 * 24 * 3600 * 1000)
#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define SEEDS 200

static const struct routing_candidate three[] = {{.agent = "a", .cost_usd = -1},
                                                 {.agent = "b", .tier = "pro", .cost_usd = -1},
                                                 {.agent = "c", .cost_usd = -1}};

static struct agent_sample make_sample(const char *agent, int64_t succeeded, int64_t failed)
{
    return (struct agent_sample){.agent = agent,
                                 .kind = "fix",
                                 .at = NOW,
                                 .attempts = succeeded + failed,
                                 .succeeded = succeeded,
                                 .failed = failed};
}

static struct routing_request make_request(const struct agent_sample *samples, size_t count)
{
    return (struct routing_request){.kind = "fix",
                                    .candidates = three,
                                    .candidate_count = ARRAY_LEN(three),
                                    .samples = samples,
                                    .sample_count = count,
                                    .now = NOW};
}

/* How often each is chosen, over many seeds. */
static void count_choices(struct routing_request request, int ret_counts[3])
{
    struct routing_record records[3];

    memset(ret_counts, 0, 3 * sizeof(*ret_counts));
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        request.seed = seed * 7919;
        ret_counts[routing_pick(&request, records)]++;
    }
}

static void nothing_known_is_the_first_of_the_configuration(void **state)
{
    const struct agent_sample elsewhere[] = {
        {.agent = "b", .kind = "review", .at = NOW, .succeeded = 20},
        {.agent = "x", .kind = "fix", .at = NOW, .succeeded = 20}};
    int counts[3];
    struct routing_request request = make_request(elsewhere, ARRAY_LEN(elsewhere));
    json_t *choice = routing_choose(&request);

    (void)state;
    count_choices(request, counts);
    assert_int_equal(counts[0], SEEDS);
    assert_string_equal(json_get_text(choice, "agent", ""), "a");
    assert_string_equal(
        json_get_text(choice, "why", ""),
        "nothing is known of any for this kind of task: the first of the configuration");
    json_decref(choice);
}

static void below_0_6_drops_out_while_others_remain(void **state)
{
    const struct agent_sample samples[] = {make_sample("c", 8, 8), make_sample("b", 6, 4),
                                           make_sample("a", 2, 3)};
    int counts[3];

    (void)state;
    count_choices(make_request(samples, ARRAY_LEN(samples)), counts);
    assert_int_equal(counts[0], 0);
    assert_int_equal(counts[1], SEEDS);
    assert_int_equal(counts[2], 0);
}

static void when_all_are_below_0_6_all_remain(void **state)
{
    const struct agent_sample samples[] = {make_sample("a", 5, 5), make_sample("b", 5, 5),
                                           make_sample("c", 5, 5)};
    int counts[3];

    (void)state;
    count_choices(make_request(samples, ARRAY_LEN(samples)), counts);
    assert_true(counts[0] > 0 && counts[1] > 0 && counts[2] > 0);
}

static void fewer_than_five_samples_drop_nobody(void **state)
{
    const struct agent_sample samples[] = {make_sample("a", 0, 4)};
    struct routing_record records[3];
    struct routing_request request = make_request(samples, ARRAY_LEN(samples));

    (void)state;
    (void)routing_pick(&request, records);
    assert_true(records[0].draw >= 0);
    assert_int_equal(records[0].samples, 4);
}

static void who_dropped_out_long_ago_is_asked_again(void **state)
{
    struct agent_sample samples[] = {make_sample("a", 0, 8)};
    struct routing_record records[3];
    struct routing_request request = make_request(samples, ARRAY_LEN(samples));

    (void)state;
    (void)routing_pick(&request, records);
    assert_true(records[0].draw < 0);
    request.now = NOW + 30 * DAY_MS; /* half of 8 is below 5 */
    (void)routing_pick(&request, records);
    assert_true(records[0].draw >= 0);
    assert_true(records[0].failed > 3.99 && records[0].failed < 4.01);
}

static void twenty_newer_samples_halve_one(void **state)
{
    const struct agent_sample samples[] = {make_sample("a", 0, 8), make_sample("b", 20, 0)};
    struct routing_record records[3];
    struct routing_request request = make_request(samples, ARRAY_LEN(samples));

    (void)state;
    (void)routing_pick(&request, records);
    assert_true(records[0].failed > 3.99 && records[0].failed < 4.01);
}

static void the_better_one_gets_most_and_the_unknown_some(void **state)
{
    const struct agent_sample samples[] = {make_sample("a", 13, 7), make_sample("b", 19, 1)};
    int counts[3];

    (void)state;
    count_choices(make_request(samples, ARRAY_LEN(samples)), counts);
    assert_true(counts[1] > SEEDS * 3 / 4);
    assert_true(counts[2] > 0);
}

static void the_same_request_gives_the_same_choice(void **state)
{
    const struct agent_sample samples[] = {make_sample("a", 3, 1), make_sample("b", 3, 1)};
    struct routing_request request = make_request(samples, ARRAY_LEN(samples));
    json_t *first;
    json_t *second;

    (void)state;
    request.seed = routing_seed("repair the parser\nfix");
    first = routing_choose(&request);
    second = routing_choose(&request);
    assert_true(json_equal(first, second));
    assert_true(request.seed != routing_seed("repair the parser\nreview"));
    json_decref(first);
    json_decref(second);
}

/* Both are as good as certain, so that the draws are near each other. */
static void of_equals_the_cheaper_is_taken_then_the_faster(void **state)
{
    struct agent_sample samples[] = {make_sample("a", 3000, 0), make_sample("b", 3000, 0)};
    struct routing_request request = make_request(samples, ARRAY_LEN(samples));
    int counts[3];

    (void)state;
    request.candidate_count = 2;
    samples[0].well.timed = samples[1].well.timed = 3000;
    samples[0].well.duration_ms = 3000 * 9000;
    samples[1].well.duration_ms = 3000 * 4000;
    /* A cell of samples: the later one's number ages the other. */
    samples[1].succeeded = samples[1].attempts = 20;
    samples[1].well.timed = 20;
    samples[1].well.duration_ms = 20 * 4000;
    count_choices(request, counts);
    assert_int_equal(counts[0] + counts[1], SEEDS);
    assert_true(counts[1] > SEEDS / 3);
    samples[0].all.priced = 3000;
    samples[0].all.cost_usd = 3000 * 0.1;
    samples[1].all.priced = 20;
    samples[1].all.cost_usd = 20 * 0.5;
    count_choices(request, counts);
    assert_true(counts[0] > SEEDS * 9 / 10);
}

static void the_choice_says_why_and_what_else_there_was(void **state)
{
    const struct agent_sample samples[] = {make_sample("a", 1, 9), make_sample("b", 19, 1)};
    struct routing_request request = make_request(samples, ARRAY_LEN(samples));
    json_t *choice;
    const json_t *others;

    (void)state;
    request.candidate_count = 2;
    choice = routing_choose(&request);
    others = json_object_get(choice, "alternatives");
    assert_string_equal(json_get_text(choice, "agent", ""), "b");
    assert_string_equal(json_get_text(choice, "kind", ""), "fix");
    assert_string_equal(json_get_text(choice, "tier", ""), "pro");
    assert_string_equal(json_get_text(choice, "why", ""),
                        "the best that is known: success 0.95 of 20 samples");
    assert_int_equal(json_get_integer(choice, "samples", 0), 20);
    assert_null(json_object_get(choice, "exploration"));
    assert_null(json_object_get(choice, "cost_usd"));
    assert_int_equal(json_array_size(others), 1);
    assert_string_equal(json_get_text(json_array_get(others, 0), "why", ""),
                        "dropped out, below 0.6: success 0.10 of 10 samples");
    assert_null(json_object_get(json_array_get(others, 0), "score"));
    json_decref(choice);
}

static void a_look_at_another_is_told_as_one(void **state)
{
    const struct agent_sample samples[] = {make_sample("a", 8, 2)};
    struct routing_request request = make_request(samples, ARRAY_LEN(samples));
    bool is_found = false;

    (void)state;
    for (request.seed = 0; request.seed < SEEDS && !is_found; request.seed++) {
        json_t *choice = routing_choose(&request);

        if (strcmp(json_get_text(choice, "agent", ""), "c") == 0) {
            is_found = true;
            assert_true(json_get_boolean(choice, "exploration", false));
            assert_string_equal(
                json_get_text(choice, "why", ""),
                "to learn more of it: nothing known; a leads: success 0.80 of 10 samples");
        }
        json_decref(choice);
    }
    assert_true(is_found);
}

static void the_only_one_is_taken_however_bad(void **state)
{
    const struct agent_sample samples[] = {make_sample("a", 0, 9)};
    struct routing_request request = make_request(samples, ARRAY_LEN(samples));
    json_t *choice;

    (void)state;
    request.candidate_count = 1;
    choice = routing_choose(&request);
    assert_string_equal(json_get_text(choice, "agent", ""), "a");
    assert_string_equal(json_get_text(choice, "why", ""),
                        "the only one: success 0.00 of 9 samples");
    json_decref(choice);
}

/* ---- estimates ---- */

static struct agent_sample make_costs(const char *kind, const char *expert, int64_t count)
{
    return (struct agent_sample){
        .agent = "a",
        .kind = kind,
        .expert = expert,
        .at = NOW,
        .attempts = count,
        .succeeded = count,
        .well = {
            .duration_ms = count * 2000, .timed = count, .tokens = count * 1000, .counted = count}};
}

static json_t *estimate(const struct agent_sample *samples, size_t count)
{
    const struct routing_question question = {.agent = "a",
                                              .kind = "fix",
                                              .expert = "tester",
                                              .samples = samples,
                                              .sample_count = count,
                                              .now = NOW};

    return routing_estimate(&question);
}

static void an_estimate_is_unknown_below_five_samples(void **state)
{
    const struct agent_sample samples[] = {make_costs("fix", "tester", 4)};
    json_t *answer = estimate(samples, ARRAY_LEN(samples));

    (void)state;
    assert_int_equal(json_get_integer(answer, "samples", 0), 4);
    assert_int_equal(json_object_size(answer), 1);
    json_decref(answer);
}

static void an_estimate_rests_on_the_narrowest_that_is_known(void **state)
{
    static const struct {
        int64_t expert, kind, other;
        const char *basis;
        int64_t samples;
    } cases[] = {{5, 9, 9, "agent, kind and expert", 5},
                 {4, 2, 9, "agent and kind", 6},
                 {1, 2, 3, "agent", 6}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct agent_sample samples[] = {make_costs("fix", "tester", cases[i].expert),
                                               make_costs("fix", NULL, cases[i].kind),
                                               make_costs("docs", NULL, cases[i].other)};
        json_t *answer = estimate(samples, ARRAY_LEN(samples));

        assert_string_equal(json_get_text(answer, "basis", ""), cases[i].basis);
        assert_int_equal(json_get_integer(answer, "samples", 0), cases[i].samples);
        assert_true(json_real_value(json_object_get(answer, "tokens")) == 1000);
        assert_true(json_real_value(json_object_get(answer, "seconds")) == 2);
        assert_null(json_object_get(answer, "cost_usd")); /* nobody told */
        json_decref(answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_the_first_of_the_configuration),
        cmocka_unit_test(below_0_6_drops_out_while_others_remain),
        cmocka_unit_test(when_all_are_below_0_6_all_remain),
        cmocka_unit_test(fewer_than_five_samples_drop_nobody),
        cmocka_unit_test(who_dropped_out_long_ago_is_asked_again),
        cmocka_unit_test(twenty_newer_samples_halve_one),
        cmocka_unit_test(the_better_one_gets_most_and_the_unknown_some),
        cmocka_unit_test(the_same_request_gives_the_same_choice),
        cmocka_unit_test(of_equals_the_cheaper_is_taken_then_the_faster),
        cmocka_unit_test(the_choice_says_why_and_what_else_there_was),
        cmocka_unit_test(a_look_at_another_is_told_as_one),
        cmocka_unit_test(the_only_one_is_taken_however_bad),
        cmocka_unit_test(an_estimate_is_unknown_below_five_samples),
        cmocka_unit_test(an_estimate_rests_on_the_narrowest_that_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
