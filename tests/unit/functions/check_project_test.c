/* SPDX-License-Identifier: MIT */
#include "functions/check_project.h"

#include "base/alloc.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/check-project-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

static void write_file(const char *name, const char *text, size_t length)
{
    char *path = path_join(folder, name);

    assert_int_equal(file_write(path, text, length, FILE_NO_SYNC, NULL), 0);
    free(path);
}

static struct check_project *open_with(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
    return check_project_open(folder);
}

static void targets_are_names_before_a_colon(void **state)
{
    struct check_project *project = open_with("Makefile", "CC := gcc\n"
                                                          "flags ::= x\n"
                                                          "path = a:b\n"
                                                          "# lint: no\n"
                                                          "a b : c\n"
                                                          "\trecipe: x\n"
                                                          "$(objects): y\n"
                                                          "%.o: %.c\n"
                                                          "double:: z\n"
                                                          "test: CFLAGS = -O0\n"
                                                          "last:");

    (void)state;
    assert_true(check_project_has_target(project, "a"));
    assert_true(check_project_has_target(project, "b"));
    assert_true(check_project_has_target(project, "double"));
    assert_true(check_project_has_target(project, "test"));
    assert_true(check_project_has_target(project, "last"));
    assert_false(check_project_has_target(project, "CC"));
    assert_false(check_project_has_target(project, "flags"));
    assert_false(check_project_has_target(project, "path"));
    assert_false(check_project_has_target(project, "lint"));
    assert_false(check_project_has_target(project, "recipe"));
    assert_false(check_project_has_target(project, "c"));
    check_project_free(project);
}

static void the_makefile_that_make_would_take_counts(void **state)
{
    struct check_project *project;

    (void)state;
    write_file("Makefile", "old:\n", 5);
    project = open_with("GNUmakefile", "new:\n");
    assert_true(check_project_has_target(project, "new"));
    assert_false(check_project_has_target(project, "old"));
    check_project_free(project);
}

static void broken_files_offer_nothing(void **state)
{
    struct check_project *project;
    char *large = mem_zero(1, CHECK_PROJECT_FILE_BYTES_MAX + 1);

    (void)state;
    memset(large, 'x', CHECK_PROJECT_FILE_BYTES_MAX + 1);
    write_file("Makefile", large, CHECK_PROJECT_FILE_BYTES_MAX + 1);
    project = open_with("package.json", "{\"scripts\": ");
    assert_false(check_project_has_target(project, "x"));
    assert_false(check_project_has_script(project, "test"));
    assert_false(check_project_mentions(project, "Makefile", "x"));
    check_project_free(project);
    project = open_with("package.json", "[1, 2]");
    assert_false(check_project_has_script(project, "test"));
    check_project_free(project);
    project = open_with("package.json", "{\"scripts\": {\"test\": 4}}");
    assert_false(check_project_has_script(project, "test"));
    check_project_free(project);
    free(large);
}

static void the_lock_file_names_the_script_runner(void **state)
{
    struct check_project *project = open_with("package.json", "{}");

    (void)state;
    assert_string_equal(check_project_script_runner(project), "npm");
    write_file("yarn.lock", "", 0);
    assert_string_equal(check_project_script_runner(project), "yarn");
    check_project_free(project);
}

static void the_tree_is_listed_without_git_too(void **state)
{
    struct check_project *project = open_with("a.sh", "#!/bin/sh\n");
    const struct tree *tree = check_project_tree(project);

    (void)state;
    assert_non_null(tree);
    assert_non_null(tree_find(tree, "a.sh"));
    assert_ptr_equal(check_project_tree(project), tree);
    assert_null(check_project_build_folder(project, "CMakeCache.txt"));
    check_project_free(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(targets_are_names_before_a_colon, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_makefile_that_make_would_take_counts, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(broken_files_offer_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_lock_file_names_the_script_runner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_tree_is_listed_without_git_too, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
