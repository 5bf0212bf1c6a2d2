/* SPDX-License-Identifier: MIT */
/* GitHub Copilot CLI: its command line, and recorded streams of it. */
#include "agents/reader.h"
#include "base/alloc.h"
#include "support/agent_stream.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

/* sample, exit status, outcome, answer or words of the error, HTTP status, denials, tokens */
static const struct stream_case cases[] = {
    {"copilot-error-401.jsonl", 1, AGENT_PERMANENT,
     "Authentication failed with provider at http://127.0.0.1:8400", 401, 0, -1, -1},
    {"copilot-error-500.jsonl", 1, AGENT_TRANSIENT,
     "Failed to get response from the AI model; retried 5 times (t", 500, 0, -1, -1},
    {"copilot-plan-write-denied.jsonl", 0, AGENT_FINE, "finished", 0, 1, -1, -1},
    {"copilot-retry-429-recovered.jsonl", 0, AGENT_FINE, "Recovered.", 0, 0, -1, -1},
    {"copilot-text.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, -1, -1},
    {"copilot-write-and-shell.jsonl", 0, AGENT_FINE, "finished", 0, 0, -1, -1},
    {"copilot-write-denied.jsonl", 0, AGENT_FINE, "finished", 0, 1, -1, -1},
};

static void every_recorded_stream_comes_to_its_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        agent_stream_check(&adapter_copilot, &cases[i]);
    }
}

static void a_stream_that_is_cut_at_any_byte_is_no_success(void **state)
{
    (void)state;
    agent_stream_check_cuts(&adapter_copilot, cases, ARRAY_LEN(cases));
}

static const struct agent_end fine = {.exit_status = 0};
static const struct agent_end stopped = {.exit_status = 0, .stopped = true};

static void it_is_called_with_the_prompt_on_standard_input_alone(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_copilot);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_string_equal(made.command.argv.items[0], "copilot");
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
    agent_stream_call_init(&made, &adapter_copilot);
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
    agent_stream_call_init(&made, &adapter_copilot);
    made.call.model = "--yolo";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_copilot);
    made.call.session = "-s\n";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
}

static void lines_that_are_no_events_are_passed_over(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_copilot);
    agent_stream_add(
        &stream,
        "npm warn\n\x1b[31mred\x1b[0m\n[1,2]\n{\"type\":7}\n{\"type\":\"new.thing\",\"x\":1}\n"
        "{\"type\":\"result\",\n{}\n\"text\"\nnull\n");
    assert_string_equal(stream.events.data, "");
    agent_stream_play(&stream, "copilot-text.jsonl");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_FINE);
    assert_string_equal(stream.result->answer, "Mock answer: the task is done.");
    agent_stream_release(&stream);
}

static void what_it_says_after_we_stopped_it_does_not_count(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_copilot);
    agent_stream_play(&stream, "copilot-text.jsonl");
    agent_stream_end(&stream, &stopped);
    assert_int_equal(stream.result->failure, AGENT_CANCELLED);
    agent_stream_release(&stream);
}

