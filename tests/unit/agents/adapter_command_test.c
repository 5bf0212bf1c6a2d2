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

static const struct agent_end fine = {.exit_status = 0};

/* ---- calls ---- */

static int make_in_mode(struct agent_profile agent, bool is_read_only, const char *prompt,
                        struct agent_command *command, struct error *err)
{
    struct agent_call call = {.agent = &agent,
                              .is_read_only = is_read_only,
                              .prompt = prompt,
                              .prompt_length = strlen(prompt),
                              .cwd = "/project",
                              .folder = "/attempt"};

    agent.name = "mine";
    agent.adapter = &adapter_command;
    agent_command_init(command);
    return adapter_command.command(&call, command, err);
}

static int make(struct agent_profile agent, const char *prompt, struct agent_command *command,
                struct error *err)
{
    return make_in_mode(agent, false, prompt, command, err);
}

static void what_changes_nothing_is_another_command(void **state)
{
    const char *const argv[] = {"tool"};
    const char *const plans[] = {"tool", "--plan", "{cwd}"};
    const struct agent_profile agent = {
        .command = argv, .command_count = 1, .read_only_command = plans, .read_only_count = 3};
    struct agent_command command;

    (void)state;
    assert_int_equal(make_in_mode(agent, true, "look", &command, NULL), 0);
    assert_int_equal(command.argv.count, 3);
    assert_string_equal(command.argv.items[1], "--plan");
    assert_string_equal(command.argv.items[2], "/project");
    assert_string_equal(command.input.data, "look");
    agent_command_release(&command);
    assert_int_equal(make_in_mode(agent, false, "do it", &command, NULL), 0);
    assert_int_equal(command.argv.count, 1);
    agent_command_release(&command);
}

static void the_prompt_goes_to_standard_input(void **state)
{
    const char *const argv[] = {"tool", "-x"};
    struct agent_command command;

    (void)state;
    assert_int_equal(
        make((struct agent_profile){.command = argv, .command_count = 2}, "do it", &command, NULL),
        0);
    assert_int_equal(command.argv.count, 2);
    assert_string_equal(command.argv.items[1], "-x");
    assert_string_equal(command.input.data, "do it");
    assert_int_equal(command.files.count, 0);
    agent_command_release(&command);
}

static void the_prompt_goes_to_a_file_beside_the_attempt(void **state)
{
    const char *const argv[] = {"tool"};
    const char *const marked[] = {"tool", "--in={prompt_file}", "--dir", "{cwd}"};
    struct agent_command command;

    (void)state;
    assert_int_equal(
        make((struct agent_profile){.command = argv, .command_count = 1, .prompt_by = "file"},
             "do it", &command, NULL),
        0);
    assert_string_equal(command.argv.items[1], "/attempt/prompt.txt");
    assert_string_equal(command.files.items[0].name, "prompt.txt");
    assert_string_equal(command.files.items[0].data, "do it");
    assert_int_equal(command.input.length, 0);
    agent_command_release(&command);
    assert_int_equal(
        make((struct agent_profile){.command = marked, .command_count = 4, .prompt_by = "file"},
             "do it", &command, NULL),
        0);
    assert_int_equal(command.argv.count, 4);
    assert_string_equal(command.argv.items[1], "--in=/attempt/prompt.txt");
    assert_string_equal(command.argv.items[3], "/project");
    agent_command_release(&command);
}

static void the_prompt_goes_into_an_argument_only_where_it_fits(void **state)
{
    const char *const argv[] = {"tool", "-p", "{prompt}", "-q"};
    struct agent_profile agent = {.command = argv, .command_count = 4, .prompt_by = "argument"};
    struct agent_command command;
    struct error err = ERROR_INIT;
    char *large = mem_zero(1, 200 * 1024);

    (void)state;
    assert_int_equal(make(agent, "do {model}", &command, NULL), 0);
    assert_int_equal(command.argv.count, 4);
    assert_string_equal(command.argv.items[2], "do {model}");
    agent_command_release(&command);
    agent.command_count = 2;
    assert_int_equal(make(agent, "do it", &command, NULL), 0);
    assert_string_equal(command.argv.items[2], "do it");
    agent_command_release(&command);
    memset(large, 'x', 200 * 1024 - 1);
    assert_int_equal(make(agent, large, &command, &err), ERROR_LIMIT);
    assert_non_null(strstr(err.hint, "prompt_by: stdin"));
    agent_command_release(&command);
    free(large);
}

