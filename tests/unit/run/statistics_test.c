/* SPDX-License-Identifier: MIT */
#include "run/statistics.h"

#include "base/alloc.h"
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

#define TEST_OF(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(an_attempt_is_a_sample_with_what_it_told),
        TEST_OF(what_was_of_removed_runs_stays),
        TEST_OF(what_is_kept_of_a_day_adds_up),
        TEST_OF(what_was_reused_is_told_with_what_it_had_cost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
