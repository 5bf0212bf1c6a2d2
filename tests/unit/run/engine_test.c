/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/fault_vfs.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char two_steps[] = "name: w\n"
                                "phases:\n"
                                "  - { id: a, steps: [{ id: one, run: echo 1 >>count }] }\n"
                                "  - { id: b, steps: [{ id: two, run: echo 2 >>count }] }\n";

static void a_run_goes_from_its_start_to_its_end(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(run_project_run(project, two_steps), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", NULL), 2);
    run_project_check_tables(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_goes_from_its_start_to_its_end, run_project_set_up,
                                        run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
