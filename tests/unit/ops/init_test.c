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

static void the_example_is_a_valid_configuration_also_when_uncommented(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    char *text = NULL;
    json_t *agents = NULL;
    struct config *config = NULL;
    struct problems *problems = mem_zero(1, sizeof(*problems));

    assert_int_equal(ops_config_example(project->ops, &text, &agents, &err), 0);
    assert_non_null(strstr(text, "# default_agent:"));
    assert_int_equal(
        config_parse(&(struct config_texts){text, "t", NULL, NULL, NULL}, &config, problems, &err),
        0);
    assert_int_equal(problems->count, 0);
    config_free(config);
    json_decref(agents);
    free(problems);
    free(text);
}

static void what_was_found_is_named_and_no_secret(void **state)
{
    struct ops_project *project = *state;
    const char *const env[] = {"PATH=/usr/bin:/bin", "ANTHROPIC_API_KEY=very-secret", NULL};
    struct error err = ERROR_INIT;
    char *text = NULL;
    json_t *agents = NULL;

    ops_project_write(project, "user/config.yaml",
                      "agents: { house: { command: sh, description: Our own } }\n");
    project->settings.environment = env;
    ops_project_reopen(project);
    assert_int_equal(ops_config_example(project->ops, &text, &agents, &err), 0);
    assert_non_null(strstr(text, "#   house"));
    assert_non_null(strstr(text, "# default_agent: house"));
    assert_null(strstr(text, "very-secret"));
    assert_int_equal(json_array_size(agents), 1);
    assert_string_equal(json_string_value(json_array_get(agents, 0)), "house");
    json_decref(agents);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_example_is_a_valid_configuration_also_when_uncommented,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_was_found_is_named_and_no_secret, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
