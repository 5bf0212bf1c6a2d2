/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Each step notes in `done` that it was done. */
static const char two_phases[] = "name: w\n"
                                 "inputs:\n"
                                 "  x: { type: string, default: one }\n"
                                 "  y: { type: string, required: true }\n"
                                 "phases:\n"
                                 "  - id: p\n"
                                 "    mode: parallel\n"
                                 "    steps:\n"
                                 "      - { id: a, run: echo a >>.git/done, reuse: inputs }\n"
                                 "      - { id: b, run: echo b >>.git/done, reuse: inputs }\n"
                                 "  - id: q\n"
                                 "    steps: [{ id: c, run: echo c >>.git/done, reuse: inputs }]\n";

static json_t *start(struct ops_project *project)
{
    ops_project_write(project, ".git/HEAD", "");
    ops_project_write(project, ".fermata/workflows/w.yaml", two_phases);
    return ops_project_call(project, "run",
                            json_pack("{s:s, s:s, s:s, s:{s:s}}", "workflow", "w", "task", "Do it",
                                      "label", "mine", "input", "y", "two"));
}

static json_t *fork_with(struct ops_project *project, const char *name, json_t *value)
{
    json_t *arguments = json_pack("{s:s}", "run", "last");

    if (name) {
        json_put(arguments, name, value);
    }
    return ops_project_call(project, "fork", arguments);
}

static int count_reused(const json_t *run)
{
    const json_t *phase;
    const json_t *step;
    size_t i;
    size_t k;
    int count = 0;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        json_array_foreach(json_object_get(phase, "steps"), k, step)
        {
            count += json_get_boolean(step, "reused", false) ? 1 : 0;
        }
    }
    return count;
}

static void a_fork_starts_as_its_run_did_and_says_whose_it_is(void **state)
{
    json_t *run = start(*state);
    json_t *fork = fork_with(*state, NULL, NULL);

    assert_string_equal(json_get_text(fork, "forked_from", ""), json_get_text(run, "id", "?"));
    assert_string_equal(json_get_text(fork, "task_id", ""), json_get_text(run, "task_id", "?"));
    assert_string_equal(json_get_text(fork, "task", ""), "Do it");
    assert_string_equal(json_get_text(fork, "label", ""), "mine");
    assert_true(json_equal(json_object_get(fork, "inputs"), json_object_get(run, "inputs")));
    assert_int_equal(count_reused(fork), 3);
    json_decref(run);
    run = ops_project_call(*state, "list", json_object());
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(run, "runs"), 0), "forked_from", ""),
        json_get_text(fork, "forked_from", "?"));
    assert_null(json_object_get(json_array_get(json_object_get(run, "runs"), 1), "forked_from"));
    json_decref(run);
    json_decref(fork);
}

static void a_step_and_all_that_needs_it_are_done_again(void **state)
{
    json_t *fork;

    json_decref(start(*state));
    fork = fork_with(*state, "from", json_string("c"));
    assert_int_equal(count_reused(fork), 2);
    json_decref(fork);
    fork = fork_with(*state, "from", json_string("b"));
    assert_int_equal(count_reused(fork), 1);
    json_decref(fork);
    fork = ops_project_call(*state, "explain", json_pack("{s:s, s:s}", "run", "last", "step", "c"));
    assert_non_null(strstr(
        json_get_text(json_array_get(json_object_get(fork, "steps"), 0), "why", ""), "--from"));
    json_decref(fork);
}

static void another_input_outweighs_that_of_the_run(void **state)
{
    json_t *fork;

    json_decref(start(*state));
    fork = fork_with(*state, "input", json_pack("{s:s}", "x", "other"));
    assert_string_equal(json_get_text(json_object_get(fork, "inputs"), "x", ""), "other");
    assert_string_equal(json_get_text(json_object_get(fork, "inputs"), "y", ""), "two");
    assert_int_equal(count_reused(fork), 0);
    json_decref(fork);
}

/* The file of the run is changed meanwhile: the fork has the text that the run has. */
static void the_text_is_that_of_the_run_unless_another_is_named(void **state)
{
    json_t *fork;

    json_decref(start(*state));
    ops_project_write(*state, ".fermata/workflows/w.yaml", "name: w\nphases: [\n");
    fork = fork_with(*state, NULL, NULL);
    assert_int_equal(count_reused(fork), 3);
    json_decref(fork);
    ops_project_write(*state, "edited.yaml",
                      "name: w\ninputs: { x: { type: string }, y: { type: string } }\n"
                      "phases: [{ id: other, steps: ["
                      "{ id: renamed, run: echo a >>.git/done, reuse: inputs }, "
                      "{ id: new, run: echo d >>.git/done, reuse: inputs }] }]\n");
    fork = fork_with(*state, "workflow", json_string("edited.yaml"));
    assert_int_equal(count_reused(fork), 1);
    json_decref(fork);
}

static void what_is_wrong_is_said_before_anything_starts(void **state)
{
    struct error err = ERROR_INIT;
    json_t *list;

    json_decref(start(*state));
    assert_int_equal(
        ops_project_fail(*state, "fork", json_pack("{s:s, s:s}", "run", "last", "from", "d"), &err),
        ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "no step \"d\""));
    assert_int_equal(ops_project_fail(*state, "fork",
                                      json_pack("{s:s, s:{s:s}}", "run", "last", "input", "z", "1"),
                                      &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "fork",
                                      json_pack("{s:s, s:s}", "run", "last", "workflow", "no.yaml"),
                                      &err),
                     ERROR_NOT_FOUND);
    list = ops_project_call(*state, "list", json_object());
    assert_int_equal(json_array_size(json_object_get(list, "runs")), 1);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fork_starts_as_its_run_did_and_says_whose_it_is,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_step_and_all_that_needs_it_are_done_again,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(another_input_outweighs_that_of_the_run, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_text_is_that_of_the_run_unless_another_is_named,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_before_anything_starts,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
