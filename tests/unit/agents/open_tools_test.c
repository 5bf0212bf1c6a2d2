/* SPDX-License-Identifier: MIT */
#include "agents/open_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static enum liveness_tools note(struct open_tools *tools, enum agent_event_kind kind,
                                const char *id, const char *name)
{
    struct agent_event event;

    agent_event_init(&event, kind);
    event.id = id;
    event.name = name;
    open_tools_note(tools, &event);
    return open_tools_state(tools);
}

static void a_call_is_open_until_its_own_result(void **state)
{
    struct open_tools tools = {0};

    (void)state;
    assert_int_equal(open_tools_state(&tools), LIVENESS_TOOLS_UNKNOWN);
    assert_int_equal(note(&tools, AGENT_TOOL_CALL, "1", "Bash"), LIVENESS_TOOLS_RUN);
    assert_string_equal(tools.name, "Bash");
    assert_int_equal(note(&tools, AGENT_TOOL_CALL, "2", "Read"), LIVENESS_TOOLS_RUN);
    assert_int_equal(note(&tools, AGENT_TOOL_RESULT, "2", NULL), LIVENESS_TOOLS_RUN);
    assert_int_equal(note(&tools, AGENT_TEXT, NULL, NULL), LIVENESS_TOOLS_RUN);
    assert_int_equal(note(&tools, AGENT_USAGE, NULL, NULL), LIVENESS_TOOLS_RUN);
    assert_int_equal(note(&tools, AGENT_TOOL_RESULT, "1", NULL), LIVENESS_TOOLS_IDLE);
    open_tools_release(&tools);
}

static void one_without_an_id_is_over_when_anything_is_said(void **state)
{
    struct open_tools tools = {0};

    (void)state;
    assert_int_equal(note(&tools, AGENT_TOOL_CALL, NULL, NULL), LIVENESS_TOOLS_RUN);
    assert_string_equal(tools.name, "tool");
    assert_int_equal(note(&tools, AGENT_TEXT, NULL, NULL), LIVENESS_TOOLS_IDLE);
    assert_int_equal(note(&tools, AGENT_TOOL_CALL, NULL, "x"), LIVENESS_TOOLS_RUN);
    assert_int_equal(note(&tools, AGENT_TOOL_RESULT, NULL, NULL), LIVENESS_TOOLS_IDLE);
    open_tools_release(&tools);
}

static void at_the_end_of_the_turn_none_is_open(void **state)
{
    struct open_tools tools = {0};

    (void)state;
    (void)note(&tools, AGENT_TOOL_CALL, "1", "Bash");
    (void)note(&tools, AGENT_TOOL_CALL, NULL, "Bash");
    assert_int_equal(note(&tools, AGENT_DONE, NULL, NULL), LIVENESS_TOOLS_IDLE);
    open_tools_release(&tools);
}

static void names_are_cut_and_harmless(void **state)
{
    struct open_tools tools = {0};

    (void)state;
    (void)note(&tools, AGENT_TOOL_CALL, "1",
               "wri\033[31mte\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_null(strchr(tools.name, '\033'));
    assert_int_equal(strncmp(tools.name, "write", 5), 0);
    open_tools_release(&tools);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_open_until_its_own_result),
        cmocka_unit_test(one_without_an_id_is_over_when_anything_is_said),
        cmocka_unit_test(at_the_end_of_the_turn_none_is_open),
        cmocka_unit_test(names_are_cut_and_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
