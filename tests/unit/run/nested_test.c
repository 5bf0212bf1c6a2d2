/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "run/own.h"
#include "support/run_project.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char outer[] = "name: outer\nphases:\n"
                            "  - { id: p, steps: [{ id: sub, workflow: inner }] }\n"
                            "  - { id: q, steps: [{ id: after, run: echo x >>after }] }\n";

static void write_inner(struct run_project *project, const char *step)
{
    char *text = mem_printf("name: inner\nphases:\n  - id: a\n    steps:\n      - %s\n", step);

    run_project_write(project, "workflows/inner.yaml", text);
    free(text);
}

/* The id of the run that the step `sub` began. */
static void find_child(const struct run_project *project, char ret_id[RUN_ID_SIZE])
{
    const json_t *waiting = run_project_find(project, "step_waiting", "sub", 0);

    assert_non_null(waiting);
    (void)snprintf(ret_id, RUN_ID_SIZE, "%s", json_get_text(waiting, "child", ""));
}

static void assert_asked(struct run_project *project, const char *id, json_t *command)
{
    struct error err = ERROR_INIT;
    json_t *answer = run_project_ask(project, id, command, &err);

    if (!answer) {
        fail_msg("%s", err.text);
    }
    json_decref(answer);
}

static void go_on(struct run_project *project, const char *id)
{
    struct error err = ERROR_INIT;

    assert_int_equal(run_project_adopt(project, id, &err), 0);
    run_project_go(project);
}

static int folder_count(const struct run_project *project, const char *name)
{
    char *path = path_join(project->project, name);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int count = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(folder);
    free(path);
    return count;
}

static void a_nested_run_is_a_step_with_its_own_journal(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];

    write_inner(project, "{ id: one, run: echo x >>count }");
    assert_string_equal(run_project_run(project, outer), "completed");
    memcpy(parent, project->id, RUN_ID_SIZE);
    find_child(project, child);
    assert_string_equal(run_project_status(project, child), "completed");
    memcpy(project->id, child, RUN_ID_SIZE);
    assert_string_equal(
        json_get_text(run_project_find(project, "run_created", NULL, 0), "parent", ""), parent);
    assert_int_equal(
        json_get_integer(run_project_find(project, "run_created", NULL, 0), "depth", 0), 1);
    run_project_check_tables(project);
}

static void inputs_reach_the_nested_run(void **state)
{
    struct run_project *project = *state;
    char *text;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\ninputs: { who: { type: string, required: true } }\nphases:\n"
                      "  - id: a\n    steps: [{ id: one, run: 'echo \"$FERMATA_INPUT_WHO\" >who' "
                      "}]\n");
    assert_string_equal(
        run_project_run(project, "name: outer\nphases:\n  - id: p\n    steps:\n"
                                 "      - { id: sub, workflow: inner, inputs: { who: 'ada' } }\n"),
        "completed");
    text = run_project_read(project, "who");
    assert_string_equal(text, "ada\n");
    free(text);
}

static void a_missing_input_fails_the_step(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\ninputs: { who: { type: string, required: true } }\nphases:\n"
                      "  - { id: a, steps: [{ id: one, run: 'true' }] }\n");
    assert_string_equal(run_project_run(project, outer), "paused");
    assert_non_null(strstr(
        json_get_text(run_project_find(project, "step_moved", "sub", 0), "error", ""), "who"));
    assert_false(run_project_has(project, "after"));
    assert_int_equal(folder_count(project, ".fermata/workflows"), 1);
}

