/* SPDX-License-Identifier: MIT */
/* Claude Code: its command line, and recorded streams of it. */
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
    {"claude-conn-refused.jsonl", 1, AGENT_TRANSIENT,
     "API Error: Connection refused — a firewall or proxy may be b", 0, 0, 0, 0},
    {"claude-error-401-exhausted.jsonl", 1, AGENT_PERMANENT,
     "Failed to authenticate. API Error: 401 Mock invalid API key", 401, 0, 0, 0},
    {"claude-error-403.jsonl", 1, AGENT_PERMANENT,
     "Failed to authenticate. API Error: 403 Mock forbidden", 403, 0, 0, 0},
    {"claude-error-404.jsonl", 1, AGENT_PERMANENT,
     "There's an issue with the selected model (claude-sonnet-4-5)", 404, 0, 0, 0},
    {"claude-error-529-exhausted.jsonl", 1, AGENT_TRANSIENT,
     "API Error: 529 Overloaded. This is a server-side issue, usua", 529, 0, 0, 0},
    {"claude-error-context.jsonl", 1, AGENT_PERMANENT,
     "Prompt is too long · the request is ~250000 tokens (limit 20", 400, 0, 0, 0},
    {"claude-json-schema.jsonl", 0, AGENT_FINE, "{\"ok\":true}", 0, 0, 4401, 16},
    {"claude-max-budget.jsonl", 1, AGENT_PERMANENT, "Reached maximum budget ($0.03)", 0, 0, 9860,
     30},
    {"claude-max-turns.jsonl", 1, AGENT_PERMANENT, "Reached maximum number of turns (2)", 0, 0,
     19740, 60},
    {"claude-mcp.jsonl", 0, AGENT_FINE, "ok", 0, 0, 19734, 17},
    {"claude-partial-messages.jsonl", 0, AGENT_FINE, "abc def ghi", 0, 0, 9845, 3},
    {"claude-read-only.jsonl", 0, AGENT_FINE, "finished", 0, 2, 43228, 81},
    {"claude-refusal.jsonl", 1, AGENT_REFUSED,
     "API Error: Sonnet 4.5 can't help with this. Start a new sess", 0, 0, 19737, 12},
    {"claude-resume-budget.jsonl", 1, AGENT_PERMANENT, "Reached maximum budget ($0.03)", 0, 0,
     10266, 25},
    {"claude-resume-unknown.jsonl", 1, AGENT_PERMANENT,
     "No conversation found with session ID: 99999999-2222-4333-84", 0, 0, 0, 0},
    {"claude-retry-429-recovered.jsonl", 0, AGENT_FINE, "Recovered.", 0, 0, 9843, 3},
    {"claude-sigint.jsonl", 0, AGENT_TRANSIENT,
     "[ede_diagnostic] result_type=user last_content_type=n/a stop", 0, 0, 9843, 11},
    {"claude-text.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 9833, 8},
    {"claude-thinking.jsonl", 0, AGENT_FINE, "Mock answer: the task is done.", 0, 0, 9837, 17},
    {"claude-write-acceptedits.jsonl", 0, AGENT_FINE, "finished", 0, 0, 29701, 52},
    {"claude-write-denied-default.jsonl", 0, AGENT_FINE, "finished", 0, 2, 29759, 55},
    {"claude-write-denied-plan.jsonl", 0, AGENT_FINE, "finished", 0, 2, 33460, 54},
};

static void every_recorded_stream_comes_to_its_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        agent_stream_check(&adapter_claude, &cases[i]);
    }
}

static void a_stream_that_is_cut_at_any_byte_is_no_success(void **state)
{
    (void)state;
    agent_stream_check_cuts(&adapter_claude, cases, ARRAY_LEN(cases));
}

static const struct agent_end fine = {.exit_status = 0};
static const struct agent_end stopped = {.exit_status = 0, .stopped = true};

static void it_is_called_with_the_prompt_on_standard_input_alone(void **state)
{
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_claude);
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_string_equal(made.command.argv.items[0], "claude");
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
    agent_stream_call_init(&made, &adapter_claude);
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
    agent_stream_call_init(&made, &adapter_claude);
    made.call.model = "--yolo";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_claude);
    made.call.session = "-s\n";
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_INVALID);
    agent_stream_call_release(&made);
}

