/* SPDX-License-Identifier: MIT */
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKFLOW(more)                                                                             \
    "name: w\ndefaults: { retry: { attempts: 1 } }\n"                                              \
    "phases: [{ id: p, steps: [{ id: s, prompt: go" more " }] }]\n"

static const json_t *ended(const struct run_project *project)
{
    return run_project_find(project, "attempt_ended", "s", 0);
}

static const char *answer(const struct run_project *project)
{
    return json_get_text(json_object_get(ended(project), "output"), "inline", "");
}

static void an_agent_gets_its_prompt_the_way_it_wants_it(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, prompt_by: "
                                   "file, command: [grep, -cx, go, '{prompt_file}'] }\n");
    assert_string_equal(run_project_run(project, WORKFLOW("")), "completed");
    assert_string_equal(answer(project), "1");
    run_project_drop_engine(project);
    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, prompt_by: "
                                   "argument, command: [echo, -n, got] }\n");
    assert_string_equal(run_project_run(project, WORKFLOW(", cwd: .")), "completed");
}

static void the_model_of_the_step_comes_before_that_of_the_agent(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, model: m1, "
                                   "command: [sh, -c, 'echo $FERMATA_MODEL'] }\n");
    assert_string_equal(run_project_run(project, WORKFLOW("")), "completed");
    assert_string_equal(answer(project), "m1");
    assert_string_equal(run_project_run(project, WORKFLOW(", model: m2")), "completed");
    assert_string_equal(answer(project), "m2");
}

static void what_the_agent_cannot_do_is_refused_before_it_is_called(void **state)
{
    struct run_project *project = *state;
    const char *error;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, "
                                   "command: [touch, called] }\n");
    assert_string_equal(run_project_run(project, WORKFLOW(", read_only: true")), "paused");
    error = json_get_text(ended(project), "error", "");
    assert_non_null(strstr(error, "`read_only`"));
    assert_string_equal(json_get_text(ended(project), "class", ""), "permanent");
    assert_false(run_project_has(project, "called"));
}

static void wrong_json_may_be_answered_better_once_more(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project,
                          "default_agent: a\nagents:\n  a: { type: command, command: [sh, -c, "
                          "'if test -e once; then echo 7; else touch once; echo seven; fi'] }\n");
    assert_string_equal(
        run_project_run(project, "name: w\nphases: [{ id: p, steps: [{ id: s, prompt: go, reuse: "
                                 "never, schema: { type: integer }, retry: { attempts: 2, delay: "
                                 "0s } }] }]\n"),
        "completed");
    assert_string_equal(json_get_text(ended(project), "class", ""), "transient");
    assert_int_equal(run_project_count(project, "attempt_ended", "s"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_agent_gets_its_prompt_the_way_it_wants_it),
        TEST(the_model_of_the_step_comes_before_that_of_the_agent),
        TEST(what_the_agent_cannot_do_is_refused_before_it_is_called),
        TEST(wrong_json_may_be_answered_better_once_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