/* Every file is another one before the step that calls it begins, and after a crash. */
static void the_texts_of_called_workflows_are_those_of_the_start(void **state)
{
    static const char begin[] =
        "name: begin\nphases:\n"
        "  - { id: a, steps: [{ id: first, run: 'until [ -e go ]; do sleep 0.02; done' }] }\n"
        "  - { id: b, steps: [{ id: sub, workflow: inner }] }\n";
    struct run_project *project = *state;
    char *text;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases:\n"
                      "  - { id: a, steps: [{ id: one, run: 'echo inner >>texts' }] }\n"
                      "  - { id: b, steps: [{ id: two, workflow: innermost }] }\n");
    run_project_write(project, "workflows/innermost.yaml",
                      "name: innermost\nphases:\n"
                      "  - { id: a, steps: [{ id: one, run: 'echo innermost >>texts' }] }\n");
    run_project_start(project, begin, NULL);
    run_project_go_until(project, "attempt_started", "first");
    write_inner(project, "{ id: one, run: 'echo changed >>texts' }");
    run_project_write(project, "workflows/innermost.yaml", "not even a workflow");
    run_project_reopen(project);
    run_project_write(project, "go", "");
    go_on(project, project->id);
    assert_string_equal(run_project_status(project, project->id), "completed");
    text = run_project_read(project, "texts");
    assert_string_equal(text, "inner\ninnermost\n");
    free(text);
}

