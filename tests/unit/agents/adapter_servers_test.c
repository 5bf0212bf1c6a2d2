/* SPDX-License-Identifier: MIT */
#include "agents/reader.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

/* The call as JSON with its keys sorted, and the driver as the only argument. */
static void check(struct agent_profile agent, const char *expected)
{
    struct agent_call call = {.agent = &agent,
                              .prompt = "do it",
                              .prompt_length = 5,
                              .timeout_ms = 9000,
                              .libexec = "/libexec"};
    struct agent_command command;
    json_t *input;
    char *text;

    agent.name = "mine";
    agent_command_init(&command);
    assert_int_equal(agent.adapter->command(&call, &command, NULL), 0);
    assert_int_equal(command.argv.count, 1);
    assert_string_equal(command.argv.items[0], "/libexec/fermata-call");
    assert_int_equal(command.env.count, 0);
    assert_int_equal(command.files.count, 0);
    input = json_loads(command.input.data, 0, NULL);
    text = json_dump_sorted(input);
    assert_string_equal(text, expected);
    free(text);
    json_decref(input);
    agent_command_release(&command);
}

static void the_driver_is_told_what_the_adapter_knows(void **state)
{
    (void)state;
    check((struct agent_profile){.adapter = &adapter_ollama},
          "{\"endpoint\":\"http://127.0.0.1:11434\",\"key_optional\":true,\"key_variable\":"
          "\"OLLAMA_API_KEY\",\"prompt\":\"do it\",\"silence_ms\":600000,\"timeout_ms\":9000,"
          "\"type\":\"ollama\"}");
}

static void what_is_configured_counts_more(void **state)
{
    (void)state;
    json_t *options = json_pack("{s:i}", "seed", 1);

    check((struct agent_profile){.adapter = &adapter_anthropic,
                                 .endpoint = "http://h",
                                 .model = "m",
                                 .key = "env:MY_KEY",
                                 .options = options,
                                 .silence_ms = 5},
          "{\"endpoint\":\"http://h\",\"key_variable\":\"MY_KEY\",\"model\":\"m\",\"options\":{"
          "\"seed\":1},\"prompt\":\"do it\",\"silence_ms\":5,\"timeout_ms\":9000,\"type\":"
          "\"anthropic\"}");
    json_decref(options);
    check((struct agent_profile){.adapter = &adapter_openai,
                                 .endpoint = "http://h",
                                 .key = "file:/k"},
          "{\"endpoint\":\"http://h\",\"key_file\":\"/k\",\"prompt\":\"do it\",\"silence_ms\":"
          "600000,\"timeout_ms\":9000,\"type\":\"openai-compatible\"}");
}

static void a_customary_key_goes_to_no_other_address(void **state)
{
    (void)state;
    check((struct agent_profile){.adapter = &adapter_anthropic, .endpoint = "http://h"},
          "{\"endpoint\":\"http://h\",\"prompt\":\"do it\",\"silence_ms\":600000,"
          "\"timeout_ms\":9000,\"type\":\"anthropic\"}");
    check((struct agent_profile){.adapter = &adapter_openai, .endpoint = "http://h"},
          "{\"endpoint\":\"http://h\",\"prompt\":\"do it\",\"silence_ms\":600000,"
          "\"timeout_ms\":9000,\"type\":\"openai-compatible\"}");
    check((struct agent_profile){.adapter = &adapter_ollama, .endpoint = "http://127.0.0.1:11434"},
          "{\"endpoint\":\"http://127.0.0.1:11434\",\"key_optional\":true,\"key_variable\":"
          "\"OLLAMA_API_KEY\",\"prompt\":\"do it\",\"silence_ms\":600000,\"timeout_ms\":9000,"
          "\"type\":\"ollama\"}");
}

