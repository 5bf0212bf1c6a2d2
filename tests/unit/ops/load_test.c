/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "ops/internal.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char minimal[] = "name: mine\nphases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n";

static void names_and_files_are_told_apart(void **state)
{
    (void)state;
    assert_true(ops_is_file_name("a.yaml"));
    assert_true(ops_is_file_name("a.yml"));
    assert_true(ops_is_file_name("./a"));
    assert_false(ops_is_file_name("a"));
    assert_false(ops_is_file_name(".yaml"));
}

static void a_workflow_comes_by_name_by_file_and_from_the_configuration(void **state)
{
    struct ops_project *project = *state;
    struct workflow *workflow;

    ops_project_write(project, ".fermata/workflows/mine.yaml", minimal);
    ops_project_write(project, "other.yaml", minimal);
    assert_int_equal(ops_load_workflow(project->ops, "mine", &workflow, NULL), 0);
    workflow_free(workflow);
    assert_int_equal(ops_load_workflow(project->ops, "other.yaml", &workflow, NULL), 0);
    assert_string_equal(workflow->file, "other.yaml");
    workflow_free(workflow);
    assert_int_equal(ops_load_workflow(project->ops, "code-review", &workflow, NULL), 0);
    workflow_free(workflow);
}

static void what_is_not_there_is_told_with_the_nearest_name(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    struct workflow *workflow = NULL;

    ops_project_write(project, ".fermata/workflows/mine.yaml", minimal);
    assert_int_equal(ops_load_workflow(project->ops, "mime", &workflow, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "mine"));
    assert_int_equal(ops_load_workflow(project->ops, "./no.yaml", &workflow, &err),
                     ERROR_NOT_FOUND);
    assert_null(workflow);
}

static void errors_of_a_definition_rise_with_their_places(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    struct workflow *workflow = NULL;

    ops_project_write(project, "bad.yaml", "name: bad\nphases: [{ id: a, stepz: [] }]\n");
    assert_int_equal(ops_load_workflow(project->ops, "bad.yaml", &workflow, &err),
                     ERROR_VALIDATION);
    assert_non_null(strstr(err.text, "bad.yaml:2:"));
    assert_non_null(strstr(err.hint, "fermata validate bad.yaml"));
}

static void errors_that_do_not_fit_are_counted_and_none_is_cut(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    struct workflow *workflow = NULL;
    const char *last;
    struct strbuf text;

    strbuf_init(&text, 10000);
    strbuf_add(&text, "name: bad\nphases:\n- id: a\n  steps:\n");
    for (int i = 0; i < 50; i++) {
        strbuf_addf(&text, "  - { id: s%d, run: x, nothing-that-is-known: y }\n", i);
    }
    ops_project_write(project, "bad.yaml", text.data);
    strbuf_release(&text);
    assert_int_equal(ops_load_workflow(project->ops, "bad.yaml", &workflow, &err),
                     ERROR_VALIDATION);
    assert_non_null(strstr(err.text, "has 50 errors\nbad.yaml:5:"));
    last = strrchr(err.text, '\n');
    assert_int_equal(strncmp(last, "\n... and 3", 10), 0);
    assert_int_equal(last[-1], '"');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_and_files_are_told_apart, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_workflow_comes_by_name_by_file_and_from_the_configuration,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_told_with_the_nearest_name,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(errors_of_a_definition_rise_with_their_places,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(errors_that_do_not_fit_are_counted_and_none_is_cut,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