static void a_run_of_before_texts_were_kept_says_so_where_it_would_call(void **state)
{
    struct run_project *project = *state;
    struct workflow *workflow = run_project_parse(outer);
    json_t *inputs = json_object();
    struct run_request request = {.workflow = workflow, .inputs = inputs};
    struct error err = ERROR_INIT;

    write_inner(project, "{ id: one, run: 'true' }");
    assert_int_equal(engine_new(&project->options, &project->engine, &err), 0);
    assert_int_equal(engine_start(project->engine, &request, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_non_null(
        strstr(json_get_text(run_project_find(project, "step_moved", "sub", 0), "error", ""),
               "did not keep the text of workflow inner"));
    json_decref(inputs);
    workflow_free(workflow);
}

static void a_text_that_was_lost_fails_the_step(void **state)
{
    struct run_project *project = *state;
    char *blobs = path_join(project->folder, "blobs");
    const json_t *calls;
    char *text;

    write_inner(project, "{ id: one, run: 'true' }");
    run_project_start(project, outer, NULL);
    calls = json_object_get(run_project_find(project, "run_created", NULL, 0), "calls");
    text = blob_path(blobs, json_get_text(calls, "inner", ""));
    assert_int_equal(unlink(text), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_string_equal(
        json_get_text(run_project_find(project, "step_moved", "sub", 0), "status", ""), "failed");
    assert_int_equal(folder_count(project, ".fermata/workflows"), 1);
    free(text);
    free(blobs);
}

static void nested_runs_of_one_list_are_all_taken_over_after_a_crash(void **state)
{
    struct run_project *project = *state;
    char *count;

    write_inner(project,
                "{ id: one, run: 'echo x >>count; until [ -e go ]; do sleep 0.02; done' }");
    run_project_configure(project, "concurrency: 20\n");
    run_project_start(project,
                      "name: outer\nphases:\n  - id: p\n    steps:\n"
                      "      - { id: sub, workflow: inner, foreach: '[1, 2, 3, 4, 5, 6, 7, 8]' }\n",
                      NULL);
    run_project_go_until(project, "attempt_started", "one");
    run_project_reopen(project);
    run_project_write(project, "go", "");
    go_on(project, project->id);
    assert_string_equal(run_project_status(project, project->id), "completed");
    count = run_project_read(project, "count");
    assert_string_equal(count, "x\nx\nx\nx\nx\nx\nx\nx\n");
    free(count);
    run_project_check_tables(project);
}

static void what_is_passed_on_while_a_nested_run_is_being_read_reaches_it(void **state)
{
    struct run_project *project = *state;
    char child[RUN_ID_SIZE];
    struct active *active;
    struct error err = ERROR_INIT;

    write_inner(project, "{ id: ok, approve: Really? }");
    assert_string_equal(run_project_run(project, outer), "paused");
    find_child(project, child);
    run_project_drop_engine(project);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    active = engine_find(project->engine, project->id);
    nested_start(active, run_step_index(active->state, run_find_step(active->state, "sub")));
    assert_null(engine_find(project->engine, child));
    nested_command(active, child, "cancel");
    run_project_go(project);
    assert_string_equal(run_project_status(project, child), "cancelled");
}

static void the_end_of_a_crashed_parent_is_found_by_its_next_owner(void **state)
{
    struct run_project *project = *state;
    char *count;

    write_inner(project,
                "{ id: one, run: 'echo x >>count; until [ -e go ]; do sleep 0.02; done' }");
    run_project_start(project, outer, NULL);
    run_project_go_until(project, "attempt_started", "one");
    run_project_reopen(project);
    run_project_write(project, "go", "");
    go_on(project, project->id);
    assert_string_equal(run_project_status(project, project->id), "completed");
    count = run_project_read(project, "count");
    assert_string_equal(count, "x\n");
    free(count);
}

static void a_nested_approval_pauses_both_and_its_answer_lets_both_go_on(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];

    write_inner(project, "{ id: ok, approve: Really? }");
    assert_string_equal(run_project_run(project, outer), "paused");
    memcpy(parent, project->id, RUN_ID_SIZE);
    find_child(project, child);
    assert_string_equal(run_project_status(project, child), "paused");
    run_project_drop_engine(project);
    assert_asked(project, child, json_pack("{s:s, s:s}", "do", "approve", "step", "ok"));
    assert_asked(project, parent, json_pack("{s:s}", "do", "resume"));
    go_on(project, parent);
    assert_string_equal(run_project_status(project, child), "completed");
    assert_string_equal(run_project_status(project, parent), "completed");
    run_project_check_tables(project);
}

static void a_retry_of_the_parent_reaches_the_step_that_failed_in_the_nested_run(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];

    write_inner(project, "{ id: one, run: 'test -e fixed', retry: { attempts: 1 } }");
    assert_string_equal(run_project_run(project, outer), "paused");
    memcpy(parent, project->id, RUN_ID_SIZE);
    find_child(project, child);
    run_project_drop_engine(project);
    run_project_write(project, "fixed", "");
    assert_asked(project, parent, json_pack("{s:s, s:b}", "do", "resume", "retry_failed", 1));
    go_on(project, parent);
    assert_string_equal(run_project_status(project, child), "completed");
    assert_string_equal(run_project_status(project, parent), "completed");
}

static void a_resume_that_the_nested_run_refuses_pauses_the_parent_again(void **state)
{
    struct run_project *project = *state;

    write_inner(project, "{ id: ok, approve: Really? }");
    assert_string_equal(run_project_run(project, outer), "paused");
    run_project_drop_engine(project);
    assert_asked(project, project->id, json_pack("{s:s}", "do", "resume"));
    go_on(project, project->id);
    assert_string_equal(run_project_status(project, project->id), "paused");
}

static void a_cancelled_parent_takes_its_paused_nested_run_along(void **state)
{
    struct run_project *project = *state;
    char child[RUN_ID_SIZE];

    write_inner(project, "{ id: ok, approve: Really? }");
    assert_string_equal(run_project_run(project, outer), "paused");
    find_child(project, child);
    run_project_drop_engine(project);
    assert_asked(project, project->id, json_pack("{s:s}", "do", "cancel"));
    assert_string_equal(run_project_status(project, project->id), "cancelled");
    assert_string_equal(run_project_status(project, child), "cancelled");
}

static void a_cancel_without_an_owner_stops_the_steps_of_nested_runs(void **state)
{
    struct run_project *project = *state;
    char child[RUN_ID_SIZE];

    write_inner(project, "{ id: one, run: 'sleep 600' }");
    run_project_start(project, outer, NULL);
    run_project_go_until(project, "attempt_started", "one");
    find_child(project, child);
    run_project_drop_engine(project);
    assert_asked(project, project->id, json_pack("{s:s}", "do", "cancel"));
    assert_string_equal(run_project_status(project, project->id), "cancelled");
    assert_string_equal(run_project_status(project, child), "cancelled");
}

static void assert_not_begun_again(struct run_project *project, const char *child,
                                   const char *parent, json_t *command)
{
    struct error err = ERROR_INIT;

    assert_null(run_project_ask(project, child, command, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.text, parent));
    assert_non_null(strstr(err.hint, parent));
}

static void a_nested_run_that_ended_is_not_begun_again_behind_its_parent(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];

    run_project_write(
        project, "workflows/inner.yaml",
        "name: inner\non_failure: fail\nphases:\n"
        "  - { id: a, steps: [{ id: one, run: 'true' }] }\n"
        "  - { id: b, steps: [{ id: two, run: 'false', retry: { attempts: 1 } }] }\n");
    (void)run_project_run(project, outer);
    memcpy(parent, project->id, RUN_ID_SIZE);
    find_child(project, child);
    assert_string_equal(run_project_status(project, child), "failed");
    run_project_drop_engine(project);
    assert_not_begun_again(project, child, parent, json_pack("{s:s}", "do", "retry"));
    assert_not_begun_again(project, child, parent,
                           json_pack("{s:s, s:b}", "do", "resume", "retry_failed", 1));
    assert_not_begun_again(project, child, parent,
                           json_pack("{s:s, s:s}", "do", "restore", "checkpoint", "a"));
    assert_string_equal(run_project_status(project, child), "failed");
}