static void lines_that_are_no_events_are_passed_over(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_add(
        &stream,
        "npm warn\n\x1b[31mred\x1b[0m\n[1,2]\n{\"type\":7}\n{\"type\":\"new.thing\",\"x\":1}\n"
        "{\"type\":\"result\",\n{}\n\"text\"\nnull\n");
    assert_string_equal(stream.events.data, "");
    agent_stream_play(&stream, "claude-text.jsonl");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_FINE);
    assert_string_equal(stream.result->answer, "Mock answer: the task is done.");
    agent_stream_release(&stream);
}

static void what_it_says_after_we_stopped_it_does_not_count(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_play(&stream, "claude-text.jsonl");
    agent_stream_end(&stream, &stopped);
    assert_int_equal(stream.result->failure, AGENT_CANCELLED);
    agent_stream_release(&stream);
}

static void each_mode_has_its_permissions(void **state)
{
    const char *const tools[] = {"Bash(make test)", "WebFetch"};
    const char *const everything[] = {"*"};
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_claude);
    made.call.is_read_only = true;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--permission-mode\ndontAsk\n"));
    assert_non_null(strstr(made.argv, "--disallowedTools\nWrite\n"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_claude);
    made.call.tools = tools;
    made.call.tool_count = 2;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--permission-mode\nacceptEdits\n"));
    assert_non_null(
        strstr(made.argv, "--allowedTools\nBash(make test)\n--allowedTools\nWebFetch\n"));
    assert_null(strstr(made.argv, "--disallowedTools"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_claude);
    made.call.tools = everything;
    made.call.tool_count = 1;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--permission-mode\nbypassPermissions\n"));
    agent_stream_call_release(&made);
    agent_stream_call_init(&made, &adapter_claude);
    made.call.tools = everything;
    made.call.tool_count = 1;
    made.call.is_read_only = true;
    assert_int_equal(agent_stream_call_make(&made, NULL), ERROR_INVALID);
    agent_stream_call_release(&made);
}

static void limits_schema_model_and_session_are_passed_on(void **state)
{
    json_t *schema = json_pack("{s:s}", "type", "object");
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_claude);
    made.call.turns_max = 7;
    made.call.budget_usd = 0.5;
    made.call.schema = schema;
    made.call.model = "opus";
    made.call.session = "s-1";
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--max-turns\n7\n"));
    assert_non_null(strstr(made.argv, "--max-budget-usd\n0.500000\n"));
    assert_non_null(strstr(made.argv, "--json-schema\n{\"type\":\"object\"}\n"));
    assert_non_null(strstr(made.argv, "--model\nopus\n"));
    assert_non_null(strstr(made.argv, "--resume\ns-1\n"));
    agent_stream_call_release(&made);
    json_decref(schema);
}

static void the_budget_of_a_session_that_goes_on_counts_what_it_cost(void **state)
{
    const struct agent_usage earlier = {-1, -1, -1, 0.25, -1};
    struct stream_call made;

    (void)state;
    agent_stream_call_init(&made, &adapter_claude);
    made.call.budget_usd = 0.5;
    made.call.session = "s-1";
    made.call.earlier = &earlier;
    assert_int_equal(agent_stream_call_make(&made, NULL), 0);
    assert_non_null(strstr(made.argv, "--max-budget-usd\n0.750000\n"));
    agent_stream_call_release(&made);
}

static void a_wrong_key_is_fatal_at_its_first_retry(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_add(
        &stream, "{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":1,\"max_retries\":10,"
                 "\"error_status\":401,\"error\":\"authentication_failed\"}\n");
    assert_int_equal(stream.fatal, 1);
    agent_stream_end(&stream, &stopped);
    assert_int_equal(stream.result->failure, AGENT_PERMANENT);
    assert_int_equal(stream.result->status, 401);
    agent_stream_release(&stream);
}

static void an_overload_that_may_pass_is_not_fatal(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_play(&stream, "claude-error-529-exhausted.jsonl");
    agent_stream_play(&stream, "claude-conn-refused.jsonl");
    assert_int_equal(stream.fatal, 0);
    agent_stream_release(&stream);
}

static void pieces_are_shown_once(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_play(&stream, "claude-partial-messages.jsonl");
    assert_non_null(
        strstr(stream.events.data, "{\"event\":\"text\",\"text\":\"abc \",\"partial\":true}\n"));
    assert_null(strstr(stream.events.data, "\"abc def"));
    agent_stream_end(&stream, &fine);
    assert_string_equal(stream.result->answer, "abc def ghi");
    agent_stream_release(&stream);
}

