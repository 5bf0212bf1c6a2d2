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
    json_t *body = dialect_anthropic.request(&question);
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

#define EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define START                                                                                      \
    EVENT("message_start", ",\"message\":{\"model\":\"m\",\"content\":[],\"stop_reason\":null,"    \
                           "\"usage\":{\"input_tokens\":4,\"cache_read_input_tokens\":2,"          \
                           "\"cache_creation_input_tokens\":1,\"output_tokens\":1}}")
#define BLOCK(block) EVENT("content_block_start", ",\"index\":0,\"content_block\":" block)
#define DELTA(delta) EVENT("content_block_delta", ",\"index\":0,\"delta\":" delta)
#define TEXT(text) DELTA("{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define INPUT(text) DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"" text "\"}")
#define STOP_BLOCK EVENT("content_block_stop", ",\"index\":0")
#define STOP(reason)                                                                               \
    EVENT("message_delta",                                                                         \
          ",\"delta\":{\"stop_reason\":\"" reason "\"},\"usage\":{\"output_tokens\":9}")           \
    EVENT("message_stop", "")
#define USAGE "\"usage\":{\"cached_tokens\":2,\"input_tokens\":7,\"output_tokens\":9,\"turns\":1}"

static void read_all(const char *bytes, const char *expected)
{
    answers_check_cuts((struct answers){.dialect = &dialect_anthropic, .bytes = bytes}, expected);
}

static void a_question_has_a_limit_and_its_system_apart(void **state)
{
    (void)state;
    struct question question = ask("m");

    question.system = "be short";
    check_request(question, "{\"max_tokens\":16384,\"messages\":[{\"content\":\"hi\",\"role\":"
                            "\"user\"}],\"model\":\"m\",\"stream\":true,\"system\":\"be short\"}");
}

static void options_replace_ours(void **state)
{
    (void)state;
    struct question question = ask("m");
    json_t *options = parse("{\"max_tokens\":5,\"stop\":\"x\",\"messages\":null}");

    question.options = options;
    check_request(question, "{\"max_tokens\":5,\"model\":\"m\",\"stop_sequences\":[\"x\"],"
                            "\"stream\":true}");
    json_decref(options);
}

static void a_schema_is_a_tool_that_must_be_called(void **state)
{
    (void)state;
    struct question question = ask("m");
    json_t *schema = parse("{\"type\":\"object\",\"title\":\"t\"}");
    json_t *body;
    const json_t *tool;

    question.schema = schema;
    body = dialect_anthropic.request(&question);
    tool = json_array_get(json_object_get(body, "tools"), 0);
    assert_true(json_equal(json_object_get(tool, "input_schema"), schema));
    assert_string_equal(json_get_text(json_object_get(body, "tool_choice"), "name", ""),
                        json_get_text(tool, "name", "?"));
    json_decref(body);
    json_decref(schema);
}

static void pieces_add_up_to_the_answer(void **state)
{
    (void)state;
    read_all(START BLOCK("{\"type\":\"thinking\",\"thinking\":\"\"}") EVENT("ping", "")
                 DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}")
                     DELTA("{\"type\":\"signature_delta\",\"signature\":\"x\"}")
                         STOP_BLOCK BLOCK("{\"type\":\"text\",\"text\":\"\"}") TEXT("a ") TEXT("b")
                             STOP_BLOCK STOP("end_turn"),
             "{\"model\":\"m\",\"text\":\"a b\",\"thinking\":\"hm\"," USAGE
             ",\"whole\":true,\"why\":\"end_turn\"}");
}

static void the_input_of_the_tool_is_the_answer(void **state)
{
    (void)state;
    read_all(START BLOCK("{\"type\":\"tool_use\",\"name\":\"answer\",\"input\":{}}") INPUT("")
                 INPUT("{\\\"a\\\"") INPUT(":1}") STOP_BLOCK STOP("tool_use"),
             "{\"model\":\"m\",\"text\":\"{\\\"a\\\":1}\"," USAGE
             ",\"whole\":true,\"why\":\"tool_use\"}");
}

