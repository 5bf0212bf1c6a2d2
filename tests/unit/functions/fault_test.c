/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "functions/fault.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static char *folder;

static int set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

static struct fault_list find(int kind)
{
    struct tree *tree = NULL;
    struct fault_list list;

    assert_int_equal(tree_open(folder, &tree, NULL), 0);
    fault_find(tree, kind, &list);
    tree_free(tree);
    return list;
}

static void expect(int kind, const char *what, const char *path)
{
    struct fault_list list = find(kind);
    bool is_there = false;

    for (size_t i = 0; i < list.count; i++) {
        is_there = is_there ||
                   (strcmp(list.items[i].what, what) == 0 && strcmp(list.items[i].path, path) == 0);
    }
    fault_list_release(&list);
    if (!is_there) {
        fail_msg("no fault \"%s\" in %s", what, path);
    }
}

static void each_language_has_its_own_faults(void **state)
{
    (void)state;
    scratch_write(folder, "tests/test_a.py", "def test_a(): pass\n");
    scratch_write(folder, "a.py", "x = 1\n");
    scratch_write(folder, "run.sh", "#!/bin/sh\n");
    expect(CHECK_TESTS, "a failing test", "tests/test_fermata_fault.py");
    expect(CHECK_TESTS, "a test file that fails at once", "tests/test_a.py");
    expect(CHECK_TYPES, "a value of the wrong type", "a.py");
    expect(CHECK_LINT, "an error that a linter knows", "run.sh");
    expect(CHECK_FORMAT, "a line that no formatter leaves", "a.py");
    expect(CHECK_SECURITY, "a private key", "fermata_fault.pem");
    expect(FAULT_ANY, "a failing test", "tests/test_fermata_fault.py");
    expect(FAULT_ANY, "a private key", "fermata_fault.pem");
}

static void where_nothing_is_known_there_is_no_fault(void **state)
{
    struct fault_list list;

    (void)state;
    scratch_write(folder, "notes.txt", "nothing\n");
    list = find(CHECK_TESTS);
    assert_int_equal(list.count, 0);
    fault_list_release(&list);
}

static char *read_back(const char *name)
{
    char *path = scratch_path(folder, name);
    char *text = NULL;
    size_t length;

    assert_int_equal(file_read(path, 10000, &text, &length, NULL), 0);
    free(path);
    return text;
}

static void expect_text(const char *name, const char *text)
{
    char *there = read_back(name);

    assert_string_equal(there, text);
    free(there);
}

static void what_is_planted_goes_away_again(void **state)
{
    struct fault first = {.text = "exit 1\n", .path = (char *)(uintptr_t) "a.sh", .is_first = true};
    struct fault fresh = {.text = "new\n", .path = (char *)(uintptr_t) "b.txt"};
    char *path = scratch_path(folder, "a.sh");
    char *before = NULL;
    struct stat status;

    (void)state;
    scratch_write(folder, "a.sh", "#!/bin/sh\necho a\n");
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(fault_plant(folder, &first, &before, NULL), 0);
    expect_text("a.sh", "#!/bin/sh\nexit 1\necho a\n");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755);
    assert_int_equal(fault_remove(folder, &first, before, NULL), 0);
    expect_text("a.sh", "#!/bin/sh\necho a\n");
    assert_int_equal(fault_plant(folder, &fresh, &before, NULL), 0);
    assert_null(before);
    expect_text("b.txt", "new\n");
    assert_int_equal(fault_remove(folder, &fresh, before, NULL), 0);
    free(path);
    path = scratch_path(folder, "b.txt");
    assert_false(file_exists(path));
    free(path);
}

static void a_fault_in_go_is_of_the_package_beside_it(void **state)
{
    struct fault fault = {.text = "package {package}\n\nfunc x() {}\n",
                          .path = (char *)(uintptr_t) "deep/x.go",
                          .is_first = true};
    char *before = NULL;

    (void)state;
    scratch_write(folder, "main.go", "package main\n");
    scratch_write(folder, "deep/a.go", "// a\npackage deep\n");
    assert_int_equal(fault_plant(folder, &fault, &before, NULL), 0);
    expect_text("deep/x.go", "package deep\n\nfunc x() {}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_language_has_its_own_faults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_nothing_is_known_there_is_no_fault, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_planted_goes_away_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fault_in_go_is_of_the_package_beside_it, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
