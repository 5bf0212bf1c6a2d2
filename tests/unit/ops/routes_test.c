/* SPDX-License-Identifier: MIT */
#include "ops/routes.h"

#include "agents/adapter.h"
#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void configure(const struct ops_project *project)
{
    ops_project_write(project, ".fermata/config.yaml",
                      "default_agent: second\n"
                      "agents:\n"
                      "  first: { command: [sh, -c, 'cat >/dev/null; echo ok'] }\n"
                      "  second: { command: [sh, -c, 'cat >/dev/null; exit 1'] }\n"
                      "  gone: { command: [/nowhere/agent] }\n"
                      "  off: { command: [sh, -c, 'true'], enabled: false }\n");
    ops_project_write(
        project, ".fermata/workflows/w.yaml",
        "name: w\n"
        "defaults: { retry: { attempts: 1 } }\n"
        "phases:\n"
        "  - { id: a, optional: true, steps: [{ id: s, agent: second, prompt: Do it }] }\n"
        "  - { id: b, steps: [{ id: t, agent: first, prompt: Do it }] }\n");
}

static struct routes *open_routes(struct ops_project *project)
{
    struct error err = ERROR_INIT;
    struct routes *routes = NULL;

    assert_int_equal(ops_need_config(project->ops, &err), 0);
    if (routes_open(project->ops, "Repair it", "fix", &routes, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return routes;
}

static void a_project_without_runs_gives_the_default_agent(void **state)
{
    struct routes *routes;
    json_t *choice;

    configure(*state);
    routes = open_routes(*state);
    choice = routes_choose(routes, "s", CAN_EDIT);
    assert_string_equal(json_get_text(choice, "agent", ""), "second");
    /* Neither who is not there nor who is switched off. */
    assert_int_equal(json_array_size(json_object_get(choice, "alternatives")), 1);
    json_decref(choice);
    assert_null(routes_choose(routes, "s", CAN_RESUME)); /* no command can */
    routes_free(routes);
}

static void what_was_run_here_decides_and_says_what_it_takes(void **state)
{
    struct routes *routes;
    json_t *answer;

    configure(*state);
    for (int i = 0; i < 5; i++) {
        json_decref(ops_project_call(
            *state, "run",
            json_pack("{s:s, s:s, s:b}", "workflow", "w", "kind", "fix", "fresh", 1)));
    }
    routes = open_routes(*state);
    answer = routes_choose(routes, "s", CAN_EDIT);
    assert_string_equal(json_get_text(answer, "agent", ""), "first");
    assert_null(strstr(json_get_text(answer, "why", ""), "nothing is known"));
    json_decref(answer);
    answer = routes_estimate(routes, "first", NULL);
    assert_int_equal(json_get_integer(answer, "samples", 0), 5);
    assert_non_null(json_object_get(answer, "seconds"));
    assert_null(json_object_get(answer, "tokens"));
    json_decref(answer);
    routes_free(routes);
}

#define TEST_OF(name)                                                                              \
    cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(a_project_without_runs_gives_the_default_agent),
        TEST_OF(what_was_run_here_decides_and_says_what_it_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
