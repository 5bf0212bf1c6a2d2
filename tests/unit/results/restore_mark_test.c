/* SPDX-License-Identifier: MIT */
#include "results/snapshot.h"

#include "../../support/snapshot_project.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* As one leaves it that was killed while it brought a.txt back from "one" to "two". free() the
 * name of what lies beside it. */
static char *leave(struct snapshot_project *project, const char *aside_text)
{
    char from[DIGEST_HEX_SIZE], to[DIGEST_HEX_SIZE], digest[DIGEST_HEX_SIZE], mark[DIGEST_HEX_SIZE];
    struct changes changes;
    char *name;

    snapshot_project_take(project, from);
    snapshot_project_write(project, "a.txt", "two, and longer\n");
    snapshot_project_take(project, to);
    snapshot_project_write(project, "a.txt", "one\n");
    changes = snapshot_project_compare(project, from, to);
    assert_int_equal(changes_put(project->snapshots, &changes, mark, NULL), 0);
    digest_bytes("a.txt", 5, digest);
    name = mem_printf(".fermata-restored-%.16s", digest);
    snapshot_project_write(project, name, aside_text);
    snapshot_project_write(project, ".fermata/restoring", mark);
    changes_release(&changes);
    return name;
}

static void assert_swept(struct snapshot_project *project, const char *aside_text, bool is_swept)
{
    char *name = leave(project, aside_text);
    char *path = path_join(project->folder, name);
    char digest[DIGEST_HEX_SIZE];
    char *mark;

    snapshot_project_take(project, digest);
    assert_int_equal(file_exists(path), !is_swept);
    mark = snapshot_project_read(project, ".fermata/restoring");
    assert_string_equal(mark, "");
    (void)unlink(path);
    free(mark);
    free(path);
    free(name);
}

static void what_a_killed_one_put_aside_or_began_to_write_goes_with_the_next_look(void **state)
{
    assert_swept(*state, "one\n", true);
    assert_swept(*state, "two, and longer\n", true);
    assert_swept(*state, "two, a", true);
    assert_swept(*state, "", true);
}

static void what_somebody_wrote_at_that_moment_stays(void **state)
{
    assert_swept(*state, "of nobody we know\n", false);
}

static void a_mark_that_was_cut_off_names_nothing(void **state)
{
    struct snapshot_project *project = *state;
    char digest[DIGEST_HEX_SIZE];

    snapshot_project_write(project, ".fermata/restoring", "0123");
    snapshot_project_take(project, digest);
}

/* Not what is being made now, and not before a killed one was swept. */
static int find_nothing(void *context, json_t *digests, struct error *err)
{
    (void)context;
    (void)digests;
    (void)err;
    return 0;
}

static void what_a_killed_one_was_at_is_not_collected(void **state)
{
    struct snapshot_project *project = *state;
    const struct snapshot_use use = {.find = find_nothing};
    int64_t removed, bytes;
    char *name = leave(project, "one\n");
    char *path = path_join(project->folder, name);
    char digest[DIGEST_HEX_SIZE];

    snapshots_close(project->snapshots);
    assert_int_equal(snapshots_collect(project->folder, &use, false, &removed, &bytes, NULL), 0);
    assert_int_equal(snapshots_open(project->folder, &project->snapshots, NULL), 0);
    snapshot_project_take(project, digest);
    assert_false(file_exists(path));
    free(path);
    free(name);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_a_killed_one_put_aside_or_began_to_write_goes_with_the_next_look),
        CASE(what_somebody_wrote_at_that_moment_stays),
        CASE(a_mark_that_was_cut_off_names_nothing),
        CASE(what_a_killed_one_was_at_is_not_collected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
