/* SPDX-License-Identifier: MIT */
#include "agents/coding.h"
#include "base/alloc.h"
#include "support/agent_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void a_time_to_wait_is_read_from_words(void **state)
{
    (void)state;
    assert_int_equal(coding_retry_ms("Suggested retry after 1s."), 1000);
    assert_int_equal(coding_retry_ms("Please try again in 250ms"), 250);
    assert_int_equal(coding_retry_ms("try again in 1.5 s"), 1500);
    assert_int_equal(coding_retry_ms("Retry in 2 hours"), 2 * 3600000);
    assert_int_equal(coding_retry_ms("try again in a moment"), -1);
    assert_int_equal(coding_retry_ms("Your quota will reset after 15h8m33s."), 54513000);
    assert_int_equal(coding_retry_ms("or try again in 3 days 2 hours 5 minutes."), 266700000);
    assert_int_equal(coding_retry_ms("it resets in 2 hours, 7 bananas"), 2 * 3600000);
    assert_int_equal(coding_retry_ms("retry after 7 bananas"), -1);
    assert_int_equal(coding_retry_ms("retry after 99999999999d"), -1);
    assert_int_equal(coding_retry_ms(""), -1);
    assert_int_equal(coding_retry_ms(NULL), -1);
}

static void what_is_unknown_is_not_added(void **state)
{
    int64_t sum = -1;

    (void)state;
    coding_add_number(&sum, -1);
    assert_int_equal(sum, -1);
    coding_add_number(&sum, 0);
    coding_add_number(&sum, 7);
    coding_add_number(&sum, -1);
    coding_add_number(&sum, INT64_MAX);
    assert_int_equal(sum, 7);
}

static void money_of_zero_for_tokens_is_unknown(void **state)
{
    (void)state;
    assert_true(coding_cost(0, 100) < 0);
    assert_true(coding_cost(-1, 0) < 0);
    assert_true(coding_cost(0, 0) >= 0);
    assert_true(coding_cost(0.25, 100) > 0.2);
}

static void earlier_usage_is_taken_off_where_it_is_known(void **state)
{
    struct agent_usage usage = {100, 10, -1, 0.5, 3};
    const struct agent_usage earlier = {40, -1, 5, 0.2, 9};

    (void)state;
    coding_subtract(&usage, &earlier);
    assert_int_equal(usage.input_tokens, 60);
    assert_int_equal(usage.output_tokens, 10);
    assert_int_equal(usage.cached_tokens, -1);
    assert_true(usage.cost_usd > 0.29 && usage.cost_usd < 0.31);
    assert_int_equal(usage.turns, 3);
}

static void refusals_are_told_from_failures(void **state)
{
    (void)state;
    assert_true(coding_says_denied("Permission denied and could not ask"));
    assert_true(coding_says_denied("The user rejected permission to use this tool"));
    assert_true(coding_says_denied("touch: cannot touch 'zz': Read-only file system"));
    assert_false(coding_says_denied("no such file"));
    assert_false(coding_says_denied(NULL));
}

static void a_schema_too_large_for_an_argument_is_refused(void **state)
{
    json_t *schema = json_object();
    char *text = mem_alloc(200001);
    struct stream_call made;
    struct error err = {0};

    (void)state;
    memset(text, 'x', 200000);
    text[200000] = '\0';
    json_put_text(schema, "description", text);
    agent_stream_call_init(&made, &adapter_claude);
    made.call.schema = schema;
    assert_int_equal(agent_stream_call_make(&made, &err), ERROR_LIMIT);
    agent_stream_call_release(&made);
    json_decref(schema);
    free(text);
}

static void assert_tool_call(const char *arguments, const char *text)
{
    json_t *value = json_loads(arguments, JSON_DECODE_ANY, NULL);
    char *line = mem_printf("{\"event\":\"tool_call\",\"id\":\"1\",\"name\":\"x\"%s}\n", text);
    struct stream stream;

    agent_stream_begin(&stream, &adapter_claude);
    coding_tool_call(stream.reader, "1", "x", value);
    assert_string_equal(stream.events.data, line);
    agent_stream_release(&stream);
    json_decref(value);
    free(line);
}

static void a_tool_call_is_one_line(void **state)
{
    (void)state;
    assert_tool_call("{\"description\":\"d\",\"command\":\"make\"}", ",\"text\":\"make\"");
    assert_tool_call("{\"file_path\":\"/a\",\"content\":\"...\"}", ",\"text\":\"/a\"");
    assert_tool_call("{\"n\":1}", ",\"text\":\"{\\\"n\\\":1}\"");
    assert_tool_call("{\"command\":\"a\\nb\\u001b[31m\"}", ",\"text\":\"a b\"");
    assert_tool_call("null", "");
}

static void a_long_result_is_cut(void **state)
{
    char *text = mem_alloc(300001);
    json_t *value;
    struct stream stream;

    (void)state;
    memset(text, 'y', 300000);
    text[300000] = '\0';
    value = json_pack("[{s:s,s:s}]", "type", "text", "text", text);
    agent_stream_begin(&stream, &adapter_claude);
    coding_tool_result(stream.reader, "1", value, false);
    assert_in_range(stream.events.length, 1000, 3000);
    agent_stream_release(&stream);
    json_decref(value);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_to_wait_is_read_from_words),
        cmocka_unit_test(what_is_unknown_is_not_added),
        cmocka_unit_test(money_of_zero_for_tokens_is_unknown),
        cmocka_unit_test(earlier_usage_is_taken_off_where_it_is_known),
        cmocka_unit_test(refusals_are_told_from_failures),
        cmocka_unit_test(a_schema_too_large_for_an_argument_is_refused),
        cmocka_unit_test(a_tool_call_is_one_line),
        cmocka_unit_test(a_long_result_is_cut),
    };

    json_init_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
