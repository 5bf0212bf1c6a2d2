/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define PHASES "phases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n"
#define CONFIG ".fermata/config.yaml"

static void write_workflows(const struct ops_project *project)
{
    ops_project_write(project, ".fermata/workflows/house/paid.yaml",
                      "name: house/paid\ntier: team\n" PHASES);
    ops_project_write(project, ".fermata/workflows/plain.yaml", "name: plain\n" PHASES);
    ops_project_write(project, ".fermata/workflows/outer.yaml",
                      "name: outer\nphases: [{ id: p, steps: [{ id: s, workflow: middle }] }]\n");
    ops_project_write(project, ".fermata/workflows/middle.yaml",
                      "name: middle\n"
                      "phases: [{ id: p, steps: [{ id: s, workflow: house/paid }] }]\n");
}

static json_t *dry(const char *workflow, const char *tier)
{
    json_t *arguments = json_pack("{s:s, s:b}", "workflow", workflow, "dry_run", 1);

    json_put_text(arguments, "tier", tier);
    return arguments;
}

static void set(struct ops_project *project, const char *config)
{
    char *text = mem_printf("entitlement: { %s }\n", config);

    ops_project_write(project, CONFIG, text);
    ops_project_reopen(project);
    free(text);
}

static void set_answer(struct ops_project *project, const char *script)
{
    char *path = mem_printf("%s/answer", project->folder);
    char *config = mem_printf("mode: server, command: [%s]", path);

    ops_project_write(project, "answer", script);
    assert_int_equal(chmod(path, 0700), 0);
    set(project, config);
    free(config);
    free(path);
}

static void allow(struct ops_project *project, const char *workflow, const char *tier)
{
    json_decref(ops_project_call(project, "run", dry(workflow, tier)));
}

static void forbid(struct ops_project *project, json_t *arguments, int code, const char *text)
{
    struct error err = ERROR_INIT;

    assert_int_equal(ops_project_fail(project, "run", arguments, &err), code);
    if (!strstr(err.text, text)) {
        fail_msg("%s", err.text);
    }
    assert_true(*err.hint);
}

static void a_tier_above_the_set_one_is_refused_with_its_place(void **state)
{
    struct ops_project *project = *state;

    write_workflows(project);
    allow(project, "house/paid", NULL);
    set(project, "tier: pro");
    allow(project, "plain", NULL);
    forbid(project, dry("house/paid", NULL), ERROR_CONFLICT,
           "workflow house/paid needs the tier team, and ");
    forbid(project, dry("house/paid", NULL), ERROR_CONFLICT, "config.yaml:1:22 allows pro");
    allow(project, "house/paid", "team");
    forbid(project, dry("house/paid", "free"), ERROR_CONFLICT, "--tier allows free");
}

static void what_a_workflow_calls_counts_as_well(void **state)
{
    struct ops_project *project = *state;

    write_workflows(project);
    set(project, "tier: free");
    forbid(project, dry("outer", NULL), ERROR_CONFLICT,
           "workflow house/paid, which outer may call, needs the tier team");
}

static void a_server_allows_what_it_names_and_no_more(void **state)
{
    struct ops_project *project = *state;

    write_workflows(project);
    set_answer(project, "#!/bin/sh\necho team\n");
    allow(project, "house/paid", NULL);
    allow(project, "outer", NULL);
    forbid(project, dry("house/paid", "pro"), ERROR_CONFLICT, "--tier allows pro");
    set_answer(project, "#!/bin/sh\necho pro\n");
    forbid(project, dry("house/paid", NULL), ERROR_CONFLICT, "answer allows pro");
    forbid(project, dry("house/paid", "enterprise"), ERROR_CONFLICT, "answer allows pro");
}

static void no_key_is_in_an_answer_that_is_shown(void **state)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "OPENAI_API_KEY=canary-key",
                                              NULL};
    struct ops_project *project = *state;

    write_workflows(project);
    project->settings.environment = environment;
    set_answer(project, "#!/bin/sh\necho no tier for $OPENAI_API_KEY\n");
    forbid(project, dry("house/paid", NULL), ERROR_UNAVAILABLE,
           "printed \"no tier for [key OPENAI_API_KEY]\"");
}

