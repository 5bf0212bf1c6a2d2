/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "results/snapshot.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_MS (INT64_C(3600) * 1000)
#define DAY_MS (24 * HOUR_MS)

/* 11 KB: lies in a blob. */
static const char large[] = "name: large\n"
                            "phases: [{ id: a, steps: [{ id: big, run: seq 1 2500,"
                            " output: big.txt, reuse: inputs }] }]\n";
static const char asking[] = "name: asking\n"
                             "phases:\n"
                             "  - { id: a, steps: [{ id: big, run: seq 1 2600 }] }\n"
                             "  - { id: b, steps: [{ id: ok, approve: Good? }] }\n";

static json_t *collect(struct run_project *project, int64_t older_than_ms, bool dry_run)
{
    struct error err = ERROR_INIT;
    json_t *report = NULL;

    if (run_collect(&project->options, older_than_ms, dry_run, &report, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return report;
}

static int64_t collected(struct run_project *project, int64_t older_than_ms, const char *member)
{
    json_t *report = collect(project, older_than_ms, false);
    int64_t count = json_get_integer(report, member, -1);

    json_decref(report);
    return count;
}

static void put_stray(const struct run_project *project, char ret_digest[DIGEST_HEX_SIZE])
{
    char *blobs = path_join(project->folder, "blobs");

    assert_int_equal(blob_put(blobs, "stray", 5, ret_digest, NULL), 0);
    free(blobs);
}

static bool has_blob(const struct run_project *project, const char *digest)
{
    char *blobs = path_join(project->folder, "blobs");
    char *path = blob_path(blobs, digest);
    bool is_there = file_exists(path);

    free(path);
    free(blobs);
    return is_there;
}

static bool has_folder(const struct run_project *project, const char *id)
{
    char *name = mem_printf(".fermata/workflows/%s", id);
    bool is_there = run_project_has(project, name);

    free(name);
    return is_there;
}

/* Whether every output and artifact of the run can be read. */
static void check_whole(const struct run_project *project, const char *id)
{
    const struct run_artifacts_request every = {.run_id = id};
    struct error err = ERROR_INIT;
    json_t *list = NULL;
    size_t index;
    const json_t *artifact;
    char *text = NULL;

    assert_int_equal(run_artifacts(project->store, &every, &list, &err), 0);
    assert_true(json_array_size(json_object_get(list, "artifacts")) > 0);
    json_array_foreach(json_object_get(list, "artifacts"), index, artifact)
    {
        assert_true(has_blob(project, json_get_text(artifact, "digest", "")));
    }
    json_decref(list);
    assert_int_equal(run_workflow_text(project->store, project->folder, id, &text, &err), 0);
    free(text);
}

static void only_what_nothing_refers_to_is_removed(void **state)
{
    struct run_project *project = *state;
    char stray[DIGEST_HEX_SIZE];

    (void)run_project_run(project, large);
    put_stray(project, stray);
    run_project_drop_engine(project);
    assert_int_equal(collected(project, 0, "blobs"), 0); /* too young */
    project->clock_shift_ms += HOUR_MS;
    assert_int_equal(collected(project, 0, "blobs"), 1);
    assert_false(has_blob(project, stray));
    check_whole(project, project->id);
    assert_int_equal(collected(project, 0, "runs"), 0);
}

static void old_runs_go_whole_and_a_dry_run_says_so_before(void **state)
{
    struct run_project *project = *state;
    json_t *said;
    json_t *done;

    (void)run_project_run(project, large);
    run_project_drop_engine(project);
    project->clock_shift_ms += 2 * DAY_MS;
    said = collect(project, DAY_MS, true);
    assert_true(has_folder(project, project->id));
    done = collect(project, DAY_MS, false);
    assert_int_equal(json_get_integer(done, "runs", 0), 1);
    assert_true(json_get_integer(done, "blobs", 0) >= 2);
    assert_true(json_equal(said, done));
    assert_false(has_folder(project, project->id));
    json_decref(said);
    json_decref(done);
    run_project_check_tables(project);
}

static void what_another_run_took_over_stays(void **state)
{
    struct run_project *project = *state;
    char first[RUN_ID_SIZE];

    (void)run_project_run(project, large);
    memcpy(first, project->id, sizeof(first));
    project->clock_shift_ms += 2 * DAY_MS;
    (void)run_project_run(project, large);
    assert_int_equal(run_project_count(project, "step_reused", "big"), 1);
    run_project_drop_engine(project);
    project->clock_shift_ms += HOUR_MS;
    assert_int_equal(collected(project, DAY_MS, "runs"), 1);
    assert_false(has_folder(project, first));
    check_whole(project, project->id);
}

static void a_run_that_waits_is_never_old(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *answer;

    assert_string_equal(run_project_run(project, asking), "paused");
    run_project_drop_engine(project);
    project->clock_shift_ms += 100 * DAY_MS;
    assert_int_equal(collected(project, DAY_MS, "runs"), 0);
    answer = run_project_ask(project, project->id,
                             json_pack("{s:s, s:s}", "do", "approve", "step", "ok"), &err);
    assert_non_null(answer);
    json_decref(answer);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void a_nested_run_goes_with_the_run_that_it_belongs_to(void **state)
{
    static const char outer[] = "name: outer\n"
                                "phases:\n"
                                "  - { id: a, steps: [{ id: nest, workflow: inner }] }\n"
                                "  - { id: b, steps: [{ id: ok, approve: Good? }] }\n";
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *answer;

    run_project_write(project, "workflows/inner.yaml", large);
    assert_string_equal(run_project_run(project, outer), "paused");
    run_project_drop_engine(project);
    project->clock_shift_ms += 100 * DAY_MS;
    assert_int_equal(collected(project, DAY_MS, "runs"), 0);
    answer = run_project_ask(project, project->id, json_pack("{s:s}", "do", "cancel"), &err);
    assert_non_null(answer);
    json_decref(answer);
    assert_int_equal(collected(project, DAY_MS, "runs"), 0);
    project->clock_shift_ms += 2 * DAY_MS;
    assert_int_equal(collected(project, DAY_MS, "runs"), 2);
    run_project_check_tables(project);
}

static void a_run_that_somebody_holds_is_passed_over(void **state)
{
    struct run_project *project = *state;

    (void)run_project_run(project, large);
    project->clock_shift_ms += 2 * DAY_MS;
    assert_int_equal(collected(project, DAY_MS, "runs"), 0);
    check_whole(project, project->id);
    run_project_drop_engine(project);
    assert_int_equal(collected(project, DAY_MS, "runs"), 1);
    assert_int_equal(collected(project, DAY_MS, "runs"), 0);
}

/* Its results may lie there without a record for as long as the disk is full. */
static void nothing_younger_than_a_run_under_way_is_removed(void **state)
{
    struct run_project *project = *state;
    char stray[DIGEST_HEX_SIZE];

    run_project_start(project, asking, NULL);
    put_stray(project, stray);
    project->clock_shift_ms += HOUR_MS;
    assert_int_equal(collected(project, 0, "blobs"), 0);
    run_project_go(project);
    run_project_drop_engine(project);
    assert_int_equal(collected(project, 0, "blobs"), 1);
    assert_false(has_blob(project, stray));
}

/* Somebody takes a snapshot: what lies there stays until the next time. */
static void while_snapshots_are_in_use_none_is_removed(void **state)
{
    struct run_project *project = *state;
    struct snapshots *snapshots = NULL;
    char digest[DIGEST_HEX_SIZE];

    assert_int_equal(snapshots_open(project->project, &snapshots, NULL), 0);
    assert_int_equal(snapshot_put(snapshots, "text", 4, digest, NULL), 0);
    assert_int_equal(collected(project, 0, "blobs"), 0);
    snapshots_close(snapshots);
    assert_int_equal(collected(project, 0, "blobs"), 1);
}

static void folders_without_a_run_are_removed_when_old(void **state)
{
    struct run_project *project = *state;
    char *folder = path_join(project->folder, "workflows/wf_00000000000a");
    char *mine = path_join(project->folder, "workflows/wf_mine");
    char *odd = path_join(project->folder, "workflows/wf_00000000000u");
    json_t *said;

    (void)run_project_run(project, large);
    run_project_drop_engine(project);
    assert_int_equal(file_make_folders(folder, NULL), 0);
    assert_int_equal(file_make_folders(mine, NULL), 0);
    /* Named as ours are, but for a letter, and a file. */
    assert_int_equal(file_make_folders(odd, NULL), 0);
    run_project_write(project, ".fermata/workflows/wf_00000000000b", "");
    assert_int_equal(collected(project, 0, "folders"), 0);
    project->clock_shift_ms += HOUR_MS;
    said = collect(project, 0, true);
    assert_int_equal(json_get_integer(said, "folders", 0), 1);
    json_decref(said);
    assert_int_equal(collected(project, 0, "folders"), 1);
    assert_false(file_is_folder(folder));
    assert_true(file_is_folder(mine));
    assert_true(file_is_folder(odd));
    assert_true(run_project_has(project, ".fermata/workflows/wf_00000000000b"));
    assert_true(has_folder(project, project->id));
    free(folder);
    free(odd);
    free(mine);
}

static void an_old_run_whose_folder_is_gone_already_goes_too(void **state)
{
    struct run_project *project = *state;
    char *folder;

    (void)run_project_run(project, large);
    run_project_drop_engine(project);
    folder = mem_printf("%s/workflows/%s", project->folder, project->id);
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    project->clock_shift_ms += 2 * DAY_MS;
    assert_int_equal(collected(project, DAY_MS, "runs"), 1);
    run_project_check_tables(project);
    free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_what_nothing_refers_to_is_removed),
        TEST(old_runs_go_whole_and_a_dry_run_says_so_before),
        TEST(what_another_run_took_over_stays),
        TEST(a_run_that_waits_is_never_old),
        TEST(a_nested_run_goes_with_the_run_that_it_belongs_to),
        TEST(a_run_that_somebody_holds_is_passed_over),
        TEST(nothing_younger_than_a_run_under_way_is_removed),
        TEST(while_snapshots_are_in_use_none_is_removed),
        TEST(folders_without_a_run_are_removed_when_old),
        TEST(an_old_run_whose_folder_is_gone_already_goes_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
