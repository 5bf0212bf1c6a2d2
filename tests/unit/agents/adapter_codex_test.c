/* SPDX-License-Identifier: MIT */
/* Codex: its command line, and recorded streams of it. */
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
    {"codex-code-mode.jsonl", 0, AGENT_FINE, "Done.", 0, 0, 13152, 35},
    {"codex-conn-refused-waits.jsonl", 1, AGENT_TRANSIENT,
     "Reconnecting... waiting for network (Connection failed: erro", 0, 0, -1, -1},
    {"codex-error-400.jsonl", 1, AGENT_PERMANENT, "Mock invalid request", 0, 0, -1, -1},
    {"codex-error-401.jsonl", 1, AGENT_PERMANENT,
     "unexpected status 401 Unauthorized: Mock invalid API key, ur", 0, 0, -1, -1},
    {"codex-error-404.jsonl", 1, AGENT_PERMANENT, "Mock model not found", 0, 0, -1, -1},
    {"codex-error-500-exhausted.jsonl", 1, AGENT_TRANSIENT,
     "We’re currently experiencing high demand, which may cause te", 0, 0, -1, -1},
    {"codex-error-context.jsonl", 1, AGENT_PERMANENT,
     "Codex ran out of room in the model's context window. Start a", 0, 0, -1, -1},
    {"codex-error-quota.jsonl", 1, AGENT_PERMANENT,
     "Quota exceeded. Check your plan and billing details.", 0, 0, -1, -1},
    {"codex-max-tokens.jsonl", 1, AGENT_PERMANENT,
     "Incomplete response returned, reason: max_output_tokens", 0, 0, -1, -1},
    {"codex-mcp-needs-approval.jsonl", 0, AGENT_FINE, "ok", 0, 1, 10011, 16},
    {"codex-mcp-ok.jsonl", 0, AGENT_FINE, "ok", 0, 0, 9984, 16},
    {"codex-readonly-denied.jsonl", 0, AGENT_FINE, "Done.", 0, 0, 9996, 19},
    {"codex-reasoning.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 6718, 17},
    {"codex-resume.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 13547, 16},
    {"codex-retry-429-recovered.jsonl", 0, AGENT_FINE, "Recovered.", 0, 0, 6722, 3},
    {"codex-shell-failed.jsonl", 0, AGENT_FINE, "Done.", 0, 0, 9991, 21},
    {"codex-stream-cut.jsonl", 1, AGENT_TRANSIENT,
     "stream disconnected before completion: Transport error: netw", 0, 0, -1, -1},
    {"codex-text.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 6715, 8},
    {"codex-unknown-model.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 4971, 8},
    {"codex-write-and-shell.jsonl", 0, AGENT_FINE, "finished", 0, 0, 20785, 46},
};

static void every_recorded_stream_comes_to_its_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        agent_stream_check(&adapter_codex, &cases[i]);
    }
}

static void a_stream_that_is_cut_at_any_byte_is_no_success(void **state)
{
    (void)state;
    agent_stream_check_cuts(&adapter_codex, cases, ARRAY_LEN(cases));
}

static const struct agent_end fine = {.exit_status = 0};
static const struct agent_end stopped = {.exit_status = 0, .stopped = true};

static void it_is_called_with_the_prompt_on_standard_input_alone(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_codex);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_string_equal(made.command.argv.items[0], "codex");
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
    agent_stream_call_init(&made, &adapter_codex);
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
    agent_stream_call_init(&made, &adapter_codex);
    made.call.model = "--yolo";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_codex);
    made.call.session = "-s\n";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
}

static void lines_that_are_no_events_are_passed_over(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_codex);
    agent_stream_add(
        &stream,
        "npm warn\n\x1b[31mred\x1b[0m\n[1,2]\n{\"type\":7}\n{\"type\":\"new.thing\",\"x\":1}\n"
        "{\"type\":\"result\",\n{}\n\"text\"\nnull\n");
    assert_string_equal(stream.events.data, "");
    agent_stream_play(&stream, "codex-text.jsonl");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_FINE);
    assert_string_equal(stream.result->answer, "Mock answer: the task is done.");
    agent_stream_release(&stream);
}

static void what_it_says_after_we_stopped_it_does_not_count(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_codex);
    agent_stream_play(&stream, "codex-text.jsonl");
    agent_stream_end(&stream, &stopped);
    assert_int_equal(stream.result->failure, AGENT_CANCELLED);
    agent_stream_release(&stream);
}

static void each_mode_has_its_sandbox(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_codex);
    made.call.is_read_only = true;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "-s\nread-only\n-C\n/repo\n"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_codex);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "-s\nworkspace-write\n"));
    agent_stream_call_release(&made);
}

static void the_user_may_name_another_mode_for_edits(void **state)
{
    json_t *options = json_pack("{s:s}", "mode", "danger-full-access");
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_codex);
    made.agent.options = options;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "-s\ndanger-full-access\n"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_codex);
    made.agent.options = options;
    made.call.is_read_only = true;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "-s\nread-only\n"));
    agent_stream_call_release(&made);
    json_decref(options);
}

static void a_session_goes_on_and_a_schema_goes_by_file(void **state)
{
    json_t *schema = json_pack("{s:s}", "type", "object");
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_codex);
    made.call.session = "01a1";
    made.call.schema = schema;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--output-schema\n/attempt/schema.json\nresume\n01a1\n-\n"));
    assert_int_equal(made.command.files.count, 1);
    assert_string_equal(made.command.files.items[0].name, "schema.json");
    assert_string_equal(made.command.files.items[0].data, "{\"type\":\"object\"}");
    agent_stream_call_release(&made);
    json_decref(schema);
}

