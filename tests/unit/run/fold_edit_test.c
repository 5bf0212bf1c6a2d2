/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "run/fold.h"
#include "support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OLD                                                                                        \
    "name: old\n"                                                                                  \
    "phases:\n"                                                                                    \
    "  - id: p\n"                                                                                  \
    "    mode: parallel\n"                                                                         \
    "    steps:\n"                                                                                 \
    "      - { id: a, run: x }\n"                                                                  \
    "      - { id: b, run: x }\n"                                                                  \
    "      - { id: each, run: x, foreach: [1, 2] }\n"                                              \
    "  - { id: q, steps: [{ id: c, run: x }] }\n"
/* The phases change their places, b is gone, d is new. */
#define NEW                                                                                        \
    "name: new\n"                                                                                  \
    "phases:\n"                                                                                    \
    "  - { id: q, steps: [{ id: c, run: x }, { id: d, run: y }] }\n"                               \
    "  - id: p\n"                                                                                  \
    "    needs: []\n"                                                                              \
    "    mode: parallel\n"                                                                         \
    "    steps:\n"                                                                                 \
    "      - { id: each, run: x, foreach: [1, 2, 3] }\n"                                           \
    "      - { id: a, run: x }\n"

/* All of p is done, c is under way, then the run rests with c failed. */
static void begin(struct machine *m)
{
    machine_begin(m, OLD);
    machine_output(m, "a", "1");
    machine_pass(m, "b");
    machine_pass(m, "each[0]");
    machine_pass(m, "each[1]");
    machine_fail(m, "c", "permanent");
    assert_int_equal(m->run->status, RUN_PAUSED);
}

static void edit(struct machine *m, const char *text, const char *kept, const char *held,
                 const char *phases)
{
    struct parsed parsed = parse_clean(text);
    json_t *values[3] = {0};
    const char *const texts[] = {kept, held, phases};

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(json_parse_text(texts[i], strlen(texts[i]), "test", &values[i], NULL), 0);
    }
    run_offer(m->run, workflow_share(parsed.workflow));
    parsed_release(&parsed);
    run_apply(m->run, &(struct record){.kind = RECORD_RUN_EDITED,
                                       .seq = m->run->seq + 1,
                                       .name = "new",
                                       .other = "treetree",
                                       .data = values[0],
                                       .files = values[1],
                                       .errors = values[2]});
    for (size_t i = 0; i < 3; i++) {
        json_decref(values[i]);
    }
}

static void what_is_kept_comes_over_as_it_is(void **state)
{
    struct machine m;

    (void)state;
    begin(&m);
    edit(&m, NEW, "[\"a\"]", "{}", "{}");
    assert_string_equal(m.run->workflow->name, "new");
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_COMPLETED);
    assert_non_null(machine_step(&m, "a")->result.output);
    assert_string_equal(m.run->phases[machine_step(&m, "a")->phase].definition->id, "p");
    assert_int_equal(machine_step(&m, "d")->status, STEP_IS_PENDING);
    assert_int_equal(machine_step(&m, "c")->status, STEP_IS_PENDING);
    assert_int_equal(m.run->counts[STEP_IS_COMPLETED], 1);
    assert_int_equal(m.run->counts[STEP_IS_FAILED], 0);
    assert_int_equal(machine_phase(&m, "p")->unfinished, 1);
    assert_int_equal(machine_phase(&m, "p")->status, STEP_IS_PENDING);
    assert_int_equal(m.run->phases_open, 2);
    machine_release(&m);
}

static void a_phase_that_is_kept_stays_complete_and_a_checkpoint_with_it(void **state)
{
    struct machine m;

    (void)state;
    begin(&m);
    assert_int_equal(m.run->checkpoints.count, 1);
    edit(&m, OLD, "[\"a\", \"b\", \"each\", \"each[0]\", \"each[1]\"]", "{}", "{\"p\": \"kept\"}");
    assert_int_equal(machine_phase(&m, "p")->status, STEP_IS_COMPLETED);
    assert_int_equal(machine_phase(&m, "p")->unfinished, 0);
    assert_int_equal(m.run->phases_open, 1);
    assert_int_equal(m.run->checkpoints.count, 1);
    assert_int_equal(machine_step(&m, "each")->instance_count, 2);
    assert_int_equal(machine_step(&m, "each")->instances_open, 0);
    assert_int_equal(machine_step(&m, "each[1]")->status, STEP_IS_COMPLETED);
    edit(&m, OLD, "[\"a\"]", "{}", "{}");
    assert_int_equal(m.run->checkpoints.count, 0);
    machine_release(&m);
}

