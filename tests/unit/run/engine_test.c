/* SPDX-License-Identifier: MIT */
#include "run/engine.h"

#include "run/own.h"
#include "run/reserve.h"
#include "run/running.h"
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

static const char two_steps[] = "name: w\n"
                                "phases:\n"
                                "  - { id: a, steps: [{ id: one, run: echo 1 >>count }] }\n"
                                "  - { id: b, steps: [{ id: two, run: echo 2 >>count }] }\n";

static void a_run_goes_from_its_start_to_its_end(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(run_project_run(project, two_steps), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", NULL), 2);
    run_project_check_tables(project);
}

static void an_engine_that_ends_leaves_nothing_in_the_loop(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(run_project_run(project, two_steps), "completed");
    engine_interrupt(project->engine, false);
    run_project_drop_engine(project);
    assert_string_equal(run_project_run(project, two_steps), "completed");
}

/* What the engine tells whoever measures. */
struct measured {
    int64_t clock_us, gaps[8];
    size_t begins, rests;
};
static struct measured measured;

static int64_t ticking_us(void *context)
{
    (void)context;
    return measured.clock_us += 10;
}

static void note_begin(void *context, int64_t gap_us)
{
    (void)context;
    assert_true(measured.begins < ARRAY_LEN(measured.gaps));
    measured.gaps[measured.begins++] = gap_us;
}

static void note_rest(void *context, const char *run_id, enum run_status status)
{
    const struct run_project *project = context;

    measured.rests++;
    assert_string_equal(run_id, project->id);
    assert_int_equal(status, RUN_COMPLETED);
}

static void measure(struct run_project *project)
{
    measured = (struct measured){0};
    project->host.monotonic_us = ticking_us;
    project->options.on_step_begin = note_begin;
    project->options.on_run_rest = note_rest;
}

static void a_gap_is_from_the_end_of_a_step_to_the_next_begin_of_the_run(void **state)
{
    struct run_project *project = *state;

    measure(project);
    assert_string_equal(run_project_run(project,
                                        "name: w\nphases:\n"
                                        "  - id: a\n    mode: parallel\n    steps:\n"
                                        "      - { id: one, use: noop }\n"
                                        "      - { id: two, use: noop }\n"
                                        "  - { id: b, steps: [{ id: three, use: noop }] }\n"
                                        "  - { id: c, steps: [{ id: four, run: 'true' }] }\n"
                                        "  - { id: d, steps: [{ id: five, use: noop }] }\n"),
                        "completed");
    assert_int_equal(measured.begins, 5);
    assert_int_equal(measured.gaps[0], -1);
    /* Both were ready; the first had ended when the second began. */
    assert_int_equal(measured.gaps[1], 10);
    /* The clock is read once at each end and once at each begin. */
    assert_int_equal(measured.gaps[2], 10);
    assert_int_equal(measured.gaps[3], 10);
    assert_int_equal(measured.gaps[4], 10);
    assert_int_equal(measured.rests, 1);
}

static void further_tries_and_gate_checks_are_not_measured(void **state)
{
    struct run_project *project = *state;

    measure(project);
    assert_string_equal(
        run_project_run(project, "name: w\nphases:\n  - id: a\n    gate: g\n    steps:\n"
                                 "      - id: one\n        run: test -e tried || ! touch tried\n"
                                 "        retry: { attempts: 2, delay: 1ms }\n"
                                 "gates: { g: { commands: [{ run: 'true' }] } }\n"),
        "completed");
    assert_int_equal(run_project_count(project, "attempt_started", NULL), 3);
    assert_int_equal(measured.begins, 1);
}

static void a_run_at_rest_can_be_let_go_with_its_nested_runs(void **state)
{
    struct run_project *project = *state;
    char id[RUN_ID_SIZE];

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: a, steps: [{ id: one, use: noop }] }]\n");
    run_project_start(project,
                      "name: outer\nphases: [{ id: a, steps: [{ id: call, workflow: inner }] }]\n",
                      NULL);
    memcpy(id, project->id, RUN_ID_SIZE);
    assert_false(engine_let_go(project->engine, id)); /* it has not begun yet */
    run_project_go(project);
    assert_int_equal(map_count(project->engine->runs), 2);
    assert_true(engine_let_go(project->engine, id));
    assert_int_equal(map_count(project->engine->runs), 0);
    /* Whoever wants it may have it, and the engine goes on with others. */
    assert_int_equal(run_project_adopt(project, id, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_run(project, two_steps), "completed");
}

