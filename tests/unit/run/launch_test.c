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
#include <unistd.h>

#include <cmocka.h>

static void run_step(struct run_project *project, const char *step,
                     const struct run_request *request)
{
    char *text = mem_printf("name: w\ninputs: { my-name: { type: string, default: ada } }\n"
                            "phases:\n  - id: a\n    steps:\n      - %s\n",
                            step);

    run_project_start(project, text, request);
    run_project_go(project);
    free(text);
}

static const char *output_of(const struct run_project *project, const char *step)
{
    return json_get_text(
        json_object_get(run_project_find(project, "attempt_ended", step, 0), "output"), "inline",
        "");
}

static const char *error_of(const struct run_project *project)
{
    return json_get_text(run_project_find(project, "attempt_ended", "s", 0), "error", "");
}

static void a_command_gets_its_values_through_its_environment(void **state)
{
    struct run_project *project = *state;
    const struct run_request request = {.task = "do 'it'; $(rm)"};
    char *expected;

    run_step(project,
             "{ id: s, env: { MINE: 'a ${{ inputs.my-name }}' }, run: 'echo "
             "\"$FERMATA_INPUT_MY_NAME|$MINE|$FERMATA_TASK|$FERMATA_PHASE|$FERMATA_STEP|"
             "$FERMATA_ATTEMPT|$FERMATA_RUN\"' }",
             &request);
    expected = mem_printf("ada|a ada|do 'it'; $(rm)|a|s|1|%s\n", project->id);
    assert_string_equal(output_of(project, "s"), expected);
    free(expected);
}

static void a_value_never_becomes_part_of_the_text_of_a_command(void **state)
{
    struct run_project *project = *state;
    const struct run_request request = {.inputs = json_pack("{s:s}", "my-name", "$(touch owned)")};

    run_step(project, "{ id: s, run: 'echo $FERMATA_INPUT_MY_NAME' }", &request);
    assert_string_equal(output_of(project, "s"), "$(touch owned)\n");
    assert_false(run_project_has(project, "owned"));
    json_decref((json_t *)request.inputs);
}

static void instances_know_their_item_and_their_number(void **state)
{
    struct run_project *project = *state;

    run_step(project,
             "{ id: s, foreach: '[\"x\", [1, 2]]', run: 'echo $FERMATA_INDEX $FERMATA_ITEM' }",
             NULL);
    assert_string_equal(output_of(project, "s[0]"), "0 x\n");
    assert_string_equal(output_of(project, "s[1]"), "1 [1,2]\n");
}

static void each_name_stands_once_in_the_environment(void **state)
{
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                              "FERMATA_STEP=outer",
                                              "FERMATA_INPUT_OLD=outer",
                                              "FERMATA_TASK_FILE=outer",
                                              "FERMATA_ITEM_FILE=outer",
                                              "MINE=outer",
                                              NULL};
    struct run_project *project = *state;

    project->options.environment = environment;
    run_step(project,
             "{ id: s, env: { MINE: own }, run: 'env | grep -E \"^(MINE|FERMATA_STEP|"
             "FERMATA_(INPUT|TASK|ITEM)_)\" | grep -v MY_NAME | sort' }",
             NULL);
    assert_string_equal(output_of(project, "s"), "FERMATA_STEP=s\nMINE=own\n");
}

/* An input is called as the file of another one would be. */
static void run_step_with_file_input(struct run_project *project, const char *inputs,
                                     const struct run_request *request)
{
    char *text = mem_printf("name: w\ninputs: { %s }\nphases:\n  - id: a\n    steps:\n"
                            "      - { id: s, run: 'echo $FERMATA_INPUT_MY_NAME_FILE' }\n",
                            inputs);

    run_project_start(project, text, request);
    run_project_go(project);
    free(text);
}

static void a_value_too_large_for_an_environment_lies_in_a_file(void **state)
{
    struct run_project *project = *state;
    char *large = mem_alloc(200001);
    struct run_request request = {.task = large};

    memset(large, 'x', 200000);
    large[200000] = '\0';
    run_step(project,
             "{ id: s, run: 'echo \"${FERMATA_TASK-none}\"; wc -c <\"$FERMATA_TASK_FILE\"; tr -d x "
             "<\"$FERMATA_TASK_FILE\"; basename \"$(dirname \"$FERMATA_TASK_FILE\")\"' }",
             &request);
    assert_string_equal(output_of(project, "s"), "none\n200000\ns.1\n");
    request.inputs = json_pack("{s:s}", "my-name", large);
    request.task = NULL;
    run_step(project,
             "{ id: s, foreach: '[inputs.my-name, [inputs.my-name], 1]', run: "
             "'wc -c <$FERMATA_INPUT_MY_NAME_FILE; wc -c <${FERMATA_ITEM_FILE-/dev/null}; "
             "echo ${FERMATA_ITEM-none}' }",
             &request);
    assert_string_equal(output_of(project, "s[0]"), "200000\n200000\nnone\n");
    assert_string_equal(output_of(project, "s[1]"), "200000\n200004\nnone\n");
    assert_string_equal(output_of(project, "s[2]"), "200000\n0\n1\n");
    run_step_with_file_input(project, "my-name: {}, my-name-file: { default: own }", &request);
    assert_string_equal(output_of(project, "s"), "own\n");
    run_step_with_file_input(project, "my-name-file: { default: own }, my-name: {}", &request);
    assert_string_equal(output_of(project, "s"), "own\n");
    run_step(project, "{ id: s, env: { V: '${{ inputs.my-name }}' }, run: 'true' }", &request);
    assert_string_equal(error_of(project), "env V: the text is longer than 98304 bytes");
    json_decref((json_t *)request.inputs);
    free(large);
}

