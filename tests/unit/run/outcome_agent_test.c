/* SPDX-License-Identifier: MIT */
#include "../../support/process.h"
#include "base/alloc.h"
#include "base/file.h"
#include "run/outcome_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const struct agent_end fine = {.exit_status = 0};

static int set_up(void **state)
{
    *state = process_make_folder();
    return 0;
}

static int tear_down(void **state)
{
    process_remove_folder(*state);
    return 0;
}

static void put(const char *folder, const char *name, const char *text)
{
    char *path = path_join(folder, name);
    char *parent = path_folder(path);

    assert_int_equal(file_make_folders(parent, NULL), 0);
    assert_int_equal(file_write(path, text, strlen(text), FILE_NO_SYNC, NULL), 0);
    free(parent);
    free(path);
}

static void read_events(const char *folder, const char *description, const char *events,
                        struct agent_outcome *outcome)
{
    put(folder, TRANSCRIPT_FILE, description);
    put(folder, "stdout", events);
    assert_int_equal(agent_outcome_read(folder, &fine, outcome, NULL), 0);
}

#define EVENTS "{\"agent\":\"mine\",\"type\":\"command\",\"format\":\"jsonl\"}"
#define DONE "{\"event\":\"done\"}\n"

static void the_outcome_is_the_answer_and_not_the_stream(void **state)
{
    struct agent_outcome outcome;
    char *path = path_join(*state, "events.jsonl");
    char *text = NULL;
    size_t length;

    read_events(*state, EVENTS,
                "noise\n{\"event\":\"session\",\"name\":\"m1\"}\n"
                "{\"event\":\"text\",\"text\":\"yes\"}\n"
                "{\"event\":\"usage\",\"usage\":{\"input_tokens\":7}}\n" DONE,
                &outcome);
    assert_int_equal(outcome.class_, CLASS_NONE);
    assert_string_equal(outcome.answer.data, "yes");
    assert_string_equal(outcome.agent, "mine");
    assert_string_equal(outcome.model, "m1");
    assert_int_equal(outcome.usage.input_tokens, 7);
    assert_true(outcome.usage.output_tokens < 0);
    assert_null(outcome.question);
    agent_outcome_release(&outcome);
    assert_int_equal(file_read(path, 4096, &text, &length, NULL), 0);
    assert_non_null(strstr(text, "{\"event\":\"text\",\"text\":\"yes\"}\n"));
    assert_null(strstr(text, "noise"));
    free(text);
    free(path);
}

static void a_limit_tells_when_to_ask_again(void **state)
{
    struct agent_outcome outcome;

    read_events(*state, EVENTS,
                "{\"event\":\"error\",\"text\":\"slow down\",\"status\":429,"
                "\"retry_after_ms\":60000}\n",
                &outcome);
    assert_int_equal(outcome.class_, CLASS_LIMIT);
    assert_int_equal(outcome.retry_after_ms, 60000);
    assert_string_equal(outcome.error, "slow down");
    agent_outcome_release(&outcome);
}

#define RESUMED "{\"agent\":\"mine\",\"type\":\"claude\",\"session\":\"s1\"}"
#define UNKNOWN                                                                                    \
    "{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_error\":true,"               \
    "\"session_id\":\"s1\",\"errors\":[\"no such thing\"]}\n"

static void who_fails_before_a_word_of_a_session_has_lost_it(void **state)
{
    struct agent_outcome outcome;

    read_events(*state, RESUMED, UNKNOWN, &outcome);
    assert_int_equal(outcome.class_, CLASS_LOST);
    assert_null(outcome.session);
    assert_string_equal(outcome.error, "its session is lost, a new one begins: no such thing");
    agent_outcome_release(&outcome);
    read_events(*state, RESUMED,
                "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":"
                "\"So\"}]}}\n" UNKNOWN,
                &outcome);
    assert_int_equal(outcome.class_, CLASS_PERMANENT);
    agent_outcome_release(&outcome);
    read_events(*state, "{\"agent\":\"mine\",\"type\":\"claude\"}", UNKNOWN, &outcome);
    assert_int_equal(outcome.class_, CLASS_PERMANENT);
    agent_outcome_release(&outcome);
}

static void a_session_counts_only_where_it_can_be_gone_on_with(void **state)
{
    struct agent_outcome outcome;
    const char *said = "{\"event\":\"session\",\"id\":\"s1\"}\n";

    read_events(*state, EVENTS, said, &outcome);
    assert_null(outcome.session);
    agent_outcome_release(&outcome);
    read_events(*state, "{\"agent\":\"c\",\"type\":\"claude\",\"session\":\"s0\"}",
                "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s1\"}\n", &outcome);
    assert_string_equal(outcome.session, "s1");
    agent_outcome_release(&outcome);
    read_events(*state, "{\"agent\":\"c\",\"type\":\"claude\",\"session\":\"s0\"}", "\n", &outcome);
    assert_string_equal(outcome.session, "s0");
    agent_outcome_release(&outcome);
}

static void a_question_is_one_however_it_is_asked(void **state)
{
    static const char *const ways[] = {
        "{\"event\":\"question\",\"text\":\"which?\"}\n",
        "{\"event\":\"text\",\"text\":\"{\\\"clarification_needed\\\":true,\\\"questions\\\":["
        "\\\"which?\\\"]}\"}\n" DONE,
    };

    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct agent_outcome outcome;

        read_events(*state, EVENTS, ways[i], &outcome);
        assert_int_equal(outcome.class_, CLASS_NONE);
        assert_string_equal(
            json_string_value(json_array_get(json_object_get(outcome.question, "questions"), 0)),
            "which?");
        agent_outcome_release(&outcome);
    }
}

