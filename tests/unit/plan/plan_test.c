/* SPDX-License-Identifier: MIT */
#include "plan/plan.h"

#include "../../support/workflow_text.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIAMOND                                                                                    \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - { id: a, steps: [{ id: one, run: x }] }\n"                                                \
    "  - { id: b, needs: [a], steps: [{ id: two, run: x }] }\n"                                    \
    "  - { id: c, needs: [a], steps: [{ id: three, run: x }] }\n"                                  \
    "  - { id: d, needs: [b, c], steps: [{ id: four, run: x }] }\n"                                \
    "  - { id: e, needs: [], steps: [{ id: five, run: x }] }\n"

static void expect_edges(struct plan_edges edges, const char *expected)
{
    char text[100] = "";

    for (size_t i = 0; i < edges.count; i++) {
        size_t length = strlen(text);

        (void)snprintf(text + length, sizeof(text) - length, "%s%d", i > 0 ? " " : "",
                       edges.items[i]);
    }
    assert_string_equal(text, expected);
}

static void expect_waves(const char *workflow, const char *expected)
{
    struct parsed parsed = parse_clean(workflow);
    struct plan *plan = plan_new(parsed.workflow);
    json_t *waves = plan_waves(plan);
    char *text = mem_strdup("");
    size_t index;
    json_t *wave;

    json_array_foreach(json_object_get(waves, "waves"), index, wave)
    {
        char *steps = json_dump_compact(json_object_get(wave, "steps"));
        char *longer = mem_printf("%s%s%d %s %s", text, index > 0 ? " | " : "",
                                  (int)json_get_integer(wave, "wave", 0),
                                  json_get_text(wave, "phase", ""), steps);

        free(text);
        free(steps);
        text = longer;
    }
    assert_string_equal(text, expected);
    free(text);
    json_decref(waves);
    plan_free(plan);
    parsed_release(&parsed);
}

static void phases_know_who_needs_them(void **state)
{
    struct parsed parsed = parse_clean(DIAMOND);
    struct plan *plan = plan_new(parsed.workflow);

    (void)state;
    expect_edges(plan_phase_dependents(plan, 0), "1 2");
    expect_edges(plan_phase_dependents(plan, 1), "3");
    expect_edges(plan_phase_dependents(plan, 2), "3");
    expect_edges(plan_phase_dependents(plan, 3), "");
    expect_edges(plan_phase_dependents(plan, 4), "");
    plan_free(plan);
    parsed_release(&parsed);
}

static void a_phase_lies_one_above_the_highest_that_it_needs(void **state)
{
    const int levels[] = {0, 1, 1, 2, 0};
    struct parsed parsed = parse_clean(DIAMOND);
    struct plan *plan = plan_new(parsed.workflow);

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(plan_phase_level(plan, i), levels[i]);
    }
    plan_free(plan);
    parsed_release(&parsed);
}

static void downstream_is_everything_that_hangs_on_a_phase(void **state)
{
    struct parsed parsed = parse_clean(DIAMOND);
    struct plan *plan = plan_new(parsed.workflow);
    bool marks[5] = {false};

    (void)state;
    plan_mark_downstream(plan, 1, marks);
    assert_false(marks[0]);
    assert_true(marks[1]);
    assert_false(marks[2]);
    assert_true(marks[3]);
    assert_false(marks[4]);
    plan_free(plan);
    parsed_release(&parsed);
}

static void a_step_is_listed_with_all_that_needs_it(void **state)
{
    struct parsed parsed = parse_clean("name: w\n"
                                       "phases:\n"
                                       "  - id: p\n"
                                       "    mode: parallel\n"
                                       "    steps:\n"
                                       "      - { id: a, run: x }\n"
                                       "      - { id: b, run: x, needs: [a] }\n"
                                       "      - { id: c, run: x }\n"
                                       "      - { id: d, run: x, needs: [b] }\n"
                                       "  - id: q\n"
                                       "    needs: [p]\n"
                                       "    mode: adaptive\n"
                                       "    steps: [{ id: e, run: x }]\n"
                                       "    fix: [{ id: f, run: x }]\n"
                                       "  - id: r\n"
                                       "    needs: []\n"
                                       "    steps: [{ id: g, run: x }]\n");
    struct plan *plan = plan_new(parsed.workflow);
    json_t *names = plan_list_downstream(plan, 0, 1);
    char *text = json_dump_compact(names);

    (void)state;
    assert_string_equal(text, "[\"b\",\"d\",\"e\",\"f\"]");
    free(text);
    json_decref(names);
    plan_free(plan);
    parsed_release(&parsed);
}