static void without_structured_output_there_is_no_json(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_play(&stream, "claude-json-schema.jsonl");
    agent_stream_end(&stream, &fine);
    assert_true(json_is_true(json_object_get(stream.result->json, "ok")));
    agent_stream_release(&stream);
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_play(&stream, "claude-text.jsonl");
    agent_stream_end(&stream, &fine);
    assert_null(stream.result->json);
    agent_stream_release(&stream);
}

static void success_needs_the_exit_status_too(void **state)
{
    const struct agent_end failed = {.exit_status = 1, .errors = "Error: no\n"};
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_play(&stream, "claude-text.jsonl");
    agent_stream_end(&stream, &failed);
    assert_int_not_equal(stream.result->failure, AGENT_FINE);
    agent_stream_release(&stream);
}

static void an_empty_answer_is_no_success(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_add(
        &stream,
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"\"}\n");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_TRANSIENT);
    agent_stream_release(&stream);
}

static void an_answer_that_was_cut_is_no_success(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_add(
        &stream,
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"and th\","
        "\"stop_reason\":\"max_tokens\"}\n");
    agent_stream_end(&stream, &fine);
    assert_int_equal(stream.result->failure, AGENT_PERMANENT);
    agent_stream_release(&stream);
}

static void a_line_may_be_as_long_as_the_answer(void **state)
{
    size_t length = 300000;
    char *answer = mem_alloc(length + 1);
    struct stream stream;
    char *line;

    (void)state;
    memset(answer, 'x', length);
    answer[length] = '\0';
    line = mem_printf("{\"result\":\"%s\",\"type\":\"result\",\"is_error\":false,"
                      "\"subtype\":\"success\"}\n",
                      answer);
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_add(&stream, line);
    agent_stream_end(&stream, &fine);
    assert_string_equal(stream.result->answer, answer);
    agent_stream_release(&stream);
    free(line);
    free(answer);
}

static void the_cost_of_a_whole_session_is_that_of_this_run(void **state)
{
    const struct agent_usage earlier = {5078, 8, 0, 0.02, 1};
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_reader_set_earlier(stream.reader, &earlier);
    agent_stream_add(
        &stream,
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"ok\","
        "\"total_cost_usd\":0.05,\"usage\":{\"input_tokens\":10,"
        "\"cache_read_input_tokens\":90,\"output_tokens\":5}}\n");
    agent_stream_end(&stream, &fine);
    assert_true(stream.result->usage.cost_usd > 0.029 && stream.result->usage.cost_usd < 0.031);
    assert_int_equal(stream.result->usage.input_tokens, 100);
    assert_int_equal(stream.result->usage.cached_tokens, 90);
    agent_stream_release(&stream);
}

static void tokens_without_a_price_cost_an_unknown_sum(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_add(
        &stream,
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"ok\","
        "\"total_cost_usd\":0,\"usage\":{\"input_tokens\":10,\"output_tokens\":5}}\n");
    agent_stream_end(&stream, &fine);
    assert_true(stream.result->usage.cost_usd < 0);
    agent_stream_release(&stream);
}

static void what_a_subagent_says_is_no_answer(void **state)
{
    struct stream stream;

    (void)state;
    agent_stream_begin(&stream, &adapter_claude);
    agent_stream_add(
        &stream, "{\"type\":\"assistant\",\"parent_tool_use_id\":\"t1\",\"message\":{\"content\":"
                 "[{\"type\":\"text\",\"text\":\"psst\"}]}}\n");
    assert_string_equal(stream.events.data, "");
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
        cmocka_unit_test(each_mode_has_its_permissions),
        cmocka_unit_test(limits_schema_model_and_session_are_passed_on),
        cmocka_unit_test(the_budget_of_a_session_that_goes_on_counts_what_it_cost),
        cmocka_unit_test(a_wrong_key_is_fatal_at_its_first_retry),
        cmocka_unit_test(an_overload_that_may_pass_is_not_fatal),
        cmocka_unit_test(pieces_are_shown_once),
        cmocka_unit_test(without_structured_output_there_is_no_json),
        cmocka_unit_test(success_needs_the_exit_status_too),
        cmocka_unit_test(an_empty_answer_is_no_success),
        cmocka_unit_test(an_answer_that_was_cut_is_no_success),
        cmocka_unit_test(a_line_may_be_as_long_as_the_answer),
        cmocka_unit_test(the_cost_of_a_whole_session_is_that_of_this_run),
        cmocka_unit_test(tokens_without_a_price_cost_an_unknown_sum),
        cmocka_unit_test(what_a_subagent_says_is_no_answer),
    };

    json_init_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
