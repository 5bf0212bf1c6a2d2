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

/* How often the step with this text was really executed in a run of its own. */
static int executions(struct run_project *project, const char *step,
                      const struct run_request *request)
{
    char *text = mem_printf("name: w\ninputs: { i: { type: string, default: none } }\nphases:\n"
                            "  - id: a\n    steps:\n      - %s\n",
                            step);

    run_project_start(project, text, request);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    free(text);
    return run_project_count(project, "attempt_started", NULL);
}

#define PLAIN "{ id: s, run: echo x, reuse: inputs }"

static void a_finished_step_is_taken_by_a_later_run_whatever_its_name_and_place(void **state)
{
    struct run_project *project = *state;
    char first[RUN_ID_SIZE];
    const json_t *reused;

    assert_int_equal(executions(project, PLAIN, NULL), 1);
    memcpy(first, project->id, RUN_ID_SIZE);
    assert_int_equal(executions(project, PLAIN, NULL), 0);
    reused = run_project_find(project, "step_reused", "s", 0);
    assert_string_equal(json_get_text(reused, "from_run", ""), first);
    assert_string_equal(json_get_text(json_object_get(reused, "output"), "inline", ""), "x\n");
    assert_string_equal(
        run_project_run(project,
                        "name: other\ninputs: { i: { type: string, default: none } }\n"
                        "phases:\n  - id: z\n    steps:\n"
                        "      - { id: before, run: 'true' }\n"
                        "      - { id: renamed, needs: [before], run: echo x, reuse: inputs }\n"),
        "completed");
    assert_non_null(run_project_find(project, "step_reused", "renamed", 0));
    run_project_check_tables(project);
}

static void fresh_runs_and_steps_that_say_never_reuse_nothing(void **state)
{
    const struct run_request fresh = {.is_fresh = true};

    assert_int_equal(executions(*state, PLAIN, NULL), 1);
    assert_int_equal(executions(*state, PLAIN, &fresh), 1);
    assert_int_equal(executions(*state, "{ id: s, run: echo x, reuse: never }", NULL), 1);
    assert_int_equal(executions(*state, "{ id: s, run: echo x }", NULL), 1);
}

static void whatever_goes_into_a_command_changes_its_digest(void **state)
{
    static const char *const others[] = {
        "{ id: s, run: echo y, reuse: inputs }",
        "{ id: s, run: echo x, reuse: inputs, env: { A: b } }",
        "{ id: s, run: echo x, reuse: inputs, env: { A: c } }",
        "{ id: s, run: echo x, reuse: inputs, cwd: sub }",
        "{ id: s, run: echo x, reuse: inputs, output: out.txt }",
        "{ id: s, run: echo x, reuse: inputs, success: [0, 1] }",
        "{ id: s, run: echo x, reuse: inputs, artifacts: { f: file } }",
        "{ id: s, run: echo x, reuse: tree }",
    };
    struct run_project *project = *state;
    const struct run_request tasked = {.task = "another"};
    struct run_request with_inputs = {0};
    json_t *inputs = json_pack("{s:s}", "i", "other");

    run_project_write(project, "file", "");
    run_project_write(project, "sub/file", "");
    assert_int_equal(executions(project, PLAIN, NULL), 1);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_int_equal(executions(project, others[i], NULL), 1);
        assert_int_equal(executions(project, others[i], NULL), 0);
    }
    assert_int_equal(executions(project, PLAIN, &tasked), 1);
    with_inputs.inputs = inputs;
    assert_int_equal(executions(project, PLAIN, &with_inputs), 1);
    json_decref(inputs);
    assert_int_equal(executions(project, PLAIN, NULL), 0);
}

static void instances_of_a_foreach_are_told_apart_by_their_items(void **state)
{
    struct run_project *project = *state;
    const char *step = "{ id: s, foreach: '[\"a\", \"b\"]', run: 'echo $FERMATA_ITEM', reuse: "
                       "inputs }";
    const json_t *reused;

    assert_int_equal(executions(project, step, NULL), 2);
    assert_int_equal(executions(project, step, NULL), 0);
    reused = run_project_find(project, "step_reused", "s[1]", 0);
    assert_string_equal(json_get_text(json_object_get(reused, "output"), "inline", ""), "b\n");
}

