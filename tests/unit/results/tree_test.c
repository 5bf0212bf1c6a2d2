/* SPDX-License-Identifier: MIT */
#include "results/results.h"

#include "base/alloc.h"
#include "base/file.h"

#include "../../support/repository.h"
#include "../../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
    char digest[DIGEST_HEX_SIZE];
    int64_t files;
};

static int set_up(void **state)
{
    char *scratch = scratch_new();

    scratch_write(scratch, "a.txt", "one\n");
    scratch_write(scratch, "sub/b.txt", "two\n");
    scratch_write(scratch, ".gitignore", "*.o\n");
    *state = scratch;
    return 0;
}

static int set_up_repository(void **state)
{
    (void)set_up(state);
    GIT(*state, "init", "-q");
    GIT(*state, "add", ".");
    GIT(*state, "commit", "-q", "-m", "first");
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    return 0;
}

static struct seen look(const char *project)
{
    struct seen seen;
    struct error err = ERROR_INIT;

    assert_int_equal(tree_digest(project, seen.digest, &seen.files, &err), 0);
    return seen;
}

static void remove_name(const char *scratch, const char *name)
{
    char *path = scratch_path(scratch, name);

    assert_int_equal(unlink(path), 0);
    free(path);
}

static void assert_same(struct seen left, struct seen right)
{
    assert_string_equal(left.digest, right.digest);
    assert_int_equal(left.files, right.files);
}

static void assert_other(struct seen left, struct seen right)
{
    assert_string_not_equal(left.digest, right.digest);
}

static void the_format_is_path_mode_and_content(void **state)
{
    struct digest *digest = digest_new();
    char wanted[DIGEST_HEX_SIZE];
    char content[DIGEST_HEX_SIZE];
    const char *records[][2] = {
        {".gitignore", "*.o\n"}, {"a.txt", "one\n"}, {"sub/b.txt", "two\n"}};

    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        digest_bytes(records[i][1], 4, content);
        digest_add_field(digest, records[i][0]);
        digest_add_field(digest, "100644");
        digest_add_field(digest, content);
    }
    digest_finish(digest, wanted);
    assert_string_equal(look(*state).digest, wanted);
    assert_int_equal(look(*state).files, 3);
}

static void with_and_without_git_the_digest_is_the_same(void **state)
{
    struct seen without = look(*state);

    GIT(*state, "init", "-q");
    assert_same(look(*state), without);
    GIT(*state, "add", "a.txt");
    assert_same(look(*state), without);
}

static void ignored_files_and_our_own_folder_do_not_count(void **state)
{
    struct seen before = look(*state);

    scratch_write(*state, "x.o", "object");
    scratch_write(*state, ".fermata/fermata.db", "store");
    scratch_write(*state, ".fermata/workflows/x.yaml", "name: x");
    assert_same(look(*state), before);
    GIT(*state, "add", "-f", ".fermata/fermata.db");
    assert_same(look(*state), before);
    scratch_write(*state, ".fermata2", "not ours");
    assert_other(look(*state), before);
}

static void without_git_our_folder_and_git_do_not_count(void **state)
{
    struct seen before = look(*state);

    scratch_write(*state, ".fermata/fermata.db", "store");
    scratch_write(*state, "sub/.git", "gitdir: elsewhere");
    assert_same(look(*state), before);
    scratch_write(*state, "sub/.fermata/file", "a project of its own");
    assert_other(look(*state), before);
}

static void every_change_changes_the_digest(void **state)
{
    struct seen before = look(*state);
    char *path = scratch_path(*state, "a.txt");

    scratch_write(*state, "a.txt", "onf\n");
    assert_other(look(*state), before);
    scratch_write(*state, "a.txt", "one\n");
    assert_same(look(*state), before);
    assert_int_equal(chmod(path, 0755), 0);
    assert_other(look(*state), before);
    assert_int_equal(chmod(path, 0644), 0);
    scratch_write(*state, "new.txt", "");
    assert_other(look(*state), before);
    remove_name(*state, "new.txt");
    assert_same(look(*state), before);
    remove_name(*state, "a.txt");
    assert_other(look(*state), before);
    assert_int_equal(look(*state).files, before.files - 1);
    free(path);
}

static void committing_does_not_change_the_digest(void **state)
{
    struct seen before;

    scratch_write(*state, "new.txt", "new\n");
    before = look(*state);
    GIT(*state, "add", ".");
    assert_same(look(*state), before);
    GIT(*state, "commit", "-q", "-m", "second");
    assert_same(look(*state), before);
}

static void links_count_by_their_target_text(void **state)
{
    struct seen before, with_link;
    char *link = scratch_path(*state, "link");

    before = look(*state);
    assert_int_equal(symlink("/nonexistent/one", link), 0);
    with_link = look(*state);
    assert_int_equal(with_link.files, before.files + 1);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("/nonexistent/two", link), 0);
    assert_other(look(*state), with_link);
    free(link);
}

static void a_tracked_file_behind_a_link_counts_as_deleted(void **state)
{
    char *outside = scratch_new();
    char *folder = scratch_path(*state, "sub");
    struct seen seen;

    remove_name(*state, "sub/b.txt");
    assert_int_equal(rmdir(folder), 0);
    scratch_write(outside, "b.txt", "two\n");
    assert_int_equal(symlink(outside, folder), 0);
    seen = look(*state);
    scratch_write(outside, "b.txt", "changed outside\n");
    assert_same(look(*state), seen);
    free(folder);
    scratch_remove(outside);
}

