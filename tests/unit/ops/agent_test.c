/* SPDX-License-Identifier: MIT */
#include "ops/agent.h"

#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void write_config(struct ops_project *project, const char *text)
{
    ops_project_write(project, ".fermata/config.yaml", text);
    ops_project_reopen(project);
}

static const struct agent_config *get_agent(struct ops_project *project, const char *name)
{
    const struct agent_config *agent = NULL;
    struct error err = ERROR_INIT;

    if (ops_find_agent(project->ops, name, &agent, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return agent;
}

static void assert_state(struct ops_project *project, const char *name, enum agent_state expected,
                         const char *hint)
{
    struct agent_facts facts;

    agent_facts_init(project->ops, get_agent(project, name), &facts);
    assert_int_equal(facts.state, expected);
    assert_non_null(facts.detail);
    if (hint) {
        assert_non_null(facts.hint);
        assert_non_null(strstr(facts.hint, hint));
    }
    assert_true(ops_is_agent_usable(project->ops, facts.config) ==
                (expected == AGENT_READY || expected == AGENT_UNSURE));
    agent_facts_release(&facts);
}

static void a_command_is_ready_when_its_program_is_there(void **state)
{
    struct ops_project *project = *state;

    write_config(project, "agents:\n"
                          "  there: { command: sh }\n"
                          "  gone: { command: no-such-program-here }\n"
                          "  off: { command: sh, enabled: false }\n");
    assert_state(project, "there", AGENT_READY, NULL);
    assert_state(project, "gone", AGENT_LACKING, "correct `command`");
    assert_state(project, "off", AGENT_DISABLED, "`enabled: false`");
}

static void the_default_is_the_first_of_the_configuration_that_is_ready(void **state)
{
    struct ops_project *project = *state;

    write_config(project, "agents:\n"
                          "  off: { command: sh, enabled: false }\n"
                          "  gone: { command: no-such-program-here }\n"
                          "  first: { command: sh }\n"
                          "  second: { command: sh }\n");
    (void)get_agent(project, "first");
    assert_string_equal(ops_default_agent(project->ops), "first");
    assert_string_equal(ops_default_agent(project->ops), "first");
}

static void a_configured_default_stays_even_where_it_is_not_there(void **state)
{
    struct ops_project *project = *state;

    write_config(project, "default_agent: gone\n"
                          "agents:\n"
                          "  gone: { command: no-such-program-here }\n"
                          "  first: { command: sh }\n");
    (void)get_agent(project, "first");
    assert_string_equal(ops_default_agent(project->ops), "gone");
}

static void without_any_program_there_is_no_default(void **state)
{
    struct ops_project *project = *state;
    const char *const env[] = {"PATH=/nowhere", NULL};

    project->settings.environment = env;
    ops_project_reopen(project);
    (void)get_agent(project, "ollama");
    assert_null(ops_default_agent(project->ops));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_command_is_ready_when_its_program_is_there,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_default_is_the_first_of_the_configuration_that_is_ready,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_configured_default_stays_even_where_it_is_not_there,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(without_any_program_there_is_no_default, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
