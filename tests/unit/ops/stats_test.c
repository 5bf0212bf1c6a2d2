/* SPDX-License-Identifier: MIT */
/* What is sent back, and by whom: tests/unit/run/statistics_fold_test.c, tests/cli/stats.bats. */
#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void run(struct ops_project *project, const char *kind)
{
    ops_project_write(project, ".fermata/config.yaml",
                      "agents:\n"
                      "  fine: { command: [sh, -c, 'cat >/dev/null; echo ok'] }\n"
                      "  poor: { command: [sh, -c, 'cat >/dev/null; exit 1'] }\n");
    ops_project_write(
        project, ".fermata/workflows/w.yaml",
        "name: w\n"
        "defaults: { retry: { attempts: 1 } }\n"
        "phases:\n"
        "  - { id: a, optional: true, steps: [{ id: s, agent: poor, prompt: Do it }] }\n"
        "  - { id: b, steps: [{ id: t, agent: fine, prompt: Do it }] }\n");
    json_decref(ops_project_call(
        project, "run", json_pack("{s:s, s:s, s:b}", "workflow", "w", "kind", kind, "fresh", 1)));
}

static const json_t *find(const json_t *result, const char *list, const char *agent)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(result, list), i, row)
    {
        if (strcmp(json_get_text(row, "agent", ""), agent) == 0) {
            return row;
        }
    }
    return NULL;
}

static void rows_are_by_agent_and_kind_and_those_that_are_asked_for(void **state)
{
    json_t *result;

    run(*state, "fix");
    run(*state, "review");
    result = ops_project_call(*state, "stats", json_object());
    assert_int_equal(json_array_size(json_object_get(result, "kinds")), 4);
    assert_int_equal(json_array_size(json_object_get(result, "agents")), 2);
    assert_int_equal(json_get_integer(find(result, "agents", "fine"), "succeeded", 0), 2);
    assert_int_equal(json_get_integer(find(result, "agents", "poor"), "failed", 0), 2);
    assert_int_equal(json_get_integer(find(result, "agents", "poor"), "succeeded", -1), 0);
    assert_non_null(json_object_get(result, "finders"));
    json_decref(result);
    result = ops_project_call(*state, "stats",
                              json_pack("{s:s, s:s}", "agent", "poor", "kind", "fix"));
    assert_int_equal(json_array_size(json_object_get(result, "kinds")), 1);
    assert_int_equal(json_get_integer(find(result, "agents", "poor"), "failed", 0), 1);
    assert_int_equal(json_get_integer(json_object_get(result, "total"), "attempts", 0), 1);
    assert_null(json_object_get(result, "finders"));
    json_decref(result);
}

static void a_rate_is_known_from_five_samples_on_and_says_who_dropped_out(void **state)
{
    json_t *result;

    for (int i = 0; i < 4; i++) {
        run(*state, "fix");
    }
    result = ops_project_call(*state, "stats", json_object());
    assert_null(json_object_get(find(result, "kinds", "poor"), "success"));
    json_decref(result);
    for (int i = 0; i < 5; i++) {
        run(*state, "fix");
    }
    result = ops_project_call(*state, "stats", json_object());
    assert_true(json_number_value(json_object_get(find(result, "kinds", "fine"), "success")) == 1);
    assert_non_null(json_object_get(find(result, "kinds", "poor"), "success"));
    assert_true(json_get_boolean(find(result, "kinds", "poor"), "dropped_out", false));
    assert_false(json_get_boolean(find(result, "kinds", "fine"), "dropped_out", false));
    json_decref(result);
}

#define TEST_OF(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(rows_are_by_agent_and_kind_and_those_that_are_asked_for),
        TEST_OF(a_rate_is_known_from_five_samples_on_and_says_who_dropped_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
