/* SPDX-License-Identifier: MIT */
/* With an adapter whose lines are agent events, as our own drivers print them. */
#include "agents/reader.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define DONE "{\"event\":\"done\"}\n"
#define ANSWER "{\"event\":\"text\",\"text\":\"yes\"}\n"

static const struct adapter events = {.type = "events", .read_line = reader_read_event};
static const struct agent_profile agent = {.name = "a", .adapter = &events};
static const struct agent_end fine = {.exit_status = 0};

static struct agent_reader *read_all(const char *text)
{
    struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);

    agent_reader_add(reader, text, strlen(text));
    return reader;
}

static void assert_answer(const char *text, const char *answer)
{
    struct agent_reader *reader = read_all(text);
    const struct agent_result *result = agent_reader_end(reader, &fine);

    assert_int_equal(result->failure, AGENT_FINE);
    assert_null(result->error);
    assert_string_equal(result->answer, answer);
    agent_reader_free(reader);
}

static void assert_failure(const char *text, const struct agent_end *end,
                           enum agent_failure failure, const char *words)
{
    struct agent_reader *reader = read_all(text);
    const struct agent_result *result = agent_reader_end(reader, end);

    assert_string_equal(agent_failure_name(result->failure), agent_failure_name(failure));
    assert_non_null(result->error);
    assert_non_null(strstr(result->error, words));
    agent_reader_free(reader);
}

static void pieces_of_a_message_add_up(void **state)
{
    (void)state;
    assert_answer("{\"event\":\"text\",\"text\":\"a\",\"partial\":true}\n"
                  "{\"event\":\"text\",\"text\":\"b\",\"partial\":true}\n" DONE,
                  "ab");
}

static void an_answer_beyond_its_ceiling_is_none(void **state)
{
    enum { PIECE = 4 << 20 };
    static const char begin[] = "{\"event\":\"text\",\"partial\":true,\"text\":\"";
    struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);
    const struct agent_result *result;
    char *piece = mem_alloc(PIECE);

    (void)state;
    memset(piece, 'x', PIECE);
    for (int i = 0; i < 17; i++) {
        agent_reader_add(reader, begin, strlen(begin));
        agent_reader_add(reader, piece, PIECE);
        agent_reader_add(reader, "\"}\n", 3);
    }
    agent_reader_add(reader, DONE, strlen(DONE));
    result = agent_reader_end(reader, &fine);
    assert_int_equal(result->failure, AGENT_PERMANENT);
    assert_string_equal(result->error, "its answer is larger than 64 MB");
    agent_reader_free(reader);
    free(piece);
}

static void the_answer_is_the_last_message(void **state)
{
    (void)state;
    assert_answer("{\"event\":\"text\",\"text\":\"first I look\"}\n" ANSWER DONE, "yes");
    assert_answer("{\"event\":\"text\",\"text\":\"a\",\"partial\":true}\n"
                  "{\"event\":\"tool_call\",\"name\":\"x\"}\n"
                  "{\"event\":\"tool_result\"}\n"
                  "{\"event\":\"text\",\"text\":\"b\",\"partial\":true}\n" DONE,
                  "b");
    assert_answer(ANSWER "{\"event\":\"tool_call\",\"name\":\"x\"}\n" DONE, "yes");
}

static void lines_may_come_in_any_pieces(void **state)
{
    const char *text = "noise\n\r\n" ANSWER "{\"event\":\"session\",\"id\":\"s1\"}\r\n" DONE;

    (void)state;
    for (size_t size = 1; size <= strlen(text); size++) {
        struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);
        const struct agent_result *result;

        for (size_t at = 0; at < strlen(text); at += size) {
            size_t rest = strlen(text) - at;

            agent_reader_add(reader, text + at, rest < size ? rest : size);
        }
        result = agent_reader_end(reader, &fine);
        assert_int_equal(result->failure, AGENT_FINE);
        assert_string_equal(result->answer, "yes");
        assert_string_equal(result->session, "s1");
        agent_reader_free(reader);
    }
}

static void a_last_line_without_its_end_counts(void **state)
{
    (void)state;
    assert_answer(ANSWER "{\"event\":\"done\"}", "yes");
}