static void a_step_by_its_tree_is_done_again_when_a_file_changed(void **state)
{
    struct run_project *project = *state;
    const char *step = "{ id: s, run: cat file, reuse: tree }";

    run_project_write(project, "file", "1");
    assert_int_equal(executions(project, step, NULL), 1);
    assert_int_equal(executions(project, step, NULL), 0);
    run_project_write(project, "file", "2");
    assert_int_equal(executions(project, step, NULL), 1);
    run_project_write(project, "file", "1");
    assert_int_equal(executions(project, step, NULL), 0);
}

static void a_result_whose_content_was_collected_is_made_again(void **state)
{
    struct run_project *project = *state;
    const char *step = "{ id: s, run: seq 2000, reuse: inputs }";
    const char *digest;
    char *path;

    assert_int_equal(executions(project, step, NULL), 1);
    digest = json_get_text(
        json_object_get(run_project_find(project, "attempt_ended", "s", 0), "output"), "digest",
        "");
    path = mem_printf("%s/blobs/%.2s/%s", project->folder, digest, digest + 2);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    free(path);
    assert_int_equal(executions(project, step, NULL), 1);
    assert_int_equal(executions(project, step, NULL), 0);
}

static void a_step_that_succeeded_only_on_its_second_try_is_reused(void **state)
{
    struct run_project *project = *state;
    const char *step = "{ id: s, run: 'test -e again || { touch again; exit 75; }', reuse: inputs, "
                       "retry: { attempts: 2, delay: 1ms } }";

    assert_int_equal(executions(project, step, NULL), 2);
    assert_int_equal(executions(project, step, NULL), 0);
}

static void a_failed_step_is_not_reused(void **state)
{
    struct run_project *project = *state;
    const char *text = "name: w\nphases:\n  - id: a\n    steps:\n"
                       "      - { id: s, run: exit 1, reuse: inputs, retry: { attempts: 1 } }\n";

    assert_string_equal(run_project_run(project, text), "paused");
    assert_string_equal(run_project_run(project, text), "paused");
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 1);
}

static void an_agent_step_knows_its_prompt_its_expert_and_the_agent_that_is_meant(void **state)
{
    struct run_project *project = *state;
    const char *step = "{ id: s, prompt: hello, expert: e, reuse: inputs, strategy: ai }";

    run_project_write(project, "experts/e.md", "careful");
    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: "
                                   "[cat] }\n");
    assert_int_equal(executions(project, step, NULL), 1);
    assert_int_equal(executions(project, step, NULL), 0);
    run_project_write(project, "experts/e.md", "bold");
    assert_int_equal(executions(project, step, NULL), 1);
    run_project_drop_engine(project);
    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: "
                                   "[cat, '-'] }\n");
    assert_int_equal(executions(project, step, NULL), 1);
    assert_int_equal(executions(project,
                                "{ id: s, prompt: hallo, expert: e, reuse: inputs, "
                                "strategy: ai }",
                                NULL),
                     1);
}

static const char answered[] =
    "name: w\ndefaults: { retry: { attempts: 1 } }\nphases:\n"
    "  - id: a\n"
    "    steps:\n"
    "      - { id: plain, run: echo 1, reuse: inputs }\n"
    "      - { id: asked, agent: good, prompt: go, reuse: inputs }\n"
    "      - { id: handed, agent: bad, fallback: [good], prompt: go on, reuse: inputs }\n"
    "      - { id: held, agent: bad, strategy: hybrid, prompt: go, static: { use: noop }, "
    "reuse: inputs }\n";

static void run_answered(struct run_project *project, char ret_id[RUN_ID_SIZE])
{
    assert_string_equal(run_project_run(project, answered), "completed");
    memcpy(ret_id, project->id, RUN_ID_SIZE);
}

static void assert_reused(const struct run_project *project, const char *from, const char *step,
                          const char *agent)
{
    const json_t *record = run_project_find(project, "step_reused", step, 0);

    assert_non_null(record);
    assert_string_equal(json_get_text(record, "from_run", ""), from);
    assert_string_equal(json_get_text(record, "agent", "nobody"), agent);
    assert_string_equal(json_get_text(record, "model", "none"),
                        strcmp(agent, "nobody") == 0 ? "none" : "m1");
}

