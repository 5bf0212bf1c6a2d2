/* SPDX-License-Identifier: MIT */
/* Qwen Code: its command line, and recorded streams of it. */
#include "agents/reader.h"
#include "base/alloc.h"
#include "support/agent_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

/* sample, exit status, outcome, answer or words of the error, HTTP status, denials, tokens */
static const struct stream_case cases[] = {
    {"qwen-error-401.jsonl", 1, AGENT_PERMANENT, "API error: 401 Mock invalid API key", 0, 0, 0, 0},
    {"qwen-max-turns.jsonl", 53, AGENT_PERMANENT, "it reached its limit of turns", 0, 0, -1, -1},
    {"qwen-max-wall-time.jsonl", 55, AGENT_TIMEOUT, "it reached its limit of time or tool calls", 0,
     0, -1, -1},
    {"qwen-no-key.jsonl", 1, AGENT_PERMANENT,
     "Missing API key for OpenAI-compatible auth. Set settings.sec", 0, 0, 0, 0},
    {"qwen-partial-messages.jsonl", 0, AGENT_FINE, "abc def", 0, 0, 15656, 10},
    {"qwen-pieces.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 8387, 8},
    {"qwen-resume.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 15925, 16},
    {"qwen-stream-cut-retried.jsonl", 0, AGENT_FINE, "Mock ansMock answer: the task is done.", 0, 0,
     15757, 16},
    {"qwen-text.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 15636, 16},
    {"qwen-v0.15-error-401-reported-as-success.jsonl", 0, AGENT_PERMANENT,
     "API error: 401 Mock invalid API key", 0, 0, 0, 0},
    {"qwen-write-and-shell-yolo.jsonl", 0, AGENT_FINE, "finished", 0, 0, 29132, 62},
};

static void every_recorded_stream_comes_to_its_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        agent_stream_check(&adapter_qwen, &cases[i]);
    }
}

static void a_stream_that_is_cut_at_any_byte_is_no_success(void **state)
{
    (void)state;
    agent_stream_check_cuts(&adapter_qwen, cases, ARRAY_LEN(cases));
}

static const struct agent_end fine = {.exit_status = 0};
static const struct agent_end stopped = {.exit_status = 0, .stopped = true};

static void it_is_called_with_the_prompt_on_standard_input_alone(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_qwen);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_string_equal(made.command.argv.items[0], "qwen");
    assert_null(strstr(made.argv, "do it"));
    assert_null(strstr(made.env, "do it"));
    assert_string_equal(made.command.input.data, "-p do it");
    agent_stream_call_release(&made);
}

static void a_configured_command_comes_before_its_arguments(void **state)
{
    const char *const command[] = {"/opt/x", "--more"};
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_qwen);
    made.agent.command = command;
    made.agent.command_count = 2;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_int_equal(strncmp(made.argv, "/opt/x\n--more\n", 14), 0);
    agent_stream_call_release(&made);
}

static void what_it_would_take_for_an_option_is_refused(void **state)
{
    struct stream_call made;
    struct error err = {0};

    (void)state;
    agent_stream_call_init(&made, &adapter_qwen);
    made.call.model = "--yolo";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_qwen);
    made.call.session = "-s\n";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
}

static void lines_that_are_no_events_are_passed_over(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_qwen);
    agent_stream_add(
        &stream,
        "npm warn\n\x1b[31mred\x1b[0m\n[1,2]\n{\"type\":7}\n{\"type\":\"new.thing\",\"x\":1}\n"
        "{\"type\":\"result\",\n{}\n\"text\"\nnull\n");
    assert_string_equal(stream.events.data, "");
    agent_stream_play(&stream, "qwen-text.jsonl");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_FINE);
    assert_string_equal(stream.result->answer, "Mock answer: the task is done.");
    agent_stream_release(&stream);
}

static void what_it_says_after_we_stopped_it_does_not_count(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_qwen);
    agent_stream_play(&stream, "qwen-text.jsonl");
    agent_stream_end(&stream, &stopped);
    assert_int_equal(stream.result->failure, AGENT_CANCELLED);
    agent_stream_release(&stream);
}

static void each_mode_has_its_approval(void **state)
{
    const char *const everything[] = {"*"};
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_qwen);
    made.call.is_read_only = true;
    made.call.turns_max = 3;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--approval-mode\nplan\n"));
    assert_non_null(strstr(made.argv, "--max-session-turns\n3\n"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_qwen);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--approval-mode\nauto-edit\n"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_qwen);
    made.call.tools = everything;
    made.call.tool_count = 1;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--approval-mode\nyolo\n"));
    assert_null(strstr(made.argv, "--allowed-tools"));
    agent_stream_call_release(&made);
}

static void its_output_is_a_file_and_its_memory_off(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_qwen);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_true(made.command.has_file_output);
    assert_non_null(strstr(made.env, "QWEN_CODE_NO_RELAUNCH=true\n"));
    assert_non_null(strstr(made.env, "QWEN_CODE_SYSTEM_DEFAULTS_PATH=/attempt/qwen.json\n"));
    assert_int_equal(made.command.files.count, 1);
    assert_string_equal(made.command.files.items[0].name, "qwen.json");
    assert_non_null(strstr(made.command.files.items[0].data, "\"enableManagedAutoMemory\":false"));
    agent_stream_call_release(&made);
}

static void the_usage_of_a_resumed_session_is_less_what_it_had(void **state)
{
    const struct agent_usage earlier = {8387, 8, 0, -1, 1};
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_qwen);
    agent_reader_set_earlier(stream.reader, &earlier);
    agent_stream_play(&stream, "qwen-resume.jsonl");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->usage.input_tokens, 15925 - 8387);
    assert_int_equal(stream.result->usage.output_tokens, 8);
    agent_stream_release(&stream);
}

static void a_schema_gives_json_apart(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_qwen);
    agent_stream_add(&stream,
                     "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,"
                     "\"result\":\"{\\\"ok\\\":true}\",\"structured_result\":{\"ok\":true}}\n");
    agent_stream_end(&stream, &fine);
    assert_true(json_is_true(json_object_get(stream.result->json, "ok")));
    agent_stream_release(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_stream_comes_to_its_result),
        cmocka_unit_test(a_stream_that_is_cut_at_any_byte_is_no_success),
        cmocka_unit_test(it_is_called_with_the_prompt_on_standard_input_alone),
        cmocka_unit_test(a_configured_command_comes_before_its_arguments),
        cmocka_unit_test(what_it_would_take_for_an_option_is_refused),
        cmocka_unit_test(lines_that_are_no_events_are_passed_over),
        cmocka_unit_test(what_it_says_after_we_stopped_it_does_not_count),
        cmocka_unit_test(each_mode_has_its_approval),
        cmocka_unit_test(its_output_is_a_file_and_its_memory_off),
        cmocka_unit_test(the_usage_of_a_resumed_session_is_less_what_it_had),
        cmocka_unit_test(a_schema_gives_json_apart),
    };

    json_init_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
