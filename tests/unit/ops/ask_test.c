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

static const char *status_of(struct ops_project *project, char *ret_status)
{
    json_t *run = ops_project_call(project, "status", json_object());

    (void)snprintf(ret_status, 16, "%s", json_get_text(run, "status", ""));
    json_decref(run);
    return ret_status;
}

static void start_failing(struct ops_project *project)
{
    ops_project_steps(project, "w", (const char *const[]){"echo x >>first", "test -e fixed", NULL});
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w")));
}

static void a_retry_waits_for_resume_or_goes_on_at_once(void **state)
{
    char status[16];
    json_t *result;

    start_failing(*state);
    assert_string_equal(status_of(*state, status), "paused");
    ops_project_write(*state, "fixed", "");
    result = ops_project_call(*state, "retry",
                              json_pack("{s:s, s:s}", "run", "last", "step", "s2"));
    assert_string_equal(json_get_text(result, "done", ""), "retry");
    assert_false(json_get_boolean(result, "owner", true));
    json_decref(result);
    json_decref(ops_project_call(*state, "resume", json_object()));
    assert_string_equal(status_of(*state, status), "completed");
}

static void what_is_refused_while_nobody_drives_the_run_names_resume(void **state)
{
    struct error err = ERROR_INIT;

    start_failing(*state);
    json_decref(
        ops_project_call(*state, "retry", json_pack("{s:s, s:s}", "run", "last", "step", "s2")));
    assert_int_equal(ops_project_fail(*state, "retry",
                                      json_pack("{s:s, s:s}", "run", "last", "step", "s2"), &err),
                     ERROR_CONFLICT);
    assert_non_null(strstr(err.hint, "no process drives the run"));
    assert_non_null(strstr(err.hint, "fermata resume wf_"));
    assert_int_equal(ops_project_fail(*state, "approve", json_pack("{s:s}", "run", "last"), &err),
                     ERROR_CONFLICT);
    assert_non_null(strstr(err.hint, "fermata resume wf_"));
    assert_int_equal(ops_project_fail(*state, "answer",
                                      json_pack("{s:s, s:[s]}", "run", "last", "text", "Yes"),
                                      &err),
                     ERROR_CONFLICT);
    assert_non_null(strstr(err.hint, "fermata resume wf_"));
}

static void resume_tries_failed_steps_only_when_told(void **state)
{
    char status[16];

    start_failing(*state);
    ops_project_write(*state, "fixed", "");
    json_decref(ops_project_call(*state, "resume", json_pack("{s:b}", "retry_failed", 1)));
    assert_string_equal(status_of(*state, status), "completed");
}

static void skip_wants_exactly_one_thing(void **state)
{
    struct error err = ERROR_INIT;
    char status[16];

    start_failing(*state);
    assert_int_equal(ops_project_fail(*state, "skip",
                                      json_pack("{s:s, s:s}", "run", "last", "reason", "r"), &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "skip",
                                      json_pack("{s:s, s:s, s:s, s:s}", "run", "last", "reason",
                                                "r", "step", "s2", "phase", "p2"),
                                      &err),
                     ERROR_INVALID);
    json_decref(ops_project_call(*state, "skip",
                                 json_pack("{s:s, s:s, s:s, s:b}", "run", "last", "reason", "r",
                                           "step", "s2", "resume", 1)));
    assert_string_equal(status_of(*state, status), "completed");
}

static void a_cancelled_run_does_not_go_on(void **state)
{
    struct error err = ERROR_INIT;
    char status[16];

    start_failing(*state);
    json_decref(ops_project_call(*state, "cancel",
                                 json_pack("{s:s, s:s}", "run", "last", "reason", "wrong")));
    assert_string_equal(status_of(*state, status), "cancelled");
    assert_int_equal(ops_project_fail(*state, "resume", json_object(), &err), ERROR_CONFLICT);
    assert_int_equal(ops_project_fail(*state, "pause", json_pack("{s:s}", "run", "last"), &err),
                     ERROR_CONFLICT);
}

