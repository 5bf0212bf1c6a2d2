/* SPDX-License-Identifier: MIT */
#include "results/history.h"

#include "../../support/full_disk.h"
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

#define RUN "wf_000000000001"
#define REFERENCE HISTORY_REFERENCES RUN

static void begin(const struct snapshot_project *project)
{
    GIT(project->folder, "init", "-q");
    GIT(project->folder, "add", ".");
    GIT(project->folder, "commit", "-q", "-m", "first");
}

/* What git says; free() it. */
static char *git_says(const struct snapshot_project *project, const char *const *arguments)
{
    struct strbuf output;
    struct error err = ERROR_INIT;

    if (repository_run(project->folder, arguments, 100000, &output, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return output.data;
}

static void assert_says(const struct snapshot_project *project, const char *wanted,
                        const char *const *arguments)
{
    char *text = git_says(project, arguments);

    assert_string_equal(text, wanted);
    free(text);
}
#define ASSERT_SAYS(project, wanted, ...)                                                          \
    assert_says(project, wanted, (const char *const[]){__VA_ARGS__, NULL})

/* What changed since `from`, as a commit of that attempt. */
static int add(const struct snapshot_project *project, char from[DIGEST_HEX_SIZE],
               const char *attempt, char ret_commit[COMMIT_NAME_SIZE], struct error *err)
{
    char to[DIGEST_HEX_SIZE];
    char *scratch = path_join(project->folder, ".git/stream");
    const struct history_entry entry = {.project = project->folder,
                                        .run = RUN,
                                        .attempt = attempt,
                                        .subject = "Build it (build)",
                                        .scratch = scratch,
                                        .at_ms = 1700000000123};
    struct changes changes;
    int r;

    snapshot_project_take(project, to);
    changes = snapshot_project_compare(project, from, to);
    r = history_add(project->snapshots, &changes, &entry, ret_commit, err);
    assert_false(file_exists(scratch));
    memcpy(from, to, DIGEST_HEX_SIZE);
    changes_release(&changes);
    free(scratch);
    return r;
}

static void each_has_the_one_before_as_its_parent_and_no_branch_moves(void **state)
{
    struct snapshot_project *project = *state;
    char state_of[DIGEST_HEX_SIZE];
    char first[COMMIT_NAME_SIZE], second[COMMIT_NAME_SIZE];

    begin(project);
    snapshot_project_take(project, state_of);
    snapshot_project_write(project, "a.txt", "changed\n");
    snapshot_project_write(project, "new.txt", "new\n");
    snapshot_project_remove(project, "dir/b.sh");
    assert_int_equal(add(project, state_of, "build.1", first, NULL), 0);
    snapshot_project_write(project, "new.txt", "newer\n");
    assert_int_equal(add(project, state_of, "build.2", second, NULL), 0);
    assert_string_not_equal(first, second);
    ASSERT_SAYS(project, "newer\n", "show", REFERENCE ":new.txt");
    ASSERT_SAYS(project, "new\n", "show", REFERENCE "~1:new.txt");
    ASSERT_SAYS(project, "changed\n", "show", REFERENCE "~1:a.txt");
    ASSERT_SAYS(project, "a.txt\nc\nnew.txt\n", "ls-tree", "-r", "--name-only", REFERENCE);
    ASSERT_SAYS(project, "first\n", "log", "-1", "--format=%s", REFERENCE "~2");
    ASSERT_SAYS(project, "first\n", "log", "--format=%s", "HEAD");
    ASSERT_SAYS(project,
                "Build it (build)\n\nFermata-Run: " RUN
                "\nFermata-Attempt: build.2\n\nFermata 1700000000\n",
                "log", "-1", "--format=%B%n%an %at", REFERENCE);
    /* The index is as it was, too. */
    ASSERT_SAYS(project, " M a.txt\n D dir/b.sh\n?? .fermata/\n?? new.txt\n", "status",
                "--porcelain");
}

static void of_an_attempt_one_is_made_however_often_asked(void **state)
{
    struct snapshot_project *project = *state;
    char before[DIGEST_HEX_SIZE], again[DIGEST_HEX_SIZE];
    char first[COMMIT_NAME_SIZE], second[COMMIT_NAME_SIZE];

    begin(project);
    snapshot_project_take(project, before);
    memcpy(again, before, sizeof(again));
    snapshot_project_write(project, "a.txt", "changed\n");
    assert_int_equal(add(project, before, "build.1", first, NULL), 0);
    assert_int_equal(add(project, again, "build.1", second, NULL), 0);
    assert_string_equal(first, second);
    ASSERT_SAYS(project, "2\n", "rev-list", "--count", REFERENCE);
}

static void modes_links_and_odd_names_are_kept(void **state)
{
    struct snapshot_project *project = *state;
    char before[DIGEST_HEX_SIZE];
    char commit[COMMIT_NAME_SIZE];
    char *path = path_join(project->folder, "a.txt");
    char *link = path_join(project->folder, "link");

    begin(project);
    snapshot_project_take(project, before);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(symlink("dir/b.sh", link), 0);
    snapshot_project_write(project, "q\"u\\o te/\n\t\xc3\xa9", "odd\n");
    snapshot_project_write(project, "from me", "D a.txt\n");
    assert_int_equal(add(project, before, "build.1", commit, NULL), 0);
    ASSERT_SAYS(project,
                "100755 blob a.txt\n120000 blob c\n100755 blob dir/b.sh\n100644 blob from me\n"
                "120000 blob link\n100644 blob \"q\\\"u\\\\o te/\\n\\t\xc3\xa9\"\n",
                "ls-tree", "-r", "--format=%(objectmode) %(objecttype) %(path)", REFERENCE);
    ASSERT_SAYS(project, "dir/b.sh", "show", REFERENCE ":link");
    free(path);
    free(link);
}

static void a_folder_becomes_a_file_and_back(void **state)
{
    struct snapshot_project *project = *state;
    char before[DIGEST_HEX_SIZE];
    char commit[COMMIT_NAME_SIZE];
    char *path = path_join(project->folder, "dir");

    begin(project);
    snapshot_project_take(project, before);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    snapshot_project_write(project, "dir", "a file\n");
    assert_int_equal(add(project, before, "build.1", commit, NULL), 0);
    ASSERT_SAYS(project, "a.txt\nc\ndir\n", "ls-tree", "-r", "--name-only", REFERENCE);
    assert_int_equal(unlink(path), 0);
    snapshot_project_write(project, "dir/again", "a file\n");
    assert_int_equal(add(project, before, "build.2", commit, NULL), 0);
    ASSERT_SAYS(project, "a.txt\nc\ndir/again\n", "ls-tree", "-r", "--name-only", REFERENCE);
    free(path);
}

static void a_project_that_is_a_part_of_a_repository_keeps_its_place(void **state)
{
    struct snapshot_project *project = *state;
    struct snapshot_project inner = {.folder = path_join(project->folder, "dir")};
    char before[DIGEST_HEX_SIZE];
    char commit[COMMIT_NAME_SIZE];
    char *stream = path_join(inner.folder, ".git");

    begin(project);
    assert_int_equal(snapshots_open(inner.folder, &inner.snapshots, NULL), 0);
    snapshot_project_take(&inner, before);
    snapshot_project_write(&inner, "new", "new\n");
    /* add() has its scratch file there */
    assert_int_equal(mkdir(stream, 0700), 0);
    assert_int_equal(add(&inner, before, "build.1", commit, NULL), 0);
    ASSERT_SAYS(project, "a.txt\nc\ndir/b.sh\ndir/new\n", "ls-tree", "-r", "--name-only",
                REFERENCE);
    snapshots_close(inner.snapshots);
    free(inner.folder);
    free(stream);
}

static void without_a_commit_the_first_has_no_parent(void **state)
{
    struct snapshot_project *project = *state;
    char before[DIGEST_HEX_SIZE];
    char commit[COMMIT_NAME_SIZE];

    GIT(project->folder, "init", "-q");
    snapshot_project_take(project, before);
    snapshot_project_write(project, "new", "new\n");
    assert_int_equal(add(project, before, "build.1", commit, NULL), 0);
    ASSERT_SAYS(project, "1\n", "rev-list", "--count", REFERENCE);
}

static void without_a_repository_there_is_none(void **state)
{
    struct snapshot_project *project = *state;
    char before[DIGEST_HEX_SIZE];
    char commit[COMMIT_NAME_SIZE];
    char *folder = path_join(project->folder, ".git");
    struct error err = ERROR_INIT;
    json_t *runs = NULL;

    assert_int_equal(mkdir(folder, 0700), 0);
    snapshot_project_take(project, before);
    snapshot_project_write(project, "new", "new\n");
    assert_int_equal(add(project, before, "build.1", commit, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "is in no git repository"));
    assert_int_equal(history_list(project->folder, &runs, NULL), 0);
    assert_int_equal(json_object_size(runs), 0);
    json_decref(runs);
    free(folder);
}

/* An agent may have written the repository's configuration and its hooks. */
static void nothing_that_the_repository_names_is_run(void **state)
{
    struct snapshot_project *project = *state;
    char before[DIGEST_HEX_SIZE];
    char commit[COMMIT_NAME_SIZE];
    char *hook = path_join(project->folder, ".git/hooks/reference-transaction");
    char *met = path_join(project->folder, "met");

    begin(project);
    snapshot_project_write(project, ".git/hooks/reference-transaction", "#!/bin/sh\n>met\n");
    assert_int_equal(chmod(hook, 0755), 0);
    snapshot_project_write(project, ".gitattributes", "* filter=mine\n");
    GIT(project->folder, "config", "filter.mine.clean", "touch met");
    GIT(project->folder, "config", "commit.gpgSign", "true");
    GIT(project->folder, "config", "gpg.program", "touch");
    snapshot_project_take(project, before);
    snapshot_project_write(project, "a.txt", "changed\n");
    assert_int_equal(add(project, before, "build.1", commit, NULL), 0);
    assert_int_equal(history_forget(project->folder, RUN, NULL), 0);
    assert_false(file_exists(met));
    free(hook);
    free(met);
}

static void what_git_refuses_is_told_and_nothing_is_made(void **state)
{
    struct snapshot_project *project = *state;
    char before[DIGEST_HEX_SIZE];
    char commit[COMMIT_NAME_SIZE];
    struct error err = ERROR_INIT;

    begin(project);
    snapshot_project_take(project, before);
    snapshot_project_write(project, "a.txt", "changed\n");
    snapshot_project_write(project, ".git/" REFERENCE ".lock", "");
    assert_int_equal(add(project, before, "build.1", commit, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "git fast-import ended with status"));
    ASSERT_SAYS(project, "", "for-each-ref", HISTORY_REFERENCES);
}

static void who_has_commits_is_listed_until_they_are_forgotten(void **state)
{
    struct snapshot_project *project = *state;
    char before[DIGEST_HEX_SIZE];
    char commit[COMMIT_NAME_SIZE];
    json_t *runs = NULL;

    begin(project);
    snapshot_project_take(project, before);
    snapshot_project_write(project, "a.txt", "changed\n");
    assert_int_equal(add(project, before, "build.1", commit, NULL), 0);
    assert_int_equal(history_list(project->folder, &runs, NULL), 0);
    assert_int_equal(json_object_size(runs), 1);
    assert_non_null(json_object_get(runs, RUN));
    json_decref(runs);
    assert_int_equal(history_forget(project->folder, RUN, NULL), 0);
    assert_int_equal(history_list(project->folder, &runs, NULL), 0);
    assert_int_equal(json_object_size(runs), 0);
    json_decref(runs);
}

static void a_full_disk_is_told_apart(void **state)
{
    struct snapshot_project *project = *state;
    char before[DIGEST_HEX_SIZE], again[DIGEST_HEX_SIZE];
    char commit[COMMIT_NAME_SIZE];
    struct error err = ERROR_INIT;
    char *filler;

    begin(project);
    filler = full_disk_mount(project->folder, ".git/objects/pack");
    if (!filler) {
        skip();
    }
    snapshot_project_take(project, before);
    snapshot_project_write(project, "a.txt", "changed\n");
    memcpy(again, before, sizeof(again));
    assert_int_equal(add(project, before, "build.1", commit, &err), ERROR_IO);
    assert_true(err.is_storage_full);
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(add(project, again, "build.1", commit, NULL), 0);
    full_disk_unmount(project->folder, ".git/objects/pack");
    free(filler);
}

#define HISTORY_TEST(name)                                                                         \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(each_has_the_one_before_as_its_parent_and_no_branch_moves),
        HISTORY_TEST(of_an_attempt_one_is_made_however_often_asked),
        HISTORY_TEST(modes_links_and_odd_names_are_kept),
        HISTORY_TEST(a_folder_becomes_a_file_and_back),
        HISTORY_TEST(a_project_that_is_a_part_of_a_repository_keeps_its_place),
        HISTORY_TEST(without_a_commit_the_first_has_no_parent),
        HISTORY_TEST(without_a_repository_there_is_none),
        HISTORY_TEST(nothing_that_the_repository_names_is_run),
        HISTORY_TEST(what_git_refuses_is_told_and_nothing_is_made),
        HISTORY_TEST(who_has_commits_is_listed_until_they_are_forgotten),
        HISTORY_TEST(a_full_disk_is_told_apart),
    };

    full_disk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
