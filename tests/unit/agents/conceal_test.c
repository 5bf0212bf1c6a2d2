/* SPDX-License-Identifier: MIT */
#include "agents/conceal.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct redact_key keys[] = {{"MY_KEY", "sk-ant-0123456789"}};

static void note(void *context, const struct agent_event *event)
{
    strbuf_addf(context, "%s%s:%s", agent_event_name(event->kind), event->is_partial ? "~" : "",
                event->text);
    if (event->id) {
        strbuf_addf(context, " id=%s", event->id);
    }
    if (event->name) {
        strbuf_addf(context, " name=%s", event->name);
    }
    strbuf_add(context, "|");
}

struct fixture {
    struct concealer *concealer;
    struct strbuf said;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    strbuf_init(&fixture->said, 10000);
    fixture->concealer = concealer_new(keys, 1, note, &fixture->said);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    concealer_free(fixture->concealer);
    strbuf_release(&fixture->said);
    free(fixture);
    return 0;
}

static void say(struct fixture *fixture, enum agent_event_kind kind, const char *text,
                bool is_partial)
{
    struct agent_event event;

    agent_event_init(&event, kind);
    event.text = text;
    event.is_partial = is_partial;
    concealer_add(fixture->concealer, &event);
}

static void a_key_in_pieces_of_text_is_replaced(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, AGENT_TEXT, "it is sk-a", true);
    say(fixture, AGENT_TEXT, "nt-01234", true);
    say(fixture, AGENT_TEXT, "56789, no", true);
    say(fixture, AGENT_DONE, "stop", false);
    assert_string_equal(fixture->said.data, "text~:it is |text~:[key MY_KEY], no|done:stop|");
}

static void what_was_no_key_after_all_comes_before_the_next_event(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, AGENT_THINKING, "sk-a", true);
    say(fixture, AGENT_TEXT, "sk-ant", true);
    say(fixture, AGENT_TOOL_CALL, "look", false);
    say(fixture, AGENT_TEXT, "sk", true);
    say(fixture, AGENT_TEXT, "", false);
    assert_string_equal(fixture->said.data,
                        "thinking~:sk-a|text~:sk-ant|tool_call:look|text~:sk|text:|");
}

static void every_part_of_an_event_is_cleaned(void **state)
{
    struct fixture *fixture = *state;
    struct agent_event event;

    agent_event_init(&event, AGENT_TOOL_CALL);
    event.text = "curl -H sk-ant-0123456789";
    event.id = "sk-ant-0123456789";
    event.name = "<sk-ant-0123456789>";
    concealer_add(fixture->concealer, &event);
    say(fixture, AGENT_ERROR, "401: sk-ant-0123456789", false);
    assert_string_equal(fixture->said.data,
                        "tool_call:curl -H [key MY_KEY] id=[key MY_KEY] name=<[key MY_KEY]>|"
                        "error:401: [key MY_KEY]|");
}

static void a_whole_text_holds_nothing_back(void **state)
{
    struct fixture *fixture = *state;
    char *text = concealer_text(fixture->concealer, "a sk-ant-0123456789 b sk-an");

    assert_string_equal(text, "a [key MY_KEY] b sk-an");
    free(text);
}

static void without_keys_nothing_is_changed(void **state)
{
    struct strbuf said;
    struct concealer *concealer;
    struct agent_event event;

    (void)state;
    strbuf_init(&said, 1000);
    concealer = concealer_new(NULL, 0, note, &said);
    agent_event_init(&event, AGENT_TEXT);
    event.text = "sk-ant-0123456789";
    event.is_partial = true;
    concealer_add(concealer, &event);
    assert_string_equal(said.data, "text~:sk-ant-0123456789|");
    concealer_free(concealer);
    concealer_free(NULL);
    strbuf_release(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_in_pieces_of_text_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_no_key_after_all_comes_before_the_next_event,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_part_of_an_event_is_cleaned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_whole_text_holds_nothing_back, set_up, tear_down),
        cmocka_unit_test(without_keys_nothing_is_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
