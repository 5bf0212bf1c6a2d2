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

struct scene {
    char from[DIGEST_HEX_SIZE];
    struct changes back; /* from what it became to what it was */
};

/* The project as it was is kept, then changed in every way; back leads to what it was. */
static struct scene change_all(struct snapshot_project *project)
{
    struct scene scene = {0};
    char to[DIGEST_HEX_SIZE];
    char *path = path_join(project->folder, "dir");

    snapshot_project_take(project, scene.from);
    snapshot_project_write(project, "a.txt", "other\n");
    snapshot_project_remove(project, "dir");
    assert_int_equal(symlink("/nonexistent", path), 0); /* where a folder was */
    snapshot_project_remove(project, "c");
    snapshot_project_write(project, "c/now/a/folder", "x");
    snapshot_project_take(project, to);
    scene.back = snapshot_project_compare(project, to, scene.from);
    free(path);
    return scene;
}

static void everything_becomes_what_it_was(void **state)
{
    struct snapshot_project *project = *state;
    struct scene scene = change_all(project);
    char now[DIGEST_HEX_SIZE];

    assert_int_equal(changes_apply(project->snapshots, project->folder, &scene.back, NULL), 0);
    snapshot_project_take(project, now);
    assert_string_equal(now, scene.from);
    /* and once more: nothing is left to do */
    assert_int_equal(changes_apply(project->snapshots, project->folder, &scene.back, NULL), 0);
    changes_release(&scene.back);
}

static void what_changed_since_stops_all_of_it(void **state)
{
    struct snapshot_project *project = *state;
    struct scene scene = change_all(project);
    struct error err = ERROR_INIT;
    char before[DIGEST_HEX_SIZE], now[DIGEST_HEX_SIZE];

    snapshot_project_write(project, "c/now/a/folder", "mine");
    snapshot_project_take(project, before);
    assert_int_equal(changes_apply(project->snapshots, project->folder, &scene.back, &err),
                     ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "c/now/a/folder"));
    snapshot_project_take(project, now);
    assert_string_equal(now, before);
    changes_release(&scene.back);
}

static void a_path_that_leads_out_is_not_followed(void **state)
{
    static const char *const paths[] = {"../out", "/tmp/out", "dir/../../out", ".git/hooks/x",
                                        "sub/.git/config"};
    struct snapshot_project *project = *state;
    struct changes changes = {0};
    char digest[DIGEST_HEX_SIZE];
    char *content;

    assert_int_equal(snapshot_put(project->snapshots, "x", 1, digest, NULL), 0);
    content = mem_printf("100644 %s 644", digest);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        changes_add(&changes, paths[i], NULL, content);
    }
    assert_int_equal(changes_apply(project->snapshots, project->folder, &changes, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        char *path = path_join(project->folder, paths[i]);

        assert_false(file_exists(path));
        free(path);
    }
    changes_release(&changes);
    free(content);
}

static void through_a_link_nothing_is_written(void **state)
{
    struct snapshot_project *project = *state;
    struct changes changes = {0};
    char digest[DIGEST_HEX_SIZE];
    char *path = path_join(project->folder, "link");
    char *content;

    assert_int_equal(symlink("dir", path), 0);
    assert_int_equal(snapshot_put(project->snapshots, "x", 1, digest, NULL), 0);
    content = mem_printf("100644 %s 644", digest);
    changes_add(&changes, "link/new", NULL, content);
    assert_true(changes_apply(project->snapshots, project->folder, &changes, NULL) < 0);
    assert_null(snapshot_project_read(project, "dir/new"));
    changes_release(&changes);
    free(content);
    free(path);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(everything_becomes_what_it_was),
        CASE(what_changed_since_stops_all_of_it),
        CASE(a_path_that_leads_out_is_not_followed),
        CASE(through_a_link_nothing_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
