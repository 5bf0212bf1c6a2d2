/* SPDX-License-Identifier: MIT */
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

static const char workflow_text[] =
    "name: w\n"
    "report: sum\n"
    "gates: { g: { commands: [{ run: 'echo \"1..1\"; echo ok 1', tests_min: 1 }] } }\n"
    "phases:\n"
    "  - id: a\n"
    "    gate: g\n"
    "    steps:\n"
    "      - { id: one, run: 'echo 1; echo aside >&2', output: out/one.txt }\n"
    "      - { id: many, foreach: [1, 2], run: echo x }\n"
    "      - { id: big, run: seq 1 2000, output: plan.md }\n"
    "  - { id: b, steps: [{ id: sum, run: 'echo \"# All fine\"' }] }\n";

static char *run_path(const struct run_project *project)
{
    return mem_printf("%s/workflows/%s", project->folder, project->id);
}

/* Removes everything of the run; gives what the named files held. */
static void take_all(const struct run_project *project, const char *const *names, char **texts)
{
    char *folder = run_path(project);

    for (size_t i = 0; names[i]; i++) {
        char *path = path_join(folder, names[i]);

        if (file_read(path, 1 << 20, &texts[i], NULL, NULL) < 0) {
            fail_msg("there was no %s", names[i]);
        }
        free(path);
    }
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    free(folder);
}

static void check_all(const struct run_project *project, const char *const *names, char **texts)
{
    char *folder = run_path(project);

    for (size_t i = 0; names[i]; i++) {
        char *path = path_join(folder, names[i]);
        char *text = NULL;

        if (file_read(path, 1 << 20, &text, NULL, NULL) < 0) {
            fail_msg("%s did not come back", names[i]);
        }
        assert_string_equal(text, texts[i]);
        free(text);
        free(texts[i]);
        free(path);
    }
    free(folder);
}

static int64_t rebuild(struct run_project *project, const char *member)
{
    struct error err = ERROR_INIT;
    json_t *report = NULL;
    int64_t count;

    if (run_rebuild_files(project->store, project->folder, false, &report, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(json_array_size(json_object_get(report, "failures")), 0);
    count = json_get_integer(report, member, -1);
    json_decref(report);
    return count;
}

static void a_folder_that_was_removed_comes_back_as_it_was(void **state)
{
    static const char *const names[] = {"state.json",
                                        "plan.md",
                                        "report.md",
                                        "checkpoints/a.json",
                                        "logs/phase-a.log",
                                        "logs/orchestrator.log",
                                        "checkpoints/b.json",
                                        "logs/phase-b.log",
                                        "out/one.txt",
                                        "attempts/one.1/stdout",
                                        "attempts/one.1/stderr",
                                        "attempts/big.1/stdout",
                                        "attempts/many[1].1/stdout",
                                        "attempts/gate:a:0.1/stdout",
                                        NULL};
    char *texts[sizeof(names) / sizeof(names[0])];
    struct run_project *project = *state;

    assert_string_equal(run_project_run(project, workflow_text), "completed");
    run_project_drop_engine(project);
    take_all(project, names, texts);
    assert_true(rebuild(project, "files") > 14);
    check_all(project, names, texts);
    assert_int_equal(rebuild(project, "files"), 0);
}

static void the_prompt_of_an_agent_is_kept_and_comes_back(void **state)
{
    static const char *const names[] = {"attempts/think.1/prompt", "attempts/think.1/answer", NULL};
    struct run_project *project = *state;
    char *texts[3];

    run_project_configure(project, "agents:\n  a: { type: command, command: [cat] }\n");
    assert_string_equal(run_project_run(project, "name: w\nphases: [{ id: a, steps: [{ id: think,"
                                                 " agent: a, prompt: Count the words }] }]\n"),
                        "completed");
    run_project_drop_engine(project);
    take_all(project, names, texts);
    assert_non_null(strstr(texts[0], "Count the words"));
    (void)rebuild(project, "files");
    check_all(project, names, texts);
}

static void what_was_changed_is_put_right_and_the_rest_left_alone(void **state)
{
    struct run_project *project = *state;
    char *folder;
    char *name;

    assert_string_equal(run_project_run(project, workflow_text), "completed");
    run_project_drop_engine(project);
    assert_int_equal(rebuild(project, "files"), 0);
    folder = mem_printf(".fermata/workflows/%s", project->id);
    name = path_join(folder, "checkpoints/gone.json");
    run_project_write(project, name, "{}");
    free(name);
    name = path_join(folder, "logs/phase-a.log");
    run_project_write(project, name, "no");
    free(name);
    name = path_join(folder, "mine.txt");
    run_project_write(project, name, "mine");
    assert_int_equal(rebuild(project, "files"), 1);
    assert_true(run_project_has(project, name));
    free(name);
    name = path_join(folder, "checkpoints/gone.json");
    assert_false(run_project_has(project, name));
    free(name);
    free(folder);
}

static void a_run_that_is_under_way_keeps_its_files_itself(void **state)
{
    struct run_project *project = *state;

    run_project_start(project, workflow_text, NULL);
    assert_int_equal(rebuild(project, "owned"), 1);
    run_project_go(project);
}

static void logs_can_be_json_lines(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *report = NULL;
    char *name;
    char *text;

    (void)run_project_run(project, workflow_text);
    run_project_drop_engine(project);
    assert_int_equal(run_rebuild_files(project->store, project->folder, true, &report, &err), 0);
    assert_int_equal(json_get_integer(report, "files", 0), 3);
    json_decref(report);
    name = mem_printf(".fermata/workflows/%s/logs/phase-b.log", project->id);
    text = run_project_read(project, name);
    assert_int_equal(text[0], '{');
    assert_non_null(strstr(text, "\"message\":\"Phase: b - Starting\""));
    free(text);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_that_was_removed_comes_back_as_it_was,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(the_prompt_of_an_agent_is_kept_and_comes_back,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(what_was_changed_is_put_right_and_the_rest_left_alone,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_is_under_way_keeps_its_files_itself,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(logs_can_be_json_lines, run_project_set_up,
                                        run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