static void each_mode_allows_its_tools(void **state)
{
    const char *const tools[] = {"shell(git:*)"};
    const char *const everything[] = {"*"};
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_copilot);
    made.call.is_read_only = true;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--deny-tool\nwrite\n"));
    assert_null(strstr(made.argv, "--allow"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_copilot);
    made.call.tools = tools;
    made.call.tool_count = 1;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--allow-tool\nwrite\n--allow-tool\nshell(git:*)\n"));
    assert_null(strstr(made.argv, "--allow-all"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_copilot);
    made.call.tools = everything;
    made.call.tool_count = 1;
    made.call.session = "s-1";
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--allow-all-tools\n"));
    assert_non_null(strstr(made.argv, "--session-id\ns-1\n"));
    assert_non_null(strstr(made.env, "COPILOT_AUTO_UPDATE=false\n"));
    agent_stream_call_release(&made);
}

/* What was written for it beside the call, put into a folder and read after it was ended. */
static char *session_when_ended(const char *session, char **ret_argv)
{
    char *scratch = scratch_new();
    const struct agent_end end = {.exit_status = -1, .timed_out = true, .folder = scratch};
    struct stream_call made;
    struct stream stream;
    char *found;

    agent_stream_call_init(&made, &adapter_copilot);
    made.call.session = session;
    made.call.folder = scratch;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    for (size_t i = 0; i < made.command.files.count; i++) {
        scratch_write(scratch, made.command.files.items[i].name, made.command.files.items[i].data);
    }
    *ret_argv = mem_strdup(made.argv);
    agent_stream_call_release(&made);
    agent_stream_begin(&stream, &adapter_copilot);
    agent_stream_end(&stream, &end);
    assert_int_equal(stream.result->failure, AGENT_TIMEOUT);
    found = mem_strdup(stream.result->session);
    agent_stream_release(&stream);
    scratch_remove(scratch);
    return found;
}

static void a_session_is_known_even_of_one_that_was_ended(void **state)
{
    char *argv, *other_argv;
    char *session = session_when_ended(NULL, &argv);
    char *other = session_when_ended(NULL, &other_argv);

    (void)state;
    assert_int_equal(strlen(session), 36);
    assert_non_null(strstr(argv, session));
    assert_string_not_equal(session, other);
    free(other_argv);
    free(other);
    free(argv);
    other = session_when_ended(session, &argv);
    assert_string_equal(session, other);
    assert_non_null(strstr(argv, session));
    free(argv);
    free(other);
    free(session);
}

static void read_usage(const char *data, const struct agent_usage *earlier,
                       struct agent_usage *ret_usage)
{
    char *scratch = scratch_new();
    const struct agent_end end = {.exit_status = 0, .folder = scratch};
    struct stream stream;

    if (data) {
        scratch_write(scratch, "usage.json", data);
    }
    agent_stream_begin(&stream, &adapter_copilot);
    agent_reader_set_earlier(stream.reader, earlier);
    agent_stream_play(&stream, "copilot-text.jsonl");
    agent_stream_end(&stream, &end);
    assert_int_equal(stream.result->failure, AGENT_FINE);
    *ret_usage = stream.result->usage;
    agent_stream_release(&stream);
    scratch_remove(scratch);
}

static void its_tokens_are_in_the_file_that_it_was_asked_for(void **state)
{
    const struct agent_usage none = AGENT_USAGE_INIT;
    const struct agent_usage earlier = {10000, 9, 0, -1, 1};
    struct agent_usage usage;
    size_t length;
    char *data = agent_stream_read("copilot-usage-output-file.json", &length);

    (void)state;
    read_usage(data, &none, &usage);
    assert_int_equal(usage.input_tokens, 10839);
    assert_int_equal(usage.output_tokens, 29);
    read_usage(data, &earlier, &usage); /* that of the whole session */
    assert_int_equal(usage.input_tokens, 839);
    assert_int_equal(usage.output_tokens, 20);
    free(data);
    read_usage(NULL, &none, &usage);
    assert_true(usage.input_tokens < 0 && usage.output_tokens < 0);
    read_usage("{\"modelMet", &none, &usage);
    assert_true(usage.input_tokens < 0 && usage.output_tokens < 0);
}

static void an_error_of_the_session_is_one_whatever_the_exit_code_says(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_copilot);
    agent_stream_add(
        &stream,
        "{\"type\":\"session.error\",\"data\":{\"errorType\":\"rate_limit\",\"message\":\"no\","
        "\"statusCode\":429}}\n{\"type\":\"result\",\"exitCode\":1}\n");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_LIMIT);
    agent_stream_release(&stream);
}

static void a_key_that_blots_out_its_lines_is_no_success(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_copilot);
    agent_stream_add(&stream, "{\"******ype\":\"resul******\",\"exi******Code\":0}\n");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_TRANSIENT);
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
        cmocka_unit_test(each_mode_allows_its_tools),
        cmocka_unit_test(a_session_is_known_even_of_one_that_was_ended),
        cmocka_unit_test(its_tokens_are_in_the_file_that_it_was_asked_for),
        cmocka_unit_test(an_error_of_the_session_is_one_whatever_the_exit_code_says),
        cmocka_unit_test(a_key_that_blots_out_its_lines_is_no_success),
    };

    json_init_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
