/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "run/own.h"

#include "base/file.h"
#include "support/run_project.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "name: w\n"
                           "phases:\n"
                           "  - { id: a, steps: [{ id: one, use: noop }] }\n"
                           "  - { id: b, steps: [{ id: two, use: noop }] }\n";

static void runs_of_one_text_go_on_side_by_side(void **state)
{
    struct run_project *project = *state;
    char first[RUN_ID_SIZE];
    json_t *shown;

    run_project_start(project, text, NULL);
    memcpy(first, project->id, RUN_ID_SIZE);
    assert_string_equal(run_project_run(project, text), "completed");
    assert_string_equal(run_project_status(project, first), "completed");
    shown = engine_show(project->engine, first);
    assert_string_equal(json_get_text(shown, "status", ""), "completed");
    json_decref(shown);
    run_project_check_tables(project);
}

static void a_run_whose_definition_is_shared_can_be_adopted(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char first[RUN_ID_SIZE];

    run_project_start(project, text, NULL);
    memcpy(first, project->id, RUN_ID_SIZE);
    run_project_reopen(project);
    run_project_start(project, text, NULL);
    assert_int_equal(run_project_adopt(project, first, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, first), "completed");
    run_project_check_tables(project);
}

static const char name[] = "wf_zzzzzzzzzzzz";
static const char neighbour[] = "wf_yzzzzzzzzzzz";

static void a_run_has_one_owner_and_looking_does_not_keep_it(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    int first = -1;
    int second = -1;

    assert_false(run_is_locked(project->folder, name));
    assert_int_equal(run_lock(project->folder, name, &first, &err), 0);
    assert_true(run_is_locked(project->folder, name));
    assert_int_equal(run_lock(project->folder, name, &second, &err), ERROR_BUSY);
    (void)close(first);
    assert_false(run_is_locked(project->folder, name));
    assert_int_equal(run_lock(project->folder, name, &second, &err), 0);
    (void)close(second);
    /* Its neighbour in the file is another run. */
    assert_int_equal(run_lock(project->folder, name, &first, &err), 0);
    assert_false(run_is_locked(project->folder, neighbour));
    assert_int_equal(run_lock(project->folder, neighbour, &second, &err), 0);
    (void)close(first);
    assert_true(run_is_locked(project->folder, neighbour));
    (void)close(second);
    assert_int_equal(run_lock("/nowhere", name, &second, &err), ERROR_NOT_FOUND);
    assert_false(run_is_locked("/nowhere", name));
}

static void an_owner_that_waits_for_space_can_be_told_from_one_at_work(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    int lock = -1;

    assert_int_equal(run_find_owner(project->folder, name), OWNER_NONE);
    assert_int_equal(run_lock(project->folder, name, &lock, &err), 0);
    assert_int_equal(run_find_owner(project->folder, name), OWNER_AT_WORK);
    run_lock_note_wait(lock, name, true);
    assert_int_equal(run_find_owner(project->folder, name), OWNER_WAITS_FOR_SPACE);
    run_lock_note_wait(lock, name, false);
    assert_int_equal(run_find_owner(project->folder, name), OWNER_AT_WORK);
    run_lock_note_wait(lock, name, true);
    (void)close(lock);
    assert_int_equal(run_find_owner(project->folder, name), OWNER_NONE);
}

static void a_run_that_another_process_owns_is_not_taken(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    int lock = -1;

    assert_string_equal(run_project_run(project, text), "completed");
    run_project_drop_engine(project);
    assert_int_equal(run_lock(project->folder, project->id, &lock, &err), 0);
    assert_int_equal(run_project_adopt(project, project->id, &err), ERROR_BUSY);
    (void)close(lock);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
}

static void *hold_for_a_moment(void *arg)
{
    const struct timespec moment = {.tv_nsec = 50000000};

    /* A command that changes the run, as far as the lock can tell. */
    (void)nanosleep(&moment, NULL);
    (void)close(*(int *)arg);
    return NULL;
}

