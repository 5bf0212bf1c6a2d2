/* SPDX-License-Identifier: MIT */
#include "base/file.h"
#include "run/engine.h"
#include "run/follow.h"
#include "run/live.h"
#include "run/running.h"
#include "support/run_project.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define AGENT(script)                                                                              \
    "default_agent: a\nagents:\n  a: { type: command, output: jsonl, command: [sh, "               \
    "-c, '" script "'] }\n"
#define WORKFLOW                                                                                   \
    "name: w\ndefaults: { retry: { attempts: 1 } }\n"                                              \
    "phases: [{ id: p, steps: [{ id: s, prompt: go }] }]\n"

/* The agents wait for a line of the FIFO `go`, which stays open for both ends while a test runs. */
static int go_descriptor = -1;

static int set_up(void **state)
{
    int r = run_project_set_up(state);
    const struct run_project *project = *state;
    char *path = path_join(project->project, "go");

    if (r == 0 && mkfifo(path, 0600) == 0) {
        go_descriptor = open(path, O_RDWR | O_CLOEXEC);
    }
    free(path);
    return go_descriptor < 0 ? -1 : r;
}

static int tear_down(void **state)
{
    (void)close(go_descriptor);
    go_descriptor = -1;
    return run_project_tear_down(state);
}

static void let_go(void)
{
    assert_int_equal(write(go_descriptor, "\n", 1), 1);
}

static const char *ended(const struct run_project *project, const char *key)
{
    return json_get_text(run_project_find(project, "attempt_ended", "s", 0), key, "");
}

static void who_goes_on_in_vain_is_ended_with_its_reason(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT("cat agent.jsonl; exec sleep 60"));
    run_project_write(project, "agent.jsonl",
                      "{\"event\":\"error\",\"text\":\"wrong key\",\"status\":401,"
                      "\"fatal\":true}\n");
    assert_string_equal(run_project_run(project, WORKFLOW), "paused");
    assert_string_equal(ended(project, "class"), "permanent");
    assert_string_equal(ended(project, "error"), "wrong key");
}

static void note_line(void *context, const struct engine_running *running)
{
    struct strbuf *line = context;

    strbuf_reset(line);
    assert_non_null(running->line); /* its stream itself is nothing for people */
    strbuf_add(line, running->line);
}

struct watcher {
    struct run_project *project;
    const char *wanted; /* the end of the line that is waited for */
};

static void look_at_it(void *arg)
{
    struct watcher *watcher = arg;
    size_t length = strlen(watcher->wanted);
    struct strbuf line;

    strbuf_init(&line, 4096);
    engine_visit_running(watcher->project->engine, note_line, &line);
    if (line.length >= length && strcmp(line.data + line.length - length, watcher->wanted) == 0) {
        let_go();
    } else {
        assert_int_equal(line.length, 0);
        (void)loop_timer_start(watcher->project->loop, 10, look_at_it, watcher);
    }
    strbuf_release(&line);
}

static void run_until_seen(struct run_project *project, const char *wanted)
{
    struct watcher watcher = {project, wanted};

    run_project_write(project, "end.jsonl",
                      "{\"event\":\"text\",\"text\":\"ok\"}\n{\"event\":\"done\"}\n");
    run_project_start(project, WORKFLOW, NULL);
    run_project_go_until(project, "attempt_started", "s");
    look_at_it(&watcher);
    run_project_go(project);
    assert_string_equal(ended(project, "class"), "none");
}

static void its_last_event_can_be_seen_while_it_works(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, AGENT("cat agent.jsonl; read x <go; cat end.jsonl"));
    run_project_write(project, "agent.jsonl",
                      "{\"event\":\"text\",\"text\":\"I will write\"}\n"
                      "{\"event\":\"tool_call\",\"name\":\"wri\\u001b[31mte\","
                      "\"text\":\"a.txt\"}\n");
    run_until_seen(project, "> write a.txt");
}

static void note_if_seen(void *context, const struct engine_running *running)
{
    bool *is_seen = context;

    *is_seen = running->line && strcmp(running->line, "> write a.txt") == 0;
}

static bool is_seen(const struct run_project *project)
{
    bool is_so = false;

    engine_visit_running(project->engine, note_if_seen, &is_so);
    return is_so;
}

static bool is_outcome_awaited(const struct run_project *project)
{
    size_t cursor = 0;
    const char *key;
    void *live = NULL;

    (void)map_next(project->engine->live, &cursor, &key, &live);
    return live && ((const struct live_attempt *)live)->collect;
}

/* A view can meet the moment between its end and its outcome, which the pool makes long here. */
static void its_last_event_can_be_seen_until_its_outcome_is_known(void **state)
{
    struct run_project *project = *state;
    bool is_seen_still;

    run_project_configure(project, AGENT("cat agent.jsonl; read x <go; cat end.jsonl"));
    run_project_write(project, "agent.jsonl",
                      "{\"event\":\"tool_call\",\"name\":\"write\",\"text\":\"a.txt\"}\n");
    run_project_write(project, "end.jsonl",
                      "{\"event\":\"text\",\"text\":\"ok\"}\n{\"event\":\"done\"}\n");
    run_project_start(project, WORKFLOW, NULL);
    run_project_turn_until(project, is_seen);
    run_project_block_pool(project);
    let_go();
    run_project_turn_until(project, is_outcome_awaited);
    is_seen_still = is_seen(project);
    run_project_unblock_pool(project); /* a failed test must find it so */
    run_project_go(project);
    assert_true(is_seen_still);
    assert_string_equal(ended(project, "class"), "none");
}

