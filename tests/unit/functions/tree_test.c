/* SPDX-License-Identifier: MIT */
#include "functions/tree.h"

#include "support/repository.h"
#include "support/scratch.h"

#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void tracked_and_new_files_are_listed_sorted_without_ignored_ones(void **state)
{
    char *folder = scratch_new();
    struct tree *tree = NULL;

    (void)state;
    GIT(folder, "init", "-q");
    scratch_write(folder, "z.c", "int z;\n");
    scratch_write(folder, "src/a.c", "int a;\n");
    scratch_write(folder, ".gitignore", "*.o\n");
    scratch_write(folder, "a.o", "x");
    scratch_write(folder, ".fermata/config.yaml", "x: 1\n");
    GIT(folder, "add", "z.c");
    assert_int_equal(tree_open(folder, &tree, NULL), 0);
    assert_true(tree->is_git);
    assert_int_equal(tree->count, 3);
    assert_string_equal(tree->files[0].path, ".gitignore");
    assert_string_equal(tree->files[1].path, "src/a.c");
    assert_non_null(tree_find(tree, "z.c"));
    assert_null(tree_find(tree, "a.o"));
    tree_free(tree);
    scratch_remove(folder);
}

static void without_git_the_folder_is_walked(void **state)
{
    char *folder = scratch_new();
    struct tree *tree = NULL;

    (void)state;
    scratch_write(folder, "b/c/d.py", "x = 1\n");
    assert_int_equal(tree_open(folder, &tree, NULL), 0);
    assert_false(tree->is_git);
    assert_int_equal(tree->count, 1);
    assert_string_equal(tree->files[0].path, "b/c/d.py");
    tree_free(tree);
    scratch_remove(folder);
}

static void links_are_never_followed(void **state)
{
    char *folder = scratch_new();
    char *outside = scratch_new();
    char *link = scratch_path(folder, "link");
    char *file_link = scratch_path(folder, "file");
    struct tree *tree = NULL;

    (void)state;
    scratch_write(outside, "secret.c", "x\n");
    assert_int_equal(symlink(outside, link), 0);
    assert_int_equal(symlink("/etc/passwd", file_link), 0);
    assert_int_equal(tree_open(folder, &tree, NULL), 0);
    assert_int_equal(tree->count, 0);
    assert_int_equal(tree->skipped, 2);
    tree_free(tree);
    free(link);
    free(file_link);
    scratch_remove(outside);
    scratch_remove(folder);
}

static void binary_and_changed_files_are_not_read(void **state)
{
    char *folder = scratch_new();
    struct tree *tree = NULL;
    char *path = scratch_path(folder, "gone.c");
    char *text;
    size_t length;

    (void)state;
    scratch_write_bytes(folder, "b.bin", "a\0b", 3);
    scratch_write(folder, "gone.c", "x");
    scratch_write(folder, "ok.c", "/* Code generated. DO NOT EDIT */\n");
    assert_int_equal(tree_open(folder, &tree, NULL), 0);
    assert_int_equal(unlink(path), 0);
    assert_false(tree_read(tree, &tree->files[0], &text, &length));
    assert_true(tree->files[0].traits & TRAIT_BINARY);
    assert_false(tree_read(tree, &tree->files[1], &text, &length));
    assert_true(tree_read(tree, &tree->files[2], &text, &length));
    assert_true(tree->files[2].traits & TRAIT_GENERATED);
    free(text);
    free(path);
    tree_free(tree);
    scratch_remove(folder);
}

static void paths_show_traits(void **state)
{
    char buffer[8];

    (void)state;
    assert_true(tree_path_traits("deps/x/a.c") & TRAIT_VENDORED);
    assert_true(tree_path_traits("src/a_test.go") & TRAIT_TEST);
    assert_true(tree_path_traits("t/t0001.sh") & TRAIT_TEST);
    assert_true(tree_path_traits("package-lock.json") & TRAIT_GENERATED);
    assert_int_equal(tree_path_traits("src/latest/contest.c"), 0);
    assert_string_equal(tree_context_name(TRAIT_TEST | TRAIT_VENDORED), "vendored");
    assert_null(tree_context_name(0));
    assert_string_equal(tree_top_folder("a.c", buffer, sizeof(buffer)), "(root)");
    assert_string_equal(tree_top_folder("averylongname/b", buffer, sizeof(buffer)), "averylo");
}

static void a_missing_project_is_an_error(void **state)
{
    struct tree *tree = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(tree_open("/nonexistent/project", &tree, &err), ERROR_NOT_FOUND);
    assert_null(tree);
}

static void odd_names_are_files_like_others(void **state)
{
    char *folder = scratch_new();
    struct tree *tree = NULL;
    struct tree_file *file;
    char *text = NULL;
    size_t length = 0;

    (void)state;
    GIT(folder, "init", "-q");
    scratch_write(folder, "new\nline.c", "int a;\n");
    scratch_write(folder, "odd\xff.c", "int b;\n");
    assert_int_equal(tree_open(folder, &tree, NULL), 0);
    assert_int_equal(tree->count, 2);
    assert_int_equal(tree->skipped, 0);
    file = (struct tree_file *)tree_find_shown(tree, "odd\xEF\xBF\xBD.c");
    assert_non_null(file);
    assert_true(tree_read(tree, file, &text, &length));
    assert_string_equal(text, "int b;\n");
    assert_null(tree_find_shown(tree, "even\xEF\xBF\xBD.c"));
    free(text);
    tree_free(tree);
    scratch_remove(folder);
}

static void a_bare_repository_is_refused_with_the_way_out(void **state)
{
    char *folder = scratch_new();
    struct tree *tree = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    GIT(folder, "init", "-q", "--bare");
    assert_int_equal(tree_open(folder, &tree, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "bare git repository"));
    assert_non_null(strstr(err.hint, "git clone"));
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracked_and_new_files_are_listed_sorted_without_ignored_ones),
        cmocka_unit_test(without_git_the_folder_is_walked),
        cmocka_unit_test(links_are_never_followed),
        cmocka_unit_test(binary_and_changed_files_are_not_read),
        cmocka_unit_test(paths_show_traits),
        cmocka_unit_test(a_missing_project_is_an_error),
        cmocka_unit_test(odd_names_are_files_like_others),
        cmocka_unit_test(a_bare_repository_is_refused_with_the_way_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