static void what_is_held_waits_with_its_result_and_the_tree_of_then(void **state)
{
    struct machine m;
    const struct step_state *step;

    (void)state;
    begin(&m);
    edit(&m, NEW, "[]", "{\"a\": \"abc\", \"c\": \"def\", \"each[1]\": \"ghi\"}", "{}");
    step = machine_step(&m, "a");
    assert_int_equal(step->status, STEP_IS_PENDING);
    assert_null(step->result.output);
    assert_string_equal(step->held->inputs, "abc");
    assert_string_equal(step->held->tree, "treetree");
    assert_non_null(step->held->result.output);
    assert_int_equal(step->attempts, 1);
    /* What failed gave nothing that could be taken. */
    assert_null(machine_step(&m, "c")->held);
    assert_string_equal(machine_step(&m, "each[1]")->held->inputs, "ghi");
    assert_int_equal(machine_step(&m, "each")->instance_count, 0);
    /* Through another edit, too, as long as it is not taken. */
    edit(&m, OLD, "[]", "{\"a\": \"abc\"}", "{}");
    assert_string_equal(machine_step(&m, "a")->held->inputs, "abc");
    machine_release(&m);
}

/* The folders of its attempts are there. */
static void a_step_that_comes_back_goes_on_counting_its_attempts(void **state)
{
    struct machine m;

    (void)state;
    begin(&m);
    edit(&m, NEW, "[]", "{}", "{}");
    assert_null(run_find_step(m.run, "b"));
    edit(&m, OLD, "[]", "{}", "{}");
    assert_int_equal(machine_step(&m, "b")->attempts, 1);
    assert_int_equal(fold_attempts_before(m.run, "b"), 1);
    assert_int_equal(fold_attempts_before(m.run, "nobody"), 0);
    machine_release(&m);
}

static void limit(struct machine *m, const char *key, int tokens)
{
    json_t *limits = json_pack("{s:i}", "tokens", tokens);

    run_apply(m->run,
              &(struct record){
                  .kind = RECORD_BUDGET_SET, .seq = m->run->seq + 1, .step = key, .data = limits});
    json_decref(limits);
}

static int64_t tokens_of(struct machine *m, const char *key)
{
    return step_budget(m->run, machine_step(m, key)).limits[BUDGET_TOKENS];
}

static void a_step_that_comes_back_has_the_limits_of_the_plan_alone(void **state)
{
    struct machine m;

    (void)state;
    begin(&m);
    limit(&m, "b", 1300);
    limit(&m, "a", 200);
    assert_int_equal(tokens_of(&m, "b"), 1300);
    edit(&m, NEW, "[]", "{}", "{}");
    edit(&m, OLD, "[]", "{}", "{}");
    assert_int_equal(tokens_of(&m, "b"), 0);
    assert_int_equal(tokens_of(&m, "a"), 200);
    machine_release(&m);
}

static void a_run_begins_with_the_workflow_that_it_was_offered(void **state)
{
    struct parsed old = parse_clean(OLD);
    struct parsed new = parse_clean(NEW);
    struct run_state *run = run_state_new("wf_zzzzzzzzzzzz", new.workflow);

    (void)state;
    run_offer(run, workflow_share(old.workflow));
    run_apply(run, &(struct record){.kind = RECORD_RUN_CREATED, .seq = 1, .at = 1, .name = "old"});
    assert_string_equal(run->workflow->name, "old");
    assert_non_null(run_find_step(run, "b"));
    assert_null(run_find_step(run, "d"));
    run_state_free(run);
    parsed_release(&old);
    parsed_release(&new);
}

/* As if it had never been a list: what comes back counts on its attempts, each for itself. */
static void a_list_that_becomes_a_fix_leaves_the_attempts_of_its_items(void **state)
{
    struct machine m;

    (void)state;
    begin(&m);
    edit(&m,
         "name: new\nphases:\n  - id: p\n    mode: adaptive\n    steps: [{ id: a, run: x }]\n"
         "    fix: [{ id: each, run: x }]\n",
         "[\"a\", 7]", "{}", "{}");
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_COMPLETED);
    assert_int_equal(machine_step(&m, "each")->role, ROLE_FIX);
    assert_int_equal(fold_attempts_before(m.run, "each[1]"), 1);
    edit(&m, OLD, "[]", "{}", "{}");
    assert_int_equal(machine_step(&m, "each")->role, ROLE_STEP);
    assert_int_equal(fold_attempts_before(m.run, "each[0]"), 1);
    assert_int_equal(fold_attempts_before(m.run, "c"), 1);
    machine_release(&m);
}

