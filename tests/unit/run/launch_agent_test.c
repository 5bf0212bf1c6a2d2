/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static void the_contracts_of_the_workflow_stand_behind_the_task(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, prompt_by: "
                                   "file, command: [grep, -xE, '(go|# Rules|## Evid.*|## No.*)', "
                                   "'{prompt_file}'] }\n");
    assert_string_equal(run_project_run(project, "contracts: [yagni, evidence]\n" WORKFLOW("")),
                        "completed");
    assert_string_equal(answer(project),
                        "go\n# Rules\n## No more than is needed (YAGNI)\n## Evidence");
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

static void a_prompt_that_cannot_be_worked_out_is_given_to_nobody(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, "
                                   "command: [touch, called] }\n");
    assert_string_equal(run_project_run(project,
                                        "name: w\ndefaults: { retry: { attempts: 1 } }\n"
                                        "phases: [{ id: p, steps: [{ id: s, reuse: never, prompt: "
                                        "\"${{ run.id < 3 }}\" }] }]\n"),
                        "paused");
    assert_non_null(strstr(json_get_text(ended(project), "error", ""), "<"));
    assert_false(run_project_has(project, "called"));
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

/* Notes how it was called, then says what the n-th file of answers says. */
static void write_program(const struct run_project *project)
{
    char *path;

    run_project_write(project, "program",
                      "#!/bin/sh\n"
                      "n=$(cat called 2>/dev/null | wc -l)\n"
                      "echo \"$ANTHROPIC_API_KEY $*\" >>called\n"
                      "cat >\"prompt.$n\"\n"
                      "cat \"answer.$n\"\n");
    path = path_join(project->project, "program");
    assert_int_equal(chmod(path, 0700), 0);
    free(path);
}

static void configure_program(struct run_project *project, const char *more)
{
    char *text = mem_printf(
        "default_agent: c\nagents:\n  c: { type: claude, command: %s/program%s }\n",
        project->project, more);

    write_program(project);
    run_project_configure(project, text);
    free(text);
}

#define SESSION(id) "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"" id "\"}\n"
#define RESULT(text)                                                                               \
    "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"" text "\"}\n"
#define OVERLOADED                                                                                 \
    "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":529,"     \
    "\"result\":\"API Error: 529 overloaded\"}\n"

static void assert_file_has(const struct run_project *project, const char *name, const char *part,
                            bool is_there)
{
    char *text = run_project_read(project, name);

    if ((strstr(text, part) != NULL) != is_there) {
        fail_msg("%s: %s: %s", name, part, text);
    }
    free(text);
}

static void a_program_gets_the_configured_key_where_it_looks_for_it(void **state)
{
    static const char *const environment[] = {
        "PATH=/usr/bin:/bin", "HOMES=/none", "KEY=from-env", "EMPTY=", NULL, NULL};
    const char *variables[ARRAY_LEN(environment)];
    static const struct {
        const char *key, *seen;
    } samples[] = {
        {", key: 'env:KEY'", "from-env -p"},
        {", key: 'file:key.txt'", "from-file -p"},
        {", key: 'file:~/key.txt'", "from-home -p"},
        {", env: { ANTHROPIC_API_KEY: own }, key: 'env:KEY'", "own -p"},
    };
    struct run_project *project = *state;
    char *home = mem_printf("HOME=%s/home", project->project);

    memcpy(variables, environment, sizeof(variables));
    variables[ARRAY_LEN(environment) - 2] = home;
    project->options.environment = variables;
    run_project_write(project, "key.txt", "from-file\nsecond line\n");
    run_project_write(project, "home/key.txt", "from-home");
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        run_project_drop_engine(project);
        configure_program(project, samples[i].key);
        run_project_write(project, "called", "");
        run_project_write(project, "answer.0", SESSION("s1") RESULT("fine"));
        assert_string_equal(run_project_run(project, WORKFLOW(", reuse: never")), "completed");
        assert_file_has(project, "called", samples[i].seen, true);
    }
    free(home);
}

static void without_its_key_a_program_is_not_called(void **state)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "EMPTY=", NULL};
    static const struct {
        const char *key, *error;
    } samples[] = {
        {", key: 'env:ABSENT'", "env:ABSENT is not set"},
        {", key: 'env:EMPTY'", "env:EMPTY is not set"},
        {", key: 'file:absent.txt'", "absent.txt"},
        {", key: 'file:~/absent.txt'", "~/absent.txt"},
        {", key: 'file:empty.txt'", "file:empty.txt is empty"},
    };
    struct run_project *project = *state;

    project->options.environment = environment;
    run_project_write(project, "empty.txt", "\n");
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        run_project_drop_engine(project);
        configure_program(project, samples[i].key);
        assert_string_equal(run_project_run(project, WORKFLOW("")), "paused");
        assert_non_null(strstr(json_get_text(ended(project), "error", ""), samples[i].error));
    }
    assert_false(run_project_has(project, "called"));
}

