/* SPDX-License-Identifier: MIT */
#include "results/git.h"

#include "base/alloc.h"
#include "base/file.h"

#include "../../support/repository.h"
#include "../../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static int set_up(void **state)
{
    char *scratch = scratch_new();

    GIT(scratch, "init", "-q");
    scratch_write(scratch, "a.txt", "one\n");
    scratch_write(scratch, "sub/b.txt", "two\n");
    GIT(scratch, "add", ".");
    GIT(scratch, "commit", "-q", "-m", "first");
    *state = scratch;
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    return 0;
}

static char *output_of(const char *project, const char *const *arguments)
{
    struct strbuf output;
    struct error err = ERROR_INIT;

    assert_int_equal(repository_run(project, arguments, 100000, &output, &err), 0);
    return output.data;
}

static void the_output_is_what_git_prints(void **state)
{
    char *text = output_of(*state, (const char *const[]){"ls-files", NULL});

    assert_string_equal(text, "a.txt\nsub/b.txt\n");
    free(text);
}

static void a_folder_inside_finds_the_repository_above(void **state)
{
    char *folder = scratch_path(*state, "sub");
    char *text = output_of(folder, (const char *const[]){"ls-files", NULL});
    char *git_folder = NULL;
    char *work_tree = NULL;
    char *wanted = scratch_path(*state, ".git");

    assert_string_equal(text, "b.txt\n");
    assert_int_equal(repository_find(folder, &git_folder, &work_tree, NULL), 0);
    assert_string_equal(git_folder, wanted);
    assert_string_equal(work_tree, *state);
    free(wanted);
    free(git_folder);
    free(work_tree);
    free(text);
    free(folder);
}

static void a_linked_work_tree_is_found_through_its_file(void **state)
{
    char *folder = scratch_path(*state, "linked");
    char *text;

    GIT(*state, "worktree", "add", "-q", "linked");
    text = output_of(folder, (const char *const[]){"rev-parse", "--abbrev-ref", "HEAD", NULL});
    assert_string_equal(text, "linked\n");
    free(text);
    free(folder);
}

static void outside_of_any_repository_nothing_is_found(void **state)
{
    char *scratch = scratch_new();
    struct strbuf output;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(
        repository_run(scratch, (const char *const[]){"status", NULL}, 100, &output, &err),
        ERROR_NOT_FOUND);
    scratch_write(scratch, ".git", "gitdir: /nonexistent/place\n");
    assert_int_equal(
        repository_run(scratch, (const char *const[]){"status", NULL}, 100, &output, &err),
        ERROR_NOT_FOUND);
    scratch_remove(scratch);
}

static void a_failure_says_what_git_said(void **state)
{
    struct strbuf output;
    struct error err = ERROR_INIT;

    assert_int_equal(repository_run(*state,
                                    (const char *const[]){"cat-file", "-p", "HEAD:no", NULL}, 100,
                                    &output, &err),
                     ERROR_IO);
    assert_non_null(strstr(err.text, "git cat-file ended with status 128"));
    assert_non_null(strstr(err.text, "does not exist in 'HEAD'"));
    assert_null(strchr(err.text, '\n'));
}

/* A git before the real one in PATH, which is killed so many times first. */
static void kill_git(const char *scratch, int times)
{
    char *folder = scratch_path(scratch, "bin");
    char *left = scratch_path(scratch, "left");
    char *number = mem_printf("%d\n", times);
    char *path = mem_printf("%s:%s", folder, getenv("PATH"));
    char *script = mem_printf(
        "#!/bin/sh\nread -r left <%s\nif [ $left -gt 0 ]; then\necho $((left - "
        "1)) >%s\necho half\nkill -9 $$\nfi\nexec git "
        "\"$@\"\n",
        left, left);
    char *program = scratch_path(scratch, "bin/git");

    scratch_write(scratch, "left", number);
    scratch_write(scratch, "bin/git", script);
    assert_int_equal(chmod(program, 0700), 0);
    assert_int_equal(setenv("PATH", path, 1), 0);
    free(program);
    free(script);
    free(path);
    free(number);
    free(left);
    free(folder);
}

static void one_that_is_killed_is_asked_again_and_only_so_often(void **state)
{
    char *before = mem_strdup(getenv("PATH"));
    struct error err = ERROR_INIT;
    struct strbuf output;
    char *text;
    int r;

    kill_git(*state, 2);
    text = output_of(*state, (const char *const[]){"ls-files", "--", "a.txt", NULL});
    assert_string_equal(text, "a.txt\n");
    free(text);
    assert_int_equal(setenv("PATH", before, 1), 0);
    kill_git(*state, 100);
    r = repository_run(*state, (const char *const[]){"ls-files", NULL}, 100, &output, &err);
    assert_int_equal(r, ERROR_INTERNAL);
    assert_string_equal(err.text, "git ls-files was ended by signal 9");
    assert_int_equal(setenv("PATH", before, 1), 0);
    free(before);
}