static void parse(const char *folder, const char *answer, const char *expected)
{
    json_t *line = json_pack("{s:s, s:s}", "event", "text", "text", answer);
    char *text = json_dump_compact(line);
    char *events = mem_printf("%s\n" DONE, text);
    struct agent_outcome outcome;
    json_t *value = NULL;

    read_events(folder, EVENTS, events, &outcome);
    assert_int_equal(agent_outcome_parse(&outcome, &value, NULL), expected ? 0 : ERROR_INVALID);
    if (expected) {
        char *found = json_dump_compact(value);

        assert_string_equal(found, expected);
        free(found);
    }
    json_decref(value);
    agent_outcome_release(&outcome);
    free(events);
    free(text);
    json_decref(line);
}

static void json_is_found_in_a_fence_too(void **state)
{
    parse(*state, "{\"a\":1}", "{\"a\":1}");
    parse(*state, "Here it is:\n```json\n{\"a\": 1}\n```\nDone.", "{\"a\":1}");
    parse(*state, "```\nno\n```\nthen\n```\n[1]\n```", "[1]");
    parse(*state, "I cannot.", NULL);
    parse(*state, "```json\n{\"a\": 1}", NULL);
}

static void what_is_no_attempt_of_an_agent_has_no_such_outcome(void **state)
{
    struct agent_outcome outcome = {0};

    assert_int_equal(agent_outcome_read(*state, &fine, &outcome, NULL), ERROR_NOT_FOUND);
    agent_outcome_release(&outcome);
}

static void each_failure_of_an_agent_has_its_class(void **state)
{
    static const struct {
        const char *status;
        enum failure_class class_;
    } samples[] = {{"503", CLASS_TRANSIENT}, {"400", CLASS_PERMANENT}};
    struct agent_outcome outcome;

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        char *events = mem_printf("{\"event\":\"error\",\"text\":\"no\",\"status\":%s}\n",
                                  samples[i].status);

        read_events(*state, EVENTS, events, &outcome);
        assert_int_equal(outcome.class_, samples[i].class_);
        assert_null(outcome.question);
        agent_outcome_release(&outcome);
        free(events);
    }
}

/* Half a list of claims would accuse it of what it said. */
static void claims_that_are_too_many_are_none(void **state)
{
    struct agent_outcome outcome;
    struct strbuf events;

    strbuf_init(&events, 4 << 20);
    for (int i = 0; i < 10000; i++) {
        strbuf_addf(&events, "{\"event\":\"edit\",\"text\":\"%d\"}\n", i);
    }
    strbuf_add(&events, "{\"event\":\"edit\",\"text\":\"\"}\n");
    read_events(*state, EVENTS, events.data, &outcome);
    assert_int_equal(json_object_size(outcome.claims), 10000);
    agent_outcome_release(&outcome);
    strbuf_add(&events, "{\"event\":\"edit\",\"text\":\"one more\"}\n");
    read_events(*state, EVENTS, events.data, &outcome);
    assert_null(outcome.claims);
    agent_outcome_release(&outcome);
    strbuf_release(&events);
}

static void an_empty_question_is_none(void **state)
{
    struct agent_outcome outcome;

    read_events(*state, EVENTS,
                "{\"event\":\"question\",\"text\":\"\"}\n"
                "{\"event\":\"text\",\"text\":\"yes\"}\n" DONE,
                &outcome);
    assert_null(outcome.question);
    agent_outcome_release(&outcome);
}

/* What shows the events is poorer then; nobody fails. */
static void without_the_file_of_events_the_outcome_is_the_same(void **state)
{
    struct agent_outcome outcome;
    char *path = path_join(*state, "events.jsonl");

    put(*state, "events.jsonl/in", "the way");
    read_events(*state, EVENTS, "{\"event\":\"text\",\"text\":\"yes\"}\n" DONE, &outcome);
    assert_string_equal(outcome.answer.data, "yes");
    agent_outcome_release(&outcome);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    free(path);
}

static void output_that_cannot_be_read_is_an_error(void **state)
{
    struct agent_outcome outcome = {0};
    struct error err = ERROR_INIT;

    put(*state, TRANSCRIPT_FILE, EVENTS);
    put(*state, "stdout/in", "the way");
    assert_true(agent_outcome_read(*state, &fine, &outcome, &err) < 0);
    assert_true(err.code < 0 && err.code != ERROR_NOT_FOUND);
    agent_outcome_release(&outcome);
}

static void an_empty_or_endless_fence_holds_nothing(void **state)
{
    parse(*state, "```\n```\nbut\n```\n[1]\n```", "[1]");
    parse(*state, "see ```", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_outcome_is_the_answer_and_not_the_stream),
        TEST(a_limit_tells_when_to_ask_again),
        TEST(who_fails_before_a_word_of_a_session_has_lost_it),
        TEST(a_session_counts_only_where_it_can_be_gone_on_with),
        TEST(a_question_is_one_however_it_is_asked),
        TEST(json_is_found_in_a_fence_too),
        TEST(what_is_no_attempt_of_an_agent_has_no_such_outcome),
        TEST(each_failure_of_an_agent_has_its_class),
        TEST(claims_that_are_too_many_are_none),
        TEST(an_empty_question_is_none),
        TEST(without_the_file_of_events_the_outcome_is_the_same),
        TEST(output_that_cannot_be_read_is_an_error),
        TEST(an_empty_or_endless_fence_holds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