static void it_asks_no_public_host_at_its_start(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_codex);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "-c\nfeatures.plugins=false\n"));
    assert_non_null(strstr(made.argv, "-c\ncheck_for_update_on_startup=false\n"));
    assert_non_null(strstr(made.argv, "-c\nanalytics.enabled=false\n"));
    agent_stream_call_release(&made);
}

static void the_usage_of_a_resumed_thread_is_less_what_it_had(void **state)
{
    const struct agent_usage earlier = {6715, 8, 0, -1, -1};
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_codex);
    agent_reader_set_earlier(stream.reader, &earlier);
    agent_stream_play(&stream, "codex-resume.jsonl");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->usage.input_tokens, 6832);
    assert_int_equal(stream.result->usage.output_tokens, 8);
    assert_true(stream.result->usage.cost_usd < 0);
    agent_stream_release(&stream);
}

static void a_usage_below_the_earlier_one_began_anew(void **state)
{
    const struct agent_usage earlier = {99999, 999, 0, -1, -1};
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_codex);
    agent_reader_set_earlier(stream.reader, &earlier);
    agent_stream_play(&stream, "codex-resume.jsonl");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->usage.input_tokens, 13547);
    agent_stream_release(&stream);
}

static void waiting_for_a_network_for_ever_is_ended_as_transient(void **state)
{
    const char *line = "{\"type\":\"error\",\"message\":\"Reconnecting... waiting for network "
                       "(Connection failed: error sending request)\"}\n";
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_codex);
    agent_stream_add(&stream, line);
    agent_stream_add(&stream, line);
    assert_int_equal(stream.fatal, 0);
    agent_stream_add(&stream, line);
    assert_int_equal(stream.fatal, 1);
    agent_stream_end(&stream, &stopped);
    assert_int_equal(stream.result->failure, AGENT_TRANSIENT);
    assert_non_null(strstr(stream.result->error, "Connection failed"));
    agent_stream_release(&stream);
}

static void a_wrong_key_is_fatal_and_a_full_server_is_not(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_codex);
    agent_stream_play(&stream, "codex-error-401.jsonl");
    assert_true(stream.fatal > 0);
    agent_stream_release(&stream);
    agent_stream_begin(&stream, &adapter_codex);
    agent_stream_play(&stream, "codex-error-500-exhausted.jsonl");
    agent_stream_play(&stream, "codex-retry-429-recovered.jsonl");
    assert_int_equal(stream.fatal, 0);
    agent_stream_release(&stream);
}

static void a_rate_limit_that_stays_is_a_limit(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_codex);
    agent_stream_add(
        &stream, "{\"type\":\"turn.failed\",\"error\":{\"message\":\"exceeded retry limit, last "
                 "status: 429 Too Many Requests, request id: x\"}}\n");
    agent_stream_end(&stream, &(struct agent_end){.exit_status = 1});
    assert_int_equal(stream.result->failure, AGENT_LIMIT);
    agent_stream_release(&stream);
}

static void an_unknown_session_is_told_in_the_words_of_its_error(void **state)
{
    const struct agent_end end = {
        .exit_status = 1,
        .errors = "WARNING: x\nError: thread/resume: thread/resume failed: no rollout found for "
                  "thread id 01a1\n\nStack backtrace:\n   0: <unknown>\n"};
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_codex);
    agent_stream_end(&stream, &end);
    assert_int_equal(stream.result->failure, AGENT_PERMANENT);
    assert_non_null(strstr(stream.result->error, "no rollout found"));
    agent_stream_release(&stream);
}

static void tools_are_shown_with_what_they_do(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_codex);
    agent_stream_play(&stream, "codex-write-and-shell.jsonl");
    assert_non_null(strstr(stream.events.data,
                           "{\"event\":\"tool_call\",\"id\":\"item_0\",\"name\":\"patch\",\"text\":"
                           "\"add /repo/b.txt\"}\n"));
    assert_non_null(strstr(stream.events.data,
                           "{\"event\":\"tool_call\",\"id\":\"item_1\",\"name\":\"shell\",\"text\":"
                           "\"/bin/bash -lc 'cat b.txt'\"}\n"));
    assert_non_null(strstr(stream.events.data,
                           "{\"event\":\"tool_result\",\"id\":\"item_1\",\"text\":\"x \"}\n"));
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
        cmocka_unit_test(each_mode_has_its_sandbox),
        cmocka_unit_test(the_user_may_name_another_mode_for_edits),
        cmocka_unit_test(a_session_goes_on_and_a_schema_goes_by_file),
        cmocka_unit_test(it_asks_no_public_host_at_its_start),
        cmocka_unit_test(the_usage_of_a_resumed_thread_is_less_what_it_had),
        cmocka_unit_test(a_usage_below_the_earlier_one_began_anew),
        cmocka_unit_test(waiting_for_a_network_for_ever_is_ended_as_transient),
        cmocka_unit_test(a_wrong_key_is_fatal_and_a_full_server_is_not),
        cmocka_unit_test(a_rate_limit_that_stays_is_a_limit),
        cmocka_unit_test(an_unknown_session_is_told_in_the_words_of_its_error),
        cmocka_unit_test(tools_are_shown_with_what_they_do),
    };

    json_init_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