static void strange_names_are_names(void **state)
{
    static const char *const names[] = {"-n", "new\nline", "sp ace", "quo\"te", "\xff\xfe", "*"};
    struct seen without;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        scratch_write(*state, names[i], "x");
    }
    without = look(*state);
    assert_int_equal(without.files, 3 + (int64_t)ARRAY_LEN(names));
    GIT(*state, "init", "-q");
    assert_same(look(*state), without);
}

static void a_repository_inside_counts_by_its_commit(void **state)
{
    char *inner = scratch_path(*state, "inner");
    struct seen first;

    scratch_write(*state, "inner/file", "1");
    GIT(inner, "init", "-q");
    GIT(inner, "add", ".");
    GIT(inner, "commit", "-q", "-m", "1");
    first = look(*state);
    assert_int_equal(first.files, 4);
    scratch_write(*state, "inner/file", "2");
    assert_same(look(*state), first);
    GIT(inner, "commit", "-q", "-a", "-m", "2");
    assert_other(look(*state), first);
    first = look(*state);
    GIT(*state, "add", "--no-warn-embedded-repo", "inner");
    assert_same(look(*state), first);
    free(inner);
}

static void a_project_in_a_subfolder_sees_only_itself(void **state)
{
    char *folder = scratch_path(*state, "sub");
    struct seen before = look(folder);

    assert_int_equal(before.files, 1);
    scratch_write(*state, "a.txt", "changed above\n");
    assert_same(look(folder), before);
    free(folder);
}

static void a_file_in_conflict_counts_once(void **state)
{
    struct seen before = look(*state);
    struct seen conflict;

    GIT(*state, "update-index", "--force-remove", "a.txt");
    GIT(*state, "checkout", "-q", "-b", "other", "HEAD");
    scratch_write(*state, "a.txt", "theirs\n");
    GIT(*state, "add", "a.txt");
    GIT(*state, "commit", "-q", "-m", "theirs");
    GIT(*state, "checkout", "-q", "main");
    scratch_write(*state, "a.txt", "ours\n");
    GIT(*state, "commit", "-q", "-a", "-m", "ours");
    GIT(*state, "read-tree", "-m", "HEAD~1", "main", "other");
    conflict = look(*state);
    assert_int_equal(conflict.files, before.files);
}

static void a_broken_repository_is_an_error_and_not_another_digest(void **state)
{
    struct seen seen = {.files = -1};
    struct error err = ERROR_INIT;

    scratch_write(*state, ".git/index", "this is no index");
    assert_int_equal(tree_digest(*state, seen.digest, &seen.files, &err), ERROR_IO);
    assert_int_equal(seen.files, -1);
    assert_non_null(strstr(err.text, "git ls-files"));
}

/* It takes no room; to read it would take hours. */
static void a_file_without_end_is_refused_and_not_read(void **state)
{
    char *path = scratch_path(*state, "holes");
    char digest[DIGEST_HEX_SIZE];
    struct error err = ERROR_INIT;

    scratch_write(*state, "holes", "");
    assert_int_equal(truncate(path, (off_t)17 << 30), 0);
    assert_int_equal(tree_digest(*state, digest, NULL, &err), ERROR_LIMIT);
    assert_string_equal(err.text, "holes has more than 17179869184 bytes");
    assert_non_null(strstr(err.hint, ".gitignore"));
    assert_int_equal(truncate(path, 1 << 20), 0);
    assert_int_equal(tree_digest(*state, digest, NULL, &err), 0);
    free(path);
}

static void a_missing_project_is_named(void **state)
{
    struct seen seen;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(tree_digest("/nonexistent/project", seen.digest, &seen.files, &err),
                     ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/project"));
}

static void the_commit_is_that_of_head_or_empty(void **state)
{
    char commit[DIGEST_HEX_SIZE] = "x";
    char *scratch = scratch_new();

    assert_int_equal(tree_commit(*state, commit, sizeof(commit), NULL), 0);
    assert_int_equal(strlen(commit), 40);
    assert_int_equal(strspn(commit, "0123456789abcdef"), 40);
    assert_int_equal(tree_commit(*state, commit, 40, NULL), ERROR_LIMIT);
    assert_int_equal(tree_commit(scratch, commit, sizeof(commit), NULL), 0);
    assert_string_equal(commit, "");
    GIT(scratch, "init", "-q");
    assert_int_equal(tree_commit(scratch, commit, sizeof(commit), NULL), 0);
    assert_string_equal(commit, "");
    scratch_remove(scratch);
}

#define PLAIN(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define IN_GIT(name) cmocka_unit_test_setup_teardown(name, set_up_repository, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(the_format_is_path_mode_and_content),
        PLAIN(with_and_without_git_the_digest_is_the_same),
        IN_GIT(ignored_files_and_our_own_folder_do_not_count),
        PLAIN(without_git_our_folder_and_git_do_not_count),
        PLAIN(every_change_changes_the_digest),
        IN_GIT(every_change_changes_the_digest),
        IN_GIT(committing_does_not_change_the_digest),
        PLAIN(links_count_by_their_target_text),
        IN_GIT(links_count_by_their_target_text),
        IN_GIT(a_tracked_file_behind_a_link_counts_as_deleted),
        PLAIN(strange_names_are_names),
        IN_GIT(a_repository_inside_counts_by_its_commit),
        IN_GIT(a_project_in_a_subfolder_sees_only_itself),
        IN_GIT(a_file_in_conflict_counts_once),
        IN_GIT(a_broken_repository_is_an_error_and_not_another_digest),
        PLAIN(a_file_without_end_is_refused_and_not_read),
        IN_GIT(a_file_without_end_is_refused_and_not_read),
        PLAIN(a_missing_project_is_named),
        IN_GIT(the_commit_is_that_of_head_or_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