static struct fault_plan *open_on_faults(struct run_project *project)
{
    struct fault_plan *plan = fault_vfs_register();

    project->vfs = FAULT_VFS_NAME;
    run_project_reopen(project);
    return plan;
}

static void heal(void *arg)
{
    struct fault_plan *plan = arg;

    plan->write_code = plan->sync_code = 0;
}

static void a_full_disk_parks_the_run_until_there_is_space(void **state)
{
    struct run_project *project = *state;
    struct fault_plan *plan = open_on_faults(project);
    int64_t waited = 0;
    json_t *run = NULL;
    json_t *phase;
    size_t i;
    char *count;

    run_project_start(project, two_steps, NULL);
    run_project_go_until(project, "attempt_started", "one");
    plan->write_code = SQLITE_FULL;
    (void)loop_timer_start(project->loop, 300, heal, plan);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(project->stalls, 1);
    assert_int_equal(project->unstalls, 1);
    /* Its end was known and could not be written; or the next one could not be begun. */
    assert_int_equal(run_show(project->store, project->folder, project->id, &run, NULL), 0);
    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        const json_t *step = json_array_get(json_object_get(phase, "steps"), 0);
        int64_t wait = json_get_integer(step, "space_wait_ms", 0);
        int64_t span = json_get_integer(step, "ended_at", 0) -
                       json_get_integer(step, "started_at", 0);

        waited += wait;
        assert_int_equal(json_get_integer(step, "duration_ms", -1), span - wait);
    }
    assert_in_range(waited, 200, 60000);
    json_decref(run);
    count = run_project_read(project, "count");
    assert_string_equal(count, "1\n2\n");
    free(count);
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

static void check_listed(struct run_project *project, const char *status, size_t count)
{
    const struct run_filter filter = {.status = status, .limit = 10};
    json_t *list = NULL;

    assert_int_equal(run_list(project->store, project->folder, &filter, &list, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(list, "runs")), count);
    json_decref(list);
}