static void the_steps_model_and_schema_go_with_the_call(void **state)
{
    (void)state;
    json_t *schema = json_pack("{s:s}", "type", "object");
    struct agent_profile agent = {.name = "mine", .adapter = &adapter_llamacpp, .model = "m"};
    struct agent_call call = {.agent = &agent,
                              .prompt = "a\xff",
                              .prompt_length = 2,
                              .model = "step",
                              .schema = schema,
                              .libexec = "/l"};
    struct agent_command command;

    agent_command_init(&command);
    assert_int_equal(adapter_llamacpp.command(&call, &command, NULL), 0);
    assert_non_null(strstr(command.input.data, "\"model\":\"step\""));
    assert_non_null(strstr(command.input.data, "\"prompt\":\"a\xef\xbf\xbd\""));
    assert_non_null(strstr(command.input.data, "\"schema\":{\"type\":\"object\"}"));
    agent_command_release(&command);
    json_decref(schema);
}

static void check_refused(struct agent_profile agent, const char *words)
{
    struct agent_call call = {.agent = &agent, .prompt = "", .libexec = "/l"};
    struct error err = ERROR_INIT;
    struct agent_command command;

    agent.name = "mine";
    agent_command_init(&command);
    assert_int_equal(agent.adapter->command(&call, &command, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, words));
    assert_null(strstr(err.text, "secret"));
    assert_true(err.hint[0] != '\0');
    agent_command_release(&command);
}

static void what_cannot_be_called_is_refused_and_no_key_is_shown(void **state)
{
    (void)state;
    check_refused((struct agent_profile){.adapter = &adapter_openai}, "names no endpoint");
    check_refused((struct agent_profile){.adapter = &adapter_groq, .key = "secret"},
                  "neither env:NAME nor file:PATH");
    check_refused((struct agent_profile){.adapter = &adapter_groq, .key = "env:"},
                  "neither env:NAME nor file:PATH");
}

static void the_drivers_events_become_the_result(void **state)
{
    (void)state;
    static const char lines[] = "{\"event\":\"session\",\"name\":\"m\"}\n"
                                "{\"event\":\"text\",\"text\":\"a \",\"partial\":true}\n"
                                "{\"event\":\"text\",\"text\":\"b\",\"partial\":true}\n"
                                "{\"event\":\"usage\",\"usage\":{\"input_tokens\":3,\"turns\":1}}\n"
                                "{\"event\":\"done\",\"text\":\"stop\"}\n";
    const struct agent_profile agent = {.name = "mine", .adapter = &adapter_gemini_api};
    struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);
    const struct agent_result *result;

    agent_reader_add(reader, lines, sizeof(lines) - 1);
    result = agent_reader_end(reader, &(struct agent_end){.errors = ""});
    assert_int_equal(result->failure, AGENT_FINE);
    assert_string_equal(result->answer, "a b");
    assert_string_equal(result->model, "m");
    assert_int_equal(result->usage.input_tokens, 3);
    assert_true(result->usage.output_tokens < 0);
    agent_reader_free(reader);
}

static void the_drivers_error_is_the_results(void **state)
{
    (void)state;
    static const char line[] = "{\"event\":\"error\",\"text\":\"slow down\",\"failure\":\"limit\","
                               "\"status\":429,\"retry_after_ms\":7000}\n";
    const struct agent_profile agent = {.name = "mine", .adapter = &adapter_localai};
    struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);
    const struct agent_result *result;

    agent_reader_add(reader, line, sizeof(line) - 1);
    result = agent_reader_end(reader, &(struct agent_end){.exit_status = 1, .errors = ""});
    assert_int_equal(result->failure, AGENT_LIMIT);
    assert_int_equal(result->status, 429);
    assert_int_equal(result->retry_after_ms, 7000);
    assert_string_equal(result->error, "slow down");
    agent_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_driver_is_told_what_the_adapter_knows),
        cmocka_unit_test(what_is_configured_counts_more),
        cmocka_unit_test(a_customary_key_goes_to_no_other_address),
        cmocka_unit_test(the_steps_model_and_schema_go_with_the_call),
        cmocka_unit_test(what_cannot_be_called_is_refused_and_no_key_is_shown),
        cmocka_unit_test(the_drivers_events_become_the_result),
        cmocka_unit_test(the_drivers_error_is_the_results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
