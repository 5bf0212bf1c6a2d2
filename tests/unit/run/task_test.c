/* SPDX-License-Identifier: MIT */
#include "run/task.h"

#include "base/alloc.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char good[] = "name: good\nphases: [{ id: a, steps: [{ id: s, use: noop }] }]\n";
static const char sleeping[] =
    "name: sleeping\nphases: [{ id: a, steps: [{ id: s, run: sleep 0.01 }] }]\n";
static const char bad[] =
    "name: bad\non_failure: fail\nphases: [{ id: a, steps: [{ id: s, use: fail }] }]\n";
static const char asking[] =
    "name: asking\nphases: [{ id: a, steps: [{ id: s, approve: \"Good?\" }] }]\n";
static const char calling[] =
    "name: calling\nphases: [{ id: a, steps: [{ id: s, workflow: inner }] }]\n";

static void add(struct run_project *project, uint64_t bits, const char *origin,
                char ret_id[TASK_ID_SIZE])
{
    json_t *metadata = json_pack("{s:s}", "area", "auth");
    struct task_request request = {.random_bits = bits,
                                   .now_ms = (int64_t)bits,
                                   .description = "Log in",
                                   .metadata = metadata,
                                   .origin = origin};

    assert_int_equal(task_add(project->store, &request, ret_id, NULL), 0);
    json_decref(metadata);
}

static void run_for(struct run_project *project, const char *text, const char *task_id)
{
    struct run_request request = {.task = "Log in", .task_id = task_id};

    run_project_start(project, text, &request);
    run_project_go(project);
    run_project_check_tables(project);
    run_project_drop_engine(project);
}

static void check_status(struct run_project *project, const char *id, const char *expected)
{
    json_t *task = NULL;

    assert_int_equal(task_show(project->store, id, &task, NULL), 0);
    assert_string_equal(json_get_text(task, "status", ""), expected);
    json_decref(task);
}

static size_t count(struct run_project *project, const struct task_filter *filter)
{
    json_t *list = NULL;
    size_t found;

    assert_int_equal(task_list(project->store, filter, &list, NULL), 0);
    found = json_array_size(json_object_get(list, "tasks"));
    json_decref(list);
    return found;
}

static void a_run_without_a_task_is_its_own(void **state)
{
    struct run_project *project = *state;
    char id[TASK_ID_SIZE];
    char found[TASK_ID_SIZE];
    json_t *task = NULL;

    run_for(project, good, NULL);
    task_id_of_run(project->id, id);
    assert_int_equal(task_resolve(project->store, project->id, found, NULL), 0);
    assert_string_equal(found, id);
    assert_int_equal(task_resolve(project->store, "last", found, NULL), 0);
    assert_string_equal(found, id);
    assert_int_equal(task_show(project->store, id, &task, NULL), 0);
    assert_string_equal(json_get_text(task, "description", ""), "Log in");
    assert_string_equal(json_get_text(task, "status", ""), "completed");
    assert_int_equal(json_array_size(json_object_get(task, "runs")), 1);
    json_decref(task);
    assert_int_equal(task_show(project->store, "task_0", &task, NULL), ERROR_NOT_FOUND);
}

static void the_status_is_that_of_the_runs(void **state)
{
    struct run_project *project = *state;
    char id[TASK_ID_SIZE];

    add(project, 77, NULL, id);
    check_status(project, id, "pending");
    run_for(project, bad, id);
    check_status(project, id, "failed");
    project->clock_shift_ms += 1000;
    run_for(project, asking, id);
    check_status(project, id, "in_progress");
    json_decref(run_project_ask(project, project->id, json_pack("{s:s}", "do", "cancel"), NULL));
    check_status(project, id, "cancelled");
    project->clock_shift_ms += 1000;
    run_for(project, good, id);
    check_status(project, id, "completed");
}

/* What it began is part of what it was for. */
static void a_nested_run_is_no_task(void **state)
{
    struct run_project *project = *state;
    struct task_filter all = {.limit = 10};

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: a, steps: [{ id: s, use: noop }] }]\n");
    run_for(project, calling, NULL);
    assert_int_equal(count(project, &all), 1);
}

