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
    json_t *body = dialect_gemini.request(&question);
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

#define DATA(parts, more)                                                                          \
    "data: {\"candidates\":[{\"content\":{\"parts\":[" parts "]}" more                             \
    "}],\"modelVersion\":\"m\","                                                                   \
    "\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":3,"                        \
    "\"thoughtsTokenCount\":2,\"cachedContentTokenCount\":1}}\r\n\r\n"
#define FINISH(reason) ",\"finishReason\":\"" reason "\""
#define USAGE "\"usage\":{\"cached_tokens\":1,\"input_tokens\":7,\"output_tokens\":5,\"turns\":1}"

static void read_all(const char *bytes, const char *expected)
{
    answers_check_cuts((struct answers){.dialect = &dialect_gemini, .bytes = bytes}, expected);
}

static void a_question_is_a_content(void **state)
{
    (void)state;
    struct question question = ask("m");

    question.system = "be short";
    check_request(question, "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}],\"role\":\"user\"}],"
                            "\"systemInstruction\":{\"parts\":[{\"text\":\"be short\"}]}}");
}

static void options_get_the_names_that_it_has_for_them(void **state)
{
    (void)state;
    struct question question = ask("m");
    json_t *options = parse("{\"max_tokens\":5,\"temperature\":0,\"stop\":\"x\",\"seed\":null,"
                            "\"generationConfig\":{\"topK\":3},\"safetySettings\":[]}");
    json_t *schema = parse("{\"type\":\"object\"}");

    question.options = options;
    question.schema = schema;
    check_request(question,
                  "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}],\"role\":\"user\"}],"
                  "\"generationConfig\":{\"maxOutputTokens\":5,\"responseJsonSchema\":{\"type\":"
                  "\"object\"},\"responseMimeType\":\"application/json\",\"stopSequences\":[\"x\"],"
                  "\"temperature\":0,\"topK\":3},\"safetySettings\":[]}");
    json_decref(schema);
    json_decref(options);
}

static void the_model_is_in_the_path(void **state)
{
    (void)state;
    struct question question = ask("models/m");
    char *path = dialect_gemini.path(&question);

    assert_string_equal(path, "/v1beta/models/m:streamGenerateContent?alt=sse");
    free(path);
    question.model = "m";
    path = dialect_gemini.path(&question);
    assert_string_equal(path, "/v1beta/models/m:streamGenerateContent?alt=sse");
    free(path);
}

static void pieces_add_up_to_the_answer(void **state)
{
    (void)state;
    read_all(DATA("{\"text\":\"hm\",\"thought\":true}", "") DATA("{\"text\":\"a \"}", "")
                 DATA("{\"text\":\"b\"},{\"text\":\"c\"}", FINISH("STOP")),
             "{\"model\":\"m\",\"text\":\"a bc\",\"thinking\":\"hm\"," USAGE
             ",\"whole\":true,\"why\":\"STOP\"}");
}

static void its_other_form_is_an_array(void **state)
{
    (void)state;
    read_all("[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]},\n"
             "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b\"}]},\"finishReason\":"
             "\"STOP\"}]}]",
             "{\"text\":\"ab\",\"whole\":true,\"why\":\"STOP\"}");
}

static void what_did_not_stop_by_itself_is_no_answer(void **state)
{
    (void)state;
    read_all(DATA("{\"text\":\"a\"}", FINISH("MAX_TOKENS")),
             "{\"error\":\"the answer was cut for its length (MAX_TOKENS); raise max_tokens, or "
             "the model's context\",\"failure\":\"permanent\",\"model\":\"m\",\"text\":\"a\"," USAGE
             ",\"whole\":false}");
    read_all(DATA("{\"text\":\"a\"}", FINISH("SAFETY")),
             "{\"error\":\"the model refused (SAFETY)\",\"failure\":\"refused\",\"model\":\"m\","
             "\"text\":\"a\"," USAGE ",\"whole\":false}");
    read_all("data: {\"promptFeedback\":{\"blockReason\":\"OTHER\"}}\n\n",
             "{\"error\":\"the model refused (OTHER)\",\"failure\":\"refused\",\"whole\":false}");
    read_all(DATA("{\"text\":\"a\"}", FINISH("MALFORMED_FUNCTION_CALL")),
             "{\"error\":\"the server ended the answer (MALFORMED_FUNCTION_CALL)\",\"failure\":"
             "\"transient\",\"model\":\"m\",\"text\":\"a\"," USAGE ",\"whole\":false}");
    read_all(DATA("{\"functionCall\":{}}", FINISH("STOP")),
             "{\"error\":\"the model called a tool, and was offered none\",\"failure\":"
             "\"permanent\",\"model\":\"m\",\"usage\":{\"cached_tokens\":1,\"input_tokens\":7,"
             "\"output_tokens\":5},\"whole\":false}");
}

static void an_error_inside_the_stream_has_its_code(void **state)
{
    (void)state;
    read_all(DATA("{\"text\":\"a\"}", "") "data: {\"error\":{\"code\":503,\"message\":\"busy\","
                                          "\"status\":\"UNAVAILABLE\"}}\n\n",
             "{\"error\":\"busy (UNAVAILABLE)\",\"failure\":\"transient\",\"model\":\"m\","
             "\"status\":503,\"text\":\"a\"," USAGE ",\"whole\":false}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_a_content),
        cmocka_unit_test(options_get_the_names_that_it_has_for_them),
        cmocka_unit_test(the_model_is_in_the_path),
        cmocka_unit_test(pieces_add_up_to_the_answer),
        cmocka_unit_test(its_other_form_is_an_array),
        cmocka_unit_test(what_did_not_stop_by_itself_is_no_answer),
        cmocka_unit_test(an_error_inside_the_stream_has_its_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
