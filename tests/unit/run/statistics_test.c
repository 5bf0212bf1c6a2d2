/* SPDX-License-Identifier: MIT */
#include "run/statistics.h"

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

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const char configuration[] =
    "default_agent: a\nagents:\n  a: { type: command, output: jsonl, command: [sh, -c, 'cat "
    ">/dev/null; echo x >>made; echo ''{\"event\":\"text\",\"text\":\"ok\"}''; echo "
    "''{\"event\":\"usage\",\"usage\":{\"input_tokens\":10,\"output_tokens\":2,\"cost_usd\":0.5}}''"
    "; echo ''{\"event\":\"done\"}'''] }\n";
static const char workflow[] = "name: w\n"
                               "phases:\n"
                               "  - { id: a, steps: [{ id: s, prompt: Make it }] }\n";
static const char reusable[] =
    "name: r\n"
    "phases:\n"
    "  - { id: a, steps: [{ id: s, prompt: Make it, reuse: inputs }] }\n";

/* Its agent is a judge, and each round changes files. */
static const char judged[] =
    "name: j\n"
    "phases:\n"
    "  - id: a\n"
    "    iterate: { max: 3, until: \"steps.s.output == 'ok' and run.iteration > 0\" }\n"
    "    steps: [{ id: s, prompt: Make it }]\n";
static const char twice[] =
    "name: t\n"
    "phases:\n"
    "  - { id: a, iterate: { max: 2, until: \"run.iteration > 9\" }, steps: [{ id: s, prompt: Make "
    "it }] }\n";
static const char gated[] = "name: g\n"
                            "gates: { check: { commands: [{ run: exit 0, tests_min: 1 }] } }\n"
                            "phases:\n"
                            "  - { id: a, gate: check, steps: [{ id: s, prompt: Make it }] }\n"
                            "  - { id: b, steps: [{ id: ok, approve: Good? }] }\n";
static const char calling[] = "name: c\n"
                              "phases:\n"
                              "  - { id: a, steps: [{ id: call, workflow: w }] }\n"
                              "  - { id: b, steps: [{ id: ok, approve: Good? }] }\n";

static struct run_statistics read_all(struct run_project *project, int64_t since)
{
    struct run_statistics statistics = {0};
    struct error err = ERROR_INIT;

