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

static const char workflow_text[] =
    "name: w\n"
    "inputs: { what: { type: string, default: x } }\n"
    "phases:\n"
    "  - id: a\n"
    "    steps:\n"
    "      - { id: one, run: echo 1, reuse: inputs }\n"
    "      - { id: never, run: echo 2 }\n"
    "      - { id: skipped, when: 'false', run: echo 3 }\n"
    "      - { id: many, foreach: [1, 2], run: echo 4, reuse: inputs }\n";

/* The answer about one step; the caller owns it. */
static json_t *explain(struct run_project *project, const char *step)
{
    struct error err = ERROR_INIT;
    json_t *answer = NULL;
    json_t *row;

    if (run_explain(project->store, project->id, step, &answer, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(json_array_size(json_object_get(answer, "steps")), 1);
    row = json_incref(json_array_get(json_object_get(answer, "steps"), 0));
    json_decref(answer);
    return row;
}

static void check(struct run_project *project, const char *step, const char *decision,
                  const char *why)
{
    json_t *row = explain(project, step);

    assert_string_equal(json_get_text(row, "decision", ""), decision);
    if (!strstr(json_get_text(row, "why", ""), why)) {
        fail_msg("%s: %s", step, json_get_text(row, "why", ""));
    }
    json_decref(row);
}

static void run_with(struct run_project *project, const char *text, const char *what, bool is_fresh)
{
    json_t *inputs = json_pack("{s:s}", "what", what);
    struct run_request request = {.inputs = inputs, .is_fresh = is_fresh};

    run_project_start(project, text, &request);
    run_project_go(project);
    json_decref(inputs);
}

static void the_first_time_there_is_nothing_to_take(void **state)
{
    run_with(*state, workflow_text, "x", false);
    check(*state, "one", "executed", "no earlier run");
    check(*state, "never", "executed", "never reused");
    check(*state, "skipped", "skipped", "when: false is false");
    check(*state, "many", "expanded", "2 instances");
    check(*state, "many[1]", "executed", "no earlier run");
}

static void what_is_the_same_is_taken_and_where_from_is_told(void **state)
{
    struct run_project *project = *state;
    char first[RUN_ID_SIZE];
    json_t *row;

    run_with(project, workflow_text, "x", false);
    memcpy(first, project->id, sizeof(first));
    run_with(project, workflow_text, "x", false);
    row = explain(project, "one");
    assert_string_equal(json_get_text(row, "decision", ""), "reused");
    assert_string_equal(json_get_text(row, "from", ""), first);
    assert_string_equal(json_get_text(row, "from_step", ""), "one");
    json_decref(row);
}

static void what_differs_is_named_also_what_is_no_longer_there(void **state)
{
    struct run_project *project = *state;
    json_t *row;

    run_with(project, workflow_text, "x", false);
    run_with(project, workflow_text, "y", false);
    row = explain(project, "one");
    assert_string_equal(json_get_text(row, "decision", ""), "executed");
    assert_int_equal(json_array_size(json_object_get(row, "differs")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(row, "differs"), 0)),
                        "inputs");
    json_decref(row);
    /* The first has an environment, the second has none. */
    run_with(project,
             "name: v\ninputs: { what: { type: string } }\nphases: [{ id: a, steps: [{ id: one,"
             " run: echo 7, env: { A: b }, reuse: inputs }] }]\n",
             "x", false);
    run_with(project,
             "name: v\ninputs: { what: { type: string } }\nphases: [{ id: a, steps: [{ id: one,"
             " run: echo 7, reuse: inputs }] }]\n",
             "x", false);
    row = explain(project, "one");
    assert_int_equal(json_array_size(json_object_get(row, "differs")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(row, "differs"), 0)),
                        "env");
    json_decref(row);
}

static void a_fresh_run_says_that_it_was_asked_to_be(void **state)
{
    char fresh[RUN_ID_SIZE];
    json_t *row;

    run_with(*state, workflow_text, "x", false);
    run_with(*state, workflow_text, "x", true);
    check(*state, "one", "executed", "--fresh");
    /* What it did can be taken by others. */
    memcpy(fresh, ((struct run_project *)*state)->id, sizeof(fresh));
    run_with(*state, workflow_text, "x", false);
    row = explain(*state, "one");
    assert_string_equal(json_get_text(row, "from", ""), fresh);
    json_decref(row);
}

static void an_earlier_failure_cannot_be_taken(void **state)
{
    static const char failing[] = "name: w\ninputs: { what: { type: string } }\n"
                                  "phases: [{ id: a, steps: [{ id: one, run: test -e fixed,"
                                  " retry: { attempts: 1 }, reuse: inputs }] }]\n";
    struct run_project *project = *state;

    run_with(project, failing, "x", false);
    run_project_write(project, "fixed", "");
    run_with(project, failing, "x", false);
    check(project, "one", "executed", "failed");
}

