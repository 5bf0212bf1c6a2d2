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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_edit_itself_brings_a_workflow),
        cmocka_unit_test(a_run_that_is_under_way_or_over_is_refused),
        cmocka_unit_test(a_step_that_answers_for_a_nested_run_is_not_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
