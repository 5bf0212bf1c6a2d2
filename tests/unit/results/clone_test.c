/* SPDX-License-Identifier: MIT */
#include "results/clone.h"

#include "../../support/repository.h"
#include "../../support/snapshot_project.h"
#include "base/file.h"
#include "results/git.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *make(struct snapshot_project *project)
{
    static const char *const files[] = {"local/"};
    char *tree = path_join(project->folder, ".fermata/clone");
    const struct clone_wish wish = {project->folder, tree, files, 1};
    char base[DIGEST_HEX_SIZE];
    struct error err = ERROR_INIT;

    if (clone_make(project->snapshots, &wish, base, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return tree;
}

static char *ask(const char *tree, const char *const *arguments)
{
    struct strbuf output;
    struct error err = ERROR_INIT;
    char *copy;

    if (repository_run(tree, arguments, 10000, &output, &err) < 0) {
        fail_msg("%s", err.text);
    }
    copy = mem_strdup(output.data);
    strbuf_release(&output);
    return copy;
}

static bool has(const char *tree, const char *name)
{
    char *path = path_join(tree, name);
    bool is = file_exists(path);

    free(path);
    return is;
}

static void make_history(struct snapshot_project *project)
{
    GIT(project->folder, "init", "-q", "-b", "work/mine");
    snapshot_project_write(project, ".gitignore", ".fermata\nlocal/\nnoise\n");
    GIT(project->folder, "add", ".");
    GIT(project->folder, "commit", "-q", "-m", "first");
    snapshot_project_write(project, "a.txt", "uncommitted\n");
    snapshot_project_write(project, "local/key", "1");
    snapshot_project_write(project, "noise", "x");
}

static void a_clone_has_the_history_the_branch_and_the_files_as_they_are(void **state)
{
    struct snapshot_project *project = *state;
    char *tree;
    char *text;

    make_history(project);
    tree = make(project);
    text = ask(tree, (const char *const[]){"log", "--format=%s", NULL});
    assert_string_equal(text, "first\n");
    free(text);
    text = ask(tree, (const char *const[]){"symbolic-ref", "HEAD", NULL});
    assert_string_equal(text, "refs/heads/work/mine\n");
    free(text);
    text = ask(tree, (const char *const[]){"diff", "--name-only", NULL});
    assert_string_equal(text, "a.txt\n");
    free(text);
    assert_true(has(tree, "local/key"));
    assert_false(has(tree, "noise"));
    free(tree);
}

static void nothing_of_the_projects_configuration_is_in_it(void **state)
{
    struct snapshot_project *project = *state;
    char *tree;
    char *text;

    make_history(project);
    GIT(project->folder, "config", "core.fsmonitor", "touch /nonexistent");
    GIT(project->folder, "remote", "add", "origin", "/nonexistent");
    snapshot_project_write(project, ".git/hooks/post-checkout", "#!/bin/sh\n");
    tree = make(project);
    text = ask(tree, (const char *const[]){"config", "--local", "--list", NULL});
    assert_string_equal(text,
                        "core.repositoryformatversion=0\ncore.filemode=true\ncore.bare=false\n");
    assert_false(has(tree, ".git/hooks"));
    free(text);
    free(tree);
}

static void without_git_it_is_a_plain_copy(void **state)
{
    char *tree = make(*state);

    assert_true(has(tree, "dir/b.sh"));
    assert_false(has(tree, ".git"));
    free(tree);
}

static void a_part_of_a_repository_has_one_of_its_own_without_history(void **state)
{
    struct snapshot_project *project = *state;
    char *above;
    char *tree;
    char *text;

    make_history(project);
    snapshot_project_write(project, "part/file", "x");
    above = project->folder;
    project->folder = path_join(above, "part");
    tree = make(project);
    free(project->folder);
    project->folder = above;
    text = ask(tree, (const char *const[]){"ls-files", "--others", NULL});
    assert_string_equal(text, "file\n");
    assert_true(has(tree, ".git"));
    free(text);
    free(tree);
}

/* What git ignores in the project would be merged back from the clone. */
static void without_what_git_ignores_there_is_no_clone(void **state)
{
    struct snapshot_project *project = *state;
    char *tree = path_join(project->folder, ".fermata/clone");
    const struct clone_wish wish = {.project = project->folder, .tree = tree};
    char *large = mem_zero(1, (2 << 20) + 1);
    char base[DIGEST_HEX_SIZE];
    struct error err = ERROR_INIT;

    make_history(project);
    memset(large, '#', 2 << 20);
    snapshot_project_write(project, ".git/info/exclude", large);
    assert_int_equal(clone_make(project->snapshots, &wish, base, &err), ERROR_LIMIT);
    assert_non_null(strstr(err.text, "info/exclude has 2097152 bytes; at most 1048576 are read"));
    free(large);
    free(tree);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_clone_has_the_history_the_branch_and_the_files_as_they_are),
        CASE(nothing_of_the_projects_configuration_is_in_it),
        CASE(without_git_it_is_a_plain_copy),
        CASE(without_what_git_ignores_there_is_no_clone),
        CASE(a_part_of_a_repository_has_one_of_its_own_without_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
