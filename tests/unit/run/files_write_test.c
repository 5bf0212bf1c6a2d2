/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "results/results.h"
#include "run/files.h"
#include "support/run_project.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char workflow_text[] =
    "name: w\n"
    "report: sum\n"
    "phases:\n"
    "  - { id: a, steps: [{ id: one, run: make }] }\n"
    "  - { id: b, steps: [{ id: sum, run: make, output: report.md }] }\n";

struct fixture {
    char *scratch;
    char *blobs;
    struct workflow *workflow;
    struct run_state *run;
    struct run_files files;
    struct strbuf text;
};

static void apply(struct fixture *fixture, struct record record)
{
    record.seq = fixture->run->seq + 1;
    record.at = INT64_C(1708336800000) + 1000 * record.seq;
    run_apply(fixture->run, &record);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->scratch = scratch_new();
    fixture->blobs = path_join(fixture->scratch, "blobs");
    fixture->workflow = run_project_parse(workflow_text);
    fixture->run = run_state_new("wf_abc123abc123", fixture->workflow);
    fixture->files = (struct run_files){.id = fixture->run->id,
                                        .folder = fixture->scratch,
                                        .blobs = fixture->blobs,
                                        .workflow = fixture->workflow};
    strbuf_init(&fixture->text, 1 << 20);
    apply(fixture, (struct record){.kind = RECORD_RUN_CREATED, .name = "w", .text = "Do it"});
    apply(fixture, (struct record){.kind = RECORD_RUN_MOVED, .status = "running"});
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    strbuf_release(&fixture->text);
    run_state_free(fixture->run);
    workflow_free(fixture->workflow);
    free(fixture->blobs);
    scratch_remove(fixture->scratch);
    free(fixture);
    return 0;
}

/* A step that ended well with this output and, when there is a digest, this artifact. */
static void complete(struct fixture *fixture, const char *step, json_t *output, json_t *artifacts)
{
    apply(fixture,
          (struct record){
              .kind = RECORD_ATTEMPT_STARTED, .step = step, .reason = "command", .number = 1});
    apply(fixture, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                   .step = step,
                                   .number = 1,
                                   .class_ = "none",
                                   .output = output,
                                   .artifacts = artifacts});
    apply(fixture, (struct record){.kind = RECORD_STEP_MOVED, .step = step, .status = "completed"});
    json_decref(output);
    json_decref(artifacts);
}

static char *read_back(const struct fixture *fixture, const char *name)
{
    char *path = path_join(fixture->scratch, name);
    char *text = NULL;

    (void)file_read(path, 1 << 20, &text, NULL, NULL);
    free(path);
    return text;
}

static void without_a_report_step_the_report_is_an_overview(void **state)
{
    struct fixture *fixture = *state;

    apply(fixture,
          (struct record){
              .kind = RECORD_PHASE_MOVED, .phase = "a", .status = "running", .reason = "x"});
    complete(fixture, "one", json_pack("{s:i, s:s}", "bytes", 0, "inline", ""), NULL);
    apply(fixture,
          (struct record){.kind = RECORD_PHASE_MOVED, .phase = "a", .status = "completed"});
    files_format_report(&fixture->files, fixture->run, &fixture->text);
    assert_string_equal(fixture->text.data,
                        "# w\n\nRun wf_abc123abc123 of w, begun 2024-02-19T10:00:01Z: "
                        "**running**.\n\nTask: Do it\n\n## a\n\ncompleted, 4.0s\n\n"
                        "- `one`: completed\n\n## b\n\npending, -\n\n- `sum`: pending\n\n");
}

static void the_overview_says_how_long_a_step_waited_for_disk_space(void **state)
{
    struct fixture *fixture = *state;

    apply(fixture,
          (struct record){
              .kind = RECORD_ATTEMPT_STARTED, .step = "one", .reason = "command", .number = 1});
    apply(fixture, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                   .step = "one",
                                   .number = 1,
                                   .class_ = "none",
                                   .space_wait_ms = 150000});
    apply(fixture,
          (struct record){.kind = RECORD_STEP_MOVED, .step = "one", .status = "completed"});
    files_format_report(&fixture->files, fixture->run, &fixture->text);
    assert_non_null(
        strstr(fixture->text.data, "- `one`: completed, waited 2m30s for disk space\n"));
}

static void the_report_is_what_its_step_printed(void **state)
{
    struct fixture *fixture = *state;

    complete(fixture, "sum", json_pack("{s:i, s:s}", "bytes", 6, "inline", "# Fine"), NULL);
    files_format_report(&fixture->files, fixture->run, &fixture->text);
    assert_string_equal(fixture->text.data, "# Fine");
}

