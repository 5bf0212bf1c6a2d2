/* SPDX-License-Identifier: MIT */
#include "ops/experts.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char config[] = "agents: { mine: { type: claude } }\n"
                             "gates: { quick: { commands: [{ run: 'true' }] } }\n"
                             "workflows: { chained: [{ agent: mine, task: implement }] }\n";
static const char minimal[] = "name: w\nphases: [{ id: a, steps: [{ id: s, run: 'true' }] }]\n";

static void get_names(const struct ops_project *project, struct workflow_names *ret_names)
{
    ops_project_write(project, ".fermata/config.yaml", config);
    ops_project_write(project, ".fermata/workflows/w.yaml", minimal);
    ops_project_write(project, ".fermata/experts/near.md", "of the project");
    ops_project_write(project, "user/experts/far.md", "of the user");
    assert_int_equal(ops_need_library(project->ops, NULL), 0);
    assert_int_equal(ops_need_config(project->ops, NULL), 0);
    ops_workflow_names(project->ops, ret_names);
}

static void what_is_there_is_known_by_its_kind(void **state)
{
    static const struct {
        enum outside_kind kind;
        const char *name;
    } rows[] = {
        {OUTSIDE_AGENT, "mine"},       {OUTSIDE_EXPERT, "near"},
        {OUTSIDE_EXPERT, "far"},       {OUTSIDE_EXPERT, "security-expert"},
        {OUTSIDE_FUNCTION, "noop"},    {OUTSIDE_WORKFLOW, "w"},
        {OUTSIDE_WORKFLOW, "chained"}, {OUTSIDE_WORKFLOW, "code-review"},
        {OUTSIDE_GATE, "quick"},
    };
    struct workflow_names names;

    get_names(*state, &names);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(names.has(rows[i].kind, rows[i].name, names.context));
        assert_false(names.has(rows[i].kind, "nothing", names.context));
        assert_false(names.has((rows[i].kind + 1) % 5, rows[i].name, names.context));
    }
}

/* How often the name is among those of its kind. */
static size_t count_listed(const struct workflow_names *names, enum outside_kind kind,
                           const char *name)
{
    struct name_list list = {0};
    size_t count = 0;

    names->list_names(kind, &list, names->context);
    for (size_t i = 0; i < list.count; i++) {
        count += strcmp(list.items[i], name) == 0;
        free(list.items[i]);
    }
    VEC_RELEASE(&list);
    return count;
}

static void everything_that_is_known_is_listed(void **state)
{
    struct workflow_names names;

    get_names(*state, &names);
    assert_int_equal(count_listed(&names, OUTSIDE_AGENT, "mine"), 1);
    assert_int_equal(count_listed(&names, OUTSIDE_EXPERT, "near"), 1);
    assert_int_equal(count_listed(&names, OUTSIDE_EXPERT, "far"), 1);
    assert_int_equal(count_listed(&names, OUTSIDE_EXPERT, "security-expert"), 1);
    assert_int_equal(count_listed(&names, OUTSIDE_FUNCTION, "inventory"), 1);
    assert_int_equal(count_listed(&names, OUTSIDE_WORKFLOW, "w"), 1);
    assert_int_equal(count_listed(&names, OUTSIDE_WORKFLOW, "chained"), 1);
    assert_int_equal(count_listed(&names, OUTSIDE_WORKFLOW, "code-review"), 1);
    assert_int_equal(count_listed(&names, OUTSIDE_GATE, "quick"), 1);
}

static void a_workflow_of_the_configuration_is_near_too(void **state)
{
    struct ops_project *project = *state;
    struct workflow_names names;
    char *nearest;

    get_names(project, &names);
    nearest = ops_nearest_workflow(project->ops, "chaned");
    assert_string_equal(nearest, "chained");
    free(nearest);
    assert_null(ops_nearest_workflow(project->ops, "zzzzzz"));
}

static void a_called_workflow_is_read_once_and_only_when_it_is_valid(void **state)
{
    struct ops_project *project = *state;
    struct workflow_names names;
    const struct workflow *workflow;

    ops_project_write(project, ".fermata/workflows/bad.yaml", "name: bad\n");
    get_names(project, &names);
    workflow = names.find_workflow("w", names.context);
    assert_string_equal(workflow->name, "w");
    assert_ptr_equal(names.find_workflow("w", names.context), workflow);
    assert_null(names.find_workflow("bad", names.context));
    assert_null(names.find_workflow("nothing", names.context));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_there_is_known_by_its_kind, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(everything_that_is_known_is_listed, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_workflow_of_the_configuration_is_near_too,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_called_workflow_is_read_once_and_only_when_it_is_valid,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
