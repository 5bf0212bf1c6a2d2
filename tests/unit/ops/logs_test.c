/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void start(struct ops_project *project)
{
    ops_project_steps(project, "w",
                      (const char *const[]){"echo out; echo err >&2", "echo two", NULL});
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w")));
}

static char *all_of(struct ops_project *project, json_t *arguments)
{
    json_t *result = ops_project_call(project, "logs", arguments);
    char *text = json_dump_compact(json_object_get(result, "items"));

    json_decref(result);
    return text;
}

static void lines_tell_the_run_and_can_be_one_phase(void **state)
{
    char *text;

    start(*state);
    text = all_of(*state, json_object());
    assert_non_null(strstr(text, "] [INFO] Phase: p1 - Starting"));
    assert_non_null(strstr(text, "Phase: p2"));
    free(text);
    text = all_of(*state, json_pack("{s:s}", "phase", "p1"));
    assert_null(strstr(text, "Phase: p2"));
    free(text);
}

static void records_come_without_gaps(void **state)
{
    const json_t *record;
    json_t *result;
    size_t i;

    start(*state);
    result = ops_project_call(*state, "logs", json_pack("{s:b}", "records", 1));
    json_array_foreach(json_object_get(result, "items"), i, record)
    {
        assert_int_equal(json_get_integer(record, "seq", 0), i + 1);
    }
    assert_true(i > 8);
    json_decref(result);
}

static void a_step_has_two_streams_and_attempts(void **state)
{
    struct error err = ERROR_INIT;
    char *text;

    start(*state);
    text = all_of(*state, json_pack("{s:s}", "step", "s1"));
    assert_string_equal(text, "[{\"output\":\"out\\n\"}]");
    free(text);
    text = all_of(*state, json_pack("{s:s, s:b, s:i}", "step", "s1", "stderr", 1, "attempt", 1));
    assert_string_equal(text, "[{\"output\":\"err\\n\"}]");
    free(text);
    assert_int_equal(
        ops_project_fail(*state, "logs", json_pack("{s:s, s:i}", "step", "s1", "attempt", 2), &err),
        ERROR_NOT_FOUND);
    assert_int_equal(ops_project_fail(*state, "logs", json_pack("{s:s}", "step", "s9"), &err),
                     ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "s1, s2"));
}

static void what_does_not_go_together_is_refused(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(ops_project_fail(*state, "logs", json_pack("{s:i}", "attempt", 1), &err),
                     ERROR_INVALID);
    assert_int_equal(
        ops_project_fail(*state, "logs", json_pack("{s:s, s:s}", "step", "a", "phase", "b"), &err),
        ERROR_INVALID);
    assert_int_equal(
        ops_project_fail(*state, "logs", json_pack("{s:b, s:s}", "records", 1, "phase", "b"), &err),
        ERROR_INVALID);
}

static void following_a_run_at_rest_ends_at_once(void **state)
{
    char *text;

    start(*state);
    text = all_of(*state, json_pack("{s:b}", "follow", 1));
    assert_non_null(strstr(text, "completed"));
    free(text);
}

static void count_item(void *context, const json_t *item)
{
    (void)item;
    (*(int *)context)++;
}

static void items_go_to_the_view_when_it_takes_them(void **state)
{
    struct ops_project *project = *state;
    json_t *result;
    int count = 0;

    start(project);
    project->view = (struct ops_view){.on_item = count_item, .context = &count};
    result = ops_project_call(project, "logs", json_pack("{s:b}", "records", 1));
    assert_int_equal(json_array_size(json_object_get(result, "items")), 0);
    assert_true(count > 8);
    json_decref(result);
}

static void what_an_agent_did_can_be_read_and_had_raw(void **state)
{
    struct ops_project *project = *state;
    char *text;

    ops_project_write(project, ".fermata/config.yaml",
                      "default_agent: a\nagents:\n  a: { type: command, output: jsonl, command: "
                      "[cat, stream.jsonl] }\n");
    ops_project_write(project, "stream.jsonl",
                      "{\"event\":\"text\",\"text\":\"I wri\",\"partial\":true}\n"
                      "{\"event\":\"tool_call\",\"name\":\"write\",\"text\":\"a.txt\"}\n"
                      "{\"event\":\"text\",\"text\":\"done\"}\n{\"event\":\"done\"}\n");
    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\nphases: [{ id: a, steps: [{ id: s1, prompt: go }] }]\n");
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w")));
    text = all_of(project, json_pack("{s:s}", "step", "s1"));
    assert_string_equal(text, "[{\"output\":\"I wri\"},{\"output\":\"\\n\"},"
                              "{\"output\":\"> write a.txt\\n\"},{\"output\":\"done\\n\"}]");
    free(text);
    text = all_of(project, json_pack("{s:s, s:b}", "step", "s1", "raw", 1));
    assert_non_null(strstr(text, "event\\\":\\\"done"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_tell_the_run_and_can_be_one_phase, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(records_come_without_gaps, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_step_has_two_streams_and_attempts, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_go_together_is_refused, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_an_agent_did_can_be_read_and_had_raw,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(following_a_run_at_rest_ends_at_once, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(items_go_to_the_view_when_it_takes_them, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