static void limits_that_the_edit_leaves_stay_as_somebody_set_them(void **state)
{
#define LIMITED(run_limit, step_limit)                                                             \
    "name: w\nbudget: { " run_limit " }\nphases: [{ id: p, steps: [{ id: a, run: x, budget: { "    \
    "steps: " step_limit " } }, { id: b, run: x, budget: { steps: 3 } }] }]\n"
    struct machine m;

    (void)state;
    machine_begin(&m, LIMITED("steps: 5, time: 1h", "3"));
    machine_fail(&m, "a", "permanent");
    m.run->budget.limits[BUDGET_STEPS] = 50;
    json_decref(m.run->step_budgets);
    m.run->step_budgets = json_pack("{s:{s:i}, s:{s:i}}", "a", "steps", 30, "b", "steps", 30);
    edit(&m, LIMITED("steps: 5, time: 2h", "3"), "[]", "{}", "{}");
    assert_int_equal(m.run->budget.limits[BUDGET_STEPS], 50);
    assert_int_equal(m.run->budget.limits[BUDGET_TIME], 7200000);
    assert_non_null(json_object_get(m.run->step_budgets, "a"));
    edit(&m, LIMITED("steps: 6", "4"), "[]", "{}", "{}");
    assert_int_equal(m.run->budget.limits[BUDGET_STEPS], 6);
    assert_int_equal(m.run->budget.limits[BUDGET_TIME], 7200000);
    assert_null(json_object_get(m.run->step_budgets, "a"));
    assert_non_null(json_object_get(m.run->step_budgets, "b"));
    /* A step that is new was set nothing, and one that is gone loses nothing. */
    edit(&m, "name: w\nphases: [{ id: p, steps: [{ id: c, run: x }] }]\n", "[]", "{}", "{}");
    assert_int_equal(m.run->budget.limits[BUDGET_STEPS], 6);
    machine_release(&m);
}

/* A check of a gate has no definition that could limit it. */
static void limits_of_what_is_no_step_of_the_plan_stay_out_of_the_way(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\ngates: { g: { commands: [{ run: x }] } }\nphases:\n"
                      "  - { id: p, gate: g, steps: [{ id: a, run: x, budget: { steps: 3 } }] }\n");
    machine_fail(&m, "a", "permanent");
    json_decref(m.run->step_budgets);
    m.run->step_budgets = json_pack("{s:{s:i}}", "a", "steps", 30);
    edit(&m,
         "name: w\ngates: { g: { commands: [{ run: x }] } }\nphases:\n"
         "  - { id: p, gate: g, steps: [{ id: b, run: x }, { id: a, run: x, budget: { steps: 3 } "
         "}] }\n",
         "[]", "{}", "{}");
    assert_non_null(json_object_get(m.run->step_budgets, "a"));
    assert_null(json_object_get(m.run->step_budgets, "b"));
    machine_release(&m);
}

/* Its counts, and its gate's verdict, are those of the phase that is kept or goes on. */
static void a_gate_that_was_asked_goes_with_its_phase(void **state)
{
#define GATED                                                                                      \
    "name: w\ngates: { g: { commands: [{ run: x }] } }\nphases:\n"                                 \
    "  - { id: p, gate: g, steps: [{ id: a, run: x }] }\n  - { id: q, steps: [{ id: b, run: x }] " \
    "}\n"
    struct machine m;
    const struct run_state *run;

    (void)state;
    machine_begin(&m, GATED);
    run = m.run;
    machine_pass(&m, "a");
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].role == ROLE_CHECK) {
            machine_check(&m, run->steps[i].key, VERDICT_PASS);
        }
    }
    machine_fail(&m, "b", "permanent");
    assert_int_equal(machine_phase(&m, "p")->status, STEP_IS_COMPLETED);
    edit(&m, GATED, "[\"a\"]", "{}", "{\"p\": \"kept\"}");
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].role == ROLE_CHECK) {
            assert_int_equal(run->steps[i].status, STEP_IS_COMPLETED);
        }
    }
    edit(&m, GATED, "[\"a\"]", "{}", "{\"p\": \"open\"}");
    assert_int_equal(machine_phase(&m, "p")->status, STEP_IS_RUNNING);
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].role == ROLE_CHECK) {
            assert_int_equal(run->steps[i].status, STEP_IS_PENDING);
        }
    }
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_comes_over_as_it_is),
        cmocka_unit_test(a_phase_that_is_kept_stays_complete_and_a_checkpoint_with_it),
        cmocka_unit_test(what_is_held_waits_with_its_result_and_the_tree_of_then),
        cmocka_unit_test(a_step_that_comes_back_goes_on_counting_its_attempts),
        cmocka_unit_test(a_step_that_comes_back_has_the_limits_of_the_plan_alone),
        cmocka_unit_test(a_run_begins_with_the_workflow_that_it_was_offered),
        cmocka_unit_test(a_list_that_becomes_a_fix_leaves_the_attempts_of_its_items),
        cmocka_unit_test(limits_that_the_edit_leaves_stay_as_somebody_set_them),
        cmocka_unit_test(limits_of_what_is_no_step_of_the_plan_stay_out_of_the_way),
        cmocka_unit_test(a_gate_that_was_asked_goes_with_its_phase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
