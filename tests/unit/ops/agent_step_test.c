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

static const char config_text[] = "agents:\n"
                                  "  there: { command: sh, role: worker }\n"
                                  "  gone: { command: no-such-program-here }\n"
                                  "  off: { command: sh, enabled: false }\n";

static void a_step_gets_the_first_of_its_agents_that_can_be_used(void **state)
{
    struct ops_project *project = *state;
    const char *others[] = {"off", "there"};
    struct step step = {.id = "s", .agent = "gone", .fallback = others, .fallback_count = 2};

    write_config(project, config_text);
    (void)get_agent(project, "there");
    assert_string_equal(agent_find_for_step(project->ops, &step)->name, "there");
    step.fallback_count = 1;
    assert_null(agent_find_for_step(project->ops, &step));
    step.agent = "worker";
    assert_string_equal(agent_find_for_step(project->ops, &step)->name, "there");
    step.agent = NULL;
    assert_string_equal(agent_find_for_step(project->ops, &step)->name, "there");
}

static void assert_refused(struct ops_project *project, const char *agent, const char *text,
                           const char *hint)
{
    const struct step step = {.id = "s", .agent = agent};
    const struct step *steps[] = {&step};
    struct error err = ERROR_INIT;

    assert_int_equal(agent_refuse_steps(project->ops, steps, 1, true, &err), ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.text, text));
    assert_non_null(strstr(err.hint, hint));
    assert_non_null(strstr(err.hint, "--strategy static"));
}

static void a_step_without_an_agent_says_what_to_do(void **state)
{
    struct ops_project *project = *state;

    write_config(project, config_text);
    (void)get_agent(project, "there");
    assert_refused(project, "gone", "gone cannot be used: no-such-program-here is not in PATH",
                   "correct `command`");
    assert_refused(project, "off", "off cannot be used: disabled", "`enabled: false`");
    assert_refused(project, "nobody", "there is none called nobody", "set it up under `agents`");
}

static void of_several_agents_each_is_named_with_what_to_do(void **state)
{
    struct ops_project *project = *state;
    const char *others[] = {"off"};
    const struct step first = {
        .id = "plan", .agent = "gone", .fallback = others, .fallback_count = 1};
    const struct step second = {.id = "review", .agent = "gone"};
    const struct step third = {.id = "write", .agent = "nobody"};
    const struct step *steps[] = {&first, &second, &third};
    struct error err = ERROR_INIT;

    write_config(project, config_text);
    (void)get_agent(project, "there");
    assert_int_equal(agent_refuse_steps(project->ops, steps, 3, false, &err), ERROR_UNAVAILABLE);
    assert_string_equal(err.text,
                        "3 agents are needed that cannot be used: gone (of plan, review): "
                        "no-such-program-here is not in PATH; off (of plan): disabled; "
                        "nobody (of write): there is none called nobody");
    assert_non_null(strstr(err.hint, "gone: correct `command` of it"));
    assert_non_null(strstr(err.hint, "; off: "));
    assert_non_null(strstr(err.hint, "; nobody: set it up under `agents`"));
    assert_int_equal(agent_refuse_steps(project->ops, &steps[1], 1, false, &err),
                     ERROR_UNAVAILABLE);
    assert_memory_equal(err.text, "step review needs", strlen("step review needs"));
}

static void a_dry_run_names_each_agent_once(void **state)
{
    struct ops_project *project = *state;
    json_t *waves = json_pack("[{s:[{s:s, s:s}, {s:s, s:s}]}, {s:[{s:s, s:s}, {s:s, s:s}]}]",
                              "steps", "using", "agent", "what", "there", "using", "command",
                              "what", "gone", "steps", "using", "agent", "what", "worker", "using",
                              "agent", "what", "off");
    json_t *agents;

    write_config(project, config_text);
    (void)get_agent(project, "there");
    agents = agent_describe_used(project->ops, waves);
    assert_int_equal(json_array_size(agents), 2);
    assert_string_equal(json_get_text(json_array_get(agents, 0), "name", ""), "there");
    assert_string_equal(json_get_text(json_array_get(agents, 1), "detail", ""), "disabled");
    json_decref(agents);
    json_decref(waves);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_gets_the_first_of_its_agents_that_can_be_used,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_step_without_an_agent_says_what_to_do, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(of_several_agents_each_is_named_with_what_to_do,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_dry_run_names_each_agent_once, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
