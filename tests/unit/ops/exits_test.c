/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static bool has_exit(const struct operation *operation, int status)
{
    for (const struct exit_status *exit = operation->exits; exit->meaning; exit++) {
        if (exit->status == status) {
            return true;
        }
    }
    return false;
}

static bool is_known(int status)
{
    size_t count;
    const struct exit_status *all = exit_statuses(&count);

    for (size_t i = 0; i < count; i++) {
        if (all[i].status == status) {
            return true;
        }
    }
    return false;
}

static void every_row_names_its_exit_statuses_in_order(void **state)
{
    size_t count;
    const struct operation *rows = ops_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        int before = -1;

        assert_non_null(rows[i].exits);
        for (const struct exit_status *exit = rows[i].exits; exit->meaning; exit++) {
            assert_true(exit->status > before);
            assert_true(is_known(exit->status));
            before = exit->status;
        }
        assert_true(has_exit(&rows[i], 0) && has_exit(&rows[i], 1) && has_exit(&rows[i], 2));
    }
}

static void only_what_lets_a_run_go_on_can_end_as_a_run_does(void **state)
{
    (void)state;
    assert_true(has_exit(ops_find("run"), 3));
    assert_true(has_exit(ops_find("approve"), 3));
    assert_true(has_exit(ops_find("status"), 3));
    assert_false(has_exit(ops_find("list"), 3));
    assert_false(has_exit(ops_find("pause"), 130));
    assert_true(has_exit(ops_find("validate"), 7));
    assert_false(has_exit(ops_find("version"), 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_names_its_exit_statuses_in_order),
        cmocka_unit_test(only_what_lets_a_run_go_on_can_end_as_a_run_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