static void what_was_collected_is_done_again(void **state)
{
    static const char large[] = "name: w\ninputs: { what: { type: string } }\n"
                                "phases: [{ id: a, steps: [{ id: one, run: seq 1 2500,"
                                " reuse: inputs }] }]\n";
    struct run_project *project = *state;
    json_t *row;
    char *name;
    char *path;
    const json_t *output;
    const char *digest;

    run_with(project, large, "x", false);
    output = json_object_get(run_project_find(project, "attempt_ended", "one", 0), "output");
    digest = json_get_text(output, "digest", "");
    name = mem_printf("blobs/%.2s/%s", digest, digest + 2);
    path = path_join(project->folder, name);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    run_with(project, large, "x", false);
    row = explain(project, "one");
    assert_string_equal(json_get_text(row, "decision", ""), "executed");
    assert_non_null(strstr(json_get_text(row, "why", ""), "no longer there"));
    json_decref(row);
    free(path);
    free(name);
}

static void an_unknown_step_is_told(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *answer = NULL;

    run_with(project, workflow_text, "x", false);
    assert_int_equal(run_explain(project->store, project->id, "nix", &answer, &err),
                     ERROR_NOT_FOUND);
}

static void what_people_and_other_runs_do_is_told_as_such(void **state)
{
    struct run_project *project = *state;
    json_t *row;

    run_project_write(project, "workflows/sub.yaml",
                      "name: sub\nphases: [{ id: a, steps: [{ id: s, run: echo 1 }] }]\n");
    run_with(
        project,
        "name: w\ninputs: { what: { type: string } }\nphases: [{ id: a, steps: ["
        "{ id: inner, workflow: sub }, { id: ok, approve: Go? }, { id: later, run: 'true' }] }]\n",
        "x", false);
    check(project, "ok", "asked", "in every run");
    row = explain(project, "inner");
    assert_string_equal(json_get_text(row, "decision", ""), "nested");
    assert_non_null(json_get_text(row, "child", NULL));
    assert_non_null(strstr(json_get_text(row, "why", ""), json_get_text(row, "child", "")));
    json_decref(row);
}

static void what_a_return_did_again_is_explained_as_it_is_now(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(
        run_project_run(project, "name: w\nphases:\n"
                                 "  - { id: first, steps: [{ id: once, use: noop }] }\n"
                                 "  - { id: a, steps: [{ id: again, run: 'echo x >>count' }] }\n"
                                 "  - id: b\n"
                                 "    on_failure: { goto: a, max: 1 }\n"
                                 "    steps: [{ id: last, run: 'test $(wc -l <count) -ge 2',"
                                 " retry: { attempts: 1 } }]\n"),
        "completed");
    check(project, "once", "executed", "");
    check(project, "again", "executed", "");
    check(project, "last", "executed", "");
}

static void what_was_at_work_at_the_same_time_could_not_be_taken(void **state)
{
    static const char slow[] = "name: w\ninputs: { what: { type: string } }\n"
                               "phases: [{ id: a, steps: [{ id: one, reuse: inputs, run: 'until [ "
                               "-e go ]; do sleep 0.01; done' }] }]\n";
    struct run_project *project = *state;
    json_t *inputs = json_pack("{s:s}", "what", "x");
    struct run_request request = {.inputs = inputs};

    run_project_start(project, slow, &request);
    run_project_go_until(project, "attempt_started", "one");
    project->clock_shift_ms += 1000;
    run_project_start(project, slow, &request);
    run_project_go_until(project, "attempt_started", "one");
    run_project_write(project, "go", "");
    run_project_go(project);
    check(project, "one", "executed", "had not ended yet when this one began");
    json_decref(inputs);
}

static void what_was_not_done_at_all_says_how_it_stands(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(
        run_project_run(project, "name: w\nphases: [{ id: a, steps: [{ id: bad, agent: host, "
                                 "prompt: \"${{ run.iteration < 'x' }}\" }] }]\n"),
        "paused");
    check(project, "bad", "not executed", "it is failed");
}

/* Approved in the first round, and not come to in the second. */
static void what_a_return_did_not_come_to_again_is_not_executed(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    assert_string_equal(
        run_project_run(project,
                        "name: w\nphases:\n"
                        "  - { id: a, steps: [{ id: first, run: 'test ! -e came && touch came', "
                        "retry: { attempts: 1 }, success: [0] }, { id: ok, approve: Go? }] }\n"
                        "  - id: b\n"
                        "    on_failure: { goto: a, max: 1 }\n"
                        "    steps: [{ id: last, run: exit 1, retry: { attempts: 1 } }]\n"),
        "paused");
    check(project, "ok", "asked", "in every run");
    run_project_drop_engine(project);
    json_decref(run_project_ask(project, project->id, json_pack("{s:s}", "do", "approve"), &err));
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    check(project, "ok", "not executed", "it is pending");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_time_there_is_nothing_to_take),
        TEST(what_is_the_same_is_taken_and_where_from_is_told),
        TEST(what_differs_is_named_also_what_is_no_longer_there),
        TEST(a_fresh_run_says_that_it_was_asked_to_be),
        TEST(an_earlier_failure_cannot_be_taken),
        TEST(what_was_collected_is_done_again),
        TEST(an_unknown_step_is_told),
        TEST(what_people_and_other_runs_do_is_told_as_such),
        TEST(what_a_return_did_again_is_explained_as_it_is_now),
        TEST(what_was_at_work_at_the_same_time_could_not_be_taken),
        TEST(what_was_not_done_at_all_says_how_it_stands),
        TEST(what_a_return_did_not_come_to_again_is_not_executed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
