/* SPDX-License-Identifier: MIT */
#include "workflow/config.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct config *parse(const char *text)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct config *config = NULL;

    assert_int_equal(config_parse(&(struct config_texts){text, "project", NULL, NULL, NULL},
                                  &config, problems, NULL),
                     0);
    free(problems);
    return config;
}

static void assert_asked(const struct config *config, const struct step *step, const char *expected)
{
    struct step_agents agents;
    char text[256] = "";

    config_list_agents(config, step, &agents);
    for (size_t i = 0; i < agents.count; i++) {
        size_t length = strlen(text);

        (void)snprintf(text + length, sizeof(text) - length, "%s%s", i ? " " : "",
                       agents.names[i] ? agents.names[i] : "-");
    }
    assert_string_equal(text, expected);
}

#define AGENTS "agents: { a: { command: x, role: writer }, b: { command: x }, c: { command: x } }\n"

static void a_step_asks_its_own_agents_before_those_of_the_settings(void **state)
{
    static const char *const fallback[] = {"b", "a", "b", "writer", "c"};
    struct config *config = parse(AGENTS "settings: { fallback: { map: { a: c } } }\n");

    (void)state;
    assert_asked(config, &(struct step){.agent = "a", .fallback = fallback, .fallback_count = 5},
                 "a b c");
    assert_asked(config, &(struct step){.agent = "a"}, "a c");
    assert_asked(config, &(struct step){.agent = "b"}, "b");
    assert_asked(config, &(struct step){0}, "-");
    assert_asked(NULL, &(struct step){.agent = "a"}, "a");
    config_free(config);
}

static void the_map_outweighs_its_short_form_and_a_circle_ends(void **state)
{
    struct config *config = parse(AGENTS "default_agent: a\n"
                                         "settings: { fallback: { a: c, map: { a: b, b: a } } }\n");

    (void)state;
    assert_asked(config, &(struct step){0}, "a b");
    config_free(config);
}

static void stand_ins_that_are_switched_off_are_not_asked(void **state)
{
    struct config *config = parse(AGENTS
                                  "settings: { fallback: { enabled: false, map: { a: b } } }\n");

    (void)state;
    assert_asked(config, &(struct step){.agent = "a"}, "a");
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_asks_its_own_agents_before_those_of_the_settings),
        cmocka_unit_test(the_map_outweighs_its_short_form_and_a_circle_ends),
        cmocka_unit_test(stand_ins_that_are_switched_off_are_not_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
