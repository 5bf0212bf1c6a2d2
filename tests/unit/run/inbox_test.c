/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "run/own.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char waiting[] = "name: w\nphases:\n  - id: a\n    steps:\n"
                              "      - { id: s, run: 'until [ -e go ]; do sleep 0.02; done' }\n"
                              "  - { id: b, steps: [{ id: t, run: touch t }] }\n";

struct letter {
    const char *run, *command;
    int64_t id;
    char *answer;
};

static const struct query q_add = {
    "INSERT INTO inbox (run, command, sender, at) VALUES (?1, ?2, 'ada', 1) RETURNING id"};
static const struct query q_answer = {"SELECT answer FROM inbox WHERE id = ?1"};

static int add(struct tx *tx, void *arg, struct error *err)
{
    struct letter *letter = arg;
    struct statement *statement = tx_query(tx, &q_add);

    bind_text(statement, 1, letter->run);
    bind_text(statement, 2, letter->command);
    assert_int_equal(statement_step(statement, err), 1);
    letter->id = column_integer(statement, 0);
    return tx_run(tx, statement, NULL, err);
}

static int read_answer(struct tx *tx, void *arg, struct error *err)
{
    struct letter *letter = arg;
    struct statement *statement = tx_query(tx, &q_answer);

    bind_integer(statement, 1, letter->id);
    assert_int_equal(statement_step(statement, err), 1);
    letter->answer = mem_strdup(column_text(statement, 0));
    return 0;
}

static struct letter post(struct run_project *project, const char *run, const char *command)
{
    struct letter letter = {.run = run, .command = command};

    assert_int_equal(store_write(project->store, add, &letter, NULL), 0);
    return letter;
}

static void knock(struct run_project *project)
{
    char *path = run_lock_path(project->folder);

    assert_int_equal(file_append(path, "\n", 1, NULL), 0);
    free(path);
}

/* What stands in the answer under the key; free() it. NULL: no answer. */
static char *answer_of(struct run_project *project, struct letter *letter, const char *key)
{
    json_t *answer = NULL;
    char *text;

    assert_int_equal(store_read(project->store, read_answer, letter, NULL), 0);
    if (!letter->answer) {
        return NULL;
    }
    assert_int_equal(
        json_parse_text(letter->answer, strlen(letter->answer), "answer", &answer, NULL), 0);
    text = mem_strdup(json_get_text(answer, key, ""));
    json_decref(answer);
    free(letter->answer);
    letter->answer = NULL;
    return text;
}

static void assert_answer(struct run_project *project, struct letter *letter, const char *key,
                          const char *part)
{
    char *text = answer_of(project, letter, key);

    assert_non_null(text);
    assert_non_null(strstr(text, part));
    free(text);
}

static void a_command_is_taken_when_somebody_knocks(void **state)
{
    struct run_project *project = *state;
    struct letter letter;

    run_project_start(project, waiting, NULL);
    run_project_go_until(project, "attempt_started", "s");
    letter = post(project, project->id, "{\"do\":\"pause\"}");
    knock(project);
    run_project_go_until(project, "run_wished", NULL);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_answer(project, &letter, "wish", "pause");
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_false(run_project_has(project, "t"));
}

static void what_was_asked_before_the_owner_came_is_obeyed(void **state)
{
    struct run_project *project = *state;
    struct letter letter;

    run_project_start(project, waiting, NULL);
    run_project_go_until(project, "attempt_started", "s");
    run_project_drop_engine(project);
    letter = post(project, project->id, "{\"do\":\"cancel\"}");
    assert_int_equal(run_project_adopt(project, project->id, NULL), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "cancelled");
    assert_answer(project, &letter, "wish", "cancel");
}

static void a_command_is_taken_once_however_often_somebody_knocks(void **state)
{
    struct run_project *project = *state;

    run_project_start(project, waiting, NULL);
    run_project_go_until(project, "attempt_started", "s");
    for (int i = 0; i < 20; i++) {
        (void)post(project, project->id, "{\"do\":\"signal\",\"name\":\"x\"}");
        for (int k = 0; k < 5; k++) {
            knock(project);
        }
        run_project_go_until(project, "signal_received", NULL);
        knock(project);
    }
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_int_equal(run_project_count(project, "signal_received", NULL), 20);
}

static void a_refusal_and_nonsense_are_answered(void **state)
{
    struct run_project *project = *state;
    struct letter refused;
    struct letter nonsense;
    struct letter broken;

    run_project_start(project, waiting, NULL);
    run_project_go_until(project, "attempt_started", "s");
    refused = post(project, project->id, "{\"do\":\"approve\",\"step\":\"s\"}");
    nonsense = post(project, project->id, "{\"do\":\"dance\"}");
    broken = post(project, project->id, "no json");
    knock(project);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_answer(project, &refused, "error", "does not wait for an approval");
    assert_answer(project, &nonsense, "error", "unknown command");
    assert_answer(project, &broken, "error", "unknown command");
}

static void letters_to_other_runs_are_left_alone(void **state)
{
    struct run_project *project = *state;
    struct letter other = post(project, "wf_000000000000", "{\"do\":\"cancel\"}");
    struct letter nobody = post(project, "no run at all", "{\"do\":\"cancel\"}");

    run_project_write(project, "go", "");
    assert_string_equal(run_project_run(project, waiting), "completed");
    assert_null(answer_of(project, &other, "wish"));
    assert_null(answer_of(project, &nobody, "wish"));
}

static void who_asked_stands_in_the_record(void **state)
{
    struct run_project *project = *state;

    run_project_start(project, waiting, NULL);
    run_project_go_until(project, "attempt_started", "s");
    (void)post(project, project->id, "{\"do\":\"signal\",\"name\":\"x\"}");
    knock(project);
    run_project_go_until(project, "signal_received", NULL);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(
        json_get_text(run_project_find(project, "signal_received", NULL, 0), "by", ""), "ada");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_is_taken_when_somebody_knocks),
        TEST(what_was_asked_before_the_owner_came_is_obeyed),
        TEST(a_command_is_taken_once_however_often_somebody_knocks),
        TEST(a_refusal_and_nonsense_are_answered),
        TEST(letters_to_other_runs_are_left_alone),
        TEST(who_asked_stands_in_the_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
