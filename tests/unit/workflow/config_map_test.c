/* SPDX-License-Identifier: MIT */
#include "workflow/config_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_said(const char *output, const char *map, const char *expected)
{
    char *text = mem_printf("agents:\n  a:\n    command: [x]\n    output: %s\n    map: %s\n",
                            output, map);
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct config *config = NULL;
    struct strbuf messages;

    (void)config_parse(&(struct config_texts){text, "c", NULL, NULL, NULL}, &config, problems,
                       NULL);
    strbuf_init(&messages, 1 << 20);
    problems_format(problems, &messages);
    assert_string_equal(messages.data, expected);
    strbuf_release(&messages);
    config_free(config);
    free(problems);
    free(text);
}

static void a_map_that_is_right_is_taken(void **state)
{
    (void)state;
    assert_said("json", "{ answer: choices.0.text, session: id, error: error.message, turns: n }",
                "");
    assert_said("jsonl", "{ answer: result }", "");
    assert_said(
        "jsonl",
        "{ type: kind, events: { \"content:delta\": { event: text, text: t, partial: true },"
        " r: { event: tool_result, is_error: failed }, s: { event: session, id: s },"
        " u: { event: usage, usage: { cost_usd: c } }, e: { event: done } } }",
        "");
}

static void each_wrong_key_and_value_is_told_with_its_place(void **state)
{
    (void)state;
    assert_said(
        "json", "{ answr: a, answer: b }",
        "c:5:12: error: a map of an output has no key \"answr\" (did you mean \"answer\"?)\n");
    assert_said(
        "json", "{ answer: [a] }",
        "c:5:20: error: \"answer\" of a map of an output: expected a path into its JSON, such "
        "as choices.0.text, found a list\n");
    assert_said(
        "json", "{ answer: 0 }",
        "c:5:20: error: \"answer\" of a map of an output: expected a path into its JSON, such "
        "as choices.0.text, found the number 0 (put quotes around it)\n");
    assert_said("json", "{ answer: \"$.a[0]\" }",
                "c:5:21: error: \"answer\" of a map of an output: \"$.a[0]\" is no path into JSON "
                "(write keys and indexes with dots between them: choices.0.text)\n");
    assert_said("jsonl", "{ events: { a: { event: texts, text: t } } }",
                "c:5:34: error: \"event\" of an event of a map has no word \"texts\" (did you mean "
                "\"text\"?)\n");
    assert_said("jsonl", "{ events: { a: { text: t } } }",
                "c:5:25: error: an event of a map needs the key \"event\"\n");
}

static void a_map_that_never_gives_an_answer_is_refused(void **state)
{
    (void)state;
    assert_said("json", "{ session: id }",
                "c:5:10: error: the map does not say where the answer is (add `answer: PATH`)\n");
    assert_said("jsonl", "{ session: id }",
                "c:5:10: error: the map does not say where the answer is (add `answer: PATH`, or "
                "`events:`)\n");
    assert_said("jsonl", "{ events: { e: { event: done } } }",
                "c:5:20: error: no event of the map is the answer (give one of them `event: "
                "text`)\n");
}

static void an_event_that_says_nothing_is_refused(void **state)
{
    (void)state;
    assert_said("jsonl", "{ events: { t: { event: text } } }",
                "c:5:25: error: an event \"text\" of a map needs the key \"text\"\n");
    assert_said(
        "jsonl",
        "{ events: { t: { event: text, text: t }, u: { event: usage }, s: { event: session },"
        " q: { event: tool_call } } }",
        "c:5:54: error: an event \"usage\" of a map needs the key \"input_tokens\"\n"
        "c:5:75: error: an event \"session\" of a map needs the key \"id\"\n"
        "c:5:98: error: an event \"tool_call\" of a map needs the key \"name\"\n");
}

static void what_has_no_effect_is_a_warning(void **state)
{
    (void)state;
    assert_said("text", "{ answer: a }",
                "c:5:10: warning: \"map\" has no effect: the output of the agent is taken as text "
                "(add `output: json`, or `jsonl`)\n");
    assert_said("json", "{ answer: a, events: {} }",
                "c:5:31: warning: \"events\" of a map has no effect with `output: json`\n");
    assert_said("jsonl", "{ answer: a, type: t }",
                "c:5:29: warning: \"type\" of a map has no effect without \"events\"\n");
    assert_said("jsonl", "{ answer: a, events: { t: { event: text, text: t } } }",
                "c:5:20: warning: \"answer\" of a map has no effect beside \"events\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_that_is_right_is_taken),
        cmocka_unit_test(each_wrong_key_and_value_is_told_with_its_place),
        cmocka_unit_test(a_map_that_never_gives_an_answer_is_refused),
        cmocka_unit_test(an_event_that_says_nothing_is_refused),
        cmocka_unit_test(what_has_no_effect_is_a_warning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
