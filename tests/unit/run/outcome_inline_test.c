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

static json_t *output_of(struct inline_last *last, const struct step *step, const char *text)
{
    struct strbuf output;
    json_t *described;

    strbuf_init(&output, 4096);
    strbuf_add(&output, text);
    described = inline_output(last, step, &output);
    strbuf_release(&output);
    return described;
}

static void steps_that_print_the_same_share_what_is_kept_of_it(void **state)
{
    const struct step json = {.kind = STEP_FUNCTION, .function = "noop"};
    const struct step text = {.kind = STEP_COMMAND};
    struct inline_last last = {0};
    json_t *one = output_of(&last, &json, "1");
    json_t *same = output_of(&last, &json, "1");
    json_t *as_text = output_of(&last, &text, "1");
    json_t *other = output_of(&last, &text, "2");

    (void)state;
    assert_ptr_equal(one, same);
    assert_int_equal(json_get_integer(one, "json", 0), 1);
    assert_string_equal(json_get_text(as_text, "inline", ""), "1");
    assert_string_equal(json_get_text(other, "inline", ""), "2");
    json_decref(one);
    json_decref(same);
    json_decref(as_text);
    json_decref(other);
    inline_last_release(&last);
}

static void what_was_cut_off_passes_for_nothing_that_was_printed_before(void **state)
{
    const struct step text = {.kind = STEP_COMMAND};
    struct inline_last last = {0};
    struct strbuf output;

    (void)state;
    json_decref(output_of(&last, &text, ""));
    strbuf_init(&output, 2);
    strbuf_add(&output, "too long");
    assert_null(inline_output(&last, &text, &output));
    strbuf_release(&output);
    inline_last_release(&last);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_inline_function_gives_its_value_or_its_error),
        TEST(a_large_value_of_an_inline_function_lies_in_a_blob_and_is_an_artifact),
        TEST(a_large_value_without_a_name_is_kept_and_no_artifact),
        TEST(a_large_value_that_does_not_fit_its_schema_is_kept_under_no_name),
        cmocka_unit_test(steps_that_print_the_same_share_what_is_kept_of_it),
        cmocka_unit_test(what_was_cut_off_passes_for_nothing_that_was_printed_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
