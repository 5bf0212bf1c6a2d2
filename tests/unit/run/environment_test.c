/* SPDX-License-Identifier: MIT */
#include "run/environment.h"

#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const char *const own_patterns[] = {"MINE", "A*C*E"};
static const char *const all_patterns[] = {"OF_ALL_*"};
static const char *const acp_command[] = {"npx", "@agentclientprotocol/claude-agent-acp"};
static const char *const plain_command[] = {"/opt/claudette"};

enum { CLAUDE, CODEX, COMMAND, ACP, GROQ, ELSEWHERE, SERVED };

static const struct agent_config agents[] = {
    [CLAUDE] = {.name = "claude", .type = "claude", .is_builtin = true},
    [CODEX] = {.name = "work", .type = "codex", .key = "env:KEY_OF_WORK", .names_key = true},
    [COMMAND] = {.name = "house",
                 .type = "command",
                 .command = plain_command,
                 .command_count = 1,
                 .pass_env = own_patterns,
                 .pass_env_count = ARRAY_LEN(own_patterns)},
    [ACP] = {.name = "editor", .type = "acp", .command = acp_command, .command_count = 2},
    [GROQ] = {.name = "groq", .type = "groq", .is_builtin = true},
    [ELSEWHERE] = {.name = "elsewhere", .type = "groq", .endpoint = "http://127.0.0.1:9"},
    [SERVED] = {.name = "served",
                .type = "openai-compatible",
                .key = "env:FERMATA_SERVED",
                .names_key = true},
};
static const struct config config = {
    .agents = agents,
    .agent_count = ARRAY_LEN(agents),
    .pass_env = all_patterns,
    .pass_env_count = ARRAY_LEN(all_patterns),
};

static void assert_passes(const struct agent_config *agent, const char *items, bool wanted)
{
    const struct environment environment = {&config, agent, NULL};
    char copy[600];

    (void)snprintf(copy, sizeof(copy), "%s", items);
    for (char *rest = copy, *name; (name = strsep(&rest, " ")) != NULL;) {
        char item[100];

        (void)snprintf(item, sizeof(item), "%s=value", name);
        if (environment_passes(&environment, item) != wanted) {
            fail_msg("%s %s get %s", agent ? agent->name : "a command",
                     wanted ? "does not" : "does", name);
        }
    }
}

static void an_agent_gets_what_programs_need_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
        assert_passes(
            &agents[i],
            "PATH HOME USER LANG LC_ALL TERM TZ TMPDIR XDG_CONFIG_HOME https_proxy NO_PROXY "
            "SSL_CERT_FILE NODE_EXTRA_CA_CERTS SSH_AUTH_SOCK GIT_AUTHOR_NAME FERMATA_TRUST "
            "OF_ALL_US",
            true);
        assert_passes(
            &agents[i],
            "AWS_SECRET_ACCESS_KEY NPM_TOKEN NODE_AUTH_TOKEN DATABASE_URL CI LC PATHS XDG "
            "SECRET OF_ALL",
            false);
    }
}

static void an_agent_gets_what_its_own_program_reads(void **state)
{
    (void)state;
    assert_passes(&agents[CLAUDE], "ANTHROPIC_API_KEY CLAUDE_CONFIG_DIR", true);
    assert_passes(&agents[CLAUDE], "OPENAI_API_KEY CODEX_HOME GEMINI_API_KEY GH_TOKEN", false);
    assert_passes(&agents[CODEX], "CODEX_HOME OPENAI_BASE_URL", true);
    assert_passes(&agents[CODEX], "ANTHROPIC_API_KEY", false);
    assert_passes(&agents[ACP], "ANTHROPIC_API_KEY CLAUDE_CONFIG_DIR", true);
    assert_passes(&agents[ACP], "OPENAI_API_KEY", false);
    assert_passes(&agents[COMMAND], "ANTHROPIC_API_KEY OPENAI_API_KEY", false);
    assert_passes(&agents[GROQ], "GROQ_API_KEY", true);
    assert_passes(&agents[GROQ], "OPENAI_API_KEY", false);
    assert_passes(&agents[ELSEWHERE], "GROQ_API_KEY", false);
}

static void an_account_of_a_cloud_is_passed_while_the_program_is_told_to_use_it(void **state)
{
    static const char *const items[] = {"CLAUDE_CODE_USE_BEDROCK=1", "AWS_PROFILE=p", NULL};
    const struct environment with = {&config, &agents[CLAUDE], items};
    const struct environment without = {&config, &agents[CLAUDE], items + 1};

    (void)state;
    assert_true(environment_passes(&with, items[1]));
    assert_false(environment_passes(&without, items[1]));
}

static void patterns_add_to_it(void **state)
{
    static const char *const items[] = {"FERMATA_PASS_ENV= ONE TWO_*", NULL};
    const struct environment added = {&config, &agents[ACP], items};

    (void)state;
    assert_passes(&agents[COMMAND], "MINE ABCDE ACE ACCE ACEE", true);
    assert_passes(&agents[COMMAND], "MINES MIN ABDE CE ACED", false);
    assert_passes(&agents[ACP], "MINE ABCDE", false);
    assert_true(environment_passes(&added, "ONE=1"));
    assert_true(environment_passes(&added, "TWO_B=1"));
    assert_false(environment_passes(&added, "TWO=1"));
}

static void a_key_reaches_its_agent_alone(void **state)
{
    static const char *const items[] = {"FERMATA_PASS_ENV=*", NULL};
    const struct environment all = {&config, &agents[CLAUDE], items};

    (void)state;
    assert_passes(&agents[CODEX], "KEY_OF_WORK", true);
    assert_passes(&agents[SERVED], "FERMATA_SERVED", true);
    assert_passes(&agents[CODEX], "FERMATA_SERVED", false);
    assert_passes(&agents[CLAUDE], "KEY_OF_WORK FERMATA_SERVED", false);
    assert_passes(NULL, "KEY_OF_WORK FERMATA_SERVED", false);
    assert_passes(NULL, "ANTHROPIC_API_KEY DATABASE_URL KEY_OF_WORKS", true);
    assert_true(environment_passes(&all, "DATABASE_URL=x"));
    assert_false(environment_passes(&all, "KEY_OF_WORK=x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_gets_what_programs_need_and_nothing_else),
        cmocka_unit_test(an_agent_gets_what_its_own_program_reads),
        cmocka_unit_test(an_account_of_a_cloud_is_passed_while_the_program_is_told_to_use_it),
        cmocka_unit_test(patterns_add_to_it),
        cmocka_unit_test(a_key_reaches_its_agent_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
