/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const json_t *find(const json_t *list, const char *name)
{
    const json_t *row;
    size_t i;

    json_array_foreach(list, i, row)
    {
        if (strcmp(json_get_text(row, "name", ""), name) == 0) {
            return row;
        }
    }
    fail_msg("no row %s", name);
    return NULL;
}

static void the_list_has_the_commands_of_this_project(void **state)
{
    struct ops_project *project = *state;
    const json_t *gates;
    const json_t *check;
    json_t *result;

    ops_project_write(project, "Makefile", "test:\n\ttrue\n");
    result = ops_project_call(project, "gate", json_object());
    gates = json_object_get(result, "gates");
    assert_int_equal(json_array_size(gates), 3);
    check = find(json_object_get(find(gates, "pre-push"), "checks"), "check-tests");
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(check, "commands"), 0), "command", ""),
        "make test");
    check = find(json_object_get(find(gates, "pre-commit"), "checks"), "check-types");
    assert_non_null(
        json_get_text(json_array_get(json_object_get(check, "commands"), 0), "problem", NULL));
    json_decref(result);
}

static void a_gate_of_the_configuration_replaces_a_built_in_one(void **state)
{
    struct ops_project *project = *state;
    const json_t *gates;
    json_t *result;

    ops_project_write(project, ".fermata/config.yaml",
                      "gates:\n  smoke: { commands: [{ run: make smoke }] }\n"
                      "  pre-push: { commands: [{ run: make check, name: all }] }\n");
    ops_project_reopen(project);
    result = ops_project_call(project, "gate", json_object());
    gates = json_object_get(result, "gates");
    assert_int_equal(json_array_size(gates), 4);
    assert_string_equal(json_get_text(find(gates, "smoke"), "origin", ""), "configuration");
    assert_string_equal(
        json_get_text(find(json_object_get(find(gates, "pre-push"), "checks"), "all"), "run", ""),
        "make check");
    assert_string_equal(json_get_text(find(gates, "pre-deploy"), "origin", ""), "built in");
    json_decref(result);
}

static void what_is_no_gate_is_refused(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(
        ops_project_fail(project, "gate", json_pack("{s:s}", "name", "pre-comit"), &err),
        ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "pre-commit"));
    assert_int_equal(ops_project_fail(project, "gate", json_pack("{s:b}", "prove", 1), &err),
                     ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_list_has_the_commands_of_this_project,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_gate_of_the_configuration_replaces_a_built_in_one,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_gate_is_refused, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