static void note_word(void *context, const struct engine_running *running)
{
    char *word = context;

    (void)snprintf(word, 16, "%s", running->line ? running->line : "");
}

struct talk {
    struct run_project *project;
    size_t answered;
};

/* Answers each word when it is seen, after a while in which nothing was printed. */
static void answer_word(void *arg)
{
    static const char *const words[] = {"one", "two", "three"};
    struct talk *talk = arg;
    char word[16] = "";

    engine_visit_running(talk->project->engine, note_word, word);
    if (strcmp(word, words[talk->answered]) == 0) {
        let_go();
        talk->answered++;
    }
    if (talk->answered < ARRAY_LEN(words)) {
        (void)loop_timer_start(talk->project->loop, 450, answer_word, talk);
    }
}

static void who_was_silent_for_a_while_is_looked_at_again(void **state)
{
    struct run_project *project = *state;
    struct talk talk = {project, 0};

    run_project_configure(project,
                          AGENT("for w in one two three; do cat $w.jsonl; read x <go; done; "
                                "cat end.jsonl"));
    run_project_write(project, "one.jsonl", "{\"event\":\"text\",\"text\":\"one\"}\n");
    run_project_write(project, "two.jsonl", "{\"event\":\"text\",\"text\":\"two\"}\n");
    run_project_write(project, "three.jsonl", "{\"event\":\"text\",\"text\":\"three\"}\n");
    run_project_write(project, "end.jsonl", "{\"event\":\"done\"}\n");
    run_project_start(project, WORKFLOW, NULL);
    run_project_go_until(project, "attempt_started", "s");
    answer_word(&talk);
    run_project_go(project);
    assert_string_equal(ended(project, "class"), "none");
}

static void of_a_long_message_its_end_can_be_seen(void **state)
{
    struct run_project *project = *state;
    struct strbuf text;

    run_project_configure(project, AGENT("cat agent.jsonl; read x <go; cat end.jsonl"));
    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "{\"event\":\"text\",\"text\":\"");
    for (int i = 0; i < 1000; i++) {
        strbuf_add(&text, "\xc3\xa4\xe2\x82\xac");
    }
    strbuf_add(&text, "\"}\n{\"event\":\"text\",\"text\":\" and the end\"}\n");
    run_project_write(project, "agent.jsonl", text.data);
    run_until_seen(project, "and the end");
    strbuf_release(&text);
}

static void a_command_may_be_silent_as_long_as_it_likes(void **state)
{
    struct run_project *project = *state;

    run_project_configure(
        project, "default_agent: a\nagents:\n  a: { type: command, output: jsonl, command: "
                 "[sh, -c, 'cat agent.jsonl; read x <go; cat end.jsonl'] }\n");
    run_project_write(project, "agent.jsonl", "{\"event\":\"text\",\"text\":\"I think\"}\n");
    run_until_seen(project, "I think");
}

static void note_stop(void *arg)
{
    ++*(int *)arg;
}

static bool is_looked_at(const struct run_project *project)
{
    return project->engine->pool_jobs > 0;
}

static bool is_looked_at_no_more(const struct run_project *project)
{
    return project->engine->pool_jobs == 0;
}

static void what_left_no_folder_shows_nothing_and_is_not_looked_at_again(void **state)
{
    struct run_project *project = *state;
    struct follow *follow;
    int stops = 0;

    assert_int_equal(engine_new(&project->options, &project->engine, NULL), 0);
    follow = follow_start(project->engine, "/nonexistent", note_stop, &stops);
    run_project_block_pool(project);
    run_project_turn_until(project, is_looked_at);
    run_project_unblock_pool(project);
    run_project_turn_until(project, is_looked_at_no_more);
    assert_string_equal(follow_line(follow), "");
    follow_stop(follow);
    assert_int_equal(stops, 0);
}

/* Whoever stops following frees nothing that the pool is at work on. */
static void who_is_followed_no_more_while_it_is_looked_at_goes_with_the_look(void **state)
{
    struct run_project *project = *state;
    struct follow *first, *second, *third;
    int stops = 0;

    assert_int_equal(engine_new(&project->options, &project->engine, NULL), 0);
    first = follow_start(project->engine, project->folder, note_stop, &stops);
    second = follow_start(project->engine, project->folder, note_stop, &stops);
    third = follow_start(project->engine, project->folder, note_stop, &stops);
    follow_stop(third); /* the last of those that wait */
    run_project_block_pool(project);
    run_project_turn_until(project, is_looked_at);
    follow_stop(first);
    follow_stop(second);
    run_project_unblock_pool(project);
    run_project_turn_until(project, is_looked_at_no_more);
    assert_int_equal(stops, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_goes_on_in_vain_is_ended_with_its_reason),
        TEST(its_last_event_can_be_seen_while_it_works),
        TEST(its_last_event_can_be_seen_until_its_outcome_is_known),
        TEST(who_was_silent_for_a_while_is_looked_at_again),
        TEST(of_a_long_message_its_end_can_be_seen),
        TEST(a_command_may_be_silent_as_long_as_it_likes),
        TEST(what_left_no_folder_shows_nothing_and_is_not_looked_at_again),
        TEST(who_is_followed_no_more_while_it_is_looked_at_goes_with_the_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
