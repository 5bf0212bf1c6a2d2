/* SPDX-License-Identifier: MIT */
/* opencode: its command line, and recorded streams of it. */
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
    {"opencode-conn-refused.jsonl", 1, AGENT_TRANSIENT,
     "Cannot connect to API: Unable to connect. Is the computer ab", 0, 0, -1, -1},
    {"opencode-error-401.jsonl", 1, AGENT_PERMANENT, "Mock invalid API key", 401, 0, -1, -1},
    {"opencode-error-429.jsonl", 1, AGENT_LIMIT, "Mock rate limit reached", 429, 0, -1, -1},
    {"opencode-error-context.jsonl", 1, AGENT_PERMANENT,
     "Your input exceeds the context window of this model.", 0, 0, -1, -1},
    {"opencode-mcp.jsonl", 0, AGENT_FINE, "ok", 0, 0, 4828, 15},
    {"opencode-permission-ask-rejected.jsonl", 0, AGENT_PERMANENT,
     "it wanted to ask for permission, and ended there: allow the", 0, 1, 2411, 29},
    {"opencode-plan-write-denied.jsonl", 0, AGENT_FINE, "finished", 0, 1, 8587, 45},
    {"opencode-text.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 2396, 8},
    {"opencode-thinking.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 2398, 17},
    {"opencode-write-and-shell.jsonl", 0, AGENT_FINE, "finished", 0, 0, 7272, 44},
};

static void every_recorded_stream_comes_to_its_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        agent_stream_check(&adapter_opencode, &cases[i]);
    }
}

static void a_stream_that_is_cut_at_any_byte_is_no_success(void **state)
{
    (void)state;
    agent_stream_check_cuts(&adapter_opencode, cases, ARRAY_LEN(cases));
}

static const struct agent_end fine = {.exit_status = 0};
static const struct agent_end stopped = {.exit_status = 0, .stopped = true};

static void it_is_called_with_the_prompt_on_standard_input_alone(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_opencode);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_string_equal(made.command.argv.items[0], "opencode");
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
    agent_stream_call_init(&made, &adapter_opencode);
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
    agent_stream_call_init(&made, &adapter_opencode);
    made.call.model = "--yolo";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_opencode);
    made.call.session = "-s\n";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
}

static void lines_that_are_no_events_are_passed_over(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_opencode);
    agent_stream_add(
        &stream,
        "npm warn\n\x1b[31mred\x1b[0m\n[1,2]\n{\"type\":7}\n{\"type\":\"new.thing\",\"x\":1}\n"
        "{\"type\":\"result\",\n{}\n\"text\"\nnull\n");
    assert_string_equal(stream.events.data, "");
    agent_stream_play(&stream, "opencode-text.jsonl");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_FINE);
    assert_string_equal(stream.result->answer, "Mock answer: the task is done.");
    agent_stream_release(&stream);
}

static void what_it_says_after_we_stopped_it_does_not_count(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_opencode);
    agent_stream_play(&stream, "opencode-text.jsonl");
    agent_stream_end(&stream, &stopped);
    assert_int_equal(stream.result->failure, AGENT_CANCELLED);
    agent_stream_release(&stream);
}

static void assert_rules(struct stream_call *made, const char *rules)
{
    char *line = mem_printf("OPENCODE_PERMISSION=%s\n", rules);

    assert_int_equal(agent_stream_call_make(made, NULL), 0);
    if (!strstr(made->env, line)) {
        fail_msg("not %s but %s", line, made->env);
    }
    free(line);
    agent_stream_call_release(made);
}

