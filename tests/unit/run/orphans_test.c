/* SPDX-License-Identifier: MIT */
#include "run/query.h"

#include "support/orphan.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char outer[] = "name: outer\nphases:\n"
                            "  - { id: p, steps: [{ id: sub, workflow: inner }] }\n";

static void find_child(const struct run_project *project, char ret_child[RUN_ID_SIZE])
{
    (void)snprintf(ret_child, RUN_ID_SIZE, "%s",
                   json_get_text(run_project_find(project, "step_waiting", "sub", 0), "child", ""));
}

/* Both are paused, and nobody owns them. */
static void make_family(struct run_project *project, char ret_child[RUN_ID_SIZE])
{
    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases:\n"
                      "  - { id: a, steps: [{ id: ok, approve: Really? }] }\n");
    assert_string_equal(run_project_run(project, outer), "paused");
    find_child(project, ret_child);
    run_project_drop_engine(project);
}

static size_t count_found(struct run_project *project)
{
    json_t *ids = NULL;
    size_t count;

    assert_int_equal(run_find_orphans(project->store, &ids, NULL), 0);
    count = json_array_size(ids);
    json_decref(ids);
    return count;
}

static void only_what_is_left_under_an_ended_run_is_found_and_it_is_cancelled(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char child[RUN_ID_SIZE];
    json_t *report = NULL;

    make_family(project, child);
    assert_int_equal(count_found(project), 0);
    orphan_make(project->store, project->folder, project->id);
    assert_int_equal(count_found(project), 1);
    assert_int_equal(run_cancel_orphans(&project->options, &report, &err), 0);
    assert_int_equal(json_array_size(json_object_get(report, "failures")), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(report, "cancelled"), 0)),
                        child);
    json_decref(report);
    assert_int_equal(count_found(project), 0);
    assert_string_equal(run_project_status(project, child), "cancelled");
    run_project_check_tables(project);
}

static void nothing_but_a_cancel_is_asked_of_it(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char child[RUN_ID_SIZE];
    json_t *answer;

    make_family(project, child);
    orphan_make(project->store, project->folder, project->id);
    assert_null(run_project_ask(project, child,
                                json_pack("{s:s, s:s}", "do", "approve", "step", "ok"), &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "the run around it is failed"));
    assert_non_null(strstr(err.hint, "fermata cancel wf_"));
    assert_string_equal(run_project_status(project, child), "paused");
    answer = run_project_ask(project, child, json_pack("{s:s}", "do", "cancel"), &err);
    assert_string_equal(json_get_text(answer, "status", ""), "cancelled");
    json_decref(answer);
}

static void one_that_still_runs_is_not_taken_over_but_can_be_cancelled(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char child[RUN_ID_SIZE];
    json_t *answer;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases:\n"
                      "  - { id: a, steps: [{ id: one, run: sleep 600 }, { id: two, run: 'true' }] "
                      "}\n");
    run_project_start(project, outer, NULL);
    run_project_go_until(project, "attempt_started", "one");
    find_child(project, child);
    run_project_drop_engine(project);
    orphan_make(project->store, project->folder, project->id);
    assert_int_equal(run_project_adopt(project, child, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "the run around it is failed"));
    assert_non_null(strstr(err.hint, "fermata cancel wf_"));
    assert_string_equal(run_project_status(project, child), "running");
    run_project_drop_engine(project);
    answer = run_project_ask(project, child, json_pack("{s:s}", "do", "cancel"), &err);
    assert_string_equal(json_get_text(answer, "status", ""), "cancelled");
    json_decref(answer);
}

static int remove_run(struct tx *tx, void *arg, struct error *err)
{
    static const struct query query = {"DELETE FROM run WHERE id = ?1"};
    struct statement *statement = tx_query(tx, &query);

    bind_text(statement, 1, arg);
    return tx_run(tx, statement, NULL, err);
}

static void what_is_left_under_a_run_that_is_gone_is_one_too(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char child[RUN_ID_SIZE];
    json_t *report = NULL;

    make_family(project, child);
    assert_int_equal(store_write(project->store, remove_run, project->id, NULL), 0);
    assert_null(run_project_ask(project, child,
                                json_pack("{s:s, s:s}", "do", "approve", "step", "ok"), &err));
    assert_non_null(strstr(err.text, "the run around it is gone"));
    assert_int_equal(run_cancel_orphans(&project->options, &report, &err), 0);
    assert_int_equal(json_array_size(json_object_get(report, "cancelled")), 1);
    json_decref(report);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_what_is_left_under_an_ended_run_is_found_and_it_is_cancelled),
        TEST(what_is_left_under_a_run_that_is_gone_is_one_too),
        TEST(nothing_but_a_cancel_is_asked_of_it),
        TEST(one_that_still_runs_is_not_taken_over_but_can_be_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