static int forget_run(struct tx *tx, void *arg, struct error *err)
{
    static const struct query removals[] = {{"DELETE FROM step WHERE run = ?1"},
                                            {"DELETE FROM journal WHERE run = ?1"},
                                            {"DELETE FROM run WHERE id = ?1"}};
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(removals) && r >= 0; i++) {
        struct statement *statement = tx_query(tx, &removals[i]);

        bind_text(statement, 1, arg);
        r = tx_run(tx, statement, NULL, err);
    }
    return r;
}

/* Also when it was reused before, and when the run that it was done in is gone. */
static void of_what_is_reused_it_is_told_who_answered_when_it_was_done(void **state)
{
    struct run_project *project = *state;
    char first[RUN_ID_SIZE];
    char second[RUN_ID_SIZE];
    char third[RUN_ID_SIZE];

    run_project_configure(project, "agents:\n  good: { command: [echo, fine], model: m1 }\n"
                                   "  bad: { command: [sh, -c, 'echo 503 >&2; exit 1'] }\n");
    run_answered(project, first);
    run_answered(project, second);
    assert_reused(project, first, "plain", "nobody");
    assert_reused(project, first, "asked", "good");
    assert_reused(project, first, "handed", "good");
    assert_reused(project, first, "held", "nobody");
    run_answered(project, third);
    assert_reused(project, first, "asked", "good");
    run_project_check_tables(project);
    run_project_drop_engine(project);
    assert_int_equal(store_write(project->store, forget_run, first, NULL), 0);
    assert_int_equal(store_write(project->store, forget_run, third, NULL), 0);
    run_answered(project, third);
    assert_reused(project, second, "plain", "nobody");
    assert_reused(project, second, "asked", "good");
    assert_reused(project, second, "handed", "good");
    run_project_check_tables(project);
}

static int forget_details(struct tx *tx, void *arg, struct error *err)
{
    static const struct query changes[] = {{"DELETE FROM journal WHERE kind = 'attempt_ended'"},
                                           {"UPDATE step SET artifacts = NULL"}};
    int r = 0;

    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(changes) && r >= 0; i++) {
        r = tx_run(tx, tx_query(tx, &changes[i]), NULL, err);
    }
    return r;
}

/* As a store of another age, or one that lost a record, may have it. */
static void what_is_not_known_of_an_earlier_result_is_left_out(void **state)
{
    struct run_project *project = *state;
    char first[RUN_ID_SIZE];
    char second[RUN_ID_SIZE];

    run_project_configure(project, "agents:\n  good: { command: [echo, fine], model: m1 }\n"
                                   "  bad: { command: [sh, -c, 'echo 503 >&2; exit 1'] }\n");
    run_answered(project, first);
    run_project_drop_engine(project);
    assert_int_equal(store_write(project->store, forget_details, NULL, NULL), 0);
    run_answered(project, second);
    assert_string_equal(
        json_get_text(run_project_find(project, "step_reused", "asked", 0), "from_run", ""), first);
    assert_null(json_object_get(run_project_find(project, "step_reused", "asked", 0), "agent"));
}

static void a_result_of_which_an_artifact_was_collected_is_made_again(void **state)
{
    struct run_project *project = *state;
    const char
        *step = "{ id: s, run: echo 1 >f; echo 2 >g, reuse: inputs, artifacts: { f: f, g: g, "
                "h: f } }";
    const json_t *artifacts;
    char *path;

    assert_int_equal(executions(project, step, NULL), 1);
    assert_int_equal(executions(project, step, NULL), 0);
    artifacts = json_object_get(run_project_find(project, "step_reused", "s", 0), "artifacts");
    assert_int_equal(json_array_size(artifacts), 3);
    path = mem_printf("%s/blobs/%.2s/%s", project->folder,
                      json_get_text(json_array_get(artifacts, 1), "digest", ""),
                      json_get_text(json_array_get(artifacts, 1), "digest", "") + 2);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    free(path);
    assert_int_equal(executions(project, step, NULL), 1);
    assert_int_equal(executions(project, step, NULL), 0);
}

