/* SPDX-License-Identifier: MIT */
#include "drive/dialect.h"

#include "base/alloc.h"
#include "support/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

/* The request as JSON with its keys sorted. */
static void check_request(struct question question, const char *expected)
{
    json_t *body = dialect_chat.request(&question);
    char *text = json_dump_sorted(body);

    assert_string_equal(text, expected);
    free(text);
    json_decref(body);
}

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    assert_non_null(value);
    return value;
}

static struct question ask(const char *model)
{
    return (struct question){.model = model, .prompt = "hi", .prompt_length = 2};
}

#define CHUNK(delta, more) "data: {\"model\":\"m\",\"choices\":[{\"delta\":" delta more "}]}\n\n"
#define TEXT(text) CHUNK("{\"content\":\"" text "\"}", "")
#define FINISH(reason) CHUNK("{}", ",\"finish_reason\":\"" reason "\"")
#define USAGE                                                                                      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,"                \
    "\"prompt_tokens_details\":{\"cached_tokens\":2}}}\n\n"
#define DONE "data: [DONE]\n\n"

static void read_all(const char *bytes, const char *expected)
{
    answers_check_cuts((struct answers){.dialect = &dialect_chat, .bytes = bytes}, expected);
}

static void a_question_is_a_message_and_the_usage_is_asked_for(void **state)
{
    (void)state;
    struct question question = ask("m");

    question.system = "be short";
    check_request(question,
                  "{\"messages\":[{\"content\":\"be short\",\"role\":\"system\"},"
                  "{\"content\":\"hi\",\"role\":\"user\"}],\"model\":\"m\",\"stream\":true,"
                  "\"stream_options\":{\"include_usage\":true}}");
    check_request(ask(NULL), "{\"messages\":[{\"content\":\"hi\",\"role\":\"user\"}],"
                             "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}

static void options_are_handed_on_and_null_takes_ours_out(void **state)
{
    (void)state;
    struct question question = ask("m");
    json_t *options = parse("{\"temperature\":0.5,\"max_tokens\":9,\"stream_options\":null,"
                            "\"messages\":null}");

    question.options = options;
    check_request(question, "{\"max_tokens\":9,\"model\":\"m\",\"stream\":true,"
                            "\"temperature\":0.5}");
    question.is_vendor = true;
    check_request(question, "{\"max_completion_tokens\":9,\"model\":\"m\",\"stream\":true,"
                            "\"temperature\":0.5}");
    json_decref(options);
}

static void check_strict(const char *schema, bool is_strict)
{
    struct question question = ask("m");
    json_t *value = parse(schema);
    json_t *body;
    const json_t *format;

    question.schema = value;
    body = dialect_chat.request(&question);
    format = json_object_get(json_object_get(body, "response_format"), "json_schema");
    assert_true(json_equal(json_object_get(format, "schema"), value));
    assert_int_equal(json_is_true(json_object_get(format, "strict")), is_strict);
    json_decref(body);
    json_decref(value);
}

#define OBJECT(properties, rest) "{\"type\":\"object\",\"properties\":" properties rest "}"
#define CLOSED(names) ",\"required\":[" names "],\"additionalProperties\":false"

static void a_schema_is_strict_only_where_a_strict_one_is_taken(void **state)
{
    (void)state;
    check_strict(OBJECT("{\"a\":{}}", CLOSED("\"a\"")), true);
    check_strict(OBJECT("{\"a\":{}}", ""), false);
    check_strict(OBJECT("{\"a\":{},\"b\":{}}", CLOSED("\"a\"")), false);
    check_strict(OBJECT("{\"a\":" OBJECT("{\"b\":{}}", "") "}", CLOSED("\"a\"")), false);
    check_strict("{\"anyOf\":[" OBJECT("{\"b\":{}}", "") "]}", false);
    check_strict("{\"type\":\"string\"}", true);
}

static void pieces_add_up_to_the_answer(void **state)
{
    (void)state;
    read_all(CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "") TEXT("a ") TEXT("b")
                 FINISH("stop") USAGE DONE,
             "{\"model\":\"m\",\"text\":\"a b\",\"usage\":{\"cached_tokens\":2,\"input_tokens\":7,"
             "\"output_tokens\":3,\"turns\":1},\"whole\":true,\"why\":\"stop\"}");
}

static void comments_line_ends_and_null_fields_do_not_matter(void **state)
{
    (void)state;
    read_all(": ping\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":null,\"refusal\":null},"
             "\"finish_reason\":null}],\"error\":null,\"usage\":null}\r\n\r\n"
             "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}"
             "\r\n\r\n",
             "{\"text\":\"a\",\"whole\":true,\"why\":\"stop\"}");
}

static void thinking_is_no_part_of_the_answer(void **state)
{
    (void)state;
    read_all(CHUNK("{\"reasoning_content\":\"hm\"}", "") CHUNK("{\"reasoning\":\"m\"}", "")
                 TEXT("a") FINISH("stop") DONE,
             "{\"model\":\"m\",\"text\":\"a\",\"thinking\":\"hmm\",\"whole\":true,"
             "\"why\":\"stop\"}");
}

static void done_is_an_end_where_no_reason_was_given(void **state)
{
    (void)state;
    read_all(TEXT("a") DONE, "{\"model\":\"m\",\"text\":\"a\",\"whole\":true,\"why\":\"done\"}");
}

static void a_reason_is_an_end_where_done_is_missing(void **state)
{
    (void)state;
    read_all(TEXT("a") FINISH("stop"),
             "{\"model\":\"m\",\"text\":\"a\",\"whole\":true,\"why\":\"stop\"}");
}

static void neither_is_an_answer_that_broke_off(void **state)
{
    (void)state;
    read_all(TEXT("a"), "{\"error\":\"the answer broke off: the server did not say that it had "
                        "ended\",\"failure\":\"transient\",\"model\":\"m\",\"text\":\"a\","
                        "\"whole\":false}");
    read_all(DONE, "{\"error\":\"the answer broke off: the server did not say that it had "
                   "ended\",\"failure\":\"transient\",\"whole\":false}");
}

static void an_answer_that_was_cut_is_none(void **state)
{
    (void)state;
    read_all(TEXT("a") FINISH("length") DONE,
             "{\"error\":\"the answer was cut for its length (length); raise max_tokens, or the "
             "model's context\",\"failure\":\"permanent\",\"model\":\"m\",\"text\":\"a\","
             "\"whole\":false}");
}

static void a_refusal_is_told_in_the_models_words(void **state)
{
    (void)state;
    read_all(CHUNK("{\"refusal\":\"I \"}", "") CHUNK("{\"refusal\":\"can't\"}", "") FINISH("stop")
                 DONE,
             "{\"error\":\"the model refused: I can't\",\"failure\":\"refused\",\"model\":\"m\","
             "\"whole\":false}");
    read_all(TEXT("a") FINISH("content_filter") DONE,
             "{\"error\":\"the model refused (content_filter)\",\"failure\":\"refused\","
             "\"model\":\"m\",\"text\":\"a\",\"whole\":false}");
}

static void an_empty_answer_may_be_asked_for_again(void **state)
{
    (void)state;
    read_all(TEXT(" \\n") FINISH("stop") DONE,
             "{\"error\":\"the answer is empty (stop)\",\"failure\":\"transient\",\"model\":\"m\","
             "\"text\":\" \\n\",\"whole\":false}");
}

static void a_tool_that_nobody_offered_is_no_answer(void **state)
{
    (void)state;
    read_all(FINISH("tool_calls") DONE,
             "{\"error\":\"the model called a tool, and was offered none (tool_calls)\","
             "\"failure\":\"permanent\",\"model\":\"m\",\"whole\":false}");
}

static void an_error_inside_the_stream_ends_it(void **state)
{
    (void)state;
    read_all(TEXT("a") "data: {\"error\":{\"message\":\"boom\",\"code\":500}}\n\n" TEXT("b") DONE,
             "{\"error\":\"boom\",\"failure\":\"transient\",\"model\":\"m\",\"status\":500,"
             "\"text\":\"a\",\"whole\":false}");
    read_all(FINISH("error"),
             "{\"error\":\"the server ended the answer with an error\",\"failure\":\"transient\","
             "\"model\":\"m\",\"whole\":false}");
}

static void groqs_usage_counts_too(void **state)
{
    (void)state;
    read_all("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],"
             "\"x_groq\":{\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1}}}\n\n" DONE,
             "{\"text\":\"a\",\"usage\":{\"input_tokens\":4,\"output_tokens\":1,\"turns\":1},"
             "\"whole\":true,\"why\":\"stop\"}");
}

static void a_server_that_does_not_stream_is_understood(void **state)
{
    (void)state;
    read_all(
        "{\"model\":\"m\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"a\"},"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
        "\"completion_tokens\":2}}",
        "{\"model\":\"m\",\"text\":\"a\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2,"
        "\"turns\":1},\"whole\":true,\"why\":\"stop\"}");
    read_all("{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
             "{\"text\":\"b\"}]},\"finish_reason\":\"stop\"}]}",
             "{\"text\":\"ab\",\"whole\":true,\"why\":\"stop\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_a_message_and_the_usage_is_asked_for),
        cmocka_unit_test(options_are_handed_on_and_null_takes_ours_out),
        cmocka_unit_test(a_schema_is_strict_only_where_a_strict_one_is_taken),
        cmocka_unit_test(pieces_add_up_to_the_answer),
        cmocka_unit_test(comments_line_ends_and_null_fields_do_not_matter),
        cmocka_unit_test(thinking_is_no_part_of_the_answer),
        cmocka_unit_test(done_is_an_end_where_no_reason_was_given),
        cmocka_unit_test(a_reason_is_an_end_where_done_is_missing),
        cmocka_unit_test(neither_is_an_answer_that_broke_off),
        cmocka_unit_test(an_answer_that_was_cut_is_none),
        cmocka_unit_test(a_refusal_is_told_in_the_models_words),
        cmocka_unit_test(an_empty_answer_may_be_asked_for_again),
        cmocka_unit_test(a_tool_that_nobody_offered_is_no_answer),
        cmocka_unit_test(an_error_inside_the_stream_ends_it),
        cmocka_unit_test(groqs_usage_counts_too),
        cmocka_unit_test(a_server_that_does_not_stream_is_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