static void a_step_runs_in_its_folder_of_the_project(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "sub/file", "here");
    run_step(project, "{ id: s, cwd: sub, run: cat file }", NULL);
    assert_string_equal(output_of(project, "s"), "here");
    run_step(project, "{ id: s, run: cat sub/file }", NULL);
    assert_string_equal(output_of(project, "s"), "here");
}

static void an_agent_gets_role_task_and_schema_on_its_standard_input(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "experts/e.md", "You are careful.");
    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: "
                                   "[cat] }\n");
    run_step(project,
             "{ id: s, prompt: 'Greet ${{ inputs.my-name }}', expert: e, strategy: ai, "
             "questions: 0 }",
             NULL);
    assert_string_equal(output_of(project, "s"),
                        "# Your role\n\nYou are careful.\n\n# Your task\n\nGreet ada");
    run_step(project, "{ id: s, prompt: Count, strategy: ai, schema: { type: integer } }", NULL);
    assert_non_null(strstr(output_of(project, "s"), "\"type\": \"integer\""));
    assert_non_null(strstr(output_of(project, "s"), "# If you cannot go on"));
}

static void an_agent_that_cannot_be_used_is_named_with_the_way_out(void **state)
{
    static const char *const configurations[] = {
        "agents: {}\n", "agents:\n  a: { type: command, command: [cat], enabled: false }\n"};
    static const char *const reasons[] = {"not configured", "disabled"};
    struct run_project *project = *state;

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        run_project_drop_engine(project);
        run_project_configure(project, configurations[i]);
        run_step(project, "{ id: s, agent: a, prompt: x, strategy: ai }", NULL);
        assert_non_null(strstr(error_of(project), reasons[i]));
    }
}

static void a_function_gets_its_arguments_as_json(void **state)
{
    struct run_project *project = *state;

    /* Not inline: a process of its own. */
    run_step(project, "{ id: s, use: inventory, retry: { attempts: 1 } }", NULL);
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_started", "s", 0), "name", ""),
        "inventory");
    assert_string_equal(error_of(project), "");
}

static void an_unknown_function_fails_the_step(void **state)
{
    struct run_project *project = *state;

    run_step(project, "{ id: s, use: nothing-of-the-kind, retry: { attempts: 1 } }", NULL);
    assert_string_equal(run_project_status(project, project->id), "paused");
}

static void output_beyond_the_ceiling_keeps_head_tail_and_count(void **state)
{
    struct run_project *project = *state;
    const json_t *output;

    run_project_configure(project, "output_bytes_max: 4096\n");
    run_step(project, "{ id: s, run: 'seq 100000' }", NULL);
    output = json_object_get(run_project_find(project, "attempt_ended", "s", 0), "output");
    assert_int_equal(json_get_integer(output, "bytes", 0), 588895);
    assert_int_equal(json_get_integer(output, "cut", 0), 588895 - 4096);
}

static void a_step_that_takes_too_long_is_ended(void **state)
{
    struct run_project *project = *state;

    run_step(project, "{ id: s, run: 'sleep 600', timeout: 100ms, retry: { attempts: 1 } }", NULL);
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_ended", "s", 0), "class", ""), "timeout");
}

/* The output of `r` is gone before the step `s` wants it. */
static void want_lost_output(struct run_project *project, const char *step)
{
    char *text = mem_printf("name: w\nphases:\n  - id: a\n    steps:\n"
                            "      - { id: r, run: seq 1000 }\n"
                            "      - { id: w, run: 'until [ -e go ]; do sleep 0.02; done' }\n"
                            "      - %s\n",
                            step);
    const char *digest;
    char *path;

    run_project_start(project, text, NULL);
    run_project_go_until(project, "attempt_started", "w");
    digest = json_get_text(
        json_object_get(run_project_find(project, "attempt_ended", "r", 0), "output"), "digest",
        "");
    path = mem_printf("%s/blobs/%.2s/%s", project->folder, digest, digest + 2);
    assert_int_equal(unlink(path), 0);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    free(path);
    free(text);
}