static void a_run_that_waits_for_space_is_shown_as_paused(void **state)
{
    struct run_project *project = *state;
    struct fault_plan *plan = open_on_faults(project);
    json_t *shown = NULL;

    run_project_start(project, two_steps, NULL);
    run_project_go_until(project, "attempt_started", "one");
    check_listed(project, "running", 1);
    plan->write_code = SQLITE_FULL;
    go_until_stalled(project);
    check_listed(project, "running", 0);
    check_listed(project, "paused", 1);
    assert_int_equal(run_show(project->store, project->folder, project->id, &shown, NULL), 0);
    assert_string_equal(json_get_text(shown, "status", ""), "paused");
    assert_string_equal(json_get_text(shown, "reason", ""), "storage");
    assert_true(json_get_boolean(shown, "owned", false));
    json_decref(shown);
    heal(plan);
    run_project_go(project);
    check_listed(project, "paused", 0);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

/* Pausing takes space as well: what was put by for it is given back. */
static void an_interrupt_while_space_is_lacking_gives_back_what_was_put_by(void **state)
{
    struct run_project *project = *state;
    struct fault_plan *plan = open_on_faults(project);

    run_project_start(project, two_steps, NULL);
    run_project_go_until(project, "attempt_started", "one");
    plan->write_code = SQLITE_FULL;
    go_until_stalled(project);
    engine_interrupt(project->engine, false);
    assert_false(reserve_release(project->folder)); /* there is none any more */
    heal(plan);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_false(run_project_has(project, "two"));
}

/* A storage that is busy is waited for as well; whoever watches is told which of the two it is. */
static void a_busy_storage_is_told_from_a_full_one(void **state)
{
    struct run_project *project = *state;
    struct fault_plan *plan = open_on_faults(project);

    run_project_start(project, two_steps, NULL);
    run_project_go_until(project, "attempt_started", "one");
    plan->write_code = SQLITE_BUSY;
    go_until_stalled(project);
    assert_false(project->engine->lacks_space);
    check_listed(project, "running", 1);
    plan->write_code = SQLITE_FULL;
    while (project->stalls == 1) {
        (void)loop_timer_start(project->loop, 20, stop_loop, project->loop);
        loop_run(project->loop);
    }
    assert_true(project->engine->lacks_space);
    check_listed(project, "paused", 1);
    heal(plan);
    run_project_go(project);
    assert_int_equal(project->unstalls, 1);
    assert_string_equal(run_project_status(project, project->id), "completed");
    run_project_check_tables(project);
}

static void an_engine_without_a_folder_is_none(void **state)
{
    struct run_project *project = *state;
    struct engine_options options = project->options;
    struct engine *engine = NULL;
    struct error err = ERROR_INIT;

    options.folder = "/nonexistent";
    assert_true(engine_new(&options, &engine, &err) < 0);
    assert_null(engine);
    assert_non_null(strstr(err.text, "/nonexistent"));
}

static void what_was_to_begin_in_a_run_that_went_begins_nowhere(void **state)
{
    struct run_project *project = *state;

    run_project_start(project, two_steps, NULL);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    run_project_go(project);
    assert_int_equal(run_project_count(project, "attempt_started", NULL), 0);
    assert_string_equal(run_project_status(project, project->id), "pending");
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void a_parked_engine_can_be_left(void **state)
{
    struct run_project *project = *state;
    struct fault_plan *plan = open_on_faults(project);

    run_project_start(project, two_steps, NULL);
    run_project_go_until(project, "attempt_started", "one");
    plan->write_code = SQLITE_FULL;
    go_until_stalled(project);
    run_project_drop_engine(project);
    heal(plan);
    run_project_reopen(project);
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void after_a_failed_sync_nothing_is_acknowledged_and_the_next_owner_goes_on(void **state)
{
    struct run_project *project = *state;
    struct fault_plan *plan = open_on_faults(project);
    char *count;

    run_project_start(project, two_steps, NULL);
    run_project_go_until(project, "attempt_started", "one");
    plan->sync_code = SQLITE_IOERR_FSYNC;
    run_project_go(project);
    assert_int_equal(project->rest.code, ERROR_IO);
    assert_int_equal(run_project_count(project, "attempt_ended", NULL), 0);
    heal(plan);
    /* The same process is told nothing any more. */
    assert_true(store_is_broken(project->store));
    run_project_reopen(project);
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    count = run_project_read(project, "count");
    assert_string_equal(count, "1\n2\n");
    free(count);
    run_project_check_tables(project);
}

static int syncs_of_row(struct run_project *project, struct fault_plan *plan, int steps)
{
    struct strbuf text;
    int before;

    strbuf_init(&text, 1000000);
    strbuf_add(&text, "name: w\nphases:\n  - id: a\n    steps:\n");
    for (int i = 0; i < steps; i++) {
        strbuf_addf(&text, "      - { id: s%d, use: noop }\n", i);
    }
    run_project_start(project, text.data, NULL);
    strbuf_release(&text);
    before = plan->syncs;
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    run_project_check_tables(project);
    return plan->syncs - before;
}

/* A turn takes a thousand of them, so that neither the loop nor a transaction grows without end.
 */
static void steps_that_touch_nothing_outside_share_commits(void **state)
{
    struct run_project *project = *state;
    struct fault_plan *plan = open_on_faults(project);
    int few = syncs_of_row(project, plan, 10);
    int many = syncs_of_row(project, plan, 3000);

    assert_int_equal(run_project_count(project, "step_done", NULL), 3000);
    assert_true(few <= 2);
    assert_true(many > few && many <= 10 * few);
}

static int syncs_of(struct run_project *project, struct fault_plan *plan, int runs)
{
    static const char inline_steps[] = "name: w\nphases:\n"
                                       "  - { id: a, steps: [{ id: one, use: noop }] }\n"
                                       "  - { id: b, steps: [{ id: two, use: noop }] }\n";
    int before = plan->syncs;

    for (int i = 0; i < runs; i++) {
        run_project_start(project, inline_steps, NULL);
    }
    before = plan->syncs;
    run_project_go(project);
    return plan->syncs - before;
}

static void the_runs_of_one_turn_share_one_commit(void **state)
{
    struct run_project *project = *state;
    struct fault_plan *plan = open_on_faults(project);
    int alone = syncs_of(project, plan, 1);

    assert_true(alone > 0);
    assert_true(syncs_of(project, plan, 10) <= 2 * alone);
}

struct usurper {
    const char *run;
    int64_t generation;
};

static int take_lease(struct tx *tx, void *arg, struct error *err)
{
    struct usurper *usurper = arg;

    return lease_take(tx, usurper->run, usurper->generation, (struct lease){1, 1}, err);
}

static void usurp(struct run_project *project, const char *run, int64_t generation)
{
    struct usurper usurper = {run, generation};

    assert_int_equal(store_write(project->store, take_lease, &usurper, NULL), 0);
}

static void assert_journal_is_what_was_told(struct run_project *project, const char *run)
{
    json_t *page = NULL;
    size_t told = 0;
    size_t index;
    const json_t *record;

    json_array_foreach(project->records, index, record)
    {
        told += strcmp(json_get_text(record, "run", ""), run) == 0;
    }
    assert_int_equal(run_records(project->store, run, 1, 1000, &page, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(page, "records")), told);
    json_decref(page);
}

static void
an_owner_whose_lease_was_taken_writes_nothing_more_and_keeps_its_other_runs(void **state)
{
    struct run_project *project = *state;
    char lost[RUN_ID_SIZE];

    run_project_start(project, two_steps, NULL);
    memcpy(lost, project->id, RUN_ID_SIZE);
    run_project_go_until(project, "attempt_started", "one");
    usurp(project, lost, 2);
    assert_string_equal(run_project_run(project, two_steps), "completed");
    assert_int_equal(project->rest.code, 0);
    assert_int_equal(project->lost.code, ERROR_CONFLICT);
    assert_non_null(strstr(project->lost.text, lost));
    assert_null(engine_find(project->engine, lost));
    assert_journal_is_what_was_told(project, lost);
    assert_string_equal(run_project_status(project, lost), "running");
    /* It can be taken back, and its step was not begun twice. */
    assert_int_equal(run_project_adopt(project, lost, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, lost), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", "one"), 1);
    run_project_check_tables(project);
}

static const char outer[] = "name: outer\nphases:\n"
                            "  - { id: p, steps: [{ id: sub, workflow: inner }] }\n";
static const char inner[] = "name: inner\nphases:\n  - id: a\n    steps:\n"
                            "      - { id: one, run: 'until [ -e go ]; do sleep 0.02; done' }\n"
                            "      - { id: two, run: 'true' }\n";

/* The test's own on_record looks at one run only: the one that was started last. */
static void start_outer(struct run_project *project, char ret_parent[RUN_ID_SIZE],
                        char ret_child[RUN_ID_SIZE])
{
    run_project_write(project, "workflows/inner.yaml", inner);
    run_project_start(project, outer, NULL);
    memcpy(ret_parent, project->id, RUN_ID_SIZE);
    run_project_go_until(project, "attempt_started", "one");
    (void)snprintf(ret_child, RUN_ID_SIZE, "%s",
                   json_get_text(run_project_find(project, "step_waiting", "sub", 0), "child", ""));
}

static void a_run_that_is_lost_takes_its_nested_runs_along(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];

    start_outer(project, parent, child);
    usurp(project, parent, 2);
    engine_interrupt(project->engine, false);
    run_project_go(project);
    assert_null(engine_find(project->engine, parent));
    assert_null(engine_find(project->engine, child));
    run_project_drop_engine(project);
    run_project_write(project, "go", "");
    assert_int_equal(run_project_adopt(project, parent, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, child), "completed");
    assert_string_equal(run_project_status(project, parent), "completed");
    run_project_check_tables(project);
}

static void a_nested_run_that_is_lost_is_waited_for(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];

    start_outer(project, parent, child);
    usurp(project, child, 2);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_non_null(strstr(project->lost.text, child));
    assert_string_equal(run_project_status(project, child), "completed");
    assert_string_equal(run_project_status(project, parent), "completed");
    run_project_check_tables(project);
}

/* Its parent is nobody's: the command is for the run itself. */
static void a_nested_run_that_was_taken_over_alone_hears_an_interrupt(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];

    start_outer(project, parent, child);
    run_project_drop_engine(project);
    assert_int_equal(run_project_adopt(project, child, NULL), 0);
    engine_interrupt(project->engine, true);
    run_project_go(project);
    assert_string_equal(run_project_status(project, child), "paused");
    assert_string_equal(run_project_status(project, parent), "running");
}

static void the_adoption_of_many_runs_is_one_commit(void **state)
{
    enum { RUNS = 50 };
    static const char waits[] = "name: w\nphases:\n"
                                "  - { id: a, steps: [{ id: one, use: noop }] }\n"
                                "  - { id: b, steps: [{ id: ok, approve: Really? }] }\n";
    struct run_project *project = *state;
    char ids[RUNS][RUN_ID_SIZE];
    struct fault_plan *plan = open_on_faults(project);
    int before;

    for (int i = 0; i < RUNS; i++) {
        run_project_start(project, waits, NULL);
        memcpy(ids[i], project->id, RUN_ID_SIZE);
    }
    run_project_go(project);
    run_project_drop_engine(project);
    before = plan->syncs;
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(run_project_adopt(project, ids[i], NULL), 0);
    }
    run_project_go(project);
    assert_int_equal(plan->syncs - before, 1);
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(engine_find(project->engine, ids[i])->generation, 2);
    }
    run_project_check_tables(project);
}

