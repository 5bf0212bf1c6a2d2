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

static const char three[] =
    "name: w\n"
    "phases:\n"
    "  - { id: a, steps: [{ id: one, run: echo 1, output: out/one.txt, reuse: inputs }] }\n"
    "  - { id: b, steps: [{ id: two, run: echo 2 }] }\n"
    "  - { id: c, steps: [{ id: three, run: exit 1, retry: { attempts: 1 } }] }\n";

static char *name_of(const struct run_project *project, const char *file)
{
    return mem_printf(".fermata/workflows/%s/%s", project->id, file);
}

static bool has(const struct run_project *project, const char *file)
{
    char *name = name_of(project, file);
    bool is_there = run_project_has(project, name);

    free(name);
    return is_there;
}

static char *content(const struct run_project *project, const char *file)
{
    char *name = name_of(project, file);
    char *text = run_project_read(project, name);

    free(name);
    return text;
}

static json_t *parsed(const struct run_project *project, const char *file)
{
    char *text = content(project, file);
    json_t *value = NULL;

    assert_int_equal(json_parse_text(text, strlen(text), file, &value, NULL), 0);
    free(text);
    return value;
}

static void check_contains(const struct run_project *project, const char *file, const char *text)
{
    char *found = content(project, file);

    if (!strstr(found, text)) {
        fail_msg("%s lacks \"%s\": %s", file, text, found);
    }
    free(found);
}

static void the_folder_of_a_run_holds_all_that_is_promised(void **state)
{
    static const char *const files[] = {"state.json",
                                        "plan.md",
                                        "report.md",
                                        "out/one.txt",
                                        "checkpoints/a.json",
                                        "logs/phase-a.log",
                                        "logs/phase-c.log",
                                        "attempts/one.1/stdout",
                                        "attempts/one.1/exit.json"};

    (void)run_project_run(*state, three);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!has(*state, files[i])) {
            fail_msg("there is no %s", files[i]);
        }
    }
    assert_false(has(*state, "attempts/one.1/stderr")); /* it said nothing there */
    check_contains(*state, "logs/orchestrator.log", "] [INFO] Checkpoint saved: a\n");
    check_contains(*state, "logs/phase-a.log", "] [INFO] Phase: a - Completed (0s)\n");
    check_contains(*state, "out/one.txt", "1\n");
    check_contains(*state, "report.md", "- `three`: failed - exit status 1");
}

/* Its steps touch nothing outside: all of it is one turn, and the files are made of its end. */
static void a_run_of_one_turn_has_the_checkpoints_of_all_its_phases(void **state)
{
    json_t *view;

    (void)run_project_run(*state, "name: w\nphases:\n"
                                  "  - { id: a, steps: [{ id: one, use: noop }] }\n"
                                  "  - { id: b, steps: [{ id: two, use: noop }] }\n");
    view = parsed(*state, "checkpoints/a.json");
    assert_int_equal(json_array_size(json_object_get(view, "completed")), 1);
    assert_int_equal(json_get_integer(json_object_get(view, "steps"), "completed", 0), 1);
    assert_string_equal(json_get_text(json_object_get(view, "phase"), "id", ""), "a");
    assert_string_equal(json_get_text(json_object_get(view, "phase"), "status", ""), "completed");
    json_decref(view);
    view = parsed(*state, "checkpoints/b.json");
    assert_int_equal(json_array_size(json_object_get(view, "completed")), 2);
    assert_int_equal(json_get_integer(json_object_get(view, "steps"), "completed", 0), 2);
    json_decref(view);
}

static void a_checkpoint_is_the_state_of_its_moment(void **state)
{
    json_t *view;
    const json_t *counts;

    (void)run_project_run(*state, three);
    view = parsed(*state, "checkpoints/b.json");
    counts = json_object_get(view, "steps");
    assert_string_equal(json_get_text(view, "checkpoint", ""), "b");
    assert_int_equal(json_array_size(json_object_get(view, "completed")), 2);
    assert_string_equal(json_get_text(json_object_get(view, "phase"), "status", ""), "completed");
    assert_int_equal(json_get_integer(counts, "completed", 0), 2);
    assert_int_equal(json_get_integer(counts, "pending", 0), 1);
    json_decref(view);
}

/* The second step ends when the file says that it is running, or fails after its timeout. */
static void the_state_can_be_read_while_the_run_goes_on(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(
        run_project_run(project,
                        "name: w\ncheckpoint: { auto: false }\nphases:\n"
                        "  - { id: a, steps: [{ id: one, use: noop }] }\n"
                        "  - id: b\n"
                        "    steps:\n"
                        "      - id: two\n"
                        "        timeout: 20s\n"
                        "        run: until grep -q '\"waiting\"' .fermata/workflows/*/state.json;"
                        " do sleep 0.05; done\n"),
        "completed");
    assert_false(has(project, "checkpoints"));
}