static void sequential_steps_need_the_one_before_them(void **state)
{
    struct parsed parsed = parse_clean("name: w\n"
                                       "phases:\n"
                                       "  - id: p\n"
                                       "    steps:\n"
                                       "      - { id: a, run: x }\n"
                                       "      - { id: b, run: x }\n"
                                       "      - { id: c, run: x }\n");
    struct plan *plan = plan_new(parsed.workflow);

    (void)state;
    expect_edges(plan_step_needs(plan, 0, 0), "");
    expect_edges(plan_step_needs(plan, 0, 1), "0");
    expect_edges(plan_step_needs(plan, 0, 2), "1");
    expect_edges(plan_step_dependents(plan, 0, 0), "1");
    expect_edges(plan_step_dependents(plan, 0, 2), "");
    plan_free(plan);
    parsed_release(&parsed);
}

static void parallel_steps_need_what_they_name(void **state)
{
    struct parsed parsed = parse_clean("name: w\n"
                                       "phases:\n"
                                       "  - id: p\n"
                                       "    mode: parallel\n"
                                       "    steps:\n"
                                       "      - { id: a, run: x, needs: [c] }\n"
                                       "      - { id: b, run: x, needs: [a, c] }\n"
                                       "      - { id: c, run: x }\n");
    struct plan *plan = plan_new(parsed.workflow);

    (void)state;
    expect_edges(plan_step_needs(plan, 0, 0), "2");
    expect_edges(plan_step_needs(plan, 0, 1), "0 2");
    expect_edges(plan_step_needs(plan, 0, 2), "");
    expect_edges(plan_step_dependents(plan, 0, 2), "0 1");
    plan_free(plan);
    parsed_release(&parsed);
}

static void waves_come_phase_by_phase_and_level_by_level(void **state)
{
    (void)state;
    expect_waves(DIAMOND, "1 a [\"one\"] | 2 e [\"five\"] | 3 b [\"two\"] | 4 c [\"three\"] | "
                          "5 d [\"four\"]");
    expect_waves("name: w\n"
                 "phases:\n"
                 "  - id: p\n"
                 "    mode: parallel\n"
                 "    steps:\n"
                 "      - { id: a, run: x, needs: [c] }\n"
                 "      - { id: b, run: x }\n"
                 "      - { id: c, run: x }\n",
                 "1 p [\"b\",\"c\"] | 2 p [\"a\"]");
}

static void a_phase_with_nothing_but_a_gate_is_a_wave_without_steps(void **state)
{
    (void)state;
    expect_waves("name: w\n"
                 "gates: { g: { commands: [{ run: x }] } }\n"
                 "phases: [{ id: p, gate: g }]\n",
                 "1 p []");
}

/* Each step needs the one after it: the worst order for settling levels by repetition. */
static void a_long_chain_against_the_order_of_the_file_is_settled_in_one_go(void **state)
{
    struct strbuf text;
    struct parsed parsed;
    struct plan *plan;
    json_t *waves;

    (void)state;
    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "name: w\nphases:\n  - id: p\n    mode: parallel\n    steps:\n");
    for (int i = 0; i < 9999; i++) {
        strbuf_addf(&text, "      - { id: s%d, run: x, needs: [s%d] }\n", i, i + 1);
    }
    strbuf_add(&text, "      - { id: s9999, run: x }\n");
    parsed = parse_text(text.data);
    assert_int_equal(parsed.code, 0);
    plan = plan_new(parsed.workflow);
    waves = plan_waves(plan);
    assert_int_equal(json_array_size(json_object_get(waves, "waves")), 10000);
    json_decref(waves);
    plan_free(plan);
    parsed_release(&parsed);
    strbuf_release(&text);
}

static void no_plan_is_freed_without_harm(void **state)
{
    (void)state;
    plan_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_know_who_needs_them),
        cmocka_unit_test(a_phase_lies_one_above_the_highest_that_it_needs),
        cmocka_unit_test(downstream_is_everything_that_hangs_on_a_phase),
        cmocka_unit_test(a_step_is_listed_with_all_that_needs_it),
        cmocka_unit_test(sequential_steps_need_the_one_before_them),
        cmocka_unit_test(parallel_steps_need_what_they_name),
        cmocka_unit_test(waves_come_phase_by_phase_and_level_by_level),
        cmocka_unit_test(a_phase_with_nothing_but_a_gate_is_a_wave_without_steps),
        cmocka_unit_test(a_long_chain_against_the_order_of_the_file_is_settled_in_one_go),
        cmocka_unit_test(no_plan_is_freed_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
