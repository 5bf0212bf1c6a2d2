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

static const json_t *agent_of(const json_t *result, const char *name)
{
    const json_t *agent;
    size_t i;

    json_array_foreach(json_object_get(result, "agents"), i, agent)
    {
        if (strcmp(json_get_text(agent, "name", ""), name) == 0) {
            return agent;
        }
    }
    fail_msg("no agent %s", name);
    return NULL;
}

static void all_agents_are_listed_with_what_is_known_of_them(void **state)
{
    struct ops_project *project = *state;
    json_t *result;
    const json_t *house;

    ops_project_write(project, ".fermata/config.yaml",
                      "agents:\n"
                      "  house: { command: [sh, -x], role: tester, capabilities: [code],\n"
                      "           model: m, timeout: 5m, description: Our own }\n");
    result = ops_project_call(project, "agents", json_pack("{s:b}", "quick", 1));
    assert_false(json_get_boolean(result, "one", true));
    assert_string_equal(json_get_text(result, "default", ""), "house");
    house = agent_of(result, "house");
    assert_string_equal(json_get_text(house, "state", ""), "ready");
    assert_string_equal(json_get_text(house, "kind", ""), "command");
    assert_string_equal(json_get_text(house, "role", ""), "tester");
    assert_string_equal(json_get_text(house, "description", ""), "Our own");
    assert_true(json_get_boolean(house, "default", false));
    assert_false(json_get_boolean(house, "builtin", true));
    assert_int_equal(json_get_integer(house, "timeout_ms", 0), 300000);
    assert_int_equal(json_array_size(json_object_get(house, "command")), 2);
    assert_true(json_is_boolean(json_object_get(json_object_get(house, "abilities"), "resume")));
    assert_null(json_object_get(house, "used"));
    assert_true(json_get_boolean(agent_of(result, "claude"), "builtin", false));
    json_decref(result);
}

static void one_agent_is_shown_by_name_or_role(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *result;

    ops_project_write(project, ".fermata/config.yaml",
                      "agents: { house: { command: sh, role: tester } }\n");
    result = ops_project_call(project, "agents", json_pack("{s:s}", "name", "tester"));
    assert_true(json_get_boolean(result, "one", false));
    assert_int_equal(json_array_size(json_object_get(result, "agents")), 1);
    (void)agent_of(result, "house");
    json_decref(result);
    assert_int_equal(ops_project_fail(project, "agents", json_pack("{s:s}", "name", "hose"), &err),
                     ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "did you mean house?"));
}

static void every_ability_has_its_word(void **state)
{
    size_t count;
    const struct agent_ability *abilities = agent_abilities(&count);
    unsigned all = 0;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(all & (unsigned)abilities[i].ability, 0);
        all |= (unsigned)abilities[i].ability;
        assert_non_null(abilities[i].help);
    }
    /* CAN_MODEL is the last one. */
    assert_int_equal(all, (unsigned)CAN_MODEL * 2 - 1);
}

static void every_adapter_can_be_configured_by_its_type(void **state)
{
    struct ops_project *project = *state;
    size_t count;
    const struct adapter *const *adapters = adapter_list(&count);

    for (size_t i = 0; i < count; i++) {
        char *text = mem_printf(
            "agents: { x: { type: %s, command: [sh] , endpoint: 'http://x' } }\n",
            adapters[i]->type);
        const struct agent_config *agent = NULL;
        struct error err = ERROR_INIT;

        ops_project_write(project, ".fermata/config.yaml", text);
        ops_project_reopen(project);
        if (ops_find_agent(project->ops, "x", &agent, &err) < 0) {
            fail_msg("%s: %s", adapters[i]->type, err.text);
        }
        assert_string_equal(agent->type, adapters[i]->type);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_agents_are_listed_with_what_is_known_of_them,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(one_agent_is_shown_by_name_or_role, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(every_ability_has_its_word, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(every_adapter_can_be_configured_by_its_type,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
