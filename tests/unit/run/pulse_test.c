/* SPDX-License-Identifier: MIT */
/* liveness_look is wrapped, see the Makefile. */
#include "run/pulse.h"

#include "agents/liveness.h"
#include "base/alloc.h"
#include "run/live.h"
#include "run/running.h"
#include "support/run_project.h"

#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AGENT(keys, script)                                                                        \
    "default_agent: a\nagents:\n  a: { type: command, output: jsonl, " keys                        \
    " command: [sh, -c, '" script "'] }\n"
#define WORKFLOW                                                                                   \
    "name: w\ndefaults: { retry: { attempts: 1 } }\n"                                              \
    "phases: [{ id: p, steps: [{ id: s, prompt: go }] }]\n"
#define COMMAND(command, quiet)                                                                    \
    "name: w\nphases: [{ id: p, steps: [{ id: s, quiet: " quiet ", run: \"" command "\" }] }]\n"
#define SAY(event) "echo \"{\\\"event\\\":\\\"" event "\\\",\\\"text\\\":\\\"ok\\\"}\"; "
#define FINE SAY("text") SAY("done")

static bool is_unreadable;    /* a look cannot see the processes */
static atomic_bool must_wait; /* the next look does not end before it is let */
static atomic_bool is_looking;
static sem_t may_end;

void __real_liveness_look(const char *folder, pid_t keeper, struct liveness_look *ret_look);
void __wrap_liveness_look(const char *folder, pid_t keeper, struct liveness_look *ret_look);

void __wrap_liveness_look(const char *folder, pid_t keeper, struct liveness_look *ret_look)
{
    if (atomic_exchange(&must_wait, false)) {
        atomic_store(&is_looking, true);
        (void)sem_wait(&may_end);
    }
    __real_liveness_look(folder, keeper, ret_look);
    if (is_unreadable) {
        ret_look->is_readable = false;
    }
}

static const char *ended(const struct run_project *project, const char *key)
{
    return json_get_text(run_project_find(project, "attempt_ended", "s", 0), key, "");
}

static const char *told(const struct run_project *project, const char *key)
{
    return json_get_text(run_project_find(project, "attempt_liveness", "s", 0), key, "");
}

static bool was_stopped(const struct run_project *project)
{
    return json_get_boolean(run_project_find(project, "attempt_liveness", "s", 0), "stopped",
                            false);
}

static bool is_in(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void who_says_nothing_any_more_is_told_of_then_ended(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT("silence: 1s,", "echo {}; exec sleep 60"));
    assert_string_equal(run_project_run(project, WORKFLOW), "paused");
    assert_string_equal(told(project, "state"), "quiet");
    assert_true(is_in(told(project, "message"), "it printed nothing for 1s"));
    assert_true(was_stopped(project));
    assert_true(json_get_integer(run_project_find(project, "attempt_liveness", "s", 0), "seq", 0) <
                json_get_integer(run_project_find(project, "attempt_ended", "s", 0), "seq", 0));
    assert_string_equal(ended(project, "class"), "timeout");
    assert_string_equal(ended(project, "error"), "it printed nothing for 1 s");
}

static void without_a_word_to_stop_it_is_only_told_of(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT("quiet: { after: 300ms },",
                                         "echo {}; while ! test -e go; do sleep 0.2; done; " FINE));
    run_project_start(project, WORKFLOW, NULL);
    run_project_go_until(project, "attempt_liveness", "s");
    assert_string_equal(told(project, "state"), "quiet");
    assert_false(was_stopped(project));
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void the_step_says_otherwise_than_its_agent(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project,
                          AGENT("quiet: { after: 1h, then: report },", "echo {}; exec sleep 60"));
    assert_string_equal(
        run_project_run(project, "name: w\ndefaults: { retry: { attempts: 1 }, quiet: { then: "
                                 "stop } }\nphases: [{ id: p, steps: [{ id: s, prompt: go, "
                                 "quiet: { after: 300ms } }] }]\n"),
        "paused");
    assert_string_equal(ended(project, "class"), "timeout");
}

static void a_busy_child_is_left_alone(void **state)
{
    struct run_project *project = *state;

    run_project_configure(
        project,
        AGENT("silence: 500ms,", "echo {}; timeout 2 sh -c \"while :; do :; done\"; " FINE));
    assert_string_equal(run_project_run(project, WORKFLOW), "completed");
    assert_int_equal(run_project_count(project, "attempt_liveness", "s"), 0);
}

