/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "ops/experts.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static json_t *import(struct ops_project *project, const char *from, bool is_dry)
{
    json_t *arguments = json_pack("{s:s, s:b}", "name", "import", "dry_run", is_dry);

    json_put_text(arguments, "from", from);
    return ops_project_call(project, "experts", arguments);
}

static const char *status_of(const json_t *result, const char *name)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(result, "imported"), i, row)
    {
        if (strcmp(json_get_text(row, "name", ""), name) == 0) {
            return json_get_text(row, "status", "");
        }
    }
    return "";
}

static void personas_of_other_programs_become_experts(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, ".claude/agents/rev.md",
                      "---\nname: rev\ndescription: d\ntools: Read\n---\nYou.\n");
    ops_project_write(project, ".opencode/agent/doc.md",
                      "---\nmode: subagent\ncolour: x\n---\nYou.\n");
    ops_project_write(project, ".claude/agents/empty.md", "---\nname: empty\n---\n");
    ops_project_write(project, "AGENTS.md", "Use tabs.\n");
    result = import(project, NULL, true);
    assert_string_equal(status_of(result, "rev"), "imported");
    assert_false(ops_project_has(project, ".fermata/experts/rev.md"));
    json_decref(result);
    result = import(project, NULL, false);
    assert_string_equal(status_of(result, "rev"), "imported");
    assert_string_equal(status_of(result, "doc"), "imported");
    assert_string_equal(status_of(result, "empty"), "refused");
    assert_true(json_get_boolean(result, "has_context", false));
    assert_true(ops_has_expert(project->ops, "rev"));
    assert_true(ops_has_expert(project->ops, "doc"));
    json_decref(result);
    result = import(project, NULL, false);
    assert_string_equal(status_of(result, "rev"), "unchanged");
    json_decref(result);
    result = ops_project_call(project, "experts", json_pack("{s:s}", "name", "rev"));
    assert_string_equal(json_get_text(result, "permission", ""), "read-only");
    json_decref(result);
}

static void nothing_that_is_there_is_replaced(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    ops_project_write(project, "there/rev.md", "You.\n");
    ops_project_write(project, ".fermata/experts/rev.md", "Mine.\n");
    result = import(project, "there", false);
    assert_string_equal(status_of(result, "rev"), "exists");
    json_decref(result);
    result = ops_project_call(project, "experts", json_pack("{s:s}", "name", "rev"));
    assert_string_equal(json_get_text(result, "text", ""), "Mine.\n");
    json_decref(result);
}

static void of_a_folder_with_too_many_files_it_is_told(void **state)
{
    struct ops_project *project = *state;
    const json_t *first;
    json_t *result;

    for (int i = 0; i < 1001; i++) {
        char *name = mem_printf("there/n%d.md", i);

        ops_project_write(project, name, "You.\n");
        free(name);
    }
    result = import(project, "there", true);
    assert_int_equal(json_array_size(json_object_get(result, "imported")), 1001);
    first = json_array_get(json_object_get(result, "imported"), 0);
    assert_string_equal(json_get_text(first, "status", ""), "refused");
    assert_string_equal(json_get_text(first, "error", ""),
                        "it has more than 1000 files; the others were not looked at");
    json_decref(result);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(ops_project_fail(*state, "experts",
                                      json_pack("{s:s, s:s}", "name", "import", "from", "nowhere"),
                                      &err),
                     ERROR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(personas_of_other_programs_become_experts),
        TEST(nothing_that_is_there_is_replaced),
        TEST(of_a_folder_with_too_many_files_it_is_told),
        TEST(a_folder_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