static void the_model_reaches_the_program(void **state)
{
    const char *const argv[] = {"tool", "--model={model}"};
    struct agent_profile agent = {.command = argv, .command_count = 2, .model = "m1"};
    struct agent_command command;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(make(agent, "", &command, NULL), 0);
    assert_string_equal(command.argv.items[1], "--model=m1");
    assert_string_equal(command.env.items[0], "FERMATA_MODEL=m1");
    agent_command_release(&command);
    agent.model = NULL;
    assert_int_equal(make(agent, "", &command, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "{model}"));
    agent_command_release(&command);
}

static void without_a_command_there_is_nothing_to_run(void **state)
{
    struct agent_command command;

    (void)state;
    assert_int_equal(make((struct agent_profile){.command_count = 0}, "x", &command, NULL),
                     ERROR_INVALID);
    agent_command_release(&command);
}

/* ---- answers ---- */

struct reading {
    struct agent_profile agent;
    json_t *map;
    struct agent_reader *reader;
    const struct agent_result *result;
};

static void read_output(struct reading *reading, const char *format, const char *map,
                        const char *output, const struct agent_end *end)
{
    reading->map = map ? json_loads(map, 0, NULL) : NULL;
    reading->agent = (struct agent_profile){.name = "mine",
                                            .adapter = &adapter_command,
                                            .output_format = format,
                                            .output_map = reading->map};
    reading->reader = agent_reader_new(&reading->agent, NULL, NULL);
    agent_reader_add(reading->reader, output, strlen(output));
    reading->result = agent_reader_end(reading->reader, end);
}

static void forget(struct reading *reading)
{
    agent_reader_free(reading->reader);
    json_decref(reading->map);
}

static void a_text_is_the_answer_without_the_lines_around_it(void **state)
{
    struct reading reading;

    (void)state;
    read_output(&reading, NULL, NULL, "one\n\n  two\n\n\n", &fine);
    assert_int_equal(reading.result->failure, AGENT_FINE);
    assert_string_equal(reading.result->answer, "one\n\n  two");
    forget(&reading);
    read_output(&reading, "text", NULL, "\n \n", &fine);
    assert_int_equal(reading.result->failure, AGENT_TRANSIENT);
    forget(&reading);
}

static void a_failed_program_says_why_on_standard_error(void **state)
{
    const struct agent_end end = {.exit_status = 2, .errors = "connection refused\n"};
    struct reading reading;

    (void)state;
    read_output(&reading, NULL, NULL, "half\n", &end);
    assert_int_equal(reading.result->failure, AGENT_TRANSIENT);
    assert_string_equal(reading.result->error, "exit status 2: connection refused");
    forget(&reading);
}

static void a_json_value_is_read_by_paths(void **state)
{
    struct reading reading;

    (void)state;
    read_output(&reading, "json",
                "{\"answer\":\"choices.0.text\",\"session\":\"id\",\"model\":\"model\","
                "\"input_tokens\":\"usage.in\",\"cost_usd\":\"usage.cost\",\"error\":\"error\"}",
                "{\"choices\":[{\"text\":\"yes\"}],\n \"id\":\"s1\",\"model\":\"m\",\"error\":null,"
                "\"usage\":{\"in\":7,\"cost\":0.5}}\n",
                &fine);
    assert_int_equal(reading.result->failure, AGENT_FINE);
    assert_string_equal(reading.result->answer, "yes");
    assert_string_equal(reading.result->session, "s1");
    assert_string_equal(reading.result->model, "m");
    assert_int_equal(reading.result->usage.input_tokens, 7);
    assert_true(reading.result->usage.output_tokens < 0);
    assert_true(reading.result->usage.cost_usd > 0.4);
    forget(&reading);
}

