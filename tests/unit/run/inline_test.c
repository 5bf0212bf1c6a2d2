/* SPDX-License-Identifier: MIT */
#include "run/live.h"
#include "run/own.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Its output is too long for the journal: the pool keeps it first. */
static void start_large(struct run_project *project)
{
    char *value = mem_alloc(3001);
    char *text;

    memset(value, 'x', 3000);
    value[3000] = '\0';
    text = mem_printf("name: w\nphases:\n  - id: a\n    steps:\n"
                      "      - { id: s, use: noop, with: { value: %s }, output: big.json }\n",
                      value);
    run_project_start(project, text, NULL);
    free(text);
    free(value);
}

static bool is_being_kept(const struct run_project *project)
{
    const struct active *active = engine_find(project->engine, project->id);
    const struct step_state *step = run_find_step(active->state, "s");

    return step && step->waiting == WAITING_ATTEMPT && project->engine->pool_jobs > 0 &&
           !project->engine->jobs;
}

/* Its outcome comes back with the next turn only. */
static void start_until_kept(struct run_project *project)
{
    run_project_block_pool(project);
    start_large(project);
    run_project_turn_until(project, is_being_kept);
    run_project_unblock_pool(project);
}

static void adopt_and_go(struct run_project *project)
{
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go(project);
}

static void assert_done_once(struct run_project *project)
{
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
    assert_int_equal(run_project_count(project, "attempt_ended", "s"), 1);
    run_project_check_tables(project);
}

static void an_engine_that_ends_while_an_output_is_kept_leaves_the_end_to_the_next_one(void **state)
{
    struct run_project *project = *state;

    start_until_kept(project);
    run_project_drop_engine(project);
    assert_int_equal(run_project_count(project, "attempt_ended", "s"), 0);
    adopt_and_go(project);
    assert_done_once(project);
}

static void
a_run_that_is_lost_and_taken_back_while_an_output_is_kept_ends_its_step_once(void **state)
{
    struct run_project *project = *state;

    start_until_kept(project);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    adopt_and_go(project);
    assert_done_once(project);
}

static void an_output_that_is_kept_for_a_run_that_went_is_told_to_nobody(void **state)
{
    struct run_project *project = *state;

    start_until_kept(project);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    run_project_go(project);
    assert_int_equal(run_project_count(project, "attempt_ended", "s"), 0);
    assert_int_equal(project->engine->pool_jobs, 0);
}

static void a_stop_lets_an_inline_step_end(void **state)
{
    struct run_project *project = *state;

    start_until_kept(project);
    engine_interrupt(project->engine, true);
    run_project_go(project);
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_ended", "s", 0), "class", ""), "none");
}

static void what_cannot_be_kept_fails_its_step_and_is_named_nowhere(void **state)
{
    struct run_project *project = *state;
    char *blobs = path_join(project->folder, "blobs");
    const json_t *ended;

    start_large(project);
    /* A file where the folder should be. */
    assert_int_equal(file_remove_tree(blobs, NULL), 0);
    assert_int_equal(file_write(blobs, "", 0, FILE_NO_SYNC, NULL), 0);
    run_project_go(project);
    ended = run_project_find(project, "attempt_ended", "s", 0);
    assert_string_equal(json_get_text(ended, "class", ""), "permanent");
    assert_true(*json_get_text(ended, "error", ""));
    assert_null(json_object_get(ended, "output"));
    assert_int_equal(json_array_size(json_object_get(ended, "artifacts")), 0);
    free(blobs);
}

static void arguments_that_cannot_be_had_fail_the_step(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(
        run_project_run(project,
                        "name: w\nphases:\n  - id: a\n    steps:\n"
                        "      - { id: r, run: 'echo []', format: json }\n"
                        "      - { id: s, use: noop, with: { value: '${{ steps.r.output < 3 }}' }, "
                        "needs: r }\n"),
        "paused");
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_ended", "s", 0), "class", ""),
        "permanent");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_engine_that_ends_while_an_output_is_kept_leaves_the_end_to_the_next_one),
        TEST(a_run_that_is_lost_and_taken_back_while_an_output_is_kept_ends_its_step_once),
        TEST(an_output_that_is_kept_for_a_run_that_went_is_told_to_nobody),
        TEST(a_stop_lets_an_inline_step_end),
        TEST(what_cannot_be_kept_fails_its_step_and_is_named_nowhere),
        TEST(arguments_that_cannot_be_had_fail_the_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
