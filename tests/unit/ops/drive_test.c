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

struct seen {
    struct ops *ops;
    int begins, ends, records, visits;
    int interrupt; /* to give when the first attempt starts */
};

static void on_begin(void *context, struct ops *ops, const json_t *run)
{
    struct seen *seen = context;

    seen->ops = ops;
    seen->begins++;
    assert_non_null(json_object_get(run, "phases"));
}

static void on_end(void *context)
{
    ((struct seen *)context)->ends++;
}

static void visit(void *context, const struct running_step *step)
{
    ((struct seen *)context)->visits++;
    assert_true(*step->step && *step->phase && step->started_at_ms > 0);
}

static void on_record(void *context, const json_t *record)
{
    ((struct seen *)context)->records++;
    assert_true(json_get_integer(record, "seq", 0) > 0);
}

static void on_tick(void *context)
{
    struct seen *seen = context;

    ops_visit_running(seen->ops, visit, seen);
    if (seen->interrupt && seen->visits) {
        ops_interrupt(seen->ops, seen->interrupt);
        seen->interrupt = 0;
    }
}

static void watch(struct ops_project *project, struct seen *seen)
{
    project->view = (struct ops_view){.on_begin = on_begin,
                                      .on_end = on_end,
                                      .on_record = on_record,
                                      .on_tick = on_tick,
                                      .context = seen};
}

static json_t *run(struct ops_project *project, const char *name)
{
    return ops_project_call(project, "run", json_pack("{s:s}", "workflow", name));
}

static void a_run_is_shown_from_its_begin_to_its_end(void **state)
{
    struct seen seen = {0};
    json_t *result;

    ops_project_steps(*state, "w", (const char *const[]){"echo a", "echo b", NULL});
    watch(*state, &seen);
    result = run(*state, "w");
    assert_string_equal(json_get_text(result, "status", ""), "completed");
    assert_int_equal(seen.begins, 1);
    assert_int_equal(seen.ends, 1);
    assert_true(seen.records > 4);
    json_decref(result);
    /* Nothing runs now: there is nothing to interrupt or to visit (a tick may have visited before).
     */
    seen.visits = 0;
    ops_interrupt(((struct ops_project *)*state)->ops, 3);
    ops_visit_running(((struct ops_project *)*state)->ops, visit, &seen);
    assert_int_equal(seen.visits, 0);
}

static void the_first_interrupt_lets_the_step_end(void **state)
{
    struct seen seen = {.interrupt = 1};
    json_t *result;

    ops_project_steps(
        *state, "w",
        (const char *const[]){"touch began; sleep 0.4; touch ended", "touch next", NULL});
    watch(*state, &seen);
    result = run(*state, "w");
    assert_string_equal(json_get_text(result, "status", ""), "paused");
    assert_true(ops_project_has(*state, "ended"));
    assert_false(ops_project_has(*state, "next"));
    json_decref(result);
    result = ops_project_call(*state, "resume", json_object());
    assert_string_equal(json_get_text(result, "status", ""), "completed");
    assert_true(ops_project_has(*state, "next"));
    json_decref(result);
}

static void the_second_interrupt_stops_the_step(void **state)
{
    struct seen seen = {.interrupt = 2};
    json_t *result;

    ops_project_steps(*state, "w", (const char *const[]){"sleep 600; touch ended", NULL});
    watch(*state, &seen);
    result = run(*state, "w");
    assert_string_equal(json_get_text(result, "status", ""), "paused");
    assert_false(ops_project_has(*state, "ended"));
    json_decref(result);
}

static void the_third_interrupt_leaves_the_step_to_its_keeper(void **state)
{
    struct seen seen = {.interrupt = 3};
    json_t *result;

    ops_project_steps(
        *state, "w",
        (const char *const[]){"echo x >>count; until [ -e go ]; do sleep 0.05; done", NULL});
    watch(*state, &seen);
    result = run(*state, "w");
    assert_true(json_get_boolean(result, "left", false));
    assert_string_equal(json_get_text(result, "status", ""), "running");
    json_decref(result);
    ops_project_write(*state, "go", "");
    ops_project_reopen(*state);
    result = ops_project_call(*state, "resume", json_object());
    assert_string_equal(json_get_text(result, "status", ""), "completed");
    json_decref(result);
}

static bool approve(void *context, const char *question, char **ret_answer)
{
    static const char *const answers[] = {"what?", "yes"};

    assert_non_null(strstr(question, "Really?"));
    *ret_answer = mem_strdup(answers[(*(size_t *)context)++ % 2]);
    return true;
}

static bool later(void *context, const char *question, char **ret_answer)
{
    (void)context;
    (void)question;
    *ret_answer = mem_strdup("");
    return true;
}

static void an_approval_is_asked_for_and_the_run_goes_on(void **state)
{
    struct ops_project *project = *state;
    size_t asked = 0;
    json_t *result;

    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\nphases:\n  - id: a\n    steps: [{ id: ok, approve: Really? }]\n"
                      "  - id: b\n    steps: [{ id: s, run: touch done }]\n");
    project->view = (struct ops_view){.ask = later};
    result = run(project, "w");
    assert_string_equal(json_get_text(result, "status", ""), "paused");
    json_decref(result);
    project->view = (struct ops_view){.ask = approve, .context = &asked};
    result = run(project, "w");
    assert_string_equal(json_get_text(result, "status", ""), "completed");
    assert_int_equal(asked, 2); /* what is no answer is asked again */
    assert_true(ops_project_has(project, "done"));
    json_decref(result);
    /* The process behind --detach never asks. */
    result = ops_project_call(
        project, "run", json_pack("{s:s, s:b, s:b}", "workflow", "w", "no_input", 1, "fresh", 1));
    assert_string_equal(json_get_text(result, "status", ""), "paused");
    json_decref(result);
}

static void a_detached_run_is_stored_and_its_driver_started(void **state)
{
    json_t *result;
    json_t *status;

    ops_project_steps(*state, "w", (const char *const[]){"echo a", NULL});
    /* The program that drives is /bin/false here: the run stays as it was stored. */
    result = ops_project_call(*state, "run", json_pack("{s:s, s:b}", "workflow", "w", "detach", 1));
    assert_true(json_get_boolean(result, "detached", false));
    status = ops_project_call(*state, "status", json_object());
    assert_string_equal(json_get_text(status, "id", "a"), json_get_text(result, "id", "b"));
    json_decref(status);
    json_decref(result);
    result = ops_project_call(*state, "drive", json_pack("{s:s}", "run", "last"));
    assert_string_equal(json_get_text(result, "status", ""), "completed");
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_is_shown_from_its_begin_to_its_end,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_first_interrupt_lets_the_step_end, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_second_interrupt_stops_the_step, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_third_interrupt_leaves_the_step_to_its_keeper,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(an_approval_is_asked_for_and_the_run_goes_on,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_detached_run_is_stored_and_its_driver_started,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
