/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "run/live.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void start(struct run_project *project, const char *step)
{
    char *text = mem_printf("name: w\nphases:\n  - id: a\n    steps:\n      - %s\n", step);

    (void)run_project_run(project, text);
    free(text);
}

static void an_inline_function_gives_its_value_or_its_error(void **state)
{
    struct run_project *project = *state;
    const json_t *ended;

    start(project, "{ id: s, use: noop, with: { value: x } }");
    ended = run_project_find(project, "step_done", "s", 0);
    assert_string_equal(json_get_text(json_object_get(ended, "output"), "json", ""), "x");
    start(project, "{ id: s, use: noop, with: { value: x }, schema: { type: integer } }");
    ended = run_project_find(project, "attempt_ended", "s", 0);
    assert_string_equal(json_get_text(ended, "class", ""), "permanent");
}

/* The record that names it comes after it. */
static void a_large_value_of_an_inline_function_lies_in_a_blob_and_is_an_artifact(void **state)
{
    struct run_project *project = *state;
    char *value = mem_alloc(3001);
    char *step;
    char *text = NULL;
    size_t length = 0;
    const json_t *ended;
    const char *digest;

    memset(value, 'x', 3000);
    value[3000] = '\0';
    step = mem_printf("{ id: s, use: noop, with: { value: %s }, output: big.json }", value);
    start(project, step);
    ended = run_project_find(project, "attempt_ended", "s", 0);
    digest = json_get_text(json_object_get(ended, "output"), "digest", "");
    assert_int_equal(engine_load_blob(project->engine, digest, &text, &length), 0);
    assert_int_equal(length, 3002);
    assert_memory_equal(text + 1, value, 3000);
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(ended, "artifacts"), 0), "name", ""),
        "big.json");
    assert_string_equal(run_project_status(project, project->id), "completed");
    free(text);
    free(step);
    free(value);
}

static void start_large_noop(struct run_project *project, const char *more)
{
    char *value = mem_alloc(3001);
    char *step;

    memset(value, 'x', 3000);
    value[3000] = '\0';
    step = mem_printf("{ id: s, use: noop, with: { value: %s }, retry: { attempts: 1 }%s }", value,
                      more);
    start(project, step);
    free(step);
    free(value);
}

static void a_large_value_without_a_name_is_kept_and_no_artifact(void **state)
{
    struct run_project *project = *state;
    const json_t *ended;
    char *text = NULL;

    start_large_noop(project, "");
    ended = run_project_find(project, "attempt_ended", "s", 0);
    assert_int_equal(engine_load_blob(project->engine,
                                      json_get_text(json_object_get(ended, "output"), "digest", ""),
                                      &text, NULL),
                     0);
    assert_int_equal(strlen(text), 3002);
    assert_int_equal(json_array_size(json_object_get(ended, "artifacts")), 0);
    assert_string_equal(run_project_status(project, project->id), "completed");
    free(text);
}

static void a_large_value_that_does_not_fit_its_schema_is_kept_under_no_name(void **state)
{
    struct run_project *project = *state;
    const json_t *ended;
    char *path;

    start_large_noop(project, ", output: big.json, schema: { type: integer }");
    ended = run_project_find(project, "attempt_ended", "s", 0);
    assert_string_equal(json_get_text(ended, "class", ""), "permanent");
    assert_int_equal(json_array_size(json_object_get(ended, "artifacts")), 0);
    path = mem_printf(".fermata/workflows/%s/big.json", project->id);
    assert_false(run_project_has(project, path));
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_inline_function_gives_its_value_or_its_error),
        TEST(a_large_value_of_an_inline_function_lies_in_a_blob_and_is_an_artifact),
        TEST(a_large_value_without_a_name_is_kept_and_no_artifact),
        TEST(a_large_value_that_does_not_fit_its_schema_is_kept_under_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
