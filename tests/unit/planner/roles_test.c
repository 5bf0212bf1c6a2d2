/* SPDX-License-Identifier: MIT */
#include "planner/roles.h"

#include "workflow/embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static bool is_embedded(const char *name)
{
    size_t count;
    const struct embedded_file *files = embedded_experts(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void every_part_has_an_expert_that_ships_and_its_own_id(void **state)
{
    (void)state;
    for (size_t i = 0; i < role_count; i++) {
        assert_true(!roles[i].expert || is_embedded(roles[i].expert));
        assert_true(roles[i].kinds != 0);
        assert_true(strlen(roles[i].id) < COMPOSED_ID_MAX);
        assert_true(i == 0 || roles[i].stage >= roles[i - 1].stage);
        for (size_t k = i + 1; k < role_count; k++) {
            assert_string_not_equal(roles[i].id, roles[k].id);
        }
    }
}

static void only_who_builds_or_tests_may_change_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < role_count; i++) {
        bool may_change = roles[i].stage == STAGE_BUILD || roles[i].stage == STAGE_TEST;

        assert_int_equal(roles[i].read_only, !may_change);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_has_an_expert_that_ships_and_its_own_id),
        cmocka_unit_test(only_who_builds_or_tests_may_change_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