static void an_approval_without_a_step_is_the_one_that_waits(void **state)
{
    struct error err = ERROR_INIT;
    char status[16];

    ops_project_write(*state, ".fermata/workflows/w.yaml",
                      "name: w\nphases:\n  - id: a\n    mode: parallel\n"
                      "    steps: [{ id: x, approve: X? }, { id: y, approve: Y? }]\n");
    json_decref(ops_project_call(*state, "run", json_pack("{s:s}", "workflow", "w")));
    assert_int_equal(ops_project_fail(*state, "approve", json_pack("{s:s}", "run", "last"), &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "x, y"));
    assert_int_equal(ops_project_fail(*state, "approve",
                                      json_pack("{s:s, s:s}", "run", "last", "step", "z"), &err),
                     ERROR_NOT_FOUND);
    json_decref(
        ops_project_call(*state, "approve", json_pack("{s:s, s:s}", "run", "last", "step", "x")));
    json_decref(
        ops_project_call(*state, "approve", json_pack("{s:s, s:b}", "run", "last", "resume", 1)));
    assert_string_equal(status_of(*state, status), "completed");
    assert_int_equal(ops_project_fail(*state, "reject", json_pack("{s:s}", "run", "last"), &err),
                     ERROR_CONFLICT);
}

static void the_value_of_a_signal_is_json_or_text(void **state)
{
    json_t *logs;
    char *text;

    start_failing(*state);
    json_decref(ops_project_call(
        *state, "signal",
        json_pack("{s:s, s:s, s:s}", "run", "last", "name", "one", "value", "{\"a\":1}")));
    json_decref(ops_project_call(
        *state, "signal",
        json_pack("{s:s, s:s, s:s}", "run", "last", "name", "two", "value", "just words")));
    logs = ops_project_call(*state, "logs", json_pack("{s:b}", "records", 1));
    text = json_dump_compact(logs);
    assert_non_null(strstr(text, "\"value\":{\"a\":1}"));
    assert_non_null(strstr(text, "\"value\":\"just words\""));
    free(text);
    json_decref(logs);
}

static void restore_resets_what_came_after_the_checkpoint(void **state)
{
    struct error err = ERROR_INIT;
    char status[16];

    start_failing(*state);
    assert_int_equal(ops_project_fail(*state, "restore",
                                      json_pack("{s:s, s:s}", "run", "last", "checkpoint", "p9"),
                                      &err),
                     ERROR_NOT_FOUND);
    ops_project_write(*state, "fixed", "");
    json_decref(ops_project_call(
        *state, "restore",
        json_pack("{s:s, s:s, s:b}", "run", "last", "checkpoint", "p1", "resume", 1)));
    assert_string_equal(status_of(*state, status), "completed");
}

static void a_checkpoint_without_a_name_is_called_by_the_time(void **state)
{
    json_t *result;
    char *file;

    start_failing(*state);
    result = ops_project_call(*state, "checkpoint", json_pack("{s:s}", "run", "last"));
    assert_memory_equal(json_get_text(result, "checkpoint", ""), "at-2", 4);
    file = mem_printf(".fermata/workflows/%s/checkpoints/%s.json", json_get_text(result, "id", ""),
                      json_get_text(result, "checkpoint", ""));
    assert_true(ops_project_has(*state, file)); /* though nobody carries the run on */
    free(file);
    json_decref(result);
    json_decref(ops_project_call(*state, "checkpoint",
                                 json_pack("{s:s, s:s}", "run", "last", "name", "mine")));
    result = ops_project_call(*state, "checkpoints", json_object());
    assert_int_equal(json_array_size(json_object_get(result, "checkpoints")), 3);
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_retry_waits_for_resume_or_goes_on_at_once,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused_while_nobody_drives_the_run_names_resume,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(resume_tries_failed_steps_only_when_told,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(skip_wants_exactly_one_thing, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_run_does_not_go_on, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(an_approval_without_a_step_is_the_one_that_waits,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_value_of_a_signal_is_json_or_text, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(restore_resets_what_came_after_the_checkpoint,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_without_a_name_is_called_by_the_time,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
