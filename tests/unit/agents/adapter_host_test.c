/* SPDX-License-Identifier: MIT */
#include "agents/adapter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void the_host_is_never_started(void **state)
{
    const struct adapter *adapter = adapter_find("host");
    struct agent_profile profile = {.name = "h", .adapter = adapter};
    struct agent_call call = {.agent = &profile};
    struct agent_command command;
    struct error err = ERROR_INIT;

    (void)state;
    assert_non_null(adapter);
    assert_int_equal(adapter->kind, ADAPTER_HOST);
    agent_command_init(&command);
    assert_int_equal(adapter->command(&call, &command, &err), ERROR_INTERNAL);
    agent_command_release(&command);
}

static void what_was_kept_of_its_answer_is_read_as_events(void **state)
{
    static const char lines[] = "{\"event\":\"text\",\"text\":\"fine\"}\n"
                                "{\"event\":\"done\",\"text\":\"the host answered\"}\n";
    struct agent_profile profile = {.name = "h", .adapter = adapter_find("host")};
    struct agent_reader *reader = agent_reader_new(&profile, NULL, NULL);
    struct agent_end end = {0};
    const struct agent_result *result;

    (void)state;
    agent_reader_add(reader, lines, strlen(lines));
    result = agent_reader_end(reader, &end);
    assert_int_equal(result->failure, AGENT_FINE);
    assert_string_equal(result->answer, "fine");
    agent_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_is_never_started),
        cmocka_unit_test(what_was_kept_of_its_answer_is_read_as_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
