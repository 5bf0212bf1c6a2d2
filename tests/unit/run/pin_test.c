/* SPDX-License-Identifier: MIT */
#include "run/run.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"
#include "results/results.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char leaf[] = "name: leaf\nphases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n";

static json_t *pin(struct run_project *project, const char *text, int wanted, struct error *err)
{
    struct workflow *workflow = run_project_parse(text);
    json_t *calls = NULL;

    assert_int_equal(run_pin_calls(&project->options, workflow, &calls, err), wanted);
    workflow_free(workflow);
    return calls;
}

static void assert_kept(const struct run_project *project, const json_t *calls, const char *name,
                        const char *text)
{
    char *blobs = path_join(project->folder, "blobs");
    char *kept = NULL;

    assert_int_equal(
        blob_get(blobs, json_get_text(calls, name, ""), WORKFLOW_BYTES_MAX, &kept, NULL, NULL), 0);
    assert_string_equal(kept, text);
    free(kept);
    free(blobs);
}

static void what_is_called_and_what_that_calls_is_kept(void **state)
{
    static const char middle[] = "name: middle\nphases: [{ id: p, steps: [{ id: s, workflow: leaf "
                                 "}, { id: t, workflow: leaf }] }]\n";
    struct run_project *project = *state;
    json_t *calls;

    run_project_write(project, "workflows/middle.yaml", middle);
    run_project_write(project, "workflows/leaf.yaml", leaf);
    calls = pin(project, "name: top\nphases: [{ id: p, steps: [{ id: s, workflow: middle }] }]\n",
                0, NULL);
    assert_int_equal(json_object_size(calls), 2);
    assert_kept(project, calls, "middle", middle);
    assert_kept(project, calls, "leaf", leaf);
    json_decref(calls);
}

static void fix_steps_call_as_well(void **state)
{
    struct run_project *project = *state;
    json_t *calls;

    run_project_write(project, "workflows/leaf.yaml", leaf);
    calls = pin(project,
                "name: top\nphases:\n  - id: p\n    mode: adaptive\n"
                "    steps: [{ id: s, run: 'true' }]\n    fix: [{ id: f, workflow: leaf }]\n",
                0, NULL);
    assert_kept(project, calls, "leaf", leaf);
    json_decref(calls);
}

static void a_workflow_that_calls_itself_is_kept_once(void **state)
{
    static const char text[] = "name: again\nphases: [{ id: p, steps: [{ id: s, workflow: again, "
                               "when: 'false' }] }]\n";
    struct run_project *project = *state;
    json_t *calls;

    run_project_write(project, "workflows/again.yaml", text);
    calls = pin(project, text, 0, NULL);
    assert_int_equal(json_object_size(calls), 1);
    assert_kept(project, calls, "again", text);
    json_decref(calls);
}

static void who_calls_nothing_has_nothing_to_keep(void **state)
{
    struct run_project *project = *state;

    assert_null(pin(project, leaf, 0, NULL));
    assert_false(run_project_has(project, ".fermata/blobs"));
}

static void what_cannot_be_read_is_an_error_that_names_who_calls_it(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    assert_null(pin(project, "name: top\nphases: [{ id: p, steps: [{ id: s, workflow: gone }] }]\n",
                    ERROR_NOT_FOUND, &err));
    assert_non_null(strstr(err.text, "step s of workflow top"));
    assert_non_null(strstr(err.text, "gone"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_called_and_what_that_calls_is_kept),
        TEST(fix_steps_call_as_well),
        TEST(a_workflow_that_calls_itself_is_kept_once),
        TEST(who_calls_nothing_has_nothing_to_keep),
        TEST(what_cannot_be_read_is_an_error_that_names_who_calls_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
