/* SPDX-License-Identifier: MIT */
#include "agents/event.h"
#include "base/alloc.h"
#include "workflow/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void assert_encoded(const struct agent_event *event, const char *expected)
{
    struct strbuf line;

    strbuf_init(&line, 4096);
    agent_event_add_line(event, &line);
    assert_string_equal(line.data, expected);
    strbuf_release(&line);
}

/* Strict: what is written is JSON. The caller owns it. */
static json_t *line_of(const struct agent_event *event)
{
    struct strbuf text;
    json_t *line = NULL;

    strbuf_init(&text, 4096);
    agent_event_add_line(event, &text);
    assert_int_equal(json_parse_text(text.data, text.length, "line", &line, NULL), 0);
    strbuf_release(&text);
    return line;
}

static void what_is_not_known_is_absent_from_a_line(void **state)
{
    struct agent_event event;

    (void)state;
    agent_event_init(&event, AGENT_DONE);
    assert_encoded(&event, "{\"event\":\"done\"}\n");
    agent_event_init(&event, AGENT_USAGE);
    event.usage.output_tokens = 0;
    assert_encoded(&event, "{\"event\":\"usage\",\"usage\":{\"output_tokens\":0}}\n");
}

static void every_field_survives_the_way_to_a_line_and_back(void **state)
{
    struct agent_event event, back;
    json_t *line;

    (void)state;
    agent_event_init(&event, AGENT_ERROR);
    event.text = "slow down";
    event.id = "1";
    event.name = "bash";
    event.is_partial = true;
    event.is_error = true;
    event.is_fatal = true;
    event.failure = AGENT_LIMIT;
    event.status = 429;
    event.retry_after_ms = 1500;
    event.usage = (struct agent_usage){1, 2, 3, 0.5, 4};
    line = line_of(&event);
    assert_int_equal(agent_event_decode(line, &back, NULL), 0);
    assert_int_equal(back.kind, AGENT_ERROR);
    assert_string_equal(back.text, "slow down");
    assert_string_equal(back.id, "1");
    assert_string_equal(back.name, "bash");
    assert_true(back.is_partial && back.is_error && back.is_fatal);
    assert_int_equal(back.failure, AGENT_LIMIT);
    assert_int_equal(back.status, 429);
    assert_int_equal(back.retry_after_ms, 1500);
    assert_memory_equal(&back.usage, &event.usage, sizeof(event.usage));
    json_decref(line);
}

static void every_kind_has_a_name_that_is_read_back(void **state)
{
    (void)state;
    for (int kind = 0; kind < AGENT_EVENT_KINDS; kind++) {
        struct agent_event event, back;
        json_t *line;

        agent_event_init(&event, (enum agent_event_kind)kind);
        line = line_of(&event);
        assert_int_equal(agent_event_decode(line, &back, NULL), 0);
        assert_int_equal(back.kind, kind);
        json_decref(line);
    }
}

static void a_line_of_something_else_is_no_event(void **state)
{
    static const char *const lines[] = {"{}", "[]", "{\"event\":\"sing\"}", "{\"event\":7}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        json_t *line = json_loads(lines[i], 0, NULL);
        struct agent_event event;

        assert_int_equal(agent_event_decode(line, &event, NULL), ERROR_INVALID);
        json_decref(line);
    }
}

static void numbers_that_cannot_be_are_not_known(void **state)
{
    json_t *value = json_loads("{\"input_tokens\":-5,\"output_tokens\":12.0,\"cached_tokens\":1e99,"
                               "\"cost_usd\":\"free\",\"turns\":null}",
                               0, NULL);
    struct agent_usage usage;

    (void)state;
    agent_usage_decode(value, &usage);
    assert_true(usage.input_tokens < 0);
    assert_int_equal(usage.output_tokens, 12);
    assert_true(usage.cached_tokens < 0);
    assert_true(usage.cost_usd < 0);
    assert_true(usage.turns < 0);
    json_decref(value);
}

static void text_that_is_no_utf8_still_makes_a_line(void **state)
{
    struct agent_event event;

    (void)state;
    agent_event_init(&event, AGENT_TEXT);
    event.text = "a\xff";
    assert_encoded(&event, "{\"event\":\"text\",\"text\":\"a\xEF\xBF\xBD\"}\n");
}

static void assert_shown(enum agent_event_kind kind, bool is_partial, const char *expected)
{
    struct agent_event event;
    struct strbuf text;

    agent_event_init(&event, kind);
    event.text = "a\033[31mb\nc";
    event.name = "tool";
    event.is_partial = is_partial;
    strbuf_init(&text, 4096);
    agent_event_show(&event, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
}

static void a_person_sees_text_and_marked_lines_without_escape_sequences(void **state)
{
    (void)state;
    assert_shown(AGENT_TEXT, false, "ab\nc\n");
    assert_shown(AGENT_TEXT, true, "ab\nc");
    assert_shown(AGENT_TOOL_CALL, false, "> tool ab c\n");
    assert_shown(AGENT_TOOL_RESULT, false, "< ab c\n");
    assert_shown(AGENT_QUESTION, false, "? ab c\n");
    assert_shown(AGENT_ERROR, false, "! ab c\n");
    assert_shown(AGENT_EDIT, false, "edited ab c\n");
    assert_shown(AGENT_USAGE, false, "");
    assert_shown(AGENT_DONE, false, "");
}

static void an_edit_is_shown_unless_its_tool_was(void **state)
{
    struct agent_event event;
    struct strbuf text;

    (void)state;
    agent_event_init(&event, AGENT_EDIT);
    event.text = "a.c";
    event.id = "tool1";
    strbuf_init(&text, 4096);
    agent_event_show(&event, &text);
    assert_string_equal(text.data, "");
    strbuf_release(&text);
}

/* The table of keys lies below the agents, so that it repeats their words. */
static void the_words_of_a_map_in_the_configuration_are_kinds_and_failures(void **state)
{
    const struct key *kinds = key_find(LEVEL_MAP_EVENT, "event");
    const struct key *failures = key_find(LEVEL_MAP_EVENT, "failure");

    (void)state;
    for (int kind = 0; kind < AGENT_EVENT_KINDS; kind++) {
        assert_true(words_find(kinds->words, agent_event_name((enum agent_event_kind)kind)) >= 0);
    }
    for (int failure = AGENT_TRANSIENT; failure <= AGENT_TIMEOUT; failure++) {
        const char *name = agent_failure_name((enum agent_failure)failure);

        assert_int_equal(words_find(failures->words, name), failure - AGENT_TRANSIENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_known_is_absent_from_a_line),
        cmocka_unit_test(every_field_survives_the_way_to_a_line_and_back),
        cmocka_unit_test(every_kind_has_a_name_that_is_read_back),
        cmocka_unit_test(a_line_of_something_else_is_no_event),
        cmocka_unit_test(numbers_that_cannot_be_are_not_known),
        cmocka_unit_test(text_that_is_no_utf8_still_makes_a_line),
        cmocka_unit_test(the_words_of_a_map_in_the_configuration_are_kinds_and_failures),
        cmocka_unit_test(a_person_sees_text_and_marked_lines_without_escape_sequences),
        cmocka_unit_test(an_edit_is_shown_unless_its_tool_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
