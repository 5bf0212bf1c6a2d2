/* SPDX-License-Identifier: MIT */
#include "drive/acp.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void note_event(void *context, const struct agent_event *event)
{
    strbuf_addf(context, "%s %s %s%s|", agent_event_name(event->kind), event->id ? event->id : "-",
                event->text, event->is_error ? " !" : "");
}

static void tell(struct acp_tools *tools, const char *text, struct strbuf *events)
{
    struct acp_output output = {.on_event = note_event, .context = events};
    json_t *update = json_loads(text, 0, NULL);

    assert_non_null(update);
    acp_read_update(tools, update, &output);
    json_decref(update);
}

static void a_tool_is_told_once_and_its_result_once(void **state)
{
    struct acp_tools *tools = acp_tools_new();
    struct strbuf events;

    (void)state;
    strbuf_init(&events, 1 << 16);
    tell(tools, "{\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"a\",\"title\":\"T\"}", &events);
    tell(tools,
         "{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"a\",\"kind\":\"edit\","
         "\"status\":\"completed\",\"content\":[{\"content\":{\"text\":\"ok\"}}]}",
         &events);
    tell(tools,
         "{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"a\",\"status\":\"failed\"}",
         &events);
    tell(tools,
         "{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"b\",\"status\":\"failed\"}",
         &events);
    tell(tools, "{\"sessionUpdate\":\"tool_call\"}", &events);
    assert_string_equal(events.data,
                        "tool_call a T|tool_result a ok|tool_call b |tool_result b  !|");
    assert_string_equal(acp_tools_kind(tools, "a"), "edit");
    assert_null(acp_tools_kind(tools, "c"));
    acp_tools_free(tools);
    strbuf_release(&events);
}

#define UPDATE(id, more)                                                                           \
    "{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"" id "\"," more "}"
#define DIFF(path) "\"content\":[{\"type\":\"diff\",\"path\":\"" path "\"}]"
#define AT(path) "\"locations\":[{\"path\":\"" path "\"}]"
#define DONE "\"status\":\"completed\""

static void edits_are_told_once_and_only_when_they_are_done(void **state)
{
    struct acp_tools *tools = acp_tools_new();
    struct strbuf events;

    (void)state;
    strbuf_init(&events, 1 << 16);
    tell(tools, UPDATE("a", "\"kind\":\"edit\""), &events);
    tell(tools, UPDATE("a", DIFF("/r/x")), &events);
    tell(tools, UPDATE("a", AT("/r/x")), &events);
    tell(tools, UPDATE("a", DONE), &events);
    tell(tools, UPDATE("b", "\"kind\":\"read\"," AT("/r/y")), &events);
    tell(tools, UPDATE("b", DONE), &events);
    tell(tools, UPDATE("c", DIFF("/r/z")), &events);
    tell(tools, UPDATE("c", "\"status\":\"failed\""), &events);
    assert_string_equal(events.data, "tool_call a |edit a /r/x|tool_result a |tool_call b |"
                                     "tool_result b |tool_call c |tool_result c  !|");
    strbuf_reset(&events);
    tell(tools, "{\"sessionUpdate\":\"user_message_chunk\"}", &events);
    tell(tools, UPDATE("d", DONE "," DIFF("/r/then")), &events);
    assert_string_equal(events.data, "text - |tool_call d |tool_result d |");
    acp_tools_free(tools);
    strbuf_release(&events);
}

static void what_is_replayed_late_is_closed_before_the_answer(void **state)
{
    static const char commands[] = "{\"sessionUpdate\":\"available_commands_update\"}";
    struct acp_tools *tools = acp_tools_new();
    struct strbuf events;

    (void)state;
    strbuf_init(&events, 1 << 16);
    tell(tools, commands, &events); /* not in the midst of an answer */
    assert_string_equal(events.data, "");
    tell(tools, "{\"sessionUpdate\":\"user_message_chunk\",\"content\":{\"text\":\"then\"}}",
         &events);
    tell(tools, "{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"text\":\"old\"}}",
         &events);
    tell(tools, commands, &events);
    tell(tools, "{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"text\":\"new\"}}",
         &events);
    tell(tools, commands, &events);
    assert_string_equal(events.data, "text - |text - old|text - |text - new|");
    acp_tools_free(tools);
    strbuf_release(&events);
}