static void an_answer_that_is_no_object_is_wrapped_on_its_way(void **state)
{
    (void)state;
    struct question question = ask("m");
    json_t *schema = parse("{\"type\":\"array\"}");
    json_t *body;

    question.schema = schema;
    body = dialect_anthropic.request(&question);
    assert_true(json_equal(
        json_object_get(
            json_object_get(
                json_object_get(json_array_get(json_object_get(body, "tools"), 0), "input_schema"),
                "properties"),
            "value"),
        schema));
    json_decref(body);
    answers_check_cuts(
        (struct answers){.dialect = &dialect_anthropic,
                         .question = &question,
                         .bytes = START BLOCK("{\"type\":\"tool_use\",\"input\":{}}")
                             INPUT("{\\\"value\\\":[1,") INPUT("2]}") STOP_BLOCK STOP("tool_use")},
        "{\"model\":\"m\",\"text\":\"[1,2]\"," USAGE ",\"whole\":true,\"why\":\"tool_use\"}");
    json_decref(schema);
}

static void a_cut_a_refusal_and_a_broken_answer_are_none(void **state)
{
    (void)state;
    read_all(START TEXT("a") STOP("max_tokens"),
             "{\"error\":\"the answer was cut for its length (max_tokens); raise max_tokens, or "
             "the model's context\",\"failure\":\"permanent\",\"model\":\"m\",\"text\":\"a\"," USAGE
             ",\"whole\":false}");
    read_all(START TEXT("a") STOP("refusal"),
             "{\"error\":\"the model refused (refusal)\",\"failure\":\"refused\",\"model\":\"m\","
             "\"text\":\"a\"," USAGE ",\"whole\":false}");
    read_all(START TEXT("a"),
             "{\"error\":\"the answer broke off: the server did not say that it had ended\","
             "\"failure\":\"transient\",\"model\":\"m\",\"text\":\"a\",\"usage\":{"
             "\"cached_tokens\":2,\"input_tokens\":7,\"turns\":1},\"whole\":false}");
}

static void an_error_inside_the_stream_has_its_status(void **state)
{
    (void)state;
    read_all(START TEXT("a") EVENT("error", ",\"error\":{\"type\":\"overloaded_error\","
                                            "\"message\":\"Overloaded\"}"),
             "{\"error\":\"Overloaded (overloaded_error)\",\"failure\":\"transient\",\"model\":"
             "\"m\",\"status\":529,\"text\":\"a\",\"usage\":{\"cached_tokens\":2,"
             "\"input_tokens\":7,\"turns\":1},\"whole\":false}");
}

static void a_server_that_does_not_stream_is_understood(void **state)
{
    (void)state;
    read_all("{\"type\":\"message\",\"model\":\"m\",\"content\":[{\"type\":\"thinking\","
             "\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"a\"}],\"stop_reason\":"
             "\"end_turn\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}",
             "{\"model\":\"m\",\"text\":\"a\",\"thinking\":\"hm\",\"usage\":{\"input_tokens\":1,"
             "\"output_tokens\":2,\"turns\":1},\"whole\":true,\"why\":\"end_turn\"}");
    read_all("{\"type\":\"message\",\"content\":[{\"type\":\"tool_use\",\"input\":{\"a\":1}}],"
             "\"stop_reason\":\"tool_use\"}",
             "{\"text\":\"{\\\"a\\\":1}\",\"whole\":true,\"why\":\"tool_use\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_has_a_limit_and_its_system_apart),
        cmocka_unit_test(options_replace_ours),
        cmocka_unit_test(a_schema_is_a_tool_that_must_be_called),
        cmocka_unit_test(pieces_add_up_to_the_answer),
        cmocka_unit_test(the_input_of_the_tool_is_the_answer),
        cmocka_unit_test(an_answer_that_is_no_object_is_wrapped_on_its_way),
        cmocka_unit_test(a_cut_a_refusal_and_a_broken_answer_are_none),
        cmocka_unit_test(an_error_inside_the_stream_has_its_status),
        cmocka_unit_test(a_server_that_does_not_stream_is_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
