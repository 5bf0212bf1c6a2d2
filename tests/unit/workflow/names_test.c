/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "workflow/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct reader reader;
    struct problems problems;
    struct workflow_names names;
};

static void list_names(enum outside_kind kind, struct name_list *names, void *context)
{
    (void)context;
    *VEC_PUSH(names) = mem_strdup(kind == OUTSIDE_AGENT ? "claude" : "smoke");
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->reader.scratch = arena_new();
    fixture->reader.problems = &fixture->problems;
    fixture->reader.names = &fixture->names;
    fixture->names.list_names = list_names;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    arena_free(fixture->reader.scratch);
    free(fixture);
    return 0;
}

static void only_names_of_the_kind_are_near(void **state)
{
    const struct fixture *fixture = *state;

    assert_string_equal(names_nearest(&fixture->reader, OUTSIDE_AGENT, "cloude", NULL), "claude");
    assert_null(names_nearest(&fixture->reader, OUTSIDE_GATE, "cloude", NULL));
}

static void the_own_ones_count_as_well(void **state)
{
    const struct fixture *fixture = *state;
    char own_name[] = "quick";
    char *items[] = {own_name};
    struct name_list own = {.items = items, .count = 1};

    assert_string_equal(names_nearest(&fixture->reader, OUTSIDE_GATE, "quik", &own), "quick");
    assert_string_equal(names_nearest(&fixture->reader, OUTSIDE_GATE, "smoek", &own), "smoke");
}

static void without_an_outside_there_is_none(void **state)
{
    struct fixture *fixture = *state;

    fixture->names.list_names = NULL;
    assert_null(names_nearest(&fixture->reader, OUTSIDE_AGENT, "cloude", NULL));
    fixture->reader.names = NULL;
    assert_null(names_nearest(&fixture->reader, OUTSIDE_AGENT, "cloude", NULL));
}

static void behind_the_last_problem_that_is_shown_none_is_looked_for(void **state)
{
    struct fixture *fixture = *state;

    fixture->problems.truncated = true;
    assert_null(names_nearest(&fixture->reader, OUTSIDE_AGENT, "cloude", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_names_of_the_kind_are_near, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_own_ones_count_as_well, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_an_outside_there_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(behind_the_last_problem_that_is_shown_none_is_looked_for,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
