/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char workflow_text[] =
    "name: w\n"
    "phases:\n"
    "  - id: a\n"
    "    steps:\n"
    "      - { id: one, run: echo 1, reuse: inputs }\n"
    "      - { id: many, foreach: [1, 2], run: echo, reuse: inputs }\n"
    "  - { id: b, steps: [{ id: two, run: exit 3, reuse: inputs, retry: { attempts: 2, delay: 1ms "
    "} }] }\n";

static int change(struct tx *tx, void *arg, struct error *err)
{
    return tx_run(tx, tx_query(tx, arg), NULL, err);
}

static void damage(struct run_project *project, const struct query *query)
{
    struct error err = ERROR_INIT;

    if (store_write(project->store, change, (void *)query, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static json_t *rebuild(struct run_project *project, bool repair)
{
    struct error err = ERROR_INIT;
    json_t *report = NULL;

    if (run_rebuild(project->store, project->folder, repair, &report, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return report;
}

/* The only difference that is found; "" when there is none. free() it. */
static char *difference(struct run_project *project, bool repair)
{
    json_t *report = rebuild(project, repair);
    const json_t *list = json_object_get(report, "differences");
    char *text;

    assert_true(json_array_size(list) < 2);
    text = mem_strdup(json_array_size(list) ? json_string_value(json_array_get(list, 0)) : "");
    json_decref(report);
    return text;
}

static void check_repair(struct run_project *project, const struct query *query, const char *told)
{
    char *text;

    damage(project, query);
    for (int i = 0; i < 2; i++) {
        text = difference(project, i == 1);
        if (!strstr(text, told)) {
            fail_msg("after \"%s\" it said \"%s\"", query->sql, text);
        }
        free(text);
    }
    text = difference(project, false);
    assert_string_equal(text, "");
    free(text);
}

static void what_the_engine_wrote_agrees_with_its_journal(void **state)
{
    json_t *report;

    assert_string_equal(run_project_run(*state, workflow_text), "paused");
    report = rebuild(*state, false);
    assert_int_equal(json_array_size(json_object_get(report, "differences")), 0);
    assert_int_equal(json_get_integer(report, "runs", 0), 1);
    assert_true(json_get_integer(report, "records", 0) > 20);
    json_decref(report);
}

static void every_changed_column_is_found_and_repaired(void **state)
{
    static const struct query damages[] = {
        {"UPDATE run SET status = 'completed'"},
        {"UPDATE run SET workflow = 'v'"},
        {"UPDATE run SET label = 'x'"},
        {"UPDATE run SET created_at = 1"},
        {"UPDATE run SET digest = 'x'"},
        {"UPDATE step SET status = 'running' WHERE key = 'one'"},
        {"UPDATE step SET output = '{}' WHERE key = 'one'"},
        {"UPDATE step SET parts = NULL WHERE key = 'one'"},
        {"UPDATE step SET phase = 'b' WHERE key = 'many[1]'"},
        {"UPDATE step SET attempts = 1 WHERE key = 'two'"},
        {"UPDATE step SET class = NULL WHERE key = 'two'"},
    };
    static const char *const told[] = {
        "the row of the run", "the row of the run",  "the row of the run",  "the row of the run",
        "the row of the run", "the row of step one", "the row of step one", "the row of step one",
        "of step many[1]",    "the row of step two", "the row of step two",
    };

    (void)run_project_run(*state, workflow_text);
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        check_repair(*state, &damages[i], told[i]);
    }
}

static void missing_and_surplus_rows_are_found_and_repaired(void **state)
{
    static const struct query damages[] = {
        {"DELETE FROM run"},
        {"DELETE FROM step WHERE key = 'many[0]'"},
        {"INSERT INTO step SELECT run, 'ghost', phase, status, class, error, digest, parts, output,"
         " artifacts, attempts, started_at, ended_at, reused FROM step WHERE key = 'one'"},
        {"INSERT INTO step SELECT 'wf_000000000000', key, phase, status, class, error, digest,"
         " parts, output, artifacts, attempts, started_at, ended_at, reused FROM step"
         " WHERE key = 'one'"},
    };
    static const char *const told[] = {"the row of the run is missing",
                                       "the row of step many[0] is missing",
                                       "the row of step ghost has nothing in the journal",
                                       "the row of step one has nothing in the journal"};

    (void)run_project_run(*state, workflow_text);
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        check_repair(*state, &damages[i], told[i]);
    }
}

static void a_reset_phase_agrees_whatever_its_steps_were(void **state)
{
    static const char text[] = "name: w\n"
                               "phases:\n"
                               "  - { id: a, steps: [{ id: one, run: echo 1 }] }\n"
                               "  - id: b\n"
                               "    steps:\n"
                               "      - { id: skipped, when: 'false', run: echo }\n"
                               "      - { id: many, foreach: [1, 2], run: echo, reuse: inputs }\n"
                               "      - { id: two, run: echo 2, reuse: inputs }\n";
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *answer;
    json_t *shown = NULL;
    char *same;

    assert_string_equal(run_project_run(project, text), "completed");
    assert_string_equal(run_project_run(project, text), "completed");
    run_project_drop_engine(project);
    answer = run_project_ask(project, project->id,
                             json_pack("{s:s, s:s}", "do", "restore", "checkpoint", "a"), &err);
    assert_non_null(answer);
    json_decref(answer);
    same = difference(project, false);
    assert_string_equal(same, "");
    free(same);
    /* A step that was taken over and then reset is pending in the table as well. */
    assert_int_equal(run_explain(project->store, project->id, "two", &shown, &err), 0);
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(shown, "steps"), 0), "status", ""), "pending");
    json_decref(shown);
}

static void a_journal_that_cannot_be_folded_is_told_and_left_alone(void **state)
{
    static const struct query gap = {"DELETE FROM journal WHERE seq = 5"};
    struct run_project *project = *state;
    json_t *report;

    (void)run_project_run(project, workflow_text);
    damage(project, &gap);
    for (int i = 0; i < 2; i++) {
        report = rebuild(project, true);
        assert_int_equal(json_array_size(json_object_get(report, "differences")), 0);
        assert_int_equal(json_array_size(json_object_get(report, "failures")), 1);
        assert_non_null(
            strstr(json_string_value(json_array_get(json_object_get(report, "failures"), 0)),
                   "its number does not follow"));
        json_decref(report);
    }
}

static void a_journal_without_its_beginning_is_told_and_left_alone(void **state)
{
    static const struct query first = {"DELETE FROM journal WHERE seq = 1"};
    struct run_project *project = *state;
    json_t *report;

    (void)run_project_run(project, workflow_text);
    damage(project, &first);
    report = rebuild(project, true);
    assert_non_null(strstr(
        json_string_value(json_array_get(json_object_get(report, "failures"), 0)), "no beginning"));
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_engine_wrote_agrees_with_its_journal,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(every_changed_column_is_found_and_repaired,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(missing_and_surplus_rows_are_found_and_repaired,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_reset_phase_agrees_whatever_its_steps_were,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_journal_without_its_beginning_is_told_and_left_alone,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_journal_that_cannot_be_folded_is_told_and_left_alone,
                                        run_project_set_up, run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