static void close_lock(void *arg)
{
    (void)close(*(int *)arg);
}

static void a_nested_run_that_another_process_carries_is_waited_for(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];
    struct error err = ERROR_INIT;
    int lock = -1;

    write_inner(project, "{ id: one, run: 'until [ -e go ]; do sleep 0.02; done' }");
    run_project_start(project, outer, NULL);
    run_project_go_until(project, "attempt_started", "one");
    memcpy(parent, project->id, RUN_ID_SIZE);
    find_child(project, child);
    run_project_drop_engine(project);
    assert_int_equal(run_lock(project->folder, child, &lock, &err), 0);
    assert_int_equal(run_project_adopt(project, parent, &err), 0);
    /* Its owner ends only once the parent looked. */
    run_project_write(project, "go", "");
    (void)loop_timer_start(project->loop, 100, close_lock, &lock);
    run_project_go(project);
    assert_string_equal(run_project_status(project, parent), "completed");
}

static void a_skipped_nested_run_is_over_before_its_parent(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];

    write_inner(project, "{ id: ok, approve: Really? }");
    assert_string_equal(run_project_run(project, outer), "paused");
    memcpy(parent, project->id, RUN_ID_SIZE);
    find_child(project, child);
    run_project_drop_engine(project);
    assert_asked(project, parent,
                 json_pack("{s:s, s:s, s:s}", "do", "skip", "step", "sub", "reason", "not today"));
    assert_string_equal(run_project_status(project, child), "cancelled");
    go_on(project, parent);
    assert_string_equal(run_project_status(project, parent), "completed");
    assert_true(run_project_has(project, "after"));
    assert_non_null(run_project_find(project, "nested_ended", "sub", 0));
    run_project_check_tables(project);
}

static void a_nested_run_that_was_never_begun_is_left_without_a_trace(void **state)
{
    struct run_project *project = *state;
    struct active *active;

    write_inner(project, "{ id: one, run: 'true' }");
    run_project_start(project, outer, NULL);
    run_project_go_until(project, "phase_moved", NULL);
    active = engine_find(project->engine, project->id);
    nested_end(active, "sub", "wf_000000000000");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_null(engine_find(project->engine, "wf_000000000000"));
}

static void order(struct run_project *project, const char *word)
{
    struct active *active = engine_find(project->engine, project->id);
    struct queued_event *event = event_new(active, EVENT_COMMAND, NULL);

    event->event.command = event_hold(event, json_pack("{s:s}", "do", word));
    engine_post(project->engine, event);
}

/* What the step `r` printed, as if somebody had tidied up. */
static void remove_blob(struct run_project *project)
{
    const char *digest = json_get_text(
        json_object_get(run_project_find(project, "attempt_ended", "r", 0), "output"), "digest",
        "");
    char *path = mem_printf("%s/blobs/%.2s/%s", project->folder, digest, digest + 2);

    assert_int_equal(unlink(path), 0);
    free(path);
}

static bool is_being_made(const struct run_project *project)
{
    const struct active *active = engine_find(project->engine, project->id);
    const struct step_state *step = run_find_step(active->state, "sub");

    return step && step->waiting == WAITING_WORKFLOW && project->engine->pool_jobs > 0 &&
           !project->engine->jobs && !project->engine->queue_head &&
           !engine_find(project->engine, step->child);
}

static void start_until_made(struct run_project *project)
{
    write_inner(project, "{ id: one, run: echo x >>count }");
    run_project_block_pool(project);
    run_project_start(project, outer, NULL);
    run_project_turn_until(project, is_being_made);
}

