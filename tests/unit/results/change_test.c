/* SPDX-License-Identifier: MIT */
#include "results/snapshot.h"

#include "../../support/snapshot_project.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void two_snapshots_differ_in_what_was_added_changed_and_deleted(void **state)
{
    char from[DIGEST_HEX_SIZE], to[DIGEST_HEX_SIZE], kept[DIGEST_HEX_SIZE];
    struct snapshot_project *project = *state;
    struct changes changes;
    struct changes again = {0};
    char *text;

    snapshot_project_take(project, from);
    snapshot_project_write(project, "a.txt", "other\n");
    snapshot_project_remove(project, "dir");
    snapshot_project_write(project, "new", "x");
    snapshot_project_take(project, to);
    changes = snapshot_project_compare(project, from, to);
    text = snapshot_project_describe(&changes);
    assert_string_equal(text, "~a.txt -dir/b.sh +new");
    free(text);
    assert_int_equal(changes_put(project->snapshots, &changes, kept, NULL), 0);
    assert_int_equal(changes_get(project->snapshots, kept, &again, NULL), 0);
    text = snapshot_project_describe(&again);
    assert_string_equal(text, "~a.txt -dir/b.sh +new");
    assert_string_equal(again.items[0].from, changes.items[0].from);
    assert_null(again.items[1].to);
    free(text);
    changes_release(&again);
    changes_release(&changes);
}

static void what_became_too_large_is_no_change(void **state)
{
    char from[DIGEST_HEX_SIZE], to[DIGEST_HEX_SIZE];
    struct snapshot_project *project = *state;
    struct changes changes;
    char *path;

    snapshot_project_take(project, from);
    path = mem_printf("%s/a.txt", project->folder);
    assert_int_equal(truncate(path, SNAPSHOT_FILE_BYTES_MAX + 1), 0);
    free(path);
    snapshot_project_take(project, to);
    changes = snapshot_project_compare(project, from, to);
    assert_int_equal(changes.count, 0);
    changes_release(&changes);
}

static void half_a_list_of_changes_is_none(void **state)
{
    struct snapshot_project *project = *state;
    char digest[DIGEST_HEX_SIZE];
    struct changes changes = {0};

    assert_int_equal(snapshot_put(project->snapshots, "a\0b", 3, digest, NULL), 0);
    assert_int_equal(changes_get(project->snapshots, digest, &changes, NULL), ERROR_IO);
    changes_release(&changes);
}

static void that_git_ignores_it_makes_no_difference(void **state)
{
    (void)state;
    assert_true(change_is_same("100644 ab 600", "100644 ab 600 ignored"));
    assert_false(change_is_same("100644 ab 600", "100644 ab 644"));
    assert_false(change_is_same(NULL, "100644 ab 600"));
    assert_true(change_is_same(NULL, NULL));
}

/* As if it had been taken of a tree that was changed so. */
static void changes_make_one_snapshot_of_another(void **state)
{
    struct snapshot_project *project = *state;
    char from[DIGEST_HEX_SIZE], to[DIGEST_HEX_SIZE], made[DIGEST_HEX_SIZE];
    struct changes changes = {0};
    char *large = path_join(project->folder, "m-large");

    snapshot_project_write(project, "b", "1\n");
    snapshot_project_write(project, "c", "1\n");
    snapshot_project_write(project, "m-large", "");
    assert_int_equal(truncate(large, SNAPSHOT_FILE_BYTES_MAX + 1), 0);
    snapshot_project_take(project, from);
    snapshot_project_write(project, "0-first", "new\n");
    snapshot_project_write(project, "b", "2\n");
    snapshot_project_write(project, "bb", "new\n");
    snapshot_project_write(project, "z-last", "new\n");
    snapshot_project_remove(project, "c");
    snapshot_project_take(project, to);
    assert_int_equal(snapshot_compare(project->snapshots, from, to, &changes, NULL), 0);
    assert_int_equal(changes.count, 5);
    assert_int_equal(snapshot_change(project->snapshots, from, &changes, made, NULL), 0);
    assert_string_equal(made, to);
    changes_release(&changes);
    free(large);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(changes_make_one_snapshot_of_another),
        CASE(two_snapshots_differ_in_what_was_added_changed_and_deleted),
        CASE(what_became_too_large_is_no_change),
        CASE(half_a_list_of_changes_is_none),
        CASE(that_git_ignores_it_makes_no_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