static void a_stream_that_is_cut_anywhere_is_no_success(void **state)
{
    const char *text = ANSWER DONE;

    (void)state;
    for (size_t length = 0; length < strlen(text) - 2; length++) {
        struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);

        agent_reader_add(reader, text, length);
        assert_int_equal(agent_reader_end(reader, &fine)->failure, AGENT_TRANSIENT);
        agent_reader_free(reader);
    }
}

static void a_line_beyond_the_ceiling_is_left_out_and_the_next_is_read(void **state)
{
    struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);
    size_t size = 1024 * 1024;
    char *block = mem_alloc(size);
    const struct agent_result *result;

    (void)state;
    memset(block, 'x', size);
    for (size_t i = 0; i <= AGENT_LINE_BYTES_MAX / size; i++) {
        agent_reader_add(reader, block, size);
    }
    agent_reader_add(reader, "\n", 1);
    agent_reader_add(reader, ANSWER DONE, strlen(ANSWER DONE));
    result = agent_reader_end(reader, &fine);
    assert_int_equal(result->failure, AGENT_FINE);
    assert_string_equal(result->answer, "yes");
    agent_reader_free(reader);
    free(block);
}

static void bytes_that_are_no_utf8_do_not_lose_the_line(void **state)
{
    (void)state;
    assert_answer("{\"event\":\"text\",\"text\":\"a\xff"
                  "b\"}\n" DONE,
                  "a\xEF\xBF\xBD"
                  "b");
}

static void an_empty_answer_is_a_failure_that_may_pass(void **state)
{
    (void)state;
    assert_failure(DONE, &fine, AGENT_TRANSIENT, "empty answer");
}

static void success_needs_the_word_and_the_exit_status(void **state)
{
    const struct agent_end failed = {.exit_status = 1, .errors = "warning\nNot logged in\n"};

    (void)state;
    assert_failure(ANSWER, &fine, AGENT_TRANSIENT, "without saying");
    assert_failure(ANSWER DONE, &failed, AGENT_PERMANENT, "exit status 1: Not logged in");
}

static void what_we_did_to_it_comes_before_what_it_says(void **state)
{
    const struct agent_end stopped = {.exit_status = 0, .stopped = true};
    const struct agent_end late = {.exit_status = -1, .signal = 15, .timed_out = true};
    const struct agent_end killed = {.exit_status = -1, .signal = 9};

    (void)state;
    assert_failure(ANSWER DONE, &stopped, AGENT_CANCELLED, "stopped");
    assert_failure(ANSWER DONE, &late, AGENT_TIMEOUT, "timed out");
    assert_failure(ANSWER DONE, &killed, AGENT_TRANSIENT, "signal 9");
}

static void an_error_counts_until_it_is_overcome(void **state)
{
    struct agent_reader *reader;
    const struct agent_result *result;

    (void)state;
    assert_answer("{\"event\":\"error\",\"text\":\"try 1\",\"status\":429}\n" ANSWER DONE, "yes");
    reader = read_all(ANSWER "{\"event\":\"error\",\"text\":\"slow down\",\"status\":429,"
                             "\"retry_after_ms\":7000}\n");
    result = agent_reader_end(reader, &fine);
    assert_int_equal(result->failure, AGENT_LIMIT);
    assert_int_equal(result->status, 429);
    assert_int_equal(result->retry_after_ms, 7000);
    assert_string_equal(result->error, "slow down");
    agent_reader_free(reader);
}

static void an_error_after_the_end_is_one(void **state)
{
    (void)state;
    assert_failure(ANSWER DONE "{\"event\":\"error\",\"text\":\"API 500\",\"status\":500}\n", &fine,
                   AGENT_TRANSIENT, "API 500");
}

#define NO_KEY(more) "{\"event\":\"error\",\"text\":\"no such key\",\"status\":401" more "}\n"

static void an_error_that_it_cannot_overcome_stands_when_it_is_stopped_for_it(void **state)
{
    const struct agent_end stopped = {.exit_status = -1, .signal = 15, .stopped = true};
    char *fatal;

    (void)state;
    assert_failure(NO_KEY(",\"fatal\":true"), &stopped, AGENT_PERMANENT, "no such key");
    assert_failure(NO_KEY(""), &stopped, AGENT_CANCELLED, "stopped");
    fatal = mem_printf("{\"event\":\"error\",\"text\":\"x\",\"fatal\":true}\n%s" DONE, ANSWER);
    assert_failure(fatal, &stopped, AGENT_CANCELLED, "stopped");
    free(fatal);
}

