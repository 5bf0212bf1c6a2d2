/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"
#include "run/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define EVERYTHING                                                                                 \
    "name: w\n"                                                                                    \
    "gates: { g: { commands: [{ run: one }, { run: two }] } }\n"                                   \
    "phases:\n"                                                                                    \
    "  - id: p\n"                                                                                  \
    "    mode: adaptive\n"                                                                         \
    "    gate: g\n"                                                                                \
    "    steps: [{ id: a, run: x, optional: true },\n"                                             \
    "            { id: b, prompt: go, static: { run: x } }]\n"                                     \
    "    fix: [{ id: f, run: x }]\n"                                                               \
    "  - { id: q, steps: [{ id: c, run: x, on_failure: continue }, { id: d, run: x }] }\n"

static void a_new_run_lays_out_steps_fixes_and_checks_phase_by_phase(void **state)
{
    const char *const keys[] = {"a", "b", "f", "gate:p:0", "gate:p:1", "c", "d"};
    const enum step_role roles[] = {ROLE_STEP,  ROLE_STEP, ROLE_FIX, ROLE_CHECK,
                                    ROLE_CHECK, ROLE_STEP, ROLE_STEP};
    struct machine m;

    (void)state;
    machine_init(&m, EVERYTHING, NULL);
    assert_int_equal(m.run->step_count, 7);
    for (int i = 0; i < 7; i++) {
        assert_string_equal(m.run->steps[i].key, keys[i]);
        assert_int_equal(m.run->steps[i].role, roles[i]);
        assert_int_equal(run_step_index(m.run, run_find_step(m.run, keys[i])), i);
    }
    assert_int_equal(m.run->phases[0].first_fix, 2);
    assert_int_equal(m.run->phases[0].first_check, 3);
    assert_int_equal(m.run->phases[1].first_step, 5);
    assert_int_equal(m.run->phases_open, 2);
    assert_int_equal(m.run->status, RUN_PENDING);
    machine_release(&m);
}

static void unknown_names_are_not_found(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m, EVERYTHING, NULL);
    assert_null(run_find_step(m.run, "p"));
    assert_null(run_find_step(m.run, "gate:p:2"));
    assert_null(run_find_phase(m.run, "a"));
    assert_ptr_equal(run_find_phase(m.run, "q"), &m.run->phases[1]);
    machine_release(&m);
}

static void a_step_is_settled_well_when_done_skipped_or_allowed_to_fail(void **state)
{
    struct machine m;
    struct step_state *optional, *plain, *check;

    (void)state;
    machine_init(&m, EVERYTHING, NULL);
    optional = run_find_step(m.run, "a");
    plain = run_find_step(m.run, "d");
    check = run_find_step(m.run, "gate:p:0");
    assert_false(step_is_settled_well(plain));
    plain->status = STEP_IS_COMPLETED;
    assert_true(step_is_settled_well(plain));
    plain->status = STEP_IS_SKIPPED;
    assert_true(step_is_settled_well(plain));
    plain->status = optional->status = check->status = STEP_IS_FAILED;
    assert_false(step_is_settled_well(plain));
    assert_true(step_is_settled_well(optional));
    assert_false(step_is_settled_well(check));
    run_find_step(m.run, "c")->status = STEP_IS_FAILED;
    assert_true(step_is_settled_well(run_find_step(m.run, "c")));
    plain->status = STEP_IS_CANCELLED;
    assert_false(step_is_settled_well(plain));
    assert_true(step_is_finished(plain));
    machine_release(&m);
}

static void a_phase_is_settled_well_when_done_skipped_or_excused(void **state)
{
    struct phase_state phase = {.status = STEP_IS_COMPLETED};
    char blocked[] = "p";

    (void)state;
    assert_true(phase_is_settled_well(&phase));
    phase.status = STEP_IS_SKIPPED;
    assert_true(phase_is_settled_well(&phase));
    phase.failed_step = blocked;
    assert_false(phase_is_settled_well(&phase));
    phase.status = STEP_IS_FAILED;
    assert_false(phase_is_settled_well(&phase));
    phase.is_excused = true;
    assert_true(phase_is_settled_well(&phase));
    phase.status = STEP_IS_RUNNING;
    assert_false(phase_is_settled_well(&phase));
}

static void the_static_alternative_is_what_runs_once_it_was_chosen(void **state)
{
    struct machine m;
    struct step_state *step;

    (void)state;
    machine_init(&m, EVERYTHING, NULL);
    step = run_find_step(m.run, "b");
    assert_int_equal(step_effective(step)->kind, STEP_AGENT);
    step->is_static = true;
    assert_int_equal(step_effective(step)->kind, STEP_COMMAND);
    assert_null(step_effective(run_find_step(m.run, "gate:p:0")));
    machine_release(&m);
}

static void the_strategy_comes_from_who_started_the_workflow_or_the_project(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n", NULL);
    assert_int_equal(run_strategy(m.run), STRATEGY_HYBRID);
    m.run->strategy_default = STRATEGY_AI;
    assert_int_equal(run_strategy(m.run), STRATEGY_AI);
    m.run->strategy = STRATEGY_STATIC;
    assert_int_equal(run_strategy(m.run), STRATEGY_STATIC);
    machine_release(&m);
    machine_init(&m,
                 "name: w\n"
                 "defaults: { strategy: static }\n"
                 "phases: [{ id: p, steps: [{ id: a, run: x }] }]\n",
                 NULL);
    m.run->strategy_default = STRATEGY_AI;
    assert_int_equal(run_strategy(m.run), STRATEGY_STATIC);
    machine_release(&m);
}

static void a_paused_run_waits_until_the_first_of_its_waits_is_over(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps:\n"
                      "      - { id: a, approve: A, timeout: 2h }\n"
                      "      - { id: b, approve: B, timeout: 1h }\n"
                      "      - { id: c, approve: C }\n"
                      "      - { id: d, run: x }\n");
    assert_int_equal(run_waits_until(m.run), 0); /* its owner has timers */
    machine_pass(&m, "d");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(run_waits_until(m.run), machine_step(&m, "b")->until);
    machine_release(&m);
}

static void no_run_is_freed_without_harm(void **state)
{
    (void)state;
    run_state_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_run_lays_out_steps_fixes_and_checks_phase_by_phase),
        cmocka_unit_test(unknown_names_are_not_found),
        cmocka_unit_test(a_step_is_settled_well_when_done_skipped_or_allowed_to_fail),
        cmocka_unit_test(a_phase_is_settled_well_when_done_skipped_or_excused),
        cmocka_unit_test(the_static_alternative_is_what_runs_once_it_was_chosen),
        cmocka_unit_test(the_strategy_comes_from_who_started_the_workflow_or_the_project),
        cmocka_unit_test(a_paused_run_waits_until_the_first_of_its_waits_is_over),
        cmocka_unit_test(no_run_is_freed_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