static bool is_asked(const struct run_project *project)
{
    return engine_find(project->engine, project->id)->state->wish != WISH_NONE;
}

static void a_nested_run_that_comes_late_hears_that_its_parent_is_to_pause(void **state)
{
    struct run_project *project = *state;
    char child[RUN_ID_SIZE];

    for (int stop = 0; stop < 2; stop++) {
        start_until_made(project);
        engine_interrupt(project->engine, stop);
        run_project_turn_until(project, is_asked);
        run_project_unblock_pool(project);
        run_project_go(project);
        find_child(project, child);
        assert_string_equal(run_project_status(project, project->id), "paused");
        assert_string_equal(run_project_status(project, child), "paused");
        assert_false(run_project_has(project, "after"));
        run_project_drop_engine(project);
    }
}

static void a_nested_run_that_a_cancelled_parent_was_to_begin_is_never_made(void **state)
{
    struct run_project *project = *state;
    char child[RUN_ID_SIZE];
    json_t *shown = NULL;

    start_until_made(project);
    find_child(project, child);
    order(project, "cancel");
    run_project_turn_until(project, is_asked);
    run_project_unblock_pool(project);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "cancelled");
    assert_int_equal(run_show(project->store, project->folder, child, &shown, NULL),
                     ERROR_NOT_FOUND);
    run_project_check_tables(project);
}

static void assert_made_once(struct run_project *project)
{
    char *count;

    go_on(project, project->id);
    assert_string_equal(run_project_status(project, project->id), "completed");
    count = run_project_read(project, "count");
    assert_string_equal(count, "x\n");
    free(count);
    run_project_check_tables(project);
}

static void a_run_that_is_lost_while_it_makes_a_nested_one_makes_it_once(void **state)
{
    struct run_project *project = *state;

    start_until_made(project);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    run_project_unblock_pool(project);
    assert_made_once(project);
}

static void
an_engine_that_ends_while_it_makes_a_nested_run_leaves_that_to_the_next_one(void **state)
{
    struct run_project *project = *state;

    start_until_made(project);
    run_project_unblock_pool(project);
    run_project_drop_engine(project);
    assert_made_once(project);
}

static void an_input_that_cannot_be_read_fails_the_step(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\ninputs: { who: { type: string } }\nphases:\n"
                      "  - { id: a, steps: [{ id: one, use: noop }] }\n");
    run_project_start(project,
                      "name: outer\nphases:\n  - id: p\n    steps:\n"
                      "      - { id: r, run: seq 1000 }\n"
                      "      - { id: w, run: 'until [ -e go ]; do sleep 0.02; done' }\n"
                      "      - id: sub\n        workflow: inner\n"
                      "        inputs: { who: '${{ steps.r.output }}' }\n",
                      NULL);
    run_project_go_until(project, "attempt_started", "w");
    remove_blob(project);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_non_null(
        strstr(json_get_text(run_project_find(project, "step_moved", "sub", 0), "error", ""),
               "the output of step r cannot be read"));
}

static void a_nested_run_that_ends_with_a_gate_gives_no_output(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\ngates: { g: { commands: [{ run: 'true' }] } }\nphases:\n"
                      "  - { id: a, steps: [{ id: one, run: echo x }] }\n"
                      "  - { id: b, gate: g }\n");
    assert_string_equal(run_project_run(project, outer), "completed");
    assert_null(json_object_get(run_project_find(project, "step_moved", "sub", 0), "output"));
}

static void an_input_that_cannot_be_evaluated_fails_the_step(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\ninputs: { who: { type: string } }\nphases:\n"
                      "  - { id: a, steps: [{ id: one, use: noop }] }\n");
    assert_string_equal(run_project_run(project,
                                        "name: outer\nphases:\n  - id: p\n    steps:\n"
                                        "      - { id: r, run: 'echo []', format: json }\n"
                                        "      - id: sub\n        workflow: inner\n"
                                        "        inputs: { who: '${{ steps.r.output < 3 }}' }\n"),
                        "paused");
    assert_string_equal(
        json_get_text(run_project_find(project, "step_moved", "sub", 0), "status", ""), "failed");
    assert_int_equal(folder_count(project, ".fermata/workflows"), 1);
}