static void it_asks_nobody_and_its_shell_has_to_be_allowed(void **state)
{
    const char *const tools[] = {"bash(git *)", "bash(make)", "webfetch"};
    const char *const everything[] = {"*"};
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_opencode);
    made.call.is_read_only = true;
    assert_rules(&made, "{\"external_directory\":\"deny\",\"doom_loop\":\"deny\",\"edit\":\"deny\","
                        "\"bash\":\"deny\"}");
    agent_stream_call_init(&made, &adapter_opencode);
    made.call.tools = tools;
    made.call.tool_count = 3;
    assert_rules(&made,
                 "{\"external_directory\":\"deny\",\"doom_loop\":\"deny\",\"edit\":\"allow\","
                 "\"bash\":{\"*\":\"deny\",\"git *\":\"allow\",\"make\":\"allow\"},"
                 "\"webfetch\":\"allow\"}");
    agent_stream_call_init(&made, &adapter_opencode);
    made.call.tools = everything;
    made.call.tool_count = 1;
    assert_rules(&made,
                 "{\"external_directory\":\"allow\",\"doom_loop\":\"deny\",\"edit\":\"allow\","
                 "\"bash\":\"allow\",\"*\":\"allow\"}");
}

static void it_has_a_folder_for_what_it_leaves_behind(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_opencode);
    made.call.session = "ses_1";
    made.call.model = "x/m";
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_true(made.command.has_own_tmp);
    assert_non_null(strstr(made.env, "OPENCODE_DISABLE_AUTOUPDATE=1\n"));
    assert_non_null(strstr(made.argv, "-m\nx/m\n-s\nses_1\n"));
    assert_non_null(strstr(made.argv, "--title\n")); /* else it asks the model for one */
    agent_stream_call_release(&made);
}

static void an_answer_that_was_cut_is_no_success(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_opencode);
    agent_stream_add(&stream, "{\"type\":\"text\",\"part\":{\"text\":\"and th\"}}\n"
                              "{\"type\":\"step_finish\",\"part\":{\"reason\":\"length\"}}\n");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_PERMANENT);
    agent_stream_release(&stream);
}

static void a_provider_that_makes_no_sense_is_not_asked_for_ever(void **state)
{
    const char *line = "{\"type\":\"step_finish\",\"part\":{\"reason\":\"unknown\"}}\n";
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_opencode);
    agent_stream_add(&stream, line);
    agent_stream_add(&stream, line);
    assert_int_equal(stream.fatal, 0);
    agent_stream_add(&stream, line);
    assert_int_equal(stream.fatal, 1);
    agent_stream_end(&stream, &stopped);
    assert_int_equal(stream.result->failure, AGENT_TRANSIENT);
    agent_stream_release(&stream);
}

static void a_quota_is_permanent_though_it_says_retryable(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_opencode);
    agent_stream_add(
        &stream, "{\"type\":\"error\",\"error\":{\"name\":\"APIError\",\"data\":{\"message\":\"You "
                 "exceeded your current quota\",\"statusCode\":429,\"isRetryable\":true}}}\n");
    agent_stream_end(&stream, &(struct agent_end){.exit_status = 1});
    assert_int_equal(stream.result->failure, AGENT_PERMANENT);
    agent_stream_release(&stream);
}

static void a_filter_is_a_refusal(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_opencode);
    agent_stream_add(
        &stream, "{\"type\":\"error\",\"error\":{\"name\":\"ContentFilterError\",\"data\":{}}}\n");
    agent_stream_end(&stream, &(struct agent_end){.exit_status = 1});
    assert_int_equal(stream.result->failure, AGENT_REFUSED);
    agent_stream_release(&stream);
}

static void the_cost_is_the_sum_of_its_steps(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_opencode);
    agent_stream_play(&stream, "opencode-write-and-shell.jsonl");
    agent_stream_end(&stream, &fine);
    assert_true(stream.result->usage.cost_usd > 0.00735 && stream.result->usage.cost_usd < 0.00737);
    assert_int_equal(stream.result->usage.turns, 3);
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
        cmocka_unit_test(it_asks_nobody_and_its_shell_has_to_be_allowed),
        cmocka_unit_test(it_has_a_folder_for_what_it_leaves_behind),
        cmocka_unit_test(an_answer_that_was_cut_is_no_success),
        cmocka_unit_test(a_provider_that_makes_no_sense_is_not_asked_for_ever),
        cmocka_unit_test(a_quota_is_permanent_though_it_says_retryable),
        cmocka_unit_test(a_filter_is_a_refusal),
        cmocka_unit_test(the_cost_is_the_sum_of_its_steps),
    };

    json_init_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