static void a_session_is_gone_on_with_after_an_interruption(void **state)
{
    struct run_project *project = *state;

    configure_program(project, "");
    run_project_write(project, "answer.0", SESSION("s1") OVERLOADED);
    run_project_write(project, "answer.1", SESSION("s1") RESULT("fine"));
    assert_string_equal(run_project_run(project,
                                        "name: w\nphases: [{ id: p, steps: [{ id: s, prompt: go,"
                                        " retry: { attempts: 2, delay: 0s } }] }]\n"),
                        "completed");
    assert_file_has(project, "called", "--resume s1", true);
    assert_file_has(project, "prompt.0", "was interrupted", false);
    assert_file_has(project, "prompt.1", "was interrupted (API Error: 529 overloaded)", true);
}

static void a_session_that_asked_is_told_the_answer_and_of_no_interruption(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    configure_program(project, "");
    run_project_write(project, "answer.0",
                      SESSION("s1") RESULT("{\\\"clarification_needed\\\":true,\\\"questions\\\":["
                                           "\\\"Which one?\\\"]}"));
    run_project_write(project, "answer.1", SESSION("s1") RESULT("fine"));
    assert_string_equal(run_project_run(project, WORKFLOW("")), "paused");
    run_project_reopen(project);
    json_decref(run_project_ask(project, project->id,
                                json_pack("{s:s, s:[s]}", "do", "answer", "answers", "that one"),
                                &err));
    assert_string_equal(err.text, "");
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_file_has(project, "called", "--resume s1", true);
    assert_file_has(project, "prompt.1", "that one", true);
    assert_file_has(project, "prompt.1", "was interrupted", false);
}

static void the_tools_of_a_step_are_those_that_its_agent_may_use(void **state)
{
    struct run_project *project = *state;

    configure_program(project, "");
    run_project_write(project, "answer.0", SESSION("s1") RESULT("fine"));
    assert_string_equal(run_project_run(project, WORKFLOW(", tools: [Read, Grep], reuse: inputs")),
                        "completed");
    assert_file_has(project, "called", "Read", true);
    assert_file_has(project, "called", "Grep", true);
    /* Other tools are other work. */
    run_project_write(project, "answer.1", SESSION("s1") RESULT("fine"));
    assert_string_equal(run_project_run(project, WORKFLOW(", tools: [Read], reuse: inputs")),
                        "completed");
    assert_true(run_project_has(project, "prompt.1"));
    assert_string_equal(run_project_run(project, WORKFLOW(", tools: [Read], reuse: inputs")),
                        "completed");
    assert_false(run_project_has(project, "prompt.2"));
}

static void the_tools_of_an_expert_are_those_that_its_agent_may_use(void **state)
{
    struct run_project *project = *state;

    configure_program(project, "");
    for (int i = 0; i < 4; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "answer.%d", i);
        run_project_write(project, name, SESSION("s1") RESULT("fine"));
    }
    run_project_write(project, "experts/e.md",
                      "---\ntools: { claude: [\"Bash(git log:*)\", Read] }\n---\n\nYou know.\n");
    assert_string_equal(run_project_run(project, WORKFLOW(", expert: e, reuse: inputs")),
                        "completed");
    assert_file_has(project, "called", "Bash(git log:*)", true);
    assert_string_equal(run_project_run(project, WORKFLOW(", expert: e, reuse: inputs")),
                        "completed");
    assert_false(run_project_has(project, "prompt.1"));
    /* Other tools are other work, also where the prompt is the same. */
    run_project_write(project, "experts/e.md",
                      "---\ntools: { claude: [\"Bash(git show:*)\"] }\n---\n\nYou know.\n");
    assert_string_equal(run_project_run(project, WORKFLOW(", expert: e, reuse: inputs")),
                        "completed");
    assert_file_has(project, "called", "Bash(git show:*)", true);
    /* The step's own go first. */
    assert_string_equal(
        run_project_run(project, WORKFLOW(", expert: e, tools: [Grep], reuse: inputs")),
        "completed");
    assert_file_has(project, "called", "Grep", true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_agent_gets_its_prompt_the_way_it_wants_it),
        TEST(the_contracts_of_the_workflow_stand_behind_the_task),
        TEST(the_model_of_the_step_comes_before_that_of_the_agent),
        TEST(what_the_agent_cannot_do_is_refused_before_it_is_called),
        TEST(a_prompt_that_cannot_be_worked_out_is_given_to_nobody),
        TEST(wrong_json_may_be_answered_better_once_more),
        TEST(a_program_gets_the_configured_key_where_it_looks_for_it),
        TEST(without_its_key_a_program_is_not_called),
        TEST(a_session_is_gone_on_with_after_an_interruption),
        TEST(a_session_that_asked_is_told_the_answer_and_of_no_interruption),
        TEST(the_tools_of_a_step_are_those_that_its_agent_may_use),
        TEST(the_tools_of_an_expert_are_those_that_its_agent_may_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