static void a_nested_run_has_the_strategy_that_its_parent_was_started_with(void **state)
{
    struct run_project *project = *state;
    const struct run_request request = {.strategy = STRATEGY_STATIC};

    write_inner(project, "{ id: one, use: noop }");
    run_project_start(project, outer, &request);
    run_project_go(project);
    find_child(project, project->id);
    assert_string_equal(
        json_get_text(run_project_find(project, "run_created", NULL, 0), "strategy", ""), "static");
}

static void what_a_nested_run_is_asked_twice_at_once_is_read_once(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char child[RUN_ID_SIZE];
    struct active *active;
    int sub;

    start_until_made(project);
    find_child(project, child);
    assert_int_equal(engine_adopt(project->engine, child, &err), ERROR_BUSY);
    assert_non_null(strstr(err.text, "taken over by the run that began it"));
    active = engine_find(project->engine, project->id);
    sub = run_step_index(active->state, run_find_step(active->state, "sub"));
    nested_start(active, sub);
    assert_int_equal(map_count(project->engine->takings), 1);
    /* Nor does one begin of which nothing is known, or which no step waits for. */
    nested_command(active, NULL, "cancel");
    nested_command(active, "wf_000000000000", "cancel");
    nested_start(active, run_step_index(active->state, run_find_step(active->state, "after")));
    assert_int_equal(map_count(project->engine->takings), 1);
    run_project_unblock_pool(project);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    run_project_check_tables(project);
}

static void a_nested_run_that_is_made_for_a_run_that_went_is_told_to_nobody(void **state)
{
    struct run_project *project = *state;

    start_until_made(project);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    run_project_unblock_pool(project);
    run_project_go(project);
    assert_int_equal(project->engine->pool_jobs, 0);
    assert_false(run_project_has(project, "count"));
    assert_made_once(project);
}

static void a_nested_run_at_work_is_ended_where_it_is(void **state)
{
    struct run_project *project = *state;
    char child[RUN_ID_SIZE];

    write_inner(project, "{ id: one, run: 'sleep 600' }");
    run_project_start(project, outer, NULL);
    run_project_go_until(project, "attempt_started", "one");
    find_child(project, child);
    nested_end(engine_find(project->engine, project->id), "sub", child);
    run_project_go(project);
    assert_string_equal(run_project_status(project, child), "cancelled");
}

static int change(struct tx *tx, void *arg, struct error *err)
{
    return tx_run(tx, tx_query(tx, arg), NULL, err);
}

/* A step is skipped whose nested run cannot be ended any more: its step goes without it. */
static void check_skipped(struct run_project *project, const struct query *damage,
                          const char *status)
{
    write_inner(project, "{ id: ok, approve: Really? }");
    assert_string_equal(run_project_run(project, outer), "paused");
    run_project_drop_engine(project);
    assert_int_equal(store_write(project->store, change, (void *)(uintptr_t)damage, NULL), 0);
    assert_asked(project, project->id,
                 json_pack("{s:s, s:s, s:s}", "do", "skip", "step", "sub", "reason", "not today"));
    go_on(project, project->id);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_true(run_project_has(project, "after"));
    assert_string_equal(
        json_get_text(run_project_find(project, "nested_ended", "sub", 0), "status", ""), status);
}

static void a_nested_run_that_is_gone_can_be_skipped(void **state)
{
    static const struct query gone = {"DELETE FROM run WHERE parent IS NOT NULL"};

    check_skipped(*state, &gone, "cancelled");
}

static void a_nested_run_that_cannot_be_read_can_be_skipped(void **state)
{
    static const struct query damaged = {
        "UPDATE journal SET sum = sum + 1"
        " WHERE seq = 2 AND run IN (SELECT id FROM run WHERE parent IS NOT NULL)"};

    check_skipped(*state, &damaged, "failed");
}

