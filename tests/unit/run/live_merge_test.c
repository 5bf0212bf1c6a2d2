/* SPDX-License-Identifier: MIT */
#include "run/live.h"
#include "run/writer.h"
#include "support/full_disk.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define AGENT(script)                                                                              \
    "default_agent: a\nagents:\n  a: { type: command, command: [sh, -c, 'cat >/dev/null; " script  \
    "; echo done'] }\n"
/* The first one ends when the last one has. */
#define WAIT                                                                                       \
    "[ $FERMATA_STEP != a ] || until [ -e $FERMATA_RUN_FOLDER/attempts/c.1/exit.json ]; do "       \
    "sleep 0.01; done; "
#define WORKFLOW                                                                                   \
    "name: w\nconcurrency: 3\ndefaults: { workspace: clone, retry: { attempts: 1 } }\n"            \
    "phases: [{ id: p, mode: parallel, steps: [{ id: a, prompt: go }, { id: b, prompt: go }, "     \
    "{ id: c, prompt: go }] }]\n"

static void clones_come_into_the_project_in_the_order_of_their_steps(void **state)
{
    static const char *const order[] = {"a", "b", "c"};
    struct run_project *project = *state;

    run_project_configure(project, AGENT(WAIT "echo x >$FERMATA_STEP"));
    assert_string_equal(run_project_run(project, WORKFLOW), "completed");
    for (int i = 0; i < 3; i++) {
        const json_t *record = run_project_find(project, "attempt_ended", NULL, i);

        assert_string_equal(json_get_text(record, "step", ""), order[i]);
        assert_int_equal(json_get_integer(json_object_get(record, "files"), "merged", 0), 1);
        assert_true(run_project_has(project, order[i]));
    }
}

static void who_fails_keeps_nobody_waiting(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project,
                          AGENT(WAIT "[ $FERMATA_STEP != a ] || exit 3; echo x >$FERMATA_STEP"));
    assert_string_equal(run_project_run(project, WORKFLOW), "paused");
    assert_false(run_project_has(project, "a"));
    assert_true(run_project_has(project, "b"));
    assert_true(run_project_has(project, "c"));
}

static void what_another_process_left_is_merged_by_the_next(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    run_project_configure(project, AGENT("echo x >$FERMATA_STEP"));
    run_project_start(project, WORKFLOW, NULL);
    run_project_go_until(project, "attempt_started", "c");
    run_project_reopen(project);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_true(run_project_has(project, "a"));
    assert_true(run_project_has(project, "c"));
}

static bool waits_for_its_turn(const struct run_project *project)
{
    size_t cursor = 0;
    const char *key;
    void *value;

    while (map_next(project->engine->live, &cursor, &key, &value)) {
        const struct live_attempt *live = value;

        if (live->is_merge_due && live->turn.value) {
            return true;
        }
    }
    return false;
}

static int hold_files(const struct run_project *project)
{
    const struct writer undo = {
        .store = project->store, .project = project->project, .folder = project->folder};
    int held = -1;

    assert_int_equal(writer_hold(&undo, &held, NULL), 0);
    return held;
}

static void while_an_undo_is_at_work_a_merge_waits(void **state)
{
    struct run_project *project = *state;
    int held = hold_files(project);

    run_project_configure(project, AGENT("echo x >$FERMATA_STEP"));
    run_project_start(project, WORKFLOW, NULL);
    run_project_turn_until(project, waits_for_its_turn);
    assert_false(run_project_has(project, "a"));
    (void)close(held);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_true(run_project_has(project, "a"));
    assert_true(run_project_has(project, "c"));
}

static void a_merge_that_waits_as_its_engine_ends_is_made_by_the_next_one(void **state)
{
    struct run_project *project = *state;
    int held = hold_files(project);
    struct error err = ERROR_INIT;

    run_project_configure(project, AGENT("echo x >>$FERMATA_STEP"));
    run_project_start(project, WORKFLOW, NULL);
    run_project_turn_until(project, waits_for_its_turn);
    run_project_drop_engine(project);
    (void)close(held);
    assert_false(run_project_has(project, "a"));
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    for (const char *name = "abc"; *name; name++) {
        char *text = run_project_read(project, (const char[]){*name, '\0'});

        assert_string_equal(text, "x\n");
        free(text);
    }
}

static void who_asks_something_brings_nothing_yet(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "ask.json",
                      "{\"clarification_needed\": true, \"questions\": [\"Which?\"]}\n");
    run_project_configure(project,
                          "default_agent: a\nagents:\n  a: { type: command, command: [sh, -c, "
                          "'cat >/dev/null; echo x >$FERMATA_STEP; cat ask.json'] }\n");
    assert_string_equal(run_project_run(project, WORKFLOW), "paused");
    assert_false(run_project_has(project, "a"));
    assert_non_null(run_project_find(project, "attempt_ended", "a", 0));
}

static bool has_stalled_or_ended(const struct run_project *project)
{
    enum run_status status = engine_find(project->engine, project->id)->state->status;

    return project->stalls > 0 || status == RUN_PAUSED || status == RUN_COMPLETED;
}

/* Its agent was paid: it is not asked again, only because the disk is full behind it. */
static void a_merge_waits_for_space_and_nobody_is_asked_again(void **state)
{
    struct run_project *project = *state;
    char *filler = full_disk_mount(project->project, "box");

    if (!filler) {
        skip();
    }
    run_project_configure(project, AGENT("seq 1000 >box/$FERMATA_STEP"));
    run_project_start(project, WORKFLOW, NULL);
    run_project_turn_until(project, has_stalled_or_ended);
    assert_int_equal(project->stalls, 1);
    assert_int_equal(run_project_count(project, "attempt_ended", NULL), 0);
    assert_int_equal(unlink(filler), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_started", NULL), 3);
    assert_true(run_project_has(project, "box/a"));
    assert_true(run_project_has(project, "box/c"));
    free(filler);
}

static void a_cancelled_run_waits_for_no_merge(void **state)
{
    struct run_project *project = *state;
    char *filler = full_disk_mount(project->project, "box");
    struct queued_event *event;

    if (!filler) {
        skip();
    }
    run_project_configure(project, AGENT("seq 1000 >box/$FERMATA_STEP"));
    run_project_start(project, WORKFLOW, NULL);
    run_project_turn_until(project, has_stalled_or_ended);
    event = event_new(engine_find(project->engine, project->id), EVENT_COMMAND, NULL);
    event->event.command = event_hold(event, json_pack("{s:s}", "do", "cancel"));
    engine_post(project->engine, event);
    run_project_go(project);
    assert_int_equal(engine_find(project->engine, project->id)->state->status, RUN_CANCELLED);
    assert_int_equal(project->engine->parked, 0);
    assert_false(run_project_has(project, "box/a"));
    free(filler);
}

/* What is mounted goes first. */
static int tear_down(void **state)
{
    struct run_project *project = *state;

    full_disk_unmount(project->project, "box");
    return run_project_tear_down(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(clones_come_into_the_project_in_the_order_of_their_steps),
        CASE(who_fails_keeps_nobody_waiting),
        CASE(while_an_undo_is_at_work_a_merge_waits),
        CASE(a_merge_that_waits_as_its_engine_ends_is_made_by_the_next_one),
        CASE(who_asks_something_brings_nothing_yet),
        CASE(what_another_process_left_is_merged_by_the_next),
        CASE(a_merge_waits_for_space_and_nobody_is_asked_again),
        CASE(a_cancelled_run_waits_for_no_merge),
    };

    full_disk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