static void a_json_value_without_a_map_is_the_answer_itself(void **state)
{
    struct reading reading;

    (void)state;
    read_output(&reading, "json", NULL, "{\"a\": [1,\n2]}\n", &fine);
    assert_int_equal(reading.result->failure, AGENT_FINE);
    assert_string_equal(reading.result->answer, "{\"a\":[1,2]}");
    assert_true(json_is_object(reading.result->json));
    forget(&reading);
}

static void an_error_in_the_json_is_one_whatever_the_exit_status(void **state)
{
    struct reading reading;

    (void)state;
    read_output(&reading, "json", "{\"answer\":\"text\",\"error\":\"error\",\"status\":\"code\"}",
                "{\"text\":\"x\",\"error\":\"slow down\",\"code\":429}", &fine);
    assert_int_equal(reading.result->failure, AGENT_LIMIT);
    assert_string_equal(reading.result->error, "slow down");
    forget(&reading);
}

static void what_is_no_json_is_a_failure_that_names_the_place(void **state)
{
    struct reading reading;

    (void)state;
    read_output(&reading, "json", NULL, "{\"a\": [1,\nx]", &fine);
    assert_int_equal(reading.result->failure, AGENT_TRANSIENT);
    assert_non_null(strstr(reading.result->error, "line 2"));
    forget(&reading);
}

#define EVENT_MAP                                                                                  \
    "{\"type\":\"kind\",\"events\":{"                                                              \
    "\"delta\":{\"event\":\"text\",\"partial\":true,\"text\":\"body.t\"},"                         \
    "\"tool\":{\"event\":\"tool_call\",\"name\":\"tool.name\",\"text\":\"tool.input\"},"           \
    "\"usage\":{\"event\":\"usage\",\"output_tokens\":\"n\"},"                                     \
    "\"ask\":{\"event\":\"question\",\"text\":\"q\"},"                                             \
    "\"fail\":{\"event\":\"error\",\"text\":\"why\",\"status\":\"code\"},"                         \
    "\"end\":{\"event\":\"done\"}}}"

static void lines_of_json_become_events_by_a_map(void **state)
{
    struct reading reading;

    (void)state;
    read_output(&reading, "jsonl", EVENT_MAP,
                "{\"kind\":\"tool\",\"tool\":{\"name\":\"edit\",\"input\":{\"path\":\"a\"}}}\n"
                "{\"kind\":\"delta\",\"body\":{\"t\":\"ye\"}}\n{\"kind\":\"new\"}\nnoise\n"
                "{\"kind\":\"delta\",\"body\":{\"t\":\"s\"}}\n{\"kind\":\"usage\",\"n\":3}\n"
                "{\"kind\":\"end\"}\n",
                &fine);
    assert_int_equal(reading.result->failure, AGENT_FINE);
    assert_string_equal(reading.result->answer, "yes");
    assert_int_equal(reading.result->usage.output_tokens, 3);
    forget(&reading);
}

static void a_map_that_names_the_end_wants_to_see_it(void **state)
{
    struct reading reading;

    (void)state;
    read_output(&reading, "jsonl", EVENT_MAP, "{\"kind\":\"delta\",\"body\":{\"t\":\"ye\"}}\n",
                &fine);
    assert_int_equal(reading.result->failure, AGENT_TRANSIENT);
    forget(&reading);
    read_output(&reading, "jsonl", EVENT_MAP,
                "{\"kind\":\"fail\",\"why\":\"no key\",\"code\":401}\n", &fine);
    assert_int_equal(reading.result->failure, AGENT_PERMANENT);
    assert_string_equal(reading.result->error, "no key");
    forget(&reading);
}

