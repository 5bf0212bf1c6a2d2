/* SPDX-License-Identifier: MIT */
#include "run/live.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AGENT                                                                                      \
    "default_agent: a\nagents:\n  a: { type: command, command: [sh, -c, 'cat >/dev/null; echo x "  \
    ">>asked; echo done'] }\n"
#define WORKFLOW(checks)                                                                           \
    "name: w\ngates: { g: { commands: [" checks "] } }\n"                                          \
    "phases: [{ id: p, steps: [{ id: s, prompt: go, workspace: clone, gate: g, retry: { "          \
    "attempts: 1 } }] }]\n"

static const json_t *gate_of(struct run_project *project)
{
    const json_t *record = run_project_find(project, "attempt_ended", NULL, 0);

    return json_object_get(json_object_get(record, "files"), "gate");
}

static void what_passes_in_the_clone_is_merged_behind_it(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    assert_string_equal(
        run_project_run(project, WORKFLOW("{ run: test -e asked -a ! -e "
                                          "$FERMATA_PROJECT/asked }, { run: 'true' }")),
        "completed");
    assert_true(run_project_has(project, "asked"));
    assert_string_equal(json_get_text(gate_of(project), "verdict", ""), "pass");
    assert_int_equal(json_array_size(json_object_get(gate_of(project), "checks")), 2);
}

static void the_first_check_that_does_not_pass_ends_it_and_nothing_is_merged(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    assert_string_equal(run_project_run(project, WORKFLOW("{ run: exit 3 }, { run: 'true' }")),
                        "paused");
    assert_false(run_project_has(project, "asked"));
    assert_string_equal(json_get_text(gate_of(project), "verdict", ""), "fail");
    assert_int_equal(json_array_size(json_object_get(gate_of(project), "checks")), 1);
}

static void what_proves_nothing_lets_nothing_through(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT);
    assert_string_equal(run_project_run(project, WORKFLOW("{ run: echo, tests_min: 1 }")),
                        "paused");
    assert_false(run_project_has(project, "asked"));
    assert_string_equal(json_get_text(gate_of(project), "verdict", ""), "unknown");
}

static bool is_at_work(const struct run_project *project)
{
    return run_project_has(project, "begun");
}

static void a_check_at_work_as_its_engine_ends_is_watched_by_the_next_one(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char *text;

    run_project_configure(project, AGENT);
    run_project_start(project,
                      WORKFLOW("{ run: 'echo x >>$FERMATA_PROJECT/first' }, { run: 'echo x "
                               ">>$FERMATA_PROJECT/begun; until [ -e $FERMATA_PROJECT/go ]; do "
                               "sleep 0.01; done' }"),
                      NULL);
    run_project_turn_until(project, is_at_work);
    run_project_drop_engine(project);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    for (size_t i = 0; i < 3; i++) {
        text = run_project_read(project, ((const char *[]){"asked", "first", "begun"})[i]);
        assert_string_equal(text, "x\n");
        free(text);
    }
}

static void a_check_that_never_began_is_begun_in_a_folder_of_its_own(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: [sh, "
                                   "-c, 'cat >/dev/null; mkdir -p $FERMATA_RUN_FOLDER/attempts/s.1/"
                                   "gate/1.1; echo x >>asked; echo done'] }\n");
    assert_string_equal(run_project_run(project, WORKFLOW("{ run: 'true' }")), "completed");
    assert_true(run_project_has(project, "asked"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_passes_in_the_clone_is_merged_behind_it),
        CASE(the_first_check_that_does_not_pass_ends_it_and_nothing_is_merged),
        CASE(what_proves_nothing_lets_nothing_through),
        CASE(a_check_at_work_as_its_engine_ends_is_watched_by_the_next_one),
        CASE(a_check_that_never_began_is_begun_in_a_folder_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
