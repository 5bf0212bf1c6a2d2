/* SPDX-License-Identifier: MIT */
#include "agents/clarification.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *found_in(const char *answer)
{
    json_t *found = clarification_find(answer, strlen(answer));
    char *text = found ? json_dump_compact(found) : NULL;

    json_decref(found);
    return text;
}

static void assert_found(const char *answer, const char *expected)
{
    char *text = found_in(answer);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

#define ASK "{\"clarification_needed\": true, \"questions\": [\"Which?\"]}"
#define ASKED "{\"questions\":[\"Which?\"]}"

static void an_answer_that_is_the_object_asks(void **state)
{
    (void)state;
    assert_found(ASK, ASKED);
    assert_found("\n  " ASK " \r\n", ASKED);
    assert_found("{\"clarification_needed\": true, \"questions\": [\"A?\", {\"question\": \"B?\"}],"
                 " \"context\": \"c\", \"partial_work\": {\"done\": 1}}",
                 "{\"questions\":[\"A?\",\"B?\"],\"context\":\"c\","
                 "\"partial_work\":\"{\\n  \\\"done\\\": 1\\n}\\n\"}");
    assert_found("{\"clarification_needed\": true, \"questions\": \"Only this?\"}",
                 "{\"questions\":[\"Only this?\"]}");
}

static void a_fenced_block_at_the_end_asks(void **state)
{
    (void)state;
    assert_found("I need to know something.\n\n```json\n" ASK "\n```\n", ASKED);
    assert_found("```" ASK "```", ASKED);
    assert_found("```sh\nls\n```\nAnd then:\n```\n" ASK "\n```", ASKED);
}

static void an_object_at_the_end_asks_whatever_was_said_before_it(void **state)
{
    (void)state;
    assert_found("I need to know.\n" ASK "\n", ASKED);
    assert_found("Half is done: " ASK, ASKED);
    assert_found("As {\"this\": 1} or `{`:\n{\"partial_work\": {\"a\": {}}, \"questions\": "
                 "[{\"question\": \"Which?\"}],\n \"clarification_needed\": true}",
                 "{\"questions\":[\"Which?\"],\"partial_work\":\"{\\n  \\\"a\\\": {}\\n}\\n\"}");
}

static void what_only_tells_of_questions_asks_nothing(void **state)
{
    static const char *const answers[] = {
        "",
        "Which one?",
        "{}",
        "```",
        "``````",
        "{\"clarification_needed\": false, \"questions\": [\"Which?\"]}",
        "{\"clarification_needed\": \"true\", \"questions\": [\"Which?\"]}",
        "{\"clarification_needed\": true, \"questions\": []}",
        "{\"clarification_needed\": true, \"questions\": [\"\", 3, null]}",
        "{\"clarification_needed\": true}",
        "{\"clarification_needed\": true, \"questions\": [\"Which?\"]} and more",
        "Agents ask like this:\n```json\n" ASK "\n```\nand wait.",
        "[" ASK "]",
        "It is " ASK " that asks.",
        "{\"clarification_needed\": true, \"questions\": [\"...\"], \"context\": \"why you ask\"}",
        "It asks with \"clarification_needed\": true}",
        "Not: {\"clarification_needed\": false, \"questions\": [\"Which?\"]}",
        "{{{{ \"clarification_needed\" }}}}",
        "{\"clarification_needed\": true, \"questions\": [\"Which?\"]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        char *text = found_in(answers[i]);

        if (text) {
            fail_msg("asks: %s", answers[i]);
        }
    }
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct strbuf answer;
    json_t *found;
    const json_t *question;

    (void)state;
    strbuf_init(&answer, 1 << 20);
    strbuf_add(&answer, "{\"clarification_needed\":true,\"questions\":[\"x");
    for (int i = 0; i < 3000; i++) {
        strbuf_add(&answer, "\xc3\xa9");
    }
    strbuf_add(&answer, "\"");
    for (int i = 0; i < 30; i++) {
        strbuf_add(&answer, ",\"more\"");
    }
    strbuf_add(&answer, "]}");
    found = clarification_find(answer.data, answer.length);
    assert_non_null(found);
    assert_int_equal(json_array_size(json_object_get(found, "questions")),
                     CLARIFICATION_QUESTIONS_MAX);
    question = json_array_get(json_object_get(found, "questions"), 0);
    assert_int_equal(json_string_length(question), CLARIFICATION_QUESTION_BYTES_MAX - 1);
    json_decref(found);
    strbuf_release(&answer);
}

static void a_question_of_the_program_has_the_same_shape(void **state)
{
    json_t *found = clarification_new("Which \xff one?");
    char *text = json_dump_compact(found);

    (void)state;
    assert_string_equal(text, "{\"questions\":[\"Which \xef\xbf\xbd one?\"]}");
    free(text);
    json_decref(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_is_the_object_asks),
        cmocka_unit_test(a_fenced_block_at_the_end_asks),
        cmocka_unit_test(an_object_at_the_end_asks_whatever_was_said_before_it),
        cmocka_unit_test(what_only_tells_of_questions_asks_nothing),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(a_question_of_the_program_has_the_same_shape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