static void a_silent_status_one_means_nothing_found(void **state)
{
    struct strbuf output;
    struct error err = ERROR_INIT;

    assert_int_equal(
        repository_run(*state,
                       (const char *const[]){"rev-parse", "-q", "--verify", "no-such-branch", NULL},
                       100, &output, &err),
        ERROR_NOT_FOUND);
}

static void output_beyond_the_ceiling_ends_git(void **state)
{
    enum { SIZE = 3000000 };
    char *large = mem_zero(1, SIZE);
    struct strbuf output;
    struct error err = ERROR_INIT;

    memset(large, 'x', SIZE);
    scratch_write_bytes(*state, "large", large, SIZE);
    GIT(*state, "add", "large");
    assert_int_equal(repository_run(*state, (const char *const[]){"cat-file", "-p", ":large", NULL},
                                    1000, &output, &err),
                     ERROR_LIMIT);
    assert_int_equal(repository_run(*state, (const char *const[]){"cat-file", "-p", ":large", NULL},
                                    SIZE, &output, &err),
                     0);
    assert_int_equal(output.length, SIZE);
    strbuf_release(&output);
    free(large);
}

static void warnings_beyond_the_ceiling_end_git_too(void **state)
{
    char *before = mem_strdup(getenv("PATH"));
    char *folder = scratch_path(*state, "bin");
    char *path = mem_printf("%s:%s", folder, before);
    char *program = scratch_path(*state, "bin/git");
    struct strbuf output;
    struct error err = ERROR_INIT;
    int r;

    scratch_write(*state, "bin/git", "#!/bin/sh\nhead -c 32M /dev/zero >&2\n");
    assert_int_equal(chmod(program, 0700), 0);
    assert_int_equal(setenv("PATH", path, 1), 0);
    r = repository_run(*state, (const char *const[]){"ls-files", NULL}, 100, &output, &err);
    assert_int_equal(setenv("PATH", before, 1), 0);
    assert_int_equal(r, ERROR_LIMIT);
    assert_string_equal(err.text, "git printed more than 16777216 bytes of warnings");
    free(program);
    free(path);
    free(folder);
    free(before);
}

/* Every program that the repository's own configuration names here would leave a mark. */
static void a_hostile_configuration_starts_nothing(void **state)
{
    char *mark = scratch_path(*state, "mark");
    char *script = scratch_path(*state, "evil.sh");
    char *text = mem_printf("#!/bin/sh\ntouch %s\n", mark);
    char *output;

    scratch_write(*state, "evil.sh", text);
    assert_int_equal(chmod(script, 0700), 0);
    scratch_write(*state, ".gitattributes", "*.txt filter=evil diff=evil\n");
    GIT(*state, "config", "core.fsmonitor", script);
    GIT(*state, "config", "core.pager", script);
    GIT(*state, "config", "core.sshCommand", script);
    GIT(*state, "config", "filter.evil.clean", script);
    GIT(*state, "config", "filter.evil.smudge", script);
    GIT(*state, "config", "diff.evil.textconv", script);
    GIT(*state, "config", "diff.external", script);
    GIT(*state, "config", "log.showSignature", "true");
    GIT(*state, "config", "gpg.program", script);
    GIT(*state, "config", "alias.ls-files", "!touch mark");
    scratch_write(*state, ".git/hooks/post-index-change", text);
    output = output_of(*state, (const char *const[]){"ls-files", "-z", "--cached", "--others",
                                                     "--exclude-standard", NULL});
    free(output);
    output = output_of(*state, (const char *const[]){"log", "--format=%H", NULL});
    free(output);
    assert_false(file_exists(mark));
    free(text);
    free(script);
    free(mark);
}

static void names_are_never_patterns(void **state)
{
    char *text = output_of(*state, (const char *const[]){"ls-files", "--", "*.txt", NULL});

    assert_string_equal(text, "");
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_output_is_what_git_prints),
        TEST(a_folder_inside_finds_the_repository_above),
        TEST(a_linked_work_tree_is_found_through_its_file),
        TEST(outside_of_any_repository_nothing_is_found),
        TEST(a_failure_says_what_git_said),
        TEST(one_that_is_killed_is_asked_again_and_only_so_often),
        TEST(a_silent_status_one_means_nothing_found),
        TEST(output_beyond_the_ceiling_ends_git),
        TEST(warnings_beyond_the_ceiling_end_git_too),
        TEST(a_hostile_configuration_starts_nothing),
        TEST(names_are_never_patterns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
