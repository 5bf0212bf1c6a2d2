/* SPDX-License-Identifier: MIT */
#include "workflow/config_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct both {
    struct config *config;
    struct problems *problems;
    char *messages;
};

static struct both parse(const char *project, const char *user)
{
    struct both both = {.problems = mem_zero(1, sizeof(struct problems))};
    struct strbuf messages;

    (void)config_parse(project, "project", user, "user", &both.config, both.problems, NULL);
    strbuf_init(&messages, 1 << 20);
    problems_format(both.problems, &messages);
    both.messages = mem_strdup(messages.data);
    strbuf_release(&messages);
    return both;
}

static void release(struct both *both)
{
    config_free(both->config);
    free(both->problems);
    free(both->messages);
}

static void assert_type(const char *agent, const char *type)
{
    char *text = mem_printf("agents: { %s }\n", agent);
    struct both both = parse(text, NULL);

    assert_string_equal(both.messages, "");
    assert_string_equal(both.config->agents[0].type, type);
    release(&both);
    free(text);
}

static void the_adapter_of_a_cli_is_told_by_provider_adapter_name_or_command(void **state)
{
    (void)state;
    assert_type("a: { type: claude }", "claude");
    assert_type("a: { type: cli, provider: codex, command: x }", "codex");
    assert_type("a: { type: cli, adapter: gemini-cli, command: x }", "gemini");
    assert_type("claude: { type: cli }", "claude");
    assert_type("a: { command: /usr/bin/codex exec }", "codex");
    assert_type("a: { type: cli, command: gh-copilot }", "copilot");
    assert_type("a: { type: cli, command: my-agent }", "command");
    assert_type("a: { type: ollama, endpoint: 'http://127.0.0.1:1' }", "ollama");
}

static void an_unknown_type_is_told_with_the_nearest(void **state)
{
    (void)state;
    struct both both = parse("agents: { a: { type: cluade } }\n", NULL);

    assert_string_equal(both.messages,
                        "project:1:22: error: there is no type of agent \"cluade\" (did "
                        "you mean \"claude\"?)\n");
    release(&both);
}

static void a_command_is_split_or_a_list_and_never_a_shell_text(void **state)
{
    (void)state;
    struct both both = parse("agents:\n"
                             "  a: { command: '  house  --json -v ' }\n"
                             "  b: { command: [house, a b, '$x'] }\n",
                             NULL);
    const struct agent_config *agents = both.config->agents;

    assert_int_equal(agents[0].command_count, 3);
    assert_string_equal(agents[0].command[0], "house");
    assert_string_equal(agents[0].command[2], "-v");
    assert_int_equal(agents[1].command_count, 3);
    assert_string_equal(agents[1].command[2], "$x");
    release(&both);
    both = parse("agents: { a: { command: 'house | rm' } }\n", NULL);
    assert_non_null(strstr(both.messages, "a command is no shell text"));
    release(&both);
    both = parse("agents: { a: { command: [] }, b: { command: ' ' }, c: { type: command } }\n",
                 NULL);
    assert_non_null(strstr(both.messages, "the command of the agent \"a\" names no program"));
    assert_non_null(strstr(both.messages, "the command of the agent \"b\" names no program"));
    assert_non_null(strstr(both.messages, "the agent \"c\" needs a command"));
    release(&both);
}

static void an_agent_has_defaults(void **state)
{
    (void)state;
    struct both both = parse("agents: { claude: {} }\n", NULL);
    const struct agent_config *agent = config_find_agent(both.config, "claude");

    assert_true(agent->enabled);
    assert_false(agent->offline);
    assert_string_equal(agent->prompt_by, "stdin");
    assert_int_equal(agent->timeout_ms, 0);
    assert_null(agent->model);
    assert_int_equal(agent->at.line, 1);
    assert_null(config_find_agent(both.config, "none"));
    release(&both);
}

static void a_project_may_narrow_an_agent_of_the_user(void **state)
{
    (void)state;
    struct both both = parse(
        "agents:\n"
        "  house: { model: small, timeout: 5m, role: reviewer, capabilities: [c] }\n"
        "  off: { enabled: true }\n"
        "  own: { command: mine }\n",
        "agents:\n"
        "  house: { command: house, model: large, timeout: 10m }\n"
        "  off: { command: off, enabled: false }\n");
    const struct agent_config *house = config_find_agent(both.config, "house");

    assert_string_equal(both.messages, "");
    assert_int_equal(both.config->agent_count, 3);
    assert_string_equal(house->command[0], "house");
    assert_string_equal(house->model, "small");
    assert_string_equal(house->role, "reviewer");
    assert_int_equal(house->timeout_ms, 300000);
    assert_int_equal(house->capability_count, 1);
    assert_false(config_find_agent(both.config, "off")->enabled);
    release(&both);
    both = parse("agents: { house: { timeout: 1h } }\n",
                 "agents: { house: { command: x, timeout: 10m } }\n");
    assert_int_equal(both.config->agents[0].timeout_ms, 600000);
    release(&both);
}

static void a_project_cannot_make_the_users_agent_another_program(void **state)
{
    (void)state;
    struct both both = parse("agents: { house: { command: evil } }\n",
                             "agents: { house: { command: house } }\n");

    assert_non_null(
        strstr(both.messages, "project:1:11: warning: the agent \"house\" is the user's"));
    assert_string_equal(both.config->agents[0].command[0], "house");
    release(&both);
    both = parse("agents: { l: { type: ollama, endpoint: 'http://evil' } }\n",
                 "agents: { l: { type: ollama, endpoint: 'http://mine' } }\n");
    assert_string_equal(both.config->agents[0].endpoint, "http://mine");
    assert_non_null(strstr(both.messages, "cannot change its type, command or endpoint"));
    release(&both);
    /* The same program again is no change. */
    both = parse("agents: { house: { command: house } }\n",
                 "agents: { house: { command: house } }\n");
    assert_string_equal(both.messages, "");
    release(&both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_adapter_of_a_cli_is_told_by_provider_adapter_name_or_command),
        cmocka_unit_test(an_unknown_type_is_told_with_the_nearest),
        cmocka_unit_test(a_command_is_split_or_a_list_and_never_a_shell_text),
        cmocka_unit_test(an_agent_has_defaults),
        cmocka_unit_test(a_project_may_narrow_an_agent_of_the_user),
        cmocka_unit_test(a_project_cannot_make_the_users_agent_another_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