static void lists_are_filtered_and_paged(void **state)
{
    struct run_project *project = *state;
    json_t *metadata = json_pack("{s:s}", "area", "auth");
    json_t *other = json_pack("{s:s}", "area", "log");
    struct task_filter filter = {.limit = 1};
    char old[TASK_ID_SIZE];
    char new[TASK_ID_SIZE];
    json_t *list = NULL;

    add(project, 77, NULL, old);
    add(project, 78, NULL, new);
    run_for(project, good, NULL);
    assert_int_equal(task_list(project->store, &filter, &list, NULL), 0);
    filter.before = json_get_text(list, "next", NULL);
    assert_int_equal(count(project, &filter), 1);
    filter.limit = 10;
    assert_int_equal(count(project, &filter), 2);
    json_decref(list);
    filter.before = old;
    assert_int_equal(count(project, &filter), 0);
    filter = (struct task_filter){.limit = 10, .metadata = metadata};
    assert_int_equal(count(project, &filter), 2);
    filter.metadata = other;
    assert_int_equal(count(project, &filter), 0);
    filter = (struct task_filter){.limit = 10, .status = "completed"};
    assert_int_equal(count(project, &filter), 1);
    json_decref(metadata);
    json_decref(other);
}

static void only_what_was_not_begun_is_cancelled(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char id[TASK_ID_SIZE];

    add(project, 77, NULL, id);
    assert_int_equal(task_cancel(project->store, id, 1, NULL), 0);
    check_status(project, id, "cancelled");
    run_for(project, asking, id);
    assert_int_equal(task_cancel(project->store, id, 1, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.hint, project->id));
    assert_int_equal(task_cancel(project->store, "task_0", 1, &err), ERROR_NOT_FOUND);
}

static void the_mean_is_that_of_completed_tasks(void **state)
{
    struct run_project *project = *state;
    json_t *statistics = NULL;
    char id[TASK_ID_SIZE];

    add(project, 77, NULL, id);
    assert_int_equal(task_statistics(project->store, &statistics, NULL), 0);
    assert_null(json_object_get(statistics, "mean_duration_ms"));
    json_decref(statistics);
    run_for(project, good, id);
    run_for(project, bad, NULL);
    assert_int_equal(task_statistics(project->store, &statistics, NULL), 0);
    assert_int_equal(json_get_integer(statistics, "total", 0), 2);
    assert_int_equal(json_get_integer(json_object_get(statistics, "status"), "failed", 0), 1);
    assert_int_equal(json_get_integer(json_object_get(statistics, "status"), "pending", 9), 0);
    assert_true(json_is_integer(json_object_get(statistics, "mean_duration_ms")));
    json_decref(statistics);
}

/* Whatever `gc` or a clean-up removes: no task comes to be pending again by it. */
static void a_task_goes_with_its_last_run(void **state)
{
    struct run_project *project = *state;
    struct task_filter all = {.limit = 10};
    json_t *found = NULL;
    json_t *report = NULL;
    char id[TASK_ID_SIZE];
    char open[TASK_ID_SIZE];
    char pending[TASK_ID_SIZE];

    add(project, 77, NULL, id);
    add(project, 78, NULL, open);
    add(project, 79, NULL, pending);
    run_for(project, bad, id);
    run_for(project, good, id);
    run_for(project, asking, open);
    assert_int_equal(task_find_ended(project->store, 1, &found, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(found, "tasks")), 0);
    json_decref(found);
    assert_int_equal(task_find_ended(project->store, 0, &found, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(found, "tasks")), 2);
    assert_int_equal(json_array_size(json_object_get(found, "runs")), 2);
    assert_int_equal(json_get_integer(found, "kept", 0), 1);
    assert_int_equal(
        run_collect_runs(&project->options, json_object_get(found, "runs"), false, &report, NULL),
        0);
    assert_int_equal(json_get_integer(report, "runs", 0), 2);
    json_decref(report);
    check_status(project, pending, "pending");
    assert_int_equal(task_remove(project->store, json_object_get(found, "tasks"), NULL), 0);
    json_decref(found);
    assert_int_equal(count(project, &all), 1);
    check_status(project, open, "in_progress");
}

