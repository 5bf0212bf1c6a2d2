/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "functions/project_copy.h"
#include "support/repository.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static char *project;
static char *temporary;

static int set_up(void **state)
{
    (void)state;
    project = scratch_new();
    temporary = scratch_new();
    return setenv("TMPDIR", temporary, 1);
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(project);
    scratch_remove(temporary);
    return unsetenv("TMPDIR");
}

static bool has(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool is_there = file_exists(path);

    free(path);
    return is_there;
}

static void all_is_copied_but_what_is_the_projects_own(void **state)
{
    struct project_copy copy;

    (void)state;
    scratch_write(project, "-a name", "x");
    scratch_write(project, ".hidden/b", "x");
    scratch_write(project, ".fermata/config.yaml", "agents: {}\n");
    assert_int_equal(project_copy_make(project, &copy, NULL), 0);
    assert_true(has(copy.folder, "-a name"));
    assert_true(has(copy.folder, ".hidden/b"));
    assert_false(has(copy.folder, ".fermata"));
    assert_false(has(copy.folder, ".git"));
    project_copy_remove(&copy);
    assert_null(copy.folder);
}

static void a_copy_of_a_repository_knows_neither_its_hooks_nor_its_configuration(void **state)
{
    struct project_copy copy;
    char *text = NULL;
    char *path;
    size_t length;

    (void)state;
    GIT(project, "init", "-q", ".");
    GIT(project, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "--allow-empty",
        "-m", "one");
    GIT(project, "config", "core.fsmonitor", "/bin/false");
    scratch_write(project, ".git/hooks/pre-commit", "#!/bin/sh\n");
    assert_int_equal(project_copy_make(project, &copy, NULL), 0);
    assert_true(has(copy.folder, ".git/HEAD"));
    assert_false(has(copy.folder, ".git/hooks/pre-commit"));
    path = path_join(copy.folder, ".git/config");
    assert_int_equal(file_read(path, 10000, &text, &length, NULL), 0);
    assert_null(strstr(text, "fsmonitor"));
    free(text);
    free(path);
    GIT(copy.folder, "merge-base", "--is-ancestor", "HEAD", "HEAD");
    project_copy_remove(&copy);
}

static void what_a_killed_process_left_goes_and_what_is_used_stays(void **state)
{
    struct project_copy first;
    struct project_copy second;

    (void)state;
    scratch_write(temporary, "fermata-prove-aaaaaa/file", "left");
    scratch_write(temporary, "other/file", "not ours");
    assert_int_equal(project_copy_make(project, &first, NULL), 0);
    assert_false(has(temporary, "fermata-prove-aaaaaa"));
    assert_true(has(temporary, "other/file"));
    assert_int_equal(project_copy_make(project, &second, NULL), 0);
    assert_true(file_exists(first.folder));
    project_copy_remove(&first);
    project_copy_remove(&second);
}

static void without_a_place_there_is_an_error_that_names_it(void **state)
{
    struct project_copy copy;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
    assert_int_equal(project_copy_make(project, &copy, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    project_copy_remove(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_is_copied_but_what_is_the_projects_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_copy_of_a_repository_knows_neither_its_hooks_nor_its_configuration, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(what_a_killed_process_left_goes_and_what_is_used_stays,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_place_there_is_an_error_that_names_it, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
