/* SPDX-License-Identifier: MIT */
#include "ops/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A run that waits until 1000 for one answer and until 2000 for another. */
static json_t *waiting(void)
{
    return json_pack("{s:s, s:i, s:[{s:s, s:i}, {s:s, s:i}, {s:s}]}", "id", "wf_1", "waits_until",
                     1000, "options", "do", "approve", "until", 1000, "do", "reject", "until", 2000,
                     "do", "cancel");
}

static const char *action(const json_t *run, size_t index)
{
    return json_get_text(json_array_get(json_object_get(run, "options"), index), "do", "");
}

static void a_wait_within_its_time_stays_as_it_is(void **state)
{
    json_t *run = waiting();
    json_t *copy = json_deep_copy(run);

    (void)state;
    ops_mark_overdue(run, 999);
    assert_true(json_equal(run, copy));
    json_decref(copy);
    json_decref(run);
}

static void answers_that_come_too_late_are_not_offered(void **state)
{
    json_t *run = waiting();

    (void)state;
    ops_mark_overdue(run, 1000);
    assert_true(json_get_boolean(run, "overdue", false));
    assert_string_equal(action(run, 0), "resume");
    assert_string_equal(action(run, 1), "reject");
    assert_string_equal(action(run, 2), "cancel");
    ops_mark_overdue(run, 2000);
    assert_string_equal(action(run, 0), "resume");
    assert_string_equal(action(run, 1), "cancel");
    assert_string_equal(action(run, 2), "");
    json_decref(run);
}

static void a_row_of_a_list_has_no_options(void **state)
{
    json_t *row = json_pack("{s:s, s:i}", "id", "wf_1", "waits_until", 1000);

    (void)state;
    ops_mark_overdue(row, 5000);
    assert_true(json_get_boolean(row, "overdue", false));
    assert_null(json_object_get(row, "options"));
    json_decref(row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_within_its_time_stays_as_it_is),
        cmocka_unit_test(answers_that_come_too_late_are_not_offered),
        cmocka_unit_test(a_row_of_a_list_has_no_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