static void an_interrupt_lets_the_running_step_end_and_a_second_stops_it(void **state)
{
    static const char text[] = "name: w\nphases:\n"
                               "  - { id: a, steps: [{ id: one, run: 'until [ -e go ]; do sleep "
                               "0.02; done' }] }\n"
                               "  - { id: b, steps: [{ id: two, run: touch two }] }\n";
    struct run_project *project = *state;

    run_project_start(project, text, NULL);
    run_project_go_until(project, "attempt_started", "one");
    engine_interrupt(project->engine, false);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_int_equal(run_project_count(project, "attempt_started", "one"), 1);
    assert_false(run_project_has(project, "two"));

    run_project_start(project,
                      "name: w\nphases:\n  - { id: a, steps: [{ id: one, run: sleep 600 "
                      "}] }\n",
                      NULL);
    run_project_go_until(project, "attempt_started", "one");
    engine_interrupt(project->engine, true);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_ended", "one", 0), "class", ""),
        "cancelled");
}

static void visit(void *context, const struct engine_running *running)
{
    struct run_project *project = context;

    assert_string_equal(running->run_id, project->id);
    assert_string_equal(running->step, "one");
    assert_string_equal(running->phase, "a");
    assert_true(running->started_at_ms > 0);
    assert_non_null(strstr(running->folder, "attempts/one.1"));
    assert_null(running->line);
    project->clock_shift_ms = 1;
}