static void usage_has_many_forms(void **state)
{
    static const char *const forms[] = {
        "{\"usage\":{\"inputTokens\":5,\"outputTokens\":6,\"cachedReadTokens\":2}}",
        "{\"usage\":null,\"_meta\":{\"quota\":{\"token_count\":{\"input_tokens\":5,"
        "\"output_tokens\":6,\"cached_input_tokens\":2}}}}"};
    struct acp_tools *tools = acp_tools_new();
    struct agent_usage usage;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        json_t *result = json_loads(forms[i], 0, NULL);

        acp_read_usage(tools, result, &usage);
        assert_int_equal(usage.input_tokens, 5);
        assert_int_equal(usage.output_tokens, 6);
        assert_int_equal(usage.cached_tokens, 2);
        json_decref(result);
    }
    acp_read_usage(tools, NULL, &usage);
    assert_int_equal(usage.input_tokens, -1);
    acp_tools_free(tools);
}

static void assert_usage(const char *said, int64_t input_tokens, int64_t output_tokens)
{
    json_t *result = json_pack("{s:o}", "usage", json_loads(said, 0, NULL));
    struct acp_tools *tools = acp_tools_new();
    struct agent_usage usage;

    acp_read_usage(tools, result, &usage);
    assert_int_equal(usage.input_tokens, input_tokens);
    assert_int_equal(usage.output_tokens, output_tokens);
    json_decref(result);
    acp_tools_free(tools);
}

static void what_was_cached_or_thought_is_part_of_the_tokens_once(void **state)
{
    (void)state;
    assert_usage("{\"inputTokens\":800,\"outputTokens\":50,\"cachedReadTokens\":200,"
                 "\"totalTokens\":1050}",
                 1000, 50);
    assert_usage("{\"inputTokens\":1000,\"outputTokens\":50,\"cachedReadTokens\":200,"
                 "\"totalTokens\":1050}",
                 1000, 50);
    assert_usage("{\"inputTokens\":800,\"outputTokens\":50,\"cachedReadTokens\":200,"
                 "\"cachedWriteTokens\":7,\"thoughtTokens\":9,\"totalTokens\":1066}",
                 1007, 59);
    assert_usage("{\"inputTokens\":1000,\"outputTokens\":50,\"cachedReadTokens\":200,"
                 "\"thoughtTokens\":9,\"totalTokens\":1059}",
                 1000, 59);
    assert_usage("{\"inputTokens\":9,\"outputTokens\":5,\"thoughtTokens\":2,\"totalTokens\":14}", 9,
                 5);
    assert_usage("{\"inputTokens\":9223372036854775807,\"outputTokens\":9223372036854775807,"
                 "\"totalTokens\":0}",
                 -1, -1);
}

#define TEXT(more, text)                                                                           \
    "{\"sessionUpdate\":\"agent_message_chunk\"," more "\"content\":{\"text\":\"" text "\"}}"

static void a_message_of_another_name_is_another_message(void **state)
{
    struct acp_tools *tools = acp_tools_new();
    struct strbuf events;

    (void)state;
    strbuf_init(&events, 1 << 16);
    tell(tools, TEXT("\"messageId\":\"a\",", "sum"), &events);
    tell(tools, TEXT("\"messageId\":\"a\",", "mary"), &events);
    tell(tools, TEXT("\"messageId\":\"b\",", "answer"), &events);
    tell(tools, TEXT("", "."), &events);
    assert_string_equal(events.data, "text - sum|text - mary|text - |text - answer|text - .|");
    acp_tools_free(tools);
    strbuf_release(&events);
}