static void only_the_newest_checkpoints_are_kept_where_so_configured(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *run = NULL;

    (void)run_project_run(project, "name: w\ncheckpoint: { retention: 2 }\nphases:\n"
                                   "  - { id: a, steps: [{ id: one, run: echo }] }\n"
                                   "  - { id: b, steps: [{ id: two, run: echo }] }\n"
                                   "  - { id: c, steps: [{ id: three, run: echo }] }\n");
    assert_false(has(project, "checkpoints/a.json"));
    assert_true(has(project, "checkpoints/b.json"));
    assert_true(has(project, "checkpoints/c.json"));
    assert_int_equal(run_show(project->store, project->folder, project->id, &run, &err), 0);
    assert_int_equal(json_array_size(json_object_get(run, "checkpoints")), 2);
    json_decref(run);
}

static void restoring_takes_later_checkpoints_away(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *answer;

    (void)run_project_run(project, three);
    assert_true(has(project, "checkpoints/b.json"));
    run_project_drop_engine(project);
    answer = run_project_ask(project, project->id,
                             json_pack("{s:s, s:s}", "do", "restore", "checkpoint", "a"), &err);
    assert_non_null(answer);
    json_decref(answer);
    assert_true(has(project, "checkpoints/a.json"));
    assert_false(has(project, "checkpoints/b.json"));
    assert_null(run_project_ask(project, project->id,
                                json_pack("{s:s, s:s}", "do", "restore", "checkpoint", "b"), &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void an_artifact_cannot_take_the_place_of_the_runs_own_files(void **state)
{
    struct run_project *project = *state;

    (void)run_project_run(project,
                          "name: w\nphases:\n"
                          "  - id: a\n"
                          "    steps:\n"
                          "      - { id: s, run: echo no, output: state.json }\n"
                          "      - { id: l, run: echo no, output: logs/orchestrator.log }\n"
                          "      - { id: o, run: echo no, output: state.json }\n"
                          "      - { id: t, run: echo no, output: attempts/s.1/exit.json }\n"
                          "      - { id: p, run: echo my plan, output: plan.md }\n"
                          "      - { id: r, run: echo my report, output: report.md }\n");
    check_contains(project, "state.json", "\"status\": \"completed\"");
    check_contains(project, "logs/orchestrator.log", "[INFO] Workflow");
    check_contains(project, "attempts/s.1/exit.json", "\"status\"");
    check_contains(project, "plan.md", "my plan");
    check_contains(project, "report.md", "my report");
}

static void artifacts_of_reused_steps_lie_there_too(void **state)
{
    struct run_project *project = *state;

    (void)run_project_run(project, three);
    (void)run_project_run(project, three);
    assert_int_equal(run_project_count(project, "step_reused", "one"), 1);
    check_contains(project, "out/one.txt", "1\n");
}

static void who_takes_a_run_over_finds_the_logs_complete(void **state)
{
    static const char *const logs[] = {"logs/orchestrator.log", "logs/phase-a.log",
                                       "checkpoints/a.json"};
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char *before[3];

    (void)run_project_run(project, three);
    run_project_drop_engine(project);
    for (size_t i = 0; i < 3; i++) {
        char *name = name_of(project, logs[i]);

        before[i] = content(project, logs[i]);
        run_project_write(project, name, i == 0 ? "torn" : "");
        free(name);
    }
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_drop_engine(project);
    for (size_t i = 0; i < 3; i++) {
        char *after = content(project, logs[i]);

        assert_string_equal(after, before[i]);
        free(after);
        free(before[i]);
    }
}

/* Two phases at the same time, so that their records come mixed. */
static const char mixed[] = "name: w\n"
                            "phases:\n"
                            "  - id: a\n"
                            "    needs: []\n"
                            "    steps: [{ id: a1, use: noop }, { id: a2, use: noop }]\n"
                            "  - id: b\n"
                            "    needs: []\n"
                            "    steps: [{ id: b1, use: noop }, { id: b2, use: noop }]\n";

static void the_state_at_rest_is_what_is_shown(void **state)
{
    struct run_project *project = *state;
    json_t *shown;
    json_t *stored;

    assert_string_equal(run_project_run(project, mixed), "completed");
    assert_int_equal(run_show(project->store, project->folder, project->id, &shown, NULL), 0);
    (void)json_object_del(shown, "owned");
    (void)json_object_del(shown, "under_way");
    stored = parsed(project, "state.json");
    assert_true(json_equal(stored, shown));
    json_decref(stored);
    json_decref(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_state_at_rest_is_what_is_shown, run_project_set_up,
                                        run_project_tear_down),
        cmocka_unit_test_setup_teardown(the_folder_of_a_run_holds_all_that_is_promised,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_run_of_one_turn_has_the_checkpoints_of_all_its_phases,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_is_the_state_of_its_moment, run_project_set_up,
                                        run_project_tear_down),
        cmocka_unit_test_setup_teardown(the_state_can_be_read_while_the_run_goes_on,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(only_the_newest_checkpoints_are_kept_where_so_configured,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(restoring_takes_later_checkpoints_away, run_project_set_up,
                                        run_project_tear_down),
        cmocka_unit_test_setup_teardown(an_artifact_cannot_take_the_place_of_the_runs_own_files,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(artifacts_of_reused_steps_lie_there_too, run_project_set_up,
                                        run_project_tear_down),
        cmocka_unit_test_setup_teardown(who_takes_a_run_over_finds_the_logs_complete,
                                        run_project_set_up, run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