static void assert_whole_only(const char *format, const char *map, const char *output)
{
    for (size_t cut = 0; cut <= strlen(output); cut++) {
        char *start = mem_strndup(output, cut);
        struct reading reading;

        read_output(&reading, format, map, start, &fine);
        assert_int_equal(reading.result->failure == AGENT_FINE, cut == strlen(output));
        forget(&reading);
        free(start);
    }
}

/* But for plain text, of which nobody can tell where it should have ended. */
static void an_output_cut_at_any_byte_is_no_success(void **state)
{
    (void)state;
    assert_whole_only("json", NULL, "{\"a\": [1,\n2], \"b\": \"x\"}");
    assert_whole_only("json", "{\"answer\":\"choices.0.text\"}",
                      "{\"choices\":[{\"text\":\"yes\"}],\n \"id\":\"s1\"}");
    assert_whole_only("jsonl", EVENT_MAP,
                      "{\"kind\":\"delta\",\"body\":{\"t\":\"ye\"}}\n"
                      "{\"kind\":\"delta\",\"body\":{\"t\":\"s\"}}\n{\"kind\":\"end\"}");
    assert_whole_only("jsonl", NULL, "{\"event\":\"text\",\"text\":\"yes\"}\n{\"event\":\"done\"}");
}

static void lines_of_json_may_be_read_by_fields(void **state)
{
    struct reading reading;

    (void)state;
    read_output(&reading, "jsonl", "{\"answer\":\"result\",\"session\":\"id\"}",
                "{\"id\":\"s\"}\n{\"result\":\"yes\"}\n", &fine);
    assert_int_equal(reading.result->failure, AGENT_FINE);
    assert_string_equal(reading.result->answer, "yes");
    assert_string_equal(reading.result->session, "s");
    forget(&reading);
}

static void lines_without_a_map_are_agent_events(void **state)
{
    struct reading reading;

    (void)state;
    read_output(&reading, "jsonl", NULL, "{\"event\":\"text\",\"text\":\"yes\"}\n", &fine);
    assert_int_equal(reading.result->failure, AGENT_TRANSIENT);
    forget(&reading);
    read_output(&reading, "jsonl", NULL,
                "{\"event\":\"text\",\"text\":\"yes\"}\n{\"event\":\"done\"}\n", &fine);
    assert_int_equal(reading.result->failure, AGENT_FINE);
    forget(&reading);
    read_output(&reading, "jsonl", NULL, "{\"event\":\"question\",\"text\":\"which?\"}\n", &fine);
    assert_int_equal(reading.result->failure, AGENT_FINE);
    assert_string_equal(reading.result->question, "which?");
    forget(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prompt_goes_to_standard_input),
        cmocka_unit_test(what_changes_nothing_is_another_command),
        cmocka_unit_test(the_prompt_goes_to_a_file_beside_the_attempt),
        cmocka_unit_test(the_prompt_goes_into_an_argument_only_where_it_fits),
        cmocka_unit_test(the_model_reaches_the_program),
        cmocka_unit_test(without_a_command_there_is_nothing_to_run),
        cmocka_unit_test(a_text_is_the_answer_without_the_lines_around_it),
        cmocka_unit_test(a_failed_program_says_why_on_standard_error),
        cmocka_unit_test(a_json_value_is_read_by_paths),
        cmocka_unit_test(a_json_value_without_a_map_is_the_answer_itself),
        cmocka_unit_test(an_error_in_the_json_is_one_whatever_the_exit_status),
        cmocka_unit_test(what_is_no_json_is_a_failure_that_names_the_place),
        cmocka_unit_test(lines_of_json_become_events_by_a_map),
        cmocka_unit_test(a_map_that_names_the_end_wants_to_see_it),
        cmocka_unit_test(an_output_cut_at_any_byte_is_no_success),
        cmocka_unit_test(lines_of_json_may_be_read_by_fields),
        cmocka_unit_test(lines_without_a_map_are_agent_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