static void notices_of_copilot_are_no_answer(void **state)
{
    struct acp_tools *tools = acp_tools_new();
    struct strbuf events;

    (void)state;
    strbuf_init(&events, 1 << 16);
    tell(tools, TEXT("", "Info: It failed. Retrying..."), &events);
    assert_string_equal(events.data, "text - Info: It failed. Retrying...|");
    strbuf_reset(&events);
    acp_tools_set_agent(tools, ACP_COPILOT);
    tell(tools, TEXT("", "ha"), &events);
    tell(tools, TEXT("", "Info: It failed. Retrying..."), &events);
    tell(tools, TEXT("", "Info: all"), &events);
    tell(tools, TEXT("", "Info: etrying..."), &events);
    assert_string_equal(events.data, "text - ha|text - |error - Info: It failed. Retrying...|"
                                     "text - Info: all|text - Info: etrying...|");
    acp_tools_free(tools);
    strbuf_release(&events);
}

static void keep_usage(void *context, const struct agent_event *event)
{
    struct agent_usage *usage = context;

    assert_int_equal(event->kind, AGENT_USAGE);
    *usage = event->usage;
}

static void requests_that_are_told_one_by_one_add_up(void **state)
{
    static const char said[] = "{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"text\":"
                               "\"\"},\"_meta\":{\"usage\":{\"inputTokens\":1000,"
                               "\"outputTokens\":10,\"totalTokens\":1010}}}";
    struct acp_tools *tools = acp_tools_new();
    struct agent_usage usage = AGENT_USAGE_INIT;
    struct acp_output output = {.on_event = keep_usage, .context = &usage};
    json_t *update = json_loads(said, 0, NULL);

    (void)state;
    acp_read_update(tools, update, &output);
    assert_int_equal(usage.input_tokens, 1000);
    acp_read_update(tools, update, &output);
    assert_int_equal(usage.input_tokens, 2000);
    assert_int_equal(usage.output_tokens, 20);
    assert_int_equal(usage.cached_tokens, -1);
    json_decref(update);
    acp_tools_free(tools);
}

static void tokens_of_the_last_request_are_not_those_of_the_turn(void **state)
{
    static const char *const more[] = {"{\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"a\"}",
                                       TEXT("\"messageId\":\"b\",", "y")};
    json_t *result = json_loads("{\"usage\":{\"inputTokens\":5,\"outputTokens\":6}}", 0, NULL);
    struct agent_usage usage;

    (void)state;
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        struct acp_tools *tools = acp_tools_new();
        struct strbuf events;

        strbuf_init(&events, 1 << 16);
        acp_tools_set_agent(tools, ACP_OPENCODE);
        tell(tools, TEXT("\"messageId\":\"a\",", "x"), &events);
        acp_read_usage(tools, result, &usage);
        assert_int_equal(usage.input_tokens, 5);
        tell(tools, more[i], &events);
        acp_read_usage(tools, result, &usage);
        assert_int_equal(usage.input_tokens, -1);
        assert_int_equal(usage.output_tokens, -1);
        acp_tools_free(tools);
        strbuf_release(&events);
    }
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tool_is_told_once_and_its_result_once),
        cmocka_unit_test(edits_are_told_once_and_only_when_they_are_done),
        cmocka_unit_test(what_is_replayed_late_is_closed_before_the_answer),
        cmocka_unit_test(usage_has_many_forms),
        cmocka_unit_test(what_was_cached_or_thought_is_part_of_the_tokens_once),
        cmocka_unit_test(a_message_of_another_name_is_another_message),
        cmocka_unit_test(notices_of_copilot_are_no_answer),
        cmocka_unit_test(requests_that_are_told_one_by_one_add_up),
        cmocka_unit_test(tokens_of_the_last_request_are_not_those_of_the_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