    if (run_statistics_read(project->store, project->folder, since, &statistics, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return statistics;
}

static void an_attempt_is_a_sample_with_what_it_told(void **state)
{
    struct run_project *project = *state;
    struct run_statistics statistics;

    run_project_configure(project, configuration);
    assert_string_equal(run_project_run(project, workflow), "completed");
    statistics = read_all(project, 0);
    assert_int_equal(statistics.sample_count, 1);
    assert_string_equal(statistics.samples[0].agent, "a");
    assert_string_equal(statistics.samples[0].kind, "other");
    assert_int_equal(statistics.samples[0].succeeded, 1);
    assert_int_equal(statistics.samples[0].changes, 1);
    assert_int_equal(statistics.samples[0].well.tokens, 12);
    assert_true(statistics.samples[0].all.cost_usd == 0.5);
    run_statistics_release(&statistics);
    statistics = read_all(project, project->host.now_ms(project->host.context) + 1000);
    assert_int_equal(statistics.sample_count, 0);
    run_statistics_release(&statistics);
}

/* Twice, so that the second removal adds to what is kept. */
static void what_was_of_removed_runs_stays(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    run_project_configure(project, configuration);
    for (int round = 1; round <= 2; round++) {
        struct run_statistics statistics;
        json_t *report = NULL;

        assert_string_equal(run_project_run(project, workflow), "completed");
        run_project_drop_engine(project);
        project->clock_shift_ms += 2 * DAY_MS;
        assert_int_equal(run_collect(&project->options, DAY_MS, false, &report, &err), 0);
        assert_int_equal(json_get_integer(report, "runs", 0), 1);
        json_decref(report);
        statistics = read_all(project, 0);
        assert_int_equal(statistics.sample_count, round);
        assert_int_equal(statistics.samples[0].succeeded, 1);
        assert_int_equal(statistics.samples[0].changes, 1);
        assert_int_equal(statistics.samples[0].well.tokens, 12);
        assert_null(statistics.samples[0].expert);
        run_statistics_release(&statistics);
    }
}

static int keep_twice(struct tx *tx, void *arg, struct error *err)
{
    int r = statistics_keep(tx, arg, err);

    return r < 0 ? r : statistics_keep(tx, arg, err);
}

static void what_is_kept_of_a_day_adds_up(void **state)
{
    struct run_project *project = *state;
    struct agent_sample sample = {.agent = "a",
                                  .kind = "fix",
                                  .expert = "tester",
                                  .at = 5 * DAY_MS + 7,
                                  .attempts = 1,
                                  .failed = 1,
                                  .all = {.cost_usd = 0.25, .priced = 1}};
    struct run_statistics given = {.samples = &sample, .sample_count = 1};
    struct run_statistics statistics;
    struct error err = ERROR_INIT;

    assert_int_equal(store_write(project->store, keep_twice, &given, &err), 0);
    statistics = read_all(project, 0);
    assert_int_equal(statistics.sample_count, 1);
    assert_string_equal(statistics.samples[0].expert, "tester");
    assert_int_equal(statistics.samples[0].failed, 2);
    assert_true(statistics.samples[0].all.cost_usd == 0.5);
    assert_int_equal(statistics.samples[0].at / DAY_MS, 5);
    run_statistics_release(&statistics);
}

static void what_was_reused_is_told_with_what_it_had_cost(void **state)
{
    struct run_project *project = *state;
    struct run_statistics statistics;
    const json_t *reuse;

    run_project_configure(project, configuration);
    assert_string_equal(run_project_run(project, reusable), "completed");
    assert_string_equal(run_project_run(project, reusable), "completed");
    statistics = read_all(project, 0);
    reuse = json_object_get(statistics.worth, "reuse");
    assert_int_equal(json_get_integer(reuse, "of_agents", 0), 1);
    assert_int_equal(json_get_integer(reuse, "tokens", 0), 12);
    assert_true(json_number_value(json_object_get(reuse, "cost_usd")) == 0.5);
    assert_int_equal(statistics.sample_count, 1);
    run_statistics_release(&statistics);
}

/* As another process would, and then goes on as the one that resumes it. */
static void ask(struct run_project *project, json_t *command)
{
    struct error err = ERROR_INIT;
    json_t *answer;

    run_project_drop_engine(project);
    answer = run_project_ask(project, project->id, command, &err);
    if (!answer) {
        fail_msg("%s", err.text);
    }
    json_decref(answer);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    run_project_drop_engine(project);
}

static void a_run_whose_definition_is_gone_has_samples_and_no_judge(void **state)
{
    struct run_project *project = *state;
    struct run_statistics statistics;
    char *blobs;

    run_project_configure(project, configuration);
    assert_string_equal(run_project_run(project, judged), "completed");
    statistics = read_all(project, 0);
    assert_int_equal(json_array_size(json_object_get(statistics.worth, "finders")), 1);
    run_statistics_release(&statistics);
    blobs = path_join(project->folder, "blobs");
    assert_int_equal(file_remove_tree(blobs, NULL), 0);
    free(blobs);
    statistics = read_all(project, 0);
    assert_int_equal(statistics.sample_count, 1);
    assert_int_equal(statistics.samples[0].succeeded, 1);
    assert_int_equal(json_array_size(json_object_get(statistics.worth, "finders")), 0);
    run_statistics_release(&statistics);
}

static void only_the_changes_of_the_last_round_are_there_to_stay(void **state)
{
    struct run_project *project = *state;
    struct run_statistics statistics;

    run_project_configure(project, configuration);
    assert_string_equal(run_project_run(project, twice), "completed");
    statistics = read_all(project, 0);
    assert_int_equal(statistics.sample_count, 2);
    assert_int_equal(statistics.samples[0].succeeded, 1);
    assert_int_equal(statistics.samples[0].changes, 0);
    assert_int_equal(statistics.samples[1].succeeded, 1);
    assert_int_equal(statistics.samples[1].changes, 1);
    run_statistics_release(&statistics);
}

/* Its work counts as accepted when the run that was started is completed. */
static void what_a_called_run_changed_counts_once_its_caller_is_completed(void **state)
{
    struct run_project *project = *state;
    struct run_statistics statistics;

    run_project_configure(project, configuration);
    run_project_write(project, "workflows/w.yaml", workflow);
    assert_string_equal(run_project_run(project, calling), "paused");
    statistics = read_all(project, 0);
    assert_int_equal(json_get_integer(statistics.worth, "runs", 0), 2);
    assert_int_equal(statistics.sample_count, 1);
    assert_int_equal(statistics.samples[0].succeeded, 1);
    assert_int_equal(statistics.samples[0].changes, 0);
    run_statistics_release(&statistics);
    ask(project, json_pack("{s:s, s:s}", "do", "approve", "step", "ok"));
    assert_string_equal(run_project_status(project, project->id), "completed");
    statistics = read_all(project, 0);
    assert_int_equal(statistics.samples[0].changes, 1);
    run_statistics_release(&statistics);
}

/* Where its caller is not looked at its own end says it. */
static void a_called_run_alone_counts_by_its_own_end(void **state)
{
    struct run_project *project = *state;
    struct run_statistics statistics;
    struct error err = ERROR_INIT;
    const json_t *waiting;
    json_t *ids;

    run_project_configure(project, configuration);
    run_project_write(project, "workflows/w.yaml", workflow);
    assert_string_equal(run_project_run(project, calling), "paused");
    waiting = run_project_find(project, "step_waiting", "call", 0);
    ids = json_pack("[s]", json_get_text(waiting, "child", ""));
    assert_int_equal(statistics_read_runs(project->store, project->folder, ids, &statistics, &err),
                     0);
    assert_int_equal(json_get_integer(statistics.worth, "runs", 0), 1);
    assert_int_equal(statistics.sample_count, 1);
    assert_int_equal(statistics.samples[0].changes, 1);
    run_statistics_release(&statistics);
    json_decref(ids);
}

static void a_gate_that_proved_nothing_or_was_left_out_says_so(void **state)
{
    struct run_project *project = *state;
    struct run_statistics statistics;
    const json_t *finder;

    run_project_configure(project, configuration);
    assert_string_equal(run_project_run(project, gated), "paused");
    statistics = read_all(project, 0);
    finder = json_array_get(json_object_get(statistics.worth, "finders"), 0);
    assert_string_equal(json_get_text(finder, "name", ""), "check");
    assert_int_equal(json_get_integer(finder, "unknown", 0), 1);
    assert_null(json_object_get(finder, "skipped"));
    run_statistics_release(&statistics);
    ask(project,
        json_pack("{s:s, s:s, s:s}", "do", "skip", "gate", "a", "reason", "there are none"));
    statistics = read_all(project, 0);
    finder = json_array_get(json_object_get(statistics.worth, "finders"), 0);
    assert_int_equal(json_get_integer(finder, "skipped", 0), 1);
    assert_int_equal(statistics.samples[0].sent_back, 0);
    run_statistics_release(&statistics);
}

static void of_a_long_run_only_what_was_since_is_told(void **state)
{
    struct run_project *project = *state;
    struct run_statistics statistics;

    run_project_configure(project, configuration);
    assert_string_equal(run_project_run(project, gated), "paused");
    project->clock_shift_ms += 10 * DAY_MS;
    ask(project,
        json_pack("{s:s, s:s, s:s}", "do", "skip", "gate", "a", "reason", "there are none"));
    statistics = read_all(project, project->host.now_ms(project->host.context) - 5 * DAY_MS);
    assert_int_equal(json_get_integer(statistics.worth, "runs", 0), 1);
    assert_int_equal(statistics.sample_count, 0);
    assert_int_equal(json_array_size(json_object_get(statistics.worth, "finders")), 1);
    run_statistics_release(&statistics);
    project->clock_shift_ms += 10 * DAY_MS;
    statistics = read_all(project, project->host.now_ms(project->host.context) - 5 * DAY_MS);
    assert_int_equal(json_get_integer(statistics.worth, "runs", 0), 1); /* it goes on */
    assert_int_equal(json_array_size(json_object_get(statistics.worth, "finders")), 0);
    run_statistics_release(&statistics);
}

#define TEST_OF(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(an_attempt_is_a_sample_with_what_it_told),
        TEST_OF(what_was_of_removed_runs_stays),
        TEST_OF(what_is_kept_of_a_day_adds_up),
        TEST_OF(what_was_reused_is_told_with_what_it_had_cost),
        TEST_OF(a_run_whose_definition_is_gone_has_samples_and_no_judge),
        TEST_OF(only_the_changes_of_the_last_round_are_there_to_stay),
        TEST_OF(what_a_called_run_changed_counts_once_its_caller_is_completed),
        TEST_OF(a_called_run_alone_counts_by_its_own_end),
        TEST_OF(a_gate_that_proved_nothing_or_was_left_out_says_so),
        TEST_OF(of_a_long_run_only_what_was_since_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
