/* SPDX-License-Identifier: MIT */
/* Gemini CLI: its command line, and recorded streams of it. */
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
    {"gemini-auto-router.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 8849, 22},
    {"gemini-empty-rc0.jsonl", 0, AGENT_TRANSIENT,
     "The model returned an empty response with no text or thought", 0, 0, 25716, 4},
    {"gemini-error-403.jsonl", 147, AGENT_PERMANENT, "Mock forbidden", 403, 0, 0, 0},
    {"gemini-error-429-exhausted.jsonl", 173, AGENT_LIMIT, "Mock rate limit reached", 0, 0, 0, 0},
    {"gemini-max-turns.jsonl", 53, AGENT_PERMANENT,
     "Reached max session turns for this session. Increase the num", 0, 0, 12925, 64},
    {"gemini-mcp.jsonl", 0, AGENT_FINE, "ok", 0, 0, 12925, 16},
    {"gemini-quota.jsonl", 173, AGENT_PERMANENT,
     "You have exhausted your daily quota on this model.", 0, 0, 0, 0},
    {"gemini-shell-yolo.jsonl", 0, AGENT_FINE, "finished", 0, 0, 12933, 38},
    {"gemini-stream-error-rc0.jsonl", 0, AGENT_TRANSIENT,
     "Model stream ended without a finish reason.", 0, 0, 25644, 32},
    {"gemini-text.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 6400, 8},
    {"gemini-write-auto-edit.jsonl", 0, AGENT_FINE, "finished", 0, 0, 12890, 31},
    {"gemini-write-denied-plan.jsonl", 0, AGENT_FINE, "finished", 0, 1, 11086, 29},
};

static void every_recorded_stream_comes_to_its_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        agent_stream_check(&adapter_gemini, &cases[i]);
    }
}

static void a_stream_that_is_cut_at_any_byte_is_no_success(void **state)
{
    (void)state;
    agent_stream_check_cuts(&adapter_gemini, cases, ARRAY_LEN(cases));
}

static const struct agent_end fine = {.exit_status = 0};
static const struct agent_end stopped = {.exit_status = 0, .stopped = true};

static void it_is_called_with_the_prompt_on_standard_input_alone(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_gemini);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_string_equal(made.command.argv.items[0], "gemini");
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
    agent_stream_call_init(&made, &adapter_gemini);
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
    agent_stream_call_init(&made, &adapter_gemini);
    made.call.model = "--yolo";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_gemini);
    made.call.session = "-s\n";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
}

static void lines_that_are_no_events_are_passed_over(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_gemini);
    agent_stream_add(
        &stream,
        "npm warn\n\x1b[31mred\x1b[0m\n[1,2]\n{\"type\":7}\n{\"type\":\"new.thing\",\"x\":1}\n"
        "{\"type\":\"result\",\n{}\n\"text\"\nnull\n");
    assert_string_equal(stream.events.data, "");
    agent_stream_play(&stream, "gemini-text.jsonl");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_FINE);
    assert_string_equal(stream.result->answer, "Mock answer: the task is done.");
    agent_stream_release(&stream);
}

static void what_it_says_after_we_stopped_it_does_not_count(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_gemini);
    agent_stream_play(&stream, "gemini-text.jsonl");
    agent_stream_end(&stream, &stopped);
    assert_int_equal(stream.result->failure, AGENT_CANCELLED);
    agent_stream_release(&stream);
}

static void each_mode_has_its_approval(void **state)
{
    const char *const tools[] = {"run_shell_command(git)"};
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_gemini);
    made.call.is_read_only = true;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--approval-mode\nplan\n"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_gemini);
    made.call.tools = tools;
    made.call.tool_count = 1;
    made.call.session = "s-1";
    made.agent.model = "gemini-2.5-flash";
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--approval-mode\nauto_edit\n"));
    assert_non_null(strstr(made.argv, "--allowed-tools\nrun_shell_command(git)\n"));
    assert_non_null(strstr(made.argv, "-m\ngemini-2.5-flash\n"));
    assert_non_null(strstr(made.argv, "--resume\ns-1\n"));
    agent_stream_call_release(&made);
}

static void no_parent_of_its_own_swallows_our_signals(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_gemini);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.env, "GEMINI_CLI_NO_RELAUNCH=true\n"));
    assert_non_null(strstr(made.env, "GEMINI_CLI_TRUST_WORKSPACE=true\n"));
    assert_true(made.command.has_own_tmp);
    agent_stream_call_release(&made);
}

static void assert_exit(int exit_status, enum agent_failure failure)
{
    struct stream stream;

    agent_stream_begin(&stream, &adapter_gemini);
    agent_stream_end(&stream, &(struct agent_end){.exit_status = exit_status, .errors = "x\n"});
    assert_string_equal(agent_failure_name(stream.result->failure), agent_failure_name(failure));
    agent_stream_release(&stream);
}

static void without_a_result_the_exit_status_is_a_class(void **state)
{
    (void)state;
    assert_exit(0, AGENT_TRANSIENT); /* ended by SIGTERM */
    assert_exit(41, AGENT_PERMANENT);
    assert_exit(42, AGENT_PERMANENT);
    assert_exit(53, AGENT_PERMANENT);
    assert_exit(55, AGENT_PERMANENT);
    assert_exit(145, AGENT_PERMANENT);
    assert_exit(173, AGENT_LIMIT);
    assert_exit(244, AGENT_TRANSIENT);
    assert_exit(247, AGENT_TRANSIENT);
}

static void a_loop_that_it_found_is_no_success(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_gemini);
    agent_stream_add(
        &stream,
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"a\",\"delta\":true}\n"
        "{\"type\":\"error\",\"severity\":\"warning\",\"message\":\"Loop detected, stopping "
        "execution\"}\n{\"type\":\"result\",\"status\":\"success\"}\n");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_TRANSIENT);
    agent_stream_release(&stream);
}

static void a_stream_that_was_cut_may_pass(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_gemini);
    agent_stream_add(
        &stream, "{\"type\":\"result\",\"status\":\"error\",\"error\":{\"message\":\"[API Error: "
                 "terminated]\"}}\n");
    agent_stream_end(&stream, &(struct agent_end){.exit_status = 1});
    assert_int_equal(stream.result->failure, AGENT_TRANSIENT);
    agent_stream_release(&stream);
}

static void its_advice_is_not_taken_for_the_error(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_gemini);
    agent_stream_play(&stream, "gemini-error-429-exhausted.jsonl");
    agent_stream_end(&stream, &(struct agent_end){.exit_status = 173});
    assert_int_equal(stream.result->failure, AGENT_LIMIT); /* the advice speaks of a quota */
    assert_int_equal(stream.result->retry_after_ms, 1000);
    assert_null(strstr(stream.result->error, "quota"));
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
        cmocka_unit_test(no_parent_of_its_own_swallows_our_signals),
        cmocka_unit_test(without_a_result_the_exit_status_is_a_class),
        cmocka_unit_test(a_loop_that_it_found_is_no_success),
        cmocka_unit_test(a_stream_that_was_cut_may_pass),
        cmocka_unit_test(its_advice_is_not_taken_for_the_error),
    };

    json_init_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
