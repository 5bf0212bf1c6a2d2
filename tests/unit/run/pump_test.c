/* SPDX-License-Identifier: MIT */
#include "run/engine.h"

#include "support/fault_vfs.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUNS 40

/* Forty runs are decided in one turn, and are far more records than one commit takes. */
static const char row[] = "name: row\nphases:\n"
                          "  - id: a\n    steps:\n"
                          "      - { id: s0, use: noop }\n      - { id: s1, use: noop }\n"
                          "      - { id: s2, use: noop }\n      - { id: s3, use: noop }\n"
                          "      - { id: s4, use: noop }\n      - { id: s5, use: noop }\n"
                          "      - { id: s6, use: noop }\n      - { id: s7, use: noop }\n"
                          "      - { id: s8, use: noop }\n      - { id: s9, use: noop }\n";

static int set_up(void **state)
{
    fault_vfs_make_default();
    return run_project_set_up(state);
}

static int tear_down(void **state)
{
    struct fault_plan *plan = fault_vfs_register();

    plan->write_code = plan->sync_code = 0;
    return run_project_tear_down(state);
}

static void start_runs(struct run_project *project, char ids[RUNS][RUN_ID_SIZE])
{
    for (int i = 0; i < RUNS; i++) {
        run_project_start(project, row, NULL);
        memcpy(ids[i], project->id, RUN_ID_SIZE);
    }
}

static int count_commits(const struct run_project *project)
{
    int count = 0;

    for (const struct commit_job *job = project->engine->jobs; job; job = job->next) {
        count++;
    }
    return count;
}

static void check_completed(struct run_project *project, char ids[RUNS][RUN_ID_SIZE])
{
    for (int i = 0; i < RUNS; i++) {
        assert_string_equal(run_project_status(project, ids[i]), "completed");
    }
    run_project_check_tables(project);
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static void go_until_stalled(struct run_project *project)
{
    while (project->stalls == 0) {
        (void)loop_timer_start(project->loop, 20, stop_loop, project->loop);
        loop_run(project->loop);
    }
}

/* Nothing comes back until there is space, so that the turn can be looked at. */
static void fill_disk(struct run_project *project)
{
    fault_vfs_register()->write_code = SQLITE_FULL;
    go_until_stalled(project);
    assert_true(count_commits(project) > 1);
}

static void open_on_faults(struct run_project *project)
{
    project->vfs = FAULT_VFS_NAME;
    run_project_reopen(project);
}

static void a_large_turn_is_several_commits_and_told_when_all_are_durable(void **state)
{
    struct run_project *project = *state;
    char ids[RUNS][RUN_ID_SIZE];

    open_on_faults(project);
    start_runs(project, ids);
    fill_disk(project);
    assert_int_equal(run_project_count(project, "step_done", NULL), 0);
    fault_vfs_register()->write_code = 0;
    run_project_go(project);
    assert_int_equal(project->stalls, 1);
    assert_int_equal(project->unstalls, 1);
    assert_int_equal(run_project_count(project, "step_done", NULL), 10);
    check_completed(project, ids);
}

static void a_run_whose_commit_is_under_way_is_decided_on_in_the_next_turn(void **state)
{
    struct run_project *project = *state;
    char ids[RUNS][RUN_ID_SIZE];

    open_on_faults(project);
    start_runs(project, ids);
    engine_interrupt(project->engine, false); /* a command to each, behind their begins */
    fill_disk(project);
    assert_non_null(project->engine->queue_head);
    fault_vfs_register()->write_code = 0;
    run_project_go(project);
    assert_null(project->engine->queue_head);
    check_completed(project, ids); /* there was no step left to be paused before */
}

static void a_turn_that_waits_for_space_can_be_left(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char ids[RUNS][RUN_ID_SIZE];

    open_on_faults(project);
    start_runs(project, ids);
    fill_disk(project);
    run_project_drop_engine(project);
    fault_vfs_register()->write_code = 0;
    run_project_reopen(project);
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(run_project_adopt(project, ids[i], &err), 0);
    }
    run_project_go(project);
    check_completed(project, ids);
}

static bool has_no_commit(const struct run_project *project)
{
    return !project->engine->jobs;
}

static void a_turn_of_which_commits_fail_says_so_once_and_tells_nothing(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char ids[RUNS][RUN_ID_SIZE];
    size_t told;

    open_on_faults(project);
    start_runs(project, ids);
    told = json_array_size(project->records);
    fill_disk(project);
    fault_vfs_register()->write_code = 0;
    fault_vfs_register()->sync_code = SQLITE_IOERR_FSYNC;
    run_project_go(project);
    assert_int_equal(project->rest.code, ERROR_IO);
    run_project_turn_until(project, has_no_commit);
    assert_int_equal(json_array_size(project->records), told);
    fault_vfs_register()->sync_code = 0;
    run_project_reopen(project);
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(run_project_adopt(project, ids[i], &err), 0);
    }
    run_project_go(project);
    check_completed(project, ids);
}

static void never(void *arg)
{
    (void)arg;
}

static bool is_one_commit_over(const struct run_project *project)
{
    static int before;

    before = before ? before : count_commits(project);
    return count_commits(project) < before;
}

static void nothing_of_a_turn_is_told_while_one_of_its_commits_waits(void **state)
{
    struct run_project *project = *state;
    char ids[RUNS][RUN_ID_SIZE];

    open_on_faults(project);
    start_runs(project, ids);
    fill_disk(project);
    /* All but the first one, which is the last of the list, stay where they are. */
    for (struct commit_job *job = project->engine->jobs; job->next; job = job->next) {
        loop_cancel(project->loop, job->retry);
        job->retry = loop_timer_start(project->loop, INT32_MAX, never, NULL);
    }
    fault_vfs_register()->write_code = 0;
    run_project_turn_until(project, is_one_commit_over);
    assert_non_null(project->engine->jobs);
    assert_int_equal(run_project_count(project, "step_done", NULL), 0);
    run_project_drop_engine(project);
}

static void while_many_are_at_work_a_turn_waits_for_company(void **state)
{
    struct run_project *project = *state;
    struct engine *engine;

    run_project_start(project, row, NULL);
    engine = project->engine;
    engine->processes += 4;
    engine->committed_at_ms = INT64_MAX / 2; /* as if it were just now for ever */
    pump(engine);
    assert_null(engine->jobs);
    assert_int_not_equal(engine->pace.value, 0);
    engine->committed_at_ms = 0;
    pump(engine);
    assert_non_null(engine->jobs);
    engine->processes -= 4;
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void a_lone_process_waits_for_nobody(void **state)
{
    struct run_project *project = *state;

    run_project_start(project, row, NULL);
    project->engine->processes += 3;
    project->engine->committed_at_ms = INT64_MAX / 2;
    pump(project->engine);
    assert_non_null(project->engine->jobs);
    project->engine->processes -= 3;
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_of_a_turn_is_told_while_one_of_its_commits_waits,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_large_turn_is_several_commits_and_told_when_all_are_durable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_run_whose_commit_is_under_way_is_decided_on_in_the_next_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_turn_that_waits_for_space_can_be_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_turn_of_which_commits_fail_says_so_once_and_tells_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_many_are_at_work_a_turn_waits_for_company, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lone_process_waits_for_nobody, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
