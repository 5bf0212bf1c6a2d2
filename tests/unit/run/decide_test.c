/* SPDX-License-Identifier: MIT */
#include "run/decide.h"

#include "../../support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TWO_PHASES                                                                                 \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - { id: p, steps: [{ id: a, run: 'true' }] }\n"                                             \
    "  - { id: q, steps: [{ id: b, run: 'true' }] }\n"

static void a_run_goes_from_phase_to_phase_and_completes(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO_PHASES);
    assert_story(&m, "run running | phase p running (steps) | try a 1");
    assert_effects(&m, "start a");
    machine_pass(&m, "a");
    assert_story(&m, "end a 1 none | step a completed | phase p completed | checkpoint p | "
                     "phase q running (steps) | try b 1");
    assert_effects(&m, "checkpoint p | start b");
    machine_pass(&m, "b");
    assert_story(&m, "end b 1 none | step b completed | phase q completed | checkpoint q | "
                     "run completed");
    assert_effects(&m, "checkpoint q | rest");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_goes_from_phase_to_phase_and_completes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
