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
    json_t *body = dialect_ollama.request(&question);
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

#define LINE(message) "{\"model\":\"m\",\"message\":{" message "},\"done\":false}\n"
#define TEXT(text) LINE("\"content\":\"" text "\"")
#define END(reason)                                                                                \
    "{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"" reason      \
    "\",\"prompt_eval_count\":7,\"eval_count\":3}\n"
#define USAGE "\"usage\":{\"input_tokens\":7,\"output_tokens\":3,\"turns\":1}"

static void read_all(const char *bytes, const char *expected)
{
    answers_check_cuts((struct answers){.dialect = &dialect_ollama, .bytes = bytes}, expected);
}

static void a_schema_is_the_format(void **state)
{
    (void)state;
    struct question question = ask("m");
    json_t *schema = parse("{\"type\":\"object\"}");

    question.schema = schema;
    check_request(question, "{\"format\":{\"type\":\"object\"},\"messages\":[{\"content\":\"hi\","
                            "\"role\":\"user\"}],\"model\":\"m\",\"stream\":true}");
    json_decref(schema);
}

static void options_go_where_ollama_has_them(void **state)
{
    (void)state;
    struct question question = ask("m");
    json_t *options = parse("{\"temperature\":0,\"max_tokens\":5,\"keep_alive\":\"5m\","
                            "\"think\":false,\"options\":{\"num_ctx\":4096,\"temperature\":1},"
                            "\"format\":null}");
    json_t *schema = parse("{}");

    question.options = options;
    question.schema = schema;
    check_request(question, "{\"keep_alive\":\"5m\",\"messages\":[{\"content\":\"hi\",\"role\":"
                            "\"user\"}],\"model\":\"m\",\"options\":{\"num_ctx\":4096,"
                            "\"num_predict\":5,\"temperature\":1},\"stream\":true,"
                            "\"think\":false}");
    json_decref(schema);
    json_decref(options);
}

static void lines_add_up_to_the_answer(void **state)
{
    (void)state;
    read_all(LINE("\"content\":\"\",\"thinking\":\"hm\"") TEXT("a ") TEXT("\xc3\xa4") END("stop"),
             "{\"model\":\"m\",\"text\":\"a \xc3\xa4\",\"thinking\":\"hm\"," USAGE
             ",\"whole\":true,\"why\":\"stop\"}");
}

static void without_its_last_line_it_broke_off(void **state)
{
    (void)state;
    read_all(TEXT("a"), "{\"error\":\"the answer broke off: the server did not say that it had "
                        "ended\",\"failure\":\"transient\",\"model\":\"m\",\"text\":\"a\","
                        "\"whole\":false}");
}

static void a_line_that_was_cut_is_no_end(void **state)
{
    (void)state;
    static const char whole[] = TEXT("a") END("stop");

    for (size_t length = sizeof(TEXT("a")); length < sizeof(whole) - 2; length++) {
        json_t *result = answers_read(&(struct answers){
            .dialect = &dialect_ollama, .bytes = whole, .length = length, .is_broken = true});

        assert_true(json_is_false(json_object_get(result, "whole")));
        assert_string_equal(json_get_text(result, "failure", ""), "transient");
        json_decref(result);
    }
}

static void an_answer_that_was_cut_for_its_length_is_none(void **state)
{
    (void)state;
    read_all(TEXT("a") END("length"),
             "{\"error\":\"the answer was cut for its length (length); raise max_tokens, or the "
             "model's context\",\"failure\":\"permanent\",\"model\":\"m\",\"text\":\"a\"," USAGE
             ",\"whole\":false}");
}

static void a_usage_that_is_not_said_is_not_known(void **state)
{
    (void)state;
    read_all(TEXT("a") "{\"done\":true}",
             "{\"model\":\"m\",\"text\":\"a\",\"whole\":true,\"why\":\"stop\"}");
}

static void an_error_after_the_beginning_ends_it(void **state)
{
    (void)state;
    read_all(TEXT("a") "{\"error\":\"model runner has stopped\"}\n" TEXT("b"),
             "{\"error\":\"model runner has stopped\",\"failure\":\"transient\",\"model\":\"m\","
             "\"text\":\"a\",\"whole\":false}");
}

static void a_tool_that_nobody_offered_is_no_answer(void **state)
{
    (void)state;
    read_all(LINE("\"content\":\"\",\"tool_calls\":[{}]") END("stop"),
             "{\"error\":\"the model called a tool, and was offered none\",\"failure\":"
             "\"permanent\",\"model\":\"m\",\"whole\":false}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_is_the_format),
        cmocka_unit_test(options_go_where_ollama_has_them),
        cmocka_unit_test(lines_add_up_to_the_answer),
        cmocka_unit_test(without_its_last_line_it_broke_off),
        cmocka_unit_test(a_line_that_was_cut_is_no_end),
        cmocka_unit_test(an_answer_that_was_cut_for_its_length_is_none),
        cmocka_unit_test(a_usage_that_is_not_said_is_not_known),
        cmocka_unit_test(an_error_after_the_beginning_ends_it),
        cmocka_unit_test(a_tool_that_nobody_offered_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
