/* SPDX-License-Identifier: MIT */
#include "workflow/config.h"
#include "workflow/workflow.h"

#include "support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define TEXT "name: w\nphases: [{ id: a, gate: mine }, { id: b, gate: pre-push }]\n"

static const char configuration[] =
    "gates:\n"
    "  mine:\n"
    "    description: \"say \\\"so\\\", ü\"\n"
    "    allow_skip: false\n"
    "    commands:\n"
    "      - { run: \"make check\\nmake more\", exit_status: 3, tests_min: 4, coverage_min: 80.5,\n"
    "          timeout: 90s, junit: a/b.xml }\n"
    "      - { name: lint, use: check-lint, with: { a: '${{ run.id }}', b: 12 } }\n";

static const struct gate *find_gate(const char *name, void *context)
{
    return config_find_gate(context, name);
}

static struct config *read_configuration(void)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    struct config *config = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(
        config_parse(&(struct config_texts){configuration, "config.yaml", NULL, NULL, NULL},
                     &config, problems, &err),
        0);
    free(problems);
    return config;
}

/* TEXT, read with the configuration. */
static struct parsed parse_with_configuration(void)
{
    struct config *config = read_configuration();
    struct workflow_names names = {.find_gate = find_gate, .context = config};
    struct parsed parsed = parse_bytes(TEXT, strlen(TEXT), &names);

    config_free(config);
    assert_string_equal(parsed.messages, "");
    return parsed;
}

static void the_text_of_a_workflow_alone_gives_its_configured_gates_again(void **state)
{
    static const struct workflow_names none = {0};
    struct parsed first = parse_with_configuration();
    const struct workflow *pinned = first.workflow;
    struct parsed again = parse_bytes(pinned->text, pinned->text_length, &none);
    const struct gate *gate;

    (void)state;
    assert_string_equal(again.messages, "");
    gate = again.workflow->phases[0].gate;
    assert_string_equal(gate->name, "mine");
    assert_string_equal(gate->description, "say \"so\", ü");
    assert_false(gate->allow_skip);
    assert_int_equal(gate->check_count, 2);
    assert_string_equal(gate->checks[0].command, "make check\nmake more");
    assert_int_equal(gate->checks[0].exit_status, 3);
    assert_int_equal(gate->checks[0].tests_min, 4);
    assert_true(gate->checks[0].coverage_min > 80.4 && gate->checks[0].coverage_min < 80.6);
    assert_int_equal(gate->checks[0].timeout_ms, 90000);
    assert_string_equal(gate->checks[0].junit, "a/b.xml");
    assert_string_equal(gate->checks[1].name, "lint");
    assert_string_equal(gate->checks[1].function, "check-lint");
    assert_int_equal(gate->checks[1].with_count, 2);
    assert_int_equal(gate->checks[1].tests_min, -1);
    assert_string_equal(again.workflow->digest, pinned->digest);
    assert_string_equal(again.workflow->text, pinned->text);
    parsed_release(&first);
    parsed_release(&again);
}

static void the_text_begins_with_what_its_author_wrote(void **state)
{
    struct parsed parsed = parse_with_configuration();

    (void)state;
    assert_memory_equal(parsed.workflow->text, TEXT, strlen(TEXT));
    assert_int_equal(parsed.workflow->text_length, strlen(parsed.workflow->text));
    parsed_release(&parsed);
}

static void without_configured_gates_the_text_stays_as_it_is(void **state)
{
    static const char text[] = "name: w\nphases: [{ id: a, gate: pre-push }]\n";
    struct config *config = read_configuration();
    struct workflow_names names = {.find_gate = find_gate, .context = config};
    struct parsed parsed = parse_bytes(text, strlen(text), &names);

    (void)state;
    assert_string_equal(parsed.workflow->text, text);
    parsed_release(&parsed);
    config_free(config);
}

static void a_gate_that_was_pinned_goes_before_todays_configuration(void **state)
{
    struct config *config = read_configuration();
    struct workflow_names names = {.find_gate = find_gate, .context = config};
    static const char text[] = TEXT "\n# gates of the configuration: "
                                    "{\"gates\":{\"mine\":{\"commands\":[{\"run\":\"old\"}]}}}\n";
    struct parsed parsed = parse_bytes(text, strlen(text), &names);

    (void)state;
    assert_string_equal(parsed.messages, "");
    assert_string_equal(parsed.workflow->phases[0].gate->checks[0].command, "old");
    assert_string_equal(parsed.workflow->text, text);
    parsed_release(&parsed);
    config_free(config);
}

static void a_pinned_gate_is_checked_like_any_other(void **state)
{
    static const struct workflow_names none = {0};
    static const char text[] = TEXT
        "\n# gates of the configuration: {\"gates\":{\"mine\":{\"comands\":[]}}}\n";
    struct parsed parsed = parse_bytes(text, strlen(text), &none);

    (void)state;
    assert_null(parsed.workflow);
    assert_non_null(strstr(parsed.messages, "comands"));
    parsed_release(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_of_a_workflow_alone_gives_its_configured_gates_again),
        cmocka_unit_test(the_text_begins_with_what_its_author_wrote),
        cmocka_unit_test(without_configured_gates_the_text_stays_as_it_is),
        cmocka_unit_test(a_gate_that_was_pinned_goes_before_todays_configuration),
        cmocka_unit_test(a_pinned_gate_is_checked_like_any_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