static void an_owner_waits_for_a_command_that_is_being_obeyed(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    pthread_t holder;
    int lock = -1;

    run_project_start(project, text, NULL);
    run_project_drop_engine(project);
    assert_int_equal(run_lock(project->folder, project->id, &lock, &err), 0);
    assert_int_equal(pthread_create(&holder, NULL, hold_for_a_moment, &lock), 0);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    assert_int_equal(pthread_join(holder, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void an_unknown_run_is_not_found(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(run_project_adopt(project, "wf_000000000000", &err), ERROR_NOT_FOUND);
}

static const struct query q_damage = {
    "UPDATE journal SET body = '{\"status\":\"dancing\"}' WHERE run = ?1 AND kind = 'run_moved'"};

static int damage(struct tx *tx, void *arg, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_damage);

    bind_text(statement, 1, arg);
    return tx_run(tx, statement, NULL, err);
}

static void a_damaged_journal_is_refused_with_its_record(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    assert_string_equal(run_project_run(project, text), "completed");
    run_project_drop_engine(project);
    assert_int_equal(store_write(project->store, damage, project->id, &err), 0);
    assert_int_equal(run_project_adopt(project, project->id, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "record 2 (run_moved)"));
}

static void a_run_keeps_the_text_that_it_started_with(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char *kept = NULL;

    assert_string_equal(run_project_run(project, text), "completed");
    assert_int_equal(run_workflow_text(project->store, project->folder, project->id, &kept, &err),
                     0);
    assert_string_equal(kept, text);
    free(kept);
}

static void a_lost_run_is_let_go_also_when_nobody_is_told(void **state)
{
    struct run_project *project = *state;

    project->options.on_lost = NULL;
    run_project_start(project,
                      "name: w\nphases: [{ id: p, steps: [{ id: s, run: 'until [ -e go ]; do sleep "
                      "0.01; done' }] }]\n",
                      NULL);
    run_project_go_until(project, "attempt_started", "s");
    active_lose(engine_find(project->engine, project->id), "another process took it");
    run_project_go(project);
    assert_null(engine_find(project->engine, project->id));
    assert_false(run_is_locked(project->folder, project->id));
    run_project_write(project, "go", "");
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

/* ---- what cannot begin ---- */

#define OTHER_RUN "wf_000000000009"

static int create(struct run_project *project, const char *run_id, struct error *err)
{
    struct workflow *workflow = run_project_parse(
        "name: other\nphases: [{ id: p, steps: [{ id: s, use: noop }] }]\n");
    struct run_request request = {.workflow = workflow};
    struct active *active = NULL;
    int r = active_create(project->engine, run_id, &request, &active, err);

    workflow_free(workflow);
    assert_null(active);
    return r;
}

static void make_engine(struct run_project *project)
{
    assert_string_equal(
        run_project_run(project, "name: w\nphases: [{ id: p, steps: [{ id: s, use: noop }] }]\n"),
        "completed");
}

static void a_run_that_another_process_holds_is_not_created_and_keeps_its_folder(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    int lock = -1;

    make_engine(project);
    run_project_write(project, ".fermata/workflows/" OTHER_RUN "/kept", "x");
    assert_int_equal(run_lock(project->folder, OTHER_RUN, &lock, &err), 0);
    assert_int_equal(create(project, OTHER_RUN, &err), ERROR_BUSY);
    assert_true(run_project_has(project, ".fermata/workflows/" OTHER_RUN "/kept"));
    assert_null(engine_find(project->engine, OTHER_RUN));
    (void)close(lock);
}

static void a_run_whose_workflow_cannot_be_kept_is_not_created(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    make_engine(project);
    assert_int_equal(file_remove_tree(project->engine->blobs, &err), 0);
    run_project_write(project, ".fermata/blobs", "in the way");
    assert_true(create(project, OTHER_RUN, &err) < 0);
    assert_false(run_is_locked(project->folder, OTHER_RUN));
    assert_null(engine_find(project->engine, OTHER_RUN));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(runs_of_one_text_go_on_side_by_side),
        TEST(a_run_whose_definition_is_shared_can_be_adopted),
        TEST(a_run_has_one_owner_and_looking_does_not_keep_it),
        TEST(an_owner_that_waits_for_space_can_be_told_from_one_at_work),
        TEST(a_run_that_another_process_owns_is_not_taken),
        TEST(an_owner_waits_for_a_command_that_is_being_obeyed),
        TEST(an_unknown_run_is_not_found),
        TEST(a_damaged_journal_is_refused_with_its_record),
        TEST(a_run_keeps_the_text_that_it_started_with),
        TEST(a_lost_run_is_let_go_also_when_nobody_is_told),
        TEST(a_run_that_another_process_holds_is_not_created_and_keeps_its_folder),
        TEST(a_run_whose_workflow_cannot_be_kept_is_not_created),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