static void the_steps_under_way_can_be_looked_at(void **state)
{
    struct run_project *project = *state;

    run_project_start(project, two_steps, NULL);
    run_project_go_until(project, "attempt_started", "one");
    engine_visit_running(project->engine, visit, project);
    assert_int_equal(project->clock_shift_ms, 1);
    run_project_go(project);
    project->clock_shift_ms = 0;
    engine_visit_running(project->engine, visit, project);
    assert_int_equal(project->clock_shift_ms, 0);
}

static void a_run_that_is_only_created_begins_when_it_is_adopted(void **state)
{
    struct run_project *project = *state;
    struct workflow *workflow = run_project_parse(two_steps);
    struct run_request request = {.workflow = workflow, .label = "nightly"};
    char id[RUN_ID_SIZE];

    assert_int_equal(engine_new(&project->options, &project->engine, NULL), 0);
    assert_int_equal(engine_create(project->engine, &request, id, NULL), 0);
    workflow_free(workflow);
    run_project_reopen(project);
    assert_string_equal(run_project_status(project, id), "pending");
    assert_int_equal(run_project_adopt(project, id, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, id), "completed");
    /* Again: it is known already, and there is nothing to do. */
    assert_int_equal(engine_adopt(project->engine, id, NULL), 0);
}

static void a_blob_is_loaded_by_its_digest(void **state)
{
    struct run_project *project = *state;
    char *text = NULL;
    size_t length = 0;

    assert_string_equal(run_project_run(project, two_steps), "completed");
    assert_int_equal(
        engine_load_blob(
            project->engine,
            json_get_text(run_project_find(project, "run_created", NULL, 0), "digest", ""), &text,
            &length),
        0);
    assert_string_equal(text, two_steps);
    free(text);
}

static bool is_completed(const struct run_project *project)
{
    const struct active *active = engine_find(project->engine, project->id);

    return active && active->state->status == RUN_COMPLETED;
}

static bool is_about_to_rest(const struct run_project *project)
{
    engine_check_rest(project->engine);
    return project->engine->is_rest_deferred;
}

static bool has_rested(const struct run_project *project)
{
    return !project->engine->is_rest_deferred;
}

