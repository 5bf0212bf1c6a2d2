/* SPDX-License-Identifier: MIT */
#include "planner/repository.h"

#include "../../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void a_path_says_what_it_belongs_to(void **state)
{
    (void)state;
    assert_int_equal(repository_path_surfaces("src/client/App.tsx"), 1U << SURFACE_FRONTEND);
    assert_int_equal(repository_path_surfaces("db/migrations/001.sql"), 1U << SURFACE_DATABASE);
    assert_int_equal(repository_path_surfaces("src/api/orders.py"), 1U << SURFACE_API);
    assert_int_equal(repository_path_surfaces("Dockerfile"), 1U << SURFACE_INFRASTRUCTURE);
    assert_int_equal(repository_path_surfaces("src/webhook.c"), 0);
    assert_int_equal(repository_path_surfaces("docs/a.md"), 1U << SURFACE_DOCUMENTATION);
}

static void surfaces_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < SURFACES; i++) {
        assert_int_equal(surface_parse(surface_name((enum surface)i)), i);
    }
    assert_true(surface_parse("roof") < 0);
}

static void a_project_is_counted_by_what_its_files_belong_to(void **state)
{
    char *folder = scratch_new();
    struct repository repository;

    (void)state;
    scratch_write(folder, "package.json",
                  "{\"dependencies\": {\"react\": \"18\", \"left\": \"1\"}}");
    scratch_write(folder, "src/client/App.tsx", "export const a = 1;");
    scratch_write(folder, "src/main.py", "a = 1");
    scratch_write(folder, "src/other.py", "a = 1");
    scratch_write(folder, "tests/test_main.py", "a = 1");
    scratch_write(folder, "node_modules/x/index.js", "a = 1");
    assert_int_equal(repository_read(folder, &repository, NULL), 0);
    assert_false(repository.is_git);
    assert_int_equal(repository.code_files, 3);
    assert_int_equal(repository.surface_files[SURFACE_FRONTEND], 1);
    assert_string_equal(repository.surface_example[SURFACE_FRONTEND], "src/client/App.tsx");
    assert_int_equal(repository.surface_files[SURFACE_BACKEND], 2);
    assert_int_equal(repository.surface_files[SURFACE_TESTS], 1);
    assert_string_equal(repository.languages[0], "Python");
    assert_int_equal(repository.framework_count, 1);
    assert_string_equal(repository.frameworks[0], "React");
    repository_release(&repository);
    scratch_remove(folder);
}

static void a_missing_project_is_an_error(void **state)
{
    struct error err = ERROR_INIT;
    struct repository repository;

    (void)state;
    assert_true(repository_read("/nowhere/at/all", &repository, &err) < 0);
    repository_release(&repository);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_says_what_it_belongs_to),
        cmocka_unit_test(surfaces_have_names),
        cmocka_unit_test(a_project_is_counted_by_what_its_files_belong_to),
        cmocka_unit_test(a_missing_project_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
