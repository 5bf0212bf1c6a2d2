/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ONE "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n"
#define NESTED                                                                                     \
    "name: w\nphases: [{ id: p, steps: [{ id: n, workflow: other }, { id: a, run: x }] }]\n"
#define EDIT "{'do': 'edit', 'kept': [], 'held': {}, 'phases': {}, 'by': 'ada'}"

static void offer(struct machine *m, const char *text)
{
    struct parsed parsed = parse_clean(text);

    run_offer(m->run, workflow_share(parsed.workflow));
    parsed_release(&parsed);
    m->is_held = true;
}

static void only_edit_itself_brings_a_workflow(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    assert_refused(&m, EDIT, "edited by `fermata edit`");
    machine_release(&m);
}

static void a_run_that_is_under_way_or_over_is_refused(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    offer(&m, ONE);
    assert_refused(&m, EDIT, "only the plan of a run that is not over");
    m.is_held = false;
    machine_pass(&m, "a");
    m.is_held = true;
    assert_refused(&m, EDIT, "only the plan of a run that is not over");
    machine_release(&m);
}

static void a_step_that_answers_for_a_nested_run_is_not_lost(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_child(&m, "n", RUN_PAUSED);
    offer(&m, ONE);
    assert_refused(&m, EDIT, "waits for its nested run");
    machine_release(&m);
}

/* What is given besides the name that is kept: it is one of several, and not the first. */
static void a_step_that_stays_goes_on_waiting_for_its_nested_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_child(&m, "n", RUN_PAUSED);
    offer(&m, NESTED);
    assert_int_equal(machine_command(&m, "{'do': 'edit', 'kept': ['a', 'n'], 'held': {}, 'phases': "
                                         "{'p': 'open'}, 'by': 'ada'}"),
                     0);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->detail, "its plan was edited");
    assert_int_equal(machine_step(&m, "n")->waiting, WAITING_WORKFLOW);
    machine_release(&m);
}

static void a_nested_run_that_was_left_ends_first(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, mode: parallel, steps: "
                      "[{ id: n, workflow: other }, { id: a, approve: Go? }] }]\n");
    machine_child(&m, "n", RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'n', 'reason': 'r'}"), 0);
    offer(&m, NESTED);
    assert_refused(&m, EDIT, "left is not over yet");
    machine_release(&m);
}

static void what_the_calling_program_does_is_not_edited_away(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: x, agent: y }] }]\n");
    machine_host(&m, "a");
    assert_int_equal(machine_step(&m, "a")->waiting, WAITING_HOST);
    assert_int_equal(m.run->status, RUN_PAUSED);
    offer(&m, ONE);
    assert_refused(&m, EDIT, "done by the calling program");
    machine_release(&m);
}

/* One that is offered a plan while somebody carries it on, and one that nobody began. */
static void only_a_run_that_nobody_carries_on_is_edited(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m, ONE, NULL);
    offer(&m, NESTED);
    m.is_held = false;
    assert_refused(&m, EDIT, "edited by `fermata edit`");
    m.is_held = true;
    assert_int_equal(machine_command(&m, EDIT), 0);
    assert_int_equal(m.run->status, RUN_PENDING);
    assert_non_null(run_find_step(m.run, "n"));
    machine_release(&m);
}

static void a_run_that_failed_is_paused_with_the_new_plan(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\non_failure: fail\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    machine_fail(&m, "a", "permanent");
    assert_int_equal(m.run->status, RUN_FAILED);
    offer(&m, ONE);
    (void)machine_command(&m, EDIT);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->detail, "its plan was edited");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_edit_itself_brings_a_workflow),
        cmocka_unit_test(a_run_that_is_under_way_or_over_is_refused),
        cmocka_unit_test(a_step_that_answers_for_a_nested_run_is_not_lost),
        cmocka_unit_test(a_step_that_stays_goes_on_waiting_for_its_nested_run),
        cmocka_unit_test(a_nested_run_that_was_left_ends_first),
        cmocka_unit_test(what_the_calling_program_does_is_not_edited_away),
        cmocka_unit_test(only_a_run_that_nobody_carries_on_is_edited),
        cmocka_unit_test(a_run_that_failed_is_paused_with_the_new_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
