/* SPDX-License-Identifier: MIT */
#include "results/snapshot.h"

#include "../../support/snapshot_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int find(void *context, json_t *digests, struct error *err)
{
    (void)err;
    json_put(digests, context, json_true());
    return 0;
}

static int collect(struct snapshot_project *project, char *used, int64_t *ret_removed)
{
    const struct snapshot_use use = {find, used};
    int64_t bytes;

    return snapshots_collect(project->folder, &use, false, ret_removed, &bytes, NULL);
}

static void what_a_used_snapshot_has_stays_and_the_rest_goes(void **state)
{
    struct snapshot_project *project = *state;
    char old[DIGEST_HEX_SIZE], new[DIGEST_HEX_SIZE];
    struct changes changes;
    int64_t removed;

    snapshot_project_take(project, old);
    snapshot_project_write(project, "a.txt", "other\n");
    snapshot_project_take(project, new);
    assert_int_equal(collect(project, new, &removed), ERROR_BUSY); /* it is open here */
    snapshots_close(project->snapshots);
    project->snapshots = NULL;
    assert_int_equal(collect(project, new, &removed), 0);
    assert_int_equal(removed, 2); /* the listing and the content of a.txt as they were */
    assert_int_equal(snapshots_open(project->folder, &project->snapshots, NULL), 0);
    changes = snapshot_project_compare(project, new, new);
    assert_int_equal(changes.count, 0);
    snapshot_project_write(project, "a.txt", "third\n");
    snapshot_project_take(project, old);
    changes = snapshot_project_compare(project, old, new);
    assert_int_equal(changes_apply(project->snapshots, project->folder, &changes, NULL), 0);
    changes_release(&changes);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_a_used_snapshot_has_stays_and_the_rest_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
