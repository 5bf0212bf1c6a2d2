/* SPDX-License-Identifier: MIT */
#include "ops/internal.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void configure(struct ops_project *project)
{
    ops_project_write(project, ".fermata/config.yaml",
                      "agents:\n"
                      "  there: { type: command, command: [sh, -c, 'cat >/dev/null; echo it'] }\n"
                      "  away: { type: command, command: [no-such-program] }\n"
                      "  off: { type: command, command: [sh], enabled: false }\n");
    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: a, agent: there, prompt: Go },\n"
                      "            { id: b, agent: away, prompt: Go },\n"
                      "            { id: c, agent: away, prompt: Go, static: { run: 'true' } }]\n");
    ops_project_reopen(project);
}

static void who_cannot_be_used_here_is_not_there(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;

    configure(project);
    assert_int_equal(ops_need_config(project->ops, &err), 0);
    assert_true(ops_has_agent(project->ops, "there"));
    assert_false(ops_has_agent(project->ops, "away"));
    assert_false(ops_has_agent(project->ops, "off"));
    assert_false(ops_has_agent(project->ops, "unknown"));
}

static void a_bridged_run_asks_for_those_who_are_not_there_and_only_them(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    const json_t *requests;
    json_t *run;

    configure(project);
    assert_int_equal(ops_project_fail(project, "run", json_pack("{s:s}", "workflow", "w"), &err),
                     ERROR_UNAVAILABLE);
    run = ops_project_call(project, "run", json_pack("{s:s, s:b}", "workflow", "w", "bridge", 1));
    requests = json_object_get(run, "host");
    assert_int_equal(json_array_size(requests), 2);
    assert_string_equal(json_get_text(json_array_get(requests, 0), "step", ""), "b");
    assert_string_equal(json_get_text(json_array_get(requests, 1), "step", ""), "c");
    assert_null(json_object_get(json_array_get(requests, 0), "problem"));
    json_decref(run);
}

static void a_wrong_response_is_refused_before_anything_changes(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *run;
    FILE *file;

    configure(project);
    run = ops_project_call(project, "run", json_pack("{s:s, s:b}", "workflow", "w", "bridge", 1));
    file = fopen(json_get_text(json_array_get(json_object_get(run, "host"), 0), "response", ""),
                 "w");
    assert_non_null(file);
    assert_true(fputs("{", file) >= 0);
    assert_int_equal(fclose(file), 0);
    json_decref(run);
    assert_int_equal(ops_project_fail(project, "resume", json_object(), &err), ERROR_VALIDATION);
    assert_non_null(strstr(err.text, ".agent-response-p-b.json:1:"));
    run = ops_project_call(project, "status", json_object());
    assert_string_equal(json_get_text(run, "reason", ""), "host");
    json_decref(run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_cannot_be_used_here_is_not_there),
        TEST(a_bridged_run_asks_for_those_who_are_not_there_and_only_them),
        TEST(a_wrong_response_is_refused_before_anything_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