static void what_a_task_was_noted_for_finds_it_until_it_is_settled(void **state)
{
    struct run_project *project = *state;
    json_t *origins = json_pack("[s]", "prd#1");
    json_t *task = NULL;
    int64_t mean = -1;
    char id[TASK_ID_SIZE];

    assert_int_equal(task_find_origin(project->store, "prd#1", &task, NULL), 0);
    assert_null(task);
    add(project, 77, "prd#1", id);
    assert_int_equal(task_find_origin(project->store, "prd#1", &task, NULL), 0);
    assert_string_equal(json_get_text(task, "id", ""), id);
    json_decref(task);
    assert_int_equal(task_mean_duration(project->store, "prd#", &mean, NULL), 0);
    assert_int_equal(mean, 0);
    run_for(project, sleeping, id);
    assert_int_equal(task_mean_duration(project->store, "prd#", &mean, NULL), 0);
    assert_true(mean > 0);
    assert_int_equal(task_mean_duration(project->store, "other#", &mean, NULL), 0);
    assert_int_equal(mean, 0);
    assert_int_equal(task_settle(project->store, origins, 5, NULL), 0);
    json_decref(origins);
    assert_int_equal(task_find_origin(project->store, "prd#1", &task, NULL), 0);
    assert_null(task);
}

static int tear_metadata(struct tx *tx, void *arg, struct error *err)
{
    static const struct query query = {"UPDATE task SET metadata = '[' WHERE id = ?1"};
    struct statement *statement = tx_query(tx, &query);

    bind_text(statement, 1, arg);
    return tx_run(tx, statement, NULL, err);
}

static void metadata_that_cannot_be_read_hides_no_task(void **state)
{
    struct run_project *project = *state;
    char id[TASK_ID_SIZE];
    json_t *task = NULL;

    add(project, 77, NULL, id);
    assert_int_equal(task_show(project->store, id, &task, NULL), 0);
    assert_string_equal(json_get_text(json_object_get(task, "metadata"), "area", ""), "auth");
    json_decref(task);
    assert_int_equal(store_write(project->store, tear_metadata, id, NULL), 0);
    assert_int_equal(task_show(project->store, id, &task, NULL), 0);
    assert_string_equal(json_get_text(task, "description", ""), "Log in");
    assert_null(json_object_get(task, "metadata"));
    json_decref(task);
}

static void a_beginning_names_a_task_where_it_is_the_only_one(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char old[TASK_ID_SIZE];
    char new[TASK_ID_SIZE];
    char found[TASK_ID_SIZE] = "untouched";

    assert_int_equal(task_resolve(project->store, "last", found, &err), ERROR_NOT_FOUND);
    add(project, 1 + 32, NULL, old); /* its id begins with the lowest digits, of base 32 */
    add(project, 1 + 64, NULL, new);
    assert_int_equal(task_resolve(project->store, old, found, NULL), 0);
    assert_string_equal(found, old);
    assert_int_equal(task_resolve(project->store, new + strlen(TASK_ID_PREFIX), found, NULL), 0);
    assert_string_equal(found, new);
    assert_int_equal(task_resolve(project->store, "1", found, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "\"1\" is the beginning of several tasks"));
    assert_int_equal(task_resolve(project->store, "zz", found, &err), ERROR_NOT_FOUND);
    assert_string_equal(found, new);
}

static void a_beginning_of_several_runs_names_no_task(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char found[TASK_ID_SIZE];

    run_for(project, good, NULL);
    run_for(project, good, NULL);
    assert_int_equal(task_resolve(project->store, "wf_", found, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "several runs"));
}

static void what_has_ended_is_not_cancelled(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char id[TASK_ID_SIZE];

    add(project, 77, NULL, id);
    run_for(project, good, id);
    assert_int_equal(task_cancel(project->store, id, 1, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "is completed already"));
    check_status(project, id, "completed");
}

#define TEST_OF(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(a_run_without_a_task_is_its_own),
        TEST_OF(the_status_is_that_of_the_runs),
        TEST_OF(a_nested_run_is_no_task),
        TEST_OF(lists_are_filtered_and_paged),
        TEST_OF(only_what_was_not_begun_is_cancelled),
        TEST_OF(the_mean_is_that_of_completed_tasks),
        TEST_OF(a_task_goes_with_its_last_run),
        TEST_OF(what_a_task_was_noted_for_finds_it_until_it_is_settled),
        TEST_OF(metadata_that_cannot_be_read_hides_no_task),
        TEST_OF(a_beginning_names_a_task_where_it_is_the_only_one),
        TEST_OF(a_beginning_of_several_runs_names_no_task),
        TEST_OF(what_has_ended_is_not_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
