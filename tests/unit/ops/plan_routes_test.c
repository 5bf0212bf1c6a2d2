/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define TASK "Fix the crash in the upload of files"

static void configure(const struct ops_project *project)
{
    ops_project_write(project, ".fermata/config.yaml",
                      "default_agent: poor\n"
                      "agents:\n"
                      "  poor: { command: [sh, -c, 'cat >/dev/null; exit 1'] }\n"
                      "  fine: { command: [sh, -c, 'cat >/dev/null; echo ok'] }\n");
    ops_project_write(
        project, ".fermata/workflows/w.yaml",
        "name: w\n"
        "defaults: { retry: { attempts: 1 } }\n"
        "phases:\n"
        "  - { id: a, optional: true, steps: [{ id: s, agent: poor, prompt: Do it }] }\n"
        "  - { id: b, steps: [{ id: t, agent: fine, prompt: Do it }] }\n");
}

static json_t *plan(struct ops_project *project)
{
    json_t *result = ops_project_call(project, "plan", json_pack("{s:s}", "task", TASK));

    assert_string_equal(json_get_text(result, "origin", ""), "composed");
    return result;
}

/* The first step that may edit, and so could be given to both. */
static const json_t *find_routed(const json_t *result)
{
    const json_t *wave;
    const json_t *step;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(result, "waves"), i, wave)
    {
        json_array_foreach(json_object_get(wave, "steps"), k, step)
        {
            if (json_object_get(step, "routing")) {
                return step;
            }
        }
    }
    fail_msg("no step is routed");
    return NULL;
}

static void without_runs_a_plan_names_nobody_and_knows_no_cost(void **state)
{
    json_t *result;
    const json_t *estimate;

    configure(*state);
    result = plan(*state);
    estimate = json_object_get(result, "estimate");
    assert_string_equal(json_get_text(find_routed(result), "what", ""), "poor");
    assert_null(strstr(json_get_text(result, "yaml", ""), "agent:"));
    assert_true(json_get_integer(estimate, "steps", 0) > 0);
    assert_int_equal(json_get_integer(estimate, "seconds_known", -1), 0);
    assert_null(json_object_get(estimate, "seconds"));
    json_decref(result);
}

static void its_steps_go_to_whom_earlier_runs_speak_for_and_say_why(void **state)
{
    json_t *result;
    const json_t *step;

    configure(*state);
    for (int i = 0; i < 5; i++) {
        json_decref(ops_project_call(
            *state, "run",
            json_pack("{s:s, s:s, s:b}", "workflow", "w", "kind", "fix", "fresh", 1)));
    }
    result = plan(*state);
    step = find_routed(result);
    assert_string_equal(json_get_text(step, "what", ""), "fine");
    assert_string_equal(json_get_text(json_object_get(step, "routing"), "why", ""),
                        "the best that is known: success 1.00 of 5 samples");
    assert_int_equal(json_get_integer(json_object_get(step, "estimate"), "samples", 0), 5);
    assert_non_null(strstr(json_get_text(result, "yaml", ""), "agent: fine"));
    assert_non_null(json_object_get(json_object_get(result, "estimate"), "seconds"));
    assert_null(json_object_get(json_object_get(result, "estimate"), "tokens"));
    json_decref(result);
}

#define TEST_OF(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(without_runs_a_plan_names_nobody_and_knows_no_cost),
        TEST_OF(its_steps_go_to_whom_earlier_runs_speak_for_and_say_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