static void without_an_answer_nothing_above_free_is_allowed(void **state)
{
    static const char *const answers[][2] = {
        {"#!/bin/sh\necho team; exit 3\n", "ended with exit status 3"},
        {"#!/bin/sh\necho team or so\n", "printed \"team or so\", which is no tier"},
        {"#!/bin/sh\n", "printed nothing"},
        {"#!/bin/sh\nkill -9 $$\n", "was ended by a signal"},
    };
    struct ops_project *project = *state;

    write_workflows(project);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        set_answer(project, answers[i][0]);
        forbid(project, dry("house/paid", NULL), ERROR_UNAVAILABLE, answers[i][1]);
        allow(project, "plain", NULL);
    }
    set(project, "mode: server, command: [/nowhere/at/all]");
    forbid(project, dry("house/paid", NULL), ERROR_UNAVAILABLE, "/nowhere/at/all is not there");
}

static const json_t *find_row(const json_t *result, const char *name)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(result, "workflows"), i, row)
    {
        if (strcmp(json_get_text(row, "name", ""), name) == 0) {
            return row;
        }
    }
    return NULL;
}

static void the_list_says_what_is_allowed_and_asks_nobody(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    write_workflows(project);
    set(project, "tier: pro");
    result = ops_project_call(project, "workflows", json_object());
    assert_true(json_is_false(json_object_get(find_row(result, "house/paid"), "entitled")));
    assert_true(json_is_true(json_object_get(find_row(result, "plain"), "entitled")));
    assert_string_equal(json_get_text(json_object_get(result, "entitlement"), "tier", ""), "pro");
    json_decref(result);
    result = ops_project_call(project, "workflows", json_pack("{s:s}", "tier", "team"));
    assert_true(json_is_true(json_object_get(find_row(result, "house/paid"), "entitled")));
    json_decref(result);
    set_answer(project, "#!/bin/sh\ntouch \"$0.asked\"\necho team\n");
    result = ops_project_call(project, "workflows", json_object());
    assert_true(json_is_null(json_object_get(find_row(result, "house/paid"), "entitled")));
    assert_true(json_is_true(json_object_get(find_row(result, "plain"), "entitled")));
    json_decref(result);
    assert_false(ops_project_has(project, "answer.asked"));
}

static void validate_warns_at_the_line_of_the_tier(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    write_workflows(project);
    set(project, "tier: pro");
    result = ops_project_call(project, "validate", json_pack("{s:[s]}", "name", "house/paid"));
    assert_int_equal(json_get_integer(result, "errors", -1), 0);
    assert_int_equal(json_get_integer(result, "warnings", -1), 1);
    assert_non_null(strstr(json_get_text(result, "text", ""),
                           "paid.yaml:2:1: warning: it needs the tier team, and "));
    json_decref(result);
}

static void a_folder_of_workflows_is_listed_as_a_pack(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *result;

    write_workflows(project);
    result = ops_project_call(project, "workflows", json_pack("{s:s}", "name", "house"));
    assert_int_equal(json_array_size(json_object_get(result, "workflows")), 1);
    assert_non_null(find_row(result, "house/paid"));
    json_decref(result);
    assert_int_equal(ops_project_fail(project, "run", dry("house", NULL), &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "house is a pack"));
    err = (struct error)ERROR_INIT;
    assert_int_equal(ops_project_fail(project, "run", dry("house/pad", NULL), &err),
                     ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "did you mean house/paid?"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tier_above_the_set_one_is_refused_with_its_place),
        TEST(what_a_workflow_calls_counts_as_well),
        TEST(a_server_allows_what_it_names_and_no_more),
        TEST(no_key_is_in_an_answer_that_is_shown),
        TEST(without_an_answer_nothing_above_free_is_allowed),
        TEST(the_list_says_what_is_allowed_and_asks_nobody),
        TEST(validate_warns_at_the_line_of_the_tier),
        TEST(a_folder_of_workflows_is_listed_as_a_pack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