static void a_question_is_no_failure_and_needs_no_answer(void **state)
{
    struct agent_reader *reader = read_all("{\"event\":\"question\",\"text\":\"which one?\"}\n");
    const struct agent_result *result = agent_reader_end(reader, &fine);

    (void)state;
    assert_int_equal(result->failure, AGENT_FINE);
    assert_string_equal(result->question, "which one?");
    agent_reader_free(reader);
}

static void usage_is_the_last_that_was_said_of_each(void **state)
{
    struct agent_reader *reader = read_all(
        "{\"event\":\"usage\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}\n"
        "{\"event\":\"usage\",\"usage\":{\"output_tokens\":9,\"cost_usd\":0.25}}\n" ANSWER DONE);
    const struct agent_result *result = agent_reader_end(reader, &fine);

    (void)state;
    assert_int_equal(result->usage.input_tokens, 5);
    assert_int_equal(result->usage.output_tokens, 9);
    assert_true(result->usage.cost_usd > 0.24 && result->usage.cost_usd < 0.26);
    assert_true(result->usage.cached_tokens < 0 && result->usage.turns < 0);
    agent_reader_free(reader);
}

static void collect_event(void *context, const struct agent_event *event)
{
    struct strbuf *seen = context;

    strbuf_addf(seen, "%s:%s ", agent_event_name(event->kind), event->text);
}

static void each_event_is_handed_on_at_once(void **state)
{
    struct strbuf seen;
    struct agent_reader *reader;

    (void)state;
    strbuf_init(&seen, 4096);
    reader = agent_reader_new(&agent, collect_event, &seen);
    agent_reader_add(reader, ANSWER, strlen(ANSWER));
    assert_string_equal(seen.data, "text:yes ");
    agent_reader_add(reader, DONE, strlen(DONE));
    assert_string_equal(seen.data, "text:yes done: ");
    agent_reader_free(reader);
    strbuf_release(&seen);
}

static void note_release(void *state)
{
    int **counter = state;

    (**counter)++;
}

static void the_adapters_state_is_zeroed_kept_and_released(void **state)
{
    struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);
    int released = 0;
    int **counter = reader_state(reader, sizeof(int *), note_release);

    (void)state;
    assert_null(*counter);
    *counter = &released;
    assert_ptr_equal(reader_state(reader, sizeof(int *), note_release), counter);
    agent_reader_free(reader);
    assert_int_equal(released, 1);
}

static void a_named_answer_stands_against_all_messages(void **state)
{
    struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);
    const struct agent_result *result;

    (void)state;
    reader_text(reader, "thinking aloud", false);
    reader_answer(reader, "42");
    reader_text(reader, "bye", false);
    reader_done(reader, "stop");
    result = agent_reader_end(reader, &fine);
    assert_string_equal(result->answer, "42");
    agent_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_a_message_add_up),
        cmocka_unit_test(an_answer_beyond_its_ceiling_is_none),
        cmocka_unit_test(the_answer_is_the_last_message),
        cmocka_unit_test(lines_may_come_in_any_pieces),
        cmocka_unit_test(a_last_line_without_its_end_counts),
        cmocka_unit_test(a_stream_that_is_cut_anywhere_is_no_success),
        cmocka_unit_test(a_line_beyond_the_ceiling_is_left_out_and_the_next_is_read),
        cmocka_unit_test(bytes_that_are_no_utf8_do_not_lose_the_line),
        cmocka_unit_test(an_empty_answer_is_a_failure_that_may_pass),
        cmocka_unit_test(success_needs_the_word_and_the_exit_status),
        cmocka_unit_test(what_we_did_to_it_comes_before_what_it_says),
        cmocka_unit_test(an_error_counts_until_it_is_overcome),
        cmocka_unit_test(an_error_after_the_end_is_one),
        cmocka_unit_test(an_error_that_it_cannot_overcome_stands_when_it_is_stopped_for_it),
        cmocka_unit_test(a_question_is_no_failure_and_needs_no_answer),
        cmocka_unit_test(usage_is_the_last_that_was_said_of_each),
        cmocka_unit_test(each_event_is_handed_on_at_once),
        cmocka_unit_test(the_adapters_state_is_zeroed_kept_and_released),
        cmocka_unit_test(a_named_answer_stands_against_all_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
