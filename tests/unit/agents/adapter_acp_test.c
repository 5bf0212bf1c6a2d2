/* SPDX-License-Identifier: MIT */
#include "agents/adapter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void the_driver_is_told_what_to_start_and_what_it_may(void **state)
{
    static const char *const program[] = {"gemini", "--acp"};
    static const char *const tools[] = {"execute"};
    struct agent_profile profile = {.name = "g",
                                    .adapter = adapter_find("acp"),
                                    .command = program,
                                    .command_count = 2,
                                    .model = "m"};
    struct agent_usage earlier = AGENT_USAGE_INIT;
    struct agent_call call = {.agent = &profile,
                              .prompt = "Go",
                              .prompt_length = 2,
                              .is_read_only = true,
                              .tools = tools,
                              .tool_count = 1,
                              .cwd = "/repo",
                              .session = "s",
                              .earlier = &earlier,
                              .timeout_ms = 5,
                              .libexec = "/x"};
    struct agent_command command;
    struct error err = ERROR_INIT;

    (void)state;
    agent_command_init(&command);
    assert_int_equal(profile.adapter->command(&call, &command, &err), 0);
    assert_int_equal(command.argv.count, 1);
    assert_string_equal(command.argv.items[0], "/x/fermata-acp");
    assert_string_equal(command.input.data,
                        "{\"command\":[\"gemini\",\"--acp\"],\"prompt\":\"Go\",\"cwd\":\"/repo\","
                        "\"session\":\"s\",\"model\":\"m\",\"read_only\":true,\"tools\":["
                        "\"execute\"],\"timeout_ms\":5}");
    agent_command_release(&command);
    earlier.cost_usd = 0.5;
    agent_command_init(&command);
    assert_int_equal(profile.adapter->command(&call, &command, &err), 0);
    assert_non_null(strstr(command.input.data, "\"session\":\"s\",\"earlier_usd\":0.5,"));
    agent_command_release(&command);
    profile.command_count = 0;
    agent_command_init(&command);
    assert_int_equal(profile.adapter->command(&call, &command, &err), ERROR_INVALID);
    agent_command_release(&command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_driver_is_told_what_to_start_and_what_it_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
