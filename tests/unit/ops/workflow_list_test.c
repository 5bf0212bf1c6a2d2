/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A project's own of the same name is no part of it: the page is that of the program. */
static void every_built_in_workflow_is_listed_and_drawn(void **state)
{
    json_t *arguments = json_pack("{s:s}", "what", "workflows");
    json_t *list;
    json_t *result;
    const json_t *row;
    const char *text;
    size_t index;
    size_t count = 0;

    ops_project_write(*state, ".fermata/workflows/quick.yaml",
                      "name: quick\ndescription: Of the project\n"
                      "phases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n");
    list = ops_project_call(*state, "workflows", json_object());
    result = ops_project_call(*state, "schema", arguments);
    text = json_get_text(result, "text", "");
    json_array_foreach(json_object_get(list, "workflows"), index, row)
    {
        char heading[120];

        if (strcmp(json_get_text(row, "origin", ""), "built in") != 0) {
            continue;
        }
        count++;
        (void)snprintf(heading, sizeof(heading), "\n### %s\n\n```text\n",
                       json_get_text(row, "name", ""));
        assert_non_null(strstr(text, heading));
    }
    assert_true(count > 22);
    assert_non_null(strstr(text, "\n## analysis\n"));
    assert_null(strstr(text, "Of the project"));
    json_decref(result);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_built_in_workflow_is_listed_and_drawn,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
