/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The agent asks two questions, until its prompt has answers, which it repeats. */
static void start_asking(struct ops_project *project)
{
    char *path = mem_printf("%s/asker.sh", project->folder);
    char *config = mem_printf("agents: { asker: { type: command, command: [%s] } }\n", path);

    ops_project_write(project, "asker.sh",
                      "#!/bin/sh\n"
                      "cat >prompt\n"
                      "grep '^A: ' prompt || echo '{\"clarification_needed\": true,"
                      " \"questions\": [\"Which?\", \"Why?\"], \"context\": \"Hm.\"}'\n");
    assert_int_equal(chmod(path, 0700), 0);
    ops_project_write(project, ".fermata/config.yaml", config);
    ops_project_write(
        project, ".fermata/workflows/w.yaml",
        "name: w\nphases: [{ id: p, steps: [{ id: a, agent: asker, prompt: Go }] }]\n");
    ops_project_reopen(project);
    free(config);
    free(path);
}

static void run_it(struct ops_project *project)
{
    json_decref(ops_project_call(project, "run", json_pack("{s:s}", "workflow", "w")));
}

static void assert_answered(struct ops_project *project, const char *expected)
{
    json_t *result = ops_project_call(project, "cat",
                                      json_pack("{s:s, s:s}", "run", "last", "name", "a"));
    char *text = json_dump_compact(result);

    if (!strstr(text, expected)) {
        fail_msg("not answered with %s: %s", expected, text);
    }
    free(text);
    json_decref(result);
}

static void the_step_may_stand_before_the_text(void **state)
{
    start_asking(*state);
    run_it(*state);
    json_decref(ops_project_call(
        *state, "answer",
        json_pack("{s:s, s:[s,s], s:b}", "run", "last", "text", "a", "this", "resume", 1)));
    assert_answered(*state, "A: this");
}

static void a_text_that_is_called_like_a_step_is_told_by_the_option(void **state)
{
    start_asking(*state);
    run_it(*state);
    json_decref(ops_project_call(*state, "answer",
                                 json_pack("{s:s, s:s, s:[s,s], s:b}", "run", "last", "step", "a",
                                           "text", "a", "b", "resume", 1)));
    assert_answered(*state, "A: a\\nA: b");
}

static void a_file_is_an_answer_and_an_empty_one_is_none(void **state)
{
    struct error err = ERROR_INIT;

    start_asking(*state);
    run_it(*state);
    ops_project_write(*state, "empty", "\n");
    ops_project_write(*state, "answer", "long\n");
    assert_int_equal(ops_project_fail(*state, "answer",
                                      json_pack("{s:s, s:s}", "run", "last", "file", "empty"),
                                      &err),
                     ERROR_INVALID);
    assert_int_equal(ops_project_fail(*state, "answer",
                                      json_pack("{s:s, s:s}", "run", "last", "file", "none"), &err),
                     ERROR_NOT_FOUND);
    assert_int_equal(ops_project_fail(*state, "answer", json_pack("{s:s}", "run", "last"), &err),
                     ERROR_INVALID);
    json_decref(ops_project_call(*state, "answer",
                                 json_pack("{s:s, s:[s], s:s, s:b}", "run", "last", "text", "a",
                                           "file", "answer", "resume", 1)));
    assert_answered(*state, "A: long");
}

struct person {
    int asked;
    const char *const *answers;
    char first[200];
};

static bool say(void *context, const char *question, char **ret_answer)
{
    struct person *person = context;

    if (person->asked == 0) {
        (void)snprintf(person->first, sizeof(person->first), "%s", question);
    }
    *ret_answer = mem_strdup(person->answers[person->asked]);
    person->asked += person->answers[person->asked] != NULL ? 1 : 0;
    return *ret_answer != NULL;
}

static void a_person_at_a_terminal_is_asked_at_once(void **state)
{
    struct ops_project *project = *state;
    struct person person = {.answers = (const char *const[]){"that", "because", NULL}};

    start_asking(project);
    project->view.ask = say;
    project->view.context = &person;
    run_it(project);
    assert_int_equal(person.asked, 2);
    assert_string_equal(person.first, "a asks: Hm.\nWhich?\n> ");
    assert_answered(project, "A: that\\nA: because");
}

static void no_answer_means_later_and_answer_asks_again(void **state)
{
    struct ops_project *project = *state;
    struct person silent = {.answers = (const char *const[]){"only this", "", NULL}};
    struct person later = {.answers = (const char *const[]){"x", "y", NULL}};
    json_t *run;

    start_asking(project);
    project->view.ask = say;
    project->view.context = &silent;
    run_it(project);
    run = ops_project_call(project, "status", json_object());
    assert_string_equal(json_get_text(run, "reason", ""), "question");
    json_decref(run);
    project->view.context = &later;
    json_decref(ops_project_call(project, "answer", json_pack("{s:s}", "run", "last")));
    assert_int_equal(later.asked, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_step_may_stand_before_the_text, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_text_that_is_called_like_a_step_is_told_by_the_option,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_an_answer_and_an_empty_one_is_none,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_person_at_a_terminal_is_asked_at_once, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(no_answer_means_later_and_answer_asks_again,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