static void the_step_that_a_workflow_names_speaks_for_its_run(void **state)
{
    struct run_project *project = *state;
    char *said;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nreport: one\nphases:\n"
                      "  - { id: a, steps: [{ id: one, run: echo first }] }\n"
                      "  - { id: b, steps: [{ id: two, run: echo last }] }\n");
    assert_string_equal(run_project_run(project,
                                        "name: outer\nphases:\n"
                                        "  - { id: p, steps: [{ id: sub, workflow: inner }] }\n"
                                        "  - id: q\n    steps:\n      - id: after\n"
                                        "        env: { SAID: '${{ steps.sub.output }}' }\n"
                                        "        run: 'printf %s \"$SAID\" >said'\n"),
                        "completed");
    said = run_project_read(project, "said");
    assert_non_null(strstr(said, "first"));
    free(said);
}

static void a_nested_run_that_was_left_is_ended_once_its_owner_lets_go(void **state)
{
    struct run_project *project = *state;
    char parent[RUN_ID_SIZE];
    char child[RUN_ID_SIZE];
    int lock = -1;

    write_inner(project, "{ id: ok, approve: Really? }");
    assert_string_equal(run_project_run(project, outer), "paused");
    memcpy(parent, project->id, RUN_ID_SIZE);
    find_child(project, child);
    run_project_drop_engine(project);
    assert_int_equal(run_lock(project->folder, child, &lock, NULL), 0);
    assert_asked(project, parent,
                 json_pack("{s:s, s:s, s:s}", "do", "skip", "step", "sub", "reason", "not today"));
    (void)loop_timer_start(project->loop, 100, close_lock, &lock);
    go_on(project, parent);
    assert_string_equal(run_project_status(project, child), "cancelled");
    assert_string_equal(run_project_status(project, parent), "completed");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_nested_run_is_a_step_with_its_own_journal),
        TEST(inputs_reach_the_nested_run),
        TEST(a_missing_input_fails_the_step),
        TEST(the_texts_of_called_workflows_are_those_of_the_start),
        TEST(a_run_of_before_texts_were_kept_says_so_where_it_would_call),
        TEST(a_text_that_was_lost_fails_the_step),
        TEST(nested_runs_of_one_list_are_all_taken_over_after_a_crash),
        TEST(what_is_passed_on_while_a_nested_run_is_being_read_reaches_it),
        TEST(the_end_of_a_crashed_parent_is_found_by_its_next_owner),
        TEST(a_nested_approval_pauses_both_and_its_answer_lets_both_go_on),
        TEST(a_retry_of_the_parent_reaches_the_step_that_failed_in_the_nested_run),
        TEST(a_resume_that_the_nested_run_refuses_pauses_the_parent_again),
        TEST(a_cancelled_parent_takes_its_paused_nested_run_along),
        TEST(a_cancel_without_an_owner_stops_the_steps_of_nested_runs),
        TEST(a_nested_run_that_ended_is_not_begun_again_behind_its_parent),
        TEST(a_nested_run_that_another_process_carries_is_waited_for),
        TEST(a_skipped_nested_run_is_over_before_its_parent),
        TEST(a_nested_run_that_was_never_begun_is_left_without_a_trace),
        TEST(a_nested_run_that_comes_late_hears_that_its_parent_is_to_pause),
        TEST(a_nested_run_that_a_cancelled_parent_was_to_begin_is_never_made),
        TEST(a_run_that_is_lost_while_it_makes_a_nested_one_makes_it_once),
        TEST(an_engine_that_ends_while_it_makes_a_nested_run_leaves_that_to_the_next_one),
        TEST(an_input_that_cannot_be_read_fails_the_step),
        TEST(a_nested_run_that_ends_with_a_gate_gives_no_output),
        TEST(an_input_that_cannot_be_evaluated_fails_the_step),
        TEST(a_nested_run_has_the_strategy_that_its_parent_was_started_with),
        TEST(what_a_nested_run_is_asked_twice_at_once_is_read_once),
        TEST(a_nested_run_that_is_made_for_a_run_that_went_is_told_to_nobody),
        TEST(a_nested_run_at_work_is_ended_where_it_is),
        TEST(a_nested_run_that_is_gone_can_be_skipped),
        TEST(a_nested_run_that_cannot_be_read_can_be_skipped),
        TEST(the_step_that_a_workflow_names_speaks_for_its_run),
        TEST(a_nested_run_that_was_left_is_ended_once_its_owner_lets_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
