/* SPDX-License-Identifier: MIT */
#include "ops/agent.h"

#include "base/alloc.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char *find(struct ops_project *project, const char *const *env, const char *type,
                  const char *key)
{
    struct agent_config config = {.name = "a", .type = type, .key = key};

    project->settings.environment = env;
    return agent_find_account(project->ops, &config, adapter_find(type));
}

static void assert_found(struct ops_project *project, const char *const *env, const char *type,
                         const char *expected)
{
    char *found = find(project, env, type, NULL);

    if (expected) {
        assert_non_null(found);
        assert_non_null(strstr(found, expected));
    } else {
        assert_null(found);
    }
    free(found);
}

static void a_key_in_the_environment_is_an_account(void **state)
{
    struct ops_project *project = *state;
    const char *const env[] = {"ANTHROPIC_API_KEY=k", "CODEX_API_KEY=", "GH_TOKEN=t", NULL};

    assert_found(project, env, "claude", "ANTHROPIC_API_KEY");
    assert_found(project, env, "codex", NULL);
    assert_found(project, env, "copilot", "GH_TOKEN");
    assert_found(project, env, "opencode", NULL);
    assert_found(project, env, "command", NULL);
    assert_true(agent_knows_accounts("codex"));
    assert_false(agent_knows_accounts("command"));
}

static void so_is_the_file_of_a_login(void **state)
{
    struct ops_project *project = *state;
    char *home = mem_printf("HOME=%s", project->home);
    char *other = mem_printf("CODEX_HOME=%s/other", project->folder);
    const char *env[] = {home, NULL, NULL};

    ops_project_write(project, "home/.codex/auth.json", "{}");
    ops_project_write(project, "home/.local/share/opencode/auth.json", "{}");
    assert_found(project, env, "codex", "/home/.codex/auth.json");
    assert_found(project, env, "opencode", "opencode/auth.json");
    assert_found(project, env, "claude", NULL);
    /* Of another folder, only what lies there counts. */
    env[1] = other;
    assert_found(project, env, "codex", NULL);
    ops_project_write(project, "other/auth.json", "{}");
    assert_found(project, env, "codex", "/other/auth.json");
    free(other);
    free(home);
}

static void the_agents_own_environment_counts_first(void **state)
{
    struct ops_project *project = *state;
    const struct agent_variable own[] = {{"CODEX_API_KEY", "x"}};
    const struct agent_variable none[] = {{"CODEX_API_KEY", ""}};
    struct agent_config config = {.type = "codex", .env = own, .env_count = 1};
    const char *const env[] = {"CODEX_API_KEY=k", NULL};
    char *found;

    project->settings.environment = env;
    assert_string_equal(agent_variable_find(project->ops, &config, "CODEX_API_KEY"), "x");
    config.env = none;
    found = agent_find_account(project->ops, &config, NULL);
    assert_null(found);
}

static void a_configured_key_is_the_only_one(void **state)
{
    struct ops_project *project = *state;
    const char *const env[] = {"ANTHROPIC_API_KEY=k", "HOUSE_KEY=h", NULL};
    char *found = find(project, env, "claude", "env:HOUSE_KEY");

    assert_string_equal(found, "HOUSE_KEY");
    free(found);
    assert_null(find(project, env, "claude", "env:OTHER_KEY"));
    assert_null(find(project, env, "claude", "file:key"));
    ops_project_write(project, "key", "k");
    found = find(project, env, "claude", "file:key");
    assert_non_null(strstr(found, "/key"));
    free(found);
    ops_project_write(project, "home/key", "k");
    found = find(project, env, "claude", "file:~/key");
    assert_non_null(strstr(found, "/home/key"));
    free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_in_the_environment_is_an_account, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(so_is_the_file_of_a_login, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(the_agents_own_environment_counts_first, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_configured_key_is_the_only_one, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