static void only_a_run_that_rests_is_let_go(void **state)
{
    struct run_project *project = *state;

    run_project_start(project,
                      "name: w\nphases: [{ id: p, steps: [{ id: s, run: 'until [ -e go ]; do sleep "
                      "0.01; done' }] }]\n",
                      NULL);
    run_project_go_until(project, "attempt_started", "s");
    assert_false(engine_let_go(project->engine, project->id));
    assert_non_null(engine_find(project->engine, project->id));
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_true(engine_let_go(project->engine, project->id));
    assert_null(engine_find(project->engine, project->id));
}

/* Nobody needs to be told. */
static void who_waits_for_nothing_hears_of_no_rest_and_no_lack_of_space(void **state)
{
    struct run_project *project = *state;
    struct error full = {.code = ERROR_LIMIT, .is_storage_full = true};

    project->options.on_stall = NULL;
    project->options.on_rest = NULL;
    run_project_start(project, "name: w\nphases: [{ id: p, steps: [{ id: s, use: noop }] }]\n",
                      NULL);
    engine_stall(project->engine, &full);
    assert_true(project->engine->is_stalled && project->engine->lacks_space);
    engine_stall(project->engine, NULL);
    assert_false(project->engine->is_stalled || project->engine->lacks_space);
    assert_int_equal(project->stalls + project->unstalls, 0);
    run_project_turn_until(project, is_completed);
    run_project_turn_until(project, is_about_to_rest);
    run_project_turn_until(project, has_rested);
    assert_false(project->is_at_rest);
}

static void note_line(void *context, const struct engine_running *running)
{
    const char **line = context;

    *line = running->line;
}

static bool is_checked(const struct run_project *project)
{
    return run_project_has(project, "begun");
}

/* As of a command, and not as of the agent whose work it looks at. */
static void what_a_check_prints_is_shown_as_it_is(void **state)
{
    struct run_project *project = *state;
    const char *line = "none was visited";

    run_project_start(project,
                      "name: w\ngates: { g: { commands: [{ run: 'touch begun; until [ -e go ]; do "
                      "sleep 0.01; done' }] } }\nphases: [{ id: p, gate: g, steps: [{ id: s, use: "
                      "noop }] }]\n",
                      NULL);
    run_project_turn_until(project, is_checked);
    engine_visit_running(project->engine, note_line, &line);
    assert_null(line);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_goes_from_its_start_to_its_end),
        TEST(an_engine_that_ends_leaves_nothing_in_the_loop),
        TEST(a_gap_is_from_the_end_of_a_step_to_the_next_begin_of_the_run),
        TEST(further_tries_and_gate_checks_are_not_measured),
        TEST(a_run_at_rest_can_be_let_go_with_its_nested_runs),
        TEST(a_full_disk_parks_the_run_until_there_is_space),
        TEST(a_run_that_waits_for_space_is_shown_as_paused),
        TEST(an_interrupt_while_space_is_lacking_gives_back_what_was_put_by),
        TEST(a_busy_storage_is_told_from_a_full_one),
        TEST(an_engine_without_a_folder_is_none),
        TEST(what_was_to_begin_in_a_run_that_went_begins_nowhere),
        TEST(a_parked_engine_can_be_left),
        TEST(after_a_failed_sync_nothing_is_acknowledged_and_the_next_owner_goes_on),
        TEST(steps_that_touch_nothing_outside_share_commits),
        TEST(the_runs_of_one_turn_share_one_commit),
        TEST(an_owner_whose_lease_was_taken_writes_nothing_more_and_keeps_its_other_runs),
        TEST(a_run_that_is_lost_takes_its_nested_runs_along),
        TEST(a_nested_run_that_is_lost_is_waited_for),
        TEST(a_nested_run_that_was_taken_over_alone_hears_an_interrupt),
        TEST(the_adoption_of_many_runs_is_one_commit),
        TEST(an_interrupt_lets_the_running_step_end_and_a_second_stops_it),
        TEST(the_steps_under_way_can_be_looked_at),
        TEST(a_run_that_is_only_created_begins_when_it_is_adopted),
        TEST(a_blob_is_loaded_by_its_digest),
        TEST(only_a_run_that_rests_is_let_go),
        TEST(who_waits_for_nothing_hears_of_no_rest_and_no_lack_of_space),
        TEST(what_a_check_prints_is_shown_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
