/* SPDX-License-Identifier: MIT */
#include "agents/reader.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void every_adapter_is_found_by_its_type_and_is_whole(void **state)
{
    size_t count;
    const struct adapter *const *list = adapter_list(&count);

    (void)state;
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(adapter_find(list[i]->type), list[i]);
        assert_non_null(list[i]->title);
        assert_non_null(list[i]->install);
        assert_true(list[i]->kind == ADAPTER_HOST || (list[i]->command && list[i]->read_line));
        if (list[i]->kind == ADAPTER_PROGRAM) {
            assert_non_null(list[i]->program);
        }
    }
}

static void a_type_that_nobody_drives_is_not_found(void **state)
{
    (void)state;
    assert_null(adapter_find("abacus"));
    assert_null(adapter_find(""));
}

static void a_command_holds_copies_of_all_that_is_put_into_it(void **state)
{
    struct agent_command command;
    char text[] = "one";

    (void)state;
    agent_command_init(&command);
    agent_command_add(&command, text);
    agent_command_add_all(&command, "two", "three");
    agent_command_set(&command, "NAME", "value=x");
    agent_command_add_file(&command, "a.json", "{}\0x", 4);
    text[0] = 'X';
    assert_int_equal(command.argv.count, 3);
    assert_string_equal(command.argv.items[0], "one");
    assert_string_equal(command.argv.items[2], "three");
    assert_string_equal(command.env.items[0], "NAME=value=x");
    assert_int_equal(command.files.items[0].length, 4);
    assert_memory_equal(command.files.items[0].data, "{}\0x", 4);
    agent_command_release(&command);
    assert_int_equal(command.argv.count, 0);
}

/* What fermata-call and fermata-acp print, and what is kept of a host's answer. */
static void events_of_a_driver_cut_at_any_byte_are_no_success(void **state)
{
    static const char events[] =
        "{\"event\":\"session\",\"id\":\"s1\",\"name\":\"m\"}\n"
        "{\"event\":\"text\",\"text\":\"I lo\",\"partial\":true}\n"
        "{\"event\":\"text\",\"text\":\"ok.\",\"partial\":true}\n"
        "{\"event\":\"tool_call\",\"id\":\"t\",\"name\":\"edit\",\"text\":\"a.txt\"}\n"
        "{\"event\":\"tool_result\",\"id\":\"t\",\"text\":\"fine\"}\n"
        "{\"event\":\"text\",\"text\":\"done\",\"partial\":true}\n"
        "{\"event\":\"usage\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}\n"
        "{\"event\":\"done\",\"text\":\"end_turn\"}";
    const struct agent_end fine = {.exit_status = 0};
    const size_t length = sizeof(events) - 1;
    size_t count, tried = 0;
    const struct adapter *const *list = adapter_list(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct agent_profile agent = {.name = "mine", .adapter = list[i]};

        if (list[i]->read_line != reader_read_event) {
            continue;
        }
        tried++;
        for (size_t cut = 0; cut <= length; cut++) {
            struct agent_reader *reader = agent_reader_new(&agent, NULL, NULL);

            agent_reader_add(reader, events, cut);
            assert_int_equal(agent_reader_end(reader, &fine)->failure == AGENT_FINE, cut == length);
            agent_reader_free(reader);
        }
    }
    assert_true(tried >= 10); /* eight servers, ACP, the host */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_adapter_is_found_by_its_type_and_is_whole),
        cmocka_unit_test(a_type_that_nobody_drives_is_not_found),
        cmocka_unit_test(events_of_a_driver_cut_at_any_byte_are_no_success),
        cmocka_unit_test(a_command_holds_copies_of_all_that_is_put_into_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