static void a_step_whose_variable_cannot_be_worked_out_fails_with_its_name(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(
        run_project_run(project,
                        "name: w\ninputs: { i: { type: string, default: none } }\nphases:\n"
                        "  - { id: a, steps: [{ id: s, run: 'true', reuse: inputs, env: { V: "
                        "\"${{ inputs.i < 3 }}\" } }] }\n"),
        "paused");
    assert_non_null(strstr(
        json_get_text(run_project_find(project, "step_moved", "s", 0), "error", ""), "argument V"));
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 0);
}

/* Without it nobody knows whether it was done already, and it might be paid twice. */
static void a_step_whose_files_cannot_be_looked_at_is_not_begun(void **state)
{
    struct run_project *project = *state;

    project->options.project = "/nonexistent/project";
    assert_string_equal(run_project_run(project, "name: w\nphases:\n  - id: a\n    steps:\n"
                                                 "      - { id: s, run: 'true', reuse: tree }\n"),
                        "paused");
    assert_non_null(
        strstr(json_get_text(run_project_find(project, "step_moved", "s", 0), "error", ""),
               "/nonexistent/project"));
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 0);
    run_project_drop_engine(project);
    project->options.project = project->project;
}

static void the_environment_of_an_agent_goes_into_its_steps(void **state)
{
    static const char *const values[] = {"one", "two"};
    struct run_project *project = *state;
    const char *step = "{ id: s, prompt: hello, reuse: inputs, strategy: ai }";

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char *text = mem_printf("default_agent: a\nagents:\n  a: { type: command, env: { V: %s }, "
                                "command: [sh, -c, 'echo $V'] }\n",
                                values[i]);

        run_project_drop_engine(project);
        run_project_configure(project, text);
        assert_int_equal(executions(project, step, NULL), 1);
        assert_int_equal(executions(project, step, NULL), 0);
        free(text);
    }
}

static void a_step_that_cannot_be_prepared_fails_with_the_reason(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: "
                                   "[cat] }\n");
    assert_string_equal(
        run_project_run(project, "name: w\nphases:\n  - id: a\n    steps:\n"
                                 "      - { id: s, prompt: hello, expert: nobody, strategy: ai "
                                 "}\n"),
        "paused");
    assert_non_null(strstr(
        json_get_text(run_project_find(project, "step_moved", "s", 0), "error", ""), "nobody"));
    assert_int_equal(run_project_count(project, "attempt_started", "s"), 0);
}

static void the_proof_of_a_check_names_the_tree_that_it_saw(void **state)
{
    struct run_project *project = *state;
    const json_t *checked;

    run_project_write(project, "file", "1");
    assert_string_equal(
        run_project_run(project, "name: w\ngates:\n  g: { commands: [{ run: 'true' }] }\nphases:\n"
                                 "  - { id: a, gate: g, steps: [{ id: s, run: 'true' }] }\n"),
        "completed");
    checked = run_project_find(project, "gate_checked", NULL, 0);
    assert_int_equal(strlen(json_get_text(json_object_get(checked, "proof"), "tree", "")), 64);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_finished_step_is_taken_by_a_later_run_whatever_its_name_and_place),
        TEST(fresh_runs_and_steps_that_say_never_reuse_nothing),
        TEST(whatever_goes_into_a_command_changes_its_digest),
        TEST(instances_of_a_foreach_are_told_apart_by_their_items),
        TEST(a_step_by_its_tree_is_done_again_when_a_file_changed),
        TEST(a_result_whose_content_was_collected_is_made_again),
        TEST(a_step_that_succeeded_only_on_its_second_try_is_reused),
        TEST(a_failed_step_is_not_reused),
        TEST(an_agent_step_knows_its_prompt_its_expert_and_the_agent_that_is_meant),
        TEST(of_what_is_reused_it_is_told_who_answered_when_it_was_done),
        TEST(what_is_not_known_of_an_earlier_result_is_left_out),
        TEST(a_result_of_which_an_artifact_was_collected_is_made_again),
        TEST(a_step_whose_variable_cannot_be_worked_out_fails_with_its_name),
        TEST(a_step_whose_files_cannot_be_looked_at_is_not_begun),
        TEST(the_environment_of_an_agent_goes_into_its_steps),
        TEST(a_step_that_cannot_be_prepared_fails_with_the_reason),
        TEST(the_proof_of_a_check_names_the_tree_that_it_saw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