static void a_long_report_comes_from_its_blob(void **state)
{
    struct fixture *fixture = *state;
    char digest[DIGEST_HEX_SIZE];

    assert_int_equal(blob_put(fixture->blobs, "# Long", 6, digest, NULL), 0);
    complete(fixture, "sum", json_pack("{s:i, s:s}", "bytes", 6, "digest", digest), NULL);
    files_format_report(&fixture->files, fixture->run, &fixture->text);
    assert_string_equal(fixture->text.data, "# Long");
}

static void an_artifact_of_that_name_is_the_report_as_well(void **state)
{
    struct fixture *fixture = *state;
    char digest[DIGEST_HEX_SIZE];

    assert_int_equal(blob_put(fixture->blobs, "# Mine", 6, digest, NULL), 0);
    complete(fixture, "one", json_pack("{s:i}", "bytes", 0),
             json_pack("[{s:s, s:s, s:i}]", "name", "report.md", "digest", digest, "bytes", 6));
    files_format_report(&fixture->files, fixture->run, &fixture->text);
    assert_string_equal(fixture->text.data, "# Mine");
}

static void the_plan_is_the_tree_of_the_workflow(void **state)
{
    struct fixture *fixture = *state;

    files_format_plan(fixture->workflow, &fixture->text);
    assert_non_null(strstr(fixture->text.data, "# w\n\n```\n"));
    assert_non_null(strstr(fixture->text.data, "one"));
    assert_non_null(strstr(fixture->text.data, "```\n"));
}

static void names_of_the_runs_own_files_and_ways_out_are_left_alone(void **state)
{
    static const char *const refused[] = {
        "state.json", "checkpoints/a.json", "logs/x.log",      "attempts/one.1/exit.json",
        "logs",       "../escaped",         "a/../../escaped", "/tmp/escaped"};
    struct fixture *fixture = *state;
    char *text;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        files_write_artifact(fixture->scratch, refused[i], "x", 1);
        text = read_back(fixture, refused[i]);
        assert_null(text);
    }
    files_write_artifact(fixture->scratch, "statement.json", "x", 1);
    text = read_back(fixture, "statement.json");
    assert_string_equal(text, "x");
    free(text);
}

static void artifacts_are_copied_from_their_blobs(void **state)
{
    struct fixture *fixture = *state;
    char digest[DIGEST_HEX_SIZE];
    json_t *artifacts;
    char *text;

    assert_int_equal(blob_put(fixture->blobs, "abc", 3, digest, NULL), 0);
    artifacts = json_pack("[{s:s, s:s}, {s:s, s:s}]", "name", "a/b.txt", "digest", digest, "name",
                          "gone.txt", "digest",
                          "00000000000000000000000000000000000000000000000000000000000000ab");
    files_copy_artifacts(fixture->scratch, fixture->blobs, artifacts);
    text = read_back(fixture, "a/b.txt");
    assert_string_equal(text, "abc");
    free(text);
    text = read_back(fixture, "gone.txt");
    assert_null(text);
    json_decref(artifacts);
}

static void files_of_checkpoints_follow_the_list(void **state)
{
    struct fixture *fixture = *state;
    json_t *phases = json_pack("[s]", "a");
    struct strbuf view;
    json_t *kept;
    char *text;

    apply(fixture, (struct record){.kind = RECORD_CHECKPOINT_SAVED, .name = "a", .data = phases});
    strbuf_init(&view, 100);
    strbuf_add(&view, "{}\n");
    files_write(&fixture->files, "checkpoints/a.json", &view, FILE_NO_SYNC);
    files_write(&fixture->files, "checkpoints/ab.json", &view, FILE_NO_SYNC);
    strbuf_release(&view);
    kept = files_kept_checkpoints(fixture->run);
    files_prune_checkpoints(&fixture->files, kept);
    json_decref(kept);
    text = read_back(fixture, "checkpoints/ab.json");
    assert_null(text);
    text = read_back(fixture, "checkpoints/a.json");
    assert_string_equal(text, "{}\n");
    free(text);
    json_decref(phases);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_report_step_the_report_is_an_overview),
        TEST(the_overview_says_how_long_a_step_waited_for_disk_space),
        TEST(the_report_is_what_its_step_printed),
        TEST(a_long_report_comes_from_its_blob),
        TEST(an_artifact_of_that_name_is_the_report_as_well),
        TEST(the_plan_is_the_tree_of_the_workflow),
        TEST(names_of_the_runs_own_files_and_ways_out_are_left_alone),
        TEST(artifacts_are_copied_from_their_blobs),
        TEST(files_of_checkpoints_follow_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