static void a_tool_that_was_told_of_is_told_of_but_never_ended(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project,
                          AGENT("silence: 500ms,", "cat tool.jsonl; while ! test -e go; do sleep "
                                                   "0.2; done; " FINE));
    run_project_write(project, "tool.jsonl",
                      "{\"event\":\"tool_call\",\"id\":\"1\",\"name\":\"Bash\"}\n");
    run_project_start(project, WORKFLOW, NULL);
    run_project_go_until(project, "attempt_liveness", "s");
    assert_true(is_in(told(project, "message"), "its tool Bash has given no result yet"));
    assert_false(was_stopped(project));
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void a_command_is_ended_where_its_step_says_so(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(
        run_project_run(project, COMMAND("exec sleep 60", "{ after: 300ms, then: stop }")),
        "paused");
    assert_true(was_stopped(project));
    assert_string_equal(ended(project, "class"), "timeout");
    assert_true(is_in(ended(project, "error"), "it printed nothing"));
}

static void who_goes_on_after_quiet_is_told_of_again(void **state)
{
    struct run_project *project = *state;

    run_project_start(project,
                      COMMAND("while ! test -e go; do sleep 0.2; done; echo on; while ! test -e "
                              "end; do sleep 0.2; done",
                              "{ after: 400ms }"),
                      NULL);
    run_project_go_until(project, "attempt_liveness", "s");
    run_project_write(project, "go", "");
    run_project_go_until(project, "attempt_liveness", "s");
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_liveness", "s", 1), "state", ""),
        "working");
    run_project_write(project, "end", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static void who_reads_from_a_terminal_wants_input(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(
        run_project_run(project, COMMAND("exec python3 -c 'import os, pty; p, fd = pty.fork(); "
                                         "p or os.execlp(\\\"sh\\\", \\\"sh\\\", \\\"-c\\\", "
                                         "\\\"read x\\\"); os.waitpid(p, 0)'",
                                         "{ after: 2s, then: stop }")),
        "paused");
    assert_string_equal(told(project, "state"), "wants input");
    assert_true(is_in(told(project, "message"), "its process sh ("));
    assert_false(was_stopped(project));
    assert_string_equal(ended(project, "class"), "timeout");
}

static pid_t number_in(const struct run_project *project, const char *name)
{
    char *text = run_project_read(project, name);
    long number = strtol(text, NULL, 10);

    assert_true(number > 1);
    free(text);
    return (pid_t)number;
}

static bool has_pids(const struct run_project *project)
{
    return run_project_has(project, "pids.done");
}

/* Its keeper was stopped, and is not able to see that it is alone; then it is continued. */
static void who_has_no_process_any_more_is_dead_and_then_ended(void **state)
{
    struct run_project *project = *state;

    run_project_start(project,
                      COMMAND("echo $$ >own; echo $PPID >keeper; touch pids.done; exec sleep 60",
                              "{ after: 400ms }"),
                      NULL);
    run_project_turn_until(project, has_pids);
    (void)kill(number_in(project, "keeper"), SIGSTOP);
    (void)kill(number_in(project, "own"), SIGKILL);
    run_project_go(project);
    for (int i = 0; i < run_project_count(project, "attempt_liveness", "s"); i++) {
        const json_t *record = run_project_find(project, "attempt_liveness", "s", i);

        if (strcmp(json_get_text(record, "state", ""), "dead") == 0) {
            assert_string_equal(ended(project, "error"), "killed by signal 9 (Killed)");
            return;
        }
    }
    fail_msg("it was never told to be dead");
}

static void note_word(void *context, const struct engine_running *running)
{
    const char **word = context;

    *word = running->liveness;
}

static bool is_working(const struct run_project *project)
{
    const char *word = "";

    engine_visit_running(project->engine, note_word, &word);
    return strcmp(word, "working") == 0;
}

static void the_word_is_there_for_views_in_this_process_and_in_others(void **state)
{
    struct run_project *project = *state;
    const json_t *attempt;
    json_t *run = NULL;

    run_project_start(project,
                      COMMAND("while ! test -e go; do sleep 0.2; done", "{ after: 400ms }"), NULL);
    run_project_turn_until(project, is_working);
    assert_int_equal(run_show(project->store, project->folder, project->id, &run, NULL), 0);
    attempt = json_array_get(json_object_get(run, "under_way"), 0);
    assert_string_equal(json_get_text(attempt, "step", ""), "s");
    assert_string_equal(json_get_text(attempt, "state", ""), "working");
    assert_true(json_get_integer(attempt, "since", 0) > 0);
    assert_true(json_get_integer(attempt, "processes", 0) >= 1);
    json_decref(run);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_int_equal(run_show(project->store, project->folder, project->id, &run, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(run, "under_way")), 0);
    json_decref(run);
}

static void what_a_program_puts_in_its_place_is_no_word(void **state)
{
    struct run_project *project = *state;

    assert_null(pulse_read(project->project));
    run_project_write(project, PULSE_FILE, "[1]");
    assert_null(pulse_read(project->project));
    run_project_write(project, PULSE_FILE, "{\"state\":");
    assert_null(pulse_read(project->project));
}

static void whose_processes_cannot_be_read_is_told_of_so(void **state)
{
    struct run_project *project = *state;
    char *name;
    char *text;

    is_unreadable = true;
    run_project_start(project,
                      COMMAND("while ! test -e go; do sleep 0.2; done", "{ after: 300ms }"), NULL);
    run_project_go_until(project, "attempt_liveness", "s");
    assert_true(is_in(told(project, "message"), "and its processes cannot be read"));
    name = mem_printf(".fermata/workflows/%s/attempts/s.1/" PULSE_FILE, project->id);
    text = run_project_read(project, name);
    assert_null(strstr(text, "processes\":"));
    free(text);
    free(name);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

static bool is_seen(const struct run_project *project)
{
    (void)project;
    return atomic_load(&is_looking);
}

static bool is_next_watched(const struct run_project *project)
{
    char *key = mem_printf("%s/t", project->id);
    const struct live_attempt *live = map_find(project->engine->live, key);

    free(key);
    return live && live->pulse;
}

/* And the step after it is looked at only when that look is over. */
static void a_look_that_comes_back_behind_the_end_says_nothing(void **state)
{
    struct run_project *project = *state;

    atomic_store(&must_wait, true);
    run_project_start(project,
                      "name: w\nphases: [{ id: p, steps: [{ id: s, quiet: { after: 300ms }, run: "
                      "'until [ -e go ]; do sleep 0.2; done' }, { id: t, quiet: { after: 300ms }, "
                      "run: 'until [ -e end ]; do sleep 0.2; done' }] }]\n",
                      NULL);
    run_project_turn_until(project, is_seen);
    run_project_write(project, "go", "");
    run_project_turn_until(project, is_next_watched);
    (void)sem_post(&may_end);
    run_project_go_until(project, "attempt_liveness", "t");
    run_project_write(project, "end", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_liveness", "s"), 0);
}

static void the_look_at_the_last_step_may_come_back_behind_it(void **state)
{
    struct run_project *project = *state;

    atomic_store(&must_wait, true);
    run_project_start(project, COMMAND("until [ -e go ]; do sleep 0.2; done", "{ after: 300ms }"),
                      NULL);
    run_project_turn_until(project, is_seen);
    run_project_write(project, "go", "");
    run_project_go_until(project, "attempt_ended", "s");
    (void)sem_post(&may_end);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_int_equal(run_project_count(project, "attempt_liveness", "s"), 0);
}

static void without_a_limit_nobody_is_quiet(void **state)
{
    struct run_project *project = *state;

    run_project_start(
        project,
        "name: w\nphases: [{ id: p, mode: parallel, steps: [{ id: t, quiet: { after: 0 "
        "}, run: 'until [ -e go ]; do sleep 0.2; done' }, { id: s, quiet: { after: "
        "300ms }, run: 'until [ -e go ]; do sleep 0.2; done' }] }]\n",
        NULL);
    run_project_go_until(project, "attempt_liveness", "s");
    assert_int_equal(run_project_count(project, "attempt_liveness", "t"), 0);
    run_project_write(project, "go", "");
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
}

/* It prints when it is stopped, goes on, and is quiet again until its time is up. */
static void who_is_stopped_is_not_stopped_again(void **state)
{
    struct run_project *project = *state;
    int stopped = 0;

    assert_string_equal(
        run_project_run(project, COMMAND("trap 'echo on' TERM; while :; do sleep 0.2; done",
                                         "{ after: 300ms, then: stop }")),
        "paused");
    assert_true(run_project_count(project, "attempt_liveness", "s") >= 2);
    for (int i = 0; i < run_project_count(project, "attempt_liveness", "s"); i++) {
        stopped += json_get_boolean(run_project_find(project, "attempt_liveness", "s", i),
                                    "stopped", false);
    }
    assert_int_equal(stopped, 1);
    assert_string_equal(ended(project, "class"), "timeout");
}

static int set_up(void **state)
{
    is_unreadable = false;
    atomic_store(&must_wait, false);
    atomic_store(&is_looking, false);
    assert_int_equal(sem_init(&may_end, 0, 0), 0);
    return run_project_set_up(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_says_nothing_any_more_is_told_of_then_ended),
        TEST(without_a_word_to_stop_it_is_only_told_of),
        TEST(the_step_says_otherwise_than_its_agent),
        TEST(a_busy_child_is_left_alone),
        TEST(a_tool_that_was_told_of_is_told_of_but_never_ended),
        TEST(a_command_is_ended_where_its_step_says_so),
        TEST(who_goes_on_after_quiet_is_told_of_again),
        TEST(who_reads_from_a_terminal_wants_input),
        TEST(who_has_no_process_any_more_is_dead_and_then_ended),
        TEST(the_word_is_there_for_views_in_this_process_and_in_others),
        TEST(what_a_program_puts_in_its_place_is_no_word),
        TEST(whose_processes_cannot_be_read_is_told_of_so),
        TEST(a_look_that_comes_back_behind_the_end_says_nothing),
        TEST(the_look_at_the_last_step_may_come_back_behind_it),
        TEST(without_a_limit_nobody_is_quiet),
        TEST(who_is_stopped_is_not_stopped_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