static void a_value_that_cannot_be_read_is_never_left_out(void **state)
{
    static const char *const steps[] = {
        "{ id: s, run: 'touch ran', env: { V: '${{ steps.r.output }}' } }",
        "{ id: s, use: noop, with: { value: '${{ steps.r.output }}' } }",
        "{ id: s, agent: a, prompt: 'See ${{ steps.r.output }}', strategy: ai, reuse: never }",
        "{ id: s, agent: a, prompt: 'See ${{ steps.r.output }}', strategy: ai }",
    };
    struct run_project *project = *state;
    char *go = path_join(project->project, "go");

    run_project_configure(project, "agents:\n  a: { type: command, command: [touch, ran] }\n");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        const json_t *failed;

        want_lost_output(project, steps[i]);
        failed = run_project_find(project, "step_moved", "s", 0);
        assert_non_null(
            strstr(json_get_text(failed, "error", ""), "the output of step r cannot be read"));
        assert_false(run_project_has(project, "ran"));
        assert_int_equal(file_remove_tree(go, NULL), 0);
    }
    free(go);
}

static void an_input_that_is_null_is_no_variable(void **state)
{
    struct run_project *project = *state;
    const struct run_request request = {.inputs = json_pack("{s:n}", "my-name")};

    run_project_start(project,
                      "name: w\ninputs: { my-name: {} }\nphases:\n  - id: a\n    steps:\n"
                      "      - { id: s, run: 'echo ${FERMATA_INPUT_MY_NAME-none}' }\n",
                      &request);
    run_project_go(project);
    assert_string_equal(output_of(project, "s"), "none\n");
    json_decref((json_t *)request.inputs);
}

static void without_an_environment_a_step_has_its_own_values(void **state)
{
    struct run_project *project = *state;

    project->options.environment = NULL;
    run_step(project, "{ id: s, run: 'echo $FERMATA_STEP' }", NULL);
    assert_string_equal(output_of(project, "s"), "s\n");
}

static void a_value_that_is_not_there_is_an_empty_variable_and_a_null_argument(void **state)
{
    struct run_project *project = *state;

    run_step(project, "{ id: s, env: { MINE: '${{ run.task }}' }, run: 'echo \"[${MINE-none}]\"' }",
             NULL);
    assert_string_equal(output_of(project, "s"), "[]\n");
    run_step(project, "{ id: s, use: noop, with: { value: '${{ run.task }}' } }", NULL);
    assert_true(json_is_null(json_object_get(
        json_object_get(run_project_find(project, "step_done", "s", 0), "output"), "json")));
}

/* Its folder is that of another attempt; the next one may change the files all the same. */
static void an_agent_that_could_not_be_started_gives_its_turn_back(void **state)
{
    struct run_project *project = *state;
    char *name;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: "
                                   "[sh, -c, 'echo x >made; echo fine'] }\n");
    run_project_start(project,
                      "name: w\nphases: [{ id: p, steps: [{ id: s, prompt: go, retry: { attempts: "
                      "2, delay: 0s } }] }]\n",
                      NULL);
    name = mem_printf(".fermata/workflows/%s/attempts/s.1/claim", project->id);
    run_project_write(project, name, "");
    run_project_go(project);
    free(name);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_non_null(strstr(error_of(project), "was started before"));
    assert_true(run_project_has(project, "made"));
}

static void a_clone_that_cannot_be_made_starts_no_agent(void **state)
{
    struct run_project *project = *state;
    char *name;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: "
                                   "[touch, called] }\n");
    run_project_start(project,
                      "name: w\nphases: [{ id: p, steps: [{ id: s, prompt: go, workspace: clone, "
                      "retry: { attempts: 1 } }] }]\n",
                      NULL);
    name = mem_printf(".fermata/workflows/%s/workspaces", project->id);
    run_project_write(project, name, "in the way");
    run_project_go(project);
    free(name);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_non_null(strstr(error_of(project), "workspaces"));
    assert_false(run_project_has(project, "called"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_gets_its_values_through_its_environment),
        TEST(a_value_never_becomes_part_of_the_text_of_a_command),
        TEST(instances_know_their_item_and_their_number),
        TEST(each_name_stands_once_in_the_environment),
        TEST(a_value_too_large_for_an_environment_lies_in_a_file),
        TEST(a_step_runs_in_its_folder_of_the_project),
        TEST(an_agent_gets_role_task_and_schema_on_its_standard_input),
        TEST(an_agent_that_cannot_be_used_is_named_with_the_way_out),
        TEST(a_function_gets_its_arguments_as_json),
        TEST(an_unknown_function_fails_the_step),
        TEST(output_beyond_the_ceiling_keeps_head_tail_and_count),
        TEST(a_step_that_takes_too_long_is_ended),
        TEST(a_value_that_cannot_be_read_is_never_left_out),
        TEST(an_agent_that_could_not_be_started_gives_its_turn_back),
        TEST(a_clone_that_cannot_be_made_starts_no_agent),
        TEST(an_input_that_is_null_is_no_variable),
        TEST(without_an_environment_a_step_has_its_own_values),
        TEST(a_value_that_is_not_there_is_an_empty_variable_and_a_null_argument),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
