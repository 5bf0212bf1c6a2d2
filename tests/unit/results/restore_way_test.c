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

/* From a state in which a.txt and dir/b.sh are gone to the one in which they are. */
static struct changes remove_both(struct snapshot_project *project, char now[DIGEST_HEX_SIZE])
{
    char before[DIGEST_HEX_SIZE];

    snapshot_project_take(project, before);
    snapshot_project_remove(project, "a.txt");
    snapshot_project_remove(project, "dir");
    snapshot_project_take(project, now);
    return snapshot_project_compare(project, now, before);
}

static void assert_refused(struct snapshot_project *project, const struct changes *changes,
                           const char *wanted)
{
    struct error err = ERROR_INIT;

    assert_int_equal(changes_apply(project->snapshots, project->folder, changes, &err),
                     ERROR_CONFLICT);
    if (!strstr(err.text, wanted)) {
        fail_msg("%s", err.text);
    }
    assert_null(snapshot_project_read(project, "a.txt")); /* nothing was done */
}

static void a_folder_with_files_in_the_way_of_a_file_is_found_before_anything_is_done(void **state)
{
    struct snapshot_project *project = *state;
    char now[DIGEST_HEX_SIZE];
    struct changes back = remove_both(project, now);
    char *text;

    snapshot_project_write(project, "dir/b.sh/deep/mine", "x");
    assert_refused(project, &back, "dir/b.sh/deep/mine is a file, where nothing is to be");
    snapshot_project_remove(project, "dir/b.sh/deep/mine");
    assert_int_equal(changes_apply(project->snapshots, project->folder, &back, NULL), 0);
    text = snapshot_project_read(project, "dir/b.sh"); /* folders of nothing made room */
    assert_string_equal(text, "two\n");
    free(text);
    changes_release(&back);
}

static void whatever_is_in_the_way_of_a_folder_is_named(void **state)
{
    struct snapshot_project *project = *state;
    char now[DIGEST_HEX_SIZE];
    struct changes back = remove_both(project, now);
    char *path = path_join(project->folder, "dir");

    snapshot_project_write(project, "dir", "a file");
    assert_refused(project, &back, "dir is a file, where a folder is to be");
    snapshot_project_remove(project, "dir");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(project, &back, "dir is a named pipe, where a folder is to be");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_refused(project, &back, "dir is a link, where a folder is to be");
    free(path);
    changes_release(&back);
}

static void a_folder_that_cannot_be_written_to_is_found_before_anything_is_done(void **state)
{
    struct snapshot_project *project = *state;
    char now[DIGEST_HEX_SIZE];
    struct changes back;
    struct error err = ERROR_INIT;
    char *path;

    if (geteuid() == 0) {
        skip(); /* who may everything */
    }
    path = path_join(project->folder, "dir");
    back = remove_both(project, now);
    assert_int_equal(mkdir(path, 0500), 0);
    assert_true(changes_apply(project->snapshots, project->folder, &back, &err) < 0);
    assert_non_null(strstr(err.text, "nothing was done, for dir/b.sh cannot be written"));
    assert_null(snapshot_project_read(project, "a.txt"));
    changes_release(&back);
    free(path);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_folder_with_files_in_the_way_of_a_file_is_found_before_anything_is_done),
        CASE(whatever_is_in_the_way_of_a_folder_is_named),
        CASE(a_folder_that_cannot_be_written_to_is_found_before_anything_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
